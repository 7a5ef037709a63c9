#include "xml/xml.h"

#include <skalibs/stralloc.h>
#include <skalibs/strerr.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

char const *PROG = "test";

static struct arena arena;

static int
wipe(void **state)
{
  (void)state;
  arena_wipe(&arena);
  return 0;
}

static struct xml_node *
parse(char const *doc)
{
  enum xml_error why = XML_NO_MEMORY;
  struct xml_node *e = xml_parse(&arena, slice_str(doc), "jabber:client", &why);

  if (!e) fail_msg("%s: error %d", doc, why);
  assert_int_equal(why, XML_OK);
  return e;
}

/* Compare two elements, whatever their prefixes: names, attributes in any order, text. */
static bool
same_element(struct xml_node const *a, struct xml_node const *b)
{
  size_t i, j;

  if (!slice_eq(a->name, b->name) || !slice_eq(a->ns, b->ns) ||
      a->head->attrs_n != b->head->attrs_n)
    return false;
  for (i = 0; i < a->head->attrs_n; i++) {
    for (j = 0; j < b->head->attrs_n; j++)
      if (slice_eq(a->head->attrs[i].ns, b->head->attrs[j].ns) &&
          slice_eq(a->head->attrs[i].name, b->head->attrs[j].name))
        break;
    if (j == b->head->attrs_n ||
        !slice_eq(a->head->attrs[i].value, b->head->attrs[j].value))
      return false;
  }
  return true;
}

static bool
same(struct xml_node const *a, struct xml_node const *b)
{
  struct xml_node const *x = xml_next(a, NULL), *y = xml_next(b, NULL);

  if (!same_element(a, b)) return false;
  if (!slice_eq(xml_text(&arena, a), xml_text(&arena, b))) return false;
  for (; x && y; x = xml_next(a, x), y = xml_next(b, y))
    if (!same(x, y)) return false;
  return !x && !y;
}

static void
write_after_parse(void **state)
{
  static char const *const docs[] = {
    "<a/>",
    "<a></a>",
    "<message to='b@c'><body>hi</body><x xmlns='u:x'><y/><z xmlns='u:z'/></x></message>",
    "<a>x<b/>y<c>z</c>w</a>",
    "<a b='&apos;&quot;&lt;&amp;&#10;&#9;&#13; '>&lt;&#13;&amp;]]&gt;'\"</a>",
    "<a><![CDATA[<&]]></a>",
    "<a xml:lang='en' xml:space='preserve'/>",
    "<p:a xmlns:p='u:p'><p:b/><c/></p:a>",
    "<p:a xmlns:p='u:p'><b xmlns=''/><p:b xmlns='u:q'><c/></p:b></p:a>",
    "<a xmlns:p='u:p' xmlns:q='u:q' p:x='1' q:x='2' x='3'/>",
    "<a xmlns:p='u:p'><b><c p:x='1'/></b></a>",
    "<a xmlns='u:a' xmlns:p='u:a' p:x='1' x='2'/>",
    "<a xmlns:p=\"u:&apos;&amp;&lt;\" p:x='1'/>",
    "<a xmlns=\"u:&apos;&amp;&lt;\"><b/></a>",
    "<a xmlns:a0='u:p'><b xmlns:a0='u:q' a0:x='1'/></a>",
    /* The prefix that an ancestor gave the namespace now stands for another. */
    "<a xmlns:p='u:1' xmlns:q='u:1'><b xmlns:p='u:2' q:x='1' p:x='2'/></a>",
    "<a xmlns:p='u:1'><b xmlns:p='u:2'><c xmlns:q='u:1' q:x='1' p:y='2'/></b></a>",
    "<a xmlns:p='u:&#10;&#9;x' p:x='1'/>",
    "<\xc3\xa9l\xc3\xa9ment \xc3\xa0='\xe2\x82\xac'/>",
    "<xml:a/>",
  };
  static char const *const outside[] = {"jabber:client", "u:elsewhere"};
  stralloc sa = STRALLOC_ZERO;
  size_t i, j, bad = 0;

  (void)state;
  for (i = 0; i < sizeof docs / sizeof *docs; i++) {
    struct xml_node *e = parse(docs[i]), *again;
    for (j = 0; j < 2; j++) {
      enum xml_error why;
      sa.len = 0;
      assert_true(xml_cat_tree(&sa, e, outside[j]));
      again = xml_parse(&arena, slice_of(sa.s, sa.len), outside[j], &why);
      if (again && same(e, again)) continue;
      print_error("%s became %.*s\n", docs[i], (int)sa.len, sa.s);
      bad++;
    }
  }
  stralloc_free(&sa);
  assert_int_equal(bad, 0);
}

/* The prefixes of these attributes are declared on the stream's root only, so whoever
 * writes the stanza anew must declare them (each once). */
