/* stream: the streams of xmpp-c2sd, from the bytes of clients and the words of its
 * neighbours. Every line that leaves is a record that its neighbour would take, and when the
 * front is gone and nothing can be resumed any more, no stream is left. Needs bin/xmpp-c2sd
 * without its main file. */
#include "fuzz.h"

#include "../../bin/xmpp-c2sd/bind.h"
#include "../../bin/xmpp-c2sd/deliver.h"
#include "../../bin/xmpp-c2sd/life.h"
#include "../../bin/xmpp-c2sd/requests.h"
#include "../../bin/xmpp-c2sd/sasl.h"
#include "../../bin/xmpp-c2sd/settings.h"
#include "../../bin/xmpp-c2sd/shown.h"
#include "../../bin/xmpp-c2sd/stream.h"
#include "../../bin/xmpp-c2sd/xep0115_caps.h"
#include "../../bin/xmpp-c2sd/xep0198_resume.h"
#include "../../bin/xmpp-c2sd/xep0198_sm.h"
#include "../../bin/xmpp-c2sd/xep0480_upgrade.h"

#include <skalibs/strerr.h>

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

char const *PROG = "fuzz";

static void
acknowledged(struct link *l, struct record *r)
{
  if (l->program != ROUTED) return;
  edge_take(record_u64(r, 1));
  sm_acked(resume_step);
  requests_acked();
}

static service_fn *const handlers[VERBS_N] = {
  [VERB_OPEN] = life_open,
  [VERB_DATA] = conduit_on_data,
  [VERB_CLOSE] = conduit_on_close,
  [VERB_STOP] = conduit_on_stop,
  [VERB_GO] = conduit_on_go,
  [VERB_SECURED] = life_secured,
  [VERB_MECHANISMS] = sasl_on_mechanisms,
  [VERB_CHALLENGE] = sasl_on_challenge,
  [VERB_SUCCESS] = sasl_on_success,
  [VERB_CONTINUE] = upgrade_on_continue,
  [VERB_TASK] = upgrade_on_task,
  [VERB_FAILURE] = sasl_on_failure,
  [VERB_BOUND] = bind_on_bound,
  [VERB_REFUSED] = bind_on_refused,
  [VERB_KICK] = bind_on_kick,
  [VERB_DELIVER] = deliver_stanza,
  [VERB_ACK] = acknowledged,
  [VERB_YIELD] = resume_on_yield,
  [VERB_LEAVE] = resume_on_leave,
  [VERB_QUEUED] = resume_on_queued,
  [VERB_HANDED] = resume_on_handed,
  [VERB_UNYIELDED] = resume_on_unyielded,
  [VERB_RECALL] = shown_on_recall,
  [VERB_CAPS] = caps_on_caps,
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
  if (l->roles & (ROLE_FRONT | ROLE_WEB)) life_link_gone(l);
}

static void
record(struct link *l, enum verb v, struct record *r)
{
  if (handlers[v]) handlers[v](l, r);
}

static struct link_owner const owner = {.program = "xmpp-c2sd",
                                        .instance = "c2sd",
                                        .up = up,
                                        .down = down,
                                        .record = record,
                                        .full = no_full,
                                        .turn = no_turn};

/* ---- what leaves ---- */

/* The conduit that was opened last; the stream that authd or routed was asked about last, and
 * the one that was to be a session; the newest stanza; TLS comes once a conduit. */
static uint64_t conduit, sid, session, newest;
static bool secured;

/* The token of the session that may be resumed last. */
static char token[64];

static void
note_token(struct slice bytes)
{
  static char const start[] = "<enabled xmlns='urn:xmpp:sm:3' id='";
  size_t n = sizeof start - 1, i;

  while (bytes.len >= n && memcmp(bytes.s, start, n) != 0)
    bytes = slice_of(bytes.s + 1, bytes.len - 1);
  if (bytes.len < n) return;
  for (i = 0; i + 1 < sizeof token && n < bytes.len && bytes.s[n] != '\''; i++)
    token[i] = bytes.s[n++];
  token[i] = 0;
}

