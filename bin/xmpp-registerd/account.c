#include "captcha.h"
#include "invites.h"

#include "password/password.h"
#include "scram/scram.h"

#include <openssl/crypto.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A new account: the checks in their order, the first that fails answers; then authd, which alone
 * knows whether the name is free. And the other two that authd does for a session: a new password,
 * the end. What is asked is an attempt until authd has answered. */

struct attempt {
  struct attempt *next;
  struct arena arena;
  struct request q;
  struct slice bare, host, by; /* by: the way for the log */
  uint64_t slot;               /* 0: none */
  struct slice token;          /* of the invitation's use (joins.c); empty: none */

  enum { MAKE, CHANGE, REMOVE } what;
};

static struct attempt *attempts;
static uint64_t attempts_n;
uint64_t accounts_made;

static void
wipe(struct slice secret)
{
  if (secret.s) OPENSSL_cleanse((void *)(uintptr_t)secret.s, secret.len);
}

/* ---- passwords ---- */

/* RFC 8265 s4: prepared by SASLprep, as a login prepares it; an empty one is too short. */
static bool
prepares(struct request const *q, struct slice password)
{
  struct arena a = ARENA_ZERO;
  struct slice prepared = scram_password(&a, password);
  bool ok = prepared.s != NULL;

  wipe(prepared);
  arena_wipe(&a);
  if (!ok && password.len && scram_is_void(password))
    answer_error(q, ERR_NOT_ACCEPTABLE, NULL, TEXT_LONGER);
  else if (!ok)
    answer_error(q, ERR_NOT_ACCEPTABLE, NULL, TEXT_BAD_PASSWORD);
  return ok;
}

bool
account_password_holds(struct request const *q, struct host const *h,
                       struct slice password)
{
  if (!prepares(q, password)) return false;
  if (password_bits(password) >= h->strength) return true;
  answer_error(q, ERR_NOT_ACCEPTABLE, NULL, TEXT_WEAK);
  return false;
}

/* ---- attempts ---- */

static void
attempt_free(struct attempt *x)
{
  struct attempt **at;

  for (at = &attempts; *at != x; at = &(*at)->next) {
  }
  *at = x->next;
  attempts_n--;
  arena_wipe(&x->arena);
  free(x);
}

static struct attempt *
attempt_new(struct request const *q, struct slice bare, struct slice host, char const *by)
{
  struct attempt *x = attempts_n < REGISTER_ATTEMPTS_MAX ? calloc(1, sizeof *x) : NULL;

  if (!x) return NULL;
  x->next = attempts;
  attempts = x;
  attempts_n++;
  x->bare = arena_copy(&x->arena, bare);
  x->host = arena_copy(&x->arena, host);
  x->by = arena_copy(&x->arena, slice_str(by));
  if (x->bare.s && x->host.s && x->by.s && request_keep(&x->arena, &x->q, q)) return x;
  attempt_free(x);
  return NULL;
}

void
account_link_gone(struct link const *l)
{
  struct attempt *x;

  for (x = attempts; x; x = x->next)
    if (x->q.link == l && (x->q.stream || x->q.visit)) x->q.link = NULL;
}

bool
account_works_for(struct slice bare)
{
  struct attempt const *x;

  for (x = attempts; x && (x->what != MAKE || !slice_eq(x->bare, bare)); x = x->next) {
  }
  return x != NULL;
}

/* ---- what authd says ---- */

static void
made(struct attempt *x)
{
  struct stream *s = stream_make(&x->q);
  struct host const *h = registerd_host(x->host);

  accounts_made++;
  if (x->token.len) join_made(x->token);
  if (s) s->made = true;
  answer_result(&x->q, SLICE(""), "made", x->bare);
  if (h) greet(h, x->bare, x->q.ip, x->by.s);
  log_event(LOG_INFO, "registered", "jid", x->bare.s, "ip", log_peer(x->q.ip), "by",
            x->by.s, NULL);
}

/* End the sessions of the account: all, or all but one. */
static void
end_sessions(struct attempt const *x, char const *condition, struct slice but)
{
  if (!registerd_routed) return;
  link_begin(registerd_routed, VERB_END);
  link_text(registerd_routed, x->bare);
  link_str(registerd_routed, condition);
  if (but.len) link_text(registerd_routed, but);
  link_end(registerd_routed);
}

static void
done(struct attempt *x)
{
  if (x->what == MAKE) {
    made(x);
    return;
  }
  answer_result(&x->q, SLICE(""), NULL, SLICE(""));
  if (x->what == CHANGE)
    end_sessions(x, "reset", x->q.in.from);
  else
    end_sessions(x, "not-authorized", SLICE(""));
  log_event(LOG_INFO, x->what == CHANGE ? "password-changed" : "unregistered", "jid",
            x->bare.s, NULL);
}

/* authd has not made the account, for certain: else the join is looked at again when authd is there. */
static bool
is_final(struct slice condition)
{
  return slice_has_word(
    SLICE("conflict gone not-acceptable not-allowed item-not-found jid-malformed "
          "resource-constraint"),
    condition);
}

