#include "c2sd.h"

#include <stdlib.h>
#include <string.h>

/* Hosts and listeners stay where they are over a reload, for streams point to them: changed
 * ones are changed in place, removed ones stay as long as the process. */

struct c2sd_settings c2sd;

struct host *
c2sd_host(struct slice name)
{
  struct host *h;

  for (h = c2sd.hosts; h; h = h->next)
    if (slice_is_nocase(name, h->name)) return h;
  return NULL;
}

struct listener const *
c2sd_listener(struct slice name)
{
  static struct listener const strict = {
    .max_stanza_size = 65536, .starttls = true, .starttls_required = true};
  struct listener const *ln;

  for (ln = c2sd.listeners; ln; ln = ln->next)
    if (slice_is(name, ln->name)) return ln;
  return &strict;
}

static bool
add_host(struct slice name)
{
  struct host *h, **at;

  if (c2sd_host(name)) return true;
  h = calloc(1, sizeof *h);
  if (!h) return false;
  h->name = strndup(name.s, name.len);
  for (at = &c2sd.hosts; *at; at = &(*at)->next) {
  }
  *at = h;
  return h->name != NULL;
}

static struct listener *
listener_named(struct slice name)
{
  struct listener *ln, **at;

  for (at = &c2sd.listeners; (ln = *at); at = &ln->next)
    if (slice_is(name, ln->name)) return ln;
  ln = calloc(1, sizeof *ln);
  if (!ln) return NULL;
  ln->name = strndup(name.s, name.len);
  *at = ln;
  return ln->name ? ln : NULL;
}

static bool
set_text(char **at, struct slice text)
{
  free(*at);
  *at = text.len ? strndup(text.s, text.len) : NULL;
  return *at || !text.len;
}

static bool
read_listener(struct settings const *st, struct slice scope)
{
  struct listener *ln = listener_named(scope);
  struct slice tls = settings_get(st, "tls", scope);

  if (!ln) return false;
  ln->max_stanza_size = settings_u64(st, "max_stanza_size", scope, STANZA_MAX);
  if (ln->max_stanza_size > STANZA_MAX) ln->max_stanza_size = STANZA_MAX;
  if (!set_text(&ln->access, settings_get(st, "access", scope)) ||
      !set_text(&ln->shaper, settings_get(st, "shaper", scope)))
    return false;
  ln->starttls = slice_is(tls, "starttls") || slice_is(tls, "starttls_required");
  ln->starttls_required = slice_is(tls, "starttls_required");
  return true;
}

bool
c2sd_load(struct settings *st, bool first)
{
  struct settings_row const *row = NULL;
  struct slice lang = settings_get(st, "language", SLICE("*"));
  struct access *access;

  (void)first;
  if (!settings_next(st, "host", NULL)) {
    log_event(LOG_WARN, "bad-settings", "why", "no host", NULL);
    return false;
  }
  while ((row = settings_next(st, "host", row)))
    if (!add_host(row->value[0])) return false;
  row = NULL;
  while ((row = settings_next(st, "listener", row)))
    if (!read_listener(st, row->scope)) return false;
  access = access_load(st);
  if (!access) return false;
  access_free(c2sd.access);
  c2sd.access = access;
  free(c2sd.language);
  c2sd.language = lang.len ? strndup(lang.s, lang.len) : strdup("en");
  c2sd.negotiation_us = 1000 * settings_u64(st, "negotiation_timeout", SLICE("*"), 30000);
  return c2sd.language != NULL;
}
