#include "caps/caps.h"

#include <openssl/evp.h>

#include <stdlib.h>

#define NS_INFO "http://jabber.org/protocol/disco#info"
#define NS_DATA "jabber:x:data"

/* An identity, a feature, a form, a field of a form or a value: what it is sorted by, and its
 * element. */
struct part {
  struct slice key;
  struct xml_node const *e;
};

struct parts {
  struct part *v;
  size_t n;
};

struct reading {
  struct arena *a;
  stralloc s; /* the string S of s5.1 */
  bool bad;   /* the answer is ill-formed */
};

int
caps_compare(struct slice a, struct slice b)
{
  int d = memcmp(a.s, b.s, a.len < b.len ? a.len : b.len);

  return d ? d : (a.len > b.len) - (a.len < b.len);
}

static int
by_key(void const *x, void const *y)
{
  return caps_compare(((struct part const *)x)->key, ((struct part const *)y)->key);
}

/* ---- the string ---- */

/* A text with the separator in it would hash like two others. */
static bool
cat(struct reading *r, struct slice text)
{
  if (text.len && memchr(text.s, '<', text.len)) r->bad = true;
  return stralloc_catb(&r->s, text.s, text.len) && stralloc_catb(&r->s, "<", 1);
}

/* The children of e with this name, with room for their keys. false: ENOMEM. */
static bool
collect(struct reading *r, struct xml_node const *e, char const *ns, char const *name,
        struct parts *out)
{
  struct xml_node const *c;

  out->n = 0;
  for (c = xml_next(e, NULL); c; c = xml_next(e, c))
    out->n += xml_is(c, ns, name);
  out->v = arena_alloc(r->a, (out->n + 1) * sizeof *out->v);
  if (!out->v) return false;
  out->n = 0;
  for (c = xml_next(e, NULL); c; c = xml_next(e, c))
    if (xml_is(c, ns, name)) out->v[out->n++] = (struct part){SLICE(""), c};
  return true;
}

static void
sort(struct parts *p)
{
  if (p->n) qsort(p->v, p->n, sizeof *p->v, by_key);
}

static bool
has_twice(struct parts const *p)
{
  size_t i;

  for (i = 1; i < p->n; i++)
    if (slice_eq(p->v[i - 1].key, p->v[i].key)) return true;
  return false;
}

/* Category, type, language and name, with slashes between them (s5.1 step 2). */
static bool
identity_key(struct reading *r, struct part *p)
{
  struct slice const v[] = {xml_attr(p->e, "category"), xml_attr(p->e, "type"),
                            xml_lang(p->e), xml_attr(p->e, "name")};
  size_t len = 3, i;
  char *to;

  for (i = 0; i < 4; i++)
    len += v[i].len;
  to = arena_alloc(r->a, len);
  if (!to) return false;
  p->key = slice_of(to, len);
  for (i = 0; i < 4; i++) {
    if (i) *to++ = '/';
    if (v[i].len) memcpy(to, v[i].s, v[i].len);
    to += v[i].len;
  }
  return true;
}

static bool
feature_key(struct reading *r, struct part *p)
{
  (void)r;
  p->key = xml_attr(p->e, "var");
  if (!p->key.s) p->key = SLICE("");
  return true;
}

/* Identities, and features: sorted, none of them twice (s5.4 step 3). */
static bool
cat_sorted(struct reading *r, struct xml_node const *query, char const *name,
           bool (*key)(struct reading *r, struct part *p))
{
  struct parts p;
  size_t i;

  if (!collect(r, query, NS_INFO, name, &p)) return false;
  for (i = 0; i < p.n; i++)
    if (!key(r, &p.v[i])) return false;
  sort(&p);
  if (has_twice(&p)) r->bad = true;
  for (i = 0; i < p.n; i++)
    if (!cat(r, p.v[i].key)) return false;
  return true;
}

/* ---- forms ---- */

/* The values of a field, as keys. */
static bool
values(struct reading *r, struct xml_node const *field, struct parts *out)
{
  size_t i;

  if (!collect(r, field, NS_DATA, "value", out)) return false;
  for (i = 0; i < out->n; i++) {
    out->v[i].key = xml_text(r->a, out->v[i].e);
    if (!out->v[i].key.s) return false;
  }
  sort(out);
  return true;
}

static bool
is_type(struct xml_node const *field)
{
  return slice_is(xml_attr(field, "var"), "FORM_TYPE");
}

/* The FORM_TYPE of a form, its key. A form without one, or whose FORM_TYPE is not hidden, is left
 * out: *leave is set (s5.4 step 3). */
