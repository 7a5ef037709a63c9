#include "anonymous.h"
#include "authd.h"
#include "failures.h"
#include "fast.h"
#include "upgrade.h"

#include <openssl/crypto.h>

#include <string.h>

/* An exchange: auth -> (challenge -> response)* -> success or failure. Whatever is wrong with
 * name or password ends in the same not-authorized, after the same work. */

void
sasl_announce(struct link *l)
{
  struct host const *h;

  for (h = authd.hosts; h; h = h->next) {
    link_begin(l, VERB_MECHANISMS);
    link_str(l, h->name);
    link_str(l, h->mechanisms);
    if (*h->fast || *h->upgrades) link_str(l, h->fast);
    if (*h->upgrades) link_str(l, h->upgrades);
    link_end(l);
  }
}

/* ---- answers ---- */

/* A failure as c2sd is told: jid and why are for its log. */
struct failure {
  char const *condition; /* of RFC 6120 s6.5, for the client */
  char const *why;       /* for the administrator */
  struct slice jid;
  bool untried;
};

static void
say_failure(struct link *l, uint64_t id, struct failure const *f)
{
  ++*(f->untried ? &sasl_totals.untried : &sasl_totals.failed);
  link_begin(l, VERB_FAILURE);
  link_num(l, id);
  link_str(l, f->condition);
  link_str(l, "");
  link_str(l, f->untried ? "1" : "");
  link_text(l, f->jid);
  link_str(l, f->why);
  link_end(l);
}

/* Refuse the record of the id, for which there is no exchange. */
void
sasl_refuse(struct link *l, uint64_t id, char const *condition, char const *why)
{
  say_failure(l, id, &(struct failure){condition, why, SLICE(""), false});
}

void
sasl_fail(struct exchange *x, char const *condition, char const *why)
{
  say_failure(x->link, x->id, &(struct failure){condition, why, x->bare, x->untried});
  exchange_free(x);
}

static void
say_success(struct exchange *x)
{
  struct slice b64 = scram_encode(&x->scram.arena, x->verifier);
  char resource[SECRETS_RESOURCE], expiry[STAMP_SIZE];

  fast_issue(x);
  sasl_totals.succeeded++;
  link_begin(x->link, VERB_SUCCESS);
  link_num(x->link, x->id);
  link_text(x->link, b64);
  link_text(x->link, x->bare);
  if (x->agent.len) {
    link_str(x->link, x->fast.text);
    link_text(x->link, x->fast.text[0] ? stamp_s(expiry, x->fast.expiry_s) : SLICE(""));
    if (secrets_resource(x->bare, x->agent, resource))
      link_text(x->link, slice_of(resource, sizeof resource));
  }
  link_end(x->link);
}

static void
fail_changed(struct exchange *x)
{
  sasl_fail(x, "not-authorized", "wrong-password");
}

void
sasl_succeed(struct exchange *x)
{
  if (!exchange_is_current(x)) {
    fail_changed(x);
    return;
  }
  say_success(x);
  exchange_free(x);
}

/* Fail because name and password do not belong together: the log alone tells them apart. The
 * record of a ban, if this is one failure too many, goes before that of the failure. An old password
 * that was right is no guess and is not counted. */
void
sasl_answer(struct exchange *x)
{
  if (x->step == DELAYED) failure_waited(x->bare);
  x->step = FINAL;
  if (x->passed && !exchange_is_current(x)) {
    fail_changed(x);
    return;
  }
  if (x->passed) {
    failure_forgive(exchange_ip(x), x->bare);
    if (!upgrade_begin(x)) sasl_succeed(x);
    return;
  }
  failure_count(authd_host(x->host), exchange_ip(x), x->bare);
  sasl_fail(x, "not-authorized",
            x->real && x->named ? "wrong-password" : "unknown-account");
}

void
sasl_pass(struct exchange *x, struct slice verifier)
{
  x->passed = true;
  x->verifier = verifier;
  sasl_answer(x);
}

static void
waited(void *cookie)
{
  sasl_answer(cookie);
}

/* The client is told of a wrong secret at once, or after a delay: then both answers come as late. */
static void
decide(struct exchange *x, bool passed, struct slice verifier)
{
  uint64_t us = failure_delay(exchange_ip(x), x->bare);

  x->passed = passed;
  x->verifier = verifier;
  if (!us)
    sasl_answer(x);
  else if (us == UINT64_MAX)
    sasl_fail(x, "temporary-auth-failure", "crowded");
  else {
    x->step = DELAYED;
    event_timer_start(&x->timer, door_now() + us, waited, x);
  }
}

static void
fail_secret(struct exchange *x)
{
  decide(x, false, SLICE(""));
}

