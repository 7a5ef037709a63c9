/* archive: the log of messages. Each message is stored once for all who own it; it is in
 * their archives (XEP-0313), or waits for them (XEP-0160), or both. xmpp-mamd writes;
 * whoever may read the folder reads.
 *
 * Owners are numbers: those of accounts (lib/accounts), and those that archive_owner_make
 * gives to other addresses. A message has an id: microseconds since 1970 in the bits
 * above ARCHIVE_ID_SHIFT; ids rise strictly with each message that is stored, but for one
 * that waits again (archive_append_late).
 *
 * Environment DATA/archive, tables. Numbers are big-endian, of 8 bytes unless said
 * otherwise.
 *   message  ID -> 4 bytes checksum, over ID and what follows; 1 byte flags (1
 *            tombstone), 1 byte count of owners, for each of them OWNER SLOT PLACE; FROM
 *            TO TYPE ID TAGS XML as fields of a record, with TABs between them
 *   list     OWNER SLOT -> FIRST NEXT BYTES WAITING, the ids of the last NEXT %
 *            ARCHIVE_CHUNK places, bare JID. SLOT 0 is the archive of OWNER (JID empty),
 *            another one that archive's messages with one contact, whose JID this is. Its
 *            places are FIRST to NEXT - 1; ids of those before FIRST mean nothing any
 *            more
 *   entry    OWNER SLOT CHUNK -> the ids of the ARCHIVE_CHUNK places from CHUNK *
 *            ARCHIVE_CHUNK on, for each chunk that is full: so a list is written once a
 *            turn, and this table once a chunk
 *   waiting  OWNER ID -> empty; WAITING in the list OWNER 0 counts them
 *   mark     OWNER SESSION -> ID, 1 byte kind (0 live, 1 lost); SESSION is the number of
 *            a session of the account. A value of another form is a mark that an older
 *            version has set: its SESSION is the SLOT of the resource that follows ID
 *   prefs    OWNER -> text
 *   name     0 SLOT -> OWNER, bare JID of an owner that is no account
 *   number   OWNER -> that JID; several numbers may have one JID, and its row of name has the newest
 *            or none (archive_owner_part)
 *   source   name -> EPOCH NUMBER for each of the newest runs of the source, at most
 *            ARCHIVE_SOURCE_RUNS, the newest first. A value of 8 bytes, which an older
 *            version wrote, is the NUMBER of a run without epoch. "before NAME" has the epoch of
 *            the present xmpp-routed, with 0, then the runs of NAME as that one found them
 *   imported OWNER DIGEST -> empty; DIGEST, 16 bytes, of a message that came from another server:
 *            archive_merge does not store it for this owner again
 *   meta     "last" -> ID of the message stored last; "key" -> 16 bytes of chance, the
 *            key of all hashes and checksums; "owner" -> the next number for a name
 * PLACE counts the messages of an archive from 0 on and is never given twice; all ones:
 * the message is not in this owner's archive, it only waits. So count, index and the
 * place of an id are subtractions and binary searches. SLOT is a keyed hash of the text
 * in the value, or one of the SLOTS_MAX - 1 numbers behind it when another text has it
 * already: the text decides, so hashes that collide mix nothing up.
 *
 * States of the disk, at any moment, kill -9 and power cuts included:
 *   S0  nothing, or the folder with empty files: the next writer begins at S1
 *   S1  all tables, empty, and the key (archive_open by the writer, one transaction)
 *   S2  everything up to a turn whose archive_commit has returned true, and nothing of a
 *       later one: during the turn the new pages are in the writer's memory
 *   S3  while archive_commit writes: S2, as the first page still names the old tree; new
 *       pages lie where no tree of the last two has any
 *   S4  the first page names the new tree: S2 of this turn, whether or not archive_commit
 *       came to say so. Then nobody was told that the messages are stored, they are sent
 *       again and archive_last_id (or archive_source_get) says that they are there
 *   S5  a write has failed (map or disk full, I/O error): S2 of the turn before
 * In each of them a message is there with its entries in all lists of all its owners, or
 * with none. Nothing has to be mended after a crash. A copy of the files that was made
 * while the writer went on, without a reader that holds the pages (mdb_copy has one), may
 * mix trees: a message whose checksum, owners or place are not right is EIO, never shown.
 *
 * Slices that are given out lie in the map: they live until the next write or the end of
 * the turn. Functions that fail give false with errno EIO, ENOSPC (the map or the disk is
 * full), having logged why, or as they say. A write that fails so loses the whole turn,
 * as store_put does. Readers end their turns with archive_commit, too. */
