/* Private to xmpp-mucd: services, rooms, occupants and their sessions. */
#ifndef MUCD_H
#define MUCD_H

#include "access/access.h"
#include "archive/archive.h"
#include "erase/erase.h"
#include "form/form.h"
#include "handle/handle.h"
#include "mam/mam.h"
#include "online/online.h"
#include "service/service.h"
#include "store/store.h"

#define NS_CLIENT "jabber:client"
#define NS_MUC "http://jabber.org/protocol/muc"
#define NS_MUC_USER NS_MUC "#user"
#define NS_MUC_ADMIN NS_MUC "#admin"
#define NS_MUC_OWNER NS_MUC "#owner"
#define NS_OCCUPANT "urn:xmpp:occupant-id:0"
#define NS_SID "urn:xmpp:sid:0"
#define NS_DELAY "urn:xmpp:delay"
#define NS_HATS "urn:xmpp:hats:0"
#define NS_HINTS "urn:xmpp:hints"
#define NS_REGISTER "jabber:iq:register"
#define NS_VCARD "vcard-temp"
#define NS_UPDATE "vcard-temp:x:update"
#define NS_RETRACT "urn:xmpp:message-retract:1"
#define NS_MODERATE "urn:xmpp:message-moderate:1"
#define NS_MODERATE_0 "urn:xmpp:message-moderate:0"
#define NS_DISCO_INFO "http://jabber.org/protocol/disco#info"
#define NS_DISCO_ITEMS "http://jabber.org/protocol/disco#items"
#define NS_PING "urn:xmpp:ping"
#define NS_COMMANDS "http://jabber.org/protocol/commands"

/* ---- services: the hosts of mod_muc (settings.c) ---- */

enum rule {
  RULE_ACCESS,
  RULE_ADMIN,
  RULE_CREATE,
  RULE_PERSISTENT,
  RULE_MAM,
  RULE_REGISTER,
  RULES_N
};

struct muc {
  struct slice name;  /* conference.example.com */
  struct slice host;  /* of hosts, whose module this is */
  struct slice title; /* the option name */
  struct slice vcard; /* the inside of an element vCard, or empty */
  struct slice rules[RULES_N];
  struct slice room_regexp;
  struct slice room_shaper, message_shaper, presence_shaper; /* rules */
  uint64_t history_size, max_room_id, max_room_name, max_room_desc, max_password;
  uint64_t discoitems_max, conferences_max, users_max, users_threshold, users_presence;
  uint64_t message_us, presence_us;    /* least intervals */
  uint64_t age_s, most_messages;       /* limits of archives; 0: none */
  struct slice rtbl_server, rtbl_node; /* empty: the host has no mod_muc_rtbl */
  bool archives;                       /* the host has mod_mam */
  bool clears;                         /* clear_archive_on_room_destroy */
  bool cleans;                         /* cleanup_affiliations_on_start */
};

struct mucd {
  struct settings const *settings;
  struct access *access;
  struct link *routed;
  struct store *store; /* DATA/rooms */
  struct archive *archive;
  struct store *present;                   /* DATA/occupants */
  size_t fanout_max;                       /* bytes of addresses in one record */
  uint64_t affiliations_max, sessions_max; /* of a room */
  uint64_t history_bytes;                  /* for who enters */
  uint64_t rooms_bytes, present_bytes;     /* of DATA/rooms, of DATA/occupants */
};

extern struct mucd mucd;

extern char const *const mucd_needs[];
void *mucd_read(struct settings *st);
void mucd_take(void *fresh, bool first);
void mucd_drop(void *fresh);
bool mucd_start(void);

/* The service of this name, or NULL; service i, or NULL behind the last. */
struct muc const *muc_find(struct slice name);
struct muc const *muc_at(size_t i);

/* Say whether the rule allows the address; whether who may all that an owner may. */
bool muc_allows(struct muc const *m, enum rule r, struct jid const *who);
bool muc_is_admin(struct muc const *m, struct jid const *who);

