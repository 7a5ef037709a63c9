#include "handle/handle.h"

#include <string.h>

/* Requests that come again. routed says a request again when it, or the link, has not seen the
 * service's acknowledgement: a request that this run of the service has handled has its answer,
 * or will have it, and is handled no second time. The numbers of one source rise, so that the
 * newest says enough. */

static struct source {
  char name[LINK_NAME_MAX + 1];
  uint64_t epoch, number;           /* the newest request */
  uint64_t epoch_kept, number_kept; /* when the last turn ended */
} sources[HANDLE_SOURCES_MAX];

static size_t sources_n;

static struct source *
find(struct slice name)
{
  size_t i;

  for (i = 0; i < sources_n; i++)
    if (slice_is(name, sources[i].name)) return &sources[i];
  if (i == HANDLE_SOURCES_MAX || !name.len || name.len > LINK_NAME_MAX) return NULL;
  memset(&sources[i], 0, sizeof sources[i]);
  memcpy(sources[i].name, name.s, name.len);
  sources_n++;
  return &sources[i];
}

bool
handle_came_before(struct slice origin)
{
  struct stanza_source from;
  struct source *s = stanza_source(origin, &from) && from.epoch ? find(from.name) : NULL;

  if (!s) return false;
  if (s->epoch == from.epoch && from.number <= s->number) return true;
  s->epoch = from.epoch;
  s->number = from.number;
  return false;
}

void
handle_turn(bool kept)
{
  size_t i;

  for (i = 0; i < sources_n; i++) {
    struct source *s = &sources[i];
    if (kept) {
      s->epoch_kept = s->epoch;
      s->number_kept = s->number;
    } else {
      s->epoch = s->epoch_kept;
      s->number = s->number_kept;
    }
  }
}

void
handle_snapshot(struct snapshot *k)
{
  size_t n = sources_n, i;

  if (!snapshot_record(k, "requests", true)) return;
  SNAPSHOT_INT(k, n);
  sources_n = n < HANDLE_SOURCES_MAX ? n : HANDLE_SOURCES_MAX;
  for (i = 0; i < sources_n; i++) {
    snapshot_name(k, sources[i].name, sizeof sources[i].name);
    SNAPSHOT_INT(k, sources[i].epoch);
    SNAPSHOT_INT(k, sources[i].number);
  }
  handle_turn(true);
}
