/* Dials: the way from a domain to a stream that can be used: names, connection, negotiation; the
 * next target when one fails. */
#ifndef S2SD_DIAL_H
#define S2SD_DIAL_H

#include "stream.h"
#include "target.h"

/* The purpose of a dial: DIAL_PAIR, stanzas of a pair; DIAL_VERIFY, db:verify alone; DIAL_TRY, an
 * administrator who wants to see. */
enum dial_kind { DIAL_PAIR, DIAL_VERIFY, DIAL_TRY };

/* The line in which a dial waits for its turn (line.c). */
enum dial_line { LINE_KNOWN, LINE_VERIFY, LINE_UNKNOWN, LINES_N };

/* The place of a dial. DIAL_LINE: other dials come first. DIAL_RESOLVE: dnsd is asked.
 * DIAL_CONNECT: tlsd is asked. DIAL_STREAM: the stream is being negotiated. */
enum dial_at { DIAL_LINE, DIAL_RESOLVE, DIAL_CONNECT, DIAL_STREAM };

/* A field that is added is added in dials_snapshot too. */
struct dial {
  struct dial *next, *prev;
  struct between place;        /* from, to */
  struct dial *ahead, *behind; /* LINE: of the same sender */
  struct dial_sender *sender;  /* whose turn it took, or waits for */
  uint64_t joined;             /* LINE: the order */
  uint64_t id;
  enum dial_kind kind;
  enum dial_at at;
  enum dial_line line;
  char *from, *to; /* ours; theirs */
  struct target targets[S2S_TARGETS];
  unsigned int targets_n, base, current; /* base: the first of those that tlsd has */
  bool skips_external, hides_certificate;
  struct verdict best; /* of the target that came furthest */
  char *addr;          /* of the last connection or failure */
  uint64_t stream;     /* its number, or 0 */
  struct link *front;  /* that was asked to connect */
  struct link *ctl;    /* of an administrator; NULL: gone, or none */
  uint64_t began_us;
  struct event_timer timer;
};

/* Begin a dial, and give its id. 0: too many, or ENOMEM. sender is the bare address of the sender
 * of the stanza for which it is made. */
uint64_t dial_pair(char const *from, char const *to, struct slice sender);
uint64_t dial_verify(char const *from, char const *to);
uint64_t dial_try(struct slice from, struct slice to, struct link *ctl);

struct dial *dial_find(uint64_t id);

/* dial_want notes that a stanza of sender waits for the dial too. dial_abandon notes that none
 * waits for it any more: true when the dial had not begun, and is over. */
void dial_want(uint64_t id, struct slice sender);
bool dial_abandon(uint64_t id);

/* Note that no question of from to to is open: a dial for such questions is over if it has not
 * begun. */
void dial_forget_verify(char const *from, char const *to);

/* Say whether a dial from from to to, for stanzas or for db:verify, is under way or waits in line; set
 * *begun when it does not wait. */
bool dial_is_under_way(struct slice from, struct slice to, bool *begun);

/* The stream of the dial is open: the dial is over, or (db:verify) waits for its end. */
void dial_done(struct dial *d);

/* Go on with d, whose stream s has failed, to its next target, or end it. Call when s is over. */
void dial_stream_failed(struct dial *d, struct stream *s);

/* Give the target of the stream of d. */
struct target const *dial_now(struct dial const *d);

/* Give target and address of the failure that is being handled, for its log line; or NULL. */
char const *dial_target(void);
char const *dial_addr(void);

/* Handlers of records. */
void dial_on_target(struct link *l, struct record *r);
void dial_on_resolved(struct link *l, struct record *r);
void dial_on_connected(struct link *l, struct record *r);
void dial_on_failed(struct link *l, struct record *r);
void dial_on_unconnected(struct link *l, struct record *r);

/* Ask dnsd or tlsd again for the dials that wait for them: dials_link_up when a link is up,
 * dials_link_gone when one is gone. */
void dials_link_up(struct link *l);
void dials_link_gone(struct link *l);

/* Fail the dials to domains that are denied by new settings. Call when streams have been looked
 * at. */
void dials_reload(void);

uint64_t dials_count(void);

/* Let no dial go on. */
void dials_stop(void);

void dials_snapshot(struct snapshot *k);

#endif
