/* base: what every other area stands on. Slices of text, one-stanza arenas, a hash
 * table, numbers and times as text, the log, and the one door through which time and
 * chance come in. */
#ifndef BASE_H
#define BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/limits.h"

#include <skalibs/stralloc.h>

/* ---- slices: text by pointer and length, not NUL-terminated, owned by somebody else
 * ---- */

struct slice {
  char const *s;
  size_t len;
};

/* A slice of a string literal. */
#define SLICE(literal)                                                                   \
  (struct slice)                                                                         \
  {                                                                                      \
    "" literal, sizeof(literal) - 1                                                      \
  }

/* slice_of gives the slice of the len bytes at s, slice_str that of the NUL-terminated string z
 * (NULL is empty). Both and the comparisons stand here whole: z is nearly always a constant, whose
 * length the compiler then knows, and programs compare slices for every stanza. */
static inline struct slice
slice_of(char const *s, size_t len)
{
  return (struct slice){s, len};
}

static inline struct slice
slice_str(char const *z)
{
  return (struct slice){z, z ? strlen(z) : 0};
}

/* Compare bytes: slice_eq says whether a is b, slice_is whether a is the NUL-terminated string z,
 * slice_starts whether a begins with z. */
static inline bool
slice_eq(struct slice a, struct slice b)
{
  /* A slice with a length has bytes. NOLINTNEXTLINE(clang-analyzer-core.*) */
  return a.len == b.len && (!a.len || !memcmp(a.s, b.s, a.len));
}

static inline bool
slice_is(struct slice a, char const *z)
{
  return slice_eq(a, slice_str(z));
}

static inline bool
slice_starts(struct slice a, char const *z)
{
  return a.len >= strlen(z) && slice_is(slice_of(a.s, strlen(z)), z);
}

/* Do what stralloc_readyplus, stralloc_catb and stralloc_cats do, without a call of libskarnet
 * while sa has room: for the writers of records and XML, which append a few bytes at a time. */
static inline bool
text_room(stralloc *sa, size_t n)
{
  return n < sa->a - sa->len || stralloc_readyplus(sa, n);
}

static inline bool
text_catb(stralloc *sa, char const *s, size_t n)
{
  if (!text_room(sa, n)) return false;
  if (n) memcpy(sa->s + sa->len, s, n);
  sa->len += n;
  return true;
}

static inline bool
text_cats(stralloc *sa, char const *z)
{
  return text_catb(sa, z, strlen(z));
}

/* Say whether a is the NUL-terminated string z, without regard to ASCII case. */
bool slice_is_nocase(struct slice a, char const *z);

/* Cut the first word off *rest into *word: it ends before the first byte sep, which is dropped.
 * false when *rest is empty. An empty word between two separators is a word. */
bool slice_word(struct slice *rest, char sep, struct slice *word);

/* Return s without the white space of XML around it. */
struct slice slice_trimmed(struct slice s);

/* Say whether the words of list, separated by blanks, have word among them. */
bool slice_has_word(struct slice list, struct slice word);

/* Read a, which is a decimal number and nothing else, at most UINT64_MAX, into *out. false with
 * errno EINVAL: a is no such number. */
bool slice_u64(struct slice a, uint64_t *out);

/* Return the decimal number that a is, which may be negative; 0: a is no number, or does not fit an
 * int64_t. */
int64_t slice_int(struct slice a);

/* Write n as decimal text into buf, and give the slice of that text. */
#define BASE_NUM 21
struct slice num_u64(char buf[BASE_NUM], uint64_t n);

/* Write n bytes as 2 * n hexadecimal digits, in small letters, to `to`; hex_z writes a NUL behind
 * them. */
void hex_put(char *to, void const *bytes, size_t n);
void hex_z(char *to, void const *bytes, size_t n);

/* A copy of text on the heap, with a NUL behind it. NULL: ENOMEM. */
char *slice_dup(struct slice text);

/* ---- times as text (XEP-0082) ---- */

/* Write a time in UTC into buf, with a NUL behind it, and give its slice: stamp_s of s seconds
 * since 1970, stamp_us of us microseconds, with all six digits of the fraction. A time behind the
 * year 9999 is written as the last one of that year. */
#define STAMP_SIZE 28
struct slice stamp_s(char buf[STAMP_SIZE], uint64_t s);
struct slice stamp_us(char buf[STAMP_SIZE], uint64_t us);

