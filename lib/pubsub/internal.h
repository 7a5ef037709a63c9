/* Private to lib/pubsub. */
#ifndef PUBSUB_INTERNAL_H
#define PUBSUB_INTERNAL_H

#include "pubsub/pubsub.h"

struct pubsub {
  struct store *store;
  MDB_dbi services, nodes, node, items, ids, expiry, affs, subs, byjid, moved, owners,
    done, gone, meta, dropped, leavers;
};

/* A key of up to two numbers and a text. */
struct pubsub_key {
  char bytes[512];
  size_t len;
};

struct slice pubsub_key(struct pubsub_key *k, uint64_t a, struct slice rest);
struct slice pubsub_key2(struct pubsub_key *k, uint64_t a, uint64_t b);

/* Read 2 bytes length and a text at the head of *rest; append them. */
bool pubsub_text(struct slice *rest, struct slice *out);
/* (errno ENAMETOOLONG, or ENOMEM) */
bool pubsub_cat_text(stralloc *out, struct slice text);

/* Read and append a number of so many bytes. */
bool pubsub_number(struct slice *rest, size_t bytes, uint64_t *out);
bool pubsub_cat_number(stralloc *out, size_t bytes, uint64_t n);

/* errno EIO: a value is not as it should be. */
bool pubsub_bad(void);

/* Take the next number of this name in table meta. 0: errno EIO. */
uint64_t pubsub_take_number(struct pubsub *p, struct slice name);

/* Store the head of n as it is now. */
bool pubsub_node_put(struct pubsub *p, struct pubsub_node const *n);

/* Add to the sums of the owner of n, and of its creator at a service (counts.c). */
bool pubsub_count(struct pubsub *p, struct pubsub_node const *n, int nodes, int64_t items,
                  int64_t bytes);

/* Put a value that is in sa if it came to be whole, and free it. Else errno is kept. */
bool pubsub_put(struct pubsub *p, MDB_dbi t, struct slice key, stralloc *sa, bool whole);

/* The bare address of jid, a part of it. */
struct slice pubsub_bare(struct slice jid);

/* Say whether an address is too long for a key, or empty; errno is ENAMETOOLONG then. */
bool pubsub_is_too_long(struct slice jid);

/* Set or clear bits (PUBSUB_OF_*) of what the address has to do with the node (byjid.c). */
bool pubsub_mark(struct pubsub *p, struct pubsub_node const *n, struct slice bare,
                 unsigned int which, bool set);

/* The key of an item's id. */
struct slice pubsub_id_key(struct pubsub_key *k, uint64_t node, struct slice id);

/* Read an item out of its value. */
bool pubsub_item_read(struct slice key, struct slice value, struct pubsub_item *out);

/* The nodes that have gone leave their items behind: delete at most so many with what else there is
 * of each, and add their number to *done. */
bool pubsub_items_purge(struct pubsub *p, uint64_t node, unsigned int most,
                        unsigned int *done);

/* The addresses of deleted nodes (moved.c). */
bool pubsub_moved_put(struct pubsub *p, uint64_t owner, struct slice name,
                      struct slice uri);
bool pubsub_moved_del(struct pubsub *p, uint64_t owner, struct slice name);

#endif
