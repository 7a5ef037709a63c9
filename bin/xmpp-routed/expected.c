#include "expected.h"
#include "snapshot.h"

#include <string.h>

/* Neighbours that routed expects after its start: services say what they serve, c2sds
 * tell their sessions. Until all have done so, or EXPECT_US has passed, stanzas for
 * them wait: c2sds are read up to the point where they have told all their sessions,
 * and stanzas that services send again are kept here, those of servers and components
 * among them. So a restart of routed goes unnoticed. */

#define EXPECTED_MAX 96

static struct {
  char name[LINK_NAME_MAX + 1];
  bool there;
  uint64_t more_us; /* the end of its time to announce more; 0: nothing was announced */
} expected[EXPECTED_MAX];

static size_t expected_n;
static struct event_timer patience, more;
static bool impatient;
static void (*gave_up)(void);

/* A stanza that waits; its line stands behind it. */
struct early {
  struct link *link; /* NULL: it is gone, and will say it again */
  size_t len;
};

static stralloc early = STRALLOC_ZERO;

static void
lose_patience(void *cookie)
{
  (void)cookie;
  impatient = true;
  gave_up();
  service_look_again();
}

static void
wait_with_patience(void)
{
  if (!event_timer_on(&patience))
    event_timer_start(&patience, door_now() + EXPECT_US, lose_patience, NULL);
}

void
expected_start(void (*fn)(void))
{
  gave_up = fn;
}

void
expected_add(struct slice name)
{
  if (expected_n == EXPECTED_MAX || name.len > LINK_NAME_MAX) return;
  memcpy(expected[expected_n++].name, name.s, name.len);
}

static size_t
place(char const *name)
{
  size_t i;

  for (i = 0; i < expected_n && strcmp(expected[i].name, name) != 0; i++) {
  }
  return i;
}

bool
expected_all_there(void)
{
  size_t i;

  for (i = 0; i < expected_n && !impatient; i++)
    if (!expected[i].there) {
      wait_with_patience();
      return false;
    }
  impatient = true; /* from now on what goes is waited for in its post */
  return true;
}

bool
expected_holds(struct link const *l)
{
  size_t i;

  if (!(l->roles & ROLE_EDGE)) return false;
  if (impatient) return early.len != 0;
  i = place(l->name);
  if (i < expected_n && !expected[i].there) {
    wait_with_patience();
    return false;
  }
  return early.len || !expected_all_there();
}

/* Instances are called after their program. */
bool
expected_sessions_known(void)
{
  size_t i;

  for (i = 0; i < expected_n && !impatient; i++) {
    if (expected[i].there || !slice_starts(slice_str(expected[i].name), "c2sd")) continue;
    wait_with_patience();
    return false;
  }
  return true;
}

void
expected_announced(struct link *l)
{
  size_t i = place(l->name);

  if (impatient || i == expected_n || expected[i].there) return;
  expected[i].there = true;
  service_look_again();
}

static void
no_more(void *cookie)
{
  uint64_t next = UINT64_MAX;
  size_t i;

  (void)cookie;
  for (i = 0; i < expected_n; i++) {
    if (expected[i].there || !expected[i].more_us) continue;
    if (expected[i].more_us <= door_now())
      expected[i].there = true;
    else if (expected[i].more_us < next)
      next = expected[i].more_us;
  }
  if (next != UINT64_MAX) event_timer_start(&more, next, no_more, NULL);
  service_look_again();
}

void
expected_announces(struct link *l)
{
  size_t i = place(l->name);

  if (impatient || i == expected_n || expected[i].there) return;
  expected[i].more_us = door_now() + EXPECT_MORE_US;
  if (!event_timer_on(&more))
    event_timer_start(&more, expected[i].more_us, no_more, NULL);
}

/* An edge that serves domains has stanzas from its beginning on, and no session to tell. */
static bool
tells_sessions(struct link const *l)
{
  return l->roles & ROLE_EDGE && !(l->roles & ROLE_SERVICE);
}

bool
expected_keeps(struct link *l, struct record *r)
{
  struct early head = {.link = l};
  struct slice line;

  if (tells_sessions(l) || (!early.len && expected_all_there())) return false;
  line = record_run(r, 0, r->n - 1);
  head.len = line.len;
  if (!stralloc_readyplus(&early, sizeof head + line.len)) {
    link_drop(l, "out of memory");
    return true;
  }
  stralloc_catb(&early, (char const *)&head, sizeof head);
  stralloc_catb(&early, line.s, line.len);
  return true;
}

void
expected_turn(service_fn *take)
{
  stralloc all = early;
  struct early head;
  struct record r;
  size_t i;

  if (!early.len || !expected_all_there()) return;
  early = stralloc_zero;
  for (i = 0; i < all.len; i += sizeof head + head.len) {
    memcpy(&head, all.s + i, sizeof head);
    if (head.link && record_split(&r, all.s + i + sizeof head, head.len))
      take(head.link, &r);
  }
  stralloc_free(&all);
  service_look_again();
}

void
expected_gone(struct link const *l)
{
  struct early head;
  size_t i;

  for (i = 0; i < early.len; i += sizeof head + head.len) {
    memcpy(&head, early.s + i, sizeof head);
    if (head.link == l) head.link = NULL;
    memcpy(early.s + i, &head, sizeof head);
  }
}

/* ---- the state for a trace ---- */

static void
make_early(struct snapshot *k)
{
  stralloc text = STRALLOC_ZERO;

  while (snapshot_record(k, "early", true)) {
    struct early head = {0};
    snapshot_link(k, &head.link);
    snapshot_bytes(k, &text);
    head.len = text.len;
    if (!stralloc_catb(&early, (char const *)&head, sizeof head) ||
        !stralloc_catb(&early, text.s, text.len))
      snapshot_fail(k, "out of memory");
  }
  stralloc_free(&text);
}

static void
put_early(struct snapshot *k)
{
  struct early head;
  size_t i;

  for (i = 0; i < early.len; i += sizeof head + head.len) {
    stralloc text = {.s = early.s + i + sizeof head};
    memcpy(&head, early.s + i, sizeof head);
    text.len = head.len;
    if (!snapshot_record(k, "early", true)) return;
    snapshot_link(k, &head.link);
    snapshot_bytes(k, &text);
  }
}

void
expected_snapshot(struct snapshot *k)
{
  size_t n = expected_n, i;

  if (!snapshot_record(k, "expected", true)) return;
  snapshot_timer(k, &patience, lose_patience, NULL);
  snapshot_timer(k, &more, no_more, NULL);
  SNAPSHOT_INT(k, impatient);
  SNAPSHOT_INT(k, n);
  if (n > EXPECTED_MAX) n = 0;
  expected_n = n;
  for (i = 0; i < n; i++) {
    snapshot_name(k, expected[i].name, sizeof expected[i].name);
    SNAPSHOT_INT(k, expected[i].there);
    SNAPSHOT_INT(k, expected[i].more_us);
  }
  if (snapshot_restores(k))
    make_early(k);
  else
    put_early(k);
}
