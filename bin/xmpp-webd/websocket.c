#include "websocket.h"

#include <openssl/evp.h>

#include <stdlib.h>
#include <string.h>

/* XMPP over WebSocket (RFC 7395): a message is an element, both ways. xmpp-c2sd has the stream; here are the
 * upgrade, the frames, and the order in which the streams end. */

#define GUID "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
#define KEY_LEN 24
#define NS_FRAMING "urn:ietf:params:xml:ns:xmpp-framing"
#define CLOSE_ELEMENT "<close xmlns='" NS_FRAMING "'/>"
#define TOO_LONG                                                                         \
  "<stream:error xmlns:stream='http://etherx.jabber.org/streams'><policy-violation "     \
  "xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>"

static uint64_t open_n;

uint64_t
websockets_count(void)
{
  return open_n;
}

/* ---- time ---- */

/* The next time to look at a client that says nothing; bytes that come do not move the timer. */
static void
watch(struct ws *w)
{
  uint64_t from = w->seen_us + shaper_pause_us(w->conn),
           ping = from + (w->pinged ? 2 : 1) * web->ping_us, end = from + web->timeout_us;

  if (web->ping_us == UINT64_MAX || ping < w->seen_us) ping = UINT64_MAX;
  if (web->timeout_us == UINT64_MAX || end < w->seen_us) end = UINT64_MAX;
  if (ping > end) ping = end;
  if (ping != UINT64_MAX && w->state == WS_OPEN) conn_deadline(w->conn, ping);
}

/* The client has said something, or could not be heard. */
static void
heard(struct ws *w)
{
  w->seen_us = door_now();
  w->pinged = false;
}

/* ---- the end ---- */

static void
ws_free(struct ws *w)
{
  ws_frames_free(w);
  free(w);
}

/* Our Close; the client's is awaited for a moment. */
static void
say_close(struct ws *w, unsigned int code)
{
  if (w->state >= WS_CLOSING) return;
  w->state = WS_CLOSING;
  ws_frames_put_close(w, code);
  conn_deadline(w->conn, door_now() + WS_CLOSE_US);
}

static void
leave_stream(struct ws *w, char const *why)
{
  struct stream *s = w->stream;

  w->stream = NULL;
  stream_close(s, why);
}

/* The frames are broken, or carry what is no text: nothing more is read. */
static void
fail(struct ws *w)
{
  bool says = w->code == WS_TOO_LONG && w->stream && w->said;

  if (says) {
    ws_frames_put(w, WS_TEXT, SLICE(TOO_LONG));
    ws_frames_put(w, WS_TEXT, SLICE(CLOSE_ELEMENT));
  }
  leave_stream(w, w->code == WS_TOO_LONG ? "policy-violation" : "bad frames");
  if (w->state < WS_CLOSING) ws_frames_put_close(w, w->code);
  w->state = WS_OVER;
  conn_end(w->conn, "bad frames");
}

/* ---- the stream ---- */

static void
on_element(void *own, struct slice element)
{
  struct ws *w = own;

  w->said = true;
  if (slice_starts(element, "<success"))
    w->limit = settings_stanza_max(slice_str(w->conn->listener));
  if (w->state == WS_OPEN) ws_frames_put(w, WS_TEXT, element);
}

/* The client is not read meanwhile: its silence counts from the end of the hold on. */
static void
on_hold(void *own, bool hold)
{
  struct ws *w = own;

  conn_hold(w->conn, hold);
  heard(w);
}

static unsigned int
code_of(struct slice why)
{
  if (slice_is(why, "policy-violation")) return WS_POLICY;
  return slice_is(why, "system-shutdown") ? WS_AWAY : WS_NORMAL;
}

/* RFC 7395 s3.6: the side that has ended its stream waits for the other's <close/>, before the
 * connection ends. */
