#include "ask/ask.h"

#include <stdlib.h>
#include <string.h>

/* Questions to clients are found by the address that is asked, the one that asks, and the id:
 * the sender of an answer is proven by its edge, so nobody answers for another. */

#define ID_LEN 16

struct question {
  ask_iq_fn *fn;
  void *cookie;
  struct event_timer timer;
  size_t len;
  char key[]; /* to, from, id, a newline behind each */
};

static struct slice
question_key(void const *item)
{
  struct question const *x = item;

  return slice_of(x->key, x->len);
}

static struct table questions = {.key = question_key};

/* The key, which lives until the next call; empty: ENOMEM. */
static struct slice
key_of(struct slice to, struct slice from, struct slice id)
{
  static stralloc sa = STRALLOC_ZERO;
  struct slice const parts[] = {to, from, id};
  size_t i;

  sa.len = 0;
  for (i = 0; i < 3; i++)
    if (!stralloc_catb(&sa, parts[i].s, parts[i].len) || !stralloc_catb(&sa, "\n", 1))
      return SLICE("");
  return slice_of(sa.s, sa.len);
}

/* End the question, whose function may put another in its place. */
static void
end(struct question *x, struct stanza const *answer)
{
  ask_iq_fn *fn = x->fn;
  void *cookie = x->cookie;

  event_timer_cancel(&x->timer);
  table_del(&questions, question_key(x));
  free(x);
  fn(cookie, answer);
}

static void
on_deadline(void *cookie)
{
  end(cookie, NULL);
}

static struct question *
question_new(struct slice key)
{
  struct question *x = key.len ? calloc(1, sizeof *x + key.len) : NULL;

  if (!x) return NULL;
  memcpy(x->key, key.s, key.len);
  x->len = key.len;
  if (table_put(&questions, x)) return x;
  free(x);
  return NULL;
}

static bool
put(struct link *l, struct ask_iq const *q, struct slice id)
{
  static stralloc sa = STRALLOC_ZERO;

  sa.len = 0;
  if (!xml_cat(&sa, "<iq") || !xml_cat_attr(&sa, "to", q->to) ||
      !xml_cat_attr(&sa, "from", q->from) || !xml_cat_attr(&sa, "type", q->type) ||
      !xml_cat_attr(&sa, "id", id) || !xml_cat(&sa, ">") ||
      !stralloc_catb(&sa, q->inside.s, q->inside.len) || !xml_cat(&sa, "</iq>"))
    return false;
  link_begin(l, VERB_STANZA);
  link_text(l, q->to);
  link_text(l, q->from);
  link_str(l, "iq");
  link_text(l, q->type);
  link_text(l, id);
  link_text(l, q->tags);
  link_origin(l);
  link_text(l, slice_of(sa.s, sa.len));
  return link_end(l);
}

bool
ask_client(struct link *routed, struct ask_iq const *q, ask_iq_fn *fn, void *cookie)
{
  char own[ID_LEN];
  struct slice id = q->id, key;
  struct question *x;

  if (questions.n >= ASKS_MAX) return false;
  if (!id.len) {
    door_random_id(own, sizeof own);
    id = slice_of(own, sizeof own);
  }
  key = key_of(q->to, q->from, id);
  x = table_get(&questions, key) ? NULL : question_new(key);
  if (!x) return false;
  x->fn = fn;
  x->cookie = cookie;
  if (put(routed, q, id)) {
    event_timer_start(&x->timer, door_now() + (q->wait_us < ASK_US ? q->wait_us : ASK_US),
                      on_deadline, x);
    return true;
  }
  table_del(&questions, question_key(x));
  free(x);
  return false;
}

bool
ask_is_answered(struct stanza const *st)
{
  struct question *x;

  if (!slice_is(st->kind, "iq") || stanza_may_answer(st)) return false;
  x = table_get(&questions, key_of(st->from, st->to, st->id));
  if (!x) return false;
  end(x, st);
  return true;
}

/* ---- the state for a trace ---- */

static void
question_fields(struct snapshot *k, struct question *x, ask_iq_state_fn *state)
{
  stralloc key = STRALLOC_ZERO;
  ask_iq_fn *fn = x ? x->fn : NULL;
  void *cookie = x ? x->cookie : NULL;

  if (x) key = (stralloc){.s = x->key, .len = x->len};
  snapshot_bytes(k, &key);
  if (snapshot_restores(k)) {
    x = question_new(slice_of(key.s, key.len));
    stralloc_free(&key);
    if (!x) {
      snapshot_fail(k, "a question is lost");
      return;
    }
  }
  if (!x) return;
  snapshot_timer(k, &x->timer, on_deadline, x);
  if (!state(k, &fn, &cookie)) snapshot_fail(k, "the asker of a question is not known");
  x->fn = fn;
  x->cookie = cookie;
}

void
ask_clients_snapshot(struct snapshot *k, ask_iq_state_fn *state)
{
  size_t i;

  for (i = 0; questions.slots && i <= questions.mask && !snapshot_restores(k); i++)
    if (questions.slots[i].item && snapshot_record(k, "asked", true))
      question_fields(k, questions.slots[i].item, state);
  while (snapshot_restores(k) && snapshot_record(k, "asked", true))
    question_fields(k, NULL, state);
}
