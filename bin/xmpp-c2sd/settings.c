#include "settings.h"

#include <stdlib.h>
#include <string.h>

char const *const c2sd_needs[] = {
  "access",
  "auth_method",
  "language",
  "max_fsm_queue",
  "max_stanza_size",
  "mod_client_state.queue_chat_states",
  "mod_client_state.queue_pep",
  "mod_client_state.queue_presence",
  "mod_ping.ping_ack_timeout",
  "mod_ping.ping_interval",
  "mod_ping.send_pings",
  "mod_ping.timeout_action",
  "mod_register.access",
  "mod_register.ip_access",
  "mod_roster.versioning",
  "mod_stream_mgmt.ack_timeout",
  "mod_stream_mgmt.cache_life_time",
  "mod_stream_mgmt.cache_size",
  "mod_stream_mgmt.max_ack_queue",
  "mod_stream_mgmt.resume_timeout",
  "negotiation_timeout",
  "pre_auth_max_stanza_elements",
  "push_presence",
  NULL,
};

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
                                         .early_size = STANZA_MAX_BEFORE_AUTH,
                                         .early_elements = 32,
                                         .queue_max = UINT64_MAX,
                                         .starttls = true,
                                         .starttls_required = true};
  struct listener const *ln;

  for (ln = c2sd.listeners; ln; ln = ln->next)
    if (slice_is(name, ln->name)) return ln;
  return &strict;
}

static void
read_modules(struct settings const *st, struct host *h)
{
  struct slice name = slice_str(h->name);

  h->registers = settings_has(st, "module", name, "mod_register");
  h->invites = settings_has(st, "module", name, "mod_invites");
  h->mam = settings_has(st, "module", name, "mod_mam");
  h->carbons = settings_has(st, "module", name, "mod_carboncopy");
  h->roster = settings_has(st, "module", name, "mod_roster");
  h->roster_versions = h->roster && settings_bool(st, "mod_roster.versioning", name);
  h->csi = settings_has(st, "module", name, "mod_client_state");
  h->push = settings_has(st, "module", name, "mod_push");
  h->csi_presence = settings_bool(st, "mod_client_state.queue_presence", name);
  h->csi_chat_states = settings_bool(st, "mod_client_state.queue_chat_states", name);
  h->csi_pep = settings_bool(st, "mod_client_state.queue_pep", name);
  h->pings = settings_has(st, "module", name, "mod_ping") &&
             settings_bool(st, "mod_ping.send_pings", name);
  h->ping_kills = slice_is(settings_get(st, "mod_ping.timeout_action", name), "kill");
  h->ping_us = settings_us(st, "mod_ping.ping_interval", name);
  h->pong_us = settings_us(st, "mod_ping.ping_ack_timeout", name);
  h->sm = settings_has(st, "module", name, "mod_stream_mgmt");
  h->resume_us = settings_us(st, "mod_stream_mgmt.resume_timeout", name);
  h->resume_max_us = settings_get(st, "mod_stream_mgmt.max_resume_timeout", name).len
                       ? settings_us(st, "mod_stream_mgmt.max_resume_timeout", name)
                       : h->resume_us;
  if (!h->resume_max_us) h->resume_us = 0;
  h->ack_us = settings_us(st, "mod_stream_mgmt.ack_timeout", name);
  h->queue_max = settings_u64(st, "mod_stream_mgmt.max_ack_queue", name);
  h->ended_max = settings_u64(st, "mod_stream_mgmt.cache_size", name);
  h->ended_us = settings_us(st, "mod_stream_mgmt.cache_life_time", name);
}

static enum veil
read_veil(struct slice word)
{
  if (slice_is(word, "away")) return VEIL_AWAY;
  return slice_is(word, "offline") ? VEIL_OFFLINE : VEIL_NONE;
}

/* An empty text is NULL. false: ENOMEM. */
static bool
set_text(char **at, struct slice text)
{
  *at = text.len ? slice_dup(text) : NULL;
  return *at || !text.len;
}

/* 0: no limit. */
static unsigned int
count_of(struct settings const *st, char const *key, struct slice scope)
{
  uint64_t n = settings_u64(st, key, scope);

  return n < UINT32_MAX ? (unsigned int)n : 0;
}

static void
read_stanza_limits(struct listener *ln, struct settings const *st, struct slice scope)
{
  ln->max_stanza_size = settings_u64(st, "max_stanza_size", scope);
  if (ln->max_stanza_size > STANZA_MAX) ln->max_stanza_size = STANZA_MAX;
  ln->early_size = settings_u64(st, "pre_auth_max_stanza_size", scope);
  if (!settings_get(st, "pre_auth_max_stanza_size", scope).len)
    ln->early_size = STANZA_MAX_BEFORE_AUTH;
  if (ln->early_size > STANZA_EARLY_MAX) ln->early_size = STANZA_EARLY_MAX;
  ln->elements_max = count_of(st, "max_stanza_elements", scope);
  ln->early_elements = count_of(st, "pre_auth_max_stanza_elements", scope);
}

