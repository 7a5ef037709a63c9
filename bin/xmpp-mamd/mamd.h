/* Private to xmpp-mamd: what comes in, what waits, what is asked for. */
#ifndef MAMD_H
#define MAMD_H

#include "access/access.h"
#include "accounts/accounts.h"
#include "archive/archive.h"
#include "handle/handle.h"
#include "link/snapshot.h"
#include "online/online.h"
#include "mam/mam.h"
#include "roster/roster.h"
#include "service/service.h"

#define NS_MAM MAM_NS
#define NS_DELAY "urn:xmpp:delay"
#define NS_CLIENT "jabber:client"
#define NS_RETRACT "urn:xmpp:message-retract:1"

/* Addresses of a list of preferences. */
#define PREFS_MAX 500u

/* ---- open stores, and the settings (settings.c) ---- */

struct mamd {
  struct settings const *settings;
  struct access *access;
  struct archive *archive;   /* DATA/archive, ours to write */
  struct accounts *accounts; /* NULL as long as xmpp-authd has not made any */
  struct store *users;       /* DATA/users, xmpp-userd's; NULL as accounts */
  struct roster *roster;     /* in it */
  bool tells_waiting; /* routed has said that somebody watches what begins to wait */
};

extern struct mamd mamd;

/* The two steps of taking settings (service/service.h). */
extern char const *const mamd_needs[];
void *mamd_read(struct settings *st);
void mamd_take(void *fresh, bool first);
void mamd_drop(void *fresh);

/* Open the archive; dies when it does not open. */
void mamd_open(void);

/* Open what others write, as far as it is there by now. End the turn's reading of it. */
void mamd_readers(void);
void mamd_readers_turn(void);

/* Say whether a host of this server has the module. */
bool mamd_has(struct slice host, char const *module);

/* The number of the account bare, of a host of ours; 0: there is none. */
uint64_t mamd_number(struct slice bare);

/* The account of a number; lives until the end of the turn. false: there is none. */
bool mamd_jid_of(uint64_t number, struct slice *bare);

/* Say what goes wrong with a store and is nobody's answer. */
void mamd_failed(char const *what, struct slice bare);

/* ---- incoming messages (incoming.c) ---- */

/* A message that routed has given an id. */
void incoming_message(struct link *l, struct record *r);

/* The end of a turn: note how far each source has come. */
void incoming_turn(void);

/* Forget the numbers that the sources reached in this turn: the commit failed, and the stanzas
 * come again. */
void incoming_lost(void);

extern uint64_t incoming_stored;

/* ---- while the archive is full (full.c) ---- */

/* Tell routed the newest id, and whether the archive is full. */
void full_announce(struct link *routed);

/* End the turn: tell routed if the archive has become full or has room again; in the
 * second case compare sessions with routed anew, for their marks. */
void full_turn(void);

/* ---- the sessions that mamd knows (sessions.c) ---- */

struct account;
struct offer;
struct pages;

struct session {
  struct online online;
  struct session *next, **prev; /* of the account */
  struct account *account;
  uint64_t number;     /* routed's name for the session, and its mark's in the archive */
  char *resource;      /* NULL: routed has told the number alone */
  struct offer *offer; /* messages on their way to the client (xep0160_offer.c) */
  struct pages *pages; /* queries that are being answered (xep0313_pages.c) */
  struct session *due_next, **due_prev; /* of the line of pace.c */
  uint64_t pages_upto; /* the client pages its archive up to this id (XEP-0386); or 0 */
  bool takes;          /* available, with a priority that is not negative */
  bool marked;         /* the archive has a mark of the session */
};

struct account {
  struct account *next, **prev; /* of all */
  char *bare;
  uint64_t owner;
  struct session *sessions;
  struct session *taker; /* the session that is offered what waits; NULL: none now */
  uint64_t behind;       /* waiting messages up to this id were offered to the taker */
  bool gave;             /* a message was offered since behind was 0 */
};

/* Give the session with this number of the account bare, made when it is new; note the
 * resource when it is not empty. NULL: ENOMEM, or there is no such account. */
struct session *session_make(struct slice bare, struct slice resource, uint64_t number);

/* Give the session with this number; NULL: mamd does not know the number. */
struct session *session_numbered(uint64_t number);

/* Forget the session, and the account with its last one. */
void session_free(struct session *s);

/* Give the account of this bare JID that has sessions here, or NULL; the account behind
 * a, the first behind NULL. Call account_next before a is freed with its last session. */
struct account *account_find(struct slice bare);
struct account *account_next(struct account const *a);

/* End the turn of all sessions, behind offer_turn and pages_turn. With lost_turn the store did
 * not take the turn: no session was given what the turn has offered. */
