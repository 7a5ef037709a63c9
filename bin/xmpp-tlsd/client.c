#include "dial.h"
#include "s2s.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>

/* TLS as the client, of servers that were connected to. OpenSSL ends a handshake in
 * which the server chooses a protocol that was not offered (RFC 7301 s3.2). */

#define ALPN_SERVER "\x0bxmpp-server"

/* The server may want to know who we are (XEP-0178); a certificate of another host would
 * say the wrong thing. */
static bool
show_certificate(SSL *ssl, struct request const *r, char const *host)
{
  struct cert *c = r->hides ? NULL : certs_match(certs_now(), slice_str(host));

  return !c || SSL_use_cert_and_key(ssl, c->leaf, c->key, c->chain, 1) == 1;
}

/* RFC 7671 s5.1: records of usage 3 need no name; those of others are checked with the
 * target's, and with the domain's (RFC 7673 s4.1). false: ENOMEM. */
static bool
expect_tlsa(struct conn *c, SSL *ssl, struct target const *t)
{
  unsigned int i;

  if (!t->tlsa_n) return true;
  if (SSL_dane_enable(ssl, t->name) != 1) return false;
  SSL_dane_set_flags(ssl, DANE_FLAG_NO_DANE_EE_NAMECHECKS);
  if (*c->request->sni && SSL_add1_host(ssl, c->request->sni) != 1) return false;
  for (i = 0; i < t->tlsa_n; i++) {
    struct tlsa const *r = &t->tlsa[i];
    int rc = SSL_dane_tlsa_add(ssl, r->usage, r->selector, r->matching, r->data, r->len);
    if (rc > 0) c->has_tlsa = true; /* 0: unusable, as if it were not there */
    ERR_clear_error();
  }
  return true;
}

SSL *
client_new_ssl(struct conn *c, char const *host, bool direct)
{
  static unsigned char const alpn[] = ALPN_SERVER;
  struct s2s_options *o = s2s_of(s2s_now, slice_str(host));
  SSL *ssl = o ? context_new_ssl(o->client, c) : NULL;
  char const *sni = c->request->sni;

  if (!ssl) return NULL;
  SSL_set_connect_state(ssl);
  if ((!*sni || SSL_set_tlsext_host_name(ssl, sni) == 1) &&
      expect_tlsa(c, ssl, &c->request->targets[c->target]) &&
      show_certificate(ssl, c->request, host) &&
      (!direct || !SSL_set_alpn_protos(ssl, alpn, sizeof alpn - 1)))
    return ssl;
  ERR_clear_error();
  SSL_free(ssl);
  return NULL;
}
