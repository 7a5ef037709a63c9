#include "joins.h"

#include "erase/erase.h"
#include "record/record.h"

#include <skalibs/uint64.h>

#include <openssl/evp.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* Invitations, in DATA/register. HASH is the SHA-256 of a token, which is shown once; PERSON the first 16
 * bytes of the SHA-256 of a bare JID.
 *   invites   HASH -> a record: KIND FLAGS USES USED UNTIL HOST INVITER NAME GROUPS
 *   expiry    8 bytes second, big-endian, HASH -> nothing
 *   inviters  PERSON HASH -> nothing
 *   names     bare JID -> HASH: nobody else may register it before the invitation is over
 * An invitation that is used up, revoked or expired goes from all tables; each that is made lets some
 * of the oldest that have expired go. */

#define MAP_BYTES (1ull << 30)
#define SWEPT 16
#define PERSON 16

static struct {
  struct store *store;
  MDB_dbi invites, expiry, inviters, names;
} inv;

static bool erase(uint64_t number, struct slice bare, unsigned int most,
                  unsigned int *done);

static struct eraser eraser = {.store = "register", .steps = 500, .erase = erase};

bool
invites_open(char const *data, bool wanted)
{
  char path[512];
  struct stat st;

  snprintf(path, sizeof path, "%s/register", data);
  if (inv.store || (!wanted && stat(path, &st) < 0)) return true;
  inv.store = store_open(path, true, true, MAP_BYTES);
  if (!inv.store) return false;
  store_refuse_when_full(inv.store);
  return store_table(inv.store, "invites", &inv.invites) &&
         store_table(inv.store, "expiry", &inv.expiry) &&
         store_table(inv.store, "inviters", &inv.inviters) &&
         store_table(inv.store, "names", &inv.names) && joins_open(inv.store);
}

bool
invites_are_open(void)
{
  return inv.store != NULL;
}

bool
invites_commit(void)
{
  return !inv.store || store_commit(inv.store);
}

/* ---- keys ---- */

static bool
hash_of(unsigned char hash[INVITE_HASH], struct slice text)
{
  unsigned int n = 0;
  unsigned char md[EVP_MAX_MD_SIZE];

  if (!EVP_Digest(text.s, text.len, md, &n, EVP_sha256(), NULL) || n != INVITE_HASH)
    return false;
  memcpy(hash, md, INVITE_HASH);
  return true;
}

static struct slice
id_key(struct invite_id const *id)
{
  return slice_of((char const *)id->hash, INVITE_HASH);
}

static struct slice
expiry_key(char key[8 + INVITE_HASH], uint64_t until_s, struct invite_id const *id)
{
  uint64_pack_big(key, until_s);
  memcpy(key + 8, id->hash, INVITE_HASH);
  return slice_of(key, 8 + INVITE_HASH);
}

static struct slice
person_key(char key[PERSON + INVITE_HASH], struct slice bare, struct invite_id const *id)
{
  unsigned char hash[INVITE_HASH] = {0};

  hash_of(hash, bare);
  memcpy(key, hash, PERSON);
  if (id) memcpy(key + PERSON, id->hash, INVITE_HASH);
  return slice_of(key, id ? PERSON + INVITE_HASH : PERSON);
}

/* The address that the invitation keeps for itself; empty: none. */
static struct slice
reserved(struct arena *a, struct invite const *i)
{
  struct jid j;

  if (i->kind != INVITE_ACCOUNT || !i->name.len) return SLICE("");
  return jid_make(a, i->name, i->host, SLICE(""), &j) ? j.bare : SLICE("");
}

/* ---- values ---- */

static bool
cat_value(stralloc *out, struct invite const *i)
{
  out->len = 0;
  return record_put_verb(out, "invite") && record_put_u64(out, i->kind) &&
         record_put_u64(out, (i->may_register ? 1u : 0u) | (i->befriends ? 2u : 0u)) &&
         record_put_u64(out, i->uses) && record_put_u64(out, i->used) &&
         record_put_u64(out, i->until_s) && record_put(out, i->host) &&
         record_put(out, i->inviter) && record_put(out, i->name) &&
         record_put(out, i->groups);
}

static bool
read_value(struct arena *a, struct slice v, struct invite *out)
{
  struct slice copy = arena_copy(a, v);
  struct record r;
  uint64_t flags;

  if (!copy.s || !record_split(&r, (char *)(uintptr_t)copy.s, copy.len)) return false;
  flags = record_u64(&r, 2);
  *out = (struct invite){.may_register = flags & 1,
                         .befriends = flags & 2,
                         .uses = record_u64(&r, 3),
                         .used = record_u64(&r, 4),
                         .until_s = record_u64(&r, 5),
                         .host = record_get(&r, 6),
                         .inviter = record_get(&r, 7),
                         .name = record_get(&r, 8),
                         .groups = record_get(&r, 9)};
  if (record_u64(&r, 1) >= INVITE_KINDS) return false;
  out->kind = (enum invite_kind)record_u64(&r, 1);
  return true;
}

