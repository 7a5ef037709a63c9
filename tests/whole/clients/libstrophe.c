/* A client of libstrophe for clients/libstrophe.py: answers messages with "re: " before their text; "join
 * ROOM/NICK" has it enter a room.
 *
 * USAGE  libstrophe JID PASSWORD ADDRESS PORT */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strophe.h>

static void
presence(xmpp_conn_t *conn, xmpp_ctx_t *ctx, char const *to, char const *type)
{
  xmpp_stanza_t *p = xmpp_presence_new(ctx);

  if (to) xmpp_stanza_set_to(p, to);
  if (type) xmpp_stanza_set_type(p, type);
  xmpp_send(conn, p);
  xmpp_stanza_release(p);
}

static void
enter(xmpp_conn_t *conn, xmpp_ctx_t *ctx, char const *place)
{
  xmpp_stanza_t *p = xmpp_presence_new(ctx), *x = xmpp_stanza_new(ctx);

  xmpp_stanza_set_name(x, "x");
  xmpp_stanza_set_ns(x, "http://jabber.org/protocol/muc");
  xmpp_stanza_set_to(p, place);
  xmpp_stanza_add_child(p, x);
  xmpp_stanza_release(x);
  xmpp_send(conn, p);
  xmpp_stanza_release(p);
}

static void
answer(xmpp_conn_t *conn, xmpp_ctx_t *ctx, xmpp_stanza_t *stanza, char const *text,
       bool room)
{
  xmpp_stanza_t *reply = xmpp_stanza_reply(stanza);
  char *bare = xmpp_jid_bare(ctx, xmpp_stanza_get_from(stanza)), line[500];

  snprintf(line, sizeof line, "re: %s", text);
  if (room) xmpp_stanza_set_to(reply, bare);
  xmpp_stanza_set_type(reply, room ? "groupchat" : "chat");
  xmpp_message_set_body(reply, line);
  xmpp_send(conn, reply);
  xmpp_stanza_release(reply);
  xmpp_free(ctx, bare);
}

static int
on_presence(xmpp_conn_t *conn, xmpp_stanza_t *stanza, void *ctx)
{
  char const *type = xmpp_stanza_get_type(stanza);

  if (type && !strcmp(type, "subscribe"))
    presence(conn, ctx, xmpp_stanza_get_from(stanza), "subscribed");
  return 1;
}

static int
on_message(xmpp_conn_t *conn, xmpp_stanza_t *stanza, void *ctx)
{
  char *text = xmpp_message_get_body(stanza);
  char const *type = xmpp_stanza_get_type(stanza);
  bool room = type && !strcmp(type, "groupchat");

  if (!text) return 1;
  if (!strcmp(text, "quit"))
    xmpp_disconnect(conn);
  else if (!strncmp(text, "join ", 5))
    enter(conn, ctx, text + 5);
  else if (!room || strncmp(text, "re: ", 4))
    answer(conn, ctx, stanza, text, room);
  xmpp_free(ctx, text);
  return 1;
}

static void
on_event(xmpp_conn_t *conn, xmpp_conn_event_t event, int error,
         xmpp_stream_error_t *stream_error, void *ctx)
{
  (void)stream_error;
  if (event != XMPP_CONN_CONNECT) {
    fprintf(stderr, "disconnected: %d\n", error);
    xmpp_stop(ctx);
    return;
  }
  xmpp_handler_add(conn, on_presence, NULL, "presence", NULL, ctx);
  xmpp_handler_add(conn, on_message, NULL, "message", NULL, ctx);
  presence(conn, ctx, NULL, NULL);
  presence(conn, ctx, "b@localhost", "subscribe");
}

int
main(int argc, char **argv)
{
  xmpp_ctx_t *ctx;
  xmpp_conn_t *conn;

  if (argc != 5) return 100;
  xmpp_initialize();
  ctx = xmpp_ctx_new(NULL, xmpp_get_default_logger(XMPP_LEVEL_INFO));
  conn = xmpp_conn_new(ctx);
  xmpp_conn_set_flags(conn, XMPP_CONN_FLAG_MANDATORY_TLS | XMPP_CONN_FLAG_TRUST_TLS);
  xmpp_conn_set_jid(conn, argv[1]);
  xmpp_conn_set_pass(conn, argv[2]);
  if (xmpp_connect_client(conn, argv[3], (unsigned short)atoi(argv[4]), on_event, ctx)) return 111;
  xmpp_run(ctx);
  xmpp_conn_release(conn);
  xmpp_ctx_free(ctx);
  xmpp_shutdown();
  return 0;
}
