#include "s2s.h"

#include <openssl/err.h>

#include <arpa/inet.h>
#include <stdlib.h>

struct s2s *s2s_now;

/* ---- addresses that are never connected to ---- */

/* This machine and this network, link-local addresses, multicast and what is reserved: no
 * other server is there, but perhaps something of ours, and a stranger's SRV record, or an
 * address as the domain of a stanza, decides what is tried. */
static char const *const never[] = {"0.0.0.0/8",   "127.0.0.0/8", "169.254.0.0/16",
                                    "224.0.0.0/3", "::/127",      "fe80::/10",
                                    "ff00::/8"};

static void
map4(unsigned char at[16], struct in_addr const *a)
{
  memset(at, 0, 10);
  at[10] = at[11] = 0xff;
  memcpy(at + 12, a, 4);
}

/* ADDRESS or ADDRESS/BITS */
static bool
read_range(struct range *r, struct slice text)
{
  char ip[INET6_ADDRSTRLEN] = "";
  struct slice word;
  struct in_addr a4;
  uint64_t bits = UINT64_MAX;
  unsigned int most = 128;

  if (!slice_word(&text, '/', &word) || word.len >= sizeof ip) return false;
  memcpy(ip, word.s, word.len);
  if (text.len && !slice_u64(text, &bits)) return false;
  if (inet_pton(AF_INET, ip, &a4) == 1) {
    map4(r->at, &a4);
    most = 32;
  } else if (inet_pton(AF_INET6, ip, r->at) != 1)
    return false;
  if (bits == UINT64_MAX) bits = most;
  r->bits = 128 - most + (unsigned int)bits;
  return bits <= most;
}

static bool
add_range(struct ranges *to, char const *key, struct slice text)
{
  struct range *v = realloc(to->v, (to->n + 1) * sizeof *v);

  if (!v) return false;
  to->v = v;
  if (read_range(&v[to->n], text)) {
    to->n++;
    return true;
  }
  settings_refuse(key, SLICE("*"), "no range of addresses: ", log_text(text), NULL);
  return false;
}

static bool
read_rows(struct s2s *s, struct ranges *to, char const *key)
{
  struct settings_row const *row = NULL;
  size_t i;

  while ((row = settings_next(s->settings, key, row)))
    for (i = 0; i < sizeof row->value / sizeof *row->value && row->value[i].len; i++) {
      struct slice list = row->value[i], word;
      while (slice_word(&list, ' ', &word))
        if (word.len && !add_range(to, key, word)) return false;
    }
  return true;
}

static bool
read_ranges(struct s2s *s)
{
  size_t i;

  for (i = 0; i < sizeof never / sizeof *never; i++)
    if (!add_range(&s->never, "never", slice_str(never[i]))) return false;
  return read_rows(s, &s->allowed, "s2s_allow_addresses") &&
         read_rows(s, &s->denied, "s2s_deny_addresses");
}

static bool
is_within(struct range const *r, unsigned char const at[16])
{
  unsigned int whole = r->bits / 8, rest = r->bits % 8;

  return !memcmp(r->at, at, whole) &&
         (!rest || (r->at[whole] ^ at[whole]) >> (8 - rest) == 0);
}

static bool
has(struct ranges const *list, unsigned char const at[16])
{
  size_t i;

  for (i = 0; i < list->n; i++)
    if (is_within(&list->v[i], at)) return true;
  return false;
}

bool
s2s_denies(struct s2s const *s, struct sockaddr const *sa)
{
  unsigned char at[16];
  struct sockaddr_in v4;
  struct sockaddr_in6 v6;

  if (sa->sa_family == AF_INET) {
    memcpy(&v4, sa, sizeof v4);
    map4(at, &v4.sin_addr);
  } else {
    memcpy(&v6, sa, sizeof v6);
    memcpy(at, &v6.sin6_addr, sizeof at);
  }
  return has(&s->denied, at) || (has(&s->never, at) && !has(&s->allowed, at));
}

/* ---- trust ---- */

static struct trust *
open_trust(struct s2s *s, char const *path)
{
  struct trust *t = calloc(1, sizeof *t);

  if (!t) return NULL;
  t->next = s->trusts;
  s->trusts = t;
  t->path = path;
  t->store = X509_STORE_new();
  if (!t->store) return NULL;
  if (*path) return X509_STORE_load_file(t->store, path) == 1 ? t : NULL;
  /* The system's folder is read certificate by certificate, as they are needed. */
  X509_STORE_set_default_paths(t->store);
  ERR_clear_error();
  return t;
}

X509_STORE *
s2s_trust(struct s2s *s, struct s2s_options const *o, char const *cafile)
{
  char const *path = o->cafile, *key = "s2s_cafile";
  struct trust *t;

  if (!path) path = cafile, key = "cafile";
  if (!path) path = s->ca_file, key = "ca_file";
  for (t = s->trusts; t && strcmp(t->path, path) != 0; t = t->next) {
  }
  if (!t) t = open_trust(s, path);
  if (t && t->store) return t->store;
  ERR_clear_error();
  settings_refuse(key, o->scope, path, ": no certificates in PEM", NULL);
  return NULL;
}

/* ---- scopes ---- */

static char const *const keys[] = {"s2s_ciphers",
                                   "s2s_protocol_options",
                                   "s2s_dhfile",
                                   "s2s_cafile",
                                   "outgoing_s2s_timeout",
                                   "outgoing_s2s_ipv4_address",
                                   "outgoing_s2s_ipv6_address"};

