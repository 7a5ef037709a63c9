#include "handle/handle.h"

#include "../piped.h"

#include <skalibs/djbunix.h>
#include <skalibs/stralloc.h>
#include <skalibs/strerr.h>

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

/* ---- a program of a few rows under the pipe driver ---- */

static char output[4096];
static struct handle_row const *rows;
static size_t rows_n;
static struct settings settings = SETTINGS_ZERO;

static void
capture(char const *name, struct slice line)
{
  size_t n = strlen(output);

  snprintf(output + n, sizeof output - n, "%s\t%.*s", name, (int)line.len, line.s);
}

static void
up(struct link *l)
{
  if (l->program == ROUTED) handle_announce(l, rows, rows_n, &settings);
}

static void
record(struct link *l, enum verb v, struct record *r)
{
  if (v == VERB_STANZA) handle_record(l, r, rows, rows_n, &settings);
}

static int
start(void **state)
{
  (void)state;
  piped.up = up;
  piped.record = record;
  piped_start("xmpp-hostd", capture);
  return 0;
}

static void
feed(char const *line)
{
  output[0] = 0;
  piped_feed(line);
}

/* The link anew, with these rows: what is announced is in output. */
static void
with(struct handle_row const *r, size_t n)
{
  rows = r;
  rows_n = n;
  feed("routed\thello\txmpp-routed\t0\trouted\t1");
}

/* ---- handlers ---- */

static enum verdict
done(struct handle_ctx *ctx, struct stanza const *in, struct xml_node const *e,
     stralloc *out)
{
  assert_true(slice_is(ctx->from.full, "u@h/r") && slice_is(in->kind, "iq"));
  return xml_cat(out, "<") && stralloc_catb(out, e->name.s, e->name.len) &&
             xml_cat(out, "/>")
           ? DONE
           : REFUSE;
}

static enum verdict
empty(struct handle_ctx *ctx, struct stanza const *in, struct xml_node const *e,
      stralloc *out)
{
  (void)ctx;
  (void)in;
  (void)e;
  (void)out;
  return DONE;
}

static enum verdict
where(struct handle_ctx *ctx, struct stanza const *in, struct xml_node const *e,
      stralloc *out)
{
  (void)in;
  (void)e;
  return xml_cat(out, "<w h='") && stralloc_catb(out, ctx->host.s, ctx->host.len) &&
             xml_cat(out, "' a='") &&
             stralloc_catb(out, ctx->account.s, ctx->account.len) && xml_cat(out, "'/>")
           ? DONE
           : REFUSE;
}

/* The text that a handler has written before it refuses is not said. */
static enum verdict
refuse(struct handle_ctx *ctx, struct stanza const *in, struct xml_node const *e,
       stralloc *out)
{
  (void)in;
  (void)e;
  xml_cat(out, "<half>");
  ctx->error = ERR_FORBIDDEN;
  ctx->text = SLICE("not <you>");
  return REFUSE;
}

static enum verdict
pass(struct handle_ctx *ctx, struct stanza const *in, struct xml_node const *e,
     stralloc *out)
{
  (void)ctx;
  (void)in;
  (void)e;
  xml_cat(out, "<half>");
  return PASS;
}

/* An answer that a record holds only as long as nothing of it is escaped. */
static enum verdict
big(struct handle_ctx *ctx, struct stanza const *in, struct xml_node const *e,
    stralloc *out)
{
  char fill = slice_is(in->type, "set") ? '\\' : 'a';
  size_t n = RECORD_MAX - RECORD_MAX / 4;

  (void)ctx;
  (void)e;
  if (!stralloc_readyplus(out, n)) return REFUSE;
  memset(out->s + out->len, fill, n);
  out->len += n;
  return DONE;
}

static struct handle_row const bigs[] = {
  {HANDLE_HOST, "get", "u:big", "q", big, HANDLE_HOST, NULL},
  {HANDLE_HOST, "set", "u:big", "q", big, HANDLE_HOST, NULL},
};

