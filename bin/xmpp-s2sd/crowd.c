#include "crowd.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

/* An address stands for a network of IPv6 (/64). */
struct place {
  struct slice key;
  uint64_t n;
  unsigned char bytes[17]; /* the family, and 4 or 8 bytes of the address */
};

static struct slice
key_of(void const *item)
{
  return ((struct place const *)item)->key;
}

static struct table places = {.key = key_of};
static uint64_t all;

/* Connections that strangers have made us make; the place is a hash, with a key that no stranger
 * knows: two places that share an entry take it from each other. */
static struct {
  uint64_t key[2];

  struct dialer {
    uint64_t hash, since_us, n;
  } v[S2S_STRANGERS];
} dialers;

static void
read_address(struct place *p, char const *ip)
{
  unsigned char a[16] = {0};
  bool four = inet_pton(AF_INET, ip, a) == 1;

  if (!four && inet_pton(AF_INET6, ip, a) != 1) memset(a, 0, sizeof a);
  p->bytes[0] = four ? 4 : 6;
  memcpy(p->bytes + 1, a, four ? 4 : 8);
  p->key = slice_of((char const *)p->bytes, four ? 5 : 9);
}

bool
crowd_enter(struct stream *s)
{
  struct place at = {.n = 0}, *p;

  if (all >= s2sd->before_auth_max) return false;
  read_address(&at, s->c.ip);
  p = table_get(&places, at.key);
  if (!p) {
    p = calloc(1, sizeof *p);
    if (!p) return false;
    read_address(p, s->c.ip);
    if (!table_put(&places, p)) {
      free(p);
      return false;
    }
  }
  if (p->n >= s2sd->per_address_max) return false;
  p->n++;
  all++;
  return s->counted = true;
}

void
crowd_leave(struct stream *s)
{
  struct place at = {.n = 0}, *p;

  if (!s->counted) return;
  s->counted = false;
  all--;
  read_address(&at, s->c.ip);
  p = table_get(&places, at.key);
  if (!p || --p->n) return;
  table_del(&places, at.key);
  free(p);
}

uint64_t
crowd_count(void)
{
  return all;
}

static struct dialer *
dialer_of(char const *ip, uint64_t *hash)
{
  struct place at = {.n = 0};

  if (!dialers.key[0]) door_random(dialers.key, sizeof dialers.key);
  read_address(&at, ip);
  *hash = hash_keyed(dialers.key, 0, at.key);
  return &dialers.v[*hash % S2S_STRANGERS];
}

bool
crowd_may_dial(char const *ip)
{
  uint64_t h;
  struct dialer *d = dialer_of(ip, &h);

  if (d->hash != h || door_now() > d->since_us + 60000000u)
    *d = (struct dialer){h, door_now(), 0};
  return d->n++ < S2S_STRANGER_DIALS;
}

/* The streams are counted anew. */
static void
count_again(struct stream *s)
{
  bool was = s->counted;

  s->counted = false;
  if (was && !crowd_enter(s)) all++;
}

void
crowd_snapshot(struct snapshot *k)
{
  struct stream *s;

  if (snapshot_record(k, "strangers", true)) snapshot_block(k, &dialers, sizeof dialers);
  for (s = streams_first(); s && snapshot_restores(k); s = s->next)
    count_again(s);
}
