/* roster: what is put is there again, apart by account, after the next start too; nothing is
 * over its limit. */
#include "roster/roster.h"

#include "../folder.h"

#include <skalibs/strerr.h>

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

char const *PROG = "test";

#define MAP (64u << 20)

static char dir[sizeof top + 8];
static struct store *store;
static struct roster *roster;

static void
open_it(void)
{
  store = store_open(dir, true, false, MAP);
  assert_non_null(store);
  roster = roster_open(store);
  assert_non_null(roster);
}

static void
close_it(void)
{
  roster_close(roster);
  store_close(store);
}

static int
start(void **state)
{
  static unsigned int n;

  (void)state;
  snprintf(dir, sizeof dir, "%s/%u", top, n++ % 1000);
  open_it();
  return 0;
}

static int
finish(void **state)
{
  (void)state;
  close_it();
  return 0;
}

static void
again(void)
{
  assert_true(store_commit(store));
  close_it();
  open_it();
}

static struct roster_item
item_of(char const *jid, enum roster_state state)
{
  return (struct roster_item){slice_str(jid), state, true, false, SLICE(""), SLICE("")};
}

static void
is_text(struct slice s, char const *want)
{
  assert_int_equal(s.len, strlen(want));
  assert_memory_equal(s.s, want, s.len);
}

static void
counts_are(uint64_t account, uint64_t version, uint32_t items, uint32_t requests,
           uint32_t blocked)
{
  struct roster_counts c;

  assert_true(roster_counts(roster, account, &c));
  assert_int_equal(c.version, version);
  assert_int_equal(c.items, items);
  assert_int_equal(c.requests, requests);
  assert_int_equal(c.blocked, blocked);
}

/* ---- items ---- */

static void
item_comes_back(void **state)
{
  stralloc groups = STRALLOC_ZERO;
  struct roster_item item = item_of("a@x", ROSTER_FROM_OUT), got;
  struct slice rest, group;

  (void)state;
  assert_true(roster_cat_group(&groups, SLICE("one")));
  assert_true(roster_cat_group(&groups, SLICE("")));
  assert_true(roster_cat_group(&groups, SLICE("two")));
  item.name = SLICE("Anna");
  item.groups = slice_of(groups.s, groups.len);
  item.approved = true;
  assert_true(roster_item_put(roster, 1, &item));
  stralloc_free(&groups);
  again();
  assert_true(roster_item_get(roster, 1, SLICE("a@x"), &got));
  is_text(got.jid, "a@x");
  is_text(got.name, "Anna");
  assert_int_equal(got.state, ROSTER_FROM_OUT);
  assert_true(got.listed && got.approved);
  rest = got.groups;
  assert_true(roster_group(&rest, &group));
  is_text(group, "one");
  assert_true(roster_group(&rest, &group));
  is_text(group, "");
  assert_true(roster_group(&rest, &group));
  is_text(group, "two");
  assert_false(roster_group(&rest, &group));
}

/* An item that was read may be written again where it lies. */
static void
item_is_changed_in_place(void **state)
{
  struct roster_item item = item_of("a@x", ROSTER_NONE), got;
  enum roster_state s;

  (void)state;
  item.name = SLICE("Anna");
  assert_true(roster_item_put(roster, 1, &item));
  for (s = ROSTER_NONE; s < ROSTER_STATES_N; s++) {
    assert_true(roster_item_get(roster, 1, SLICE("a@x"), &got));
    got.state = s;
    assert_true(roster_item_put(roster, 1, &got));
    if (s % 2) again();
    assert_true(roster_item_get(roster, 1, SLICE("a@x"), &got));
    assert_int_equal(got.state, s);
    is_text(got.name, "Anna");
  }
  counts_are(1, 0, 1, 0, 0);
}

static void
no_item(void **state)
{
  struct roster_item got;
  char jid[ROSTER_JID_MAX + 2];

  (void)state;
  errno = 0;
  assert_false(roster_item_get(roster, 1, SLICE("a@x"), &got));
  assert_int_equal(errno, ENOENT);
  assert_false(got.listed || got.approved || got.state != ROSTER_NONE);
  is_text(got.jid, "a@x");
  assert_false(roster_item_del(roster, 1, SLICE("a@x")));
  assert_int_equal(errno, ENOENT);
  memset(jid, 'a', sizeof jid);
  jid[ROSTER_JID_MAX + 1] = 0;
  got.jid = slice_str(jid);
  errno = 0;
  assert_false(roster_item_put(roster, 1, &got));
  assert_int_equal(errno, ENAMETOOLONG);
  assert_false(roster_item_get(roster, 1, slice_str(jid), &got));
  jid[ROSTER_JID_MAX] = 0;
  got.jid = slice_str(jid);
  assert_true(roster_item_put(roster, 1, &got));
  assert_true(roster_item_get(roster, 1, slice_str(jid), &got));
}

