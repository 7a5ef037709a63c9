#include "s2s.h"
#include "tickets.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* TLS contexts and what a handshake has shown. OpenSSL reads and writes through a BIO of our
 * own, whose two ends are the process's one read buffer and the turn's output. */

#define ALPN_CLIENT "\x0bxmpp-client"
#define ALPN_SERVER "\x0bxmpp-server"
#define ALPN_HTTP "\x08http/1.1"
#define BINDING_BYTES 32

#define BASE64_MAX (4 * ((EVP_MAX_MD_SIZE + 2) / 3) + 1)

static BIO_METHOD *method;
static int end_point_index; /* of a context's tls-server-end-point, in base64 */
static EVP_MD *sha256;      /* fetched once: that costs more than to hash a name */

static int
bio_read(BIO *b, char *buf, int len)
{
  size_t n = conn_tls_read(BIO_get_data(b), buf, (size_t)len);

  BIO_clear_retry_flags(b);
  if (!n) {
    BIO_set_retry_read(b);
    return -1;
  }
  return (int)n;
}

static int
bio_write(BIO *b, char const *buf, int len)
{
  BIO_clear_retry_flags(b);
  return conn_tls_write(BIO_get_data(b), buf, (size_t)len) ? len : -1;
}

static long
bio_ctrl(BIO *b, int cmd, long num, void *ptr)
{
  (void)b;
  (void)num;
  (void)ptr;
  return cmd == BIO_CTRL_FLUSH || cmd == BIO_CTRL_DUP;
}

static void
free_end_point(void *ctx, void *base64, CRYPTO_EX_DATA *all, int index, long argl,
               void *argp)
{
  (void)ctx;
  (void)all;
  (void)index;
  (void)argl;
  (void)argp;
  free(base64);
}

bool
context_init(void)
{
  end_point_index = SSL_CTX_get_ex_new_index(0, NULL, NULL, NULL, free_end_point);
  sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
  if (end_point_index < 0 || !sha256) return false;
  method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "conduit");
  return method && BIO_meth_set_read(method, bio_read) &&
         BIO_meth_set_write(method, bio_write) && BIO_meth_set_ctrl(method, bio_ctrl);
}

SSL *
context_new_ssl(SSL_CTX *ctx, void *conn)
{
  SSL *ssl = SSL_new(ctx);
  BIO *b = ssl ? BIO_new(method) : NULL;

  if (!b) {
    SSL_free(ssl);
    return NULL;
  }
  BIO_set_data(b, conn);
  BIO_set_init(b, 1);
  SSL_set_bio(ssl, b, b);
  SSL_set_app_data(ssl, conn);
  SSL_set_accept_state(ssl);
  return ssl;
}

/* ---- callbacks of the handshake ---- */

/* The host_name of a ClientHello's server_name extension (RFC 6066 s3); empty when there is
 * none, or it is malformed: then OpenSSL refuses it later. */
static struct slice
hello_name(SSL *ssl)
{
  unsigned char const *s;
  size_t len, n;

  if (!SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_server_name, &s, &len) || len < 5)
    return SLICE("");
  n = (size_t)s[3] << 8 | s[4]; /* behind the list's length, and the type of its first */
  if (s[2] != TLSEXT_NAMETYPE_host_name || n > len - 5) return SLICE("");
  return slice_of((char const *)s + 5, n);
}

/* RFC 6066 s3: a session is not resumed for another name; and not with another certificate,
 * for tls-server-end-point is that of the one that the client was shown first. So OpenSSL
 * gets as the session's context the hash of the certificate, of the name that the stream
 * gave, and of the client's. */
static bool
set_session_context(SSL *ssl, struct slice stream_name, struct slice sni)
{
  unsigned char text[EVP_MAX_MD_SIZE + JID_PART_MAX + 1 + TLSEXT_MAXLEN_host_name],
    out[EVP_MAX_MD_SIZE];
  unsigned int len;
  size_t i, n;

  if (X509_digest(SSL_get_certificate(ssl), sha256, text, &len) != 1) return false;
  n = len;
  if (stream_name.len > JID_PART_MAX || sni.len > TLSEXT_MAXLEN_host_name) return false;
  for (i = 0; i < stream_name.len; i++)
    text[n++] = (unsigned char)stream_name.s[i];
  text[n++] = 0;
  for (i = 0; i < sni.len; i++)
    text[n++] = (unsigned char)tolower((unsigned char)sni.s[i]);
  return EVP_Digest(text, n, out, &len, sha256, NULL) == 1 &&
         SSL_set_session_id_context(ssl, out, len) == 1;
}