/* Read a time (s3.2) as microseconds since 1970; a time before 1970 is 0. false: the
 * text is no time. */
bool stamp_read(struct slice text, uint64_t *us);

/* ---- sites: the addresses of one customer ---- */

/* Write the site of an IP address: an IPv4 address, also one inside an IPv6 one (RFC 4291 s2.5.5.2),
 * or the 64 bits of an IPv6 address that one site has (RFC 6177). Text that is no address stands for
 * itself. */
#define SITE_SIZE 48
struct slice site_of(char out[SITE_SIZE], struct slice ip);

/* ---- arenas: memory that is freed in one step ---- */

struct arena_block;

struct arena {
  struct arena_block *first, *block;
};

#define ARENA_ZERO                                                                       \
  {                                                                                      \
    NULL, NULL                                                                           \
  }

/* Give n bytes, aligned for any type, that live until arena_reset or arena_wipe. NULL: ENOMEM. */
void *arena_alloc(struct arena *a, size_t n);

/* A copy of text in the arena, with a NUL behind it that is not counted. s NULL: ENOMEM.
 */
struct slice arena_copy(struct arena *a, struct slice text);

/* Make *text its copy in the arena. false: ENOMEM, and *text is NULL. */
bool arena_keep(struct arena *a, struct slice *text);

/* Free all that was allocated; the first block stays for the next stanza. */
void arena_reset(struct arena *a);

/* arena_wipe frees all memory of a; arena_cleanse overwrites it first, for there were secrets in
 * it. */
void arena_wipe(struct arena *a);
void arena_cleanse(struct arena *a);

/* ---- hashes ---- */

/* SipHash-1-3 of a number and a text under a key: the same on all machines. */
uint64_t hash_keyed(uint64_t const key[2], uint64_t number, struct slice text);

/* ---- hash table: text to pointer ---- */

struct table_slot {
  uint32_t hash;
  void *item;
};

/* Open addressing. Items are the caller's, and tell their own key; a key must not change
 * while its item is in the table. All zero but key is an empty table. */
struct table {
  struct slice (*key)(void const *item);
  struct table_slot *slots;
  size_t n, mask;
};

/* The item with this key, or NULL. */
void *table_get(struct table const *t, struct slice key);

/* Add item, whose key is not in the table yet. false: ENOMEM. */
bool table_put(struct table *t, void *item);

/* Take the item with this key out and return it, or NULL. */
void *table_del(struct table *t, struct slice key);

/* Free the slots, not the items. */
void table_wipe(struct table *t);

/* ---- ids: numbers for things that come and go ---- */

/* An id is a slot (the low ID_SLOT_BITS bits) and a generation, so that a late word
 * about a thing that is over reaches nobody else. 0 is no id. */
#define ID_SLOT_BITS 20

struct id_entry {
  void *item;
  uint64_t id;
};

/* Ids of our own giving. All zero is empty. */
struct ids {
  struct id_entry *v;
  uint32_t *free;
  uint32_t size, used, free_n, live;
};

/* Give a new id for item; 0: ENOMEM, or 2^ID_SLOT_BITS ids are alive. */
uint64_t ids_take(struct ids *t, void *item);

/* ids_get gives the item of an id that is alive, ids_at the item in slot i, which is less than
 * t->used; or NULL. */
void *ids_get(struct ids const *t, uint64_t id);
void *ids_at(struct ids const *t, uint32_t i);

/* End the id, so that ids_get gives no item for it any more. */
void ids_give(struct ids *t, uint64_t id);

/* Put item in the place of the item of id, which is alive. */
void ids_set(struct ids *t, uint64_t id, void *item);

/* For a table that is made anew with the ids that it had (a trace): ids_size makes room for used
 * slots and a list of free_n free ones, which the caller fills. false: ENOMEM, or used is above
 * 2^ID_SLOT_BITS. ids_restore then puts item under id, an id that was alive. */
bool ids_size(struct ids *t, uint32_t used, uint32_t free_n);
bool ids_restore(struct ids *t, uint64_t id, void *item);

/* Ids that somebody else gave in this way. All zero is empty. */
struct id_map {
  struct id_entry *v;
  uint32_t size;
};

