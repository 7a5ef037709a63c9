/* XEP-0077 before the login, as a relay: registerd answers. */
#ifndef C2SD_XEP0077_REGISTER_H
#define C2SD_XEP0077_REGISTER_H

#include "c2sd.h"
#include "stream.h"

/* Append the feature, if the client may register (s4). false: ENOMEM. */
bool register_features(struct stream const *s, stralloc *out);

/* Say whether e, an iq, is a request for registerd. */
bool register_is_request(struct stream const *s, struct xml_node const *e);
enum state register_request(struct stream *s, struct xml_node const *e,
                            struct slice bytes);

void register_on_registered(struct link *l, struct record *r);
void register_registerd_gone(void);

/* Tell registerd to forget s, which has logged in, or ends. */
void register_forget(struct stream *s);

#endif