static char seen[256];

static bool
see_item(void *cookie, struct roster_item const *item)
{
  size_t n = strlen(seen);

  snprintf(seen + n, sizeof seen - n, "%.*s%s ", (int)item->jid.len, item->jid.s,
           item->listed ? "" : "?");
  return !cookie;
}

static void
items_are(uint64_t account, char const *want)
{
  seen[0] = 0;
  assert_true(roster_item_each(roster, account, see_item, NULL));
  assert_string_equal(seen, want);
}

static void
put(uint64_t account, char const *jid, bool listed)
{
  struct roster_item item = item_of(jid, ROSTER_NONE_IN);

  item.listed = listed;
  assert_true(roster_item_put(roster, account, &item));
}

static void
accounts_are_apart(void **state)
{
  int stop = 1;

  (void)state;
  put(2, "b@x", true);
  put(1, "z@x", true);
  put(2, "a@x", false);
  put(256, "c@x", true);
  items_are(1, "z@x ");
  items_are(2, "a@x? b@x ");
  items_are(3, "");
  items_are(256, "c@x ");
  seen[0] = 0;
  assert_true(roster_item_each(roster, 2, see_item, &stop));
  assert_string_equal(seen, "a@x? ");
  counts_are(2, 0, 1, 0, 0);
  put(2, "a@x", true);
  counts_are(2, 0, 2, 0, 0);
  put(2, "b@x", false);
  assert_true(roster_item_del(roster, 2, SLICE("b@x")));
  assert_true(roster_item_del(roster, 2, SLICE("a@x")));
  counts_are(2, 0, 0, 0, 0);
  items_are(2, "");
  counts_are(1, 0, 1, 0, 0);
}

/* Items that are not listed count among the requests. */
static void
items_are_bounded(void **state)
{
  struct roster_item item;
  char jid[32];
  unsigned int i;

  (void)state;
  for (i = 0; i < ROSTER_ITEMS_MAX; i++) {
    snprintf(jid, sizeof jid, "c%u@x", i);
    put(1, jid, true);
  }
  item = item_of("more@x", ROSTER_NONE);
  errno = 0;
  assert_false(roster_item_put(roster, 1, &item));
  assert_int_equal(errno, EDQUOT);
  put(1, "hidden@x", false);
  put(1, "c0@x", true);
  put(2, "more@x", true);
  assert_true(roster_item_del(roster, 1, SLICE("c1@x")));
  assert_true(roster_item_put(roster, 1, &item));
  again();
  counts_are(1, 0, ROSTER_ITEMS_MAX, 0, 0);
}

static void
version_rises(void **state)
{
  (void)state;
  counts_are(1, 0, 0, 0, 0);
  assert_true(roster_touch(roster, 1));
  assert_true(roster_touch(roster, 1));
  again();
  assert_true(roster_touch(roster, 1));
  counts_are(1, 3, 0, 0, 0);
  counts_are(2, 0, 0, 0, 0);
}

/* ---- requests ---- */

static bool
see_text(void *cookie, struct slice jid, struct slice text)
{
  size_t n = strlen(seen);

  (void)cookie;
  snprintf(seen + n, sizeof seen - n, "%.*s=%.*s ", (int)jid.len, jid.s, (int)text.len,
           text.s);
  return true;
}

static void
requests(void **state)
{
  (void)state;
  assert_true(roster_request_put(roster, 1, SLICE("b@x"), SLICE("<b/>")));
  assert_true(roster_request_put(roster, 1, SLICE("a@x"), SLICE("<a/>")));
  assert_true(roster_request_put(roster, 2, SLICE("a@x"), SLICE("<c/>")));
  assert_true(roster_request_put(roster, 1, SLICE("a@x"), SLICE("<d/>")));
  again();
  seen[0] = 0;
  assert_true(roster_request_each(roster, 1, see_text, NULL));
  assert_string_equal(seen, "a@x=<d/> b@x=<b/> ");
  counts_are(1, 0, 0, 2, 0);
  assert_true(roster_request_del(roster, 1, SLICE("a@x")));
  assert_true(roster_request_del(roster, 1, SLICE("a@x")));
  counts_are(1, 0, 0, 1, 0);
  counts_are(2, 0, 0, 1, 0);
}

