/* A store of nodes for each test. */
#ifndef PUBSUB_TEST_H
#define PUBSUB_TEST_H

#include "pubsub/pubsub.h"

#include "../folder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#define MAP (64u << 20)

static char dir[sizeof top + 8];
static struct store *store;
static struct pubsub *pubsub;

static inline int
start(void **state)
{
  static unsigned int n;

  (void)state;
  snprintf(dir, sizeof dir, "%s/%u", top, n++ % 1000);
  store = store_open(dir, true, false, MAP);
  assert_non_null(store);
  pubsub = pubsub_open(store);
  assert_non_null(pubsub);
  return 0;
}

static inline int
finish(void **state)
{
  (void)state;
  assert_true(store_commit(store));
  pubsub_close(pubsub);
  store_close(store);
  return 0;
}

#endif
