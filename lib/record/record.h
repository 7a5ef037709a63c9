/* record: the grammar of links, settings, traces and control, and nothing else.
 * A record is a line; its fields are separated by TAB, the first is the verb. In a field
 * \\ \t \n \r and \0 stand for backslash, TAB, newline, carriage return and NUL. Absent and
 * empty are the same. */
#ifndef RECORD_H
#define RECORD_H

#include "base/base.h"

#include <skalibs/stralloc.h>

/* A line cut into fields, which lie in the caller's buffer. Read fields by the functions
 * below only. */
struct record {
  unsigned int n;       /* fields, at most RECORD_FIELDS_MAX */
  uint32_t read, dirty; /* bit i: field i was unescaped; and that changed its bytes */
  char *at[RECORD_FIELDS_MAX];
  size_t len[RECORD_FIELDS_MAX];
};

/* Cut the len bytes at line (no newline in them) into *r. Fields past the last that fits
 * are left out. false, errno EPROTO: a NUL byte, a carriage return, or a backslash that
 * begins none of the five escapes. */
bool record_split(struct record *r, char *line, size_t len);

/* Field i as text, unescaped in place (its bytes in the buffer change); empty when there is
 * none. Lives as long as the buffer. */
struct slice record_get(struct record *r, unsigned int i);

/* Field i as it stands in the line, to be passed on by record_put_raw. Not after a
 * record_get that had something to unescape. */
struct slice record_raw(struct record const *r, unsigned int i);

/* Fields first to last with the TABs between them, as they stand in the line; empty under the same
 * condition, or when last is not there. */
struct slice record_run(struct record const *r, unsigned int first, unsigned int last);

/* Field i as a number; 0 when it is absent or none. */
uint64_t record_u64(struct record *r, unsigned int i);

/* Append to out: the verb, a TAB and an escaped field, a TAB and a field that is escaped
 * already, a number, the newline. Each gives false with errno ENOMEM. */
bool record_put_verb(stralloc *out, char const *verb);
bool record_put(stralloc *out, struct slice text);
bool record_put_raw(stralloc *out, struct slice raw);
bool record_put_u64(stralloc *out, uint64_t n);
bool record_put_end(stralloc *out);

/* A field that is given in pieces: a TAB, then any number of record_put_more. */
bool record_put_begin(stralloc *out);
bool record_put_more(stralloc *out, struct slice text);

#endif
