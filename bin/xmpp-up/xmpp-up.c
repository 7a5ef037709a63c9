/* xmpp-up: compiles a configuration, lays out a state folder, and becomes s6-svscan.
 *
 * USAGE   xmpp-up [ --dev ] [ --prepare ] [ --uids BASE ] [ -s STATE ] -c CONFIG
 *         xmpp-up --add [ -s STATE ]
 *         --dev      make a self-signed certificate for each host that has none
 *         --prepare  lay everything out and exit; any supervisor may run STATE/service
 *         --uids     the programs run as the users BASE, BASE + 1... (root: 70000; others,
 *                    and 0: as we do)
 *         --add      under a running server: lay out the programs that its settings name and that
 *                    have no service directory yet, and have the supervisor start them
 * READS   CONFIG, by xmpp-confgen
 * WRITES  STATE/settings, data, run, log, service, dev, compile
 * EXIT    100 usage or a bad configuration; 111 system call; else it becomes s6-svscan
 * TRUSTS  its arguments
 * ROOMS   layout.c folders and service directories; devcert.c; notify.c; running.c
 */
#include "up.h"

#include <skalibs/djbunix.h>
#include <skalibs/strerr.h>
#include <skalibs/types.h>

#include <errno.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define USAGE                                                                            \
  "[ --dev ] [ --prepare ] [ --uids base ] [ -s state ] -c config | --add [ -s state ]"
/* Debian gives out no numbers between 65536 and the 100000 at which subordinate users begin, and
 * systemd takes none there. */
#define UIDS_DEFAULT 70000

char const *PROG = "xmpp-up";

struct up up;

int
run(char const *const *argv)
{
  int wstat;
  pid_t pid = fork();

  if (pid < 0) return 111;
  if (!pid) {
    execvp(argv[0], (char *const *)(uintptr_t)argv);
    _exit(111);
  }
  if (wait_pid(pid, &wstat) != pid || !WIFEXITED(wstat)) return 111;
  return WEXITSTATUS(wstat);
}

/* The user and group that give_one gives files to: nftw takes no argument for it. */
static uid_t new_uid;
static gid_t new_gid;

static int
give_one(char const *path, struct stat const *st, int type, struct FTW *at)
{
  (void)type, (void)at;
  if (st->st_uid == new_uid && st->st_gid == new_gid) return 0;
  if (lchown(path, new_uid, new_gid)) strerr_diefusys(111, "chown ", path);
  return 0;
}

/* The content first: when this is cut short the folder still says that it is to be done. */
static void
give(char const *path, uid_t uid, gid_t gid)
{
  struct stat st;

  if (lstat(path, &st)) strerr_diefusys(111, "stat ", path);
  if (st.st_uid == uid && st.st_gid == gid) return;
  new_uid = uid;
  new_gid = gid;
  if (nftw(path, give_one, 8, FTW_PHYS | FTW_DEPTH) < 0)
    strerr_diefusys(111, "walk ", path);
}

void
make_dir(char const *name, mode_t mode, int user, int group)
{
  char path[600];

  snprintf(path, sizeof path, "%s%s%s", up.state, *name ? "/" : "", name);
  if (mkdir(path, mode) && errno != EEXIST) strerr_diefusys(111, "make ", path);
  if (up.uids && group != UP_OURS)
    give(path, user == UP_OURS ? geteuid() : up.uids + (uid_t)user,
         up.uids + (gid_t)group);
  if (chmod(path, mode)) strerr_diefusys(111, "chmod ", path);
}

static void
prepend_to_path(char const *folder)
{
  char const *old = getenv("PATH");
  char *path;

  if (asprintf(&path, "%s:%s", folder, old ? old : "/usr/bin:/bin") < 0 ||
      setenv("PATH", path, 1))
    strerr_diefusys(111, "set PATH");
  free(path);
}

/* From the folder of this program the daemons are in ../bin, and the service directories in
 * ../share/tabber/service: so in the build folder, where all programs are in one, and so where
 * make install puts them. */
static void
find_programs(void)
{
  char path[PATH_MAX], *slash;
  ssize_t n = readlink("/proc/self/exe", up.bin, sizeof up.bin - 1);

  if (n < 0) strerr_diefusys(111, "find where xmpp-up lies");
  up.bin[n] = 0;
  slash = strrchr(up.bin, '/');
  *slash = 0;
  snprintf(up.share, sizeof up.share, "%.370s/../share/tabber/service", up.bin);
  snprintf(path, sizeof path, "%s/../bin", up.bin);
  if (!realpath(path, up.daemons)) strerr_diefusys(111, "find ", path);
  prepend_to_path(up.daemons);
  if (strcmp(up.daemons, up.bin) != 0) prepend_to_path(up.bin);
}

static void
read_arguments(char const *const *argv)
{
  char const *state = NULL, *config = NULL;
  bool uids_given = false;

  help_options(argv, USAGE);
  while (*++argv) {
    if (!strcmp(*argv, "--dev"))
      up.dev = true;
    else if (!strcmp(*argv, "--prepare"))
      up.prepare_only = true;
    else if (!strcmp(*argv, "--add"))
      up.add_only = up.prepare_only = true;
    else if (!strcmp(*argv, "--uids") && argv[1]) {
      if (!uint320_scan(*++argv, &up.uids)) strerr_dieusage(100, USAGE);
      uids_given = true;
    } else if (!strcmp(*argv, "-c") && argv[1])
      config = *++argv;
    else if (!strcmp(*argv, "-s") && argv[1])
      state = *++argv;
    else
      strerr_dieusage(100, USAGE);
  }
  if (!config == !up.add_only) strerr_dieusage(100, USAGE);
  state = settings_state(state);
  if (!uids_given && !geteuid()) up.uids = UIDS_DEFAULT;
  if (config) {
    up.config = realpath(config, NULL);
    if (!up.config) strerr_diefusys(111, "find ", config);
  }
  if (mkdir(state, 0755) && errno != EEXIST) strerr_diefusys(111, "make ", state);
  up.state = realpath(state, NULL);
  if (!up.state) strerr_diefusys(111, "find ", state);
}

