#include "tokens.h"

#include <skalibs/uint64.h>

#include <openssl/crypto.h>

#include <errno.h>
#include <string.h>

/* DATA/secrets, table
 *   tokens   account number, 8 bytes big-endian; SHA-256 of the id of the user agent, 32 bytes
 *            -> used_s, ended_s, 8 bytes big-endian each; the tokens current and next: ht, 1
 *            byte (0: none), is_counted, 1 byte, count, issued_s, expiry_s, 8 bytes big-endian
 *            each, nonce, 16 bytes; the name of the device
 *
 * The characters of a token are an HMAC of its device and nonce under the pepper (secrets.c), so
 * that no token stands in the table. A row outlives its tokens by TOKENS_KNOWN_S: the client of
 * such a device is told that its token is over, and not that its password may be wrong. */

#define KEY (8 + AGENT_BYTES)
#define SLOT (2 + 24 + TOKEN_NONCE)
#define FIXED (16 + 2 * SLOT)
#define ROW_MAX (FIXED + DEVICE_NAME_MAX)

static struct store *store;
static MDB_dbi table;
static bool written;

bool
tokens_open(struct store *s)
{
  store = s;
  return store_table(store, "tokens", &table);
}

bool
tokens_written(void)
{
  bool was = written;

  written = false;
  return was;
}

static uint64_t
now_s(void)
{
  return door_wall() / 1000000;
}

/* ---- rows ---- */

static struct slice
key_of(char buf[KEY], uint64_t number, unsigned char const agent[AGENT_BYTES])
{
  uint64_pack_big(buf, number);
  memcpy(buf + 8, agent, AGENT_BYTES);
  return slice_of(buf, KEY);
}

static void
pack_token(char *s, struct token const *t)
{
  s[0] = (char)t->ht;
  s[1] = (char)t->is_counted;
  uint64_pack_big(s + 2, t->count);
  uint64_pack_big(s + 10, t->issued_s);
  uint64_pack_big(s + 18, t->expiry_s);
  memcpy(s + 26, t->nonce, TOKEN_NONCE);
}

static void
unpack_token(char const *s, struct token *t)
{
  unsigned char ht = (unsigned char)s[0];

  t->ht = ht < HTS ? (enum ht)ht : HT_NOT;
  t->is_counted = s[1] != 0;
  uint64_unpack_big(s + 2, &t->count);
  uint64_unpack_big(s + 10, &t->issued_s);
  uint64_unpack_big(s + 18, &t->expiry_s);
  memcpy(t->nonce, s + 26, TOKEN_NONCE);
}

static struct slice
pack(char row[ROW_MAX], struct device const *d)
{
  size_t n = strlen(d->name);

  uint64_pack_big(row, d->used_s);
  uint64_pack_big(row + 8, d->ended_s);
  pack_token(row + 16, &d->current);
  pack_token(row + 16 + SLOT, &d->next);
  memcpy(row + FIXED, d->name, n);
  return slice_of(row, FIXED + n);
}

static bool
unpack(struct slice row, struct device *d)
{
  memset(d, 0, sizeof *d);
  if (row.len < FIXED || row.len > ROW_MAX) return false;
  uint64_unpack_big(row.s, &d->used_s);
  uint64_unpack_big(row.s + 8, &d->ended_s);
  unpack_token(row.s + 16, &d->current);
  unpack_token(row.s + 16 + SLOT, &d->next);
  memcpy(d->name, row.s + FIXED, row.len - FIXED);
  return true;
}

/* ---- devices ---- */

static uint64_t
end_of(struct token const *t)
{
  return t->ht ? t->expiry_s : 0;
}

/* The time when the last token of d ends or has ended. */
static uint64_t
end_of_all(struct device const *d)
{
  uint64_t end = d->ended_s;

  if (end_of(&d->current) > end) end = end_of(&d->current);
  return end_of(&d->next) > end ? end_of(&d->next) : end;
}

static bool
is_known(struct device const *d)
{
  return end_of_all(d) + TOKENS_KNOWN_S > now_s();
}

bool
device_is_live(struct device const *d)
{
  return end_of(&d->current) > now_s() || end_of(&d->next) > now_s();
}

void
device_end(struct device *d)
{
  d->ended_s = end_of_all(d) < now_s() ? end_of_all(d) : now_s();
  memset(&d->current, 0, sizeof d->current);
  memset(&d->next, 0, sizeof d->next);
}

bool
tokens_get(uint64_t number, unsigned char const agent[AGENT_BYTES], struct device *d)
{
  char key[KEY];
  struct slice row;

  memset(d, 0, sizeof *d);
  if (!store_get(store, table, key_of(key, number, agent), &row)) return false;
  if (unpack(row, d) && is_known(d)) return true;
  memset(d, 0, sizeof *d);
  errno = ENOENT;
  return false;
}

