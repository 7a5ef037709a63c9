#include "webd.h"

#include <stdlib.h>
#include <string.h>

/* Mounts: a web service says which handlers it has, for which hosts. A handler of a host belongs to
 * the first that has said so. */

struct mount {
  struct mount *next;
  struct provider *provider;
  char *name, *hosts; /* hosts: with blanks between; empty: all */
};

static struct mount *mounts;
static uint64_t mounts_n;

uint64_t
services_mounts(void)
{
  return mounts_n;
}

/* ---- finding ---- */

static struct mount *
mount_of(char const *name, struct slice host)
{
  struct mount *m;

  for (m = mounts; m; m = m->next)
    if (!strcmp(m->name, name) &&
        (!*m->hosts || !host.len || slice_has_word(slice_str(m->hosts), host)))
      return m;
  return NULL;
}

struct provider *
mounts_find(char const *name, struct slice host)
{
  struct mount const *m = mount_of(name, host);

  return m ? m->provider : NULL;
}

/* The mount that has a name for one of the hosts already, or NULL; that of another link than l goes
 * before one of l. */
static struct mount *
holder(struct link const *l, char const *name, struct slice hosts)
{
  struct slice host;
  struct mount *m = hosts.len ? NULL : mount_of(name, SLICE("")), *x;

  while ((!m || m->provider->link == l) && slice_word(&hosts, ' ', &host)) {
    x = mount_of(name, host);
    if (x) m = x;
  }
  return m;
}

/* ---- services ---- */

/* The service of a link, made if the link has mounted nothing yet. NULL: ENOMEM. */
static struct provider *
provider_of(struct link *l)
{
  struct provider *v;
  struct mount const *m;

  for (m = mounts; m; m = m->next)
    if (m->provider->link == l) return m->provider;
  v = calloc(1, sizeof *v);
  if (v) v->link = l;
  return v;
}

static void
drop_if_unused(struct provider *v)
{
  if (v && !v->mounts && !v->open) free(v);
}

void
mounts_enter(struct provider *v)
{
  v->open++;
}

void
mounts_leave(struct provider *v)
{
  v->open--;
  drop_if_unused(v);
}

/* ---- mounting ---- */

static void
mount_free(struct mount *m)
{
  if (!m) return;
  drop_if_unused(m->provider);
  free(m->name);
  free(m->hosts);
  free(m);
}

/* A mount of l that is not in the list. NULL: ENOMEM. */
static struct mount *
mount_new(struct link *l, struct slice name, struct slice hosts)
{
  struct mount *m = calloc(1, sizeof *m);

  if (!m) return NULL;
  m->name = slice_dup(name);
  m->hosts = slice_dup(hosts);
  m->provider = provider_of(l);
  if (m->name && m->hosts && m->provider) return m;
  mount_free(m);
  return NULL;
}

static void
refuse_mount(struct link *l, struct slice name, char const *why)
{
  log_event(LOG_WARN, "mount-refused", "link", l->name, "handler", log_text(name), "why",
            why, NULL);
  link_begin(l, VERB_ERROR);
  link_str(l, why);
  link_end(l);
}

/* A service says its mount again after a reload: the hosts may be others. */
static void
take_hosts(struct mount *m, struct slice hosts)
{
  char *fresh = slice_dup(hosts);

  if (!fresh) return;
  free(m->hosts);
  m->hosts = fresh;
  services_wake(m->provider);
}

void
services_on_mount(struct link *l, struct record *r)
{
  struct slice name = record_get(r, 1), hosts = record_get(r, 2);
  struct mount *m = mount_new(l, name, hosts),
               *other = m ? holder(l, m->name, hosts) : NULL;

  if (!m || mounts_n >= WEB_MOUNTS_MAX || other) {
    if (other && other->provider->link == l)
      take_hosts(other, hosts);
    else
      refuse_mount(l, name, other ? "another service has mounted it" : "too many mounts");
    mount_free(m);
    return;
  }
  m->provider->mounts++;
  m->next = mounts;
  mounts = m;
  mounts_n++;
  log_event(LOG_INFO, "mounted", "link", l->name, "handler", m->name, NULL);
  services_wake(m->provider);
}

void
mounts_link_gone(struct link *l)
{
  struct mount **at = &mounts;

  while (*at) {
    struct mount *m = *at;
    if (m->provider->link != l) {
      at = &m->next;
      continue;
    }
    *at = m->next;
    mounts_n--;
    m->provider->mounts--;
    mount_free(m);
  }
}
