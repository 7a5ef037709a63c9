#include "xml/xml.h"

#include <skalibs/stralloc.h>
#include <skalibs/strerr.h>

#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

char const *PROG = "test";

/* The cost of a hostile stanza: at most 1 us of CPU and 32 bytes of memory for each
 * byte of it, beside what a stream and its parser need anyway, however it is cut into
 * pieces; and the same again when it is written anew. */

#define CPU_US 1.0
#define MEMORY 32
#define MEMORY_STREAM                                                                    \
  (96 << 10) /* a parser, its first block, the names of 64 attributes */
#if defined(__SANITIZE_ADDRESS__)
#define SLOW 30
#define SEES_MEMORY false /* the sanitizer keeps freed memory */
#else
#define SLOW 1
#define SEES_MEMORY true
#endif

static char const open_tag[] =
  "<stream:stream xmlns='jabber:client' xmlns:stream='" XML_NS_STREAMS "'>";

static void
cat(stralloc *sa, char const *s)
{
  assert_true(stralloc_cats(sa, s));
}

static void
cat_num(stralloc *sa, char const *before, unsigned int n, char const *after)
{
  char one[64];

  snprintf(one, sizeof one, "%s%x%s", before, n, after);
  cat(sa, one);
}

static void
cat_long(stralloc *sa, size_t n)
{
  while (n--)
    assert_true(stralloc_catb(sa, "u", 1));
}

/* ---- shapes: each appends to a stanza that has begun, up to about size bytes ---- */

/* Elements again and again, in a namespace whose name is long. */
static void
again(stralloc *sa, size_t size, char const *more)
{
  cat(sa, "<x xmlns='");
  cat_long(sa, XML_NS_MAX);
  cat(sa, "' xmlns:p='");
  cat_long(sa, XML_NS_MAX);
  cat(sa, "' xmlns:q='");
  cat_long(sa, XML_NS_MAX - 1);
  cat(sa, "'>");
  while (sa->len + 200 < size)
    cat(sa, more);
  cat(sa, "</x>");
}

static void
plain(stralloc *sa, size_t size)
{
  again(sa, size, "<a/>");
}

static void
prefixed(stralloc *sa, size_t size)
{
  again(sa, size, "<p:a/>");
}

static void
in_turns(stralloc *sa, size_t size)
{
  again(sa, size, "<p:a/><a/><q:a/>");
}

static void
mixed(stralloc *sa, size_t size)
{
  again(sa, size, "<a/>x");
}

static void
pairs(stralloc *sa, size_t size)
{
  again(sa, size, "<p:a><b/><c xmlns=''><d/></c></p:a>");
}

static void
entities(stralloc *sa, size_t size)
{
  again(sa, size, "&lt;\n");
}

static void
quotes(stralloc *sa, size_t size)
{
  again(sa, size, "<a b='\"\"\"\"\"\"\"\"\"\"'/>''''''''");
}

static void
cdata(stralloc *sa, size_t size)
{
  again(sa, size, "<![CDATA[<]]]]>]");
}

static void
deep(stralloc *sa, size_t size)
{
  unsigned int i;

  while (sa->len + 1000 < size) {
    for (i = 0; i < XML_DEPTH_MAX - 1; i++)
      cat(sa, "<a>");
    for (i = 0; i < XML_DEPTH_MAX - 1; i++)
      cat(sa, "</a>");
  }
}

static void
names(stralloc *sa, size_t size)
{
  unsigned int i;

  for (i = 0; sa->len + 50 < size; i++)
    cat_num(sa, "<a", i, "/>");
}

static void
names_and_text(stralloc *sa, size_t size)
{
  unsigned int i;

  for (i = 0; sa->len + 50 < size; i++)
    cat_num(sa, "<a", i, "/>xyz");
}

static void
attributes(stralloc *sa, size_t size)
{
  unsigned int i;

  while (sa->len + 1000 < size) {
    cat(sa, "<a");
    for (i = 0; i < XML_ATTRS_MAX; i++)
      cat_num(sa, " b", i, "=''");
    cat(sa, "/>");
  }
}