bool
tokens_put(uint64_t number, unsigned char const agent[AGENT_BYTES],
           struct device const *d)
{
  char key[KEY], row[ROW_MAX];

  written = true;
  return store_put(store, table, key_of(key, number, agent), pack(row, d));
}

static bool
drop(uint64_t number, unsigned char const agent[AGENT_BYTES])
{
  char key[KEY];

  written = true;
  return store_del(store, table, key_of(key, number, agent)) || errno == ENOENT;
}

bool
tokens_text(uint64_t number, unsigned char const agent[AGENT_BYTES],
            struct token const *t, char text[TOKEN_TEXT + 1])
{
  char from[6 + KEY + TOKEN_NONCE] = "token";
  unsigned char out[SCRAM_KEY_MAX];
  struct arena a = ARENA_ZERO;
  struct slice b64;
  size_t i;

  key_of(from + 6, number, agent);
  memcpy(from + 6 + KEY, t->nonce, TOKEN_NONCE);
  if (!secrets_hmac(slice_of(from, sizeof from), out)) return false;
  b64 = scram_encode(&a, slice_of((char const *)out, scram_hash_len(SCRAM_SHA256)));
  if (b64.s) memcpy(text, b64.s, TOKEN_TEXT);
  text[TOKEN_TEXT] = 0;
  for (i = 0; i < TOKEN_TEXT; i++) /* RFC 4648 s5: nothing that XML or URLs quote */
    text[i] = (char)(text[i] == '+' ? '-' : text[i] == '/' ? '_' : text[i]);
  OPENSSL_cleanse(out, sizeof out);
  if (b64.s) OPENSSL_cleanse((void *)(uintptr_t)b64.s, b64.len);
  arena_wipe(&a);
  return b64.s != NULL;
}

/* ---- all devices of an account ---- */

struct walk {
  char number[8];
  struct listed *v;
  size_t n;
};

static bool
take(void *cookie, struct slice key, struct slice row)
{
  struct walk *w = cookie;
  struct listed *x = &w->v[w->n];

  if (w->n == DEVICE_ROWS_MAX || key.len != KEY || memcmp(key.s, w->number, 8) != 0)
    return false;
  memcpy(x->agent, key.s + 8, AGENT_BYTES);
  unpack(row, &x->device);
  w->n++;
  return true;
}

size_t
tokens_of(uint64_t number, struct listed v[DEVICE_ROWS_MAX])
{
  struct walk w = {.v = v};

  uint64_pack_big(w.number, number);
  return store_each(store, table, slice_of(w.number, 8), take, &w) ? w.n : SIZE_MAX;
}

/* The device of those with, or without, tokens that is of no use for the longest. */
static struct listed *
oldest(struct listed *v, size_t n, bool live)
{
  struct listed *x = NULL;
  size_t i;

  for (i = 0; i < n; i++) {
    struct device const *d = &v[i].device;
    if (device_is_live(d) != live) continue;
    if (!x ||
        (live ? d->used_s < x->device.used_s : end_of_all(d) < end_of_all(&x->device)))
      x = &v[i];
  }
  return x;
}

/* Rows are at most DEVICE_ROWS_MAX when this returns and one is added. */
static bool
make_room(uint64_t number)
{
  static struct listed v[DEVICE_ROWS_MAX];
  size_t n = tokens_of(number, v), live = 0, left = 0, i;
  struct listed *x;

  if (n == SIZE_MAX) return false;
  for (i = 0; i < n; i++) {
    live += device_is_live(&v[i].device);
    left += is_known(&v[i].device);
    if (!is_known(&v[i].device) && !drop(number, v[i].agent)) return false;
  }
  if (live >= DEVICES_MAX && (x = oldest(v, n, true))) {
    device_end(&x->device);
    if (!tokens_put(number, x->agent, &x->device)) return false;
  }
  if (left < DEVICE_ROWS_MAX) return true;
  x = oldest(v, n, false);
  return !x || drop(number, x->agent);
}

bool
tokens_add(uint64_t number, unsigned char const agent[AGENT_BYTES],
           struct device const *d)
{
  return make_room(number) && tokens_put(number, agent, d);
}

bool
tokens_end(uint64_t number)
{
  static struct listed v[DEVICE_ROWS_MAX];
  size_t n = tokens_of(number, v), i;

  if (n == SIZE_MAX) return false;
  for (i = 0; i < n; i++) {
    if (!device_is_live(&v[i].device)) continue;
    device_end(&v[i].device);
    if (!tokens_put(number, v[i].agent, &v[i].device)) return false;
  }
  return true;
}

bool
tokens_erase(uint64_t number)
{
  unsigned int done = 0;
  char prefix[8];

  uint64_pack_big(prefix, number);
  return store_del_some(store, table, slice_of(prefix, 8), DEVICE_ROWS_MAX, &done);
}