/* ---- configuration of rooms (config.c) ---- */

enum flag {
  FLAG_PERSISTENT = 1 << 0,
  FLAG_PUBLIC = 1 << 1,
  FLAG_PUBLIC_LIST = 1 << 2,
  FLAG_PASSWORD = 1 << 3,
  FLAG_ANONYMOUS = 1 << 4,
  FLAG_MEMBERS_ONLY = 1 << 5,
  FLAG_MODERATED = 1 << 6,
  FLAG_MEMBERS_BY_DEFAULT = 1 << 7,
  FLAG_CHANGE_SUBJECT = 1 << 8,
  FLAG_QUERY_USERS = 1 << 9,
  FLAG_INVITES = 1 << 10,
  FLAG_VISITOR_STATUS = 1 << 11,
  FLAG_VISITOR_NICK = 1 << 12,
  FLAG_VOICE = 1 << 13,
  FLAG_HATS = 1 << 14,
  FLAG_MAM = 1 << 15
};

#define SLOW_MOST_S 86400u /* the longest time of slow mode */

enum { PM_ANYONE, PM_PARTICIPANTS, PM_MODERATORS, PM_NONE };

enum config_text {
  TEXT_TITLE,
  TEXT_DESC,
  TEXT_LANG,
  TEXT_PASSWORD,
  TEXT_PUBSUB,
  TEXTS_N
};

struct config {
  uint32_t flags;
  uint8_t allowpm;    /* PM_ */
  uint8_t pm_visitor; /* whom visitors may write to: PM_ANYONE, PM_MODERATORS, PM_NONE */
  /* Bits 1 << role of roles whose presence is shown; IS_NOBODY: of persons who are away. */
  uint8_t broadcast;
  uint32_t max_users, voice_s, slow_s, history;
  char *text[TEXTS_N]; /* on the heap, never NULL */
};

/* Make the defaults of a service: default_room_options. Free the texts; copy c. */
void config_default(struct muc const *m, struct config *c);
void config_wipe(struct config *c);
void config_copy(struct config *to, struct config const *c);
bool config_set_text(struct config *c, enum config_text t, struct slice text);

/* Set an option by its name in default_room_options and the form that a value has there.
 * false: there is no such option, or no such value of it. */
bool config_set(struct config *c, struct slice name, struct slice value);

/* Read a number of at most `most` into *out. false: v is none. */
bool config_number(uint32_t *out, struct slice v, uint64_t most);

/* Call fn for each option, with its value as config_set takes it. */
typedef void config_fn(void *cookie, char const *name, struct slice value);
void config_each(struct config const *c, config_fn *fn, void *cookie);

/* ---- rooms in memory (rooms.c) ---- */

enum affiliation { AFF_OUTCAST, AFF_NONE, AFF_MEMBER, AFF_ADMIN, AFF_OWNER, AFFS_N };

enum standing { IS_NOBODY, IS_VISITOR, IS_PARTICIPANT, IS_MODERATOR, STANDINGS_N };

extern char const *const affiliation_names[AFFS_N];
extern char const *const role_names[STANDINGS_N];

/* The number of a word; -1: no such word. */
int affiliation_find(struct slice word);
int role_named(struct slice word);

/* The newest requests for voice in a room, by a hash of the bare JID. */
#define VOICE_ASKED 32

struct voice_asked {
  uint32_t hash;
  uint64_t us;
};

/* The newest messages that left a room (sent.c). */
struct sent_ring {
  struct sent *v;
  unsigned int n, size;
};

enum room_state { ROOM_LOCKED, ROOM_OPEN, ROOM_TOMBSTONE };

