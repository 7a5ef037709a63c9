#include "convert/convert.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

char const *PROG = "test";

static struct arena arena = ARENA_ZERO;

static struct xml_node const *
tree(char const *xml)
{
  enum xml_error why;
  struct xml_node const *e = xml_parse(&arena, slice_str(xml), "jabber:client", &why);

  assert_non_null(e);
  return e;
}

static void
is(stralloc *sa, char const *text)
{
  assert_true(stralloc_0(sa));
  assert_string_equal(sa->s, text);
  sa->len = 0;
}

#define OLD "<conference xmlns='storage:bookmarks'"
#define NEW "<conference xmlns='urn:xmpp:bookmarks:1'"

static void
both_ways(void **state)
{
  stralloc sa = STRALLOC_ZERO;
  struct bookmark b, c;

  (void)state;
  assert_true(
    bookmark_read_old(&arena,
                      tree(OLD " name='A &amp; B' autojoin='1' jid=' R@Example.org/x'>"
                               "<nick>n&lt;</nick><password>p</password></conference>"),
                      &b));
  assert_true(bookmark_cat(&sa, &b, NULL));
  is(&sa, NEW " name='A &amp; B' autojoin='true'><nick>n&lt;</nick><password>p</password>"
              "</conference>");
  assert_true(bookmark_cat_old(&sa, &b));
  is(&sa,
     "<conference jid='r@example.org' name='A &amp; B' autojoin='true'><nick>n&lt;</nick>"
     "<password>p</password></conference>");
  assert_true(
    bookmark_read(&arena, SLICE("r@example.org"),
                  tree(NEW " name='A &amp; B' autojoin='true'><nick>n&lt;</nick>"
                           "<password>p</password></conference>"),
                  &c));
  assert_true(bookmark_same(&b, &c));
  c.autojoin = false;
  assert_false(bookmark_same(&b, &c));
  stralloc_free(&sa);
}

/* XEP-0402 s3.3: what a client does not know stays when it edits a bookmark. */
static void
keeps_extensions(void **state)
{
  static char const old[] =
    "<x:conference xmlns:x='urn:xmpp:bookmarks:1' xmlns:y='urn:y' name='old'>"
    "<x:nick>old</x:nick><x:extensions><y:z y:a='1'/></x:extensions><w xmlns='urn:w'/>"
    "</x:conference>";
  stralloc sa = STRALLOC_ZERO;
  struct bookmark b;

  (void)state;
  assert_true(bookmark_read_old(&arena, tree(OLD " jid='r@h'><nick/></conference>"), &b));
  assert_true(bookmark_cat(&sa, &b, tree(old)));
  assert_true(stralloc_0(&sa));
  assert_null(strstr(sa.s, "old"));
  assert_null(strstr(sa.s, "nick"));
  assert_non_null(strstr(sa.s, "extensions"));
  assert_non_null(strstr(sa.s, "y:a='1'"));
  assert_non_null(strstr(sa.s, "<w xmlns='urn:w'/>"));
  tree(sa.s);
  stralloc_free(&sa);
}

static void
no_rooms(void **state)
{
  struct bookmark b;

  (void)state;
  assert_false(
    bookmark_read_old(&arena, tree("<url xmlns='storage:bookmarks' url='x'/>"), &b));
  assert_int_equal(errno, EINVAL);
  assert_false(bookmark_read_old(&arena, tree(OLD "/>"), &b));
  assert_int_equal(errno, EINVAL);
  assert_false(bookmark_read_old(&arena, tree(OLD " jid='@'/>"), &b));
  assert_int_equal(errno, EINVAL);
  assert_false(bookmark_read(&arena, SLICE("a b@"), tree(NEW "/>"), &b));
  assert_int_equal(errno, EINVAL);
  assert_false(bookmark_read(&arena, SLICE("r@h"), tree("<x xmlns='urn:x'/>"), &b));
  assert_int_equal(errno, EINVAL);
}

int
main(void)
{
  struct CMUnitTest const tests[] = {
    cmocka_unit_test(both_ways),
    cmocka_unit_test(keeps_extensions),
    cmocka_unit_test(no_rooms),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