static bool
read_listener(struct listener *ln, struct settings const *st, struct slice scope)
{
  struct slice tls = settings_get(st, "tls", scope);
  uint64_t own;

  read_stanza_limits(ln, st, scope);
  /* The value of the listener and the value of the whole server: the smaller holds. */
  ln->queue_max = settings_u64(st, "max_fsm_queue", SLICE("*"));
  own = settings_u64(st, "max_fsm_queue", scope);
  if (own < ln->queue_max) ln->queue_max = own;
  if (!set_text(&ln->name, scope) ||
      !set_text(&ln->access, settings_get(st, "access", scope)) ||
      !set_text(&ln->shaper, settings_get(st, "shaper", scope)))
    return false;
  ln->starttls = slice_is(tls, "starttls") || slice_is(tls, "starttls_required");
  ln->starttls_required = slice_is(tls, "starttls_required");
  ln->plain_sasl2 = slice_is(settings_get(st, "allow_unencrypted_sasl2", scope), "true");
  return true;
}

static bool
read_listeners(struct c2sd_settings *f, struct settings const *st)
{
  struct settings_row const *row = NULL;
  struct listener **at = &f->listeners;

  while ((row = settings_next(st, "listener", row))) {
    *at = calloc(1, sizeof **at);
    if (!*at || !read_listener(*at, st, row->scope)) return false;
    at = &(*at)->next;
  }
  return true;
}

static bool
read_hosts(struct c2sd_settings *f, struct settings const *st)
{
  struct settings_row const *row = NULL;
  struct host **at = &f->hosts;

  while ((row = settings_next(st, "host", row))) {
    *at = calloc(1, sizeof **at);
    if (!*at || !set_text(&(*at)->name, row->value[0])) return false;
    (*at)->served = true;
    read_modules(st, *at);
    (*at)->veil = read_veil(settings_get(st, "push_presence", SLICE("*")));
    at = &(*at)->next;
  }
  if (f->hosts) return true;
  settings_refuse("host", SLICE("*"), "there is no host", NULL);
  return false;
}

static void
read_limits(struct c2sd_settings *f, struct settings const *st)
{
  f->sm_bytes_max = settings_limit(st, "sm_queue_bytes_max", SM_QUEUE_BYTES_MAX);
  f->kept_max = settings_limit(st, "streams_kept_max", STREAMS_KEPT_MAX);
  f->negotiation_us = settings_us(st, "negotiation_timeout", SLICE("*"));
}

void *
c2sd_read(struct settings *st)
{
  struct c2sd_settings *f = calloc(1, sizeof *f);
  struct slice lang = settings_get(st, "language", SLICE("*"));

  if (!f) return NULL;
  f->access = access_load(st);
  read_limits(f, st);
  if (f->access && read_hosts(f, st) && read_listeners(f, st) &&
      set_text(&f->language, lang))
    return f;
  c2sd_drop(f);
  return NULL;
}

static void
free_host(struct host *h)
{
  free(h->name);
  free(h);
}

static void
free_listener(struct listener *ln)
{
  free(ln->name);
  free(ln->access); /* each is in one list, once; NOLINT(clang-analyzer-unix.Malloc) */
  free(ln->shaper);
  free(ln);
}

void
c2sd_drop(void *fresh)
{
  struct c2sd_settings *f = fresh;
  struct listener *ln;
  struct host *h;

  while ((h = f->hosts)) {
    f->hosts = h->next;
    free_host(h);
  }
  while ((ln = f->listeners)) {
    f->listeners = ln->next;
    free_listener(ln);
  }
  access_free(f->access);
  free(f->language);
  free(f);
}

/* ---- taking ---- */

/* The host that streams know keeps its place, its name, and what others have said of it. */
static void
host_becomes(struct host *h, struct host *fresh)
{
  struct host was = *h;

  *h = *fresh;
  h->next = was.next;
  h->name = was.name;
  h->mechanisms = was.mechanisms;
  h->fast = was.fast;
  h->upgrades = was.upgrades;
  h->node = was.node;
  h->ver = was.ver;
  h->ended = was.ended;
  h->ended_last = was.ended_last;
  h->ended_n = was.ended_n;
  free_host(fresh);
}

static void
take_hosts(struct host *fresh)
{
  struct host *h, *next, **at;

  for (h = c2sd.hosts; h; h = h->next)
    h->served = false;
  for (; fresh; fresh = next) {
    next = fresh->next;
    h = c2sd_known_host(slice_str(fresh->name));
    if (h) {
      host_becomes(h, fresh);
      continue;
    }
    for (at = &c2sd.hosts; *at; at = &(*at)->next) {
    }
    *at = fresh;
    fresh->next = NULL;
  }
}

static void
listener_becomes(struct listener *ln, struct listener *fresh)
{
  struct listener was = *ln;

  *ln = *fresh;
  ln->next = was.next;
  ln->name = was.name;
  fresh->access = was.access;
  fresh->shaper = was.shaper;
  free_listener(fresh);
}

static void
take_listeners(struct listener *fresh)
{
  struct listener *next, **at;

  for (; fresh; fresh = next) {
    next = fresh->next;
    for (at = &c2sd.listeners; *at; at = &(*at)->next)
      if (!strcmp((*at)->name, fresh->name)) break;
    if (*at) {
      listener_becomes(*at, fresh);
      continue;
    }
    *at = fresh;
    fresh->next = NULL;
  }
}

void
c2sd_take(void *fresh)
{
  struct c2sd_settings *f = fresh, was = c2sd;

  access_free(was.access);
  free(was.language);
  c2sd = *f;
  c2sd.hosts = was.hosts;
  c2sd.listeners = was.listeners;
  take_hosts(f->hosts);
  take_listeners(f->listeners);
  free(f);
}