/* The programs' users must be able to enter the folders of programs and state. */
static void
check_reachable(char const *path)
{
  char part[PATH_MAX];
  struct stat st;
  size_t i;

  for (i = 1; i <= strlen(path); i++) {
    if (path[i] && path[i] != '/') continue;
    snprintf(part, sizeof part, "%.*s", (int)i, path);
    if (stat(part, &st)) strerr_diefusys(111, "stat ", part);
    if (!(st.st_mode & S_IXOTH))
      strerr_dief(100, "the users that the programs run as cannot enter ", part,
                  ": take another folder, or --uids 0");
  }
}

/* STATE/compile has the words of the command, one a line: xmpp-ctl reload says them
 * again. */
static void
remember(char const *const *argv)
{
  char path[600];
  stralloc words = STRALLOC_ZERO;

  for (; *argv; argv++)
    if (!stralloc_cats(&words, *argv) || !stralloc_catb(&words, "\n", 1))
      strerr_diefusys(111, "remember the configuration");
  snprintf(path, sizeof path, "%s/compile", up.state);
  if (!openwritenclose_unsafe(path, words.s, words.len))
    strerr_diefusys(111, "write ", path);
  stralloc_free(&words);
}

#define WORDS_MAX 20

static void
compile(void)
{
  char settings[600], data[600], log[600], dev[600], path[600], users[600], uids[16];
  char const *argv[WORDS_MAX] = {"xmpp-confgen",    "compile", "-o",         settings,
                                 "--home",          up.state,  "--log-path", log,
                                 "--database-path", data};
  size_t n = 10;
  int code;

  snprintf(settings, sizeof settings, "%s/settings", up.state);
  snprintf(data, sizeof data, "%s/data", up.state);
  snprintf(log, sizeof log, "%s/log", up.state);
  snprintf(dev, sizeof dev, "%s/dev", up.state);
  if (up.uids) {
    snprintf(uids, sizeof uids, "%u", up.uids);
    snprintf(users, sizeof users, "%s/users", up.state);
    argv[n++] = "--uids";
    argv[n++] = uids;
    argv[n++] = "--users";
    argv[n++] = users;
  }
  if (up.dev) {
    argv[n++] = "--dev-certs";
    argv[n++] = dev;
  }
  argv[n++] = up.config;
  argv[n] = NULL;
  code = run(argv);
  if (code) _exit(code);
  snprintf(path, sizeof path, "%s/xmpp-confgen", up.bin);
  argv[0] = path;
  remember(argv);
}

static void
read_settings(struct settings *st)
{
  char dir[600];
  uint64_t uids;

  snprintf(dir, sizeof dir, "%s/settings", up.state);
  if (!settings_open(st, dir, "xmpp-ctl")) strerr_diefusys(111, "read ", dir);
  if (!slice_u64(settings_get(st, "uids", SLICE("*")), &uids)) uids = 0;
  up.uids = (uint32_t)uids;
}

/* s6-svscan looks for new service directories when it is told to, runsvdir every five seconds. */
static void
add(void)
{
  struct settings st = SETTINGS_ZERO;
  char scan[600];
  char const *const svscanctl[] = {"s6-svscanctl", "-a", scan, NULL};

  read_settings(&st);
  layout_dirs(&st);
  layout_missing(&st);
  settings_close(&st);
  snprintf(scan, sizeof scan, "%s/service", up.state);
  if (is_supervised() && run(svscanctl))
    strerr_dief(111, "have s6-svscan look at ", scan);
}

/* Held until s6-svscan is there, whose programs hold the lock themselves. */
static void
lock_state(void)
{
  int held = settings_lock(up.state, LOCK_START);

  if (held < 0) strerr_diefusys(111, "lock ", up.state, "/lock");
  if (!held)
    strerr_dief(111, up.state,
                "/lock is held: xmpp-ctl restore, import or host rename writes the "
                "stores; start the server when it has ended");
}

int
main(int argc, char const *const *argv)
{
  struct settings st = SETTINGS_ZERO;
  char scan[600];
  char const *const svscan[] = {"s6-svscan", scan, NULL};

  (void)argc;
  umask(022);
  read_arguments(argv);
  find_programs();
  if (up.add_only) {
    add();
    return 0;
  }
  if (!up.prepare_only && is_running())
    strerr_dief(100, "a server runs on ", up.state,
                (" already, and nothing has changed: xmpp-ctl reload takes the "
                 "configuration, xmpp-ctl stop ends the server"));
  make_dir("", 0755, UP_OURS, UP_OURS);
  lock_state();
  if (up.uids) {
    check_reachable(up.daemons);
    check_reachable(up.state);
  }
  if (up.dev) make_dir("dev", 0755, UP_OURS, UP_OURS);
  compile();
  read_settings(&st);
  if (up.dev) devcert_make(&st);
  layout_dirs(&st);
  layout_services(&st);
  settings_close(&st);
  if (up.prepare_only) return 0;
  notify_when_ready();
  snprintf(scan, sizeof scan, "%s/service", up.state);
  execvp(svscan[0], (char *const *)(uintptr_t)svscan);
  strerr_dieexec(111, svscan[0]);
}
