/* SASL. */
#ifndef C2SD_SASL_H
#define C2SD_SASL_H

#include "c2sd.h"
#include "stream.h"

enum state sasl_auth(struct stream *s, struct xml_node const *e, struct slice bytes);
enum state sasl_response(struct stream *s, struct xml_node const *e, struct slice bytes);
enum state sasl_abort(struct stream *s, struct xml_node const *e, struct slice bytes);
bool sasl_features(struct stream const *s, stralloc *out);

void sasl_on_mechanisms(struct link *l, struct record *r);
void sasl_on_challenge(struct link *l, struct record *r);
void sasl_on_success(struct link *l, struct record *r);
void sasl_on_failure(struct link *l, struct record *r);
void sasl_authd_gone(void);

/* The stream ends while authd works for it. */
void sasl_forget(struct stream *s);

#endif
