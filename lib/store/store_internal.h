/* Private to lib/store. */
#ifndef STORE_INTERNAL_H
#define STORE_INTERNAL_H

#include "store/store.h"

/* ---- users and modes (modes.c) ---- */

/* Set the mode of a file in folder dir, or log why not. */
void store_set_mode(char const *dir, char const *file, mode_t mode);

/* Say whether the group may read folder dir. Through a folder that the group may not read, others than
 * the writer may pass to ask for the length of a file, and may open none. */
bool store_group_reads(char const *dir);

/* Give files that root has made, above all the lock file of a reader, to the user of folder dir: else the
 * program could not open its store when it is started next. group: the group may read them. */
void store_give_away(char const *dir, bool group);

#endif
