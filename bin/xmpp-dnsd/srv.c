#include "dnsd.h"

#include <stdlib.h>

/* Append a name of the DNS (RFC 1035 s3.1) to out, with dots between its labels. Bytes that no host's name
 * has are refused: the name goes into records and logs. */
static bool
read_name(struct slice wire, char out[256])
{
  size_t n = 0, i = 0;

  while (i < wire.len && wire.s[i]) {
    size_t len = (unsigned char)wire.s[i++], k;
    if (len > 63 || i + len >= wire.len || n + len + 2 > 255) return false;
    if (n) out[n++] = '.';
    for (k = 0; k < len; k++) {
      char c = wire.s[i + k];
      if (c >= 'A' && c <= 'Z') c = (char)(c + ('a' - 'A'));
      if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_'))
        return false;
      out[n++] = c;
    }
    i += len;
  }
  out[n] = 0;
  return i + 1 == wire.len;
}

static unsigned int
read_u16(char const *s)
{
  return (unsigned int)(unsigned char)s[0] << 8 | (unsigned char)s[1];
}

bool
srv_read(struct target *t, struct slice record)
{
  char name[256];

  if (record.len < 7 || !read_name(slice_of(record.s + 6, record.len - 6), name))
    return false;
  *t = (struct target){.priority = read_u16(record.s),
                       .weight = read_u16(record.s + 2),
                       .port = read_u16(record.s + 4)};
  if (name[0] && !t->port) return false; /* nobody can be connected to there */
  t->name = slice_dup(slice_str(name));
  return t->name != NULL;
}

static int
by_priority(void const *a, void const *b)
{
  struct target const *x = a, *y = b;

  if (x->priority != y->priority) return x->priority < y->priority ? -1 : 1;
  if (!x->weight != !y->weight) return x->weight ? 1 : -1; /* weight 0 first */
  return 0;
}

/* A number from 0 to max. */
static uint64_t
chance(uint64_t max)
{
  uint64_t n;

  door_random(&n, sizeof n);
  return n % (max + 1);
}

/* Move one of v[0..n) to the front: each with the chance that its weight is of the sum. */
static void
draw(struct target *v, size_t n)
{
  uint64_t sum = 0, mark, running = 0;
  struct target won;
  size_t i;

  for (i = 0; i < n; i++)
    sum += v[i].weight;
  mark = chance(sum);
  for (i = 0; i + 1 < n && (running += v[i].weight) < mark; i++) {
  }
  won = v[i];
  memmove(v + 1, v, i * sizeof *v);
  v[0] = won;
}

void
srv_order(struct target *v, size_t n)
{
  size_t i, end;

  if (n) qsort(v, n, sizeof *v, by_priority);
  for (i = 0; i < n; i++) {
    for (end = i + 1; end < n && v[end].priority == v[i].priority; end++) {
    }
    draw(v + i, end - i);
  }
}
