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

void
put_field(stralloc *out, struct slice text)
{
  if (!record_put(out, text)) no_memory();
}

void
put_number(stralloc *out, uint64_t n)
{
  if (!record_put_u64(out, n)) no_memory();
}

char *
must_dup(struct slice s)
{
  char *z = slice_dup(s);

  if (!z) no_memory();
  return z;
}

char *
must_dup_sa(stralloc const *sa)
{
  return must_dup(slice_of(sa->s, sa->len));
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

static void
put_fanout(struct slice raw, struct envelope const *e, struct slice xml)
{
  struct link *l = mucd.routed;

  link_begin(l, VERB_FANOUT);
  link_raw(l, raw);
  link_text(l, e->from);
  link_text(l, e->kind);
  link_text(l, e->type);
  link_text(l, e->id);
  link_text(l, e->tags);
  link_origin(l);
  link_text(l, xml);
  link_end(l);
}

/* Say whether an address ends before byte n: there is an escaped newline. */
static bool
is_end(struct slice raw, size_t n)
{
  return raw.s[n] == '\\' && raw.s[n + 1] == 'n' && raw.s[n - 1] != '\\';
}

/* Addresses of a large room are shared among several records, none of which is too long. */
void
send_fanout_raw(struct slice raw, struct envelope const *e, struct slice xml)
{
  size_t n;

  if (!mucd.routed) return;
  while (raw.len > mucd.fanout_max) {
    for (n = mucd.fanout_max; n > 0 && !is_end(raw, n); n--) {
    }
    if (!n) break;
    put_fanout(slice_of(raw.s, n), e, xml);
    raw = slice_of(raw.s + n + 2, raw.len - n - 2);
  }
  if (raw.len) put_fanout(raw, e, xml);
}

void
send_fanout(struct slice tos, struct envelope const *e, struct slice xml)
{
  static stralloc raw = STRALLOC_ZERO;

  raw.len = 0;
  if (!record_put_more(&raw, tos)) no_memory();
  send_fanout_raw(slice_of(raw.s, raw.len), e, xml);
}

/* All stanzas to one session go one way, whether they are for others too or not, so none
 * overtakes another. */
void
send_one(struct slice to, struct envelope const *e, struct slice xml)
{
  send_fanout(to, e, xml);
}

bool
output_has_left(void)
{
  return mucd.routed && mucd.routed->up && !link_is_behind(mucd.routed);
}

/* A presence has x, as in the examples of s7.2: clients know by it that the error is a room's. */
void
refuse_more(struct stanza const *st, enum stanza_error e, char const *type,
            char const *text, struct slice inside)
{
  static stralloc out = STRALLOC_ZERO;
  struct stanza_fault f = {.error = e,
                           .type = type,
                           .by = jid_cut(st->to).bare,
                           .inside = inside,
                           .text = slice_str(text)};

  if (!stanza_may_answer(st) || !mucd.routed) return;
  if (slice_is(st->kind, "presence")) f.before = SLICE("<x xmlns='" NS_MUC "'/>");
  out.len = 0;
  if (!stanza_cat_fault(&out, st, &f)) no_memory();
  stanza_answer(mucd.routed, st, "error", slice_of(out.s, out.len));
}

void
refuse(struct stanza const *st, enum stanza_error e, char const *type, char const *text)
{
  refuse_more(st, e, type, text, SLICE(""));
}
