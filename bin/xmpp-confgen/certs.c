#include "confgen.h"

#include "certname/certname.h"

/* Names as certificates have them, and the hosts for which no certificate is: only to warn.
 * xmpp-tlsd reads certificates by itself. */

static struct slice
ascii_of(struct slice host)
{
  return is_net(host) ? (struct slice){NULL, 0} : host_ascii(host);
}

/* DNS names every host; xmpp-tlsd needs both names where they differ. */
static void
emit_ascii(unsigned int to, struct slice host)
{
  struct slice ascii = ascii_of(host);

  if (ascii.s) emit_slice(slice_eq(ascii, host) ? to & CTL : to, "ascii", host, ascii);
}

void
certs_host(struct slice host)
{
  emit_ascii(TLSD | CTL, host);
}

static bool
has_certificate(struct yaml_node const *certfiles, struct slice host)
{
  struct slice ascii = ascii_of(host);
  struct yaml_node const *c;

  if (certfiles->kind == YAML_SCALAR)
    return certname_matches(certfiles->text.s, host, ascii);
  for (c = certfiles->first; c; c = c->next)
    if (c->kind == YAML_SCALAR && certname_matches(c->text.s, host, ascii)) return true;
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
  emit_ascii(TLSD, name);
}

void
check_certificates(struct yaml_node const *certfiles)
{
  struct service const *s;
  size_t i;

  for (s = services; certfiles && !job.no_files && s; s = s->next)
    if (!has_certificate(certfiles, s->name))
      say_warning(certfiles, "certfiles", "no certificate for %s", s->name.s);
  services = NULL;
  for (i = 0; certfiles && !job.no_files && i < job.hosts_n; i++)
    if (!has_certificate(certfiles, job.hosts[i]))
      say_warning(certfiles, "certfiles", "no certificate for %s", job.hosts[i].s);
}
