/* Private to xmpp-pubsubd: who is online, what clients can do, and what accounts tell their
 * contacts (XEP-0163). */
#ifndef PUBSUBD_PEP_H
#define PUBSUBD_PEP_H

#include "caps/caps.h"
#include "interest/interest.h"
#include "online/online.h"
#include "pubsubd.h"

/* ---- sessions that are available (who.c) ---- */

void who_online(struct link *l, struct record *r);
void who_offline(struct link *l, struct record *r);

/* routed's link is up. */
void who_up(void);

/* After a restart each session is told again; those that are not told for WHO_US have ended, and from
 * then on an account without a session here has none. */
#define WHO_US 60000000u
bool who_is_complete(void);

/* Say whether the account has an available session; whether this one is. */
bool who_has(struct slice bare);
bool who_is(struct slice full);

/* Call fn for each available session of the account. */
typedef void who_fn(void *cookie, struct slice full);
void who_each(struct slice bare, who_fn *fn, void *cookie);

/* Call fn for each account that has one, and had one before a restart, until it gives false. */
typedef bool who_account_fn(void *cookie, struct slice bare);
void who_accounts(who_account_fn *fn, void *cookie);

/* Note what a session shows, a bit of pubsub#show-values; give it, 0: it is not known. */
void who_show(struct slice full, uint8_t show);
uint8_t who_shows(struct slice full);

uint64_t who_sessions(void);
void who_snapshot(struct snapshot *k);

/* ---- presence in which subscribers want events (shows.c) ---- */

/* Say whether a subscription has some of the five, not all or none. */
bool shows_are_some(uint8_t shows);

/* Have routed tell of presence, from the first such subscription on; its link is up. */
void shows_watch(void);
void shows_up(struct link *routed);

/* Say whether routed tells of it; whether the session shows what a subscription wants events in, or it
 * is not known what the session shows. */
bool shows_are_known(void);
bool shows_want(uint8_t shows, struct slice full);

/* Presence of a session; the record shown; the other records about presence. */
void shows_presence(struct record *r);
void shows_shown(struct link *l, struct record *r);
void shows_other(struct link *l, struct record *r);
void shows_snapshot(struct snapshot *k);

/* ---- capabilities of clients (caps.c; caps_store.c what is stored) ---- */

/* The record seen. */
void caps_seen(struct link *l, struct record *r);
void caps_snapshot(struct snapshot *k);

/* An answer of a client; false: it answers nothing that was asked. */
bool caps_is_answer(struct stanza const *st);

/* Open the table in DATA/pubsub. */
bool caps_store_open(void);

/* The names that clients with this digest want, in arena a. errno ENOENT. Their day is today
 * then. */
bool caps_store_get(struct arena *a, struct slice key, struct caps_names *out);
bool caps_store_put(struct slice key, struct caps_names const *names);

/* Delete what nobody has shown for CAPS_KEPT_DAYS, a piece at a time. */
void caps_store_start(void);
void caps_store_snapshot(struct snapshot *k);

/* ---- events and last items of accounts (pep.c, last.c) ---- */

/* Open the interest, before the first record. */
void pep_start(void);

/* Call fn for each client, by its full address, that is to have events of the node n of the account
 * self, whose configuration is c, for it wants them (+notify): the account's own clients, and those
 * of contacts and others that may read the node. No client comes twice. */
void pep_each(struct slice self, struct pubsub_node const *n, struct config const *c,
              interest_fn *fn, void *cookie);

/* The address, in arena a, and the host of what has this OWNER: an account, or a service. false: it
 * is not there, or has no nodes any more. */
bool pep_self_of(struct arena *a, uint64_t owner, struct slice *self, struct slice *host);

/* Say whether who, who is in no roster but by access, may have events of n. */
bool pep_may_read(struct slice self, struct pubsub_node const *n, struct config const *c,
                  struct jid const *who);

/* A session is the first of its account that is available; a session is available. */
void pep_account_comes(struct slice bare);
void pep_session_comes(struct slice full);

/* A session is not available any more; last: of its account (leaving.c). */
void pep_session_goes(struct slice full, bool last);

/* Look at some of the items of publishers that have gone, and whose items go with them, from the place on.
 * Give whether there may be more. */
bool leaving_some(struct pubsub_place *at);

/* A request has changed the node that its action names; something has changed this node. */
void pep_changed(struct request const *q);
void pep_changed_node(struct request const *q, struct slice node);

/* The record roster. */
void pep_roster(struct link *l, struct record *r);

/* Last items of n go to the clients that gain access to it: its configuration was other. */
void pep_opened(struct slice self, struct pubsub_node const *n,
                struct config const *before, struct config const *c);

/* Send a client the newest item of the node n of self, if there is one. */
void pep_send_last(struct slice self, struct pubsub_node const *n, struct config const *c,
                   struct slice full);

/* ---- explicit subscriptions of those who lose access (lost.c) ---- */

/* End those of a contact to nodes of the account that it may not read any more. */
void lost_look(struct slice account, struct slice contact);

/* Look at the nodes of all accounts, a piece at a time: changes may have been missed. */
void lost_look_at_all(void);
void lost_snapshot(struct snapshot *k);

/* ---- bookmarks in two forms (bookmarks.c) ---- */

/* Say whether accounts of the host have them: PEP and mod_private. */
bool bookmarks_converts(struct slice host);

/* Do a request to the node of the old form; false: it is to another node. */
bool bookmarks_request(struct request *q, enum verdict *v);

/* The node of the new form may have changed: tell the account's clients that want the old one; send
 * one of these what there is. */
void bookmarks_changed(struct request const *q);
void bookmarks_send_last(struct slice self, uint64_t owner, struct slice full);

/* ---- pictures (avatars.c) ---- */

/* The record watch; routed's link is gone. */
void avatars_watch(struct link *l, struct record *r);
void avatars_end(void);

/* Say whether pictures go both ways between nodes and vCards: PEP and mod_avatar. */
bool avatars_converts(struct slice host);

/* Note that a request may have changed a node of pictures. */
void avatars_changed(struct request const *q);
void avatars_snapshot(struct snapshot *k);

/* ---- after restarts (probes.c) ---- */

/* routed's link is up: some time after, probe the contacts of other servers of all accounts that
 * were online before. Their presence shows again what they can do; clients that do not show
 * themselves again are forgotten. */
void probes_begin(void);
void probes_snapshot(struct snapshot *k);

/* Say whether the account's contacts were probed lately: a client of them that is seen may have been
 * there before. */
bool probes_asked(struct slice account);

#endif