static void
challenge(struct exchange *x, struct slice data)
{
  struct slice b64 = scram_encode(&x->scram.arena, data);

  if (!b64.s) {
    sasl_fail(x, "temporary-auth-failure", "out-of-memory");
    return;
  }
  link_begin(x->link, VERB_CHALLENGE);
  link_num(x->link, x->id);
  link_text(x->link, b64);
  link_end(x->link);
}

void
sasl_too_late(void *cookie)
{
  sasl_fail(cookie, "temporary-auth-failure", "too-late");
}

/* ---- names ---- */

/* The address that a name means on this host: a localpart, or a whole bare JID of it. Names
 * that do not prepare mean nobody; they go through the same motions as unknown ones. */
bool
sasl_take_name(struct exchange *x, struct slice name)
{
  struct arena *a = &x->scram.arena;
  struct slice at = slice_of(name.s, name.len), local;
  struct jid j;

  if (memchr(name.s, '@', name.len)) {
    slice_word(&at, '@', &local);
    if (slice_is_nocase(at, x->host.s)) name = local;
  }
  local = jid_prep_local(a, name);
  if (local.s && jid_make(a, local, x->host, SLICE(""), &j)) {
    x->bare = j.bare;
    x->named = true;
    return true;
  }
  x->bare = arena_copy(a, name);
  return x->bare.s != NULL;
}

/* RFC 6120 s6.3.8: nobody acts for another here; nor for one whose name is in the header
 * (XEP-0388 s3.4). */
bool
sasl_authzid_holds(struct exchange *x, struct slice authzid)
{
  struct jid j;

  if (x->from.len && !slice_eq(x->from, x->bare)) return false;
  if (!authzid.len) return true;
  return jid_parse(&x->scram.arena, authzid, &j) && slice_eq(j.full, x->bare);
}

/* ---- programs outside ---- */

static void
ask_outside(struct exchange *x, struct slice password)
{
  x->question = outside_ask(x->bare, password, "");
  if (x->question)
    x->step = OUTSIDE;
  else
    sasl_fail(x, "temporary-auth-failure", "checker-away");
}

/* An account begins with its first login: then it gets a number. */
static void
answered(struct exchange *x, struct slice result)
{
  bool yes = slice_is(result, "yes"), is_new = yes && !secrets_number(x->bare);

  x->real = secrets_number(x->bare) != 0; /* for the log */
  if (!yes && !slice_is(result, "no"))
    sasl_fail(x, "temporary-auth-failure", "checker-failed");
  else if (!yes)
    fail_secret(x);
  else if (!secrets_add_outside(x->bare))
    sasl_fail(x, "not-authorized", "unknown-account"); /* ending, or removed */
  else {
    if (is_new) ends_made(x->bare);
    x->number = secrets_number(x->bare);
    decide(x, true, SLICE(""));
  }
}

static struct slice result; /* of the question that exchanges_each looks for */

static void
answer_if(struct exchange *x, uint64_t question)
{
  if (x->step == OUTSIDE && (!question || x->question == question)) answered(x, result);
}

void
sasl_verified(struct link *l, struct record *r)
{
  (void)l;
  result = record_get(r, 2);
  if (!record_u64(r, 1)) return;
  exchanges_each(answer_if, record_u64(r, 1));
  control_answered(record_u64(r, 1), result);
  exists_answered(record_u64(r, 1), result);
}

void
sasl_checker_gone(void)
{
  result = SLICE("failed");
  exchanges_each(answer_if, 0);
  control_answered(0, result);
}

/* ---- PLAIN (RFC 4616) ---- */

/* An account that has keys here is checked here, if the host does so at all; others by a program
 * outside. */
static bool
goes_outside(struct exchange const *x)
{
  struct host const *h = authd_host(x->host);

  return h && h->is_external && x->named && !(h->is_internal && x->real);
}

static void
plain(struct exchange *x, struct slice message)
{
  struct slice rest = message, authzid, name, password;
  bool matches = false, authzid_ok;

  if (!slice_word(&rest, 0, &authzid) || !slice_word(&rest, 0, &name) || !name.len ||
      !rest.len || memchr(rest.s, 0, rest.len) || rest.len > SCRAM_PASSWORD_MAX) {
    sasl_fail(x, "malformed-request", "malformed");
    return;
  }
  if (!sasl_take_name(x, name) ||
      !secrets_get_any(x->host, x->bare, &x->scram.hash, &x->keys, &x->real)) {
    sasl_fail(x, "temporary-auth-failure", "store-failed");
    return;
  }
  if (goes_outside(x)) {
    if (!sasl_authzid_holds(x, authzid))
      sasl_fail(x, "invalid-authzid", "wrong-authzid");
    else
      ask_outside(x, rest);
    return;
  }
  password = scram_password(&x->scram.arena, rest);
  if (!password.s) password = rest; /* prepares to nothing that anybody has */
  matches = scram_matches(x->scram.hash, password, &x->keys);
  authzid_ok = sasl_authzid_holds(x, authzid); /* authzid lies in the message */
  if (matches && authzid_ok && x->real && x->named) upgrade_from_password(x, rest);
  OPENSSL_cleanse((void *)(uintptr_t)password.s, password.len);
  OPENSSL_cleanse((void *)(uintptr_t)message.s, message.len);
  if (!authzid_ok)
    sasl_fail(x, "invalid-authzid", "wrong-authzid");
  else if (!matches || !x->real || !x->named)
    fail_secret(x);
  else
    decide(x, true, SLICE(""));
}

