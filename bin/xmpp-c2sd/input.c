#include "input.h"
#include "requests.h"
#include "states.h"
#include "stream.h"

#include <string.h>

/* Input of clients: bytes go to the parser, elements to states.c. Bytes that come while a
 * stream waits for an answer are held, in their order, until the stream goes on. */

static void
xml_failed(struct stream *s, enum xml_error e)
{
  switch (e) {
  case XML_OK: return;
  case XML_NOT_WELL_FORMED: stream_error(s, "not-well-formed", NULL); return;
  case XML_RESTRICTED: stream_error(s, "restricted-xml", NULL); return;
  case XML_BAD_PREFIX: stream_error(s, "bad-namespace-prefix", NULL); return;
  case XML_BAD_ENCODING: stream_error(s, "unsupported-encoding", NULL); return;
  case XML_TOO_DEEP:
    stream_error(s, "policy-violation",
                 "XML stanza is nested too deep or has too many attributes");
    return;
  case XML_TOO_LARGE:
    stream_error(s, "policy-violation", "XML stanza is too big");
    return;
  case XML_TEXT_BETWEEN: stream_error(s, "bad-format", "text between stanzas"); return;
  case XML_NO_MEMORY: stream_error(s, "resource-constraint", NULL); return;
  }
}

static bool
waits(struct stream const *s)
{
  return s->state == ST_ASKED || s->state == ST_BINDING || s->state == ST_RESUMING ||
         s->is_behind;
}

static bool
goes_on(struct stream const *s)
{
  return !waits(s) && !s->restart && s->state != ST_TLS && !s->ending.why;
}

static bool
on_open(void *cookie, struct xml_node const *root)
{
  states_header(cookie, root);
  return goes_on(cookie);
}

static bool
on_element(void *cookie, struct xml_node const *e, struct slice bytes)
{
  states_element(cookie, e, bytes);
  return goes_on(cookie);
}

static bool
on_close(void *cookie)
{
  stream_end(cookie, "closed by the client");
  return false;
}

static struct xml_events const events = {on_open, on_element, on_close};

/* A client that has asked much is told to stop, but not at once: what is on its way by then
 * is held too. */
static void
hold(struct stream *s, char const *bytes, size_t len)
{
  size_t most = s->is_behind ? HELD_BEHIND_MAX : HELD_MAX;

  if (s->held_at > s->held.len / 2) {
    s->held.len -= s->held_at;
    memmove(s->held.s, s->held.s + s->held_at, s->held.len);
    s->held_at = 0;
  }
  if (s->held.len + len > most)
    stream_error(s, "policy-violation", "too much sent before an answer");
  else if (!stralloc_catb(&s->held, bytes, len))
    stream_error(s, "resource-constraint", NULL);
  else
    requests_held(s);
}

/* White space that a client sent behind its last element of the old stream is not part of
 * the new one, whose XML declaration must come first. */
static void
skip_blanks(struct stream const *s, char const **bytes, size_t *len)
{
  if (s->xml.opened || s->xml.parser) return;
  while (*len && strchr(" \t\r\n", **bytes) && **bytes) {
    (*bytes)++;
    (*len)--;
  }
}

/* Give how many of the bytes were read or thrown away: the rest waits. */
static size_t
feed(struct stream *s, char const *bytes, size_t len)
{
  char const *at = bytes;
  size_t rest = len;

  while (rest) {
    enum xml_error e;
    size_t used;
    if (s->ending.why || s->state == ST_TLS) return len; /* thrown away */
    if (waits(s)) break;
    if (s->restart) {
      xml_reset(&s->xml);
      s->restart = false;
    }
    skip_blanks(s, &at, &rest);
    e = xml_feed(&s->xml, &events, s, at, rest, &used);
    if (e) {
      xml_failed(s, e);
      return len;
    }
    at += used;
    rest -= used;
  }
  return len - rest;
}

/* Nothing reads s->held meanwhile, and s may lose it: the bytes are taken away from s, and
 * what has to wait on is given back. */
void
input_resume(struct stream *s)
{
  stralloc held = s->held;
  size_t at = s->held_at;

  s->held = stralloc_zero;
  s->held_at = 0;
  if (at < held.len) at += feed(s, held.s + at, held.len - at);
  if (at < held.len && s->link) {
    s->held = held;
    s->held_at = at;
  } else {
    stralloc_free(&held);
  }
}

void
input_take(struct stream *s, struct slice bytes)
{
  size_t n = feed(s, bytes.s, bytes.len);

  if (n < bytes.len) hold(s, bytes.s + n, bytes.len - n);
}
