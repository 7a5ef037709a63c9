#include "dialback.h"
#include "condition.h"
#include "crowd.h"
#include "domains.h"
#include "in.h"
#include "inbound.h"
#include "key.h"
#include "out.h"
#include "policy.h"

#include <stdlib.h>
#include <string.h>

/* Dialback (XEP-0220) in its four roles: we say a key (db:result) on a stream of ours; a peer says
 * one on a stream of its own, and we ask the server of its domain (db:verify); we are asked so,
 * and know our keys by computing them anew.
 *
 * A question waits for a stream that we have opened to the domain. Such a stream can be asked as
 * soon as TLS is as it must be: never behind our own key, or two servers that connect to each
 * other at once would wait for each other. */

struct question {
  struct question *next;
  uint64_t in; /* the stream that said the key */
  uint64_t on; /* the stream that was asked; 0: none yet */
  char *from, *to, *id, *key;
  unsigned char tries;
  struct event_timer timer;
};

static struct question *questions;

static void on_timer(void *cookie);

/* ---- what is said ---- */

static void
say(struct stream *s, char const *name, struct slice from, struct slice to,
    struct slice id, char const *type, struct slice content)
{
  stralloc sa = STRALLOC_ZERO;
  bool ok = xml_cat(&sa, "<db:") && xml_cat(&sa, name) &&
            xml_cat_attr(&sa, "from", from) && xml_cat_attr(&sa, "to", to) &&
            (!id.len || xml_cat_attr(&sa, "id", id)) &&
            (!type || xml_cat_attr(&sa, "type", slice_str(type)));

  if (content.len)
    ok = ok && xml_cat(&sa, ">") && stralloc_catb(&sa, content.s, content.len) &&
         xml_cat(&sa, "</db:") && xml_cat(&sa, name) && xml_cat(&sa, ">");
  else
    ok = ok && xml_cat(&sa, "/>");
  if (ok) stream_say(s, slice_of(sa.s, sa.len));
  stralloc_free(&sa);
}

/* XEP-0220 s2.5: the error as that of a stanza. */
static void
say_error(struct stream *s, char const *name, struct slice from, struct slice to,
          struct slice id, enum stanza_error error, char const *text)
{
  struct stanza none = {.kind = SLICE("x")};
  stralloc sa = STRALLOC_ZERO;
  char *begin, *end;

  if (stanza_cat_error(&sa, &none, error, slice_str(text)) && stralloc_0(&sa)) {
    begin = strstr(sa.s, "<error");
    end = strstr(sa.s, "</x>");
    if (begin && end)
      say(s, name, from, to, id, "error", slice_of(begin, (size_t)(end - begin)));
  }
  stralloc_free(&sa);
}

void
dialback_send_key(struct stream *s)
{
  char key[KEY_LEN];

  key_make(slice_str(s->remote), slice_str(s->local), slice_str(s->id), key);
  say(s, "result", slice_str(s->local), slice_str(s->remote), SLICE(""), NULL,
      slice_of(key, sizeof key));
}

/* ---- questions ---- */

static void
question_drop(struct question *q)
{
  struct question **at;
  struct stream *in = stream_find(q->in);

  for (at = &questions; *at != q; at = &(*at)->next) {
  }
  *at = q->next;
  if (in && in->asked_n) in->asked_n--;
  event_timer_cancel(&q->timer);
  free(q->from);
  free(q->to);
  free(q->id);
  free(q->key);
  free(q);
}

bool
dialback_waits_for(struct stream const *s)
{
  struct question const *q;

  for (q = questions; q && q->on != s->number; q = q->next) {
  }
  return q != NULL;
}

/* A stream of ours for questions alone is closed when no question is open there. */
static void
finish(struct stream *s)
{
  if (out_kind(s) == DIAL_VERIFY && s->ready && !dialback_waits_for(s))
    stream_close(s, "not needed any more");
}

static bool
concerns(struct question const *q, char const *local, char const *remote)
{
  return !strcmp(q->to, local) && !strcmp(q->from, remote);
}

/* Say whether a question other than q waits for a stream between the domains of q. */
static bool
others_wait(struct question const *q)
{
  struct question const *o = questions;

  while (o && (o == q || o->on || !concerns(o, q->to, q->from)))
    o = o->next;
  return o != NULL;
}