static void
attribute_names(stralloc *sa, size_t size)
{
  unsigned int i;

  for (i = 0; sa->len + 50 < size; i++)
    cat_num(sa, "<a b", i, "=''/>");
}

static void
prefixed_attributes(stralloc *sa, size_t size)
{
  unsigned int i;

  cat(sa, "<x xmlns:p='");
  cat_long(sa, XML_NS_MAX);
  cat(sa, "'>");
  while (sa->len + 1000 < size) {
    cat(sa, "<a");
    for (i = 0; i < XML_ATTRS_MAX; i++)
      cat_num(sa, " p:b", i, "=''");
    cat(sa, "/>");
  }
  cat(sa, "</x>");
}

/* As many as may be in force: 64 on each of 62 elements, and names that need one of
 * them. */
static void
declarations(stralloc *sa, size_t size)
{
  unsigned int i, n = 0, depth = 0;

  while (depth < XML_DEPTH_MAX - 2 && sa->len + 2000 < size) {
    cat(sa, "<e");
    for (i = 0; i < XML_ATTRS_MAX; i++)
      cat_num(sa, " xmlns:p", n++, "='u'");
    cat(sa, ">");
    depth++;
  }
  while (depth && sa->len + 1000 < size)
    cat(sa, "<x p0:a='' p1:b=''/><p2:x/>");
  while (depth--)
    cat(sa, "</e>");
}

static void
declared_in_turns(stralloc *sa, size_t size)
{
  unsigned int i;

  for (i = 0; sa->len + 50 < size; i++)
    cat_num(sa, "<a xmlns:p", i, "='u'/>");
}

/* Prefixes for one namespace, which the next element takes for another. */
static void
hidden(stralloc *sa, size_t size)
{
  unsigned int i, j, n = 0, depth = 0;

  cat(sa, "<x xmlns:q='n'>");
  while (depth < XML_DEPTH_MAX - 4 && sa->len + 3000 < size) {
    for (j = 0; j < 2; j++) {
      cat(sa, "<e");
      for (i = 0; i < 61; i++) {
        cat_num(sa, " xmlns:p", n + i, "=");
        cat(sa, j ? "'m'" : "'n'");
      }
      cat(sa, ">");
    }
    n += 61;
    depth += 2;
  }
  while (sa->len + 2000 < size) {
    cat(sa, "<x");
    for (i = 0; i < 60; i++)
      cat_num(sa, " q:a", i, "=''");
    cat(sa, "/>");
  }
  while (depth--)
    cat(sa, "</e>");
  cat(sa, "</x>");
}

/* Prefixes that only the root declares. */
static void
of_the_root(stralloc *sa, size_t size)
{
  while (sa->len + 100 < size)
    cat(sa, "<stream:a/><b stream:c=''/>");
}

static struct {
  char const *name;
  void (*make)(stralloc *sa, size_t size);
} const shapes[] = {
  {"plain",               plain              },
  {"prefixed",            prefixed           },
  {"in turns",            in_turns           },
  {"mixed",               mixed              },
  {"pairs",               pairs              },
  {"entities",            entities           },
  {"quotes",              quotes             },
  {"cdata",               cdata              },
  {"deep",                deep               },
  {"names",               names              },
  {"names and text",      names_and_text     },
  {"attributes",          attributes         },
  {"attribute names",     attribute_names    },
  {"prefixed attributes", prefixed_attributes},
  {"declarations",        declarations       },
  {"declared in turns",   declared_in_turns  },
  {"hidden",              hidden             },
  {"of the root",         of_the_root        },
};

#define SHAPES (sizeof shapes / sizeof *shapes)
static size_t const sizes[] = {2000, 10000, 100000};
#define SIZES (sizeof sizes / sizeof *sizes)

/* ---- measuring ---- */

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

