#include "edge/edge.h"

#include "../piped.h"

#include <skalibs/strerr.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

char const *PROG = "test";

/* ---- an edge without a program around it ---- */

static bool
serves(struct slice domain)
{
  return slice_is(domain, "here.example");
}

static struct edge_rules const client = {"jabber:client", serves, true},
                               component = {"jabber:component:accept", serves, true};

static stralloc sent;

static void
leaves(char const *name, struct slice line)
{
  (void)name;
  sent.len = 0;
  if (!stralloc_catb(&sent, line.s, line.len - 1) || !stralloc_0(&sent)) abort();
}

static int
start(void **state)
{
  (void)state;
  piped_start("xmpp-c2sd", leaves);
  piped_feed("routed\thello\txmpp-routed\t0\trouted\t8589934592001");
  return 0;
}

static struct arena arena;

static struct edge_stanza
read_text(struct edge_rules const *rules, char const *text)
{
  enum xml_error why;
  struct edge_stanza in;
  struct xml_node *e;

  arena_reset(&arena);
  e = xml_parse(&arena, slice_str(text), rules->ns, &why);
  assert_non_null(e);
  edge_read(&in, rules, e, slice_str(text), false);
  in.from = SLICE("juliet@here.example/b");
  return in;
}

/* ---- tags ---- */

#define PROPOSE "<propose xmlns='urn:xmpp:jingle-message:0' id='c'/>"

static void
tags(void **state)
{
  static struct {
    char const *text, *tags;
  } const cases[] = {
    {"<iq type='get' id='1'><query xmlns='jabber:iq:roster'/></iq>",
     "ns=jabber:iq:roster"                                                                    },
    {"<iq type='get' id='1'><query xmlns='two words'/></iq>",                  ""             },
    {"<iq type='result' id='1'><query xmlns='a'/></iq>",                       ""             },
    {"<presence/>",                                                            ""             },
    {"<presence><priority>-3</priority></presence>",                           "prio=-3"      },
    {"<presence type='subscribe'/>",                                           "outbound"     },
    {"<message><body>a</body></message>",                                      "body cc store"},
    {"<message type='groupchat'><body>a</body></message>",                     "body"         },
    {"<message type='chat'><composing xmlns='http://jabber.org/protocol/chatstates'/>"
     "<thread>t</thread></message>",                                      "state cc"     },
    {"<message><body>a</body><no-store xmlns='urn:xmpp:hints'/></message>",
     "body cc no-store"                                                                       },
    {"<message><body>a</body><private xmlns='urn:xmpp:carbons:2'/></message>",
     "body store"                                                                             },
    {"<message><x xmlns='http://jabber.org/protocol/muc#user'/></message>",    "muc"          },
    {"<message type='chat'>" PROPOSE "</message>",                             "call cc"      },
    {"<message type='error'>" PROPOSE "</message>",                            ""             },
    {"<message type='headline'>" PROPOSE "</message>",                         ""             },
  };

  stralloc out = STRALLOC_ZERO;
  size_t i;

  (void)state;
  for (i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct edge_stanza in = read_text(i % 2 ? &client : &component, cases[i].text);
    enum stanza_error err;
    char const *text;
    assert_true(edge_check(&in, &err, &text));
    assert_true(edge_tags(&in, &out) && stralloc_0(&out));
    assert_string_equal(out.s, cases[i].tags);
  }
  stralloc_free(&out);
}

/* ---- checks ---- */

static void
checks(void **state)
{
  static struct {
    char const *text;
    enum stanza_error err;
  } const cases[] = {
    {"<iq type='get'><a xmlns='b'/></iq>",                      ERR_BAD_REQUEST  },
    {"<iq type='get' id='1'/>",                                 ERR_BAD_REQUEST  },
    {"<iq type='get' id='1'><a xmlns='b'/><a xmlns='b'/></iq>", ERR_BAD_REQUEST  },
    {"<iq type='what' id='1'><a xmlns='b'/></iq>",              ERR_BAD_REQUEST  },
    {"<presence type='here'/>",                                 ERR_BAD_REQUEST  },
    {"<presence><priority>128</priority></presence>",           ERR_BAD_REQUEST  },
    {"<message to='@'/>",                                       ERR_JID_MALFORMED},
  };
  enum stanza_error err;
  char const *text;
  size_t i;

  (void)state;
  for (i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct edge_stanza in = read_text(&client, cases[i].text);
    assert_false(edge_check(&in, &err, &text));
    assert_int_equal(err, cases[i].err);
  }
}

/* ---- passing on ---- */