static void
requests_are_bounded(void **state)
{
  char jid[32];
  unsigned int i;

  (void)state;
  for (i = 0; i < ROSTER_REQUESTS_MAX; i++) {
    snprintf(jid, sizeof jid, "c%u@x", i);
    assert_true(roster_request_put(roster, 1, slice_str(jid), SLICE("<a/>")));
  }
  errno = 0;
  assert_false(roster_request_put(roster, 1, SLICE("more@x"), SLICE("<a/>")));
  assert_int_equal(errno, EDQUOT);
  assert_true(roster_request_put(roster, 1, SLICE("c0@x"), SLICE("<b/>")));
  assert_true(roster_request_del(roster, 1, SLICE("c1@x")));
  assert_true(roster_request_put(roster, 1, SLICE("more@x"), SLICE("<a/>")));
}

/* ---- block lists ---- */

static bool
blocked(char const *text)
{
  struct arena a = ARENA_ZERO;
  struct jid j;
  bool is;

  assert_true(jid_parse(&a, slice_str(text), &j));
  is = roster_is_blocked(roster, 1, &j);
  arena_wipe(&a);
  return is;
}

static void
block(char const *address)
{
  assert_true(roster_block(roster, 1, SLICE("me@x"), slice_str(address)));
}

/* XEP-0191 s5. */
static void
matching(void **state)
{
  (void)state;
  assert_false(blocked("a@full"));
  block("a@full/r");
  block("a@bare");
  block("resource/r");
  block("domain");
  again();
  assert_true(blocked("a@full/r"));
  assert_false(blocked("a@full") || blocked("a@full/s") || blocked("b@full/r"));
  assert_true(blocked("a@bare") && blocked("a@bare/r"));
  assert_false(blocked("b@bare") || blocked("bare"));
  assert_true(blocked("resource/r") && blocked("b@resource/r"));
  assert_false(blocked("resource") || blocked("resource/s") || blocked("b@resource"));
  assert_true(blocked("domain") && blocked("a@domain/r") && blocked("domain/r"));
  assert_false(blocked("a@sub.domain"));
  assert_true(roster_unblock(roster, 1, SLICE("domain")));
  assert_false(blocked("domain"));
  errno = 0;
  assert_false(roster_unblock(roster, 1, SLICE("domain")));
  assert_int_equal(errno, ENOENT);
  errno = 0;
  assert_false(roster_block(roster, 1, SLICE("me@x"), SLICE("a@bare")));
  assert_int_equal(errno, EEXIST);
  counts_are(1, 0, 0, 0, 3);
}

static bool
see_all(void *cookie, uint64_t account, struct slice address, struct slice owner)
{
  size_t n = strlen(seen);

  (void)cookie;
  snprintf(seen + n, sizeof seen - n, "%d:%.*s:%.*s ", (int)account, (int)owner.len,
           owner.s, (int)address.len, address.s);
  return true;
}

static void
all_lists(void **state)
{
  (void)state;
  block("b");
  assert_true(roster_block(roster, 2, SLICE("you@x"), SLICE("c")));
  block("a");
  seen[0] = 0;
  assert_true(roster_blocked_all(roster, see_all, NULL));
  assert_string_equal(seen, "1:me@x:a 1:me@x:b 2:you@x:c ");
  seen[0] = 0;
  assert_true(roster_blocked_each(roster, 1, see_text, NULL));
  assert_string_equal(seen, "a=me@x b=me@x ");
}

static void
blocked_are_bounded(void **state)
{
  char jid[32];
  unsigned int i;

  (void)state;
  for (i = 0; i < ROSTER_BLOCKED_MAX; i++) {
    snprintf(jid, sizeof jid, "c%u@x", i);
    block(jid);
  }
  errno = 0;
  assert_false(roster_block(roster, 1, SLICE("me@x"), SLICE("more@x")));
  assert_int_equal(errno, EDQUOT);
  assert_true(roster_block(roster, 2, SLICE("you@x"), SLICE("more@x")));
}

