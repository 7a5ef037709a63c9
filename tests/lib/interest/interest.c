#include "interest/interest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

char const *PROG = "test";

static char log_of_due[4096], heard[4096];

static void
on_due(struct interest_due const *d)
{
  size_t n = strlen(log_of_due);

  snprintf(log_of_due + n, sizeof log_of_due - n, "%.*s>%.*s%s ", (int)d->full.len,
           d->full.s, (int)d->account.len, d->account.s,
           d->before && interest_set_has(d->before, SLICE("a")) ? "-a" : "");
}

static void
on_client(void *cookie, struct slice full)
{
  size_t n = strlen(heard);

  (void)cookie;
  snprintf(heard + n, sizeof heard - n, "%.*s ", (int)full.len, full.s);
}

static char const *
who(char const *account, bool own, char const *name)
{
  heard[0] = 0;
  interest_each(slice_str(account), own, slice_str(name), on_client, NULL);
  return heard;
}

static enum interest_news
show(char const *full, char const *account, char const *key, bool local, bool again)
{
  struct interest_seen seen = {slice_str(full), slice_str(account), slice_str(key),
                               again};

  log_of_due[0] = 0;
  return interest_show(&seen, local, NULL);
}

static void
know(char const *key, char const *a, char const *b)
{
  struct slice const v[] = {slice_str(a), slice_str(b)};
  struct interest_set *s = interest_set(slice_str(key));

  log_of_due[0] = 0;
  assert_non_null(s);
  assert_true(interest_known(s, v, b ? 2 : a ? 1 : 0));
}

static void
nothing_left(void)
{
  assert_int_equal(interest_totals.pairs, 0);
  assert_int_equal(interest_totals.clients, 0);
  assert_int_equal(interest_totals.accounts, 0);
  assert_int_equal(interest_totals.sets, 0);
  assert_int_equal(interest_totals.names, 0);
}

static void
waits_until_known(void **state)
{
  struct slice full, account;

  (void)state;
  assert_int_equal(show("r@x/1", "j@h", "k", false, false), INTEREST_WAITS);
  assert_int_equal(show("r@x/2", "j@h", "k", false, true), INTEREST_WAITS);
  assert_int_equal(show("r@x/1", "n@h", "k", false, false), INTEREST_WAITS);
  assert_int_equal(show("r@x/1", "j@h", "k", false, false), INTEREST_SAME);
  assert_string_equal(who("j@h", false, "a"), "");
  assert_true(interest_holder(interest_set(SLICE("k")), 1, &full, &account));
  assert_true(slice_is(full, "r@x/2") && slice_is(account, "j@h"));
  interest_hide(SLICE("r@x/1"), SLICE("n@h"));
  assert_false(interest_holder(interest_set(SLICE("k")), 2, &full, &account));
  know("k", "a", "b");
  assert_string_equal(log_of_due, "r@x/1>j@h ");
  assert_string_equal(who("j@h", false, "a"), "r@x/1 r@x/2 ");
  assert_string_equal(who("j@h", true, "a"), "");
  assert_string_equal(who("j@h", false, "c"), "");
  assert_string_equal(who("n@h", false, "a"), "");
  assert_int_equal(show("r@x/3", "j@h", "k", false, false), INTEREST_NEW);
  assert_string_equal(log_of_due, "r@x/3>j@h ");
  interest_hide(SLICE("r@x/1"), SLICE("j@h"));
  interest_hide(SLICE("r@x/2"), SLICE("j@h"));
  assert_string_equal(who("j@h", false, "b"), "r@x/3 ");
  interest_hide(SLICE("r@x/3"), SLICE("j@h"));
  nothing_left();
}

