/* stream: the streams of xmpp-c2sd, from the bytes of clients and the words of its
 * neighbours. Every line that leaves is a record that its neighbour would take, and when the
 * front is gone no stream is left. Needs bin/xmpp-c2sd without its main file. */
#include "../../bin/xmpp-c2sd/c2sd.h"

#include <skalibs/strerr.h>

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

char const *PROG = "fuzz";

int LLVMFuzzerTestOneInput(uint8_t const *data, size_t len);

static void
must(bool b)
{
  if (!b) abort();
}

static service_fn *const handlers[VERBS_N] = {
  [VERB_OPEN] = stream_open,
  [VERB_DATA] = stream_data,
  [VERB_CLOSE] = stream_close,
  [VERB_STOP] = stream_stop,
  [VERB_GO] = stream_go,
  [VERB_SECURED] = stream_secured,
  [VERB_MECHANISMS] = sasl_on_mechanisms,
  [VERB_CHALLENGE] = sasl_on_challenge,
  [VERB_SUCCESS] = sasl_on_success,
  [VERB_FAILURE] = sasl_on_failure,
  [VERB_BOUND] = bind_on_bound,
  [VERB_REFUSED] = bind_on_refused,
  [VERB_KICK] = bind_on_kick,
  [VERB_DELIVER] = deliver_stanza,
};

/* ---- as xmpp-c2sd.c ---- */

static void
up(struct link *l)
{
  if (l->program == ROUTED) bind_announce();
}

static void
down(struct link *l)
{
  if (l->program == AUTHD) sasl_authd_gone();
  if (l->program & PROGRAMS_FRONT) streams_of_link_gone(l);
}

static void
record(struct link *l, enum verb v, struct record *r)
{
  if (handlers[v]) handlers[v](l, r);
}

static void
full(struct link *l, bool is_full)
{
  (void)l;
  (void)is_full;
}

static void
turn(void)
{
}

static struct link_owner const owner = {.program = "xmpp-c2sd",
                                        .instance = "c2sd",
                                        .up = up,
                                        .down = down,
                                        .record = record,
                                        .full = full,
                                        .turn = turn};

/* ---- what leaves ---- */

/* The sid of the stream that authd or routed was asked about last; TLS comes once. */
static uint64_t sid;
static bool secured;

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
  must(v < VERBS_N && verb_rows[v].from & C2SD &&
       verb_rows[v].to & program_find(slice_str(name)));
  must(r.n - 1 >= verb_rows[v].least);
  if (v == VERB_AUTH || v == VERB_BIND) sid = record_u64(&r, 1);
  free(copy);
}

/* ---- what arrives ---- */

static stralloc line = STRALLOC_ZERO;

static void
say(char const *start, uint64_t id, char const *end)
{
  char num[BASE_NUM];

  line.len = 0;
  must(stralloc_cats(&line, start) && stralloc_cats(&line, num_u64(num, id).s) &&
       stralloc_cats(&line, end));
  link_pipe_line(line.s, line.len);
}

static void
data(struct slice bytes)
{
  line.len = 0;
  must(stralloc_cats(&line, "tlsd\tdata\t1048577") && record_put(&line, bytes));
  link_pipe_line(line.s, line.len);
}

/* One byte each: the neighbours' words. */
static void
neighbour(char c)
{
  switch (c) {
  case 's':
    if (!secured) say("tlsd\tsecured\t", 1048577, "\tTLSv1.3\tX\t\ttls-exporter=AAAA");
    secured = true;
    break;
  case 'c': say("authd\tchallenge\t", sid, "\tAAAA"); break;
  case 'a': say("authd\tsuccess\t", sid, "\t\tu@h"); break;
  case 'f': say("authd\tfailure\t", sid, "\tnot-authorized"); break;
  case 'b': say("routed\tbound\t", sid, "\tu@h/r"); break;
  case 'r': say("routed\trefused\t", sid, "\tconflict"); break;
  case 'k': say("routed\tkick\t", sid, "\tconflict"); break;
  case 'd':
    say("routed\tdeliver\t", sid, "\tu@h\tv@h\tmessage\t\t\t\t\t<message/>");
    break;
  case 'S': say("tlsd\tstop\t", 1048577, ""); break;
  case 'G': say("tlsd\tgo\t", 1048577, ""); break;
  case 'X': say("tlsd\tclose\t", 1048577, "\tx"); break;
  case 'A': say("authd\tbye\t", 0, ""); break;
  case 'R': say("routed\thello\txmpp-routed\t0\trouted\t", 2, ""); break;
  case 'T': say("clock\t", door_now() + 40000000, ""); break;
  default: break;
  }
}

static void
start(void)
{
  static char name[] = "h", mechanisms[] = "SCRAM-SHA-1-PLUS SCRAM-SHA-1 PLAIN",
              lang[] = "en";
  static struct host host = {.name = name};
  static struct listener listener = {
    .name = name, .max_stanza_size = 65536, .starttls = true};

  log_verbosity = 0;
  host.mechanisms = strdup(mechanisms);
  c2sd.hosts = &host;
  c2sd.listeners = &listener;
  c2sd.language = lang;
  c2sd.negotiation_us = 30000000;
  door_set_clock(1000000000000000);
  door_seed(SLICE("fuzz"));
  link_pipe_out = leaves;
  link_init(&owner, true);
}

/* Bytes of the client; behind a byte 1, one of its neighbours' words. */
int
LLVMFuzzerTestOneInput(uint8_t const *bytes, size_t len)
{
  struct slice rest = slice_of((char const *)bytes, len), piece;
  static bool started;

  if (!started) start();
  started = true;
  sid = 0;
  secured = false;
  say("authd\thello\txmpp-authd\t0\tauthd\t", 1, "");
  say("routed\thello\txmpp-routed\t0\trouted\t", 1, "");
  say("tlsd\topen\t", 1048577, "\th\t127.0.0.1\t1");
  while (slice_word(&rest, 1, &piece)) {
    if (piece.len) data(piece);
    if (!rest.len) break;
    neighbour(*rest.s);
    rest = slice_of(rest.s + 1, rest.len - 1);
  }
  say("tlsd\tbye\t", 0, "");
  must(!streams_count());
  return 0;
}