void sessions_turn(bool lost_turn);

/* Turns are numbered, from 1 on. */
extern uint64_t mamd_turn;

/* The program's answers to what becomes of sessions; xmpp-mamd.c has the table.
 * ends: s is over, and is freed after the call. state: for a trace, what other files hold of s. */
struct session_events {
  void (*ends)(struct session *s);
  void (*state)(struct snapshot *k, struct session *s);
};

extern struct session_events const session_events;

/* ---- what routed says of sessions (reports.c) ---- */

void reports_online(struct link *l, struct record *r);
void reports_offline(struct link *l, struct record *r);
void reports_mark(struct link *l, struct record *r);

/* ---- marks, and what becomes of what a session was given (marks.c) ---- */

/* Set the marks for a message of the account bare: its sessions with these numbers (with
 * commas between them) have the message now or hold it. */
void marks_given(struct slice bare, struct slice numbers);

/* Move the mark of s to id: the client of s has all messages up to id. */
void marks_move(struct session *s, uint64_t id);

/* End session `number` of the account: its client has all messages up to the id upto, or
 * routed has taken care of them. Messages behind upto wait from now on, unless another
 * session has them. */
void marks_end(struct slice bare, uint64_t owner, uint64_t number, uint64_t upto);

/* ---- waiting messages (xep0160_waiting.c) ---- */

/* Say whether as many messages wait for the account as its host's rule allows. */
bool waiting_is_full(struct slice bare, uint64_t owner);

/* Let message id wait for the account; if it wakes clients, those who watch are told. */
void waiting_add(struct slice bare, uint64_t owner, uint64_t id, bool wakes);

/* Say whether a message of this type with these tags wakes clients of the account for which it waits;
 * own: the account has sent it. */
bool waiting_wakes(struct slice type, struct slice tags, bool own);

/* ---- offering what waits (xep0160_offer.c) ---- */

/* Choose a session of the account a as taker of its waiting messages, if a has none, and
 * offer them to it. */
void offer_begin(struct account *a);

/* Offer s nothing more; with forget its client acknowledges nothing more either. */
void offer_end(struct session *s, bool forget);

/* Note that the client of s has the messages that were offered to s, up to the offer of this
 * number. */
void offer_marked(struct session *s, uint64_t number);

/* Offer some more waiting messages to s, taking their bytes from *budget. true: more may
 * be offered. */
bool offer_some(struct link *routed, struct session *s, size_t *budget);

/* End the turn of all offers; lost_turn as in sessions_turn. */
void offer_turn(bool lost_turn);

/* ---- pace (pace.c) ---- */

/* Messages that are under way to one client, oldest first. All zero is none. */
struct pace {
  struct paced *ring;
  unsigned int size, head, n; /* of ring: a power of two */
  size_t bytes;
};

/* Say whether another message may leave: p has room in its window, and memory to note the
 * message. */
bool pace_has_room(struct pace *p);

/* Give a number for a message that leaves, by which marks name the message: above all numbers that
 * were given before, over all sessions. */
uint64_t pace_number(void);

/* Note that message id has left under this number, whose XML has so many bytes. */
void pace_add(struct pace *p, uint64_t number, uint64_t id, size_t bytes);

/* Give the id at place i, 0 being the oldest, below p->n. Say whether id is under way. */
uint64_t pace_at(struct pace const *p, unsigned int i);
bool pace_has(struct pace const *p, uint64_t id);

/* Give how many messages there are from the oldest up to the one that left under number; 0: none
 * under way has that number. Drop the n oldest. */
unsigned int pace_up_to(struct pace const *p, uint64_t number);
void pace_drop(struct pace *p, unsigned int n);

/* Drop the messages that the lost turn has added, and give their number. */
unsigned int pace_turn_lost(struct pace *p);

void pace_free(struct pace *p);

/* Put s in the line of sessions that may be given more, at the end of this turn or in the
 * next ones. */
void pace_due(struct session *s);
void pace_forget(struct session *s);

/* The program's answer to the turn of a session in the line; xmpp-mamd.c has the table.
 * give: send s some more of what is for it, as offer_some. */
struct pace_events {
  bool (*give)(struct link *routed, struct session *s, size_t *budget);
};

extern struct pace_events const pace_events;

/* ---- comparing with routed after a restart (recall.c) ---- */

extern struct online_mirror mirror; /* all sessions */

void recall_routed_up(void);
void recall_row(struct link *l, struct record *r);
void recall_done(struct link *l, struct record *r);

/* The fields of a stanza record behind TO, of a message that waited for the account of this
 * bare JID, and is offered to the session of this number under the number offer. */
void delayed_put(struct link *l, struct slice bare, uint64_t session, uint64_t offer,
                 struct archive_message const *m);

