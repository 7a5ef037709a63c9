#include "mamd.h"

#include <skalibs/strerr.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

char const *const mamd_needs[] = {
  "archive.max_age",
  "archive.max_messages",
  "mod_mam.access_preferences",
  "mod_mam.assume_mam_usage",
  "mod_mam.default",
  "mod_mam.request_activates_archiving",
  "mod_offline.access_max_user_messages",
  NULL,
};

struct mamd mamd;

/* A reading of the settings gives the rules, which know the settings. */
void *
mamd_read(struct settings *st)
{
  return access_load(st);
}

void
mamd_take(void *fresh, bool first)
{
  (void)first;
  access_free(mamd.access);
  mamd.access = fresh;
  mamd.settings = access_settings(mamd.access);
}

void
mamd_drop(void *fresh)
{
  access_free(fresh);
}

void
mamd_open(void)
{
  mamd.archive = archive_open(service_data(), true, 0);
  /* A disk may have room again, or be written again: what supervises us tries on. */
  if (!mamd.archive) strerr_dief(111, "unable to open the archive");
  archive_refuse_when_full(mamd.archive);
}

void
mamd_readers(void)
{
  if (!mamd.accounts) mamd.accounts = accounts_open_reader(service_data());
  if (!mamd.users) mamd.roster = roster_open_reader(service_data(), &mamd.users);
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
  log_event(LOG_WARN, "operation-failed", "what", what, "account", log_text(bare), "why",
            strerror(errno), NULL);
}
