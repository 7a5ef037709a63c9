#include "confgen.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

#include <ctype.h>
#include <stdio.h>

/* Options of TLS, which OpenSSL takes or refuses: xmpp-tlsd would learn of it only when it has
 * started. */

#define WORD_MAX 64

/* ---- protocol options ---- */

/* A word at a time, at its own place when it is one of a list. */
static bool
tls_word_holds(struct option const *o, struct yaml_node const *n, struct slice list,
               char const *path)
{
  struct slice word;
  bool ok = true;

  while (slice_word(&list, '|', &word)) {
    char text[WORD_MAX + 1];
    char const *near;
    if (slice_has_word(slice_str(o->words), word)) continue;
    snprintf(text, sizeof text, "%.*s", (int)word.len, word.s);
    if (isupper((unsigned char)text[0])) {
      wrong_type(n, path, "a TLS option");
      return false;
    }
    near = nearest_word(word, o->words);
    if (strpbrk(text, ", "))
      say_error(n, path,
                "\"%s\" is not one TLS option: write each word as an item of its own",
                text);
    else
      say_error(n, path, "unknown TLS option \"%s\"%s%s%s", text,
                near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
    ok = false;
  }
  return ok;
}

bool
tls_words_hold(struct option const *o, struct yaml_node const *n, char const *path)
{
  struct yaml_node const *c;
  bool ok = true;

  if (n->kind == YAML_SCALAR) return tls_word_holds(o, n, n->text, path);
  for (c = n->first; c; c = c->next)
    ok = tls_word_holds(o, c, c->text, path) && ok;
  return ok;
}

/* ---- ciphers, DH parameters ---- */

static char const *
why_not(void)
{
  char const *why = ERR_reason_error_string(ERR_peek_last_error());

  return why ? why : "unknown error";
}

bool
tls_ciphers_hold(struct yaml_node const *n, struct slice ciphers, char const *path)
{
  SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
  bool ok = ctx && SSL_CTX_set_cipher_list(ctx, ciphers.s);

  if (!ok && is_macro(n))
    wrong_type(n, path, "a list of ciphers");
  else if (!ok)
    say_error(n, path, "OpenSSL refuses \"%s\": %s", ciphers.s, why_not());
  SSL_CTX_free(ctx);
  ERR_clear_error();
  return ok;
}

bool
tls_dhfile_holds(struct yaml_node const *n, char const *path)
{
  SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
  BIO *in = BIO_new_file(n->text.s, "r");
  EVP_PKEY *dh = in ? PEM_read_bio_Parameters(in, NULL) : NULL;
  bool ok = false;

  if (!dh || (!EVP_PKEY_is_a(dh, "DH") && !EVP_PKEY_is_a(dh, "DHX")))
    say_error(n, path, "%s has no DH PARAMETERS in PEM", n->text.s);
  else if (!ctx || !SSL_CTX_set0_tmp_dh_pkey(ctx, dh))
    say_error(n, path, "OpenSSL refuses %s, %d bits: %s", n->text.s, EVP_PKEY_bits(dh),
              why_not());
  else
    ok = true;
  if (!ok) EVP_PKEY_free(dh);
  BIO_free(in);
  SSL_CTX_free(ctx);
  ERR_clear_error();
  return ok;
}
