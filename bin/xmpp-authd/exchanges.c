#include "authd.h"
#include "failures.h"
#include "fast.h"

#include <openssl/crypto.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The exchanges that wait for their clients: at most EXCHANGES_MAX, shared among addresses.
 * Each belongs to the origin of its client, the site of its address. When all places are taken,
 * the oldest exchange of the origin that has the most makes room: strangers who stop at the
 * challenge push out each other, and an address that has one exchange keeps it while any other
 * address has two. */

struct origin {
  struct origin *next, **at; /* in by_count[n] */
  struct exchange *first, *last;
  uint32_t n;
  char name[SITE_SIZE];
};

static struct slice
name_of(void const *item)
{
  struct origin const *o = item;

  return slice_str(o->name);
}

static struct table origins = {.key = name_of};
/* The origins that have so many exchanges, and the most that any has. */
static struct origin *by_count[EXCHANGES_MAX + 1];
static uint32_t most;

struct sasl_totals sasl_totals;

/* ---- origins ---- */

static void
unlink_origin(struct origin *o)
{
  if (!o->n) return;
  *o->at = o->next;
  if (o->next) o->next->at = o->at;
}

/* Move o, which has n exchanges from now on; most moves by one at a time with it. */
static void
set_count(struct origin *o, uint32_t n)
{
  unlink_origin(o);
  o->n = n;
  if (n) {
    o->next = by_count[n];
    if (o->next) o->next->at = &o->next;
    o->at = &by_count[n];
    by_count[n] = o;
  }
  if (n > most) most = n;
  if (most && !by_count[most]) most--;
}

static struct origin *
origin_of(struct slice ip)
{
  char name[SITE_SIZE];
  struct origin *o;

  site_of(name, ip);
  if (ban_is_shared(ip))
    snprintf(name, sizeof name, "%.*s", (int)ip.len, ip.s ? ip.s : "");
  o = table_get(&origins, slice_str(name));
  if (o) return o;
  o = calloc(1, sizeof *o);
  if (!o) return NULL;
  memcpy(o->name, name, sizeof name);
  if (table_put(&origins, o)) return o;
  free(o);
  return NULL;
}

static void
drop_if_empty(struct origin *o)
{
  if (o->n) return;
  table_del(&origins, name_of(o));
  free(o);
}

static void
join(struct exchange *x, struct origin *o)
{
  x->origin = o;
  x->older = o->last;
  *(o->last ? &o->last->newer : &o->first) = x;
  o->last = x;
  set_count(o, o->n + 1);
}

static void
leave(struct exchange *x)
{
  struct origin *o = x->origin;

  *(x->older ? &x->older->newer : &o->first) = x->newer;
  *(x->newer ? &x->newer->older : &o->last) = x->older;
  set_count(o, o->n - 1);
  drop_if_empty(o);
}

/* ---- the life of an exchange ---- */

struct slice
exchange_ip(struct exchange const *x)
{
  return slice_str(x->origin->name);
}

void
exchange_free(struct exchange *x)
{
  if (x->step == DELAYED) failure_waited(x->bare);
  if (x->origin) {
    id_map_del(x->link->cookie, x->id);
    leave(x);
    sasl_totals.open--;
  }
  event_timer_cancel(&x->timer);
  OPENSSL_cleanse(&x->keys, sizeof x->keys);
  OPENSSL_cleanse(&x->task_keys, sizeof x->task_keys);
  OPENSSL_cleanse(x->fast.text, sizeof x->fast.text);
  scram_wipe(&x->scram);
  free(x);
}

/* c2sd is told nothing: it waits for the client, whose response is answered with
 * temporary-auth-failure. */
static void
crowd_out(void)
{
  static uint64_t said_us;
  struct origin *busiest = by_count[most];

  sasl_totals.crowded_out++;
  if (!said_us || door_now() - said_us >= CROWDED_LOG_US) {
    said_us = door_now();
    log_event(LOG_WARN, "exchanges-full", "limit", log_num(EXCHANGES_MAX), "ip",
              log_peer(slice_str(busiest->name)), "of_this_ip", log_num(busiest->n),
              "why", "clients do not finish their logins", NULL);
  }
  if (busiest->first->step == DELAYED) {
    busiest->first->upgrades = SLICE(""); /* the answer ends the exchange */
    sasl_answer(busiest->first);
  } else
    exchange_free(busiest->first);
}

