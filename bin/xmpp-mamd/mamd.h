/* Private to xmpp-mamd: what comes in, what waits, what is asked for. */
#ifndef MAMD_H
#define MAMD_H

#include "access/access.h"
#include "accounts/accounts.h"
#include "archive/archive.h"
#include "handle/handle.h"
#include "roster/roster.h"
#include "service/service.h"

#define NS_MAM "urn:xmpp:mam:2"
#define NS_MAM_EXTENDED "urn:xmpp:mam:2#extended"
#define NS_RSM "http://jabber.org/protocol/rsm"
#define NS_FORWARD "urn:xmpp:forward:0"
#define NS_DELAY "urn:xmpp:delay"
#define NS_CLIENT "jabber:client"
#define NS_DATA "jabber:x:data"
#define NS_RETRACT "urn:xmpp:message-retract:1"

/* Messages of one page, and when the client does not say how many. */
#define PAGE_MAX 250u
#define PAGE_USUAL 50u
/* Ids that one query may name; messages that are looked at for one with a full JID. */
#define QUERY_IDS_MAX 100u
#define QUERY_SCAN_MAX 20000u
/* Addresses of a list of preferences. */
#define PREFS_MAX 500u

/* ---- what is open, and the settings (settings.c) ---- */

struct mamd {
  struct settings const *settings;
  struct access *access;
  struct archive *archive;   /* DATA/archive, ours to write */
  struct accounts *accounts; /* NULL as long as xmpp-authd has not made any */
  struct store *users;       /* DATA/users, xmpp-userd's; NULL as accounts */
  struct roster *roster;     /* in it */
};

extern struct mamd mamd;

bool mamd_load(struct settings *st, bool first);

/* Open what others write, as far as it is there by now. End the turn's reading of it. */
void mamd_readers(void);
void mamd_readers_turn(void);

/* Whether a host of ours has the module. */
bool mamd_has(struct slice host, char const *module);

/* The number of the account bare, of a host of ours; 0: there is none. */
uint64_t mamd_number(struct slice bare);

/* The account of a number; lives until the end of the turn. false: there is none. */
bool mamd_jid_of(uint64_t number, struct slice *bare);

/* Say what goes wrong with a store and is nobody's answer. */
void mamd_failed(char const *what, struct slice bare);

/* ---- what comes in (incoming.c) ---- */

/* A message that routed has given an id. */
void incoming_message(struct link *l, struct record *r);

/* The end of a turn: note how far each source has come. */
void incoming_turn(void);

/* The turn is lost: its stanzas come again, and are new then. */
void incoming_lost(void);

extern uint64_t incoming_stored;

/* ---- what waits (xep0160_waiting.c) ---- */

/* More than may wait for the account: whether that is so with one more. */
bool waiting_is_full(struct slice bare, uint64_t owner);

void waiting_online(struct link *l, struct record *r);
void waiting_offline(struct link *l, struct record *r);
void waiting_mark(struct link *l, struct record *r);

/* The message waits for the account, where nobody is there to take it. */
void waiting_again(struct slice bare, uint64_t owner, uint64_t id);

/* The end of a turn. It is lost: nobody has been given what it gave. */
void waiting_turn(bool lost_turn);

/* routed is (back) up: soon compare with the sessions that it knows. */
void waiting_routed_up(void);
void waiting_row(struct link *l, struct record *r);
void waiting_done(struct link *l, struct record *r);

/* The fields of a stanza record behind TO, of a message that waited for the account of this
 * bare JID and is for the session of this number (0: not known). */
void delayed_put(struct link *l, struct slice bare, uint64_t session,
                 struct archive_message const *m);

/* ---- preferences (xep0441_prefs.c) ---- */

handle_fn xep0441_get, xep0441_set;

/* Whether what the account says to, or hears from, contact is archived. */
bool prefs_archives(struct slice bare, uint64_t owner, struct jid const *contact);

/* The account has asked for its archive (request_activates_archiving). */
void prefs_activate(struct slice bare, uint64_t owner);

/* Tell routed of the accounts that are not as their host. */
void prefs_announce(struct link *routed);

/* ---- queries (xep0313_query.c reads, xep0313_mam.c answers) ---- */

struct query {
  struct jid with; /* full.len 0: anybody */
  uint64_t start_us, end_us;
  uint64_t before_id, after_id; /* 0: none */
  uint64_t ids[QUERY_IDS_MAX];
  size_t ids_n;
  struct slice queryid;
  uint64_t max;
  uint64_t before, after; /* of RSM; 0: none */
  uint64_t index;
  bool has_before, has_index, flip; /* has_before alone: the last page */
};

/* Read the query element. false: ctx says what is wrong with it. */
bool query_read(struct handle_ctx *ctx, struct xml_node const *e, struct query *q);

/* Append a time as XEP-0082 s3.1 has it, with fractions of a second; read one. What is before
 * 1970 is 0. */
bool stamp_cat(stralloc *out, uint64_t us);
bool stamp_read(struct slice text, uint64_t *us);

handle_fn xep0313_query, xep0313_form, xep0313_metadata;

/* ---- the rest, a file each ---- */

/* XEP-0424: the message, whose xml is as it stands, takes an earlier one of its sender back. */
void retract_message(struct stanza const *in, struct slice from_bare, uint64_t owner,
                     struct slice contact);

/* Keep archives within the limits of their hosts, and take away those of deleted accounts,
 * little by little. */
void retention_start(void);

/* xmpp-ctl archive. */
void control_archive(struct link *l, struct record *r);
void control_gone(struct link const *l);

extern struct handle_row const handlers[];
extern size_t const handlers_n;

#endif
