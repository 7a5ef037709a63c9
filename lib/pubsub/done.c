#include "pubsub/internal.h"

#include <skalibs/uint64.h>

#include <errno.h>
#include <string.h>

/* Answers that a killed program may have given without their having been heard. routed sends a
 * request again within minutes, so old answers may go. Table done is a ring: a slot, 2 bytes, holds
 * the digest of the answer whose number falls on it, and a digest, 16 bytes, holds the answer. The
 * answer of a request that was noted twice has the later number, and stays when the slot of the
 * earlier one is taken. */

struct answer {
  uint64_t us, number;
  struct slice rest; /* what, id */
};

static bool
get(struct pubsub *p, struct slice digest, struct answer *a)
{
  return store_get(p->store, p->done, digest, &a->rest) &&
         pubsub_number(&a->rest, 8, &a->us) && pubsub_number(&a->rest, 8, &a->number) &&
         (a->rest.len || pubsub_bad());
}

/* Delete the answer that has the slot now. */
static bool
make_room(struct pubsub *p, struct slice slot, uint64_t number)
{
  struct slice v;
  struct answer a;
  char digest[16];

  if (!store_get(p->store, p->done, slot, &v)) return errno == ENOENT;
  if (v.len != sizeof digest) return pubsub_bad();
  memcpy(digest, v.s, sizeof digest);
  if (!get(p, slice_of(digest, sizeof digest), &a)) return errno == ENOENT;
  return a.number + PUBSUB_DONE_MAX != number ||
         store_del(p->store, p->done, slice_of(digest, sizeof digest));
}

bool
pubsub_done_put(struct pubsub *p, struct slice digest, uint64_t now_us, char what,
                struct slice id)
{
  uint64_t number = pubsub_take_number(p, SLICE("done")),
           place = number % PUBSUB_DONE_MAX;
  char const at[2] = {(char)(place >> 8), (char)place};
  struct slice slot = slice_of(at, 2);
  stralloc sa = STRALLOC_ZERO;

  return number && make_room(p, slot, number) &&
         store_put(p->store, p->done, slot, digest) &&
         pubsub_put(p, p->done, digest, &sa,
                    pubsub_cat_number(&sa, 8, now_us) &&
                      pubsub_cat_number(&sa, 8, number) && stralloc_catb(&sa, &what, 1) &&
                      (!id.len || stralloc_catb(&sa, id.s, id.len)));
}

bool
pubsub_done_get(struct pubsub *p, struct slice digest, char *what, struct slice *id)
{
  struct answer a;

  if (!get(p, digest, &a)) return false;
  if (a.us + PUBSUB_DONE_US < door_wall()) {
    errno = ENOENT;
    return false;
  }
  *what = a.rest.s[0];
  *id = slice_of(a.rest.s + 1, a.rest.len - 1);
  return true;
}