/* ---- the end of an account ---- */

static void
next_account_is(uint64_t after, uint64_t want)
{
  uint64_t n;
  bool there = roster_next(roster, after, &n);

  assert_int_equal(there ? n : 0, want);
}

static void
purges(void **state)
{
  unsigned int done = 0;

  (void)state;
  next_account_is(0, 0);
  put(1, "a@x", true);
  put(2, "a@x", true);
  put(2, "b@x", false);
  assert_true(roster_request_put(roster, 2, SLICE("b@x"), SLICE("<b/>")));
  assert_true(roster_block(roster, 2, SLICE("me@x"), SLICE("c@x")));
  assert_true(roster_block(roster, 300, SLICE("you@x"), SLICE("c@x")));
  assert_true(roster_touch(roster, 2));
  again();
  next_account_is(0, 1);
  next_account_is(1, 2);
  next_account_is(2, 300);
  next_account_is(300, 0);
  assert_true(roster_purge(roster, 2, 3, &done));
  assert_int_equal(done, 3);
  next_account_is(1, 2);
  done = 0;
  assert_true(roster_purge(roster, 2, 3, &done));
  assert_int_equal(done, 2);
  again();
  next_account_is(1, 300);
  counts_are(2, 0, 0, 0, 0);
  counts_are(1, 0, 1, 0, 0);
  done = 0;
  assert_true(roster_purge(roster, 2, 3, &done));
  assert_int_equal(done, 0);
}

/* ---- bytes ---- */

static struct roster_counts
counts(uint64_t account)
{
  struct roster_counts c;

  assert_true(roster_counts(roster, account, &c));
  return c;
}

static bool
put_big(char const *jid, char const *name, unsigned int groups, char fill)
{
  char group[ROSTER_GROUP_MAX];
  stralloc packed = STRALLOC_ZERO;
  struct roster_item item = item_of(jid, ROSTER_NONE);
  bool ok;

  memset(group, fill, sizeof group);
  while (groups--)
    assert_true(roster_cat_group(&packed, slice_of(group, sizeof group)));
  item.name = slice_str(name);
  item.groups = slice_of(packed.s, packed.len);
  errno = 0;
  ok = roster_item_put(roster, 1, &item);
  stralloc_free(&packed);
  return ok;
}

/* An item counts as many bytes as its XML may have in a record: markup, each quote as &quot;,
 * each backslash as two. */
static void
item_bytes(void **state)
{
  struct roster_item item = item_of("a@x", ROSTER_NONE_OUT);
  size_t empty = roster_item_bytes(&item);
  stralloc packed = STRALLOC_ZERO;

  (void)state;
  assert_true(empty > sizeof "<item jid='a@x' subscription='none' ask='subscribe'/>");
  item.name = SLICE("'\\b");
  assert_int_equal(roster_item_bytes(&item), empty + 6 + 2 + 1);
  assert_true(roster_cat_group(&packed, SLICE("a&b")));
  item.groups = slice_of(packed.s, packed.len);
  assert_int_equal(roster_item_bytes(&item),
                   empty + 9 + 8 + sizeof "<group></group>" - 1);
  stralloc_free(&packed);
}

static void
roster_is_bounded_in_bytes(void **state)
{
  char jid[32];
  unsigned int i = 0;

  (void)state;
  do
    snprintf(jid, sizeof jid, "c%u@x", i++);
  while (i < 100 && put_big(jid, "", ROSTER_GROUPS_MAX, 'g'));
  assert_int_equal(errno, EDQUOT);
  assert_true(i > 10 && i < 20);
  assert_true(counts(1).item_bytes <= ACCOUNT_ROSTER_BYTES);
  /* The same text costs six times as much when XML must escape it. */
  assert_false(put_big("c0@x", "", ROSTER_GROUPS_MAX, '&'));
  assert_int_equal(errno, EDQUOT);
  assert_true(put_big("c0@x", "n", ROSTER_GROUPS_MAX - 1, 'g'));
  assert_true(roster_item_del(roster, 1, SLICE("c1@x")));
  assert_true(put_big(jid, "", ROSTER_GROUPS_MAX, 'g'));
  while (i--) {
    snprintf(jid, sizeof jid, "c%u@x", i);
    roster_item_del(roster, 1, slice_str(jid));
  }
  assert_int_equal(counts(1).item_bytes, 0);
}

