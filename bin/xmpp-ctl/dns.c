#include "ctl.h"

#include <skalibs/strerr.h>

#include <ctype.h>
#include <stdio.h>
#include <string.h>

/* dns: what the zones of the hosts should say of the listeners, as lines of a zone file; what
 * is not for a zone is a comment in it, as is what other servers find. Other domains are looked up. */

#define TTL "3600"

/* RFC 6120 s3.2.1 and XEP-0368 s2: the records of both kinds are one set, in which direct TLS
 * comes first: it needs fewer round trips. */
static struct service {
  char const *name, *serves;
  bool direct;
  char const *priority, *wants;
} const services[] = {
  {"_xmpp-client",  "c2s", false, "10", "a listener ejabberd_c2s"                  },
  {"_xmpps-client", "c2s", true,  "5",  "a listener ejabberd_c2s with tls: true"   },
  {"_xmpp-server",  "s2s", false, "10", "a listener ejabberd_s2s_in"               },
  {"_xmpps-server", "s2s", true,  "5",  "a listener ejabberd_s2s_in with tls: true"},
};

#define SERVICES_N (sizeof services / sizeof *services)

/* ---- listeners ---- */

static struct settings_row const *
next_listener(struct settings_row const *row)
{
  return settings_next(&ctl.settings, "listener", row);
}

static bool
is_direct(struct settings_row const *ln)
{
  return slice_is(settings_get(&ctl.settings, "tls", ln->scope), "direct");
}

static bool
is_loopback(struct slice ip)
{
  return slice_starts(ip, "127.") || slice_is(ip, "::1");
}

/* A socket of the machine's own has no port. */
static bool
gives(struct settings_row const *ln, struct service const *s)
{
  return slice_is(ln->value[2], s->serves) && is_direct(ln) == s->direct &&
         !slice_is(ln->value[1], "0");
}

/* Two addresses may have a listener each on one port. */
static bool
told_before(struct settings_row const *ln, struct service const *s)
{
  struct settings_row const *other = NULL;

  while ((other = next_listener(other)) && other != ln)
    if (gives(other, s) && slice_eq(other->value[1], ln->value[1])) return true;
  return false;
}

/* ---- SRV ---- */

static void
print_srv(struct service const *s, struct settings_row const *ln, char const *name)
{
  struct slice ip = ln->value[0], port = ln->value[1];

  if (is_loopback(ip))
    printf("; port %.*s is open on %.*s only:\n", (int)port.len, port.s, (int)ip.len,
           ip.s);
  printf("%s._tcp.%s. " TTL " IN SRV %s 0 %.*s %s.\n", s->name, name, s->priority,
         (int)port.len, port.s, name);
}

static void
print_service(struct service const *s, char const *name)
{
  struct settings_row const *ln = NULL;
  bool any = false;

  while ((ln = next_listener(ln))) {
    if (!gives(ln, s) || told_before(ln, s)) continue;
    print_srv(s, ln, name);
    any = true;
  }
  if (!any)
    printf("; %s._tcp.%s.: nobody listens; it wants %s\n", s->name, name, s->wants);
}

/* ---- host-meta (XEP-0156) ---- */

static struct {
  char const *module, *rel, *scheme;
} const relations[] = {
  {"mod_bosh",         "urn:xmpp:alt-connections:xbosh",     "https"},
  {"mod_http_bind",    "urn:xmpp:alt-connections:xbosh",     "https"},
  {"ejabberd_http_ws", "urn:xmpp:alt-connections:websocket", "wss"  },
};

#define RELATIONS_N (sizeof relations / sizeof *relations)

static size_t
relation_of(struct settings_row const *handler)
{
  size_t i;

  for (i = 0; i < RELATIONS_N && !slice_is(handler->value[1], relations[i].module); i++) {
  }
  return i;
}

/* The next handler behind row that serves streams, and its listener. */
static struct settings_row const *
next_handler(struct settings_row const *row, struct settings_row const **listener)
{
  while ((row = settings_next(&ctl.settings, "handler", row))) {
    if (relation_of(row) == RELATIONS_N) continue;
    for (*listener = next_listener(NULL);
         *listener && !slice_eq((*listener)->scope, row->scope);)
      *listener = next_listener(*listener);
    if (*listener) return row;
  }
  return NULL;
}

