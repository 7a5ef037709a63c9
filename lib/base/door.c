#include "base/base.h"

#include <skalibs/strerr.h>
#include <skalibs/surf.h>

#include <string.h>
#include <sys/random.h>
#include <time.h>

static struct {
  uint64_t now_us;
  bool fixed, seeded;
  SURFSchedule stream;
} door;

uint64_t
door_now(void)
{
  if (!door.now_us && !door.fixed) door_tick();
  return door.now_us;
}

void
door_tick(void)
{
  struct timespec ts;

  if (door.fixed) return;
  clock_gettime(CLOCK_REALTIME, &ts);
  door.now_us = (uint64_t)ts.tv_sec * 1000000u + (uint64_t)ts.tv_nsec / 1000u;
}

void
door_set_clock(uint64_t now_us)
{
  door.now_us = now_us;
  door.fixed = true;
}

void
door_seed(struct slice seed)
{
  char key[160] = "";

  memcpy(key, seed.s, seed.len < sizeof key ? seed.len : sizeof key);
  surf_init(&door.stream, key);
  door.seeded = true;
}

void
door_unseed(void)
{
  door.seeded = false;
}

void
door_random(void *buf, size_t n)
{
  char *p = buf;

  if (door.seeded) {
    surf(&door.stream, p, n);
    return;
  }
  while (n) {
    ssize_t r = getrandom(p, n, 0);
    if (r < 0) strerr_diefusys(111, "get random bytes");
    p += r;
    n -= (size_t)r;
  }
}

void
door_random_id(char *buf, size_t n)
{
  static char const letters[] = "abcdefghijklmnopqrstuvwxyz0123456789";
  size_t i;

  door_random(buf, n);
  for (i = 0; i < n; i++)
    buf[i] = letters[(unsigned char)buf[i] % 36];
}
