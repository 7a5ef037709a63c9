#include "pushd.h"

#include <skalibs/uint64.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Requests that are not answered yet, and the answers (XEP-0357 s7.1): errors that may pass make
 * the next notification later, others end the registration when there are several in a row. */

#define EPOCH 8
#define MINUTE_US 60000000u
#define BACKOFF_MAX 60u /* minutes */
#define DAY_US 86400000000u

struct asked {
  struct asked *next, *prev; /* in the order of asking */
  uint64_t number, sent_us, event_us;
  bool has_text, is_call;
  char id[PUSH_ID_BYTES]; /* of the registration */
};

static struct ids asked;
static struct asked *first, *last;
static struct event_timer timer;
static char epoch[EPOCH];

struct answers_totals answers_totals;

/* ---- asking ---- */

static void on_timer(void *cookie);

static void
wait_for_first(void)
{
  if (first && !event_timer_on(&timer))
    event_timer_start(&timer, first->sent_us + PUSH_ANSWER_US, on_timer, NULL);
}

static void
append(struct asked *q)
{
  q->next = NULL;
  q->prev = last;
  if (last)
    last->next = q;
  else
    first = q;
  last = q;
  answers_totals.waiting++;
  wait_for_first();
}

static struct slice
write_id(char room[PUSH_ID], uint64_t number)
{
  int n =
    snprintf(room, PUSH_ID, "push-%.*s-%llu", EPOCH, epoch, (unsigned long long)number);

  return slice_of(room, (size_t)n);
}

struct slice
answers_await(struct reg *r, char room[PUSH_ID])
{
  struct asked *q = calloc(1, sizeof *q);

  if (q) q->number = ids_take(&asked, q);
  if (!q || !q->number) {
    free(q);
    return (struct slice){NULL, 0};
  }
  q->sent_us = door_now();
  q->event_us = r->event_us;
  q->has_text = r->has_text;
  q->is_call = r->is_call;
  memcpy(q->id, r->id, sizeof q->id);
  append(q);
  r->pending++;
  r->domain->pending++;
  answers_totals.sent++;
  return write_id(room, q->number);
}

void
answers_start(void)
{
  door_random_id(epoch, sizeof epoch);
}

/* q is over. */
static void
drop(struct asked *q)
{
  ids_give(&asked, q->number);
  if (q->prev)
    q->prev->next = q->next;
  else
    first = q->next;
  if (q->next)
    q->next->prev = q->prev;
  else
    last = q->prev;
  answers_totals.waiting--;
  free(q);
}

/* Count a request of r less that is not answered. */
static void
settle(struct reg *r)
{
  if (!r->pending) return;
  r->pending--;
  r->domain->pending--;
}

/* ---- what an answer means ---- */

/* Store what has changed of r. */
static void
keep(struct reg const *r)
{
  struct push_service s;
  static stralloc texts = STRALLOC_ZERO;
  struct slice *each[] = {&s.account, &s.jid, &s.node, &s.client, &s.form};
  size_t i, at = 0;

  if (!push_get(pushd.push, r->account->number, reg_key(r), &s)) return;
  texts.len = 0; /* values of the store move when it is written */
  for (i = 0; i < 5; i++)
    if (!stralloc_catb(&texts, each[i]->s ? each[i]->s : "", each[i]->len)) return;
  for (i = 0; i < 5; i++) {
    each[i]->s = texts.s + at;
    at += each[i]->len;
  }
  s.used_us = r->used_us;
  s.lost_us = r->lost_us;
  s.failures = r->failures;
  if (!push_put(pushd.push, r->account->number, &s))
    pushd_failed("store a registration", s.account);
}

static void
end(struct reg *r, char const *condition)
{
  char bare[JID_MAX + 1], hash[17];

  snprintf(bare, sizeof bare, "%s", r->account->bare);
  hex_z(hash, reg_key(r), 8);
  log_event(LOG_INFO, "push-ended", "account", bare, "service", reg_service(r), "node",
            hash, "why", condition, NULL);
  answers_totals.removed++;
  if (reg_del(r))
    account_tell(slice_str(bare));
  else
    pushd_failed("delete a registration", slice_str(bare));
}

static void
take_result(struct reg *r)
{
  bool was = r->failures || r->lost_us, old = door_wall() - r->used_us > DAY_US;

  r->failures = r->backoff = 0;
  r->lost_us = r->retry_us = 0;
  r->used_us = door_wall();
  if (was || old) keep(r);
  owed_note(r);
}

/* The service is not there, or wants no more for now: nothing is sent for one minute, then two,
 * four and so on. */
static void
take_delay(struct reg *r, struct asked const *q, char const *condition, bool lost)
{
  uint64_t minutes = 1ull << r->backoff, now = door_wall();

  if (lost && r->lost_us && now - r->lost_us >= PUSH_LOST_US) {
    end(r, condition);
    return;
  }
  if (lost != (r->lost_us != 0)) {
    r->lost_us = lost ? now : 0;
    keep(r);
  }
  if (minutes > BACKOFF_MAX) minutes = BACKOFF_MAX;
  if (r->backoff < 6) r->backoff++;
  r->retry_us = door_now() + minutes * MINUTE_US;
  reg_again(r, q->event_us, q->has_text, false);
}

