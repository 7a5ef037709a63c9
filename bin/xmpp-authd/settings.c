#include "fast.h"
#include "lacks.h"

#include <stdlib.h>
#include <string.h>

char const *const authd_needs[] = {
  "auth_method",
  "disable_sasl_scram_downgrade_protection",
  "mod_auth_fast.token_lifetime",
  "mod_auth_fast.token_refresh_age",
  "mod_fail2ban.access",
  "mod_fail2ban.c2s_auth_ban_lifetime",
  "mod_fail2ban.c2s_max_auth_failures",
  "mod_scram_upgrade.offered_upgrades",
  "removal_grace",
  "scram_iterations",
  NULL,
};

/* Mechanisms in the order of preference, each -PLUS variant before the plain one. */
static char const *const all[] = {
  "SCRAM-SHA-512-PLUS",
  "SCRAM-SHA-256-PLUS",
  "SCRAM-SHA-1-PLUS",
  "SCRAM-SHA-512",
  "SCRAM-SHA-256",
  "SCRAM-SHA-1",
  "PLAIN",
  "ANONYMOUS",
};

#define DAY_US (24 * 3600 * 1000000ull)

struct authd_settings authd;

struct host *
authd_host(struct slice name)
{
  struct host *h;

  for (h = authd.hosts; h; h = h->next)
    if (slice_is(name, h->name)) return h;
  return NULL;
}

bool
authd_offers(struct host const *h, struct slice mechanism)
{
  return slice_has_word(slice_str(h->mechanisms), mechanism);
}

/* disable_sasl_mechanisms: names by blanks, in any case. */
static bool
is_disabled(struct slice list, char const *name)
{
  struct slice word;

  while (slice_word(&list, ' ', &word))
    if (slice_is_nocase(word, name)) return true;
  return false;
}

static char *
mechanisms_without(struct slice disabled, struct host const *h)
{
  stralloc sa = STRALLOC_ZERO;
  bool anonymous, plain;
  size_t i;

  for (i = 0; i < sizeof all / sizeof *all; i++) {
    anonymous = !strcmp(all[i], "ANONYMOUS");
    plain = !strcmp(all[i], "PLAIN");
    if (is_disabled(disabled, all[i])) continue;
    if (anonymous ? !h->is_anonymous : !(h->is_internal || h->is_external)) continue;
    if (h->is_external && !anonymous && !plain) continue;
    if ((sa.len && !stralloc_catb(&sa, " ", 1)) || !stralloc_cats(&sa, all[i])) goto fail;
  }
  if (stralloc_0(&sa)) return sa.s;
fail:
  stralloc_free(&sa);
  return NULL;
}

static void
free_hosts(struct host *h)
{
  while (h) {
    struct host *next = h->next;
    free(h->name);
    free(h->all);
    free(h->mechanisms);
    free(h->upgrades);
    free(h->upgrades_wanted);
    free(h->fast);
    free(h->exempt);
    free(h);
    h = next;
  }
}

void
authd_drop(void *fresh)
{
  struct authd_settings *f = fresh;

  free_hosts(f->hosts);
  access_free(f->access);
  ban_wipe(&f->trusted);
  free(f);
}

/* Trusted is whom a ban until the end of time would shut out. "all" names nobody. */
static void
read_proxies(struct settings *st, struct bans *trusted)
{
  struct settings_row const *row = NULL;
  struct slice list, word;

  trusted->by_text.key = ban_key;
  while ((row = settings_next(st, "trusted_proxies", row)))
    for (list = row->value[0]; slice_word(&list, ' ', &word);)
      if (word.len) ban_put(trusted, word, UINT64_MAX, 0);
}

static void
read_bans(struct settings *st, struct host *h, struct slice name)
{
  h->exempt = slice_dup(settings_get(st, "mod_fail2ban.access", name));
  if (!settings_has(st, "module", name, "mod_fail2ban")) return;
  h->most_failures = settings_u64(st, "mod_fail2ban.c2s_max_auth_failures", name);
  h->ban_life_us = settings_us(st, "mod_fail2ban.c2s_auth_ban_lifetime", name);
}