static void
on_closed(void *own, struct slice why, bool lost)
{
  struct ws *w = own;

  w->stream = NULL;
  conn_hold(w->conn, false);
  if (w->state != WS_OPEN) return;
  if (lost) {
    ws_frames_put(w, WS_TEXT, SLICE(CLOSE_ELEMENT));
    say_close(w, WS_FAILED);
    return;
  }
  w->code_after = code_of(why);
  if (w->they_closed) {
    say_close(w, w->code_after);
    return;
  }
  w->state = WS_ENDED;
  conn_deadline(w->conn, door_now() + WS_CLOSE_US);
}

static void
on_shape(void *own, uint64_t rate, uint64_t burst)
{
  shaper_set(((struct ws *)own)->conn, rate, burst);
}

static struct stream_use const use = {on_element, on_hold, on_closed, on_shape};

/* Say whether an element is <close/>, with whatever prefix and attributes. */
static bool
is_close(struct slice text)
{
  char const *colon = memchr(text.s, ':', text.len < 32 ? text.len : 32);
  struct slice name = text.len ? slice_of(text.s + 1, text.len - 1) : text;

  if (!text.len || text.s[0] != '<') return false;
  if (slice_starts(name, "close")) return true;
  return colon &&
         slice_starts(slice_of(colon + 1, text.len - (size_t)(colon + 1 - text.s)),
                      "close ");
}

void
ws_on_message(struct ws *w, struct slice text)
{
  if (is_close(text)) w->they_closed = true;
  if (w->state == WS_OPEN && w->stream)
    stream_put(w->stream, text);
  else if (w->state == WS_ENDED && w->they_closed)
    say_close(w, w->code_after);
}

/* The client's Close without <close/> leaves its session to be resumed. wslay answers it. */
void
ws_on_close(struct ws *w)
{
  leave_stream(w, "closed by the client");
  w->state = WS_OVER;
}

/* ---- the connection ---- */

static void
on_bytes(struct conn *c, struct slice bytes)
{
  struct ws *w = c->upgraded;
  bool ok;

  if (w->state == WS_OVER) return;
  heard(w);
  w->busy = true;
  ok = ws_frames_take(w, bytes);
  w->busy = false;
  if (w->gone) {
    ws_free(w);
    return;
  }
  if (!ok)
    fail(w);
  else if (w->state == WS_OVER)
    conn_end(c, "closed by the client");
}

static void
on_go(struct conn *c, bool go)
{
  struct ws *w = c->upgraded;

  if (w->stream) stream_stop(w->stream, !go);
}

static void
on_late(struct conn *c)
{
  struct ws *w = c->upgraded;
  uint64_t from = w->seen_us + shaper_pause_us(c),
           silent = door_now() > from ? door_now() - from : 0;

  if (w->state == WS_ENDED) {
    say_close(w, w->code_after);
    return;
  }
  if (w->state != WS_OPEN) {
    conn_end(c, "closed");
    return;
  }
  if (c->told_stop) {
    heard(w);
    watch(w);
    return;
  }
  if (silent >= web->timeout_us || (w->pinged && silent / 2 >= web->ping_us)) {
    conn_end(c, "the client is silent");
    return;
  }
  if (!w->pinged && silent >= web->ping_us) {
    ws_frames_put(w, WS_PING, SLICE(""));
    w->pinged = true;
  }
  watch(w);
}

static void
on_gone(struct conn *c, char const *why)
{
  struct ws *w = c->upgraded;

  leave_stream(w, why);
  open_n--;
  w->gone = true;
  if (!w->busy) ws_free(w);
}

/* The session is left to be resumed. */
static void
on_stop(struct conn *c)
{
  struct ws *w = c->upgraded;

  leave_stream(w, "webd stops");
  say_close(w, WS_AWAY);
}

static struct upgrade const upgrade = {on_bytes, on_go, on_late, on_gone, on_stop};

/* ---- the handshake (RFC 6455 s4.2) ---- */

