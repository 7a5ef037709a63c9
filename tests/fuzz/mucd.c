/* mucd: stanzas to rooms and services, words of xmpp-ctl and of xmpp-routed, through the handlers of
 * xmpp-mucd. Every line that leaves is a record that xmpp-routed would take; its stanza is XML, and
 * has the sender and the type of its envelope. Rooms and occupants that are loaded anew are those
 * that were there; when all sessions have ended, no room is in memory, and the turn is given up, so
 * that each input begins with empty stores. Needs bin/xmpp-mucd without its main file, and
 * build/fuzz for the stores. */
#include "fuzz.h"

#include "../../bin/xmpp-mucd/rtbl.h"

#include "service/service_internal.h"

#include <skalibs/strerr.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define SETTINGS "build/fuzz/mucd-settings"

char const *PROG = "fuzz";

/* ---- as xmpp-mucd.c ---- */

static void
on_stanza(struct link *l, struct record *r)
{
  struct stanza st;

  (void)l;
  stanza_read(r, 0, &st);
  st.xml = record_get(r, STANZA_XML);
  stanza_in(&st, false);
}

static service_fn *const handlers[VERBS_N] = {
  [VERB_STANZA] = on_stanza,       [VERB_ONLINE] = ghosts_online,
  [VERB_OFFLINE] = ghosts_offline, [VERB_ROW] = ghosts_row,
  [VERB_DONE] = ghosts_done,       [VERB_ROOM] = control_rooms,
};

static void
record(struct link *l, enum verb v, struct record *r)
{
  if (handlers[v]) handlers[v](l, r);
}

static void
up(struct link *l)
{
  if (l->program == ROUTED) mucd.routed = l;
}

static void
turn(void)
{
  rooms_turn();
  holds_turn(true);
}

static struct link_owner const owner = {.program = "xmpp-mucd",
                                        .instance = "mucd",
                                        .up = up,
                                        .down = no_link,
                                        .record = record,
                                        .full = no_full,
                                        .turn = turn};

static struct service const service = {.program = "xmpp-mucd",
                                       .needs = mucd_needs,
                                       .read = mucd_read,
                                       .take = mucd_take,
                                       .drop = mucd_drop};

/* ---- what leaves ---- */

/* A stanza of this record, whose fields TO, FROM and so on are those of the verb stanza. */
static void
check_stanza(struct record *r)
{
  static struct arena arena = ARENA_ZERO;
  struct xml_node const *e;
  enum xml_error why;

  arena_reset(&arena);
  must(record_get(r, STANZA_TO).len && record_get(r, STANZA_FROM).len);
  e = xml_parse(&arena, record_get(r, STANZA_XML), NS_CLIENT, &why);
  must(e && slice_is(e->ns, NS_CLIENT));
  must(slice_eq(e->name, record_get(r, STANZA_KIND)));
  must(slice_eq(xml_attr(e, "from"), record_get(r, STANZA_FROM)));
  must(slice_eq(xml_attr(e, "type"), record_get(r, STANZA_TYPE)));
}

static void
leaves(char const *name, struct slice line)
{
  char *copy = malloc(line.len);
  struct record r;
  enum verb v;

  must(copy && line.len && line.len <= RECORD_MAX && line.s[line.len - 1] == '\n');
  memcpy(copy, line.s, line.len);
  must(!memchr(copy, '\n', line.len - 1));
  must(record_split(&r, copy, line.len - 1));
  v = verb_find(record_get(&r, 0));
  must(v < VERBS_N && verb_rows[v].to & program_roles(program_find(slice_str(name))));
  must(r.n - 1 >= verb_rows[v].least);
  if (v == VERB_STANZA || v == VERB_FANOUT) check_stanza(&r);
  free(copy);
}

/* ---- what arrives ---- */

static stralloc line = STRALLOC_ZERO;

static void
say(char const *text)
{
  line.len = 0;
  must(stralloc_cats(&line, text));
  link_pipe_line(line.s, line.len);
}

