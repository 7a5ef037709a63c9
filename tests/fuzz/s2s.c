/* s2s: the streams of xmpp-s2sd, from the bytes of servers and the words of its neighbours. Every
 * line that leaves is a record that its neighbour would take. The input is pieces with NUL between
 * them: the first byte of a piece says what happens, the rest are bytes of a server, or fields.
 * Needs bin/xmpp-s2sd without its main file. */
#include "fuzz.h"

#include "../../bin/xmpp-s2sd/dial.h"
#include "../../bin/xmpp-s2sd/domains.h"
#include "../../bin/xmpp-s2sd/in.h"
#include "../../bin/xmpp-s2sd/key.h"
#include "../../bin/xmpp-s2sd/life.h"
#include "../../bin/xmpp-s2sd/out.h"
#include "../../bin/xmpp-s2sd/pairs.h"
#include "../../bin/xmpp-s2sd/xep0198_sm.h"

#include "edge/edge.h"

#include <skalibs/strerr.h>

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char const *PROG = "fuzz";

static service_fn *const handlers[VERBS_N] = {
  [VERB_OPEN] = in_on_open,          [VERB_DATA] = out_on_data,
  [VERB_CLOSE] = conduit_on_close,   [VERB_STOP] = conduit_on_stop,
  [VERB_GO] = conduit_on_go,         [VERB_SECURED] = life_secured,
  [VERB_WRITTEN] = life_written,     [VERB_CONNECTED] = dial_on_connected,
  [VERB_FAILED] = dial_on_failed,    [VERB_UNCONNECTED] = dial_on_unconnected,
  [VERB_TARGET] = dial_on_target,    [VERB_RESOLVED] = dial_on_resolved,
  [VERB_SERVED] = domains_on_served, [VERB_FORGET] = domains_on_forget,
  [VERB_STANZA] = pairs_on_stanza,
};

/* ---- as xmpp-s2sd.c ---- */

static void
up(struct link *l)
{
  if (l->program == ROUTED) pairs_routed_is_up(l);
  dials_link_up(l);
}

static void
down(struct link *l)
{
  if (l->roles & ROLE_FRONT) life_link_gone(l);
  dials_link_gone(l);
}

static void
record(struct link *l, enum verb v, struct record *r)
{
  if (v == VERB_ACK && l->program == ROUTED) {
    edge_take(record_u64(r, 1));
    sm_acked();
  }
  if (handlers[v]) handlers[v](l, r);
}

static void
turn(void)
{
  pairs_turn();
  life_turn();
  pairs_turn();
}

static struct link_owner const owner = {.program = "xmpp-s2sd",
                                        .instance = "s2sd",
                                        .up = up,
                                        .down = down,
                                        .record = record,
                                        .full = no_full,
                                        .turn = turn};

/* ---- what leaves ---- */

/* The newest dial, and stanza; the numbers of the conduits in use. */
static uint64_t dial, newest, in, out = 1000;

static void
leaves(char const *name, struct slice line)
{
  char *copy = malloc(line.len);
  struct record r;
  struct slice number, origin;
  enum verb v;

  must(copy && line.len && line.len <= RECORD_MAX && line.s[line.len - 1] == '\n');
  memcpy(copy, line.s, line.len);
  must(!memchr(copy, '\n', line.len - 1));
  must(record_split(&r, copy, line.len - 1));
  v = verb_find(record_get(&r, 0));
  must(v < VERBS_N && verb_rows[v].from & (ROLE_EDGE | ROLE_SERVICE) &&
       verb_rows[v].to & program_roles(program_find(slice_str(name))));
  must(r.n - 1 >= verb_rows[v].least);
  if (v == VERB_RESOLVE) dial = record_u64(&r, 1);
  origin = record_get(&r, STANZA_ORIGIN);
  if (v == VERB_STANZA && slice_word(&origin, ':', &number)) slice_u64(origin, &newest);
  free(copy);
}

/* ---- what arrives ---- */

static stralloc line = STRALLOC_ZERO;

static void
say(char const *start, uint64_t id, char const *end, struct slice rest)
{
  char num[BASE_NUM];
  struct slice n = num_u64(num, id);

  line.len = 0;
  must(stralloc_cats(&line, start) && stralloc_catb(&line, n.s, n.len) &&
       stralloc_cats(&line, end) && (!rest.len || record_put(&line, rest)));
  link_pipe_line(line.s, line.len);
}

#define XML "<message from='a@h' to='b@peer'><body>x</body></message>"
#define VALID "\tTLSv1.3\tX\t\t\tdns:peer\tvalid leaf=a"
#define SELF "\tTLSv1.3\tX\t\t\tdns:peer\tself-signed leaf=a"

static uint64_t numbered; /* stanzas of the pair */

static void
stanza(void)
{
  say("routed\tstanza\tb@peer\ta@h\tmessage\t\t\tpair=", ++numbered, "\tc2sd:1\t" XML,
      SLICE(""));
}

