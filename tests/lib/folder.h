/* A folder of a test program, top, in which each test of the group makes one of its own. */
#ifndef TESTS_FOLDER_H
#define TESTS_FOLDER_H

#include "base/base.h"

#include <skalibs/djbunix.h>

#include <stdlib.h>

static char top[] = "/tmp/tabber-test-XXXXXX";

static inline int
group_start(void **state)
{
  (void)state;
  log_verbosity = 0;
  door_tick();
  return mkdtemp(top) ? 0 : -1;
}

static inline int
group_end(void **state)
{
  (void)state;
  rm_rf(top);
  return 0;
}

#endif
