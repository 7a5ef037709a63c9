#include "captcha.h"
#include "registerd.h"
#include "web.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

char const *const registerd_needs[] = {
  "auth_method",
  "captcha",
  "captcha_cmd",
  "invites.access_invite",
  "mod_invites.access_create_account",
  "mod_invites.landing_page",
  "mod_invites.max_invites",
  "mod_invites.token_expire_seconds",
  "mod_register.access",
  "mod_register.access_from",
  "mod_register.access_remove",
  "mod_register.captcha_protected",
  "mod_register.ip_access",
  "mod_register.password_strength",
  "registration_burst",
  "registration_timeout",
  "reserved_names",
  NULL,
};

struct registerd_settings registerd;

static struct slice
host_key(void const *item)
{
  return ((struct host const *)item)->name;
}

static size_t
count_hosts(struct settings const *st)
{
  struct settings_row const *row = NULL;
  size_t n = 0;

  while ((row = settings_next(st, "host", row)))
    n++;
  return n;
}

static void
read_welcome(struct host *h, struct settings const *st)
{
  struct settings_row const *row = NULL;

  while ((row = settings_next(st, "mod_register.welcome_message", row)))
    if (slice_eq(row->scope, h->name)) {
      h->subject = row->value[0];
      h->body = row->value[1];
    }
}

/* The address of the pages of a handler of web listeners; empty: none has it. */
static struct slice
page_of(struct settings const *st, char const *handler)
{
  struct settings_row const *row = NULL;

  while ((row = settings_next(st, "page", row)))
    if (slice_is(row->value[0], handler)) return row->value[1];
  return SLICE("");
}

static void
read_invites(struct host *h, struct settings const *st, struct slice name)
{
  h->invites = settings_has(st, "module", name, "mod_invites");
  h->access_invite = settings_get(st, "invites.access_invite", SLICE("*"));
  h->access_create = settings_get(st, "mod_invites.access_create_account", name);
  h->landing_page = settings_get(st, "mod_invites.landing_page", name);
  if (slice_is(h->landing_page, "auto")) h->landing_page = page_of(st, "mod_invites");
  h->max_invites = settings_u64(st, "mod_invites.max_invites", name);
  h->invite_s = settings_u64(st, "mod_invites.token_expire_seconds", name);
}

/* allow_modules counts for those who have no invitation. */
static void
read_ways(struct host *h, struct settings const *st, struct slice name)
{
  struct slice words = settings_get(st, "mod_register.allow_modules", name);
  bool all = !words.len || slice_has_word(words, SLICE("all"));

  h->in_band = all || slice_has_word(words, SLICE("mod_register"));
  h->by_web = all || slice_has_word(words, SLICE("mod_register_web"));
}

static void
read_host(struct host *h, struct settings const *st, struct slice name)
{
  h->name = name;
  h->registers = settings_has(st, "module", name, "mod_register");
  read_ways(h, st, name);
  h->access = settings_get(st, "mod_register.access", name);
  h->access_from = settings_get(st, "mod_register.access_from", name);
  h->access_remove = settings_get(st, "mod_register.access_remove", name);
  h->ip_access = settings_get(st, "mod_register.ip_access", name);
  h->redirect_url = settings_get(st, "mod_register.redirect_url", name);
  h->watchers = settings_get(st, "mod_register.registration_watchers", name);
  h->strength = strtod(settings_get(st, "mod_register.password_strength", name).s, NULL);
  h->captcha = settings_bool(st, "mod_register.captcha_protected", name);
  h->captcha_page = settings_get(st, "captcha_url", name);
  if (!h->captcha_page.len || slice_is(h->captcha_page, "auto"))
    h->captcha_page = page_of(st, "ejabberd_captcha");
  read_welcome(h, st);
  read_invites(h, st, name);
}

/* false: ENOMEM. */
static bool
read_hosts(struct registerd_settings *m)
{
  struct settings_row const *row = NULL;
  struct host *h;

  m->hosts = calloc(count_hosts(m->st) + 1, sizeof *m->hosts);
  if (!m->hosts) return false;
  while ((row = settings_next(m->st, "host", row))) {
    if (table_get(&m->by_name, row->value[0])) continue;
    h = m->hosts + m->n++;
    read_host(h, m->st, row->value[0]);
    if (!table_put(&m->by_name, h)) return false;
  }
  return true;
}

/* The program that draws: xmpp-captcha lies beside this one. NULL: ENOMEM. */
static char *
captcha_path(struct slice cmd, bool *is_ours)
{
  char path[512], *slash;
  ssize_t n;

  *is_ours = !memchr(cmd.s, '/', cmd.len);
  if (!*is_ours) return slice_dup(cmd);
  n = readlink("/proc/self/exe", path, sizeof path - 32);
  path[n < 0 ? 0 : n] = 0;
  slash = strrchr(path, '/');
  snprintf(slash ? slash + 1 : path, 32, "xmpp-captcha");
  return slice_dup(slice_str(path));
}

static void
wipe(struct registerd_settings *m)
{
  access_free(m->access);
  free(m->hosts);
  free(m->captcha_path);
  table_wipe(&m->by_name);
}

void
registerd_drop(void *fresh)
{
  wipe(fresh);
  free(fresh);
}

void *
registerd_read(struct settings *st)
{
  struct registerd_settings *m = calloc(1, sizeof *m);

  if (!m) return NULL;
  m->st = st;
  m->by_name = (struct table){.key = host_key};
  m->timeout_us = settings_us(st, "registration_timeout", SLICE("*"));
  m->challenges_max = settings_limit(st, "challenges_max", CHALLENGES_MAX);
  m->captcha_limit = settings_u64(st, "captcha_limit", SLICE("*"));
  m->captcha_asks = slice_is(settings_get(st, "captcha", SLICE("*")), "question");
  m->captcha_path =
    captcha_path(settings_get(st, "captcha_cmd", SLICE("*")), &m->captcha_is_ours);
  m->burst = settings_u64(st, "registration_burst", SLICE("*"));
  m->access = access_load(st);
  if (m->access && m->captcha_path && read_hosts(m) && words_hold(st)) return m;
  registerd_drop(m);
  return NULL;
}

void
registerd_take(void *fresh, bool first)
{
  struct registerd_settings *m = fresh;

  wipe(&registerd);
  registerd = *m;
  free(m);
  words_take(registerd.st);
  if (!first) captcha_try();
}

struct host const *
registerd_host(struct slice name)
{
  return table_get(&registerd.by_name, name);
}

bool
registerd_allows(struct host const *h, struct slice rule, struct jid const *who,
                 struct slice ip)
{
  struct access_who w = {who->local, who->domain, who->resource, ip};

  return access_allows(registerd.access, rule, h->name, &w);
}

/* An unknown address is denied. */
bool
registerd_allows_ip(struct host const *h, struct slice ip)
{
  struct access_who w = {SLICE(""), SLICE(""), SLICE(""), ip};

  return ip.len && access_allows(registerd.access, h->ip_access, h->name, &w);
}

/* Administrators are those whom a list admin has by user. */
static bool
is_admin(struct host const *h, struct slice name)
{
  struct settings_row const *row = NULL;

  while ((row = settings_next(registerd.st, "acl", row)))
    if (slice_is(row->value[0], "admin") && slice_is(row->value[1], "user") &&
        slice_eq(row->value[2], name) &&
        (!row->value[3].len || slice_eq(row->value[3], h->name)))
      return true;
  return false;
}

bool
registerd_reserves(struct host const *h, struct slice name)
{
  return slice_has_word(settings_get(registerd.st, "reserved_names", SLICE("*")), name) ||
         is_admin(h, name);
}