/* A client whose capabilities change is due what it did not have before. */
static void
changes(void **state)
{
  (void)state;
  show("j@h/1", "j@h", "k", true, true);
  know("k", "a", NULL);
  assert_string_equal(log_of_due, "");
  assert_int_equal(show("j@h/1", "j@h", "l", true, false), INTEREST_WAITS);
  assert_string_equal(who("j@h", true, "a"), "");
  know("l", "a", "b");
  assert_string_equal(log_of_due, "j@h/1>j@h-a ");
  assert_string_equal(who("j@h", true, "b"), "j@h/1 ");
  /* The client never got what it wanted in between. */
  assert_int_equal(show("j@h/1", "j@h", "m", true, false), INTEREST_WAITS);
  assert_int_equal(show("j@h/1", "j@h", "n", true, false), INTEREST_WAITS);
  know("n", "c", NULL);
  assert_string_equal(log_of_due, "j@h/1>j@h ");
  assert_null(interest_set(SLICE("m")));
  interest_hide(SLICE("j@h/1"), SLICE(""));
  nothing_left();
}

static void
directed(void **state)
{
  char account[32];
  unsigned int i;

  (void)state;
  show("j@h/1", "j@h", "k", true, false);
  know("k", "a", NULL);
  for (i = 0; i < INTEREST_DIRECTED_MAX; i++) {
    snprintf(account, sizeof account, "a%u@h", i);
    assert_int_equal(show("j@h/1", account, "k", true, false), INTEREST_NEW);
  }
  assert_int_equal(show("j@h/1", "b@h", "k", true, false), INTEREST_FULL);
  assert_string_equal(who("a7@h", false, "a"), "j@h/1 ");
  interest_hide(SLICE("j@h/1"), SLICE("a7@h"));
  assert_int_equal(show("j@h/1", "b@h", "k", true, false), INTEREST_NEW);
  interest_hide(SLICE("j@h/1"), SLICE(""));
  nothing_left();
}

static void
doubts(void **state)
{
  (void)state;
  show("r@x/1", "j@h", "k", false, false);
  show("r@x/2", "j@h", "k", false, false);
  know("k", "a", NULL);
  interest_doubt();
  assert_int_equal(show("r@x/2", "j@h", "k", false, false), INTEREST_SAME);
  show("r@x/3", "j@h", "k", false, false);
  interest_sweep();
  assert_string_equal(who("j@h", false, "a"), "r@x/2 r@x/3 ");
  interest_doubt();
  interest_sweep();
  nothing_left();
}

static void
is_bounded(void **state)
{
  char full[32];
  unsigned int i;

  (void)state;
  for (i = 0; i <= INTEREST_PAIRS_MAX; i++) {
    snprintf(full, sizeof full, "r%u@x/1", i);
    assert_int_equal(show(full, "j@h", "k", false, false),
                     i < INTEREST_PAIRS_MAX ? INTEREST_WAITS : INTEREST_FULL);
  }
  for (i = 0; i < INTEREST_PAIRS_MAX; i++) {
    snprintf(full, sizeof full, "r%u@x/1", i);
    interest_hide(slice_str(full), SLICE("j@h"));
  }
  nothing_left();
}

/* 500 000 pairs, of 500 clients and 1000 accounts, in random order: at most 32 bytes each. */
static void
is_small(void **state)
{
  char full[32], account[32];
  unsigned int i;

  (void)state;
  for (i = 0; i < 500000; i++) {
    snprintf(full, sizeof full, "r%u@x/1", i * 7919 % 500000 / 1000);
    snprintf(account, sizeof account, "j%u@h", i * 7919 % 1000);
    assert_int_equal(show(full, account, "k", false, false), INTEREST_WAITS);
  }
  assert_int_equal(interest_totals.pairs, 500000);
  assert_true(interest_totals.pair_bytes <= 32u * 500000);
  know("k", "a", NULL);
  interest_doubt();
  interest_sweep();
  nothing_left();
}

int
main(void)
{
  struct CMUnitTest const tests[] = {
    cmocka_unit_test(waits_until_known), cmocka_unit_test(changes),
    cmocka_unit_test(directed),          cmocka_unit_test(doubts),
    cmocka_unit_test(is_bounded),        cmocka_unit_test(is_small),
  };

  interest_start(on_due);
  return cmocka_run_group_tests(tests, NULL, NULL);
}
