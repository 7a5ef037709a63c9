#include "dial.h"
#include "s2s.h"

#include <arpa/inet.h>
#include <stdlib.h>

/* Requests for connections, from connect to connected or unconnected. DIALS_MAX of them
 * race at a time; the others wait in line, and their time begins when they leave it. */

struct line {
  struct request *first, *last;
  unsigned int n;
};

static struct line racing, waiting;
static bool stopped;

static void
put(struct line *q, struct request *r)
{
  r->next = NULL;
  r->prev = q->last;
  *(q->last ? &q->last->next : &q->first) = r;
  q->last = r;
  q->n++;
}

static void
take(struct line *q, struct request *r)
{
  *(r->prev ? &r->prev->next : &q->first) = r->next;
  *(r->next ? &r->next->prev : &q->last) = r->prev;
  r->next = r->prev = NULL;
  q->n--;
}

/* ---- the answers ---- */

void
dial_failed(struct request const *r, unsigned int target, char const *ip,
            char const *step, char const *why)
{
  link_begin(r->link, VERB_FAILED);
  link_num(r->link, r->number);
  link_num(r->link, target);
  link_str(r->link, ip);
  link_str(r->link, step);
  link_str(r->link, why);
  link_end(r->link);
}

static void
tell_unconnected(struct link *l, uint64_t number)
{
  link_begin(l, VERB_UNCONNECTED);
  link_num(l, number);
  link_end(l);
}

static void
tell_connected(struct conn const *c)
{
  link_begin(c->link, VERB_CONNECTED);
  link_num(c->link, c->request->number);
  link_num(c->link, c->id);
  link_num(c->link, c->target);
  link_str(c->link, c->ip);
  link_num(c->link, c->port);
  link_end(c->link);
}

/* ---- their lives ---- */

static void
request_free(struct request *r)
{
  arena_wipe(&r->arena);
  free(r);
}

/* SNI has no dot at its end, and no addresses (RFC 6066 s3). */
static struct slice
sni_of(struct slice name)
{
  char text[INET6_ADDRSTRLEN] = "";
  unsigned char at[16];

  if (name.len && name.s[name.len - 1] == '.') name.len--;
  if (name.len < sizeof text) {
    memcpy(text, name.s, name.len);
    if (inet_pton(AF_INET, text, at) == 1 || inet_pton(AF_INET6, text, at) == 1)
      return SLICE("");
  }
  return name;
}

static bool
request_read(struct request *r, struct record *rec)
{
  r->host = arena_copy(&r->arena, record_get(rec, 2)).s;
  r->sni = arena_copy(&r->arena, sni_of(record_get(rec, 3))).s;
  r->hides = slice_is(record_get(rec, 5), "none");
  return r->host && r->sni &&
         targets_read(&r->arena, record_get(rec, 4), &r->targets, &r->targets_n);
}

static struct request *
request_new(struct link *l, struct record *rec)
{
  struct request *r = calloc(1, sizeof *r);

  if (!r) return NULL;
  r->arena = (struct arena)ARENA_ZERO;
  r->link = l;
  r->number = record_u64(rec, 1);
  if (request_read(r, rec)) return r;
  request_free(r);
  return NULL;
}

static bool
has_room(void)
{
  return racing.n < DIALS_MAX;
}

static void
race(struct request *r)
{
  r->racing = true;
  put(&racing, r);
  race_begin(r);
}

/* A request has left the race: the next in line may begin. */
static void
next_in_line(void *unused)
{
  (void)unused;
  while (waiting.first && has_room()) {
    struct request *r = waiting.first;
    take(&waiting, r);
    race(r);
  }
}

/* Take r out of its line. */
static void
leave(struct request *r)
{
  static struct event_timer next;

  take(r->racing ? &racing : &waiting, r);
  if (waiting.first && has_room() && !event_timer_on(&next))
    event_timer_start(&next, door_now(), next_in_line, NULL);
}

void
dial_ended(struct request *r)
{
  event_timer_cancel(&r->timer);
  tell_unconnected(r->link, r->number);
  leave(r);
  request_free(r);
}

static void
forget(struct request *r)
{
  race_end(r, NULL);
  leave(r);
  request_free(r);
}

void
dial_won(struct conn *c)
{
  struct request *r = c->request;

  race_end(r, c);
  leave(r);
  c->dialing = false;
  c->opened = true;
  tell_connected(c);
  log_event(LOG_INFO, "connected", "conn", log_num(c->id), "name",
            r->targets[c->target].name, "ip", log_peer(slice_str(c->ip)), "port",
            log_num(c->port), NULL);
}

void
dial_done(struct conn *c)
{
  if (c->request) request_free(c->request);
  c->request = NULL;
}

/* ---- requests of the neighbour ---- */

void
dial_connect(struct link *l, struct record *rec)
{
  struct request *r = NULL;
  char const *why = stopped ? "the end has begun" : "too many requests";

  if (!stopped && waiting.n < DIALS_WAITING_MAX) {
    r = request_new(l, rec);
    why = "out of memory, or no such record";
  }
  if (r && s2s_of(s2s_now, SLICE("*"))) {
    if (has_room() && !waiting.first)
      race(r);
    else
      put(&waiting, r);
    return;
  }
  log_event(LOG_WARN, "connect-refused", "host", log_text(record_get(rec, 2)), "name",
            log_text(record_get(rec, 3)), "why", why, NULL);
  if (r) request_free(r);
  tell_unconnected(l, record_u64(rec, 1));
}

static struct request *
find(struct line const *q, struct link const *l, uint64_t number)
{
  struct request *r;

  for (r = q->first; r && (r->link != l || r->number != number); r = r->next) {
  }
  return r;
}

void
dial_abandon(struct link *l, struct record *rec)
{
  uint64_t number = record_u64(rec, 1);
  struct request *r = find(&racing, l, number);

  if (!r) r = find(&waiting, l, number);
  if (r) forget(r);
}

static void
forget_of(struct line *q, struct link const *l)
{
  struct request *r, *next;

  for (r = q->first; r; r = next) {
    next = r->next;
    if (r->link == l) forget(r);
  }
}

void
dials_of_link_gone(struct link const *l)
{
  forget_of(&waiting, l);
  forget_of(&racing, l);
}

/* Their senders go, or find another xmpp-tlsd. */
static void
end_all(struct line *q)
{
  while (q->first) {
    race_end(q->first, NULL);
    dial_ended(q->first);
  }
}

void
dials_close(void)
{
  stopped = true;
  end_all(&waiting);
  end_all(&racing);
}

uint64_t
dials_racing(void)
{
  return racing.n;
}

uint64_t
dials_waiting(void)
{
  return waiting.n;
}
