#include "mucd.h"

#include <skalibs/uint64.h>

#include <stdlib.h>
#include <string.h>

/* Slow mode (XEP-0500): the times of the last messages of persons in rooms that have it. A person is a
 * bare JID, so the limit holds for all sessions and nicks, and over leaving and entering again.
 * Nothing of it is stored: after a restart each may speak at once. */

/* Of one person in one room; those of all rooms are a list in the order of their times. */
struct spoken {
  struct spoken *newer, *older;
  uint64_t us;
  size_t len;
  char key[]; /* ROOM (8), bare JID */
};

static struct slice
key_of_item(void const *item)
{
  struct spoken const *s = item;

  return slice_of(s->key, s->len);
}

static struct table all = {.key = key_of_item};
static struct spoken *oldest, *newest;

/* The key of a person in a room, until the next call. */
static struct slice
key_of(struct room const *r, struct slice bare)
{
  static stralloc key = STRALLOC_ZERO;
  char n[8];

  uint64_pack_big(n, r->number);
  key.len = 0;
  put_slice(&key, slice_of(n, 8));
  put_slice(&key, bare);
  return slice_of(key.s, key.len);
}

static void
forget(struct spoken *s)
{
  table_del(&all, key_of_item(s));
  if (s->older)
    s->older->newer = s->newer;
  else
    oldest = s->newer;
  if (s->newer)
    s->newer->older = s->older;
  else
    newest = s->older;
  free(s);
}

/* Moderators may always speak; of others' messages those with a body count. */
static bool
counts(struct in const *in)
{
  struct session const *s = in->session;

  return s && in->room->config.slow_s && s->o->role != IS_MODERATOR &&
         xml_child(in->e, NS_CLIENT, "body");
}

bool
slow_refuses(struct in *in)
{
  struct spoken const *s =
    counts(in) ? table_get(&all, key_of(in->room, in->from.bare)) : NULL;

  return s && door_now() - s->us < (uint64_t)in->room->config.slow_s * 1000000;
}

void
slow_note(struct in *in)
{
  struct slice key;
  struct spoken *s;

  if (!counts(in)) return;
  key = key_of(in->room, in->from.bare);
  s = table_get(&all, key);
  if (s) forget(s);
  while (oldest &&
         (all.n >= MUC_SLOW_MAX || door_now() - oldest->us > SLOW_MOST_S * 1000000ull))
    forget(oldest);
  s = calloc(1, sizeof *s + key.len);
  if (!s) no_memory();
  s->us = door_now();
  s->len = key.len;
  memcpy(s->key, key.s, key.len);
  s->older = newest;
  if (newest)
    newest->newer = s;
  else
    oldest = s;
  newest = s;
  if (!table_put(&all, s)) no_memory();
}

void
slow_forget(void)
{
  while (oldest)
    forget(oldest);
}
