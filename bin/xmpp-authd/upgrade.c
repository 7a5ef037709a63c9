#include "authd.h"
#include "lacks.h"
#include "upgrade.h"

#include <openssl/crypto.h>

#include <stdlib.h>
#include <string.h>

/* XEP-0480: an account that lacks keys for a hash gets them when its client logs in. By SCRAM authd
 * never sees the password, so the client derives what the keys are made of: continue, next, task (the
 * salt), task (the SaltedPassword). By PLAIN authd has the password and derives the keys itself, when
 * the client is in already. Either way the keys are stored only if the account still has those that
 * the login has proven: a password that was changed meanwhile stays changed. Tokens stay. */

#define NAME "UPGR-SCRAM-"
#define TASK_US 30000000u

static bool
is_name(struct slice task, enum scram_hash h)
{
  size_t n = sizeof NAME - 1;

  return slice_starts(task, NAME) &&
         slice_is(slice_of(task.s + n, task.len - n), scram_hash_name(h));
}

/* The next hash of those that the client would do and the account lacks; SCRAM_HASHES: none. */
static unsigned int
wanted(struct exchange const *x)
{
  struct host const *host = authd_host(x->host);
  struct slice list = x->upgrades, word;
  unsigned int h;

  if (!host || x->mechanism != SCRAM) return SCRAM_HASHES;
  while (slice_word(&list, ' ', &word))
    for (h = 0; h < SCRAM_HASHES; h++)
      if (is_name(word, (enum scram_hash)h) &&
          slice_has_word(slice_str(host->upgrades), word) &&
          secrets_lacks(x->bare, (enum scram_hash)h))
        return h;
  return SCRAM_HASHES;
}

bool
upgrade_begin(struct exchange *x)
{
  unsigned int h = wanted(x);

  if (h == SCRAM_HASHES) return false;
  x->task = (enum scram_hash)h;
  x->step = TASKED;
  link_begin(x->link, VERB_CONTINUE);
  link_num(x->link, x->id);
  link_text(x->link, scram_encode(&x->scram.arena, x->verifier));
  link_str(x->link, NAME);
  link_more(x->link, slice_str(scram_hash_name(x->task)));
  link_end(x->link);
  x->verifier = SLICE("");
  event_timer_start(&x->timer, door_now() + TASK_US, sasl_too_late, x);
  return true;
}

/* Give the exchange of the record r, which is in this step; NULL: there is none, and c2sd was told. */
static struct exchange *
in_step(struct link *l, struct record *r, enum step step)
{
  uint64_t id = record_u64(r, 1);
  struct exchange *x = exchange_of(l, id);

  if (x && x->step == step) return x;
  if (x)
    sasl_fail(x, "malformed-request", "malformed");
  else
    sasl_refuse(l, id, "temporary-auth-failure", "too-late");
  return NULL;
}

void
upgrade_next(struct link *l, struct record *r)
{
  struct exchange *x = in_step(l, r, TASKED);
  struct scram_keys *k = x ? &x->task_keys : NULL;

  if (!x) return;
  if (!is_name(record_get(r, 2), x->task)) {
    sasl_fail(x, "malformed-request", "malformed");
    return;
  }
  *k = (struct scram_keys){.iterations = authd.iterations, .salt_len = SCRAM_SALT};
  door_random(k->salt, SCRAM_SALT);
  x->step = TASK_GIVEN;
  link_begin(l, VERB_TASK);
  link_num(l, x->id);
  link_text(l,
            scram_encode(&x->scram.arena, slice_of((char const *)k->salt, k->salt_len)));
  link_num(l, k->iterations);
  link_end(l);
}

/* Store the keys of the task of x. */
static bool
keep(struct exchange *x, struct slice salted)
{
  struct scram_keys k[SCRAM_HASHES] = {{0}};
  bool ok = scram_from_salted(x->task, (unsigned char const *)salted.s, &x->task_keys);

  k[x->task] = x->task_keys;
  ok = ok && secrets_fill(x->bare, x->scram.hash, &x->keys, k);
  OPENSSL_cleanse(k, sizeof k);
  return ok;
}

void
upgrade_task(struct link *l, struct record *r)
{
  struct exchange *x = in_step(l, r, TASK_GIVEN);
  struct slice salted;

  if (!x) return;
  salted = scram_decode(&x->scram.arena, record_get(r, 2));
  if (!salted.s || salted.len != scram_hash_len(x->task))
    sasl_fail(x, "malformed-request", "malformed");
  else if (!keep(x, salted))
    sasl_fail(x, "temporary-auth-failure", "store-failed");
  else if (!upgrade_begin(x))
    sasl_succeed(x);
}

/* ---- by PLAIN ---- */

/* A derivation, and the account and keys that it is for. */
struct filling {
  enum scram_hash hash;
  struct scram_keys keys;
  size_t len;
  char bare[];
};

static void
derived(void *cookie, struct scram_keys const *k, int error)
{
  struct filling *f = cookie;

  (void)error;
  if (k) secrets_fill(slice_of(f->bare, f->len), f->hash, &f->keys, k);
  OPENSSL_cleanse(&f->keys, sizeof f->keys);
  free(f);
}

void
upgrade_from_password(struct exchange const *x, struct slice password)
{
  struct filling *f;
  unsigned int h = 0;

  while (h < SCRAM_HASHES && !secrets_lacks(x->bare, (enum scram_hash)h))
    h++;
  f = h < SCRAM_HASHES ? calloc(1, sizeof *f + x->bare.len) : NULL;
  if (!f) return;
  f->hash = x->scram.hash;
  f->keys = x->keys;
  f->len = x->bare.len;
  memcpy(f->bare, x->bare.s, x->bare.len);
  derive(password, authd.iterations, derived, f);
}
