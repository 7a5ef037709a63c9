#include "ban/ban.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static unsigned char const mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

struct slice
ban_key(void const *item)
{
  return slice_str(((struct ban const *)item)->text);
}

/* ---- addresses ---- */

static bool
is_v4(unsigned char const bytes[16])
{
  return !memcmp(bytes, mapped, sizeof mapped);
}

/* An IPv4 address, also one that is written as IPv6 (RFC 4291 s2.5.5.2), becomes a mapped one. */
static bool
read_address(struct slice ip, unsigned char bytes[16])
{
  char text[INET6_ADDRSTRLEN];

  if (!ip.len || ip.len >= sizeof text) return false;
  memcpy(text, ip.s, ip.len);
  text[ip.len] = 0;
  memcpy(bytes, mapped, sizeof mapped);
  return inet_pton(AF_INET, text, bytes + 12) == 1 ||
         inet_pton(AF_INET6, text, bytes) == 1;
}

static void
clear_behind(unsigned char bytes[16], unsigned int bits)
{
  unsigned int i;

  for (i = bits; i < 128; i++)
    bytes[i / 8] &= (unsigned char)~(0x80 >> i % 8);
}

/* Read ADDRESS or ADDRESS/BITS. */
static bool
read_ban(struct slice text, struct ban *b)
{
  struct slice rest = text, ip = SLICE("");
  uint64_t bits = 128;
  bool given = text.len && memchr(text.s, '/', text.len);

  slice_word(&rest, '/', &ip);
  if (!read_address(ip, b->bytes)) return false;
  if (given && !slice_u64(rest, &bits)) return false;
  if (!given && !is_v4(b->bytes)) bits = 64;
  if (given && memchr(ip.s, ':', ip.len) == NULL) bits += 96;
  if (!bits || bits > 128 || (given && bits == 96 && is_v4(b->bytes))) return false;
  b->bits = (unsigned char)bits;
  clear_behind(b->bytes, b->bits);
  return true;
}

static void
write_ban(struct ban *b)
{
  char ip[INET6_ADDRSTRLEN];
  bool v4 = is_v4(b->bytes) && b->bits >= 96;

  inet_ntop(v4 ? AF_INET : AF_INET6, b->bytes + (v4 ? 12 : 0), ip, sizeof ip);
  if (v4 && b->bits == 128)
    snprintf(b->text, sizeof b->text, "%s", ip);
  else
    snprintf(b->text, sizeof b->text, "%s/%u", ip, b->bits - (v4 ? 96u : 0u));
}

bool
ban_name(struct slice text, char out[BAN_TEXT])
{
  struct ban b = {.bits = 0};

  if (!read_ban(text, &b)) return false;
  write_ban(&b);
  memcpy(out, b.text, BAN_TEXT);
  return true;
}

bool
ban_is_shared(struct slice ip)
{
  static unsigned char const loopback[16] = {[15] = 1};
  unsigned char bytes[16];

  if (!read_address(ip, bytes)) return true;
  return !memcmp(bytes, loopback, 16) || (is_v4(bytes) && bytes[12] == 127);
}

/* ---- the list ---- */

/* Say whether b is what one client has. */
static bool
is_client(struct ban const *b)
{
  return b->bits == (is_v4(b->bytes) ? 128 : 64);
}

static void
drop(struct bans *b, struct ban *x)
{
  if (is_client(x)) {
    table_del(&b->by_text, ban_key(x));
    b->n--;
  } else
    b->networks_n--;
  *x->at = x->next;
  if (x->next) x->next->at = x->at;
  free(x);
}

static void
drop_ended(struct bans *b, struct ban *x, uint64_t now_s)
{
  struct ban *next;

  for (; x; x = next) {
    next = x->next;
    if (x->until_s <= now_s) drop(b, x);
  }
}

static struct ban *
find(struct bans const *b, struct ban const *like)
{
  struct ban *x;

  if (is_client(like)) return table_get(&b->by_text, ban_key(like));
  for (x = b->networks; x && strcmp(x->text, like->text) != 0; x = x->next) {
  }
  return x;
}

static bool
has_room(struct bans *b, bool client, uint64_t now_s)
{
  if (client && b->n >= BANS_MAX) drop_ended(b, b->first, now_s);
  if (!client && b->networks_n >= BAN_NETWORKS_MAX) drop_ended(b, b->networks, now_s);
  errno = EDQUOT;
  return client ? b->n < BANS_MAX : b->networks_n < BAN_NETWORKS_MAX;
}

static bool
add(struct bans *b, struct ban const *like, uint64_t now_s)
{
  bool client = is_client(like);
  struct ban **at = client ? &b->first : &b->networks, *x;

  if (!has_room(b, client, now_s)) return false;
  x = malloc(sizeof *x);
  if (!x) return false;
  *x = *like;
  if (client && !table_put(&b->by_text, x)) {
    free(x);
    return false;
  }
  x->next = *at;
  x->at = at;
  if (x->next) x->next->at = &x->next;
  *at = x;
  ++*(client ? &b->n : &b->networks_n);
  return true;
}

bool
ban_put(struct bans *b, struct slice text, uint64_t until_s, uint64_t now_s)
{
  struct ban like = {.until_s = until_s}, *x;

  errno = EINVAL;
  if (!read_ban(text, &like)) return false;
  write_ban(&like);
  x = find(b, &like);
  if (x && !until_s)
    drop(b, x);
  else if (x)
    x->until_s = until_s;
  return x || !until_s || add(b, &like, now_s);
}

static bool
has_prefix(unsigned char const bytes[16], struct ban const *x)
{
  unsigned int whole = x->bits / 8u, rest = x->bits % 8u;

  if (memcmp(bytes, x->bytes, whole) != 0) return false;
  return !rest || !((bytes[whole] ^ x->bytes[whole]) >> (8 - rest));
}

uint64_t
ban_until(struct bans const *b, struct slice ip, uint64_t now_s)
{
  unsigned char bytes[16];
  struct ban *x;
  char key[BAN_TEXT];
  uint64_t until = 0;

  if ((!b->n && !b->networks_n) || !read_address(ip, bytes)) return 0;
  x = b->n && ban_name(ip, key) ? table_get(&b->by_text, slice_str(key)) : NULL;
  if (x && x->until_s > now_s) until = x->until_s;
  for (x = b->networks; x; x = x->next)
    if (x->until_s > now_s && x->until_s > until && has_prefix(bytes, x))
      until = x->until_s;
  return until;
}

struct ban const *
ban_next(struct bans const *b, struct ban const *x, uint64_t now_s)
{
  struct ban const *next = x ? x->next : b->first;

  if (!next && (!x || is_client(x))) next = b->networks;
  while (next && next->until_s <= now_s) {
    struct ban const *last = next;
    next = next->next;
    if (!next && is_client(last)) next = b->networks;
  }
  return next;
}

void
ban_wipe(struct bans *b)
{
  drop_ended(b, b->first, UINT64_MAX);
  drop_ended(b, b->networks, UINT64_MAX);
  table_wipe(&b->by_text);
}
