#include "websocket.h"

#include <wslay/wslay.h>

/* Frames of WebSocket: wslay reads them; between messages it is not there, so that an idle client
 * costs no buffers. */

/* ---- output ---- */

static size_t
put_head(unsigned char head[WS_HEAD_MAX], unsigned int opcode, size_t len)
{
  size_t n = 2, bytes = len < 126 ? 0 : len <= 0xffff ? 2 : 8, i;

  head[0] = (unsigned char)(0x80 | opcode);
  head[1] = (unsigned char)(bytes == 0 ? len : bytes == 2 ? 126 : 127);
  for (i = 0; i < bytes; i++)
    head[n++] = (unsigned char)((uint64_t)len >> 8 * (bytes - 1 - i));
  return n;
}

void
ws_frames_put(struct ws *w, unsigned int opcode, struct slice payload)
{
  unsigned char head[WS_HEAD_MAX];
  size_t n = put_head(head, opcode, payload.len);
  stralloc sa = STRALLOC_ZERO;

  if (stralloc_catb(&sa, (char const *)head, n) &&
      stralloc_catb(&sa, payload.s, payload.len))
    conn_write(w->conn, slice_of(sa.s, sa.len));
  else
    conn_end(w->conn, "out of memory");
  stralloc_free(&sa);
}

void
ws_frames_put_close(struct ws *w, unsigned int code)
{
  char bytes[2] = {(char)(code >> 8), (char)(code & 0xff)};

  ws_frames_put(w, WS_CLOSE, slice_of(bytes, 2));
}

/* ---- input ---- */

static ssize_t
on_recv(wslay_event_context_ptr ctx, uint8_t *buf, size_t len, int flags, void *cookie)
{
  struct ws *w = cookie;
  size_t n = w->input.len < len ? w->input.len : len;

  (void)flags;
  if (!n || w->too_long) {
    wslay_event_set_error(ctx, WSLAY_ERR_WOULDBLOCK);
    return -1;
  }
  memcpy(buf, w->input.s, n);
  w->input = slice_of(w->input.s + n, w->input.len - n);
  w->fed += n;
  return (ssize_t)n;
}

/* Answers of wslay's own, to a ping and a Close, leave as they are. */
static ssize_t
on_send(wslay_event_context_ptr ctx, uint8_t const *data, size_t len, int flags,
        void *cookie)
{
  struct ws *w = cookie;

  (void)ctx;
  (void)flags;
  if (!w->mute) conn_write(w->conn, slice_of((char const *)data, len));
  return (ssize_t)len;
}

static void
on_frame(wslay_event_context_ptr ctx, struct wslay_event_on_frame_recv_start_arg const *f,
         void *cookie)
{
  struct ws *w = cookie;

  (void)ctx;
  w->begun += f->payload_length + (f->payload_length < 126       ? 6
                                   : f->payload_length <= 0xffff ? 8
                                                                 : WS_HEAD_MAX);
  if (f->opcode >= WS_CLOSE) return;
  w->in_message = !f->fin;
  w->message += f->payload_length;
  if (w->message > w->limit) w->too_long = true;
}

static void
on_msg(wslay_event_context_ptr ctx, struct wslay_event_on_msg_recv_arg const *m,
       void *cookie)
{
  struct ws *w = cookie;

  (void)ctx;
  if (m->opcode == WS_TEXT || m->opcode == WS_BINARY) w->message = 0;
  if (m->opcode == WS_TEXT && !w->code)
    ws_on_message(w, slice_of((char const *)m->msg, m->msg_length));
  else if (m->opcode == WS_BINARY)
    w->code = WS_NOT_TEXT;
  else if (m->opcode == WS_CLOSE && m->msg_length == 1)
    w->code = WS_PROTOCOL;
  else if (m->opcode == WS_CLOSE)
    ws_on_close(w);
}

static bool
start(struct ws *w)
{
  static struct wslay_event_callbacks const calls = {.recv_callback = on_recv,
                                                     .send_callback = on_send,
                                                     .on_frame_recv_start_callback =
                                                       on_frame,
                                                     .on_msg_recv_callback = on_msg};

  if (w->frames) return true;
  w->fed = w->begun = w->message = 0;
  w->in_message = false;
  if (wslay_event_context_server_init(&w->frames, &calls, w)) {
    w->frames = NULL;
    return false;
  }
  wslay_event_config_set_max_recv_msg_length(w->frames, w->limit);
  return true;
}

void
ws_frames_free(struct ws *w)
{
  if (w->frames) wslay_event_context_free(w->frames);
  w->frames = NULL;
}

/* Give the code with which wslay itself has closed, and keep its Close back; 0: it has not. */
static unsigned int
fault(struct ws *w, int rc)
{
  unsigned int code;

  if (w->too_long) return WS_TOO_LONG;
  if (w->code || w->state == WS_OVER) return w->code;
  if (!rc && (wslay_event_get_read_enabled(w->frames) ||
              wslay_event_get_close_received(w->frames)))
    return 0;
  w->mute = true;
  wslay_event_send(w->frames);
  code = wslay_event_get_status_code_sent(w->frames);
  return code == WS_BAD_TEXT || code == WS_TOO_LONG ? code : WS_PROTOCOL;
}

bool
ws_frames_take(struct ws *w, struct slice bytes)
{
  bool closing = w->state == WS_CLOSING;
  int rc;

  if (!start(w)) {
    w->code = WS_FAILED;
    return false;
  }
  w->input = bytes;
  rc = wslay_event_recv(w->frames);
  w->code = fault(w, rc);
  if (w->code) return false;
  w->mute = closing || w->state == WS_CLOSING; /* behind our Close nothing follows */
  wslay_event_send(w->frames);
  if (w->fed == w->begun && !w->in_message && !wslay_event_want_write(w->frames))
    ws_frames_free(w);
  return true;
}
