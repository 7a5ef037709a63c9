/* sasl2: logins by XEP-0388 with all that may be said along with them. A byte of the input is a piece of
 * what the client writes, so that elements are mostly whole, or what a neighbour says. Checked is the
 * order of what the client gets: one success, well-formed, with a session that is resumed or bound or
 * neither; features at once behind it unless the session was resumed; no mechanisms any more; and a
 * failure with one condition. Needs bin/xmpp-c2sd without its main file. */
#include "c2sd.h"

#define SASL2 " xmlns='urn:xmpp:sasl:2'"
#define SUCCESS "<success" SASL2 ">"
#define FEATURES "<stream:features"

static stralloc said = STRALLOC_ZERO; /* to the client, since the conduit was opened */

static void
written(struct slice bytes)
{
  must(stralloc_catb(&said, bytes.s, bytes.len));
}

/* ---- what the client got ---- */

static char const *
find(struct slice in, char const *word)
{
  return in.len ? memmem(in.s, in.len, word, strlen(word)) : NULL;
}

/* The bytes from the word on; none: s NULL. */
static struct slice
from(struct slice in, char const *word)
{
  char const *at = find(in, word);

  return at ? slice_of(at, in.len - (size_t)(at - in.s)) : (struct slice){NULL, 0};
}

/* Cut the element with which in begins, and which ends with end. */
static struct slice
cut(struct slice *in, char const *end)
{
  char const *at = find(*in, end);
  struct slice e;

  must(at != NULL);
  e = slice_of(in->s, (size_t)(at - in->s) + strlen(end));
  *in = slice_of(in->s + e.len, in->len - e.len);
  return e;
}

static struct xml_node *
parse(struct arena *a, struct slice text)
{
  enum xml_error why;
  struct xml_node *e = xml_parse(a, text, "jabber:client", &why);

  must(e != NULL);
  return e;
}

static unsigned int
children(struct xml_node const *e, char const *ns, char const *name)
{
  struct xml_node const *c = NULL;
  unsigned int n = 0;

  while ((c = xml_next(e, c)))
    n += xml_is(c, ns, name);
  return n;
}

/* Behind success: features, unless the session is an old one. */
static void
check_behind(struct slice rest, bool resumed, bool bound)
{
  struct slice features;

  if (resumed) {
    must(!find(rest, FEATURES));
    return;
  }
  must(slice_starts(rest, FEATURES));
  features = slice_starts(rest, FEATURES "/>") ? cut(&rest, "/>")
                                               : cut(&rest, "</stream:features>");
  must(!find(features, "<mechanism"));
  must(!bound || !find(features, "<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'"));
  must(!find(rest, FEATURES));
}

static void
check_success(struct slice rest)
{
  static char const sm[] = "urn:xmpp:sm:3", bind2[] = "urn:xmpp:bind:0";
  struct arena a = ARENA_ZERO;
  struct xml_node const *e = parse(&a, cut(&rest, "</success>"));
  unsigned int resumed = children(e, sm, "resumed"), bound = children(e, bind2, "bound");

  must(resumed + bound <= 1);
  must(resumed + children(e, sm, "failed") <= 1);
  must(bound + children(e, bind2, "failed") <= 1);
  must(children(e, "urn:xmpp:sasl:2", "authorization-identifier") == 1);
  must(children(e, "urn:xmpp:sasl:2", "additional-data") <= 1);
  must(children(e, "urn:xmpp:fast:0", "token") <= 1);
  must(!find(rest, SUCCESS) && !find(rest, "<failure" SASL2));
  check_behind(rest, resumed, bound);
  arena_wipe(&a);
}

static void
check_failures(struct slice rest)
{
  struct arena a = ARENA_ZERO;

  while ((rest = from(rest, "<failure" SASL2)).s) {
    struct xml_node const *e = parse(&a, cut(&rest, "</failure>")),
                          *c = xml_next(e, NULL);
    must(c && slice_is(c->ns, "urn:ietf:params:xml:ns:xmpp-sasl"));
    arena_reset(&a);
  }
  arena_wipe(&a);
}

