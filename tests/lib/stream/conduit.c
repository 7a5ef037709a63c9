#include "stream/stream.h"

#include "../piped.h"

#include <skalibs/strerr.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

char const *PROG = "test";

/* ---- an owner that notes what happens ---- */

struct own {
  struct conduit c;
  enum conduit_input input;
  bool restarts, over;
};

static struct own own;
static stralloc sent, seen;

static void
note(char const *word, struct slice text)
{
  if (!stralloc_cats(&seen, word) || !stralloc_catb(&seen, text.s, text.len) ||
      !stralloc_cats(&seen, ";"))
    abort();
}

static void
header(struct conduit *c, struct xml_node const *root, char const *fault)
{
  struct stream_header const h = {.id = SLICE("1"), .from = SLICE("h"), .version = true};

  if (root) note("header ", xml_attr(root, "to"));
  conduit_header(c, &h, root && !fault ? SLICE("<stream:features/>") : SLICE(""));
  if (fault) conduit_error(c, fault, NULL);
}

static void
element(struct conduit *c, struct xml_node const *e, struct slice bytes)
{
  (void)bytes;
  note("", e->name);
  if (slice_is(e->name, "ask")) own.input = CONDUIT_HOLD;
  if (slice_is(e->name, "restart")) conduit_restart(c);
  if (slice_is(e->name, "twice")) {
    conduit_error(c, "conflict", "first");
    conduit_end(c, "second");
  }
}

static void
closed(struct conduit *c)
{
  conduit_end(c, "closed");
}

static enum conduit_input
input(struct conduit const *c)
{
  (void)c;
  return own.input;
}

static void
go(struct conduit *c)
{
  (void)c;
  note("go", SLICE(""));
}

static void
late(struct conduit *c)
{
  conduit_error(c, "connection-timeout", NULL);
}

static void
end(struct conduit *c)
{
  note("end ", slice_str(c->ending.why));
  conduit_last_words(c);
  conduit_close(c);
  own.over = true;
}

static void
settled(struct conduit *c)
{
  if (own.over) conduit_wipe(c);
  own.over = false;
}

static char const *
name(struct conduit const *c)
{
  (void)c;
  return "somebody";
}

static struct conduit_owner const owner = {.ns = "jabber:client",
                                           .header = header,
                                           .element = element,
                                           .closed = closed,
                                           .input = input,
                                           .go = go,
                                           .late = late,
                                           .end = end,
                                           .settled = settled,
                                           .name = name};

/* ---- a program around it ---- */

#define NOW 1000000000000000

static void
leaves(char const *link, struct slice line)
{
  if (!stralloc_cats(&sent, link) || !stralloc_cats(&sent, "\t") ||
      !stralloc_catb(&sent, line.s, line.len))
    abort();
}

static void
open_one(struct link *l, struct record *r)
{
  memset(&own, 0, sizeof own);
  if (!conduit_begin(&own.c, l, r)) abort();
  conduit_deadline(&own.c, door_now() + 1000000);
}

static void
record(struct link *l, enum verb v, struct record *r)
{
  if (v == VERB_OPEN) open_one(l, r);
  if (v == VERB_DATA) conduit_on_data(l, r);
  if (v == VERB_CLOSE) conduit_on_close(l, r);
  if (v == VERB_STOP) conduit_on_stop(l, r);
  if (v == VERB_GO) conduit_on_go(l, r);
}

static int
start(void **state)
{
  (void)state;
  door_set_clock(NOW, NOW);
  piped.record = record;
  piped_start("xmpp-c2sd", leaves);
  conduit_init(&owner);
  piped_feed("tlsd\thello\txmpp-tlsd\t0.1\ttlsd\t8589934592001");
  return 0;
}

static int
begin(void **state)
{
  (void)state;
  sent.len = seen.len = 0;
  piped_feed("tlsd\topen\t7\tx\t192.0.2.1\t1");
  return 0;
}

static int
begin_elements(void **state)
{
  (void)state;
  sent.len = seen.len = 0;
  piped_feed("tlsd\topen\t7\tx\t192.0.2.1\t1\telement");
  return 0;
}

static void
came(char const *want_seen, char const *want_sent)
{
  piped_feed("turn\tover");
  if (!stralloc_0(&seen) || !stralloc_0(&sent)) abort();
  assert_string_equal(seen.s, want_seen);
  assert_string_equal(sent.s, want_sent);
  sent.len = seen.len = 0;
}

