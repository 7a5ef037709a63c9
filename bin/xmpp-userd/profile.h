/* Private to xmpp-userd: what an account keeps about itself: vCard, search, avatar hash,
 * private XML, last activity. One file each. */
#ifndef USERD_PROFILE_H
#define USERD_PROFILE_H

#include "profile/profile.h"
#include "userd.h"

#define NS_VCARD "vcard-temp"

/* vCards of accounts; a get of a host's is answered too. */
handle_fn xep0054_get, xep0054_set;

/* Store a vCard without its picture, which is where it is to be. false: *error and *say have the
 * reason. */
bool xep0054_store(struct arena *a, struct slice account, uint64_t number,
                   struct xml_node const *card, enum stanza_error *error,
                   struct slice *say);

/* Private XML of the sender's own account. */
handle_fn xep0049_get, xep0049_set;

/* Store the elements of a query of private XML, but for bookmarks that are in a node. false: *error
 * and *say have the reason. */
bool xep0049_store(struct arena *a, struct slice account, uint64_t number,
                   struct xml_node const *query, enum stanza_error *error,
                   struct slice *say);

/* When an account was last there. */
handle_fn xep0012_last;

/* The last session of the account is over: keep the time, and the status it left with (may
 * be empty). */
void xep0012_gone(struct slice bare, struct slice status);

/* Append what unavailable presence of the account, none of whose sessions is there, says of its last one:
 * the status it left with, and when (XEP-0203); nothing, if that is not kept. false: ENOMEM. */
bool xep0012_cat_gone(stralloc *out, struct slice bare);

/* Make out the presence (one element, available, of a session of account bare) with the hash
 * of the account's picture in it: in place of what the client said, but for an empty photo,
 * which says that there is to be none (XEP-0398 s4). What out held is gone. false: ENOMEM,
 * the store failed (logged), or it is no element; the presence can be sent as it is. */
bool xep0153_update(struct slice presence_xml, struct slice bare, stralloc *out);

/* Tell routed, for the directed presence of the session full, the hash of its account's picture; that
 * there is no picture only if none is true. The host has mod_vcard_xupdate. */
void xep0153_tell(struct slice full, bool none);

/* Tell routed which domains the search serves. */
void search_announce(struct link *routed);

/* Say whether searches have the domain. */
bool search_serves(struct slice domain);

/* Answer a stanza to one of them. */
void search_stanza(struct link *l, struct record *r);

/* The turn is over, and the store has taken it or not. Searches go on in the next. */
void search_turn(bool kept);

/* The state for a trace. */
void search_snapshot(struct snapshot *k);

#endif