static void
take_refusal(struct reg *r, char const *condition, bool at_once)
{
  if (at_once || ++r->failures >= PUSH_FAILURES_MAX) {
    end(r, condition);
    return;
  }
  keep(r);
  owed_note(r);
}

static void
take_error(struct reg *r, struct asked const *q, struct slice type, char const *name)
{
  enum stanza_error e = stanza_error_find(slice_str(name));
  bool lost = e == ERR_REMOTE_NOT_FOUND;

  answers_totals.errors++;
  if (lost || e == ERR_REMOTE_TIMEOUT || e == ERR_RESOURCE_CONSTRAINT ||
      slice_is(type, "wait"))
    take_delay(r, q, name, lost);
  else
    take_refusal(r, name,
                 e == ERR_POLICY_VIOLATION || e == ERR_ITEM_NOT_FOUND || e == ERR_GONE);
}

/* ---- answers ---- */

static struct asked *
find(struct slice id)
{
  struct slice word;
  uint64_t number;

  if (!slice_word(&id, '-', &word) || !slice_is(word, "push")) return NULL;
  if (!slice_word(&id, '-', &word) || !slice_eq(word, slice_of(epoch, EPOCH)))
    return NULL;
  return slice_u64(id, &number) ? ids_get(&asked, number) : NULL;
}

/* Say whether st comes from the service of r. */
static bool
is_from(struct stanza const *st, struct reg const *r)
{
  struct push_service s;

  return push_get(pushd.push, r->account->number, reg_key(r), &s) &&
         slice_eq(s.jid, st->from);
}

/* The condition of an error, a name that lasts; its type is set. */
static char const *
condition_of(struct stanza const *st, struct slice *type)
{
  static struct arena arena = ARENA_ZERO;
  struct xml_node const *iq, *e, *c;
  enum xml_error why;

  arena_reset(&arena);
  iq = xml_parse(&arena, st->xml, "jabber:client", &why);
  e = iq ? xml_child(iq, "jabber:client", "error") : NULL;
  *type = e ? xml_attr(e, "type") : SLICE("");
  for (c = e ? xml_next(e, NULL) : NULL; c; c = xml_next(e, c))
    if (slice_is(c->ns, "urn:ietf:params:xml:ns:xmpp-stanzas") &&
        !slice_is(c->name, "text"))
      return stanza_error_name(stanza_error_find(c->name));
  return "undefined-condition";
}

static void
take_answer(struct reg *r, struct asked const *q, struct stanza const *st)
{
  char const *condition;
  struct slice type;

  if (slice_is(st->type, "result")) {
    answers_totals.results++;
    take_result(r);
    return;
  }
  condition = condition_of(st, &type);
  take_error(r, q, type, condition);
}

/* q is answered by st (NULL: in time by nobody). r may end with that; the domain stays until the
 * next in its line was told. */
static void
answered(struct reg *r, struct asked *q, struct stanza const *st)
{
  struct domain *d = r->domain;

  d->regs++;
  settle(r);
  if (st)
    take_answer(r, q, st);
  else
    take_delay(r, q, "no answer", false);
  drop(q);
  publish_next(d);
  domain_give(d);
}

void
answers_take(struct stanza const *st)
{
  struct asked *q = find(st->id);
  struct reg *r = q ? reg_find(q->id) : NULL;

  if (!q || (r && !is_from(st, r))) return;
  if (r)
    answered(r, q, st);
  else
    drop(q);
}

static void
on_timer(void *cookie)
{
  struct asked *q;
  struct reg *r;

  (void)cookie;
  while ((q = first) && q->sent_us + PUSH_ANSWER_US <= door_now()) {
    r = reg_find(q->id);
    answers_totals.timeouts++;
    if (r)
      answered(r, q, NULL);
    else
      drop(q);
  }
  wait_for_first();
}

/* ---- the state for a trace ---- */

static struct asked *
fields(struct snapshot *k, struct asked *q)
{
  struct reg *r;

  if (snapshot_restores(k)) q = snapshot_new(k, sizeof *q);
  if (!q) return NULL;
  SNAPSHOT_INT(k, q->number);
  SNAPSHOT_INT(k, q->sent_us);
  SNAPSHOT_INT(k, q->event_us);
  SNAPSHOT_INT(k, q->has_text);
  SNAPSHOT_INT(k, q->is_call);
  snapshot_block(k, q->id, sizeof q->id);
  if (!snapshot_restores(k)) return q;
  if (!ids_restore(&asked, q->number, q)) snapshot_fail(k, "out of memory");
  append(q);
  r = reg_find(q->id);
  if (r) r->domain->pending++;
  if (r) r->pending++;
  return q;
}

void
answers_snapshot(struct snapshot *k)
{
  struct asked *q = first;

  snapshot_ids(k, &asked);
  for (; snapshot_record(k, "asked", q != NULL); q = q ? q->next : NULL) {
    if (!fields(k, q)) return;
    if (snapshot_restores(k)) q = NULL;
  }
  if (!snapshot_record(k, "epoch", true)) return;
  snapshot_block(k, epoch, sizeof epoch);
  snapshot_timer(k, &timer, on_timer, NULL);
}
