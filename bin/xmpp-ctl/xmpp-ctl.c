/* xmpp-ctl: the commands of the administrator of a server.
 *
 * USAGE   xmpp-ctl [ -r ] [ --generate ] [ --force ] [ -s STATE ] COMMAND ...
 *         account add|passwd|del|restore JID, account erase JID [--prove],
 *         account list [HOST|--ending|--removed|--weak], account import -
 *         sessions; session end JID; stats [INSTANCE]; reload; wait [SECONDS]; stop
 *         trace INSTANCE on FILE [data] | off
 *         dns [DOMAIN]  what the zones of the hosts should say, what others say
 *         archive stat|export JID, archive purge JID [BEFORE]; du [JID]
 *         pubsub nodes|du JID, pubsub items|delete JID NODE; push list|drop JID
 *         backup FOLDER; restore [--force] FOLDER; host rename OLD NEW; upgrade [SECONDS]
 *         status; metrics [serve]; upload sweep|check HOST
 *         rooms [unused DAYS | of JID]; room create|destroy|forget|config|affiliation|occupants|
 *         archive|history|invite ROOM ...; room nick SERVICE [JID [NICK]]
 *         contact add JID CONTACT; s2s [DOMAIN], s2s try DOMAIN [FROM], s2s close|forget DOMAIN
 *         ban list | add ADDRESS[/BITS] [MINUTES] | del ADDRESS[/BITS]|all
 *         export HOST|JID [FOLDER]; import [--dry] [--replace keys|all] FILE|-, piefxis FILE|FOLDER or
 *           prosody FOLDER
 *         invite create HOST [--name USER] [--by JID] [--uses N] [--days N] [--groups A,B] |
 *           list HOST | revoke HOST ID | reset JID
 *         token list USER | revoke USER [DEVICE]
 * READS   STATE/settings/xmpp-ctl; passwords from standard input
 * SPEAKS  records to the control sockets STATE/run/INSTANCE/control (xmpp-records(7))
 * EXIT    0 done; 1 refused, or not all; 0 to 3 the verdict of status; 100 usage; 111 a program
 *         cannot be reached, or stdout
 * ROOMS   commands.c; upload.c, fetch.c; reload.c; account.c; erase.c; import.c; move.c, move_*.c,
 *         prosody*.c, lua*.c; export*.c; ban.c; contact.c; invite.c; s2s.c; token.c; archive.c;
 *         pubsub.c; push.c; du.c, du_rooms.c; backup.c; restore.c; host.c, host_register.c; dns.c,
 *         lookup.c; rooms.c; upgrade.c; status.c, metrics.c, monitor.c, of look.c, process.c;
 *         client.c the control socket
 */
#include "ctl.h"

#include <skalibs/sig.h>
#include <skalibs/strerr.h>

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define USAGE                                                                            \
  "[ -r ] [ --generate ] [ --force ] [ -s state ] account|archive|backup|ban|contact|"   \
  "dns|du|export|host|import|invite|metrics|pubsub|push|reload|restore|room|rooms|s2s|"  \
  "session|"                                                                             \
  "sessions|stats|status|stop|token|trace|upgrade|upload|wait ..."

/* Options that commands read themselves. */
#define WORDS_OF_COMMANDS                                                                \
  "--dry --replace --prove --ending --removed --weak --name --by --uses --days "         \
  "--groups --quiet"

char const *PROG = "xmpp-ctl";

struct ctl ctl = {.settings = SETTINGS_ZERO};

