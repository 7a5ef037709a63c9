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

struct service {
  struct service *next;
  struct slice name;
};

static struct service *services;

void
certs_service(struct slice name)
{
  struct service *s = arena_alloc(&job.arena, sizeof *s);

  if (!s) return;
  *s = (struct service){services, name};
  services = s;
}

void
check_certificates(struct yaml_node const *certfiles)
{
  struct service const *s;
  size_t i;

  for (s = services; certfiles && s; s = s->next)
    if (!has_certificate(certfiles, s->name.s))
      say_warning(certfiles, "certfiles", "no certificate for %s", s->name.s);
  services = NULL;
  for (i = 0; certfiles && i < job.hosts_n; i++)
    if (!has_certificate(certfiles, job.hosts[i].s))
      say_warning(certfiles, "certfiles", "no certificate for %s", job.hosts[i].s);
}