static void
note(enum verb v, struct record *r)
{
  struct slice number, origin = record_get(r, STANZA_ORIGIN);

  if (v == VERB_AUTH || v == VERB_BIND || v == VERB_RESUME) sid = record_u64(r, 1);
  if (v == VERB_BIND) session = sid;
  if (v == VERB_DATA) note_token(record_get(r, 2));
  if (v == VERB_STANZA && slice_word(&origin, ':', &number)) slice_u64(origin, &newest);
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
  must(v < VERBS_N && verb_rows[v].from & ROLE_EDGE &&
       verb_rows[v].to & program_roles(program_find(slice_str(name))));
  must(r.n - 1 >= verb_rows[v].least);
  note(v, &r);
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
  char num[BASE_NUM];

  line.len = 0;
  must(stralloc_cats(&line, "tlsd\tdata") && record_put(&line, num_u64(num, conduit)) &&
       record_put(&line, bytes));
  link_pipe_line(line.s, line.len);
}

static void
open_conduit(void)
{
  conduit++;
  secured = false;
  say("tlsd\topen\t", conduit, "\th\t127.0.0.1\t1");
}

static void
secure(void)
{
  if (!secured) say("tlsd\tsecured\t", conduit, "\tTLSv1.3\tX\t\ttls-exporter=AAAA");
  secured = true;
}

/* The client asks for the session whose token it was given. */
static void
resume(void)
{
  static stralloc text = STRALLOC_ZERO;

  text.len = 0;
  must(stralloc_cats(&text, "<resume xmlns='urn:xmpp:sm:3' h='0' previd='") &&
       stralloc_cats(&text, token) && stralloc_cats(&text, "'/>"));
  data(slice_of(text.s, text.len));
}

/* The same along with a login (XEP-0388). */
static void
resume_inline(void)
{
  static stralloc text = STRALLOC_ZERO;

  text.len = 0;
  must(stralloc_cats(&text, "<authenticate xmlns='urn:xmpp:sasl:2' mechanism='PLAIN'>"
                            "<initial-response/><bind xmlns='urn:xmpp:bind:0'/>"
                            "<resume xmlns='urn:xmpp:sm:3' h='0' previd='") &&
       stralloc_cats(&text, token) && stralloc_cats(&text, "'/></authenticate>"));
  data(slice_of(text.s, text.len));
}

static void
yield(char const *instance)
{
  char num[BASE_NUM];

  line.len = 0;
  must(stralloc_cats(&line, "routed\tyield") &&
       record_put(&line, num_u64(num, session)) && record_put(&line, slice_str(token)) &&
       stralloc_cats(&line, "\tu@h\t0") && record_put(&line, slice_str(instance)) &&
       record_put(&line, num_u64(num, sid)));
  link_pipe_line(line.s, line.len);
}

static void
yield_here(void)
{
  yield("c2sd");
}

static void
yield_there(void)
{
  yield("c2sd-2");
}

static void
soon(void)
{
  say("clock\t", door_now() + 600000, "");
}

static void
later(void)
{
  say("clock\t", door_now() + 40000000, "");
}

static void
routed_back(void)
{
  say("routed\thello\txmpp-routed\t0\trouted\t", 2, "");
}

#define MESSAGE "\tu@h\tv@h\tmessage\t\t\tbody\t\t<message></message>"
#define EMPTY "\tu@h\tv@h\tmessage\t\t\t\t\t<message/>"
#define STATE "\tu@h\tv@h\tmessage\t\t\tstate\t\t<message/>"
#define PRESENCE "\tu@h\tv@h\tpresence\t\t\t\t\t<presence/>"
#define SESSION                                                                          \
  "\t7\taaaaaaaaaaaaaaaa.r\tu@h/r\t3\t4\tcarbons\t-1\t<presence/>\tv@h\t90000000"

#define METADATA                                                                         \
  "\tu@h/r\tu@h\tiq\tresult\tbind2.metadata\t\t\t<iq type='result'><m xmlns='n'/></iq>"

