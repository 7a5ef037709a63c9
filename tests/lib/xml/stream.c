#include "xml/xml.h"

#include <skalibs/stralloc.h>
#include <skalibs/strerr.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

char const *PROG = "test";

/* A stream and all it was told, as text: an event a line. Text is noted joined, for where
 * expat cuts it depends on the pieces. */
struct seen {
  struct xml_stream x;
  stralloc log;
  unsigned int elements, stop_every; /* every so many events give false; 0: none */
  unsigned int events;
  bool closed;
};

static void
say(struct seen *w, char const *s, size_t n)
{
  assert_true(stralloc_catb(&w->log, s, n));
}

static void
say_slice(struct seen *w, struct slice s)
{
  say(w, s.s, s.len);
}

static void
say_node(struct seen *w, struct xml_node const *e)
{
  size_t i;

  if (!e->name.len) {
    say_slice(w, e->text);
    return;
  }
  say(w, "<{", 2);
  say_slice(w, e->ns);
  say(w, "}", 1);
  say_slice(w, e->name);
  for (i = 0; i < e->head->attrs_n; i++) {
    say(w, " {", 2);
    say_slice(w, e->head->attrs[i].ns);
    say(w, "}", 1);
    say_slice(w, e->head->attrs[i].name);
    say(w, "=", 1);
    say_slice(w, e->head->attrs[i].value);
  }
  for (i = 0; i < e->head->decls_n; i++) {
    say(w, " !", 2);
    say_slice(w, e->head->decls[i]->prefix);
    say(w, "=", 1);
    say_slice(w, e->head->decls[i]->ns);
  }
  say(w, ">", 1);
}

static void
say_tree(struct seen *w, struct xml_node const *top)
{
  struct xml_node const *e = top;

  for (;;) {
    say_node(w, e);
    if (e->first) {
      e = e->first;
      continue;
    }
    while (e != top && !e->next) {
      e = e->parent;
      say(w, "</>", 3);
    }
    if (e == top) return;
    e = e->next;
  }
}

static bool
go_on(struct seen *w)
{
  say(w, "\n", 1);
  w->events++;
  return !w->stop_every || w->events % w->stop_every;
}

static bool
on_open(void *cookie, struct xml_node const *root)
{
  struct seen *w = cookie;

  say(w, "open ", 5);
  say_node(w, root);
  return go_on(w);
}

static bool
on_element(void *cookie, struct xml_node const *e, struct slice bytes)
{
  struct seen *w = cookie;

  w->elements++;
  say(w, "element ", 8);
  say_tree(w, e);
  say(w, " ", 1);
  say_slice(w, bytes);
  return go_on(w);
}

static bool
on_close(void *cookie)
{
  struct seen *w = cookie;

  w->closed = true;
  say(w, "close", 5);
  return go_on(w);
}

static struct xml_events const events = {on_open, on_element, on_close};

static void
begin(struct seen *w, size_t limit)
{
  memset(w, 0, sizeof *w);
  w->x = (struct xml_stream)XML_STREAM_ZERO;
  xml_limit(&w->x, limit);
}

static void
end(struct seen *w)
{
  xml_reset(&w->x);
  stralloc_free(&w->log);
}

/* Feed all of s in pieces of step bytes (0: whole), each in memory of its own so that a
 * read past its end or after its life is seen; go on behind false events. */
static enum xml_error
feed(struct seen *w, struct slice s, size_t step)
{
  enum xml_error e = XML_OK;
  size_t used, n;

  while (s.len && !e && !w->closed) {
    char *piece;
    n = step && step < s.len ? step : s.len;
    piece = malloc(n);
    assert_non_null(piece);
    memcpy(piece, s.s, n);
    e = xml_feed(&w->x, &events, w, piece, n, &used);
    free(piece);
    if (e) break;
    assert_true(used <= n);
    assert_true(used == n || w->stop_every || w->closed);
    assert_true(used);
    s = slice_of(s.s + used, s.len - used);
  }
  return e;
}

#define OPEN                                                                             \
  "<stream:stream xmlns='jabber:client' to='a.example' version='1.0' "                   \
  "xmlns:stream='http://etherx.jabber.org/streams'>"
#define DECL "<?xml version='1.0'?>"

static size_t const steps[] = {0, 1, 2, 3, 7};
#define STEPS (sizeof steps / sizeof *steps)

/* The same error and the same events whatever the pieces; gives the log in *log, which
 * the caller frees. */
