/* Private to xmpp-hostd. */
#ifndef HOSTD_H
#define HOSTD_H

#include "access/access.h"
#include "ask/ask.h"
#include "form/form.h"
#include "handle/handle.h"
#include "link/snapshot.h"
#include "service/service.h"
#include "store/store.h"

#define NS_CAPS "http://jabber.org/protocol/caps"
#define NS_COMMANDS "http://jabber.org/protocol/commands"
#define NS_DISCO_INFO "http://jabber.org/protocol/disco#info"
#define NS_DISCO_ITEMS "http://jabber.org/protocol/disco#items"
#define NS_EXTDISCO "urn:xmpp:extdisco:2"
#define NS_LAST "jabber:iq:last"
#define NS_PUBSUB "http://jabber.org/protocol/pubsub"
#define NS_RSM "http://jabber.org/protocol/rsm"
#define NS_PING "urn:xmpp:ping"
#define NS_TIME "urn:xmpp:time"
#define NS_VERSION "jabber:iq:version"

/* The link to routed; up or not, it stays the same. NULL before it was up first. */
extern struct link *hostd_routed;

/* The table of what is answered (handlers.c). */
extern struct handle_row const handlers[];
extern size_t const handlers_n;

/* ---- settings (settings.c) ---- */

/* The modules that change what a host answers, as bits. */
enum module {
  MOD_ADHOC = 1 << 0,
  MOD_ANNOUNCE = 1 << 1,
  MOD_CONFIGURE = 1 << 2,
  MOD_LAST = 1 << 3,
  MOD_PING = 1 << 4,
  MOD_STUN_DISCO = 1 << 5,
  MOD_TIME = 1 << 6,
  MOD_VERSION = 1 << 7,
  MOD_INVITES = 1 << 8,
  MOD_FAST = 1 << 9
};

#define CAPS_VER_MAX 28 /* 20 bytes as base64 */

/* A host of ours. Texts lie in the settings. */
struct host {
  struct slice name;
  unsigned int modules;
  struct slice disco_name;
  struct slice version; /* for mod_version in the place of ours; empty: ours */
  struct slice announce_access, configure_access, stun_access; /* names of rules */
  struct slice invite_access, invite_account_access;
  bool show_os, report_node;
  char ver[CAPS_VER_MAX + 1]; /* of XEP-0115, as routed knows it; empty: not yet */
};

/* The two steps of taking settings (service/service.h). */
extern char const *const hostd_needs[];
void *hostd_read(struct settings *st);
void hostd_take(void *fresh, bool first);
void hostd_drop(void *fresh);

/* The settings in force. */
struct settings const *hostd_settings(void);

/* hostd_host_at gives host i, or NULL behind the last; hostd_host the host of this name, or NULL;
 * hostd_host_with that host if it has the module m, or NULL. They live until the next load. */
struct host *hostd_host_at(size_t i);
struct host *hostd_host(struct slice name);
struct host *hostd_host_with(struct slice name, enum module m);

/* Say whether the rule allows who on host (*: a matter of all hosts). */
bool hostd_allows(struct slice rule, struct slice host, struct jid const *who);

/* ---- disco (xep0030_disco.c; features.c what routed tells) ---- */

handle_fn xep0030_info, xep0030_items;

enum entry_kind { FEATURE, IDENTITY, ITEM };

/* feature: a VAR; identity: a CATEGORY, b TYPE, c NAME; item: a JID, b NAME, c NODE. */
struct entry {
  enum entry_kind kind;
  struct slice scope, a, b, c;
  struct slice host; /* empty: all hosts */
};

/* Entry i of what the running services have announced, or NULL behind the last. */
struct entry const *features_at(size_t i);
void features_forget(struct link *l, struct record *r);
void features_feature(struct link *l, struct record *r);
void features_identity(struct link *l, struct record *r);
void features_item(struct link *l, struct record *r);

/* Our own share: identities of hosts and accounts. */
void features_announce(struct link *routed);

/* Features and identities of one host or of accounts: what disco#info says. */
#define INFO_MAX 1200

struct info {
  size_t n;
  struct entry v[INFO_MAX];
};

/* Fill *info for a host (NULL: one that is not in the settings) or for its accounts. */
void disco_info(struct info *info, struct host const *h, char const *scope);

/* ---- nodes of accounts, which xmpp-pubsubd has (nodes.c) ---- */

/* A request of disco to an account. */
struct inquiry {
  struct slice account, node; /* node may be empty */
  bool items;                 /* disco#items; else disco#info */
  bool stranger;              /* the asker may not see the account's presence */
  bool paged;                 /* a set of XEP-0059 came */
};

/* Say whether accounts of the host have nodes: mod_pubsub with the plugin pep. */
bool nodes_has(struct slice host);

/* Have xmpp-pubsubd asked; the answer to the request in, whose payload is e, follows. REFUSE: too
 * much waits. */
