#include "settings.h"

#include <stdlib.h>
#include <string.h>

char const *const routed_needs[] = {
  "anonymous_sessions",
  "anonymous_sessions_per_address",
  "auth_method",
  "extauth_cache",
  "mod_mam.assume_mam_usage",
  "mod_mam.default",
  "mod_mam.request_activates_archiving",
  "mod_offline.store_empty_body",
  "mod_offline.store_groupchat",
  "mod_stream_mgmt.resend_on_timeout",
  "resource_conflict",
  "route_subdomains",
  NULL,
};

static struct slice
host_key(void const *item)
{
  return slice_str(((struct host const *)item)->name);
}

static struct host *hosts;
static struct table by_name = {.key = host_key}; /* of hosts */
/* The host that was found last: the next that is wanted is often the same. */
static struct host const *last;
struct access *routed_access;
bool routed_keeps, routed_asks_names;

struct host const *
routed_hosts(void)
{
  return hosts;
}

bool
routed_is_anonymous(struct slice host, struct slice local)
{
  struct host const *h = local.len ? routed_host(host) : NULL;

  return h && h->is_anonymous &&
         access_is_anonymous(access_settings(routed_access), host, local);
}

struct host const *
routed_host(struct slice name)
{
  struct host const *h;

  if (last && slice_is(name, last->name)) return last;
  h = table_get(&by_name, name);
  if (h) last = h;
  return h;
}

static bool
any(host_fn *fn)
{
  struct host const *h;

  for (h = hosts; h; h = h->next)
    if (fn(h)) return true;
  return false;
}

static void
free_hosts(struct host *h)
{
  while (h) {
    struct host *next = h->next;
    free(h->name);
    free(h);
    h = next;
  }
}

static enum conflict
read_conflict(struct slice word)
{
  if (slice_is(word, "closenew")) return CONFLICT_REFUSE;
  if (slice_is(word, "setresource")) return CONFLICT_RENAME;
  return CONFLICT_END_OLD;
}

static enum resend
read_resend(struct slice word)
{
  if (slice_is(word, "true")) return RESEND_ALWAYS;
  if (slice_is(word, "false")) return RESEND_NEVER;
  return RESEND_IF_OFFLINE;
}

static void
read_modules(struct settings const *st, struct slice name, struct host *h)
{
  struct slice policy = settings_get(st, "mod_mam.default", name);

  h->has_mam = settings_has(st, "module", name, "mod_mam");
  h->archives = h->has_mam && !slice_is(policy, "never");
  h->archives_all = h->has_mam && slice_is(policy, "always") &&
                    !settings_bool(st, "mod_mam.request_activates_archiving", name);
  h->assumes_mam = h->has_mam && slice_is(policy, "always") &&
                   settings_bool(st, "mod_mam.assume_mam_usage", name);
  h->is_anonymous =
    slice_has_word(settings_get(st, "auth_method", name), SLICE("anonymous"));
  h->asks_names =
    slice_has_word(settings_get(st, "auth_method", name), SLICE("external")) &&
    settings_bool(st, "extauth_isuser", name);
  h->names_us = 1000000 * settings_u64(st, "extauth_cache", name);
  h->has_offline = settings_has(st, "module", name, "mod_offline");
  h->stores_empty =
    !slice_is(settings_get(st, "mod_offline.store_empty_body", name), "false");
  h->stores_groupchat = settings_bool(st, "mod_offline.store_groupchat", name);
  h->has_sm = settings_has(st, "module", name, "mod_stream_mgmt");
  h->has_carbons = settings_has(st, "module", name, "mod_carboncopy");
  h->resend = read_resend(settings_get(st, "mod_stream_mgmt.resend_on_timeout", name));
}

static bool
keeps(struct host const *h)
{
  return h->has_sm || h->has_offline;
}

static bool
asks_names(struct host const *h)
{
  return h->asks_names;
}

/* The values that a reading of the settings has given. */
struct made {
  struct settings const *settings;
  struct host *hosts;
  struct table by_name;
  struct access *access;
};

/* false: ENOMEM. */
static bool
read_hosts(struct made *m)
{
  struct settings_row const *row = NULL;
  struct host **at = &m->hosts;

  while ((row = settings_next(m->settings, "host", row))) {
    struct host *h = calloc(1, sizeof *h);
    if (!h) return false;
    *at = h;
    at = &h->next;
    h->name = slice_dup(row->value[0]);
    if (!h->name ||
        (!table_get(&m->by_name, slice_str(h->name)) && !table_put(&m->by_name, h)))
      return false;
    h->conflict =
      read_conflict(settings_get(m->settings, "resource_conflict", row->value[0]));
    h->subdomains_abroad =
      slice_is(settings_get(m->settings, "route_subdomains", row->value[0]), "s2s");
    read_modules(m->settings, row->value[0], h);
  }
  return true;
}

void
routed_drop(void *fresh)
{
  struct made *m = fresh;

  free_hosts(m->hosts);
  table_wipe(&m->by_name);
  access_free(m->access);
  free(m);
}

void *
routed_read(struct settings *st)
{
  struct made *m = calloc(1, sizeof *m);

  if (!m) return NULL;
  m->settings = st;
  m->by_name.key = host_key;
  m->access = access_load(st);
  if (m->access && read_hosts(m) && m->hosts) return m;
  if (m->access && !m->hosts)
    settings_refuse("host", SLICE("*"), "there is no host", NULL);
  routed_drop(m);
  return NULL;
}

struct settings const *
routed_settings(void const *fresh)
{
  return ((struct made const *)fresh)->settings;
}

void
routed_take(void *fresh)
{
  struct made *m = fresh;

  access_free(routed_access);
  routed_access = m->access;
  free_hosts(hosts);
  hosts = m->hosts;
  last = NULL;
  table_wipe(&by_name);
  by_name = m->by_name;
  routed_keeps = any(keeps);
  routed_asks_names = any(asks_names);
  free(m);
}
