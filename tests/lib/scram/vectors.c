#include "scram/scram.h"

#include <skalibs/strerr.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

char const *PROG = "test";

#define TEXT_MAX 4200

static struct arena arena;
static struct scram x;
static struct scram_keys keys;

static int
wipe(void **state)
{
  (void)state;
  scram_wipe(&x);
  arena_wipe(&arena);
  return 0;
}

static void
is_text(struct slice got, char const *want)
{
  if (!slice_is(got, want)) fail_msg("got %.*s, want %s", (int)got.len, got.s, want);
}

static void
make_keys(enum scram_hash h, char const *password, char const *salt, uint32_t iterations)
{
  struct slice raw = scram_decode(&arena, slice_str(salt));
  struct slice prepared = scram_password(&arena, slice_str(password));

  assert_non_null(raw.s);
  assert_non_null(prepared.s);
  memset(&keys, 0, sizeof keys);
  keys.iterations = iterations;
  keys.salt_len = raw.len;
  memcpy(keys.salt, raw.s, raw.len);
  assert_true(scram_derive(h, prepared, &keys));
}

static void
begin(enum scram_hash h, char const *nonce)
{
  scram_wipe(&x);
  x.hash = h;
  x.nonce = slice_str(nonce);
}

/* ---- a client of our own, that shares nothing with the area ---- */

static EVP_MD const *
md_of(enum scram_hash h)
{
  return h == SCRAM_SHA1 ? EVP_sha1() : h == SCRAM_SHA256 ? EVP_sha256() : EVP_sha512();
}

struct client {
  enum scram_hash hash;
  char const *password;
  char first_bare[TEXT_MAX], without[TEXT_MAX], message[2 * TEXT_MAX];
  char final[TEXT_MAX], verifier[160];
};

static void
base64(char *out, unsigned char const *in, size_t len)
{
  EVP_EncodeBlock((unsigned char *)out, in, (int)len);
}

/* Fill c->final and c->verifier; without and first_bare are there. */
static void
client_signs(struct client *c)
{
  EVP_MD const *md = md_of(c->hash);
  int n = EVP_MD_get_size(md), i;
  unsigned char salted[64], key[64], stored[64], sig[64], server[64];
  char b64[128];

  i = snprintf(c->message, sizeof c->message, "%s,%.*s,%s", c->first_bare,
               (int)x.server_first.len, x.server_first.s, c->without);
  assert_in_range(i, 1, sizeof c->message - 1);
  PKCS5_PBKDF2_HMAC(c->password, (int)strlen(c->password), keys.salt, (int)keys.salt_len,
                    (int)keys.iterations, md, n, salted);
  HMAC(md, salted, n, (unsigned char const *)"Client Key", 10, key, NULL);
  EVP_Digest(key, (size_t)n, stored, NULL, md, NULL);
  HMAC(md, stored, n, (unsigned char const *)c->message, strlen(c->message), sig, NULL);
  for (i = 0; i < n; i++)
    key[i] ^= sig[i];
  base64(b64, key, (size_t)n);
  snprintf(c->final, sizeof c->final, "%.3000s,p=%s", c->without, b64);
  HMAC(md, salted, n, (unsigned char const *)"Server Key", 10, server, NULL);
  HMAC(md, server, n, (unsigned char const *)c->message, strlen(c->message), sig, NULL);
  base64(b64, sig, (size_t)n);
  snprintf(c->verifier, sizeof c->verifier, "v=%s", b64);
}

/* Play gs2 and bare as first message; then the final one, with what the client believes to
 * be the binding behind its gs2 header. */
static enum scram_result
play(struct client *c, char const *gs2, char const *bare, struct slice client_binding,
     struct slice our_binding)
{
  char first[TEXT_MAX], bound[TEXT_MAX], c64[2 * TEXT_MAX];
  size_t n = strlen(gs2);
  struct slice verifier;
  enum scram_result rc;

