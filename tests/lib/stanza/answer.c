#include "stanza/stanza.h"

#include <skalibs/stralloc.h>
#include <skalibs/strerr.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

char const *PROG = "test";

#define NS "urn:ietf:params:xml:ns:xmpp-stanzas"

/* RFC 6120 s8.3.3.1 to s8.3.3.22 (redirect and undefined-condition are not used); types
 * where the section leaves a choice are joined by a blank. */
static struct {
  enum stanza_error e;
  char const *name, *types;
} const conditions[] = {
  {ERR_BAD_REQUEST,             "bad-request",             "modify"       },
  {ERR_CONFLICT,                "conflict",                "cancel"       },
  {ERR_FEATURE_NOT_IMPLEMENTED, "feature-not-implemented", "cancel modify"},
  {ERR_FORBIDDEN,               "forbidden",               "auth"         },
  {ERR_GONE,                    "gone",                    "cancel"       },
  {ERR_INTERNAL,                "internal-server-error",   "cancel"       },
  {ERR_INTERNAL_WAIT,           "internal-server-error",   "wait"         },
  {ERR_ITEM_NOT_FOUND,          "item-not-found",          "cancel"       },
  {ERR_JID_MALFORMED,           "jid-malformed",           "modify"       },
  {ERR_NOT_ACCEPTABLE,          "not-acceptable",          "modify"       },
  {ERR_BLOCKED,                 "not-acceptable",          "cancel"       },
  {ERR_NOT_ALLOWED,             "not-allowed",             "cancel"       },
  {ERR_NOT_AUTHORIZED,          "not-authorized",          "auth"         },
  {ERR_POLICY_VIOLATION,        "policy-violation",        "modify wait"  },
  {ERR_RECIPIENT_UNAVAILABLE,   "recipient-unavailable",   "wait"         },
  {ERR_REGISTRATION_REQUIRED,   "registration-required",   "auth"         },
  {ERR_REMOTE_NOT_FOUND,        "remote-server-not-found", "cancel"       },
  {ERR_REMOTE_TIMEOUT,          "remote-server-timeout",   "wait"         },
  {ERR_RESOURCE_CONSTRAINT,     "resource-constraint",     "wait"         },
  {ERR_SERVICE_UNAVAILABLE,     "service-unavailable",     "cancel"       },
  {ERR_SUBSCRIPTION_REQUIRED,   "subscription-required",   "auth"         },
  {ERR_UNEXPECTED_REQUEST,      "unexpected-request",      "wait modify"  },
};

static struct arena arena;

static int
wipe(void **state)
{
  (void)state;
  arena_wipe(&arena);
  return 0;
}

static struct xml_node *
parse(stralloc const *sa)
{
  enum xml_error why;
  struct xml_node *e = xml_parse(&arena, slice_of(sa->s, sa->len), "jabber:client", &why);

  if (!e) fail_msg("%.*s", (int)sa->len, sa->s);
  return e;
}

/* Every byte that must be escaped in a document stands in an envelope. */
static struct stanza
request(char const *kind, char const *type)
{
  return (struct stanza){.to = SLICE("b.example/<'&\">"),
                         .from = SLICE("a@a.example/\xc3\xa9'"),
                         .kind = slice_str(kind),
                         .type = slice_str(type),
                         .id = SLICE("<1>&'\"")};
}

static void
is_turned(struct xml_node const *e, struct stanza const *in, char const *type)
{
  assert_true(slice_eq(e->name, in->kind));
  assert_true(slice_is(e->ns, "jabber:client"));
  assert_true(slice_eq(xml_attr(e, "to"), in->from));
  assert_true(slice_eq(xml_attr(e, "from"), in->to));
  assert_true(slice_eq(xml_attr(e, "id"), in->id));
  assert_true(slice_is(xml_attr(e, "type"), type));
}

static void
errors(void **state)
{
  static char const *const kinds[] = {"iq", "message", "presence"};
  stralloc sa = STRALLOC_ZERO;
  size_t i, k;

  (void)state;
  assert_int_equal(sizeof conditions / sizeof *conditions, STANZA_ERRORS_N);
  for (i = 0; i < STANZA_ERRORS_N; i++)
    for (k = 0; k < 3; k++) {
      struct stanza in = request(kinds[k], "get");
      struct xml_node const *e, *error, *c;
      sa.len = 0;
      assert_true(
        stanza_cat_error(&sa, &in, conditions[i].e, k ? SLICE("a <b> & c") : SLICE("")));
      e = parse(&sa);
      is_turned(e, &in, "error");
      error = xml_next(e, NULL);
      assert_true(xml_is(error, "jabber:client", "error"));
      assert_null(xml_next(e, error));
      assert_true(
        slice_has_word(slice_str(conditions[i].types), xml_attr(error, "type")));
      c = xml_next(error, NULL);
      assert_true(xml_is(c, NS, conditions[i].name));
      c = xml_next(error, c);
      assert_int_equal(c != NULL, k != 0);
      if (c)
        assert_true(xml_is(c, NS, "text") && slice_is(xml_text(&arena, c), "a <b> & c"));
    }
  stralloc_free(&sa);
}

/* s8.3.4: an application's own condition is the last child of the error. */
static void
own_condition(void **state)
{
  struct stanza in = request("iq", "set");
  stralloc sa = STRALLOC_ZERO;
  struct xml_node const *error, *c;

  (void)state;
  assert_true(stanza_cat_error_more(&sa, &in, ERR_CONFLICT, SLICE("why"),
                                    SLICE("<own xmlns='urn:own'/>")));
  error = xml_next(parse(&sa), NULL);
  c = xml_child(error, "urn:own", "own");
  assert_true(c && !xml_next(error, c));
  assert_non_null(xml_child(error, NS, "conflict"));
  assert_non_null(xml_child(error, NS, "text"));
  stralloc_free(&sa);
}

