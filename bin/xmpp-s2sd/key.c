#include "key.h"

#include "service/service.h"

#include <skalibs/djbunix.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define SECRET_LEN 32

/* The SHA-256 of the secret in hexadecimal is what keys are made with (XEP-0185 s3). */
static char hashed[2 * SECRET_LEN];

/* 1: read; 0: there is none; -1: errno. */
static int
read_secret(char const *path, unsigned char secret[SECRET_LEN])
{
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  ssize_t n;

  if (fd < 0) return errno == ENOENT ? 0 : -1;
  n = read(fd, secret, SECRET_LEN);
  close(fd);
  return n == SECRET_LEN;
}

static bool
make_secret(char const *path, unsigned char secret[SECRET_LEN])
{
  char tmp[4096];
  int fd, n = snprintf(tmp, sizeof tmp, "%s.new", path);
  bool ok;

  door_secret(secret, SECRET_LEN);
  if (n < 0 || n >= (int)sizeof tmp) return false;
  fd = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0) return false;
  ok = write(fd, secret, SECRET_LEN) == SECRET_LEN;
  fd_close(fd);
  return ok && !rename(tmp, path);
}

bool
key_start(void)
{
  char const *path = service_run_file("secret");
  unsigned char secret[SECRET_LEN], sum[EVP_MAX_MD_SIZE];
  int r = path ? read_secret(path, secret) : 0;
  bool ok = true;

  if (r < 0) return false;
  if (!r && path)
    ok = make_secret(path, secret);
  else if (!r)
    door_secret(secret, sizeof secret);
  ok = ok && EVP_Digest(secret, sizeof secret, sum, NULL, EVP_sha256(), NULL);
  if (ok) hex_put(hashed, sum, KEY_LEN / 2);
  OPENSSL_cleanse(secret, sizeof secret);
  return ok;
}

void
key_make(struct slice receiving, struct slice originating, struct slice id,
         char out[KEY_LEN])
{
  unsigned char sum[EVP_MAX_MD_SIZE] = {0};
  stralloc text = STRALLOC_ZERO;
  bool ok = stralloc_catb(&text, receiving.s, receiving.len) &&
            stralloc_catb(&text, " ", 1) &&
            stralloc_catb(&text, originating.s, originating.len) &&
            stralloc_catb(&text, " ", 1) && stralloc_catb(&text, id.s, id.len) &&
            HMAC(EVP_sha256(), hashed, sizeof hashed, (unsigned char const *)text.s,
                 text.len, sum, NULL);

  if (!ok) door_secret(sum, sizeof sum);
  hex_put(out, sum, KEY_LEN / 2);
  stralloc_free(&text);
}

bool
key_is(struct slice given, struct slice receiving, struct slice originating,
       struct slice id)
{
  char want[KEY_LEN];

  key_make(receiving, originating, id, want);
  return given.len == KEY_LEN && !CRYPTO_memcmp(given.s, want, KEY_LEN);
}
