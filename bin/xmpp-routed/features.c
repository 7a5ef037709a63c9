#include "features.h"
#include "posts.h"
#include "services.h"
#include "settings.h"
#include "snapshot.h"
#include "watch.h"

#include <stdlib.h>
#include <string.h>

static bool own_changed;

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

/* host NULL: all hosts. */
static void
tell_one(struct link *l, size_t i, char const *host)
{
  link_begin(l, VERB_FEATURE);
  link_str(l, own[i].scope);
  link_str(l, own[i].var);
  if (host) link_str(l, host);
  link_end(l);
}

static bool
all_have(host_fn *is_on)
{
  struct host const *h;

  for (h = routed_hosts(); h; h = h->next)
    if (!is_on(h)) return false;
  return true;
}

static void
tell_own(struct link *l)
{
  struct host const *h;
  size_t i;

  for (i = 0; i < sizeof own / sizeof *own; i++) {
    if (all_have(own[i].is_on)) {
      tell_one(l, i, NULL);
      continue;
    }
    for (h = routed_hosts(); h; h = h->next)
      if (own[i].is_on(h)) tell_one(l, i, h->name);
  }
}

static void
tell(struct link *l)
{
  link_begin(l, VERB_FORGET);
  link_str(l, "features");
  link_end(l);
  tell_own(l);
  services_tell(l);
}

void
features_changed(void)
{
  own_changed = true;
}

void
features_watched(struct post *p)
{
  (void)p;
  features_changed();
}

void
features_turn(void)
{
  struct post *p = NULL;
  bool changed = services_have_changed() || own_changed;

  own_changed = false;
  while (changed && (p = watch_next(WATCH_FEATURES, p)))
    if (watch_link(WATCH_FEATURES, p)) tell(p->link);
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
features_caps(struct link *l, struct record *r)
{
  struct slice host = record_get(r, 1);
  struct caps *c;

  (void)l;
  for (c = caps; c && !slice_is(host, c->host); c = c->next) {
  }
  if (!c) {
    c = calloc(1, sizeof *c);
    if (!c) return;
    c->host = slice_dup(host);
    c->next = caps;
    caps = c;
  }
  free(c->node);
  free(c->ver);
  c->node = slice_dup(record_get(r, 2));
  c->ver = slice_dup(record_get(r, 3));
  for (l = link_next(NULL); l; l = link_next(l))
    if (l->up && l->program == C2SD) tell_caps(l, c);
}

void
features_up(struct link *l)
{
  struct caps const *c;

  for (c = caps; c; c = c->next)
    tell_caps(l, c);
}

/* ---- the state for a trace ---- */

void
features_snapshot(struct snapshot *k)
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
  if (snapshot_record(k, "own", true)) SNAPSHOT_INT(k, own_changed);
}
