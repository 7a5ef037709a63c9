/* xmpp-load: puts load on an XMPP server, any, and says what it took.
 *
 * USAGE   xmpp-load -l login|idle|chat [ options ] HOST PORT DOMAIN
 *         -n SESSIONS (2)  -P AT ONCE while logging in (20)  -t SECONDS (10)
 *         -w WINDOW (4) or -r MESSAGES A SECOND  -b BYTES of a body (100)
 *         -u USER (load; the users are USER1, USER2...)  -p PASSWORD (load)
 *         -m MECHANISM (SCRAM-SHA-256)  -D direct TLS, else STARTTLS
 * WRITES  "online N" when the measured time begins, and one record at its end
 * EXIT    0 all went well; 1 something was lost, doubled, out of order or refused; 100
 * usage; 111 system call TRUSTS  its arguments, and no server ROOMS   loads.c what
 * clients do; client.c one client; login.c SASL; figures.c
 */
#include "load.h"

#include <skalibs/sgetopt.h>
#include <skalibs/sig.h>
#include <skalibs/strerr.h>
#include <skalibs/types.h>

#include <signal.h>
#include <string.h>

#define USAGE                                                                            \
  "-l login|idle|chat [ -n sessions ] [ -P at-once ] [ -t seconds ] [ -w window ] "      \
  "[ -r rate ] [ -b bytes ] [ -u user ] [ -p password ] [ -m mechanism ] [ -D ] "        \
  "host port domain"

char const *PROG = "xmpp-load";

struct options opt = {.user = "load",
                      .password = "load",
                      .mechanism = "SCRAM-SHA-256",
                      .sessions = 2,
                      .window = 4,
                      .seconds = 10,
                      .size = 100,
                      .parallel = 20};

static bool
take_kind(char const *word)
{
  static char const *const kinds[] = {"login", "idle", "chat"};
  unsigned int i;

  for (i = 0; i < 3; i++)
    if (!strcmp(word, kinds[i])) {
      opt.kind = (enum load_kind)i;
      return true;
    }
  return false;
}

static void
number(char const *word, uint64_t *out)
{
  if (!slice_u64(slice_str(word), out)) strerr_dieusage(100, USAGE);
}

static void
read_options(int argc, char const *const *argv)
{
  subgetopt l = SUBGETOPT_ZERO;
  bool kind = false;
  int o;

  while ((o = subgetopt_r(argc, argv, "l:n:P:t:w:r:b:u:p:m:D", &l)) != -1) {
    switch (o) {
    case 'l': kind = take_kind(l.arg); break;
    case 'n': number(l.arg, &opt.sessions); break;
    case 'P': number(l.arg, &opt.parallel); break;
    case 't': number(l.arg, &opt.seconds); break;
    case 'w': number(l.arg, &opt.window); break;
    case 'r': number(l.arg, &opt.rate); break;
    case 'b': number(l.arg, &opt.size); break;
    case 'u': opt.user = l.arg; break;
    case 'p': opt.password = l.arg; break;
    case 'm': opt.mechanism = l.arg; break;
    case 'D': opt.direct = true; break;
    default: strerr_dieusage(100, USAGE);
    }
  }
  argv += l.ind;
  if (!kind || argc - l.ind != 3 || opt.size > 500) strerr_dieusage(100, USAGE);
  if (opt.kind == LOAD_CHAT && opt.sessions % 2) opt.sessions++;
  opt.host = argv[0];
  opt.port = argv[1];
  opt.domain = argv[2];
}

int
main(int argc, char const *const *argv)
{
  read_options(argc, argv);
  sig_ignore(SIGPIPE);
  if (!event_init()) strerr_diefusys(111, "make an epoll");
  if (!load_begin()) strerr_diefusys(111, "begin");
  if (!event_run()) strerr_diefusys(111, "wait for events");
  figures_print();
  return fig.failed || fig.broken || fig.doubled || fig.misordered ? 1 : 0;
}