#ifndef ARCHIVE_H
#define ARCHIVE_H

#include "jid/jid.h"
#include "store/store.h"

/* Room for a hundred million messages; address space, not disk. */
#define ARCHIVE_MAP_BYTES (64ull << 30)
/* Ids in one value of the table entry: 256 bytes, so that a page holds a dozen of them. A
 * power of two. */
#define ARCHIVE_CHUNK 32
/* Runs of a source that are remembered: stanzas of a run may still be on their way when
 * the next has begun. */
#define ARCHIVE_SOURCE_RUNS 8
/* A message has at most this many owners: sender and recipient, and room for more. */
#define ARCHIVE_OWNERS_MAX 8
/* The bit that is set in numbers of owners that are no accounts. */
#define ARCHIVE_NAMED (1ull << 63)

struct archive;

/* Text of a stored message: fields of a record as they stand, escaped. */
struct archive_text {
  struct slice from, to, type, id, tags, xml;
};

struct archive_message {
  uint64_t id;
  bool archived;  /* in the archive of the owner who asked; else it waits for them */
  bool tombstone; /* archive_replace was here */
  struct archive_text text;
};

/* An owner of a message. contact: the bare JID at the other end, prepared, as
 * archive_range_open is asked for it. */
struct archive_owner {
  uint64_t number;
  struct slice contact;
  bool archived, waits; /* one of them, or both */
};

/* Open DATA/archive, the writer makes it; map_bytes 0: ARCHIVE_MAP_BYTES. NULL, having logged
 * why (a reader: the writer was not there yet). */
struct archive *archive_open(char const *data, bool writer, size_t map_bytes);
void archive_close(struct archive *a);

/* Open an archive whose tables are in the environment s of the caller, which has tables of its own
 * beside them: archive_commit commits all of them, and archive_close leaves s open. writer: s was
 * opened so. NULL, having logged why. */
struct archive *archive_open_in(struct store *s, bool writer);

/* The end of a turn, as store_commit. */
bool archive_commit(struct archive *a);

/* As store_may_wait. */
bool archive_may_wait(struct archive const *a);

/* Do as store_refuse_when_full and store_is_full do. Ask archive_is_full before the first write: a
 * write that is refused in the middle of writes that belong together loses the turn. */
void archive_refuse_when_full(struct archive *a);
bool archive_is_full(struct archive *a);

/* As store_erase_begin and store_erase_end. */
bool archive_erase_begin(struct archive *a);
void archive_erase_end(struct archive *a);

/* Give the id of the message that was stored last, even if it is deleted; 0: none, or, with errno
 * EIO, the store failed. */
uint64_t archive_last_id(struct archive *a);

/* ---- writing messages ---- */

/* Store a message for n owners (1 to ARCHIVE_OWNERS_MAX, each once). errno EEXIST: id is not
 * behind archive_last_id; EINVAL: owners that are not as they should be, a contact over
 * JID_MAX bytes, or a TAB in a field; these two lose nothing of the turn. */
bool archive_append(struct archive *a, uint64_t id, struct archive_owner const *owners,
                    unsigned int n, struct archive_text const *text);

/* Have a message wait for an owner to whom it came long ago, and in whose archive it is not. The
 * message *id waits if another owner has it; else text is stored under *id and waits. If the
 * message *id is a tombstone, or has ARCHIVE_OWNERS_MAX owners, text is stored under the nearest id
 * below that no message has, and *id becomes that id. errno EINVAL as archive_append. */
bool archive_append_late(struct archive *a, uint64_t *id, uint64_t owner,
                         struct archive_text const *text);

/* Give the message of this id if it is in the owner's archive, or waits for the owner. errno
 * ENOENT. */
bool archive_get(struct archive *a, uint64_t owner, uint64_t id,
                 struct archive_message *out);

/* Put other tags and XML, escaped, into the message id, for all its owners, and make it a tombstone
 * (XEP-0424 s5); its id and addresses stay. owner is the one who asks, as in archive_get. errno
 * ENOENT, EINVAL (a TAB). */
bool archive_replace(struct archive *a, uint64_t owner, uint64_t id, struct slice tags,
                     struct slice xml);

/* A run of a source, and the number of the last stanza that was taken of it. */
struct archive_source {
  uint64_t epoch, number;
};

/* Get or put the runs of the source name (1 to 500 bytes): n of them, at most ARCHIVE_SOURCE_RUNS,
 * the newest first. archive_source_get: errno ENOENT. */
bool archive_source_get(struct archive *a, struct slice name,
                        struct archive_source runs[ARCHIVE_SOURCE_RUNS], unsigned int *n);