/* A c2sd ends the exchange of a slot before the slot gets another id. authd ends the
 * older exchange itself when the c2sd has not: the map would lose it. */
static void
make_room(struct link const *l, uint64_t id)
{
  struct exchange *displaced = id_map_in_slot(l->cookie, id);

  if (displaced) exchange_free(displaced);
  if (sasl_totals.open >= EXCHANGES_MAX) crowd_out();
}

/* Put x, whose link and id are set, in the map of its link and under the origin ip. */
static bool
enter(struct exchange *x, struct slice ip)
{
  struct link *l = x->link;
  struct origin *o;

  if (!l->cookie) l->cookie = calloc(1, sizeof(struct id_map));
  o = l->cookie ? origin_of(ip) : NULL;
  if (!o) return false;
  if (!id_map_put(l->cookie, x->id, x)) {
    drop_if_empty(o);
    return false;
  }
  join(x, o);
  sasl_totals.open++;
  return true;
}

/* The hash of an id, and a bare JID, are short; the rest c2sd has cut. */
static bool
take_asks(struct exchange *x, struct record *r)
{
  struct slice *const at[] = {&x->agent, &x->asks, &x->device, &x->upgrades, &x->from};
  unsigned int i;

  for (i = 0; i < sizeof at / sizeof *at; i++) {
    struct slice text = record_get(r, 8 + i);
    if (!text.len) continue;
    if (text.len > LOGIN_ASKS_MAX) return false;
    *at[i] = arena_copy(&x->scram.arena, text);
    if (!at[i]->s) return false;
  }
  return true;
}

struct exchange *
exchange_new(struct link *l, uint64_t id, struct record *r)
{
  struct slice bindings = record_get(r, 7);
  struct exchange *x = bindings.len > BINDINGS_MAX ? NULL : calloc(1, sizeof *x);

  if (!x) return NULL;
  x->link = l;
  x->id = id;
  x->bindings = arena_copy(&x->scram.arena, bindings);
  x->host = arena_copy(&x->scram.arena, record_get(r, 2));
  make_room(l, id);
  if (x->bindings.s && x->host.s && take_asks(x, r) && enter(x, record_get(r, 5)))
    return x;
  exchange_free(x);
  return NULL;
}

struct exchange *
exchange_of(struct link const *l, uint64_t id)
{
  return id_map_get(l->cookie, id);
}

bool
exchange_is_current(struct exchange const *x)
{
  uint64_t number;

  if (x->mechanism != PLAIN && x->mechanism != SCRAM) return true;
  number = secrets_open_number(x->bare);
  if (!number) return false;
  return x->question ? number == x->number
                     : secrets_are_still(number, x->scram.hash, &x->keys);
}

void
exchanges_of_link_gone(struct link *l)
{
  struct id_map *m = l->cookie;
  uint32_t i;

  for (i = 0; m && i < m->size; i++)
    if (m->v[i].item) exchange_free(m->v[i].item);
  if (m) id_map_wipe(m);
  free(m);
  l->cookie = NULL;
}

void
exchanges_each(void (*fn)(struct exchange *x, uint64_t n), uint64_t n)
{
  struct id_map *m;
  struct link *l;
  uint32_t i;

  for (l = link_next(NULL); l; l = link_next(l))
    for (i = 0, m = l->cookie; m && i < m->size; i++)
      if (m->v[i].item) fn(m->v[i].item, n);
}

/* ---- the state for a trace ---- */

static void
scram_fields(struct snapshot *k, struct scram *x)
{
  struct arena *a = &x->arena;

  SNAPSHOT_INT(k, x->hash);
  SNAPSHOT_INT(k, x->plus);
  SNAPSHOT_INT(k, x->plus_offered);
  snapshot_slice(k, a, &x->user);
  snapshot_slice(k, a, &x->authzid);
  snapshot_slice(k, a, &x->binding_type);
  snapshot_slice(k, a, &x->gs2);
  snapshot_slice(k, a, &x->first_bare);
  snapshot_slice(k, a, &x->both_nonces);
  snapshot_slice(k, a, &x->server_first);
  snapshot_slice(k, a, &x->offered);
}

