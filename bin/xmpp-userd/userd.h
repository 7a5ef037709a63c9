/* Private to xmpp-userd: sessions, presence, rosters, block lists. */
#ifndef USERD_H
#define USERD_H

#include "access/access.h"
#include "accounts/accounts.h"
#include "handle/handle.h"
#include "link/snapshot.h"
#include "online/online.h"
#include "roster/roster.h"
#include "service/service.h"

/* ---- open stores, and the settings (settings.c) ---- */

struct userd {
  struct settings const *settings;
  struct access *access;
  struct store *store;       /* DATA/users, ours to write */
  struct roster *roster;     /* in it */
  struct profile *profile;   /* in it */
  struct accounts *accounts; /* NULL as long as xmpp-authd has not made any */
};

extern struct userd userd;

/* The two steps of taking settings (service/service.h). */
extern char const *const userd_needs[];
void *userd_read(struct settings *st);
void userd_take(void *fresh, bool first);
void userd_drop(void *fresh);

/* Open the store. false, having logged why. */
bool userd_start(void);

/* Say whether a host has the module. */
bool userd_has(struct slice host, char const *module);

/* Say whether a domain is a host of this server whose rosters are here. */
bool userd_is_local(struct slice domain);

/* Open the accounts if that is not done yet and can be. */
void userd_accounts(void);

/* The number of the account bare; 0: there is none. With a module: 0 also when its host has
 * it not. */
uint64_t userd_number(struct slice bare);
uint64_t userd_number_with(struct slice bare, char const *module);

/* The number of the account that ctx addresses, when that is the sender's own. 0: ctx->error
 * is forbidden for the account of somebody else, whether there is one or not, so that nobody
 * learns which accounts there are; service-unavailable when the sender has none any more. */
uint64_t userd_own_number(struct handle_ctx *ctx);

/* Say whether j has no account: it has logged in by ANONYMOUS (XEP-0175). */
bool userd_is_anonymous(struct jid const *j);

/* Say whether j may change the roster of its account (mod_roster.access). */
bool userd_may_change(struct jid const *j);

/* Say what goes wrong with the store and is nobody's answer. */
void userd_failed(char const *what, struct slice bare);

/* ---- the table of what is answered (handlers.c) ---- */

extern struct handle_row const handlers[];
extern size_t const handlers_n;

/* Tell routed what is handled, and the features whose module some host has. */

/* ---- sessions (sessions.c) ---- */

/* Addresses that one session has sent directed presence to, in bytes. */
#define DIRECTED_BYTES 65536

/* An address that a session has sent directed presence to. */
struct directed {
  struct directed *next, **prev;
  size_t len;
  char to[];
};

/* A session that has shown presence, wants pushes, or has sent directed presence. */
struct session {
  struct online online;
  struct session *next; /* of the user */
  struct user *user;
  char *full;
  stralloc shown;        /* the last presence, an element; empty: unavailable */
  struct table directed; /* the same nodes by address */
  struct directed *directed_first, **directed_last; /* in the order of coming */
  size_t directed_bytes;
  uint64_t left_us; /* when it ended, replaced by another of its client; 0: it has not */
  uint64_t told;    /* turn in which its contacts were told that the session is there */
  bool untold;      /* the turn of told was lost */
  bool hidden; /* contacts were told that it is unavailable, though it shows presence */
  bool wants_roster, wants_blocklist;
  bool pictured;      /* routed was told of the picture of its account, if there is one */
  bool directed_full; /* directed is full, and the log says so */
};

/* An account that has sessions here. */
struct user {
  char *bare;
  struct session *sessions;
  uint64_t account; /* account number at the last broadcast; 0: there was no roster */
};

/* Say whether contacts see s. */
static inline bool
session_is_seen(struct session const *s)
{
  return s->shown.len && !s->hidden;
}

/* By bare and by full JID; NULL: unknown. */
struct user *user_find(struct slice bare);
struct session *session_find(struct slice full);

/* The session of a full JID, made when it is unknown, and confirmed. NULL: ENOMEM, or that is
 * no full JID. */
struct session *session_make(struct slice full);

/* Forget it; forget it if nothing is remembered of it. */
void session_free(struct session *s);
void session_free_if_idle(struct session *s);

/* Keep the presence of s, which is about to end, until the store has taken the turn. */
void session_ends(struct session *s);

/* Note that the contacts of s are told in this turn that s is there. */
void session_told(struct session *s);

/* End the turn. kept: the store has taken the turn; else no record of the turn was said:
 * sessions that ended in the turn are there again, and sessions that came are still to be
 * told of. */
void sessions_turn(bool kept);

/* Set the presence of s to the element xml. false: ENOMEM. */
bool session_show(struct session *s, struct slice xml);

/* Directed presence went to, or ended for, an address; it ended for all. */
void session_direct(struct session *s, struct slice to, bool available);
void session_direct_none(struct session *s);

/* All sessions, over restarts (recall.c). */
extern struct online_mirror mirror;

void sessions_wants(struct link *l, struct record *r);
void sessions_directed(struct link *l, struct record *r);

struct session_totals {
  uint64_t sessions, users;
};

extern struct session_totals session_totals;

/* ---- sessions over restarts (recall.c) ---- */

void recall_shown(struct link *l, struct record *r);
void recall_recalled(struct link *l, struct record *r);

/* ---- presence (presence.c) ---- */

/* A session's own presence; a probe; the wishes of a session's client; a session is over. */
void presence_own(struct stanza const *st);
void presence_probe(struct stanza const *st);
void presence_wants(struct link *l, struct record *r);
void presence_gone(struct link *l, struct record *r);

/* The session comes with presence that its contacts do not know. */
void presence_comes(struct session *s, struct slice id);