bool archive_source_put(struct archive *a, struct slice name,
                        struct archive_source const *runs, unsigned int n);

/* ---- pages of an archive ---- */

/* Messages of one archive, oldest first, at the places from <= place < to. Functions below
 * make it narrower. Good until the end of the turn, or the next write. */
struct archive_range {
  uint64_t owner, slot;
  uint64_t from, to;
  uint64_t tail; /* of this area: places from here on are in the table list */
};

/* Set *out to all messages of the owner's archive, or to those with the contact `with` (bare JID;
 * empty: all). An archive that is not there is empty. */
bool archive_range_open(struct archive *a, uint64_t owner, struct slice with,
                        struct archive_range *out);

/* Narrow r to the messages that came at start_us or later, and not later than end_us (microseconds
 * since 1970; 0 and UINT64_MAX: no bound). */
bool archive_range_time(struct archive *a, struct archive_range *r, uint64_t start_us,
                        uint64_t end_us);

/* Narrow r to the messages behind the message id, or before it, which need not be in r. errno
 * ENOENT: it is not in the owner's archive (XEP-0313 s4.1.3, XEP-0059 s2.2: item-not-found). */
bool archive_range_after(struct archive *a, struct archive_range *r, uint64_t id);
bool archive_range_before(struct archive *a, struct archive_range *r, uint64_t id);

/* Give the number of messages in r. */
uint64_t archive_range_count(struct archive_range const *r);

/* Set *place to that of the first message of r whose id is not below id; r->to: there is none. The
 * index of a message in a set of results is its place less the from of that set. */
bool archive_range_find(struct archive *a, struct archive_range const *r, uint64_t id,
                        uint64_t *place);

/* Give the message at a place of r. archive_range_peek does not check whether the message is as it
 * was put, for a caller that asks many for their addresses or tags: the work does not depend on the
 * length of messages. archive_range_id gives the message's id alone. */
bool archive_range_get(struct archive *a, struct archive_range const *r, uint64_t place,
                       struct archive_message *out);
bool archive_range_peek(struct archive *a, struct archive_range const *r, uint64_t place,
                        struct archive_message *out);
bool archive_range_id(struct archive *a, struct archive_range const *r, uint64_t place,
                      uint64_t *id);

/* ---- what waits ---- */

/* Let message id wait for this owner, for whom it may wait already. errno ENOENT: owner is no owner
 * of the message. */
bool archive_waiting_add(struct archive *a, uint64_t owner, uint64_t id);

/* Take message id out of the waiting set; a message that is in no archive and waits
 * for nobody is deleted. errno ENOENT: the message did not wait. */
bool archive_waiting_del(struct archive *a, uint64_t owner, uint64_t id);

/* Say whether message id waits for the owner. false with errno ENOENT: it does not. */
bool archive_waiting_has(struct archive *a, uint64_t owner, uint64_t id);

/* Give the number of messages that wait for the owner. */
bool archive_waiting_count(struct archive *a, uint64_t owner, uint64_t *count);

/* Give the bytes, as they are stored, of the messages that wait for the owner and are not in the
 * owner's archive. */
bool archive_waiting_bytes(struct archive *a, uint64_t owner, uint64_t *bytes);

/* Give the first id above behind whose message waits for the owner. errno ENOENT: there is none. */
bool archive_waiting_next(struct archive *a, uint64_t owner, uint64_t behind,
                          uint64_t *id);

/* ---- marks: up to which id the client of a session has everything ---- */

/* Kinds of marks. LIVE: the session is there, has the messages that it was given up to
 * id, and holds those behind. LOST: the session has ended, and mamd has decided on its
 * messages up to id. OLD: a mark of a version that did not note which session was given a
 * message. */
enum archive_mark_kind { ARCHIVE_MARK_LIVE, ARCHIVE_MARK_LOST, ARCHIVE_MARK_OLD };

struct archive_mark {
  uint64_t id;
  enum archive_mark_kind kind;
};

/* Set, get or delete the mark of the owner's session of this number. archive_mark_get and
 * archive_mark_del: errno ENOENT. archive_mark_del, and archive_mark_set if later is true, write as
 * store_put_later does. */
bool archive_mark_set(struct archive *a, uint64_t owner, uint64_t session,
                      struct archive_mark m, bool later);
bool archive_mark_get(struct archive *a, uint64_t owner, uint64_t session,
                      struct archive_mark *out);
bool archive_mark_del(struct archive *a, uint64_t owner, uint64_t session);

/* Call fn for each mark of an owner, or of all (owner 0), by owner, until it gives false. It
 * may not write. */
