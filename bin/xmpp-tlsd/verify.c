#include "tlsd.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* The certificate of another server: OpenSSL verifies its chain during the handshake,
 * which goes on whatever comes of that; secured then says the verdict, and the names.
 * xmpp-s2sd compares the names with the domain, and decides. */

#define USAGE_DANE_EE 3 /* RFC 7218 s2.1 */
#define DIGEST_HEX (2 * EVP_MAX_MD_SIZE + 1)

/* ---- in the handshake ---- */

/* Names are compared by xmpp-s2sd; TLSA records that need a right name beside a right
 * chain are not enough without. */
static int
skip_name(int ok, X509_STORE_CTX *ctx)
{
  return ok || X509_STORE_CTX_get_error(ctx) == X509_V_ERR_HOSTNAME_MISMATCH;
}

/* Public CAs issue certificates of servers for TLS servers alone, and older ones for
 * clients too; a server shows the same in both roles. A root's purposes are its
 * administrator's affair. */
static bool
is_for_tls(X509 *x)
{
  return X509_get_extended_key_usage(x) & (XKU_SSL_SERVER | XKU_SSL_CLIENT | XKU_ANYEKU);
}

static bool
chain_is_for_tls(STACK_OF(X509) * chain)
{
  int i;

  for (i = 0; i < sk_X509_num(chain); i++) {
    X509 *x = sk_X509_value(chain, i);
    if ((!i || X509_self_signed(x, 0) != 1) && !is_for_tls(x)) return false;
  }
  return true;
}

/* RFC 7671 s5.1: a certificate that a record of usage 3 names needs nothing else. */
static bool
has_matched_alone(SSL *ssl)
{
  uint8_t usage = 0;

  return SSL_get0_dane_authority(ssl, NULL, NULL) >= 0 &&
         SSL_get0_dane_tlsa(ssl, &usage, NULL, NULL, NULL, NULL) >= 0 &&
         usage == USAGE_DANE_EE;
}

static int
on_verify(X509_STORE_CTX *ctx, void *cookie)
{
  X509_VERIFY_PARAM *p = X509_STORE_CTX_get0_param(ctx);
  SSL *ssl = X509_STORE_CTX_get_ex_data(ctx, SSL_get_ex_data_X509_STORE_CTX_idx());

  (void)cookie;
  X509_VERIFY_PARAM_set_purpose(p, X509_PURPOSE_ANY);
  X509_VERIFY_PARAM_set_trust(p, X509_TRUST_SSL_SERVER);
  X509_VERIFY_PARAM_set_depth(p, TLS_CHAIN_MAX);
  X509_VERIFY_PARAM_set_time(p, (time_t)(door_wall() / 1000000));
  X509_STORE_CTX_set_verify_cb(ctx, skip_name);
  if (X509_verify_cert(ctx) == 1 && !has_matched_alone(ssl) &&
      !chain_is_for_tls(X509_STORE_CTX_get0_chain(ctx)))
    X509_STORE_CTX_set_error(ctx, X509_V_ERR_INVALID_PURPOSE);
  ERR_clear_error();
  return 1;
}

void
verify_set(SSL_CTX *ctx, X509_STORE *trust)
{
  SSL_CTX_set1_cert_store(ctx, trust);
  SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
  SSL_CTX_set_cert_verify_callback(ctx, on_verify, NULL);
  SSL_CTX_set_max_cert_list(ctx, TLS_CERTIFICATES_MAX);
}

/* ---- names ---- */

/* A text inside a word: blanks, control characters and % as %xx. */
static void
put_text(struct link *l, struct slice text)
{
  size_t i, from = 0;
  char hex[4];

  for (i = 0; i < text.len; i++) {
    unsigned char c = (unsigned char)text.s[i];
    if (c > 0x20 && c != 0x7f && c != '%') continue;
    link_more(l, slice_of(text.s + from, i - from));
    snprintf(hex, sizeof hex, "%%%02x", c);
    link_more(l, slice_of(hex, 3));
    from = i + 1;
  }
  link_more(l, slice_of(text.s + from, text.len - from));
}

