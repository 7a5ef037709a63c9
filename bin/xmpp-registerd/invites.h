/* Invitations (XEP-0401, XEP-0445, XEP-0379): a token that lets somebody make an account, become a
 * contact of who invites, or choose a new password. */
#ifndef REGISTERD_INVITES_H
#define REGISTERD_INVITES_H

#include "registerd.h"
#include "store/store.h"

#define NS_PREAUTH "urn:xmpp:pars:0"

#define INVITE_TOKEN 24 /* characters of base32: 120 bits */
#define INVITE_HASH 32  /* bytes: SHA-256 of the token */

/* contact: for an account of anybody, and with may_register for a new one; account: for a new one alone;
 * reset: for a new password of the account inviter. */
enum invite_kind { INVITE_CONTACT, INVITE_ACCOUNT, INVITE_RESET, INVITE_KINDS };

struct invite {
  enum invite_kind kind;
  bool may_register; /* of contact: an account may be made with it */
  bool befriends;    /* of account: the new account and inviter become contacts */
  uint64_t uses, used, until_s;
  struct slice host;
  struct slice inviter; /* a bare JID; empty: the administrator */
  struct slice name;    /* the localpart that the account gets; empty: any */
  struct slice groups;  /* of inviter's new contact, a line each */
};

/* The hash of a token, by which the store knows it; and in hexadecimal, for logs and commands. */
struct invite_id {
  unsigned char hash[INVITE_HASH];
};

/* ---- the store (invites.c) ---- */

/* Open DATA/register, if invitations are wanted or there is one. false, having logged why. */
bool invites_open(char const *data, bool wanted);
bool invites_are_open(void);

/* The end of a turn: true when all that was written is on disk. */
bool invites_commit(void);

/* Keep an invitation under a new token, which is written to token, of INVITE_TOKEN + 1 bytes. false with
 * errno EDQUOT (INVITES_MAX are there), EEXIST (the name is reserved by another one) or EIO. */
bool invite_make(struct invite const *i, char *token);

/* Read the invitation of a token, or of an id, that may be used now. Its texts lie in arena a. false:
 * there is none, it is used up, or expired; or the store failed. */
bool invite_find(struct arena *a, struct slice token, struct slice host,
                 struct invite_id *id, struct invite *out);
bool invite_get(struct arena *a, struct invite_id const *id, struct invite *out);

/* Read, as invite_get does, an invitation that a stream has shown in time: it may have expired
 * since. */
bool invite_shown(struct arena *a, struct invite_id const *id, struct invite *out);

/* Note that an invitation was used once more; take it back. false: the store failed. */
bool invite_used(struct invite_id const *id);
bool invite_revoke(struct invite_id const *id);

/* Give the number of invitations of an account that may be used now. */
uint64_t invites_of(struct slice inviter);

/* Give the id of the invitation that keeps the address bare for itself. false: no invitation
 * does. */
bool invite_reserves(struct slice bare, struct invite_id *id);

/* Call fn for each invitation that may be used now, until fn gives false. */
typedef bool invite_fn(void *cookie, struct invite_id const *id, struct invite const *i);
void invites_each(invite_fn *fn, void *cookie);

/* An account has ended: its invitations go. The store's part of lib/erase. */
void invites_up(struct link *routed);
void invites_on_ending(struct link *l, struct record *r);
void invites_on_made(struct link *l, struct record *r);
void invites_snapshot(struct snapshot *k);

/* ---- accounts that are made with one (joins.c) ---- */

/* The word that authd knows the next use of an invitation by. */
#define JOIN_TOKEN_SIZE (2 * INVITE_HASH + 24)

/* Note that authd is about to be asked for the account bare with this use of the invitation: the
 * next commit has it. false with errno EBUSY (all its uses are taken, if not over) or EIO. */
bool join_begin(struct invite_id const *id, struct invite const *i, struct slice bare,
                char token[JOIN_TOKEN_SIZE]);

/* authd has made the account, or not. In the same turn the use is counted; the contacts are made
 * when xmpp-userd has answered, over restarts of both. */
void join_made(struct slice token);
void join_failed(struct slice token, bool used);

/* Begin again what a kill has broken off: the link of authd, or of userd, is up. */
void joins_up(struct link *l);
void joins_on_befriended(struct link *l, struct record *r);

/* ---- requests of other programs, and the administrator's (xep0401_invites.c) ---- */

void invite_on_invite(struct link *l, struct record *r);

/* ---- addresses (invite_uris.c) ---- */

/* Append the xmpp: address of an invitation, percent-encoded; that of its page, or nothing when there is
 * no page. false: ENOMEM. */
bool invite_cat_uri(stralloc *out, struct invite const *i, struct slice token);
bool invite_cat_page(stralloc *out, struct invite const *i, struct slice token);
bool invite_cat_percent(stralloc *out, struct slice text);

/* ---- tokens of streams (xep0445_preauth.c) ---- */

/* Answer the request preauth of a stream. */
void preauth_request(struct request const *q, struct host const *h,
                     struct xml_node const *preauth, struct slice type);

/* The invitation that the stream of q has shown, if it may make an account still. */
bool preauth_of(struct arena *a, struct request const *q, struct invite_id *id,
                struct invite *out);

#endif