static void
failed(struct attempt *x, struct slice condition)
{
  slot_give_back(x->slot);
  if (x->token.len && is_final(condition))
    join_failed(x->token, slice_is(condition, "gone"));
  if (x->what == MAKE && slice_is(condition, "conflict"))
    answer_error(&x->q, ERR_CONFLICT, NULL, TEXT_TAKEN);
  else if (x->what == REMOVE && slice_is(condition, "item-not-found"))
    done(x); /* the request has come again */
  else if (slice_is(condition, "not-allowed"))
    answer_error(&x->q, ERR_NOT_ALLOWED, NULL,
                 x->what == CHANGE   ? TEXT_NO_CHANGE
                 : x->what == REMOVE ? TEXT_NO_REMOVAL
                                     : TEXT_DENIED);
  else if (slice_is(condition, "gone"))
    answer_error(&x->q, ERR_NOT_ACCEPTABLE, NULL, TEXT_USED);
  else if (slice_is(condition, "not-acceptable"))
    answer_error(&x->q, ERR_NOT_ACCEPTABLE, NULL, TEXT_BAD_PASSWORD);
  else {
    if (x->what == MAKE) captcha_give_back(&x->q);
    answer_error(&x->q, ERR_INTERNAL, "wait", TEXT_TEMPORARY);
  }
}

static void
on_answer(void *cookie, enum ask_part part, struct slice const v[2])
{
  struct attempt *x = cookie;

  if (part == ASK_ROW) return;
  if (part == ASK_DONE)
    done(x);
  else
    failed(x, v[1]);
  attempt_free(x);
}

/* Ask authd; x is over when that fails. */
static void
ask_authd(struct attempt *x, char const *word, struct slice password)
{
  struct slice const fields[] = {slice_str(word), x->bare, password, x->token};
  size_t n = x->token.len ? 4 : password.s ? 3 : 2;

  if (ask(AUTHD, VERB_ACCOUNT, fields, n, on_answer, x)) return;
  failed(x, SLICE(""));
  attempt_free(x);
}

static void
begin(struct request const *q, struct slice bare, struct slice password, int what)
{
  struct jid j = jid_cut(bare);
  struct attempt *x = attempt_new(q, bare, j.domain, "session");

  if (!x) {
    answer_error(q, ERR_RESOURCE_CONSTRAINT, NULL, TEXT_BUSY);
    return;
  }
  x->what = what;
  ask_authd(x, what == CHANGE ? "passwd" : "remove", password);
}

bool
account_may_ask(void)
{
  return link_find(AUTHD) && attempts_n < REGISTER_ATTEMPTS_MAX;
}

void
account_passwd(struct request const *q, struct slice bare, struct slice password)
{
  begin(q, bare, password, CHANGE);
}

void
account_del(struct request const *q, struct slice bare)
{
  begin(q, bare, (struct slice){NULL, 0}, REMOVE);
}

/* ---- the checks ---- */

/* A name: prepared, not reserved, and short enough for a key of a store. */
static bool
name_holds(struct arena *a, struct request const *q, struct host const *h,
           struct slice text, struct jid *j)
{
  struct slice name = jid_username(a, text);

  if (!name.s || !jid_make(a, name, h->name, SLICE(""), j) ||
      j->bare.len > REGISTER_ADDRESS_MAX)
    answer_error(q, ERR_JID_MALFORMED, NULL, TEXT_BAD_NAME);
  else if (registerd_reserves(h, name) ||
           access_is_anonymous(registerd.st, h->name, name))
    answer_error(q, ERR_NOT_ACCEPTABLE, NULL, TEXT_RESERVED);
  else
    return true;
  return false;
}

/* An invitation stands for the rule of names, not for that of addresses. */
static bool
is_allowed(struct request const *q, struct host const *h, struct account_ask const *w,
           struct jid const *j)
{
  bool way = strcmp(w->by, "web") ? h->in_band : h->by_web;

  if ((w->invite || (way && registerd_allows(h, h->access, j, q->ip))) &&
      registerd_allows_ip(h, q->ip))
    return true;
  answer_error(q, ERR_FORBIDDEN, NULL, TEXT_DENIED);
  return false;
}

/* The name is kept for another invitation, or this one is for another name. */
static bool
is_for(struct request const *q, struct jid const *j, struct invite_id const *id,
       struct invite const *i)
{
  struct invite_id other;

  if (i && i->kind == INVITE_ACCOUNT && i->name.len && !slice_eq(i->name, j->local))
    answer_error(q, ERR_NOT_ALLOWED, NULL, TEXT_OTHER_NAME);
  else if (invite_reserves(j->bare, &other) &&
           (!i || memcmp(&other, id, sizeof other) != 0))
    answer_error(q, ERR_CONFLICT, NULL, TEXT_TAKEN);
  else
    return true;
  return false;
}

