#include "confgen.h"

#include "certname/certname.h"

/* Which hosts no certificate is for: only to warn. xmpp-tlsd reads them by itself. */

static bool
has_certificate(struct yaml_node const *certfiles, char const *host)
{
  struct yaml_node const *c;

  if (certfiles->kind == YAML_SCALAR) return certname_matches(certfiles->text.s, host);
  for (c = certfiles->first; c; c = c->next)
    if (c->kind == YAML_SCALAR && certname_matches(c->text.s, host)) return true;
  return false;
}

void
check_certificates(struct yaml_node const *certfiles)
{
  size_t i;

  for (i = 0; certfiles && i < job.hosts_n; i++)
    if (!has_certificate(certfiles, job.hosts[i].s))
      say_warning(certfiles, "certfiles", "no certificate for %s", job.hosts[i].s);
}
