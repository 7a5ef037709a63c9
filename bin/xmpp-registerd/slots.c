#include "registerd.h"

#include <stdlib.h>
#include <string.h>

/* A site may make registration_burst accounts in registration_timeout: each takes a slot, which is free
 * again after that time. Slots are in the order in which they were taken; of more than
 * REGISTER_SLOTS_MAX the oldest is free at once. */

struct site {
  char name[SITE_SIZE];
  uint64_t n; /* slots */
  struct slot *first;
};

struct slot {
  struct slot *next, *prev;
  struct slot *later; /* of the same site */
  struct site *site;
  uint64_t until_us, id;
};

static struct slice
site_key(void const *item)
{
  return slice_str(((struct site const *)item)->name);
}

static struct {
  struct table sites;
  struct slot *first, *last;
  uint64_t n, id;
} slots = {.sites = {.key = site_key}};

static void
leave_site(struct slot *s)
{
  struct slot **at;

  for (at = &s->site->first; *at != s; at = &(*at)->later) {
  }
  *at = s->later;
  if (--s->site->n) return;
  table_del(&slots.sites, site_key(s->site));
  free(s->site);
}

static void
drop(struct slot *s)
{
  leave_site(s);
  *(s->prev ? &s->prev->next : &slots.first) = s->next;
  *(s->next ? &s->next->prev : &slots.last) = s->prev;
  slots.n--;
  free(s);
}

static void
sweep(void)
{
  struct slot *s, *next;

  for (s = slots.first; s && (s->until_us <= door_now() || slots.n > REGISTER_SLOTS_MAX);
       s = next) {
    next = s->next;
    drop(s);
  }
}

/* Slots that are given back are among the newest. */
void
slot_give_back(uint64_t id)
{
  struct slot *s;

  for (s = slots.last; s && s->id > id; s = s->prev) {
  }
  if (s && s->id == id) drop(s);
}

static struct site *
site_for(struct slice ip)
{
  char name[SITE_SIZE];
  struct slice key = site_of(name, ip);
  struct site *x = table_get(&slots.sites, key);

  if (x) return x;
  x = calloc(1, sizeof *x);
  if (!x) return NULL;
  memcpy(x->name, name, sizeof name);
  if (table_put(&slots.sites, x)) return x;
  free(x);
  return NULL;
}

static void
join(struct slot *s)
{
  struct slot **at;

  for (at = &s->site->first; *at; at = &(*at)->later) {
  }
  *at = s;
  s->site->n++;
  s->prev = slots.last;
  *(slots.last ? &slots.last->next : &slots.first) = s;
  slots.last = s;
  slots.n++;
}

/* false: ENOMEM. */
static bool
take_of(struct site *x, uint64_t *id)
{
  struct slot *s = calloc(1, sizeof *s);

  if (s) {
    *id = ++slots.id;
    *s =
      (struct slot){.site = x, .until_us = door_now() + registerd.timeout_us, .id = *id};
    join(s);
  } else if (!x->n) {
    table_del(&slots.sites, site_key(x));
    free(x);
  }
  return s != NULL;
}

bool
slot_take(struct slice ip, uint64_t *id, uint64_t *wait_us)
{
  struct site *x;

  *id = *wait_us = 0;
  if (registerd.timeout_us == UINT64_MAX || !registerd.timeout_us) return true;
  sweep();
  x = site_for(ip);
  if (!x) return false;
  if (x->n < registerd.burst) return take_of(x, id);
  *wait_us = x->first->until_us - door_now();
  return false;
}

/* ---- the state for a trace ---- */

static void
fields(struct snapshot *k, struct slot *s, char name[SITE_SIZE])
{
  snapshot_name(k, name, SITE_SIZE);
  SNAPSHOT_INT(k, s->until_us);
  SNAPSHOT_INT(k, s->id);
}

void
slots_snapshot(struct snapshot *k)
{
  char name[SITE_SIZE];
  struct slot *s;

  for (s = slots.first; s && !snapshot_restores(k); s = s->next)
    if (snapshot_record(k, "slot", true)) fields(k, s, s->site->name);
  while (snapshot_restores(k) && snapshot_record(k, "slot", true)) {
    s = snapshot_new(k, sizeof *s);
    if (!s) return;
    fields(k, s, name);
    s->site = site_for(slice_str(name));
    if (s->id > slots.id) slots.id = s->id;
    if (s->site)
      join(s);
    else
      snapshot_fail(k, "a slot has no place");
  }
}
