/* Programs that take stanzas. */
#ifndef ROUTED_POSTS_H
#define ROUTED_POSTS_H

#include "routed.h"

/* A service: where its stanzas wait until it has acknowledged them, and while it is being
 * restarted. Found by the name of its instance; kept for POST_GRACE_US without a link. */
struct post {
  struct post *next;
  struct link *link; /* NULL: it is away */
  enum program program;
  char name[LINK_NAME_MAX + 1];
  stralloc kept;          /* letters (posts.c), oldest first */
  size_t head;            /* the first that is not acknowledged */
  uint64_t sent, acked;   /* since it is up */
  uint64_t put, released; /* letters, ever; acknowledged of those */
  uint64_t epoch;         /* of the run that had the link last; 0: none yet */
  struct event_timer grace;
  bool held;                /* letters wait until the service knows the sessions */
  bool domains_untold;      /* the service watches domains, and has not been told any */
  unsigned int watches;     /* bits of enum watch, kept over a restart of the service */
  unsigned int watches_now; /* registrations that the service has said since it is up */
  uint64_t since;           /* tick up to which all letters have left at least once */
};

/* The post of a service's link, made when it is new. NULL: ENOMEM. */
struct post *post_of(struct link *l);

/* The post of a program: the first that is up, else one that is away; NULL: none. */
struct post *post_find(enum program p);

/* posts_tick gives a number above all that it gave before. post_had says whether all that was put
 * into p before that tick has left for its service, at least once. */
uint64_t posts_tick(void);
bool post_had(struct post const *p, uint64_t tick);

/* Give the post behind p, or the first (p NULL); NULL: there is no more. */
struct post *posts_next(struct post const *p);

/* Make the post of the mamd that the settings name, at the start: stanzas that mamd is to
 * store wait there as if mamd had been up. Other names make none. */
void posts_expect(struct slice name);

void posts_up(struct link *l);
void posts_gone(struct link *l);
void posts_acked(struct link *l, struct record *r);

/* Note that all c2sds have told their sessions to the services that watch presence. */
void posts_recalled(void);

/* post_put puts the stanza p into the post of a service; false: the post is full, and the sender is
 * to be told. post_say puts a record of another kept verb (verb_is_kept), whose fields stand in one
 * text, escaped. */
bool post_put(struct post *post, struct passing const *p);
void post_say(struct post *post, enum verb v, struct slice fields);

/* Say whether post takes another stanza. */
bool post_has_room(struct post const *post);

/* Call fn for each stanza that the service of post has not acknowledged, the oldest first. fn puts
 * nothing into post. */
void posts_each_unacked(struct post const *post,
                        void (*fn)(struct passing const *stanza));

/* Put a kept record with this verb and these fields on the link of a service. again: the fields
 * are those of a stanza that the service may have had, which gets the tag again. */
void post_hand_over(struct link *l, enum verb v, struct slice fields, bool again);

/* Note that the stanza n of pair has been put on the link of post: pairs_acked is called when
 * the service acknowledges the stanza, and pairs_gone if the link goes before. false: ENOMEM,
 * and the link is cut. */
bool post_refer(struct post *post, struct pair *pair, uint64_t n);

/* The longest fields that a service is sent. */
#define LETTER_MAX (RECORD_MAX - 64)

/* The program's answers to what becomes of posts; xmpp-routed.c has the table. None of them
 * frees a post, and unsaid puts nothing into one.
 * begins: the service of p has come up, and may announce all anew; true if it had announced
 * something before. settled: it has had SERVICE_SETTLE_US to do so. restarted: another run of
 * the program has the link. lost: p has been away for POST_GRACE_US, and is freed after the
 * call, after returned, which takes each stanza that p still has, and after unsaid, which takes the
 * other records, as post_say had them. takes: p has handed over all its letters, and takes more.
 * pair_acked: the service has acknowledged stanza n of a pair (post_refer); pair_gone: its link is
 * gone before. pair_state: for a trace, the name of a pair. */
struct post_events {
  bool (*begins)(struct post *p);
  void (*settled)(struct post *p);
  void (*restarted)(struct post *p);
  void (*lost)(struct post *p);
  void (*returned)(struct post const *p, struct passing const *stanza);
  void (*unsaid)(struct post const *p, enum verb v, struct slice fields);
  void (*takes)(struct post *p);
  void (*pair_acked)(struct pair *pair, uint64_t n);
  void (*pair_gone)(struct pair *pair);
  void (*pair_state)(struct snapshot *k, struct pair **pair);
};

extern struct post_events const post_events;

#endif