static enum xml_error
feed_all_ways(struct slice s, size_t limit, unsigned int stop_every, stralloc *log)
{
  enum xml_error first = XML_OK, e;
  struct seen w;
  size_t i;

  for (i = 0; i < STEPS; i++) {
    begin(&w, limit);
    w.stop_every = stop_every;
    e = feed(&w, s, steps[i]);
    if (!i) {
      first = e;
      *log = w.log;
      w.log = stralloc_zero;
    } else {
      if (e != first)
        fail_msg("%.*s: error %d whole, %d by %zu", (int)s.len, s.s, first, e, steps[i]);
      if (!slice_eq(slice_of(log->s, log->len), slice_of(w.log.s, w.log.len)))
        fail_msg("by %zu:\n%.*sinstead of:\n%.*s", steps[i], (int)w.log.len, w.log.s,
                 (int)log->len, log->s);
    }
    end(&w);
  }
  return first;
}

static struct {
  char const *what, *text;
  enum xml_error error;
  unsigned int elements;
} const cases[] = {
  {"a session",
   DECL OPEN "<message to='b'><body>hi</body></message> <presence/>\n"
             "<iq type='get' id='1'><q xmlns='u:q'/></iq></stream:stream>",                  XML_OK,              3},
  {"whitespace before the root",       DECL "\n \r\n" OPEN " <a/>",                          XML_OK,              1},
  {"no declaration",                   OPEN "<a/>",                                          XML_OK,              1},
  {"utf-8 said",                       "<?xml version='1.0' encoding='UTF-8'?>" OPEN "<a/>", XML_OK,              1},
  {"keepalives",                       OPEN " \n \r\n\t <a/>   ",                            XML_OK,              1},
  {"text and entities",                OPEN "<a>x&lt;&#x20AC;&#233;&amp;\r\ny<b/>z</a>",     XML_OK,              1},
  {"greater-than and slash in values", OPEN "<a x='/>' y=\"'/>\"><b x='/'/></a>",            XML_OK,
   1                                                                                                               },
  {"cdata with brackets",              OPEN "<a><![CDATA[]]]><![CDATA[>]]>]]]<b/></a>",      XML_OK,              1},
  {"carriage returns and brackets",    OPEN "<a>\r\r\n]\r]]\r</a>\r<b/>",                    XML_OK,              2},
  {"cdata",                            OPEN "<a><![CDATA[<b>&amp;]]]]></a>",                 XML_OK,              1},
  {"attributes",
   OPEN "<a x='1' y=\"a&apos;&quot;&#10;\tb\" xml:lang='en' "
        "xmlns:p='u:p' p:z='2'/>",                                                           XML_OK,              1},
  {"non-ASCII",                        OPEN "<a>\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80</a>",   XML_OK,              1},
  {"prefixed stanzas",
   "<s:stream xmlns:s='http://etherx.jabber.org/streams' xmlns:c='jabber:client' "
   "xmlns='u:other'><c:message><c:body/></c:message><x/><s:features/></s:stream>",           XML_OK,              3},
  {"nothing but a root",
   "<stream:stream xmlns='jabber:client' "
   "xmlns:stream='http://etherx.jabber.org/streams'/>",                                      XML_OK,              0},
  {"a root of another name",
   "<x xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'><a/></x>",      XML_OK,              1},
  {"another content namespace",
   "<stream:stream xmlns='jabber:server' xmlns:db='jabber:server:dialback' "
   "xmlns:stream='http://etherx.jabber.org/streams'><db:result>k</db:result></"
   "stream:stream>",                                                                         XML_OK,              1},

 /* Restricted XML: RFC 6120 s11.1. */
  {"comment",                          OPEN "<a/><!-- x --><b/>",                            XML_RESTRICTED,      1},
  {"comment that does not end",        OPEN "<a/><!-",                                       XML_RESTRICTED,      1},
  {"DTD that does not end",            DECL "<!D",                                           XML_RESTRICTED,      0},
  {"comment in a stanza",              OPEN "<a><!-- x --></a>",                             XML_RESTRICTED,      0},
  {"comment before the root",          "<!-- x -->" OPEN,                                    XML_RESTRICTED,      0},
  {"instruction",                      OPEN "<a/><?php x?>",                                 XML_RESTRICTED,      1},
  {"instruction in a stanza",          OPEN "<a><?x?></a>",                                  XML_RESTRICTED,      0},
  {"instruction before the root",      "<?x y?>" OPEN,                                       XML_RESTRICTED,      0},
  {"DTD",                              "<!DOCTYPE a>" OPEN,                                  XML_RESTRICTED,      0},
  {"DTD with entities",                "<!DOCTYPE a [<!ENTITY e 'x'>]>" OPEN "<a>&e;</a>",
   XML_RESTRICTED,                                                                                                0},
  {"external DTD",                     DECL "<!DOCTYPE a SYSTEM 'file:///etc/passwd'>" OPEN, XML_RESTRICTED,
   0                                                                                                               },
  {"entity",                           OPEN "<a/><a>&nbsp;</a>",                             XML_RESTRICTED,      1},
  {"entity in an attribute",           OPEN "<a x='&nbsp;'/>",                               XML_RESTRICTED,      0},

  {"unbound prefix",                   OPEN "<a/><p:b/>",                                    XML_BAD_PREFIX,      1},
  {"unbound attribute",                OPEN "<b p:x='1'/>",                                  XML_BAD_PREFIX,      0},
  {"unbound root",                     "<stream:stream xmlns='jabber:client'>",              XML_BAD_PREFIX,      0},
  {"prefix undeclared",                OPEN "<b xmlns:p=''/>",                               XML_BAD_PREFIX,      0},
  {"out of scope",                     OPEN "<a xmlns:p='u:p'/><p:b/>",                      XML_BAD_PREFIX,      1},

  {"wrong end tag",                    OPEN "<a></b>",                                       XML_NOT_WELL_FORMED, 0},
  {"attribute twice",                  OPEN "<a x='1' x='2'/>",                              XML_NOT_WELL_FORMED, 0},
  {"attribute twice by namespace",     OPEN "<a xmlns:p='u' xmlns:q='u' p:x='1' q:x='2'/>",
   XML_NOT_WELL_FORMED,                                                                                           0},
  {"end of CDATA in text",             OPEN "<a>]]></a>",                                    XML_NOT_WELL_FORMED, 0},
  {"half a character between",         OPEN "\xc2 <a b='",                                   XML_BAD_ENCODING,    0},
  {"bracket between",                  OPEN "] <a b='",                                      XML_TEXT_BETWEEN,    0},
  {"less-than in a reference",         OPEN "<a>x &#x<?xml</a>",                             XML_NOT_WELL_FORMED, 0},
  {"less-than in a tag",               OPEN "<a <b/>",                                       XML_NOT_WELL_FORMED, 0},
  {"no name",                          OPEN "<a/>< b/>",                                     XML_NOT_WELL_FORMED, 1},
  {"mark of something else",           OPEN "<a><![INCLUDE[",                                XML_NOT_WELL_FORMED, 0},
  {"bare ampersand",                   OPEN "<a>&</a>",                                      XML_NOT_WELL_FORMED, 0},
  {"control byte",                     OPEN "<a>\x01</a>",                                   XML_NOT_WELL_FORMED, 0},
  {"control reference",                OPEN "<a>&#1;</a>",                                   XML_NOT_WELL_FORMED, 0},
  {"bad UTF-8",                        OPEN "<a>\xc3(</a>",                                  XML_BAD_ENCODING,    0},
  {"overlong UTF-8",                   OPEN "<a>\xc0\xaf</a>",                               XML_BAD_ENCODING,    0},
  {"half a character, then another",   OPEN "<a>\xe2\x82(</a>",                              XML_BAD_ENCODING,    0},
  {"half a character, then a tag",     OPEN "<a>\xf0\x9f\x98</a>",                           XML_BAD_ENCODING,    0},
  {"bad UTF-8 behind a good one",      OPEN "<a>\xe2\x82\xac\xff</a>",                       XML_BAD_ENCODING,    0},
  {"control byte behind a character",  OPEN "<a>\xe2\x82\xac\x01</a>",                       XML_NOT_WELL_FORMED,
   0                                                                                                               },
  {"surrogate",                        OPEN "<a>\xed\xa0\x80</a>",                           XML_BAD_ENCODING,    0},
  {"declaration late",                 OPEN DECL,                                            XML_NOT_WELL_FORMED, 0},
  {"not XML",                          "GET / HTTP/1.1\r\n",                                 XML_NOT_WELL_FORMED, 0},
  {"closing the root by another name", OPEN "<a/></stream>",                                 XML_NOT_WELL_FORMED, 1},

  {"latin 1",                          "<?xml version='1.0' encoding='ISO-8859-1'?>" OPEN,   XML_BAD_ENCODING,    0},
  {"utf-16",                           "<?xml version='1.0' encoding='UTF-16'?>" OPEN,       XML_BAD_ENCODING,    0},

  {"text between",                     OPEN "<a/>x<b/>",                                     XML_TEXT_BETWEEN,    1},
  {"text first",                       OPEN "\n x",                                          XML_TEXT_BETWEEN,    0},
  {"cdata between",                    OPEN "<![CDATA[x]]>",                                 XML_TEXT_BETWEEN,    0},
  {"reference between",                OPEN "&amp;",                                         XML_TEXT_BETWEEN,    0},
};

