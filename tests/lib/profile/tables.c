/* profile: vCards, the directory, private elements and last activity, within their limits. */
#include "profile/profile.h"

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
#define HASH SLICE("01234567890123456789")

static char dir[sizeof top + 8];
static struct store *store;
static struct profile *p;
static struct profile_card const nobody;

static int
start(void **state)
{
  static unsigned int n;

  (void)state;
  snprintf(dir, sizeof dir, "%s/%u", top, n++ % 1000);
  store = store_open(dir, true, false, MAP);
  p = store ? profile_open(store) : NULL;
  return p ? 0 : -1;
}

static int
finish(void **state)
{
  (void)state;
  profile_close(p);
  store_close(store);
  return 0;
}

static char *
filled(size_t n)
{
  char *s = malloc(n);

  assert_non_null(s);
  memset(s, 'x', n);
  return s;
}

/* ---- vCards ---- */

static void
vcard_and_its_hash(void **state)
{
  struct slice text, hash;

  (void)state;
  errno = 0;
  assert_false(profile_vcard_get(p, 1, &text, &hash));
  assert_int_equal(errno, ENOENT);
  assert_true(profile_vcard_put(p, 1, SLICE("<vCard/>"), HASH, &nobody));
  assert_true(profile_vcard_put(p, 2, SLICE("<v/>"), SLICE(""), &nobody));
  assert_true(store_commit(store));
  assert_true(profile_vcard_get(p, 1, &text, &hash));
  assert_true(slice_is(text, "<vCard/>") && slice_eq(hash, HASH));
  assert_true(profile_vcard_get(p, 2, &text, &hash));
  assert_true(slice_is(text, "<v/>") && !hash.len);
  assert_true(profile_vcard_get(p, 1, NULL, &hash));
  assert_true(profile_vcard_get(p, 1, &text, NULL));
}

static void
vcard_limits(void **state)
{
  char *s = filled(PROFILE_VCARD_MAX + 1);
  struct slice text;

  (void)state;
  assert_true(profile_vcard_put(p, 1, slice_of(s, PROFILE_VCARD_MAX), HASH, &nobody));
  assert_true(profile_vcard_get(p, 1, &text, NULL));
  assert_int_equal(text.len, PROFILE_VCARD_MAX);
  errno = 0;
  assert_false(
    profile_vcard_put(p, 1, slice_of(s, PROFILE_VCARD_MAX + 1), HASH, &nobody));
  assert_int_equal(errno, EINVAL);
  errno = 0;
  assert_false(profile_vcard_put(p, 1, SLICE("<v/>"), SLICE("short"), &nobody));
  assert_int_equal(errno, EINVAL);
  free(s);
}

static char seen[256];
static size_t stop_after;

static bool
on_card(void *cookie, uint64_t number, struct profile_card const *card)
{
  size_t at = strlen(seen);

  (void)cookie;
  snprintf(seen + at, sizeof seen - at, "%u %.*s %.*s %.*s;", (unsigned int)number,
           (int)card->bare.len, card->bare.s, (int)card->field[PROFILE_FULL].len,
           card->field[PROFILE_FULL].s, (int)card->field[PROFILE_UNIT].len,
           card->field[PROFILE_UNIT].s);
  return --stop_after != 0;
}

static void
directory_in_order(void **state)
{
  struct profile_card b = {.bare = SLICE("b@x")}, a = {.bare = SLICE("a@x")};

  (void)state;
  b.field[PROFILE_FULL] = SLICE("B");
  a.field[PROFILE_UNIT] = SLICE("U");
  assert_true(profile_vcard_put(p, 300, SLICE("<v/>"), SLICE(""), &a));
  assert_true(profile_vcard_put(p, 2, SLICE("<v/>"), SLICE(""), &b));
  *seen = 0;
  stop_after = 10;
  assert_true(profile_cards(p, 0, on_card, NULL));
  assert_string_equal(seen, "2 b@x B ;300 a@x  U;");
  *seen = 0;
  stop_after = 1;
  assert_true(profile_cards(p, 0, on_card, NULL));
  assert_string_equal(seen, "2 b@x B ;");
  *seen = 0;
  stop_after = 10;
  assert_true(profile_cards(p, 3, on_card, NULL));
  assert_true(profile_cards(p, 300, on_card, NULL));
  assert_true(profile_cards(p, 301, on_card, NULL));
  assert_string_equal(seen, "300 a@x  U;300 a@x  U;");
}

