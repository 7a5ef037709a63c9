/* xmpp-confgen: ejabberd.yml in, settings out.
 *
 * USAGE   xmpp-confgen check   [ options ] FILE
 *         xmpp-confgen compile [ options ] -o DIR FILE
 *         xmpp-confgen explain PATH FILE       a value, and where it comes from
 *         xmpp-confgen why JID IP RULE FILE    which line of a rule decides
 *         xmpp-confgen diff OLD NEW            which settings of which programs change
 *         xmpp-confgen web caddy|nginx FILE    the part of a web server in front of uploads
 *         xmpp-confgen list                    all options and modules
 *         options: --strict --no-files --home DIR --log-path DIR --database-path DIR
 *         --quiet, --all     errors alone; options without effect and notes too
 *         --lenient          an included file's options win (18.04)
 *         --uids BASE        the programs run as users BASE, BASE + 1...
 *         --users FILE       the places of the administrator's services among them
 *         --dev-certs DIR    certificates of this folder too
 * READS   FILE and what it includes
 * WRITES  DIR (new, and put in place by one rename), or nothing when there is an error
 * SAYS    FILE:LINE:COL: error|warning|note: OPTION.PATH: text, on stderr: first errors, then
 *         what changes security or loses a feature, then how many options have no effect
 * LIMITS  4 MiB, 64 levels, 100000 values, 16 files inside each other
 * EXIT    0 ok (warnings too); 1 warnings, with --strict; a denial, with why; a difference, with
 *         diff; 100 usage or a bad configuration; 111 a file that cannot be read or written now
 * TRUSTS  its arguments. Not FILE.
 * ROOMS   table.c all options, table_modules.c modules, replaced.c options of earlier versions;
 *         values.c types of options, times.c, tls.c some types; compile.c the whole; include.c
 *         other files; repeated.c keys that repeat; undefined.c options that are not given;
 *         keywords.c; access.c acls and rules; references.c rules that options name; listen.c,
 *         ports.c, web.c listeners; modules.c, defaults.c modules; nested.c options that are lists,
 *         appended.c those of one service, node_config.c, vcard.c; tabber.c our own options,
 *         pages.c those of web pages; services.c the administrator's programs; certs.c; front.c web
 *         servers in front; emit.c the settings; commands.c explain, why, diff, list; say.c
 *         messages
 */
#include "confgen.h"

#include <skalibs/strerr.h>
#include <skalibs/types.h>

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define USAGE                                                                            \
  "check|compile|explain path|why jid ip rule|diff old|web server|list "                 \
  "[ --strict | --lenient ] [ --no-files ] [ --quiet ] [ --all ] [ --home dir ] "        \
  "[ --log-path dir ] [ --database-path dir ] [ --uids base ] [ --users file ] "         \
  "[ --dev-certs dir ] [ -o dir ] file"

#define WORDS_MAX 5

char const *PROG = "xmpp-confgen";

struct arguments {
  char const *words[WORDS_MAX]; /* the command and what it is about */
  unsigned int n;
  char const *out;
  bool strict;
};

static char const *
value_of(char const *const **argv)
{
  char const *v = *++*argv;

  if (!v) strerr_dieusage(100, USAGE);
  return v;
}

static struct arguments
read_arguments(char const *const *argv)
{
  struct arguments a = {.n = 0};

  help_options(argv, USAGE);
  job.home = "/var/lib/tabber";
  job.log_path = "/var/log/tabber";
  job.database_path = "/var/lib/tabber/data";
  while (*++argv) {
    if (!strcmp(*argv, "--strict"))
      a.strict = job.strict = true;
    else if (!strcmp(*argv, "--lenient"))
      job.lenient = true;
    else if (!strcmp(*argv, "--no-files"))
      job.no_files = true;
    else if (!strcmp(*argv, "--quiet"))
      quiet = true;
    else if (!strcmp(*argv, "--all"))
      say_all = true;
    else if (!strcmp(*argv, "--home"))
      job.home = value_of(&argv);
    else if (!strcmp(*argv, "--log-path"))
      job.log_path = value_of(&argv);
    else if (!strcmp(*argv, "--database-path"))
      job.database_path = value_of(&argv);
    else if (!strcmp(*argv, "--uids")) {
      if (!uint320_scan(value_of(&argv), &job.uids)) strerr_dieusage(100, USAGE);
    } else if (!strcmp(*argv, "--users"))
      job.users = value_of(&argv);
    else if (!strcmp(*argv, "--dev-certs"))
      job.dev_certs = value_of(&argv);
    else if (!strcmp(*argv, "-o"))
      a.out = value_of(&argv);
    else if (**argv == '-' || a.n == WORDS_MAX)
      strerr_dieusage(100, USAGE);
    else
      a.words[a.n++] = *argv;
  }
  return a;
}

static bool
is(struct arguments const *a, char const *command, unsigned int words)
{
  return a->n == words + 1 && !strcmp(a->words[0], command);
}

/* Compile the last word's file. 0, or the exit code. */
static int
read_file(struct arguments const *a)
{
  errno = 0;
  if (!compile(a->words[a->n - 1])) return errno && !job.top ? 111 : 100;
  return a->strict && said.warnings ? 1 : 0;
}

int
main(int argc, char const *const *argv)
{
  struct arguments a = read_arguments(argv);
  int code;

  (void)argc;
  if (is(&a, "list", 0)) return command_list();
  if (is(&a, "diff", 2)) {
    quiet = true;
    return command_diff(a.words[1], a.words[2]);
  }
  if (!is(&a, "explain", 2) && !is(&a, "web", 2) && !is(&a, "why", 4) &&
      !is(&a, "check", 1) && (!is(&a, "compile", 1) || !a.out))
    strerr_dieusage(100, USAGE);
  if (!is(&a, "check", 1) && !is(&a, "compile", 1)) quiet = true;
  job.as_root = a.out && !job.uids && !geteuid();
  code = read_file(&a);
  if (code) return code;
  if (is(&a, "explain", 2)) return command_explain(a.words[1]);
  if (is(&a, "web", 2)) return command_web(a.words[1]);
  if (is(&a, "why", 4)) return command_why(a.words[1], a.words[2], a.words[3]);
  if (a.out && !emit_write(a.out, job.uids)) strerr_diefusys(111, "write ", a.out);
  return 0;
}
