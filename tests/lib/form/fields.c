#include "form/form.h"

#include <skalibs/strerr.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

char const *PROG = "test";

enum { ON, WHO, SIZE, LIMIT, SINCE, NAME, SECRET, ONE, MANY, LINES, LISTED, FIELDS_N };

static struct form_option const who[] = {
  {"anyone", "Any <one>"},
  {"nobody", NULL       },
  {NULL,     NULL       },
};

static struct form_field const fields[FIELDS_N] = {
  [ON] = FORM_FIELD(FORM_BOOLEAN, "on", "On"),
  [WHO] = FORM_FIELD(FORM_LIST_SINGLE, "who", .options = who),
  [SIZE] = FORM_FIELD(FORM_TEXT_SINGLE, "size", .data = FORM_NUMBER, .min = 2, .max = 9,
                      .shows_data = true),
  [LIMIT] = FORM_FIELD(FORM_TEXT_SINGLE, "limit", .data = FORM_NUMBER_OR_MAX, .min = 1,
                       .shows_data = true),
  [SINCE] = FORM_FIELD(FORM_TEXT_SINGLE, "since", .data = FORM_TIME),
  [NAME] = FORM_FIELD(FORM_TEXT_SINGLE, "name", .required = true),
  [SECRET] = FORM_FIELD(FORM_TEXT_PRIVATE, "secret"),
  [ONE] = FORM_FIELD(FORM_JID_SINGLE, "one"),
  [MANY] = FORM_FIELD(FORM_JID_MULTI, "many"),
  [LINES] = FORM_FIELD(FORM_TEXT_MULTI, "lines"),
  [LISTED] = FORM_FIELD(FORM_LIST_MULTI, "listed", .options = who, .open = true,
                        .shows_data = true),
};

static struct form const form = {"urn:x", "Title", NULL, fields, FIELDS_N, false};
static struct arena arena = ARENA_ZERO;
static struct form_value values[FIELDS_N];
static struct form_wrong wrong;

static bool
read_it(char const *inside, struct form const *f)
{
  static stralloc sa = STRALLOC_ZERO;
  enum xml_error why;
  struct xml_node *x;

  arena_reset(&arena);
  sa.len = 0;
  assert_true(xml_cat(&sa, "<x xmlns='" FORM_NS "' type='submit'>") &&
              xml_cat(&sa, inside) && xml_cat(&sa, "</x>"));
  x = xml_parse(&arena, slice_of(sa.s, sa.len), "jabber:client", &why);
  assert_non_null(x);
  return form_read(&arena, x, f, values, &wrong);
}

#define F(var, value) "<field var='" var "'><value>" value "</value></field>"
#define GOOD F("name", "n")
#define NO_TYPE GOOD "<field var='FORM_TYPE'/>"
#define NO_VALUE GOOD "<field var='on'/>"
#define OTHER "FORM_TYPE: the form is of another type"

static void
reads(void **state)
{
  (void)state;
  assert_true(read_it(
    F("FORM_TYPE", "urn:x") F("on", "true") F("who", "nobody") F("size", "9")
      F("limit", "max") F("since", "1970-01-01T00:00:01Z") GOOD F("secret", "")
        F("one",
          "A@EXAMPLE.com/R") "<field "
                             "var='many'><value>B@h</value><value>c@H/x</value></field>"
                             "<field var='lines'><value>1</value><value/></field>"
                             "<field var='listed'/>" F(
                               "other",
                               "x") "<field type='fixed'><value>text</value></field>",
    &form));
  assert_true(values[ON].number == 1 && slice_is(values[ON].text, "1"));
  assert_true(slice_is(values[WHO].text, "nobody"));
  assert_true(values[SIZE].number == 9 && slice_is(values[SIZE].text, "9"));
  assert_true(values[LIMIT].number == UINT64_MAX);
  assert_true(values[SINCE].number == 1000000);
  assert_true(values[SECRET].given && !values[SECRET].text.len);
  assert_true(slice_is(values[ONE].text, "a@example.com/R"));
  assert_true(values[MANY].n == 2 && slice_is(values[MANY].list[0], "b@h") &&
              slice_is(values[MANY].list[1], "c@h/x"));
  assert_true(values[LINES].n == 2 && slice_is(values[LINES].list[1], ""));
  assert_true(values[LISTED].given && values[LISTED].n == 0 && values[LISTED].list);
  assert_true(read_it(GOOD F("on", "1") F("on", "0"), &form));
  assert_true(!values[ON].number && slice_is(values[ON].text, "0") && !values[WHO].given);
  assert_true(read_it(GOOD F("listed", "else") F("one", ""), &form));
}

