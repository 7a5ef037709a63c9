/* Private to xmpp-pushd: registrations for push notifications, and the notifications. */
#ifndef PUSHD_H
#define PUSHD_H

#include "access/access.h"
#include "accounts/accounts.h"
#include "handle/handle.h"
#include "link/snapshot.h"
#include "push/push.h"
#include "service/service.h"

#define NS_PUSH "urn:xmpp:push:0"

/* ---- the settings, and the stores (settings.c) ---- */

enum body { BODY_NONE, BODY_TEXT, BODY_OF_MESSAGE };

/* The options of a host with mod_push. All texts live as the settings do. */
struct vhost {
  struct vhost *next;
  struct slice host;
  struct slice text;   /* of BODY_TEXT */
  struct slice access; /* s2s_access */
  enum body body;
  bool all;       /* notify_on: other stanzas than important ones too */
  bool sender;    /* include_sender */
  bool keepalive; /* mod_push_keepalive is on */
  bool wakes_late, wakes_at_start;
  uint64_t keep_us; /* a session may be away so long; UINT64_MAX: for ever */
  uint64_t rest_us; /* and so long behind the first important notification */
};

struct pushd {
  struct settings const *settings;
  struct access *access;
  struct vhost *vhosts;
  struct push *push;                  /* DATA/push, ours to write */
  struct accounts *accounts;          /* NULL as long as xmpp-authd has not made any */
  uint64_t services_max, pending_max; /* limits that a test may set */
};

extern struct pushd pushd;

/* The two steps of taking settings (service/service.h). */
extern char const *const pushd_needs[];
void *pushd_read(struct settings *st);
void pushd_take(void *fresh, bool first);
void pushd_drop(void *fresh);

/* Open the store, and read the registrations. false, having logged why. */
bool pushd_start(void);

/* Open the accounts if that is not done yet and can be. */
void pushd_accounts(void);

struct vhost const *vhost_find(struct slice host);

/* Say on the log what goes wrong with the store and is nobody's answer. */
void pushd_failed(char const *what, struct slice bare);

/* ---- the table of what is answered (handlers.c) ---- */

extern struct handle_row const handlers[];
extern size_t const handlers_n;

handle_fn xep0357_enable, xep0357_disable;

/* ---- domains of push services (domains.c) ---- */

struct reg;

/* At most PUSH_PENDING_MAX notifications are unanswered of a domain; registrations with further
 * ones stand in a line. */
struct domain {
  struct reg *first, **last;
  unsigned int regs, pending;
  char name[];
};

/* The domain, with a registration more (NULL: ENOMEM); with one less. */
struct domain *domain_take(struct slice name);
void domain_give(struct domain *d);
void domains_each(void (*fn)(struct domain *d, void *cookie), void *cookie);

/* Say whether the server serves the domain: the record served says which. */
bool domain_is_local(struct slice name);
void domains_served(struct link *l, struct record *r);
void domains_forgotten(void);
void domains_snapshot(struct snapshot *k);

/* ---- registrations (regs.c) ---- */

struct account {
  char *bare;
  uint64_t number;
  struct reg *regs; /* in the order of their ids */
  unsigned int n;
};

/* A registration. Texts of it are in the store; here is what the next event asks for. Times are
 * those of door_now, but lost_us, used_us and rest_end_us. */
struct reg {
  struct reg *next; /* of the account */
  struct account *account;
  struct domain *domain;
  char *client;
  char *sender; /* of the last important message; NULL: unknown, or not included */
  char *text;   /* and its body; NULL likewise */
  struct reg *line_next;
  struct event_timer timer; /* a notification is due */
  struct event_timer wake;  /* the session is about to end */
  uint64_t used_us, lost_us;
  uint64_t seen;        /* the newest important message that was told */
  uint64_t event_us;    /* of the newest event that is not told; 0: all are told */
  uint64_t pushed_us;   /* of the last notification; 0: none since the client left */
  uint64_t called_us;   /* likewise of a call */
  uint64_t retry_us;    /* nothing is sent before, but of calls */
  uint64_t hour_us;     /* the hour in which others were counted */
  uint64_t session;     /* number of the session that is away; 0: none is */
  uint64_t rested;      /* and of one that has had an important notification; 0: none */
  uint64_t rest_end_us; /* the end of that one; UINT64_MAX: it has none */
  uint32_t count, requests; /* since the client left: important messages, subscriptions */
  unsigned char others, failures, backoff;
  unsigned char pending;   /* notifications that are not answered */
  struct push_away stored; /* in the store */
  bool live;               /* a session of the client is there */
  bool has_text;           /* the event that is not told is an important one */
  bool is_call;
  bool in_line;
  char id[PUSH_ID_BYTES]; /* number of the account, key in the store */
};