typedef bool archive_mark_fn(void *cookie, uint64_t owner, uint64_t session,
                             struct archive_mark m);
bool archive_marks_each(struct archive *a, uint64_t owner, archive_mark_fn *fn,
                        void *cookie);

/* ---- owners ---- */

/* Get or put the preferences of an owner (XEP-0441), as text in the caller's form; empty text
 * deletes them. archive_prefs_get: errno ENOENT. */
bool archive_prefs_get(struct archive *a, uint64_t owner, struct slice *text);
bool archive_prefs_put(struct archive *a, uint64_t owner, struct slice text);

/* Give the number of an owner that is no account, by its bare JID (at most JID_MAX bytes, or
 * EINVAL). archive_owner_make gives the owner a number when it has none. 0: errno ENOENT, EIO.
 * archive_owner_jid gives the JID of a number. */
uint64_t archive_owner_number(struct archive *a, struct slice bare);
uint64_t archive_owner_make(struct archive *a, struct slice bare);
bool archive_owner_jid(struct archive *a, uint64_t number, struct slice *bare);

/* Take the number `owner` from its JID, which gets another one when archive_owner_make is
 * called. The owner of the number keeps what is stored for it, and archive_owner_jid still gives
 * the JID. */
bool archive_owner_part(struct archive *a, uint64_t owner);

/* Take the number from its JID, which may get another; what the owner has stays until it is purged
 * (archive_purge). An owner without a JID: nothing to do. */
bool archive_owner_drop(struct archive *a, uint64_t owner);

/* bytes: of messages as they are stored, also for the other owners; ids 0: none. */
struct archive_stat {
  uint64_t messages, bytes, waiting;
  uint64_t first_id, last_id;
};

/* All zero for an owner who has nothing. */
bool archive_stat(struct archive *a, uint64_t owner, struct archive_stat *out);

/* Count the messages that are stored, each once for all its owners, and the pairs of a message and an
 * account for whom it waits. SIZE_MAX: EIO. */
size_t archive_messages(struct archive *a);
size_t archive_waiting(struct archive *a);

/* The first owner behind this number who has an archive, also an empty one, or for whom
 * messages wait; errno ENOENT: none. */
bool archive_owner_next(struct archive *a, uint64_t behind, uint64_t *owner);

/* ---- retention ---- */

/* Take the oldest messages out of an archive, at most `steps` of them: those with ids below
 * `before` (0: none for this reason), and as many as the archive has more than most (UINT64_MAX:
 * none for this reason). *done: how many went; fewer than steps: nothing is left to do. Places are
 * not given again. */
bool archive_trim(struct archive *a, uint64_t owner, uint64_t before, uint64_t most,
                  unsigned int steps, unsigned int *done);

/* Delete an owner's archive, waiting messages, marks, preferences and name, in steps, as
 * archive_trim does. For numbers that are over: places begin at 0 again. */
bool archive_purge(struct archive *a, uint64_t owner, unsigned int steps,
                   unsigned int *done);

/* ---- messages of another server ---- */

#define ARCHIVE_DIGEST 16

/* A message that came at us for the owners, who are accounts; digest tells it from all others. */
struct archive_import {
  uint64_t us;
  char digest[ARCHIVE_DIGEST];
  struct archive_owner owners[ARCHIVE_OWNERS_MAX];
  unsigned int n;
  struct archive_text text;
};

/* Say whether archive_merge has given the owner the message of this digest. false with errno
 * ENOENT: it has not. */
bool archive_is_imported(struct archive *a, uint64_t owner,
                         char const digest[ARCHIVE_DIGEST]);

/* Write the archive of folder from (NULL: there is none), which nobody writes, into a new one in
 * folder to, with the messages that next gives, oldest first, in their places: those of the same
 * time in the order in which they are given. The slices of *out live until next is called again;
 * false: that was all. Add the number of those messages to *messages. */
typedef bool archive_import_fn(void *cookie, struct archive_import *out);
bool archive_merge(char const *from, char const *to, archive_import_fn *next,
                   void *cookie, uint64_t *messages);

/* ---- hosts that get another name ---- */

/* Write the archive of folder from, which nobody writes, into a new one in folder to: addresses
 * of the host h->from are those of h->to there, in messages (but not in what they contain), as
 * contacts, in preferences (whose lines are addresses behind a sign) and as names of owners. Add
 * the number of messages to *messages. A message that cannot be read is left out. */
bool archive_rehost(char const *from, char const *to, struct jid_hosts const *h,
                    uint64_t *messages);

#endif