/* OpenSSL takes certificates, trust and ciphers from the new context, and leaves the
 * rest. */
static bool
change_context(SSL *ssl, SSL_CTX *ctx)
{
  SSL_set_options(ssl, SSL_CTX_get_options(ctx));
  return SSL_set_SSL_CTX(ssl, ctx) &&
         SSL_set_min_proto_version(ssl, SSL_CTX_get_min_proto_version(ctx));
}

/* Called before OpenSSL looks at sessions, which its callback for names is not. */
static int
on_hello(SSL *ssl, int *alert, void *cookie)
{
  struct slice sni = hello_name(ssl), stream_name;
  SSL_CTX *ctx = conn_tls_hello(SSL_get_app_data(ssl), sni, &stream_name);

  (void)cookie;
  if ((!ctx || change_context(ssl, ctx)) && set_session_context(ssl, stream_name, sni))
    return SSL_CLIENT_HELLO_SUCCESS;
  *alert = SSL_AD_INTERNAL_ERROR;
  return SSL_CLIENT_HELLO_ERROR;
}

/* The name is known: the extension is answered. */
static int
on_sni(SSL *ssl, int *alert, void *cookie)
{
  (void)alert;
  (void)cookie;
  return SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name) ? SSL_TLSEXT_ERR_OK
                                                            : SSL_TLSEXT_ERR_NOACK;
}

/* XEP-0368 s4: the protocol is xmpp-client (xmpp-server), or http/1.1; a client that names others only is
 * not one of ours. */
static int
on_alpn(SSL *ssl, unsigned char const **out, unsigned char *outlen,
        unsigned char const *in, unsigned int inlen, void *cookie)
{
  char const *ours = cookie;
  unsigned int i;

  (void)ssl;
  for (i = 0; i < inlen && inlen - i > in[i]; i += in[i] + 1u)
    if (in[i] == (unsigned char)ours[0] && !memcmp(in + i, ours, in[i] + 1u)) {
      *out = in + i + 1;
      *outlen = in[i];
      return SSL_TLSEXT_ERR_OK;
    }
  return SSL_TLSEXT_ERR_ALERT_FATAL;
}

/* Servers name other protocols too, or under STARTTLS none of XMPP's: then none is
 * chosen. */
static int
on_alpn_of_server(SSL *ssl, unsigned char const **out, unsigned char *outlen,
                  unsigned char const *in, unsigned int inlen, void *cookie)
{
  int rc = on_alpn(ssl, out, outlen, in, inlen, cookie);

  return rc == SSL_TLSEXT_ERR_OK ? rc : SSL_TLSEXT_ERR_NOACK;
}

/* ---- making one ---- */

static bool
set_dh(SSL_CTX *ctx, char const *key, struct slice scope, char const *path)
{
  BIO *in;
  EVP_PKEY *dh;

  if (!path) return SSL_CTX_set_dh_auto(ctx, 1) == 1;
  in = BIO_new_file(path, "r");
  dh = in ? PEM_read_bio_Parameters(in, NULL) : NULL;
  BIO_free(in);
  if (dh && SSL_CTX_set0_tmp_dh_pkey(ctx, dh)) return true;
  EVP_PKEY_free(dh);
  settings_refuse(key, scope, path, ": no DH parameters", NULL);
  return false;
}

/* RFC 5929 s4: the hash of our certificate, by its signature's hash; MD5 and SHA-1 are
 * replaced by SHA-256. Signatures without a hash of their own (Ed25519) have none. It is the
 * same for all who are shown this certificate, so it is made here. */
static bool
set_end_point(SSL_CTX *ctx, X509 const *x)
{
  unsigned char out[EVP_MAX_MD_SIZE];
  unsigned int len;
  char *base64;
  int nid;

  if (!OBJ_find_sigid_algs(X509_get_signature_nid(x), &nid, NULL)) return true;
  if (nid == NID_undef) return true;
  if (nid == NID_md5 || nid == NID_sha1) nid = NID_sha256;
  if (!EVP_get_digestbynid(nid)) return true;
  if (X509_digest(x, EVP_get_digestbynid(nid), out, &len) != 1) {
    ERR_clear_error(); /* nor those whose hash OpenSSL has no more */
    return true;
  }
  base64 = malloc(BASE64_MAX);
  if (!base64) return false;
  EVP_EncodeBlock((unsigned char *)base64, out, (int)len);
  if (SSL_CTX_set_ex_data(ctx, end_point_index, base64)) return true;
  free(base64);
  return false;
}

static bool
set_certificate(SSL_CTX *ctx, struct cert const *c)
{
  return SSL_CTX_use_cert_and_key(ctx, c->leaf, c->key, c->chain, 1) == 1 &&
         set_end_point(ctx, c->leaf);
}

