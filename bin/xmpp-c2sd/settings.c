#include "settings.h"
#include "stream.h"

#include <stdlib.h>
#include <string.h>

/* Hosts and listeners stay where they are over a reload, for streams point to them: changed
 * ones are changed in place, removed ones stay as long as the process. */

struct c2sd_settings c2sd;

struct host *
c2sd_known_host(struct slice name)
{
  struct host *h;

  for (h = c2sd.hosts; h; h = h->next)
    if (slice_is_nocase(name, h->name)) return h;
  return NULL;
}

struct host *
c2sd_host(struct slice name)
{
  struct host *h = c2sd_known_host(name);

  return h && h->served ? h : NULL;
}

struct host *
c2sd_first_host(void)
{
  struct host *h;

  for (h = c2sd.hosts; h && !h->served; h = h->next) {
  }
  return h;
}

struct listener const *
c2sd_listener(struct slice name)
{
  static struct listener const strict = {.max_stanza_size = 65536,
                                         .queue_max = UINT64_MAX,
                                         .starttls = true,
                                         .starttls_required = true};
  struct listener const *ln;

  for (ln = c2sd.listeners; ln; ln = ln->next)
    if (slice_is(name, ln->name)) return ln;
  return &strict;
}

static bool
add_host(struct slice name)
{
  struct host *h, **at;

  if (c2sd_known_host(name)) return true;
  h = calloc(1, sizeof *h);
  if (!h) return false;
  h->name = strndup(name.s, name.len);
  for (at = &c2sd.hosts; *at; at = &(*at)->next) {
  }
  *at = h;
  return h->name != NULL;
}

/* Settings have milliseconds. */
static uint64_t
us(struct settings const *st, char const *key, struct slice host, uint64_t dflt_ms)
{
  struct slice text = settings_get(st, key, host);
  uint64_t ms;

  if (slice_is(text, "infinity")) return UINT64_MAX;
  if (!slice_u64(text, &ms)) ms = dflt_ms;
  return ms < UINT64_MAX / 1000 ? ms * 1000 : UINT64_MAX;
}

/* A setting that is true unless it says otherwise. */
static bool
not_false(struct settings const *st, char const *key, struct slice host)
{
  return !slice_is(settings_get(st, key, host), "false");
}

/* A number, or infinity. */
static uint64_t
most(struct settings const *st, char const *key, struct slice host, uint64_t dflt)
{
  if (slice_is(settings_get(st, key, host), "infinity")) return UINT64_MAX;
  return settings_u64(st, key, host, dflt);
}

static void
read_modules(struct settings const *st, struct host *h)
{
  struct slice name = slice_str(h->name);

  h->carbons = settings_has(st, "module", name, "mod_carboncopy");
  h->roster = settings_has(st, "module", name, "mod_roster");
  h->roster_versions = h->roster && settings_bool(st, "mod_roster.versioning", name);
  h->csi = settings_has(st, "module", name, "mod_client_state");
  h->csi_presence = not_false(st, "mod_client_state.queue_presence", name);
  h->csi_chat_states = not_false(st, "mod_client_state.queue_chat_states", name);
  h->csi_pep = not_false(st, "mod_client_state.queue_pep", name);
  h->pings = settings_has(st, "module", name, "mod_ping") &&
             settings_bool(st, "mod_ping.send_pings", name);
  h->ping_kills = slice_is(settings_get(st, "mod_ping.timeout_action", name), "kill");
  h->ping_us = us(st, "mod_ping.ping_interval", name, 60000);
  h->pong_us = us(st, "mod_ping.ping_ack_timeout", name, 32000);
  h->sm = settings_has(st, "module", name, "mod_stream_mgmt");
  h->resume_us = us(st, "mod_stream_mgmt.resume_timeout", name, 300000);
  h->resume_max_us =
    us(st, "mod_stream_mgmt.max_resume_timeout", name, h->resume_us / 1000);
  h->ack_us = us(st, "mod_stream_mgmt.ack_timeout", name, 60000);
  h->queue_max = most(st, "mod_stream_mgmt.max_ack_queue", name, 5000);
  h->ended_max = most(st, "mod_stream_mgmt.cache_size", name, 4096);
  h->ended_us = us(st, "mod_stream_mgmt.cache_life_time", name, 48u * 3600 * 1000);
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
  uint64_t own;

  if (!ln) return false;
  ln->max_stanza_size = settings_u64(st, "max_stanza_size", scope, STANZA_MAX);
  if (ln->max_stanza_size > STANZA_MAX) ln->max_stanza_size = STANZA_MAX;
  /* The value of the listener and the value of the whole server: the smaller holds. */
  ln->queue_max = settings_u64(st, "max_fsm_queue", SLICE("*"), UINT64_MAX);
  own = settings_u64(st, "max_fsm_queue", scope, UINT64_MAX);
  if (own < ln->queue_max) ln->queue_max = own;
  if (!set_text(&ln->access, settings_get(st, "access", scope)) ||
      !set_text(&ln->shaper, settings_get(st, "shaper", scope)))
    return false;
  ln->starttls = slice_is(tls, "starttls") || slice_is(tls, "starttls_required");
  ln->starttls_required = slice_is(tls, "starttls_required");
  return true;
}

static bool
is_listed(struct settings const *st, struct host const *h)
{
  struct settings_row const *row = NULL;

  while ((row = settings_next(st, "host", row)))
    if (slice_is_nocase(row->value[0], h->name)) return true;
  return false;
}

/* RFC 6120 s4.9.3.5: the host is not served any more. */
static void
end_of_host(struct stream *s)
{
  if (s->host && !s->host->served) stream_error(s, "host-gone", NULL);
}

/* Only when nothing else of a reload has failed. */
static void
serve_hosts(struct settings const *st)
{
  struct host *h;
  bool gone = false;

  for (h = c2sd.hosts; h; h = h->next) {
    bool was = h->served;
    h->served = is_listed(st, h);
    gone = gone || (was && !h->served);
  }
  if (gone) stream_each(end_of_host);
}

bool
c2sd_load(struct settings *st, bool first)
{
  struct settings_row const *row = NULL;
  struct slice lang = settings_get(st, "language", SLICE("*"));
  struct access *access;
  struct host *h;

  (void)first;
  if (!settings_next(st, "host", NULL)) {
    log_event(LOG_WARN, "bad-settings", "why", "no host", NULL);
    return false;
  }
  while ((row = settings_next(st, "host", row)))
    if (!add_host(row->value[0])) return false;
  for (h = c2sd.hosts; h; h = h->next)
    read_modules(st, h);
  row = NULL;
  while ((row = settings_next(st, "listener", row)))
    if (!read_listener(st, row->scope)) return false;
  access = access_load(st);
  if (!access) return false;
  access_free(c2sd.access);
  c2sd.access = access;
  free(c2sd.language);
  c2sd.language = lang.len ? strndup(lang.s, lang.len) : strdup("en");
  c2sd.sm_bytes_max =
    settings_u64(st, "sm_queue_bytes_max", SLICE("*"), SM_QUEUE_BYTES_MAX);
  c2sd.kept_max = settings_u64(st, "streams_kept_max", SLICE("*"), STREAMS_KEPT_MAX);
  c2sd.negotiation_us = 1000 * settings_u64(st, "negotiation_timeout", SLICE("*"), 30000);
  if (!c2sd.language) return false;
  serve_hosts(st);
  return true;
}
