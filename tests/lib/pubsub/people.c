/* pubsub: creators of nodes, affiliations and subscriptions are counted; subscriptions of one address
 * are found among those that look like it, and those that are over go in steps. */
#include "pubsub/pubsub.h"

#include "pubsub_test.h"

#include <skalibs/uint64.h>

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

#define SERVICE (PUBSUB_SERVICE | 3u)

static struct pubsub_node
node_by(char const *creator, char const *name)
{
  struct pubsub_node n = {
    .owner = SERVICE, .name = slice_str(name), .creator = slice_str(creator)};

  assert_true(pubsub_node_add(pubsub, &n));
  return n;
}

/* An item of 9 bytes and those of its id. */
static void
put(struct pubsub_node *n, char const *id)
{
  struct pubsub_item it = {
    .us = 1, .id = slice_str(id), .publisher = SLICE("eve@e"), .payload = SLICE("<x/>")};

  assert_int_equal(pubsub_item_bytes(&it), 9 + strlen(id));
  assert_true(pubsub_item_put(pubsub, n, &it));
}

static void
creator_has(char const *creator, uint32_t nodes, uint32_t items, uint64_t bytes)
{
  struct pubsub_counts c;

  assert_true(pubsub_counts_of(pubsub, SERVICE, slice_str(creator), &c));
  assert_int_equal(c.nodes, nodes);
  assert_int_equal(c.items, items);
  assert_int_equal(c.bytes, bytes);
}

/* ---- creators ---- */

static void
creators(void **state)
{
  struct pubsub_node a = node_by("alice@a", "a"), b = node_by("alice@a", "b"),
                     c = node_by("bob@b", "c");

  (void)state;
  put(&a, "1");
  put(&a, "2");
  put(&b, "1");
  put(&c, "1");
  put(&c, "1");
  creator_has("alice@a", 2, 3, 30);
  creator_has("bob@b", 1, 1, 10);
  creator_has("eve@e", 0, 0, 0);
  creator_has("", 3, 4, 40);
  assert_true(pubsub_item_del(pubsub, &a, SLICE("2")));
  creator_has("alice@a", 2, 2, 20);
  assert_true(pubsub_node_del(pubsub, &b, SLICE("")));
  creator_has("alice@a", 1, 1, 10);
  assert_true(pubsub_node_del(pubsub, &a, SLICE("")));
  creator_has("alice@a", 0, 0, 0);
  creator_has("", 1, 1, 10);
}

/* A node that is handed on counts for another, with its items, and the service has as much as before. */
static void
handed(void **state)
{
  struct pubsub_node a = node_by("alice@a", "a"), b = node_by("alice@a", "b"), found;
  uint64_t at;

  (void)state;
  assert_int_equal(pubsub_service(pubsub, SLICE("s"), true), PUBSUB_SERVICE | 1u);
  assert_int_equal(pubsub_service(pubsub, SLICE("t"), true), PUBSUB_SERVICE | 2u);
  assert_int_equal(pubsub_service(pubsub, SLICE("r"), true), SERVICE);
  put(&a, "1");
  put(&b, "1");
  assert_true(pubsub_creator_at(pubsub, SLICE("alice@a"), 0, &at));
  assert_int_equal(at, SERVICE);
  assert_false(pubsub_creator_at(pubsub, SLICE("alice@a"), SERVICE + 1, &at));
  assert_int_equal(errno, ENOENT);
  assert_true(pubsub_node_hand(pubsub, &a, SLICE("bob@b")));
  creator_has("alice@a", 1, 1, 10);
  creator_has("bob@b", 1, 1, 10);
  creator_has("", 2, 2, 20);
  assert_true(pubsub_node_get(pubsub, a.node, &found));
  assert_true(slice_is(found.creator, "bob@b"));
  assert_true(pubsub_node_hand(pubsub, &b, SLICE("bob@b")));
  creator_has("alice@a", 0, 0, 0);
  assert_false(pubsub_creator_at(pubsub, SLICE("alice@a"), 0, &at));
  assert_int_equal(errno, ENOENT);
}

