/* XEP-0388: a login that asks for more than to be authenticated. */
#ifndef C2SD_XEP0388_SASL2_H
#define C2SD_XEP0388_SASL2_H

#include "c2sd.h"
#include "stream.h"

struct bind2_wish;

/* Append the feature, if s may log in so. false: ENOMEM. */
bool sasl2_features(struct stream const *s, stralloc *out);

/* s3.1: say whether a header whose from is no address of the host may be answered as ever; note the
 * bare JID of a header, empty: none. */
bool sasl2_may_come_from(struct stream const *s);
void sasl2_comes_from(struct stream *s, struct slice bare);

/* The element authenticate. */
enum state sasl2_authenticate(struct stream *s, struct xml_node const *e,
                              struct slice bytes);

/* The client has proven to be the JID of its session, as the record success says: go on with what
 * else it asked for. */
void sasl2_proven(struct stream *s, struct record *r);

/* ---- for the inline parts: s has a login that is proven and has no success yet ---- */

/* The wishes of XEP-0386; the name by which authd knows the client, or empty. */
struct bind2_wish *sasl2_bind_wish(struct stream *s);
struct slice sasl2_client_name(struct stream const *s);

/* Append markup to what success will have inside. Without memory the stream is marked to end. */
void sasl2_add(struct stream *s, struct slice markup);

/* Wait so long for an answer; without one the part has failed. */
void sasl2_wait(struct stream *s, uint64_t us);

/* The session could not be resumed; it was, and markup says so. */
void sasl2_not_resumed(struct stream *s, char const *condition, struct slice h);
void sasl2_resumed(struct stream *s, struct slice markup);

/* All parts are decided: write success and features, and go on. */
void sasl2_finish(struct stream *s);

/* Forget the login; s may have none. */
void sasl2_end(struct stream *s);

/* In the record of the stream, which is open; s has a negotiation. */
void sasl2_snapshot(struct snapshot *k, struct stream *s);

#endif