static void
in_pieces(void **state)
{
  stralloc log;
  size_t i;

  (void)state;
  for (i = 0; i < sizeof cases / sizeof *cases; i++) {
    enum xml_error e = feed_all_ways(slice_str(cases[i].text), 5000, 0, &log);
    struct slice rest = slice_of(log.s, log.len), line;
    unsigned int elements = 0;
    if (e != cases[i].error) fail_msg("%s: error %d", cases[i].what, e);
    while (slice_word(&rest, '\n', &line))
      elements += slice_starts(line, "element ");
    if (elements != cases[i].elements) fail_msg("%s: %u", cases[i].what, elements);
    stralloc_free(&log);
  }
}

/* RFC 6120 s11.6: UTF-8 only, also when nobody says otherwise and the bytes do. */
static void
utf16(void **state)
{
  static char const *const marks[] = {"", "\xff\xfe", "\xfe\xff"};
  char const text[] = OPEN "<a/>";
  char wide[2 * sizeof text + 2];
  size_t i, n, m;
  int big;

  (void)state;
  for (m = 0; m < 3; m++)
    for (big = 0; big < 2; big++) {
      stralloc log;
      n = strlen(marks[m]);
      memcpy(wide, marks[m], n);
      for (i = 0; i < sizeof text - 1; i++) {
        wide[n++] = big ? 0 : text[i];
        wide[n++] = big ? text[i] : 0;
      }
      assert_int_not_equal(feed_all_ways(slice_of(wide, n), 5000, 0, &log), XML_OK);
      assert_int_equal(log.len, 0);
      stralloc_free(&log);
    }
}

