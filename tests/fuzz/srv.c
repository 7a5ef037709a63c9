/* srv: SRV records of strangers in wire form, each behind a byte with its length. A target that is read has
 * a name that is safe in records and logs, and a port; putting targets in order loses none, and the
 * priorities rise. Needs bin/xmpp-dnsd/srv.c. */
#include "fuzz.h"

#include "../../bin/xmpp-dnsd/dnsd.h"

#include <stdlib.h>
#include <string.h>

#define TARGETS 32

char const *PROG = "fuzz";

static void
is_safe(struct target const *t)
{
  static char const allowed[] = "abcdefghijklmnopqrstuvwxyz0123456789-_.";

  must(strlen(t->name) <= 253 && strspn(t->name, allowed) == strlen(t->name));
  must(t->priority <= UINT16_MAX && t->weight <= UINT16_MAX && t->port <= UINT16_MAX);
  if (!*t->name) return;
  must(t->port && *t->name != '.' && t->name[strlen(t->name) - 1] != '.');
  must(!strstr(t->name, ".."));
}

static bool
has(struct target const *v, size_t n, char const *name)
{
  size_t i;

  for (i = 0; i < n && v[i].name != name; i++) {
  }
  return i < n;
}

static void
order(struct target *v, size_t n)
{
  struct target was[TARGETS];
  size_t i;

  memcpy(was, v, n * sizeof *v);
  srv_order(v, n);
  for (i = 0; i < n; i++) {
    must(has(v, n, was[i].name));
    must(!i || v[i - 1].priority <= v[i].priority);
  }
}

int
LLVMFuzzerTestOneInput(uint8_t const *data, size_t len)
{
  struct target v[TARGETS];
  size_t at = 0, n = 0, size, i;

  door_seed(SLICE("00000000000000000000000000000000"));
  while (at < len && n < TARGETS) {
    size = data[at++];
    if (size > len - at) size = len - at;
    if (srv_read(&v[n], slice_of((char const *)data + at, size))) is_safe(&v[n++]);
    at += size;
  }
  order(v, n);
  for (i = 0; i < n; i++)
    free(v[i].name);
  return 0;
}