/* Say what OpenSSL has against a value. */
static void
setting_refused(char const *key, struct slice scope, char const *value)
{
  char const *why = ERR_reason_error_string(ERR_peek_last_error());

  settings_refuse(key, scope, value, ": ", why ? why : "refused", NULL);
}

static bool
set_ciphers(SSL_CTX *ctx, char const *key, struct slice scope, char const *ciphers)
{
  if (SSL_CTX_set_cipher_list(ctx, ciphers)) return true;
  setting_refused(key, scope, ciphers);
  return false;
}

/* The suites of TLS 1.3, which are not the administrator's (RFC 8446 s9.1): all three are strong, and the
 * first, which each peer must have, costs the least: its hash is that of the key schedule too. */
#define TLS13_SUITES                                                                     \
  "TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_256_GCM_SHA384"

static void
set_options(SSL_CTX *ctx, uint64_t options, int min_version)
{
  SSL_CTX_set_min_proto_version(ctx, min_version);
  SSL_CTX_set_ciphersuites(ctx, TLS13_SUITES);
  SSL_CTX_set_options(ctx, options | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                          SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  /* Tickets carry the session; nothing is kept here for clients that may never return. */
  SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
}

/* Other servers: options of theirs go before the listener's; a certificate is asked for,
 * and a session is never resumed, for then no certificate is shown. */
static bool
set_for_servers(SSL_CTX *ctx, struct listener const *ln, struct s2s_options const *o)
{
  X509_STORE *trust = s2s_trust(ln->s2s, o, ln->cafile);
  uint64_t options = o->has_protocol ? o->options : ln->options;

  if (!trust) return false;
  set_options(ctx, (options & ~SSL_OP_NO_TLSv1_3) | SSL_OP_NO_TICKET,
              o->has_protocol ? o->min_version : ln->min_version);
  SSL_CTX_set_num_tickets(ctx, 0);
  verify_set(ctx, trust);
  return true;
}

/* o NULL: the listener serves clients. */
static bool
set_for_listener(SSL_CTX *ctx, struct listener const *ln, struct s2s_options const *o)
{
  struct slice name = slice_str(ln->name);

  if (o && !set_for_servers(ctx, ln, o)) return false;
  if (!o) {
    set_options(ctx, ln->options, ln->min_version);
    if (!tickets_set(ctx)) return false;
  }
  return (o && o->ciphers ? set_ciphers(ctx, "s2s_ciphers", o->scope, o->ciphers)
                          : set_ciphers(ctx, "ciphers", name, ln->ciphers)) &&
         (o && o->dhfile ? set_dh(ctx, "s2s_dhfile", o->scope, o->dhfile)
                         : set_dh(ctx, "dhfile", name, ln->dhfile));
}

static SSL_CTX *
make(struct listener const *ln, struct cert const *cert, struct s2s_options const *o)
{
  SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
  char const *alpn = ln->serves == C2SD   ? ALPN_CLIENT
                     : ln->serves == WEBD ? ALPN_HTTP
                                          : ALPN_SERVER;

  if (!ctx) return NULL;
  SSL_CTX_set_client_hello_cb(ctx, on_hello, NULL);
  if (ln->direct) SSL_CTX_set_tlsext_servername_callback(ctx, on_sni);
  SSL_CTX_set_alpn_select_cb(ctx, o ? on_alpn_of_server : on_alpn,
                             (void *)(uintptr_t)alpn);
  if (set_for_listener(ctx, ln, o)) {
    if (set_certificate(ctx, cert)) return ctx;
    setting_refused("certfile", slice_str(ln->name), certs_file(cert->leaf));
  }
  ERR_clear_error();
  SSL_CTX_free(ctx);
  return NULL;
}

SSL_CTX *
context_get(struct listener *ln, struct cert *cert, struct slice name)
{
  struct s2s_options *o = ln->serves == S2SD ? s2s_of(ln->s2s, name) : NULL;
  size_t i = (size_t)(cert - ln->certs->v);

  if (o) i += (size_t)(o - ln->s2s->v) * ln->certs->n;
  if (!ln->contexts[i]) ln->contexts[i] = make(ln, cert, o);
  return ln->contexts[i];
}

bool
context_prepare(struct listener *ln)
{
  ln->contexts_n = ln->certs->n;
  if (ln->serves == S2SD && ln->s2s->n) ln->contexts_n *= ln->s2s->n;
  if (!ln->contexts_n) return true;
  ln->contexts = calloc(ln->contexts_n, sizeof(SSL_CTX *));
  return ln->contexts && context_get(ln, &ln->certs->v[0], SLICE(""));
}

void
context_free_all(struct listener *ln)
{
  size_t i;

  for (i = 0; ln->contexts && i < ln->contexts_n; i++)
    SSL_CTX_free(ln->contexts[i]);
  free(ln->contexts);
  ln->contexts = NULL;
}

static bool
set_for_client(SSL_CTX *ctx, struct s2s *s, struct s2s_options const *o)
{
  struct slice all = SLICE("*"), words, ciphers;
  uint64_t options = o->options;
  int min_version = o->min_version;
  X509_STORE *trust = s2s_trust(s, o, NULL);

  /* Options that nobody gave are as at a listener that gives none. */
  words = settings_get(s->settings, "protocol_options", all);
  ciphers = settings_get(s->settings, "ciphers", all);
  if (!trust || SSL_CTX_dane_enable(ctx) != 1 ||
      (!o->has_protocol &&
       !tls_words_read("protocol_options", all, words, &options, &min_version)))
    return false;
  set_options(ctx, (options & ~SSL_OP_NO_TLSv1_3) | SSL_OP_NO_TICKET, min_version);
  verify_set(ctx, trust);
  return o->ciphers ? set_ciphers(ctx, "s2s_ciphers", o->scope, o->ciphers)
                    : set_ciphers(ctx, "ciphers", all, ciphers.s);
}

SSL_CTX *
context_new_client(struct s2s *s, struct s2s_options const *o)
{
  SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());

  if (ctx && set_for_client(ctx, s, o)) return ctx;
  ERR_clear_error();
  SSL_CTX_free(ctx);
  return NULL;
}