enum verdict nodes_ask(struct handle_ctx *ctx, struct stanza const *in,
                       struct xml_node const *e, struct inquiry const *q);

/* Append to out the query element that answers q. nodes is the query of xmpp-pubsubd; NULL: it has
 * nothing to say. is_seen: a stranger may see the account all the same. false: refused as *e. */
bool disco_cat_account(stralloc *out, struct inquiry const *q, bool is_seen,
                       struct xml_node const *nodes, enum stanza_error *e);

/* An iq to HOST/hostd. */
void nodes_answer(struct stanza const *st);

/* Tell routed that answers to HOST/hostd are for us, if a host needs that. */
void nodes_announce(struct link *routed);
void nodes_snapshot(struct snapshot *k);

/* ---- contacts of accounts (contacts.c) ---- */

/* Say whether the account, a bare JID, exists and lets who see its presence (from, both). */
bool contacts_sees(struct slice account, struct jid const *who);

/* End the turn's reading of the stores. */
void contacts_turn(void);

/* ---- entity capabilities (xep0115_caps.c) ---- */

/* Note that disco#info may answer otherwise now; at the end of the turn routed is
 * told. */
void caps_changed(void);
void caps_forget(void); /* routed is new and has to be told anew */
void caps_turn(void);

/* Say whether a node of disco#info is the host's capabilities as they are now (s6). */
bool caps_is_node(struct host const *h, struct slice node);

/* ---- contact addresses (xep0157_contact.c) ---- */

/* Append the form of a host; nothing when the host has no addresses. false: ENOMEM. */
bool xep0157_form(stralloc *out, struct host const *h);

/* Append the text of that form, sorted as XEP-0115 s5.1 steps 6 and 7 want it. false: ENOMEM. */
bool xep0157_hash_text(stralloc *out, struct host const *h);

/* ---- commands (xep0050_commands.c; xep0133_admin.c which there are) ---- */

#define NS_ADMIN "http://jabber.org/protocol/admin"
#define RUNS_MAX 256u        /* executions at a time */
#define RUN_US 600000000u    /* how long a form is waited for (microseconds) */
#define RUN_ID 20            /* characters of a sessionid */
#define RUN_JIDS_MAX 128u    /* addresses that one form may have */
#define RUN_LISTED_MAX 1000u /* users in a list */
#define ANNOUNCE_TEXT_MAX 65536u

/* Names that are each counted once. */
struct names {
  struct arena arena;
  struct table table;
  size_t n;
};

/* true when name was not there yet. Memory failing counts it as there. */
bool names_add(struct names *x, struct slice name);
void names_wipe(struct names *x);

struct command;

/* An execution of a command, from its first request to its last answer. */
struct run {
  struct run *next;
  char id[RUN_ID + 1];
  struct command const *command;
  struct arena arena; /* for what lives as long as the run */
  struct slice owner, host;
  struct event_timer expiry;
  bool working;     /* the run awaits an answer of another program, and no form */
  struct stanza in; /* the request to be answered */
  struct xml_node const *form; /* submitted; NULL when the command has none */

  /* for the commands themselves */
  struct slice jids[RUN_JIDS_MAX];
  bool is_done[RUN_JIDS_MAX];
  size_t jids_n, answered, count, max;
  struct slice why[2]; /* the first failure: text, condition */
  struct names names;
  stralloc values, more_values;
};

typedef void run_fn(struct run *r);

struct command {
  char const *node, *name;
  enum module module; /* the module with the rule of access; MOD_ADHOC: for everybody */
  char const *instructions;
  struct form_field const *fields; /* NULL: runs at once */
  size_t fields_n;
  run_fn *run;                           /* ends in run_done or run_fail, now or later */
  struct slice (*preset)(struct run *r); /* the value of its one field; may be NULL */
  char const *word, *end;                /* of account; why sessions end, or NULL */
  struct form_field const *result;
  char const *form_type; /* NULL: NS_ADMIN */
};

extern struct command const commands[];
extern size_t const commands_n;

/* Say whether a host has the command, and whether who may execute it. */
bool command_is_there(struct host const *h, struct command const *c);
bool command_allowed(struct host const *h, struct command const *c,
                     struct jid const *who);
struct command const *command_find(struct slice node);

handle_fn xep0050_command;

/* A run that asked another program fails: as that program has said (text and condition); because the
 * program could not be asked. */
void admin_fail_as_told(struct run *r, struct slice const why[2]);
void admin_fail_not_asked(struct run *r);

/* The commands of announcements (xep0133_announce.c). xep0133_motd gives the message of the day as it
 * is now, in the arena of the run; empty: there is none. */
run_fn xep0133_announce, xep0133_set_motd, xep0133_edit_motd, xep0133_delete_motd;
struct slice xep0133_motd(struct run *r);

