#include "ask/ask.h"

#include "../piped.h"

#include <skalibs/djbunix.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

char const *PROG = "test";

/* ---- a program that asks, under the pipe driver ---- */

static char output[4096], heard[256];

static void
capture(char const *name, struct slice line)
{
  size_t n = strlen(output);

  snprintf(output + n, sizeof output - n, "%s\t%.*s", name, (int)line.len, line.s);
}

static void
record(struct link *l, enum verb v, struct record *r)
{
  struct stanza st;

  (void)l;
  if (v != VERB_STANZA) return;
  stanza_read(r, 0, &st);
  if (!ask_is_answered(&st)) strcat(heard, "other;");
}

static void
feed(char const *line)
{
  output[0] = heard[0] = 0;
  piped_feed(line);
}

static void
hear(void *cookie, struct stanza const *answer)
{
  snprintf(heard, sizeof heard, "%s:%.*s;", (char const *)cookie,
           answer ? (int)answer->type.len : 4, answer ? answer->type.s : "none");
}

static char a[] = "a", b[] = "b";

static bool
put(char *who, char const *to, char const *id, uint64_t wait_us)
{
  struct ask_iq q = {.to = slice_str(to),
                     .from = SLICE("h/x"),
                     .type = SLICE("get"),
                     .id = slice_str(id),
                     .inside = SLICE("<q xmlns='u'/>"),
                     .wait_us = wait_us};

  return ask_client(link_find(ROUTED), &q, hear, who);
}

#define ANSWER(from, to, type, id)                                                       \
  "routed\tstanza\t" to "\t" from "\tiq\t" type "\t" id "\t\tc2sd:1\t<iq/>"

/* ---- tests ---- */

static void
answered(void **state)
{
  (void)state;
  feed("routed\thello\txmpp-routed\t0\trouted\t1");
  output[0] = 0;
  assert_true(put(a, "u@h/r", "disco", 1000000));
  assert_non_null(strstr(output, "routed\tstanza\tu@h/r\th/x\tiq\tget\tdisco\t\thostd:"));
  assert_non_null(strstr(
    output, "<iq to='u@h/r' from='h/x' type='get' id='disco'><q xmlns='u'/></iq>"));
  assert_false(put(b, "u@h/r", "disco", 1000000)); /* is open */
  assert_true(put(b, "u@h/s", "disco", 1000000));
  feed(ANSWER("u@h/r", "h/x", "get", "disco")); /* a request is no answer */
  assert_string_equal(heard, "other;");
  feed(ANSWER("u@h/s", "h/x", "error", "disco"));
  assert_string_equal(heard, "b:error;");
  feed(ANSWER("u@h/r", "h/x", "result", "disco"));
  assert_string_equal(heard, "a:result;");
  feed(ANSWER("u@h/r", "h/x", "result", "disco")); /* once */
  assert_string_equal(heard, "other;");
}

static void
not_answered(void **state)
{
  (void)state;
  feed("routed\thello\txmpp-routed\t0\trouted\t1");
  assert_true(put(a, "u@h/r", "one", 5000000));
  feed(ANSWER("v@h/r", "h/x", "result", "one")); /* somebody else */
  assert_string_equal(heard, "other;");
  feed(ANSWER("u@h/r", "h/y", "result", "one")); /* to another address */
  assert_string_equal(heard, "other;");
  feed("clock\t1000000004000000");
  assert_string_equal(heard, "");
  feed("clock\t1000000005000001");
  assert_string_equal(heard, "a:none;");
  feed(ANSWER("u@h/r", "h/x", "result", "one")); /* too late */
  assert_string_equal(heard, "other;");
}

static void
ids_of_our_own(void **state)
{
  char id[17] = "", answer[256], *at;

  (void)state;
  feed("routed\thello\txmpp-routed\t0\trouted\t1");
  output[0] = 0;
  assert_true(put(a, "u@h/r", "", 1000000));
  assert_true(put(b, "u@h/r", "", 1000000));
  at = strstr(output, "\tget\t") + 5;
  memcpy(id, at, 16);
  assert_null(memchr(id, '\t', 16));
  snprintf(answer, sizeof answer, "routed\tstanza\th/x\tu@h/r\tiq\tresult\t%s\t\t\t<iq/>",
           id);
  feed(answer);
  assert_string_equal(heard, "a:result;");
}

static void
bounded(void **state)
{
  char id[16];
  unsigned int i;

  (void)state;
  feed("routed\thello\txmpp-routed\t0\trouted\t1");
  for (i = 0; i < ASKS_MAX + 10; i++) {
    snprintf(id, sizeof id, "n%u", i);
    output[0] = 0;
    if (!put(a, "u@h/r", id, 1000000)) break;
  }
  assert_in_range(i, ASKS_MAX - 10, ASKS_MAX);
}

int
main(void)
{
  struct CMUnitTest const tests[] = {
    cmocka_unit_test(answered),
    cmocka_unit_test(not_answered),
    cmocka_unit_test(ids_of_our_own),
    cmocka_unit_test(bounded),
  };

  event_init();
  door_set_clock(1000000000000000, 1000000000000000);
  piped.record = record;
  piped_start("xmpp-hostd", capture);
  return cmocka_run_group_tests(tests, NULL, NULL);
}
