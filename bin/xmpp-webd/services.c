#include "webd.h"

#include <skalibs/djbunix.h>

#include <stdlib.h>
#include <string.h>

/* Requests to web services: programs that have mounted the name of a handler. A service that
 * restarts is awaited for a moment. */

/* A request at a service. In waiting: no service has the name yet. */
struct served {
  struct served *next, **prev;
  struct request *q;
  struct link *link; /* NULL: in waiting */
  struct provider *provider;
  uint64_t id;
  char *fields; /* of the head, until the request is sent */
  char *method;
  struct event_timer timer;
  bool told_stop; /* the service was told to stop */
  bool full;      /* the link takes nothing more for now */
  bool service_stopped;
};

static struct served *all;
static struct ids ids;

/* ---- a request's end ---- */

static void
forget(struct request *q)
{
  struct served *s = q->own;

  if (!s) return;
  q->own = NULL;
  event_timer_cancel(&s->timer);
  if (s->link) {
    ids_give(&ids, s->id);
    mounts_leave(s->provider);
  }
  *s->prev = s->next;
  if (s->next) s->next->prev = s->prev;
  free(s->fields);
  free(s->method);
  free(s);
}

static void
tell(struct served *s, enum verb v)
{
  if (!s->link) return;
  link_begin(s->link, v);
  link_num(s->link, s->id);
  link_end(s->link);
}

static void
tell_cancel(struct served *s, char const *why)
{
  if (!s->link) return;
  link_begin(s->link, VERB_CANCEL);
  link_num(s->link, s->id);
  link_str(s->link, why);
  link_end(s->link);
}

static void
gone(struct request *q, char const *why)
{
  struct served *s = q->own;

  if (!s) return;
  tell_cancel(s, why);
  forget(q);
}

/* The service is not there, or does not answer. */
static void
fail(struct served *s, unsigned int status, char const *why)
{
  struct request *q = s->q;

  log_event(LOG_WARN, "service-failed", "conn", conn_name(q->conn), "handler", q->handler,
            "link", s->link ? s->link->name : NULL, "why", why, NULL);
  forget(q);
  if (q->status)
    conn_end(q->conn, why);
  else
    answer_text(q, status, "The service for this address does not answer.",
                status == 503 ? "Retry-After: 5\n" : NULL);
}

static void
on_time(void *cookie)
{
  struct served *s = cookie;

  if (!s->link) {
    fail(s, 503, "no service has mounted the handler");
    return;
  }
  tell_cancel(s, "timeout");
  fail(s, 504, "the service is silent");
}

/* A body that comes has a time of its own (conn.c), and its service says nothing meanwhile. */
static void
await(struct served *s)
{
  struct request const *q = s->q;

  if (q->accepted && !q->status && q->conn->state == CONN_BODY && !s->service_stopped) {
    event_timer_cancel(&s->timer);
    return;
  }
  event_timer_start(&s->timer, door_now() + (s->link ? WEB_SILENCE_US : WEB_MOUNT_US),
                    on_time, s);
}

/* ---- the request ---- */

/* Fields that belong to the connection, and those that have fields of the record, are left
 * out. */
static char *
fields_of(struct http_request const *h)
{
  stralloc sa = STRALLOC_ZERO;
  size_t i;
  bool ok = true;

  for (i = 0; i < h->n && ok; i++) {
    struct slice name = h->field[i].name;
    if (http_is_hop(h, name) || slice_is(name, "host") ||
        slice_is(name, "content-length") || slice_is(name, "expect"))
      continue;
    ok = stralloc_catb(&sa, name.s, name.len) && stralloc_cats(&sa, ": ") &&
         stralloc_catb(&sa, h->field[i].value.s, h->field[i].value.len) &&
         stralloc_cats(&sa, "\n");
  }
  if (ok && stralloc_0(&sa)) return sa.s;
  stralloc_free(&sa);
  return NULL;
}

static void
put_request(struct served const *s)
{
  struct request const *q = s->q;

  link_begin(s->link, VERB_REQUEST);
  link_num(s->link, s->id);
  link_str(s->link, q->handler);
  link_str(s->link, s->method);
  link_str(s->link, q->host);
  link_str(s->link, q->base);
  link_str(s->link, q->path);
  link_str(s->link, q->query);
  link_str(s->link, q->https ? "https" : "http");
  link_str(s->link, q->ip);
  if (q->has_length)
    link_num(s->link, q->length);
  else
    link_str(s->link, "");
  link_str(s->link, s->fields);
  link_end(s->link);
}

static void
send_request(struct served *s, struct provider *v)
{
  if (v->open >= web->requests_max) {
    fail(s, 503, "the service has too many requests");
    return;
  }
  s->id = ids_take(&ids, s);
  if (!s->id) {
    fail(s, 503, "out of memory");
    return;
  }
  s->link = v->link;
  s->provider = v;
  mounts_enter(v);
  s->full = s->link->full;
  put_request(s);
  await(s);
}

static struct provider *
provider_of(struct request const *q)
{
  return mounts_find(q->handler, settings_host_name(slice_str(q->host)));
}

void
services_wake(struct provider *v)
{
  struct served *s, *next;

  for (s = all; s; s = next) {
    next = s->next;
    if (!s->link && provider_of(s->q) == v) send_request(s, v);
  }
}

static struct served *
served_new(struct request *q, struct http_request const *h)
{
  struct served *s = calloc(1, sizeof *s);

  if (!s) return NULL;
  s->fields = fields_of(h);
  s->method = slice_dup(h->method_text);
  if (!s->fields || !s->method) {
    free(s->fields);
    free(s->method);
    free(s);
    return NULL;
  }
  s->q = q;
  q->own = s;
  s->next = all;
  if (all) all->prev = &s->next;
  s->prev = &all;
  all = s;
  return s;
}

