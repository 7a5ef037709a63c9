#include "snapshot.h"
#include "watch.h"

#include <stdlib.h>
#include <string.h>

struct watcher {
  struct watcher *next;
  struct link *link;
  char what[16];
};

static struct watcher *watchers; /* the newest first */

bool
watch_add(struct link *l, struct slice what)
{
  struct watcher *w;

  for (w = watchers; w; w = w->next)
    if (w->link == l && slice_is(what, w->what)) return true;
  w = what.len < sizeof w->what ? calloc(1, sizeof *w) : NULL;
  if (!w) return false;
  memcpy(w->what, what.s, what.len);
  w->link = l;
  w->next = watchers;
  watchers = w;
  return true;
}

static struct link *
find(char const *what, struct watcher const *w)
{
  while (w && strcmp(w->what, what) != 0)
    w = w->next;
  return w ? w->link : NULL;
}

struct link *
watch_first(char const *what)
{
  return find(what, watchers);
}

struct link *
watch_next(char const *what, struct link const *l)
{
  struct watcher const *w;

  for (w = watchers; w && (w->link != l || strcmp(w->what, what) != 0); w = w->next) {
  }
  return w ? find(what, w->next) : NULL;
}

void
watch_gone(struct link const *l)
{
  struct watcher **at = &watchers, *w;

  while ((w = *at)) {
    if (w->link != l) {
      at = &w->next;
      continue;
    }
    *at = w->next;
    free(w);
  }
}

void
watch_snapshot(struct snapshot *k)
{
  struct watcher **at = &watchers, *w;

  for (; snapshot_record(k, "watcher", *at != NULL); at = &w->next) {
    if (snapshot_restores(k)) *at = snapshot_new(k, sizeof *w);
    w = *at;
    if (!w) return;
    snapshot_link(k, &w->link);
    snapshot_name(k, w->what, sizeof w->what);
  }
}
