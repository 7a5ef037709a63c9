#include "ctl.h"

#include "password/password.h"

#include <skalibs/allreadwrite.h>
#include <skalibs/strerr.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

/* account add|passwd|del|list|import: passwords come from standard input, never from argv,
 * where everybody on the machine could read them. */

#define GENERATED_LEN 20
/* What an open server would ask of its users. */
#define WEAK_BITS 32
/* Requests that are on their way at once in an import. */
#define WINDOW 64

static void
generate(char buf[GENERATED_LEN + 1])
{
  static char const letters[] =
    "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789";
  unsigned char bytes[GENERATED_LEN];
  size_t i;

  if (getrandom(bytes, sizeof bytes, 0) != sizeof bytes)
    strerr_diefusys(111, "get random bytes");
  for (i = 0; i < GENERATED_LEN; i++)
    buf[i] = letters[bytes[i] % (sizeof letters - 1)];
  buf[GENERATED_LEN] = 0;
}

static char const *
password_for(char const *jid)
{
  static char generated[GENERATED_LEN + 1];
  static char line[2048];
  size_t n;

  if (ctl.generate) {
    generate(generated);
    return generated;
  }
  if (isatty(0)) fprintf(stderr, "password for %s: ", jid);
  if (!fgets(line, sizeof line, stdin)) strerr_dief(100, "no password on standard input");
  n = strlen(line);
  if (n && line[n - 1] == '\n') line[n - 1] = 0;
  return line;
}

static void
print_account(struct record *r)
{
  struct slice jid = record_get(r, 1), number = record_get(r, 2);

  if (ctl.records)
    printf("account\t%.*s\t%.*s\n", (int)jid.len, jid.s, (int)number.len, number.s);
  else
    printf("%.*s\n", (int)jid.len, jid.s);
}

/* Only said: the administrator may have reasons. */
static void
warn_if_weak(char const *password)
{
  double bits = password_bits(slice_str(password));

  if (*password && bits < WEAK_BITS)
    fprintf(stderr, "xmpp-ctl: warning: a weak password (%.0f bits of %d)\n", bits,
            WEAK_BITS);
}

/* Of an account that is no more no session may go on. */
static int
change(struct client *c, char const *what, char const *jid)
{
  bool needs = strcmp(what, "del") != 0;
  char const *password = needs ? password_for(jid) : "";

  if (needs) warn_if_weak(password);
  client_ask(c, "account", what, jid, password, NULL);
  if (!client_answer(c, jid, NULL)) return 1;
  if (!needs) return session_end(jid, "not-authorized");
  if (ctl.generate) printf(ctl.records ? "password\t%s\t%s\n" : "%s %s\n", jid, password);
  return 0;
}

/* ---- import ---- */

struct import {
  struct client *client;
  unsigned int waiting;
  unsigned long added, failed;
};

static void
take_answer(struct import *im)
{
  if (client_answer(im->client, "import", NULL))
    im->added++;
  else
    im->failed++;
  im->waiting--;
}

static bool
import_line(struct import *im, char *line)
{
  char *tab = strchr(line, '\t'), *nl = strchr(line, '\n');

  if (nl) *nl = 0;
  if (!*line) return true;
  if (!tab) {
    fprintf(stderr, "xmpp-ctl: import: a line without TAB: %s\n", line);
    return false;
  }
  *tab = 0;
  client_ask(im->client, "account", "add", line, tab + 1, NULL);
  if (++im->waiting >= WINDOW) take_answer(im);
  return true;
}

static int
import(struct client *c)
{
  struct import im = {.client = c};
  char line[8192];

  while (fgets(line, sizeof line, stdin))
    if (!import_line(&im, line)) im.failed++;
  while (im.waiting)
    take_answer(&im);
  printf(ctl.records ? "imported\t%lu\t%lu\n" : "%lu added, %lu failed\n", im.added,
         im.failed);
  return im.failed ? 1 : 0;
}

int
command_account(char const *const *argv)
{
  struct client c;
  int code = 100;

  if (!argv[0]) strerr_dieusage(100, "account add|passwd|del JID, list [HOST], import -");
  if (!client_open(&c, SLICE("authd"))) strerr_diefusys(111, "reach xmpp-authd");
  if (!strcmp(argv[0], "list")) {
    client_ask(&c, "account", "list", argv[1] ? prepared(argv[1]) : "", NULL);
    code = client_answer(&c, "authd", print_account) ? 0 : 1;
  } else if (!strcmp(argv[0], "import") && argv[1] && !strcmp(argv[1], "-")) {
    code = import(&c);
  } else if (argv[1] && (!strcmp(argv[0], "add") || !strcmp(argv[0], "passwd") ||
                         !strcmp(argv[0], "del"))) {
    code = change(&c, argv[0], argv[1]);
  } else
    strerr_dieusage(100, "account add|passwd|del JID, list [HOST], import -");
  client_close(&c);
  return code;
}