struct room {
  struct slice bare, local; /* on the heap, as is */
  struct muc const *muc;
  uint64_t number; /* of lib/archive */
  enum room_state state;
  uint64_t created_us, last_us;
  struct config config;
  char *subject, *subject_nick,
    *subject_by; /* nick and bare JID of who set it; "" never */
  uint64_t subject_us;
  char *alt, *why;    /* of a tombstone: another room's JID, the reason */
  char avatar[41];    /* SHA-1 of the photo in hex, or empty */
  struct table nicks; /* occupants, by key */
  struct occupant *first, **last;
  uint32_t occupants_n, sessions_n, next_id;
  uint32_t affils[AFFS_N]; /* rows of affil, if they are counted */
  bool affils_counted;
  stralloc all; /* addresses of all sessions, as in fanout; empty: to be made */
  bool touched; /* in this turn */
  bool changed; /* its row is to be written */
  bool silent;  /* too many sessions: presence of moderators alone is shown */
  bool ended;   /* not there any more at the end of the turn */
  struct event_timer unlock;
  struct sent_ring sent;
  struct voice_asked asked[VOICE_ASKED];
  unsigned int asked_n;
  uint64_t shaped_at; /* of room_shaper */
  size_t held_bytes;  /* of messages that came too early */
  struct room *next_touched, *next_locked;
  struct room *next, *prev; /* of all in memory */
};

/* An occupant's presence as most others see it, for each that enters: escaped fields of a record, as
 * they were with this presence, affiliation and role. */
struct view {
  stralloc from, xml;
  uint64_t seq; /* of the session that is shown */
  enum affiliation affiliation;
  enum standing role;
  bool jids, hats;
};

struct occupant {
  struct room *room;
  struct occupant *next, **prev; /* of the room */
  struct account *account;
  struct occupant *next_of; /* of the account */
  uint32_t id;
  char *nick, *key;
  enum affiliation affiliation;
  enum standing role;
  bool admin;               /* of the service, who is owner unseen */
  bool seen;                /* others have been shown the occupant */
  struct session *sessions; /* the shown one first */
  unsigned int sessions_n;
  char oid[33]; /* XEP-0421 */
  char *hats;   /* XEP-0317: XML, or NULL */
  struct view view;
};

struct session {
  struct online online; /* of a local session */
  struct session *next; /* of the occupant */
  struct occupant *o;
  uint32_t id;
  char *full;
  char *presence; /* children of what was sent last, XML */
  char *lang;
  int priority;
  uint64_t seq; /* of its last presence */
  uint64_t joined_us, heard_us, said_us;
  uint64_t entered_us;                     /* as joined_us, of door_now */
  uint64_t alive_us, pinged_us, probed_us; /* of a session elsewhere (ghosts.c) */
  uint64_t shown_us;         /* time of its last change of presence that was shown */
  struct event_timer held;   /* shows a change that came too early */
  struct event_timer speaks; /* sends the message that is held */
  stralloc message;          /* that came too early (holds.c) */
  uint64_t message_at, presence_at; /* of shapers */
  unsigned int pings;               /* that nobody has answered */
  uint64_t number;                  /* routed's name for a local session; 0: not known */
  bool local;
  bool away; /* routed has said so of this number */
};

/* An account, of here or elsewhere, that is in rooms. */
struct account {
  char *bare;
  struct occupant *first;
  unsigned int n;
};

/* The room with this bare JID, from memory or the store; NULL: there is none. */
struct room *room_find(struct slice bare);

/* The first room in memory, the next; NULL: no more. A room without sessions leaves the memory at
 * the end of the turn. */
struct room *room_next(struct room const *r);

/* The first room in memory that waits for its form, the next. Take a room from among them. */
struct room *room_next_locked(struct room const *r);
void room_unlock(struct room *r);

/* Make a room with the configuration of the service. NULL: it does not get a number. */
struct room *room_make(struct muc const *m, struct jid const *j);
void room_changed(struct room *r);
void room_touch(struct room *r);

/* Forget the room, in memory and on disk, with its archive if the service says so. */
void room_end(struct room *r);

/* Write what has changed; drop what is idle. Forget all memory, and load it anew. */
void rooms_turn(void);
void rooms_reload(void);
size_t rooms_count(void);