struct names {
  struct link *link;
  size_t bytes; /* put so far */
};

static void
put_name(struct names *n, char const *kind, struct slice text)
{
  if (n->bytes + text.len > TLS_NAMES_MAX) return;
  if (n->bytes) link_more(n->link, SLICE(" "));
  n->bytes += text.len + 1;
  link_more(n->link, slice_str(kind));
  put_text(n->link, text);
}

static struct slice
text_of(ASN1_STRING const *s)
{
  return slice_of((char const *)ASN1_STRING_get0_data(s), (size_t)ASN1_STRING_length(s));
}

static void
put_ip(struct names *n, struct slice bytes)
{
  int family = bytes.len == 4 ? AF_INET : AF_INET6;
  char text[INET6_ADDRSTRLEN];

  if (bytes.len != 4 && bytes.len != 16) return;
  if (inet_ntop(family, bytes.s, text, sizeof text)) put_name(n, "ip:", slice_str(text));
}

/* SRVName (RFC 4985) and XmppAddr (RFC 6120 s13.7.1.4). */
static void
put_other(struct names *n, OTHERNAME const *other)
{
  static char const service[] = "_xmpp-server.";
  ASN1_TYPE const *v = other->value;
  struct slice text;
  char oid[32];

  if (v->type != V_ASN1_UTF8STRING && v->type != V_ASN1_IA5STRING) return;
  OBJ_obj2txt(oid, sizeof oid, other->type_id, 1);
  text = text_of(v->value.asn1_string);
  if (!strcmp(oid, "1.3.6.1.5.5.7.8.5") && v->type == V_ASN1_UTF8STRING)
    put_name(n, "xmpp:", text);
  else if (!strcmp(oid, "1.3.6.1.5.5.7.8.7") && v->type == V_ASN1_IA5STRING &&
           text.len >= sizeof service &&
           slice_is_nocase(slice_of(text.s, sizeof service - 1), service))
    put_name(
      n, "srv:", slice_of(text.s + sizeof service - 1, text.len + 1 - sizeof service));
}

static void
put_names(struct link *l, X509 *x)
{
  GENERAL_NAMES *names = X509_get_ext_d2i(x, NID_subject_alt_name, NULL, NULL);
  struct names n = {l, 0};
  int i;

  for (i = 0; i < sk_GENERAL_NAME_num(names); i++) {
    GENERAL_NAME const *v = sk_GENERAL_NAME_value(names, i);
    if (v->type == GEN_DNS) put_name(&n, "dns:", text_of(v->d.dNSName));
    if (v->type == GEN_IPADD) put_ip(&n, text_of(v->d.iPAddress));
    if (v->type == GEN_OTHERNAME) put_other(&n, v->d.otherName);
  }
  GENERAL_NAMES_free(names);
}

/* ---- verdict ---- */

static struct {
  long error;
  char const *word;
} const words[] = {
  {X509_V_OK,                                    "valid"         },
  {X509_V_ERR_HOSTNAME_MISMATCH,                 "valid"         },
  {X509_V_ERR_CERT_HAS_EXPIRED,                  "expired"       },
  {X509_V_ERR_CERT_NOT_YET_VALID,                "not-yet"       },
  {X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT,       "self-signed"   },
  {X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN,         "unknown-issuer"},
  {X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT,         "unknown-issuer"},
  {X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, "unknown-issuer"},
  {X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE,   "unknown-issuer"},
  {X509_V_ERR_CERT_UNTRUSTED,                    "unknown-issuer"},
  {X509_V_ERR_INVALID_PURPOSE,                   "purpose"       },
  {X509_V_ERR_DANE_NO_MATCH,                     "dane-mismatch" },
};

