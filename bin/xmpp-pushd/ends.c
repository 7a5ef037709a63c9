#include "pushd.h"

#include "erase/erase.h"

/* Accounts that have ended: their registrations go. */

#define STEPS 500u

static bool
erase(uint64_t number, struct slice bare, unsigned int most, unsigned int *done)
{
  struct account *a = account_find(bare);
  struct store *s = push_store(pushd.push);
  bool ok;

  if (!store_erase_begin(s)) return false;
  if (a && a->number == number) {
    account_forget(bare);
    account_tell(bare);
  }
  ok = push_purge(pushd.push, number, most, done);
  if (!ok) pushd_failed("erase the registrations", bare);
  store_erase_end(s);
  return ok;
}

static struct eraser eraser = {.store = "push", .steps = STEPS, .erase = erase};

void
ends_made(struct link *l, struct record *r)
{
  (void)l;
  (void)r;
}

void
ends_ending(struct link *l, struct record *r)
{
  (void)l;
  erase_ending(&eraser, r);
}

void
ends_snapshot(struct snapshot *k)
{
  erase_snapshot(&eraser, k);
}
