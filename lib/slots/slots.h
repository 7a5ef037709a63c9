/* slots: the store of uploads (XEP-0363): slots that were given and not used, and the folders of the
 * owners of files. xmpp-uploadd writes; xmpp-ctl reads.
 *
 * Environment DATA/slots, tables; numbers are 8 bytes, big-endian, times microseconds since 1970
 *   owner  bare JID                    -> number of the owner; its host, NUL, folders below the
 *                                         docroot of the host, a NUL behind each
 *   slot   SHA-256 of FOLDER/SECRET/NAME -> time of expiry, size, number of the owner; then host,
 *                                         owner, folder, secret, name and type, a NUL behind each
 *   open   number of the owner, key of a slot -> time of expiry, size
 *   due    time of expiry, key of a slot -> nothing
 *   meta   "next"                      -> the number that the next owner gets
 * A slot is in slot, open and due, or in none of them. It is deleted when its file is in place: a
 * slot whose file is there was used by a run that was killed before it could say so. */
#ifndef SLOTS_H
#define SLOTS_H

#include "jid/jid.h"
#include "store/store.h"

#define SLOTS_KEY 32

/* The last three segments of the path of a URL, decoded: the folder of the owner, a secret, the
 * name of the file. */
struct slots_place {
  struct slice folder, secret, name;
};

struct slots_slot {
  char key[SLOTS_KEY];
  struct slots_place place;
  struct slice host, owner; /* owner: a bare JID */
  struct slice type;        /* named by the client; may be empty */
  uint64_t number;          /* of the owner */
  uint64_t size, expires_us;
};

/* An owner of files: an account, or an address of another server that may upload. */
struct slots_owner {
  uint64_t number; /* of this store's own; 0: the owner has had no slot */
  struct slice host;
  struct slice folders; /* below the docroot, a NUL behind each */
};

struct slots;

/* Open DATA/slots; the writer makes it. NULL, having logged why. */
struct slots *slots_open(char const *data, bool writer);
void slots_close(struct slots *s);

/* The environment, as store_is_full and store_commit take it. */
struct store *slots_store(struct slots *s);

/* Read what is stored of the owner bare; out lives as a value of store_get. false with errno
 * ENOENT or EIO. */
bool slots_owner(struct slots *s, struct slice bare, struct slots_owner *out);

/* Call fn for each owner by address, until it gives false. It may not write. false with errno
 * EIO. */
typedef bool slots_owner_fn(void *cookie, struct slice bare, struct slots_owner const *o);
bool slots_owners(struct slots *s, slots_owner_fn *fn, void *cookie);

/* Note that files of the owner bare, of this host, lie in this folder, and give the owner's
 * number. 0 with errno: the store failed, or ENAMETOOLONG. */
uint64_t slots_owner_make(struct slots *s, struct slice bare, struct slice host,
                          struct slice folder);

/* Forget the owner bare, which may be unknown. false: the store failed. */
bool slots_owner_del(struct slots *s, struct slice bare);

/* Store slot, whose key is set here. false: the store failed. */
bool slots_put(struct slots *s, struct slots_slot *slot);

/* Find the slot of a place; its texts live as a value of store_get. false with errno ENOENT or
 * EIO. */
bool slots_get(struct slots *s, struct slots_place const *p, struct slots_slot *out);

/* Delete slot; all slots of an owner; at most so many that have expired at now_us. false: the store
 * failed. */
bool slots_del(struct slots *s, struct slots_slot const *slot);
bool slots_del_all(struct slots *s, uint64_t number);
bool slots_prune(struct slots *s, uint64_t now_us, unsigned int most);

/* The slots of an owner that are open at now_us: their number and bytes, and when the first of them
 * expires. false: the store failed. */
struct slots_sum {
  uint64_t n, bytes, first_us;
};

bool slots_sum(struct slots *s, uint64_t number, uint64_t now_us, struct slots_sum *out);

/* Put another host in the place of one, in an entry of a table, for store_rewrite: key and value are
 * changed to texts in room, which begins empty. false with errno ENOMEM, or ENOTSUP: there is no such
 * table. */
bool slots_rehost(struct jid_hosts const *h, char const *table, struct slice *key,
                  struct slice *value, stralloc *room);

#endif
