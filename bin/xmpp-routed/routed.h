/* Private to xmpp-routed: sessions, services, and the rules of delivery. */
#ifndef ROUTED_H
#define ROUTED_H

#include "access/access.h"
#include "link/link.h"
#include "link/snapshot.h"
#include "service/service.h"
#include "stanza/stanza.h"

/* ---- sessions (sessions.c) ---- */

struct user;
struct kept;
struct asked;

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
  uint64_t sid;
  uint64_t number; /* its name for good; the ids of all its stanzas are above */
  char number_text[BASE_NUM]; /* number as text, once a tag has needed it */
  uint64_t since_us;          /* by the wall clock */
  char *resource, *ip;
  signed char priority;
  bool available;
  bool carbons; /* wishes copies (XEP-0280 s4) */
  bool told;    /* userd knows of the session */
  /* The first presence of the session still waits in userd's post while this is the round of
   * that post plus 1 (presence.c). */
  uint64_t waits;
  bool drained; /* mamd was told that it may have what waits */
  bool leaving;
  bool gone;    /* userd was told that the session is over */
  bool in_mamd; /* mamd has heard its number, and is to hear of its end */
};

/* An account that has sessions. */
struct user {
  char *bare;
  struct session *sessions, *leaving;
  size_t n; /* of sessions */
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
void sessions_list(struct link *ctl, struct record *r);

/* mamd asks to be told: of all that it may give what waits. */
void sessions_still_online(void);

/* Answer the requests that the service of post, which was restarted or is given up, had
 * acknowledged before. */
struct post;
void sessions_service_restarted(struct post const *post);

/* Its presence to nobody in particular has passed by. */
void session_presence(struct session *s, struct stanza const *st);

/* Note that the c2sd of s returns stanzas that its client does not have: no stanza goes
 * to s any more. */
void session_leave(struct session *s);

/* How a session ends. */
enum session_end {
  SESSION_OVER, /* its c2sd has returned the stanzas that its client does not have */
  SESSION_LOST  /* its c2sd is gone */
};

/* End s, and tell the programs that watch s. upto: its client has all ids up to this one,
 * or its c2sd has returned them (0 of a session that is lost). Copies behind upto are
 * treated as returned at the end of the turn. */
void session_over(struct session *s, enum session_end how, uint64_t upto);

/* Make the session stream sid of l, under the same name. false: ENOMEM, and the
 * session is over. */
bool session_move(struct session *s, struct link *l, uint64_t sid);

/* Its full JID as a field of the record that is being built. */
void session_put_jid(struct link *l, struct session const *s);

/* A c2sd is gone, and its sessions with it. */
void sessions_of_link_gone(struct link *l);

struct session_totals {
  uint64_t sessions, users;
};

extern struct session_totals session_totals;

/* ---- facts about sessions for userd and hostd (presence.c) ---- */

struct passing;

void presence_own(struct session *s, struct passing const *p);

/* Tell mamd again that the session may have what waits: who told it before, or mamd itself,
 * was restarted. */
void presence_still_online(struct session const *s);
void presence_directed(struct link *l, struct record *r);
void presence_wants(struct session *s, struct slice words);
void presence_shown(struct link *l, struct record *r);
void presence_recalled(struct link *l, struct record *r);

/* Tell userd that the session is over; directed as in unbind. */
void presence_gone(struct session *s, struct slice directed);

/* Tell mamd, if mamd knows s, that s takes no waiting messages any more: how is away,
 * over or lost, upto as in session_over. */
void presence_offline(struct session const *s, char const *how, uint64_t upto);

/* Up to where its client has what was archived. */
void presence_mark(struct link *l, struct record *r);

/* userd asked to be told: have all c2sds tell again. */
void presence_recall(void);

/* All c2sds that are expected have told their sessions, or are waited for no more. */
void presence_all_there(void);

/* Its sessions are known no more; it need not answer. */
void presence_c2sd_gone(void);

/* ---- programs that take stanzas (posts.c) ---- */

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
  uint64_t round; /* how often all its letters have left at once */
  bool held;      /* its letters wait until it knows the sessions */
  bool wants_online;
};

/* The post of a service's link, made when it is new. NULL: ENOMEM. */
struct post *post_of(struct link *l);

/* The post of a program: the first that is up, else one that is away; NULL: none. */
struct post *post_find(enum program p);

/* The first (behind NULL), the next; NULL: no more. */
struct post *posts_next(struct post const *p);