  snprintf(first, sizeof first, "%s%s", gs2, bare);
  rc = scram_client_first(&x, slice_str(first));
  if (rc) return rc;
  assert_int_equal(scram_server_first(&x, &keys), SCRAM_OK);
  memcpy(bound, gs2, n);
  if (client_binding.len) memcpy(bound + n, client_binding.s, client_binding.len);
  base64(c64, (unsigned char const *)bound, n + client_binding.len);
  snprintf(c->first_bare, sizeof c->first_bare, "%s", bare);
  snprintf(c->without, sizeof c->without, "c=%.2000s,r=%.*s", c64, (int)x.both_nonces.len,
           x.both_nonces.s);
  client_signs(c);
  rc = scram_client_final(&x, slice_str(c->final), &keys, our_binding, &verifier);
  if (!rc) is_text(verifier, c->verifier);
  return rc;
}

/* ---- the examples of the RFCs ---- */

static void
whole_example(enum scram_hash h, char const *salt, char const *nonce,
              char const *const m[4])
{
  struct slice verifier;

  make_keys(h, "pencil", salt, 4096);
  begin(h, nonce);
  assert_int_equal(scram_client_first(&x, slice_str(m[0])), SCRAM_OK);
  is_text(x.user, "user");
  assert_int_equal(x.authzid.len, 0);
  assert_int_equal(x.binding_type.len, 0);
  assert_int_equal(scram_server_first(&x, &keys), SCRAM_OK);
  is_text(x.server_first, m[1]);
  assert_int_equal(scram_client_final(&x, slice_str(m[2]), &keys, SLICE(""), &verifier),
                   SCRAM_OK);
  is_text(verifier, m[3]);
}

static void
rfc5802_s5(void **state)
{
  static char const *const m[] = {
    "n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL",
    "r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096",
    "c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
    "v=rmF9pqV8S7suAoZWja4dJRkFsKQ=",
  };

  (void)state;
  whole_example(SCRAM_SHA1, "QSXCR+Q6sek8bf92", "3rfcNHYJY1ZVvWVs7j", m);
}

static void
rfc7677_s3(void **state)
{
  static char const *const m[] = {
    "n,,n=user,r=rOprNGfwEbeRWgbNEkqO",
    "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,"
    "i=4096",
    "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
    "p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
    "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
  };

  (void)state;
  whole_example(SCRAM_SHA256,
                "W22ZaJ0SNY7soEsUEjb6gQ==", "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0", m);
}

/* ---- all hashes against the client above ---- */

static void
each_hash(void **state)
{
  static struct client c;
  unsigned int h;

  (void)state;
  for (h = 0; h < SCRAM_HASHES; h++) {
    c.hash = (enum scram_hash)h;
    c.password = "pencil";
    make_keys(c.hash, "pencil", "W22ZaJ0SNY7soEsUEjb6gQ==", 4096);
    assert_int_equal(scram_hash_len(c.hash), EVP_MD_get_size(md_of(c.hash)));
    assert_true(scram_matches(c.hash, SLICE("pencil"), &keys));
    assert_false(scram_matches(c.hash, SLICE("pencil "), &keys));
    assert_false(scram_matches(c.hash, SLICE("Pencil"), &keys));
    begin(c.hash, "server");
    assert_int_equal(play(&c, "n,,", "n=user,r=client", SLICE(""), SLICE("")), SCRAM_OK);
    c.password = "pencils";
    begin(c.hash, "server");
    assert_int_equal(play(&c, "n,,", "n=user,r=client", SLICE(""), SLICE("")),
                     SCRAM_NOT_AUTHORIZED);
  }
  assert_string_equal(scram_hash_name(SCRAM_SHA1), "SHA-1");
  assert_string_equal(scram_hash_name(SCRAM_SHA256), "SHA-256");
  assert_string_equal(scram_hash_name(SCRAM_SHA512), "SHA-512");
}

/* ---- channel binding (RFC 5802 s6) ---- */

