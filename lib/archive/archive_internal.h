/* Shared between the files of this area. */
#ifndef ARCHIVE_INTERNAL_H
#define ARCHIVE_INTERNAL_H

#include "archive/archive.h"

#include <skalibs/stralloc.h>

/* The place of a message that is in no archive of this owner. */
#define NO_PLACE UINT64_MAX
/* Texts whose hashes are the same, or neighbours, in one table for one owner. */
#define SLOTS_MAX 4
/* Lists that a turn changes before they are put into their table. */
#define HEADS_MAX 1024
/* The counters of a list, before its ids. */
#define HEAD_BYTES 32

/* A list but its JID. */
struct head {
  char key[16]; /* OWNER SLOT */
  uint64_t first, next, bytes, waiting;
  char ids[8 * ARCHIVE_CHUNK]; /* the last next % ARCHIVE_CHUNK of them, packed */
  bool gone;
};

struct archive {
  struct store *store;
  MDB_dbi message, list, entry, waiting, mark, prefs, name, number, source, meta,
    imported;
  bool has_imported;   /* a reader of an older archive finds no such table */
  bool writer, shares; /* shares: the store is the caller's */
  uint64_t key[2];
  uint64_t last; /* of the writer */
  /* Lists that this turn changes, many times perhaps: put into the table at its end, or when
   * there is no room for more. */
  struct table by_key;
  struct head heads[HEADS_MAX];
  unsigned int heads_n;
  stralloc value;
};

/* An owner as the message names it. */
struct ref {
  uint64_t owner, slot, place;
};

/* A message in its value. */
struct stored {
  unsigned int flags, n;
  struct ref refs[ARCHIVE_OWNERS_MAX];
  struct archive_text text;
  size_t bytes;
};

/* ---- archive.c ---- */

/* n numbers of 8 bytes in buf, as a key. */
struct slice archive_pack(char *buf, unsigned int n, uint64_t const *numbers);

/* Number i of those in s. */
uint64_t archive_unpack(struct slice s, unsigned int i);

/* The number under key; EIO when the value is none. */
bool archive_number_get(struct archive *a, MDB_dbi t, struct slice key, uint64_t *n);
bool archive_number_put(struct archive *a, MDB_dbi t, struct slice key, uint64_t n);

/* The turn is lost. false, with errno as it was. */
bool archive_lose(struct archive *a);

/* Log that something stored is not what was put there; errno is EIO. archive_bad gives false
 * always, which the analyzer of make tidy sees here. */
void archive_log_bad(char const *what, uint64_t owner, uint64_t id);

static inline bool
archive_bad(char const *what, uint64_t owner, uint64_t id)
{
  archive_log_bad(what, owner, id);
  return false;
}

/* ---- owners.c ---- */

/* Give the JID the number n, under a slot that archive_slot found free. */
bool archive_owner_put(struct archive *a, struct slice bare, uint64_t slot, uint64_t n);

/* ---- slots.c ---- */

/* Find text among those of the owner in table t (list or name), whose values end in it.
 * *found: *slot is its; else *slot is one that is free. */
bool archive_slot(struct archive *a, MDB_dbi t, uint64_t owner, struct slice text,
                  uint64_t *slot, bool *found);

/* ---- lists.c ---- */

/* Bytes before the JID in a value of the table list; more than it has: it is none. */
size_t archive_jid_at(struct slice value);

/* The list as this turn sees it; errno ENOENT: all zero. */
bool archive_head(struct archive *a, uint64_t owner, uint64_t slot, struct head *out);

/* Give the list, to be changed until the next archive_heads_room. NULL: errno ENOENT. */
struct head *archive_head_edit(struct archive *a, uint64_t owner, uint64_t slot);

/* Give the list, to be changed, as archive_head_edit does; a list that is not there begins, for the
 * contact jid (empty for SLOT 0). */
struct head *archive_head_make(struct archive *a, uint64_t owner, uint64_t slot,
                               struct slice jid);

/* Let the lists that were changed go into their table: all, or when few are free. */
bool archive_heads_flush(struct archive *a);
bool archive_heads_room(struct archive *a);
void archive_heads_forget(struct archive *a);

/* The first place whose id is not in the table entry. */
uint64_t archive_tail(struct head const *h);

/* The id at a place of a list. */
bool archive_id_at(struct archive *a, struct head const *h, uint64_t place, uint64_t *id);

/* The id at a place that is before the tail. */
bool archive_entry(struct archive *a, uint64_t owner, uint64_t slot, uint64_t place,
                   uint64_t *id);

/* Add a message of bytes at the end, or take the first away; an empty list is deleted. */
bool archive_list_push(struct archive *a, struct head *h, uint64_t id, size_t bytes);
bool archive_list_shift(struct archive *a, struct head *h, size_t bytes);
bool archive_list_drop(struct archive *a, struct head *h);

/* ---- messages.c ---- */

/* Read the message id. errno ENOENT; EIO, logged: the message is not as it was put. archive_peek
 * does not look at the checksum. */
bool archive_load(struct archive *a, uint64_t id, struct stored *out);
bool archive_peek(struct archive *a, uint64_t id, struct stored *out);

/* archive_append of a message with these flags. */
bool archive_append_as(struct archive *a, uint64_t id, struct archive_owner const *owners,
                       unsigned int n, struct archive_text const *text,
                       unsigned int flags);

/* Say whether the message is in the archive of this owner, which the owner's list
 * knows. errno ENOENT when not. */
bool archive_holds(struct archive *a, uint64_t id, struct ref const *r);

/* The message goes if it is in no archive and waits for nobody. */
bool archive_release(struct archive *a, uint64_t id, struct stored const *m);

/* The owner's place among the message's owners, or NULL. */
struct ref const *archive_ref(struct stored const *m, uint64_t owner);

/* Fill in the parts of a message that callers see. */
void archive_show(uint64_t id, struct stored const *m, bool archived,
                  struct archive_message *out);

#endif
