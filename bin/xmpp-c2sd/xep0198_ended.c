#include "c2sd.h"

#include <stdlib.h>
#include <string.h>

/* XEP-0198 s5: a client that comes too late to resume learns at least how many of its stanzas
 * were handled. The newest ENDED_MAX sessions are remembered for ENDED_US. */

#define ENDED_MAX 4096u
#define ENDED_US (48ull * 3600 * 1000000)

struct ended {
  char *jid; /* full */
  uint64_t at_us;
  uint32_t h;
  char random[16];
};

static struct ended *ring;
static size_t next;

void
ended_note(struct stream const *s)
{
  struct ended *e;

  if (!s->sm->max_us) return;
  if (!ring) ring = calloc(ENDED_MAX, sizeof *ring);
  if (!ring) return;
  e = &ring[next++ % ENDED_MAX];
  free(e->jid);
  e->jid = strdup(s->jid);
  e->at_us = door_now();
  e->h = s->sm->handled;
  memcpy(e->random, s->sm->random, sizeof e->random);
}

static bool
is_of(struct ended const *e, struct slice token, char const *bare)
{
  size_t n = strlen(bare), secret = sizeof e->random;

  return e->jid && token.len > secret && !memcmp(token.s, e->random, secret) &&
         !strncmp(e->jid, bare, n) && e->jid[n] == '/' &&
         slice_is(slice_of(token.s + secret + 1, token.len - secret - 1), e->jid + n + 1);
}

bool
ended_find(struct slice token, char const *bare, uint32_t *h)
{
  size_t i;

  for (i = 0; ring && i < ENDED_MAX; i++) {
    if (!is_of(&ring[i], token, bare) || door_now() - ring[i].at_us > ENDED_US) continue;
    *h = ring[i].h;
    return true;
  }
  return false;
}