static struct {
  char const *name;
  command_fn *fn;
  unsigned int most; /* words behind it; whoever gives more means something else */
} const commands[] = {
  {"account",  command_account,  3 },
  {"sessions", command_sessions, 0 },
  {"session",  command_session,  2 },
  {"stats",    command_stats,    1 },
  {"reload",   command_reload,   1 },
  {"wait",     command_wait,     1 },
  {"stop",     command_stop,     0 },
  {"trace",    command_trace,    4 },
  {"dns",      command_dns,      1 },
  {"archive",  command_archive,  3 },
  {"du",       command_du,       1 },
  {"pubsub",   command_pubsub,   3 },
  {"push",     command_push,     2 },
  {"backup",   command_backup,   1 },
  {"restore",  command_restore,  1 },
  {"host",     command_host,     3 },
  {"upgrade",  command_upgrade,  1 },
  {"status",   command_status,   0 },
  {"metrics",  command_metrics,  1 },
  {"s2s",      command_s2s,      3 },
  {"upload",   command_upload,   2 },
  {"rooms",    command_rooms,    2 },
  {"room",     command_room,     4 },
  {"ban",      command_ban,      3 },
  {"contact",  command_contact,  3 },
  {"import",   command_import,   5 },
  {"export",   command_export,   2 },
  {"invite",   command_invite,   12},
  {"token",    command_token,    3 },
};

void
check_path(char const *path)
{
  if (strlen(path) > CTL_PATH_MAX) strerr_dief(100, "this path is too long: ", path);
}

char const *
absolute(char const *path)
{
  char dir[PATH_MAX];
  char *whole;

  if (*path == '/') return path;
  if (!getcwd(dir, sizeof dir)) strerr_diefusys(111, "find the working folder");
  if (asprintf(&whole, "%s/%s", dir, path) < 0) strerr_diefusys(111, "join paths");
  return whole; /* as long as the process */
}

/* Options may stand before and behind the command; what is left are its words. */
static char const *const *
read_options(char const **argv)
{
  char const **to = argv, **from;

  help_options((char const *const *)argv, USAGE);
  for (from = argv + 1; *from; from++) {
    if (!strcmp(*from, "-r"))
      ctl.records = true;
    else if (!strcmp(*from, "--generate"))
      ctl.generate = true;
    else if (!strcmp(*from, "--force"))
      ctl.force = true;
    else if (!strcmp(*from, "-s") && from[1])
      ctl.state = *++from;
    else if (**from == '-' && (*from)[1] &&
             !slice_has_word(SLICE(WORDS_OF_COMMANDS), slice_str(*from)))
      strerr_dieusage(100, USAGE);
    else
      *to++ = *from;
  }
  *to = NULL;
  ctl.state = absolute(settings_state(ctl.state));
  check_path(ctl.state);
  if (!*argv) strerr_dieusage(100, USAGE);
  return argv;
}

static unsigned int
count(char const *const *words)
{
  unsigned int n = 0;

  while (words[n])
    n++;
  return n;
}

/* Flush standard output and give code; 111 when some of the output was not written. */
static int
finish(int code)
{
  if (!ferror(stdout) && !fflush(stdout)) return code;
  strerr_warnwusys("write to standard output");
  return 111;
}

void
settings_die(void)
{
  strerr_diefu(111, "read ", ctl.state, "/settings/xmpp-ctl: ", strerror(errno),
               errno == EACCES   ? "; the administrator of a server is root, or the user "
                                   "who started it"
               : errno == ENOENT ? "; xmpp-up has made no server in this folder"
                                 : "");
}

int
main(int argc, char const **argv)
{
  char const *const *words = read_options(argv);
  char const *settings = "xmpp-ctl";
  char dir[512];
  size_t i;

  (void)argc;
  sig_ignore(SIGPIPE);
  /* The service has a user of its own, and settings that it may read. */
  ctl.monitors = words[1] && !strcmp(words[0], "metrics") && !strcmp(words[1], "serve");
  if (ctl.monitors) settings = "xmpp-metrics";
  snprintf(dir, sizeof dir, "%s/settings", ctl.state);
  if (!settings_open(&ctl.settings, dir, settings) && strcmp(words[0], "wait") != 0 &&
      strcmp(words[0], "restore") != 0)
    settings_die();
  for (i = 0; i < sizeof commands / sizeof *commands; i++)
    if (!strcmp(words[0], commands[i].name) && count(words + 1) <= commands[i].most)
      return finish(commands[i].fn(words + 1));
  strerr_dieusage(100, USAGE);
}
