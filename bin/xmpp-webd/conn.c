#include "webd.h"

#include <skalibs/djbunix.h>

#include <stdlib.h>
#include <string.h>

/* Connections of clients: conduits of a front, whose bytes are heads and bodies of requests, one
 * request at a time. The cookie of a front's link is the map of its conduits. */

static struct conn *conns;
static uint64_t open_n;
static bool any_ended;

uint64_t
conns_count(void)
{
  return open_n;
}

char const *
conn_name(struct conn const *c)
{
  return log_conn(c->link ? c->link->name : NULL, c->id);
}

struct conn *
conn_find(struct link const *l, struct record *r)
{
  struct conn *c = id_map_get(l->cookie, record_u64(r, 1));

  return c && !c->ends ? c : NULL;
}

/* ---- records for the front ---- */

static void
tell(struct conn *c, enum verb v)
{
  if (!c->link) return;
  link_begin(c->link, v);
  link_num(c->link, c->id);
  link_end(c->link);
}

static void
put_data(struct conn *c, struct slice bytes)
{
  while (bytes.len && c->link) {
    size_t n = bytes.len < WEB_BODY_PIECE ? bytes.len : WEB_BODY_PIECE;
    link_begin(c->link, VERB_DATA);
    link_num(c->link, c->id);
    link_text(c->link, slice_of(bytes.s, n));
    link_end(c->link);
    bytes = slice_of(bytes.s + n, bytes.len - n);
  }
}

void
conn_write(struct conn *c, struct slice bytes)
{
  if (c->ends) return;
  if (!c->blocked) {
    put_data(c, bytes);
    return;
  }
  if (c->out.len + bytes.len > web->out_max)
    conn_end(c, "too much output waits for the client");
  else if (!stralloc_catb(&c->out, bytes.s, bytes.len))
    conn_end(c, "out of memory");
}

void
conn_flush(struct conn *c)
{
  put_data(c, slice_of(c->out.s, c->out.len));
  stralloc_free(&c->out);
}

void
conn_hold(struct conn *c, bool hold)
{
  if (c->told_stop == hold || c->ends) return;
  c->told_stop = hold;
  tell(c, hold ? VERB_STOP : VERB_GO);
}

/* ---- the end ---- */

/* The connection is freed in conns_turn. */
void
conn_end(struct conn *c, char const *why)
{
  struct upgrade const *u = c->upgrade;

  if (c->ends) return;
  if (c->blocked && !c->gone) put_data(c, slice_of(c->out.s, c->out.len));
  c->ends = any_ended = true;
  event_timer_cancel(&c->timer);
  c->upgrade = NULL;
  if (u) u->gone(c, why);
  if (c->request) request_gone(c->request, why);
  if (!c->link) return;
  link_begin(c->link, VERB_CLOSE);
  link_num(c->link, c->id);
  link_str(c->link, why);
  link_end(c->link);
}

static void
drop_pipe(struct conn *c)
{
  if (c->pipe >= 0) fd_close(c->pipe);
  c->pipe = -1;
}

static void
conn_free(struct conn *c)
{
  request_free(c->request);
  if (c->link && id_map_get(c->link->cookie, c->id) == c)
    id_map_del(c->link->cookie, c->id);
  *c->prev = c->next;
  if (c->next) c->next->prev = c->prev;
  event_timer_cancel(&c->timer);
  drop_pipe(c);
  stralloc_free(&c->in);
  stralloc_free(&c->out);
  free(c->listener);
  free(c->ip);
  free(c->tls_version);
  free(c->tls_cipher);
  free(c->bindings);
  free(c);
  open_n--;
}

void
conns_turn(void)
{
  struct conn *c, *next;

  if (!any_ended) return;
  any_ended = false;
  for (c = conns; c; c = next) {
    next = c->next;
    if (c->ends) conn_free(c);
  }
}

/* ---- time ---- */