/* Forget q, whose asker has gone, and what was begun for q alone. */
static void
give_up(struct question *q)
{
  struct stream *on = stream_find(q->on);

  if (!others_wait(q)) dial_forget_verify(q->to, q->from);
  question_drop(q);
  if (on) finish(on);
}

void
dialback_forget(struct stream *s)
{
  struct question *q, *next;

  while (s->proofs)
    proof_drop(s, s->proofs);
  for (q = s->asked_n ? questions : NULL; q; q = next) {
    next = q->next;
    if (q->in == s->number) give_up(q);
  }
}

static void
drop_proof(struct stream *in, struct question const *q)
{
  struct proof *p = proof_find(in, slice_str(q->from), slice_str(q->to));

  if (p && !p->valid) proof_drop(in, p);
}

/* The domain is not proven: say so, if its stream is there still. */
static void
deny(struct question *q, enum stanza_error error, char const *text)
{
  struct stream *in = stream_find(q->in);

  if (in && !in->c.ending.why) {
    drop_proof(in, q);
    say_error(in, "result", slice_str(q->to), slice_str(q->from), SLICE(""), error, text);
  }
  question_drop(q);
}

static void
on_timer(void *cookie)
{
  struct question *q = cookie;
  struct stream *on = stream_find(q->on);

  deny(q, ERR_REMOTE_TIMEOUT, "no answer in time");
  if (on) {
    finish(on);
    conduit_settle(&on->c);
  }
}

/* The time in which a question must be answered begins when it is asked, or when the dial for it has its
 * turn. */
static void
start_clock(struct question *q)
{
  if (!event_timer_on(&q->timer))
    event_timer_start(&q->timer, door_now() + S2S_VERIFY_US, on_timer, q);
}

static void
ask_on(struct question *q, struct stream *s)
{
  start_clock(q);
  q->on = s->number;
  say(s, "verify", slice_str(q->to), slice_str(q->from), slice_str(q->id), NULL,
      slice_str(q->key));
}

static struct stream *
ready_stream(struct question const *q)
{
  struct stream *s = NULL;

  while ((s = stream_between(slice_str(q->to), slice_str(q->from), s)))
    if (s->ready && !s->c.ending.why && s->state < ST_LEAVING) return s;
  return NULL;
}

static void
ask(struct question *q)
{
  struct stream *s = ready_stream(q), *in = stream_find(q->in);
  bool begun;

  q->on = 0;
  if (s) {
    ask_on(q, s);
    return;
  }
  if (dial_is_under_way(slice_str(q->to), slice_str(q->from), &begun)) {
    if (begun) start_clock(q);
    return;
  }
  if (in && !domain_known_us(slice_str(q->from)) && !crowd_may_dial(in->c.ip))
    deny(q, ERR_RESOURCE_CONSTRAINT, "too many domains of this address");
  else if (!dial_verify(q->to, q->from))
    deny(q, ERR_RESOURCE_CONSTRAINT, "too many connections");
}

void
dialback_begins(struct dial const *d)
{
  struct question *q;

  for (q = questions; q; q = q->next)
    if (!q->on && concerns(q, d->from, d->to)) start_clock(q);
}

void
dialback_abandoned(char const *local, char const *remote)
{
  struct question *q, *next;

  for (q = questions; q; q = next) {
    next = q->next;
    if (!q->on && concerns(q, local, remote)) ask(q);
  }
}

void
dialback_ready(struct stream *s)
{
  struct question *q;

  for (q = questions; q; q = q->next)
    if (!q->on && concerns(q, s->local, s->remote)) ask_on(q, s);
}

void
dialback_lost(struct stream *s)
{
  struct question *q, *next;

  for (q = questions; q; q = next) {
    next = q->next;
    if (q->on != s->number) continue;
    q->on = 0;
    if (q->tries++)
      deny(q, ERR_REMOTE_TIMEOUT, "connection closed");
    else
      ask(q);
  }
}

/* A server that does not know the domain is as good as none (XEP-0220 s2.4.2). */
static enum stanza_error
error_of(struct verdict const *v)
{
  return verdict_is_of_peer(v, "host-unknown") ? ERR_REMOTE_NOT_FOUND : v->error;
}

void
dialback_failed(struct dial const *d, struct verdict const *v)
{
  struct question *q, *next;

  for (q = questions; q; q = next) {
    next = q->next;
    if (!q->on && concerns(q, d->from, d->to)) deny(q, error_of(v), v->why);
  }
}

/* ---- we receive a key ---- */

