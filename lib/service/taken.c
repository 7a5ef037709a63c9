#include "service/service_internal.h"

#include <skalibs/strerr.h>

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Settings are read in two steps: `reading` makes everything that may fail and changes nothing,
 * take puts it in force and cannot fail. A check is the first step, and drop. */

struct reading {
  struct settings settings;
  char const *data; /* in the settings' arena */
  void *own;        /* the value that the program's read gave */
};

static struct reading *taken;
static bool verbosity_given;

struct settings *
taken_settings(void)
{
  return taken ? &taken->settings : NULL;
}

void
taken_lock(char const *dir)
{
  char state[PATH_MAX];
  size_t n = strlen(dir);
  int held;

  while (n && dir[n - 1] == '/')
    n--;
  while (n && dir[n - 1] != '/')
    n--;
  snprintf(state, sizeof state, "%.*s.", (int)n, dir);
  held = settings_lock(state, LOCK_PROGRAM);
  if (held < 0) strerr_diefusys(111, "open ", state, "/lock");
  if (!held)
    strerr_dief(
      111, state,
      "/lock is held: xmpp-ctl restore, import or host rename writes the stores");
}

void
taken_verbosity_given(void)
{
  verbosity_given = true;
}

char const *
service_data(void)
{
  return taken->data;
}

static void
reading_free(struct reading *r)
{
  if (!r) return;
  settings_close(&r->settings);
  free(r);
}

static bool
find_data(struct reading *r)
{
  struct slice dir = settings_get(&r->settings, "data", SLICE("*"));

  r->data = settings_path(&r->settings, dir.len ? dir : SLICE("../data")).s;
  return r->data != NULL;
}

/* Rows of options that have a default: without one they were compiled for another version. */
static bool
none_missing(struct settings const *st, char const *const *keys)
{
  for (; keys && *keys; keys++) {
    if (settings_has_default(st, *keys)) continue;
    settings_refuse(*keys, SLICE("*"),
                    "the row is missing: another version compiled the configuration",
                    NULL);
    return false;
  }
  return true;
}

/* Every program reads these. */
static char const *const common[] = {"verbosity", "hide_sensitive_log_data", NULL};

/* NULL, having logged why. */
static struct reading *
reading_new(struct service const *svc, char const *dir)
{
  struct reading *r = calloc(1, sizeof *r);

  settings_refused_clear();
  if (!r) return NULL;
  if (!settings_open(&r->settings, dir, svc->program)) {
    log_event(LOG_WARN, "settings-unreadable", "dir", dir, "why", strerror(errno), NULL);
    settings_refuse("", SLICE(""), "unreadable: ", strerror(errno), NULL);
  } else if (find_data(r) && none_missing(&r->settings, common) &&
             none_missing(&r->settings, svc->needs) && (r->own = svc->read(&r->settings)))
    return r;
  reading_free(r);
  return NULL;
}

static void
take(struct service const *svc, struct reading *r, bool first)
{
  struct reading *old = taken;

  taken = r;
  if (!verbosity_given)
    log_verbosity = (unsigned int)settings_u64(&r->settings, "verbosity", SLICE("*"));
  log_hides_peers = settings_bool(&r->settings, "hide_sensitive_log_data", SLICE("*"));
  svc->take(r->own, first);
  reading_free(old);
}

bool
taken_load(struct service const *svc, char const *dir, bool first)
{
  struct reading *r = reading_new(svc, dir);

  if (!r) return false;
  take(svc, r, first);
  return true;
}

bool
taken_check(struct service const *svc, char const *dir)
{
  struct reading *r = reading_new(svc, dir);

  if (!r) return false;
  if (svc->drop) svc->drop(r->own);
  reading_free(r);
  return true;
}
