/* xmpp-confgen: ejabberd.yml in, settings out.
 *
 * USAGE   xmpp-confgen check   [ options ] FILE
 *         xmpp-confgen compile [ options ] -o DIR FILE
 *         options: --strict --no-files --quiet --home DIR
 *         --uids BASE        the programs run as users BASE, BASE + 1...
 *         --dev-certs DIR    certificates of this folder too
 * READS   FILE and what it includes
 * WRITES  DIR (new, and put in place by one rename), or nothing when there is an error
 * SAYS    FILE:LINE:COL: error|warning|note: OPTION.PATH: text, on stderr
 * LIMITS  4 MiB, 64 levels, 100000 values
 * EXIT    0 ok (warnings too); 1 warnings, with --strict; 100 usage or a bad configuration;
 *         111 a file that cannot be read or written now
 * TRUSTS  its arguments. Not FILE.
 * ROOMS   compile.c the whole; listen.c listeners; options.c the table and the types of
 *         values; emit.c the settings; say.c messages
 */
#include "confgen.h"

#include <skalibs/strerr.h>
#include <skalibs/types.h>

#include <errno.h>
#include <string.h>

#define USAGE                                                                            \
  "check|compile [ --strict ] [ --no-files ] [ --quiet ] [ --home dir ] [ --uids base "  \
  "] "                                                                                   \
  "[ --dev-certs dir ] [ -o dir ] file"

char const *PROG = "xmpp-confgen";

struct arguments {
  char const *command, *file, *out;
  uint32_t uids;
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
  struct arguments a = {.command = NULL};

  job.home = "/var/lib/tabber";
  while (*++argv) {
    if (!strcmp(*argv, "--strict"))
      a.strict = true;
    else if (!strcmp(*argv, "--no-files"))
      job.no_files = true;
    else if (!strcmp(*argv, "--quiet"))
      quiet = true;
    else if (!strcmp(*argv, "--home"))
      job.home = value_of(&argv);
    else if (!strcmp(*argv, "--dev-certs"))
      job.dev_certs = value_of(&argv);
    else if (!strcmp(*argv, "--uids")) {
      if (!uint320_scan(value_of(&argv), &a.uids)) strerr_dieusage(100, USAGE);
    } else if (!strcmp(*argv, "-o"))
      a.out = value_of(&argv);
    else if (**argv == '-' || a.file)
      strerr_dieusage(100, USAGE);
    else if (!a.command)
      a.command = *argv;
    else
      a.file = *argv;
  }
  if (!a.file || (strcmp(a.command, "check") != 0 && strcmp(a.command, "compile") != 0) ||
      (!strcmp(a.command, "compile")) != (a.out != NULL))
    strerr_dieusage(100, USAGE);
  return a;
}

int
main(int argc, char const *const *argv)
{
  struct arguments a;

  (void)argc;
  a = read_arguments(argv);
  errno = 0;
  if (!compile(a.file)) return errno && errno != ENOENT && !job.top ? 111 : 100;
  if (a.strict && said.warnings) return 1;
  if (a.out && !emit_write(a.out, a.uids)) strerr_diefusys(111, "write ", a.out);
  return 0;
}
