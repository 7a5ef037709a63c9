/* The file of copies that outlives routed. */
#ifndef ROUTED_JOURNAL_H
#define ROUTED_JOURNAL_H

#include "routed.h"

/* Pass the copies that an earlier run left in the files path-1 and path-2 to entry, in the order in
 * which that run kept them, and go on in those files. again says all that is kept now, with
 * journal_kept. path NULL (the pipe driver): no file is read or written. The notes of a turn that a
 * kill cut short do not count: routed had acknowledged no stanza of that turn. */
void journal_open(char const *path, void (*again)(void),
                  void (*entry)(uint64_t number, uint64_t id, struct slice fields));

/* journal_kept notes that a copy is kept for session number; journal_through that the session needs
 * its copies up to id no more; journal_gone that the one copy id is kept for it no longer. */
void journal_kept(uint64_t number, uint64_t id, struct slice fields);
void journal_through(uint64_t number, uint64_t id);
void journal_gone(uint64_t number, uint64_t id);

/* Say whether notes are written now, so that they outlive routed. A replay, which writes none, does
 * as the run did whose trace it plays. */
bool journal_stands(void);
void journal_snapshot(struct snapshot *k);

/* Let the notes of this turn count, before routed acknowledges a record of it. live: bytes that
 * are kept; a file has room for twice that and JOURNAL_SLACK. */
void journal_turn(uint64_t live);

/* Begin the other file at the end of this turn. */
void journal_renew(void);

#endif