static bool
set_question(struct question *q, struct stream *s, struct proof const *p,
             struct slice key)
{
  q->in = s->number;
  q->from = slice_dup(slice_str(p->from));
  q->to = slice_dup(slice_str(p->to));
  q->id = slice_dup(slice_str(s->id));
  q->key = slice_dup(key);
  return q->from && q->to && q->id && q->key;
}

static void
ask_for(struct stream *s, struct proof *p, struct slice key)
{
  struct question *q = calloc(1, sizeof *q);

  if (!q) return;
  q->next = questions;
  questions = q;
  s->asked_n++;
  if (!set_question(q, s, p, key)) {
    question_drop(q);
    return;
  }
  ask(q);
}

static void
accept(struct stream *s, struct proof *p)
{
  p->auth = AUTH_DIALBACK;
  say(s, "result", slice_str(p->to), slice_str(p->from), SLICE(""), "valid", SLICE(""));
  in_proven(s, p);
}

/* Say why a key is not even asked about. */
static bool
is_refused(struct stream *s, struct slice from, struct slice to, enum stanza_error *error)
{
  struct host const *h = settings_host_of(to);

  *error = domain_may_be_served(to) ? ERR_RESOURCE_CONSTRAINT : ERR_ITEM_NOT_FOUND;
  if (!domain_is_served(to)) return true;
  *error = ERR_FORBIDDEN;
  if (domain_is_served(from) || !settings_admits(h, from)) return true;
  *error = ERR_NOT_AUTHORIZED;
  if (!(policy(h->tls, settings_dialback(h, from),
               s->c.secure ? SITUATION_IN_INVALID : SITUATION_IN_PLAIN) &
        MAY_DIALBACK))
    return true;
  *error = ERR_RESOURCE_CONSTRAINT;
  return s->asked_n >= S2S_ASKED;
}

static void
take_key(struct stream *s, struct slice from, struct slice to, struct slice key)
{
  struct proof *p = proof_find(s, from, to);
  enum stanza_error error;

  if (p && !p->valid) return; /* asked already */
  if (is_refused(s, from, to, &error)) {
    say_error(s, "result", to, from, SLICE(""), error, NULL);
    return;
  }
  if (key.len > S2S_KEY_MAX) {
    say_error(s, "result", to, from, SLICE(""), ERR_NOT_ACCEPTABLE,
              "the key is too long");
    return;
  }
  if (!p) p = proof_add(s, from, to);
  if (!p)
    say_error(s, "result", to, from, SLICE(""), ERR_RESOURCE_CONSTRAINT, NULL);
  else if (p->valid || (s->c.secure && !stream_judge(s, from, SLICE(""))))
    accept(s, p);
  else
    ask_for(s, p, key);
}

/* ---- we are asked about a key of ours ---- */

static void
answer_verify(struct stream *s, struct slice from, struct slice to, struct slice id,
              struct slice key)
{
  if (++s->verifies_n > S2S_VERIFIES)
    conduit_error(&s->c, "policy-violation", "too many questions");
  else if (!domain_is_served(to))
    say_error(s, "verify", to, from, id, ERR_ITEM_NOT_FOUND, NULL);
  else
    say(s, "verify", to, from, id, key_is(key, from, to, id) ? "valid" : "invalid",
        SLICE(""));
}

/* ---- elements ---- */

bool
dialback_is(struct xml_node const *e)
{
  return slice_is(e->ns, NS_DIALBACK) &&
         (slice_is(e->name, "result") || slice_is(e->name, "verify"));
}

/* Log a line a stream: a peer may say such things as often as it likes. */
static void
log_unasked(struct stream *s, struct xml_node const *e)
{
  if (s->said_unasked) return;
  s->said_unasked = true;
  log_event(LOG_WARN, "s2s-answer-dropped", "conn", conduit_conn(&s->c), "from",
            s->remote, "to", s->local, "addr", log_peer(slice_str(s->c.ip)), "name",
            log_text(e->name), "type", log_text(xml_attr(e, "type")), "why",
            "nobody has asked", NULL);
}

struct heard {
  struct arena a;
  struct slice from, to, id, type, key;
};

/* false: an address is missing or none, and the stream ends. */
static bool
hear(struct heard *h, struct stream *s, struct xml_node const *e)
{
  h->from = jid_prep_domain(&h->a, xml_attr(e, "from"));
  h->to = jid_prep_domain(&h->a, xml_attr(e, "to"));
  h->id = xml_attr(e, "id");
  h->type = xml_attr(e, "type");
  h->key = slice_trimmed(xml_text(&h->a, e));
  if (h->from.s && h->to.s) return true;
  conduit_error(&s->c, "improper-addressing", NULL);
  return false;
}