/* Make the post of the mamd that the settings name, at the start: stanzas that mamd is to
 * store wait there as if mamd had been up. Other names make none. */
void posts_expect(struct slice name);

void posts_up(struct link *l);
void posts_gone(struct link *l);
void posts_acked(struct link *l, struct record *r);

/* All c2sds have told userd of their sessions. */
void posts_recalled(void);

/* ---- neighbours expected after a start (expected.c) ---- */

/* At the start: an instance that the settings name. It has said what it is for, or all its
 * sessions. */
void expected_add(struct slice name);
void expected_announced(struct link *l);

/* Say whether each expected c2sd has told all its sessions, or is waited for no more. */
bool expected_sessions_known(void);

/* Say whether the edge l must not be read yet, because an expected neighbour has not
 * announced itself. */
bool expected_holds(struct link const *l);

/* The stanza of a service is kept for a later turn, because of the same. */
bool expected_keeps(struct link *l, struct record *r);
void expected_turn(void);

/* The link is down: what is kept of it will be said again. */
void expected_gone(struct link const *l);

/* ---- services (services.c) ---- */

/* Registrations of a neighbour: what it serves, handles and shows. */
void services_serve(struct link *l, struct record *r);
void services_handle(struct link *l, struct record *r);
void services_show(struct link *l, struct record *r, enum verb v);
void services_watch(struct link *l, struct record *r);
void services_caps(struct link *l, struct record *r);
void services_of_link_gone(struct link *l);

/* A service is up: whether it had said before what it is for, and says it again; what it has
 * not said until settled is no longer so. It is away for good. */
bool services_begin(struct post *p);
void services_settled(struct post *p);
void services_of_post_gone(struct post *p);

/* A c2sd is up: tell it the caps of the hosts. */
void services_up(struct link *l);

/* The live link that watches what; NULL: none. */
struct link *services_watcher(char const *what);

/* Our own features may have changed; at the end of a turn: tell watchers what has changed. */
void services_changed(void);
void services_turn(void);

/* The service of a domain; the service that handles a namespace for scope "host",
 * "account" or "message". NULL: no service does. */
struct post *services_domain(struct slice domain);
struct post *services_handler(char const *scope, struct slice ns);

/* ---- settings ---- */

/* mod_stream_mgmt's resend_on_timeout. */
enum resend { RESEND_IF_OFFLINE, RESEND_ALWAYS, RESEND_NEVER };

enum conflict {
  CONFLICT_END_OLD, /* acceptnew, closeold */
  CONFLICT_REFUSE,  /* closenew */
  CONFLICT_RENAME   /* setresource */
};

struct host {
  struct host *next;
  char *name;
  enum conflict conflict;
  enum resend resend;
  bool archives; /* by default, what is worth it (mod_mam) */
  bool has_mam, has_offline, stores_empty, stores_groupchat, bounces_groupchat;
  bool has_carbons, has_sm;
  bool archives_all; /* the default of mod_mam is always */
  /* All is archived, and clients look there (mod_mam.assume_mam_usage). */
  bool assumes_mam;
};

/* The rules in force. */
extern struct access *routed_access;

/* Some host acknowledges (mod_stream_mgmt), or lets messages wait: so stanzas are kept until a
 * client has them. */
extern bool routed_keeps;

bool routed_load(struct settings *st, bool first);
struct host const *routed_host(struct slice name);

/* Say whether the question is true of any host. */
typedef bool host_fn(struct host const *h);
bool routed_any(host_fn *fn);

/* ---- delivery (deliver.c) ---- */

struct source;

/* The outcome of a message's delivery, for archive.c. */
struct outcome {
  bool done;      /* mamd lets the message wait, or it was refused */
  stralloc given; /* numbers of the sessions that were given the message, with commas */
};

/* A stanza on its way. */
struct passing {
  struct stanza st;
  struct source *source; /* the neighbour that gets the acknowledgement; NULL: none */
  uint64_t number;       /* of source */
  bool own;              /* st.xml is text of ours, not a raw field */
  bool tagged;           /* its tags have the id already: it was delivered before */
  bool held;     /* a copy for which nobody was there when its session ended (kept.c) */
  bool silent;   /* the sender is not told when the stanza is refused */
  uint64_t id;   /* in the archive; 0: none */
  uint64_t late; /* id in marks when id is an old one; else 0 */
  struct outcome *outcome; /* NULL: the delivery is not noted */
};