static struct client user = {SCRAM_SHA256, "pencil", "", "", "", "", ""};

static void
plus_is(enum scram_result want, char const *gs2, struct slice theirs, struct slice ours)
{
  begin(SCRAM_SHA256, "server");
  x.plus = x.plus_offered = true;
  assert_int_equal(play(&user, gs2, "n=user,r=client", theirs, ours), want);
}

static void
plus(void **state)
{
  struct slice data = SLICE("\0\1\2,\xff=binding"), other = SLICE("\0\1\2,\xff=bindinG");

  (void)state;
  make_keys(SCRAM_SHA256, "pencil", "W22ZaJ0SNY7soEsUEjb6gQ==", 4096);
  plus_is(SCRAM_OK, "p=tls-exporter,,", data, data);
  is_text(x.binding_type, "tls-exporter");
  plus_is(SCRAM_OK, "p=tls-server-end-point,a=user,", data, data);
  is_text(x.authzid, "user");
  plus_is(SCRAM_WRONG_BINDING, "p=tls-exporter,,", other, data);
  plus_is(SCRAM_WRONG_BINDING, "p=tls-exporter,,", SLICE(""), data);
  plus_is(SCRAM_WRONG_BINDING, "p=tls-exporter,,", data, SLICE(""));
  plus_is(SCRAM_WRONG_BINDING, "p=tls-exporter,,", SLICE(""), SLICE(""));
  plus_is(SCRAM_WRONG_BINDING, "p=tls-exporter,,", slice_of(data.s, data.len - 1), data);
  /* A mechanism with PLUS needs p=. */
  plus_is(SCRAM_MALFORMED, "n,,", data, data);
  plus_is(SCRAM_UNBOUND, "y,,", data, data);
  plus_is(SCRAM_MALFORMED, "p=,,", data, data);
  plus_is(SCRAM_MALFORMED, "p,,", data, data);
}

/* Without PLUS: p= is not for it; y is an attack exactly when PLUS was offered. */
static void
without_plus(void **state)
{
  (void)state;
  make_keys(SCRAM_SHA256, "pencil", "W22ZaJ0SNY7soEsUEjb6gQ==", 4096);
  begin(SCRAM_SHA256, "server");
  assert_int_equal(play(&user, "y,,", "n=user,r=client", SLICE(""), SLICE("")), SCRAM_OK);
  begin(SCRAM_SHA256, "server");
  x.plus_offered = true;
  assert_int_equal(play(&user, "y,,", "n=user,r=client", SLICE(""), SLICE("")),
                   SCRAM_UNBOUND);
  begin(SCRAM_SHA256, "server");
  x.plus_offered = true;
  assert_int_equal(play(&user, "n,,", "n=user,r=client", SLICE(""), SLICE("")), SCRAM_OK);
  begin(SCRAM_SHA256, "server");
  assert_int_equal(
    play(&user, "p=tls-exporter,,", "n=user,r=client", SLICE("a"), SLICE("a")),
    SCRAM_MALFORMED);
  /* The binding of a stream that the client does not bind to does not matter... */
  begin(SCRAM_SHA256, "server");
  assert_int_equal(play(&user, "n,,", "n=user,r=client", SLICE(""), SLICE("data")),
                   SCRAM_OK);
  /* ...and c= must be the gs2 header and no more, and the one that was said first. */
  begin(SCRAM_SHA256, "server");
  assert_int_equal(play(&user, "n,,", "n=user,r=client", SLICE("data"), SLICE("data")),
                   SCRAM_WRONG_BINDING);
}

/* ---- names ---- */

