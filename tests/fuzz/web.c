/* web: xmpp-webd, from the bytes of its clients and the words of its neighbours. Every line that
 * leaves is a record that its neighbour would take; and when the front is gone and sessions have
 * had their time, no connection, request, stream or session is left. Needs bin/xmpp-webd without
 * its main file. */
#include "fuzz.h"

#include "../../bin/xmpp-webd/bosh.h"

#include <skalibs/strerr.h>

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

char const *PROG = "fuzz";

/* ---- as xmpp-webd.c ---- */

static void
record(struct link *l, enum verb v, struct record *r)
{
  bool front = l->roles & ROLE_FRONT, edge = l->roles & ROLE_EDGE;

  if (v == VERB_OPEN)
    conn_on_open(l, r);
  else if (v == VERB_SECURED)
    conn_on_secured(l, r);
  else if (v == VERB_DATA)
    (front ? conn_on_data : streams_on_data)(l, r);
  else if (v == VERB_SHAPE)
    streams_on_shape(l, r);
  else if (v == VERB_CLOSE)
    (front ? conn_on_close : streams_on_close)(l, r);
  else if (v == VERB_STOP)
    (front ? conn_on_stop : edge ? streams_on_stop : services_on_stop)(l, r);
  else if (v == VERB_GO)
    (front ? conn_on_go : edge ? streams_on_go : services_on_go)(l, r);
  else if (v == VERB_MOUNT)
    services_on_mount(l, r);
  else if (v == VERB_ACCEPT)
    services_on_accept(l, r);
  else if (v == VERB_ANSWER)
    services_on_answer(l, r);
  else if (v == VERB_BODY)
    services_on_body(l, r);
  else if (v == VERB_ENDED)
    services_on_ended(l, r);
  else if (v == VERB_CANCEL)
    services_on_cancel(l, r);
}

static void
up(struct link *l)
{
  (void)l;
}

static void
down(struct link *l)
{
  if (l->roles & ROLE_FRONT)
    conns_link_gone(l);
  else if (l->roles & ROLE_EDGE)
    streams_link_gone(l);
  else if (l->roles & ROLE_SERVICE)
    services_link_gone(l);
}

static void
turn(void)
{
  bosh_turn();
  conns_turn();
}

static struct link_owner const owner = {.program = "xmpp-webd",
                                        .instance = "webd",
                                        .up = up,
                                        .down = down,
                                        .record = record,
                                        .full = no_full,
                                        .turn = turn};

/* ---- what leaves ---- */

/* The conduit that is written to; the stream and the request that were opened last; the number and
 * session of the next request of BOSH. */
static uint64_t conduit, stream, request, rid;
static char sid[BOSH_SID_LEN + 1];

static void
note(enum verb v, struct record *r)
{
  struct slice bytes = record_get(r, 2);
  char const *at = v == VERB_DATA ? memmem(bytes.s, bytes.len, " sid='", 6) : NULL;

  if (v == VERB_OPEN) stream = record_u64(r, 1);
  if (v == VERB_REQUEST) request = record_u64(r, 1);
  if (at && bytes.len - (size_t)(at - bytes.s) > 6 + BOSH_SID_LEN)
    memcpy(sid, at + 6, BOSH_SID_LEN);
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
  must(v < VERBS_N && verb_rows[v].from & ROLE_WEB);
  must(verb_rows[v].to &
       (program_find(slice_str(name)) ? program_roles(program_find(slice_str(name)))
                                      : ROLE_SERVICE));
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
  say("tlsd\topen\t", conduit, "\th\t192.0.2.1\t1");
}

static void
other_conduit(void)
{
  conduit ^= 1;
}

/* A request of BOSH: text is attributes, and what follows them. */
static void
post(uint64_t n, char const *attrs, struct slice text)
{
  static stralloc body = STRALLOC_ZERO, all = STRALLOC_ZERO;
  char num[BASE_NUM];

  body.len = all.len = 0;
  must(stralloc_cats(&body, "<body xmlns='" NS_BOSH "' rid='") &&
       stralloc_cats(&body, num_u64(num, n).s) && stralloc_cats(&body, "' ") &&
       stralloc_cats(&body, attrs) &&
       (!*sid || (stralloc_cats(&body, " sid='") && stralloc_cats(&body, sid) &&
                  stralloc_cats(&body, "' "))) &&
       stralloc_catb(&body, text.s, text.len));
  must(stralloc_cats(&all, "POST /b HTTP/1.1\r\nHost: h\r\nContent-Length: ") &&
       stralloc_cats(&all, num_u64(num, body.len).s) && stralloc_cats(&all, "\r\n\r\n") &&
       stralloc_catb(&all, body.s, body.len));
  data(slice_of(all.s, all.len));
}

static void
create(void)
{
  sid[0] = 0;
  rid++;
  post(rid, "to='h' wait='5' hold='1' ver='1.6'", SLICE("/>"));
}

static void
upgrade(void)
{
  data(
    SLICE("GET /ws HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
          "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
          "Sec-WebSocket-Version: 13\r\n\r\n"));
}

static void
soon(void)
{
  say("clock\t", door_now() + 1000000, "");
}

static void
later(void)
{
  say("clock\t", door_now() + 40000000, "");
}

