/* XEP-0480: tasks of a client between its proof and its success. */
#ifndef C2SD_XEP0480_UPGRADE_H
#define C2SD_XEP0480_UPGRADE_H

#include "c2sd.h"
#include "stream.h"

/* The elements next and task-data. */
enum state upgrade_next(struct stream *s, struct xml_node const *e, struct slice bytes);
enum state upgrade_task_data(struct stream *s, struct xml_node const *e,
                             struct slice bytes);

/* Records of authd. */
void upgrade_on_continue(struct link *l, struct record *r);
void upgrade_on_task(struct link *l, struct record *r);

#endif
