/* pubsub: what is put is there again, counts follow, deleted nodes and accounts leave nothing, and
 * nothing is over its limit. */
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

#define ALICE 7u

static char const *const tables[] = {"nodes", "node",    "items",  "ids",   "expiry",
                                     "affs",  "subs",    "byjid",  "moved", "owners",
                                     "gone",  "dropped", "leavers"};

static struct pubsub_node
node_of(uint64_t owner, char const *name)
{
  struct pubsub_node n = {.owner = owner,
                          .name = slice_str(name),
                          .creator = SLICE("alice@a"),
                          .type = PUBSUB_PEP};

  assert_true(pubsub_node_add(pubsub, &n));
  return n;
}

static void
put_until(struct pubsub_node *n, char const *id, uint32_t expiry)
{
  struct pubsub_item it = {.us = 1,
                           .expiry = expiry,
                           .id = slice_str(id),
                           .publisher = SLICE("alice@a"),
                           .payload = SLICE("<x/>")};

  assert_true(pubsub_item_put(pubsub, n, &it));
}

static void
put(struct pubsub_node *n, char const *id)
{
  put_until(n, id, 0);
}

static void
counts_are(uint64_t owner, uint32_t nodes, uint32_t items, uint64_t bytes)
{
  struct pubsub_counts c;

  assert_true(pubsub_counts(pubsub, owner, &c));
  assert_int_equal(c.nodes, nodes);
  assert_int_equal(c.items, items);
  assert_int_equal(c.bytes, bytes);
}

static void
nothing_is_left(void)
{
  MDB_dbi t;
  size_t i;

  for (i = 0; i < sizeof tables / sizeof *tables; i++) {
    assert_true(store_table(store, tables[i], &t));
    if (store_count(store, t)) fail_msg("table %s is not empty", tables[i]);
  }
}

static void
purge_gone(unsigned int step)
{
  unsigned int done;

  do {
    done = 0;
    assert_true(pubsub_purge_gone(pubsub, step, &done));
    assert_true(done <= step);
  } while (done == step);
}

/* ---- nodes ---- */

static void
nodes(void **state)
{
  struct pubsub_node n = node_of(ALICE, "a"), found;

  (void)state;
  assert_true(pubsub_node_find(pubsub, ALICE, SLICE("a"), &found));
  assert_int_equal(found.node, n.node);
  assert_true(slice_is(found.creator, "alice@a"));
  assert_int_equal(found.type, PUBSUB_PEP);
  assert_false(pubsub_node_find(pubsub, ALICE + 1, SLICE("a"), &found));
  assert_int_equal(errno, ENOENT);
  assert_false(pubsub_node_add(pubsub, &n));
  assert_int_equal(errno, EEXIST);
  counts_are(ALICE, 1, 0, 0);
}

static void
fields(void **state)
{
  struct pubsub_node n = node_of(ALICE, "a");
  stralloc set = STRALLOC_ZERO;
  struct slice value;
  static char const text[UINT16_MAX + 1] = "";

  (void)state;
  assert_true(pubsub_cat_field(&set, 3, SLICE("three")));
  assert_true(pubsub_cat_field(&set, 9, SLICE("")));
  assert_true(pubsub_node_configure(pubsub, &n, slice_of(set.s, set.len)));
  assert_true(pubsub_node_find(pubsub, ALICE, SLICE("a"), &n));
  assert_true(pubsub_field(n.fields, 3, &value) && slice_is(value, "three"));
  assert_true(pubsub_field(n.fields, 9, &value) && !value.len);
  value = SLICE("usual");
  assert_false(pubsub_field(n.fields, 4, &value));
  assert_true(slice_is(value, "usual"));
  assert_false(pubsub_cat_field(&set, 1, slice_of(text, sizeof text)));
  assert_int_equal(errno, ENAMETOOLONG);
  stralloc_free(&set);
}

static void
too_long_a_text_spoils_nothing(void **state)
{
  static char text[UINT16_MAX + 1];
  struct pubsub_node n = {.owner = ALICE, .name = SLICE("a")};

  (void)state;
  memset(text, 'x', sizeof text);
  n.creator = slice_of(text, sizeof text);
  assert_false(pubsub_node_add(pubsub, &n));
  assert_int_equal(errno, ENAMETOOLONG);
}

/* ---- items ---- */

