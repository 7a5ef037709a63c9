#include "webd.h"

#include <stdlib.h>
#include <string.h>

/* Requests: from the head to the handler that answers. */

static uint64_t open_n, total;

uint64_t
requests_count(void)
{
  return open_n;
}

uint64_t
requests_total(void)
{
  return total;
}

static struct request *
request_new(struct conn *c)
{
  struct request *q = calloc(1, sizeof *q);

  if (!q) return NULL;
  q->conn = c;
  q->began_us = door_now();
  q->method = HTTP_GET;
  c->request = q;
  open_n++;
  total++;
  return q;
}

/* The path is not logged: the address of an upload is a secret. */
static void
log_request(struct request const *q)
{
  log_event(LOG_INFO, "request", "conn", conn_name(q->conn), "ip",
            log_peer(slice_str(q->ip ? q->ip : q->conn->ip)), "host", q->host, "handler",
            q->handler, "base", q->base, "status", log_num(q->status), "bytes",
            log_num(q->sent), "us", log_num(door_now() - q->began_us), NULL);
}

void
request_free(struct request *q)
{
  if (!q) return;
  log_request(q);
  metrics_count(q);
  if (q->conn->request == q) q->conn->request = NULL;
  open_n--;
  free(q->handler);
  free(q->host);
  free(q->base);
  free(q->path);
  free(q->query);
  free(q->ip);
  free(q);
}

void
request_gone(struct request *q, char const *why)
{
  struct kind const *kind = q->kind;

  q->kind = NULL;
  if (kind && kind->gone) kind->gone(q, why);
}

void
request_accept(struct request *q)
{
  struct conn *c = q->conn;

  if (q->accepted || q->status || c->ends) return;
  q->accepted = true;
  q->body_until_us = door_now() + WEB_BODY_US + shaper_body_us(c, q->length);
  if (q->expects && c->body_left && c->in.len == c->in_at)
    conn_write(c, SLICE("HTTP/1.1 100 Continue\r\n\r\n"));
  conn_step(c);
}

/* A client is not late while its body is not taken. */
void
request_hold(struct request *q, bool hold)
{
  bool was = q->held;

  q->held = hold;
  if (hold && !was) {
    q->held_us = door_now();
    if (q->conn->state == CONN_BODY) event_timer_cancel(&q->conn->timer);
  } else if (!hold && was) {
    q->body_until_us += door_now() - q->held_us;
    conn_step(q->conn);
  }
}

/* ---- refusals of our own ---- */

static char const *
words_of(unsigned int status)
{
  switch (status) {
  case 400: return "The request is not well-formed.";
  case 408: return "The request came too slowly.";
  case 411: return "The request needs a Content-Length.";
  case 414: return "The address is too long.";
  case 417: return "The server does not know what is expected.";
  case 431: return "The head of the request is too long.";
  case 501: return "The server does not know this method.";
  case 505: return "The server speaks HTTP/1.1.";
  default: return "The request was refused.";
  }
}

void
request_refuse(struct conn *c, unsigned int status, char const *why)
{
  struct request *q = c->request ? c->request : request_new(c);

  if (!q) {
    conn_end(c, "out of memory");
    return;
  }
  if (q->status) {
    conn_end(c, why);
    return;
  }
  log_event(LOG_INFO, "request-refused", "conn", conn_name(c), "ip",
            log_peer(slice_str(c->ip)), "status", log_num(status), "why", why, NULL);
  request_gone(q, why);
  if (!q->host) q->host = slice_dup(settings_host(slice_str(c->listener), SLICE("")));
  q->keep = false;
  answer_text(q, status, words_of(status), NULL);
}

/* ---- to the handler ---- */

static bool
set_parts(struct request *q, struct http_request const *h, struct slice host,
          struct slice handler, struct slice base, struct slice rest)
{
  q->host = slice_dup(host);
  q->handler = slice_dup(handler);
  q->base = slice_dup(base);
  q->path = slice_dup(rest);
  q->query = slice_dup(h->query);
  return q->ip && q->host && q->handler && q->base && q->path && q->query;
}

static void
take_head(struct request *q, struct http_request const *h)
{
  q->method = h->method;
  q->length = h->length;
  q->has_length = h->has_length;
  q->is_1_0 = h->is_1_0;
  q->keep = h->keep;
  q->expects = h->expects;
  q->conn->body_left = h->length;
  q->conn->state = CONN_BODY;
}

/* A request of BOSH may be that of a session which is open: the sessions are asked (bosh_create). */
static bool
is_shut_out(struct request const *q, struct slice handler)
{
  if (handler.s && q->method == HTTP_POST && kind_find(handler) == &bosh_kind)
    return false;
  return bans_have(slice_str(q->ip));
}

static void
find_handler(struct request *q, struct http_request const *h)
{
  struct slice host, listener = slice_str(q->conn->listener), base = {NULL, 0},
                     rest = {NULL, 0}, word;

  if (!client_learn(q, h, &host)) {
    request_refuse(q->conn, 400, "a proxy says a bad host");
    return;
  }
  word = settings_handler(listener, h->path, &base, &rest);
  if (!set_parts(q, h, settings_host(listener, host), word, base, rest)) {
    conn_end(q->conn, "out of memory");
    return;
  }
  if (is_shut_out(q, word)) {
    answer_shut_out(q);
    return;
  }
  if (slice_is(h->path, "*") || h->method == HTTP_TRACE || h->method == HTTP_CONNECT) {
    answer_methods(q, "GET, HEAD, POST, PUT, DELETE, OPTIONS");
    return;
  }
  if (!word.s) {
    answer_text(q, 404, "There is nothing here.", NULL);
    return;
  }
  if (open_n > WEB_REQUESTS_ALL_MAX) {
    answer_text(q, 503, "The server has too much to do.", "Retry-After: 5\n");
    return;
  }
  q->kind = kind_find(word);
  q->kind->begin(q, h);
}

void
request_begin(struct conn *c, char *s, size_t len)
{
  static struct http_request h;
  unsigned int status = http_request_read(&h, s, len);
  struct request *q = request_new(c);

  if (!q) {
    conn_end(c, "out of memory");
    return;
  }
  if (status) {
    q->is_1_0 = h.is_1_0;
    if (h.method < HTTP_METHODS_N) q->method = h.method;
    request_refuse(c, status, http_reason(status));
    return;
  }
  take_head(q, &h);
  find_handler(q, &h);
}