#define MESSAGE "\t<message xmlns='jabber:client'><body>m</body></message>"
#define FEATURES "\t<stream:features xmlns:stream='http://etherx.jabber.org/streams'/>"
#define HEADER "\t<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' id='i' from='h'/>"
#define ERROR                                                                            \
  "\t<stream:error xmlns:stream='http://etherx.jabber.org/streams'><conflict "           \
  "xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>"

/* The records and acts of the neighbours, a byte for each. */
static struct {
  char byte;
  char const *start;
  uint64_t const *id;
  char const *end;
} const words[] = {
  {'h', "c2sd\tdata\t",                       &stream,  HEADER          },
  {'f', "c2sd\tdata\t",                       &stream,  FEATURES        },
  {'m', "c2sd\tdata\t",                       &stream,  MESSAGE         },
  {'e', "c2sd\tdata\t",                       &stream,  ERROR           },
  {'c', "c2sd\tclose\t",                      &stream,  "\tconflict"    },
  {'s', "c2sd\tstop\t",                       &stream,  ""              },
  {'g', "c2sd\tgo\t",                         &stream,  ""              },
  {'S', "tlsd\tstop\t",                       &conduit, ""              },
  {'G', "tlsd\tgo\t",                         &conduit, ""              },
  {'X', "tlsd\tclose\t",                      &conduit, "\tx"           },
  {'A', "hook\taccept\t",                     &request, ""              },
  {'w', "hook\tanswer\t",                     &request, "\t200\t\tX: y" },
  {'W', "hook\tanswer\t",                     &request, "\t200\t3\tX: y"},
  {'b', "hook\tbody\t",                       &request, "\tyes"         },
  {'d', "hook\tended\t",                      &request, ""              },
  {'x', "hook\tcancel\t",                     &request, "\tx"           },
  {'p', "hook\tstop\t",                       &request, ""              },
  {'q', "hook\tgo\t",                         &request, ""              },
  {'B', "c2sd\tbye",                          NULL,     ""              },
  {'D', "hook\tbye",                          NULL,     ""              },
  {'H', "c2sd\thello\txmpp-c2sd\t0\tc2sd\t1", NULL,     ""              },
  {'M', "hook\tmount\tservice:hook",          NULL,     ""              },
};

static struct {
  char byte;
  void (*act)(void);
} const acts[] = {
  {'O', open_conduit },
  {'o', other_conduit},
  {'n', create       },
  {'u', upgrade      },
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

/* Bytes of the client: of a request of BOSH with the next number, the last, the one behind the
 * next, when they begin so. */
static void
client(struct slice piece)
{
  struct slice rest = slice_of(piece.s + 1, piece.len - 1);

  if (piece.s[0] == 2)
    post(++rid, "", rest);
  else if (piece.s[0] == 3)
    post(rid, "", rest);
  else if (piece.s[0] == 4)
    post(rid + 2, "", rest);
  else
    data(piece);
}

static void
start(void)
{
  static char const rows[] = "host\t*\th\n"
                             "listener\th\t127.0.0.1\t5280\thttp\n"
                             "tls\th\tnone\n"
                             "handler\th\t/hook\tservice:hook\n"
                             "handler\th\t/ws\tejabberd_http_ws\n"
                             "handler\th\t/b\tmod_bosh\n"
                             "handler\th\t/m\tmod_host_meta\n"
                             "custom_header\th\tX-Server\tof @HOST@\n"
                             "trusted_proxies\t*\t192.0.2.0/24\n"
                             "max_stanza_size\t*\t20000\n"
                             "bosh_out_max\t*\t300\n"
                             "connections_per_address\t*\t3\n"
                             "websocket_ping_interval\t*\t60000\n"
                             "websocket_timeout\t*\t300000\n"
                             "module\th\tmod_bosh\n"
                             "module\th\tmod_host_meta\n"
                             "mod_bosh.max_inactivity\t*\t30000\n"
                             "mod_bosh.max_pause\t*\t120000\n";
  static struct settings st = SETTINGS_ZERO;
  char dir[] = "/tmp/fuzz-web.XXXXXX", path[64];
  FILE *f;

  log_verbosity = 0;
  must(mkdtemp(dir) != NULL);
  snprintf(path, sizeof path, "%s/xmpp-webd", dir);
  f = fopen(path, "w");
  must(f && fputs(rows, f) >= 0 && !fclose(f));
  must(settings_open(&st, dir, "xmpp-webd"));
  unlink(path);
  rmdir(dir);
  web = settings_fresh(&st);
  must(web != NULL);
  door_set_clock(1000000000000000, 1000000000000000);
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
  stream = request = 0;
  rid = 1000;
  sid[0] = 0;
  conduit = 1048575;
  say("c2sd\thello\txmpp-c2sd\t0\tc2sd\t", 1, "");
  open_conduit();
  while (slice_word(&rest, 1, &piece)) {
    if (piece.len) client(piece);
    if (!rest.len) break;
    neighbour(*rest.s);
    rest = slice_of(rest.s + 1, rest.len - 1);
  }
  say("tlsd\tbye\t", 0, "");
  say("clock\t", door_now() + 300000000, "");
  say("clock\t", door_now() + 1, "");
  say("c2sd\tbye\t", 0, "");
  say("hook\tbye\t", 0, "");
  say("clock\t", door_now() + 300000000, "");
  say("clock\t", door_now() + 1, "");
  must(!conns_count() && !requests_count() && !streams_count() && !bosh_count());
  return 0;
}