/* A roster of an older program is measured at the next write; one over the limit can be read,
 * and a write that makes it no longer is taken. */
static void
older_counts_are_measured(void **state)
{
  char old[20] = {0};
  struct roster_counts c;
  MDB_dbi meta, items;
  char value[2 + 2 + 66 * 1025], key[8 + 4] = {0};
  unsigned int i;

  (void)state;
  assert_true(store_table(store, "meta", &meta) && store_table(store, "roster", &items));
  memset(value, 0, sizeof value);
  value[1] = 1;
  for (i = 0; i < 66; i++) {
    value[4 + 1025 * i] = 3;
    value[5 + 1025 * i] = (char)0xff;
  }
  key[7] = 1;
  for (i = 0; i < 20; i++) {
    memcpy(key + 8, "c0@x", 4);
    key[9] = (char)('a' + i);
    assert_true(
      store_put(store, items, slice_of(key, 12), slice_of(value, sizeof value)));
  }
  old[7] = 5;
  old[11] = 20;
  assert_true(store_put(store, meta, slice_of(key, 8), slice_of(old, sizeof old)));
  again();
  c = counts(1);
  assert_false(c.measured);
  assert_int_equal(c.items, 20);
  assert_false(put_big("d@x", "", 1, 'g'));
  assert_int_equal(errno, EDQUOT);
  assert_true(put_big("cb@x", "", 1, 'g'));
  c = counts(1);
  assert_true(c.measured && c.item_bytes > ACCOUNT_ROSTER_BYTES);
  assert_int_equal(c.version, 5);
}

static void
requests_are_bounded_in_bytes(void **state)
{
  static char text[ROSTER_REQUEST_BYTES];
  char jid[32];
  unsigned int i = 0;

  (void)state;
  memset(text, 'a', sizeof text);
  do
    snprintf(jid, sizeof jid, "c%u@x", i++);
  while (i < 100 &&
         roster_request_put(roster, 1, slice_str(jid), slice_of(text, sizeof text)));
  assert_int_equal(errno, EDQUOT);
  assert_int_equal(i, ACCOUNT_REQUESTS_BYTES / ROSTER_REQUEST_BYTES);
  assert_true(roster_request_put(roster, 1, slice_str(jid), SLICE("<a/>")));
  assert_true(roster_request_put(roster, 1, SLICE("c0@x"), SLICE("<a/>")));
  assert_true(
    roster_request_put(roster, 1, SLICE("more@x"), slice_of(text, sizeof text - 99)));
  while (i--) {
    snprintf(jid, sizeof jid, "c%u@x", i);
    assert_true(roster_request_del(roster, 1, slice_str(jid)));
  }
  assert_true(roster_request_del(roster, 1, SLICE("more@x")));
  assert_int_equal(counts(1).request_bytes, 0);
}

int
main(void)
{
  struct CMUnitTest const tests[] = {
    cmocka_unit_test_setup_teardown(item_comes_back, start, finish),
    cmocka_unit_test_setup_teardown(item_is_changed_in_place, start, finish),
    cmocka_unit_test_setup_teardown(no_item, start, finish),
    cmocka_unit_test_setup_teardown(accounts_are_apart, start, finish),
    cmocka_unit_test_setup_teardown(items_are_bounded, start, finish),
    cmocka_unit_test_setup_teardown(version_rises, start, finish),
    cmocka_unit_test_setup_teardown(requests, start, finish),
    cmocka_unit_test_setup_teardown(requests_are_bounded, start, finish),
    cmocka_unit_test_setup_teardown(matching, start, finish),
    cmocka_unit_test_setup_teardown(all_lists, start, finish),
    cmocka_unit_test_setup_teardown(blocked_are_bounded, start, finish),
    cmocka_unit_test_setup_teardown(purges, start, finish),
    cmocka_unit_test_setup_teardown(item_bytes, start, finish),
    cmocka_unit_test_setup_teardown(roster_is_bounded_in_bytes, start, finish),
    cmocka_unit_test_setup_teardown(older_counts_are_measured, start, finish),
    cmocka_unit_test_setup_teardown(requests_are_bounded_in_bytes, start, finish),
  };
  return cmocka_run_group_tests(tests, group_start, group_end);
}
