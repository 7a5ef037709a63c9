/* Resumption. */
#ifndef C2SD_XEP0198_RESUME_H
#define C2SD_XEP0198_RESUME_H

#include "c2sd.h"
#include "stream.h"

/* Read an element resume into s->negotiation->resume; ask for that session: s is RESUMING. Each
 * gives NULL, or the condition with which it failed. */
char const *resume_read(struct stream *s, struct xml_node const *e);
char const *resume_begin(struct stream *s);

enum state resume_request(struct stream *s, struct xml_node const *e, struct slice bytes);

/* routed is back: ask again for a stream that is RESUMING; who was to have a session that
 * yielded asks again too. */
void resume_ask(struct stream *s);
void resume_unyield(struct stream *s);

/* All that the client sent is taken over: go on with what waited for that. */
void resume_step(struct stream *s);

/* A stream ends that is RESUMING: what was delivered meanwhile joins what is unacknowledged. */
void resume_part(struct stream *s);

/* Forget what s, a stream that is RESUMING, was handed by an old place that has not handed all:
 * the old place returns it (left_routed_is_up). The resumption of s has failed: return what
 * routed has delivered to s meanwhile too. */
void resume_drop_parts(struct stream *s);
void resume_unpart(struct stream *s);

void resume_on_yield(struct link *l, struct record *r);
void resume_on_leave(struct link *l, struct record *r);
void resume_on_queued(struct link *l, struct record *r);
void resume_on_handed(struct link *l, struct record *r);
void resume_on_unyielded(struct link *l, struct record *r);

#endif
