#include "ctl.h"

#include <skalibs/strerr.h>

#include <stdio.h>
#include <string.h>

/* archive stat|export|purge JID [BEFORE]: xmpp-mamd has the archives. */

/* Archive ids as times: microseconds above ARCHIVE_ID_SHIFT bits. */
static void
print_id(char const *name, uint64_t id)
{
  char when[STAMP_SIZE];

  stamp_s(when, (id >> ARCHIVE_ID_SHIFT) / 1000000);
  printf("%-10s %s\n", name, id ? when : "-");
}

static void
print_stat(struct record *r)
{
  struct slice name = record_get(r, 1);
  uint64_t value = record_u64(r, 2);

  if (ctl.records)
    printf("archive\t%.*s\t%llu\n", (int)name.len, name.s, (unsigned long long)value);
  else if (slice_is(name, "first") || slice_is(name, "last"))
    print_id(slice_is(name, "first") ? "first" : "last", value);
  else
    printf("%-10.*s %llu\n", (int)name.len, name.s, (unsigned long long)value);
}

/* As it came: a line a message, ID TIME FROM TO TYPE XML by TABs, escaped as records are. */
static void
print_message(struct record *r)
{
  static stralloc line = STRALLOC_ZERO;
  unsigned int i;

  line.len = 0;
  for (i = 1; i <= 6; i++) {
    if (i > 1 && !stralloc_catb(&line, "\t", 1)) return;
    if (!record_put_more(&line, record_get(r, i))) return;
  }
  if (stralloc_catb(&line, "\n", 1)) fwrite(line.s, 1, line.len, stdout);
}

static int
ask(char const *what, char const *jid, char const *before, client_row_fn *fn)
{
  struct client c;
  bool ok;

  client_reach(&c, "mamd");
  client_ask(&c, "archive", what, prepared(jid), before, NULL);
  ok = client_answer(&c, "mamd", fn);
  client_close(&c);
  return ok ? 0 : 1;
}

static struct {
  char const *what;
  client_row_fn *fn;
} const known[] = {
  {"stat",   print_stat   },
  {"export", print_message},
  {"purge",  NULL         },
};

int
command_archive(char const *const *argv)
{
  size_t i;

  for (i = 0; argv[0] && argv[1] && i < sizeof known / sizeof *known; i++)
    if (!strcmp(argv[0], known[i].what) && (!argv[2] || !strcmp(argv[0], "purge")))
      return ask(argv[0], argv[1], argv[2], known[i].fn);
  strerr_dief(100, "usage: archive stat|export JID, archive purge JID [BEFORE]");
}
