#include "fast.h"
#include "tokens.h"

#include <openssl/crypto.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* FAST (XEP-0484) with HT-SHA-256 (draft-schmaus-kitten-sasl-ht-09): the client proves in its first
 * message that it knows a token of its device. Tokens are 256 bits of chance, so that nobody
 * guesses them and no failure counts as a guess (failures.c).
 *
 * A device has two tokens. A new one is next; the login with it makes it current, and ends the one
 * before (s5.1). Until then the client may use either: the answer with the new one may be lost.
 *
 * A device that has, or not long ago had, tokens is told credentials-expired, after which clients
 * log in by password; not-authorized would make them ask for another password. */

static struct {
  char const *name, *binding;
} const mechanisms[HTS] = {
  [HT_EXPR] = {"HT-SHA-256-EXPR", "tls-exporter"        },
  [HT_ENDP] = {"HT-SHA-256-ENDP", "tls-server-end-point"},
  [HT_UNIQ] = {"HT-SHA-256-UNIQ", "tls-unique"          },
  [HT_NONE] = {"HT-SHA-256-NONE", NULL                  },
};

static uint64_t
now_s(void)
{
  return door_wall() / 1000000;
}

enum ht
fast_find(struct slice name)
{
  unsigned int i;

  for (i = 1; i < HTS; i++)
    if (slice_is(name, mechanisms[i].name)) return (enum ht)i;
  return HT_NOT;
}

char const *
fast_name(enum ht ht)
{
  return ht ? mechanisms[ht].name : "";
}

static bool
is_disabled(struct slice list, char const *name)
{
  struct slice word;

  while (slice_word(&list, ' ', &word))
    if (slice_is_nocase(word, name)) return true;
  return false;
}

char *
fast_mechanisms(struct slice disabled)
{
  stralloc sa = STRALLOC_ZERO;
  unsigned int i;

  for (i = 1; i < HTS; i++) {
    if (is_disabled(disabled, mechanisms[i].name)) continue;
    if ((sa.len && !stralloc_catb(&sa, " ", 1)) ||
        !stralloc_cats(&sa, mechanisms[i].name))
      goto fail;
  }
  if (stralloc_0(&sa)) return sa.s;
fail:
  stralloc_free(&sa);
  return NULL;
}

/* ---- what the client asks ---- */

static bool
read_agent(unsigned char out[AGENT_BYTES], struct slice hex)
{
  static char const digits[] = "0123456789abcdef";
  size_t i;

  if (hex.len != 2 * AGENT_BYTES) return false;
  for (i = 0; i < hex.len; i++) {
    char const *at = memchr(digits, hex.s[i], 16);
    if (!at) return false;
    out[i / 2] = (unsigned char)(out[i / 2] << 4 | (at - digits));
  }
  return true;
}

static void
read_word(struct fast *f, struct slice word)
{
  struct slice key, value = word;

  slice_word(&value, '=', &key);
  if (slice_is(word, "invalidate")) f->invalidates = true;
  if (slice_is(key, "request")) f->request = fast_find(value);
  if (!slice_is(key, "count")) return;
  f->is_counted = true;
  if (!slice_u64(value, &f->count)) f->count = 0;
}

void
fast_read(struct exchange *x, bool secure)
{
  struct slice words = x->asks, word;

  x->fast.has_agent = read_agent(x->fast.agent, x->agent);
  while (slice_word(&words, ' ', &word))
    read_word(&x->fast, word);
  if (!secure) x->fast.request = HT_NOT;
}

/* The data of the binding that ht has. false: the stream of x has none such. One with a - in front is
 * not defined for it. */
static bool
binding_of(struct exchange *x, enum ht ht, struct slice *data)
{
  struct slice list = x->bindings, word, type;

  *data = SLICE("");
  if (!mechanisms[ht].binding) return true;
  while (slice_word(&list, ' ', &word)) {
    if (!slice_word(&word, '=', &type) || !slice_is(type, mechanisms[ht].binding))
      continue;
    *data = scram_decode(&x->scram.arena, word);
    return data->len != 0;
  }
  return false;
}

