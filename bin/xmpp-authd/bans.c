#include "bans.h"

#include <skalibs/uint64.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Bans. Those that last are kept in DATA/secrets, table
 *   bans   the address or network as text -> the second since 1970 when it ends, 8 bytes big-endian */

#define MINUTES_DEFAULT 60
#define MINUTES_MAX 52560000

static struct bans bans = BANS_ZERO;
static struct store *store;
static MDB_dbi table;

static uint64_t
now_s(void)
{
  return door_wall() / 1000000;
}

/* ---- on disk ---- */

static bool
read_one(void *cookie, struct slice key, struct slice value)
{
  uint64_t until = 0;

  (void)cookie;
  if (value.len == 8) uint64_unpack_big(value.s, &until);
  if (until > now_s()) ban_put(&bans, key, until, now_s());
  return true;
}

bool
bans_open(struct store *s)
{
  store = s;
  return store_table(store, "bans", &table) &&
         store_each(store, table, SLICE(""), read_one, NULL);
}

/* A row of a ban that has ended is taken away when another is written. */
static void
drop_ended_row(void)
{
  struct slice key, value;
  uint64_t until = 0;
  char text[BAN_TEXT];

  if (!store_next(store, table, SLICE("\001"), &key, &value) || value.len != 8) return;
  uint64_unpack_big(value.s, &until);
  if (until > now_s() || key.len >= sizeof text) return;
  memcpy(text, key.s, key.len);
  store_del(store, table, slice_of(text, key.len));
}

static bool
keep(struct slice text, uint64_t until)
{
  char packed[8];

  uint64_pack_big(packed, until);
  if (until < now_s() + BAN_KEPT_S)
    return store_del(store, table, text) || errno == ENOENT;
  drop_ended_row();
  return store_put(store, table, text, slice_of(packed, 8));
}

/* ---- telling ---- */

void
bans_announce(struct link *l)
{
  ban_announce(&bans, l, now_s());
}

bool
bans_add(struct slice text, uint64_t seconds, char const *why)
{
  uint64_t until = now_s() + seconds;
  char name[BAN_TEXT], end[STAMP_SIZE];

  errno = EINVAL;
  if (!ban_name(text, name)) return false;
  if (!ban_put(&bans, slice_str(name), until, now_s())) {
    log_event(LOG_WARN, "ban-refused", "ip", log_peer(slice_str(name)), "why",
              strerror(errno), NULL);
    return false;
  }
  stamp_s(end, until);
  log_event(LOG_WARN, "banned", "ip", log_peer(slice_str(name)), "until", end, "why", why,
            NULL);
  ban_tell(ROLE_EDGE | ROLE_FRONT, name, until);
  if (keep(slice_str(name), until)) return true;
  errno = EIO;
  return false;
}

/* Also one that is unknown here, for another program may have it still. */
static void
lift(char const *name)
{
  ban_put(&bans, slice_str(name), 0, now_s());
  log_event(LOG_INFO, "ban-lifted", "ip", log_peer(slice_str(name)), NULL);
  ban_tell(ROLE_EDGE | ROLE_FRONT, name, 0);
  keep(slice_str(name), 0);
}

/* ---- the administrator ---- */

static void
list(struct link *ctl)
{
  struct ban const *b = NULL;
  char end[STAMP_SIZE];

  while ((b = ban_next(&bans, b, now_s()))) {
    link_begin(ctl, VERB_ROW);
    link_str(ctl, b->text);
    link_text(ctl, stamp_s(end, b->until_s));
    link_end(ctl);
  }
  service_done(ctl);
}

static void
add(struct link *ctl, char const *name, struct slice text)
{
  uint64_t minutes = MINUTES_DEFAULT;

  if (text.len && (!slice_u64(text, &minutes) || !minutes || minutes > MINUTES_MAX))
    service_error(ctl, "that is no number of minutes");
  else if (bans_add(slice_str(name), minutes * 60, "the administrator"))
    service_done(ctl);
  else
    service_error(ctl, errno == EDQUOT ? "there are too many bans" : "the store failed");
}

static void
lift_all(void)
{
  struct ban const *b;
  char name[BAN_TEXT];

  while ((b = ban_next(&bans, NULL, 0))) {
    memcpy(name, b->text, sizeof name);
    lift(name);
  }
}

void
bans_control(struct link *l, struct record *r)
{
  struct slice what = record_get(r, 1), text = record_get(r, 2);
  char name[BAN_TEXT];

  if (slice_is(what, "list")) {
    list(l);
    return;
  }
  if (slice_is(what, "del") && slice_is(text, "all")) {
    lift_all();
    service_done(l);
  } else if (!ban_name(text, name))
    service_error(l, "that is no address, and no network like 192.0.2.0/24");
  else if (slice_is(what, "add"))
    add(l, name, record_get(r, 3));
  else if (slice_is(what, "del")) {
    lift(name);
    service_done(l);
  } else
    service_error(l, "bans knows list, add and del");
}

/* ---- the state for a trace: the pipe driver has read what is on disk ---- */

void
bans_snapshot(struct snapshot *k)
{
  if (snapshot_restores(k)) ban_wipe(&bans);
  ban_snapshot(k, &bans);
}
