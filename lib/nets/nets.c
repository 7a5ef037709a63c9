#include "nets/nets.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* An IPv4 address stands in the last 4 bytes of 16. */
struct net {
  unsigned char at[16];
  unsigned int bits;
};

static unsigned char const mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

/* Give the bits of such an address: 32 or 128; 0: it is none. */
static unsigned int
read_address(struct slice text, unsigned char at[16])
{
  char z[INET6_ADDRSTRLEN];

  if (!text.len || text.len >= sizeof z) return 0;
  memcpy(z, text.s, text.len);
  z[text.len] = 0;
  memcpy(at, mapped, sizeof mapped);
  if (inet_pton(AF_INET, z, at + 12) == 1) return 32;
  return inet_pton(AF_INET6, z, at) == 1 ? 128 : 0;
}

static bool
read_net(struct slice text, struct net *out)
{
  struct slice word = {NULL, 0};
  uint64_t bits;
  unsigned int most;

  slice_word(&text, '/', &word);
  most = read_address(word, out->at);
  if (!most) return false;
  bits = most;
  if (text.len && !slice_u64(text, &bits)) return false;
  out->bits = 128 - most + (unsigned int)(bits < 128 ? bits : 128);
  return bits <= most;
}

static bool
add_word(struct nets *list, struct slice word)
{
  struct net *v;

  if (slice_is(word, "all")) {
    list->all = true;
    return true;
  }
  v = realloc(list->v, (list->n + 1) * sizeof *v);
  if (!v) return false;
  list->v = v;
  if (!read_net(word, &v[list->n])) {
    errno = EINVAL;
    return false;
  }
  list->n++;
  return true;
}

bool
nets_add(struct nets *list, struct slice text)
{
  struct slice word;

  while (slice_word(&text, ' ', &word))
    if (word.len && !add_word(list, word)) return false;
  return true;
}

static bool
is_in(struct net const *net, unsigned char const at[16])
{
  unsigned int whole = net->bits / 8, rest = net->bits % 8;

  return !memcmp(net->at, at, whole) &&
         (!rest || (net->at[whole] ^ at[whole]) >> (8 - rest) == 0);
}

bool
nets_have(struct nets const *list, struct slice ip)
{
  unsigned char at[16];
  size_t i;

  if (list->all) return true;
  if (!read_address(ip, at)) return false;
  for (i = 0; i < list->n; i++)
    if (is_in(&list->v[i], at)) return true;
  return false;
}

bool
nets_empty(struct nets const *list)
{
  return !list->all && !list->n;
}

void
nets_wipe(struct nets *list)
{
  free(list->v);
  *list = (struct nets){NULL, 0, false};
}
