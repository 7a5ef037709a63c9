#include "dial.h"

#include <arpa/inet.h>

/* The targets of a connect record, a line each: HOW PORT NAME ADDRESSES TLSA. */

static bool
read_address(struct address *a, struct slice text, uint16_t port)
{
  memset(a, 0, sizeof *a);
  if (!text.len || text.len >= sizeof a->text) return false;
  memcpy(a->text, text.s, text.len);
  if (inet_pton(AF_INET, a->text, &a->at.v4.sin_addr) == 1) {
    a->at.v4.sin_family = AF_INET;
    a->at.v4.sin_port = htons(port);
    return true;
  }
  if (inet_pton(AF_INET6, a->text, &a->at.v6.sin6_addr) != 1) return false;
  a->at.v6.sin6_family = AF_INET6;
  a->at.v6.sin6_port = htons(port);
  return true;
}

static unsigned int
count(struct slice list, unsigned int most)
{
  unsigned int n = 0;
  struct slice word;

  while (n < most && slice_word(&list, ',', &word))
    n++;
  return n;
}

static bool
read_addresses(struct arena *a, struct target *t, struct slice list, uint16_t port,
               unsigned int most)
{
  unsigned int n = count(list, most);
  struct address *v = n ? arena_alloc(a, n * sizeof *v) : NULL;
  struct slice word;

  if (n && !v) return false;
  t->addresses = v;
  for (t->addresses_n = 0; t->addresses_n < n; t->addresses_n++)
    if (!slice_word(&list, ',', &word) || !read_address(&v[t->addresses_n], word, port))
      return false;
  return true;
}

static int
hex_digit(char c)
{
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static bool
read_hex(struct arena *a, struct tlsa *t, struct slice hex)
{
  unsigned char *to;
  size_t i;

  t->len = hex.len / 2;
  if (!t->len || hex.len % 2 || t->len > TLSA_BYTES_MAX) return false;
  t->data = to = arena_alloc(a, t->len);
  for (i = 0; to && i < t->len; i++) {
    int high = hex_digit(hex.s[2 * i]), low = hex_digit(hex.s[2 * i + 1]);
    if (high < 0 || low < 0) return false;
    to[i] = (unsigned char)(high << 4 | low);
  }
  return to != NULL;
}

/* USAGE:SELECTOR:MATCHING:HEX */
static bool
read_tlsa(struct arena *a, struct tlsa *t, struct slice text)
{
  uint64_t n[3];
  struct slice word;
  int i;

  for (i = 0; i < 3; i++)
    if (!slice_word(&text, ':', &word) || !slice_u64(word, &n[i]) || n[i] > UINT8_MAX)
      return false;
  t->usage = (uint8_t)n[0];
  t->selector = (uint8_t)n[1];
  t->matching = (uint8_t)n[2];
  return read_hex(a, t, text);
}

static bool
read_tlsa_list(struct arena *a, struct target *t, struct slice list)
{
  unsigned int n = count(list, TLSA_MAX);
  struct tlsa *v = n ? arena_alloc(a, n * sizeof *v) : NULL;
  struct slice word;

  if (n && !v) return false;
  t->tlsa = v;
  for (t->tlsa_n = 0; t->tlsa_n < n; t->tlsa_n++)
    if (!slice_word(&list, ',', &word) || !read_tlsa(a, &v[t->tlsa_n], word))
      return false;
  return true;
}

static bool
is_none(struct slice list)
{
  return !list.len || slice_is(list, "-");
}

static bool
read_target(struct arena *a, struct target *t, struct slice line, unsigned int most)
{
  struct slice how, number, name, addresses = SLICE(""), tlsa = SLICE("");
  uint64_t port;

  memset(t, 0, sizeof *t);
  if (!slice_word(&line, ' ', &how) || !slice_word(&line, ' ', &number) ||
      !slice_word(&line, ' ', &name) || !slice_u64(number, &port) || !port ||
      port > UINT16_MAX)
    return false;
  slice_word(&line, ' ', &addresses);
  slice_word(&line, ' ', &tlsa);
  t->tls = slice_is(how, "tls");
  t->name = arena_copy(a, name).s;
  if (!t->name || (!t->tls && !slice_is(how, "plain"))) return false;
  return (is_none(addresses) || read_addresses(a, t, addresses, (uint16_t)port, most)) &&
         (is_none(tlsa) || read_tlsa_list(a, t, tlsa));
}

bool
targets_read(struct arena *a, struct slice text, struct target **v, unsigned int *n)
{
  unsigned int addresses = 0;
  struct slice line;

  *n = 0;
  *v = arena_alloc(a, TARGETS_MAX * sizeof **v);
  if (!*v) return false;
  while (*n < TARGETS_MAX && slice_word(&text, '\n', &line)) {
    struct target *t = &(*v)[*n];
    if (!line.len) continue;
    if (!read_target(a, t, line, ADDRESSES_MAX - addresses)) return false;
    addresses += t->addresses_n;
    (*n)++;
  }
  return true;
}