void
dialback_in(struct stream *s, struct xml_node const *e)
{
  struct heard h = {.a = ARENA_ZERO};

  if (hear(&h, s, e)) {
    if (h.type.len)
      log_unasked(s, e);
    else if (slice_is(e->name, "verify"))
      answer_verify(s, h.from, h.to, h.id, h.key);
    else if (s->id)
      take_key(s, h.from, h.to, h.key);
  }
  arena_wipe(&h.a);
}

/* ---- answers of the server that we have asked ---- */

/* An invalid key ends a stream that has proven nothing else. */
static void
tell_invalid(struct stream *in, struct question const *q)
{
  drop_proof(in, q);
  say(in, "result", slice_str(q->to), slice_str(q->from), SLICE(""), "invalid",
      SLICE(""));
  if (!in->proofs) conduit_end(&in->c, "dialback has failed");
}

/* The settings may have changed since the key was taken. */
static void
verified(struct question *q, struct slice type)
{
  struct stream *in = stream_find(q->in);
  struct proof *p =
    in && !in->c.ending.why ? proof_find(in, slice_str(q->from), slice_str(q->to)) : NULL;
  bool valid = slice_is(type, "valid");

  if (p && valid && inbound_admits(in, slice_str(q->from), slice_str(q->to)))
    accept(in, p);
  else if (p && slice_is(type, "invalid"))
    tell_invalid(in, q);
  else if (p) {
    deny(q, valid ? ERR_FORBIDDEN : ERR_REMOTE_TIMEOUT,
         valid ? "not allowed any more" : "the authoritative server has refused");
    return;
  }
  question_drop(q);
}

static void
take_answer(struct stream *s, struct xml_node const *e, struct heard const *h)
{
  struct question *q;

  for (q = questions; q; q = q->next)
    if (q->on == s->number && slice_is(h->from, q->from) && slice_is(h->to, q->to) &&
        slice_is(h->id, q->id))
      break;
  if (!q) {
    log_unasked(s, e);
    return;
  }
  verified(q, h->type);
  finish(s);
}

/* ---- the answer to our key ---- */

static void
take_result(struct stream *s, struct xml_node const *e, struct heard const *h)
{
  struct xml_node const *error = xml_child(e, NULL, "error");
  struct verdict v;

  if (s->state != ST_DIALBACK || out_kind(s) == DIAL_VERIFY ||
      !slice_is(h->from, s->remote) || !slice_is(h->to, s->local)) {
    log_unasked(s, e);
    return;
  }
  if (slice_is(h->type, "valid")) {
    out_proven(s);
    return;
  }
  v = verdict_of(STEP_DIALBACK, false, "key refused");
  if (slice_is(h->type, "invalid"))
    v.error = ERR_INTERNAL_WAIT;
  else
    v = verdict_of_peer(STEP_DIALBACK, false, "peer",
                        error ? condition_of_stanza(error) : SLICE("error"));
  out_refused(s, v);
}

void
dialback_out(struct stream *s, struct xml_node const *e)
{
  struct heard h = {.a = ARENA_ZERO};

  if (hear(&h, s, e)) {
    if (!h.type.len && slice_is(e->name, "verify"))
      answer_verify(s, h.from, h.to, h.id, h.key);
    else if (!h.type.len)
      log_unasked(s, e);
    else if (slice_is(e->name, "verify"))
      take_answer(s, e, &h);
    else
      take_result(s, e, &h);
  }
  arena_wipe(&h.a);
}

/* ---- the state for a trace ---- */

void
dialback_snapshot(struct snapshot *k)
{
  struct question **at = &questions, *q;

  for (; snapshot_record(k, "question", *at != NULL); at = &q->next) {
    if (snapshot_restores(k)) *at = snapshot_new(k, sizeof **at);
    q = *at;
    if (!q) return;
    SNAPSHOT_INT(k, q->in);
    SNAPSHOT_INT(k, q->on);
    snapshot_text(k, &q->from);
    snapshot_text(k, &q->to);
    snapshot_text(k, &q->id);
    snapshot_text(k, &q->key);
    SNAPSHOT_INT(k, q->tries);
    snapshot_timer(k, &q->timer, on_timer, q);
  }
}