static bool
cat_id(void *cookie, struct pubsub_item const *it)
{
  char *s = cookie;

  strncat(s, it->id.s, it->id.len);
  return true;
}

static void
items_are(struct pubsub_node const *n, char const *want)
{
  char ids[64] = "";

  assert_true(pubsub_items(pubsub, n, 0, cat_id, ids));
  assert_string_equal(ids, want);
  assert_int_equal(n->items, strlen(want));
}

static void
items(void **state)
{
  struct pubsub_node n = node_of(ALICE, "a"), m = node_of(ALICE, "b");
  struct pubsub_item it;

  (void)state;
  put(&n, "x");
  put(&m, "z");
  put(&n, "y");
  items_are(&n, "xy");
  put(&n, "x");
  items_are(&n, "yx");
  counts_are(ALICE, 2, 3, 3 * 12);
  assert_true(pubsub_item_get(pubsub, &n, SLICE("y"), &it));
  assert_true(slice_is(it.payload, "<x/>"));
  assert_true(pubsub_item_newest(pubsub, &n, &it) && slice_is(it.id, "x"));
  assert_true(pubsub_item_oldest(pubsub, &n, &it) && slice_is(it.id, "y"));
  assert_true(pubsub_item_del(pubsub, &n, SLICE("x")));
  assert_true(pubsub_item_newest(pubsub, &n, &it) && slice_is(it.id, "y"));
  assert_true(pubsub_item_del(pubsub, &n, SLICE("y")));
  assert_false(pubsub_item_newest(pubsub, &n, &it));
  assert_int_equal(errno, ENOENT);
  assert_false(pubsub_item_del(pubsub, &n, SLICE("y")));
  assert_int_equal(errno, ENOENT);
  counts_are(ALICE, 2, 1, 12);
}

/* The item at a place and the place of an item are the same from both ends. */
static void
places(void **state)
{
  struct pubsub_node n = node_of(ALICE, "a"), after = node_of(ALICE, "b");
  struct pubsub_item it;
  uint64_t number;
  size_t i, place;

  (void)state;
  put(&after, "z");
  for (i = 0; i < 9; i++)
    put(&n, (char const[2]){(char)('a' + i), 0});
  assert_true(pubsub_item_del(pubsub, &n, SLICE("b")));
  put(&n, "d");
  items_are(&n, "acefghid");
  for (i = 0; i < 8; i++) {
    assert_true(pubsub_item_from_end(pubsub, &n, 7 - i, &number));
    assert_true(pubsub_item_get(pubsub, &n, slice_of(&"acefghid"[i], 1), &it));
    assert_int_equal(it.number, number);
    assert_true(pubsub_item_place(pubsub, &n, number, &place));
    assert_int_equal(place, i);
  }
  assert_false(pubsub_item_from_end(pubsub, &n, 8, &number));
  assert_int_equal(errno, ENOENT);
}

/* ---- items that are dropped ---- */

static void
drop(struct pubsub_node *n, uint32_t keep, char const *want)
{
  assert_true(pubsub_items_drop(pubsub, n, keep));
  items_are(n, want);
  assert_true(pubsub_node_find(pubsub, ALICE, SLICE("a"), n));
  items_are(n, want);
}

static void
purge_dropped(unsigned int step)
{
  unsigned int done, steps = 0;

  do {
    done = 0;
    assert_true(pubsub_purge_dropped(pubsub, step, &done));
    assert_true(done <= step);
    assert_true(++steps < 100);
  } while (done == step);
}

static void
entries_are(char const *table, size_t want)
{
  MDB_dbi t;

  assert_true(store_table(store, table, &t));
  assert_int_equal(store_count(store, t), want);
}

static struct pubsub_node
node_with(char const *ids)
{
  struct pubsub_node n = node_of(ALICE, "a");

  for (; *ids; ids++)
    put(&n, (char const[2]){*ids, 0});
  return n;
}

