#include "conn.h"

#include <stdlib.h>

/* The shaper: a token bucket in bytes, kept in millionths of one. */

static void
refill(void *cookie)
{
  struct conn *c = cookie;

  c->waiting = false;
  conn_want(c);
}

void
shaper_count(struct conn *c, size_t n)
{
  struct shaper *sh = c->shaper;
  uint64_t us, full_us;
  int64_t most;

  if (!sh) return;
  most = (int64_t)(sh->burst * 1000000);
  /* Not longer than it takes to fill the bucket; not at all when the clock was set back. */
  us = door_now() > sh->filled_us ? door_now() - sh->filled_us : 0;
  full_us = (uint64_t)(most - sh->tokens) / sh->rate;
  if (us > full_us)
    sh->tokens = most;
  else
    sh->tokens += (int64_t)(us * sh->rate);
  sh->filled_us = door_now();
  sh->tokens -= (int64_t)n * 1000000;
  if (sh->tokens >= 0) return;
  c->waiting = true;
  event_timer_start(&sh->timer, door_now() + (uint64_t)-sh->tokens / sh->rate + 1, refill,
                    c);
}

void
shaper_set(struct conn *c, uint64_t rate, uint64_t burst)
{
  if (c->shaper) event_timer_cancel(&c->shaper->timer);
  free(c->shaper);
  c->shaper = NULL;
  c->waiting = false;
  if (!rate) return;
  c->shaper = calloc(1, sizeof *c->shaper);
  if (!c->shaper) {
    log_event(LOG_WARN, "shaper-unavailable", "conn", log_conn(service_instance(), c->id),
              "ip", log_peer(slice_str(c->ip)), "why", "out of memory", NULL);
    return;
  }
  c->shaper->rate = rate;
  c->shaper->burst = burst ? burst : rate;
  c->shaper->tokens = (int64_t)(c->shaper->burst * 1000000);
  c->shaper->filled_us = door_now();
}
