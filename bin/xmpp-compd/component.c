#include "compd.h"
#include "bans.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <stdlib.h>
#include <string.h>

/* Components: their streams, handshakes and domains (XEP-0114). */

static struct component *components;
static uint64_t awaited_until_us;

/* ---- finding one ---- */

static struct component *
component(struct conduit *c)
{
  return (struct component *)c;
}

static struct listener const *
listener_of(struct component const *m)
{
  return settings_listener(slice_str(m->listener));
}

/* Say whether the component's listener gives it all its domains. */
static bool
has_by_listener(struct component const *m, struct slice domain)
{
  struct listener const *ln = listener_of(m);

  return ln && ln->global_routes &&
         settings_domain(ln->domains, m->domain ? slice_str(m->domain) : SLICE("")) &&
         settings_domain(ln->domains, domain);
}

static struct component *
own(struct slice domain)
{
  struct component *m;

  for (m = components; m; m = m->next)
    if (m->state == COMPONENT_OPEN && !m->c.ending.why && slice_is(domain, m->domain))
      return m;
  return NULL;
}

struct component *
component_of(struct slice domain)
{
  struct component *m = own(domain);

  if (m) return m;
  for (m = components; m; m = m->next)
    if (m->state == COMPONENT_OPEN && !m->c.ending.why && has_by_listener(m, domain))
      return m;
  return NULL;
}

bool
component_may_send(struct component const *m, struct slice domain)
{
  struct listener const *ln = listener_of(m);

  return slice_is(domain, m->domain) || (ln && !ln->check_from) ||
         has_by_listener(m, domain);
}

uint64_t
components_count(void)
{
  struct component const *m;
  uint64_t n = 0;

  for (m = components; m; m = m->next)
    n++;
  return n;
}

/* ---- domains ---- */

/* A domain that no listener names is served from its component's first handshake on, as long as
 * compd runs: nothing tells routed that it is served no more. */
struct guest {
  struct guest *next;
  char *name;
};

static struct guest *guests;
static unsigned int guests_n;

static bool
is_served(struct slice domain)
{
  struct listener const *ln;
  struct guest const *g;

  for (ln = compd->listeners; ln; ln = ln->next)
    if (settings_domain(ln->domains, domain)) return true;
  for (g = guests; g; g = g->next)
    if (slice_is(domain, g->name)) return true;
  return false;
}

static void
serve(struct link *routed, char const *domain)
{
  link_begin(routed, VERB_SERVE);
  link_str(routed, domain);
  link_end(routed);
}

static bool
add_guest(struct slice domain)
{
  struct guest *g = guests_n < COMPONENT_GUESTS_MAX ? calloc(1, sizeof *g) : NULL;

  if (g) g->name = slice_dup(domain);
  if (!g || !g->name) {
    free(g);
    return false;
  }
  g->next = guests;
  guests = g;
  guests_n++;
  return true;
}

/* Have routed send what is for the domain. false: there are too many. */
static bool
serve_once(struct slice domain)
{
  struct link *routed = link_find(ROUTED);

  if (is_served(domain)) return true;
  if (!add_guest(domain)) return false;
  if (routed) serve(routed, guests->name);
  return true;
}

void
component_announce(struct link *routed)
{
  struct listener const *ln;
  struct guest const *g;
  struct domain const *d;

  for (ln = compd->listeners; ln; ln = ln->next)
    for (d = ln->domains; d; d = d->next)
      serve(routed, d->name);
  for (g = guests; g; g = g->next)
    serve(routed, g->name);
}

/* A restart of compd cuts its components off. Until those of the settings are back, or this time
 * is over, routed keeps what it has for them. */
bool
component_awaits(void)
{
  struct listener const *ln;
  struct domain const *d;

  if (!awaited_until_us) awaited_until_us = door_now() + COMPONENT_AWAIT_US;
  if (door_now() >= awaited_until_us) return false;
  for (ln = compd->listeners; ln; ln = ln->next)
    for (d = ln->domains; d; d = d->next)
      if (!component_of(slice_str(d->name))) return true;
  awaited_until_us = 1;
  return false;
}

/* ---- the header ---- */

static void
write_header(struct component *m)
{
  struct stream_header const h = {.id = slice_of(m->id, sizeof m->id),
                                  .from = slice_str(m->domain)};

  conduit_header(&m->c, &h, SLICE(""));
}

static bool
may_enter(struct component const *m, struct listener const *ln)
{
  struct access_who const who = {.ip = slice_str(m->c.ip),
                                 .domain = slice_str(m->domain)};

  return !ln->access ||
         access_allows(compd->access, slice_str(ln->access), who.domain, &who);
}