/* Dropped from either end, once and again, all counts are as if the items had been deleted. */
static void
dropped(void **state)
{
  struct pubsub_node n = node_with("abcdefgh");
  struct pubsub_item it;
  uint64_t number;
  size_t place;

  (void)state;
  drop(&n, 9, "abcdefgh");
  drop(&n, 8, "abcdefgh");
  entries_are("dropped", 0);
  drop(&n, 6, "cdefgh");
  counts_are(ALICE, 1, 6, 6 * 12);
  drop(&n, 2, "gh");
  counts_are(ALICE, 1, 2, 2 * 12);
  assert_int_equal(n.bytes, 2 * 12);
  assert_false(pubsub_item_get(pubsub, &n, SLICE("f"), &it));
  assert_int_equal(errno, ENOENT);
  assert_false(pubsub_item_del(pubsub, &n, SLICE("a")));
  assert_true(pubsub_item_oldest(pubsub, &n, &it) && slice_is(it.id, "g"));
  assert_true(pubsub_item_from_end(pubsub, &n, 1, &number));
  assert_true(pubsub_item_place(pubsub, &n, number, &place) && place == 0);
  assert_true(pubsub_item_from_end(pubsub, &n, 0, &number));
  assert_true(pubsub_item_place(pubsub, &n, number, &place) && place == 1);
  entries_are("items", 8);
  purge_dropped(2);
  entries_are("items", 2);
  entries_are("ids", 2);
  entries_are("dropped", 0);
  assert_true(pubsub_node_find(pubsub, ALICE, SLICE("a"), &n));
  assert_int_equal(n.first, 0);
  items_are(&n, "gh");
}

/* The newest item was dropped too, and one has its id again. */
static void
published_meanwhile(void **state)
{
  struct pubsub_node n = node_with("abc");
  struct pubsub_item it;
  unsigned int done = 0;

  (void)state;
  drop(&n, 0, "");
  counts_are(ALICE, 1, 0, 0);
  assert_false(pubsub_item_newest(pubsub, &n, &it));
  assert_int_equal(errno, ENOENT);
  put(&n, "b");
  put(&n, "x");
  items_are(&n, "bx");
  assert_true(pubsub_purge_dropped(pubsub, 2, &done));
  assert_int_equal(done, 2);
  assert_true(pubsub_node_find(pubsub, ALICE, SLICE("a"), &n));
  items_are(&n, "bx");
  purge_dropped(1);
  assert_true(pubsub_node_find(pubsub, ALICE, SLICE("a"), &n));
  items_are(&n, "bx");
  assert_true(pubsub_item_get(pubsub, &n, SLICE("b"), &it));
  entries_are("ids", 2);
  counts_are(ALICE, 1, 2, 2 * 12);
  assert_true(pubsub_item_del(pubsub, &n, SLICE("b")));
  assert_true(pubsub_item_del(pubsub, &n, SLICE("x")));
  assert_true(pubsub_node_del(pubsub, &n, SLICE("")));
  purge_gone(3);
  nothing_is_left();
}

static void
dropped_from_a_deleted_node(void **state)
{
  struct pubsub_node n = node_with("abc");

  (void)state;
  drop(&n, 1, "c");
  assert_true(pubsub_node_del(pubsub, &n, SLICE("")));
  counts_are(ALICE, 0, 0, 0);
  purge_dropped(2);
  purge_gone(2);
  nothing_is_left();
}

/* An item that expires after it was dropped takes along neither counts nor another of its id. */
static void
dropped_and_expired(void **state)
{
  struct pubsub_node n = node_of(ALICE, "a");
  unsigned int done = 0;

  (void)state;
  put_until(&n, "x", 5);
  put_until(&n, "y", 5);
  drop(&n, 0, "");
  put(&n, "y");
  assert_true(pubsub_items_expire(pubsub, 9, 100, &done));
  assert_int_equal(done, 2);
  purge_dropped(100);
  assert_true(pubsub_node_find(pubsub, ALICE, SLICE("a"), &n));
  items_are(&n, "y");
  counts_are(ALICE, 1, 1, 12);
  entries_are("items", 1);
  entries_are("ids", 1);
}

/* ---- publishers that have left ---- */