static void
names(void **state)
{
  static struct {
    char const *first, *user, *authzid; /* user NULL: malformed */
  } const cases[] = {
    {"n,,n=user,r=c",                   "user",       ""     },
    {"n,a=admin,n=user,r=c",            "user",       "admin"},
    {"n,a=a=2Cb=3Dc,n=u=2C=3D=2Cs,r=c", "u,=,s",      "a,b=c"},
    {"n,,n==2C,r=c",                    ",",          ""     },
    {"n,,n==3D2C,r=c",                  "=2C",        ""     },
    {"n,,n=\xc3\xa9@x,r=c",             "\xc3\xa9@x", ""     },
    {"n,,n=a=2c,r=c",                   NULL,         ""     },
    {"n,,n=a=3d,r=c",                   NULL,         ""     },
    {"n,,n=a=,r=c",                     NULL,         ""     },
    {"n,,n=a=2,r=c",                    NULL,         ""     },
    {"n,,n=a=41,r=c",                   NULL,         ""     },
    {"n,a=a=4,n=user,r=c",              NULL,         ""     },
    {"n,,n=,r=c",                       NULL,         ""     },
  };

  size_t i;

  (void)state;
  for (i = 0; i < sizeof cases / sizeof *cases; i++) {
    enum scram_result rc;
    begin(SCRAM_SHA1, "server");
    rc = scram_client_first(&x, slice_str(cases[i].first));
    if (rc != (cases[i].user ? SCRAM_OK : SCRAM_MALFORMED))
      fail_msg("%s", cases[i].first);
    if (rc) continue;
    is_text(x.user, cases[i].user);
    is_text(x.authzid, cases[i].authzid);
  }
}

/* ---- what is no message ---- */

static void
bad_first(void **state)
{
  static char const *const cases[] = {
    "",
    "n",
    "n,",
    "n,,",
    "n,,n=user",
    "n,,n=user,",
    "n,,n=user,r=",
    "n,,r=c,n=user",
    "n,,n=user,x=1,r=c",
    "n,,m=ext,n=user,r=c",
    "n,,n=user,r=a\x7f",
    "n,,n=user,r=a b",
    "n,,n=user,r=\xc3\xa9",
    "n,user,n=user,r=c",
    "n,a,n=user,r=c",
    "n,b=x,n=user,r=c",
    "x,,n=user,r=c",
    "N,,n=user,r=c",
    "nn,,n=user,r=c",
    ",,n=user,r=c",
    "n=user,r=c",
    "n,a=x",
    "n,a=x,",
  };

  char text[TEXT_MAX + 1];
  size_t i;

  (void)state;
  for (i = 0; i < sizeof cases / sizeof *cases; i++) {
    begin(SCRAM_SHA1, "server");
    if (scram_client_first(&x, slice_str(cases[i])) != SCRAM_MALFORMED)
      fail_msg("%s", cases[i]);
  }
  begin(SCRAM_SHA1, "server");
  assert_int_equal(scram_client_first(&x, SLICE("n,,n=us\0er,r=c")), SCRAM_MALFORMED);
  /* Limits: the nonce, then the whole. */
  snprintf(text, sizeof text, "n,,n=user,r=%0*d", SCRAM_NONCE_MAX, 0);
  begin(SCRAM_SHA1, "server");
  assert_int_equal(scram_client_first(&x, slice_str(text)), SCRAM_OK);
  snprintf(text, sizeof text, "n,,n=user,r=%0*d", SCRAM_NONCE_MAX + 1, 0);
  begin(SCRAM_SHA1, "server");
  assert_int_equal(scram_client_first(&x, slice_str(text)), SCRAM_MALFORMED);
  snprintf(text, sizeof text, "n,,n=%0*d,r=c", SCRAM_MESSAGE_MAX - 9, 0);
  begin(SCRAM_SHA1, "server");
  assert_int_equal(strlen(text), SCRAM_MESSAGE_MAX);
  assert_int_equal(scram_client_first(&x, slice_str(text)), SCRAM_OK);
  snprintf(text, sizeof text, "n,,n=%0*d,r=c", SCRAM_MESSAGE_MAX - 8, 0);
  begin(SCRAM_SHA1, "server");
  assert_int_equal(scram_client_first(&x, slice_str(text)), SCRAM_MALFORMED);
}

