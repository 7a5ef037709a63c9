/* roster: the contacts of accounts (RFC 6121 s2, s3), the subscription requests that wait for
 * an answer, and block lists (XEP-0191). xmpp-userd writes; whoever may read the folder reads.
 *
 * Environment DATA/users, tables. ACCOUNT is the account's number, 8 bytes big-endian; CONTACT
 * a prepared bare JID, ADDRESS a prepared JID of any form, both at most ROSTER_JID_MAX bytes.
 *   roster   ACCOUNT CONTACT -> 1 byte state (enum roster_state), 1 byte flags (1 listed, 2
 *            approved), name and then each group as 2 bytes length, big-endian, and text
 *   pending  ACCOUNT CONTACT -> the request as it came: a presence element, text
 *   blocked  ACCOUNT ADDRESS -> bare JID of the account
 *   meta     ACCOUNT -> 8 bytes version of the roster, then of 4 bytes each the listed items,
 *            the waiting requests, the blocked addresses, the bytes of the listed items
 *            (as roster_item_bytes counts), the bytes of the waiting requests (text and
 *            CONTACT); big-endian. A value of 20 bytes is older and ends before the bytes:
 *            they are counted when the account is next written to
 * Slices that are given out lie in the map: they live until the next write or the end of the
 * turn. Functions that fail give false with errno EIO, having logged why, or as they say. */
#ifndef ROSTER_H
#define ROSTER_H

#include "jid/jid.h"
#include "store/store.h"

#include <skalibs/stralloc.h>

/* The room of the environment: rosters of a million accounts, and vCards with pictures. Only used
 * room takes any of the disk. */
#define ROSTER_MAP_BYTES (64ull << 30)
/* No key of the store is longer than 511 bytes. */
#define ROSTER_JID_MAX 500
/* An account has this many listed items... */
#define ROSTER_ITEMS_MAX 4096
/* ...whose names and groups have this many bytes, and each this many groups. */
#define ROSTER_NAME_MAX 1023
#define ROSTER_GROUP_MAX 1023
#define ROSTER_GROUPS_MAX 64
/* Requests that wait, and the bytes of one; a longer one is kept without what is in it. */
#define ROSTER_REQUESTS_MAX 1000
#define ROSTER_REQUEST_BYTES 16384
/* Addresses on a block list. */
#define ROSTER_BLOCKED_MAX 1000

struct roster;

/* The nine states of RFC 6121 A.1; _OUT: our request waits for an answer, _IN: theirs. */
enum roster_state {
  ROSTER_NONE,
  ROSTER_NONE_OUT,
  ROSTER_NONE_IN,
  ROSTER_NONE_OUT_IN,
  ROSTER_TO,
  ROSTER_TO_IN,
  ROSTER_FROM,
  ROSTER_FROM_OUT,
  ROSTER_BOTH,
  ROSTER_STATES_N
};

/* The relation of a contact to an account. An item that is not listed is no part of
 * the roster: it only holds that a request has come in (s3.1.3). groups is packed, see
 * roster_group. */
struct roster_item {
  struct slice jid;
  enum roster_state state;
  bool listed, approved; /* approved: in advance (s3.4) */
  struct slice name, groups;
};

struct roster_counts {
  uint64_t version; /* rises with each change that clients are told of */
  uint32_t items, requests, blocked;
  uint32_t item_bytes, request_bytes; /* 0 as long as they are not measured */
  bool measured;
};

/* The roster's tables in the environment s, which must outlive it; made when s may write.
 * NULL, having logged why (a reader: the writer was not there yet). */
struct roster *roster_open(struct store *s);
void roster_close(struct roster *r);

/* The rosters in the folder data, for reading; *store is their environment, whose read a turn ends
 * with store_commit. NULL: xmpp-userd has not made them yet, or they cannot be opened (then the log
 * says why). */
struct roster *roster_open_reader(char const *data, struct store **store);

/* Totals of an account; all zero when nothing was stored yet. */
bool roster_counts(struct roster *r, uint64_t account, struct roster_counts *out);

/* The bytes that are stored of an account: addresses and values, without the account's number. */
struct roster_sizes {
  uint64_t items, requests, blocked;
};

bool roster_sizes(struct roster *r, uint64_t account, struct roster_sizes *out);