static void
leavers(void **state)
{
  struct pubsub_node a = node_with("abc"), b = node_of(ALICE, "b");
  struct pubsub_place at = {.len = 0};
  struct pubsub_leaver l, again;
  static char long_jid[PUBSUB_JID_MAX + 1];

  (void)state;
  memset(long_jid, 'x', sizeof long_jid);
  assert_false(pubsub_leaver_new(pubsub, &a, slice_of(long_jid, sizeof long_jid), 7, &l));
  assert_int_equal(errno, ENAMETOOLONG);
  assert_false(pubsub_leaver_next(pubsub, &at, &l));
  assert_int_equal(errno, ENOENT);
  assert_true(pubsub_leaver_new(pubsub, &a, SLICE("bob@b"), 7, &l));
  assert_true(l.from == 0 && l.until == a.next);
  l.from = 2;
  assert_true(pubsub_leaver_put(pubsub, &l));
  put(&a, "d");
  assert_true(pubsub_leaver_new(pubsub, &a, SLICE("bob@b"), 7, &again));
  assert_true(again.from == 2 && again.until == a.next);
  assert_true(pubsub_leaver_new(pubsub, &b, SLICE("bob@b"), 7, &again));
  assert_true(pubsub_leaver_put(pubsub, &again));
  /* Each in turn, and the first again behind the last. */
  assert_true(pubsub_leaver_next(pubsub, &at, &l) && l.node == a.node);
  assert_int_equal(l.from, 2);
  assert_true(slice_is(slice_of(l.bare, l.bare_len), "bob@b"));
  assert_true(pubsub_leaver_next(pubsub, &at, &again) && again.node == b.node);
  assert_true(pubsub_leaver_next(pubsub, &at, &again) && again.node == a.node);
  l.from = l.until;
  assert_true(pubsub_leaver_put(pubsub, &l));
  entries_are("leavers", 1);
  assert_true(pubsub_node_del(pubsub, &a, SLICE("")));
  assert_true(pubsub_node_del(pubsub, &b, SLICE("")));
  purge_gone(2);
  nothing_is_left();
}

/* ---- another host ---- */

static bool
rehost(void *cookie, char const *table, struct slice *key, struct slice *value)
{
  static stralloc k = STRALLOC_ZERO, v = STRALLOC_ZERO;

  return pubsub_rehost(cookie, table, key, value, &k, &v);
}

static void
leaver_of_all_nodes(void **state)
{
  struct pubsub_of_place from = {3, 4};
  struct pubsub_place at = {.len = 0};
  struct pubsub_leaver l, again;

  (void)state;
  assert_true(pubsub_leaver_of_all(SLICE("bob@b"), &from, 7, &l));
  assert_true(pubsub_leaver_put(pubsub, &l));
  assert_true(pubsub_leaver_next(pubsub, &at, &again));
  assert_true(!again.node && again.from < again.until && again.us == 7);
  assert_true(again.place.owner == 3 && again.place.node == 4);
  assert_true(slice_is(slice_of(again.bare, again.bare_len), "bob@b"));
  again.from = again.until;
  assert_true(pubsub_leaver_put(pubsub, &again));
  nothing_is_left();
}

/* A node with dropped items, and a leaver of it. */
static void
rehosted(void **state)
{
  struct jid_hosts h = {SLICE("a"), SLICE("b.example")};
  struct pubsub_node n = node_with("xyz");
  struct pubsub_place at = {.len = 0};
  struct pubsub_leaver l;
  struct pubsub_item it;
  char to[sizeof dir + 8];

  (void)state;
  drop(&n, 2, "yz");
  assert_true(pubsub_leaver_new(pubsub, &n, SLICE("alice@a"), 7, &l));
  assert_true(pubsub_leaver_put(pubsub, &l));
  assert_true(store_commit(store));
  pubsub_close(pubsub);
  store_close(store);
  snprintf(to, sizeof to, "%s-b", dir);
  assert_true(store_rewrite(dir, to, rehost, &h));
  store = store_open(to, true, false, MAP);
  assert_non_null(store);
  pubsub = pubsub_open(store);
  assert_non_null(pubsub);
  assert_true(pubsub_node_find(pubsub, ALICE, SLICE("a"), &n));
  assert_true(slice_is(n.creator, "alice@b.example"));
  items_are(&n, "yz");
  assert_true(pubsub_item_get(pubsub, &n, SLICE("z"), &it));
  assert_true(slice_is(it.publisher, "alice@b.example"));
  assert_true(pubsub_leaver_next(pubsub, &at, &l));
  assert_true(slice_is(slice_of(l.bare, l.bare_len), "alice@b.example"));
}

/* ---- expiry ---- */

static void
expire(uint32_t now_s, unsigned int want)
{
  unsigned int done = 0;

  assert_true(pubsub_items_expire(pubsub, now_s, 100, &done));
  assert_int_equal(done, want);
}