/* A stanza arrives from a neighbour; the same for several. */
void deliver_record(struct link *l, struct record *r);
void deliver_fanout(struct link *l, struct record *r);

/* Send it to where its to says. */
void deliver_route(struct passing const *p);

/* Say the fields of its envelope and its XML, and end the record. */
void deliver_envelope(struct link *l, struct passing const *p);

/* Append the fields of p's envelope and its XML, escaped, with TABs between them. false:
 * ENOMEM. */
bool deliver_cat(stralloc *out, struct passing const *p);

/* Decide on a stanza that the client of session number `of` (0: not known), which has
 * ended, may not have: p, whose to is the full JID of the session, and which its c2sd has
 * returned; p, a copy of a delivered stanza; or such a copy in r whose fields begin
 * behind at (unacked.c). */
void unacked_route(struct passing *p, uint64_t of);
void unacked_copy(struct passing *p, uint64_t of);
void unacked_record(struct record *r, unsigned int at);

/* To one session. */
void deliver_to_session(struct session const *s, struct passing const *p);

/* Which sessions of an account take a stanza (RFC 6121 s8.5). */
enum receive { RECEIVE_ONE, RECEIVE_TOP, RECEIVE_NON_NEG, RECEIVE_AVAILABLE };

struct receivers {
  enum receive who;
  int top;                   /* of RECEIVE_TOP */
  struct session const *one; /* of RECEIVE_ONE */
};

bool receives(struct receivers const *r, struct session const *s);

/* Answer it with an error, if it may be answered; more is put behind the condition. */
void deliver_bounce(struct passing const *p, enum stanza_error e, char const *more);

extern uint64_t deliver_total;

/* ---- acknowledgements that edges are owed (sources.c) ---- */

/* Note that the stanza came: false when it had come before. The rest of *p is set. */
bool source_take(struct link *l, struct passing *p);

/* Hold the acknowledgement of stanza n back until a service has acknowledged n: source_hold
 * counts a service more and gives the epoch of the source, source_release a service less, if
 * the source has that epoch still. */
uint64_t source_hold(struct source *s, uint64_t n);
void source_release(struct source *s, uint64_t epoch, uint64_t n);

/* Note that the stanza n of s goes to a session behind the link `to`: see sources.c. */
void source_crosses(struct source *s, uint64_t n, struct link const *to);

/* At the end of a turn: acknowledge what has been taken over. A link is gone: its source
 * stays, for it may come back and send again. */
void sources_turn(void);
void sources_gone(struct link const *l);

/* Put the stanza p into the post of a service; false: the post is full, and the sender has an
 * error. post_say puts a record of another kept verb (verb_is_kept), whose fields stand in one
 * text, escaped. */
bool post_put(struct post *post, struct passing const *p);
void post_say(struct post *post, enum verb v, struct slice fields);

/* Say whether post takes another stanza. */
bool post_has_room(struct post const *post);

/* ---- keeping messages (archive.c) ---- */

/* Give p an id if p may be archived, wait, or be kept until a client has it. false: mamd
 * has no room for p, and routed has refused p. */
bool archive_begin(struct passing *p);

/* Give a new id, above all that were given. */
uint64_t archive_next_id(void);

/* Let new ids be above id, which an earlier run of routed has given. */
void archive_above(uint64_t id);

/* Say whether p is certain to be in the archive of account a. */
bool archive_is_sure(struct passing const *p, struct jid const *a);

/* Set *out to p as the account is to have it: with its id as stanza-id, if the account has it
 * archived (XEP-0359). out lives until the next call with the same place, 0 or 1. */
void archive_stamp(struct passing const *p, struct slice account, unsigned int place,
                   struct passing *out);

/* Say whether a message of the account is in its archive for sure, and its clients
 * look there: of mod_mam's assume_mam_usage. */
bool archive_is_assumed(struct passing const *p, struct jid const *a);

/* Nobody is there to take it: whether it can wait for the account. Then it does. */
bool archive_wait(struct passing const *p, struct jid const *to);

/* Return true if archive_wait would have p wait for the account `to`. */
bool archive_could_wait(struct passing const *p, struct jid const *to);

/* Put p into the post of mamd, with the sessions of its outcome, unless p went there to
 * wait. */
void archive_end(struct passing const *p);

/* mamd tells which id is the newest that is stored. */
void archive_newest(struct link *l, struct record *r);

/* mamd tells what an account has archived by default. */
void archive_policy(struct link *l, struct record *r);

/* ---- copies for other devices (xep0280_carbons.c) ---- */