static struct s2s_options *
find(struct s2s const *s, struct slice scope)
{
  size_t i;

  for (i = 0; i < s->n; i++)
    if (slice_eq(s->v[i].scope, scope)) return &s->v[i];
  return NULL;
}

static bool
add_scope(struct s2s *s, struct slice scope)
{
  struct s2s_options *v;

  if (find(s, scope)) return true;
  v = realloc(s->v, (s->n + 1) * sizeof *v);
  if (!v) return false;
  s->v = v;
  memset(&v[s->n], 0, sizeof *v);
  v[s->n++].scope = scope;
  return true;
}

static bool
add_scopes(struct s2s *s)
{
  struct settings_row const *row = NULL;
  size_t i;

  if (!add_scope(s, SLICE("*"))) return false;
  for (i = 0; i < sizeof keys / sizeof *keys; i++)
    while ((row = settings_next(s->settings, keys[i], row)))
      if (!add_scope(s, row->scope)) return false;
  return true;
}

/* Text of a setting, or NULL when it is not said. */
static char const *
text_of(struct s2s const *s, char const *key, struct slice scope)
{
  struct slice text = settings_get(s->settings, key, scope);

  return text.len ? text.s : NULL;
}

static bool
read_sources(struct s2s *s, struct s2s_options *o)
{
  char const *v4 = text_of(s, "outgoing_s2s_ipv4_address", o->scope);
  char const *v6 = text_of(s, "outgoing_s2s_ipv6_address", o->scope);

  o->from4.sin_family = AF_INET;
  o->from6.sin6_family = AF_INET6;
  o->has_from4 = v4 && inet_pton(AF_INET, v4, &o->from4.sin_addr) == 1;
  o->has_from6 = v6 && inet_pton(AF_INET6, v6, &o->from6.sin6_addr) == 1;
  if (v4 && !o->has_from4)
    settings_refuse("outgoing_s2s_ipv4_address", o->scope, "no address: ", v4, NULL);
  else if (v6 && !o->has_from6)
    settings_refuse("outgoing_s2s_ipv6_address", o->scope, "no address: ", v6, NULL);
  return o->has_from4 == !!v4 && o->has_from6 == !!v6;
}

static bool
read_scope(struct s2s *s, struct s2s_options *o)
{
  struct slice words = settings_get(s->settings, "s2s_protocol_options", o->scope);

  o->ciphers = text_of(s, "s2s_ciphers", o->scope);
  o->dhfile = text_of(s, "s2s_dhfile", o->scope);
  o->cafile = text_of(s, "s2s_cafile", o->scope);
  o->timeout_us = settings_us(s->settings, "outgoing_s2s_timeout", o->scope);
  o->has_protocol = words.len;
  if (!tls_words_read("s2s_protocol_options", o->scope, words, &o->options,
                      &o->min_version) ||
      !read_sources(s, o))
    return false;
  o->client = context_new_client(s, o);
  return o->client != NULL;
}

static bool
has_servers(struct settings const *st)
{
  struct settings_row const *row = NULL;

  while ((row = settings_next(st, "connect", row)))
    if (slice_starts(row->value[0], "s2sd")) return true;
  return false;
}

static bool
read_all(struct s2s *s)
{
  char const *ca_file = text_of(s, "ca_file", SLICE("*"));
  size_t i;

  s->ca_file = ca_file ? ca_file : "";
  if (!has_servers(s->settings)) return true;
  if (!read_ranges(s) || !add_scopes(s)) return false;
  for (i = 0; i < s->n; i++)
    if (!read_scope(s, &s->v[i])) return false;
  return true;
}

struct s2s *
s2s_read(struct settings *st)
{
  struct s2s *s = calloc(1, sizeof *s);

  if (!s) return NULL;
  s->settings = st;
  if (read_all(s)) return s;
  s2s_free(s);
  return NULL;
}

void
s2s_free(struct s2s *s)
{
  struct trust *t, *next;
  size_t i;

  if (!s) return;
  for (i = 0; i < s->n; i++)
    SSL_CTX_free(s->v[i].client);
  for (t = s->trusts; t; t = next) {
    next = t->next;
    X509_STORE_free(t->store);
    free(t);
  }
  free(s->v);
  free(s->never.v);
  free(s->allowed.v);
  free(s->denied.v);
  free(s);
}

void
s2s_take(struct s2s *s)
{
  s2s_free(s2s_now);
  s2s_now = s;
}

/* Give the host whose service is called name by the configuration, or name. */
static struct slice
owner_of(struct s2s const *s, struct slice name)
{
  struct slice owner = settings_get(s->settings, "belongs", name);

  return owner.len ? owner : name;
}

/* Give the host that is domain or has it as a service, by either form of its name, or the next above it;
 * empty: none. */
static struct slice
host_of(struct s2s const *s, struct slice domain)
{
  struct settings_row const *row;
  struct slice label;

  domain = owner_of(s, domain);
  do {
    for (row = NULL; (row = settings_next(s->settings, "host", row));)
      if (slice_eq(row->value[0], domain)) return domain;
    for (row = NULL; (row = settings_next(s->settings, "ascii", row));)
      if (slice_eq(row->value[0], domain)) return owner_of(s, row->scope);
  } while (slice_word(&domain, '.', &label));
  return SLICE("");
}

struct s2s_options *
s2s_of(struct s2s const *s, struct slice domain)
{
  struct s2s_options *o;

  if (!s || !s->n) return NULL;
  o = s->n > 1 ? find(s, host_of(s, domain)) : NULL;
  return o ? o : &s->v[0];
}