static struct {
  char const *stanza;
  bool done, ok;
} of_root[] = {
  {"<a r:x='1'/>",                         false, false},
  {"<a r:x='1' r:y='2'/>",                 false, false},
  {"<a r:x='1' s:x='2'/>",                 false, false},
  {"<a r:x='1'><b r:x='2' s:y='3'/></a>",  false, false},
  {"<a xmlns:a0='u:0' a0:x='0' r:x='1'/>", false, false},
  {"<r:a><s:b r:x='1'/></r:a>",            false, false},
};

static bool
on_open(void *cookie, struct xml_node const *root)
{
  (void)cookie;
  (void)root;
  return true;
}

static bool
on_close(void *cookie)
{
  (void)cookie;
  return true;
}

static bool
on_element(void *cookie, struct xml_node const *e, struct slice bytes)
{
  stralloc sa = STRALLOC_ZERO;
  struct xml_node *again;
  enum xml_error why;
  size_t *i = cookie;

  assert_true(slice_is(bytes, of_root[*i].stanza));
  assert_true(xml_cat_tree(&sa, e, "jabber:client"));
  again = xml_parse(&arena, slice_of(sa.s, sa.len), "jabber:client", &why);
  of_root[*i].done = true;
  of_root[*i].ok = again && same(e, again);
  if (!of_root[*i].ok)
    print_error("%s became %.*s\n", of_root[*i].stanza, (int)sa.len, sa.s);
  stralloc_free(&sa);
  return true;
}

/* An element that is taken out of the tree it came in stands alone. */
static void
prefixes_of_parents(void **state)
{
  struct xml_node *e =
    parse("<a xmlns:p='u:p'><b xmlns='u:b'><c p:x='1'><d p:y='2'/></c></b></a>");
  struct xml_node const *c = xml_next(xml_next(e, NULL), NULL);
  stralloc sa = STRALLOC_ZERO;
  struct xml_node *again;
  enum xml_error why;

  (void)state;
  assert_true(xml_cat_tree(&sa, c, "jabber:client"));
  again = xml_parse(&arena, slice_of(sa.s, sa.len), "jabber:client", &why);
  assert_non_null(again);
  assert_true(same(c, again));
  stralloc_free(&sa);
}

static void
prefixes_of_the_root(void **state)
{
  static struct xml_events const events = {on_open, on_element, on_close};
  struct xml_stream x = XML_STREAM_ZERO;
  struct slice open =
    SLICE("<stream:stream xmlns='jabber:client' xmlns:r='u:r' xmlns:s='u:s' "
          "xmlns:stream='http://etherx.jabber.org/streams'>");
  size_t i, used, bad = 0;

  (void)state;
  xml_limit(&x, 5000);
  assert_int_equal(xml_feed(&x, &events, &i, open.s, open.len, &used), XML_OK);
  for (i = 0; i < sizeof of_root / sizeof *of_root; i++) {
    char const *s = of_root[i].stanza;
    assert_int_equal(xml_feed(&x, &events, &i, s, strlen(s), &used), XML_OK);
    assert_true(of_root[i].done);
    bad += !of_root[i].ok;
  }
  xml_reset(&x);
  assert_int_equal(bad, 0);
}

static void
refuses(void **state)
{
  static struct {
    char const *doc;
    enum xml_error why;
  } const docs[] = {
    {"",                   XML_NOT_WELL_FORMED},
    {" ",                  XML_NOT_WELL_FORMED},
    {"<a>",                XML_NOT_WELL_FORMED},
    {"<a/><b/>",           XML_NOT_WELL_FORMED},
    {"<a/></d>",           XML_NOT_WELL_FORMED},
    {"</d><d>",            XML_NOT_WELL_FORMED},
    {"<a/></d><d>",        XML_NOT_WELL_FORMED},
    {"x<a/>",              XML_TEXT_BETWEEN   },
    {"<a/>x",              XML_TEXT_BETWEEN   },
    {"<!-- --><a/>",       XML_RESTRICTED     },
    {"<a><?x?></a>",       XML_RESTRICTED     },
    {"<a>&e;</a>",         XML_RESTRICTED     },
    {"<p:a/>",             XML_BAD_PREFIX     },
    {"<stream:features/>", XML_BAD_PREFIX     },
  };
  enum xml_error why;
  size_t i;

  (void)state;
  for (i = 0; i < sizeof docs / sizeof *docs; i++) {
    why = XML_OK;
    assert_null(xml_parse(&arena, slice_str(docs[i].doc), "jabber:client", &why));
    if (why != docs[i].why) fail_msg("%s: error %d", docs[i].doc, why);
  }
  parse(" <a/> ");
}

