#include "left.h"

#include <stdlib.h>

/* The end of a room (XEP-0045 s10.9), and of its service. */

static void
cat_destroy(stralloc *x, struct slice alt, struct slice why, struct slice password)
{
  put(x, "<destroy");
  if (alt.len) put_attr(x, "jid", alt);
  put(x, ">");
  if (password.len) {
    put(x, "<password>");
    put_text(x, password);
    put(x, "</password>");
  }
  if (why.len) {
    put(x, "<reason>");
    put_text(x, why);
    put(x, "</reason>");
  }
  put(x, "</destroy>");
}

/* A name that was known stays taken for a time, for clients that would make the room again. */
static void
bury(struct room *r, struct slice alt, struct slice why)
{
  bool persistent = r->config.flags & FLAG_PERSISTENT && r->state == ROOM_OPEN;

  if (!persistent) {
    room_end(r);
    return;
  }
  stored_room_del(r);
  retention_end(r);
  r->state = ROOM_TOMBSTONE;
  r->last_us = door_wall();
  free(r->alt);
  free(r->why);
  r->alt = must_dup(alt);
  r->why = must_dup(why);
  room_changed(r);
}

/* All occupants leave, and are told why by c. */
static void
put_out(struct room *r, struct change const *c)
{
  struct occupant *o;

  while ((o = r->first)) {
    left_note(o, c, true);
    show(o, c);
    while (o->sessions_n > 1)
      session_del(o->sessions->next);
    session_del(o->sessions);
  }
}

void
room_destroy(struct room *r, struct slice alt, struct slice why, struct slice password)
{
  static stralloc x = STRALLOC_ZERO;
  struct change c = {.gone = true, .quiet = true};

  x.len = 0;
  cat_destroy(&x, alt, why, password);
  c.destroy = slice_of(x.s, x.len);
  put_out(r, &c);
  bury(r, alt, why);
}

/* XEP-0045 s15.6.2, code 332: the service goes, and the room stays stored. */
void
room_close(struct room *r)
{
  struct change c = {.gone = true, .quiet = true, .codes = "332"};

  put_out(r, &c);
}
