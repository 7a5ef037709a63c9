/* snapshot: the state of a program at a moment, as records: a trace begins with them and
 * the pipe driver reads them, so a trace may begin at any moment. Each file that holds
 * state has one function that names all of the state, and serves both ways: the function
 * writes the state, or under -p makes the state anew from the records. A new field of a
 * struct is one line more there.
 *
 * Between two snapshot_record the fields of one record are written, or read in the same
 * order. Records and reads differ only when the program has changed: that is logged, and
 * each field that is read from then on is zero. */
#ifndef SNAPSHOT_H
#define SNAPSHOT_H

#include "link/link.h"

struct snapshot;

/* Say whether k makes state; else k writes state. */
bool snapshot_restores(struct snapshot const *k);

/* Begin the next record, of this kind. more: a thing is left to be written (else no
 * record is). Gives more; when state is made, whether the next record is of this kind. So
 * a list is
 *   for (x = first; snapshot_record(k, "x", x != NULL); x = x->next)
 * when it is written. */
bool snapshot_record(struct snapshot *k, char const *kind, bool more);

/* A field: an integer of any type; NULL or a string on the heap (the old one is not freed);
 * the bytes of a stralloc; a string in a buffer of this size; a piece of memory. */
void snapshot_int(struct snapshot *k, void *n, size_t size);
void snapshot_text(struct snapshot *k, char **z);
void snapshot_bytes(struct snapshot *k, stralloc *sa);
void snapshot_name(struct snapshot *k, char *buf, size_t size);
void snapshot_block(struct snapshot *k, void *p, size_t size);

#define SNAPSHOT_INT(k, lvalue) snapshot_int((k), &(lvalue), sizeof(lvalue))

/* A string that is secret: a trace has stars, as many as it has bytes. */
void snapshot_secret(struct snapshot *k, char **z);

/* The bytes with which the element begins that the conduit id of l is in the middle of: the trace will look
 * for secrets in the rest of it, too. */
void snapshot_begun(struct snapshot *k, struct link const *l, uint64_t id, stralloc *sa);

/* Text in the arena a. */
void snapshot_slice(struct snapshot *k, struct arena *a, struct slice *text);

/* A timer, with the function and cookie that it is started with. Timers fire in the order in
 * which they would have. */
void snapshot_timer(struct snapshot *k, struct event_timer *t, event_timer_fn *fn,
                    void *cookie);

/* A link of the program, by its name; NULL: none. */
void snapshot_link(struct snapshot *k, struct link **l);

/* Name the ids that were given and will be given, in records of their own. ids_restore
 * puts back the items of the ids. */
void snapshot_ids(struct snapshot *k, struct ids *t);

/* size zeroed bytes for a thing that is made. NULL: ENOMEM, and the snapshot has failed. */
void *snapshot_new(struct snapshot *k, size_t size);

/* Something does not fit: log why, and read no more. */
void snapshot_fail(struct snapshot *k, char const *why);

#endif
