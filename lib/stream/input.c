#include "stream/stream_internal.h"

#include <string.h>

/* Input: bytes go to the parser of their framing, elements to the owner. Bytes that come while a
 * stream waits for an answer are held, in their order, until the stream goes on. */

/* Input of a stream that is behind, above which its front is told to stop. */
#define STOP_AT 16384u

void
stream_xml_failed(struct conduit *c, enum xml_error e)
{
  switch (e) {
  case XML_OK: return;
  case XML_NOT_WELL_FORMED: conduit_error(c, "not-well-formed", NULL); return;
  case XML_RESTRICTED: conduit_error(c, "restricted-xml", NULL); return;
  case XML_BAD_PREFIX: conduit_error(c, "bad-namespace-prefix", NULL); return;
  case XML_BAD_ENCODING: conduit_error(c, "unsupported-encoding", NULL); return;
  case XML_TOO_DEEP:
    conduit_error(c, "policy-violation",
                  "XML stanza is nested too deep or has too many attributes");
    return;
  case XML_TOO_LARGE: conduit_too_big(c, "XML stanza is too big"); return;
  case XML_TEXT_BETWEEN: conduit_error(c, "bad-format", "text between stanzas"); return;
  case XML_NO_MEMORY: conduit_error(c, "resource-constraint", NULL); return;
  }
}

bool
stream_goes_on(struct conduit const *c)
{
  enum conduit_input input;

  if (c->is_behind || c->restart || c->ending.why) return false;
  input = stream_owner->input(c);
  return input == CONDUIT_READ || input == CONDUIT_ELEMENTS;
}

static bool
is_blank(char const *s, size_t len)
{
  size_t i;

  for (i = 0; i < len && s[i] && strchr(" \t\r\n", s[i]); i++) {
  }
  return i == len;
}

/* Give how many of the bytes were read or thrown away: the rest waits. */
static size_t
feed(struct conduit *c, char const *bytes, size_t len)
{
  struct framing_row const *row = framing_of(c);
  size_t at = 0;

  while (at < len) {
    enum conduit_input input;
    if (c->ending.why) return len;
    input = stream_owner->input(c);
    if (input == CONDUIT_REFUSE && !is_blank(bytes + at, len - at))
      conduit_error(c, "policy-violation", "bytes in front of TLS");
    if (input == CONDUIT_DROP || input == CONDUIT_REFUSE) return len;
    if (input == CONDUIT_HOLD || c->is_behind) break;
    if (c->restart) xml_reset(&c->xml);
    c->restart = false;
    at += row->feed(c, bytes + at, len - at);
  }
  return at;
}

static void
make_stop(struct conduit *c)
{
  if (!c->is_behind || c->is_stopped || c->waiting->held.len < STOP_AT) return;
  c->is_stopped = true;
  stream_tell(c, VERB_STOP);
}

/* A peer that has asked much is told to stop, but not at once: what is on its way by then is
 * held too. */
static void
hold(struct conduit *c, char const *bytes, size_t len)
{
  size_t most = c->is_behind ? HELD_BEHIND_MAX : HELD_MAX;
  struct conduit_waiting *w = stream_waiting(c);

  if (w && w->held_at > w->held.len / 2) {
    w->held.len -= w->held_at;
    memmove(w->held.s, w->held.s + w->held_at, w->held.len);
    w->held_at = 0;
  }
  if (w && w->held.len + len > most)
    conduit_error(c, "policy-violation", "too much sent before an answer");
  else if (!w || !framing_of(c)->hold(&w->held, slice_of(bytes, len)))
    conduit_error(c, "resource-constraint", NULL);
  else
    make_stop(c);
}

/* Some clients write a line feed behind an element, in the same bytes: it ends no stream, nor does white
 * space that was held. */
static bool
is_out_of_place(struct conduit const *c, struct slice bytes)
{
  return bytes.len && !c->restart && stream_owner->input(c) == CONDUIT_ELEMENTS &&
         is_blank(bytes.s, bytes.len) && xml_between(&c->xml);
}

void
stream_take(struct conduit *c, struct slice bytes)
{
  size_t n;

  if (!c->ending.why && is_out_of_place(c, bytes))
    conduit_error(c, "not-authorized", "white space where elements are due");
  n = feed(c, bytes.s, bytes.len);
  if (n < bytes.len) hold(c, bytes.s + n, bytes.len - n);
}

/* Give the bytes from at on back to c. A conduit that is gone has none; ENOMEM ends it. */
static void
hold_again(struct conduit *c, stralloc *held, size_t at)
{
  struct conduit_waiting *w = c->link ? stream_waiting(c) : NULL;

  if (w) {
    w->held = *held;
    w->held_at = at;
    return;
  }
  stralloc_free(held);
  if (c->link) conduit_error(c, "resource-constraint", NULL);
}

/* Nothing reads the held bytes meanwhile, and c may lose them: they are taken away from c, and
 * those that have to wait on are given back. */
void
conduit_resume(struct conduit *c)
{
  struct conduit_waiting *w = c->waiting;
  stralloc held;
  size_t at;

  if (!w || !w->held.s) return;
  held = w->held;
  at = w->held_at;
  w->held = stralloc_zero;
  w->held_at = 0;
  if (at < held.len) at += feed(c, held.s + at, held.len - at);
  if (at < held.len)
    hold_again(c, &held, at);
  else
    stralloc_free(&held);
  stream_waiting_trim(c);
}

void
conduit_fall_behind(struct conduit *c)
{
  c->is_behind = true;
}

/* A front that was told to stop stays so while the stream falls behind again. */
void
conduit_catch_up(struct conduit *c)
{
  c->is_behind = false;
  conduit_resume(c);
  if (!c->is_stopped || c->is_behind) return;
  c->is_stopped = false;
  stream_tell(c, VERB_GO);
}

void
conduit_restart(struct conduit *c)
{
  c->restart = true;
  c->header_sent = false;
}