/* ---- SCRAM ---- */

static void
fail_scram(struct exchange *x, enum scram_result rc)
{
  switch (rc) {
  case SCRAM_OK: return;
  case SCRAM_MALFORMED: sasl_fail(x, "malformed-request", "malformed"); return;
  case SCRAM_NOT_AUTHORIZED: fail_secret(x); return;
  case SCRAM_WRONG_NONCE: sasl_fail(x, "not-authorized", "wrong-nonce"); return;
  case SCRAM_WRONG_BINDING: sasl_fail(x, "not-authorized", "wrong-binding"); return;
  case SCRAM_UNBOUND:
    x->untried = true;
    sasl_fail(x, "not-authorized", "unbound");
    return;
  case SCRAM_NO_MEMORY: sasl_fail(x, "temporary-auth-failure", "out-of-memory"); return;
  }
}

/* The data of the channel binding that the client chose; empty when the stream has none such.
 */
static struct slice
binding_of(struct exchange *x)
{
  struct slice list = x->bindings, word, type;

  while (slice_word(&list, ' ', &word)) {
    if (!slice_word(&word, '=', &type)) continue;
    if (slice_starts(type, "-")) type = slice_of(type.s + 1, type.len - 1);
    if (slice_eq(type, x->scram.binding_type)) return scram_decode(&x->scram.arena, word);
  }
  return SLICE("");
}

static void
scram_first(struct exchange *x, struct slice message)
{
  enum scram_result rc = scram_client_first(&x->scram, message);

  if (!rc && (!sasl_take_name(x, x->scram.user) ||
              !secrets_get(x->host, x->bare, x->scram.hash, &x->keys, &x->real)))
    rc = SCRAM_NO_MEMORY;
  if (!rc && !sasl_authzid_holds(x, x->scram.authzid)) {
    sasl_fail(x, "invalid-authzid", "wrong-authzid");
    return;
  }
  /* A client whose type this stream has not tries it with one mechanism after the other before it
   * goes on without. */
  if (!rc && x->scram.binding_type.len && !binding_of(x).len) {
    x->untried = true;
    sasl_fail(x, "not-authorized", "no-such-binding");
    return;
  }
  if (!rc) rc = scram_server_first(&x->scram, &x->keys);
  if (rc) {
    fail_scram(x, rc);
    return;
  }
  x->step = FINAL;
  challenge(x, x->scram.server_first);
}

static void
scram_final(struct exchange *x, struct slice message)
{
  struct slice binding = x->scram.binding_type.len ? binding_of(x) : SLICE(""), verifier;
  enum scram_result rc =
    scram_client_final(&x->scram, message, &x->keys, binding, &verifier);

  if (rc)
    fail_scram(x, rc);
  else if (!x->real || !x->named)
    fail_secret(x);
  else
    decide(x, true, verifier);
}

/* ---- ANONYMOUS (XEP-0175) ---- */

static void
anonymous(struct exchange *x, struct slice trace)
{
  char const *condition;

  if (!anonymous_name(x, trace, &condition))
    sasl_fail(x, condition, "malformed");
  else if (!sasl_authzid_holds(x, SLICE("")))
    sasl_fail(x, "invalid-authzid", "wrong-authzid");
  else
    sasl_answer(x);
}

/* ---- records ---- */

/* No message of a mechanism is longer than SCRAM_MESSAGE_MAX, so that nothing longer is
 * decoded or kept. */
static void
step(struct exchange *x, struct slice base64)
{
  struct slice message = SLICE("");

  if (base64.len > (SCRAM_MESSAGE_MAX + 2) / 3 * 4) {
    sasl_fail(x, "malformed-request", "malformed");
    return;
  }
  if (!slice_is(base64, "=")) message = scram_decode(&x->scram.arena, base64);
  if (!message.s)
    sasl_fail(x, "incorrect-encoding", "malformed");
  else if (x->mechanism == ANONYMOUS)
    anonymous(x, message);
  else if (x->mechanism == PLAIN)
    plain(x, message);
  else if (x->mechanism == HT)
    fast_step(x, message);
  else if (x->step == FIRST)
    scram_first(x, message);
  else
    scram_final(x, message);
}

