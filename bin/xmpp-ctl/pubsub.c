#include "ctl.h"

#include <skalibs/strerr.h>

#include <stdio.h>
#include <string.h>

/* pubsub nodes|items|du|delete JID [NODE]: xmpp-pubsubd has the nodes. */

static void
print_stat(struct record *r)
{
  struct slice name = record_get(r, 1);

  printf(ctl.records ? "pubsub\t%.*s\t%llu\n" : "%-10.*s %llu\n", (int)name.len, name.s,
         (unsigned long long)record_u64(r, 2));
}

/* As it came: a line a node or an item, fields separated by TABs, escaped as records are. */
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

static int
ask(char const *what, char const *jid, char const *node, client_row_fn *fn)
{
  struct client c;
  bool ok;

  client_reach(&c, "pubsubd");
  client_ask(&c, "pubsub", what, prepared(jid), node, NULL);
  ok = client_answer(&c, "pubsubd", fn);
  client_close(&c);
  return ok ? 0 : 1;
}

static struct {
  char const *what;
  bool node;
  client_row_fn *fn;
} const known[] = {
  {"nodes",  false, print_row },
  {"items",  true,  print_row },
  {"du",     false, print_stat},
  {"delete", true,  print_row },
};

int
command_pubsub(char const *const *argv)
{
  size_t i;

  for (i = 0; argv[0] && argv[1] && i < sizeof known / sizeof *known; i++)
    if (!strcmp(argv[0], known[i].what) && known[i].node == (argv[2] != NULL))
      return ask(argv[0], argv[1], argv[2], known[i].fn);
  strerr_dief(100, "usage: pubsub nodes|du JID, pubsub items|delete JID NODE");
}