static void
put(struct edge_stanza *in, char const *xml)
{
  enum stanza_error err;
  char const *text;
  size_t n = strlen(xml);

  assert_true(edge_check(in, &err, &text));
  sent.len = 0;
  assert_true(edge_put(in, edge_routed()));
  piped_feed("turn\tover");
  assert_true(sent.len > n);
  assert_string_equal(sent.s + sent.len - 1 - n, xml);
  edge_done();
}

static void
stamps(void **state)
{
  struct edge_stanza in;

  (void)state;
  in =
    read_text(&client, "<message to='A@There.example' foo='1'><body>a</body></message>");
  in.lang = SLICE("de");
  put(&in, "<message from='juliet@here.example/b' to='a@there.example' "
           "xml:lang='de'><body>a</body></message>");
  in = read_text(&client, "<message xml:lang='en' id='7'/>");
  in.lang = SLICE("de");
  put(&in, "<message from='juliet@here.example/b' id='7' xml:lang='en'/>");
  /* A component's content namespace is implied, as that of a client is. */
  in = read_text(&component,
                 "<message xmlns='jabber:component:accept'><body>a</body></message>");
  put(&in, "<message from='juliet@here.example/b'><body>a</body></message>");
  in = read_text(&component,
                 "<c:message xmlns:c='jabber:component:accept'><c:body>a</c:body>"
                 "</c:message>");
  put(&in, "<message xmlns:c='jabber:component:accept' "
           "from='juliet@here.example/b'><body>a</body></message>");
}

static void
forged(void **state)
{
  struct edge_stanza in;

  (void)state;
  in = read_text(
    &client,
    "<message><stanza-id xmlns='urn:xmpp:sid:0' by='A@here.example' id='1'/><stanza-id "
    "xmlns='urn:xmpp:sid:0' by='there.example' id='2'/><delay xmlns='urn:xmpp:delay' "
    "from='here.example' stamp='x'/></message>");
  put(&in, "<message from='juliet@here.example/b'><stanza-id xmlns='urn:xmpp:sid:0' "
           "by='there.example' id='2'/></message>");
}

/* ---- what routed says ---- */

static void
line(void **state)
{
  struct edge_line q = {0};
  struct edge_wait w;
  uint64_t i;

  (void)state;
  for (i = 1; i <= 40; i++)
    assert_true(edge_line_push(&q, (struct edge_wait){i, 100 + i}));
  edge_take(25);
  for (i = 1; i <= 25; i++) {
    assert_true(edge_line_pop(&q, &w));
    assert_int_equal(w.id, 100 + i);
  }
  assert_false(edge_line_pop(&q, &w));
  edge_take(40);
  for (; i <= 40; i++)
    assert_true(edge_line_pop(&q, &w));
  assert_false(edge_line_pop(&q, &w));
  free(q.v);
}

static void
repeats(void **state)
{
  struct link *routed = edge_routed();

  (void)state;
  edge_routed_is_up(routed);
  assert_true(edge_is_new(SLICE("c2sd:9:1"), false));
  assert_true(edge_is_new(SLICE("c2sd:9:3"), false));
  routed->epoch++;
  edge_routed_is_up(routed);
  assert_false(edge_is_new(SLICE("c2sd:9:1"), false));
  assert_true(edge_is_new(SLICE("c2sd:9:2"), false));
  assert_true(
    edge_is_new(SLICE("c2sd:9:2"), false)); /* the same stanza, for another session */
  assert_false(edge_is_new(SLICE("c2sd:9:3"), false));
  assert_true(edge_is_new(SLICE("c2sd:9:4"), false));
  assert_true(edge_is_new(SLICE("c2sd:10:1"), false)); /* another run of the source */
  assert_true(edge_is_new(SLICE(""), false));
}

/* The copy for the sender's devices came, and the stanza itself, which waited elsewhere, did not. */
static void
repeats_of_a_copy(void **state)
{
  struct link *routed = edge_routed();

  (void)state;
  assert_true(edge_is_new(SLICE("c2sd:11:7"), true));
  routed->epoch++;
  edge_routed_is_up(routed);
  assert_false(edge_is_new(SLICE("c2sd:11:7"), true));
  assert_true(edge_is_new(SLICE("c2sd:11:7"), false));
}

int
main(void)
{
  struct CMUnitTest const tests[] = {cmocka_unit_test(tags),
                                     cmocka_unit_test(checks),
                                     cmocka_unit_test(stamps),
                                     cmocka_unit_test(forged),
                                     cmocka_unit_test(line),
                                     cmocka_unit_test(repeats),
                                     cmocka_unit_test(repeats_of_a_copy)};

  return cmocka_run_group_tests(tests, start, NULL);
}
