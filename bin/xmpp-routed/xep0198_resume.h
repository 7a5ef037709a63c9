/* Sessions that change their c2sd. */
#ifndef ROUTED_XEP0198_RESUME_H
#define ROUTED_XEP0198_RESUME_H

#include "routed.h"

void resume_ask(struct link *l, struct record *r);
void resume_yielded(struct link *l, struct record *r);
void resume_queued(struct link *l, struct record *r);
void resume_handed(struct link *l, struct record *r);
void resume_refused(struct link *l, struct record *r);

#endif
