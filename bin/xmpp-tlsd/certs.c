#include "tlsd.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <errno.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>

/* All files together are one pool (the order of files and inside files does not matter):
 * certificates are told apart by their bytes, a leaf is a certificate whose key is there,
 * chains are rebuilt by issuer. The same certificate twice is one. */

#define CHAIN_MAX 8

struct pool {
  STACK_OF(X509) * x509s; /* the application's data of each is a struct file */
  EVP_PKEY **keys;
  size_t keys_n;
};

/* The file of a certificate, in the arena of the settings. A copy has the name of the
 * file that was copied. */
struct file {
  char const *name;
  struct slice pattern; /* the words of the configuration that name the file */
};

/* ---- reading files ---- */

/* OpenSSL leaves the index 0 to the application. */
char const *
certs_file(X509 const *x)
{
  return ((struct file *)X509_get_ex_data(x, 0))->name;
}

static bool
pool_add_cert(struct pool *p, X509 *x, struct file *file)
{
  int i;

  X509_set_ex_data(x, 0, file);
  for (i = 0; i < sk_X509_num(p->x509s); i++)
    if (!X509_cmp(sk_X509_value(p->x509s, i), x)) {
      X509_free(x);
      return true;
    }
  if (sk_X509_push(p->x509s, x)) return true;
  X509_free(x);
  return false;
}

static bool
pool_add_key(struct pool *p, EVP_PKEY *key)
{
  EVP_PKEY **keys = realloc(p->keys, (p->keys_n + 1) * sizeof(EVP_PKEY *));

  if (!keys) {
    EVP_PKEY_free(key);
    return false;
  }
  p->keys = keys;
  p->keys[p->keys_n++] = key;
  return true;
}

static bool
pool_add_info(struct pool *p, X509_INFO *info, struct file *file)
{
  if (info->x509) {
    X509 *x = info->x509;
    info->x509 = NULL;
    if (!pool_add_cert(p, x, file)) return false;
  }
  if (info->x_pkey && info->x_pkey->dec_pkey) {
    EVP_PKEY *key = info->x_pkey->dec_pkey;
    info->x_pkey->dec_pkey = NULL;
    if (!pool_add_key(p, key)) return false;
  }
  return true;
}

static bool
bad_file(struct file const *f, char const *why)
{
  settings_refuse("certfile", f->pattern, f->name, ": ", why, NULL);
  ERR_clear_error();
  return false;
}

/* A file that does not end where a PEM block ends is half written. */
static bool
pool_read(struct pool *p, char const *path, struct file *f)
{
  STACK_OF(X509_INFO) *infos = certname_pem(path);
  bool ok = true;
  int i;

  if (!infos && errno == EPROTO)
    return bad_file(f, "not whole PEM, or a key with a passphrase");
  if (!infos) return bad_file(f, strerror(errno));
  for (i = 0; ok && i < sk_X509_INFO_num(infos); i++)
    ok = pool_add_info(p, sk_X509_INFO_value(infos, i), f);
  sk_X509_INFO_pop_free(infos, X509_INFO_free);
  return ok || bad_file(f, "out of memory");
}

/* The file at a path, which row names. NULL: ENOMEM. */
static struct file *
file_new(struct settings *st, struct settings_row const *row, char const *path)
{
  struct file *f = arena_alloc(&st->arena, sizeof *f);
  struct slice name = row->value[1].len ? row->value[1] : slice_str(path);

  if (!f) return NULL;
  f->name = arena_copy(&st->arena, name).s;
  f->pattern = row->value[2].len ? row->value[2] : row->value[0];
  return f->name ? f : NULL;
}

/* A row has a pattern; or a copy, the name of the file that was copied, and the
 * pattern that names it. */
static bool
pool_read_row(struct pool *p, struct settings *st, struct settings_row const *row)
{
  char const *pattern = settings_path(st, row->value[0]).s;
  struct file *f = file_new(st, row, pattern);
  glob_t g;
  bool ok = true;
  size_t i;
  int rc;

  if (!f) return false;
  rc = glob(pattern, GLOB_BRACE, NULL, &g);
  if (rc == GLOB_NOMATCH) {
    log_event(LOG_WARN, "no-certificate-file", "pattern", pattern, "why",
              "no file matches certfiles", NULL);
    return true;
  }
  if (rc) return bad_file(f, "cannot be searched");
  for (i = 0; ok && i < g.gl_pathc; i++)
    ok = (f = file_new(st, row, g.gl_pathv[i])) && pool_read(p, g.gl_pathv[i], f);
  globfree(&g);
  return ok;
}