/* ---- occupants (occupants.c) ---- */

struct occupant *occupant_by_nick(struct room const *r, struct slice key);
struct account *account_find(struct slice bare);

/* The session of full JID in the room, or with this number; the occupant of bare JID behind o (NULL:
 * the first). */
struct session *session_find(struct room const *r, struct jid const *full);
struct session *session_numbered(struct room const *r, uint64_t id);
struct occupant *occupant_of(struct room const *r, struct slice bare,
                             struct occupant const *o);

/* Put a session into the room under a nick: into the occupant o, or a new one (NULL). */
struct session *session_add(struct room *r, struct occupant *o, struct jid const *who,
                            struct slice nick, struct slice key);

/* Take a session out, and its occupant with the last one. true: the occupant has gone. */
bool session_del(struct session *s);

/* The same in memory alone: the stores keep the session. */
bool session_forget(struct session *s);

/* Give the occupant another nick; move the session s to the occupant o, or to a new one. */
void occupant_rename(struct occupant *o, struct slice nick, struct slice key);
void session_move(struct session *s, struct occupant *o, struct slice nick,
                  struct slice key);

/* Put the session first whose presence is shown; write a session, or all of an occupant. */
void occupant_order(struct occupant *o);
void session_save(struct session *s);
void occupant_save(struct occupant *o);
void occupants_load(void);

/* Sync the sessions as they are, behind the last commit: who ends so keeps them over a boot. */
void occupants_seal(void);
extern struct online_mirror mirror;

/* Say whether the address belongs to a host of this server. */
bool is_local(struct slice domain);

/* ---- writing (write.c) ---- */

/* Append, or copy to the heap (must_). The process ends if there is no memory: all that the process
 * knows is on disk. */
void put(stralloc *out, char const *markup);
void put_slice(stralloc *out, struct slice s);
void put_text(stralloc *out, struct slice text);
void put_attr(stralloc *out, char const *name, struct slice value);
void put_num(stralloc *out, uint64_t n);
void put_child(stralloc *out, struct xml_node const *c);
void put_field(stralloc *out, struct slice text); /* of a record */
void put_number(stralloc *out, uint64_t n);       /* likewise */
_Noreturn void no_memory(void);
char *must_dup(struct slice s);
char *must_dup_sa(stralloc const *sa);

/* The room/nick address of an occupant, until 8 more were made. */
struct slice nick_jid(struct room const *r, struct slice nick);

/* Send XML without `to` to the addresses, a line each. */
struct envelope {
  struct slice from, kind, type, id, tags;
};

void send_fanout(struct slice tos, struct envelope const *e, struct slice xml);

/* The same, with addresses as they stand in a record. */
void send_fanout_raw(struct slice raw, struct envelope const *e, struct slice xml);

/* Send a stanza to one address. The XML has no `to`. */
void send_one(struct slice to, struct envelope const *e, struct slice xml);
void add_to(stralloc *tos, struct slice full);

/* Say whether all output of earlier turns has been written to routed. */
bool output_has_left(void);

/* An error for a presence or message, by='ROOM' (XEP-0045 s9); an iq's. type empty: the usual. */
void refuse(struct stanza const *st, enum stanza_error e, char const *type,
            char const *text);
void refuse_more(struct stanza const *st, enum stanza_error e, char const *type,
                 char const *text, struct slice inside);

/* ---- presence that is shown (show.c) ---- */

/* Of a change: codes, with blanks between; reason and actor of an item. */
struct change {
  char const *codes;      /* to all */
  char const *self_codes; /* to the session self alone, beside 110 */
  struct session *self;   /* NULL: all sessions of the occupant are alike */
  struct slice id;        /* that self gets back */
  struct slice actor, actor_jid, reason;
  struct slice nick;    /* the new nick, of code 303 */
  struct slice destroy; /* XML in x */
  struct slice status;  /* of unavailable presence: XML beside x */
  enum standing before; /* the role that others know of; with was */
  bool was, gone;       /* gone: unavailable presence */
  bool quiet;           /* not to the others, and if there is self, to it alone */
  bool not_self;        /* not to self */
  bool hidden;          /* the others see the occupant no more */
  bool jids;            /* to those others alone who see JIDs */
};