static void
reads(void **state)
{
  struct xml_node *e = parse("<iq id='1' xml:lang='en' empty=''>t<q "
                             "xmlns='u:q'/>u<r/><q>v&amp;<i>w</i>x</q></iq>");
  struct xml_node const *c;

  (void)state;
  assert_true(xml_is(e, "jabber:client", "iq"));
  assert_false(xml_is(e, "u:q", "iq"));
  assert_false(xml_is(e, "jabber:client", "message"));
  assert_false(xml_is(NULL, "jabber:client", "iq"));
  assert_true(slice_is(xml_attr(e, "id"), "1"));
  assert_null(xml_attr(e, "lang").s);
  assert_null(xml_attr(e, "absent").s);
  assert_non_null(xml_attr(e, "empty").s);
  assert_int_equal(xml_attr(e, "empty").len, 0);
  c = xml_child(e, NULL, "q");
  assert_true(c && xml_is(c, "u:q", "q"));
  c = xml_child(e, "jabber:client", "q");
  assert_true(c && slice_is(xml_text(&arena, c), "v&x"));
  assert_null(xml_child(e, "u:q", "r"));
  assert_null(xml_child(e, NULL, "i"));
  assert_true(slice_is(xml_text(&arena, e), "tu"));
  c = xml_next(e, NULL);
  assert_true(xml_is(c, "u:q", "q"));
  assert_non_null(xml_text(&arena, c).s);
  assert_null(xml_next(c, NULL));
  c = xml_next(e, c);
  assert_true(slice_is(c->name, "r"));
  c = xml_next(e, c);
  assert_ptr_equal(c->parent, e);
  assert_null(xml_next(e, c));
}

static void
writes(void **state)
{
  stralloc sa = STRALLOC_ZERO;

  (void)state;
  assert_true(
    xml_cat(&sa, "<a") && xml_cat_attr(&sa, "b", SLICE("<>&'\"\n\t\r\xc3\xa9")) &&
    xml_cat(&sa, ">") && xml_cat_text(&sa, SLICE("<>&'\"\r\xc3\xa9")) &&
    xml_cat_text(&sa, SLICE("\t\n")) && xml_cat(&sa, "<c d='") &&
    xml_cat_value(&sa, SLICE("'\t\n")) && xml_cat(&sa, "'/></a>") && stralloc_0(&sa));
  assert_string_equal(
    sa.s, "<a b='&lt;&gt;&amp;&apos;&quot;&#10;&#9;&#13;\xc3\xa9'>"
          "&lt;&gt;&amp;&apos;&quot;&#13;\xc3\xa9\t\n<c d='&apos;&#9;&#10;'/></a>");
  stralloc_free(&sa);
}

static char const *
expected_of(unsigned char c, bool in_text, char one[2])
{
  one[0] = (char)c;
  one[1] = 0;
  switch (c) {
  case '<': return "&lt;";
  case '>': return "&gt;";
  case '&': return "&amp;";
  case '\'': return "&apos;";
  case '"': return "&quot;";
  case '\r': return "&#13;";
  case '\n': return in_text ? one : "&#10;";
  case '\t': return in_text ? one : "&#9;";
  default: return one;
  }
}

/* Eight bytes are looked at together: each byte, at each place of three times as many. */
static void
escapes_each_byte_anywhere(void **state)
{
  char text[24], one[2];
  stralloc got = STRALLOC_ZERO, want = STRALLOC_ZERO;
  unsigned int c, at, in_text;

  (void)state;
  for (c = 1; c < 256; c++)
    for (at = 0; at < sizeof text; at++)
      for (in_text = 0; in_text < 2; in_text++) {
        struct slice s = slice_of(text, sizeof text - c % 3);
        memset(text, at % 2 ? '%' : 0xc3, sizeof text);
        text[at] = (char)c;
        got.len = want.len = 0;
        assert_true(in_text ? xml_cat_text(&got, s) : xml_cat_value(&got, s));
        assert_true(stralloc_catb(&want, s.s, at < s.len ? at : s.len));
        if (at < s.len)
          assert_true(stralloc_cats(&want, expected_of((unsigned char)c, in_text, one)) &&
                      stralloc_catb(&want, s.s + at + 1, s.len - at - 1));
        assert_int_equal(got.len, want.len);
        assert_memory_equal(got.s, want.s, want.len);
      }
  stralloc_free(&got);
  stralloc_free(&want);
}

int
main(void)
{
  struct CMUnitTest const tests[] = {
    cmocka_unit_test_teardown(write_after_parse, wipe),
    cmocka_unit_test_teardown(prefixes_of_parents, wipe),
    cmocka_unit_test_teardown(prefixes_of_the_root, wipe),
    cmocka_unit_test_teardown(refuses, wipe),
    cmocka_unit_test_teardown(reads, wipe),
    cmocka_unit_test_teardown(writes, wipe),
    cmocka_unit_test_teardown(escapes_each_byte_anywhere, wipe),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