static struct handle_row const sample[] = {
  {HANDLE_HOST,                  "get", "u:done",  "q",  done,   HANDLE_HOST,    NULL},
  {HANDLE_HOST,                  "set", "u:done",  "q",  empty,  HANDLE_HOST,    NULL},
  {HANDLE_HOST,                  "get", "u:done",  "q2", empty,  HANDLE_HOST,    NULL},
  {HANDLE_HOST | HANDLE_ACCOUNT, "get", "u:where", "w",  where,  0,              NULL},
  {HANDLE_ACCOUNT,               "set", "u:no",    "q",  refuse, HANDLE_ACCOUNT, NULL},
  {HANDLE_ACCOUNT,               "get", "u:no",    "q",  pass,   HANDLE_ACCOUNT, NULL},
};

#define SAMPLE_N (sizeof sample / sizeof *sample)

/* ---- no two rows match the same stanza ---- */

/* The number of pairs of rows that do. */
static unsigned int
overlaps(struct handle_row const *r, size_t n)
{
  unsigned int pairs = 0;
  size_t i, j;

  for (i = 0; i < n; i++)
    for (j = 0; j < i; j++)
      pairs += r[i].scopes & r[j].scopes && !strcmp(r[i].type, r[j].type) &&
               !strcmp(r[i].ns, r[j].ns) && !strcmp(r[i].name, r[j].name);
  return pairs;
}

/* A row that can never match, or would announce nothing that anybody can ask for. */
static unsigned int
senseless(struct handle_row const *r, size_t n)
{
  unsigned int bad = 0;
  size_t i;

  for (i = 0; i < n; i++)
    bad += !(r[i].scopes & (HANDLE_HOST | HANDLE_ACCOUNT)) ||
           r[i].scopes & ~(unsigned int)(HANDLE_HOST | HANDLE_ACCOUNT) ||
           (strcmp(r[i].type, "get") && strcmp(r[i].type, "set")) || !*r[i].ns ||
           strchr(r[i].ns, ' ') || !*r[i].name || !r[i].fn;
  return bad;
}

static void
rows_are_apart(void **state)
{
  static struct handle_row const bad[] = {
    {HANDLE_HOST,                  "get", "u:a", "q", empty, HANDLE_HOST,                  NULL},
    {HANDLE_ACCOUNT,               "get", "u:a", "q", empty, HANDLE_ACCOUNT,               NULL},
    {HANDLE_HOST | HANDLE_ACCOUNT, "get", "u:a", "q", empty, HANDLE_HOST | HANDLE_ACCOUNT,
     NULL                                                                                      },
    {HANDLE_HOST,                  "set", "u:a", "q", empty, HANDLE_HOST,                  NULL},
    {0,                            "get", "u:b", "q", empty, 0,                            NULL},
    {HANDLE_HOST,                  "got", "u:b", "q", empty, HANDLE_HOST,                  NULL},
    {HANDLE_HOST,                  "get", "u b", "q", empty, HANDLE_HOST,                  NULL},
  };

  (void)state;
  assert_int_equal(overlaps(sample, SAMPLE_N), 0);
  assert_int_equal(senseless(sample, SAMPLE_N), 0);
  assert_int_equal(overlaps(bad, 7), 2);
  assert_int_equal(senseless(bad, 7), 3);
}

/* ---- announcing ---- */

/* Each namespace once for each scope, in the order of the rows. */
static void
announces(void **state)
{
  (void)state;
  with(sample, SAMPLE_N);
  assert_string_equal(output, "routed\thandle\thost\tu:done\n"
                              "routed\tfeature\thost\tu:done\n"
                              "routed\thandle\thost\tu:where\n"
                              "routed\thandle\taccount\tu:where\n"
                              "routed\thandle\taccount\tu:no\n"
                              "routed\tfeature\taccount\tu:no\n");
  with(sample, 0);
  assert_string_equal(output, "");
}

/* ---- dispatch ---- */

/* The XML of the answer to a request; NULL: no answer. Everything else in the answer is
 * checked here. */
