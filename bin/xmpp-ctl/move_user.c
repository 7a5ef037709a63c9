#include "ctl.h"
#include "move.h"

#include <skalibs/strerr.h>

#include <skalibs/uint64.h>

#include <openssl/crypto.h>

#include <errno.h>
#include <limits.h>
#include <string.h>

/* An account: its name, its keys or its password. */

#define ITERATIONS_MAX 1000000

struct mover mover;

void
move_refuse(char const *what, char const *why)
{
  fprintf(stderr, "xmpp-ctl: import: %s: %s: %s\n", mover.bare_text, what, why);
  move.refused++;
}

static void
skip(char const *why)
{
  move_refuse("account", why);
  mover.skipped = true;
}

static bool
is_served(struct slice host)
{
  struct settings_row const *row = NULL;

  while ((row = settings_next(&ctl.settings, "host", row)))
    if (slice_eq(row->value[0], host)) return true;
  return false;
}

/* ---- keys ---- */

/* A key or a salt in base64; into out, of most bytes at most. */
static bool
decode(struct arena *a, struct slice base64, unsigned char *out, size_t least,
       size_t most, size_t *len)
{
  struct slice bytes = scram_decode(a, base64);

  if (!bytes.s || bytes.len < least || bytes.len > most) return false;
  memcpy(out, bytes.s, bytes.len);
  if (len) *len = bytes.len;
  return true;
}

/* ejabberd (23.01) encodes twice what it keeps in base64: then the text of a key, of len bytes, decodes to
 * base64 again. */
static bool
is_encoded_twice(struct arena *a, struct slice key, size_t len)
{
  struct slice once = scram_decode(a, key), twice;

  if (!once.s || once.len <= len) return false;
  twice = scram_decode(a, once);
  return twice.s && twice.len == len;
}

static unsigned int
hash_of(struct slice name)
{
  unsigned int h = 0;

  while (h < SCRAM_HASHES && !slice_is(name, scram_hash_name((enum scram_hash)h)))
    h++;
  return h;
}

static void
take_keys(struct arena *a, unsigned int h, struct slice iterations, struct slice salt,
          struct slice stored, struct slice server)
{
  struct scram_keys k;
  size_t len = h < SCRAM_HASHES ? scram_hash_len((enum scram_hash)h) : 0;
  uint64_t n;

  memset(&k, 0, sizeof k);
  if (len && is_encoded_twice(a, stored, len)) {
    salt = scram_decode(a, salt);
    stored = scram_decode(a, stored);
    server = scram_decode(a, server);
  }
  if (!len) {
    move_refuse("keys", "no such hash is known here");
  } else if (!slice_u64(iterations, &n) || !n || n > ITERATIONS_MAX ||
             !decode(a, salt, k.salt, 1, SCRAM_SALT_MAX, &k.salt_len) ||
             !decode(a, stored, k.stored, len, len, NULL) ||
             !decode(a, server, k.server, len, len, NULL)) {
    move_refuse("keys", "they are damaged");
  } else {
    k.iterations = (uint32_t)n;
    mover.keys[h] = k;
  }
  OPENSSL_cleanse(&k, sizeof k);
}

static struct slice
text_of(struct arena *a, struct xml_node const *e, char const *name)
{
  struct xml_node const *c = xml_child(e, NS_PIE_SCRAM, name);

  return c ? xml_text(a, c) : SLICE("");
}

void
move_scram(struct arena *a, struct xml_node const *e)
{
  struct slice name = xml_attr(e, "mechanism");

  if (mover.skipped || !mover.wants_keys) return;
  name = slice_starts(name, "SCRAM-") ? slice_of(name.s + 6, name.len - 6) : SLICE("");
  take_keys(a, hash_of(name), text_of(a, e, "iter-count"), text_of(a, e, "salt"),
            text_of(a, e, "stored-key"), text_of(a, e, "server-key"));
}

/* ejabberd before 21.12 wrote scram:[sha256,|sha512,]STORED,SERVER,SALT,ITERATIONS */
static void
take_old_keys(struct slice text)
{
  struct slice word, part[4] = {SLICE("")}, first = text;
  struct arena a = ARENA_ZERO;
  unsigned int h = SCRAM_SHA1, i = 0;

  slice_word(&first, ',', &word);
  if (slice_is(word, "sha256"))
    h = SCRAM_SHA256;
  else if (slice_is(word, "sha512"))
    h = SCRAM_SHA512;
  if (h != SCRAM_SHA1 || slice_is(word, "sha")) text = first;
  while (i < 4 && slice_word(&text, ',', &part[i]))
    i++;
  take_keys(&a, h, part[3], part[2], part[0], part[1]);
  arena_cleanse(&a);
  arena_wipe(&a);
}

static void
take_password(struct slice password)
{
  struct slice front = SLICE("scram:");

  if (slice_starts(password, front.s)) {
    take_old_keys(slice_of(password.s + front.len, password.len - front.len));
    return;
  }
  if (!scram_derive_all(password, move.iterations, mover.keys)) {
    memset(mover.keys, 0, sizeof mover.keys);
    move_refuse("password",
                "it is empty, too long, or has characters that none may have");
  }
}

/* ---- the account ---- */