/* A host whose passwords a program outside checks has no tokens: authd would not hear that such a
 * password was changed, and could not end them. */
static void
read_fast(struct settings *st, struct host *h, struct slice name, struct slice disabled)
{
  bool has = h->is_internal && settings_has(st, "module", name, "mod_auth_fast");

  h->fast = has ? fast_mechanisms(disabled) : slice_dup(SLICE(""));
  h->token_life_s = settings_us(st, "mod_auth_fast.token_lifetime", name) / 1000000;
  h->token_refresh_s = settings_us(st, "mod_auth_fast.token_refresh_age", name) / 1000000;
}

/* The offer depends on the keys of the accounts, too: lacks.c looks at those. */
static void
read_upgrades(struct settings *st, struct host *h, struct slice name)
{
  bool has = h->is_internal && settings_has(st, "module", name, "mod_scram_upgrade");

  h->mechanisms = slice_dup(slice_str(h->all));
  h->upgrades = slice_dup(SLICE(""));
  h->upgrades_wanted = slice_dup(
    has ? settings_get(st, "mod_scram_upgrade.offered_upgrades", name) : SLICE(""));
}

/* A program outside takes passwords alone, and what is offered cannot depend on the name: such a
 * host offers PLAIN only. */
static void
read_methods(struct settings *st, struct host *h, struct slice name)
{
  struct slice methods = settings_get(st, "auth_method", name);

  h->is_external = slice_has_word(methods, SLICE("external"));
  h->is_anonymous = slice_has_word(methods, SLICE("anonymous"));
  h->is_internal = slice_has_word(methods, SLICE("internal")) ||
                   slice_has_word(methods, SLICE("mnesia")) ||
                   !(h->is_external || h->is_anonymous);
}

void *
authd_read(struct settings *st)
{
  struct authd_settings *f = calloc(1, sizeof *f);
  struct settings_row const *row = NULL;
  struct host **at;
  struct slice disabled;

  if (!f) return NULL;
  at = &f->hosts;
  while ((row = settings_next(st, "host", row))) {
    struct host *h = calloc(1, sizeof *h);
    if (!h) goto fail;
    *at = h;
    at = &h->next;
    h->name = slice_dup(row->value[0]);
    disabled = settings_get(st, "disable_sasl_mechanisms", row->value[0]);
    read_methods(st, h, row->value[0]);
    h->hides_offered =
      settings_bool(st, "disable_sasl_scram_downgrade_protection", row->value[0]);
    h->all = mechanisms_without(disabled, h);
    read_upgrades(st, h, row->value[0]);
    read_bans(st, h, row->value[0]);
    read_fast(st, h, row->value[0], disabled);
    if (!h->name || !h->all || !h->mechanisms || !h->upgrades || !h->upgrades_wanted ||
        !h->exempt || !h->fast)
      goto fail;
  }
  f->iterations = (uint32_t)settings_u64(st, "scram_iterations", SLICE("*"));
  f->removal_grace_us = settings_u64(st, "removal_grace", SLICE("*")) * DAY_US;
  read_proxies(st, &f->trusted);
  f->access = access_load(st);
  if (!f->access) goto fail;
  if (f->hosts) return f;
  settings_refuse("host", SLICE("*"), "there is no host", NULL);
fail:
  authd_drop(f);
  return NULL;
}

void
authd_take(void *fresh, bool first)
{
  struct authd_settings *f = fresh;
  struct link *l;

  free_hosts(authd.hosts);
  access_free(authd.access);
  ban_wipe(&authd.trusted);
  authd = *f;
  free(f);
  lacks_look(true);
  for (l = first ? NULL : link_next(NULL); l; l = link_next(l))
    if (l->up && l->program == C2SD) sasl_announce(l);
}
