/* pubsub: nodes of accounts (XEP-0163) and of services (XEP-0060), their items, affiliations and
 * subscriptions. xmpp-pubsubd writes; whoever may read the folder reads.
 *
 * Environment DATA/pubsub, tables. Numbers are big-endian. OWNER, 8 bytes, is an account's number,
 * or the number of a service with the top bit; NODE, 8 bytes, is never used again; JID, BARE,
 * NAME and DOMAIN are text.
 *   services DOMAIN -> OWNER
 *   nodes    OWNER NAME -> NODE
 *   node     NODE -> 1 byte version, 1 byte type (enum pubsub_type), 8 microseconds of creation,
 *            4 items, 8 bytes of them, 8 number of the next item, OWNER; in version 2, 8 number of
 *            the first item; then NAME and the JID of the creator as 2 bytes length and text; behind
 *            them the fields of the configuration that are set: 1 byte number, 2 bytes length, value
 *   items    NODE NUMBER -> 8 microseconds of publishing, 4 seconds of its expiry or 0, then id and
 *            publisher as 2 bytes length and text; behind them the payload as text
 *   ids      NODE, 16 bytes of the SHA-256 of the id -> NUMBER
 *   expiry   4 seconds, NODE NUMBER -> nothing
 *   affs     NODE BARE -> 1 byte affiliation (enum pubsub_affiliation); NODE -> 4 how many
 *   subs     NODE JID -> 1 byte state, 8 id, 8 microseconds, 1 byte options, 4 expiry, 1 byte shows;
 *            NODE -> 4 how many
 *   byjid    BARE NUL OWNER NODE -> 1 byte, bits: 1 has an affiliation, 2 has subscriptions, 4 is an
 *            outcast (1 in entries of earlier versions); BARE NUL -> 4 how many have bits 1 or 2
 *   moved    OWNER NAME -> 8 microseconds until which it is told, URI
 *   owners   OWNER -> 4 nodes, 4 items, 8 bytes of items; OWNER of a service, BARE -> the same of
 *            the nodes that this address has created there
 *   done     16 bytes of a digest -> 8 microseconds, 8 number, 1 byte what, id; the number modulo
 *            PUBSUB_DONE_MAX, 2 bytes -> digest
 *   gone     NODE -> OWNER: a node whose entries are still to be deleted
 *   dropped  NODE -> nothing: a node whose items in front of the first are still to be deleted
 *   leavers  NODE BARE -> 8 FROM, 8 UNTIL, 8 microseconds: the items from the one number on to the other
 *            that this address has published up to that time are still to be deleted
 *            (pubsub#purge_offline); without the time: all of them.
 *            0 BARE -> OWNER NODE, 8 microseconds: the nodes of this address from this one on are still to
 *            be looked at for such items
 *   meta     "node", "service", "done" -> 8 bytes: the number that the next one gets; "creators":
 *            table owners has sums of creators
 * Slices that are given out lie in the map: they live until the next write or the end of the turn.
 * Functions that fail give false with errno EIO, having logged why, or as they say. */
#ifndef PUBSUB_H
#define PUBSUB_H

#include "jid/jid.h"
#include "convert/convert.h"
#include "store/store.h"

#include <skalibs/stralloc.h>

/* The room of the environment; only used room takes any of the disk. */
#define PUBSUB_MAP_BYTES (64ull << 30)
/* The name of a node, the id of an item, the address of a subscriber: keys of LMDB have 511
 * bytes. */
#define PUBSUB_NAME_MAX 480
#define PUBSUB_ID_MAX 1023
#define PUBSUB_JID_MAX 480
/* How long a deleted node's successor is told (XEP-0060 s8.4.1), and an answer is remembered. */
#define PUBSUB_MOVED_US (30ull * 86400 * 1000000)
#define PUBSUB_DONE_US (600ull * 1000000)
#define PUBSUB_DONE_MAX 4096

#define PUBSUB_SERVICE (1ull << 63)

enum pubsub_type { PUBSUB_FLAT, PUBSUB_HOMETREE, PUBSUB_PEP };

enum pubsub_affiliation {
  PUBSUB_NONE,
  PUBSUB_OUTCAST,
  PUBSUB_MEMBER,
  PUBSUB_PUBLISH_ONLY,
  PUBSUB_PUBLISHER,
  PUBSUB_OWNER,
  PUBSUB_AFFILIATIONS_N
};

