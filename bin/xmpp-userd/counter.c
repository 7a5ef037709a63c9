#include "userd.h"

#include <stdlib.h>
#include <string.h>

/* Counts of what an account does in an interval, which begins with the first thing that is counted.
 * mod_pres_counter limits the subscription stanzas of an account in each direction: the stanzas
 * above the limit are dropped in silence. */

/* Accounts that are counted at once; more are not counted. */
#define COUNTERS_MAX 65536

#define PICTURES_MS 60000

struct counter {
  struct event_timer timer;
  uint64_t n;
  size_t len;
  char key[]; /* o, i, or p for pictures, then the bare JID */
};

static struct slice
counter_key(void const *item)
{
  struct counter const *c = item;

  return slice_of(c->key, c->len);
}

static struct table counters = {.key = counter_key};

static void
on_end(void *cookie)
{
  struct counter *c = cookie;

  table_del(&counters, counter_key(c));
  free(c);
}

static struct counter *
counter_new(struct slice key, uint64_t interval_ms)
{
  struct counter *c = counters.n < COUNTERS_MAX ? calloc(1, sizeof *c + key.len) : NULL;

  if (!c) return NULL;
  memcpy(c->key, key.s, key.len);
  c->len = key.len;
  if (!table_put(&counters, c)) {
    free(c);
    return NULL;
  }
  event_timer_start(&c->timer, door_now() + 1000 * interval_ms, on_end, c);
  return c;
}

/* Count a stanza of this kind; false: there are more than most now. */
static bool
counts(char kind, struct slice bare, uint64_t interval_ms, uint64_t most)
{
  char buf[1 + JID_MAX];
  struct slice key;
  struct counter *c;

  if (bare.len > JID_MAX) return true;
  buf[0] = kind;
  memcpy(buf + 1, bare.s, bare.len);
  key = slice_of(buf, 1 + bare.len);
  c = table_get(&counters, key);
  if (!c) c = counter_new(key, interval_ms);
  return !c || ++c->n <= most;
}

bool
counter_takes(struct jid const *account, bool outbound)
{
  struct slice host = account->domain;

  return !userd_has(host, "mod_pres_counter") ||
         counts(outbound ? 'o' : 'i', account->bare,
                settings_u64(userd.settings, "mod_pres_counter.interval", host),
                settings_u64(userd.settings, "mod_pres_counter.count", host));
}

bool
counter_takes_picture(struct slice bare)
{
  return counts(
    'p', bare, PICTURES_MS,
    settings_u64(userd.settings, "mod_avatar.rate_limit", jid_cut(bare).domain));
}

/* ---- the state for a trace ---- */

static void
counter_fields(struct snapshot *k, struct counter *c)
{
  stralloc key = {.s = c ? c->key : NULL, .len = c ? c->len : 0};

  snapshot_bytes(k, &key);
  if (snapshot_restores(k)) {
    c = snapshot_new(k, sizeof *c + key.len);
    if (!c) return;
    if (key.len) memcpy(c->key, key.s, key.len);
    c->len = key.len;
    stralloc_free(&key);
    if (!table_put(&counters, c)) snapshot_fail(k, "out of memory");
  }
  SNAPSHOT_INT(k, c->n);
  snapshot_timer(k, &c->timer, on_end, c);
}

void
counter_snapshot(struct snapshot *k)
{
  size_t i;

  for (i = 0; counters.slots && i <= counters.mask && !snapshot_restores(k); i++)
    if (counters.slots[i].item && snapshot_record(k, "counter", true))
      counter_fields(k, counters.slots[i].item);
  while (snapshot_restores(k) && snapshot_record(k, "counter", true))
    counter_fields(k, NULL);
}