static void
on_time(void *cookie)
{
  struct conn *c = cookie;

  if (c->upgrade) {
    c->upgrade->late(c);
    return;
  }
  switch (c->state) {
  case CONN_HEAD:
    /* tlsd ends a client that takes nothing of an answer. */
    if (c->blocked)
      conn_deadline(c, door_now() + WEB_IDLE_US);
    else if (c->in.len > c->in_at || !c->had_request)
      request_refuse(c, 408, "the head of the request is late");
    else
      conn_end(c, "nothing was asked for long");
    return;
  case CONN_BODY: request_refuse(c, 408, "the body of the request is late"); return;
  case CONN_DRAIN: conn_end(c, "answered"); return;
  case CONN_ANSWER:
  case CONN_UPGRADED: return;
  }
}

void
conn_deadline(struct conn *c, uint64_t at_us)
{
  if (!c->ends) event_timer_start(&c->timer, at_us, on_time, c);
}

/* ---- what has come ---- */

static struct slice
unread(struct conn const *c)
{
  return slice_of(c->in.s + c->in_at, c->in.len - c->in_at);
}

static void
drop(struct conn *c, size_t n)
{
  c->in_at += n;
  if (c->in_at < c->in.len) return;
  c->in.len = c->in_at = 0;
  if (c->in.a > WEB_AHEAD_MAX) stralloc_free(&c->in);
}

/* A client that speaks TLS to a listener without TLS sends a record of a handshake. */
static bool
is_tls(struct conn const *c)
{
  struct slice in = unread(c);

  return !c->secure && in.len && in.s[0] == 0x16 && !c->scan.seen;
}

/* false: more must come, or the connection has ended. */
static bool
step_head(struct conn *c)
{
  struct slice in = unread(c);
  long n;

  if (!in.len) return false;
  if (is_tls(c)) {
    log_event(LOG_INFO, "request-refused", "conn", conn_name(c), "ip",
              log_peer(slice_str(c->ip)), "why", "TLS at a listener without TLS", NULL);
    conn_end(c, "TLS at a listener without TLS");
    return false;
  }
  if (c->had_request && !c->scan.seen)
    conn_deadline(c, door_now() + WEB_HEAD_US + shaper_pause_us(c));
  n = http_scan(&c->scan, in.s, in.len);
  if (!n) return false;
  c->had_request = true;
  c->scan = (struct http_scan){0, 0, 0, 0};
  event_timer_cancel(&c->timer);
  if (n < 0) {
    c->state = CONN_ANSWER;
    c->body_left = 0;
    request_refuse(c, (unsigned int)-n, http_reason((unsigned int)-n));
    return false;
  }
  c->state = CONN_ANSWER;
  c->body_left = 0;
  drop(c, 0);
  {
    size_t at = c->in_at;
    c->in_at += (size_t)n;
    request_begin(c, c->in.s + at, (size_t)n);
    drop(c, 0);
  }
  return !c->ends;
}

/* Give the handler the pipe with all that is left of the body. */
static bool
step_pipe(struct conn *c)
{
  struct request *q = c->request;
  int fd = c->pipe;

  c->pipe = -1;
  c->body_left = 0;
  c->state = CONN_ANSWER;
  q->diverted = true;
  event_timer_cancel(&c->timer);
  q->kind->divert(q, fd, c->pipe_len);
  return !c->ends;
}

/* Bytes that come one by one do not keep a request open for ever. */
static uint64_t
body_deadline(struct conn const *c)
{
  uint64_t next = door_now() + WEB_BODY_US + shaper_pause_us(c),
           last = c->request->body_until_us;

  return next < last ? next : last;
}

/* Give the handler what has come of the body. */
static bool
step_body(struct conn *c)
{
  struct request *q = c->request;
  struct slice in = unread(c);
  uint64_t before = c->body_left - (c->pipe >= 0 ? c->pipe_len : 0);
  size_t n = in.len < before ? in.len : (size_t)before;

  if (!q || !q->accepted || q->held || q->status) return false;
  if (c->pipe >= 0 && !n) return step_pipe(c);
  if (c->body_left && !n) {
    conn_deadline(c, body_deadline(c));
    return false;
  }
  if (n > WEB_BODY_PIECE) n = WEB_BODY_PIECE;
  if (c->body_left) {
    c->body_left -= n;
    q->kind->body(q, slice_of(in.s, n));
    drop(c, n);
    if (c->ends || c->body_left || c->request != q || q->status) return !c->ends;
  }
  event_timer_cancel(&c->timer);
  c->state = CONN_ANSWER;
  q->kind->ended(q);
  return !c->ends;
}