/* Write into room the value of an entry of table meta without its bytes, which the next write to the
 * account counts anew, and with a version that is one more; *value becomes the written one. For
 * programs that change addresses in a store that no other has open. false with errno EIO: *value is
 * no value of that table. */
bool roster_counts_forget(struct slice *value, char *room, size_t size);

/* Add one to the version of the roster. */
bool roster_touch(struct roster *r, uint64_t account);

/* ---- the end of an account ---- */

/* Delete at most `most` entries of an account, and add their number to *done: when it is less than
 * most, nothing is left. */
bool roster_purge(struct roster *r, uint64_t account, unsigned int most,
                  unsigned int *done);

/* Find the first account above the number `after` of which something is stored. false with errno
 * ENOENT: there is none. */
bool roster_next(struct roster *r, uint64_t after, uint64_t *account);

/* ---- items ---- */

/* Give the item of a contact. errno ENOENT: there is none, and *out is one of state none that is
 * not listed. out->jid is contact. */
bool roster_item_get(struct roster *r, uint64_t account, struct slice contact,
                     struct roster_item *out);

/* The most bytes that a listed item takes in the record that answers a client: its XML, with
 * what XML and records escape. */
size_t roster_item_bytes(struct roster_item const *item);

/* Store the item, whose slices may lie in the map. errno EDQUOT: ROSTER_ITEMS_MAX are listed already, or
 * the roster would grow over ACCOUNT_ROSTER_BYTES; ENAMETOOLONG: the JID is over ROSTER_JID_MAX. */
bool roster_item_put(struct roster *r, uint64_t account, struct roster_item const *item);
bool roster_item_del(struct roster *r, uint64_t account, struct slice contact);

/* Call fn for each item of the account by JID, listed or not, until fn gives false. fn may not
 * write. */
typedef bool roster_item_fn(void *cookie, struct roster_item const *item);
bool roster_item_each(struct roster *r, uint64_t account, roster_item_fn *fn,
                      void *cookie);

/* Cut the first group off the packed *rest. false when none is left. */
bool roster_group(struct slice *rest, struct slice *group);

/* Append a group, at most ROSTER_GROUP_MAX bytes, to a packed text. false: ENOMEM. */
bool roster_cat_group(stralloc *packed, struct slice group);

/* roster_gives says whether presence goes to the contact (from, both), roster_takes whether it
 * comes from the contact (to, both). */
bool roster_gives(enum roster_state s);
bool roster_takes(enum roster_state s);

/* ---- requests that wait ---- */

/* Store a request; a request of contact that waits already is replaced. errno EDQUOT:
 * ROSTER_REQUESTS_MAX wait already, or the requests would grow over
 * ACCOUNT_REQUESTS_BYTES; ENAMETOOLONG. */
bool roster_request_put(struct roster *r, uint64_t account, struct slice contact,
                        struct slice xml);

/* Delete the request of contact. true also when there was none. */
bool roster_request_del(struct roster *r, uint64_t account, struct slice contact);

/* Call fn for each request that waits, with the contact and the request as XML, until fn gives false. */
typedef bool roster_text_fn(void *cookie, struct slice jid, struct slice text);
bool roster_request_each(struct roster *r, uint64_t account, roster_text_fn *fn,
                         void *cookie);

/* ---- block lists ---- */

/* roster_block puts an address on the list of account, whose bare JID is owner: errno EEXIST,
 * EDQUOT, ENAMETOOLONG. roster_unblock takes it away: errno ENOENT. */
bool roster_block(struct roster *r, uint64_t account, struct slice owner,
                  struct slice address);
bool roster_unblock(struct roster *r, uint64_t account, struct slice address);

/* Say whether the list has j, by the matching of XEP-0191: the full address, the bare
 * one, domain and resource, the domain. */
bool roster_is_blocked(struct roster *r, uint64_t account, struct jid const *j);

/* roster_blocked_each calls fn for each address on the list of the account, in order, with the
 * owner as text; roster_blocked_all for each address on the lists of all accounts. */
bool roster_blocked_each(struct roster *r, uint64_t account, roster_text_fn *fn,
                         void *cookie);
typedef bool roster_blocked_fn(void *cookie, uint64_t account, struct slice address,
                               struct slice owner);
bool roster_blocked_all(struct roster *r, roster_blocked_fn *fn, void *cookie);

#endif