static void
happens(char what, struct slice rest)
{
  struct slice none = SLICE("");

  switch (what) {
  case 'O': say("tlsd\topen\t", ++in, "\tl\t192.0.2.1\t1", none); return;
  case 'i': say("tlsd\tdata\t", in, "", rest); return;
  case 'o': say("tlsd\tdata\t", out, "", rest); return;
  case 's': say("tlsd\tsecured\t", in, VALID, none); return;
  case 'S': say("tlsd\tsecured\t", in, SELF, none); return;
  case 'v': say("tlsd\tsecured\t", out, VALID, none); return;
  case 'V': say("tlsd\tsecured\t", out, SELF, none); return;
  case 'x': say("tlsd\tclose\t", in, "", rest); return;
  case 'X': say("tlsd\tclose\t", out, "", rest); return;
  case 'w': say("tlsd\twritten\t", out, "\t700", none); return;
  case 'W': say("tlsd\twritten\t", in, "\t700", none); return;
  case 'b': say("tlsd\tstop\t", out, "", none); return;
  case 'g': say("tlsd\tgo\t", out, "", none); return;
  case 't': say("dnsd\ttarget\t", dial, "\tplain\t1\tt\t192.0.2.1", rest); return;
  case 'T': say("dnsd\ttarget\t", dial, "\ttls\t1\tt\t192.0.2.1", rest); return;
  case 'r': say("dnsd\tresolved\t", dial, "", rest); return;
  case 'f': say("tlsd\tfailed\t", dial, "\t0\t192.0.2.1\tconnect", rest); return;
  case 'u': say("tlsd\tunconnected\t", dial, "", none); return;
  case 'm': stanza(); return;
  case 'k': say("routed\tack\t", newest, "", none); return;
  case 'c': say("clock\t", door_now() + 2000000, "", none); return;
  case 'C': say("clock\t", door_now() + 70000000, "", none); return;
  case '.': event_turn_end(); return;
  default: return;
  }
}

/* The conduit of the newest dial gets a number of its own. */
static void
connect(void)
{
  char text[64];
  size_t n = strlen("tlsd\tconnected\t");
  char num[BASE_NUM];
  struct slice d = num_u64(num, dial);

  memcpy(text, "tlsd\tconnected\t", n);
  memcpy(text + n, d.s, d.len);
  text[n + d.len] = 0;
  line.len = 0;
  must(stralloc_cats(&line, text));
  d = num_u64(num, ++out);
  must(stralloc_cats(&line, "\t") && stralloc_catb(&line, d.s, d.len) &&
       stralloc_cats(&line, "\t0\t192.0.2.1\t1"));
  link_pipe_line(line.s, line.len);
}

static void
line_of(char const *text)
{
  line.len = 0;
  must(stralloc_cats(&line, text));
  link_pipe_line(line.s, line.len);
}

/* A server of two hosts, with dialback and stanzas both ways. */
static void
start(void)
{
  static char const *const rows[] = {
    "host\t*\th",
    "s2s_use_starttls\t*\toptional",
    "s2s_access\t*\tall",
    "s2s_timeout\t*\t3600000",
    "s2s_max_retry_delay\t*\t300000",
    "negotiation_timeout\t*\t30000",
    "max_stanza_size\t*\t65536",
    "max_fsm_queue\t*\t100",
    "mod_s2s_dialback.access\t*\tall",
    "module\th\tmod_s2s_dialback",
    "module\th\tmod_s2s_bidi",
    "language\t*\ten",
    "listener\tl\t::\t5269\ts2s",
  };
  static struct settings st = SETTINGS_ZERO;
  char dir[] = "/tmp/fuzz-s2s-XXXXXX", path[64];
  size_t i;
  FILE *f;

  must(mkdtemp(dir) != NULL);
  snprintf(path, sizeof path, "%s/xmpp-s2sd", dir);
  f = fopen(path, "w");
  must(f != NULL);
  for (i = 0; i < sizeof rows / sizeof *rows; i++)
    fprintf(f, "%s\n", rows[i]);
  fclose(f);
  must(settings_open(&st, dir, "xmpp-s2sd"));
  remove(path);
  remove(dir);
  s2sd = settings_fresh(&st);
  must(s2sd != NULL);
  must(event_init());
  conduit_init(&life_owner);
  door_set_clock(1000000000000000, 1000000000000000);
  door_seed(SLICE("x"));
  link_init(&owner, true);
  link_pipe_out = leaves;
  must(link_connect("", SLICE("routed")) && link_connect("", SLICE("dnsd")));
  log_verbosity = 0;
  line_of("routed\thello\txmpp-routed\t0\trouted\t1");
  line_of("dnsd\thello\txmpp-dnsd\t0\tdnsd\t1");
}

/* Without a front all dials fail, all stanzas go back, and nothing is left to remember. */
static void
end(void)
{
  int i;

  line_of("tlsd\tbye");
  for (i = 0; i < 8; i++)
    say("clock\t", door_now() + 200000000, "", SLICE(""));
  event_turn_end();
  must(!streams_count(true) && !streams_count(false) && !dials_count() && !pairs_count());
}

int
LLVMFuzzerTestOneInput(uint8_t const *data, size_t len)
{
  static bool started;
  struct slice rest = slice_of((char const *)data, len), piece;

  if (!started) start();
  started = true;
  line_of("tlsd\thello\txmpp-tlsd\t0\ttlsd\t1");
  while (slice_word(&rest, '\0', &piece)) {
    if (!piece.len) continue;
    if (*piece.s == 'n')
      connect();
    else
      happens(*piece.s, slice_of(piece.s + 1, piece.len - 1));
  }
  event_turn_end();
  end();
  return 0;
}
