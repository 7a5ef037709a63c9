#include "mucd.h"

#include <skalibs/strerr.h>

#include <stdio.h>
#include <string.h>

/* XML and records that leave. All that mucd holds is on disk at the end of each turn, so a mucd
 * without memory ends, and the next one goes on from there. */

_Noreturn void
no_memory(void)
{
  strerr_dief(111, "out of memory");
}

void
put(stralloc *out, char const *markup)
{
  if (!xml_cat(out, markup)) no_memory();
}

void
put_slice(stralloc *out, struct slice s)
{
  if (!stralloc_catb(out, s.s, s.len)) no_memory();
}

void
put_text(stralloc *out, struct slice text)
{
  if (!xml_cat_text(out, text)) no_memory();
}

void
put_attr(stralloc *out, char const *name, struct slice value)
{
  if (!xml_cat_attr(out, name, value)) no_memory();
}

void
put_num(stralloc *out, uint64_t n)
{
  char buf[BASE_NUM];

  put_slice(out, num_u64(buf, n));
}

/* A child that would make more than a stanza may have is left out. */
void
put_child(stralloc *out, struct xml_node const *c)
{
  size_t before = out->len;

  if (!xml_cat_tree(out, c, NS_CLIENT)) out->len = before;
}

char *
dup_slice(struct slice s)
{
  char *z = slice_dup(s);

  if (!z) no_memory();
  return z;
}

char *
dup_sa(stralloc const *sa)
{
  return dup_slice(slice_of(sa->s, sa->len));
}

struct slice
nick_jid(struct room const *r, struct slice nick)
{
  static stralloc bufs[8];
  static unsigned int i;
  stralloc *b = &bufs[i++ % 8];

  b->len = 0;
  put_slice(b, r->bare);
  put(b, "/");
  put_slice(b, nick);
  return slice_of(b->s, b->len);
}

void
add_to(stralloc *tos, struct slice full)
{
  if (tos->len) put(tos, "\n");
  put_slice(tos, full);
}

void
send_fanout(struct slice tos, struct envelope const *e, struct slice xml)
{
  struct link *l = mucd.routed;

  if (!l || !tos.len) return;
  link_begin(l, VERB_FANOUT);
  link_text(l, tos);
  link_text(l, e->from);
  link_text(l, e->kind);
  link_text(l, e->type);
  link_text(l, e->id);
  link_text(l, e->tags);
  link_origin(l);
  link_text(l, xml);
  link_end(l);
}

/* All stanzas to one session go one way, whether they are for others too or not, so none
 * overtakes another. */
void
send_one(struct slice to, struct envelope const *e, struct slice xml)
{
  send_fanout(to, e, xml);
}

static void
cat_error(stralloc *out, struct stanza const *st, enum stanza_error e, char const *type,
          char const *text)
{
  struct slice by = jid_cut(st->to).bare;
  static stralloc plain = STRALLOC_ZERO;
  struct slice rest, at;

  plain.len = 0;
  if (!stanza_cat_error(&plain, st, e, slice_str(text))) no_memory();
  rest = slice_of(plain.s, plain.len);
  at.s = memmem(rest.s, rest.len, "<error type='", 13);
  if (!at.s) no_memory();
  put_slice(out, slice_of(rest.s, (size_t)(at.s - rest.s)));
  /* As in the examples of s7.2: clients know by it that the error is a room's. */
  if (slice_is(st->kind, "presence")) put(out, "<x xmlns='" NS_MUC "'/>");
  put(out, "<error");
  put_attr(out, "by", by);
  put(out, " type='");
  at = slice_of(at.s + 13, rest.len - (size_t)(at.s + 13 - rest.s));
  if (*type) {
    char const *end = memchr(at.s, '\'', at.len);
    put(out, type);
    at = slice_of(end, at.len - (size_t)(end - at.s));
  }
  put_slice(out, at);
}

void
refuse_more(struct stanza const *st, enum stanza_error e, char const *type,
            char const *text, struct slice inside)
{
  static stralloc out = STRALLOC_ZERO;
  struct slice tail, mark;

  if (!stanza_may_answer(st) || !mucd.routed) return;
  out.len = 0;
  cat_error(&out, st, e, type, text);
  if (inside.len) { /* the text of the condition: <gone xmlns=...>URI</gone> */
    static stralloc copy = STRALLOC_ZERO;
    mark = slice_of(out.s, out.len);
    mark.s = memmem(mark.s, mark.len, "stanzas'/>", 10);
    if (mark.s) mark.s += 8;
    if (mark.s) {
      copy.len = 0;
      tail = slice_of(mark.s + 2, out.len - (size_t)(mark.s + 2 - out.s));
      put_slice(&copy, slice_of(out.s, (size_t)(mark.s - out.s)));
      put(&copy, ">");
      put_text(&copy, inside);
      put(&copy, "</");
      put(&copy, stanza_error_name(e));
      put(&copy, ">");
      put_slice(&copy, tail);
      stanza_answer(mucd.routed, st, "error", slice_of(copy.s, copy.len));
      return;
    }
  }
  stanza_answer(mucd.routed, st, "error", slice_of(out.s, out.len));
}

void
refuse(struct stanza const *st, enum stanza_error e, char const *type, char const *text)
{
  refuse_more(st, e, type, text, SLICE(""));
}