enum pubsub_state {
  PUBSUB_UNSUBSCRIBED,
  PUBSUB_PENDING,
  PUBSUB_SUBSCRIBED,
  PUBSUB_STATES_N
};

/* first: the number of the oldest item that there may be, 0: of any. Items in front of it are as good as
 * deleted, and items and bytes do not count them. */
struct pubsub_node {
  uint64_t node, owner;
  enum pubsub_type type;
  uint64_t created_us, bytes, next, first;
  uint32_t items;
  struct slice name, creator, fields;
};

struct pubsub_item {
  uint64_t number, us;
  uint32_t expiry;
  struct slice id, publisher, payload;
};

/* options: bits of a subscription, PUBSUB_QUIET: its events are not delivered. shows: bits of the
 * presence in which the subscriber wants events, 0: any. expiry: in seconds; 0: none. */
#define PUBSUB_QUIET 1
#define PUBSUB_BODY 2
#define PUBSUB_WHILE_PRESENT 4

struct pubsub_sub {
  enum pubsub_state state;
  uint64_t id, us;
  uint8_t options, shows;
  uint32_t expiry;
};

struct pubsub_counts {
  uint32_t nodes, items;
  uint64_t bytes;
};

struct pubsub;

/* The tables in store s, which must outlive the handle; its writer makes them. NULL, having logged
 * why. */
struct pubsub *pubsub_open(struct store *s);
void pubsub_close(struct pubsub *p);

/* The nodes in the folder data, for reading; *store is their environment, whose read a turn ends
 * with store_commit. NULL: xmpp-pubsubd has not made them yet, or they cannot be opened. */
struct pubsub *pubsub_open_reader(char const *data, struct store **store);

/* Make *key and *value, an entry of a table, the entry that it becomes when a host has another
 * name; for store_rewrite. Changed texts lie in the rooms. Services whose domain ends in the host
 * come along. false with errno ENOTSUP: there is no such table; EIO; ENAMETOOLONG; or ENOMEM. */
bool pubsub_rehost(struct jid_hosts const *hosts, char const *table, struct slice *key,
                   struct slice *value, stralloc *key_room, stralloc *value_room);

/* Give the OWNER of a service, which is made when it is not there and create is true. 0 with errno
 * ENOENT or EIO. */
uint64_t pubsub_service(struct pubsub *p, struct slice domain, bool create);

/* The domain of the service with this OWNER. errno ENOENT. */
bool pubsub_service_domain(struct pubsub *p, uint64_t owner, struct slice *domain);

/* Give the totals of an owner; all are zero when nothing was stored yet. pubsub_counts_of gives
 * those of the nodes that creator has created at a service. */
bool pubsub_counts(struct pubsub *p, uint64_t owner, struct pubsub_counts *out);
bool pubsub_counts_of(struct pubsub *p, uint64_t owner, struct slice creator,
                      struct pubsub_counts *out);

/* Make the sums of creators in a store that has none yet: for the writer, when it starts. Reads all
 * nodes, once in the life of a store. */
bool pubsub_sum_creators(struct pubsub *p);

/* How many nodes and items there are, those of deleted nodes and dropped ones included. */
bool pubsub_totals(struct pubsub *p, size_t *nodes, size_t *items);

/* ---- nodes (nodes.c) ---- */

/* Find a node by its owner and name, or by its number. errno ENOENT: there is none, or it was
 * deleted (pubsub_of may still give its number). */
bool pubsub_node_find(struct pubsub *p, uint64_t owner, struct slice name,
                      struct pubsub_node *out);
bool pubsub_node_get(struct pubsub *p, uint64_t node, struct pubsub_node *out);

/* Copy the texts of n into arena a: all functions that write take a node whose texts are not in the
 * map. false: ENOMEM. */
bool pubsub_node_keep(struct arena *a, struct pubsub_node *n);

/* Make the node of n->owner, name, type, creator and fields; the rest of n is set. errno EEXIST. */
bool pubsub_node_add(struct pubsub *p, struct pubsub_node *n);