/* Writes it anew, as who passes it on does. */
static bool
on_element(void *cookie, struct xml_node const *e, struct slice bytes)
{
  size_t *written = cookie;
  stralloc sa = STRALLOC_ZERO;
  struct xml_node const *c;

  assert_true(xml_cat_tree(&sa, e, "jabber:client"));
  *written = sa.len;
  sa.len = 0;
  assert_true(xml_cat_decls(&sa, e, "jabber:client", STANZA_MAX));
  for (c = e->first; c; c = c->next)
    assert_true(xml_cat_child(&sa, c, "jabber:client", STANZA_MAX));
  if (sa.len > *written) *written = sa.len;
  stralloc_free(&sa);
  assert_true(bytes.len);
  return true;
}

static struct xml_events const events = {on_open, on_element, on_close};

static void
feed(struct xml_stream *x, struct slice s, size_t step, size_t *written)
{
  size_t used, n;

  for (; s.len; s = slice_of(s.s + used, s.len - used)) {
    n = step && step < s.len ? step : s.len;
    assert_int_equal(xml_feed(x, &events, written, s.s, n, &used), XML_OK);
  }
}

static double
cpu_us(void)
{
  struct timespec t;

  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

/* The bytes of this process that no file has. Pages count that something was written to: of a
 * large block of an arena the rest takes no memory. */
static long
resident(void)
{
  long size, all, shared;
  FILE *f = fopen("/proc/self/statm", "r");

  malloc_trim(0);
  assert_non_null(f);
  assert_int_equal(fscanf(f, "%ld %ld %ld", &size, &all, &shared), 3);
  fclose(f);
  return (all - shared) * 4096;
}

/* Feed a stanza but for its end, look at the memory, then feed its end. The microseconds of CPU that
 * it took beyond the limit. */
static double
one(size_t shape, size_t size, size_t step)
{
  struct xml_stream x = XML_STREAM_ZERO;
  stralloc sa = STRALLOC_ZERO;
  size_t written = 0;
  long before, holds, after;
  double began, took;
  char const *name = shapes[shape].name;

  cat(&sa, "<message>");
  shapes[shape].make(&sa, size);
  xml_limit(&x, 300000);
  before = resident();
  feed(&x, slice_str(open_tag), 0, &written);
  began = cpu_us();
  feed(&x, slice_of(sa.s, sa.len), step, &written);
  took = cpu_us() - began;
  holds = resident() - before;
  began = cpu_us();
  feed(&x, SLICE("</message>"), step, &written);
  took += cpu_us() - began;
  after = resident() - before;
  if (SEES_MEMORY && holds > (long)(MEMORY * sa.len + MEMORY_STREAM))
    fail_msg("%s: %zu bytes by %zu hold %ld", name, sa.len, step, holds);
  if (SEES_MEMORY && after > MEMORY_STREAM)
    fail_msg("%s: %zu bytes by %zu leave %ld", name, sa.len, step, after);
  took -= SLOW * CPU_US * (double)sa.len + 2000 * SLOW;
  if (written > 8 * sa.len + 16000)
    fail_msg("%s: %zu bytes by %zu are %zu when written", name, sa.len, step, written);
  xml_reset(&x);
  stralloc_free(&sa);
  return took;
}

/* Other programs of a busy machine empty the caches, so the best of three tries counts. */
static void
in_time(size_t shape, size_t size, size_t step)
{
  double late = 0;
  int i;

  for (i = 0; i < 3; i++) {
    late = one(shape, size, step);
    if (late <= 0) return;
  }
  fail_msg("%s: %zu bytes by %zu take %.0f us too long", shapes[shape].name, size, step,
           late);
}

static void
hostile(void **state)
{
  size_t i, j;

  (void)state;
  for (i = 0; i < SHAPES; i++)
    for (j = 0; j < SIZES; j++) {
      in_time(i, sizes[j], 0);
      in_time(i, sizes[j], 1);
      in_time(i, sizes[j], 1400);
    }
}

int
main(void)
{
  struct CMUnitTest const tests[] = {
    cmocka_unit_test(hostile),
  };
  mallopt(M_MMAP_THRESHOLD, MMAP_BYTES); /* as service_main does */
  return cmocka_run_group_tests(tests, NULL, NULL);
}