static bool
form_key(struct reading *r, struct part *form, bool *leave)
{
  struct xml_node const *c = xml_next(form->e, NULL);
  struct parts v;

  while (c && !(xml_is(c, NS_DATA, "field") && is_type(c)))
    c = xml_next(form->e, c);
  *leave = !c || !slice_is(xml_attr(c, "type"), "hidden");
  if (*leave) return true;
  if (!values(r, c, &v)) return false;
  *leave = !v.n;
  if (!v.n) return true;
  form->key = v.v[0].key;
  if (!slice_eq(v.v[0].key, v.v[v.n - 1].key)) r->bad = true;
  return true;
}

static bool
cat_form(struct reading *r, struct part const *form)
{
  struct parts fields, v;
  size_t i, j;

  if (!cat(r, form->key) || !collect(r, form->e, NS_DATA, "field", &fields)) return false;
  for (i = 0; i < fields.n; i++)
    if (!feature_key(r, &fields.v[i])) return false;
  sort(&fields);
  for (i = 0; i < fields.n; i++) {
    if (is_type(fields.v[i].e)) continue;
    if (!cat(r, fields.v[i].key) || !values(r, fields.v[i].e, &v)) return false;
    for (j = 0; j < v.n; j++)
      if (!cat(r, v.v[j].key)) return false;
  }
  return true;
}

static bool
cat_forms(struct reading *r, struct xml_node const *query)
{
  struct parts forms;
  size_t i, n = 0;
  bool leave;

  if (!collect(r, query, NS_DATA, "x", &forms)) return false;
  for (i = 0; i < forms.n; i++) {
    if (!form_key(r, &forms.v[i], &leave)) return false;
    if (!leave) forms.v[n++] = forms.v[i];
  }
  forms.n = n;
  sort(&forms);
  if (has_twice(&forms)) r->bad = true;
  for (i = 0; i < forms.n; i++)
    if (!cat_form(r, &forms.v[i])) return false;
  return true;
}

/* ---- the answer ---- */

static bool
has_hash(struct slice s, struct caps_digest const *digest)
{
  static EVP_MD const *(*const algorithms[])(void) = {EVP_sha1, EVP_sha256, EVP_sha512};

  unsigned char md[EVP_MAX_MD_SIZE];
  unsigned int n = 0;

  return EVP_Digest(s.s, s.len, md, &n, algorithms[digest->algorithm - 1](), NULL) &&
         n == digest->len && !memcmp(md, digest->bytes, n);
}

static int
by_name(void const *x, void const *y)
{
  return caps_compare(*(struct slice const *)x, *(struct slice const *)y);
}

/* Read the names from the words of the string, as far as there is room. A word is there twice
 * when a form repeats a feature. false: ENOMEM. */
static bool
read_names(struct arena *a, struct slice s, struct caps_names *out)
{
  static char const end[] = "+notify";
  size_t const len = sizeof end - 1;
  size_t i, n = 0;
  struct slice word;

  out->n = 0;
  while (out->n < CAPS_NAMES_MAX && slice_word(&s, '<', &word)) {
    if (word.len <= len || word.len - len > CAPS_NAME_MAX ||
        memcmp(word.s + word.len - len, end, len) != 0)
      continue;
    out->name[out->n] = arena_copy(a, slice_of(word.s, word.len - len));
    if (!out->name[out->n++].s) return false;
  }
  if (!out->n) return true;
  qsort(out->name, out->n, sizeof *out->name, by_name);
  for (i = 1; i < out->n; i++)
    if (!slice_eq(out->name[n], out->name[i])) out->name[++n] = out->name[i];
  out->n = n + 1;
  return true;
}

enum caps_verdict
caps_read(struct arena *a, struct xml_node const *query, struct caps_digest const *digest,
          struct caps_names *out)
{
  struct reading r = {a, STRALLOC_ZERO, false};
  enum caps_verdict v = CAPS_NO_MEMORY;
  struct slice s;

  if (cat_sorted(&r, query, "identity", identity_key) &&
      cat_sorted(&r, query, "feature", feature_key) && cat_forms(&r, query)) {
    s = slice_of(r.s.s, r.s.len);
    v = r.bad || (digest && !has_hash(s, digest)) ? CAPS_BAD : CAPS_GOOD;
    if (v == CAPS_GOOD && !read_names(a, s, out)) v = CAPS_NO_MEMORY;
  }
  stralloc_free(&r.s);
  return v;
}

bool
caps_has(struct caps_names const *names, struct slice name)
{
  return names->n && bsearch(&name, names->name, names->n, sizeof name, by_name);
}