static bool
read_id(struct arena *a, struct invite_id const *id, struct invite *out)
{
  struct slice v;

  return inv.store && store_get(inv.store, inv.invites, id_key(id), &v) &&
         read_value(a, v, out);
}

static bool
put(struct invite_id const *id, struct invite const *i)
{
  static stralloc value = STRALLOC_ZERO;

  return cat_value(&value, i) &&
         store_put(inv.store, inv.invites, id_key(id), slice_of(value.s, value.len));
}

static bool
is_good(struct invite const *i)
{
  return i->used < i->uses && i->until_s > door_wall() / 1000000;
}

/* ---- making, using, forgetting ---- */

static bool
del(MDB_dbi table, struct slice key)
{
  return store_del(inv.store, table, key) || errno == ENOENT;
}

/* An invitation that has expired may be swept after a newer one has reserved the name. */
static bool
del_name(struct slice bare, struct invite_id const *id)
{
  struct slice v;

  if (!store_get(inv.store, inv.names, bare, &v)) return errno == ENOENT;
  if (v.len != INVITE_HASH || memcmp(v.s, id->hash, INVITE_HASH) != 0) return true;
  return del(inv.names, bare);
}

static bool
forget(struct arena *a, struct invite_id const *id, struct invite const *i)
{
  char key[8 + INVITE_HASH], person[PERSON + INVITE_HASH];
  struct slice bare = reserved(a, i);

  return del(inv.invites, id_key(id)) &&
         del(inv.expiry, expiry_key(key, i->until_s, id)) &&
         (!i->inviter.len || del(inv.inviters, person_key(person, i->inviter, id))) &&
         (!bare.len || del_name(bare, id));
}

/* Some of those that have expired go. */
static bool
sweep(void)
{
  char zero[8] = {0};
  unsigned int n;

  for (n = 0; n < SWEPT; n++) {
    struct arena a = ARENA_ZERO;
    struct invite_id id;
    struct invite i;
    struct slice key, v;
    uint64_t until_s;
    bool ok = true;

    if (!store_next(inv.store, inv.expiry, slice_of(zero, 8), &key, &v) ||
        key.len != 8 + INVITE_HASH)
      return true;
    uint64_unpack_big(key.s, &until_s);
    if (until_s > door_wall() / 1000000) return true;
    memcpy(id.hash, key.s + 8, INVITE_HASH);
    if (read_id(&a, &id, &i))
      ok = forget(&a, &id, &i);
    else {
      char copy[8 + INVITE_HASH];
      memcpy(copy, key.s, sizeof copy);
      ok = del(inv.expiry, slice_of(copy, sizeof copy));
    }
    arena_wipe(&a);
    if (!ok) return false;
  }
  return true;
}

/* RFC 4648 s6, in lower case. */
static void
random_token(char *token)
{
  static char const letters[] = "abcdefghijklmnopqrstuvwxyz234567";
  unsigned char bytes[INVITE_TOKEN];
  unsigned int i;

  door_secret(bytes, sizeof bytes);
  for (i = 0; i < INVITE_TOKEN; i++)
    token[i] = letters[bytes[i] & 31];
  token[INVITE_TOKEN] = 0;
}

static bool
put_all(struct invite_id const *id, struct invite const *i, struct slice bare)
{
  char key[8 + INVITE_HASH], person[PERSON + INVITE_HASH];

  if (put(id, i) &&
      store_put(inv.store, inv.expiry, expiry_key(key, i->until_s, id), SLICE("")) &&
      (!i->inviter.len || store_put(inv.store, inv.inviters,
                                    person_key(person, i->inviter, id), SLICE(""))) &&
      (!bare.len || store_put(inv.store, inv.names, bare, id_key(id))))
    return true;
  errno = EIO;
  return false;
}

bool
invite_make(struct invite const *i, char *token)
{
  struct arena a = ARENA_ZERO;
  struct invite_id id, other;
  struct slice bare = reserved(&a, i);
  bool ok = false;

  random_token(token);
  if (store_is_full(inv.store) || !sweep() || !hash_of(id.hash, slice_str(token)))
    errno = EIO;
  else if (store_count(inv.store, inv.invites) >= INVITES_MAX)
    errno = EDQUOT;
  else if (bare.len && invite_reserves(bare, &other))
    errno = EEXIST;
  else
    ok = put_all(&id, i, bare);
  arena_wipe(&a);
  return ok;
}

bool
invite_get(struct arena *a, struct invite_id const *id, struct invite *out)
{
  return read_id(a, id, out) && is_good(out);
}

