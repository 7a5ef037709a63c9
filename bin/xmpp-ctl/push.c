#include "ctl.h"

#include <skalibs/strerr.h>

#include <stdio.h>
#include <string.h>

/* push list|drop JID: xmpp-pushd has the registrations. */

/* A line a registration, fields separated by TABs, escaped as records are. */
static void
print_row(struct record *r)
{
  static stralloc line = STRALLOC_ZERO;
  unsigned int i;

  line.len = 0;
  for (i = 1; i < r->n; i++) {
    if (i > 1 && !stralloc_catb(&line, "\t", 1)) return;
    if (!record_put_more(&line, record_get(r, i))) return;
  }
  if (stralloc_catb(&line, "\n", 1)) fwrite(line.s, 1, line.len, stdout);
}

int
command_push(char const *const *argv)
{
  struct client c;
  bool ok;

  if (!argv[0] || !argv[1] ||
      (strcmp(argv[0], "list") != 0 && strcmp(argv[0], "drop") != 0))
    strerr_dief(100, "usage: push list|drop JID");
  client_reach(&c, "pushd");
  client_ask(&c, "push", argv[0], prepared(argv[1]), NULL);
  ok = client_answer(&c, "pushd", print_row);
  client_close(&c);
  return ok ? 0 : 1;
}
