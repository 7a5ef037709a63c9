#include "stream/stream_internal.h"

#include <string.h>

/* Output: markup in its order, kept while a peer does not read. */

/* Bytes for a peer in one record. */
#define PIECE_MAX (1u << 20)

static void
end_slow(struct conduit *c)
{
  struct conduit_waiting *w = c->waiting;

  log_event(LOG_WARN, "slow-reader", "conn", conduit_conn(c), "ip",
            log_peer(slice_str(c->ip)), "jid", stream_owner->name(c), "waiting_bytes",
            log_num(w ? w->blocked.len : 0), "why",
            "the peer does not read: the stream ends", NULL);
  if (w) {
    stralloc_free(&w->blocked);
    w->blocked_n = 0;
  }
  conduit_end(c, "slow reader");
}

/* Keep raw until the peer reads, within a limit. Where each element is a record of its own, a
 * newline, which no field of a record has, stands behind each. */
static void
block(struct conduit *c, struct slice raw)
{
  struct conduit_waiting *w = stream_waiting(c);

  if (!w || w->blocked.len + raw.len > c->blocked_max ||
      !stralloc_catb(&w->blocked, raw.s, raw.len) ||
      (framing_of(c)->alone && !stralloc_catb(&w->blocked, "\n", 1)))
    end_slow(c);
}

void
conduit_count(struct conduit *c, uint64_t max)
{
  if (c->is_blocked && !c->ending.why && c->waiting && ++c->waiting->blocked_n > max)
    end_slow(c);
}

/* Say whether c is written to: a conduit that is marked to end gets nothing but its end. */
static bool
hears(struct conduit const *c)
{
  return c->link && (!c->ending.why || c->ends);
}

/* The length of the first piece of raw, of which no escape is cut in two. */
static size_t
piece(struct slice raw)
{
  size_t n = raw.len < PIECE_MAX ? raw.len : PIECE_MAX, i = n;

  if (n == raw.len) return n;
  while (i && raw.s[i - 1] == '\\')
    i--;
  return (n - i) % 2 ? n - 1 : n;
}

/* Give the length of raw as text: each escape stands for one byte. */
static size_t
text_len(struct slice raw)
{
  char const *at = raw.s, *end = raw.s + raw.len;
  size_t n = raw.len;

  while (at < end && (at = memchr(at, '\\', (size_t)(end - at)))) {
    n--;
    at += 2;
  }
  return n;
}

static void
put_raw(struct conduit *c, struct slice raw)
{
  c->records++;
  link_begin(c->link, VERB_DATA);
  link_num(c->link, c->id);
  link_raw(c->link, raw);
  link_end(c->link);
}

/* A record has a limit; what has waited, or was made from much, leaves in pieces. */
static void
put_pieces(struct conduit *c, struct slice raw)
{
  while (raw.len) {
    size_t n = piece(raw);
    put_raw(c, slice_of(raw.s, n));
    raw = slice_of(raw.s + n, raw.len - n);
  }
}

static void
write_alone(struct conduit *c, struct slice raw)
{
  stralloc sa = STRALLOC_ZERO;
  bool ok = stream_cat_alone(&sa, raw, stream_owner->ns);

  if (!ok)
    conduit_error(c, "resource-constraint", NULL);
  else if (c->is_blocked)
    block(c, slice_of(sa.s, sa.len));
  else
    put_raw(c, slice_of(sa.s, sa.len));
  stralloc_free(&sa);
}

void
conduit_write_raw(struct conduit *c, struct slice raw)
{
  if (!hears(c)) return;
  c->said += text_len(raw);
  if (framing_of(c)->alone)
    write_alone(c, raw);
  else if (c->is_blocked)
    block(c, raw);
  else
    put_pieces(c, raw);
}

/* Text that waits, or has to be looked at, is escaped first. */
static void
write_escaped(struct conduit *c, struct slice markup)
{
  stralloc sa = STRALLOC_ZERO;

  if (record_put_more(&sa, markup)) conduit_write_raw(c, slice_of(sa.s, sa.len));
  stralloc_free(&sa);
}

void
conduit_write(struct conduit *c, struct slice markup)
{
  if (!hears(c)) return;
  if (c->is_blocked || framing_of(c)->alone) {
    write_escaped(c, markup);
    return;
  }
  c->said += markup.len;
  while (markup.len) {
    size_t n = markup.len < PIECE_MAX ? markup.len : PIECE_MAX;
    link_begin(c->link, VERB_DATA);
    link_num(c->link, c->id);
    link_text(c->link, slice_of(markup.s, n));
    link_end(c->link);
    markup = slice_of(markup.s + n, markup.len - n);
  }
}

/* Elements that waited as records of their own leave so. */
static void
put_lines(struct conduit *c, struct slice lines)
{
  struct slice line;

  while (slice_word(&lines, '\n', &line))
    if (line.len) put_raw(c, line);
}

void
stream_unblock(struct conduit *c)
{
  struct conduit_waiting *w = c->waiting;
  stralloc text;

  c->is_blocked = false;
  if (!w) return;
  text = w->blocked;
  w->blocked = stralloc_zero;
  w->blocked_n = 0;
  stream_waiting_trim(c);
  if (text.len && hears(c))
    (framing_of(c)->alone ? put_lines : put_pieces)(c, slice_of(text.s, text.len));
  stralloc_free(&text);
}

void
conduit_header(struct conduit *c, struct stream_header const *h, struct slice features)
{
  struct framing_row const *row = framing_of(c);
  stralloc sa = STRALLOC_ZERO;
  bool ok = row->cat_header(&sa, h) &&
            (row->alone || stralloc_catb(&sa, features.s, features.len));

  c->header_sent = true;
  if (ok) conduit_write(c, slice_of(sa.s, sa.len));
  stralloc_free(&sa);
  if (row->alone && features.len) conduit_write(c, features);
  if (!ok) conduit_error(c, "resource-constraint", NULL);
}