#define ROOT                                                                             \
  "<stream:stream xmlns='jabber:client' "                                                \
  "xmlns:stream='http://etherx.jabber.org/streams' to='h' version='1.0'>"
#define HEADER                                                                           \
  "tlsd\tdata\t7\t<?xml version='1.0'?><stream:stream xmlns='jabber:client' "            \
  "xmlns:stream='http://etherx.jabber.org/streams' id='1' from='h' version='1.0'>"
#define FEATURES "<stream:features/>\n"
#define ERROR(condition, more)                                                           \
  "tlsd\tdata\t7\t<stream:error><" condition                                             \
  " xmlns='urn:ietf:params:xml:ns:xmpp-streams'/>" more "</stream:error>\n"
#define END "tlsd\tdata\t7\t</stream:stream>\n"

/* ---- RFC 6120 ---- */

static void
byte_by_byte(void **state)
{
  static char const text[] = ROOT "<a/> <b><c/></b></stream:stream>";
  char line[64];
  size_t i;

  (void)state;
  for (i = 0; text[i]; i++) {
    snprintf(line, sizeof line, "tlsd\tdata\t7\t%c", text[i]);
    piped_feed(line);
  }
  came("header h;a;b;end closed;", HEADER FEATURES END "tlsd\tclose\t7\tclosed\n");
}

/* Input behind a question waits, and so does input behind a restart, until the owner goes
 * on. A conduit for which nothing waits has no memory for it. */
static void
holds(void **state)
{
  (void)state;
  piped_feed("tlsd\tdata\t7\t" ROOT "<ask/><a/>");
  piped_feed("tlsd\tdata\t7\t<restart/> \\n" ROOT "<b/>");
  came("header h;ask;", HEADER FEATURES);
  assert_non_null(own.c.waiting);
  own.input = CONDUIT_READ;
  conduit_resume(&own.c);
  came("a;restart;header h;b;", HEADER FEATURES);
  assert_null(own.c.waiting);
  piped_feed("tlsd\tdata\t7\t<twice/><a/>");
  came("twice;end conflict;",
       ERROR("conflict", "<text xmlns='urn:ietf:params:xml:ns:xmpp-streams' "
                         "xml:lang='en'>first</text>") END "tlsd\tclose\t7\tconflict\n");
}

/* s4.9.1.1: an error before our header comes behind one. */
static void
header_first(void **state)
{
  (void)state;
  piped_feed("tlsd\tdata\t7\t<<");
  came("end not-well-formed;",
       HEADER "\n" ERROR("not-well-formed", "") END "tlsd\tclose\t7\tnot-well-formed\n");
}

static void
deadline(void **state)
{
  (void)state;
  piped_feed("tlsd\tdata\t7\t" ROOT);
  piped_feed("clock\t1000000001000000");
  came("header h;end connection-timeout;", HEADER FEATURES ERROR("connection-timeout", "")
                                             END "tlsd\tclose\t7\tconnection-timeout\n");
}

/* Output waits for a peer that does not read, up to a limit; the last words do not. */
static void
blocked(void **state)
{
  (void)state;
  piped_feed("tlsd\tdata\t7\t" ROOT);
  piped_feed("tlsd\tstop\t7");
  conduit_write(&own.c, SLICE("<a\n/>"));
  conduit_write_raw(&own.c, SLICE("<b\\n/>"));
  came("header h;", HEADER FEATURES);
  piped_feed("tlsd\tgo\t7");
  came("go;", "tlsd\tdata\t7\t<a\\n/><b\\n/>\n");
  assert_null(own.c.waiting);
  piped_feed("tlsd\tstop\t7");
  own.c.blocked_max = 5;
  conduit_write(&own.c, SLICE("<a/>"));
  conduit_write(&own.c, SLICE("<b/>"));
  conduit_write(&own.c, SLICE("<c/>"));
  conduit_settle(&own.c);
  came("end slow reader;", END "tlsd\tclose\t7\tslow reader\n");
}

/* Stanzas that wait have a limit of their own. */
static void
counted(void **state)
{
  unsigned int i;

  (void)state;
  piped_feed("tlsd\tdata\t7\t" ROOT);
  piped_feed("tlsd\tstop\t7");
  for (i = 0; i < 2; i++) {
    assert_null(own.c.ending.why);
    conduit_write(&own.c, SLICE("<a/>"));
    conduit_count(&own.c, 1);
  }
  conduit_settle(&own.c);
  came("header h;end slow reader;", HEADER FEATURES END "tlsd\tclose\t7\tslow reader\n");
}

