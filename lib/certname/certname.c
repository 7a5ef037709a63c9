#include "certname/certname.h"

#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <glob.h>
#include <stdio.h>

static bool
file_matches(char const *path, char const *host)
{
  FILE *f = fopen(path, "r");
  bool found = false;
  X509 *x;

  if (!f) return false;
  while (!found && (x = PEM_read_X509(f, NULL, NULL, NULL))) {
    found = X509_check_host(x, host, 0, 0, NULL) == 1;
    X509_free(x);
  }
  fclose(f);
  return found;
}

bool
certname_matches(char const *pattern, char const *host)
{
  bool found = false;
  glob_t g;
  size_t i;

  if (glob(pattern, GLOB_BRACE, NULL, &g)) return false;
  for (i = 0; !found && i < g.gl_pathc; i++)
    found = file_matches(g.gl_pathv[i], host);
  globfree(&g);
  return found;
}