/* Percent-encoded (RFC 3986 s2.1) but for slashes; so it needs no escapes of XML or JSON. */
static void
print_path(struct slice path)
{
  size_t i;

  if (!slice_starts(path, "/")) putchar('/');
  for (i = 0; i < path.len; i++) {
    unsigned char c = (unsigned char)path.s[i];
    if (c < 0x80 && (isalnum(c) || strchr("-._~/", c)))
      putchar(c);
    else
      printf("%%%02X", c);
  }
}

/* s3.2 rule 1: no URL without TLS. A listener without it has a web server before it. */
static void
print_link(struct settings_row const *handler, struct settings_row const *ln,
           char const *name, char const *form[3])
{
  size_t i = relation_of(handler);

  printf("%s%s%s%s://%s", form[0], relations[i].rel, form[1], relations[i].scheme, name);
  if (is_direct(ln)) printf(":%.*s", (int)ln->value[1].len, ln->value[1].s);
  print_path(handler->value[0]);
  printf("%s", form[2]);
}

static void
print_links(char const *name, char const *form[3], char const *between)
{
  struct settings_row const *row = NULL, *ln;
  bool first = true;

  while ((row = next_handler(row, &ln))) {
    if (!first) printf("%s", between);
    print_link(row, ln, name, form);
    first = false;
  }
}

static void
print_host_meta(char const *name)
{
  static char const *xml[3] = {";   <Link rel='", "' href='", "'/>\n"};
  static char const *json[3] = {";   {\"rel\": \"", "\", \"href\": \"", "\"}"};
  struct settings_row const *row = NULL, *ln;
  bool plain = false;

  if (!next_handler(NULL, &ln)) return;
  while ((row = next_handler(row, &ln)))
    plain = plain || !is_direct(ln);
  printf("; https://%s/.well-known/host-meta (with Access-Control-Allow-Origin: *):\n",
         name);
  if (plain)
    printf("; without a port: a web server with TLS must stand before the listener\n");
  printf("; <?xml version='1.0' encoding='utf-8'?>\n"
         "; <XRD xmlns='http://docs.oasis-open.org/ns/xri/xrd-1.0'>\n");
  print_links(name, xml, "");
  printf("; </XRD>\n; https://%s/.well-known/host-meta.json:\n; {\"links\": [\n", name);
  print_links(name, json, ",\n");
  printf("\n; ]}\n");
}

/* ---- hosts ---- */

static void
print_host(struct slice host)
{
  struct slice name = settings_get(&ctl.settings, "ascii", host);
  size_t i;

  printf("; ---- %s ----\n", log_text(host));
  if (!name.len) {
    printf("; is no name that DNS could have\n");
    return;
  }
  printf("; Records lead to the host itself: change the target when the server is "
         "elsewhere.\n");
  for (i = 0; i < SERVICES_N; i++)
    print_service(&services[i], name.s);
  printf("; The target needs addresses, and may not be an alias (RFC 2782):\n"
         "; %s. " TTL " IN A 192.0.2.1\n; %s. " TTL " IN AAAA 2001:db8::1\n",
         name.s, name.s);
  print_host_meta(name.s);
}

/* A host without a listener for servers has no xmpp-dnsd. */
static void
print_found(char const *domain)
{
  fflush(stdout);
  printf("; Other servers find now:\n");
  if (lookup(domain, "; ") == 111) printf("; xmpp-dnsd is not there to look\n");
}

static int
look_up(char const *domain)
{
  int rc = lookup(domain, "");

  if (rc == 111) strerr_diefusys(111, "reach xmpp-dnsd, to look up ", domain);
  return rc;
}

/* The administrator may name a host by its U-labels or its A-labels. */
static bool
is_meant(struct slice host, char const *given)
{
  return slice_is(host, given) ||
         slice_is_nocase(settings_get(&ctl.settings, "ascii", host), given);
}

int
command_dns(char const *const *argv)
{
  struct settings_row const *row = NULL;
  bool any = false;

  while ((row = settings_next(&ctl.settings, "host", row))) {
    if (argv[0] && !is_meant(row->value[0], argv[0])) continue;
    if (any) printf("\n");
    print_host(row->value[0]);
    if (argv[0]) print_found(row->value[0].s);
    any = true;
  }
  return any || !argv[0] ? 0 : look_up(argv[0]);
}