static char const *
ask(char const *to, char const *type, char const *payload, char const *answer_type)
{
  static char xml[1024];
  char line[1024], start_text[256], *at;

  snprintf(line, sizeof line, "routed\tstanza\t%s\tu@h/r\tiq\t%s\ti1\t\tc2sd:1\t%s", to,
           type, payload);
  feed(line);
  if (!*output) return NULL;
  snprintf(start_text, sizeof start_text,
           "routed\tstanza\tu@h/r\t%s\tiq\t%s\ti1\t\thostd:", to, answer_type);
  if (strncmp(output, start_text, strlen(start_text))) fail_msg("%s", output);
  at = output + strlen(start_text);
  at += strspn(at, "0123456789");
  assert_int_equal(*at, '\t');
  snprintf(xml, sizeof xml, "%s", at + 1);
  at = strchr(xml, '\n');
  assert_true(at && !at[1]);
  *at = 0;
  return xml;
}

#define UNAVAILABLE                                                                      \
  "<error type='cancel'><service-unavailable "                                           \
  "xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>"

static void
answers(char const *to, char const *type, char const *payload, char const *answer_type,
        char const *inside)
{
  char want[1024], iq[512];
  char const *got;

  snprintf(iq, sizeof iq, "<iq>%s</iq>", payload);
  got = ask(to, type, iq, answer_type);
  snprintf(want, sizeof want, "<iq to='u@h/r'%s%s%s id='i1' type='%s'%s",
           *to ? " from='" : "", to, *to ? "'" : "", answer_type, inside);
  assert_non_null(got);
  assert_string_equal(got, want);
}

static void
dispatches(void **state)
{
  (void)state;
  with(sample, SAMPLE_N);
  answers("h", "get", "<q xmlns='u:done'/>", "result", "><q/></iq>");
  answers("h", "set", "<q xmlns='u:done'/>", "result", "/>");
  answers("h", "get", "<q2 xmlns='u:done'/>", "result", "/>");
  answers("h", "get", "<x:q xmlns:x='u:done'/>", "result", "><q/></iq>");
  answers("h/r", "get", "<w xmlns='u:where'/>", "result", "><w h='h' a=''/></iq>");
  answers("a@h", "get", "<w xmlns='u:where'/>", "result", "><w h='h' a='a@h'/></iq>");
  answers("a@h/r", "get", "<w xmlns='u:where'/>", "result", "><w h='h' a='a@h'/></iq>");
  /* without to: the sender's own account (RFC 6120 s10.3.3) */
  answers("", "get", "<w xmlns='u:where'/>", "result", "><w h='h' a='u@h'/></iq>");
}

static void
refuses(void **state)
{
  (void)state;
  with(sample, SAMPLE_N);
  answers(
    "a@h", "set", "<q xmlns='u:no'/>", "error",
    "><error type='auth'><forbidden "
    "xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/><text "
    "xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'>not &lt;you&gt;</text></error></iq>");
  answers("a@h", "get", "<q xmlns='u:no'/>", "error", ">" UNAVAILABLE); /* PASS */
  answers("h", "get", "<q xmlns='u:no'/>", "error", ">" UNAVAILABLE);   /* scope */
  answers("a@h", "get", "<q xmlns='u:done'/>", "error", ">" UNAVAILABLE);
  answers("h", "get", "<w xmlns='u:done'/>", "error", ">" UNAVAILABLE);  /* name */
  answers("h", "set", "<q2 xmlns='u:done'/>", "error", ">" UNAVAILABLE); /* type */
  answers("h", "get", "<q/>", "error", ">" UNAVAILABLE);                 /* namespace */
  answers("h", "get", "", "error", ">" UNAVAILABLE);
  answers("h", "get", "text", "error", ">" UNAVAILABLE);
  answers("h", "get", "<x:q/>", "error", ">" UNAVAILABLE); /* not XML */
}