/* The session ended without a word. */
void presence_lost(struct session *s);

/* The session is replaced, and no other of its name has shown presence: its contacts are told. */
void presence_left(struct session *s);

/* ---- sessions that are replaced (replaced.c) ---- */

/* s has ended, and another session of its client has its name. */
void replaced_begin(struct session *s);
void replaced_snapshot(struct snapshot *k);

/* The picture of an account of a host with mod_vcard_xupdate has changed: tell routed for each of its
 * sessions, and broadcast their presence anew. */
void presence_again(struct slice bare);

/* Say whether contacts see a session of the account. */
bool presence_is_online(struct slice bare);

/* Send an address the presence of each available session of the account, or that it is
 * unavailable. */
void presence_tell(struct slice bare, struct slice to, bool available);

/* End the directed presence of session s for the addresses that a list of blocked ones
 * matches. */
void presence_end_directed(struct session *s, struct jid_set const *blocked);

/* Let session s know the presence of a contact: from memory when it is local and allows it,
 * else by a probe. */
void presence_ask(struct session const *s, struct slice contact);

/* ---- rosters (roster.c) ---- */

handle_fn roster_get, roster_set;

/* Say whether who has a subscription to the presence of the account (from, both). */
bool roster_subscribed(struct slice account_bare, struct slice who_bare);

/* The item of a contact is stored anew, or removed: the version rises, and the sessions that
 * want the roster are told. */
void roster_push(struct slice bare, uint64_t account, struct slice contact);

/* ---- subscriptions (subscription.c, later.c) ---- */

void subscription_outbound(struct stanza const *st);
void subscription_inbound(struct stanza const *st);

/* Tell the sessions of its account that a stanza about a subscription is refused. */
void outbound_refuse(struct stanza const *st, enum stanza_error e, char const *text);

/* Handle a stanza of type subscribe, unsubscribe, subscribed or unsubscribed for which
 * the store has no room. A client gets an error; the stanza of a contact waits until the
 * store has room, as long as SUBSCRIPTIONS_LATER_BYTES are not passed (later.c). */
void later_outbound(struct stanza const *st);
void later_inbound(struct stanza const *st);

/* The item is removed from the roster of bare: say to the contact what that ends
 * (s2.5.2). */
void subscription_cancel(struct slice bare, struct roster_item const *item);

/* Tell the contact of item that all its subscriptions with account bare, which has ended,
 * have ended too; change the half of a contact of ours at once. */
void subscription_end(struct slice bare, struct roster_item const *item);

/* Let the sessions of the account see a request for a subscription. */
void subscription_show(struct stanza const *st);

/* Do as if a client of own had approved contact's request, in advance where there is none yet
 * (RFC 6121 s3.4), and had asked for contact's presence. */
void subscription_befriend(struct slice own, struct slice contact);

/* ---- contacts that others make (befriend.c, xep0379_preauth.c, contact.c) ---- */

/* The record befriend of registerd. */
void befriend_on_befriend(struct link *l, struct record *r);

/* Have registerd asked whether a request for a subscription, which is stored, is granted because it
 * shows a token. false: it shows none, or registerd cannot be asked. */
bool preauth_asks(struct stanza const *st, struct jid const *own,
                  struct jid const *contact);
void preauth_snapshot(struct snapshot *k);

/* The administrator makes two addresses contacts of each other (contact.c). */
void contact_control(struct link *l, struct record *r);

/* ---- accounts that have ended (ends.c) ---- */

/* Look whether accounts were deleted, and end what contacts and routed know of them. Before a
 * stanza is handled, and when routed's link comes up. */
void ends_look(void);

/* authd says that an account is ending: say erased when nothing of it is left here. */
void ends_ending(struct link *l, struct record *r);

/* End the turn; kept: the store has taken the turn. The next turn looks again. */
void ends_turn(bool kept);

/* Look for data of accounts that were deleted unseen. */
void ends_start(void);

/* ---- mod_pres_counter (counter.c) ---- */

/* Count a subscription stanza of the account in one direction. false: it is one too many. */
bool counter_takes(struct jid const *account, bool outbound);

/* Count a change of the account's picture (mod_avatar.rate_limit). false: it is one too many in a
 * minute. */
bool counter_takes_picture(struct slice bare);

/* ---- changes of rosters, for those who watch (watch.c) ---- */

/* routed has said that somebody watches; its link is gone. */
void watch_begin(struct link *l, struct record *r);
void watch_end(void);

/* Tell who watches that the subscription of contact has changed in the roster of the account
 * bare, or its groups have: then the two states are the same. Nothing is told of a contact that
 * gets no presence before or now. */
void watch_roster(struct slice bare, struct slice contact, enum roster_state before,
                  enum roster_state now);
void watch_snapshot(struct snapshot *k);

/* ---- the state for a trace: each file for what it holds ---- */

void sessions_snapshot(struct snapshot *k);
void counter_snapshot(struct snapshot *k);
void ends_snapshot(struct snapshot *k);
void later_snapshot(struct snapshot *k);
void roster_snapshot(struct snapshot *k);
void blocking_snapshot(struct snapshot *k);

/* ---- block lists (xep0191_blocking.c) ---- */

handle_fn xep0191_list, xep0191_block, xep0191_unblock;

/* Say whether the account does not want to hear from, or be seen by, j. */
bool blocking_has(struct slice bare, struct jid const *j);

/* Say whether the account bare blocks any address. */
bool blocking_has_any(struct slice bare);

/* Tell routed the block list, which may be empty, of the account that has the name bare
 * now. */
void blocking_tell(struct slice bare);

/* Tell routed all block lists. */
void blocking_announce(void);

#endif