/* Show the presence of an occupant to all, or as c says. */
void show(struct occupant *o, struct change const *c);

/* Show the unavailable presence of a session, that is still in the room, to itself. */
void show_gone_to(struct session *s, struct change const *c);

/* Show the presence of all others to the session; of o to one. */
void show_all_to(struct session *s);
void show_to(struct occupant *o, struct session *to);

struct affil;

/* Show the person bare, whose affiliation is given, as unavailable from this address. */
void show_away(struct session *to, struct slice from, struct slice bare,
               struct affil const *a);
void view_wipe(struct occupant *o);
bool sees_jids(struct occupant const *viewer);
bool is_shown(struct occupant const *o, enum standing role);
void room_codes(struct room *r, char const *codes);

/* ---- what comes in ---- */

/* A stanza to a room or a service. */
struct in {
  struct stanza st;
  struct jid from, to;
  struct muc const *muc;
  struct room *room;       /* NULL: there is none */
  struct session *session; /* of the sender in the room; NULL: not in it */
  struct xml_node const *e;
  struct arena *arena;
  bool admin; /* of the service */
  bool again;
  bool held; /* a message that came too early, in its time */
};

/* stanzas.c: handle a stanza, whose XML is text; held as in struct in. */
void stanza_in(struct stanza const *st, bool held);

/* slow.c: say whether slow mode keeps the message from the room; note one that went there; forget all. */
bool slow_refuses(struct in *in);
void slow_note(struct in *in);
void slow_forget(void);

/* occupants.c: the occupant as whom the sender is a moderator, by any of its sessions; NULL. */
struct occupant *moderator_of(struct in const *in);

/* presence.c, enter.c */
void presence_in(struct in *in);
void presence_hold(struct session *s, uint64_t due);
void enter(struct in *in, struct xml_node const *x, struct slice nick, struct slice key);
char const *entering_codes(struct room const *r, bool created, bool altered);
void leave(struct session *s, struct change const *c);
void after_leave(struct room *r);
bool session_take(struct in *in);
enum standing default_role(struct room const *r, enum affiliation a);
void remove_session(struct session *s, char const *codes, char const *status);
enum affiliation affiliation_of(struct in const *in);

/* Say whether the sender is a moderator, by any session, or an admin who need not be in the room. */
bool may_moderate(struct in const *in);

/* message.c */
void message_in(struct in *in);
void subject_send(struct session *to);
void room_cat_message(stralloc *out, struct in *in, struct slice from);
struct slice message_id(struct in *in);
void broadcast(struct room *r, struct envelope const *e, struct slice xml);

/* private.c: XEP-0045 s7.5; iq between occupants */
void private_message(struct in *in);
void private_error(struct in *in);
void private_iq(struct in *in);

/* invite.c: normal messages to the room */
void normal_in(struct in *in);
void invite_error(struct in *in);

/* iq.c */
void iq_in(struct in *in);
void result(struct in *in, struct slice inside);

/* admin.c */
void admin_get(struct in *in, struct xml_node const *query);
void admin_set(struct in *in, struct xml_node const *query);
void set_affiliation(struct room *r, struct slice bare, enum affiliation a,
                     struct change const *c);
void set_role(struct occupant *o, enum standing role, struct change const *c);

/* Keep a role that is taken or given for an occupant who comes again. */
void keep_role(struct occupant *o, enum standing role);

/* owner.c */
void owner_get(struct in *in);
void owner_set(struct in *in, struct xml_node const *query);
void room_open(struct room *r);
void room_destroy(struct room *r, struct slice alt, struct slice why,
                  struct slice password);