/* No request stays without an answer because that is longer than a record. */
static void
too_long(void **state)
{
  static char const start_text[] = "routed\tstanza\tu@h/r\th\tiq\tresult\ti1\t\thostd:";

  (void)state;
  with(bigs, 2);
  feed("routed\tstanza\th\tu@h/r\tiq\tget\ti1\t\tc2sd:1\t<iq><q xmlns='u:big'/></iq>");
  assert_memory_equal(output, start_text, sizeof start_text - 1);
  answers("h", "set", "<q xmlns='u:big'/>", "error",
          "><error type='wait'><resource-constraint "
          "xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/><text "
          "xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'>the answer is too long</text>"
          "</error></iq>");
}

/* Results and errors are never answered, nor is what is no iq, or comes from nobody. */
static void
ignores(void **state)
{
  (void)state;
  with(sample, SAMPLE_N);
  assert_null(ask("h", "result", "<iq/>", ""));
  assert_null(ask("h", "error", "<iq><q xmlns='u:done'/></iq>", ""));
  assert_null(ask("h", "", "<iq><q xmlns='u:done'/></iq>", ""));
  feed("routed\tstanza\th\tu@h/r\tmessage\tget\t1\t\tc2sd:1\t<message/>");
  assert_string_equal(output, "");
  feed("routed\tstanza\th\t\tiq\tget\t1\t\tc2sd:1\t<iq><q xmlns='u:done'/></iq>");
  assert_string_equal(output, "");
}

static void
errors(void **state)
{
  struct handle_ctx ctx = {.more = SLICE("")};

  (void)state;
  assert_int_equal(handle_error(&ctx, ERR_CONFLICT, "there already"), REFUSE);
  assert_int_equal(ctx.error, ERR_CONFLICT);
  assert_true(slice_is(ctx.text, "there already"));
  assert_false(handle_wrong(&ctx, ERR_GONE, ""));
  assert_int_equal(ctx.error, ERR_GONE);
  assert_int_equal(ctx.text.len, 0);
}

/* ---- modules ---- */

/* Settings of three hosts: a has the module m, b has none, c has m and all. */
static void
take_settings(char const *text)
{
  char dir[] = "/tmp/handle-XXXXXX", path[64];

  assert_non_null(mkdtemp(dir));
  snprintf(path, sizeof path, "%s/xmpp-hostd", dir);
  assert_true(openwritenclose_unsafe(path, text, strlen(text)));
  settings_close(&settings);
  settings = (struct settings)SETTINGS_ZERO;
  assert_true(settings_open(&settings, dir, "xmpp-hostd"));
  unlink(path);
  rmdir(dir);
}

/* A row of a module is announced for the hosts that have the module, and answered there. */
static void
modules(void **state)
{
  static struct handle_row const of[] = {
    {HANDLE_HOST, "get",       "u:m",         "q", done, HANDLE_HOST, "m"},
    {HANDLE_HOST,       "get",       "u:all",                 "q", done, 0, "all"},
    {.ns = "u:shown", .shown = HANDLE_ACCOUNT, .module = "m"},
  };

  (void)state;
  take_settings("host\t*\ta\nhost\t*\tb\nmodule\ta\tm\nmodule\ta\tall\nmodule\tb\tall\n");
  with(of, 3);
  assert_string_equal(output, "routed\thandle\thost\tu:m\ta\n"
                              "routed\tfeature\thost\tu:m\ta\n"
                              "routed\thandle\thost\tu:all\n"
                              "routed\tfeature\taccount\tu:shown\ta\n");
  assert_non_null(ask("a", "get", "<iq><q xmlns='u:m'/></iq>", "result"));
  assert_non_null(ask("b", "get", "<iq><q xmlns='u:m'/></iq>", "error"));
  assert_non_null(ask("b", "get", "<iq><q xmlns='u:all'/></iq>", "result"));
  take_settings("");
}

int
main(void)
{
  struct CMUnitTest const tests[] = {
    cmocka_unit_test(rows_are_apart), cmocka_unit_test(announces),
    cmocka_unit_test(dispatches),     cmocka_unit_test(refuses),
    cmocka_unit_test(ignores),        cmocka_unit_test(too_long),
    cmocka_unit_test(errors),         cmocka_unit_test(modules),
  };
  return cmocka_run_group_tests(tests, start, NULL);
}
