#include "conn.h"

#include <stdlib.h>

/* Handlers of the records in which a stream program asks for something of a conduit. */

void
conn_data(struct link *l, struct record *r)
{
  struct conn *c = conn_of(l, r);
  struct slice bytes;

  if (!c || !c->opened || c->state == HANDSHAKE || c->they_closed) return;
  bytes = record_get(r, 2);
  if (!stralloc_catb(divert_sends(c) ? divert_behind(c) : &c->out, bytes.s, bytes.len)) {
    conn_drop(c, "out of memory");
    return;
  }
  tally_data(c, bytes.len);
  if (bounds_hold(c)) conn_mark_dirty(c);
}

void
conn_close(struct link *l, struct record *r)
{
  struct conn *c = conn_of(l, r);

  if (!c) return;
  c->they_closed = true;
  if (!divert_sends(c)) conn_begin_close(c); /* else behind the file */
  conn_mark_dirty(c);
}

void
conn_stop(struct link *l, struct record *r)
{
  struct conn *c = conn_of(l, r);

  if (!c) return;
  c->stopped = true;
  conn_want(c);
}

void
conn_go(struct link *l, struct record *r)
{
  struct conn *c = conn_of(l, r);

  if (!c) return;
  c->stopped = false;
  conn_want(c);
}

/* Begin TLS with the certificate for name, which has no NUL behind it. */
static void
start_client(struct conn *c, struct slice name)
{
  char *host = slice_dup(name);

  if (host)
    conn_start_client(c, host);
  else
    conn_drop(c, "out of memory");
  free(host);
}

void
conn_starttls(struct link *l, struct record *r)
{
  struct conn *c = conn_of(l, r);
  struct slice last;

  if (!c || c->state != PLAIN) return;
  last = record_get(r, 3);
  if (!stralloc_catb(&c->out, last.s, last.len) || !conn_encode(c)) {
    conn_drop(c, "out of memory");
    return;
  }
  conn_mark_dirty(c);
  if (c->listener)
    conn_start_tls(c, record_get(r, 2));
  else
    start_client(c, record_get(r, 2));
}

void
conn_shape(struct link *l, struct record *r)
{
  struct conn *c = conn_of(l, r);

  if (!c) return;
  shaper_set(c, record_u64(r, 2), record_u64(r, 3));
  conn_want(c);
}
