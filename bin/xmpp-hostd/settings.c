#include "hostd.h"

#include <stdlib.h>
#include <string.h>

static struct {
  struct settings const *st;
  struct access *access;
  struct host *hosts;
  size_t n;
  struct table by_name;
} now;

static char const *const module_names[] = {"mod_adhoc", "mod_announce", "mod_configure",
                                           "mod_last",  "mod_ping",     "mod_stun_disco",
                                           "mod_time",  "mod_version"};

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
  h->stun_access = settings_get(st, "mod_stun_disco.access", name);
  h->show_os = settings_bool(st, "mod_version.show_os", name);
  h->report_node = settings_bool(st, "mod_adhoc.report_commands_node", name);
  if (!h->configure_access.len) h->configure_access = SLICE("configure");
  if (!h->announce_access.len) h->announce_access = SLICE("none");
  if (!h->stun_access.len) h->stun_access = SLICE("local");
}

/* false: ENOMEM. */
static bool
read_hosts(struct settings const *st, struct host **hosts, size_t *n, struct table *names)
{
  struct settings_row const *row = NULL;
  struct host *h;

  *hosts = calloc(count_hosts(st) + 1, sizeof **hosts);
  if (!*hosts) return false;
  while ((row = settings_next(st, "host", row))) {
    if (table_get(names, row->value[0])) continue;
    h = *hosts + (*n)++;
    read_host(h, st, row->value[0]);
    if (!table_put(names, h)) return false;
  }
  while ((row = settings_next(st, "module", row)))
    if ((h = table_get(names, row->scope))) h->modules |= module_bit(row->value[0]);
  return true;
}

bool
hostd_load(struct settings *st, bool first)
{
  struct access *access = access_load(st);
  struct table names = {.key = host_key};
  struct host *hosts = NULL;
  size_t n = 0;

  if (!access || !read_hosts(st, &hosts, &n, &names)) goto fail;
  access_free(now.access);
  free(now.hosts);
  table_wipe(&now.by_name);
  now.st = st;
  now.access = access;
  now.hosts = hosts;
  now.n = n;
  now.by_name = names;
  if (first) last_started(door_wall());
  if (settings_has_any(st, "module", "mod_announce") && !motd_open(service_data()))
    log_event(LOG_WARN, "no-motd", "why", "its store does not open", NULL);
  announce_watch();
  caps_changed();
  return true;
fail:
  access_free(access);
  free(hosts);
  table_wipe(&names);
  return false;
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