/* Keys are not written: the store has them. */
static void
exchange_fields(struct snapshot *k, struct exchange *x)
{
  struct arena *a = &x->scram.arena;
  bool real;

  snapshot_link(k, &x->link);
  SNAPSHOT_INT(k, x->id);
  SNAPSHOT_INT(k, x->step);
  sasl_snapshot_timer(k, x);
  snapshot_slice(k, a, &x->host);
  SNAPSHOT_INT(k, x->mechanism);
  SNAPSHOT_INT(k, x->named);
  SNAPSHOT_INT(k, x->real);
  SNAPSHOT_INT(k, x->untried);
  scram_fields(k, &x->scram);
  snapshot_slice(k, a, &x->bindings);
  snapshot_slice(k, a, &x->bare);
  snapshot_slice(k, a, &x->agent);
  snapshot_slice(k, a, &x->asks);
  snapshot_slice(k, a, &x->device);
  snapshot_slice(k, a, &x->upgrades);
  snapshot_slice(k, a, &x->from);
  fast_snapshot(k, x);
  SNAPSHOT_INT(k, x->task);
  SNAPSHOT_INT(k, x->task_keys.iterations);
  SNAPSHOT_INT(k, x->task_keys.salt_len);
  snapshot_block(k, x->task_keys.salt, sizeof x->task_keys.salt);
  SNAPSHOT_INT(k, x->question);
  SNAPSHOT_INT(k, x->number);
  SNAPSHOT_INT(k, x->passed);
  snapshot_slice(k, a, &x->verifier);
  snapshot_block(k, x->nonce, sizeof x->nonce);
  if (!snapshot_restores(k)) return;
  x->scram.nonce = slice_of(x->nonce, sizeof x->nonce);
  if (x->step != FIRST && x->step != OUTSIDE &&
      !secrets_get(x->host, x->bare, x->scram.hash, &x->keys, &real))
    snapshot_fail(k, "keys are missing");
}

static void
exchange_make(struct snapshot *k)
{
  struct exchange *x = snapshot_new(k, sizeof *x);
  char ip[SITE_SIZE];

  if (!x) return;
  snapshot_name(k, ip, sizeof ip);
  exchange_fields(k, x);
  if (!x->link || !enter(x, slice_str(ip))) snapshot_fail(k, "an exchange has no place");
}

static void
put_exchanges(struct snapshot *k, struct origin *o)
{
  struct exchange *x;

  for (x = o->first; x; x = x->newer) {
    if (!snapshot_record(k, "exchange", true)) return;
    snapshot_name(k, o->name, sizeof o->name);
    exchange_fields(k, x);
  }
}

/* Each origin that was made was put in front of those before it. */
static void
turn_round(struct origin **list)
{
  struct origin *o = *list, *next;

  *list = NULL;
  for (; o; o = next) {
    next = o->next;
    o->next = *list;
    if (o->next) o->next->at = &o->next;
    o->at = list;
    *list = o;
  }
}

void
exchanges_snapshot(struct snapshot *k)
{
  struct origin *o;
  uint32_t n;

  for (n = 1; n <= most && !snapshot_restores(k); n++)
    for (o = by_count[n]; o; o = o->next)
      put_exchanges(k, o);
  while (snapshot_restores(k) && snapshot_record(k, "exchange", true))
    exchange_make(k);
  for (n = 1; n <= most && snapshot_restores(k); n++)
    turn_round(&by_count[n]);
  if (!snapshot_record(k, "totals", true)) return;
  SNAPSHOT_INT(k, sasl_totals.succeeded);
  SNAPSHOT_INT(k, sasl_totals.failed);
  SNAPSHOT_INT(k, sasl_totals.untried);
  SNAPSHOT_INT(k, sasl_totals.open);
  SNAPSHOT_INT(k, sasl_totals.crowded_out);
}