/* Throw away what comes of a body that was answered early. */
static bool
step_drain(struct conn *c)
{
  size_t len = unread(c).len, n = len < c->body_left ? len : (size_t)c->body_left;

  c->body_left -= n;
  c->in_at = c->in.len;
  drop(c, 0);
  if (!c->body_left) conn_end(c, "answered");
  return false;
}

static bool
step(struct conn *c)
{
  switch (c->state) {
  case CONN_HEAD: return step_head(c);
  case CONN_BODY: return step_body(c);
  case CONN_DRAIN: return step_drain(c);
  case CONN_ANSWER:
    if (unread(c).len && c->request && c->request->kind && c->request->kind->behind)
      c->request->kind->behind(c->request);
    return c->state != CONN_ANSWER && !c->ends;
  case CONN_UPGRADED: return false;
  }
  return false;
}

/* Bound the bytes that a request has not taken yet. */
static void
bound(struct conn *c)
{
  size_t len = c->in.len - c->in_at;

  if (c->ends || c->state == CONN_UPGRADED) return;
  if (len > WEB_AHEAD_MAX && c->state != CONN_HEAD && c->state != CONN_DRAIN)
    conn_hold(c, true);
  else if (c->told_stop && len <= WEB_AHEAD_MAX / 2)
    conn_hold(c, false);
}

void
conn_step(struct conn *c)
{
  if (c->stepping || c->ends) return;
  c->stepping = true;
  while (!c->ends && step(c)) {
  }
  c->stepping = false;
  bound(c);
}

/* ---- requests and what follows ---- */

void
conn_request_over(struct conn *c, bool keep)
{
  struct request *q = c->request;

  if (c->ends) return;
  q->kind = NULL;
  request_free(q);
  drop_pipe(c);
  event_timer_cancel(&c->timer);
  if (keep && c->body_left <= c->in.len - c->in_at) {
    drop(c, (size_t)c->body_left);
    c->body_left = 0;
    c->state = CONN_HEAD;
    conn_deadline(c, door_now() + WEB_IDLE_US);
    conn_step(c);
  } else if (c->body_left && !c->gone) {
    if (c->body_left > WEB_DRAIN_MAX) c->body_left = WEB_DRAIN_MAX;
    c->state = CONN_DRAIN;
    conn_deadline(c, door_now() + WEB_DRAIN_US);
    conn_hold(c, false);
    conn_step(c);
  } else
    conn_end(c, "answered");
}

void
conn_upgrade(struct conn *c, struct upgrade const *u, void *own)
{
  stralloc in = c->in;
  size_t at = c->in_at;

  c->state = CONN_UPGRADED;
  c->upgrade = u;
  c->upgraded = own;
  c->request->kind = NULL;
  request_free(c->request);
  c->in = stralloc_zero;
  c->in_at = 0;
  event_timer_cancel(&c->timer);
  if (in.len > at) u->data(c, slice_of(in.s + at, in.len - at));
  stralloc_free(&in);
}

/* ---- records of the front ---- */