/* False events leave the rest to the caller, and feeding that goes on as if nothing had
 * been: here each event is false, or every other one. */
static void
stops(void **state)
{
  stralloc plain, log;
  unsigned int every;
  size_t i;

  (void)state;
  for (i = 0; i < sizeof cases / sizeof *cases; i++) {
    if (cases[i].error) continue;
    feed_all_ways(slice_str(cases[i].text), 5000, 0, &plain);
    for (every = 1; every < 4; every++) {
      enum xml_error e = feed_all_ways(slice_str(cases[i].text), 5000, every, &log);
      assert_int_equal(e, XML_OK);
      if (!slice_eq(slice_of(log.s, log.len), slice_of(plain.s, plain.len)))
        fail_msg("%s:\n%.*sinstead of:\n%.*s", cases[i].what, (int)log.len, log.s,
                 (int)plain.len, plain.s);
      stralloc_free(&log);
    }
    stralloc_free(&plain);
  }
}

static void
stops_exactly(void **state)
{
  char const text[] = OPEN "<a/><b></b>rest";
  struct seen w;
  size_t used, at;

  (void)state;
  begin(&w, 5000);
  w.stop_every = 1;
  at = sizeof OPEN - 1;
  assert_int_equal(xml_feed(&w.x, &events, &w, text, sizeof text - 1, &used), XML_OK);
  assert_int_equal(used, at);
  assert_int_equal(xml_feed(&w.x, &events, &w, text + at, 11, &used), XML_OK);
  assert_int_equal(used, 4);
  assert_int_equal(xml_feed(&w.x, &events, &w, text + at + 4, 11, &used), XML_OK);
  assert_int_equal(used, 7);
  assert_int_equal(xml_feed(&w.x, &events, &w, "", 0, &used), XML_OK);
  assert_int_equal(used, 0);
  end(&w);
  begin(&w, 5000);
  assert_int_equal(feed(&w, SLICE(OPEN "</stream:stream>"), 0), XML_OK);
  assert_true(w.closed);
  end(&w);
}