/* ---- channel bindings ---- */

static void
put_base64(struct link *l, bool *first, char const *type, char const *base64)
{
  if (!*first) link_more(l, SLICE(" "));
  *first = false;
  link_more(l, slice_str(type));
  link_more(l, SLICE("="));
  link_more(l, slice_str(base64));
}

static void
put_binding(struct link *l, bool *first, char const *type, unsigned char const *s,
            size_t len)
{
  char base64[BASE64_MAX];

  EVP_EncodeBlock((unsigned char *)base64, s, (int)len);
  put_base64(l, first, type, base64);
}

/* RFC 9266: needs TLS 1.3, or the extended master secret. */
static void
put_exporter(struct link *l, bool *first, SSL *ssl)
{
  static char const label[] = "EXPORTER-Channel-Binding";
  unsigned char out[BINDING_BYTES];

  if (SSL_version(ssl) < TLS1_3_VERSION && SSL_get_extms_support(ssl) != 1) return;
  if (SSL_export_keying_material(ssl, out, sizeof out, label, sizeof label - 1,
                                 (unsigned char const *)"", 0, 1) == 1)
    put_binding(l, first, "tls-exporter", out, sizeof out);
}

/* RFC 5929 s3: the first Finished message: the client's, or ours when a session resumes. RFC 8446
 * defines the type for no TLS 1.3, so that the client is not told of it there (-); but clients
 * that know no other type, slixmpp for one, take the same message under TLS 1.3. The message
 * depends on all of the handshake and its secrets, and so differs on both sides of an attacker. */
static void
put_unique(struct link *l, bool *first, SSL *ssl)
{
  unsigned char out[EVP_MAX_MD_SIZE];
  bool defined = SSL_version(ssl) < TLS1_3_VERSION;
  size_t len;

  if (defined && SSL_get_extms_support(ssl) != 1) return;
  len = SSL_session_reused(ssl) ? SSL_get_finished(ssl, out, sizeof out)
                                : SSL_get_peer_finished(ssl, out, sizeof out);
  if (len && len <= sizeof out)
    put_binding(l, first, defined ? "tls-unique" : "-tls-unique", out, len);
}

static void
put_bindings(struct link *l, SSL *ssl)
{
  char const *end_point = SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), end_point_index);
  bool first = true;

  link_field(l);
  if (!SSL_is_server(ssl)) return;
  put_exporter(l, &first, ssl);
  put_unique(l, &first, ssl);
  if (end_point) put_base64(l, &first, "tls-server-end-point", end_point);
}

void
context_put_secured(struct link *l, uint64_t id, SSL *ssl, enum peer peer)
{
  link_begin(l, VERB_SECURED);
  link_num(l, id);
  link_str(l, SSL_get_version(ssl));
  link_str(l, SSL_get_cipher_name(ssl));
  link_str(l, SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name));
  put_bindings(l, ssl);
  if (peer != PEER_CLIENT) verify_put(l, ssl, peer == PEER_TLSA);
  link_end(l);
}
