#include "ctl.h"

#include <skalibs/strerr.h>

#include <stdio.h>
#include <string.h>

/* ban list | add ADDRESS[/BITS] [MINUTES] | del ADDRESS[/BITS] | del all */

#define USAGE "ban list | add ADDRESS[/BITS] [MINUTES] | del ADDRESS[/BITS]|all"

static void
print_ban(struct record *r)
{
  struct slice address = record_get(r, 1), until = record_get(r, 2);

  printf(ctl.records ? "ban\t%.*s\t%.*s\n" : "%-24.*s until %.*s\n", (int)address.len,
         address.s, (int)until.len, until.s);
}

int
command_ban(char const *const *argv)
{
  char const *what = argv[0] ? argv[0] : "list", *address = argv[0] ? argv[1] : NULL;
  bool lists = !strcmp(what, "list"), adds = !strcmp(what, "add");
  struct client c;
  bool ok;

  if ((!lists && !adds && strcmp(what, "del") != 0) || lists == (address != NULL) ||
      (!adds && address && argv[2]))
    strerr_dieusage(100, USAGE);
  client_reach(&c, "authd");
  client_ask(&c, "bans", what, address, address ? argv[2] : NULL, NULL);
  ok = client_answer(&c, address ? address : "authd", print_ban);
  client_close(&c);
  return ok ? 0 : 1;
}