static void
expiry(void **state)
{
  struct pubsub_node n = node_of(ALICE, "a");
  unsigned int done = 0;

  (void)state;
  put_until(&n, "x", 5);
  put_until(&n, "y", 6);
  put_until(&n, "z", 0);
  put_until(&n, "u", 5);
  expire(4, 0);
  expire(5, 2);
  assert_true(pubsub_node_find(pubsub, ALICE, SLICE("a"), &n));
  items_are(&n, "yz");
  put_until(&n, "v", 6);
  assert_true(pubsub_items_expire(pubsub, 6, 1, &done));
  assert_int_equal(done, 1);
  counts_are(ALICE, 1, 2, 2 * 12);
}

/* Items of a deleted node were counted away with it. */
static void
expiry_of_a_deleted_node(void **state)
{
  struct pubsub_node kept = node_of(ALICE, "a"), n = node_of(ALICE, "b");

  (void)state;
  put(&kept, "k");
  put_until(&n, "x", 5);
  put_until(&n, "y", 5);
  assert_true(pubsub_node_del(pubsub, &n, SLICE("")));
  expire(10, 2);
  counts_are(ALICE, 1, 1, 12);
}

/* ---- the end of a node ---- */

static bool
count_node(void *cookie, uint64_t owner, uint64_t node)
{
  struct pubsub_node n;

  (void)owner;
  *(unsigned int *)cookie += pubsub_node_get(pubsub, node, &n);
  return true;
}

static unsigned int
nodes_of(char const *bare)
{
  unsigned int n = 0;

  assert_true(pubsub_of(pubsub, slice_str(bare), 0, PUBSUB_OF_ALL, count_node, &n));
  return n;
}

static void
deleted_node(void **state)
{
  struct pubsub_node n = node_of(ALICE, "a"), found;
  struct pubsub_sub sub = {.state = PUBSUB_SUBSCRIBED};

  (void)state;
  put_until(&n, "x", 5);
  put(&n, "y");
  assert_true(pubsub_aff_put(pubsub, &n, SLICE("bob@b"), PUBSUB_MEMBER));
  assert_true(pubsub_sub_put(pubsub, &n, SLICE("bob@b/r"), &sub));
  assert_int_equal(nodes_of("bob@b"), 1);
  assert_true(pubsub_node_del(pubsub, &n, SLICE("")));
  assert_false(pubsub_node_find(pubsub, ALICE, SLICE("a"), &found));
  assert_false(pubsub_node_get(pubsub, n.node, &found));
  assert_int_equal(errno, ENOENT);
  assert_int_equal(nodes_of("bob@b"), 0);
  counts_are(ALICE, 0, 0, 0);
  purge_gone(2);
  nothing_is_left();
}

/* A node that takes the name shares nothing with the one before. */
static void
same_name(void **state)
{
  struct pubsub_node n = node_of(ALICE, "a"), m;
  enum pubsub_affiliation aff;

  (void)state;
  put(&n, "x");
  assert_true(pubsub_aff_put(pubsub, &n, SLICE("bob@b"), PUBSUB_MEMBER));
  assert_true(pubsub_node_del(pubsub, &n, SLICE("")));
  m = node_of(ALICE, "a");
  items_are(&m, "");
  assert_true(pubsub_aff_get(pubsub, m.node, SLICE("bob@b"), &aff));
  assert_int_equal(aff, PUBSUB_NONE);
  put(&m, "y");
  purge_gone(100);
  items_are(&m, "y");
  counts_are(ALICE, 1, 1, 12);
}

static bool
moved(char const *name)
{
  struct slice uri;

  if (pubsub_moved(pubsub, ALICE, slice_str(name), &uri))
    return slice_is(uri, "xmpp:b?;node=b");
  assert_int_equal(errno, ENOENT);
  return false;
}

static void
del_moved(char const *name)
{
  struct pubsub_node n = node_of(ALICE, name);

  assert_true(pubsub_node_del(pubsub, &n, SLICE("xmpp:b?;node=b")));
}

static void
moved_until_there_is_another(void **state)
{
  struct pubsub_node n;

  (void)state;
  del_moved("a");
  assert_true(moved("a"));
  n = node_of(ALICE, "a");
  assert_false(moved("a"));
  assert_true(pubsub_node_del(pubsub, &n, SLICE("")));
  assert_false(moved("a"));
}

static void
moved_has_a_limit(void **state)
{
  char name[16];
  unsigned int i;

  (void)state;
  for (i = 0; i < PUBSUB_MOVED_NODES; i++) {
    snprintf(name, sizeof name, "n%u", i);
    del_moved(name);
  }
  assert_true(moved("n0") && moved("n999"));
  del_moved("one-more");
  assert_true(moved("one-more"));
  for (i = 0; i < PUBSUB_MOVED_NODES; i++) {
    snprintf(name, sizeof name, "n%u", i);
    if (!moved(name)) break;
  }
  assert_true(i < PUBSUB_MOVED_NODES);
}