/* Put item under id, in place of the item that id_map_in_slot gives. false: ENOMEM. */
bool id_map_put(struct id_map *m, uint64_t id, void *item);
void *id_map_get(struct id_map const *m, uint64_t id);

/* Give the item whose id shares the slot of id, of whatever generation, or NULL. The
 * giver of the ids should have ended that item; a caller of id_map_put who does not rely
 * on this ends it here. */
void *id_map_in_slot(struct id_map const *m, uint64_t id);
void id_map_del(struct id_map *m, uint64_t id);
void id_map_wipe(struct id_map *m);

/* ---- the door: time and chance ---- */

/* Microseconds at the start of this turn of the loop, for deadlines and for how long
 * something took: they never go back, nor jump when somebody sets the clock. At the
 * start of the process they are those since 1970; another process may count otherwise. */
uint64_t door_now(void);

/* Microseconds since 1970 at the start of this turn, as the machine's clock has them
 * now: for names of times (ids, stamps, what is stored). They may go back, and jump. */
uint64_t door_wall(void);

/* door_tick reads both clocks (live driver). door_set_clock fixes them from now on instead (pipe
 * driver). */
void door_tick(void);
void door_set_clock(uint64_t now_us, uint64_t wall_us);

/* Write n bytes of chance to buf: the kernel's, or after door_seed those of a stream that the seed
 * alone decides. door_random dies (111) when the kernel has none. A trace has the seed: door_random
 * is for ids, salts and delays, which their readers may know. */
void door_random(void *buf, size_t n);
void door_seed(struct slice seed);
void door_unseed(void); /* the kernel's again */

/* Say whether door_random has been called since the last door_seed. */
bool door_has_drawn(void);

/* Write n bytes of chance to buf for keys, tokens and passwords: in a live program they are always
 * the kernel's. Under -p they come from the stream of door_random, so that a test shows them; in
 * the replay of a trace they come from a stream of their own, for the traced program has drawn none
 * from its seed. door_secrets_from chooses. */
enum door_secrets { DOOR_KERNEL, DOOR_SAME_STREAM, DOOR_OWN_STREAM };

void door_secret(void *buf, size_t n);
void door_secrets_from(enum door_secrets from);

/* Write n characters of [a-z0-9], chosen by door_random, to buf, for ids. No NUL is written. */
void door_random_id(char *buf, size_t n);

/* ---- memory that outlives a kill (mapped.c) ---- */

/* Map the file at path, which is made (0600) when there is none, and is given this size. A kill of
 * the process does not lose the bytes stored there; a power cut may. NULL: errno says why. */
void *file_map(char const *path, size_t size);

/* ---- --help and --version, for every program ---- */

/* When a word of argv before "--" is --help or --version, print the usage of PROG, whose words behind
 * the name are usage, or its version, and exit: 0, or 111 when the output was not written. */
void help_options(char const *const *argv, char const *usage);

/* ---- the log: one line an event on stderr ---- */

enum log_level { LOG_FATAL, LOG_WARN, LOG_INFO, LOG_DEBUG };

/* Events above this level are not written; 1 at start. */
extern unsigned int log_verbosity;

/* Write the line PROGRAM: LEVEL: event=EVENT key=value ..., from pairs of strings that NULL ends. A
 * value with blanks, quotes, control characters (C1 and those that turn the direction of text among
 * them) or bytes that are no UTF-8 is written in quotes with C escapes, so that nobody's input
 * makes a second line or commands a terminal. A NULL value drops its pair. Keeps errno. */
void log_event(enum log_level level, char const *event, ...) __attribute__((sentinel));

/* Give the last line that log_event made of a warning or worse, from its event on, and the second
 * since 1970 at which it was made; NULL: none yet. Lines that the verbosity left out count too. */
char const *log_last(uint64_t *second);

/* Give a number, or a slice, as a string for log_event, which is valid until 8 more were made. */
char const *log_num(uint64_t n);
char const *log_text(struct slice s);

/* Give the address of a client as it may be logged: ip, or "hidden" when the setting
 * hide_sensitive_log_data is on. Every line that names a client's address asks here. */
extern bool log_hides_peers;
char const *log_peer(struct slice ip);

/* Give the name of a connection, the same in the logs of all programs: FRONT:ID, the instance that
 * has its socket and the number there. front NULL: NULL. */
char const *log_conn(char const *front, uint64_t id);

#endif