#define NONCE "fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j"
#define PROOF "v0X8v3Bz2T0CJGbJQyF0X+HI4Ts="

static enum scram_result
final_is(char const *final)
{
  struct slice verifier = {NULL, 0};
  enum scram_result rc;

  begin(SCRAM_SHA1, "3rfcNHYJY1ZVvWVs7j");
  assert_int_equal(scram_client_first(&x, SLICE("n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL")),
                   SCRAM_OK);
  assert_int_equal(scram_server_first(&x, &keys), SCRAM_OK);
  rc = scram_client_final(&x, slice_str(final), &keys, SLICE(""), &verifier);
  assert_int_equal(rc == SCRAM_OK, verifier.s != NULL);
  return rc;
}

static void
bad_final(void **state)
{
  static struct {
    char const *final;
    enum scram_result want;
  } const cases[] = {
    {"c=biws,r=" NONCE ",p=" PROOF,                                  SCRAM_OK            },
    {"",                                                             SCRAM_MALFORMED     },
    {"c=biws",                                                       SCRAM_MALFORMED     },
    {"c=biws,r=" NONCE,                                              SCRAM_MALFORMED     },
    {"c=biws,r=" NONCE ",",                                          SCRAM_MALFORMED     },
    {"c=biws,r=" NONCE ",x",                                         SCRAM_MALFORMED     },
    {"c=biws,r=" NONCE ",x=1",                                       SCRAM_MALFORMED     },
    {"r=" NONCE ",c=biws,p=" PROOF,                                  SCRAM_MALFORMED     },
    {"m=x,c=biws,r=" NONCE ",p=" PROOF,                              SCRAM_MALFORMED     },
    {"c=biws,p=" PROOF,                                              SCRAM_MALFORMED     },
    {"c=biws,r=" NONCE ",p=" PROOF ",x=1",                           SCRAM_MALFORMED     },
    {"c=biws,r=" NONCE ",p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts",             SCRAM_MALFORMED     },
    {"c=biws,r=" NONCE ",p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts= ",           SCRAM_MALFORMED     },
 /* signed by the proof, so not this one: */
    {"c=biws,r=" NONCE ",x=1,p=" PROOF,                              SCRAM_NOT_AUTHORIZED},
    {"c=biws,r=" NONCE ",p=",                                        SCRAM_NOT_AUTHORIZED},
    {"c=biws,r=" NONCE ",p=AAAA",                                    SCRAM_NOT_AUTHORIZED},
    {"c=biws,r=" NONCE ",p=w0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",            SCRAM_NOT_AUTHORIZED},
 /* nonces: another, the client's alone, longer, ours alone, none */
    {"c=biws,r=Fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=" PROOF, SCRAM_WRONG_NONCE   },
    {"c=biws,r=fyko+d2lbbFgONRv9qkxdawL,p=" PROOF,                   SCRAM_WRONG_NONCE   },
    {"c=biws,r=" NONCE "x,p=" PROOF,                                 SCRAM_WRONG_NONCE   },
    {"c=biws,r=3rfcNHYJY1ZVvWVs7j,p=" PROOF,                         SCRAM_WRONG_NONCE   },
    {"c=biws,r=,p=" PROOF,                                           SCRAM_WRONG_NONCE   },
 /* bindings: y,, instead of n,,; none; not base64 */
    {"c=eSws,r=" NONCE ",p=" PROOF,                                  SCRAM_WRONG_BINDING },
    {"c=,r=" NONCE ",p=" PROOF,                                      SCRAM_WRONG_BINDING },
    {"c=biw,r=" NONCE ",p=" PROOF,                                   SCRAM_WRONG_BINDING },
    {"c=biwsAAAA,r=" NONCE ",p=" PROOF,                              SCRAM_WRONG_BINDING },
  };

  size_t i;

  (void)state;
  make_keys(SCRAM_SHA1, "pencil", "QSXCR+Q6sek8bf92", 4096);
  for (i = 0; i < sizeof cases / sizeof *cases; i++)
    if (final_is(cases[i].final) != cases[i].want) fail_msg("%s", cases[i].final);
}