static void
check(void)
{
  struct slice all = slice_of(said.s, said.len), success = from(all, SUCCESS);

  if (success.s) check_success(success);
  check_failures(all);
  said.len = 0;
}

/* ---- pieces ---- */

#define BIND "<bind xmlns='urn:xmpp:bind:0'>"
#define UUID "123e4567-e89b-42d3-a456-426614174000"

static struct {
  char byte;
  char const *text;
} const pieces[] = {
  {'h', "<?xml version='1.0'?><stream:stream xmlns='jabber:client' to='h' version='1.0' "
        "xmlns:stream='http://etherx.jabber.org/streams'>"                      },
  {'H', "<stream:stream xmlns='jabber:client' from='u@h' to='h' version='1.0' "
        "xmlns:stream='http://etherx.jabber.org/streams'>"                      },
  {'(', "<authenticate" SASL2 " mechanism='PLAIN'>"                                    },
  {'[', "<authenticate" SASL2 " mechanism='SCRAM-SHA-1'>"                              },
  {'{', "<authenticate" SASL2 " mechanism='HT-SHA-256-NONE'>"                          },
  {'<', "<authenticate" SASL2 " mechanism='HT-SHA-256-UNIQ'>"                          },
  {')', "</authenticate>"                                                              },
  {'i', "<initial-response>AHUAcA==</initial-response>"                                },
  {'=', "<initial-response>=</initial-response>"                                       },
  {'e', "<initial-response/>"                                                          },
  {'u',
   "<user-agent id='" UUID "'><software>s</software><device>d</device></user-agent>"   },
  {'U', "<user-agent id='1'><device/></user-agent>"                                    },
  {'b', BIND "<tag>T</tag></bind>"                                                     },
  {'B', BIND
   "<tag>/&lt;</tag><enable xmlns='urn:xmpp:carbons:2'/><enable xmlns='urn:xmpp:sm:3' "
   "resume='true'/><inactive xmlns='urn:xmpp:csi:0'/></bind>"                   },
  {'r', "<resume xmlns='urn:xmpp:sm:3' previd='aaaaaaaaaaaaaaaa.r' h='1'/>"            },
  {'R', "<resume xmlns='urn:xmpp:sm:3' previd='' h='x'/>"                              },
  {'q', "<request-token xmlns='urn:xmpp:fast:0' mechanism='HT-SHA-256-NONE'/>"         },
  {'f', "<fast xmlns='urn:xmpp:fast:0' count='5'/>"                                    },
  {'F', "<fast xmlns='urn:xmpp:fast:0' invalidate='true'/>"                            },
  {'g', "<upgrade xmlns='urn:xmpp:sasl:upgrade:0'>UPGR-X</upgrade>"                    },
  {'x', "<x xmlns='y'><z/></x>"                                                        },
  {'p', "<response" SASL2 ">YQ==</response>"                                           },
  {'a', "<abort" SASL2 "/>"                                                            },
  {'n', "<next" SASL2 " task='UPGR-X'/>"                                               },
  {'t',
   "<task-data" SASL2 "><hash xmlns='urn:xmpp:scram-upgrade:0'>YQ==</hash></task-data>"},
  {'o',
   "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>AHUAcA==</auth>"  },
  {'O', "<response xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>YQ==</response>"           },
  {'m', "<message to='v@h'/>"                                                          },
  {'I', "<iq type='set' id='1'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>"  },
  {'E', "<enable xmlns='urn:xmpp:sm:3' resume='true'/>"                                },
  {' ', " "                                                                            },
  {'/', "</stream:stream>"                                                             },
};

