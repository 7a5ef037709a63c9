#include "bans.h"

#include "ban/ban.h"

#include <stdio.h>
#include <string.h>

static struct bans bans = BANS_ZERO;

static uint64_t
now_s(void)
{
  return door_wall() / 1000000;
}

static void
tell(struct link *l, char const *text, uint64_t until)
{
  link_begin(l, VERB_BAN);
  link_str(l, text);
  link_num(l, until);
  link_end(l);
}

void
bans_on_ban(struct link *l, struct record *r)
{
  uint64_t until = record_u64(r, 2);
  char name[BAN_TEXT];

  (void)l;
  if (!ban_name(record_get(r, 1), name)) return;
  ban_put(&bans, slice_str(name), until, now_s());
  for (l = link_next(NULL); l; l = link_next(l))
    if (l->up && l->roles & (ROLE_FRONT | ROLE_WEB)) tell(l, name, until);
}

void
bans_announce(struct link *front)
{
  struct ban const *b = NULL;

  while ((b = ban_next(&bans, b, now_s())))
    tell(front, b->text, b->until_s);
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
  struct ban const *b = ban_next(&bans, NULL, 0);
  char name[BAN_TEXT];
  uint64_t until = 0;

  while (snapshot_record(k, "ban", b != NULL)) {
    if (b) memcpy(name, b->text, sizeof name);
    if (b) until = b->until_s;
    snapshot_name(k, name, sizeof name);
    SNAPSHOT_INT(k, until);
    if (snapshot_restores(k)) ban_put(&bans, slice_str(name), until, 0);
    if (b) b = ban_next(&bans, b, 0);
  }
}