/* Have n, of a service, count for another creator. */
bool pubsub_node_hand(struct pubsub *p, struct pubsub_node *n, struct slice creator);

/* The first service with at least this OWNER at which nodes count for the creator. errno ENOENT: there
 * is none. */
bool pubsub_creator_at(struct pubsub *p, struct slice creator, uint64_t from,
                       uint64_t *owner);

/* Store n anew with other fields. */
bool pubsub_node_configure(struct pubsub *p, struct pubsub_node *n, struct slice fields);

/* Delete n: it is gone at once, and its entries go by pubsub_purge_gone. With a uri of at most
 * PUBSUB_ID_MAX bytes, whoever asks is told of it for PUBSUB_MOVED_US. */
bool pubsub_node_del(struct pubsub *p, struct pubsub_node const *n, struct slice uri);

/* The uri to which a node that is not there any more has moved. errno ENOENT. */
bool pubsub_moved(struct pubsub *p, uint64_t owner, struct slice name, struct slice *uri);

/* The place at which a walk over a table goes on; length 0: the beginning. */
struct pubsub_place {
  char bytes[512];
  size_t len;
};

/* Look at `most` uris at most, from the place on; delete those that nobody is told of any more, and
 * set the place behind the last. */
bool pubsub_moved_sweep(struct pubsub *p, struct pubsub_place *place, unsigned int most);

/* Call fn for each node of the owner by name, behind the name after (empty: from the first), until
 * fn gives false. pubsub_nodes_back calls fn for the nodes in front of the name before, which is
 * not empty, last name first. fn may not write. */
typedef bool pubsub_node_fn(void *cookie, struct pubsub_node const *n);
bool pubsub_nodes(struct pubsub *p, uint64_t owner, struct slice after,
                  pubsub_node_fn *fn, void *cookie);
bool pubsub_nodes_back(struct pubsub *p, uint64_t owner, struct slice before,
                       pubsub_node_fn *fn, void *cookie);

/* pubsub_field sets *value to that of the configuration field of this number; false: it is not set,
 * and *value is as it was. pubsub_cat_field appends a field to fields; false: ENOMEM. */
bool pubsub_field(struct slice fields, unsigned int number, struct slice *value);
bool pubsub_cat_field(stralloc *fields, unsigned int number, struct slice value);

/* pubsub_field_number gives the number of the configuration field var ("pubsub#title"); 0: it has
 * none. pubsub_field_name gives the name behind "pubsub#" of a number; NULL: no field has the
 * number. */
unsigned int pubsub_field_number(struct slice var);
char const *pubsub_field_name(unsigned int number);

/* Delete entries of deleted nodes, add their number to *done, and stop when *done is most; when
 * *done is less, nothing is left. */
bool pubsub_purge_gone(struct pubsub *p, unsigned int most, unsigned int *done);

/* Delete the nodes of owner, and entries of deleted nodes, as pubsub_purge_gone does. */
bool pubsub_purge(struct pubsub *p, uint64_t owner, unsigned int most,
                  unsigned int *done);

/* The first account behind this number that has nodes. errno ENOENT: there is none. */
bool pubsub_next(struct pubsub *p, uint64_t after, uint64_t *owner);

/* ---- items (items.c) ---- */

/* The bytes that an item counts for. */
size_t pubsub_item_bytes(struct pubsub_item const *it);

/* Put the item it, which is the newest then, in the place of the item with its id, if there is one.
 * it->number and the counts of n are set. */
bool pubsub_item_put(struct pubsub *p, struct pubsub_node *n, struct pubsub_item *it);

/* Get or delete the item of this id. errno ENOENT: there is none. */
bool pubsub_item_get(struct pubsub *p, struct pubsub_node const *n, struct slice id,
                     struct pubsub_item *out);
bool pubsub_item_del(struct pubsub *p, struct pubsub_node *n, struct slice id);

/* Call fn for each item from the number `from` on, oldest first, until fn gives false. fn may not
 * write. */
typedef bool pubsub_item_fn(void *cookie, struct pubsub_item const *it);
bool pubsub_items(struct pubsub *p, struct pubsub_node const *n, uint64_t from,
                  pubsub_item_fn *fn, void *cookie);

/* Give the number of the item that has `behind` items behind it; 0: the newest. Walks over these
 * items, or over those in front. errno ENOENT. */