static void
names(void **state)
{
  size_t i;

  (void)state;
  for (i = 0; i < STANZA_ERRORS_N; i++) {
    assert_string_equal(stanza_error_name(conditions[i].e), conditions[i].name);
    if (conditions[i].e != ERR_BLOCKED &&
        conditions[i].e != ERR_INTERNAL_WAIT) /* share names */
      assert_int_equal(stanza_error_find(slice_str(conditions[i].name)), conditions[i].e);
  }
  assert_int_equal(stanza_error_find(SLICE("no-such-condition")), ERR_INTERNAL);
  assert_int_equal(stanza_error_find(SLICE("")), ERR_INTERNAL);
}

static void
results(void **state)
{
  struct stanza in = request("iq", "get");
  stralloc sa = STRALLOC_ZERO;
  struct xml_node const *e;

  (void)state;
  assert_true(stanza_cat_result(&sa, &in));
  e = parse(&sa);
  is_turned(e, &in, "result");
  assert_null(e->first);
  sa.len = 0;
  assert_true(stanza_cat_result_open(&sa, &in));
  assert_true(xml_cat(&sa, "<query xmlns='u:q'/></iq>"));
  e = parse(&sa);
  is_turned(e, &in, "result");
  assert_true(xml_is(xml_next(e, NULL), "u:q", "query"));
  stralloc_free(&sa);
}

/* An attribute that the request lacks is absent in its answer. */
static void
bare_request(void **state)
{
  struct stanza in = {.kind = SLICE("iq"), .type = SLICE("set")};
  stralloc sa = STRALLOC_ZERO;
  struct xml_node const *e;

  (void)state;
  assert_true(stanza_cat_error(&sa, &in, ERR_FORBIDDEN, slice_str(NULL)));
  e = parse(&sa);
  assert_null(xml_attr(e, "to").s);
  assert_null(xml_attr(e, "from").s);
  assert_null(xml_attr(e, "id").s);
  stralloc_free(&sa);
}

/* s8.3.1: no answer to an error; s8.2.3: none to a result. */
static void
may_answer(void **state)
{
  static struct {
    char const *kind, *type;
    bool may;
  } const cases[] = {
    {"iq",       "get",       true },
    {"iq",       "set",       true },
    {"iq",       "result",    false},
    {"iq",       "error",     false},
    {"message",  "",          true },
    {"message",  "chat",      true },
    {"message",  "error",     false},
    {"presence", "",          true },
    {"presence", "error",     false},
    {"presence", "subscribe", true },
    {"message",  "normal",    true },
    {"iq",       "",          false},
  };

  size_t i;

  (void)state;
  for (i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct stanza in = request(cases[i].kind, cases[i].type);
    if (stanza_may_answer(&in) != cases[i].may)
      fail_msg("%s %s", cases[i].kind, cases[i].type);
  }
}

static void
reads(void **state)
{
  char plain[] = "stanza\tb\ta\\t\tiq\tget\t1\tns=u:q body\tc2sd:7\t<a>\\n</a>";
  char deliver[] = "deliver\t1 2\tb\ta\tmessage\t\t\t\to:1\t<m/>\textra";
  char little[] = "stanza\tb";
  struct stanza st;
  struct record r;

  (void)state;
  assert_true(record_split(&r, plain, sizeof plain - 1));
  stanza_read(&r, 0, &st);
  assert_true(slice_is(st.to, "b") && slice_is(st.from, "a\t") &&
              slice_is(st.kind, "iq"));
  assert_true(slice_is(st.type, "get") && slice_is(st.id, "1"));
  assert_true(slice_is(st.tags, "ns=u:q body") && slice_is(st.origin, "c2sd:7"));
  assert_true(slice_is(st.xml, "<a>\\n</a>")); /* as it stands in the record */
  assert_true(record_split(&r, deliver, sizeof deliver - 1));
  stanza_read(&r, 1, &st);
  assert_true(slice_is(st.to, "b") && slice_is(st.kind, "message") && !st.type.len);
  assert_true(slice_is(st.origin, "o:1") && slice_is(st.xml, "<m/>"));
  assert_true(record_split(&r, little, sizeof little - 1));
  stanza_read(&r, 0, &st);
  assert_true(slice_is(st.to, "b") && !st.from.len && !st.xml.len);
}

static void
tags(void **state)
{
  struct slice t = SLICE("body ns=u:q=1 nsx=2 xns=3 store= n=");

  (void)state;
  assert_true(slice_is(stanza_tag(t, "ns"), "u:q=1"));
  assert_true(slice_is(stanza_tag(t, "nsx"), "2"));
  assert_true(slice_is(stanza_tag(t, "xns"), "3"));
  assert_int_equal(stanza_tag(t, "body").len, 0);
  assert_int_equal(stanza_tag(t, "store").len, 0);
  assert_int_equal(stanza_tag(t, "s").len, 0);
  assert_int_equal(stanza_tag(SLICE(""), "ns").len, 0);
}

int
main(void)
{
  struct CMUnitTest const tests[] = {
    cmocka_unit_test_teardown(errors, wipe),
    cmocka_unit_test_teardown(own_condition, wipe),
    cmocka_unit_test(names),
    cmocka_unit_test_teardown(results, wipe),
    cmocka_unit_test_teardown(bare_request, wipe),
    cmocka_unit_test(may_answer),
    cmocka_unit_test(reads),
    cmocka_unit_test(tags),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
