/* Private to xmpp-mucd: the tables of rooms and affiliations (stored.c). */
#ifndef MUCD_STORED_H
#define MUCD_STORED_H

#include "mucd.h"

struct affil {
  enum affiliation affiliation;
  uint8_t role; /* a role that was taken, 0: none */
  uint64_t since_us;
  struct slice nick, reason;
};

typedef bool public_fn(void *cookie, struct slice local, struct slice title);

/* The key of a table whose keys are two texts with a NUL between them; it lives until the next call. */
struct slice stored_key(struct slice first, struct slice rest);

bool stored_open(void);
bool stored_room(struct slice bare, stralloc *value, uint64_t *number);
void stored_room_put(struct room *r);
void stored_room_del(struct room *r);

/* Put the bare JID of the next room of the store, its state and whether it is persistent into *bare, *state
 * and *persistent: the room behind *bare (empty: the first). false: there is none. */
bool stored_next(stralloc *bare, enum room_state *state, bool *persistent);

/* Call fn with the bare JID of each room of the store. It may read other tables. */
void stored_each(public_fn *fn, void *cookie);

/* The longest bare JID, and the longest key of a nick, that rows of a room have. */
#define STORED_NAME_MAX 480

/* The affiliation of a bare JID or domain: all zero with AFF_NONE when none is stored. Slices live
 * until the next write. */
void affil_get(struct room const *r, struct slice bare, struct affil *a);
void affil_put(struct room *r, struct slice bare, struct affil const *a);
enum affiliation affil_of(struct room const *r, struct jid const *who);

/* Note that the bare JID has something in the room, or has not any more: affiliation or hat. */
void affil_note(struct room const *r, struct slice bare);

typedef bool affil_fn(void *cookie, struct slice bare, struct affil const *a);
void affil_each(struct room const *r, affil_fn *fn, void *cookie);
size_t affil_count(struct room *r, enum affiliation a);

/* Say whether the room may have so many affiliations more. */
bool affils_fit(struct room *r, size_t more);

struct slice vcard_get(struct room const *r);
void vcard_put(struct room const *r, struct slice xml);

/* Call fn with the number of each room in which bare has something (affil_note), until it gives false. fn
 * may read other tables, and write none. */
typedef bool of_fn(void *cookie, uint64_t room);
void of_each(struct slice bare, of_fn *fn, void *cookie);

/* Forget that the bare JID has something in the room of this number, which is no more. */
void of_forget(uint64_t room, struct slice bare);

/* ---- reserved nicks (nicks.c) ---- */

bool nicks_open(void);

/* Write the rows by service of all nicks of rooms. */
void nicks_complete(void);

/* The bare JID that has reserved a nick, by its key: of the room, or of the service; empty. */
struct slice nick_owner(struct room const *r, struct slice key);
struct slice nick_of_service(struct muc const *m, struct slice key);

/* Say whether the service can reserve the nick, by its key, for bare. */
bool nick_fits(struct muc const *m, struct slice key, struct slice bare);

/* Return the nick that bare has of the service, or an empty one; the slice lives until the next write.
 * Set the nick of bare, or take it back (nick empty). */
struct slice nick_of(struct muc const *m, struct slice bare);
void nick_set(struct muc const *m, struct slice bare, struct slice nick);

/* Reserve the nick of this key in the room for bare, or for nobody (empty). */
void nick_put(struct room const *r, struct slice key, struct slice bare);

/* Call fn for each nick of the service, with the bare JID that has it, until it gives false. */
typedef bool nick_fn(void *cookie, struct slice bare, struct slice nick);
void nick_each(struct muc const *m, nick_fn *fn, void *cookie);

/* Say whether another than bare has reserved the nick, by its key, of the service or in a room of it.
 * Forget all nicks of a room. */
bool nick_is_others(struct muc const *m, struct slice key, struct slice bare);
void nicks_forget(struct room const *r);

/* ---- the list of rooms that all may see (listed.c) ---- */

bool listed_open(void);

/* Put the room on the list of its service, or take it off. */
void listed_put(struct room const *r, bool on);

/* Call fn for each room of the list of a service whose name is behind after, or from before backwards
 * (empty: the end), until it gives false. It may not write. */
void listed_each(struct muc const *m, struct slice after, public_fn *fn, void *cookie);
void listed_each_back(struct muc const *m, struct slice before, public_fn *fn,
                      void *cookie);

/* The number of rooms on the list of a service; what is known of it is forgotten when the store has lost
 * a turn. */
size_t listed_count(struct muc const *m);
void listed_forget(void);

/* The key of this server for occupant ids. */
void occupant_id(char out[33], struct room const *r, struct slice bare);

#endif
