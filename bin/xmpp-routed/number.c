#include "number.h"
#include "snapshot.h"

static uint64_t last;

uint64_t
number_next(void)
{
  uint64_t n = door_wall() << ARCHIVE_ID_SHIFT;

  last = n > last ? n : last + 1;
  return last;
}

void
number_above(uint64_t n)
{
  if (n > last) last = n;
}

void
number_snapshot(struct snapshot *k)
{
  if (snapshot_record(k, "number", true)) SNAPSHOT_INT(k, last);
}
