#include "load.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* WebSocket as the way to the server (RFC 7395), for all kinds of load: -o
 * websocket=PATH. A message of either side is one element. The parser of the stream is
 * given a root of its own, inside which these elements stand. */

#define NS_FRAMING "urn:ietf:params:xml:ns:xmpp-framing"
#define CLOSE "<close xmlns='" NS_FRAMING "'/>"
#define ROOT "<stream:stream xmlns='jabber:client' xmlns:stream='" XML_NS_STREAMS "'>"

struct websocket {
  stralloc in; /* bytes of the server that are no whole frame, or head */
  bool up;     /* the upgrade is answered */
};

bool
websocket_begin(struct client *c)
{
  char text[512];

  c->websocket = calloc(1, sizeof *c->websocket);
  if (!c->websocket) return false;
  snprintf(text, sizeof text,
           "GET %s HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
           "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: xmpp\r\n"
           "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
           setting("websocket", "/ws"), load_place(c->n).domain);
  return stralloc_cats(&c->out, text);
}

void
websocket_free(struct client *c)
{
  if (!c->websocket) return;
  stralloc_free(&c->websocket->in);
  free(c->websocket);
  c->websocket = NULL;
}

/* A key of zeros masks nothing. */
static bool
put_frame(struct client *c, unsigned char opcode, char const *s, size_t len)
{
  unsigned char head[14] = {0};
  size_t n = 2;

  head[0] = (unsigned char)(0x80 | opcode);
  head[1] = (unsigned char)(0x80 | (len < 126 ? len : 126));
  if (len >= 126) {
    head[2] = (unsigned char)(len >> 8);
    head[3] = (unsigned char)len;
    n = 4;
  }
  memset(head + n, 0, 4);
  return len < 65536 && stralloc_catb(&c->out, (char *)head, n + 4) &&
         stralloc_catb(&c->out, s, len);
}

/* An element that is in no namespace of its own is one of jabber:client. */
static bool
put_stanza(struct client *c, char const *s, size_t len)
{
  stralloc sa = STRALLOC_ZERO;
  size_t name = 1;
  bool ok;

  while (name < len && !strchr(" />", s[name]))
    name++;
  ok = stralloc_catb(&sa, s, name) && stralloc_cats(&sa, " xmlns='jabber:client'") &&
       stralloc_catb(&sa, s + name, len - name) && put_frame(c, 1, sa.s, sa.len);
  stralloc_free(&sa);
  return ok;
}

bool
websocket_put(struct client *c, char const *s, size_t len)
{
  struct slice text = slice_of(s, len);

  if (slice_starts(text, "</stream:stream>"))
    return put_frame(c, 1, CLOSE, sizeof CLOSE - 1);
  if (slice_starts(text, "<iq ") || slice_starts(text, "<message") ||
      slice_starts(text, "<presence"))
    return put_stanza(c, s, len);
  return put_frame(c, 1, s, len);
}

bool
websocket_header(struct client *c)
{
  char text[512];
  int n =
    snprintf(text, sizeof text, "<open xmlns='" NS_FRAMING "' to='%s' version='1.0'/>",
             load_place(c->n).domain);

  return put_frame(c, 1, text, (size_t)n);
}

/* ---- from the server ---- */

static bool
take_message(struct client *c, struct slice text)
{
  if (slice_starts(text, "<open")) return true;
  if (slice_starts(text, "<close")) return false;
  if (c->restart || !c->xml.opened) client_feed(c, ROOT, sizeof ROOT - 1);
  client_feed(c, text.s, text.len);
  return true;
}

/* Give the length of the frame at s, and where its payload begins; 0: it is not whole. */
static size_t
frame_len(unsigned char const *s, size_t len, size_t *from)
{
  size_t n = len > 1 ? s[1] & 127 : 0, bytes = n == 126 ? 2 : n == 127 ? 8 : 0, i;

  *from = 2 + bytes;
  if (len < *from) return 0;
  if (bytes) n = 0;
  for (i = 0; i < bytes; i++)
    n = n << 8 | s[2 + i];
  return len - *from < n ? 0 : *from + n;
}

static bool
take_frames(struct client *c)
{
  struct websocket *w = c->websocket;
  size_t at = 0, n, from;
  bool ok = true;

  while (ok && c->state != C_OVER &&
         (n = frame_len((unsigned char *)w->in.s + at, w->in.len - at, &from))) {
    unsigned int opcode = (unsigned char)w->in.s[at] & 15;
    struct slice payload = slice_of(w->in.s + at + from, n - from);
    if (opcode == 9)
      ok = put_frame(c, 10, payload.s, payload.len);
    else
      ok = opcode == 1 && take_message(c, payload);
    at += n;
  }
  if (at) memmove(w->in.s, w->in.s + at, w->in.len - at);
  w->in.len -= at;
  if (!w->in.len) stralloc_free(&w->in);
  return ok;
}

bool
websocket_take(struct client *c, char const *s, size_t len)
{
  struct websocket *w = c->websocket;
  char const *end;

  if (!stralloc_catb(&w->in, s, len)) return false;
  if (!w->up) {
    end = memmem(w->in.s, w->in.len, "\r\n\r\n", 4);
    if (!end) return w->in.len < 16384;
    if (!slice_starts(slice_of(w->in.s, w->in.len), "HTTP/1.1 101 ")) return false;
    w->up = true;
    w->in.len -= (size_t)(end + 4 - w->in.s);
    memmove(w->in.s, end + 4, w->in.len);
    if (!websocket_header(c)) return false;
  }
  return take_frames(c);
}