static struct slice
nested(stralloc *sa, unsigned int depth)
{
  unsigned int i;

  sa->len = 0;
  assert_true(stralloc_cats(sa, OPEN));
  for (i = 0; i < depth; i++)
    assert_true(stralloc_cats(sa, "<a>"));
  for (i = 0; i < depth; i++)
    assert_true(stralloc_cats(sa, "</a>"));
  return slice_of(sa->s, sa->len);
}

static void
depth(void **state)
{
  stralloc sa = STRALLOC_ZERO, log;

  (void)state;
  assert_int_equal(feed_all_ways(nested(&sa, XML_DEPTH_MAX), 5000, 0, &log), XML_OK);
  stralloc_free(&log);
  assert_int_equal(feed_all_ways(nested(&sa, XML_DEPTH_MAX + 1), 5000, 0, &log),
                   XML_TOO_DEEP);
  stralloc_free(&log);
  stralloc_free(&sa);
}

/* limits.h: "Attributes of one element, namespace declarations included". */
static void
attributes(void **state)
{
  static struct {
    unsigned int attrs, decls;
    enum xml_error error;
  } const counts[] = {
    {XML_ATTRS_MAX,      0,                 XML_OK      },
    {XML_ATTRS_MAX + 1,  0,                 XML_TOO_DEEP},
    {0,                  XML_ATTRS_MAX,     XML_OK      },
    {0,                  XML_ATTRS_MAX + 1, XML_TOO_DEEP},
    {XML_ATTRS_MAX - 20, 20,                XML_OK      },
    {XML_ATTRS_MAX - 19, 20,                XML_TOO_DEEP},
    {XML_ATTRS_MAX,      XML_ATTRS_MAX,     XML_TOO_DEEP},
  };

  stralloc sa = STRALLOC_ZERO, log;
  char one[40];
  unsigned int i, j;

  (void)state;
  for (i = 0; i < sizeof counts / sizeof *counts; i++) {
    enum xml_error e;
    sa.len = 0;
    assert_true(stralloc_cats(&sa, OPEN "<a"));
    for (j = 0; j < counts[i].attrs; j++) {
      snprintf(one, sizeof one, " a%u=''", j);
      assert_true(stralloc_cats(&sa, one));
    }
    for (j = 0; j < counts[i].decls; j++) {
      snprintf(one, sizeof one, " xmlns:p%u='u'", j);
      assert_true(stralloc_cats(&sa, one));
    }
    assert_true(stralloc_cats(&sa, "/>"));
    e = feed_all_ways(slice_of(sa.s, sa.len), 5000, 0, &log);
    if (e != counts[i].error)
      fail_msg("%u attributes, %u declarations: %d", counts[i].attrs, counts[i].decls, e);
    stralloc_free(&log);
  }
  stralloc_free(&sa);
}

#define LIMIT 1000

/* Exactly the limit passes and one byte more does not; what stands before, between and
 * behind does not count. */
static void
limits(void **state)
{
  static struct {
    char const *before, *head, *tail, *after;
  } const forms[] = {
    {OPEN,         "<a>",          "</a>", ""    },
    {OPEN "<b/>",  "<a>",          "</a>", "<c/>"},
    {OPEN "\n\n ", "<a x='",       "'/>",  " "   },
    {"",
     "<stream:stream xmlns:stream='http://etherx.jabber.org/streams' "
     "xmlns='jabber:client' to='", "'>",   "<a/>"},
    {DECL "\n",
     "<stream:stream xmlns:stream='http://etherx.jabber.org/streams' "
     "xmlns='jabber:client' to='", "'>",   ""    },
  };

  stralloc sa = STRALLOC_ZERO, log;
  size_t i, size, more;

  (void)state;
  for (i = 0; i < sizeof forms / sizeof *forms; i++)
    for (more = 0; more < 2; more++) {
      enum xml_error e;
      sa.len = 0;
      assert_true(stralloc_cats(&sa, forms[i].before) &&
                  stralloc_cats(&sa, forms[i].head));
      size = strlen(forms[i].head) + strlen(forms[i].tail);
      for (; size < LIMIT + more; size++)
        assert_true(stralloc_catb(&sa, "x", 1));
      assert_true(stralloc_cats(&sa, forms[i].tail) &&
                  stralloc_cats(&sa, forms[i].after));
      e = feed_all_ways(slice_of(sa.s, sa.len), LIMIT, 0, &log);
      if (e != (more ? XML_TOO_LARGE : XML_OK)) fail_msg("form %zu: error %d", i, e);
      stralloc_free(&log);
    }
  stralloc_free(&sa);
}

