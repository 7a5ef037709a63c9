#include "senders.h"

#include <stdlib.h>

/* A sender who writes to many domains fills no queue of a pair, but all of them together, and then
 * nobody else could write. So the bytes of each sender are limited too. */

struct sender {
  uint64_t bytes;
  bool full; /* that is logged */
  char bare[];
};

static struct slice
sender_key(void const *sender)
{
  return slice_str(((struct sender const *)sender)->bare);
}

static struct table senders = {.key = sender_key};
static uint64_t sender_max = S2S_SENDER_BYTES;

void
senders_take(uint64_t max)
{
  sender_max = max;
}

static struct sender *
sender_make(struct slice bare)
{
  struct sender *s = table_get(&senders, bare);

  if (s) return s;
  s = calloc(1, sizeof *s + bare.len + 1);
  if (!s) return NULL;
  if (bare.len) memcpy(s->bare, bare.s, bare.len);
  if (table_put(&senders, s)) return s;
  free(s);
  return NULL;
}

bool
senders_add(struct slice bare, uint64_t bytes)
{
  struct sender *s = sender_make(bare);

  if (!s) return false;
  if (s->bytes && s->bytes + bytes > sender_max) {
    if (!s->full)
      log_event(LOG_WARN, "sender-full", "jid", s->bare, "bytes", log_num(s->bytes),
                "why", "other servers do not take the stanzas of the sender", NULL);
    s->full = true;
    return false;
  }
  s->bytes += bytes;
  return true;
}

void
senders_sub(struct slice bare, uint64_t bytes)
{
  struct sender *s = table_get(&senders, bare);

  if (!s) return;
  s->bytes -= bytes < s->bytes ? bytes : s->bytes;
  s->full = false;
  if (!s->bytes) free(table_del(&senders, bare));
}
