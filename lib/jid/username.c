#include "jid/jid.h"

#include <idn-free.h>
#include <stringprep.h>

#include <errno.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <wctype.h>

/* RFC 8265 s3.3: UsernameCaseMapped maps width and case, and has letters, digits and marks beyond
 * ASCII, but no character with a compatibility form; RFC 7622 s3.3.1 excludes some of ASCII. The
 * classes of characters are those of the C library. */

static locale_t
classes(void)
{
  static locale_t l;

  if (!l) l = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
  return l;
}

/* Fullwidth forms of ASCII (RFC 8265 s3.3.2 rule 1). */
static uint32_t
narrow(uint32_t c)
{
  return c >= 0xff01 && c <= 0xff5e ? c - 0xff01 + '!' : c;
}

static bool
has_other_form(uint32_t c)
{
  uint32_t *form = stringprep_ucs4_nfkc_normalize(&c, 1);
  bool other = !form || form[0] != c || form[1];

  idn_free(form);
  return other;
}

static bool
is_of_a_word(wint_t c)
{
  return iswalnum_l(c, classes()) ||
         iswctype_l(c, wctype_l("combining", classes()), classes());
}

/* Map a code point; 0: the profile does not allow it. */
static uint32_t
map(uint32_t c)
{
  c = narrow(c);
  if (c < 0x80) return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c;
  c = (uint32_t)towlower_l((wint_t)c, classes());
  return is_of_a_word((wint_t)c) && !has_other_form(c) ? c : 0;
}

/* Give the mapped text in the form that nodeprep gives too; NULL: there is none. */
static char *
map_all(struct slice text)
{
  size_t n = 0, i;
  uint32_t *c = stringprep_utf8_to_ucs4(text.s, (ssize_t)text.len, &n);
  char *utf8 = NULL, *out = NULL;

  for (i = 0; c && i < n && (c[i] = map(c[i])) != 0; i++) {
  }
  if (c && i == n) utf8 = stringprep_ucs4_to_utf8(c, (ssize_t)n, NULL, NULL);
  if (utf8) out = stringprep_utf8_nfkc_normalize(utf8, -1);
  idn_free(utf8);
  idn_free(c);
  return out;
}

struct slice
jid_username(struct arena *a, struct slice text)
{
  struct slice local = jid_prep_local(a, text);
  char *mapped;
  bool same;

  if (!local.s) return local;
  mapped = classes() ? map_all(text) : NULL;
  same = mapped && slice_is(local, mapped) && local.len <= JID_USERNAME_MAX &&
         jid_local_may_be_stored(local);
  idn_free(mapped);
  if (same) return local;
  errno = EINVAL;
  return (struct slice){NULL, 0};
}