/* A stanza or tag without end is refused while it grows, not kept for ever; whitespace
 * without end is not. */
static void
endless(void **state)
{
  static struct {
    char const *head, *more;
    enum xml_error error;
  } const forms[] = {
    {OPEN "<a>",       "xxxxxxxxx", XML_TOO_LARGE},
    {OPEN "<a",        " ",         XML_TOO_LARGE},
    {OPEN "<aaaaaaaa", "aaaaaaaaa", XML_TOO_LARGE},
    {OPEN "<a x='",    "aaaaaaaaa", XML_TOO_LARGE},
    {OPEN "<a>",       "<b/>",      XML_TOO_LARGE},
    {"<aaaaaaa",       "aaaaaaaaa", XML_TOO_LARGE},
    {OPEN,             " \n",       XML_OK       },
    {OPEN,             "<b/>",      XML_OK       },
  };
  struct seen w;
  size_t i, fed;
  enum xml_error e;

  (void)state;
  for (i = 0; i < sizeof forms / sizeof *forms; i++) {
    begin(&w, LIMIT);
    e = feed(&w, slice_str(forms[i].head), 0);
    for (fed = 0; !e && fed < 3 * LIMIT; fed += strlen(forms[i].more)) {
      e = feed(&w, slice_str(forms[i].more), 0);
      w.log.len = 0;
    }
    if (e != forms[i].error) fail_msg("form %zu: error %d", i, e);
    end(&w);
  }
}

/* Limits of tokens, which hold within any limit of stanzas. */
static void
tokens(void **state)
{
  static struct {
    char const *head, *tail;
    size_t max; /* bytes between head and tail that pass, or 0 */
    enum xml_error error;
  } const forms[] = {
    {OPEN "<a x='",                                                                "'/>",        XML_TAG_MAX - 9,         XML_TOO_LARGE},
    {OPEN "<a>",                                                                   "</a>",       0,                       XML_OK       },
    {OPEN "<a><b x='",                                                             "'></b></a>", XML_TAG_MAX - 8,         XML_TOO_LARGE},
    {OPEN "<a><![CDATA[",                                                          "]]></a>",    0,                       XML_OK       },
    {OPEN "<a xmlns='",                                                            "'/>",        XML_NS_MAX,              XML_TOO_DEEP },
    {OPEN "<a xmlns:p='",                                                          "'/>",        XML_NS_MAX,              XML_TOO_DEEP },
    {"<stream:stream xmlns='jabber:client' xmlns:stream='" XML_NS_STREAMS "' x='", "'>",
     XML_ROOT_MAX - 90,                                                                                                   XML_TOO_LARGE},
    {"<x xmlns='",                                                                 "'>",         XML_ROOT_DECLS_MAX - 13, XML_TOO_LARGE},
  };

  stralloc sa = STRALLOC_ZERO;
  static size_t const cuts[] = {0, 1, 1400, 5000};
  size_t i, j, n, more;

  (void)state;
  for (i = 0; i < sizeof forms / sizeof *forms; i++)
    for (more = 0; more < 2; more++) {
      sa.len = 0;
      assert_true(stralloc_cats(&sa, forms[i].head));
      for (n = (forms[i].max ? forms[i].max : 50000) + more; n; n--)
        assert_true(stralloc_catb(&sa, "x", 1));
      assert_true(stralloc_cats(&sa, forms[i].tail));
      for (j = 0; j < sizeof cuts / sizeof *cuts; j++) {
        struct seen w;
        enum xml_error e;
        begin(&w, 100000);
        e = feed(&w, slice_of(sa.s, sa.len), cuts[j]);
        if (e != (more ? forms[i].error : XML_OK))
          fail_msg("form %zu by %zu, %zu more: error %d", i, cuts[j], more, e);
        end(&w);
      }
    }
  stralloc_free(&sa);
}

/* A stanza is handled when its last byte is there, not with the next: also behind bytes that
 * could be the beginning of something else. */
