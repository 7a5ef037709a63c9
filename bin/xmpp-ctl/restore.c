#include "ctl.h"

#include "accounts/accounts.h"
#include "archive/archive.h"
#include "profile/profile.h"
#include "pubsub/pubsub.h"
#include "push/push.h"
#include "record/programs.h"
#include "roster/roster.h"

#include <skalibs/djbunix.h>
#include <skalibs/strerr.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* restore FOLDER: the stores of a backup, in the state folder of a server that does not run.
 *
 *   1. the stores are copied into STATE/data.restoring and read: each has its length, and none has
 *      data of an account that was never made
 *   2. STATE/data is set aside with --force, or has no store: else it stays, and nothing is done
 *   3. STATE/data.restoring becomes STATE/data
 * xmpp-up gives the stores to the users of the programs. */

static struct {
  char const *folder;
  stralloc manifest;
  char data[512], next[512];
} job;

static void
fail(char const *what, char const *which)
{
  int e = errno;

  rm_rf(job.next);
  errno = e;
  strerr_diefusys(111, what, which);
}

/* ---- the server does not run ---- */

/* A program that has been told to stop may take some seconds. */
#define STOPPING_US 5000000
#define LOOK_US 20000

/* Nobody writes the stores from now on: programs do not start, and neither does another such command. */
static void
lock_state(void)
{
  unsigned int us;
  int held;

  for (us = 0; !(held = settings_lock(ctl.state, LOCK_ALONE)) && us < STOPPING_US;
       us += LOOK_US)
    usleep(LOOK_US);
  if (held < 0) strerr_diefusys(111, "lock ", ctl.state, "/lock");
  if (!held)
    strerr_dief(1, ctl.state,
                "/lock is held: a program of the server runs still, or starts, or "
                "another restore, import or host rename writes the stores");
}

static void
check_answers(void)
{
  struct settings_row const *row = NULL;
  struct client c;
  char path[600];
  int fd;

  snprintf(path, sizeof path, "%s/service/.s6-svscan/control", ctl.state);
  fd = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
  if (fd >= 0) strerr_dief(1, "the server runs: say xmpp-ctl stop before");
  while ((row = settings_next(&ctl.settings, "instance", row)))
    if (client_open(&c, row->value[2]))
      strerr_dief(1, "the server runs: ", log_text(row->value[2]), " answers");
}

void
check_stopped(void)
{
  check_answers(); /* at once, where it runs */
  lock_state();
  check_answers();
}

/* ---- the backup ---- */

/* The next line of the manifest whose first word is key; its second and third. */
static bool
next_line(struct slice *rest, char const *key, struct slice v[2])
{
  struct slice line, word;

  while (slice_word(rest, '\n', &line)) {
    slice_word(&line, '\t', &word);
    if (!slice_is(word, key)) continue;
    v[0] = v[1] = SLICE("");
    slice_word(&line, '\t', &v[0]);
    slice_word(&line, '\t', &v[1]);
    return true;
  }
  return false;
}

static struct slice
manifest(void)
{
  return slice_of(job.manifest.s, job.manifest.len);
}

static void
read_manifest(void)
{
  struct slice rest, v[2];
  char path[600];

  snprintf(path, sizeof path, "%s/manifest", job.folder);
  if (!openslurpclose(&job.manifest, path))
    strerr_diefusys(1, "find a whole backup in ", job.folder);
  rest = manifest();
  if (!next_line(&rest, "tabber-backup", v) || !slice_is(v[0], "1"))
    strerr_dief(1, path, " is of no version that is known here");
}

static struct store_row const *
row_of(struct slice name)
{
  unsigned int i;

  for (i = 0; i < STORES_N; i++)
    if (slice_is(name, store_rows[i].name)) return &store_rows[i];
  return NULL;
}

/* ---- 1 ---- */

static void
copy_store(struct slice name, struct slice bytes)
{
  struct store_row const *s = row_of(name);
  char from[600], to[600];
  struct stat st;
  uint64_t n;
  int fd;

  if (!s)
    strerr_dief(1, "the backup has a store that is not known here: ", log_text(name));
  snprintf(from, sizeof from, "%s/data/%s/data.mdb", job.folder, s->name);
  if (stat(from, &st)) fail("read ", from);
  if (!slice_u64(bytes, &n) || (uint64_t)st.st_size != n) {
    rm_rf(job.next);
    strerr_dief(1, from, " has not the length that the manifest says");
  }
  snprintf(to, sizeof to, "%s/%s", job.next, s->name);
  if (mkdir(to, s->readers ? 0750 : 0700)) fail("make ", to);
  snprintf(to, sizeof to, "%s/%s/data.mdb", job.next, s->name);
  if (!filecopy_unsafe(from, to, s->readers ? 0640 : 0600)) fail("write ", to);
  fd = open(to, O_RDONLY | O_CLOEXEC);
  if (fd < 0 || fsync(fd)) fail("write ", to);
  fd_close(fd);
}

static void
copy_stores(void)
{
  struct slice rest = manifest(), v[2];

  rm_rf(job.next);
  if (mkdir(job.next, 0755)) fail("make ", job.next);
  while (next_line(&rest, "store", v))
    copy_store(v[0], v[1]);
}

/* ---- do the stores agree? ---- */

static void
disagree(char const *store)
{
  rm_rf(job.next);
  strerr_dief(1, "the stores do not agree: ", store,
              " has data of an account that was never made");
}

