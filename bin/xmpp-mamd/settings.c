#include "mamd.h"

#include <skalibs/strerr.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* As xmpp-userd has it; only the pages that are read take memory. */
#define USERS_MAP_BYTES (64ull << 30)

struct mamd mamd;

bool
mamd_load(struct settings *st, bool first)
{
  struct access *access = access_load(st);

  if (!access) return false;
  if (first) mamd.archive = archive_open(service_data(), true, 0);
  /* A disk may have room again, or be written again: what supervises us tries on. */
  if (!mamd.archive) strerr_dief(111, "unable to open the archive");
  if (first) archive_refuse_when_full(mamd.archive);
  access_free(mamd.access);
  mamd.access = access;
  mamd.settings = st;
  prefs_load();
  return true;
}

static bool
is_there(char const *name)
{
  char path[512];

  snprintf(path, sizeof path, "%s/%s/data.mdb", service_data(), name);
  return !access(path, R_OK);
}

void
mamd_readers(void)
{
  char path[512];

  if (!mamd.accounts && is_there("accounts"))
    mamd.accounts = accounts_open(service_data(), false);
  if (mamd.users || !is_there("users")) return;
  snprintf(path, sizeof path, "%s/users", service_data());
  mamd.users = store_open(path, false, false, USERS_MAP_BYTES);
  mamd.roster = mamd.users ? roster_open(mamd.users) : NULL;
}

void
mamd_readers_turn(void)
{
  if (mamd.accounts) accounts_commit(mamd.accounts);
  if (mamd.users) store_commit(mamd.users);
}

bool
mamd_has(struct slice host, char const *module)
{
  return settings_has(mamd.settings, "module", host, module);
}

uint64_t
mamd_number(struct slice bare)
{
  return mamd.accounts ? accounts_number(mamd.accounts, bare) : 0;
}

bool
mamd_jid_of(uint64_t number, struct slice *bare)
{
  *bare = SLICE("");
  return mamd.accounts && accounts_jid(mamd.accounts, number, bare);
}

void
mamd_failed(char const *what, struct slice bare)
{
  log_event(LOG_WARN, "not-done", "what", what, "account", log_text(bare), "why",
            strerror(errno), NULL);
}
