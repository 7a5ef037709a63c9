#include "jid/jid.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

/* Where the domain of an address begins and ends: before the first slash, behind the first at
 * sign. Escapes have neither. */
static struct slice
domain_of(struct slice address)
{
  char const *slash = address.len ? memchr(address.s, '/', address.len) : NULL;
  struct slice bare =
    slice_of(address.s, slash ? (size_t)(slash - address.s) : address.len);
  char const *at = bare.len ? memchr(bare.s, '@', bare.len) : NULL;

  if (!at) return bare;
  return slice_of(at + 1, bare.len - (size_t)(at + 1 - bare.s));
}

/* Domains are prepared but for those that a client wrote into an attribute. */
static bool
is_host(struct slice domain, struct slice host)
{
  return domain.len == host.len && !strncasecmp(domain.s, host.s, host.len);
}

struct slice
jid_rehost(struct jid_hosts const *h, struct slice address, char *buf, size_t size)
{
  struct slice domain = domain_of(address);
  size_t before, behind;

  if (!domain.len || !is_host(domain, h->from)) return address;
  before = (size_t)(domain.s - address.s);
  behind = address.len - before - domain.len;
  if (before + h->to.len + behind > size) {
    errno = ENAMETOOLONG;
    return (struct slice){NULL, 0};
  }
  memcpy(buf, address.s, before);
  memcpy(buf + before, h->to.s, h->to.len);
  if (behind) memcpy(buf + before + h->to.len, domain.s + domain.len, behind);
  return slice_of(buf, before + h->to.len + behind);
}

/* ---- the start tag of an element ---- */

/* Say whether text, which ends before the quotes of a value, ends in the attribute's name. */
static bool
is_attribute(struct slice text, char const *name)
{
  size_t n = strlen(name);

  while (text.len && strchr(" \t\r\n=", text.s[text.len - 1]))
    text.len--;
  return text.len > n && !memcmp(text.s + text.len - n, name, n) &&
         strchr(" \t\r\n", text.s[text.len - n - 1]);
}

static bool
cat_value(struct jid_hosts const *h, struct slice value, stralloc *out)
{
  struct slice moved;

  if (!stralloc_readyplus(out, value.len + h->to.len)) return false;
  moved = jid_rehost(h, value, out->s + out->len, value.len + h->to.len);
  if (moved.s == value.s) memcpy(out->s + out->len, value.s, value.len);
  out->len += moved.len;
  return true;
}

bool
jid_rehost_tag(struct jid_hosts const *h, struct slice xml, stralloc *out)
{
  size_t done = 0, i;

  for (i = 0; i < xml.len && xml.s[i] != '>'; i++) {
    char quote = xml.s[i];
    char const *end;
    struct slice head = slice_of(xml.s, i), value;
    if (quote != '\'' && quote != '"') continue;
    end = memchr(xml.s + i + 1, quote, xml.len - i - 1);
    if (!end) break;
    value = slice_of(xml.s + i + 1, (size_t)(end - xml.s) - i - 1);
    i = (size_t)(end - xml.s);
    if (!is_attribute(head, "from") && !is_attribute(head, "to")) continue;
    if (!stralloc_catb(out, xml.s + done, (size_t)(value.s - xml.s) - done) ||
        !cat_value(h, value, out))
      return false;
    done = i;
  }
  return stralloc_catb(out, xml.s + done, xml.len - done);
}