/* A front is told to stop when much waits behind an owner that is behind. */
static void
behind(void **state)
{
  char line[4096] = "tlsd\tdata\t7\t<a/>";
  size_t n = strlen(line);
  unsigned int i;

  (void)state;
  memset(line + n, ' ', 3000);
  line[n + 3000] = 0;
  piped_feed("tlsd\tdata\t7\t" ROOT);
  conduit_fall_behind(&own.c);
  for (i = 0; i < 7; i++)
    piped_feed(line);
  came("header h;", HEADER FEATURES "tlsd\tstop\t7\n");
  conduit_catch_up(&own.c);
  came("a;a;a;a;a;a;a;", "tlsd\tgo\t7\n");
  conduit_fall_behind(&own.c);
  piped_feed("tlsd\tdata\t7\t<b/>");
  piped_feed("tlsd\tclose\t7\tgone");
  came("b;end gone;", "tlsd\tclose\t7\tgone\n");
}

/* ---- RFC 7395 ---- */

#define OPEN "<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' to='h' version='1.0'/>"
#define OPENED                                                                           \
  "tlsd\tdata\t7\t<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' id='1' from='h' "    \
  "version='1.0'/>\ntlsd\tdata\t7\t<stream:features "                                    \
  "xmlns:stream='http://etherx.jabber.org/streams'/>\n"
#define CLOSE "tlsd\tdata\t7\t<close xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>\n"

static void
elements(void **state)
{
  (void)state;
  piped_feed("tlsd\tdata\t7\t" OPEN);
  piped_feed("tlsd\tdata\t7\t<ask xmlns='x'/>");
  piped_feed("tlsd\tdata\t7\t<a xmlns='x'/>");
  piped_feed("tlsd\tdata\t7\t<b xmlns='x'/>");
  piped_feed("tlsd\tdata\t7\t<restart xmlns='x'/>");
  piped_feed("tlsd\tdata\t7\t" OPEN);
  came("header h;ask;", OPENED);
  own.input = CONDUIT_READ;
  conduit_resume(&own.c);
  came("a;b;restart;header h;", OPENED);
  conduit_write(&own.c, SLICE("<message><body/></message>"));
  piped_feed("tlsd\tstop\t7");
  conduit_write(&own.c, SLICE("<iq to='a'/>"));
  conduit_write(&own.c, SLICE("<r xmlns='urn:xmpp:sm:3'/>"));
  piped_feed("tlsd\tgo\t7");
  came("go;", "tlsd\tdata\t7\t<message xmlns='jabber:client'><body/></message>\n"
              "tlsd\tdata\t7\t<iq xmlns='jabber:client' to='a'/>\n"
              "tlsd\tdata\t7\t<r xmlns='urn:xmpp:sm:3'/>\n");
  piped_feed("tlsd\tdata\t7\t<close xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>");
  came("end closed;", CLOSE "tlsd\tclose\t7\tclosed\n");
}

/* A record is one element, of the size that the stream may have. */
static void
one_element(void **state)
{
  (void)state;
  xml_limit(&own.c.xml, 100);
  piped_feed("tlsd\tdata\t7\t" OPEN);
  piped_feed("tlsd\tdata\t7\t<a xmlns='x'/><b xmlns='x'/>");
  came("header h;end not-well-formed;",
       OPENED "tlsd\tdata\t7\t<stream:error "
              "xmlns:stream='http://etherx.jabber.org/streams'><not-well-formed "
              "xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>\n" CLOSE
              "tlsd\tclose\t7\tnot-well-formed\n");
}

#define CASE(f, setup) cmocka_unit_test_setup(f, setup)

int
main(void)
{
  struct CMUnitTest const tests[] = {CASE(byte_by_byte, begin),
                                     CASE(holds, begin),
                                     CASE(header_first, begin),
                                     CASE(deadline, begin),
                                     CASE(blocked, begin),
                                     CASE(counted, begin),
                                     CASE(behind, begin),
                                     CASE(elements, begin_elements),
                                     CASE(one_element, begin_elements)};

  return cmocka_run_group_tests(tests, start, NULL);
}
