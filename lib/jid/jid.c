#include "jid/jid.h"

#include <idn-free.h>
#include <idna.h>
#include <stringprep.h>

#include <errno.h>
#include <string.h>

/* Nearly every address is plain ASCII that is prepared already; that is seen in one pass per
 * part and costs no copy. ASCII in capitals is folded here; the rest goes to libidn. */

enum look {
  LOOK_READY,   /* prepared as it stands */
  LOOK_CAPITAL, /* ASCII, but has capitals to fold */
  LOOK_FOREIGN, /* not ASCII: for libidn */
  LOOK_BAD      /* has what the profile prohibits */
};

typedef bool is_bad_fn(unsigned char c);

/* RFC 7622 s3.3.1: not in localparts. */
static bool
bad_in_local(unsigned char c)
{
  return c <= ' ' || c == 0x7f || strchr("\"&'/:<>@", c) != NULL;
}

static bool
bad_in_domain(unsigned char c)
{
  return !((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           c == '-' || c == '.' || c == '_' || c == ':' || c == '[' || c == ']');
}

static bool
bad_in_resource(unsigned char c)
{
  return c < ' ' || c == 0x7f;
}

static enum look
look_at(struct slice t, is_bad_fn *is_bad, bool folds)
{
  enum look l = LOOK_READY;
  size_t i;

  for (i = 0; i < t.len; i++) {
    unsigned char c = (unsigned char)t.s[i];
    if (c >= 0x80) return LOOK_FOREIGN;
    if (is_bad(c)) return LOOK_BAD;
    if (folds && c >= 'A' && c <= 'Z') l = LOOK_CAPITAL;
  }
  return l;
}

static struct slice
none(int e)
{
  errno = e;
  return (struct slice){NULL, 0};
}

static struct slice
fold(struct arena *a, struct slice t)
{
  char *s = arena_alloc(a, t.len + 1);
  size_t i;

  if (!s) return none(ENOMEM);
  for (i = 0; i < t.len; i++)
    s[i] = t.s[i] >= 'A' && t.s[i] <= 'Z' ? (char)(t.s[i] + 32) : t.s[i];
  s[t.len] = 0;
  return slice_of(s, t.len);
}

/* Run a profile of libidn: it works in a buffer, in place, on a NUL-terminated text. Code points
 * that Unicode 3.2 had not assigned, emoji among them, stay as they are (RFC 3454 s7: an address
 * from elsewhere is a query). */
static struct slice
run_profile(struct arena *a, struct slice t, Stringprep_profile const *profile)
{
  char buf[4 * JID_PART_MAX + 1];

  if (memchr(t.s, 0, t.len)) return none(EINVAL);
  memcpy(buf, t.s, t.len);
  buf[t.len] = 0;
  if (stringprep(buf, sizeof buf, 0, profile) != STRINGPREP_OK) return none(EINVAL);
  t = slice_str(buf);
  if (!t.len || t.len > JID_PART_MAX) return none(EINVAL);
  t = arena_copy(a, t);
  return t.s ? t : none(ENOMEM);
}

static struct slice
prepare(struct arena *a, struct slice t, is_bad_fn *is_bad, bool folds,
        Stringprep_profile const *profile)
{
  if (!t.len || t.len > JID_PART_MAX) return none(EINVAL);
  switch (look_at(t, is_bad, folds)) {
  case LOOK_READY: return t;
  case LOOK_CAPITAL: return fold(a, t);
  case LOOK_FOREIGN: return run_profile(a, t, profile);
  case LOOK_BAD: break;
  }
  return none(EINVAL);
}

struct slice
jid_prep_local(struct arena *a, struct slice t)
{
  return prepare(a, t, bad_in_local, true, stringprep_xmpp_nodeprep);
}

/* RFC 3454 s7: in a stored string no code point is unassigned. */
bool
jid_local_may_be_stored(struct slice local)
{
  char buf[4 * JID_PART_MAX + 1];

  if (look_at(local, bad_in_local, true) != LOOK_FOREIGN) return true;
  if (local.len > JID_PART_MAX) return false;
  memcpy(buf, local.s, local.len);
  buf[local.len] = 0;
  return stringprep(buf, sizeof buf, STRINGPREP_NO_UNASSIGNED,
                    stringprep_xmpp_nodeprep) == STRINGPREP_OK;
}

struct slice
jid_prep_resource(struct arena *a, struct slice t)
{
  return prepare(a, t, bad_in_resource, false, stringprep_xmpp_resourceprep);
}

/* RFC 3454 s7: as jid_local_may_be_stored. */
struct slice
jid_prep_nick(struct arena *a, struct slice t)
{
  char buf[4 * JID_PART_MAX + 1];

  if (!t.len || t.len > JID_PART_MAX || memchr(t.s, 0, t.len)) return none(EINVAL);
  if (look_at(t, bad_in_resource, false) == LOOK_READY) return t;
  memcpy(buf, t.s, t.len);
  buf[t.len] = 0;
  if (stringprep(buf, sizeof buf, STRINGPREP_NO_UNASSIGNED,
                 stringprep_xmpp_resourceprep) != STRINGPREP_OK)
    return none(EINVAL);
  return jid_prep_resource(a, t);
}

/* Nameprep folds the case, and then makes the text that NFKC gives. */
struct slice
jid_nick_key(struct arena *a, struct slice nick)
{
  struct slice key = prepare(a, nick, bad_in_resource, true, stringprep_nameprep);

  return key.s || errno == ENOMEM ? key : nick;
}

/* RFC 7622 s3.2: labels of a DNS name, or an address in brackets; a trailing dot is dropped
 * (s3.2.1). Empty labels and labels over 63 bytes are no names. */
static bool
labels_hold(struct slice t)
{
  struct slice label;
  size_t i;

  for (i = 0; i < t.len; i++)
    if (bad_in_domain((unsigned char)t.s[i])) return false;
  if (t.len && t.s[0] == '[') return t.len > 2 && t.s[t.len - 1] == ']';
  if (memchr(t.s, ':', t.len) || memchr(t.s, '[', t.len) || memchr(t.s, ']', t.len))
    return false;
  if (t.s[t.len - 1] == '.') return false;
  while (slice_word(&t, '.', &label))
    if (!label.len || label.len > 63) return false;
  return true;
}

/* A U-label must survive the way to its A-label. */
static bool
has_a_label(char const *u)
{
  char *ascii = NULL;
  int rc = idna_to_ascii_8z(u, &ascii, IDNA_ALLOW_UNASSIGNED);

  idn_free(ascii);
  return rc == IDNA_SUCCESS;
}

static bool
is_ascii(struct slice t)
{
  size_t i;

  for (i = 0; i < t.len; i++)
    if ((unsigned char)t.s[i] >= 0x80) return false;
  return true;
}

/* Nameprep leaves ASCII's delimiters alone, and makes them of their wide forms: so each
 * ASCII byte is checked behind it. It leaves U+3002 too, which the DNS's form of the name has as a dot
 * (RFC 3490 s3.1): a domain with it would be a second spelling of another one. */
static bool
foreign_holds(struct slice t)
{
  static char const ideographic_stop[] = "\xe3\x80\x82";
  size_t i;

  if (memmem(t.s, t.len, ideographic_stop, sizeof ideographic_stop - 1)) return false;
  for (i = 0; i < t.len; i++) {
    unsigned char c = (unsigned char)t.s[i];
    if (c < 0x80 && (bad_in_domain(c) || strchr(":[]", c))) return false;
  }
  return t.s[t.len - 1] != '.' && has_a_label(t.s);
}

/* Labels in the form of the DNS begin with "xn--" (RFC 3490 s5); t is folded. */
static bool
has_ace_label(struct slice t)
{
  char const *at = t.s, *end = t.s + t.len;

  while ((at = memmem(at, (size_t)(end - at), "xn--", 4))) {
    if (at == t.s || at[-1] == '.') return true;
    at++;
  }
  return false;
}

/* RFC 7622 s3.2.1: each A-label becomes its U-label; libidn leaves a label alone that
 * decodes to no U-label, or to one that has another A-label. */
static struct slice
to_u_labels(struct arena *a, struct slice t)
{
  char z[JID_PART_MAX + 1], *u = NULL;
  struct slice p;
  int rc;

  memcpy(z, t.s, t.len);
  z[t.len] = 0;
  rc = idna_to_unicode_8z8z(z, &u, 0);
  if (rc != IDNA_SUCCESS) {
    idn_free(u);
    return none(rc == IDNA_MALLOC_ERROR ? ENOMEM : EINVAL);
  }
  p = slice_str(u);
  p = p.len && p.len <= JID_PART_MAX ? arena_copy(a, p) : none(EINVAL);
  idn_free(u);
  return p;
}

struct slice
jid_ascii_domain(struct arena *a, struct slice d)
{
  char z[JID_PART_MAX + 1], *ascii = NULL;
  struct slice p;
  int rc;

  if (d.len > JID_PART_MAX) return none(EINVAL);
  if (d.len > 2 && d.s[0] == '[') return arena_copy(a, slice_of(d.s + 1, d.len - 2));
  if (is_ascii(d)) return arena_copy(a, d);
  memcpy(z, d.s, d.len);
  z[d.len] = 0;
  rc = idna_to_ascii_8z(z, &ascii, IDNA_ALLOW_UNASSIGNED);
  p = rc == IDNA_SUCCESS ? arena_copy(a, slice_str(ascii))
                         : none(rc == IDNA_MALLOC_ERROR ? ENOMEM : EINVAL);
  idn_free(ascii);
  return p;
}

struct slice
jid_ascii_host(struct arena *a, struct slice d)
{
  char z[JID_PART_MAX + 1], *ascii = NULL;
  struct slice p;
  int rc;

  if (d.len > JID_PART_MAX) return none(EINVAL);
  memcpy(z, d.s, d.len);
  z[d.len] = 0;
  rc = idna_to_ascii_8z(z, &ascii, IDNA_USE_STD3_ASCII_RULES);
  if (rc != IDNA_SUCCESS) return none(rc == IDNA_MALLOC_ERROR ? ENOMEM : EINVAL);
  p = strlen(ascii) <= 253 ? arena_copy(a, slice_str(ascii)) : none(EINVAL);
  idn_free(ascii);
  return p;
}

struct slice
jid_prep_domain(struct arena *a, struct slice t)
{
  struct slice p;

  if (t.len > 1 && t.s[t.len - 1] == '.') t.len--;
  p = prepare(a, t, bad_in_domain, true, stringprep_nameprep);
  if (p.s && has_ace_label(p)) p = to_u_labels(a, p);
  if (!p.s) return p;
  return (is_ascii(p) ? labels_hold(p) : foreign_holds(p)) ? p : none(EINVAL);
}

bool
jid_make(struct arena *a, struct slice local, struct slice domain, struct slice resource,
         struct jid *out)
{
  size_t bare = local.len + (local.len ? 1 : 0) + domain.len;
  size_t full = bare + (resource.len ? 1 : 0) + resource.len;
  char *s;

  if (full > JID_MAX) {
    errno = EINVAL;
    return false;
  }
  s = arena_alloc(a, full + 1);
  if (!s) return false;
  s[full] = 0;
  out->full = slice_of(s, full);
  out->bare = slice_of(s, bare);
  out->local = slice_of(s, local.len);
  if (local.len) {
    memcpy(s, local.s, local.len);
    s[local.len] = '@';
    s += local.len + 1;
  }
  memcpy(s, domain.s, domain.len);
  out->domain = slice_of(s, domain.len);
  s += domain.len;
  if (resource.len) {
    *s++ = '/';
    memcpy(s, resource.s, resource.len);
  }
  out->resource = slice_of(s, resource.len);
  return true;
}

/* Say whether the prepared parts are the text's own, so that the text can stand for
 * the JID. */
static bool
in_place(struct slice text, struct slice part)
{
  return part.s >= text.s && part.s <= text.s + text.len;
}

bool
jid_parse(struct arena *a, struct slice text, struct jid *out)
{
  char const *slash, *at;
  struct slice local = SLICE(""), domain = text, resource = SLICE("");

  errno = EINVAL;
  if (!text.len || text.len > JID_MAX) return false;
  slash = memchr(text.s, '/', text.len);
  if (slash) {
    resource = slice_of(slash + 1, (size_t)(text.s + text.len - slash - 1));
    domain.len = (size_t)(slash - text.s);
    resource = jid_prep_resource(a, resource);
    if (!resource.s) return false;
  }
  at = memchr(domain.s, '@', domain.len);
  if (at) {
    local = jid_prep_local(a, slice_of(domain.s, (size_t)(at - domain.s)));
    if (!local.s) return false;
    domain = slice_of(at + 1, (size_t)(domain.s + domain.len - at - 1));
  }
  domain = jid_prep_domain(a, domain);
  if (!domain.s) return false;
  if (!in_place(text, domain) || (local.len && !in_place(text, local)) ||
      (resource.len && !in_place(text, resource)) ||
      domain.s + domain.len + (resource.len ? 1 + resource.len : 0) != text.s + text.len)
    return jid_make(a, local, domain, resource, out);
  out->local = local;
  out->domain = domain;
  out->resource = resource;
  out->full = text;
  out->bare = slice_of(text.s, (size_t)(domain.s + domain.len - text.s));
  return true;
}

struct jid
jid_cut(struct slice t)
{
  struct jid j = {.local = SLICE(""), .domain = t, .bare = t, .full = t};
  char const *slash = t.len ? memchr(t.s, '/', t.len) : NULL, *at;

  j.resource = SLICE("");
  if (slash) {
    j.bare = j.domain = slice_of(t.s, (size_t)(slash - t.s));
    j.resource = slice_of(slash + 1, t.len - j.bare.len - 1);
  }
  at = j.bare.len ? memchr(j.bare.s, '@', j.bare.len) : NULL;
  if (at) {
    j.local = slice_of(j.bare.s, (size_t)(at - j.bare.s));
    j.domain = slice_of(at + 1, j.bare.len - j.local.len - 1);
  }
  return j;
}
