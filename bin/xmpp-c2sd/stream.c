#include "stream.h"
#include "xep0198_sm.h"

#include <stdlib.h>
#include <string.h>

/* The table of streams, by sid: the name by which routed and authd know them. */

static struct ids streams;

struct stream *
stream_new(void)
{
  struct stream *s = calloc(1, sizeof *s);

  if (s) s->sid = ids_take(&streams, s);
  if (s && s->sid) return s;
  free(s);
  return NULL;
}

void
stream_drop(struct stream *s)
{
  ids_give(&streams, s->sid);
  free(s);
}

struct stream *
stream_find(uint64_t sid)
{
  return ids_get(&streams, sid);
}

bool
stream_is_whole(struct stream const *s)
{
  return s->session.sm && s->session.sm->max_us;
}

bool
stream_is_session(struct stream const *s)
{
  return s->state == ST_BOUND || s->state == ST_AWAY || s->state == ST_METADATA ||
         (s->state == ST_RESUMING && stream_is_whole(s));
}

struct slice
stream_bare(struct stream const *s)
{
  char const *jid = s->session.jid, *slash = strchr(jid, '/');

  return slash ? slice_of(jid, (size_t)(slash - jid)) : slice_str(jid);
}

bool
stream_renew(struct stream *s)
{
  uint64_t sid = ids_take(&streams, s);

  if (!sid) return false;
  ids_give(&streams, s->sid);
  s->sid = sid;
  return true;
}

void
stream_swap(struct stream *s, struct stream *old)
{
  uint64_t sid = s->sid;

  s->sid = old->sid;
  old->sid = sid;
  ids_set(&streams, s->sid, s);
  ids_set(&streams, old->sid, old);
}

void
stream_each(stream_each_fn *fn)
{
  uint32_t i;

  for (i = 0; i < streams.used; i++) {
    struct stream *s = ids_at(&streams, i);
    if (!s) continue;
    fn(s);
    conduit_settle(&s->c);
  }
}

uint64_t
streams_count(void)
{
  return streams.live;
}

uint64_t
streams_in(enum state st)
{
  uint64_t n = 0;
  uint32_t i;

  for (i = 0; i < streams.used; i++) {
    struct stream const *s = ids_at(&streams, i);
    n += s && s->state == st;
  }
  return n;
}

/* ---- the state for a trace ---- */

static struct stream *
snapshot_next(struct snapshot *k, uint32_t *i)
{
  struct stream *s = NULL;

  if (snapshot_restores(k)) return snapshot_new(k, sizeof *s);
  while (*i < streams.used && !(s = ids_at(&streams, *i)))
    ++*i;
  ++*i;
  return s;
}

void
streams_snapshot(struct snapshot *k, stream_fields_fn *fields)
{
  uint32_t i = 0;
  struct stream *s;

  snapshot_ids(k, &streams);
  while ((s = snapshot_next(k, &i)) && snapshot_record(k, "stream", true)) {
    fields(k, s);
    if (snapshot_restores(k) && !ids_restore(&streams, s->sid, s))
      snapshot_fail(k, "a stream has no place");
  }
  if (snapshot_restores(k)) free(s);
}
