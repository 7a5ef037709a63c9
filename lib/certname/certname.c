#include "certname/certname.h"

#include <openssl/pem.h>

#include <errno.h>
#include <glob.h>
#include <stdio.h>

static int
no_passphrase(char *buf, int size, int rwflag, void *cookie)
{
  (void)buf;
  (void)size;
  (void)rwflag;
  (void)cookie;
  return -1;
}

STACK_OF(X509_INFO) * certname_pem(char const *path)
{
  BIO *in = BIO_new_file(path, "r");
  STACK_OF(X509_INFO) * infos;

  if (!in) return NULL;
  infos = PEM_X509_INFO_read_bio(in, NULL, no_passphrase, NULL);
  BIO_free(in);
  if (!infos) errno = EPROTO;
  return infos;
}

static bool
is_for(X509 *x, struct slice name)
{
  struct certname_list list = CERTNAME_ZERO;
  bool found = name.len && certname_read(&list, x) &&
               (certname_has(&list, name) || certname_covers(&list, name));

  certname_wipe(&list);
  return found;
}

static bool
file_matches(char const *path, struct slice host, struct slice ascii)
{
  FILE *f = fopen(path, "r");
  bool found = false;
  X509 *x;

  if (!f) return false;
  while (!found && (x = PEM_read_X509(f, NULL, NULL, NULL))) {
    found = is_for(x, host) || is_for(x, ascii);
    X509_free(x);
  }
  fclose(f);
  return found;
}

bool
certname_matches(char const *pattern, struct slice host, struct slice ascii)
{
  bool found = false;
  glob_t g;
  size_t i;

  if (glob(pattern, GLOB_BRACE, NULL, &g)) return false;
  for (i = 0; !found && i < g.gl_pathc; i++)
    found = file_matches(g.gl_pathv[i], host, ascii);
  globfree(&g);
  return found;
}