/* A store of an earlier version has the sums of its services, and none of creators. */
static void
creators_of_an_old_store(void **state)
{
  struct pubsub_node a = node_by("alice@a", "a"), b = node_by("bob@b", "b"),
                     c = node_by("alice@a", "c");
  char key[8];
  MDB_dbi t;
  unsigned int done = 0;

  (void)state;
  put(&a, "1");
  put(&b, "1");
  assert_true(pubsub_node_del(pubsub, &c, SLICE("")));
  assert_true(store_table(store, "owners", &t));
  uint64_pack_big(key, SERVICE);
  assert_true(store_del_some(store, t, slice_of(key, 8), 100, &done));
  assert_int_equal(done, 3);
  assert_true(pubsub_sum_creators(pubsub));
  creator_has("alice@a", 1, 1, 10);
  creator_has("bob@b", 1, 1, 10);
  assert_true(pubsub_sum_creators(pubsub));
  creator_has("alice@a", 1, 1, 10);
}

/* ---- affiliations and subscriptions ---- */

static void
subscribe(struct pubsub_node const *n, char const *jid, uint32_t expiry)
{
  struct pubsub_sub sub = {.state = PUBSUB_SUBSCRIBED, .id = 1, .expiry = expiry};

  assert_true(pubsub_sub_put(pubsub, n, slice_str(jid), &sub));
}

static void
people_are(struct pubsub_node const *n, uint32_t affs, uint32_t subs)
{
  uint32_t a, s;

  assert_true(pubsub_people(pubsub, n->node, &a, &s));
  assert_int_equal(a, affs);
  assert_int_equal(s, subs);
}

static bool
cat_jid(void *cookie, struct slice jid, struct pubsub_sub const *sub)
{
  char *s = cookie;

  (void)sub;
  strncat(s, jid.s, jid.len);
  strcat(s, " ");
  return true;
}

static void
counted(void **state)
{
  struct pubsub_node n = node_by("alice@a", "a"), other = node_by("alice@a", "b");
  char key[8];
  MDB_dbi t;

  (void)state;
  people_are(&n, 0, 0);
  subscribe(&n, "bob@b", 0);
  subscribe(&n, "bob@b", 0);
  subscribe(&n, "bob@b/r", 0);
  subscribe(&other, "bob@b", 0);
  assert_true(pubsub_aff_put(pubsub, &n, SLICE("bob@b"), PUBSUB_MEMBER));
  assert_true(pubsub_aff_put(pubsub, &n, SLICE("bob@b"), PUBSUB_OWNER));
  assert_true(pubsub_aff_put(pubsub, &n, SLICE("eve@e"), PUBSUB_NONE));
  people_are(&n, 1, 2);
  /* A store of an earlier version has no numbers. */
  assert_true(store_table(store, "subs", &t));
  uint64_pack_big(key, n.node);
  assert_true(store_del(store, t, slice_of(key, 8)));
  people_are(&n, 1, 2);
  subscribe(&n, "eve@e", 0);
  people_are(&n, 1, 3);
  assert_true(pubsub_sub_del(pubsub, &n, SLICE("eve@e")));
  assert_true(pubsub_sub_del(pubsub, &n, SLICE("eve@e")));
  assert_true(pubsub_sub_del(pubsub, &n, SLICE("bob@b")));
  assert_true(pubsub_sub_del(pubsub, &n, SLICE("bob@b/r")));
  assert_true(pubsub_aff_put(pubsub, &n, SLICE("bob@b"), PUBSUB_NONE));
  people_are(&n, 0, 0);
  people_are(&other, 0, 1);
}

static void
alike(void **state)
{
  struct pubsub_node n = node_by("alice@a", "a"), other = node_by("alice@a", "b");
  char of[128] = "", all[256] = "";

  (void)state;
  subscribe(&n, "bob@b", 0);
  subscribe(&n, "bob@b-c.d/r", 0);
  subscribe(&n, "bob@b.c", 0);
  subscribe(&n, "bob@b/1", 0);
  subscribe(&n, "bob@b/2", 0);
  subscribe(&n, "bob@bc/1", 0);
  subscribe(&other, "bob@b/3", 0);
  assert_true(pubsub_subs_of(pubsub, n.node, SLICE("bob@b"), cat_jid, of));
  assert_string_equal(of, "bob@b bob@b/1 bob@b/2 ");
  assert_true(pubsub_subs_back(pubsub, n.node, cat_jid, all));
  assert_string_equal(all, "bob@bc/1 bob@b/2 bob@b/1 bob@b.c bob@b-c.d/r bob@b ");
}

/* ---- the nodes of an address ---- */

static bool
note_node(void *cookie, uint64_t owner, uint64_t node)
{
  unsigned int *nodes = cookie;

  assert_true(owner == SERVICE);
  *nodes = *nodes * 10 + (unsigned int)node;
  return true;
}

static void
bob_has(unsigned int which, unsigned int want)
{
  unsigned int nodes = 0;

  assert_true(pubsub_of(pubsub, SLICE("bob@b"), 0, which, note_node, &nodes));
  assert_int_equal(nodes, want);
}