bool room_apply(struct room *r, struct config *c);

/* Say what the service does not allow of the configuration; NULL: nothing. */
char const *config_fault(struct room const *r, struct config const *c);
void room_close(struct room *r);

/* people.c: say whether the addresses in a list of the form are accounts, and so few as one request may
 * change, and the owners not empty (false: refused); give the affiliations to those on
 * the lists that the form has, and take them from all others. */
bool people_hold(struct in *in, struct xml_node const *x, char const *var,
                 enum affiliation a);
void people_set(struct in *in, struct xml_node const *x, char const *owners_var,
                char const *admins_var);

/* Give an address an affiliation, and show it; a reserved nick stays, but for none and outcasts. */
void affil_give(struct room *r, struct slice bare, enum affiliation to);

/* register.c */
void register_get(struct in *in);
void register_set(struct in *in, struct xml_node const *query);

/* disco.c */
void disco_info(struct in *in, struct xml_node const *q);
void disco_items(struct in *in, struct xml_node const *q);

/* items.c: append the rooms of the service that the sender may know of, a page of them. */
void items_cat(struct in *in, struct xml_node const *q, stralloc *out);

/* history.c */
uint64_t history_store(struct in *in, struct slice from, struct slice xml);
uint64_t history_put(struct in *in, struct slice from, struct slice id, struct slice xml);
/* Say whether the room's archive is open to queries; if not, it has the history alone. */
bool history_is_open(struct room const *r);

/* Say whether an entry has this note among its tags. */
bool history_is_noted(struct archive_message const *m, char const *note);
bool is_history(struct xml_node const *e);

/* Say whether the message changes the subject. */
bool is_subject(struct xml_node const *e);
void history_send(struct session *s, struct xml_node const *x);
bool history_again(struct in *in, struct slice xml, uint64_t *id);

/* archive.c: say whether the sender may enter the room now; who is in, or a member, knows its password.
 * false: refused. */
bool may_look(struct in *in);
void mam_query(struct in *in, struct xml_node const *q);
void mam_form(struct in *in);
void mam_metadata(struct in *in);

/* moderate.c */
void retract(struct in *in, uint64_t id);
void moderate(struct in *in, struct xml_node const *e, bool old);

/* vcards.c */
void vcard_read(struct in *in);
void vcard_write(struct in *in, struct xml_node const *e);
void avatar_send(struct room *r, struct session *to);

/* ghosts.c */
void error_in(struct in *in);
void ghosts_answer(struct in *in);
void ghosts_online(struct link *l, struct record *r);
void ghosts_offline(struct link *l, struct record *r);
void ghosts_row(struct link *l, struct record *r);
void ghosts_done(struct link *l, struct record *r);
void ghosts_up(void);
void ghosts_start(void);
void ghosts_snapshot(struct snapshot *k);

/* retention.c: keep archives within their limits; take the archive of a room that ends, or, if the
 * service keeps such, the room's name from it. */
void retention_start(void);
void retention_end(struct room *r);
void retention_snapshot(struct snapshot *k);

/* graves.c: end a destroyed room whose name has stayed taken long enough. true: it has ended. */
bool grave_is_over(struct room *r);
void graves_start(void);
void graves_snapshot(struct snapshot *k);

/* ends.c */
void ends_ending(struct link *l, struct record *r);
void ends_made(struct link *l, struct record *r);
void ends_snapshot(struct snapshot *k);

/* The session of this full address and number has ended: if it had no account (XEP-0175), all that is kept
 * under its address goes. */
void ends_of_session(struct slice full, uint64_t number);

/* All that bare has in the room goes: hats, nick, affiliation. */
void ends_leave(struct room *r, struct slice bare);

/* cleanup.c */
void cleanup_up(void);
void cleanup_snapshot(struct snapshot *k);

/* control.c */
void control_rooms(struct link *l, struct record *r);

#include "sent.h"
#include "stored.h"

#endif