static void
refuse_slot(struct request const *q, uint64_t wait_us)
{
  if (wait_us)
    answer_wait(q, (wait_us + 999999) / 1000000);
  else
    answer_error(q, ERR_RESOURCE_CONSTRAINT, NULL, TEXT_BUSY);
}

/* Note the use of the invitation. false: errno EBUSY (another stream uses it), or the store failed. */
static bool
begin_join(struct attempt *x, struct invite_id const *id, struct invite const *i)
{
  char token[JOIN_TOKEN_SIZE];

  if (!join_begin(id, i, x->bare, token)) return false;
  x->token = arena_copy(&x->arena, slice_str(token));
  return x->token.s != NULL;
}

static void
go_on(struct request const *q, struct host const *h, struct account_ask const *w,
      struct jid const *j)
{
  struct attempt *x = attempt_new(q, j->bare, h->name, w->by);
  uint64_t wait_us;

  if (!x) {
    answer_error(q, ERR_RESOURCE_CONSTRAINT, NULL, TEXT_BUSY);
    return;
  }
  x->what = MAKE;
  if (w->invite ? begin_join(x, w->id, w->invite)
                : slot_take(q->ip, &x->slot, &wait_us)) {
    ask_authd(x, "add", w->password);
    return;
  }
  if (w->invite && errno == EBUSY)
    answer_error(q, ERR_NOT_ACCEPTABLE, NULL, TEXT_USED);
  else if (w->invite)
    answer_error(q, ERR_INTERNAL, "wait", TEXT_TEMPORARY);
  else
    refuse_slot(q, wait_us);
  attempt_free(x);
}

void
account_check(struct request const *q, struct host const *h, struct account_ask const *w)
{
  struct arena a = ARENA_ZERO;
  struct jid j;

  if (name_holds(&a, q, h, w->username, &j) && is_allowed(q, h, w, &j) &&
      account_password_holds(q, h, w->password) && is_for(q, &j, w->id, w->invite))
    go_on(q, h, w, &j);
  arena_wipe(&a);
}

void
account_make(struct request const *q, struct host const *h, struct wanted const *w,
             char const *by)
{
  struct arena a = ARENA_ZERO;
  struct invite_id id;
  struct invite i;
  bool invited = preauth_of(&a, q, &id, &i);
  char text[REGISTER_ADDRESS_MAX + 16];
  struct account_ask x = {w->username, w->password, by, invited ? &i : NULL, &id};

  if (invited) {
    snprintf(text, sizeof text, "invite:%.*s", (int)i.inviter.len, i.inviter.s);
    x.by = text;
  }
  if (!w->username.len || !w->password.len)
    answer_error(q, ERR_NOT_ACCEPTABLE, NULL, TEXT_INCOMPLETE);
  else if (invited || !q->stream || !h->captcha || captcha_holds(q, w))
    account_check(q, h, &x);
  arena_wipe(&a);
}

/* ---- the state for a trace ---- */

static void
fields(struct snapshot *k, struct attempt *x)
{
  struct arena *a = &x->arena;

  snapshot_link(k, &x->q.link);
  SNAPSHOT_INT(k, x->q.stream);
  SNAPSHOT_INT(k, x->q.visit);
  snapshot_slice(k, a, &x->q.in.to);
  snapshot_slice(k, a, &x->q.in.from);
  snapshot_slice(k, a, &x->q.in.id);
  snapshot_slice(k, a, &x->q.in.tags);
  snapshot_slice(k, a, &x->q.host);
  snapshot_slice(k, a, &x->q.ip);
  snapshot_slice(k, a, &x->q.lang);
  snapshot_slice(k, a, &x->q.back);
  snapshot_slice(k, a, &x->bare);
  snapshot_slice(k, a, &x->host);
  snapshot_slice(k, a, &x->by);
  SNAPSHOT_INT(k, x->slot);
  snapshot_slice(k, a, &x->token);
  SNAPSHOT_INT(k, x->what);
}

void
account_snapshot(struct snapshot *k)
{
  struct attempt **at = &attempts;

  for (; snapshot_record(k, "attempt", *at != NULL); at = &(*at)->next) {
    if (snapshot_restores(k)) *at = snapshot_new(k, sizeof **at);
    if (!*at) return;
    (*at)->q.in.kind = SLICE("iq");
    fields(k, *at);
    if (snapshot_restores(k)) attempts_n++;
  }
}

/* An attempt is named by its place in the list. */
bool
account_snapshot_ask(struct snapshot *k, ask_fn **fn, void **cookie)
{
  uint64_t n = 0, i;
  struct attempt *x;

  for (x = attempts; x && x != *cookie; x = x->next)
    n++;
  SNAPSHOT_INT(k, n);
  if (!snapshot_restores(k)) return true;
  for (x = attempts, i = 0; x && i < n; x = x->next)
    i++;
  *fn = x ? on_answer : NULL;
  *cookie = x;
  return x != NULL;
}
