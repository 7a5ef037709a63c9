/* Private to xmpp-ctl: the bytes of accounts (du.c) and of rooms (du_rooms.c). */
#ifndef CTL_DU_H
#define CTL_DU_H

#include "ctl.h"

#include "store/store.h"

/* The accounts, and the rooms, that are printed: those that have most. */
#define DU_LARGEST 20

/* Say whether the store of this name is there. Exit with 111 if no program has used it yet. */
bool du_is_there(char const *name);

/* Print a line of what one account or room has. */
void du_print(uint64_t bytes, char const *name);

/* Open DATA/rooms if it is there, data being the folder DATA; exit with 111 if it cannot be read. */
void du_rooms_open(char const *data);
void du_rooms_close(void);

/* Print what the room with this bare JID has. 0; 1: there is no such room; 111: the store cannot be
 * read. */
int du_rooms_one(struct slice bare);

/* Print the largest rooms, and the sums of all services, if there are rooms. false: the store cannot
 * be read. */
bool du_rooms_all(void);

#endif
