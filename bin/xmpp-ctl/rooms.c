#include "ctl.h"

#include <skalibs/strerr.h>

#include <stdio.h>
#include <string.h>

/* rooms [unused DAYS | of JID]; room WORD ROOM ...: xmpp-mucd has the rooms. */

static void
print_row(struct record *r)
{
  unsigned int i;
  struct slice v;

  for (i = 1; i < r->n; i++) {
    v = record_get(r, i);
    printf("%s%.*s", i > 1 ? ctl.records ? "\t" : "  " : "", (int)v.len, v.s);
  }
  putchar('\n');
}

static int
ask(char const *word, char const *room, char const *a, char const *b)
{
  struct client c;
  bool ok;

  client_reach(&c, "mucd");
  client_ask(&c, "room", word, room, a, b, NULL);
  ok = client_answer(&c, "mucd", print_row);
  client_close(&c);
  return ok ? 0 : 1;
}

int
command_rooms(char const *const *argv)
{
  bool unused = argv[0] && argv[1] && !strcmp(argv[0], "unused");

  if (argv[0] && argv[1] && !strcmp(argv[0], "of"))
    return ask("of", prepared(argv[1]), "", "");
  if (argv[0] && !unused) strerr_dieusage(100, "rooms [ unused DAYS | of JID ]");
  return ask("list", "", unused ? argv[1] : "", "");
}

int
command_room(char const *const *argv)
{
  char const *a = argv[0] && argv[1] && argv[2] ? argv[2] : "";
  char const *b = *a && argv[3] ? argv[3] : "";

  if (!argv[0] || !argv[1] || !strcmp(argv[0], "list") || !strcmp(argv[0], "of"))
    strerr_dieusage(100,
                    "room create|destroy|forget|config|affiliation|occupants|archive|"
                    "history|invite ROOM ... | room nick SERVICE ...");
  return ask(argv[0], prepared(argv[1]), a, b);
}
