#include "captcha.h"
#include "registerd.h"

#include <stdlib.h>

/* Streams that are known beyond one request, by the id that their c2sd gave. The c2sd says abort when
 * such a stream logs in or ends. */

static uint64_t count;

struct stream *
stream_of(struct request const *q)
{
  return q->stream && q->link ? id_map_get(q->link->cookie, q->stream) : NULL;
}

static void
drop(struct stream *s)
{
  captcha_drop(s->challenge);
  id_map_del(s->link->cookie, s->id);
  count--;
  free(s);
}

static bool
enter(struct stream *s)
{
  struct link *l = s->link;
  struct stream *old;

  if (!l->cookie) l->cookie = calloc(1, sizeof(struct id_map));
  if (!l->cookie) return false;
  old = id_map_in_slot(l->cookie, s->id);
  if (old) drop(old);
  if (!id_map_put(l->cookie, s->id, s)) return false;
  count++;
  return true;
}

struct stream *
stream_make(struct request const *q)
{
  struct stream *s = stream_of(q);

  if (s || !q->stream || !q->link || count >= REGISTER_STREAMS_MAX) return s;
  s = calloc(1, sizeof *s);
  if (!s) return NULL;
  s->link = q->link;
  s->id = q->stream;
  if (enter(s)) return s;
  free(s);
  return NULL;
}

void
streams_on_abort(struct link *l, struct record *r)
{
  struct stream *s = l->cookie ? id_map_get(l->cookie, record_u64(r, 1)) : NULL;

  if (s) drop(s);
}

void
streams_link_gone(struct link *l)
{
  struct id_map *m = l->cookie;
  uint32_t i;

  for (i = 0; m && i < m->size; i++)
    if (m->v[i].item) drop(m->v[i].item);
  if (m) id_map_wipe(m);
  free(m);
  l->cookie = NULL;
}

uint64_t
streams_count(void)
{
  return count;
}

/* ---- the state for a trace ---- */

static void
fields(struct snapshot *k, struct stream *s)
{
  snapshot_link(k, &s->link);
  SNAPSHOT_INT(k, s->id);
  SNAPSHOT_INT(k, s->forms);
  SNAPSHOT_INT(k, s->made);
  SNAPSHOT_INT(k, s->bad_tokens);
  SNAPSHOT_INT(k, s->invited);
  snapshot_block(k, s->invite, sizeof s->invite);
  SNAPSHOT_INT(k, s->invited_until_us);
}

static void
put_of(struct snapshot *k, struct link *l)
{
  struct id_map *m = l->cookie;
  uint32_t i;

  for (i = 0; m && i < m->size; i++)
    if (m->v[i].item && snapshot_record(k, "stream", true)) fields(k, m->v[i].item);
}

void
streams_snapshot(struct snapshot *k)
{
  struct stream *s;
  struct link *l;

  for (l = link_next(NULL); l && !snapshot_restores(k); l = link_next(l))
    if (l->program == C2SD) put_of(k, l);
  while (snapshot_restores(k) && snapshot_record(k, "stream", true)) {
    s = snapshot_new(k, sizeof *s);
    if (!s) return;
    fields(k, s);
    if (!s->link || !enter(s)) snapshot_fail(k, "a stream has no place");
  }
}
