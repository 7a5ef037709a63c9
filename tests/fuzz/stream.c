/* stream: the streams of xmpp-c2sd, from the bytes of clients and the words of its
 * neighbours. Every line that leaves is a record that its neighbour would take, and when the
 * front is gone and nothing can be resumed any more, no stream is left. Needs bin/xmpp-c2sd
 * without its main file. */
#include "c2sd.h"

static void
written(struct slice bytes)
{
  (void)bytes;
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

/* Bytes of the client; behind a byte 1, one of its neighbours' words. */
int
LLVMFuzzerTestOneInput(uint8_t const *bytes, size_t len)
{
  struct slice rest = slice_of((char const *)bytes, len), piece;
  static bool started;

  if (!started) c2sd_start();
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
