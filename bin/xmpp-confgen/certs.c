#include "confgen.h"

#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <glob.h>
#include <stdio.h>
#include <string.h>

/* Which names the certificates have: only to warn. xmpp-tlsd reads them by itself. */

static bool
file_names(char const *path, char const *host)
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

static bool
pattern_names(char const *pattern, char const *host)
{
  bool found = false;
  glob_t g;
  size_t i;

  if (glob(pattern, GLOB_BRACE, NULL, &g)) return false;
  for (i = 0; !found && i < g.gl_pathc; i++)
    found = file_names(g.gl_pathv[i], host);
  globfree(&g);
  return found;
}

void
check_certificates(struct yaml_node const *certfiles)
{
  struct yaml_node const *c;
  size_t i;

  for (i = 0; certfiles && i < job.hosts_n; i++) {
    bool found =
      certfiles->kind == YAML_SCALAR && pattern_names(certfiles->text.s, job.hosts[i].s);
    for (c = certfiles->first; !found && c; c = c->next)
      found = c->kind == YAML_SCALAR && pattern_names(c->text.s, job.hosts[i].s);
    if (!found)
      say_warning(certfiles, "certfiles", "no certificate for %s", job.hosts[i].s);
  }
}