/* The records and acts of the neighbours, a byte for each. */
static struct {
  char byte;
  char const *start;
  uint64_t const *id;
  char const *end;
} const words[] = {
  {'c', "authd\tchallenge\t",        &sid,     "\tAAAA"               },
  {'a', "authd\tsuccess\t",          &sid,     "\t\tu@h"              },
  {'z', "authd\tsuccess\t",          &sid,     "\tAA==\tu@h\tT\tE\tnm"},
  {'n', "authd\tcontinue\t",         &sid,     "\tAA==\tUPGR-X"       },
  {'N', "authd\ttask\t",             &sid,     "\tAA==\t4096"         },
  {'M', "routed\tdeliver\t",         &session, METADATA               },
  {'f', "authd\tfailure\t",          &sid,     "\tnot-authorized"     },
  {'b', "routed\tbound\t",           &sid,     "\tu@h/r"              },
  {'r', "routed\trefused\t",         &sid,     "\tconflict"           },
  {'k', "routed\tkick\t",            &session, "\tconflict"           },
  {'d', "routed\tdeliver\t",         &session, MESSAGE                },
  {'e', "routed\tdeliver\t",         &sid,     EMPTY                  },
  {'p', "routed\tdeliver\t",         &session, PRESENCE               },
  {'m', "routed\tdeliver\t",         &session, STATE                  },
  {'K', "routed\tack\t",             &newest,  ""                     },
  {'L', "routed\tleave\t",           &session, ""                     },
  {'u', "routed\tunyielded\tc2sd\t", &sid,     "\titem-not-found\t3"  },
  {'q', "routed\tqueued\tc2sd\t",    &sid,     MESSAGE                },
  {'h', "routed\thanded\tc2sd\t",    &sid,     SESSION                },
  {'C', "routed\trecall",            NULL,     ""                     },
  {'H', "routed\tcaps\th\tn\tv",     NULL,     ""                     },
  {'S', "tlsd\tstop\t",              &conduit, ""                     },
  {'G', "tlsd\tgo\t",                &conduit, ""                     },
  {'X', "tlsd\tclose\t",             &conduit, "\tx"                  },
  {'A', "authd\tbye",                NULL,     ""                     },
  {'B', "routed\tbye",               NULL,     ""                     },
};

static struct {
  char byte;
  void (*act)(void);
} const acts[] = {
  {'O', open_conduit },
  {'R', routed_back  },
  {'s', secure       },
  {'w', resume       },
  {'W', resume_inline},
  {'y', yield_here   },
  {'Y', yield_there  },
  {'t', soon         },
  {'T', later        },
};

static void
neighbour(char c)
{
  size_t i;

  for (i = 0; i < sizeof words / sizeof *words; i++) {
    if (words[i].byte != c) continue;
    line.len = 0;
    if (words[i].id)
      say(words[i].start, *words[i].id, words[i].end);
    else {
      must(stralloc_cats(&line, words[i].start));
      link_pipe_line(line.s, line.len);
    }
  }
  for (i = 0; i < sizeof acts / sizeof *acts; i++)
    if (acts[i].byte == c) acts[i].act();
}

static void
start(void)
{
  static char name[] = "h", mechanisms[] = "SCRAM-SHA-1-PLUS SCRAM-SHA-1 PLAIN",
              fast[] = "HT-SHA-256-EXPR HT-SHA-256-NONE", upgrades[] = "UPGR-X",
              lang[] = "en";
  static struct host host = {.name = name,
                             .served = true,
                             .carbons = true,
                             .mam = true,
                             .roster = true,
                             .roster_versions = true,
                             .sm = true,
                             .csi = true,
                             .csi_presence = true,
                             .csi_chat_states = true,
                             .csi_pep = true,
                             .pings = true,
                             .ping_kills = true,
                             .ping_us = 30000000,
                             .pong_us = 20000000,
                             .resume_us = 100000000,
                             .resume_max_us = 200000000,
                             .ack_us = 10000000,
                             .queue_max = 8};
  static struct listener listener = {
    .name = name, .max_stanza_size = 65536, .queue_max = 100, .starttls = true};

  log_verbosity = 0;
  host.mechanisms = strdup(mechanisms);
  host.fast = strdup(fast);
  host.upgrades = strdup(upgrades);
  c2sd.hosts = &host;
  c2sd.listeners = &listener;
  c2sd.language = lang;
  c2sd.negotiation_us = 30000000;
  door_set_clock(1000000000000000, 1000000000000000);
  door_seed(SLICE("fuzz"));
  link_pipe_out = leaves;
  conduit_init(&life_owner);
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
  sid = session = newest = 0;
  token[0] = 0;
  conduit = 1048576;
  say("authd\thello\txmpp-authd\t0\tauthd\t", 1, "");
  say("routed\thello\txmpp-routed\t0\trouted\t", 1, "");
  open_conduit();
  while (slice_word(&rest, 1, &piece)) {
    if (piece.len) data(piece);
    if (!rest.len) break;
    neighbour(*rest.s);
    rest = slice_of(rest.s + 1, rest.len - 1);
  }
  say("tlsd\tbye\t", 0, "");
  say("clock\t", door_now() + 300000000, "");
  must(!streams_count());
  return 0;
}
