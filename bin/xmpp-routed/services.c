#include "expected.h"
#include "posts.h"
#include "presence.h"
#include "services.h"
#include "sessions.h"
#include "settings.h"
#include "snapshot.h"

#include <stdlib.h>
#include <string.h>

/* Announcements of the running programs. A registration lives as long as the post of
 * its service; the newest for the same thing wins, and the older one is there again
 * when the newest ends. A restarted service announces all anew: a registration that it
 * has not said again after SERVICE_SETTLE_US ends. */

struct entry {
  struct entry *next;
  struct post *post;
  enum verb verb;
  char *key;      /* of serve: the domain; of handle: "SCOPE NAMESPACE" */
  char *field[4]; /* of feature, identity, item: as they were said */
  bool old;       /* said by a program that has been restarted since */
};

struct watcher {
  struct watcher *next;
  struct link *link;
  char what[16];
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

static bool
same_fields(struct entry const *e, struct record *r)
{
  unsigned int i;

  for (i = 0; i < 4; i++)
    if (!slice_is(record_get(r, i + 1), e->field[i])) return false;
  return true;
}

/* Say whether the service had announced the same before its restart; it counts as said
 * again. */
static bool
said_again(struct post const *p, enum verb v, char const *key, struct record *r)
{
  struct entry *e;

  for (e = entries; e; e = e->next) {
    if (!e->old || e->post != p || e->verb != v) continue;
    if (key ? strcmp(e->key, key) != 0 : !same_fields(e, r)) continue;
    e->old = false;
    return true;
  }
  return false;
}

static struct entry *
entry_new(struct link *l, enum verb v)
{
  struct entry *e = calloc(1, sizeof *e), **at;

  if (e) e->post = post_of(l);
  if (!e || !e->post) {
    log_event(LOG_WARN, "registration-lost", "link", l->name, "why", "out of memory",
              NULL);
    free(e);
    return NULL;
  }
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

static struct post *
find(struct slice key)
{
  struct entry const *e;

  make_table();
  e = table_get(&by_key, key);
  return e ? e->post : NULL;
}

static void
add_key(struct link *l, enum verb v, struct slice text)
{
  char *key = copy(text);
  struct entry *e;

  expected_announced(l);
  if (key && said_again(post_of(l), v, key, NULL)) {
    free(key);
    return;
  }
  e = key ? entry_new(l, v) : NULL;
  if (!e) {
    free(key);
    return;
  }
  e->key = key;
  table_is_old = true;
}

void
services_serve(struct link *l, struct record *r)
{
  add_key(l, VERB_SERVE, record_get(r, 1));
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
  if (make_key(&key_text, record_get(r, 1), record_get(r, 2)))
    add_key(l, VERB_HANDLE, slice_of(key_text.s, key_text.len));
}

void
services_show(struct link *l, struct record *r, enum verb v)
{
  struct entry *e;
  unsigned int i;

  if (said_again(post_of(l), v, NULL, r)) return;
  e = entry_new(l, v);
  if (!e) return;
  for (i = 0; i < 4; i++)
    e->field[i] = copy(record_get(r, i + 1));
  changed = true;
}

static bool
add_watcher(struct link *l, struct slice what)
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

static void
still_online(struct session *s, void const *cookie)
{
  (void)cookie;
  presence_still_online(s);
}

/* Asked again, it is told again; but it watches once. */
void
services_watch(struct link *l, struct record *r)
{
  struct slice what = record_get(r, 1);

  expected_announced(l);
  if (!add_watcher(l, what)) return;
  if (slice_is(what, "online") && post_of(l)) {
    post_of(l)->wants_online = true;
    if (l->program == MAMD) sessions_each(still_online, NULL);
  }
  if (slice_is(what, "features")) changed = true;
  if (slice_is(what, "presence")) presence_recall();
}

struct link *
services_watcher(char const *what)
{
  struct watcher const *w;

  for (w = watchers; w; w = w->next)
    if (!strcmp(w->what, what)) return w->link;
  return NULL;
}

void
services_of_link_gone(struct link *l)
{
  struct watcher **wat = &watchers, *w;

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
drop_entries(struct post const *p, bool old_only)
{
  struct entry **at = &entries, *e;

  while ((e = *at)) {
    if (e->post != p || (old_only && !e->old)) {
      at = &e->next;
      continue;
    }
    *at = e->next;
    entry_free(e);
    changed = table_is_old = true;
  }
}

void
services_settled(struct post *p)
{
  drop_entries(p, true);
}

bool
services_begin(struct post *p)
{
  struct entry *e;
  bool any = false;

  for (e = entries; e; e = e->next)
    if (e->post == p) any = e->old = true;
  return any;
}

void
services_of_post_gone(struct post *p)
{
  drop_entries(p, false);
}

/* ---- caps of the hosts (XEP-0115) ---- */

struct caps {
  struct caps *next;
  char *host, *node, *ver;
};

static struct caps *caps;

static void
tell_caps(struct link *l, struct caps const *c)
{
  link_begin(l, VERB_CAPS);
  link_str(l, c->host);
  link_str(l, c->node);
  link_str(l, c->ver);
  link_end(l);
}

void
services_caps(struct link *l, struct record *r)
{
  struct slice host = record_get(r, 1);
  struct caps *c;

  (void)l;
  for (c = caps; c && !slice_is(host, c->host); c = c->next) {
  }
  if (!c) {
    c = calloc(1, sizeof *c);
    if (!c) return;
    c->host = copy(host);
    c->next = caps;
    caps = c;
  }
  free(c->node);
  free(c->ver);
  c->node = copy(record_get(r, 2));
  c->ver = copy(record_get(r, 3));
  for (l = link_next(NULL); l; l = link_next(l))
    if (l->up && l->program == C2SD) tell_caps(l, c);
}

void
services_up(struct link *l)
{
  struct caps const *c;

  for (c = caps; c; c = c->next)
    tell_caps(l, c);
}

/* ---- telling, finding ---- */

static bool
host_has_carbons(struct host const *h)
{
  return h->has_carbons;
}

static bool
host_has_mam(struct host const *h)
{
  return h->has_mam;
}

/* Features that routed itself gives accounts (XEP-0280 s3, s6.2; XEP-0359 s2.1). */
static struct {
  char const *scope, *var;
  host_fn *is_on;
} const own[] = {
  {"host",    "urn:xmpp:carbons:2",       host_has_carbons},
  {"account", "urn:xmpp:carbons:2",       host_has_carbons},
  {"host",    "urn:xmpp:carbons:rules:0", host_has_carbons},
  {"account", "urn:xmpp:sid:0",           host_has_mam    },
};

static void
tell_own(struct link *l)
{
  size_t i;

  for (i = 0; i < sizeof own / sizeof *own; i++) {
    if (!routed_any(own[i].is_on)) continue;
    link_begin(l, VERB_FEATURE);
    link_str(l, own[i].scope);
    link_str(l, own[i].var);
    link_end(l);
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
  tell_own(l);
  for (e = entries; e; e = e->next) {
    if (e->key) continue;
    link_begin(l, e->verb);
    for (i = 0; i < 4; i++)
      link_str(l, e->field[i]);
    link_end(l);
  }
}

void
services_changed(void)
{
  changed = true;
}

void
services_turn(void)
{
  struct watcher const *w;

  if (!changed) return;
  changed = false;
  for (w = watchers; w; w = w->next)
    if (!strcmp(w->what, "features")) tell(w->link);
}

struct post *
services_domain(struct slice domain)
{
  return find(domain);
}

struct post *
services_handler(char const *scope, struct slice ns)
{
  if (!ns.len || !make_key(&key_text, slice_str(scope), ns)) return NULL;
  return find(slice_of(key_text.s, key_text.len));
}

/* ---- the state for a trace ---- */

static void
entries_snapshot(struct snapshot *k)
{
  struct entry **at = &entries, *e;
  unsigned int i;

  for (; snapshot_record(k, "entry", *at != NULL); at = &e->next) {
    if (snapshot_restores(k)) *at = snapshot_new(k, sizeof *e);
    e = *at;
    if (!e) return;
    snapshot_post(k, &e->post);
    snapshot_verb(k, &e->verb);
    snapshot_text(k, &e->key);
    for (i = 0; i < 4; i++)
      snapshot_text(k, &e->field[i]);
    SNAPSHOT_INT(k, e->old);
  }
}

static void
caps_snapshot(struct snapshot *k)
{
  struct caps **at = &caps, *c;

  for (; snapshot_record(k, "caps", *at != NULL); at = &c->next) {
    if (snapshot_restores(k)) *at = snapshot_new(k, sizeof *c);
    c = *at;
    if (!c) return;
    snapshot_text(k, &c->host);
    snapshot_text(k, &c->node);
    snapshot_text(k, &c->ver);
  }
}

void
services_snapshot(struct snapshot *k)
{
  struct watcher **at = &watchers, *w;

  entries_snapshot(k);
  for (; snapshot_record(k, "watcher", *at != NULL); at = &w->next) {
    if (snapshot_restores(k)) *at = snapshot_new(k, sizeof *w);
    w = *at;
    if (!w) return;
    snapshot_link(k, &w->link);
    snapshot_name(k, w->what, sizeof w->what);
  }
  caps_snapshot(k);
  table_is_old = true;
  if (snapshot_record(k, "changed", true)) SNAPSHOT_INT(k, changed);
}