void
conn_on_open(struct link *l, struct record *r)
{
  struct conn *c = calloc(1, sizeof *c), *old;

  if (!l->cookie) l->cookie = calloc(1, sizeof(struct id_map));
  old = l->cookie ? id_map_in_slot(l->cookie, record_u64(r, 1)) : NULL;
  if (old) {
    old->gone = true;
    conn_end(old, "the front opened the conduit again");
    id_map_del(l->cookie, old->id);
    old->link = NULL;
  }
  if (c) {
    c->pipe = -1;
    c->id = record_u64(r, 1);
    c->listener = slice_dup(record_get(r, 2));
    c->ip = slice_dup(record_get(r, 3));
  }
  if (!c || !l->cookie || !c->listener || !c->ip || !id_map_put(l->cookie, c->id, c)) {
    if (c) {
      free(c->listener);
      free(c->ip);
    }
    free(c);
    link_begin(l, VERB_CLOSE);
    link_num(l, record_u64(r, 1));
    link_str(l, "out of memory");
    link_end(l);
    return;
  }
  c->link = l;
  c->next = conns;
  if (conns) conns->prev = &c->next;
  c->prev = &conns;
  conns = c;
  open_n++;
  shaper_begin(c);
  conn_deadline(c, door_now() + WEB_HEAD_US + shaper_pause_us(c));
}

static void
set(char **at, struct slice text)
{
  free(*at);
  *at = text.len ? slice_dup(text) : NULL;
}

void
conn_on_secured(struct link *l, struct record *r)
{
  struct conn *c = conn_find(l, r);

  if (!c || c->had_request) return;
  c->secure = true;
  set(&c->tls_version, record_get(r, 2));
  set(&c->tls_cipher, record_get(r, 3));
  set(&c->bindings, record_get(r, 5));
}

void
conn_on_data(struct link *l, struct record *r)
{
  struct conn *c = conn_find(l, r);
  struct slice bytes = record_get(r, 2);

  if (!c) return;
  c->got += bytes.len;
  if (c->upgrade) {
    c->upgrade->data(c, bytes);
    return;
  }
  if (c->in_at) {
    memmove(c->in.s, c->in.s + c->in_at, c->in.len - c->in_at);
    c->in.len -= c->in_at;
    c->in_at = 0;
  }
  if (!stralloc_catb(&c->in, bytes.s, bytes.len))
    conn_end(c, "out of memory");
  else
    conn_step(c);
}

void
conn_on_close(struct link *l, struct record *r)
{
  struct conn *c = conn_find(l, r);

  if (!c) return;
  c->gone = true;
  conn_end(c, "closed by the client");
}

void
conn_on_stop(struct link *l, struct record *r)
{
  struct conn *c = conn_find(l, r);

  if (!c || c->stopped) return;
  c->stopped = true;
  if (c->blocked) return;
  c->blocked = true;
  if (c->upgrade)
    c->upgrade->go(c, false);
  else if (c->request && c->request->kind && c->request->kind->go)
    c->request->kind->go(c->request, false);
}

void
conn_unblock(struct conn *c)
{
  if (!c->blocked || c->stopped || c->filing) return;
  c->blocked = false;
  conn_flush(c);
  if (c->upgrade)
    c->upgrade->go(c, true);
  else if (c->request && c->request->kind && c->request->kind->go)
    c->request->kind->go(c->request, true);
}

void
conn_on_go(struct link *l, struct record *r)
{
  struct conn *c = conn_find(l, r);

  if (!c) return;
  c->stopped = false;
  conn_unblock(c);
}

void
conns_front_drained(struct link *l)
{
  struct conn *c;

  for (c = conns; c; c = c->next) {
    struct request *q = c->request;
    if (c->link == l && !c->ends && !c->blocked && q && q->kind && q->kind->go)
      q->kind->go(q, true);
  }
}

void
conns_link_gone(struct link *l)
{
  struct conn *c;

  for (c = conns; c; c = c->next) {
    if (c->link != l) continue;
    c->gone = true;
    c->link = NULL;
    conn_end(c, "the front is gone");
  }
  if (l->cookie) id_map_wipe(l->cookie);
  free(l->cookie);
  l->cookie = NULL;
}

void
conns_stop(void)
{
  struct conn *c;

  for (c = conns; c; c = c->next) {
    if (c->ends) continue;
    if (c->upgrade)
      c->upgrade->stop(c);
    else if (!c->request)
      conn_end(c, "the server stops");
    else
      c->request->keep = false;
  }
}