static bool
has(char const *name)
{
  char path[600];

  snprintf(path, sizeof path, "%s/%s/data.mdb", job.next, name);
  return !access(path, F_OK);
}

static void
check_users(uint64_t next)
{
  char path[600];
  struct store *s;
  struct roster *r;
  struct profile *p;
  uint64_t n;

  snprintf(path, sizeof path, "%s/users", job.next);
  s = store_open(path, false, false, 0);
  r = s ? roster_open(s) : NULL;
  p = s ? profile_open(s) : NULL;
  if (!r || !p) fail("read ", path);
  if (roster_next(r, next - 1, &n) || profile_next(p, next - 1, &n)) disagree("users");
  roster_close(r);
  profile_close(p);
  store_close(s);
}

static void
check_nodes(uint64_t next)
{
  struct store *s = NULL;
  struct pubsub *p = pubsub_open_reader(job.next, &s);
  uint64_t n;

  if (!p) fail("read the nodes in ", job.next);
  if (pubsub_next(p, next - 1, &n)) disagree("pubsub");
  pubsub_close(p);
  store_close(s);
}

static void
check_push(uint64_t next)
{
  struct push *p = push_open(job.next, false);
  uint64_t n;

  if (!p) fail("read the registrations in ", job.next);
  if (push_next(p, next - 1, &n)) disagree("push");
  push_close(p);
}

static void
check_archive(uint64_t next)
{
  struct archive *a = archive_open(job.next, false, 0);
  uint64_t owner;

  if (!a) fail("read the archive in ", job.next);
  if (archive_owner_next(a, next - 1, &owner) && !(owner & ARCHIVE_NAMED))
    disagree("archive");
  archive_close(a);
}

static void
check_agreement(void)
{
  struct accounts *a = accounts_open(job.next, false);
  char path[600];
  uint64_t next;
  unsigned int i;

  if (!a || !(next = accounts_next(a))) fail("read the accounts in ", job.next);
  if (has("users")) check_users(next);
  if (has("archive")) check_archive(next);
  if (has("pubsub")) check_nodes(next);
  if (has("push")) check_push(next);
  accounts_close(a);
  for (i = 0; i < STORES_N; i++) {
    snprintf(path, sizeof path, "%s/%s/lock.mdb", job.next, store_rows[i].name);
    unlink(path); /* ours: the program makes its own */
  }
}

/* ---- 2 and 3 ---- */

static bool
has_stores(void)
{
  char path[600];
  unsigned int i;

  for (i = 0; i < STORES_N; i++) {
    snprintf(path, sizeof path, "%s/%s/data.mdb", job.data, store_rows[i].name);
    if (!access(path, F_OK)) return true;
  }
  return false;
}

/* xmpp-up --prepare makes folders without stores. */
static bool
is_gone(void)
{
  char path[600];
  unsigned int i;

  for (i = 0; i < STORES_N; i++) {
    snprintf(path, sizeof path, "%s/%s", job.data, store_rows[i].name);
    rmdir(path);
  }
  return !rmdir(job.data) || errno == ENOENT;
}

/* next gets its last name first: so what is in data is never under a name that a later command
 * takes for a folder of its own that was left behind. */
bool
data_exchange(char const *next)
{
  char data[512], old[600];
  int e;

  snprintf(data, sizeof data, "%.400s/data", ctl.state);
  snprintf(old, sizeof old, "%s.%llu", data, (unsigned long long)time(NULL));
  if (rename(next, old)) return false;
  if (renameat2(AT_FDCWD, old, AT_FDCWD, data, RENAME_EXCHANGE)) {
    e = errno;
    rename(old, next);
    errno = e;
    return false;
  }
  strerr_warnw("what was in ", data, " is in ", old, " now");
  return true;
}

static void
print_rest(void)
{
  struct slice rest = manifest(), v[2];

  if (next_line(&rest, "time", v)) printf("restored as of %.*s\n", (int)v[0].len, v[0].s);
  rest = manifest();
  if (next_line(&rest, "config", v))
    printf("configuration: %s/%.*s\n", job.folder, (int)v[0].len, v[0].s);
  rest = manifest();
  while (next_line(&rest, "included", v))
    printf("included in it: %s/%.*s, which was %.*s\n", job.folder, (int)v[0].len, v[0].s,
           (int)v[1].len, v[1].s);
  rest = manifest();
  while (next_line(&rest, "certificate", v))
    printf("certificates, not in the backup: %.*s\n", (int)v[0].len, v[0].s);
  printf("start the server with: xmpp-up -s %s -c CONFIGURATION\n", ctl.state);
}

int
command_restore(char const *const *argv)
{
  bool old;

  if (!argv[0]) strerr_dieusage(100, "restore [ --force ] FOLDER");
  check_path(job.folder = argv[0]);
  snprintf(job.data, sizeof job.data, "%s/data", ctl.state);
  snprintf(job.next, sizeof job.next, "%s/data.restoring", ctl.state);
  read_manifest();
  if (mkdir(ctl.state, 0755) && errno != EEXIST) strerr_diefusys(111, "make ", ctl.state);
  check_stopped();
  old = has_stores();
  if (old && !ctl.force) strerr_dief(1, job.data, " has stores: --force sets them aside");
  copy_stores();
  check_agreement();
  if (old || !is_gone() ? !data_exchange(job.next) : rename(job.next, job.data) != 0)
    fail("put in place ", job.next);
  sync();
  print_rest();
  return 0;
}
