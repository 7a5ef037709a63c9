#include "up.h"

#include "certname/certname.h"

#include <skalibs/djbunix.h>
#include <skalibs/strerr.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Certificates for trying the server out: P-256, self-signed, for a host in A-labels and one
 * label under it. Nobody trusts them; a client must be told to. */

#define DAYS 3650

static bool
has_certificate(struct settings const *st, struct slice host, struct slice ascii)
{
  struct settings_row const *row = NULL;

  while ((row = settings_next(st, "certfile", row)))
    if (certname_matches(row->value[0].s, host, ascii)) return true;
  return false;
}

static bool
add_extension(X509 *x, int nid, char const *value)
{
  X509V3_CTX ctx;
  X509_EXTENSION *e;
  bool ok;

  X509V3_set_ctx_nodb(&ctx);
  X509V3_set_ctx(&ctx, x, x, NULL, NULL, 0);
  e = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
  ok = e && X509_add_ext(x, e, -1);
  X509_EXTENSION_free(e);
  return ok;
}

static bool
fill(X509 *x, EVP_PKEY *key, char const *host)
{
  X509_NAME *name = X509_get_subject_name(x);
  unsigned char const *cn = (unsigned char const *)host;
  char san[600];
  BIGNUM *serial = BN_new();
  bool ok = serial && BN_rand(serial, 64, BN_RAND_TOP_ANY, BN_RAND_BOTTOM_ANY) &&
            BN_to_ASN1_INTEGER(serial, X509_get_serialNumber(x));

  BN_free(serial);
  snprintf(san, sizeof san, "DNS:%.250s,DNS:*.%.250s", host, host);
  return ok && X509_set_version(x, X509_VERSION_3) &&
         X509_gmtime_adj(X509_getm_notBefore(x), -86400) &&
         X509_gmtime_adj(X509_getm_notAfter(x), (long)DAYS * 86400) &&
         X509_set_pubkey(x, key) &&
         X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, cn,
                                    strlen(host) < 64 ? -1 : 63, -1, 0) &&
         X509_set_issuer_name(x, name) && add_extension(x, NID_subject_alt_name, san) &&
         add_extension(x, NID_basic_constraints, "critical,CA:FALSE") &&
         X509_sign(x, key, EVP_sha256());
}

static bool
write_pem(char const *path, X509 *x, EVP_PKEY *key)
{
  mode_t old = umask(077);
  FILE *f = fopen(path, "w");
  bool ok = f && PEM_write_X509(f, x) &&
            PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL) && !fflush(f);

  umask(old);
  if (f && fclose(f)) ok = false;
  return ok;
}

static void
path_of(char path[900], char const *host)
{
  snprintf(path, 900, "%s/dev/%.250s.pem", up.state, host);
}

/* The file may be of a run in which xmpp-tlsd had another user. */
static void
give_to_tlsd(char const *host)
{
  char path[900];

  path_of(path, host);
  if (up.uids && lchown(path, up.uids + program_number(TLSD), up.uids + USERS_GROUP) &&
      errno != ENOENT)
    strerr_diefusys(111, "chown ", path);
}

static bool
make(char const *host)
{
  char path[900];
  EVP_PKEY *key = EVP_EC_gen("P-256");
  X509 *x = X509_new();
  bool ok;

  path_of(path, host);
  ok = key && x && fill(x, key, host) && write_pem(path, x, key);
  if (!ok) strerr_diefusys(111, "make ", path);
  X509_free(x);
  EVP_PKEY_free(key);
  return ok;
}

bool
devcert_make(struct settings const *st)
{
  struct settings_row const *row = NULL;
  bool any = false;

  while ((row = settings_next(st, "host", row))) {
    struct slice host = row->value[0], ascii = settings_get(st, "ascii", host);
    if (!has_certificate(st, host, ascii))
      any = make(ascii.len ? ascii.s : host.s) || any;
    give_to_tlsd(ascii.len ? ascii.s : host.s);
  }
  return any;
}
