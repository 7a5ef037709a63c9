#include "expected.h"
#include "pairs.h"
#include "posts.h"
#include "services.h"
#include "snapshot.h"

#include <stdlib.h>
#include <string.h>

/* Announcements of the running programs. A registration lives as long as the post of
 * its service; the newest for the same thing wins, and the older one is there again
 * when the newest ends. A restarted service announces all anew: a registration that it
 * has not said again after SERVICE_SETTLE_US ends. */

/* Fields of identity and item, the longest. */
#define FIELDS 5

struct entry {
  struct entry *next;
  struct post *post;
  enum verb verb;
  char *key;           /* of serve: DOMAIN; of handle: "SCOPE NAMESPACE[ HOST]" */
  char *field[FIELDS]; /* of feature, identity, item: as they were said */
  bool old;            /* said by a program that has been restarted since */
};

static struct entry *entries; /* in the order of arrival */
static bool changed;
static bool domains_are_old; /* services_domains_have_changed */

static void
entry_free(struct entry *e)
{
  unsigned int i;

  free(e->key);
  for (i = 0; i < FIELDS; i++)
    free(e->field[i]);
  free(e);
}

static bool
same_fields(struct entry const *e, struct record *r)
{
  unsigned int i;

  for (i = 0; i < FIELDS; i++)
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
static bool any_of_a_host; /* a service has said handle for a host alone */

static bool
is_of_a_host(struct entry const *e)
{
  char const *ns = strchr(e->key, ' ');

  return ns && strchr(ns + 1, ' ');
}

static void
make_table(void)
{
  struct entry *e;

  if (!table_is_old) return;
  table_is_old = false;
  table_wipe(&by_key);
  any_of_a_host = false;
  for (e = entries; e; e = e->next) {
    if (!e->key) continue;
    any_of_a_host = any_of_a_host || (e->verb == VERB_HANDLE && is_of_a_host(e));
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
  char *key = slice_dup(text);
  struct entry *e;

  expected_announces(l);
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
  if (v == VERB_SERVE) domains_are_old = true;
}

void
services_serve(struct link *l, struct record *r)
{
  if (slice_is(record_get(r, 1), DOMAIN_OTHERS) && l->program != S2SD) {
    log_event(LOG_WARN, "registration-refused", "link", l->name, "domain", DOMAIN_OTHERS,
              "why", "only xmpp-s2sd serves all other domains", NULL);
    return;
  }
  add_key(l, VERB_SERVE, record_get(r, 1));
}

static bool
make_key(stralloc *sa, struct slice scope, struct slice ns, struct slice host)
{
  sa->len = 0;
  return stralloc_catb(sa, scope.s, scope.len) && stralloc_catb(sa, " ", 1) &&
         stralloc_catb(sa, ns.s, ns.len) &&
         (!host.len ||
          (stralloc_catb(sa, " ", 1) && stralloc_catb(sa, host.s, host.len)));
}

static stralloc key_text = STRALLOC_ZERO;

void
services_handle(struct link *l, struct record *r)
{
  if (make_key(&key_text, record_get(r, 1), record_get(r, 2), record_get(r, 3)))
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
  for (i = 0; i < FIELDS; i++)
    e->field[i] = slice_dup(record_get(r, i + 1));
  changed = true;
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
    if (e->verb == VERB_SERVE) domains_are_old = true;
    entry_free(e);
    table_is_old = true;
    changed = true;
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
services_forget(struct link *l, struct record *r)
{
  struct slice what = record_get(r, 1);
  struct post *post = post_of(l);

  if (!post) return;
  if (slice_is(what, "announced"))
    services_begin(post);
  else if (slice_is(what, "old")) {
    services_settled(post);
    expected_announced(l);
  }
}

void
services_of_post_gone(struct post *p)
{
  drop_entries(p, false);
}

/* ---- telling, finding ---- */

bool
services_domains_have_changed(void)
{
  bool was = domains_are_old;

  domains_are_old = false;
  return was;
}

bool
services_have_changed(void)
{
  bool was = changed;

  changed = false;
  return was;
}

void
services_tell(struct link *l)
{
  struct entry const *e;
  unsigned int i, n;

  for (e = entries; e; e = e->next) {
    if (e->key) continue;
    link_begin(l, e->verb);
    for (n = FIELDS; n && !*e->field[n - 1];)
      n--;
    for (i = 0; i < n; i++)
      link_str(l, e->field[i]);
    link_end(l);
  }
}

void
services_each_domain(void (*fn)(char const *domain))
{
  struct entry const *e;

  for (e = entries; e; e = e->next)
    if (e->verb == VERB_SERVE) fn(e->key);
}

struct post *
services_others(void)
{
  return find(SLICE(DOMAIN_OTHERS));
}

/* An address may have the text of DOMAIN_OTHERS as its domain. */
struct post *
services_domain(struct slice domain)
{
  return slice_is(domain, DOMAIN_OTHERS) ? NULL : find(domain);
}

struct post *
services_handler(char const *scope, struct slice ns, struct slice host)
{
  struct post *post = NULL;

  if (!ns.len) return NULL;
  make_table();
  if (any_of_a_host && make_key(&key_text, slice_str(scope), ns, host))
    post = find(slice_of(key_text.s, key_text.len));
  if (!post && make_key(&key_text, slice_str(scope), ns, SLICE("")))
    post = find(slice_of(key_text.s, key_text.len));
  return post;
}

struct post *
services_resource(struct jid const *a)
{
  struct slice rest = a->resource, name = {0};

  slice_word(&rest, '/', &name);
  return services_handler("resource", name, a->domain);
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
    for (i = 0; i < FIELDS; i++)
      snapshot_text(k, &e->field[i]);
    SNAPSHOT_INT(k, e->old);
  }
}

void
services_snapshot(struct snapshot *k)
{
  entries_snapshot(k);
  table_is_old = true;
  if (snapshot_record(k, "changed", true)) SNAPSHOT_INT(k, changed);
}