/* Give the fault of a header without one; set the domain. */
static char const *
check_header(struct component *m, struct slice to)
{
  struct listener const *ln = listener_of(m);
  struct arena a = ARENA_ZERO;
  struct slice name = jid_prep_domain(&a, to);

  if (name.len && !m->domain) m->domain = slice_dup(name);
  arena_wipe(&a);
  if (!m->domain || !ln || !settings_password(ln, slice_str(m->domain)))
    return "host-unknown";
  if (bans_have(slice_str(m->c.ip))) return "policy-violation";
  return may_enter(m, ln) ? NULL : "not-authorized";
}

static void
header(struct conduit *c, struct xml_node const *root, char const *fault)
{
  struct component *m = component(c);

  if (m->state == COMPONENT_START) door_random_id(m->id, sizeof m->id);
  if (root && !fault) fault = check_header(m, xml_attr(root, "to"));
  write_header(m);
  if (fault)
    conduit_error(c, fault, NULL);
  else if (root)
    m->state = COMPONENT_HANDSHAKE;
}

/* ---- the handshake ---- */

#define SHA1_LEN 20

static bool
cat_digest(char const *id, size_t id_len, char const *password, char out[2 * SHA1_LEN])
{
  unsigned char sum[EVP_MAX_MD_SIZE];
  stralloc text = STRALLOC_ZERO;
  bool ok = stralloc_catb(&text, id, id_len) && stralloc_cats(&text, password) &&
            EVP_Digest(text.s, text.len, sum, NULL, EVP_sha1(), NULL);

  if (ok) hex_put(out, sum, SHA1_LEN);
  if (text.s) OPENSSL_cleanse(text.s, text.len);
  stralloc_free(&text);
  return ok;
}

static bool
is_right(struct component const *m, struct xml_node const *e)
{
  struct listener const *ln = listener_of(m);
  char const *password = ln ? settings_password(ln, slice_str(m->domain)) : NULL;
  struct arena a = ARENA_ZERO;
  struct slice given = xml_text(&a, e);
  char want[2 * SHA1_LEN];
  bool ok = password && given.s && given.len == sizeof want &&
            cat_digest(m->id, sizeof m->id, password, want) &&
            !CRYPTO_memcmp(given.s, want, sizeof want);

  arena_wipe(&a);
  return ok;
}

static void
shape(struct component *m, struct listener const *ln)
{
  struct access_who const who = {.ip = slice_str(m->c.ip),
                                 .domain = slice_str(m->domain)};
  uint64_t rate, burst;

  if (!ln->shaper) return;
  access_shaper(compd->access, slice_str(ln->shaper), who.domain, &who, &rate, &burst);
  conduit_shape(&m->c, rate, burst);
}

static void
open_up(struct component *m)
{
  struct listener const *ln = listener_of(m);

  m->state = COMPONENT_OPEN;
  m->c.blocked_max = BLOCKED_MAX;
  xml_limit(&m->c.xml, ln->max_stanza_size);
  conduit_no_deadline(&m->c);
  conduit_write(&m->c, SLICE("<handshake/>"));
  shape(m, ln);
  service_look_again();
  log_event(LOG_INFO, "component-up", "conn", conduit_conn(&m->c), "ip",
            log_peer(slice_str(m->c.ip)), "domain", m->domain, NULL);
}

/* Say why the handshake is refused, or NULL. A digest of an address that is shut out is not looked at:
 * another of its streams may have been wrong meanwhile. */
static char const *
check_handshake(struct component *m, struct xml_node const *e)
{
  if (bans_have(slice_str(m->c.ip))) return "policy-violation";
  if (!is_right(m, e)) return "not-authorized";
  bans_forgive(slice_str(m->c.ip));
  if (own(slice_str(m->domain))) return "conflict";
  return serve_once(slice_str(m->domain)) ? NULL : "resource-constraint";
}

static void
handshake(struct component *m, struct xml_node const *e)
{
  char const *why = check_handshake(m, e);

  if (!why) {
    open_up(m);
    return;
  }
  log_event(LOG_WARN, "component-refused", "conn", conduit_conn(&m->c), "ip",
            log_peer(slice_str(m->c.ip)), "domain", m->domain, "why", why, NULL);
  if (!strcmp(why, "not-authorized")) bans_count(slice_str(m->c.ip));
  conduit_error(&m->c, why, NULL);
}

static void
element(struct conduit *c, struct xml_node const *e, struct slice bytes)
{
  struct component *m = component(c);

  if (xml_is(e, XML_NS_STREAMS, "error"))
    conduit_end(c, "the component had an error");
  else if (m->state == COMPONENT_OPEN)
    stanzas_in(m, e, bytes);
  else if (xml_is(e, NS_COMPONENT, "handshake"))
    handshake(m, e);
  else
    conduit_error(c, "not-authorized", NULL);
}

/* ---- the rest of its life ---- */

static void
closed(struct conduit *c)
{
  conduit_end(c, "closed by the component");
}

static enum conduit_input
input(struct conduit const *c)
{
  (void)c;
  return CONDUIT_READ;
}

static void
go(struct conduit *c)
{
  (void)c;
}