/* An extension that the client did sign is passed over (s5.1). */
static void
signed_extension(void **state)
{
  static struct client c = {SCRAM_SHA1, "pencil", "n=user,r=client", "", "", "", ""};
  struct slice verifier;

  (void)state;
  make_keys(SCRAM_SHA1, "pencil", "QSXCR+Q6sek8bf92", 4096);
  begin(SCRAM_SHA1, "server");
  assert_int_equal(scram_client_first(&x, SLICE("n,,n=user,r=client")), SCRAM_OK);
  assert_int_equal(scram_server_first(&x, &keys), SCRAM_OK);
  snprintf(c.without, sizeof c.without, "c=biws,r=clientserver,x=1,y=p=2");
  client_signs(&c);
  assert_int_equal(
    scram_client_final(&x, slice_str(c.final), &keys, SLICE(""), &verifier), SCRAM_OK);
  is_text(verifier, c.verifier);
}

/* ---- base64 (RFC 4648 s4, s10) ---- */

static void
base64_whole(void **state)
{
  static char const *const cases[][2] = {
    {"",       ""        },
    {"f",      "Zg=="    },
    {"fo",     "Zm8="    },
    {"foo",    "Zm9v"    },
    {"foob",   "Zm9vYg=="},
    {"fooba",  "Zm9vYmE="},
    {"foobar", "Zm9vYmFy"},
  };

  size_t i;

  (void)state;
  for (i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct slice got = scram_decode(&arena, slice_str(cases[i][1]));
    assert_non_null(got.s);
    is_text(got, cases[i][0]);
    is_text(scram_encode(&arena, slice_str(cases[i][0])), cases[i][1]);
  }
  assert_true(slice_eq(scram_decode(&arena, SLICE("AAAAAA==")), SLICE("\0\0\0\0")));
  assert_true(slice_eq(scram_decode(&arena, SLICE("+/+/")), SLICE("\xfb\xff\xbf")));
}

static void
base64_strict(void **state)
{
  static char const *const bad[] = {
    "Z",     "Zg",      "Zg=",    "=",     "==",       "====",     "Z===",     "Zm9v=",
    " Zm9v", "Zm9v ",   "Zm9v\n", "Zm 9v", "Zm9\n",    "Zg==Zg==", "Zm=v",     "Zm9-",
    "Zm9_",  "Zm9\xc3", "=m9v",   "Z=9v",  "Zm9v====", "Zg==\n",   "\tZm9v\t", "Zm9vZ",
  };

  size_t i;

  (void)state;
  for (i = 0; i < sizeof bad / sizeof *bad; i++) {
    errno = 0;
    if (scram_decode(&arena, slice_str(bad[i])).s) fail_msg("%s", bad[i]);
    assert_int_equal(errno, EINVAL);
  }
  assert_null(scram_decode(&arena, SLICE("Zm9\0")).s);
}

/* ---- SASLprep (RFC 4013 s3, and what it prohibits) ---- */

static void
passwords(void **state)
{
  static struct {
    char const *in, *out; /* out NULL: refused */
  } const cases[] = {
    {"I\xc2\xadX",    "IX"           }, /* soft hyphen mapped to nothing */
    {"user",          "user"         },
    {"USER",          "USER"         },
    {"\xc2\xaa",      "a"            }, /* NFKC */
    {"\xe2\x85\xa8",  "IX"           },
    {"a\xc2\xa0"
     "b",        "a b"          }, /* other blanks to a blank */
    {"e\xcc\x81",     "\xc3\xa9"     },
    {"pencil pencil", "pencil pencil"},
    {"\x07",          NULL           }, /* prohibited */
    {"\x7f",          NULL           },
    {"\xd8\xa7"
     "1",        NULL           }, /* bidirectional */
    {"\xee\x80\x80",  NULL           }, /* private use */
    {"\xef\xbf\xbd",  NULL           },
    {"",              NULL           },
    {"\xc2\xad",      NULL           }, /* nothing is left */
    {"\xff",          NULL           }, /* not UTF-8 */
    {"\xc3",          NULL           },
    {"\xed\xa0\x80",  NULL           },
  };

  size_t i;

  (void)state;
  for (i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct slice got;
    errno = 0;
    got = scram_password(&arena, slice_str(cases[i].in));
    if ((got.s != NULL) != (cases[i].out != NULL)) fail_msg("case %zu", i);
    if (got.s)
      is_text(got, cases[i].out);
    else
      assert_int_equal(errno, EINVAL);
  }
  assert_null(scram_password(&arena, SLICE("a\0b")).s);
}

