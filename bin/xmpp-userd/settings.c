#include "profile.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char const *const userd_needs[] = {
  "auth_method",
  "mod_avatar.rate_limit",
  "mod_pubsub.plugins",
  "mod_pres_counter.count",
  "mod_pres_counter.interval",
  "mod_roster.access",
  "mod_roster.versioning",
  "mod_vcard.allow_return_all",
  "mod_vcard.matches",
  "mod_vcard.name",
  "mod_vcard.search",
  NULL,
};

struct userd userd;

static bool
open_store(void)
{
  char path[512];

  snprintf(path, sizeof path, "%s/users", service_data());
  userd.store = store_open(path, true, false, ROSTER_MAP_BYTES);
  if (!userd.store) return false;
  store_refuse_when_full(userd.store);
  userd.roster = roster_open(userd.store);
  userd.profile = profile_open(userd.store);
  return userd.roster && userd.profile;
}

bool
userd_has(struct slice host, char const *module)
{
  return settings_has(userd.settings, "module", host, module);
}

/* A reading of the settings gives the rules, which know the settings. */
void *
userd_read(struct settings *st)
{
  return access_load(st);
}

void
userd_take(void *fresh, bool first)
{
  access_free(userd.access);
  userd.access = fresh;
  userd.settings = access_settings(userd.access);
  if (!first) ends_start();
}

void
userd_drop(void *fresh)
{
  access_free(fresh);
}

bool
userd_start(void)
{
  if (!open_store()) return false;
  ends_start();
  return true;
}

bool
userd_is_local(struct slice domain)
{
  return userd_has(domain, "mod_roster");
}

/* A folder that is not there yet is no fault worth a line in the log each time. */
void
userd_accounts(void)
{
  if (!userd.accounts) userd.accounts = accounts_open_reader(service_data());
}

uint64_t
userd_number(struct slice bare)
{
  return userd.accounts ? accounts_number(userd.accounts, bare) : 0;
}

uint64_t
userd_number_with(struct slice bare, char const *module)
{
  return userd_has(jid_cut(bare).domain, module) ? userd_number(bare) : 0;
}

bool
userd_is_anonymous(struct jid const *j)
{
  return access_is_anonymous(userd.settings, j->domain, j->local);
}

uint64_t
userd_own_number(struct handle_ctx *ctx)
{
  bool own = slice_eq(ctx->account, ctx->from.bare);

  ctx->error = !own                             ? ERR_FORBIDDEN
               : userd_is_anonymous(&ctx->from) ? ERR_NOT_ALLOWED
                                                : ERR_SERVICE_UNAVAILABLE;
  return own ? userd_number(ctx->account) : 0;
}

bool
userd_may_change(struct jid const *j)
{
  struct slice rule = settings_get(userd.settings, "mod_roster.access", j->domain);
  struct access_who who = {
    .local = j->local, .domain = j->domain, .resource = j->resource};

  return access_allows(userd.access, rule, j->domain, &who);
}

void
userd_failed(char const *what, struct slice bare)
{
  int e = errno;

  if (store_is_full(userd.store)) return; /* lib/store logs store-full */
  log_event(LOG_WARN, "operation-failed", "what", what, "account", log_text(bare), "why",
            strerror(e), NULL);
}