static void
prompt(void **state)
{
  static char const *const stanzas[] = {
    "<a/>",         "<a></a>",
    "<a>]</a>",     "<a>]]</a>",
    "<a>\r</a>",    "<a>&amp;</a>",
    "<a x='>'/>",   "<a><![CDATA[]]]]></a>",
    "<a>]<b/></a>", "<a>\xe2\x82\xac</a>",
  };
  struct seen w;
  size_t i, j;

  (void)state;
  begin(&w, 5000);
  assert_int_equal(feed(&w, SLICE(OPEN), 0), XML_OK);
  for (i = 0; i < sizeof stanzas / sizeof *stanzas; i++)
    for (j = 1; j <= strlen(stanzas[i]); j++) {
      assert_int_equal(feed(&w, slice_of(stanzas[i] + j - 1, 1), 0), XML_OK);
      assert_int_equal(w.elements, i + (j == strlen(stanzas[i])));
    }
  end(&w);
}

/* RFC 6120 s4.6.1: white space keeps a stream alive; it needs no parser. */
static void
blanks(void **state)
{
  static struct seen w[XML_PARSERS_KEPT + 10];
  size_t n = sizeof w / sizeof *w, i;

  (void)state;
  for (i = 0; i < n; i++) {
    begin(&w[i], 5000);
    assert_int_equal(feed(&w[i], SLICE(OPEN), 0), XML_OK);
  }
  assert_null(w[0].x.parser);
  assert_int_equal(feed(&w[0], SLICE(" \r\n\t"), 0), XML_OK);
  assert_int_equal(feed(&w[0], SLICE(" \r\n\t"), 1), XML_OK);
  assert_null(w[0].x.parser);
  assert_int_equal(feed(&w[0], SLICE(" <a/> "), 0), XML_OK);
  assert_int_equal(w[0].elements, 1);
  for (i = 0; i < n; i++)
    end(&w[i]);
}

/* More streams than parsers are kept, all in turns: what was declared on a root holds for
 * each after its parser went elsewhere (RFC 6120 s4.8.5), and what was not does not. */
static struct {
  char const *open, *stanza;
  enum xml_error error;
  char const *seen;
} const roots[] = {
  {OPEN,                                                                          "<a/>",              XML_OK,         "element <{jabber:client}a> <a/>\n"                     },
  {"<stream:stream xmlns='jabber:server' xmlns:stream='http://etherx.jabber.org/streams' "
   "xmlns:db='u:&apos;&amp;db'>",                                              "<db:a><b/></db:a>", XML_OK,
   "element <{u:'&db}a><{jabber:server}b></> <db:a><b/></db:a>\n"                                                                                                              },
  {"<s:stream xmlns:s='http://etherx.jabber.org/streams' xmlns='jabber:client'>",
   "<s:a/>",                                                                                           XML_OK,         "element <{http://etherx.jabber.org/streams}a> <s:a/>\n"},
  {"<open xmlns='urn:ietf:params:xml:ns:xmpp-framing'>",                          "<a/>",              XML_OK,
   "element <{urn:ietf:params:xml:ns:xmpp-framing}a> <a/>\n"                                                                                                                   },
  {"<stream:stream xmlns:stream='http://etherx.jabber.org/streams'>",             "<a/>",              XML_OK,
   "element <{}a> <a/>\n"                                                                                                                                                      },
  {"<stream xmlns='jabber:client'>",                                              "<stream:a/>",       XML_BAD_PREFIX, ""                                                      },
  {OPEN,                                                                          "<db:a/>",           XML_BAD_PREFIX, ""                                                      },
};

#define ROOTS (sizeof roots / sizeof *roots)

static void
roots_interleaved(void **state)
{
  static struct seen w[ROOTS * (XML_PARSERS_KEPT / 3)];
  size_t n = sizeof w / sizeof *w, i, round;

  (void)state;
  for (i = 0; i < n; i++) {
    begin(&w[i], 5000);
    assert_int_equal(feed(&w[i], slice_str(roots[i % ROOTS].open), 0), XML_OK);
    w[i].log.len = 0;
  }
  for (round = 0; round < 3; round++)
    for (i = 0; i < n; i++) {
      size_t r = i % ROOTS;
      enum xml_error e;
      if (roots[r].error && round) continue;
      e = feed(&w[i], slice_str(roots[r].stanza), 0);
      if (e != roots[r].error) fail_msg("root %zu, round %zu: error %d", r, round, e);
      if (!slice_is(slice_of(w[i].log.s, w[i].log.len), roots[r].seen))
        fail_msg("root %zu, round %zu: %.*s", r, round, (int)w[i].log.len, w[i].log.s);
      w[i].log.len = 0;
    }
  for (i = 0; i < n; i++)
    end(&w[i]);
}

