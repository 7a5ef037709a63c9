#include "domains.h"
#include "settings.h"

#include <stdlib.h>

/* A domain; of the known ones the oldest is the first of its list. */
struct domain {
  struct domain *next;
  uint64_t at_us;
  uint64_t dns_us; /* known: when "only the DNS vouches for it" was logged; 0: never */
  char *name;
};

static struct slice
key(void const *item)
{
  return slice_str(((struct domain const *)item)->name);
}

static struct table served = {.key = key}, known = {.key = key};
static struct domain *served_first, *known_first, *known_last;
static bool told; /* which domains services have */

static struct domain *
domain_new(struct slice name)
{
  struct domain *d = calloc(1, sizeof *d);

  if (d) d->name = slice_dup(name);
  if (d && d->name) return d;
  free(d);
  return NULL;
}

static void
domain_free(struct domain *d)
{
  if (d) free(d->name);
  free(d);
}

/* ---- served ---- */

static void
serve(struct slice name)
{
  struct domain *d = table_get(&served, name);

  if (!d) {
    d = domain_new(name);
    if (!d || !table_put(&served, d)) {
      domain_free(d);
      return;
    }
    d->next = served_first;
    served_first = d;
  }
}

static void
unserve(struct slice name)
{
  struct domain *d = table_del(&served, name), **at;

  if (!d) return;
  for (at = &served_first; *at != d; at = &(*at)->next) {
  }
  *at = d->next;
  domain_free(d);
}

void
domains_on_served(struct link *l, struct record *r)
{
  struct slice name = record_get(r, 1);

  (void)l;
  told = true;
  if (slice_is(record_get(r, 2), "gone"))
    unserve(name);
  else
    serve(name);
}

void
domains_on_forget(struct link *l, struct record *r)
{
  (void)l;
  if (!slice_is(record_get(r, 1), "domains")) return;
  told = true;
  while (served_first)
    unserve(slice_str(served_first->name));
}

bool
domain_is_served(struct slice domain)
{
  return settings_host(domain) || table_get(&served, domain);
}

bool
domain_may_be_served(struct slice domain)
{
  struct slice label;

  if (told) return false;
  while (slice_word(&domain, '.', &label) && domain.len)
    if (settings_host(domain)) return true;
  return false;
}

/* ---- known ---- */

static void
unlink_known(struct domain *d)
{
  struct domain **at, *before = NULL;

  for (at = &known_first; *at != d; at = &(*at)->next)
    before = *at;
  *at = d->next;
  if (known_last == d) known_last = before;
}

static void
append_known(struct domain *d)
{
  d->next = NULL;
  if (known_last)
    known_last->next = d;
  else
    known_first = d;
  known_last = d;
}

static void
drop_oldest(void)
{
  struct domain *d = known_first;

  if (!d) return;
  table_del(&known, slice_str(d->name));
  unlink_known(d);
  domain_free(d);
}

/* A domain that is noted again keeps its place in the list. */
void
domain_note(struct slice domain)
{
  struct domain *d = table_get(&known, domain);

  while (known_first &&
         (known_first->at_us + S2S_KNOWN_US < door_now() || known.n >= S2S_KNOWN)) {
    if (known_first == d) d = NULL;
    drop_oldest();
  }
  if (!d) {
    d = domain_new(domain);
    if (!d || !table_put(&known, d)) {
      domain_free(d);
      return;
    }
    append_known(d);
  }
  d->at_us = door_now();
}

bool
domain_dns_is_news(struct slice domain)
{
  struct domain *d;

  domain_note(domain);
  d = table_get(&known, domain);
  if (!d || (d->dns_us && door_now() < d->dns_us + S2S_DNS_LOG_US)) return false;
  d->dns_us = door_now();
  return true;
}

uint64_t
domain_known_us(struct slice domain)
{
  struct domain const *d = table_get(&known, domain);

  return d && d->at_us + S2S_KNOWN_US > door_now() ? d->at_us : 0;
}

/* ---- the state for a trace ---- */

static void
list(struct snapshot *k, char const *word, struct table *table, struct domain **at)
{
  for (; snapshot_record(k, word, *at != NULL); at = &(*at)->next) {
    if (snapshot_restores(k)) *at = snapshot_new(k, sizeof **at);
    if (!*at) return;
    snapshot_text(k, &(*at)->name);
    SNAPSHOT_INT(k, (*at)->at_us);
    SNAPSHOT_INT(k, (*at)->dns_us);
    if (!snapshot_restores(k)) continue;
    if (!(*at)->name || !table_put(table, *at)) snapshot_fail(k, "a domain has no place");
    if (table == &known) known_last = *at;
  }
}

void
domains_snapshot(struct snapshot *k)
{
  if (snapshot_record(k, "domains", true)) SNAPSHOT_INT(k, told);
  list(k, "served", &served, &served_first);
  list(k, "known", &known, &known_first);
}