/* Senders, by a letter; a capital one: the stanza comes again. */
static char const *const senders[] = {"owner@h/a", "bob@h/b", "carol@other/c",
                                      "admin@h/d", "bob@h/e", "list@rtbl"};
#define SENDERS_N (sizeof senders / sizeof *senders)

static char const *const targets[] = {
  "r@conference.h",   "r@conference.h/A",  "r@conference.h/B",
  "r@conference.h/C", "r@conference.h/D",  "r@conference.h/ ",
  "r@conference.h/b", "q@conference.h",    "q@conference.h/A",
  "conference.h",     "conference.h/rtbl", "r@conference.h/long nick"};
#define TARGETS_N (sizeof targets / sizeof *targets)

static void
stanza(char const *from, bool again, char const *to, struct slice xml)
{
  static struct arena arena = ARENA_ZERO;
  static uint64_t number;
  struct xml_node const *e;
  enum xml_error why;
  char num[BASE_NUM];
  struct slice n;

  arena_reset(&arena);
  e = xml_parse(&arena, xml, NS_CLIENT, &why);
  if (!e || !slice_is(e->ns, NS_CLIENT)) return;
  if (!slice_is(e->name, "message") && !slice_is(e->name, "presence") &&
      !slice_is(e->name, "iq"))
    return;
  n = num_u64(num, ++number);
  line.len = 0;
  must(stralloc_cats(&line, "routed\tstanza") && record_put(&line, slice_str(to)) &&
       record_put(&line, slice_str(from)) && record_put(&line, e->name) &&
       record_put(&line, xml_attr(e, "type")) && record_put(&line, xml_attr(e, "id")) &&
       record_put(&line, slice_str(again ? "session=7 again" : "session=7")) &&
       stralloc_cats(&line, "\tc2sd:9:") && stralloc_catb(&line, n.s, n.len) &&
       record_put(&line, xml));
  link_pipe_line(line.s, line.len);
}

static size_t
sessions(void)
{
  struct room *r;
  size_t n = 0;

  for (r = room_next(NULL); r; r = room_next(r))
    n += r->sessions_n;
  return n;
}

/* As when the process has ended between two turns, and another began. */
static void
restart(void)
{
  size_t rooms, before;

  say("turn\tover");
  rooms = rooms_count();
  before = sessions();
  rooms_reload();
  must(rooms_count() == rooms && sessions() == before);
}

static void
later(uint64_t us)
{
  char text[64];

  snprintf(text, sizeof text, "clock\t%llu", (unsigned long long)(door_now() + us));
  say(text);
}

static void
offline(char const *full)
{
  static char text[256];

  snprintf(text, sizeof text, "routed\toffline\t%s\tover\t7\t0", full);
  say(text);
}

/* Words of xmpp-ctl, with TABs between: fields of the verb room. */
static void
control(struct slice rest)
{
  struct slice word;

  line.len = 0;
  must(stralloc_cats(&line, "ctl\troom"));
  while (slice_word(&rest, '\t', &word))
    must(record_put(&line, word));
  link_pipe_line(line.s, line.len);
}

static void
happens(struct slice piece)
{
  unsigned char a = (unsigned char)piece.s[0], b = (unsigned char)piece.s[1];
  bool again = a >= 'A' && a < 'A' + SENDERS_N;
  size_t from = a - (unsigned int)(again ? 'A' : 'a'), to = b - (unsigned int)'a';

  if (a == '!')
    restart();
  else if (a == '+')
    later(b == '+' ? 1000000000 : 2000000);
  else if (a == '#')
    control(slice_of(piece.s + 1, piece.len - 1));
  else if (a == '-' && b >= 'a' && to < SENDERS_N)
    offline(senders[to]);
  else if (from < SENDERS_N && to < TARGETS_N)
    stanza(senders[from], again, targets[to], slice_of(piece.s + 2, piece.len - 2));
}

