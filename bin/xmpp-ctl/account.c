#include "ctl.h"

#include "password/password.h"

#include <skalibs/allreadwrite.h>
#include <skalibs/strerr.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <termios.h>
#include <unistd.h>

/* account add|passwd|del|list: passwords come from standard input, never from argv,
 * where everybody on the machine could read them. */

#define GENERATED_LEN 20
/* Questions that an open server would ask of its users. */
#define WEAK_BITS 32

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

char const *
account_read_line(char buf[LINE_ROOM], bool *end)
{
  size_t n = 0;
  bool nul = false, too_long = false;
  int c;

  while ((c = getchar()) != EOF && c != '\n') {
    nul = nul || !c;
    too_long = too_long || n == LINE_ROOM - 1;
    if (!too_long) buf[n++] = (char)c;
  }
  buf[n] = 0;
  *end = c == EOF && !n;
  if (ferror(stdin)) strerr_diefusys(111, "read standard input");
  return too_long ? "the line is too long" : nul ? "the line has a NUL byte" : NULL;
}

/* A terminal does not show what is typed. */
static char const *
read_secret(char buf[LINE_ROOM], char const *jid, bool *end)
{
  struct termios shown, hidden;
  bool tty = isatty(0) && !tcgetattr(0, &shown);
  char const *wrong;

  if (tty) {
    fprintf(stderr, "password for %s: ", jid);
    hidden = shown;
    hidden.c_lflag &= ~(tcflag_t)ECHO;
    tcsetattr(0, TCSAFLUSH, &hidden);
  }
  wrong = account_read_line(buf, end);
  if (tty) {
    tcsetattr(0, TCSAFLUSH, &shown);
    fputc('\n', stderr);
  }
  return wrong;
}

static char const *
password_for(char const *jid)
{
  static char generated[GENERATED_LEN + 1];
  static char line[LINE_ROOM];
  char const *wrong;
  bool end;

  if (ctl.generate) {
    generate(generated);
    return generated;
  }
  wrong = read_secret(line, jid, &end);
  if (wrong) strerr_dief(100, "no password on standard input: ", wrong);
  if (end) strerr_dief(100, "no password on standard input");
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
  if (!needs) return session_end(jid, "not-authorized", false);
  if (ctl.generate) printf(ctl.records ? "password\t%s\t%s\n" : "%s %s\n", jid, password);
  return 0;
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
    code = account_import(&c);
  } else if (argv[1] && (!strcmp(argv[0], "add") || !strcmp(argv[0], "passwd") ||
                         !strcmp(argv[0], "del"))) {
    code = change(&c, argv[0], argv[1]);
  } else
    strerr_dieusage(100, "account add|passwd|del JID, list [HOST], import -");
  client_close(&c);
  return code;
}
