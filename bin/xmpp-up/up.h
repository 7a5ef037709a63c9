/* Private to xmpp-up. */
#ifndef UP_H
#define UP_H

#include "record/verbs.h"
#include "settings/settings.h"

#include <limits.h>

struct up {
  char const *config, *state;
  char bin[400];          /* the folder of our own program */
  char daemons[PATH_MAX]; /* the folder of the others: ../bin from there */
  char share[400];        /* where the service directories are */
  uint32_t uids;          /* 0, or the first of the programs' users */
  bool dev, prepare_only, add_only;
};

extern struct up up;

/* Run a program to its end; its exit code, or 111. */
int run(char const *const *argv);

/* Make the folder STATE/name (or STATE itself, name ""), of this mode, for the user and the group
 * of these places behind up.uids (UP_OURS: of the process). What is in a folder that belonged
 * to others, of an older version or under other numbers, is given to them too. Dies
 * (111). */
#define UP_OURS (-1)
void make_dir(char const *name, mode_t mode, int user, int group);

/* Say whether a server runs on STATE, or at least its s6-svscan (running.c). */
bool is_running(void);
bool is_supervised(void);

/* ---- service directories (layout.c) ---- */

/* Lay out STATE/service, one directory for each instance that the settings name, and take
 * away those of instances that are no more. */
void layout_services(struct settings const *st);
void layout_dirs(struct settings const *st);

/* Lay out the directories in STATE/service that the settings name and that are missing; what is
 * there stays as it is, for a server runs on it. */
void layout_missing(struct settings const *st);

/* ---- certificates for trying it out (devcert.c) ---- */

/* Make STATE/dev/HOST.pem for each host of the settings that no certificate names. true when
 * one was made. */
bool devcert_make(struct settings const *st);

/* ---- the supervisor's supervisor (notify.c) ---- */

/* The seconds after which nobody waits any more for the server to be ready. */
#define UP_READY_SECONDS "300"

/* Have the supervisor that NOTIFY_SOCKET names hear when the server is ready (sd_notify(3)), by a
 * process of its own; and take NOTIFY_SOCKET out of the environment. Without the variable nothing
 * is done. Dies (111). */
void notify_when_ready(void);

#endif