static void
bob_counts(uint32_t want)
{
  uint32_t n;

  assert_true(pubsub_of_count(pubsub, SLICE("bob@b"), &n));
  assert_int_equal(n, want);
}

static void
nodes_of_an_address(void **state)
{
  struct pubsub_node a = node_by("alice@a", "a"), b = node_by("alice@a", "b"),
                     c = node_by("alice@a", "c");
  unsigned int done = 0;
  char key[6] = "bob@b";
  MDB_dbi t;

  (void)state;
  assert_int_equal(a.node, 1);
  bob_counts(0);
  subscribe(&a, "bob@b", 0);
  subscribe(&a, "bob@b/r", 0);
  assert_true(pubsub_aff_put(pubsub, &a, SLICE("bob@b"), PUBSUB_MEMBER));
  assert_true(pubsub_aff_put(pubsub, &b, SLICE("bob@b"), PUBSUB_OUTCAST));
  subscribe(&c, "bob@b/r", 0);
  bob_counts(2);
  bob_has(PUBSUB_OF_AFFILIATION, 1);
  bob_has(PUBSUB_OF_SUBSCRIPTION, 13);
  bob_has(PUBSUB_OF_OUTCAST, 2);
  bob_has(PUBSUB_OF_ALL, 123);
  /* An entry of an earlier version has no number. */
  assert_true(store_table(store, "byjid", &t));
  assert_true(store_del(store, t, slice_of(key, sizeof key)));
  bob_counts(2);
  assert_true(pubsub_aff_put(pubsub, &b, SLICE("bob@b"), PUBSUB_OWNER));
  bob_counts(3);
  bob_has(PUBSUB_OF_OUTCAST, 0);
  assert_true(pubsub_aff_put(pubsub, &a, SLICE("bob@b"), PUBSUB_NONE));
  bob_counts(3);
  assert_true(pubsub_sub_del(pubsub, &a, SLICE("bob@b")));
  assert_true(pubsub_sub_del(pubsub, &a, SLICE("bob@b/r")));
  bob_counts(2);
  assert_true(pubsub_forget(pubsub, SLICE("bob@b"), 100, &done));
  bob_counts(0);
  assert_int_equal(store_count(store, t), 0);
}

/* ---- the sweep ---- */

static bool
is_over(struct slice jid, struct pubsub_sub const *sub)
{
  assert_true(jid.len > 0);
  return sub->expiry && sub->expiry <= 9;
}

static void
swept(void **state)
{
  struct pubsub_node n = node_by("alice@a", "a"), other = node_by("alice@a", "b"),
                     gone = node_by("alice@a", "c");
  struct pubsub_place place = {.len = 0};
  unsigned int steps = 0;
  char all[128] = "";

  (void)state;
  subscribe(&n, "a@a", 9);
  subscribe(&n, "b@b", 10);
  subscribe(&n, "c@c", 0);
  subscribe(&other, "d@d", 1);
  subscribe(&gone, "e@e", 1);
  assert_true(pubsub_node_del(pubsub, &gone, SLICE("")));
  do
    assert_true(pubsub_subs_sweep(pubsub, &place, 1, is_over));
  while (place.len && ++steps < 100);
  assert_in_range(steps, 7, 9);
  people_are(&n, 0, 2);
  people_are(&other, 0, 0);
  people_are(&gone, 0, 1);
  assert_true(pubsub_subs(pubsub, n.node, cat_jid, all));
  assert_string_equal(all, "b@b c@c ");
  subscribe(&n, "a@a", 9);
  subscribe(&other, "d@d", 1);
  pubsub_place_node(&place, other.node);
  assert_true(pubsub_subs_sweep(pubsub, &place, 2, is_over));
  people_are(&n, 0, 3);
  people_are(&other, 0, 0);
}

int
main(void)
{
  struct CMUnitTest const tests[] = {
    cmocka_unit_test_setup_teardown(creators, start, finish),
    cmocka_unit_test_setup_teardown(creators_of_an_old_store, start, finish),
    cmocka_unit_test_setup_teardown(handed, start, finish),
    cmocka_unit_test_setup_teardown(counted, start, finish),
    cmocka_unit_test_setup_teardown(alike, start, finish),
    cmocka_unit_test_setup_teardown(nodes_of_an_address, start, finish),
    cmocka_unit_test_setup_teardown(swept, start, finish),
  };

  return cmocka_run_group_tests(tests, group_start, group_end);
}
