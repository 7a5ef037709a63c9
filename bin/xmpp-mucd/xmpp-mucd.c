/* xmpp-mucd: rooms (XEP-0045).
 *
 * USAGE   xmpp-mucd [ -d notif ] [ -v level ] [ -i instance ] [ -p ] settings
 * READS   settings/xmpp-mucd      (from xmpp-confgen; again on SIGHUP)
 * FDS     2 log, notif readiness; with -p 0 and 1 records
 * SPEAKS  records to routed (xmpp-records(7))
 * STORES  DATA/rooms (stored.c), with the archives of rooms (lib/archive); DATA/occupants
 *         (occupants.c), which is synced at the end alone
 * LIMITS  MUC_SESSIONS_MAX, MUC_TEXT_MAX; options of mod_muc
 * EXIT    0 SIGTERM or end of input; 100 usage or bad settings; 111 system call
 * TRUSTS  settings, and the envelope of what routed sends
 * ROOMS   stanzas.c what comes in; rooms.c rooms in memory, occupants.c their occupants, stored.c,
 *         nicks.c, listed.c what is on disk, config.c options of a room; presence.c, enter.c,
 *         show.c presence; message.c, private.c, invite.c messages, holds.c, slow.c
 *         those that come too early, said.c, taken.c what is said again, left.c who has left;
 *         iq.c requests: admin.c, owner.c, people.c, end.c, register.c, disco.c, items.c,
 *         archive.c, moderate.c, vcards.c; hats.c, hat_commands.c; history.c,
 *         retention.c the archive; rtbl.c, rtbl_table.c lists of those who
 *         may not enter; ghosts.c sessions that ended elsewhere, sent.c ids of
 *         messages; ends.c, cleanup.c accounts that ended; graves.c rooms that were
 *         destroyed; control.c xmpp-ctl; write.c; settings.c
 */
#include "holds.h"
#include "left.h"
#include "rtbl.h"
#include "said.h"
#include "taken.h"

#include <errno.h>

char const *PROG = "xmpp-mucd";

static uint64_t received;
static bool ending, sealed;

static void
word(struct link *l, enum verb v, struct slice a)
{
  link_begin(l, v);
  link_text(l, a);
  link_end(l);
}

static void
announce(struct link *l)
{
  struct muc const *m;
  size_t i;

  for (i = 0; (m = muc_at(i)); i++) {
    word(l, VERB_SERVE, m->name);
    link_begin(l, VERB_ITEM);
    link_str(l, "host");
    link_text(l, m->name);
    link_text(l, m->title);
    link_str(l, "");
    link_text(l, m->host);
    link_end(l);
  }
  handle_announced(l);
}

static void
take(void *fresh, bool first)
{
  mucd_take(fresh, first);
  if (!mucd.routed || !mucd.routed->up) return;
  handle_forget(mucd.routed);
  announce(mucd.routed);
}

static void
up(struct link *l)
{
  if (l->program != ROUTED) return;
  mucd.routed = l;
  announce(l);
  handle_watch(l, "sessions");
  erase_watch(l);
  ghosts_up();
  rtbl_up();
  left_up();
  cleanup_up();
}

static bool
start(void)
{
  if (!mucd_start()) return false;
  ghosts_start();
  retention_start();
  graves_start();
  return true;
}

static void
on_stanza(struct link *l, struct record *r)
{
  struct stanza st;

  received++;
  stanza_read(r, 0, &st);
  st.xml = record_get(r, STANZA_XML);
  if (!stanza_is_again(&st) && handle_came_before(st.origin)) return;
  if (slice_has_word(st.tags, SLICE("asked")))
    handle_forgotten(l, &st);
  else
    stanza_in(&st, false);
}

/* Commit DATA/occupants before DATA/rooms: a stanza that is repeated after a crash is done twice to
 * occupants, which is harmless, and once to what the rooms have. A turn that one of the two stores has lost
 * before the commits is lost in both. If the commit of DATA/rooms fails, DATA/occupants has the turn, and
 * loading the occupants drops those whose rooms are not there. */
static void
turn(void)
{
  bool kept;

  rooms_turn();
  said_turn();
  left_turn();
  taken_turn();
  if (store_is_lost(mucd.store)) store_revert(mucd.present);
  if (!store_commit(mucd.present)) {
    errno = EIO;
    store_abandon(mucd.store);
  }
  kept = archive_commit(mucd.archive);
  if (holds_turn(kept)) store_commit(mucd.present);
  handle_turn(kept);
  if (kept && ending && !sealed) {
    occupants_seal();
    sealed = true;
  }
  if (kept) return;
  rooms_reload();
  rtbl_reload();
  taken_lost();
  link_discard_all("the store failed");
}

static void
stop(void)
{
  ending = true;
}

static bool
feeds(struct link const *from, struct link const *full)
{
  return from->program == full->program;
}

static void
stats(struct link *ctl)
{
  service_stat(ctl, "stanzas", received);
  service_stat(ctl, "rooms", rooms_count());
}

/* Rooms and occupants are in the stores, which a trace has a copy of. */
static void
snapshot(struct snapshot *k)
{
  if (!snapshot_record(k, "total", true)) return;
  SNAPSHOT_INT(k, received);
  snapshot_link(k, &mucd.routed);
  ghosts_snapshot(k);
  left_snapshot(k);
  cleanup_snapshot(k);
  ends_snapshot(k);
  retention_snapshot(k);
  graves_snapshot(k);
  rtbl_snapshot(k);
  handle_snapshot(k);
}

static service_fn *const verbs[VERBS_N] = {
  [VERB_STANZA] = on_stanza,       [VERB_ONLINE] = ghosts_online,
  [VERB_OFFLINE] = ghosts_offline, [VERB_ROW] = ghosts_row,
  [VERB_DONE] = ghosts_done,       [VERB_ROOM] = control_rooms,
  [VERB_ENDING] = ends_ending,     [VERB_MADE] = ends_made,
};

static struct service const service = {
  .program = "xmpp-mucd",
  .handlers = verbs,
  .needs = mucd_needs,
  .read = mucd_read,
  .take = take,
  .drop = mucd_drop,
  .start = start,
  .up = up,
  .turn = turn,
  .stop = stop,
  .feeds = feeds,
  .stats = stats,
  .snapshot = snapshot,
  .copy = store_copy_all,
};

int
main(int argc, char const *const *argv)
{
  return service_main(&service, argc, argv);
}