struct account *account_find(struct slice bare);

/* The registration with this id, or NULL. */
struct reg *reg_find(char const id[PUSH_ID_BYTES]);

/* The registration with this id, or the next one of the store; NULL: there is none. */
struct reg *reg_from(char const id[PUSH_ID_BYTES]);

/* Store s and have it in memory; an older registration of the same service and node is changed.
 * NULL with errno: the store failed, or ENOMEM. */
struct reg *reg_put(uint64_t account, struct push_service const *s);

/* Delete r from memory and from the store. false: the store failed, and r is there still. */
bool reg_del(struct reg *r);

/* Forget all registrations of an account, in memory. */
void account_forget(struct slice bare);

/* Read all registrations of the store. */
bool regs_load(void);

/* Tell routed which clients have registrations: of the account bare, perhaps none; of all, whose
 * notifications that are due are published in a moment. */
void account_tell(struct slice bare);
void regs_tell(void);

/* Give the key of r in the store. */
char const *reg_key(struct reg const *r);

/* The address of the service of r, for the log. */
char const *reg_service(struct reg const *r);

/* The store has not taken the turn: read it again. */
void regs_turn(bool kept);
void regs_snapshot(struct snapshot *k);

struct regs_totals {
  uint64_t accounts, regs;
};

extern struct regs_totals regs_totals;

/* ---- events and their notifications (events.c) ---- */

enum class { CLASS_NONE, CLASS_OTHER, CLASS_SUBSCRIPTION, CLASS_IMPORTANT, CLASS_CALL };

struct event {
  enum class class;
  uint64_t id; /* of the message; 0: none */
  uint64_t count;
  struct slice from, xml;
};

/* Something has come for the client of r. */
void reg_event(struct reg *r, struct event const *e);

/* Publish the event of r, if there is one, now or when that is allowed. */
void reg_due(struct reg *r);

/* Look at r again at at_us. */
void reg_wait(struct reg *r, uint64_t at_us);

/* Note that the event of r was published; that it was not, and is to be again. */
void reg_published(struct reg *r);
void reg_again(struct reg *r, uint64_t event_us, bool has_text, bool is_call);

/* The client of r is there: forget what was counted, in memory. */
void reg_back(struct reg *r);

/* Free the texts and timers of r, which ends. */
void reg_wipe(struct reg *r);

void events_notify(struct link *l, struct record *rec);
void events_waiting(struct link *l, struct record *rec);
void events_timers(struct snapshot *k, struct reg *r);

extern uint64_t events_total;

/* ---- what a kill must not lose (owed.c) ---- */

/* Store what r owes its client, if that has changed: a notification that is not published, or not
 * answered, and the session that has had an important one. */
void owed_note(struct reg *r);

/* Read that; publish it in a moment, for routed is there. */
void owed_load(struct reg *r);
void owed_begin(struct reg *r);

/* ---- requests to push services (publish.c, answers.c) ---- */

/* Say to the service of r what has come, or put r into the line of its domain. false: that cannot be
 * done now. */
bool publish(struct reg *r);

/* Let those registrations in the line of d publish for which there is room. */
void publish_next(struct domain *d);
void publish_snapshot(struct snapshot *k);

/* Give the id for a request about r, whose answer is awaited, in room. s NULL: too many wait, or
 * ENOMEM. */
#define PUSH_ID 64
struct slice answers_await(struct reg *r, char room[PUSH_ID]);

/* Begin ids that no earlier run has given; take an answer to a host's address. */
void answers_start(void);
void answers_take(struct stanza const *st);
void answers_snapshot(struct snapshot *k);

struct answers_totals {
  uint64_t sent, results, errors, timeouts, removed, waiting;
};

extern struct answers_totals answers_totals;

/* ---- sessions that are away (keepalive.c) ---- */

void keepalive_client(struct link *l, struct record *rec);

/* r gets an important notification. */
void keepalive_pushed(struct reg *r);
void keepalive_timers(struct snapshot *k, struct reg *r);

/* routed is up: after a start of the server each registration gets a notification. */
void keepalive_up(struct link *routed);
void keepalive_snapshot(struct snapshot *k);

/* ---- ends of accounts (ends.c), the administrator (control.c) ---- */

void ends_made(struct link *l, struct record *r);
void ends_ending(struct link *l, struct record *r);
void ends_snapshot(struct snapshot *k);

void control_push(struct link *l, struct record *r);

#endif