#define METADATA                                                                         \
  "\tu@h/r\tu@h\tiq\tresult\tbind2.metadata\t\t\t<iq type='result'><m xmlns='n'/></iq>"
#define SESSION                                                                          \
  "\t7\taaaaaaaaaaaaaaaa.r\tu@h/r\t3\t4\tcarbons\t-1\t<presence/>\tv@h\t90000000"
#define MESSAGE "\tu@h\tv@h\tmessage\t\t\tbody\t\t<message></message>"

static struct {
  char byte;
  char const *start;
  uint64_t const *id;
  char const *end;
} const words[] = {
  {'1', "authd\tchallenge\t",        &sid,     "\tAAAA"                                  },
  {'2', "authd\tsuccess\t",          &sid,     "\t\tu@h"                                 },
  {'3', "authd\tsuccess\t",          &sid,     "\tAA==\tu@h\tT\t2026-01-01T00:00:00Z\tnm"},
  {'4', "authd\tcontinue\t",         &sid,     "\tAA==\tUPGR-X"                          },
  {'5', "authd\ttask\t",             &sid,     "\tAA==\t4096"                            },
  {'6', "authd\tfailure\t",          &sid,     "\tcredentials-expired\t\t1"              },
  {'7', "routed\tbound\t",           &sid,     "\tu@h/r\t7"                              },
  {'8', "routed\trefused\t",         &sid,     "\tresource-constraint"                   },
  {'9', "routed\tdeliver\t",         &session, METADATA                                  },
  {'0', "routed\thanded\tc2sd\t",    &sid,     SESSION                                   },
  {'-', "routed\tunyielded\tc2sd\t", &sid,     "\titem-not-found\t3"                     },
  {'+', "routed\tqueued\tc2sd\t",    &sid,     MESSAGE                                   },
  {'d', "routed\tdeliver\t",         &session, MESSAGE                                   },
  {'k', "routed\tkick\t",            &session, "\tconflict"                              },
  {'A', "authd\tbye",                NULL,     ""                                        },
  {'C', "tlsd\tclose\t",             &conduit, "\tx"                                     },
};

static void
client(char c)
{
  size_t i;

  for (i = 0; i < sizeof pieces / sizeof *pieces; i++)
    if (pieces[i].byte == c) data(slice_str(pieces[i].text));
}

static void
neighbour(char c)
{
  size_t i;

  for (i = 0; i < sizeof words / sizeof *words; i++) {
    if (words[i].byte != c) continue;
    if (words[i].id) {
      say(words[i].start, *words[i].id, words[i].end);
      continue;
    }
    line.len = 0;
    must(stralloc_cats(&line, words[i].start));
    link_pipe_line(line.s, line.len);
  }
}

/* An authd that has gone comes back with the next conduit. */
static void
one(char c)
{
  switch (c) {
  case 's': secure(); break;
  case '.': say("clock\t", door_now() + 6000000, ""); break;
  case '_': say("clock\t", door_now() + 40000000, ""); break;
  case '\n':
    check();
    say("tlsd\tclose\t", conduit, "\tx");
    said.len = 0;
    say("authd\thello\txmpp-authd\t0\tauthd\t", 1, "");
    open_conduit();
    break;
  default: client(c); neighbour(c);
  }
}

int
LLVMFuzzerTestOneInput(uint8_t const *bytes, size_t len)
{
  static bool started;
  size_t i;

  if (!started) c2sd_start();
  started = true;
  sid = session = newest = 0;
  token[0] = 0;
  conduit = 1048576;
  say("authd\thello\txmpp-authd\t0\tauthd\t", 1, "");
  say("routed\thello\txmpp-routed\t0\trouted\t", 1, "");
  open_conduit();
  for (i = 0; i < len; i++)
    one((char)bytes[i]);
  check();
  say("tlsd\tbye\t", 0, "");
  said.len = 0;
  say("clock\t", door_now() + 300000000, "");
  must(!streams_count());
  return 0;
}
