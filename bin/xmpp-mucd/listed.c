#include "stored.h"

#include <stdlib.h>
#include <string.h>

/* The rooms that all may see, in the order of their names, in a table of DATA/rooms:
 *   public  service NUL localpart -> title
 * Their number is counted once for each service, and kept. */

static MDB_dbi public;

struct count {
  struct count *next;
  char *service;
  size_t n;
};

static struct count *counts;

bool
listed_open(void)
{
  return store_table(mucd.store, "public", &public);
}

static struct count *
count_of(struct slice service)
{
  struct count *c;

  for (c = counts; c && !slice_is(service, c->service); c = c->next) {
  }
  return c;
}

void
listed_put(struct room const *r, bool on)
{
  struct count *c = r->muc ? count_of(r->muc->name) : NULL;
  struct slice key, old;
  bool was;

  if (!r->muc) return;
  key = stored_key(r->muc->name, r->local);
  was = store_get(mucd.store, public, key, &old);
  if (on)
    store_put(mucd.store, public, key, slice_str(r->config.text[TEXT_TITLE]));
  else if (was)
    store_del(mucd.store, public, key);
  if (c && on && !was) c->n++;
  if (c && !on && was) c->n--;
}

struct walk {
  struct slice service, but; /* the room of this name is passed over */
  public_fn *fn;
  void *cookie;
};

static bool
step(void *cookie, struct slice key, struct slice value)
{
  struct walk *w = cookie;
  struct slice local;

  if (key.len <= w->service.len || key.s[w->service.len] != 0 ||
      memcmp(key.s, w->service.s, w->service.len) != 0)
    return false;
  local = slice_of(key.s + w->service.len + 1, key.len - w->service.len - 1);
  return slice_eq(local, w->but) || w->fn(w->cookie, local, value);
}

void
listed_each(struct muc const *m, struct slice after, public_fn *fn, void *cookie)
{
  struct walk w = {m->name, after, fn, cookie};

  store_each(mucd.store, public, stored_key(m->name, after), step, &w);
}

/* No localpart begins with a byte 255: all of a service are before that. */
void
listed_each_back(struct muc const *m, struct slice before, public_fn *fn, void *cookie)
{
  struct walk w = {m->name, before, fn, cookie};
  struct slice from = before.len ? before : SLICE("\xff");

  store_each_back(mucd.store, public, stored_key(m->name, from), step, &w);
}

static bool
count_one(void *cookie, struct slice local, struct slice title)
{
  (void)local;
  (void)title;
  ++*(size_t *)cookie;
  return true;
}

size_t
listed_count(struct muc const *m)
{
  struct count *c = count_of(m->name);

  if (c) return c->n;
  c = calloc(1, sizeof *c);
  if (!c) no_memory();
  c->service = must_dup(m->name);
  c->next = counts;
  counts = c;
  listed_each(m, SLICE(""), count_one, &c->n);
  return c->n;
}

void
listed_forget(void)
{
  struct count *c;

  while ((c = counts)) {
    counts = c->next;
    free(c->service);
    free(c);
  }
}
