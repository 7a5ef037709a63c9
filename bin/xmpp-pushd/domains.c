#include "pushd.h"

#include <stdlib.h>
#include <string.h>

/* Domains of push services, and the domains that this server serves. */

static struct slice
name_of(void const *item)
{
  return slice_str(((struct domain const *)item)->name);
}

static struct table domains = {.key = name_of};

struct domain *
domain_take(struct slice name)
{
  struct domain *d = table_get(&domains, name);

  if (!d) {
    d = calloc(1, sizeof *d + name.len + 1);
    if (!d) return NULL;
    memcpy(d->name, name.s, name.len);
    d->last = &d->first;
    if (!table_put(&domains, d)) {
      free(d);
      return NULL;
    }
  }
  d->regs++;
  return d;
}

/* Notifications that are not answered have no registration then, and are not counted. */
void
domain_give(struct domain *d)
{
  if (--d->regs) return;
  table_del(&domains, name_of(d));
  free(d);
}

void
domains_each(void (*fn)(struct domain *d, void *cookie), void *cookie)
{
  size_t i;

  for (i = 0; domains.slots && i <= domains.mask; i++)
    if (domains.slots[i].item) fn(domains.slots[i].item, cookie);
}

/* ---- domains of this server ---- */

static struct slice
served_name(void const *item)
{
  return slice_str(item);
}

static struct table served = {.key = served_name};

bool
domain_is_local(struct slice name)
{
  return table_get(&served, name) != NULL;
}

static bool
add(struct slice name)
{
  char *text = slice_dup(name);

  if (text && table_put(&served, text)) return true;
  free(text);
  return false;
}

void
domains_served(struct link *l, struct record *r)
{
  struct slice name = record_get(r, 1);

  (void)l;
  if (slice_is(record_get(r, 2), "gone"))
    free(table_del(&served, name));
  else if (!domain_is_local(name) && !add(name))
    log_event(LOG_WARN, "domain-not-noted", "domain", log_text(name), "why",
              "out of memory", NULL);
}

void
domains_forgotten(void)
{
  size_t i;

  for (i = 0; served.slots && i <= served.mask; i++)
    free(served.slots[i].item);
  table_wipe(&served);
}

void
domains_snapshot(struct snapshot *k)
{
  char *name = NULL;
  size_t i;

  for (i = 0; served.slots && i <= served.mask && !snapshot_restores(k); i++) {
    name = served.slots[i].item;
    if (name && snapshot_record(k, "served", true)) snapshot_text(k, &name);
  }
  while (snapshot_restores(k) && snapshot_record(k, "served", true)) {
    name = NULL;
    snapshot_text(k, &name);
    if (!name || !table_put(&served, name)) snapshot_fail(k, "out of memory");
  }
}
