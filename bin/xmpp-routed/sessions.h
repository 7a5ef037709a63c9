/* Sessions. */
#ifndef ROUTED_SESSIONS_H
#define ROUTED_SESSIONS_H

#include "routed.h"

/* A bound stream of some c2sd. A session is leaving when routed has ended it (kick), or
 * when its c2sd returns stanzas that its client does not have: no stanza goes to a
 * leaving session any more. The session is over when its c2sd says unbind
 * (xmpp-restarts(7)). */
struct session {
  struct session *next; /* of the user, in the order of binding */
  struct user *user;
  struct link *link;
  struct asked *asked; /* requests that are answered later (asked.c) */
  struct kept *kept;   /* copies of stanzas (kept.c), or NULL */
  struct caps *caps;   /* capabilities (xep0115_caps.c); NULL: none were shown */
  uint64_t sid;
  uint64_t number;    /* the session's name for good; ids of its stanzas are above */
  uint64_t come, own; /* NEWEST and OWN of session, told by its c2sd to a new run */
  uint64_t since_us;  /* by the wall clock */
  uint64_t unacked; /* of one that is away: a message that pushd is to hear of; 0: none */
  char *resource, *ip;
  char *client; /* the hash of its user-agent's id (XEP-0388 s3.2); NULL: none was said */
  uint64_t first_shown; /* tick of its first presence (posts.h); 0: before this run */
  signed char priority;
  bool available;
  bool carbons; /* wishes copies (XEP-0280 s4) */
  bool told;    /* watchers of presence know of the session */
  bool takes;   /* available, with a priority that is not negative */
  bool leaving;
  bool away;      /* its client is gone, and may resume it */
  bool gone;      /* watchers of presence were told that the session is over */
  bool replaced;  /* its client is about to bind the same resource */
  bool anonymous; /* has no account, and is counted (anonymous.c) */
  bool named;     /* some service has heard its number, and is to hear of its end */
};

/* An account that has sessions. */
struct user {
  char *bare;
  struct session *sessions, *leaving;
  uint64_t kept_bytes; /* of copies for them (kept.c), the leaving ones among them */
  uint32_t n;          /* of sessions */
  bool kept_is_full;   /* a stanza was not kept, and that is logged */
};

/* The account's sessions, or NULL when it has none. */
struct user *user_find(struct slice bare);

struct session *session_find(struct user const *u, struct slice resource);

/* Give the session of l with this sid that is not leaving; or also a leaving one. NULL:
 * none. */
struct session *session_by_sid(struct link const *l, uint64_t sid);
struct session *session_or_leaving(struct link const *l, uint64_t sid);

/* Give the session of u with this number, perhaps a leaving one; NULL: none, or u is
 * NULL. */
struct session *session_numbered(struct user const *u, uint64_t number);

/* Return true if u, which may be NULL, has an available session whose priority is not
 * negative. */
bool session_takes_messages(struct user const *u);

/* The session whose full JID this is, or NULL. */
struct session *session_of(struct slice full);

void sessions_bind(struct link *l, struct record *r);
void sessions_announced(struct link *l, struct record *r);
void sessions_unbind(struct link *l, struct record *r);
void sessions_wants(struct link *l, struct record *r);
void sessions_end(struct link *l, struct record *r);

/* End s with a stream error: its c2sd says when it is over. */
void session_kick(struct session *s, char const *condition);

/* End all sessions of the account bare, but the session `but` (NULL: no exception), with a stream error.
 * Return whether there was any. */
bool session_kick_all(struct slice bare, struct session const *but,
                      char const *condition);
void sessions_list(struct link *ctl, struct record *r);

/* Call fn for each session, leaving ones too. fn may not end sessions. */
void sessions_each(void (*fn)(struct session *s, void *cookie), void *cookie);

/* The presence st of s, which has no `to`, has passed by. */
void session_presence(struct session *s, struct stanza const *st);

/* Note that the c2sd of s returns stanzas that its client does not have: no stanza goes
 * to s any more. */
void session_leave(struct session *s);

/* How a session ends. */
enum session_end {
  SESSION_OVER, /* the c2sd has returned the stanzas that its client does not have */
  SESSION_LOST  /* its c2sd is gone */
};

/* End s, and tell the programs that watch s. upto: its client has all ids up to this one,
 * or its c2sd has returned them (0 of a session that is lost). Copies behind upto are
 * treated as returned at the end of the turn. */
void session_over(struct session *s, enum session_end how, uint64_t upto);

/* Say whether s is of this client (XEP-0386); an empty one is no client. */
bool session_is_client(struct session const *s, struct slice client);

/* Make the session stream sid of l, under the same name. false: ENOMEM, and the
 * session is over. */
bool session_move(struct session *s, struct link *l, uint64_t sid);

/* Put the full JID of s as a field into the record that is being built. */
void session_put_jid(struct link *l, struct session const *s);

/* A c2sd is gone, and its sessions with it. */
void sessions_of_link_gone(struct link *l);

struct session_totals {
  uint64_t sessions, users;
};

extern struct session_totals session_totals;

/* The program's answers to what becomes of sessions; xmpp-routed.c has the table. Only begins
 * ends sessions, others of the account.
 * has_ended: true if the account has ended, so that no client binds.
 * begins: s is bound, and its c2sd has heard so; bound: the same, when s has what it wants, with the
 * words of bind. wants: the client of s has asked for these words.
 * announced: the c2sd of s has told of it after a reconnect; still_online: the same of an available
 * session, with the value of its tag caps.
 * leaves: nothing that waits is for s any more, because s is leaving. gone: nobody is to think that s
 * is there; directed as in unbind. ends: s is over, as session_over has it. ended: the same, when all
 * have heard of the end of s, which is freed after the call.
 * state: for a trace, what other files hold of s. */
struct session_events {
  bool (*has_ended)(struct slice bare);
  void (*begins)(struct session *s);
  void (*wants)(struct session *s, struct slice words);
  void (*bound)(struct session *s, struct slice words);
  void (*announced)(struct session const *s);
  void (*still_online)(struct session *s, struct slice caps);
  void (*leaves)(struct session *s);
  void (*gone)(struct session *s, struct slice directed);
  void (*ends)(struct session *s, enum session_end how, uint64_t upto);
  void (*ended)(struct session *s, enum session_end how, uint64_t upto);
  void (*state)(struct snapshot *k, struct session *s);
};

extern struct session_events const session_events;

#endif
