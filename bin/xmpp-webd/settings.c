#include "webd.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Rows are looked up where they are needed; what has to be read is read once. */

struct web *web;

char const *const web_needs[] = {"connections_per_address",
                                 "max_stanza_size",
                                 "mod_bosh.max_inactivity",
                                 "mod_bosh.max_pause",
                                 "mod_conversejs.bosh_service_url",
                                 "mod_conversejs.conversejs_css",
                                 "mod_conversejs.conversejs_script",
                                 "mod_conversejs.websocket_url",
                                 "mod_host_meta.bosh_service_url",
                                 "mod_host_meta.websocket_url",
                                 "mod_http_fileserver.default_content_type",
                                 "websocket_ping_interval",
                                 "websocket_timeout",
                                 NULL};

static bool
read_trusted(struct web *w)
{
  if (nets_add(&w->trusted, settings_get(w->st, "trusted_proxies", SLICE("*"))))
    return true;
  if (errno == EINVAL)
    settings_refuse("trusted_proxies", SLICE("*"), "no address or network", NULL);
  return false;
}

void *
settings_fresh(struct settings *st)
{
  struct web *w = calloc(1, sizeof *w);

  if (!w) return NULL;
  w->st = st;
  w->ping_us = settings_us(st, "websocket_ping_interval", SLICE("*"));
  w->timeout_us = settings_us(st, "websocket_timeout", SLICE("*"));
  w->streams_max = settings_u64(st, "connections_per_address", SLICE("*"));
  w->bosh_out_max = settings_limit(st, "bosh_out_max", BOSH_OUT_MAX);
  w->out_max = settings_limit(st, "out_max", LINK_HIGH_WATER + WEB_BODY_HIGH);
  w->requests_max = settings_limit(st, "requests_max", WEB_REQUESTS_MAX);
  w->has_origins = settings_next(st, "websocket_origin", NULL) != NULL;
  w->access = access_load(st);
  if (w->access && read_trusted(w)) return w;
  settings_free(w);
  return NULL;
}

void
settings_free(void *fresh)
{
  struct web *w = fresh;

  access_free(w->access);
  nets_wipe(&w->trusted);
  free(w);
}

/* ---- hosts ---- */

/* Say whether text is of the form of a pattern with * and ?. The one place to go back to is the last *. */
static bool
glob_holds(struct slice pattern, struct slice text)
{
  size_t p = 0, t = 0, star = SIZE_MAX, from = 0;

  while (t < text.len) {
    if (p < pattern.len && pattern.s[p] == '*') {
      star = p++;
      from = t;
    } else if (p < pattern.len && (pattern.s[p] == '?' || pattern.s[p] == text.s[t])) {
      p++;
      t++;
    } else if (star != SIZE_MAX) {
      p = star + 1;
      t = ++from;
    } else
      return false;
  }
  while (p < pattern.len && pattern.s[p] == '*')
    p++;
  return p == pattern.len;
}

static struct slice
ascii_of(struct slice host)
{
  struct slice ascii = settings_get(web->st, "ascii", host);

  return ascii.len ? ascii : host;
}

static bool
is_host(struct slice name, struct slice host)
{
  return slice_eq(name, host) || slice_eq(ascii_of(name), host);
}

/* The row of a served host, by either form of its name, or NULL. */
static struct settings_row const *
host_row(struct slice host)
{
  struct settings_row const *row = NULL;

  while ((row = settings_next(web->st, "host", row)))
    if (is_host(row->value[0], host)) break;
  return row;
}

static struct slice
alias_of(struct slice host)
{
  struct settings_row const *row = NULL;

  while ((row = settings_next(web->st, "hosts_alias", row)))
    if (glob_holds(row->value[0], host)) return row->value[1];
  return host;
}

struct slice
settings_host(struct slice listener, struct slice host)
{
  struct settings_row const *row = host_row(alias_of(host));

  if (!row) row = host_row(settings_get(web->st, "default_host", listener));
  if (!row) row = settings_next(web->st, "host", NULL);
  return row ? ascii_of(row->value[0]) : SLICE("");
}

struct slice
settings_host_name(struct slice ascii)
{
  struct settings_row const *row = host_row(ascii);

  return row ? row->value[0] : ascii;
}

struct slice
settings_served(struct slice name)
{
  char lower[HTTP_HOST_MAX];
  struct settings_row const *row;
  size_t i;

  if (name.len > sizeof lower) return (struct slice){NULL, 0};
  for (i = 0; i < name.len; i++)
    lower[i] =
      (char)(name.s[i] >= 'A' && name.s[i] <= 'Z' ? name.s[i] | 0x20 : name.s[i]);
  row = host_row(slice_of(lower, name.len));
  return row ? row->value[0] : (struct slice){NULL, 0};
}

/* ---- handlers ---- */

struct slice
settings_handler(struct slice listener, struct slice path, struct slice *base,
                 struct slice *rest)
{
  struct settings_row const *row = NULL;
  struct slice word = {NULL, 0}, left;
  size_t best = 0;

  while ((row = settings_next(web->st, "handler", row))) {
    if (!slice_eq(row->scope, listener) || (word.s && row->value[0].len < best) ||
        !http_path_below(path, row->value[0], &left))
      continue;
    word = row->value[1];
    best = row->value[0].len;
    *rest = left;
    *base = row->value[0];
  }
  return word;
}

/* ---- WebSocket ---- */

/* An origin without a port that its scheme implies, and without a slash at its end. */
static struct slice
plain_origin(struct slice o)
{
  if (o.len && o.s[o.len - 1] == '/') o.len--;
  if (slice_starts(o, "https://") && o.len > 4 && !memcmp(o.s + o.len - 4, ":443", 4))
    o.len -= 4;
  if (slice_starts(o, "http://") && o.len > 3 && !memcmp(o.s + o.len - 3, ":80", 3))
    o.len -= 3;
  return o;
}

bool
settings_has_origin(struct slice origin)
{
  struct slice list = settings_get(web->st, "websocket_origin", SLICE("*")), word;
  struct slice asked = plain_origin(origin), known;
  size_t i;

  while (slice_word(&list, ' ', &word)) {
    known = plain_origin(word);
    for (i = 0; i < known.len && known.len == asked.len; i++)
      if ((known.s[i] | 0x20) != (asked.s[i] | 0x20)) break;
    if (known.len == asked.len && i == known.len) return true;
  }
  return false;
}

uint64_t
settings_stanza_max(struct slice listener)
{
  uint64_t n = settings_u64(web->st, "max_stanza_size", listener);

  return n < STANZA_MAX ? n : STANZA_MAX;
}
