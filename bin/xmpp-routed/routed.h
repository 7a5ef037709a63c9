/* Private to xmpp-routed: sessions, services, and the rules of delivery. */
#ifndef ROUTED_H
#define ROUTED_H

#include "access/access.h"
#include "link/link.h"
#include "service/service.h"
#include "stanza/stanza.h"

/* ---- sessions (sessions.c) ---- */

struct user;

/* A bound stream of some c2sd. */
struct session {
  struct session *next; /* of the user, in the order of binding */
  struct user *user;
  struct link *link;
  uint64_t sid;
  uint64_t since_us;
  char *resource, *ip;
  signed char priority;
  bool available;
};

/* An account that has sessions. */
struct user {
  char *bare;
  struct session *sessions;
  size_t n;
};

/* The account's sessions, or NULL when it has none. */
struct user *user_find(struct slice bare);

struct session *session_find(struct user const *u, struct slice resource);
struct session *session_by_sid(struct link const *l, uint64_t sid);

/* The session whose full JID this is, or NULL. */
struct session *session_of(struct slice full);

void sessions_bind(struct link *l, struct record *r);
void sessions_announced(struct link *l, struct record *r);
void sessions_unbind(struct link *l, struct record *r);
void sessions_list(struct link *ctl, struct record *r);

/* Its presence to nobody in particular has passed by. */
void session_presence(struct session *s, struct stanza const *st);

/* A c2sd is gone, and its sessions with it. */
void sessions_of_link_gone(struct link *l);

struct session_totals {
  uint64_t sessions, users;
};

extern struct session_totals session_totals;

/* ---- services (services.c) ---- */

/* Registrations of a neighbour: what it serves, handles and shows. */
void services_serve(struct link *l, struct record *r);
void services_handle(struct link *l, struct record *r);
void services_show(struct link *l, struct record *r, enum verb v);
void services_watch(struct link *l, struct record *r);
void services_of_link_gone(struct link *l);

/* At the end of a turn: tell watchers what has changed. */
void services_turn(void);

/* Who serves a domain; who handles a namespace for scope "host" or "account". NULL:
 * nobody. */
struct link *services_domain(struct slice domain);
struct link *services_handler(char const *scope, struct slice ns);

/* ---- settings ---- */

enum conflict {
  CONFLICT_END_OLD, /* acceptnew, closeold */
  CONFLICT_REFUSE,  /* closenew */
  CONFLICT_RENAME   /* setresource */
};

struct host {
  struct host *next;
  char *name;
  enum conflict conflict;
};

/* The rules in force. */
extern struct access *routed_access;

bool routed_load(struct settings *st, bool first);
struct host const *routed_host(struct slice name);

/* ---- delivery (deliver.c) ---- */

/* A stanza arrives from a neighbour. */
void deliver_record(struct link *l, struct record *r);

/* At the end of a turn: acknowledge what has been taken over. A link is gone: its source
 * stays, for it may come back and send again. */
void deliver_turn(void);
void deliver_gone(struct link const *l);

extern uint64_t deliver_total;

/* ---- the tables of RFC 6121 s8 (rules.c) ---- */

/* What becomes of a stanza to an account. */
enum fate {
  FATE_IGNORE,
  FATE_ERROR,   /* service-unavailable to the sender */
  FATE_THIS,    /* the session whose full JID it is */
  FATE_TOP,     /* the available sessions of the highest priority that is not negative */
  FATE_NON_NEG, /* all available sessions whose priority is not negative */
  FATE_AVAILABLE, /* all available sessions */
  FATE_ACCOUNT    /* the account's own program, by namespace */
};

/* How many sessions the account has that matter. */
struct presence_count {
  bool full;    /* to is a full JID */
  bool match;   /* and a session has it */
  bool non_neg; /* one session at least is available with a priority not negative */
};

enum fate rules_message(struct slice type, struct presence_count c);
enum fate rules_presence(struct slice type, struct presence_count c);
enum fate rules_iq(struct slice type, struct presence_count c);

#endif
