/* push: the store of registrations for push notifications (XEP-0357). xmpp-pushd writes; xmpp-ctl
 * reads.
 *
 * Environment DATA/push, tables; numbers are big-endian, times microseconds since 1970
 *   service  number of the account (8 bytes), the -> time of the last use (8 bytes), time of the first
 *            first 16 bytes of the SHA-256 of        of the notifications that did not find the
 *            JID NUL NODE                            service (8 bytes; 0: the last one did), number of
 *                                                    errors in a row (1 byte); then bare JID of the
 *                                                    account, JID, node, client, a NUL behind each;
 *                                                    then the publish options, XML, perhaps empty
 *   away     the same key                           -> what struct push_away has, in its order: three
 *                                                    numbers of 8 bytes and one of 1 byte; no entry:
 *                                                    all 0. An older version has no such table */
#ifndef PUSH_H
#define PUSH_H

#include "jid/jid.h"
#include "store/store.h"

#define PUSH_KEY 16
/* The id of a registration: number of its account, 8 bytes big-endian, and key. */
#define PUSH_ID_BYTES (8 + PUSH_KEY)

/* A registration: notifications of account, a bare JID, go to node of the push service jid. */
struct push_service {
  struct slice account, jid, node;
  /* The client that has enabled it: # and the hash of its user agent's id, or / and its
   * resource. */
  struct slice client;
  struct slice form; /* children of the form of publish options; may be empty */
  uint64_t used_us, lost_us;
  unsigned int failures;
};

/* The notification and the rest that the client of a registration, which is away, has coming. */
struct push_away {
  uint64_t event_us; /* when the newest untold event came; 0: all are told */
  uint64_t session;  /* the session that has had an important notification; 0: none */
  uint64_t until_us; /* when the time of that session is over; UINT64_MAX: never */
  unsigned int what; /* of the event: PUSH_AWAY_* */
};

#define PUSH_AWAY_MESSAGE 1u /* an important one */
#define PUSH_AWAY_CALL 2u

struct push;

/* Open DATA/push; the writer makes it. NULL, having logged why. */
struct push *push_open(char const *data, bool writer);
void push_close(struct push *p);

/* The environment, as store_is_full and store_commit take it. */
struct store *push_store(struct push *p);

/* Write the key of a registration, behind the number of its account. */
void push_key(char key[PUSH_KEY], struct slice jid, struct slice node);

/* push_put stores s. push_del deletes the registration of this key (true also if there is none).
 * false: the store failed. */
bool push_put(struct push *p, uint64_t account, struct push_service const *s);
bool push_del(struct push *p, uint64_t account, char const key[PUSH_KEY]);

/* Find a registration; its texts live as a value of store_get. false with errno ENOENT or EIO. */
bool push_get(struct push *p, uint64_t account, char const key[PUSH_KEY],
              struct push_service *out);

/* push_away_put stores what has come for the client of a registration while it is away; later: as
 * store_put_later does. There need not be such a registration. An *a that is all 0 deletes the
 * entry, as store_del_later does. push_away_get reads the entry: *a is all 0 if there is none.
 * push_del and push_purge delete it, too. false: the store failed. */
bool push_away_put(struct push *p, uint64_t account, char const key[PUSH_KEY],
                   struct push_away const *a, bool later);
bool push_away_get(struct push *p, uint64_t account, char const key[PUSH_KEY],
                   struct push_away *a);

/* push_each calls fn for each registration of an account (0: of all), by key, until fn gives false;
 * push_each_from for each registration from this id on. fn may not write. false with errno EIO. */
typedef bool push_fn(void *cookie, uint64_t account, char const key[PUSH_KEY],
                     struct push_service const *s);
bool push_each(struct push *p, uint64_t account, push_fn *fn, void *cookie);
bool push_each_from(struct push *p, char const id[PUSH_ID_BYTES], push_fn *fn,
                    void *cookie);

/* Find the smallest number above `after` of an account that has registrations. false with errno
 * ENOENT or EIO. */
bool push_next(struct push *p, uint64_t after, uint64_t *account);

/* Delete `most` entries of an account at most, and add their number to *done. false: the store
 * failed. */
bool push_purge(struct push *p, uint64_t account, unsigned int most, unsigned int *done);

/* Make *value, of an entry of a table, the one that it becomes when a host has another name,
 * with its text in room; for store_rewrite. false with errno ENOMEM, or ENOTSUP: there is no
 * such table. */
bool push_rehost(struct jid_hosts const *h, char const *table, struct slice *key,
                 struct slice *value, stralloc *room);

#endif
