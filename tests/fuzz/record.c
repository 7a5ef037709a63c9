/* record: any line either is refused, or its fields put again make a line with the same
 * fields; raw fields passed on arrive as they were. */
#include "fuzz.h"

#include "record/record.h"

#include <skalibs/strerr.h>

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

char const *PROG = "fuzz";

/* The same fields, read backwards; and without newline or NUL to end the line early. */
static void
check(stralloc *sa, struct record *want, unsigned int want_n)
{
  struct record r;
  unsigned int i;

  must(!memchr(sa->s, '\n', sa->len) && !memchr(sa->s, 0, sa->len));
  must(record_split(&r, sa->s, sa->len));
  must(r.n == want_n);
  for (i = r.n; i-- > 0;)
    must(slice_eq(record_get(&r, i), record_get(want, i)));
}

static void
round_trip(char *line, size_t len)
{
  stralloc raw = STRALLOC_ZERO, put = STRALLOC_ZERO;
  struct record r;
  unsigned int i;

  if (!record_split(&r, line, len)) return;
  must(r.n >= 1 && r.n <= RECORD_FIELDS_MAX);
  must(stralloc_catb(&raw, r.at[0], r.len[0]));
  for (i = 1; i < r.n; i++)
    must(record_put_raw(&raw, record_raw(&r, i)));
  must(record_put(&put, record_get(&r, 0)));
  for (i = 1; i < r.n; i++)
    must(record_put(&put, record_get(&r, i)));
  memmove(put.s, put.s + 1, --put.len); /* the verb has no TAB before it */
  check(&raw, &r, r.n);
  check(&put, &r, r.n);
  stralloc_free(&raw);
  stralloc_free(&put);
}

/* Any bytes at all can be a field. */
static void
as_field(uint8_t const *data, size_t len)
{
  struct slice s = slice_of((char const *)data, len);
  stralloc sa = STRALLOC_ZERO;
  struct record r;

  must(record_put_verb(&sa, "v") && record_put(&sa, s) && record_put_end(&sa));
  must(memchr(sa.s, '\n', sa.len) == sa.s + sa.len - 1);
  must(record_split(&r, sa.s, sa.len - 1) && r.n == 2);
  must(slice_eq(record_get(&r, 1), s));
  stralloc_free(&sa);
}

int
LLVMFuzzerTestOneInput(uint8_t const *data, size_t len)
{
  char *line = malloc(len + !len);

  must(line);
  if (len) memcpy(line, data, len);
  if (!memchr(line, '\n', len)) round_trip(line, len);
  free(line);
  as_field(data, len);
  return 0;
}
