/* SASL. */
#ifndef C2SD_SASL_H
#define C2SD_SASL_H

#include "c2sd.h"
#include "stream.h"

/* Take the elements auth, response and abort of RFC 6120 s6.4. */
enum state sasl_auth(struct stream *s, struct xml_node const *e, struct slice bytes);
enum state sasl_response(struct stream *s, struct xml_node const *e, struct slice bytes);
enum state sasl_abort(struct stream *s, struct xml_node const *e, struct slice bytes);

/* Take the elements response and abort of XEP-0388. */
enum state sasl2_response(struct stream *s, struct xml_node const *e, struct slice bytes);
enum state sasl2_abort(struct stream *s, struct xml_node const *e, struct slice bytes);

/* Take a login of a stream that is authenticated: the stream ends. */
enum state sasl_again(struct stream *s, struct xml_node const *e, struct slice bytes);

/* ---- features: each appends, and gives false: ENOMEM ---- */

bool sasl_features(struct stream const *s, stralloc *out);

/* Append a mechanism element for each that s may use, begin in front of the first. *any: there was
 * one. */
bool sasl_cat_mechanisms(struct stream const *s, stralloc *out, char const *begin,
                         bool *any);

/* XEP-0440 s3: the channel bindings that the server can do on this stream, but for those with a -
 * in front, which no standard defines for the stream. */
bool sasl_binding_features(struct stream const *s, stralloc *out);

/* ---- for both SASLs ---- */

/* Say whether the host of s offers a mechanism. */
bool sasl_offers(struct stream const *s, struct slice mech);

/* Give the condition with which a login by mech, which is offered or not, fails before authd is
 * asked, and the reason for login_failed; NULL: authd may be asked. */
char const *sasl_fault(struct stream const *s, struct slice mech, bool offered,
                       char const **why);

/* Begin the record auth, up to BINDINGS: the caller ends it. */
void sasl_ask(struct link *authd, struct stream *s, struct slice mech,
              struct slice initial);

/* Tell the client of a failure and note it for the log, as login_failed. Gives the next state; the
 * stream may be marked to end. */
enum state sasl_fail(struct stream *s, char const *condition, char const *why);

/* Give the stream of a record of authd, which has been asked about it; NULL: it has not. */
struct stream *sasl_asked(struct record *r);

/* ---- records of authd ---- */

void sasl_on_mechanisms(struct link *l, struct record *r);
void sasl_on_challenge(struct link *l, struct record *r);
void sasl_on_success(struct link *l, struct record *r);
void sasl_on_failure(struct link *l, struct record *r);
void sasl_authd_gone(void);

/* Tell authd to forget the exchange of s, which ends while authd works for it. */
void sasl_forget(struct stream *s);

#endif