bool pubsub_item_from_end(struct pubsub *p, struct pubsub_node const *n, size_t behind,
                          uint64_t *number);

/* Give the number of items in front of the item `number`. Walks over them, or over those behind: at
 * most n->items keys. */
bool pubsub_item_place(struct pubsub *p, struct pubsub_node const *n, uint64_t number,
                       size_t *place);

/* Give the oldest item of n, or the newest. errno ENOENT: n has none. */
bool pubsub_item_oldest(struct pubsub *p, struct pubsub_node const *n,
                        struct pubsub_item *out);
bool pubsub_item_newest(struct pubsub *p, struct pubsub_node const *n,
                        struct pubsub_item *out);

/* Drop all items of n but the newest `keep`: they are gone at once, and their entries go by
 * pubsub_purge_dropped. Walks over at most half of the items. */
bool pubsub_items_drop(struct pubsub *p, struct pubsub_node *n, uint32_t keep);

/* Delete entries of dropped items, as pubsub_purge_gone does. Items that were published since then
 * stay. */
bool pubsub_purge_dropped(struct pubsub *p, unsigned int most, unsigned int *done);

/* Delete items whose expiry is not behind now_s, add their number to *done, and stop when *done is
 * most. */
bool pubsub_items_expire(struct pubsub *p, uint32_t now_s, unsigned int most,
                         unsigned int *done);

/* ---- publishers whose items go with them (leavers.c) ---- */

/* A node of an owner among all with which an address has to do; 0, 0: the first of them. */
struct pubsub_of_place {
  uint64_t owner, node;
};

/* The items of the node with numbers from `from` on and below until are to be looked at, and those that
 * bare has published up to us are to be deleted. Node 0: all nodes of bare from place on are to be
 * looked at, and there are some when from is less than until. */
struct pubsub_leaver {
  uint64_t node, from, until, us;
  struct pubsub_of_place place;
  char bare[PUBSUB_JID_MAX];
  size_t bare_len;
};

/* Fill out for bare, which has left at us: all items of n so far are to be looked at, or, if the
 * store has a leaver bare of n, those from where that one has come to. Nothing is stored. errno
 * ENAMETOOLONG: bare has more than PUBSUB_JID_MAX bytes; or EIO. */
bool pubsub_leaver_new(struct pubsub *p, struct pubsub_node const *n, struct slice bare,
                       uint64_t us, struct pubsub_leaver *out);

/* Fill out for bare, which has left at us: all its nodes from place on are to be looked at. Nothing
 * is stored. errno ENAMETOOLONG. */
bool pubsub_leaver_of_all(struct slice bare, struct pubsub_of_place const *place,
                          uint64_t us, struct pubsub_leaver *out);

/* Find the leaver at the place or behind it, or else the first of all, and set the place behind it.
 * errno ENOENT: there is none. */
bool pubsub_leaver_next(struct pubsub *p, struct pubsub_place *place,
                        struct pubsub_leaver *out);

/* Store the leaver, which has come to l->from; forget it if that is l->until. */
bool pubsub_leaver_put(struct pubsub *p, struct pubsub_leaver const *l);

/* ---- nodes with a meaning (meant.c) ---- */

/* Append an element conference of the old form (XEP-0048) for each room in the node of bookmarks
 * (XEP-0402) of an account; nothing when it has none. */
bool pubsub_cat_bookmarks(struct pubsub *p, uint64_t owner, stralloc *out);

/* Find the picture of which the node of metadata tells last (XEP-0084): info is of the item's
 * payload, in arena a, and *data the payload of its data, in the map. errno ENOENT: there is no
 * picture; *made says whether there is the node of metadata at all. */
bool pubsub_avatar(struct pubsub *p, struct arena *a, uint64_t owner,
                   struct avatar_info *info, struct slice *data, bool *made);

/* ---- affiliations and subscriptions (people.c) ---- */

/* pubsub_aff_get sets *out to the affiliation that is stored for a bare address, PUBSUB_NONE when
 * there is none; pubsub_aff_put stores one. */
bool pubsub_aff_get(struct pubsub *p, uint64_t node, struct slice bare,
                    enum pubsub_affiliation *out);