/* A key is 16 bytes in base64. */
static bool
key_holds(struct slice key)
{
  static char const digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  size_t i;

  for (i = 0; i + 2 < key.len; i++)
    if (!memchr(digits, key.s[i], 64)) return false;
  return key.len == KEY_LEN && key.s[KEY_LEN - 1] == '=' && key.s[KEY_LEN - 2] == '=' &&
         key.s[KEY_LEN - 3] && strchr("AQgw", key.s[KEY_LEN - 3]);
}

static bool
cat_accept(stralloc *out, struct slice key)
{
  unsigned char sum[EVP_MAX_MD_SIZE], text[32];
  char both[KEY_LEN + sizeof GUID];
  unsigned int len;

  memcpy(both, key.s, KEY_LEN);
  memcpy(both + KEY_LEN, GUID, sizeof GUID);
  if (!EVP_Digest(both, sizeof both - 1, sum, &len, EVP_sha1(), NULL)) return false;
  EVP_EncodeBlock(text, sum, (int)len);
  return stralloc_cats(out, (char const *)text);
}

/* Refuse what is no upgrade that is served here. false: refused. */
static bool
may_upgrade(struct request *q, struct http_request const *h)
{
  struct slice origin = http_field(h, "origin"),
               protocol = http_field(h, "sec-websocket-protocol");

  if (h->method != HTTP_GET)
    answer_methods(q, "GET");
  else if (h->is_1_0 || !http_has_word(h, "upgrade", "websocket") ||
           !http_has_word(h, "connection", "upgrade"))
    answer_text(q, 426, "Here are WebSockets for XMPP (RFC 7395).", NULL);
  else if (!slice_is(http_field(h, "sec-websocket-version"), "13"))
    answer_text(q, 426, "The version of WebSocket is 13.", "Sec-WebSocket-Version: 13\n");
  else if (!key_holds(http_field(h, "sec-websocket-key")) || h->length)
    answer_text(q, 400, "The upgrade is not well-formed.", NULL);
  else if (protocol.s && !http_has_word(h, "sec-websocket-protocol", "xmpp"))
    answer_text(q, 400, "The protocol of this WebSocket is xmpp.", NULL);
  else if (origin.s && web->has_origins && !settings_has_origin(origin))
    answer_text(q, 403, "Pages of this origin may not connect.", NULL);
  else
    return true;
  return false;
}

static bool
cat_switch(stralloc *out, struct http_request const *h)
{
  return http_cat_status(out, 101) &&
         stralloc_cats(out, "Upgrade: websocket\r\nConnection: Upgrade\r\n"
                            "Sec-WebSocket-Accept: ") &&
         cat_accept(out, http_field(h, "sec-websocket-key")) &&
         stralloc_cats(out, http_field(h, "sec-websocket-protocol").s
                              ? "\r\nSec-WebSocket-Protocol: xmpp\r\n\r\n"
                              : "\r\n\r\n");
}

static void
begin(struct request *q, struct http_request const *h)
{
  struct conn *c = q->conn;
  stralloc head = STRALLOC_ZERO;
  struct ws *w;

  if (!may_upgrade(q, h)) return;
  w = calloc(1, sizeof *w);
  if (w) w->stream = stream_open(&use, w, c, q->ip, q->https, true);
  if (!w || !w->stream || !cat_switch(&head, h)) {
    if (w) stream_close(w->stream, "out of memory");
    free(w);
    stralloc_free(&head);
    answer_text(q, 503, "The server is not ready.", "Retry-After: 5\n");
    return;
  }
  open_n++;
  w->conn = c;
  w->limit = STANZA_MAX_BEFORE_AUTH;
  w->seen_us = door_now();
  q->status = 101;
  conn_write(c, slice_of(head.s, head.len));
  stralloc_free(&head);
  log_event(LOG_INFO, "websocket", "conn", conn_name(c), "ip", log_peer(slice_str(q->ip)),
            "stream", stream_name(w->stream), NULL);
  conn_upgrade(c, &upgrade, w);
  if (!c->ends) watch(w);
}

struct kind const websocket_kind = {.word = "ejabberd_http_ws", .begin = begin};
