/* xmpp-load: puts load on an XMPP server, any, and says what it took.
 *
 * USAGE   xmpp-load -l LOAD [ options ] HOST PORT DOMAIN
 *         -n SESSIONS (2)  -P AT ONCE while logging in (20)  -t SECONDS (10)
 *         -w WINDOW (4) or -r RATE, units a second  -b BYTES of a body (100)
 *         -N UNITS after which a chat ends  -H a hub that all others chat with
 *         -f CONTACTS of a publisher, to ask an archive for, or occupants of a room (100)
 *         -q first|last|time|with what is asked of the archive  -g PAGE (50)
 *         -u USER (load; the users are USER1, USER2...)  -F FIRST (1)  -p PASSWORD (load)
 *         -o NAME=VALUE what only some loads have
 *         -m MECHANISM (SCRAM-SHA-256)  -D direct TLS, else STARTTLS
 *         -j PROCESSES (1)  -s SOURCE address, several in turn
 * WRITES  "online N" when the measured time begins, and one record at its end; 2 progress
 * EXIT    0 all went well; 1 something was lost, doubled, out of order or refused; 100
 *         usage; 111 system call
 * LIMITS  PROCESSES_MAX, SOURCES_MAX, SETTINGS_MAX
 * TRUSTS  its arguments, and no server
 * ROOMS   kinds.h the kinds of load: archive.c, back.c, chat.c, muc.c, omemo-fetch.c, pep.c,
 *         pep-login.c, presence.c, pubsub.c, s2s*.c; loads.c what they have in common, audience.c
 *         one who speaks to many, people.c their contacts; client.c one client; websocket.c its way
 *         over HTTP; login.c SASL; processes.c; figures.c
 */
#include "load.h"

#include <skalibs/sgetopt.h>
#include <skalibs/sig.h>
#include <skalibs/strerr.h>
#include <skalibs/types.h>

#include <signal.h>
#include <string.h>

#define USAGE                                                                            \
  "-l load [ -n sessions ] [ -P at-once ] [ -t seconds ] "                               \
  "[ -w window ] [ -r rate ] [ -b bytes ] [ -N units ] [ -H ] [ -f contacts ] "          \
  "[ -q query ] [ -g page ] [ -u user ] [ -F first ] [ -p password ] "                   \
  "[ -m mechanism ] [ -D ] [ -j processes ] [ -s source ]... [ -o name=value ]... host " \
  "port domain"

char const *PROG = "xmpp-load";

struct options opt = {.user = "load",
                      .password = "load",
                      .mechanism = "SCRAM-SHA-256",
                      .sessions = 2,
                      .first = 1,
                      .window = 4,
                      .seconds = 10,
                      .size = 100,
                      .parallel = 20,
                      .contacts = 100,
                      .page = 50,
                      .processes = 1};

static void
number(char const *word, uint64_t *out)
{
  if (!slice_u64(slice_str(word), out)) strerr_dieusage(100, USAGE);
}

/* The last that -o gave to a name counts. */
char const *
setting(char const *name, char const *otherwise)
{
  size_t len = strlen(name);
  unsigned int i;

  for (i = opt.n_settings; i-- > 0;)
    if (!strncmp(opt.settings[i], name, len) && opt.settings[i][len] == '=')
      return opt.settings[i] + len + 1;
  return otherwise;
}

uint64_t
setting_number(char const *name, uint64_t otherwise)
{
  char const *value = setting(name, NULL);

  if (value) number(value, &otherwise);
  return otherwise;
}

static void
take_option(int o, char const *arg)
{
  switch (o) {
  case 'l': opt.kind = load_kind_of(arg); return;
  case 'n': number(arg, &opt.sessions); return;
  case 'P': number(arg, &opt.parallel); return;
  case 't': number(arg, &opt.seconds); return;
  case 'w': number(arg, &opt.window); return;
  case 'r': number(arg, &opt.rate); return;
  case 'b': number(arg, &opt.size); return;
  case 'N': number(arg, &opt.units); return;
  case 'H': opt.hub = true; return;
  case 'f': number(arg, &opt.contacts); return;
  case 'g': number(arg, &opt.page); return;
  case 'u': opt.user = arg; return;
  case 'F': number(arg, &opt.first); return;
  case 'p': opt.password = arg; return;
  case 'm': opt.mechanism = arg; return;
  case 'D': opt.direct = true; return;
  case 'j': number(arg, &opt.processes); return;
  case 'q': opt.query = arg; return;
  case 'o':
    if (opt.n_settings == SETTINGS_MAX) break;
    opt.settings[opt.n_settings++] = arg;
    return;
  case 's':
    if (opt.n_sources == SOURCES_MAX) break;
    opt.sources[opt.n_sources++] = arg;
    return;
  default: break;
  }
  strerr_dieusage(100, USAGE);
}

/* The kind reads a setting by its name, so that a name that the kind does not know is an error. */
static bool
knows_settings(struct load_kind const *kind)
{
  struct slice words, word, name;
  unsigned int i;
  bool known;

  for (i = 0; i < opt.n_settings; i++) {
    struct slice text = slice_str(opt.settings[i]);
    if (!strchr(opt.settings[i], '=') || !slice_word(&text, '=', &name)) return false;
    words = slice_str(kind->settings ? kind->settings : "");
    for (known = slice_is(name, "websocket"); !known && slice_word(&words, ' ', &word);)
      known = slice_eq(word, name);
    if (!known) return false;
  }
  return true;
}

/* Whole groups, and no more processes than groups. */
static void
round_options(struct load_kind const *kind)
{
  uint64_t group;

  if (kind->comes_and_goes) opt.sessions = opt.parallel;
  group = kind->group ? kind->group() : 1;
  opt.sessions = (opt.sessions + group - 1) / group * group;
  if (opt.processes > opt.sessions / group) opt.processes = opt.sessions / group;
}

static void
read_options(int argc, char const *const *argv)
{
  subgetopt l = SUBGETOPT_ZERO;
  struct load_kind const *kind;
  int o;

  help_options(argv, USAGE);
  while ((o = subgetopt_r(argc, argv, "l:n:P:t:w:r:b:N:Hf:q:g:u:F:p:m:Dj:s:o:", &l)) !=
         -1)
    take_option(o, l.arg);
  argv += l.ind;
  kind = opt.kind;
  if (!kind || argc - l.ind != 3 || opt.size > BODY_MAX || !opt.sessions ||
      !opt.parallel || !opt.window || !opt.contacts || !opt.first || !opt.processes ||
      opt.processes > PROCESSES_MAX)
    strerr_dieusage(100, USAGE);
  opt.here.host = argv[0];
  opt.here.port = argv[1];
  opt.here.domain = argv[2];
  if (!knows_settings(kind) || (kind->check && !kind->check()))
    strerr_dieusage(100, USAGE);
  round_options(kind);
}

int
main(int argc, char const *const *argv)
{
  static struct figures sum;

  read_options(argc, argv);
  sig_ignore(SIGPIPE);
  if (!processes_run(&sum)) strerr_diefusys(111, "run");
  figures_print(&sum);
  return figures_are_good(&sum) ? 0 : 1;
}
