/* Private to the files of WebSocket (RFC 6455, RFC 7395). */
#ifndef WEBSOCKET_H
#define WEBSOCKET_H

#include "streams.h"

enum { WS_TEXT = 1, WS_BINARY = 2, WS_CLOSE = 8, WS_PING = 9, WS_PONG = 10 };

/* Codes of the frame Close (RFC 6455 s7.4.1). */
enum {
  WS_NORMAL = 1000,
  WS_AWAY = 1001,
  WS_PROTOCOL = 1002,
  WS_NOT_TEXT = 1003,
  WS_BAD_TEXT = 1007,
  WS_POLICY = 1008,
  WS_TOO_LONG = 1009,
  WS_FAILED = 1011
};

enum ws_state {
  WS_OPEN,    /* both streams go on */
  WS_ENDED,   /* xmpp-c2sd has ended the stream; the client's <close/> is awaited */
  WS_CLOSING, /* our frame Close is out; the client's is awaited */
  WS_OVER     /* both are; the connection ends */
};

struct wslay_event_context;

struct ws {
  struct conn *conn;
  struct stream *stream;              /* NULL: it has ended */
  struct wslay_event_context *frames; /* NULL: no frame is begun */
  struct slice input;                 /* bytes that frames has not read yet */
  uint64_t fed;                       /* bytes that frames was given */
  uint64_t begun;                     /* bytes of the frames that frames has begun */
  uint64_t message;                   /* bytes of the message so far */
  uint64_t seen_us;                   /* when the client said something */
  uint64_t limit;                     /* of a message */
  unsigned int code;                  /* of a fault of the client's frames; 0: none */
  unsigned int code_after;            /* WS_ENDED: of our frame Close */
  enum ws_state state;
  bool in_message,          /* the last fragment of the message has not come */
    said,                   /* xmpp-c2sd has said something */
    they_closed,            /* the client has said <close/> */
    too_long, pinged, mute, /* answers of wslay's are dropped */
    busy,                   /* frames are being read */
    gone;                   /* the connection has ended */
};

/* ---- ws_frames.c ---- */

/* Take bytes of the client: ws_on_message for each message, ws_on_close for its Close. false: the
 * frames are broken, and w->code says how. */
bool ws_frames_take(struct ws *w, struct slice bytes);
void ws_frames_free(struct ws *w);

/* Write a frame with this opcode, or a frame Close with this code. */
void ws_frames_put(struct ws *w, unsigned int opcode, struct slice payload);
void ws_frames_put_close(struct ws *w, unsigned int code);

/* ---- websocket.c ---- */

void ws_on_message(struct ws *w, struct slice text);
void ws_on_close(struct ws *w);

#endif