static bool
name_it(struct slice host, struct slice name)
{
  struct arena a = ARENA_ZERO;
  struct slice local = jid_prep_local(&a, name), domain = jid_prep_domain(&a, host);
  struct jid j;
  bool ok = local.s && domain.s && jid_make(&a, local, domain, SLICE(""), &j) &&
            jid_local_may_be_stored(local);

  if (ok)
    snprintf(mover.bare_text, sizeof mover.bare_text, "%.*s", (int)j.bare.len, j.bare.s);
  else
    snprintf(mover.bare_text, sizeof mover.bare_text, "%.200s@%.200s", log_text(name),
             host.len ? log_text(host) : "?");
  mover.bare = slice_str(mover.bare_text);
  mover.host = jid_cut(mover.bare).domain;
  arena_wipe(&a);
  return ok;
}

void
move_user_begin(struct slice host, struct slice name, struct slice password)
{
  OPENSSL_cleanse(&mover, sizeof mover);
  if (!name_it(host, name)) {
    skip("that is no address of an account");
    return;
  }
  if (!is_served(mover.host)) {
    skip("the host is not served here");
    return;
  }
  mover.number = accounts_number(move.accounts, mover.bare);
  if (!mover.number && errno != ENOENT) move_fail("read the accounts");
  mover.is_new = !mover.number;
  if (mover.is_new && accounts_taken(move.accounts, mover.bare)) {
    skip("an account of that name is ending");
    return;
  }
  mover.has_keys = !mover.is_new && keys_has_any(&move.keys, mover.number);
  mover.wants_keys = !mover.has_keys || move.replaces_keys;
  if (mover.wants_keys && password.s) take_password(password);
}

void
move_service_begin(struct slice domain)
{
  struct arena a = ARENA_ZERO;
  struct slice text = jid_prep_domain(&a, domain);

  OPENSSL_cleanse(&mover, sizeof mover);
  mover.is_service = mover.is_settled = true;
  snprintf(mover.bare_text, sizeof mover.bare_text, "%.*s",
           text.s ? (int)text.len : (int)strlen(log_text(domain)),
           text.s ? text.s : log_text(domain));
  mover.bare = mover.host = slice_str(mover.bare_text);
  if (!text.s || !settings_domain_host(&ctl.settings, "mod_pubsub", mover.bare).len) {
    move_refuse("service", "no mod_pubsub serves that domain here");
    mover.skipped = true;
  } else {
    mover.number = pubsub_service(move.pubsub, mover.bare, true);
    if (!mover.number) move_fail("make a service");
  }
  arena_wipe(&a);
}

static bool
has_keys(void)
{
  unsigned int h = 0;

  while (h < SCRAM_HASHES && !mover.keys[h].iterations)
    h++;
  return h < SCRAM_HASHES;
}

static void
make(void)
{
  uint64_t n = accounts_next(move.accounts);

  if (!n || !keys_del(&move.keys, mover.bare, n)) move_fail("make an account");
  if (accounts_add(move.accounts, mover.bare))
    mover.number = n;
  else if (errno == ENAMETOOLONG || errno == EDQUOT)
    skip("the name is too long");
  else
    move_fail("make an account");
}

bool
move_settle(void)
{
  if (mover.is_settled || mover.skipped) return !mover.skipped;
  mover.is_settled = true;
  if (mover.is_new) make();
  if (mover.skipped) return false;
  *(mover.is_new ? &move.made : &move.there) += 1;
  move_step();
  return true;
}

static bool
are_the_same(void)
{
  struct scram_keys here;
  bool same = true;
  unsigned int h;

  for (h = 0; same && h < SCRAM_HASHES; h++) {
    bool is_here = keys_get(&move.keys, mover.number, (enum scram_hash)h, &here);
    struct scram_keys const *k = &mover.keys[h];
    size_t len = scram_hash_len((enum scram_hash)h);
    same = is_here ? k->iterations == here.iterations && k->salt_len == here.salt_len &&
                       !memcmp(k->salt, here.salt, k->salt_len) &&
                       !memcmp(k->stored, here.stored, len) &&
                       !memcmp(k->server, here.server, len)
                   : !k->iterations;
  }
  OPENSSL_cleanse(&here, sizeof here);
  return same;
}

/* Tokens (XEP-0484) do not live longer than the password with which they were got; xmpp-authd keeps them
 * by the numbers of accounts (tokens.c there). */
static void
end_tokens(void)
{
  unsigned int done = 0;
  MDB_dbi tokens;
  char prefix[8];

  uint64_pack_big(prefix, mover.number);
  if (!store_table(move.secrets, "tokens", &tokens) ||
      !store_del_some(move.secrets, tokens, slice_of(prefix, sizeof prefix), UINT_MAX,
                      &done))
    move_fail("end the tokens of an account");
}

/* Keys may stand behind data of the account. */
static void
put_keys(void)
{
  if (mover.has_keys && (!has_keys() || are_the_same())) return;
  if (mover.has_keys) end_tokens();
  if (!has_keys())
    move_refuse("password", "there is none: give one with xmpp-ctl account passwd");
  else if (!keys_put(&move.keys, mover.bare, mover.number, mover.keys))
    move_fail("write keys");
}

void
move_user_end(void)
{
  if (move_settle() && mover.wants_keys) put_keys();
  if (mover.roster_changed && !roster_touch(move.roster, mover.number))
    move_fail("write a roster");
  OPENSSL_cleanse(mover.keys, sizeof mover.keys);
  move_progress();
}
