/* xmpp-mucd: rooms (XEP-0045).
 *
 * USAGE   xmpp-mucd [ -d notif ] [ -v level ] [ -p ] settings
 * READS   settings/xmpp-mucd      (from xmpp-confgen; again on SIGHUP)
 * FDS     2 log, notif readiness; with -p 0 and 1 records
 * SPEAKS  records to routed (xmpp-records(7))
 * STORES  DATA/rooms (stored.c), with the archives of rooms (lib/archive); DATA/occupants
 *         (occupants.c), which is not synced
 * LIMITS  MUC_SESSIONS_MAX, MUC_TEXT_MAX; options of mod_muc
 * EXIT    0 SIGTERM or end of input; 100 usage or bad settings; 111 system call
 * TRUSTS  settings, and the envelope of what routed sends
 * ROOMS   rooms.c rooms in memory, occupants.c their occupants, stored.c what is on disk, config.c
 *         options of a room; presence.c, enter.c, show.c presence; message.c, private.c, invite.c
 *         messages, holds.c those that come too early; iq.c requests: admin.c, owner.c, people.c, end.c, register.c, disco.c, archive.c, moderate.c,
 *         vcards.c; hats.c, hat_commands.c; history.c, retention.c the archive; rtbl.c, rtbl_table.c lists of those who may not enter; ghosts.c sessions that ended elsewhere, sent.c ids of messages; ends.c, cleanup.c accounts that ended; control.c
 *         xmpp-ctl; write.c; settings.c
 */
#include "rtbl.h"

char const *PROG = "xmpp-mucd";

static uint64_t received;

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
}

static bool
start(void)
{
  if (!mucd_start()) return false;
  ghosts_start();
  retention_start();
  return true;
}

static void
heard(struct session *s)
{
  s->alive_us = door_now();
  s->pings = 0;
}

/* `access` is for all that a stranger may want of the service; entering a room has its own check, and
 * who is in may stay. */
static bool
may_use(struct in *in)
{
  if (in->session || in->admin || slice_is(in->st.kind, "presence") ||
      !stanza_may_answer(&in->st) || muc_allows(in->muc, RULE_ACCESS, &in->from))
    return true;
  refuse(&in->st, ERR_FORBIDDEN, "", "you may not use the rooms here");
  return false;
}

static void
handle(struct in *in)
{
  if (rtbl_in(in)) return;
  if (in->to.local.len) in->room = room_find(in->to.bare);
  if (in->room) {
    room_touch(in->room);
    in->session = session_find(in->room, &in->from);
  }
  in->admin = muc_is_admin(in->muc, &in->from);
  in->again = stanza_is_again(&in->st);
  if (!may_use(in)) return;
  if (in->session && !slice_is(in->st.type, "error")) heard(in->session);
  if (slice_is(in->st.kind, "presence"))
    presence_in(in);
  else if (slice_is(in->st.kind, "message"))
    message_in(in);
  else
    iq_in(in);
}

/* A held stanza may be handled in the middle of another one, so there are two arenas. */
void
stanza_in(struct stanza const *st, bool held)
{
  static struct arena arenas[2];
  struct in in = {.st = *st, .arena = &arenas[held], .held = held};
  enum xml_error why;

  arena_reset(in.arena);
  if (!jid_parse(in.arena, st->from, &in.from) || !jid_parse(in.arena, st->to, &in.to))
    return;
  in.muc = muc_find(in.to.domain);
  in.e = xml_parse(in.arena, st->xml, NS_CLIENT, &why);
  if (!in.muc || !in.e) {
    refuse(&in.st, ERR_SERVICE_UNAVAILABLE, "", "");
    return;
  }
  handle(&in);
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

/* Occupants are committed first: what is repeated after a crash is done twice to them, which is
 * harmless, and once to what the rooms have. */
static void
turn(void)
{
  bool kept;

  rooms_turn();
  store_commit(mucd.present);
  kept = archive_commit(mucd.archive);
  if (holds_turn(kept)) store_commit(mucd.present);
  handle_turn(kept);
  if (kept) return;
  rooms_reload();
  if (mucd.routed && mucd.routed->up) link_discard(mucd.routed, "the store failed");
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
  ends_snapshot(k);
  retention_snapshot(k);
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
