#include "base/base.h"

#include <skalibs/strerr.h>
#include <skalibs/surf.h>

#include <string.h>
#include <sys/random.h>
#include <time.h>

static struct {
  uint64_t now_us, wall_us;
  uint64_t ahead_us; /* of CLOCK_MONOTONIC, so that both clocks agree at the start */
  bool started, fixed, seeded, drawn;
  enum door_secrets secrets;
  SURFSchedule stream, secret_stream;
} door;

uint64_t
door_now(void)
{
  if (!door.started) door_tick();
  return door.now_us;
}

uint64_t
door_wall(void)
{
  if (!door.started) door_tick();
  return door.wall_us;
}

static uint64_t
read_clock(clockid_t id)
{
  struct timespec ts;

  clock_gettime(id, &ts);
  return (uint64_t)ts.tv_sec * 1000000u + (uint64_t)ts.tv_nsec / 1000u;
}

/* CLOCK_MONOTONIC stands still while the machine is suspended, and CLOCK_BOOTTIME does not. A
 * deadline says how long a peer had in which this process would have heard it: nobody is
 * heard in a suspended machine, so that time does not count. By CLOCK_BOOTTIME every
 * handshake, every request and every session that is away would end at the moment of waking,
 * before what the peers have sent is read. */
void
door_tick(void)
{
  uint64_t monotonic_us;

  if (door.fixed) return;
  door.wall_us = read_clock(CLOCK_REALTIME);
  monotonic_us = read_clock(CLOCK_MONOTONIC);
  if (!door.started) door.ahead_us = door.wall_us - monotonic_us;
  door.started = true;
  door.now_us = monotonic_us + door.ahead_us;
}

void
door_set_clock(uint64_t now_us, uint64_t wall_us)
{
  door.now_us = now_us;
  door.wall_us = wall_us;
  door.fixed = door.started = true;
}

static void
start(SURFSchedule *stream, struct slice seed)
{
  char key[160] = "";

  memcpy(key, seed.s, seed.len < sizeof key ? seed.len : sizeof key);
  surf_init(stream, key);
}

void
door_seed(struct slice seed)
{
  start(&door.stream, seed);
  door.seeded = true;
  door.drawn = false;
}

void
door_unseed(void)
{
  door.seeded = false;
}

bool
door_has_drawn(void)
{
  return door.drawn;
}

void
door_secrets_from(enum door_secrets from)
{
  if (from == DOOR_OWN_STREAM && door.secrets != from)
    start(&door.secret_stream, SLICE("secrets of a replay"));
  door.secrets = from;
}

static void
from_kernel(char *p, size_t n)
{
  while (n) {
    ssize_t r = getrandom(p, n, 0);
    if (r < 0) strerr_diefusys(111, "get random bytes");
    p += r;
    n -= (size_t)r;
  }
}

void
door_random(void *buf, size_t n)
{
  door.drawn = true;
  if (door.seeded)
    surf(&door.stream, buf, n);
  else
    from_kernel(buf, n);
}

void
door_secret(void *buf, size_t n)
{
  switch (door.secrets) {
  case DOOR_KERNEL: from_kernel(buf, n); return;
  case DOOR_OWN_STREAM: surf(&door.secret_stream, buf, n); return;
  case DOOR_SAME_STREAM: door_random(buf, n); return;
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