bool pubsub_aff_put(struct pubsub *p, struct pubsub_node const *n, struct slice bare,
                    enum pubsub_affiliation a);

/* Give the numbers of affiliations and of subscriptions of the node. */
bool pubsub_people(struct pubsub *p, uint64_t node, uint32_t *affs, uint32_t *subs);

/* Get, put or delete the subscription of jid at a node. errno ENOENT: jid has none. */
bool pubsub_sub_get(struct pubsub *p, uint64_t node, struct slice jid,
                    struct pubsub_sub *out);
bool pubsub_sub_put(struct pubsub *p, struct pubsub_node const *n, struct slice jid,
                    struct pubsub_sub const *sub);
bool pubsub_sub_del(struct pubsub *p, struct pubsub_node const *n, struct slice jid);

/* Call fn for each affiliation or subscription of the node by address, until fn gives false.
 * pubsub_subs_back has the last address first: full addresses come before the bare one.
 * pubsub_subs_of looks at the subscriptions of bare and of its full addresses alone. fn may not
 * write. */
typedef bool pubsub_aff_fn(void *cookie, struct slice bare, enum pubsub_affiliation a);
bool pubsub_affs(struct pubsub *p, uint64_t node, pubsub_aff_fn *fn, void *cookie);
typedef bool pubsub_sub_fn(void *cookie, struct slice jid, struct pubsub_sub const *sub);
bool pubsub_subs(struct pubsub *p, uint64_t node, pubsub_sub_fn *fn, void *cookie);
bool pubsub_subs_back(struct pubsub *p, uint64_t node, pubsub_sub_fn *fn, void *cookie);
bool pubsub_subs_of(struct pubsub *p, uint64_t node, struct slice bare, pubsub_sub_fn *fn,
                    void *cookie);

/* Look at `most` subscriptions at most, from the place on; delete those of which is_over says that
 * they are, and set the place behind the last. pubsub_place_node sets a place to the subscriptions
 * of a node; those of other nodes follow. */
typedef bool pubsub_over_fn(struct slice jid, struct pubsub_sub const *sub);
bool pubsub_subs_sweep(struct pubsub *p, struct pubsub_place *place, unsigned int most,
                       pubsub_over_fn *is_over);
void pubsub_place_node(struct pubsub_place *place, uint64_t node);

/* Bits for the relations of an address to a node: an affiliation other than outcast, subscriptions,
 * the affiliation outcast. An outcast whom an earlier version has stored may have the first bit. */
#define PUBSUB_OF_AFFILIATION 1u
#define PUBSUB_OF_SUBSCRIPTION 2u
#define PUBSUB_OF_OUTCAST 4u
#define PUBSUB_OF_ALL 7u

/* Call fn for each node of owner (0: of all owners) to which the bare address has one of the
 * relations in which (PUBSUB_OF_ bits), until fn gives false. pubsub_of_from does so for the nodes
 * of all owners, from the place on. fn may not write. */
typedef bool pubsub_of_fn(void *cookie, uint64_t owner, uint64_t node);
bool pubsub_of(struct pubsub *p, struct slice bare, uint64_t owner, unsigned int which,
               pubsub_of_fn *fn, void *cookie);
bool pubsub_of_from(struct pubsub *p, struct slice bare,
                    struct pubsub_of_place const *from, unsigned int which,
                    pubsub_of_fn *fn, void *cookie);

/* Count the nodes of all owners at which the address has an affiliation other than outcast, or
 * subscriptions. */
bool pubsub_of_count(struct pubsub *p, struct slice bare, uint32_t *out);

/* Delete the affiliations and subscriptions of an address, add their number to *done, and stop when
 * *done is most. */
bool pubsub_forget(struct pubsub *p, struct slice bare, unsigned int most,
                   unsigned int *done);

/* ---- requests that were answered (done.c) ---- */

/* pubsub_done_put notes the answer to the request of this digest, 16 bytes: a word (what) and an id
 * of at most PUBSUB_ID_MAX bytes. pubsub_done_get finds the answer; errno ENOENT. */
bool pubsub_done_put(struct pubsub *p, struct slice digest, uint64_t now_us, char what,
                     struct slice id);
bool pubsub_done_get(struct pubsub *p, struct slice digest, char *what, struct slice *id);

#endif