/* Say whether ht is offered to the client of x. */
static bool
offers(struct exchange *x, enum ht ht)
{
  struct host const *h = authd_host(x->host);
  struct slice data;

  return ht && h && slice_has_word(slice_str(h->fast), slice_str(fast_name(ht))) &&
         binding_of(x, ht, &data);
}

static void
fail(struct exchange *x, char const *condition, char const *why)
{
  x->untried = true;
  sasl_fail(x, condition, why);
}

bool
fast_take(struct exchange *x, struct slice name)
{
  x->mechanism = HT;
  x->fast.ht = fast_find(name);
  if (!offers(x, x->fast.ht))
    fail(x, "invalid-mechanism", "not-offered");
  else if (!x->fast.has_agent) /* s6.1 */
    fail(x, "malformed-request", "no-user-agent");
  else
    return true;
  return false;
}

/* ---- tokens that are issued ---- */

/* Fill t with a new token; its characters are x->fast.text. */
static bool
make(struct exchange *x, uint64_t number, enum ht ht, struct token *t)
{
  struct host const *h = authd_host(x->host);

  memset(t, 0, sizeof *t);
  t->ht = ht;
  t->issued_s = now_s();
  t->expiry_s = t->issued_s + (h ? h->token_life_s : 0);
  door_secret(t->nonce, TOKEN_NONCE);
  x->fast.expiry_s = t->expiry_s;
  return tokens_text(number, x->fast.agent, t, x->fast.text);
}

/* The same, in next of d. Two logins at once get the same token: else the one of the first would be
 * over before the client knows of it. */
static bool
make_next(struct exchange *x, uint64_t number, enum ht ht, struct device *d)
{
  struct token const *t = &d->next;

  if (t->ht != ht || t->issued_s + TOKEN_AGAIN_S <= now_s() || t->expiry_s <= now_s())
    return make(x, number, ht, &d->next);
  x->fast.expiry_s = t->expiry_s;
  return tokens_text(number, x->fast.agent, t, x->fast.text);
}

static void
take_device_name(struct exchange const *x, struct device *d)
{
  struct slice name = x->device;

  if (name.len > DEVICE_NAME_MAX) name.len = DEVICE_NAME_MAX;
  if (!name.len || memchr(name.s, 0, name.len)) return;
  memcpy(d->name, name.s, name.len);
  d->name[name.len] = 0;
}

/* An account whose password is checked outside gets none, for nobody says here that its password was
 * changed. A token that cannot be kept is not issued: the login holds. */
void
fast_issue(struct exchange *x)
{
  uint64_t number = x->real && x->named ? secrets_number(x->bare) : 0;
  struct device d;
  bool is_live;

  if (x->mechanism == HT || !number || !x->fast.has_agent) return;
  if (!offers(x, x->fast.request) || !secrets_has_keys(number)) return;
  if (!tokens_get(number, x->fast.agent, &d) && errno != ENOENT) return;
  is_live = device_is_live(&d);
  take_device_name(x, &d);
  d.used_s = now_s();
  if (!make_next(x, number, x->fast.request, &d) ||
      !(is_live ? tokens_put(number, x->fast.agent, &d)
                : tokens_add(number, x->fast.agent, &d)))
    x->fast.text[0] = 0;
}

/* ---- logins ---- */

/* Say whether the client's proof was made with the token t, whose characters go to text; the same work
 * is done for a token that there is not. */
static bool
is_proof(struct exchange *x, uint64_t number, struct token const *t, struct slice binding,
         struct slice proof, char text[TOKEN_TEXT + 1])
{
  unsigned char want[SCRAM_HT];
  bool same = tokens_text(number, x->fast.agent, t, text) &&
              scram_ht(slice_of(text, TOKEN_TEXT), "Initiator", binding, want) &&
              !CRYPTO_memcmp(want, proof.s, SCRAM_HT);

  return same && t->ht;
}

/* Say whether the login may pass with the token t, of which the client has given proof. */
static bool
holds(struct exchange *x, struct token const *t)
{
  struct fast const *f = &x->fast;

  if (t->ht != f->ht)
    fail(x, "not-authorized", "other-mechanism");
  else if (t->expiry_s <= now_s())
    fail(x, "credentials-expired", "token-expired");
  else if (f->is_counted ? f->count <= t->count : t->is_counted)
    fail(x, "not-authorized", "replayed");
  else
    return true;
  return false;
}