static void
pool_wipe(struct pool *p)
{
  size_t i;

  sk_X509_pop_free(p->x509s, X509_free);
  for (i = 0; i < p->keys_n; i++)
    EVP_PKEY_free(p->keys[i]);
  free(p->keys);
}

/* ---- leaves and chains ---- */

static EVP_PKEY *
key_of(struct pool const *p, X509 *x)
{
  EVP_PKEY *pub = X509_get0_pubkey(x);
  size_t i;

  for (i = 0; pub && i < p->keys_n; i++)
    if (EVP_PKEY_eq(pub, p->keys[i]) == 1) return p->keys[i];
  return NULL;
}

/* Issuers from the pool, one above the other; a self-signed root is not sent. */
static bool
build_chain(struct pool const *p, struct cert *c)
{
  X509 *at = c->leaf;
  int i;

  c->chain = sk_X509_new_null();
  while (c->chain && sk_X509_num(c->chain) < CHAIN_MAX) {
    X509 *issuer = NULL;
    if (X509_self_signed(at, 0) == 1) return true;
    for (i = 0; !issuer && i < sk_X509_num(p->x509s); i++)
      if (X509_check_issued(sk_X509_value(p->x509s, i), at) == X509_V_OK)
        issuer = sk_X509_value(p->x509s, i);
    if (!issuer || X509_self_signed(issuer, 0) == 1) return true;
    if (!sk_X509_push(c->chain, issuer)) return false;
    X509_up_ref(issuer);
    at = issuer;
  }
  return c->chain != NULL;
}

static bool
add_leaf(struct certs *cs, struct pool const *p, X509 *x, EVP_PKEY *key)
{
  struct cert *v = realloc(cs->v, (cs->n + 1) * sizeof *v), *c;

  if (!v) return false;
  cs->v = v;
  c = &v[cs->n++];
  memset(c, 0, sizeof *c);
  X509_up_ref(x);
  c->leaf = x;
  EVP_PKEY_up_ref(key);
  c->key = key;
  c->span = certname_span(x);
  return build_chain(p, c) && certname_read(&c->names, x);
}

static bool
has_leaf(struct certs const *cs, X509 *x)
{
  size_t i;

  for (i = 0; i < cs->n; i++)
    if (!X509_cmp(cs->v[i].leaf, x)) return true;
  return false;
}

/* A leaf without its key: the half of a renewal. Whether a certificate that was served
 * for one of its names would be served no more. */
static bool
replaces(X509 *x, struct certs const *fresh, struct certs const *old)
{
  struct certname_list names = CERTNAME_ZERO;
  bool replaced = false;
  size_t i, j;

  if (old && certname_read(&names, x))
    for (i = 0; i < names.n; i++)
      for (j = 0; j < old->n; j++)
        if (certname_has(&old->v[j].names, slice_str(names.v[i])) &&
            !has_leaf(fresh, old->v[j].leaf))
          replaced = true;
  certname_wipe(&names);
  return replaced;
}

static bool
halves_hold(struct certs const *fresh, struct pool const *p, struct certs const *old)
{
  int i;

  for (i = 0; i < sk_X509_num(p->x509s); i++) {
    X509 *x = sk_X509_value(p->x509s, i);
    if (key_of(p, x) || !replaces(x, fresh, old)) continue;
    return bad_file(X509_get_ex_data(x, 0), "the key of this certificate is not there");
  }
  return true;
}

static bool
leaves_of(struct certs *cs, struct pool const *p)
{
  int i;

  for (i = 0; i < sk_X509_num(p->x509s); i++) {
    X509 *x = sk_X509_value(p->x509s, i);
    EVP_PKEY *key = key_of(p, x);
    if (key && !add_leaf(cs, p, x, key)) return false;
    if (!key && !X509_check_ca(x)) {
      char name[256];
      X509_NAME_oneline(X509_get_subject_name(x), name, sizeof name);
      log_event(LOG_WARN, "certificate-without-key", "subject", name, "file",
                certs_file(x), "why", "no file of certfiles has the key", NULL);
    }
  }
  return true;
}

static int64_t
now_s(void)
{
  return (int64_t)(door_wall() / 1000000);
}

static char const *
first_name(struct cert const *c)
{
  return c->names.n ? c->names.v[0] : "-";
}

void
certs_log(struct certs const *cs)
{
  size_t i;

  for (i = 0; i < cs->n; i++) {
    BIGNUM *bn = ASN1_INTEGER_to_BN(X509_get0_serialNumber(cs->v[i].leaf), NULL);
    char *hex = bn ? BN_bn2hex(bn) : NULL;
    char until[STAMP_SIZE];
    stamp_s(until, cs->v[i].span.until > 0 ? (uint64_t)cs->v[i].span.until : 0);
    log_event(LOG_INFO, "certificate", "name", first_name(&cs->v[i]), "serial",
              hex ? hex : "-", "until", until, "file", certs_file(cs->v[i].leaf), NULL);
    OPENSSL_free(hex);
    BN_free(bn);
  }
}