/* The longest password, of characters that become eleven times as long. */
static void
password_length(void **state)
{
  char text[SCRAM_PASSWORD_MAX + 2];
  struct slice got;
  size_t i;

  (void)state;
  for (i = 0; i < SCRAM_PASSWORD_MAX; i += 3)
    memcpy(text + i, "\xef\xb7\xba", 3);
  got = scram_password(&arena, slice_of(text, SCRAM_PASSWORD_MAX));
  assert_non_null(got.s);
  assert_int_equal(got.len, 11 * SCRAM_PASSWORD_MAX);
  assert_memory_equal(got.s, got.s + 33, got.len - 33);
  memset(text, 'a', sizeof text);
  assert_int_equal(scram_password(&arena, slice_of(text, SCRAM_PASSWORD_MAX)).len,
                   SCRAM_PASSWORD_MAX);
  errno = 0;
  assert_null(scram_password(&arena, slice_of(text, SCRAM_PASSWORD_MAX + 1)).s);
  assert_int_equal(errno, EINVAL);
}

/* RFC 4231 s4.3, twice by one key, and an empty text. */
static void
one_key_for_many(void **state)
{
  static unsigned char const want[] = "\x5b\xdc\xc1\x46\xbf\x60\x75\x4e\x6a\x04\x24\x26"
                                      "\x08\x95\x75\xc7\x5a\x00\x3f\x08\x9d\x27\x39\x83"
                                      "\x9d\xec\x58\xb9\x64\xec\x38\x43";
  struct scram_mac *m = scram_mac_new(SCRAM_SHA256, SLICE("Jefe"));
  struct slice text = SLICE("what do ya want for nothing?");
  unsigned char out[SCRAM_KEY_MAX], other[SCRAM_KEY_MAX];
  int i;

  (void)state;
  assert_non_null(m);
  for (i = 0; i < 2; i++) {
    assert_true(scram_mac(m, SLICE(""), out));
    assert_true(scram_hmac(SCRAM_SHA256, SLICE("Jefe"), SLICE(""), other));
    assert_memory_equal(out, other, 32);
    assert_true(scram_mac(m, text, out));
    assert_memory_equal(out, want, 32);
  }
}

int
main(void)
{
  struct CMUnitTest const tests[] = {
    cmocka_unit_test_teardown(rfc5802_s5, wipe),
    cmocka_unit_test_teardown(rfc7677_s3, wipe),
    cmocka_unit_test_teardown(each_hash, wipe),
    cmocka_unit_test_teardown(plus, wipe),
    cmocka_unit_test_teardown(without_plus, wipe),
    cmocka_unit_test_teardown(names, wipe),
    cmocka_unit_test_teardown(bad_first, wipe),
    cmocka_unit_test_teardown(bad_final, wipe),
    cmocka_unit_test_teardown(signed_extension, wipe),
    cmocka_unit_test_teardown(base64_whole, wipe),
    cmocka_unit_test_teardown(base64_strict, wipe),
    cmocka_unit_test_teardown(passwords, wipe),
    cmocka_unit_test_teardown(password_length, wipe),
    cmocka_unit_test_teardown(one_key_for_many, wipe),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
