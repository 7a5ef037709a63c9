#include "routed.h"

#include <stdlib.h>
#include <string.h>

/* What the running programs have announced. A registration lives as long as its link; the
 * newest for the same thing wins, and the older one is there again when it ends. */

struct entry {
  struct entry *next;
  struct link *link;
  enum verb verb;
  char *key;      /* of serve: the domain; of handle: "SCOPE NAMESPACE" */
  char *field[4]; /* of feature, identity, item: as they were said */
};

struct watcher {
  struct watcher *next;
  struct link *link;
};

static struct entry *entries; /* in the order of arrival */
static struct watcher *watchers;
static bool changed;

static char *
copy(struct slice s)
{
  return strndup(s.len ? s.s : "", s.len);
}

static void
entry_free(struct entry *e)
{
  unsigned int i;

  free(e->key);
  for (i = 0; i < 4; i++)
    free(e->field[i]);
  free(e);
}

static struct entry *
entry_new(struct link *l, enum verb v)
{
  struct entry *e = calloc(1, sizeof *e), **at;

  if (!e) {
    log_event(LOG_WARN, "registration-lost", "link", l->name, "why", "out of memory",
              NULL);
    return NULL;
  }
  e->link = l;
  e->verb = v;
  for (at = &entries; *at; at = &(*at)->next) {
  }
  *at = e;
  return e;
}

/* Keys are found through a table of the newest entry for each; it is made anew when the
 * registrations change, which is seldom. */
static struct slice
entry_key(void const *item)
{
  return slice_str(((struct entry const *)item)->key);
}

static struct table by_key = {.key = entry_key};
static bool table_is_old;

static void
make_table(void)
{
  struct entry *e;

  if (!table_is_old) return;
  table_is_old = false;
  table_wipe(&by_key);
  for (e = entries; e; e = e->next) {
    if (!e->key) continue;
    table_del(&by_key, slice_str(e->key));
    if (!table_put(&by_key, e))
      log_event(LOG_WARN, "registration-lost", "why", "out of memory", NULL);
  }
}

static struct link *
find(struct slice key)
{
  struct entry const *e;

  make_table();
  e = table_get(&by_key, key);
  return e ? e->link : NULL;
}

void
services_serve(struct link *l, struct record *r)
{
  struct entry *e = entry_new(l, VERB_SERVE);

  if (!e) return;
  e->key = copy(record_get(r, 1));
  table_is_old = true;
}

static bool
make_key(stralloc *sa, struct slice scope, struct slice ns)
{
  sa->len = 0;
  return stralloc_catb(sa, scope.s, scope.len) && stralloc_catb(sa, " ", 1) &&
         stralloc_catb(sa, ns.s, ns.len);
}

static stralloc key_text = STRALLOC_ZERO;

void
services_handle(struct link *l, struct record *r)
{
  struct entry *e;

  if (!make_key(&key_text, record_get(r, 1), record_get(r, 2))) return;
  e = entry_new(l, VERB_HANDLE);
  if (!e) return;
  e->key = strndup(key_text.s, key_text.len);
  table_is_old = true;
}

void
services_show(struct link *l, struct record *r, enum verb v)
{
  struct entry *e = entry_new(l, v);
  unsigned int i;

  if (!e) return;
  for (i = 0; i < 4; i++)
    e->field[i] = copy(record_get(r, i + 1));
  changed = true;
}

void
services_watch(struct link *l, struct record *r)
{
  struct watcher *w =
    slice_is(record_get(r, 1), "features") ? calloc(1, sizeof *w) : NULL;

  if (!w) return;
  w->link = l;
  w->next = watchers;
  watchers = w;
  changed = true;
}

void
services_of_link_gone(struct link *l)
{
  struct entry **at = &entries, *e;
  struct watcher **wat = &watchers, *w;

  while ((e = *at)) {
    if (e->link != l) {
      at = &e->next;
      continue;
    }
    *at = e->next;
    entry_free(e);
    changed = table_is_old = true;
  }
  while ((w = *wat)) {
    if (w->link != l) {
      wat = &w->next;
      continue;
    }
    *wat = w->next;
    free(w);
  }
}

static void
tell(struct link *l)
{
  struct entry const *e;
  unsigned int i;

  link_begin(l, VERB_FORGET);
  link_str(l, "features");
  link_end(l);
  for (e = entries; e; e = e->next) {
    if (e->key) continue;
    link_begin(l, e->verb);
    for (i = 0; i < 4; i++)
      link_str(l, e->field[i]);
    link_end(l);
  }
}

void
services_turn(void)
{
  struct watcher const *w;

  if (!changed) return;
  changed = false;
  for (w = watchers; w; w = w->next)
    tell(w->link);
}

struct link *
services_domain(struct slice domain)
{
  return find(domain);
}

struct link *
services_handler(char const *scope, struct slice ns)
{
  if (!ns.len || !make_key(&key_text, slice_str(scope), ns)) return NULL;
  return find(slice_of(key_text.s, key_text.len));
}