static void
refuses(void **state)
{
  /* var NULL: value is the whole form. */
  static struct {
    char const *var, *value;
    enum form_error error;
    int field;
    char const *text;
  } const cases[] = {
    {"FORM_TYPE", "urn:y",  FORM_OTHER_TYPE, -1,    OTHER                        },
    {NULL,        NO_TYPE,  FORM_OTHER_TYPE, -1,    OTHER                        },
    {NULL,        "",       FORM_MISSING,    NAME,  "name: missing"              },
    {"name",      "",       FORM_MISSING,    NAME,  "name: missing"              },
    {"on",        "yes",    FORM_BAD_VALUE,  ON,    "on: neither 0 nor 1"        },
    {NULL,        NO_VALUE, FORM_BAD_VALUE,  ON,    "on: neither 0 nor 1"        },
    {"who",       "else",   FORM_BAD_VALUE,  WHO,   "who: not one of the options"},
    {"who",       "",       FORM_BAD_VALUE,  WHO,   "who: not one of the options"},
    {"size",      "1",      FORM_BAD_VALUE,  SIZE,  "size: out of range"         },
    {"size",      "10",     FORM_BAD_VALUE,  SIZE,  "size: out of range"         },
    {"size",      "max",    FORM_BAD_VALUE,  SIZE,  "size: not a number"         },
    {"limit",     "0",      FORM_BAD_VALUE,  LIMIT, "limit: out of range"        },
    {"since",     "now",    FORM_BAD_VALUE,  SINCE, "since: not a time"          },
    {"one",       "@h",     FORM_BAD_VALUE,  ONE,   "one: not an address"        },
    {"many",      "",       FORM_BAD_VALUE,  MANY,  "many: not an address"       },
  };

  struct form strict = form;
  char xml[256];
  size_t i;

  (void)state;
  for (i = 0; i < sizeof cases / sizeof *cases; i++) {
    if (cases[i].var)
      snprintf(xml, sizeof xml, GOOD F("%s", "%s"), cases[i].var, cases[i].value);
    assert_false(read_it(cases[i].var ? xml : cases[i].value, &form));
    assert_int_equal(wrong.error, cases[i].error);
    assert_ptr_equal(wrong.field, cases[i].field < 0 ? NULL : &fields[cases[i].field]);
    assert_true(slice_is(wrong.text, cases[i].text));
  }
  strict.strict = true;
  assert_false(read_it(GOOD F("other", "x"), &strict));
  assert_int_equal(wrong.error, FORM_UNKNOWN);
  assert_true(slice_is(wrong.text, "other: the form has no such field"));
}

/* A form that was written with values reads as the same values. */
static void
writes(void **state)
{
  static char const text[] =
    "<x xmlns='jabber:x:data' type='form'><title>Title</title>"
    "<field type='hidden' var='FORM_TYPE'><value>urn:x</value></field>"
    "<field type='boolean' var='on' label='On'><value>1</value></field>"
    "<field type='list-single' var='who'><option label='Any "
    "&lt;one&gt;'><value>anyone</value>"
    "</option><option><value>nobody</value></option></field>"
    "<field type='text-single' var='size'>"
    "<validate xmlns='http://jabber.org/protocol/xdata-validate' datatype='xs:integer'>"
    "<range min='2' max='9'/></validate><value>5</value></field>"
    "<field type='text-single' var='limit'>"
    "<validate xmlns='http://jabber.org/protocol/xdata-validate' "
    "datatype='pubsub:integer-or-max'><open/></validate></field>"
    "<field type='text-single' var='since'/>"
    "<field type='text-single' var='name'><required/><value>a&lt;b</value></field>"
    "<field type='text-private' var='secret'/><field type='jid-single' var='one'/>"
    "<field type='jid-multi' var='many'><value>a@h</value><value>b@h</value></field>"
    "<field type='text-multi' var='lines'/><field type='list-multi' var='listed'>"
    "<validate xmlns='http://jabber.org/protocol/xdata-validate' "
    "datatype='xs:string'><open/>"
    "</validate><option label='Any &lt;one&gt;'><value>anyone</value></option>"
    "<option><value>nobody</value></option></field></x>";

  stralloc sa = STRALLOC_ZERO;
  enum xml_error why;

  (void)state;
  assert_true(read_it(
    F("on", "true") F("size", "5") F(
      "name", "a&lt;b") "<field var='many'><value>a@h</value><value>b@h</value></field>",
    &form));
  assert_true(form_cat(&sa, "form", &form, values));
  assert_true(stralloc_0(&sa));
  assert_string_equal(sa.s, text);
  sa.len--;
  assert_true(form_read(&arena, xml_parse(&arena, slice_of(sa.s, sa.len), "", &why),
                        &form, values, &wrong) == false);
  assert_ptr_equal(wrong.field, &fields[WHO]);
  stralloc_free(&sa);
}

static int
wipe(void **state)
{
  (void)state;
  arena_wipe(&arena);
  return 0;
}

int
main(void)
{
  struct CMUnitTest const tests[] = {
    cmocka_unit_test_teardown(reads, wipe),
    cmocka_unit_test_teardown(refuses, wipe),
    cmocka_unit_test_teardown(writes, wipe),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