bool
invite_shown(struct arena *a, struct invite_id const *id, struct invite *out)
{
  return read_id(a, id, out) && out->used < out->uses;
}

bool
invite_find(struct arena *a, struct slice token, struct slice host, struct invite_id *id,
            struct invite *out)
{
  return token.len == INVITE_TOKEN && hash_of(id->hash, token) &&
         invite_get(a, id, out) && slice_eq(out->host, host);
}

bool
invite_used(struct invite_id const *id)
{
  struct arena a = ARENA_ZERO;
  struct invite i;
  bool ok = true;

  if (read_id(&a, id, &i)) {
    i.used++;
    ok = i.used < i.uses ? put(id, &i) : forget(&a, id, &i);
  }
  arena_wipe(&a);
  return ok;
}

bool
invite_revoke(struct invite_id const *id)
{
  struct arena a = ARENA_ZERO;
  struct invite i;
  bool ok = !read_id(&a, id, &i) || forget(&a, id, &i);

  arena_wipe(&a);
  return ok;
}

/* ---- looking ---- */

bool
invite_reserves(struct slice bare, struct invite_id *id)
{
  struct arena a = ARENA_ZERO;
  struct invite i;
  struct slice v;
  bool found = false;

  if (inv.store && bare.len < 512 && store_get(inv.store, inv.names, bare, &v) &&
      v.len == INVITE_HASH) {
    memcpy(id->hash, v.s, INVITE_HASH);
    found = invite_get(&a, id, &i);
  }
  arena_wipe(&a);
  return found;
}

struct count {
  struct slice prefix;
  uint64_t n;
};

static bool
count_one(void *cookie, struct slice key, struct slice value)
{
  struct count *c = cookie;
  struct arena a = ARENA_ZERO;
  struct invite_id id;
  struct invite i;

  (void)value;
  if (key.len != PERSON + INVITE_HASH || memcmp(key.s, c->prefix.s, PERSON) != 0)
    return false;
  memcpy(id.hash, key.s + PERSON, INVITE_HASH);
  c->n += invite_get(&a, &id, &i);
  arena_wipe(&a);
  return true;
}

uint64_t
invites_of(struct slice inviter)
{
  char key[PERSON + INVITE_HASH];
  struct count c = {person_key(key, inviter, NULL), 0};

  store_each(inv.store, inv.inviters, c.prefix, count_one, &c);
  return c.n;
}

struct walk {
  invite_fn *fn;
  void *cookie;
};

static bool
walk_one(void *cookie, struct slice key, struct slice value)
{
  struct walk *w = cookie;
  struct arena a = ARENA_ZERO;
  struct invite_id id;
  struct invite i;
  bool more = true;

  if (key.len == INVITE_HASH && read_value(&a, value, &i) && is_good(&i)) {
    memcpy(id.hash, key.s, INVITE_HASH);
    more = w->fn(w->cookie, &id, &i);
  }
  arena_wipe(&a);
  return more;
}

void
invites_each(invite_fn *fn, void *cookie)
{
  struct walk w = {fn, cookie};
  char zero = 0;

  if (inv.store) store_each(inv.store, inv.invites, slice_of(&zero, 1), walk_one, &w);
}

/* ---- ends of accounts ---- */

static bool
revoke_of(struct slice bare, unsigned int most, unsigned int *done)
{
  char key[PERSON + INVITE_HASH];
  struct slice prefix = person_key(key, bare, NULL), at, v;

  while (*done < most && store_next(inv.store, inv.inviters, prefix, &at, &v) &&
         at.len == PERSON + INVITE_HASH && !memcmp(at.s, prefix.s, PERSON)) {
    struct invite_id id;
    char copy[PERSON + INVITE_HASH];

    memcpy(copy, at.s, sizeof copy);
    memcpy(id.hash, copy + PERSON, INVITE_HASH);
    if (!invite_revoke(&id) || !del(inv.inviters, slice_of(copy, sizeof copy)))
      return false;
    ++*done;
  }
  return true;
}

static bool
erase(uint64_t number, struct slice bare, unsigned int most, unsigned int *done)
{
  bool ok = store_erase_begin(inv.store) && revoke_of(bare, most, done);

  (void)number;
  store_erase_end(inv.store);
  return ok;
}

void
invites_up(struct link *routed)
{
  if (inv.store) erase_watch(routed);
}

void
invites_on_ending(struct link *l, struct record *r)
{
  (void)l;
  if (inv.store) erase_ending(&eraser, r);
}

/* A new account has no invitations. */
void
invites_on_made(struct link *l, struct record *r)
{
  (void)l;
  (void)r;
}

void
invites_snapshot(struct snapshot *k)
{
  erase_snapshot(&eraser, k);
}