/* Make the uri of a node end long ago. */
static void
age(char const *name)
{
  char key[32] = {0}, value[9] = {0};
  MDB_dbi t;

  uint64_pack_big(key, ALICE);
  memcpy(key + 8, name, strlen(name));
  value[7] = 1;
  value[8] = 'x';
  assert_true(store_table(store, "moved", &t));
  assert_true(store_put(store, t, slice_of(key, 8 + strlen(name)), slice_of(value, 9)));
}

static void
moved_is_swept(void **state)
{
  struct pubsub_place at = {.len = 0};
  MDB_dbi t;

  (void)state;
  del_moved("a");
  del_moved("b");
  del_moved("c");
  del_moved("d");
  assert_true(store_commit(store));
  age("a");
  age("b");
  age("d");
  assert_true(store_table(store, "moved", &t));
  assert_true(pubsub_moved_sweep(pubsub, &at, 1));
  assert_int_equal(store_count(store, t), 3);
  assert_true(at.len);
  assert_true(pubsub_moved_sweep(pubsub, &at, 2));
  assert_int_equal(store_count(store, t), 2);
  assert_true(at.len);
  assert_true(pubsub_moved_sweep(pubsub, &at, 100));
  assert_int_equal(at.len, 0);
  assert_int_equal(store_count(store, t), 1);
  assert_true(moved("c"));
}

/* ---- the end of an account ---- */

static void
purge_owner(unsigned int step)
{
  unsigned int done, steps = 0;

  do {
    done = 0;
    assert_true(pubsub_purge(pubsub, ALICE, step, &done));
    assert_true(done <= step);
    assert_true(++steps < 100);
  } while (done == step);
}

static void
ended_account(void **state)
{
  struct pubsub_node n, other = node_of(ALICE + 1, "b");
  struct pubsub_sub sub = {.state = PUBSUB_SUBSCRIBED};
  uint64_t next;
  unsigned int i, done;

  (void)state;
  for (i = 0; i < 5; i++) {
    n = node_of(ALICE, (char const[2]){(char)('a' + i), 0});
    put_until(&n, "x", 9);
    put(&n, "y");
    assert_true(pubsub_aff_put(pubsub, &n, SLICE("bob@b"), PUBSUB_MEMBER));
  }
  del_moved("gone");
  assert_true(pubsub_aff_put(pubsub, &other, SLICE("alice@a"), PUBSUB_MEMBER));
  assert_true(pubsub_sub_put(pubsub, &other, SLICE("alice@a"), &sub));
  assert_true(pubsub_sub_put(pubsub, &other, SLICE("alice@a/r"), &sub));
  assert_true(pubsub_next(pubsub, 0, &next));
  assert_int_equal(next, ALICE);
  purge_owner(3);
  assert_true(pubsub_next(pubsub, 0, &next));
  assert_int_equal(next, ALICE + 1);
  do {
    done = 0;
    assert_true(pubsub_forget(pubsub, SLICE("alice@a"), 2, &done));
    assert_true(done <= 2);
  } while (done == 2);
  assert_true(pubsub_node_del(pubsub, &other, SLICE("")));
  purge_gone(100);
  nothing_is_left();
}

/* ---- people ---- */

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
people(void **state)
{
  struct pubsub_node n = node_of(ALICE, "a");
  struct pubsub_sub sub = {.state = PUBSUB_PENDING, .id = 5, .options = PUBSUB_QUIET},
                    got;
  char all[128] = "";

  (void)state;
  assert_true(pubsub_sub_put(pubsub, &n, SLICE("bob@b"), &sub));
  assert_true(pubsub_sub_put(pubsub, &n, SLICE("bob@b.example"), &sub));
  assert_true(pubsub_sub_put(pubsub, &n, SLICE("bob@b/r"), &sub));
  assert_true(pubsub_sub_get(pubsub, n.node, SLICE("bob@b"), &got));
  assert_int_equal(got.id, 5);
  assert_int_equal(got.state, PUBSUB_PENDING);
  assert_int_equal(got.options, PUBSUB_QUIET);
  assert_true(pubsub_subs_of(pubsub, n.node, SLICE("bob@b"), cat_jid, all));
  assert_string_equal(all, "bob@b bob@b/r ");
  assert_int_equal(nodes_of("bob@b"), 1);
  assert_true(pubsub_sub_del(pubsub, &n, SLICE("bob@b")));
  assert_int_equal(nodes_of("bob@b"), 1);
  assert_true(pubsub_sub_del(pubsub, &n, SLICE("bob@b/r")));
  assert_int_equal(nodes_of("bob@b"), 0);
  assert_int_equal(nodes_of("bob@b.example"), 1);
}

