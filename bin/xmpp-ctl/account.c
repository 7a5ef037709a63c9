#include "ctl.h"

#include "password/password.h"

#include <skalibs/allreadwrite.h>
#include <skalibs/strerr.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <termios.h>
#include <unistd.h>

/* account add|passwd|restore|list: passwords come from standard input, never from argv,
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

static struct termios shown;

/* A person who gives up at the question gets the terminal back as it was. */
static void
show_again(int sig)
{
  tcsetattr(0, TCSAFLUSH, &shown);
  signal(sig, SIG_DFL);
  raise(sig);
}

static void
on_signals(void (*fn)(int))
{
  static int const signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
  size_t i;

  for (i = 0; i < sizeof signals / sizeof *signals; i++)
    signal(signals[i], fn);
}

/* A terminal does not show what is typed. */
static char const *
read_secret(char buf[LINE_ROOM], char const *jid, bool *end)
{
  struct termios hidden;
  bool tty = isatty(0) && !tcgetattr(0, &shown);
  char const *wrong;

  if (tty) {
    fprintf(stderr, "password for %s: ", jid);
    hidden = shown;
    hidden.c_lflag &= ~(tcflag_t)ECHO;
    on_signals(show_again);
    tcsetattr(0, TCSAFLUSH, &hidden);
  }
  wrong = account_read_line(buf, end);
  if (tty) {
    tcsetattr(0, TCSAFLUSH, &shown);
    on_signals(SIG_DFL);
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

static int
change(struct client *c, char const *what, char const *jid)
{
  char const *password = password_for(jid);

  warn_if_weak(password);
  client_ask(c, "account", what, jid, password, NULL);
  if (!client_answer(c, jid, NULL)) return 1;
  if (ctl.generate) printf(ctl.records ? "password\t%s\t%s\n" : "%s %s\n", jid, password);
  return 0;
}

static void
print_weak(struct record *r)
{
  struct slice jid = record_get(r, 1), number = record_get(r, 2),
               hashes = record_get(r, 3);

  if (ctl.records)
    printf("weak\t%.*s\t%.*s\t%.*s\n", (int)jid.len, jid.s, (int)number.len, number.s,
           (int)hashes.len, hashes.s);
  else
    printf("%.*s lacks %.*s\n", (int)jid.len, jid.s, (int)hashes.len, hashes.s);
}

static void
print_removed(struct record *r)
{
  struct slice jid = record_get(r, 1), number = record_get(r, 2),
               until = record_get(r, 3);

  printf(ctl.records ? "removed\t%.*s\t%.*s\t%.*s\n" : "%.*s (%.*s): until %.*s\n",
         (int)jid.len, jid.s, (int)number.len, number.s, (int)until.len, until.s);
}

static int
list(struct client *c, char const *host)
{
  if (host && !strcmp(host, "--ending")) return account_list_ending(c);
  if (host && !strcmp(host, "--removed")) {
    client_ask(c, "account", "removed", NULL);
    return client_answer(c, "authd", print_removed) ? 0 : 1;
  }
  if (host && !strcmp(host, "--weak")) {
    client_ask(c, "account", "weak", NULL);
    return client_answer(c, "authd", print_weak) ? 0 : 1;
  }
  client_ask(c, "account", "list", host ? prepared(host) : "", NULL);
  return client_answer(c, "authd", print_account) ? 0 : 1;
}

#define USAGE                                                                            \
  "account add|passwd|del|restore JID, erase JID [--prove], "                            \
  "list [HOST|--ending|--removed|--weak], import -"

static int
do_account(struct client *c, char const *what, char const *const *argv)
{
  char const *jid = argv[0];

  if (jid && argv[1] && (strcmp(what, "erase") != 0 || argv[2]))
    strerr_dieusage(100, USAGE);
  if (!strcmp(what, "list")) return list(c, jid);
  if (!jid) strerr_dieusage(100, USAGE);
  if (!strcmp(what, "import") && !strcmp(jid, "-")) return account_import(c);
  if (!strcmp(what, "add") || !strcmp(what, "passwd")) return change(c, what, jid);
  if (!strcmp(what, "del")) return account_del(c, jid);
  if (!strcmp(what, "restore")) {
    client_ask(c, "account", "restore", jid, NULL);
    return client_answer(c, jid, NULL) ? 0 : 1;
  }
  if (!strcmp(what, "erase") && (!argv[1] || !strcmp(argv[1], "--prove")))
    return account_erase(c, jid, argv[1] != NULL);
  strerr_dieusage(100, USAGE);
}

int
command_account(char const *const *argv)
{
  struct client c;
  int code;

  if (!argv[0]) strerr_dieusage(100, USAGE);
  client_reach(&c, "authd");
  code = do_account(&c, argv[0], argv + 1);
  client_close(&c);
  return code;
}