static void
late(struct conduit *c)
{
  conduit_error(c, "connection-timeout", NULL);
}

static void
end(struct conduit *c)
{
  struct component *m = component(c);

  log_event(LOG_INFO, "component-ended", "conn", conduit_conn(c), "ip",
            log_peer(slice_str(c->ip)), "domain", m->domain, "why", c->ending.why, NULL);
  conduit_last_words(c);
  conduit_close(c);
  m->over = true;
}

static void
settled(struct conduit *c)
{
  struct component *m = component(c), **at;

  if (!m->over) return;
  for (at = &components; *at != m; at = &(*at)->next) {
  }
  *at = m->next;
  conduit_wipe(c);
  free(m->listener);
  free(m->domain);
  free(m);
}

static char const *
name(struct conduit const *c)
{
  return ((struct component const *)c)->domain;
}

struct conduit_owner const component_owner = {.ns = NS_COMPONENT,
                                              .header = header,
                                              .element = element,
                                              .closed = closed,
                                              .input = input,
                                              .go = go,
                                              .late = late,
                                              .end = end,
                                              .settled = settled,
                                              .name = name};

void
component_on_open(struct link *l, struct record *r)
{
  struct conduit *old = conduit_in_place(l, r);
  struct component *m;

  if (old) conduit_displace(old);
  m = calloc(1, sizeof *m);
  if (m) m->listener = slice_dup(record_get(r, 2));
  if (!m || !m->listener || !conduit_begin(&m->c, l, r)) {
    if (m) free(m->listener);
    free(m);
    conduit_refuse(l, r);
    return;
  }
  m->next = components;
  components = m;
  conduit_deadline(&m->c, door_now() + compd->negotiation_us);
}

/* TLS from the first byte on; there is no STARTTLS for components. */
void
component_on_secured(struct link *l, struct record *r)
{
  struct conduit *c = conduit_find(l, r);

  if (c && component(c)->state == COMPONENT_START) conduit_secure(c);
}

typedef void each_fn(struct component *m, void *cookie);

static void
each(each_fn *fn, void *cookie)
{
  struct component *m, *next;

  for (m = components; m; m = next) {
    next = m->next;
    fn(m, cookie);
    conduit_settle(&m->c);
  }
}

static void
leave_link(struct component *m, void *l)
{
  if (m->c.link == l) conduit_link_gone(&m->c);
}

void
component_link_gone(struct link *l)
{
  each(leave_link, l);
  conduit_forget_link(l);
}

static void
check_again(struct component *m, void *cookie)
{
  struct listener const *ln = listener_of(m);

  (void)cookie;
  if (m->domain && (!ln || !settings_password(ln, slice_str(m->domain))))
    conduit_error(&m->c, "host-gone", NULL);
}

/* Domains of new settings are served from now on. */
void
component_reload(struct compd_settings const *was)
{
  struct link *routed = link_find(ROUTED);
  struct listener const *ln, *old;
  struct domain const *d;

  each(check_again, NULL);
  for (ln = compd->listeners; ln && routed; ln = ln->next)
    for (d = ln->domains; d; d = d->next) {
      for (old = was->listeners;
           old && !settings_domain(old->domains, slice_str(d->name)); old = old->next) {
      }
      if (!old) serve(routed, d->name);
    }
}

static void
shut_down(struct component *m, void *cookie)
{
  (void)cookie;
  conduit_error(&m->c, "system-shutdown", NULL);
}

void
component_stop(void)
{
  each(shut_down, NULL);
}

static void
look_at(struct component *m, void *cookie)
{
  (void)m;
  (void)cookie;
}

void
component_turn(void)
{
  if (conduits_marked()) each(look_at, NULL);
}

/* ---- the state for a trace ---- */

static void
fields(struct snapshot *k, struct component *m)
{
  conduit_snapshot(k, &m->c);
  snapshot_text(k, &m->listener);
  snapshot_text(k, &m->domain);
  snapshot_block(k, m->id, sizeof m->id);
  SNAPSHOT_INT(k, m->state);
}

static void
guests_snapshot(struct snapshot *k)
{
  struct guest **at = &guests;

  for (; snapshot_record(k, "guest", *at != NULL); at = &(*at)->next) {
    if (snapshot_restores(k)) *at = snapshot_new(k, sizeof **at);
    if (!*at) return;
    snapshot_text(k, &(*at)->name);
    if (snapshot_restores(k)) guests_n++;
  }
}

void
component_snapshot(struct snapshot *k)
{
  struct component **at = &components;

  guests_snapshot(k);

  if (snapshot_record(k, "awaited", true)) SNAPSHOT_INT(k, awaited_until_us);
  for (; snapshot_record(k, "component", *at != NULL); at = &(*at)->next) {
    if (snapshot_restores(k)) *at = snapshot_new(k, sizeof **at);
    if (!*at) return;
    fields(k, *at);
  }
}