static void
begin(struct request *q, struct http_request const *h)
{
  struct provider *v = provider_of(q);
  struct served *s;

  /* A request without a length has no body, which accept need not let in. q may be gone below. */
  if (!q->has_length) q->conn->state = CONN_ANSWER;
  s = served_new(q, h);
  if (!s)
    conn_end(q->conn, "out of memory");
  else if (v)
    send_request(s, v);
  else
    await(s);
}

/* ---- the body ---- */

static void
body(struct request *q, struct slice bytes)
{
  struct served *s = q->own;

  link_begin(s->link, VERB_BODY);
  link_num(s->link, s->id);
  link_text(s->link, bytes);
  link_end(s->link);
}

static void
ended(struct request *q)
{
  struct served *s = q->own;

  tell(s, VERB_ENDED);
  await(s);
}

static void
divert(struct request *q, int fd, uint64_t len)
{
  struct served *s = q->own;

  if (!link_can_pass(s->link)) {
    fd_close(fd);
    fail(s, 503, "the body cannot be passed on");
    return;
  }
  link_begin(s->link, VERB_DIVERT);
  link_num(s->link, s->id);
  link_num(s->link, len);
  link_num(s->link, 0);
  link_end_with(s->link, fd);
  ended(q);
}

/* The client takes no output, or does again. */
static void
go(struct request *q, bool goes)
{
  struct served *s = q->own;

  if (!s || s->told_stop == !goes) return;
  s->told_stop = !goes;
  tell(s, goes ? VERB_GO : VERB_STOP);
  if (goes)
    await(s);
  else
    event_timer_cancel(&s->timer);
}

struct kind const service_kind = {.word = "",
                                  .begin = begin,
                                  .body = body,
                                  .ended = ended,
                                  .divert = divert,
                                  .go = go,
                                  .gone = gone};

/* ---- records of services ---- */

static struct served *
served_of(struct link const *l, struct record *r)
{
  struct served *s = ids_get(&ids, record_u64(r, 1));

  if (!s || s->link != l || s->q->conn->ends) return NULL;
  if (!s->told_stop) await(s);
  return s;
}

void
services_on_accept(struct link *l, struct record *r)
{
  struct served *s = served_of(l, r);

  if (!s || s->q->status || !s->q->has_length) return;
  request_hold(s->q, s->full);
  event_timer_cancel(&s->timer); /* the body has a time of its own */
  request_accept(s->q);
}

/* An answer as a file. If the front cannot take it now, webd reads it, and the service has nothing more
 * to say. */
static void
take_file(struct served *s, struct record *r, int fd)
{
  struct request *q = s->q;

  if (fd < 0 || !q->status) {
    if (fd >= 0) fd_close(fd);
    tell_cancel(s, "a bad answer");
    fail(s, 502, "a bad answer");
    return;
  }
  if (!q->no_body && !link_can_pass(q->conn->link)) forget(q);
  answer_file(q, fd, record_u64(r, 2), record_u64(r, 3));
}

void
services_on_divert(struct link *l, struct record *r)
{
  struct served *s = served_of(l, r);
  struct conn *c = s ? s->q->conn : NULL;
  int fd = link_take_fd(l);

  if (s && r->n > 3) {
    take_file(s, r, fd);
  } else if (s) {
    services_on_accept(l, r);
    if (!c->ends && link_can_pass(l)) conn_divert(c);
  }
  if (fd >= 0 && (!s || r->n <= 3)) fd_close(fd);
}

void
services_on_answer(struct link *l, struct record *r)
{
  struct served *s = served_of(l, r);
  uint64_t status = record_u64(r, 2), length = LENGTH_UNKNOWN;
  struct slice text = record_get(r, 3);

  if (!s || s->q->status) return;
  if (status < 200 || status > 599 || (text.len && !slice_u64(text, &length))) {
    tell_cancel(s, "a bad answer");
    fail(s, 502, "a bad answer");
    return;
  }
  answer_begin(s->q, (unsigned int)status, length, record_get(r, 4));
}

void
services_on_body(struct link *l, struct record *r)
{
  struct served *s = served_of(l, r);

  if (s && s->q->status) answer_body(s->q, record_get(r, 2));
}

void
services_on_ended(struct link *l, struct record *r)
{
  struct served *s = served_of(l, r);
  struct request *q;

  if (!s || !s->q->status) return;
  q = s->q;
  forget(q);
  answer_end(q);
}

void
services_on_cancel(struct link *l, struct record *r)
{
  struct served *s = served_of(l, r);
  struct request *q;

  if (!s) return;
  q = s->q;
  forget(q);
  answer_cut(q, "the service has given up");
}

void
services_on_stop(struct link *l, struct record *r)
{
  struct served *s = served_of(l, r);

  if (!s) return;
  s->service_stopped = true;
  if (!s->told_stop) await(s);
  request_hold(s->q, true);
}

void
services_on_go(struct link *l, struct record *r)
{
  struct served *s = served_of(l, r);

  if (!s || !s->service_stopped) return;
  s->service_stopped = false;
  if (!s->told_stop) await(s);
  request_hold(s->q, s->full);
}

/* ---- links ---- */

void
services_full(struct link *l, bool full)
{
  struct served *s, *next;

  for (s = all; s; s = next) {
    next = s->next;
    if (s->link != l) continue;
    s->full = full;
    request_hold(s->q, full || s->service_stopped);
  }
}

void
services_link_gone(struct link *l)
{
  struct served *s;

  mounts_link_gone(l);
  for (;;) {
    for (s = all; s && s->link != l; s = s->next) {
    }
    if (!s) return;
    fail(s, s->q->accepted ? 502 : 503, "the service is gone");
  }
}