/* A certificate that lies beside one that is shown in its place is nobody's concern. */
static bool
is_shown(struct certs const *cs, struct cert const *c)
{
  size_t i;

  for (i = 0; i < c->names.n; i++)
    if (certs_find(cs, slice_str(c->names.v[i])) == c) return true;
  return false;
}

void
certs_log_ages(struct certs const *cs)
{
  char said[CERTNAME_SAID];
  size_t i;

  for (i = 0; cs && i < cs->n; i++) {
    struct cert const *c = &cs->v[i];
    if (certname_age(&c->span, now_s()) == CERTNAME_VALID || !is_shown(cs, c)) continue;
    log_event(LOG_WARN, "certificate-to-renew", "name", first_name(c), "file",
              certs_file(c->leaf), "why", certname_say(said, &c->span, now_s()), NULL);
  }
}

struct certs *
certs_load(struct settings *st, struct certs const *old)
{
  struct pool p = {.x509s = sk_X509_new_null()};
  struct certs *cs = calloc(1, sizeof *cs);
  struct settings_row const *row = NULL;
  bool ok = p.x509s && cs;

  if (cs) cs->settings = st;
  while (ok && (row = settings_next(st, "certfile", row)))
    ok = pool_read_row(&p, st, row);
  ok = ok && leaves_of(cs, &p) && halves_hold(cs, &p, old);
  pool_wipe(&p);
  if (!ok) {
    certs_free(cs);
    return NULL;
  }
  return cs;
}

void
certs_free(struct certs *cs)
{
  size_t i;

  if (!cs) return;
  for (i = 0; i < cs->n; i++) {
    struct cert *c = &cs->v[i];
    X509_free(c->leaf);
    EVP_PKEY_free(c->key);
    sk_X509_pop_free(c->chain, X509_free);
    certname_wipe(&c->names);
  }
  free(cs->v);
  free(cs);
}

/* ---- finding ---- */

/* Internationalized hosts have two names: U-labels, which stream programs say and an
 * xmppAddr has, and A-labels, which a client's SNI and a dNSName have (RFC 6120
 * s13.7.1.2). Rows "ascii" of the settings lead from the one to the other. Empty: name
 * has no other. */
static struct slice
other_form(struct settings const *st, struct slice name)
{
  struct settings_row const *row = NULL;

  while ((row = settings_next(st, "ascii", row))) {
    if (slice_eq(row->scope, name)) return row->value[0];
    if (slice_is_nocase(name, row->value[0].s)) return row->scope;
  }
  return SLICE("");
}

static bool
newer(struct cert const *a, struct cert const *b)
{
  return !b || ASN1_TIME_compare(X509_get0_notBefore(a->leaf),
                                 X509_get0_notBefore(b->leaf)) > 0;
}

/* How well certificate c fits a host with these names: 0 not at all. */
static unsigned int
fits(struct cert const *c, struct slice name, struct slice other, int64_t now)
{
  struct certname_list const *l = &c->names;
  bool exact = certname_has(l, name) || (other.len && certname_has(l, other));
  bool valid = c->span.from <= now && now < c->span.until;

  if (!exact && !certname_covers(l, name) && !certname_covers(l, other)) return 0;
  return 1 + (exact ? 1 : 0) + (valid ? 2 : 0);
}

struct cert *
certs_match(struct certs const *cs, struct slice name)
{
  struct cert *best = NULL;
  struct slice other;
  unsigned int most = 0, fit;
  size_t i;

  if (!cs || !cs->n) return NULL;
  if (name.len > 1 && name.s[name.len - 1] == '.') name.len--;
  other = other_form(cs->settings, name);
  for (i = 0; i < cs->n; i++) {
    fit = fits(&cs->v[i], name, other, now_s());
    if (!fit || fit < most || (fit == most && !newer(&cs->v[i], best))) continue;
    most = fit;
    best = &cs->v[i];
  }
  return best;
}

struct cert *
certs_find(struct certs const *cs, struct slice name)
{
  struct cert *c = certs_match(cs, name);

  return c || !cs || !cs->n ? c : &cs->v[0];
}

bool
certs_fits(struct certs const *cs, struct cert const *c, struct slice name)
{
  return fits(c, name, other_form(cs->settings, name), 0) != 0;
}
