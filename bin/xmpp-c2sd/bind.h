/* Binding a resource. */
#ifndef C2SD_BIND_H
#define C2SD_BIND_H

#include "c2sd.h"
#include "stream.h"

enum state bind_request(struct stream *s, struct xml_node const *e, struct slice bytes);

/* Ask routed for s->negotiation->bind.resource; metadata: the id of the request for the metadata of
 * the archive (XEP-0386), NULL: none. Without routed, bind_announce asks when it is back. */
void bind_ask(struct stream const *s, char const *metadata);

void bind_on_bound(struct link *l, struct record *r);
void bind_on_refused(struct link *l, struct record *r);
void bind_on_kick(struct link *l, struct record *r);

/* Tell routed, which is back, again of the streams that are bound, and of those that want to be. */
void bind_announce(void);
void bind_forget(struct stream *s);

#endif