/* Bring d to the state after a login with t, one of its tokens. *changed says that the store must
 * know of that. false: OpenSSL failed. */
static bool
use(struct exchange *x, uint64_t number, struct device *d, struct token *t, bool *changed)
{
  struct host const *h = authd_host(x->host);
  enum ht ht = offers(x, x->fast.request) ? x->fast.request : HT_NOT;
  bool is_due = h && t->issued_s + h->token_refresh_s <= now_s();

  *changed = x->fast.is_counted || t == &d->next || x->fast.invalidates;
  if (x->fast.is_counted) {
    t->count = x->fast.count;
    t->is_counted = true;
  }
  if (!ht && is_due && !x->fast.invalidates) ht = t->ht;
  if (t == &d->next) {
    d->current = d->next;
    memset(&d->next, 0, sizeof d->next);
  }
  if (x->fast.invalidates) device_end(d);
  d->used_s = now_s();
  if (!ht) return true;
  *changed = true;
  return make_next(x, number, ht, d);
}

/* A login that must not be repeated, and the end of a token, are on disk before success is said. A
 * change of tokens that cannot be kept is left undone: the client keeps its token. */
static bool
keep(struct exchange *x, uint64_t number, struct device const *d)
{
  if (tokens_put(number, x->fast.agent, d)) return true;
  x->fast.text[0] = 0;
  return !x->fast.is_counted && !x->fast.invalidates;
}

/* text are the characters of t. */
static void
pass(struct exchange *x, uint64_t number, struct device *d, struct token *t,
     struct slice binding, char const *text)
{
  unsigned char answer[SCRAM_HT];
  bool changed, ok = scram_ht(slice_of(text, TOKEN_TEXT), "Responder", binding, answer) &&
                     use(x, number, d, t, &changed) && (!changed || keep(x, number, d));
  struct slice verifier =
    ok ? arena_copy(&x->scram.arena, slice_of((char const *)answer, SCRAM_HT))
       : SLICE("");

  if (verifier.len)
    sasl_pass(x, verifier);
  else
    fail(x, "temporary-auth-failure", "store-failed");
}

static void
look(struct exchange *x, struct slice proof)
{
  uint64_t number = secrets_open_number(x->bare);
  bool failed = !number && errno != ENOENT, known;
  struct slice binding;
  struct token *t = NULL;
  char texts[2][TOKEN_TEXT + 1];
  struct device d;

  x->real = number != 0;
  known = tokens_get(number, x->fast.agent, &d);
  if (failed || (!known && errno != ENOENT)) {
    fail(x, "temporary-auth-failure", "store-failed");
    return;
  }
  if (!binding_of(x, x->fast.ht, &binding)) {
    fail(x, "temporary-auth-failure", "out-of-memory");
    return;
  }
  if (is_proof(x, number, &d.current, binding, proof, texts[0])) t = &d.current;
  if (is_proof(x, number, &d.next, binding, proof, texts[1])) t = &d.next;
  if (t && holds(x, t))
    pass(x, number, &d, t, binding, texts[t == &d.next]);
  else if (!t && known)
    fail(x, "credentials-expired", "no-such-token");
  else if (!t)
    fail(x, "not-authorized", number ? "unknown-device" : "unknown-account");
  OPENSSL_cleanse(texts, sizeof texts);
}

void
fast_step(struct exchange *x, struct slice message)
{
  struct slice rest = message, name;

  if (!slice_word(&rest, 0, &name) || !name.len || rest.len != SCRAM_HT)
    fail(x, "malformed-request", "malformed");
  else if (!sasl_take_name(x, name))
    fail(x, "temporary-auth-failure", "out-of-memory");
  else if (!sasl_authzid_holds(x, SLICE("")))
    fail(x, "invalid-authzid", "wrong-authzid");
  else
    look(x, rest);
}

void
fast_snapshot(struct snapshot *k, struct exchange *x)
{
  struct fast *f = &x->fast;
  enum ht request;

  SNAPSHOT_INT(k, f->ht);
  SNAPSHOT_INT(k, f->request);
  if (!snapshot_restores(k)) return;
  request = f->request;
  fast_read(x, true);
  f->request = request;
}