static bool
is_about_time(long error)
{
  return error == X509_V_ERR_CERT_HAS_EXPIRED || error == X509_V_ERR_CERT_NOT_YET_VALID;
}

/* Usable TLSA records go before all that the system trusts (RFC 7672 s2.2). */
static char const *
verdict_of(SSL *ssl, bool has_tlsa)
{
  long error = SSL_get_verify_result(ssl);
  size_t i;

  if (has_tlsa && error == X509_V_OK) return "dane";
  if (has_tlsa && !is_about_time(error) && error != X509_V_ERR_HOSTNAME_MISMATCH)
    return "dane-mismatch";
  for (i = 0; i < sizeof words / sizeof *words; i++)
    if (words[i].error == error) return words[i].word;
  return "invalid";
}

static void
put_hex(struct link *l, char const *key, unsigned char const *bytes, size_t len)
{
  char hex[DIGEST_HEX];

  hex_put(hex, bytes, len);
  link_more(l, slice_str(key));
  link_more(l, slice_of(hex, 2 * len));
}

static void
put_digests(struct link *l, X509 *x)
{
  unsigned char out[EVP_MAX_MD_SIZE], *der = NULL;
  unsigned int len;
  int n = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(x), &der);

  if (X509_digest(x, EVP_sha256(), out, &len) == 1) put_hex(l, " leaf=", out, len);
  if (n > 0 && EVP_Digest(der, (size_t)n, out, &len, EVP_sha256(), NULL) == 1)
    put_hex(l, " key=", out, len);
  OPENSSL_free(der);
}

static void
put_until(struct link *l, X509 *x)
{
  char number[BASE_NUM];
  struct tm tm;
  time_t t;

  if (ASN1_TIME_to_tm(X509_get0_notAfter(x), &tm) != 1) return;
  t = timegm(&tm);
  link_more(l, SLICE(" until="));
  link_more(l, num_u64(number, t > 0 ? (uint64_t)t : 0));
}

/* The uses of TLS that the certificate is for (RFC 5280 s4.2.1.12). */
static void
put_uses(struct link *l, X509 *x)
{
  uint32_t uses = X509_get_extended_key_usage(x);
  char const *comma = "";

  link_more(l, SLICE(" use="));
  if (uses == UINT32_MAX || uses & XKU_ANYEKU) {
    link_more(l, SLICE("all"));
    return;
  }
  if (uses & XKU_SSL_SERVER) {
    link_more(l, SLICE("server"));
    comma = ",";
  }
  if (uses & XKU_SSL_CLIENT) {
    link_more(l, slice_str(comma));
    link_more(l, SLICE("client"));
  }
  if (!is_for_tls(x)) link_more(l, SLICE("other"));
}

static void
put_issuer(struct link *l, X509 *x)
{
  BIO *out = BIO_new(BIO_s_mem());
  char *text;
  long len;

  if (!out) return;
  X509_NAME_print_ex(out, X509_get_issuer_name(x), 0,
                     XN_FLAG_RFC2253 & ~(unsigned long)ASN1_STRFLGS_ESC_MSB);
  len = BIO_get_mem_data(out, &text);
  link_more(l, SLICE(" issuer="));
  if (len > TLS_ISSUER_MAX) len = TLS_ISSUER_MAX;
  if (len > 0) put_text(l, slice_of(text, (size_t)len));
  BIO_free(out);
}

void
verify_put(struct link *l, SSL *ssl, bool has_tlsa)
{
  X509 *x = SSL_get1_peer_certificate(ssl);

  link_field(l);
  if (x) put_names(l, x);
  link_field(l);
  link_more(l, slice_str(x ? verdict_of(ssl, has_tlsa) : "none"));
  if (x) {
    put_digests(l, x);
    put_until(l, x);
    put_uses(l, x);
    put_issuer(l, x);
  }
  X509_free(x);
  ERR_clear_error();
}