/* ---- answers ---- */

static void
digest(char out[16], unsigned int i)
{
  memset(out, 0, 16);
  /* Digests are in no order. */
  uint64_pack_big(out, (uint64_t)i * 0x9e3779b97f4a7c15u);
}

static bool
is_done(unsigned int i)
{
  char key[16], what;
  struct slice id;

  digest(key, i);
  if (pubsub_done_get(pubsub, slice_of(key, 16), &what, &id))
    return what == 'p' && slice_is(id, "id");
  assert_int_equal(errno, ENOENT);
  return false;
}

static void
note(unsigned int i)
{
  char key[16];

  digest(key, i);
  assert_true(pubsub_done_put(pubsub, slice_of(key, 16), door_wall(), 'p', SLICE("id")));
}

/* The last PUBSUB_DONE_MAX answers are known. */
static void
answers(void **state)
{
  unsigned int i;
  MDB_dbi t;

  (void)state;
  for (i = 1; i <= PUBSUB_DONE_MAX + 5; i++)
    note(i);
  for (i = 1; i <= 5; i++)
    assert_false(is_done(i));
  for (; i <= PUBSUB_DONE_MAX + 5; i++)
    assert_true(is_done(i));
  note(6);
  note(7777);
  assert_true(is_done(6));
  assert_true(store_table(store, "done", &t));
  assert_true(store_count(store, t) <= 2 * PUBSUB_DONE_MAX);
}

static void
old_answers(void **state)
{
  char key[16], what;
  struct slice id;

  (void)state;
  digest(key, 1);
  assert_true(pubsub_done_put(pubsub, slice_of(key, 16),
                              door_wall() - PUBSUB_DONE_US - 1000000, 'p', SLICE("id")));
  assert_false(pubsub_done_get(pubsub, slice_of(key, 16), &what, &id));
  assert_int_equal(errno, ENOENT);
}

int
main(void)
{
  struct CMUnitTest const tests[] = {
    cmocka_unit_test_setup_teardown(nodes, start, finish),
    cmocka_unit_test_setup_teardown(fields, start, finish),
    cmocka_unit_test_setup_teardown(too_long_a_text_spoils_nothing, start, finish),
    cmocka_unit_test_setup_teardown(items, start, finish),
    cmocka_unit_test_setup_teardown(places, start, finish),
    cmocka_unit_test_setup_teardown(dropped, start, finish),
    cmocka_unit_test_setup_teardown(published_meanwhile, start, finish),
    cmocka_unit_test_setup_teardown(dropped_from_a_deleted_node, start, finish),
    cmocka_unit_test_setup_teardown(dropped_and_expired, start, finish),
    cmocka_unit_test_setup_teardown(leavers, start, finish),
    cmocka_unit_test_setup_teardown(leaver_of_all_nodes, start, finish),
    cmocka_unit_test_setup_teardown(rehosted, start, finish),
    cmocka_unit_test_setup_teardown(expiry, start, finish),
    cmocka_unit_test_setup_teardown(expiry_of_a_deleted_node, start, finish),
    cmocka_unit_test_setup_teardown(deleted_node, start, finish),
    cmocka_unit_test_setup_teardown(same_name, start, finish),
    cmocka_unit_test_setup_teardown(moved_until_there_is_another, start, finish),
    cmocka_unit_test_setup_teardown(moved_has_a_limit, start, finish),
    cmocka_unit_test_setup_teardown(moved_is_swept, start, finish),
    cmocka_unit_test_setup_teardown(ended_account, start, finish),
    cmocka_unit_test_setup_teardown(people, start, finish),
    cmocka_unit_test_setup_teardown(answers, start, finish),
    cmocka_unit_test_setup_teardown(old_answers, start, finish),
  };

  return cmocka_run_group_tests(tests, group_start, group_end);
}
