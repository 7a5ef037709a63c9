#include "invites.h"

#include <stdio.h>
#include <string.h>

/* Addresses of invitations: xmpp: (RFC 5122, XEP-0147) and that of the page. */

/* RFC 5122 s2.2: what is neither unreserved nor a sub-delim stands as %XX; of those the ones that end a
 * part do too. */
static bool
cat_percent(stralloc *out, struct slice s)
{
  static char const plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                              "0123456789-._~!$*+@";
  char buf[4];
  size_t i;

  for (i = 0; i < s.len; i++) {
    if (s.s[i] && strchr(plain, s.s[i])) {
      if (!stralloc_catb(out, s.s + i, 1)) return false;
      continue;
    }
    snprintf(buf, sizeof buf, "%%%02X", (unsigned char)s.s[i]);
    if (!stralloc_catb(out, buf, 3)) return false;
  }
  return true;
}

bool
invite_cat_percent(stralloc *out, struct slice text)
{
  return cat_percent(out, text);
}

bool
invite_cat_uri(stralloc *out, struct invite const *i, struct slice token)
{
  bool contact = i->kind == INVITE_CONTACT;

  if (i->kind == INVITE_RESET) return true;
  return stralloc_cats(out, "xmpp:") &&
         (contact
            ? cat_percent(out, i->inviter)
            : !i->name.len || (cat_percent(out, i->name) && stralloc_cats(out, "@"))) &&
         (contact || cat_percent(out, i->host)) &&
         stralloc_cats(out, contact ? "?roster;preauth=" : "?register;preauth=") &&
         stralloc_catb(out, token.s, token.len) &&
         stralloc_cats(out, contact && i->may_register ? ";ibr=y" : "");
}

/* The template of landing_page: {{ invite.token }} stands for the token. Without it the token goes
 * behind a slash. */
static bool
cat_template(stralloc *out, struct slice page, struct slice token)
{
  char const *open = memmem(page.s, page.len, "{{", 2), *close;
  size_t left = open ? page.len - (size_t)(open - page.s) : 0;

  close = open ? memmem(open, left, "}}", 2) : NULL;
  if (!close)
    return stralloc_catb(out, page.s, page.len) && stralloc_cats(out, "/") &&
           stralloc_catb(out, token.s, token.len);
  close += 2;
  return stralloc_catb(out, page.s, (size_t)(open - page.s)) &&
         stralloc_catb(out, token.s, token.len) &&
         stralloc_catb(out, close, (size_t)(page.s + page.len - close));
}

bool
registerd_cat_address(stralloc *out, struct slice s, struct slice host)
{
  char const *at = memmem(s.s, s.len, "@HOST@", 6);
  size_t n = at ? (size_t)(at - s.s) : s.len;

  return stralloc_catb(out, s.s, n) &&
         (!at || (stralloc_catb(out, host.s, host.len) &&
                  stralloc_catb(out, at + 6, s.len - n - 6)));
}

bool
invite_cat_page(stralloc *out, struct invite const *i, struct slice token)
{
  struct host const *h = registerd_host(i->host);
  struct slice page = h ? h->landing_page : SLICE("");
  static stralloc address = STRALLOC_ZERO;

  address.len = 0;
  if (!page.len || slice_is(page, "none")) return true;
  return registerd_cat_address(&address, page, i->host) &&
         cat_template(out, slice_of(address.s, address.len), token);
}
