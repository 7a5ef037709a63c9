/* xml: a stream gives the same events, and an error or none, whether it is fed whole, in
 * pieces, or with events that give false; and each stanza written anew says the same. The
 * first byte of the input chooses the pieces. */
#include "fuzz.h"

#include "xml/xml.h"

#include <skalibs/stralloc.h>
#include <skalibs/strerr.h>

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char const *PROG = "fuzz";

#define LIMIT 4096

struct seen {
  struct xml_stream x;
  stralloc log;
  unsigned int events, stop_every;
  bool closed;
};

static void
say(stralloc *log, char const *before, struct slice s)
{
  must(stralloc_cats(log, before) && stralloc_catb(log, s.s ? s.s : "", s.len));
}

static int
by_name(void const *p, void const *q)
{
  struct xml_attr const *a = p, *b = q;
  struct slice x = a->ns.len || b->ns.len ? a->ns : a->name,
               y = a->ns.len || b->ns.len ? b->ns : b->name;
  size_t n;
  int c;

  if (slice_eq(x, y)) {
    x = a->name;
    y = b->name;
  }
  n = x.len < y.len ? x.len : y.len;
  c = n ? memcmp(x.s, y.s, n) : 0;
  return c ? c : x.len < y.len ? -1 : x.len > y.len;
}

/* Write an element without prefixes, its attributes sorted, pieces of text joined. */
static void
say_tree(stralloc *log, struct xml_node const *top)
{
  struct xml_node const *e = top;
  size_t i;

  for (;;) {
    if (e->name.len) {
      say(log, "\n<", e->ns);
      say(log, "}", e->name);
      if (e->head->attrs_n)
        qsort(e->head->attrs, e->head->attrs_n, sizeof *e->head->attrs, by_name);
      for (i = 0; i < e->head->attrs_n; i++) {
        say(log, "\n {", e->head->attrs[i].ns);
        say(log, "}", e->head->attrs[i].name);
        say(log, "=", e->head->attrs[i].value);
      }
      say(log, ">", SLICE(""));
    } else
      say(log, "", e->text);
    if (e->first) {
      e = e->first;
      continue;
    }
    for (;;) {
      if (e->name.len) say(log, "</>", SLICE(""));
      if (e == top || e->next) break;
      e = e->parent;
    }
    if (e == top) return;
    e = e->next;
  }
}

/* Declarations that had to be added may make an element too large for another parse. */
static void
writes_the_same(struct xml_node const *e)
{
  stralloc text = STRALLOC_ZERO, a = STRALLOC_ZERO, b = STRALLOC_ZERO;
  struct arena arena = ARENA_ZERO;
  struct xml_node *again;
  enum xml_error why;

  must(xml_cat_tree(&text, e, "jabber:client"));
  again = xml_parse(&arena, slice_of(text.s, text.len), "jabber:client", &why);
  if (again) {
    say_tree(&a, e);
    say_tree(&b, again);
    must(slice_eq(slice_of(a.s, a.len), slice_of(b.s, b.len)));
  } else
    must(why == XML_TOO_DEEP);
  arena_wipe(&arena);
  stralloc_free(&text);
  stralloc_free(&a);
  stralloc_free(&b);
}

static bool
go_on(struct seen *w)
{
  return !w->stop_every || ++w->events % w->stop_every;
}

static bool
on_open(void *cookie, struct xml_node const *root)
{
  struct seen *w = cookie;

  must(!root->first);
  say(&w->log, "\nopen", SLICE(""));
  say_tree(&w->log, root);
  return go_on(w);
}

static bool
on_element(void *cookie, struct xml_node const *e, struct slice bytes)
{
  struct seen *w = cookie;

  must(bytes.len >= 4 && bytes.len <= LIMIT);
  must(bytes.s[0] == '<' && bytes.s[bytes.len - 1] == '>');
  say(&w->log, "\nelement", SLICE(""));
  say_tree(&w->log, e);
  say(&w->log, "\nbytes ", bytes);
  writes_the_same(e);
  return go_on(w);
}

static bool
on_close(void *cookie)
{
  struct seen *w = cookie;

  w->closed = true;
  say(&w->log, "\nclose", SLICE(""));
  return true;
}

static enum xml_error
feed(struct seen *w, uint8_t const *data, size_t len, size_t step)
{
  static struct xml_events const events = {on_open, on_element, on_close};
  enum xml_error e = XML_OK;

  w->x = (struct xml_stream)XML_STREAM_ZERO;
  xml_limit(&w->x, LIMIT);
  while (len && !e && !w->closed) {
    size_t n = step && step < len ? step : len, used;
    char *piece = malloc(n);
    must(piece);
    memcpy(piece, data, n);
    e = xml_feed(&w->x, &events, w, piece, n, &used);
    free(piece);
    if (e) break;
    must(used && used <= n && (used == n || w->stop_every || w->closed));
    data += used;
    len -= used;
  }
  xml_reset(&w->x);
  return e;
}

int
LLVMFuzzerTestOneInput(uint8_t const *data, size_t len)
{
  static size_t const steps[] = {1, 2, 3, 5, 7, 16, 61, 300};
  struct seen whole = {.events = 0}, other;
  enum xml_error e;
  unsigned int i;

  if (!len) return 0;
  e = feed(&whole, data + 1, len - 1, 0);
  for (i = 0; i < 3; i++) {
    other = (struct seen){.stop_every = i};
    must(!e == !feed(&other, data + 1, len - 1, i == 1 ? 0 : steps[data[0] % 8]));
    must(slice_eq(slice_of(whole.log.s, whole.log.len),
                  slice_of(other.log.s, other.log.len)));
    stralloc_free(&other.log);
  }
  stralloc_free(&whole.log);
  return 0;
}