static struct slice kept;

static bool
on_full(void *cookie, uint64_t number, struct profile_card const *card)
{
  (void)cookie;
  (void)number;
  kept = card->field[PROFILE_FULL];
  return true;
}

/* A value that is too long ends with a whole character. */
static void
directory_values_are_cut(void **state)
{
  char *s = filled(PROFILE_FIELD_MAX + 1);
  struct profile_card card = {.bare = SLICE("a@x")};

  (void)state;
  memcpy(s + PROFILE_FIELD_MAX - 2, "\xe2\x82\xac", 3);
  card.field[PROFILE_FULL] = slice_of(s, PROFILE_FIELD_MAX + 1);
  assert_true(profile_vcard_put(p, 1, SLICE("<v/>"), SLICE(""), &card));
  assert_true(profile_cards(p, 0, on_full, NULL));
  assert_int_equal(kept.len, PROFILE_FIELD_MAX - 2);
  free(s);
}

/* ---- private XML ---- */

static void
private_by_name_and_namespace(void **state)
{
  struct slice text;
  unsigned int n;
  size_t bytes;

  (void)state;
  assert_true(profile_private_put(p, 1, SLICE("urn:1"), SLICE("a"), SLICE("<1/>")));
  assert_true(profile_private_put(p, 1, SLICE("urn:2"), SLICE("a"), SLICE("<2/>")));
  assert_true(profile_private_put(p, 2, SLICE("urn:1"), SLICE("a"), SLICE("<3/>")));
  assert_true(profile_private_get(p, 1, SLICE("urn:1"), SLICE("a"), &text));
  assert_true(slice_is(text, "<1/>"));
  assert_true(profile_private_get(p, 2, SLICE("urn:1"), SLICE("a"), &text));
  assert_true(slice_is(text, "<3/>"));
  errno = 0;
  assert_false(profile_private_get(p, 2, SLICE("urn:2"), SLICE("a"), &text));
  assert_int_equal(errno, ENOENT);
  assert_true(profile_private_size(p, 1, &n, &bytes) && n == 2);
  assert_int_equal(bytes, 2 * (sizeof "urn:1" + 1 + 4));
  assert_true(profile_private_size(p, 2, &n, &bytes) && n == 1);
  assert_true(profile_private_size(p, 3, &n, &bytes) && n == 0 && bytes == 0);
}

static void
private_limits(void **state)
{
  char *s = filled(PROFILE_PRIVATE_MAX + 1);
  struct slice ns = slice_of(s, PROFILE_PRIVATE_NAME_MAX - 1), text;

  (void)state;
  assert_true(
    profile_private_put(p, 1, ns, SLICE("a"), slice_of(s, PROFILE_PRIVATE_MAX)));
  assert_true(profile_private_get(p, 1, ns, SLICE("a"), &text));
  assert_int_equal(text.len, PROFILE_PRIVATE_MAX);
  errno = 0;
  assert_false(
    profile_private_put(p, 1, ns, SLICE("a"), slice_of(s, PROFILE_PRIVATE_MAX + 1)));
  assert_int_equal(errno, EINVAL);
  errno = 0;
  assert_false(profile_private_put(p, 1, ns, SLICE("ab"), SLICE("<x/>")));
  assert_int_equal(errno, EINVAL);
  errno = 0;
  assert_false(profile_private_get(p, 1, ns, SLICE("ab"), &text));
  assert_int_equal(errno, ENOENT);
  free(s);
}

static void
private_count_ends(void **state)
{
  char ns[BASE_NUM];
  unsigned int i, n;
  size_t bytes;

  (void)state;
  for (i = 0; i < PROFILE_PRIVATE_ELEMENTS_MAX + 5; i++)
    assert_true(profile_private_put(p, 1, num_u64(ns, i), SLICE("a"), SLICE("<a/>")));
  assert_true(profile_private_size(p, 1, &n, &bytes));
  assert_int_equal(n, PROFILE_PRIVATE_ELEMENTS_MAX + 1);
}

/* ---- last activity ---- */

