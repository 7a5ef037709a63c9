/* Resumption. */
#ifndef C2SD_XEP0198_RESUME_H
#define C2SD_XEP0198_RESUME_H

#include "c2sd.h"
#include "stream.h"

/* resume_read reads an element resume into s->negotiation->resume; resume_begin asks for that
 * session: s is RESUMING. Each gives NULL, or the condition with which it failed. */
char const *resume_read(struct stream *s, struct xml_node const *e);
char const *resume_begin(struct stream *s);

enum state resume_request(struct stream *s, struct xml_node const *e, struct slice bytes);

/* Ask routed, which is back, again for the session that s wants, a stream that is RESUMING.
 * resume_unyield forgets the stream that was to have the session s, which has yielded: that stream
 * asks again itself. */
void resume_ask(struct stream *s);
void resume_unyield(struct stream *s);

/* Go on with s, now that routed has taken over all that its client sent: s is resumed, or yields
 * its session. */
void resume_step(struct stream *s);

/* Add the stanzas that were delivered to s, a stream that is RESUMING and ends, to those that are
 * unacknowledged. */
void resume_part(struct stream *s);

/* resume_drop_parts forgets the parts that s, a stream that is RESUMING, was handed by an old place
 * that has not handed all: the old place returns them (left_routed_is_up). resume_unpart, when the
 * resumption of s has failed, also returns the stanzas that routed has delivered to s meanwhile. */
void resume_drop_parts(struct stream *s);
void resume_unpart(struct stream *s);

void resume_on_yield(struct link *l, struct record *r);
void resume_on_leave(struct link *l, struct record *r);
void resume_on_queued(struct link *l, struct record *r);
void resume_on_handed(struct link *l, struct record *r);
void resume_on_unyielded(struct link *l, struct record *r);

#endif
