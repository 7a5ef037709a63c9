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

struct store {
  MDB_env *env;
  MDB_txn *write, *read;
  bool writer, lost, hurry;
  size_t map_bytes;
  bool tight;         /* the last write found no room in the map */
  bool erasing, wide; /* the turn's transaction may use the reserve */
  uint64_t since_us;  /* the first write behind the last commit */
  bool refuses, full;
  int why;                                       /* errno of the write that failed */
  uint64_t probe_us, pause_us, said_us, room_us; /* room_us: when it was full no more */
  uint64_t refused;
  unsigned int commits; /* since readers that have died were looked for */
  struct store *next;   /* of all that are open */
  char dir[];
};

/* Log an LMDB error and turn it into errno. false. */
bool store_failed(struct store *s, char const *what, int rc);

/* ---- a store that is full (full.c) ---- */

/* The turn is lost because a write failed with errno. */
void store_lose(struct store *s);

/* Set the size of the map, 0: as another process has set it, when all transactions of this process have
 * ended. Exits 111 when that fails. */
void store_set_map(struct store *s, size_t bytes);

/* Add the reserve, for the write transaction that begins. */
void store_widen(struct store *s);

/* The write transaction has ended; well: it was committed. */
void store_wrote(struct store *s, bool well);

#endif
