#include "profile.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Rosters of a million accounts; vCards with pictures. Only what is used lies on the disk. */
#define MAP_BYTES (64ull << 30)

struct userd userd;

static bool
open_store(void)
{
  char path[512];

  snprintf(path, sizeof path, "%s/users", service_data());
  userd.store = store_open(path, true, false, MAP_BYTES);
  if (!userd.store) return false;
  store_refuse_when_full(userd.store);
  userd.roster = roster_open(userd.store);
  userd.profile = profile_open(userd.store);
  return userd.roster && userd.profile;
}

/* ---- which modules are on ---- */

/* A host, a blank, a module. */
#define WORDS_MAX (JID_PART_MAX + 64)

static struct slice
words_key(void const *item)
{
  return slice_str(item);
}

static struct table modules = {.key = words_key};

static void
modules_free(struct table *t)
{
  size_t i;

  for (i = 0; t->slots && i <= t->mask; i++)
    free(t->slots[i].item);
  table_wipe(t);
}

static bool
modules_read(struct settings const *st, struct table *t)
{
  struct settings_row const *row = NULL;
  char words[WORDS_MAX];
  char *copy;

  while ((row = settings_next(st, "module", row))) {
    int n = snprintf(words, sizeof words, "%s %s", row->scope.s, row->value[0].s);
    if (n >= (int)sizeof words || table_get(t, slice_str(words))) continue;
    copy = strdup(words);
    if (copy && table_put(t, copy)) continue;
    free(copy);
    modules_free(t);
    return false;
  }
  return true;
}

bool
userd_has(struct slice host, char const *module)
{
  return settings_has(userd.settings, "module", host, module);
}

bool
userd_load(struct settings *st, bool first)
{
  struct access *access = access_load(st);
  struct table fresh = {.key = words_key};

  if (!access) return false;
  if (!modules_read(st, &fresh) || (first && !open_store())) {
    modules_free(&fresh);
    access_free(access);
    return false;
  }
  modules_free(&modules);
  modules = fresh;
  access_free(userd.access);
  userd.access = access;
  userd.settings = st;
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
  char path[512];

  if (userd.accounts) return;
  snprintf(path, sizeof path, "%s/accounts/data.mdb", service_data());
  if (!access(path, R_OK)) userd.accounts = accounts_open(service_data(), false);
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

uint64_t
userd_own_number(struct handle_ctx *ctx)
{
  bool own = slice_eq(ctx->account, ctx->from.bare);

  ctx->error = own ? ERR_SERVICE_UNAVAILABLE : ERR_FORBIDDEN;
  return own ? userd_number(ctx->account) : 0;
}

bool
userd_may_change(struct jid const *j)
{
  struct slice rule = settings_get(userd.settings, "mod_roster.access", j->domain);
  struct access_who who = {
    .local = j->local, .domain = j->domain, .resource = j->resource};

  return !rule.len || access_allows(userd.access, rule, j->domain, &who);
}

void
userd_failed(char const *what, struct slice bare)
{
  int e = errno;

  if (store_is_full(userd.store)) return; /* which the log says once */
  log_event(LOG_WARN, "not-done", "what", what, "account", log_text(bare), "why",
            strerror(e), NULL);
}