/* Say whether session s of p's recipient gets a copy of p, which goes to the receivers
 * r. */
bool carbons_copies(struct passing const *p, struct session const *s,
                    struct receivers const *r);

/* Give copies of p, which goes to the receivers r among the sessions of u, to the other
 * sessions of u that want them. */
void carbons_received(struct passing const *p, struct user const *u,
                      struct receivers const *r);

/* Make p, a copy that was returned, the message that was copied; its XML lives until the
 * next call. false: p copied a message that the account had sent. */
bool carbons_unwrap(struct passing *p);

/* Say whether the account of this bare JID has more sessions than one. */
bool carbons_may_be_sent(struct slice bare);

/* The message p was sent by a session of ours. */
void carbons_sent(struct passing const *p);

/* ---- requests that a service answers later (asked.c) ---- */

/* The services whose requests are noted. */
#define PROGRAMS_ASKED (MAMD | USERD)

/* Note the request p of s, which is the newest letter of post. */
void asked_add(struct session *s, struct passing const *p, struct post const *post);

/* Forget the request that st answers, if st is an iq; forget all requests of s, which is
 * over. */
void asked_answered(struct session *s, struct stanza const *st);
void asked_free(struct session *s);

/* Answer the requests of s that the service of post had acknowledged before its restart. */
void asked_restarted(struct session *s, struct post const *post);

/* ---- copies until a client has its stanzas (kept.c) ---- */

/* Keep a stanza, whose fields are those of its delivery (deliver_cat), for s under id.
 * false: ENOMEM, or KEPT_MAX bytes are kept already. */
bool kept_add(struct session *s, uint64_t id, struct slice fields);

/* Free the copies of s up to id: the client has those stanzas, or its c2sd has returned
 * them. */
void kept_through(struct session *s, uint64_t id);

/* The session is over: what it still has is treated as returned at the end of the turn. lost: its
 * c2sd is gone; what cannot wait is held KEPT_ABSENT_US for the account to come back. */
void kept_over(struct session *s, bool lost);
void kept_turn(void);

/* A session takes messages from now on: look for what is held for its account. */
void kept_look(void);

/* Keep the stanza that a c2sd says, after a restart of routed, that a session holds. */
void kept_holds(struct link *l, struct record *r);

extern uint64_t kept_bytes;

/* ---- block lists (xep0191_blocking.c) ---- */

void blocking_list(struct link *l, struct record *r);

/* Say whether p may not pass between its two accounts; p has been answered then. */
bool blocking_stops(struct passing const *p);

/* ---- sessions that change their c2sd (xep0198_resume.c) ---- */

void resume_ask(struct link *l, struct record *r);
void resume_yielded(struct link *l, struct record *r);
void resume_queued(struct link *l, struct record *r);
void resume_handed(struct link *l, struct record *r);
void resume_refused(struct link *l, struct record *r);

/* ---- the state for a trace: each file for what it holds ---- */

/* Posts and sources come before what names them. */
void sources_snapshot(struct snapshot *k);
void posts_snapshot(struct snapshot *k);
void sessions_snapshot(struct snapshot *k);
void presence_snapshot(struct snapshot *k);
void services_snapshot(struct snapshot *k);
void expected_snapshot(struct snapshot *k);
void archive_snapshot(struct snapshot *k);
void blocking_snapshot(struct snapshot *k);
void carbons_snapshot(struct snapshot *k);
void asked_snapshot(struct snapshot *k, struct session *s);
void kept_snapshot(struct snapshot *k, struct session *s);
void kept_snapshot_pending(struct snapshot *k);

/* Name a source, a post, a verb (by its name), as a field; NULL: none. */
void snapshot_source(struct snapshot *k, struct source **s);
void snapshot_post(struct snapshot *k, struct post **p);
void snapshot_verb(struct snapshot *k, enum verb *v);

/* ---- the tables of RFC 6121 s8 (rules.c) ---- */

/* Fates of a stanza to an account. */
enum fate {
  FATE_IGNORE,
  FATE_ERROR,   /* service-unavailable to the sender */
  FATE_OFFLINE, /* no session takes the stanza: it waits if it may, else as FATE_ERROR */
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
  bool non_neg; /* a session at least is available with a priority not negative */
};

enum fate rules_message(struct slice type, struct presence_count c);
enum fate rules_presence(struct slice type, struct presence_count c);
enum fate rules_iq(struct slice type, struct presence_count c);

#endif