/* Streams get a byte at a time, in turns: each is inside something while others work. */
static void
bytes_interleaved(void **state)
{
  static struct seen w[2 * XML_PARSERS_KEPT + 5];
  char const text[] = DECL OPEN "<message id='1'><body>hi</body></message> <p/>\n<iq>"
                                "<q xmlns='u:q'/></iq></stream:stream>";
  size_t n = sizeof w / sizeof *w, i, j;

  (void)state;
  for (i = 0; i < n; i++)
    begin(&w[i], 5000);
  for (j = 0; j < sizeof text - 1 + n; j++)
    for (i = 0; i < n; i++)
      if (j >= i && j - i < sizeof text - 1)
        assert_int_equal(feed(&w[i], slice_of(text + j - i, 1), 0), XML_OK);
  for (i = 0; i < n; i++) {
    assert_true(w[i].closed);
    assert_int_equal(w[i].elements, 3);
    assert_true(
      slice_eq(slice_of(w[i].log.s, w[i].log.len), slice_of(w->log.s, w->log.len)));
  }
  for (i = n; i-- > 0;)
    end(&w[i]);
}

/* Expat keeps every name that it ever saw: a client that always has new ones must not make
 * the server grow. */
static void
names_are_forgotten(void **state)
{
  struct seen w;
  char text[64];
  size_t before, i;

  (void)state;
  begin(&w, 500);
  assert_int_equal(feed(&w, SLICE(OPEN), 0), XML_OK);
  before = mallinfo2().uordblks;
  for (i = 0; i < 100000; i++) {
    snprintf(text, sizeof text, "<p><a%zu b%zu=''/></p>", i, i);
    assert_int_equal(feed(&w, slice_str(text), 0), XML_OK);
    w.log.len = 0;
  }
  assert_true(mallinfo2().uordblks < before + (4u << 20));
  end(&w);
}

/* Each stanza is counted anew, in pieces too; the limit stays at a reset. */
static void
elements(void **state)
{
  struct seen w;
  size_t i;

  (void)state;
  for (i = 0; i < STEPS; i++) {
    begin(&w, 500);
    xml_elements(&w.x, 3);
    assert_int_equal(feed(&w, SLICE(OPEN "<a><b/><c/></a><a><b><c/></b></a>"), steps[i]),
                     XML_OK);
    xml_reset(&w.x);
    assert_int_equal(feed(&w, SLICE(OPEN "<a><b/><c/></a>"), steps[i]), XML_OK);
    assert_int_equal(w.elements, 3);
    assert_int_equal(feed(&w, SLICE("<a><b/>x<c/><d/></a>"), steps[i]), XML_TOO_LARGE);
    assert_int_equal(w.elements, 3);
    end(&w);
  }
}

/* RFC 6120 s4.3.3: after TLS and SASL the stream begins anew; the limit stays. */
static void
resets(void **state)
{
  struct seen w;
  int i;

  (void)state;
  begin(&w, 500);
  for (i = 0; i < 20; i++) {
    static char const *const tails[] = {"", "<a", "<a><b>", "<a/>", "<a/></x>"};
    feed(&w, SLICE(DECL OPEN), 0);
    feed(&w, slice_str(tails[i % 5]), 0);
    assert_true(w.log.len && slice_starts(slice_of(w.log.s, w.log.len), "open "));
    w.log.len = 0;
    xml_reset(&w.x);
    xml_reset(&w.x);
    assert_int_equal(w.x.limit, 500);
  }
  end(&w);
}

int
main(void)
{
  struct CMUnitTest const tests[] = {
    cmocka_unit_test(in_pieces),
    cmocka_unit_test(utf16),
    cmocka_unit_test(stops),
    cmocka_unit_test(stops_exactly),
    cmocka_unit_test(depth),
    cmocka_unit_test(attributes),
    cmocka_unit_test(limits),
    cmocka_unit_test(endless),
    cmocka_unit_test(tokens),
    cmocka_unit_test(prompt),
    cmocka_unit_test(blanks),
    cmocka_unit_test(roots_interleaved),
    cmocka_unit_test(bytes_interleaved),
    cmocka_unit_test(names_are_forgotten),
    cmocka_unit_test(elements),
    cmocka_unit_test(resets),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