/* The commands of invitations (xep0401_invites.c). */
#define NODE_INVITE "urn:xmpp:invite#invite"
#define NODE_CREATE "urn:xmpp:invite#create-account"
extern struct form_field const invite_account[2];
run_fn xep0401_invite, xep0401_create;
bool invites_allows(struct host const *h, struct command const *c, struct jid const *who);
bool invites_snapshot_ask(struct snapshot *k, ask_fn **fn, void **cookie);

/* The commands of tokens (xep0484_tokens.c), for the accounts of a host. */
#define NODE_DEVICES "tabber:devices#list"
#define NODE_REVOKE "tabber:devices#revoke"
extern struct form_field const fast_device[1];
run_fn xep0484_devices, xep0484_revoke;
bool tokens_allows(struct host const *h, struct jid const *who);
bool tokens_snapshot_ask(struct snapshot *k, ask_fn **fn, void **cookie);

/* The command for everybody: it says that the host answers commands. */
run_fn xep0050_ping;

/* Answer: completed, with the XML inside; or an error, whose own condition may be NULL. The
 * run is over and freed by it. */
void run_done(struct run *r, struct slice inside);
void run_fail(struct run *r, enum stanza_error e, struct slice text, char const *own);

/* ---- announcements (announce.c; motd.c what is stored) ---- */

#define ANNOUNCEMENTS_MAX 16u          /* at a time */
#define ANNOUNCE_PIECE 256u            /* messages a turn */
#define ANNOUNCE_BYTES_MAX (64u << 20) /* of addresses of one */
#define ANNOUNCE_PAUSE_US 10000u       /* while routed cannot take more */

/* A message to HOST/announce/..., from the link to routed. */
void announce_message(struct link *l, struct record *r);

/* why NULL: the addressees are known, the messages are on their way. Else text and
 * condition. */
typedef void announce_fn(void *cookie, struct slice const *why);

enum announce_to { TO_ALL, TO_ONLINE };

/* Begin to send a message of this type with the XML inside from host (empty: from each
 * that announces, to its own) to its accounts, or to those that are online. motd: its
 * number, which they have then seen; else 0. false: there are too many; fn is not called. */
bool announce(enum announce_to to, struct slice host, struct slice type,
              struct slice inside, uint64_t motd, announce_fn *fn, void *cookie);

/* Set the message of the day of a host (empty: of each that announces), and delete it. *id
 * is its number. false: errno EIO (the store failed) or ENOENT (there is none). */
bool announce_set(struct slice host, struct slice type, struct slice inside,
                  uint64_t *id);
bool announce_delete(struct slice host);

/* The session of full JID has become available. */
void announce_online(struct link *l, struct record *r);

/* Have routed tell who comes online, where a message of the day may wait for somebody. */
void announce_watch(void);
void announce_link_up(void);

/* Stored messages of the day. type and inside of one that motd_get gives live until the
 * next write or the end of the turn. */
bool motd_open(char const *data);
bool motd_put(struct slice host, uint64_t id, struct slice type, struct slice inside);
bool motd_del(struct slice host);
bool motd_get(struct slice host, uint64_t *id, struct slice *type, struct slice *inside);

/* Say whether the account has seen message id; from now on it has. */
bool motd_was_seen(struct slice bare, uint64_t id);
void motd_see(struct slice bare, uint64_t id);

/* The end of a turn: true when all that was written is on disk. */
bool motd_commit(void);

/* Ask routed to tell of accounts, when there is a store. */
void motd_watch(struct link *routed);

/* A record ending of routed: who has ended has seen no message. */
void motd_ending(struct link *l, struct record *r);
void motd_snapshot(struct snapshot *k);

/* ---- the state for a trace: each file for what it holds ---- */

/* Runs are named before the asks and announcements that point to them. */
void runs_snapshot(struct snapshot *k);
void announce_snapshot(struct snapshot *k);
void features_snapshot(struct snapshot *k);
void caps_snapshot(struct snapshot *k);
void last_snapshot(struct snapshot *k);

/* Name a run, by its sessionid, as a field; name an ask's fn and cookie when the
 * commands, or the announcements, wait for its answer: false, they do not. */
void snapshot_run(struct snapshot *k, struct run **r);
bool admin_snapshot_ask(struct snapshot *k, ask_fn **fn, void **cookie);
bool announce_snapshot_ask(struct snapshot *k, ask_fn **fn, void **cookie);

/* The fn of an announcement that a command waits for. */
announce_fn admin_announced;

/* Names, one after the other in the record that is open. */
void names_snapshot(struct snapshot *k, struct names *x);

/* ---- one file each ---- */

handle_fn xep0012_last, xep0092_version, xep0199_ping, xep0202_time;
handle_fn xep0215_services, xep0215_credentials;

/* The server runs since us (microseconds since 1970) at least. */
void last_started(uint64_t us);

#endif
