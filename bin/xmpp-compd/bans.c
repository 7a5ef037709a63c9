#include "bans.h"

#include "ban/ban.h"

#include <errno.h>
#include <string.h>

/* A password of a component is tried as fast as connections can be made, and whoever finds it speaks for a
 * whole domain: an address has some wrong handshakes, and is shut out then. The counts are of the
 * addresses that were wrong last; all is memory, and a restart forgives. */

static struct failed {
  char name[BAN_TEXT];
  uint64_t until_us; /* the count is forgotten then; 0: the place is free */
  uint64_t n;
} failed[COMPONENT_FAILED_MAX];

static struct bans bans = BANS_ZERO;

static uint64_t
now_s(void)
{
  return door_wall() / 1000000;
}

/* The place of the address, or the one that is forgotten first. */
static struct failed *
place_of(char const *name)
{
  struct failed *oldest = failed;
  size_t i;

  for (i = 0; i < COMPONENT_FAILED_MAX; i++) {
    if (failed[i].until_us && !strcmp(failed[i].name, name)) return &failed[i];
    if (failed[i].until_us < oldest->until_us) oldest = &failed[i];
  }
  return oldest;
}

static void
shut_out(char const *name)
{
  uint64_t until_s = now_s() + COMPONENT_BAN_S;
  char end[STAMP_SIZE];

  if (!ban_put(&bans, slice_str(name), until_s, now_s())) {
    log_event(LOG_WARN, "ban-refused", "ip", log_peer(slice_str(name)), "why",
              strerror(errno), NULL);
    return;
  }
  stamp_s(end, until_s);
  log_event(LOG_WARN, "banned", "ip", log_peer(slice_str(name)), "until", end, "why",
            "too many wrong handshakes of components", NULL);
  ban_tell(ROLE_FRONT, name, until_s);
}

void
bans_count(struct slice ip)
{
  char name[BAN_TEXT];
  struct failed *f;

  if (ban_is_shared(ip) || bans_have(ip) || !ban_name(ip, name)) return;
  f = place_of(name);
  if (strcmp(f->name, name) != 0 || f->until_us <= door_now()) {
    memcpy(f->name, name, sizeof f->name);
    f->n = 0;
    f->until_us = door_now() + COMPONENT_FAILURES_US;
  }
  if (++f->n < COMPONENT_FAILURES) return;
  f->until_us = 0;
  shut_out(name);
}

void
bans_forgive(struct slice ip)
{
  char name[BAN_TEXT];
  struct failed *f;

  if (!ban_name(ip, name)) return;
  f = place_of(name);
  if (!strcmp(f->name, name)) f->until_us = 0;
}

bool
bans_have(struct slice ip)
{
  return ban_until(&bans, ip, now_s()) != 0;
}

void
bans_announce(struct link *front)
{
  ban_announce(&bans, front, now_s());
}

/* ---- the state for a trace ---- */

void
bans_snapshot(struct snapshot *k)
{
  if (snapshot_record(k, "failed", true)) snapshot_block(k, failed, sizeof failed);
  ban_snapshot(k, &bans);
}
