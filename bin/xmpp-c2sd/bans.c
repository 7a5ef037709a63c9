#include "bans.h"

#include "ban/ban.h"

#include <stdio.h>

static struct bans bans = BANS_ZERO;

static uint64_t
now_s(void)
{
  return door_wall() / 1000000;
}

void
bans_on_ban(struct link *l, struct record *r)
{
  uint64_t until = record_u64(r, 2);
  char name[BAN_TEXT];

  (void)l;
  if (!ban_name(record_get(r, 1), name)) return;
  ban_put(&bans, slice_str(name), until, now_s());
  ban_tell(ROLE_FRONT | ROLE_WEB, name, until);
}

void
bans_announce(struct link *front)
{
  ban_announce(&bans, front, now_s());
}

bool
bans_has(struct stream const *s)
{
  return ban_until(&bans, slice_str(s->c.ip), now_s()) != 0;
}

/* The text lives until the stream has ended, in this turn: one place is enough. */
bool
bans_end(struct stream *s)
{
  static char text[64 + STAMP_SIZE];
  uint64_t until = ban_until(&bans, slice_str(s->c.ip), now_s());
  char end[STAMP_SIZE];
  struct slice stamp;

  if (!until) return false;
  stamp = stamp_s(end, until);
  snprintf(text, sizeof text, "too many failed logins: try again after %.*s",
           (int)stamp.len, stamp.s);
  conduit_error(&s->c, "policy-violation", text);
  return true;
}

void
bans_snapshot(struct snapshot *k)
{
  ban_snapshot(k, &bans);
}
