#include "settings.h"
#include "snapshot.h"
#include "stream.h"
#include "xep0198_ended.h"
#include "xep0198_sm.h"

#include <stdlib.h>
#include <string.h>

/* XEP-0198 s5: a client that comes too late to resume learns at least how many of its stanzas
 * were handled. Each host remembers its newest sessions that are over: as many and as long as
 * mod_stream_mgmt says (cache_size, cache_life_time). */

struct ended {
  struct ended *next; /* of the host: oldest first */
  uint64_t at_us;
  uint32_t h;
  char random[16];
  char jid[]; /* full */
};

static struct slice
random_of(void const *item)
{
  struct ended const *e = item;

  return slice_of(e->random, sizeof e->random);
}

static struct table by_random = {.key = random_of};

static bool
is_over(struct host const *h, struct ended const *e)
{
  return door_now() - e->at_us > h->ended_us;
}

static void
forget_old(struct host *h)
{
  struct ended *e;

  while ((e = h->ended) && (h->ended_n > h->ended_max || is_over(h, e))) {
    table_del(&by_random, random_of(e));
    h->ended = e->next;
    h->ended_n--;
    free(e);
  }
}

void
ended_note(struct stream const *s)
{
  struct host *h = s->host;
  size_t len = strlen(s->session.jid) + 1;
  struct ended *e;

  if (!s->session.sm->max_us) return;
  e = calloc(1, sizeof *e + len);
  if (!e) return;
  e->at_us = door_now();
  e->h = s->session.sm->in.handled;
  memcpy(e->random, s->session.sm->random, sizeof e->random);
  memcpy(e->jid, s->session.jid, len);
  if (table_get(&by_random, random_of(e)) || !table_put(&by_random, e)) {
    free(e);
    return;
  }
  if (h->ended)
    h->ended_last->next = e;
  else
    h->ended = e;
  h->ended_last = e;
  h->ended_n++;
  forget_old(h);
}

bool
ended_find(struct slice token, struct host const *host, char const *bare, uint32_t *h)
{
  struct ended const *e;
  size_t n = strlen(bare), secret = sizeof e->random;

  if (token.len <= secret) return false;
  e = table_get(&by_random, slice_of(token.s, secret));
  if (!e || is_over(host, e) || strncmp(e->jid, bare, n) != 0 || e->jid[n] != '/' ||
      !slice_is(slice_of(token.s + secret + 1, token.len - secret - 1), e->jid + n + 1))
    return false;
  *h = e->h;
  return true;
}

static struct ended *
ended_of(struct snapshot *k, struct ended *e)
{
  char *jid = e ? e->jid : NULL;

  snapshot_text(k, &jid);
  if (!snapshot_restores(k)) return e;
  e = jid ? snapshot_new(k, sizeof *e + strlen(jid) + 1) : NULL;
  if (e) strcpy(e->jid, jid);
  free(jid);
  return e;
}

void
ended_snapshot(struct snapshot *k, struct host *h)
{
  struct ended **at = &h->ended;

  for (; snapshot_record(k, "ended", *at != NULL); at = &(*at)->next) {
    *at = ended_of(k, *at);
    if (!*at) return;
    SNAPSHOT_INT(k, (*at)->at_us);
    SNAPSHOT_INT(k, (*at)->h);
    snapshot_block(k, (*at)->random, sizeof(*at)->random);
    if (!snapshot_restores(k)) continue;
    h->ended_last = *at;
    h->ended_n++;
    if (!table_put(&by_random, *at)) snapshot_fail(k, "out of memory");
  }
}
