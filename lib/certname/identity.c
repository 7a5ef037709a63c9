#include "certname/certname.h"

#include <string.h>

/* Names of a peer's certificate against the domain that the peer says it is (RFC 6125 s6.4,
 * RFC 6120 s13.7). */

/* NUL, and other bytes that no name of the DNS has, come as %xx: such a name is nobody's, and
 * so is one with a byte that is no ASCII. */
static bool
is_plain(struct slice name)
{
  size_t i;

  for (i = 0; i < name.len; i++)
    if ((unsigned char)name.s[i] >= 0x80 || name.s[i] == '%') return false;
  return name.len > 0;
}

static bool
same(struct slice a, struct slice b)
{
  size_t i;

  if (a.len != b.len) return false;
  for (i = 0; i < a.len; i++) {
    char x = a.s[i], y = b.s[i];
    if (x >= 'A' && x <= 'Z') x = (char)(x + 32);
    if (y >= 'A' && y <= 'Z') y = (char)(y + 32);
    if (x != y) return false;
  }
  return true;
}

/* s6.4.3: the star is the whole left-most label, and stands for one label. */
static bool
host_matches(struct slice name, struct slice ascii)
{
  struct slice label, rest = ascii;

  if (!is_plain(name)) return false;
  if (name.s[name.len - 1] == '.') name.len--;
  if (name.len < 3 || name.s[0] != '*' || name.s[1] != '.') return same(name, ascii);
  if (!slice_word(&rest, '.', &label) || !label.len || !rest.len) return false;
  return same(slice_of(name.s + 2, name.len - 2), rest);
}

/* The domain of an xmppAddr may stand as its holder writes it. */
static bool
address_matches(struct arena *a, certname_prep_fn *prep, struct slice name,
                struct slice domain)
{
  struct slice prepared = memchr(name.s, '%', name.len) ? SLICE("") : prep(a, name);

  return prepared.len && slice_eq(prepared, domain);
}

bool
certname_identifies(struct arena *a, certname_prep_fn *prep, struct slice names,
                    struct slice domain, struct slice ascii)
{
  struct slice word, kind;
  unsigned int n = 0;
  bool is_ip = ascii.len && (memchr(ascii.s, ':', ascii.len) || domain.s[0] == '[');
  size_t i;

  for (i = 0; !is_ip && i < ascii.len && strchr("0123456789.", ascii.s[i]); i++) {
  }
  is_ip = is_ip || (ascii.len && i == ascii.len);
  while (slice_word(&names, ' ', &word)) {
    if (!slice_word(&word, ':', &kind) || !word.len) continue;
    if (slice_is(kind, "ip")) {
      if (is_ip && same(word, ascii)) return true;
    } else if (is_ip) {
      continue;
    } else if (slice_is(kind, "xmpp")) {
      if (same(word, domain) || (ascii.len && same(word, ascii))) return true;
      if (n++ < CERTNAME_PREPARED && address_matches(a, prep, word, domain)) return true;
    } else if (slice_is(kind, "dns") || slice_is(kind, "srv")) {
      if (ascii.len && host_matches(word, ascii)) return true;
    }
  }
  return false;
}
