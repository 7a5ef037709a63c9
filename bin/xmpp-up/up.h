/* Private to xmpp-up. */
#ifndef UP_H
#define UP_H

#include "record/verbs.h"
#include "settings/settings.h"

struct up {
  char const *config, *state;
  char bin[400];   /* the folder of our own program, and so of the others */
  char share[400]; /* where the service directories are */
  uint32_t uids;   /* 0, or the first of the programs' users */
  bool dev, prepare_only;
};

extern struct up up;

/* Run a program to its end; its exit code, or 111. */
int run(char const *const *argv);

/* Make the folder STATE/name (or STATE itself, name ""), of this mode; owner: a program's
 * place among the users, or -1: ours. Dies (111). */
void make_dir(char const *name, mode_t mode, int owner);

/* ---- service directories (layout.c) ---- */

/* Lay out STATE/service, one directory for each instance that the settings name, and take
 * away those of instances that are no more. */
void layout_services(struct settings const *st);
void layout_dirs(struct settings const *st);

/* ---- certificates for trying it out (devcert.c) ---- */

/* Make STATE/dev/HOST.pem for each host of the settings that no certificate names. true when
 * one was made. */
bool devcert_make(struct settings const *st);

#endif
