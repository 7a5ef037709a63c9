#include "settings.h"

#include <stdlib.h>
#include <string.h>

/* Settings are taken whole. Streams and pairs know hosts and listeners by name. */

struct s2sd_settings *s2sd;

char const *const s2sd_needs[] = {"language",
                                  "max_fsm_queue",
                                  "max_stanza_size",
                                  "mod_s2s_dialback.access",
                                  "negotiation_timeout",
                                  "s2s_access",
                                  "s2s_max_retry_delay",
                                  "s2s_timeout",
                                  "s2s_use_starttls",
                                  NULL};

/* ---- looking up ---- */

struct listener const *
settings_listener(struct slice name)
{
  struct listener const *ln;

  for (ln = s2sd->listeners; ln && !slice_is(name, ln->name); ln = ln->next) {
  }
  return ln;
}

struct host const *
settings_host(struct slice name)
{
  struct host const *h;

  for (h = s2sd->hosts; h && !slice_is_nocase(name, h->name); h = h->next) {
  }
  return h;
}

struct host const *
settings_host_of(struct slice domain)
{
  struct slice rest = domain, label;
  struct slice owner = settings_get(s2sd->settings, "belongs", domain);
  struct host const *h = settings_host(owner.len ? owner : domain);

  while (!h && slice_word(&rest, '.', &label) && rest.len)
    h = settings_host(rest);
  return h ? h : s2sd->hosts;
}

bool
settings_admits(struct host const *h, struct slice remote)
{
  struct access_who const who = {.domain = remote};

  return access_allows(s2sd->access, slice_str(h->access), slice_str(h->name), &who);
}

bool
settings_dialback(struct host const *h, struct slice remote)
{
  struct access_who const who = {.domain = remote};

  return h->dialback_access && access_allows(s2sd->access, slice_str(h->dialback_access),
                                             slice_str(h->name), &who);
}

/* ---- reading ---- */

/* An empty text is NULL. false: ENOMEM. */
static bool
set_text(char **at, struct slice text)
{
  *at = text.len ? slice_dup(text) : NULL;
  return *at || !text.len;
}

static bool
read_host(struct host *h, struct settings const *st, struct slice name)
{
  struct slice tls = settings_get(st, "s2s_use_starttls", name);
  bool trusted = slice_is(tls, "required_trusted");
  bool dialback = settings_has(st, "module", name, "mod_s2s_dialback");

  h->tls = trusted || slice_is(tls, "required") ? TLS_REQUIRED
           : slice_is(tls, "false")             ? TLS_OFF
                                                : TLS_OPTIONAL;
  if (trusted && dialback)
    log_event(LOG_WARN, "setting-without-effect", "key", "mod_s2s_dialback", "host",
              log_text(name), "why", "s2s_use_starttls is required_trusted", NULL);
  h->bidi = settings_has(st, "module", name, "mod_s2s_bidi");
  h->idle_us = settings_us(st, "s2s_timeout", name);
  h->retry_max_us = settings_us(st, "s2s_max_retry_delay", name);
  h->queue_max = settings_u64(st, "max_fsm_queue", name);
  return set_text(&h->name, name) &&
         set_text(&h->access, settings_get(st, "s2s_access", name)) &&
         (trusted || !dialback ||
          set_text(&h->dialback_access,
                   settings_get(st, "mod_s2s_dialback.access", name)));
}

static bool
read_hosts(struct s2sd_settings *f, struct settings const *st)
{
  struct settings_row const *row = NULL;
  struct host **at = &f->hosts;

  while ((row = settings_next(st, "host", row))) {
    *at = calloc(1, sizeof **at);
    if (!*at || !read_host(*at, st, row->value[0])) return false;
    if ((*at)->queue_max < f->queue_least) f->queue_least = (*at)->queue_max;
    at = &(*at)->next;
  }
  if (f->hosts) return true;
  settings_refuse("host", SLICE("*"), "there is no host", NULL);
  return false;
}

static size_t
stanza_size(struct settings const *st, struct slice scope)
{
  uint64_t n = settings_u64(st, "max_stanza_size", scope);

  return n < STANZA_MAX ? (size_t)n : STANZA_MAX;
}

static bool
read_listeners(struct s2sd_settings *f, struct settings const *st)
{
  struct settings_row const *row = NULL;
  struct listener *ln;

  while ((row = settings_next(st, "listener", row))) {
    if (!slice_is(row->value[2], "s2s")) continue;
    ln = calloc(1, sizeof *ln);
    if (!ln) return false;
    ln->next = f->listeners;
    f->listeners = ln;
    ln->max_stanza_size = stanza_size(st, row->scope);
    if (!set_text(&ln->name, row->scope) ||
        !set_text(&ln->shaper, settings_get(st, "shaper", row->scope)))
      return false;
  }
  return true;
}

static void
read_limits(struct s2sd_settings *f, struct settings const *st)
{
  f->max_stanza_size = stanza_size(st, SLICE("*"));
  f->negotiation_us = settings_us(st, "negotiation_timeout", SLICE("*"));
  f->queue_least = UINT64_MAX;
  f->queue_bytes = settings_limit(st, "s2s_queue_bytes", S2S_QUEUE_BYTES);
  f->queued_bytes = settings_limit(st, "s2s_queued", S2S_QUEUED);
  f->before_auth_max = settings_limit(st, "s2s_before_auth", S2S_BEFORE_AUTH);
  f->per_address_max = settings_limit(st, "s2s_per_address", S2S_PER_ADDRESS);
  f->dials_max = settings_limit(st, "s2s_dials", S2S_DIALS);
  f->dials_waiting = settings_limit(st, "s2s_dials_waiting", S2S_DIALS_WAITING);
  f->pairs_max = settings_limit(st, "s2s_pairs", S2S_PAIRS);
  f->left_max = settings_limit(st, "s2s_left", S2S_LEFT);
}

void *
settings_fresh(struct settings *st)
{
  struct s2sd_settings *f = calloc(1, sizeof *f);

  if (!f) return NULL;
  f->settings = st;
  f->access = access_load(st);
  read_limits(f, st);
  if (f->access && read_hosts(f, st) && read_listeners(f, st) &&
      set_text(&f->language, settings_get(st, "language", SLICE("*"))))
    return f;
  settings_free(f);
  return NULL;
}

void
settings_free(void *fresh)
{
  struct s2sd_settings *f = fresh;
  struct listener *ln;
  struct host *h;

  while ((h = f->hosts)) {
    f->hosts = h->next;
    free(h->name);
    free(h->access);
    free(h->dialback_access);
    free(h);
  }
  while ((ln = f->listeners)) {
    f->listeners = ln->next;
    free(ln->name);
    free(ln->shaper);
    free(ln);
  }
  access_free(f->access);
  free(f->language);
  free(f);
}
