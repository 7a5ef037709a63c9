#include "hostd.h"

#include <stdlib.h>
#include <string.h>

char const *const hostd_needs[] = {
  "auth_method",
  "invites.access_invite",
  "mod_adhoc.report_commands_node",
  "mod_announce.access",
  "mod_configure.access",
  "mod_invites.access_create_account",
  "mod_pubsub.plugins",
  "mod_stun_disco.access",
  "mod_stun_disco.credentials_lifetime",
  "mod_version.show_os",
  NULL,
};

/* The values that a reading of the settings has given. */
struct made {
  struct settings const *st;
  struct access *access;
  struct host *hosts;
  size_t n;
  struct table by_name;
};

static struct made now;

static char const *const module_names[] = {
  "mod_adhoc",      "mod_announce", "mod_configure", "mod_last",    "mod_ping",
  "mod_stun_disco", "mod_time",     "mod_version",   "mod_invites", "mod_auth_fast"};

static struct slice
host_key(void const *item)
{
  return ((struct host const *)item)->name;
}

static unsigned int
module_bit(struct slice name)
{
  unsigned int i;

  for (i = 0; i < sizeof module_names / sizeof *module_names; i++)
    if (slice_is(name, module_names[i])) return 1u << i;
  return 0;
}

static size_t
count_hosts(struct settings const *st)
{
  struct settings_row const *row = NULL;
  size_t n = 0;

  while ((row = settings_next(st, "host", row)))
    n++;
  return n;
}

static void
read_host(struct host *h, struct settings const *st, struct slice name)
{
  h->name = name;
  h->disco_name = settings_get(st, "mod_disco.name", name);
  h->announce_access = settings_get(st, "mod_announce.access", name);
  h->configure_access = settings_get(st, "mod_configure.access", name);
  h->invite_access = settings_get(st, "invites.access_invite", SLICE("*"));
  h->invite_account_access = settings_get(st, "mod_invites.access_create_account", name);
  h->stun_access = settings_get(st, "mod_stun_disco.access", name);
  h->version = settings_get(st, "version", SLICE("*"));
  h->show_os = settings_bool(st, "mod_version.show_os", name);
  h->report_node = settings_bool(st, "mod_adhoc.report_commands_node", name);
}

/* false: ENOMEM. */
static bool
read_hosts(struct made *m)
{
  struct settings_row const *row = NULL;
  struct host *h;

  m->hosts = calloc(count_hosts(m->st) + 1, sizeof *m->hosts);
  if (!m->hosts) return false;
  while ((row = settings_next(m->st, "host", row))) {
    if (table_get(&m->by_name, row->value[0])) continue;
    h = m->hosts + m->n++;
    read_host(h, m->st, row->value[0]);
    if (!table_put(&m->by_name, h)) return false;
  }
  while ((row = settings_next(m->st, "module", row)))
    if ((h = table_get(&m->by_name, row->scope))) h->modules |= module_bit(row->value[0]);
  return true;
}

static void
made_wipe(struct made *m)
{
  access_free(m->access);
  free(m->hosts);
  table_wipe(&m->by_name);
}

void
hostd_drop(void *fresh)
{
  made_wipe(fresh);
  free(fresh);
}

void *
hostd_read(struct settings *st)
{
  struct made *m = calloc(1, sizeof *m);

  if (!m) return NULL;
  m->st = st;
  m->by_name = (struct table){.key = host_key};
  m->access = access_load(st);
  if (m->access && read_hosts(m)) return m;
  hostd_drop(m);
  return NULL;
}

void
hostd_take(void *fresh, bool first)
{
  struct made *m = fresh;

  made_wipe(&now);
  now = *m;
  free(m);
  if (first) last_started(door_wall());
  if (settings_has_any(now.st, "module", "mod_announce") && !motd_open(service_data()))
    log_event(LOG_WARN, "motd-unavailable", "why", "the store does not open", NULL);
  announce_watch();
  caps_changed();
}

struct settings const *
hostd_settings(void)
{
  return now.st;
}

struct host *
hostd_host_at(size_t i)
{
  return i < now.n ? &now.hosts[i] : NULL;
}

struct host *
hostd_host(struct slice name)
{
  return table_get(&now.by_name, name);
}

struct host *
hostd_host_with(struct slice name, enum module m)
{
  struct host *h = hostd_host(name);

  return h && h->modules & m ? h : NULL;
}

bool
hostd_allows(struct slice rule, struct slice host, struct jid const *who)
{
  struct access_who w = {who->local, who->domain, who->resource, SLICE("")};

  return access_allows(now.access, rule, host, &w);
}
