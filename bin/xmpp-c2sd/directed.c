#include "directed.h"
#include "snapshot.h"
#include "stream.h"

#include <stdlib.h>
#include <string.h>

/* Addresses with directed presence of a session (RFC 6121 s4.6): a list in the order in
 * which they got the presence, and a table, so that adding and removing an address cost
 * the same however many there are. */

struct address {
  struct address *next, *prev;
  size_t len;
  char text[];
};

struct directed {
  struct table table; /* of the addresses */
  struct address *first, *last;
  size_t bytes;
  bool full; /* an address was refused, and is in the log */
};

static struct slice
text_of(void const *item)
{
  struct address const *a = item;

  return slice_of(a->text, a->len);
}

void
directed_free(struct directed *d)
{
  struct address *a;

  if (!d) return;
  while ((a = d->first)) {
    d->first = a->next;
    free(a);
  }
  table_wipe(&d->table);
  free(d);
}

size_t
directed_bytes(struct directed const *d)
{
  return d ? sizeof *d + d->bytes + d->table.n * sizeof(struct address) +
               (d->table.slots ? (d->table.mask + 1) * sizeof(struct table_slot) : 0)
           : 0;
}

static bool
append(struct directed *d, struct slice jid)
{
  struct address *a = malloc(sizeof *a + jid.len);

  if (!a) return false;
  a->next = NULL;
  a->prev = d->last;
  a->len = jid.len;
  memcpy(a->text, jid.s, jid.len);
  if (!table_put(&d->table, a)) {
    free(a);
    return false;
  }
  if (d->last)
    d->last->next = a;
  else
    d->first = a;
  d->last = a;
  d->bytes += jid.len;
  return true;
}

static bool
add(struct directed **at, struct slice jid)
{
  struct directed *d = *at;

  if (!d) d = *at = calloc(1, sizeof *d);
  if (!d) return false;
  d->table.key = text_of;
  if (table_get(&d->table, jid)) return true;
  if (d->table.n >= DIRECTED_MAX || d->bytes + jid.len > DIRECTED_BYTES_MAX) return false;
  return append(d, jid);
}

void
directed_add(struct stream *s, struct slice jid)
{
  if (add(&s->session.directed, jid) ||
      (s->session.directed && s->session.directed->full))
    return;
  if (s->session.directed) s->session.directed->full = true;
  log_event(LOG_WARN, "directed-presence-not-noted", "conn", conduit_conn(&s->c), "jid",
            s->session.jid, "why", "too many", NULL);
}

void
directed_del(struct stream *s, struct slice jid)
{
  struct directed *d = s->session.directed;
  struct address *a = d ? table_del(&d->table, jid) : NULL;

  if (!a) return;
  *(a->prev ? &a->prev->next : &d->first) = a->next;
  *(a->next ? &a->next->prev : &d->last) = a->prev;
  d->bytes -= a->len;
  free(a);
  if (d->first) return;
  directed_free(d);
  s->session.directed = NULL;
}

void
directed_put(struct link *l, struct directed const *d)
{
  struct address const *a;

  link_field(l);
  for (a = d ? d->first : NULL; a; a = a->next) {
    if (a->prev) link_more(l, SLICE("\n"));
    link_more(l, text_of(a));
  }
}

struct directed *
directed_read(struct slice lines)
{
  struct directed *d = NULL;
  struct slice jid;

  while (slice_word(&lines, '\n', &jid))
    if (jid.len && !add(&d, jid)) break;
  return d;
}

void
directed_each(struct stream const *s, directed_fn *fn)
{
  struct address const *a;

  for (a = s->session.directed ? s->session.directed->first : NULL; a; a = a->next)
    fn(s, text_of(a));
}

void
directed_snapshot(struct snapshot *k, struct stream *s)
{
  struct address const *a;
  stralloc lines = STRALLOC_ZERO;
  bool full = s->session.directed && s->session.directed->full;

  for (a = s->session.directed ? s->session.directed->first : NULL; a; a = a->next)
    if (!stralloc_catb(&lines, a->text, a->len) || !stralloc_catb(&lines, "\n", 1))
      snapshot_fail(k, "out of memory");
  snapshot_bytes(k, &lines);
  SNAPSHOT_INT(k, full);
  if (snapshot_restores(k))
    s->session.directed = directed_read(slice_of(lines.s, lines.len));
  if (s->session.directed) s->session.directed->full = full;
  stralloc_free(&lines);
}