/* ---- start and end ---- */

static void
start(void)
{
  static char const rows[] = "host\t*\th\n"
                             "data\t*\t../mucd-data\n"
                             "verbosity\t*\t0\n"
                             "hide_sensitive_log_data\t*\tfalse\n"
                             "archive.max_age\t*\t0\n"
                             "archive.max_messages\t*\t0\n"
                             "acl\t*\tadmin\tuser\tadmin\th\n"
                             "rule\t*\tadmins\t1\tallow\tacl\tadmin\t\n"
                             "speed\t*\tnone\t0\t0\n"
                             "module\th\tmod_mam\n"
                             "module\th\tmod_muc\n"
                             "module\th\tmod_muc_rtbl\n"
                             "mod_mam.clear_archive_on_room_destroy\t*\ttrue\n"
                             "mod_muc.default_room_options\th\tmam\ttrue\n"
                             "mod_muc.access\t*\tall\n"
                             "mod_muc.access_admin\t*\tadmins\n"
                             "mod_muc.access_create\t*\tall\n"
                             "mod_muc.access_persistent\t*\tall\n"
                             "mod_muc.access_mam\t*\tall\n"
                             "mod_muc.access_register\t*\tall\n"
                             "mod_muc.history_size\t*\t20\n"
                             "mod_muc.max_rooms_discoitems\t*\t100\n"
                             "mod_muc.max_user_conferences\t*\t100\n"
                             "mod_muc.max_users\t*\t200\n"
                             "mod_muc.max_users_admin_threshold\t*\t5\n"
                             "mod_muc.max_users_presence\t*\t3\n"
                             "mod_muc.min_message_interval\t*\t0\n"
                             "mod_muc.min_presence_interval\t*\t0\n"
                             "mod_muc.cleanup_affiliations_on_start\t*\tfalse\n"
                             "mod_muc.name\t*\tRooms\n"
                             "mod_muc_rtbl.rtbl_server\t*\tlist@rtbl\n"
                             "mod_muc_rtbl.rtbl_node\t*\tbans\n";
  FILE *f;

  mkdir(SETTINGS, 0700);
  mkdir("build/fuzz/mucd-data", 0700);
  f = fopen(SETTINGS "/xmpp-mucd", "w");
  must(f && fputs(rows, f) >= 0 && !fclose(f));
  log_verbosity = 0;
  door_set_clock(1000000000000000, 1000000000000000);
  door_seed(SLICE("fuzz"));
  must(taken_load(&service, SETTINGS, true) && mucd_start());
  must(store_commit(mucd.present) && archive_commit(mucd.archive));
  ghosts_start();
  link_pipe_out = leaves;
  link_init(&owner, true);
  say("routed\thello\txmpp-routed\t0\trouted\t1");
  say("ctl\thello\txmpp-ctl\t0\tctl\t1");
}

/* Nobody is in a room whose sessions have all ended; all that was stored is given up. */
static void
end(void)
{
  struct room *r;
  size_t i;

  for (i = 0; i < SENDERS_N; i++)
    offline(senders[i]);
  for (r = room_next(NULL); r; r = room_next(r))
    while (r->first)
      remove_session(r->first->sessions, "333", NULL);
  say("turn\tover");
  later(300000000);
  say("turn\tover");
  must(!rooms_count() && !room_next_locked(NULL));
  store_abandon(mucd.store);
  store_abandon(mucd.present);
  must(!store_commit(mucd.present) && !archive_commit(mucd.archive));
  rooms_reload();
  must(!rooms_count());
}

int
LLVMFuzzerTestOneInput(uint8_t const *data, size_t len)
{
  struct slice rest = slice_of((char const *)data, len), piece;
  static bool started;

  if (!started) start();
  started = true;
  while (slice_word(&rest, 0, &piece))
    if (piece.len > 1) happens(piece);
  end();
  return 0;
}