/* SCRAM-hash or SCRAM-hash-PLUS, PLAIN or ANONYMOUS. false: the exchange has failed. */
static bool
take_mechanism(struct exchange *x, struct slice name)
{
  struct slice plus = SLICE("-PLUS");
  unsigned int h;

  if (slice_is(name, "PLAIN")) {
    x->mechanism = PLAIN;
    return true;
  }
  if (slice_is(name, "ANONYMOUS")) {
    x->mechanism = ANONYMOUS;
    return true;
  }
  x->mechanism = SCRAM;
  name = slice_of(name.s + 6, name.len - 6);
  if (name.len > plus.len && !memcmp(name.s + name.len - plus.len, plus.s, plus.len)) {
    x->scram.plus = true;
    name.len -= plus.len;
  }
  for (h = 0; h < SCRAM_HASHES; h++)
    if (slice_is(name, scram_hash_name((enum scram_hash)h))) {
      x->scram.hash = (enum scram_hash)h;
      return true;
    }
  sasl_fail(x, "invalid-mechanism", "not-offered");
  return false;
}

static bool
is_plus(struct slice name)
{
  return name.len > 5 && !memcmp(name.s + name.len - 5, "-PLUS", 5);
}

static bool
offers_plus(struct host const *h)
{
  return strstr(h->mechanisms, "-PLUS") != NULL;
}

/* XEP-0474: hash the mechanisms that c2sd has offered on this stream, by either SASL: PLAIN under
 * TLS alone, those with -PLUS where there is a channel binding. */
static bool
take_offered(struct exchange *x, struct host const *h, bool secure)
{
  struct slice list = slice_str(h->mechanisms), word;
  stralloc sa = STRALLOC_ZERO;
  bool ok = true;

  if (h->hides_offered || x->mechanism != SCRAM) return true;
  while (ok && slice_word(&list, ' ', &word))
    if (slice_is(word, "PLAIN") ? secure : x->bindings.len || !is_plus(word))
      ok = stralloc_catb(&sa, word.s, word.len) && stralloc_catb(&sa, " ", 1);
  if (ok)
    x->scram.offered =
      scram_offered(&x->scram.arena, x->scram.hash, slice_of(sa.s, sa.len), x->bindings);
  stralloc_free(&sa);
  return ok && x->scram.offered.s;
}

void
sasl_auth(struct link *l, struct record *r)
{
  uint64_t id = record_u64(r, 1);
  struct host const *h = authd_host(record_get(r, 2));
  struct slice mechanism = record_get(r, 3), initial = record_get(r, 4);
  bool secure = slice_is(record_get(r, 6), "1");
  bool by_token = slice_has_word(record_get(r, 9), SLICE("fast")) && fast_find(mechanism);
  struct exchange *x;

  sasl_abort(l, r);
  if (!h || !(by_token || authd_offers(h, mechanism))) {
    sasl_refuse(l, id, "invalid-mechanism", "not-offered");
    return;
  }
  if ((by_token || slice_is(mechanism, "PLAIN")) && !secure) {
    sasl_refuse(l, id, "encryption-required", "no-tls");
    return;
  }
  x = exchange_new(l, id, r);
  if (!x) {
    sasl_refuse(l, id, "temporary-auth-failure", "out-of-memory");
    return;
  }
  event_timer_start(&x->timer, door_now() + EXCHANGE_US, sasl_too_late, x);
  door_random_id(x->nonce, sizeof x->nonce);
  x->scram.nonce = slice_of(x->nonce, sizeof x->nonce);
  x->scram.plus_offered = x->bindings.len && offers_plus(h);
  fast_read(x, secure);
  if (by_token ? !fast_take(x, mechanism) : !take_mechanism(x, mechanism)) return;
  if (!take_offered(x, h, secure)) {
    sasl_fail(x, "temporary-auth-failure", "out-of-memory");
    return;
  }
  if (initial.len)
    step(x, initial);
  else
    challenge(x, SLICE("")); /* RFC 6120 s6.4.2: the client waits to be asked */
}

void
sasl_response(struct link *l, struct record *r)
{
  uint64_t id = record_u64(r, 1);
  struct exchange *x = exchange_of(l, id);

  if (x && x->step < DELAYED)
    step(x, record_get(r, 2));
  else if (!x)
    sasl_refuse(l, id, "temporary-auth-failure", "too-late");
}

void
sasl_abort(struct link *l, struct record *r)
{
  struct exchange *x = exchange_of(l, record_u64(r, 1));

  if (x) exchange_free(x);
}

void
sasl_snapshot_timer(struct snapshot *k, struct exchange *x)
{
  snapshot_timer(k, &x->timer, x->step == DELAYED ? waited : sasl_too_late, x);
}