static void
last_and_its_status(void **state)
{
  char *s = filled(PROFILE_STATUS_MAX + 1);
  struct slice status;
  uint64_t us;

  (void)state;
  errno = 0;
  assert_false(profile_last_get(p, 1, &us, &status));
  assert_int_equal(errno, ENOENT);
  assert_true(profile_last_put(p, 1, 1000000000000001, SLICE("bye")));
  assert_true(profile_last_get(p, 1, &us, &status));
  assert_true(us == 1000000000000001 && slice_is(status, "bye"));
  assert_true(profile_last_put(p, 1, 5, slice_of(s, PROFILE_STATUS_MAX + 1)));
  assert_true(profile_last_get(p, 1, &us, &status));
  assert_true(us == 5 && status.len == PROFILE_STATUS_MAX);
  assert_true(profile_last_put(p, 1, 6, SLICE("")));
  assert_true(profile_last_get(p, 1, &us, &status) && us == 6 && !status.len);
  free(s);
}

/* ---- text that stands alone ---- */

static void
alone(void **state)
{
  struct arena a = ARENA_ZERO;
  stralloc out = STRALLOC_ZERO;
  enum xml_error why;
  struct xml_node *top_node = xml_parse(
    &a, SLICE("<iq xmlns:p='urn:p'><x/><q xmlns='urn:q' p:k='1'><p:r p:k='2'/></q></iq>"),
    "jabber:client", &why);
  struct xml_node const *q;

  (void)state;
  assert_non_null(top_node);
  q = xml_child(top_node, "urn:q", "q");
  assert_true(xml_cat_tree(&out, q, "jabber:client"));
  assert_non_null(xml_parse(&a, slice_of(out.s, out.len), "jabber:client", &why));
  assert_true(q->parent == top_node);
  out.len = 0;
  assert_true(xml_cat_tree(&out, top_node, "jabber:client"));
  assert_true(slice_starts(slice_of(out.s, out.len), "<iq xmlns:p='urn:p'>"));
  stralloc_free(&out);
  arena_wipe(&a);
}

static void
purges(void **state)
{
  struct profile_card card = {.bare = SLICE("a@x")};
  unsigned int done = 0, n;
  uint64_t number, us;
  struct slice text;
  size_t bytes;

  (void)state;
  errno = 0;
  assert_false(profile_next(p, 0, &number));
  assert_int_equal(errno, ENOENT);
  assert_true(profile_vcard_put(p, 7, SLICE("<v/>"), SLICE(""), &card));
  assert_true(profile_private_put(p, 7, SLICE("urn:1"), SLICE("a"), SLICE("<1/>")));
  assert_true(profile_private_put(p, 7, SLICE("urn:2"), SLICE("a"), SLICE("<1/>")));
  assert_true(profile_last_put(p, 7, 1, SLICE("")));
  assert_true(profile_last_put(p, 8, 1, SLICE("")));
  assert_true(profile_next(p, 0, &number) && number == 7);
  assert_true(profile_next(p, 7, &number) && number == 8);
  assert_true(profile_purge(p, 7, 4, &done));
  assert_int_equal(done, 4);
  done = 0;
  assert_true(profile_purge(p, 7, 4, &done));
  assert_int_equal(done, 1);
  assert_true(profile_next(p, 0, &number) && number == 8);
  assert_false(profile_vcard_get(p, 7, &text, NULL));
  assert_true(profile_private_size(p, 7, &n, &bytes) && !n);
  assert_false(profile_last_get(p, 7, &us, &text));
  assert_true(profile_last_get(p, 8, &us, &text));
}

int
main(void)
{
  struct CMUnitTest const tests[] = {
    cmocka_unit_test_setup_teardown(vcard_and_its_hash, start, finish),
    cmocka_unit_test_setup_teardown(purges, start, finish),
    cmocka_unit_test_setup_teardown(vcard_limits, start, finish),
    cmocka_unit_test_setup_teardown(directory_in_order, start, finish),
    cmocka_unit_test_setup_teardown(directory_values_are_cut, start, finish),
    cmocka_unit_test_setup_teardown(private_by_name_and_namespace, start, finish),
    cmocka_unit_test_setup_teardown(private_limits, start, finish),
    cmocka_unit_test_setup_teardown(private_count_ends, start, finish),
    cmocka_unit_test_setup_teardown(last_and_its_status, start, finish),
    cmocka_unit_test(alone),
  };
  return cmocka_run_group_tests(tests, group_start, group_end);
}