/* ---- preferences (xep0441_prefs.c) ---- */

handle_fn xep0441_get, xep0441_set;

/* Forget what was read of the settings, which are others now. */
void prefs_load(void);

/* Say whether messages between the account bare and contact go to the archive of bare, by
 * the preferences of the account or else by the settings of its host. */
bool prefs_archives(struct slice bare, uint64_t owner, struct jid const *contact);

/* The account has asked for its archive (request_activates_archiving). */
void prefs_activate(struct slice bare, uint64_t owner);

/* Tell routed of the accounts that are not as their host; and, when accounts have changed, of
 * those that have ended. */
void prefs_announce(struct link *routed);
void prefs_look(void);

/* ---- queries (xep0313_mam.c finds, xep0313_pages.c answers) ---- */

handle_fn xep0313_query, xep0313_form, xep0313_metadata;

/* Say whether the request st, of which from and id are read, is a query whose page is being
 * looked for. */
bool query_is_due(struct stanza const *st);

/* A page that was found: results with these ids, in this order, to the account's session
 * that asked, then fin (XML) as the answer to the request in. */
struct found {
  uint64_t owner;
  uint64_t const *ids;
  size_t n;
  struct slice from, account, queryid, fin;
};

/* Answer with a page, as the client takes it. false: ENOMEM, or QUERIES_MAX of that session
 * are under way. */
bool pages_answer(struct stanza const *in, struct found const *f);

/* Say whether the request st, of which tags and id are read, will be answered. */
bool pages_are_due(struct stanza const *st);

/* Send some more of a session's pages, as offer_some. */
bool pages_some(struct link *routed, struct session *s, size_t *budget);
void pages_marked(struct session *s, uint64_t number);
void pages_free(struct session *s);

/* End the turn of all pages; lost_turn as in sessions_turn. */
void pages_turn(bool lost_turn);

/* ---- work of many turns (scan.c) ---- */

/* A scan looks at many envelopes of the archive of owner. The struct is the first field of a
 * larger one, which its maker allocates and its kind frees. */
struct scan {
  struct scan *next;   /* the first scan of the next account in line */
  struct scan *behind; /* the next of the same account */
  struct scan_kind const *kind;
  uint64_t owner;
  bool ended; /* set by step */
  bool born;  /* in this turn */
};

struct scan_kind {
  size_t size;                               /* of the larger struct */
  uint64_t (*step)(struct scan *, uint64_t); /* look at so many; gives how many were */
  void (*done)(struct link *routed, struct scan *); /* act on what was found */
  void (*again)(struct scan *);                     /* begin anew */
  void (*free)(struct scan *);
  void (*snapshot)(struct snapshot *, struct scan *);
};

extern struct scan_kind const query_scan, retract_scan;

/* Begin s, of which kind and owner are set, at once or in its turn. false: there are too many
 * scans, and the caller frees s. */
bool scan_begin(struct link *routed, struct scan *s);

/* Say whether is_it says so of a scan that waits; cookie is passed on. */
typedef bool scan_match_fn(struct scan const *s, void const *cookie);
bool scan_find(scan_match_fn *is_it, void const *cookie);

/* End the turn; kept false: the store did not take it. */
void scan_turn(bool kept);

void scan_snapshot(struct snapshot *k);

/* ---- the rest, a file each ---- */

/* XEP-0424: the message, whose xml is as it stands, takes an earlier one of its sender back, in
 * this turn or a later one. */
void retract_message(struct stanza const *in, struct slice from_bare, uint64_t owner,
                     struct slice contact);

/* Keep archives within the limits of their hosts, and take away those of deleted accounts,
 * little by little. */
void retention_start(void);

/* authd says that an account is ending: say erased when nothing of it is left here. */
void retention_ending(struct link *l, struct record *r);

/* ---- the state for a trace: each file for what it holds ---- */

void incoming_snapshot(struct snapshot *k);
void sessions_snapshot(struct snapshot *k);
void marks_snapshot(struct snapshot *k);
void full_snapshot(struct snapshot *k);
void prefs_snapshot(struct snapshot *k);

/* Name the line of sessions that may be given more, once these are there, and the number of what
 * left last; in the record
 * that is open, the messages under way in p, those offered to s; in records, the queries
 * of s. */
void pace_snapshot_line(struct snapshot *k);
void pace_snapshot(struct snapshot *k, struct pace *p);
void offer_snapshot(struct snapshot *k, struct session *s);
void pages_snapshot(struct snapshot *k, struct session *s);
void retention_snapshot(struct snapshot *k);

/* xmpp-ctl archive. */
void control_archive(struct link *l, struct record *r);

extern struct handle_row const handlers[];
extern size_t const handlers_n;

#endif
