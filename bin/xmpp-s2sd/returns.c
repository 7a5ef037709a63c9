#include "returns.h"

#include "edge/edge.h"

#include <stdio.h>
#include <string.h>

/* Stanzas that cannot be delivered: their senders hear the step and the cause in our own words,
 * for rooms show the text to everybody. */

bool
return_is_request(struct slice raw)
{
  struct slice type = stanza_raw_field(raw, STANZA_TYPE);

  return slice_is(stanza_raw_field(raw, STANZA_KIND), "iq") &&
         (slice_is(type, "get") || slice_is(type, "set"));
}

bool
return_is_answer(struct slice raw)
{
  struct slice type = stanza_raw_field(raw, STANZA_TYPE);

  return slice_is(type, "error") ||
         (slice_is(type, "result") && slice_is(stanza_raw_field(raw, STANZA_KIND), "iq"));
}

/* Presence that says that somebody is there, or asks, is missed; other presence is not. */
static bool
is_missed(struct stanza const *st)
{
  if (!stanza_may_answer(st)) return false;
  if (!slice_is(st->kind, "presence")) return true;
  return !st->type.len || slice_is(st->type, "subscribe");
}

static void
answer(struct link *routed, struct stanza const *st, struct verdict const *v)
{
  stralloc sa = STRALLOC_ZERO;
  char text[sizeof v->why + 16];

  snprintf(text, sizeof text, "%s: %s", step_word(v->step), v->why);
  if (stanza_cat_error(&sa, st, v->error, slice_str(v->step ? text : v->why)))
    stanza_answer(routed, st, "error", slice_of(sa.s, sa.len));
  stralloc_free(&sa);
}

bool
return_stanza(struct slice raw, struct verdict const *v)
{
  static stralloc line = STRALLOC_ZERO;
  struct link *routed = edge_routed();
  struct record r;
  struct stanza st;
  bool missed = false;

  line.len = 0;
  if (routed && stralloc_cats(&line, "stanza\t") &&
      stralloc_catb(&line, raw.s, raw.len) && record_split(&r, line.s, line.len)) {
    stanza_read(&r, 0, &st);
    missed = is_missed(&st);
    if (missed) answer(routed, &st, v);
  }
  if (line.a > 65536) stralloc_free(&line);
  return missed;
}
