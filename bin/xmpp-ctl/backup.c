#include "ctl.h"

#include "record/programs.h"
#include "store/store.h"

#include <skalibs/allreadwrite.h>
#include <skalibs/djbunix.h>
#include <skalibs/strerr.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* backup FOLDER: a copy of all stores as they are at one moment, while the programs run.
 *
 *   1. a process for each store opens it, says so, and waits
 *   2. every program that writes a store is told to hold: it commits, and does nothing more
 *   3. when all have said done, each process lets LMDB copy its store into a pipe. The first bytes
 *      of a pipe come when LMDB has a reader, which sees the store as it is now, however long
 *      the copy takes
 *   4. the programs are told that the hold is over. One that has gone on by itself before, after
 *      HOLD_US, says so: then the copies are thrown away, and all of this begins anew, at most
 *      HOLD_TRIES times
 *   5. the pipes are written into files, the manifest last: a folder without one is no backup
 *
 * As between 3 and 4 nobody writes, the copies are what the disk would have if the power had
 * failed then. */

#define READ_BYTES 65536
/* A program that is busy with a turn answers later. */
#define ANSWER_MS 2000

struct copy {
  char const *name;
  int from; /* the pipe */
  pid_t pid;
};

struct holder {
  struct slice instance;
  struct client client;
  bool open;
};

static struct {
  char const *folder;
  bool made; /* the folder is ours */
  struct copy copies[STORES_N];
  unsigned int copies_n;
  struct holder holders[STORES_N];
  unsigned int holders_n;
  char why[256]; /* the fault of the last try */
  uint64_t bytes;
  unsigned int held_ms;
} job;

/* ---- cleaning up ---- */

static void
end_copies(void)
{
  unsigned int i;

  for (i = 0; i < job.copies_n; i++) {
    struct copy *c = &job.copies[i];
    if (c->pid > 0) {
      kill(c->pid, SIGKILL);
      waitpid(c->pid, NULL, 0);
    }
    if (c->from >= 0) close(c->from);
    c->pid = 0;
    c->from = -1;
  }
}

/* Programs that hold for a connection that ends go on. */
static void
end_holds(void)
{
  unsigned int i;

  for (i = 0; i < job.holders_n; i++) {
    if (job.holders[i].open) client_close(&job.holders[i].client);
    job.holders[i].open = false;
  }
}

static void
fail(char const *what, char const *which)
{
  int e = errno;
  char path[600];

  end_holds();
  end_copies();
  snprintf(path, sizeof path, "%s/data", job.folder);
  rm_rf(path);
  if (job.made) rm_rf(job.folder);
  errno = e;
  if (e)
    strerr_diefusys(111, what, which);
  else
    strerr_diefu(111, what, which);
}

/* ---- the folder ---- */

bool
folder_is_empty(char const *path)
{
  struct dirent const *e;
  bool empty = true;
  DIR *d = opendir(path);

  if (!d) return false;
  while (empty && (e = readdir(d)))
    empty = !strcmp(e->d_name, ".") || !strcmp(e->d_name, "..");
  closedir(d);
  return empty;
}

static void
make_folder(void)
{
  char path[600];

  job.made = !mkdir(job.folder, 0700);
  if (!job.made && errno != EEXIST) strerr_diefusys(111, "make ", job.folder);
  if (!job.made && !folder_is_empty(job.folder))
    strerr_dief(1, job.folder, " is not empty: name a folder that is new");
  snprintf(path, sizeof path, "%s/data", job.folder);
  if (mkdir(path, 0700)) fail("make ", path);
}

/* ---- the processes that copy ---- */

static void
add_copies(void)
{
  char path[600];
  unsigned int i;

  for (i = 0; i < STORES_N; i++) {
    if (!strcmp(store_rows[i].name, "occupants"))
      continue; /* of a running server alone */
    snprintf(path, sizeof path, "%s/data/%s/data.mdb", ctl.state, store_rows[i].name);
    if (access(path, F_OK)) continue;
    job.copies[job.copies_n++] = (struct copy){store_rows[i].name, -1, 0};
  }
  if (!job.copies_n) fail("find stores in ", ctl.state);
}

/* The process of a store: go has a byte for each when all programs hold. */
static void
copy_store(struct copy const *c, int ready, int const go[2], int out)
{
  char path[600];

  close(go[1]); /* the end of xmpp-ctl is the end of this process */
  snprintf(path, sizeof path, "%s/data/%s", ctl.state, c->name);
  _exit(store_send(path, ready, go[0], out) ? 0 : 111);
}

static bool
start_one(struct copy *c, int ready, int const go[2])
{
  int p[2];

  if (pipe2(p, O_CLOEXEC)) return false;
  c->from = p[0];
  c->pid = fork();
  if (!c->pid) copy_store(c, ready, go, p[1]);
  close(p[1]);
  return c->pid > 0;
}

/* true when each process has opened its store. */
static bool
start_copies(int const go[2])
{
  unsigned int i;
  int ready[2];
  char byte;
  bool ok = true;

  if (pipe2(ready, O_CLOEXEC)) return false;
  for (i = 0; ok && i < job.copies_n; i++)
    ok = start_one(&job.copies[i], ready[1], go);
  close(ready[1]);
  for (i = 0; ok && i < job.copies_n; i++)
    ok = fd_read(ready[0], &byte, 1) == 1;
  close(ready[0]);
  return ok;
}

/* ---- holding ---- */

static void
add_holders(void)
{
  struct settings_row const *row = NULL;
  unsigned int i;

  while ((row = settings_next(&ctl.settings, "instance", row)))
    for (i = 0; i < STORES_N && job.holders_n < STORES_N; i++)
      if (store_rows[i].writer == program_find(row->value[0])) {
        job.holders[job.holders_n++].instance = row->value[2];
        break;
      }
}

/* Return how many of the programs run. */
static unsigned int
open_holders(void)
{
  struct timeval const most = {ANSWER_MS / 1000, 0};
  unsigned int i, n = 0;

  for (i = 0; i < job.holders_n; i++) {
    struct holder *h = &job.holders[i];
    h->open = client_open(&h->client, h->instance);
    if (!h->open) continue;
    setsockopt(h->client.fd, SOL_SOCKET, SO_RCVTIMEO, &most, sizeof most);
    n++;
  }
  return n;
}

/* All programs must run, or none, of a server that is stopped. */
static void
check_running(void)
{
  unsigned int i, n = open_holders();

  for (i = 0; n && i < job.holders_n; i++)
    if (!job.holders[i].open)
      fail("make a backup, this program does not run: ",
           log_text(job.holders[i].instance));
  end_holds();
  if (n) return;
  job.holders_n = 0;
  strerr_warnw("the server is stopped: its stores are copied as they are");
}

static bool
because(struct slice who, char const *why)
{
  snprintf(job.why, sizeof job.why, "%.*s: %s", (int)who.len, who.s, why);
  return false;
}

static bool
all_do(char const *word)
{
  struct record r;
  unsigned int i;

  for (i = 0; i < job.holders_n; i++) {
    struct holder *h = &job.holders[i];
    client_ask(&h->client, "hold", word, NULL);
    if (!client_flush(&h->client)) return because(h->instance, "it hung up");
  }
  for (i = 0; i < job.holders_n; i++) {
    struct holder *h = &job.holders[i];
    if (!client_read(&h->client, &r)) return because(h->instance, "no answer in time");
    if (!slice_is(record_get(&r, 0), "done"))
      return because(h->instance, log_text(record_get(&r, 1)));
  }
  return true;
}

/* Step 3: LMDB has a reader of each store. */
static bool
readers_are_there(int go)
{
  static char const bytes[STORES_N];
  struct pollfd p = {.events = POLLIN};
  unsigned int i;

  if (write(go, bytes, job.copies_n) != (ssize_t)job.copies_n) return false;
  for (i = 0; i < job.copies_n; i++) {
    p.fd = job.copies[i].from;
    if (poll(&p, 1, ANSWER_MS) != 1 || !(p.revents & POLLIN))
      return because(slice_str(job.copies[i].name), "the copy does not begin");
  }
  return true;
}

static uint64_t
now_ms(void)
{
  struct timespec ts;

  clock_gettime(CLOCK_MONOTONIC, &ts);
  return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

/* Steps 2 to 4. */
static bool
hold_and_begin(int go)
{
  uint64_t since = now_ms();
  bool ok = all_do(NULL) && readers_are_there(go) && all_do("over");

  job.held_ms = (unsigned int)(now_ms() - since);
  return ok;
}

/* Steps 1 to 4. */
static bool
attempt(void)
{
  int go[2];
  bool ok;

  if (pipe2(go, O_CLOEXEC)) fail("make a pipe", "");
  errno = 0;
  if (!start_copies(go)) fail("open the stores", "");
  close(go[0]);
  ok =
    open_holders() == job.holders_n || because(SLICE("a program"), "it has just ended");
  ok = ok && hold_and_begin(go[1]);
  end_holds();
  close(go[1]);
  if (!ok) end_copies();
  return ok;
}

static void
begin_copies(void)
{
  struct timespec const pause = {0, HOLD_PAUSE_MS * 1000000};
  unsigned int i;

  for (i = 0; i < HOLD_TRIES; i++) {
    if (attempt()) return;
    nanosleep(&pause, NULL);
  }
  errno = 0;
  fail("have all programs hold still at once: ", job.why);
}

/* ---- files ---- */

/* Everything that comes from fd, into a new file on the disk. false with errno. */
static bool
write_file(char const *path, int fd, uint64_t *bytes)
{
  static char buf[READ_BYTES];
  int out = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  ssize_t n = 0;
  bool ok = out >= 0;

  *bytes = 0;
  while (ok && (n = fd_read(fd, buf, sizeof buf)) > 0) {
    ok = allwrite(out, buf, (size_t)n) == (size_t)n;
    *bytes += (uint64_t)n;
  }
  ok = ok && !n && !fsync(out);
  if (out >= 0) fd_close(out);
  return ok;
}

static void
put_store(struct copy *c, stralloc *manifest)
{
  char path[600], line[128];
  uint64_t bytes;
  int wstat;

  snprintf(path, sizeof path, "%s/data/%s", job.folder, c->name);
  if (mkdir(path, 0700)) fail("make ", path);
  snprintf(path, sizeof path, "%s/data/%s/data.mdb", job.folder, c->name);
  if (!write_file(path, c->from, &bytes)) fail("write ", path);
  errno = 0;
  if (wait_pid(c->pid, &wstat) != c->pid || !WIFEXITED(wstat) || WEXITSTATUS(wstat))
    fail("copy the store ", c->name);
  c->pid = 0;
  job.bytes += bytes;
  snprintf(line, sizeof line, "store\t%s\t%llu\n", c->name, (unsigned long long)bytes);
  if (!stralloc_cats(manifest, line)) fail("write the manifest", "");
}

/* Copy a file of the configuration to FOLDER/name, and note it in the manifest as what, with the
 * place where it was behind its name. */
static void
copy_file(stralloc *manifest, char const *what, char const *from, char const *name)
{
  char to[1300], line[2600];
  uint64_t bytes;
  int fd = open_readb(from);

  if (fd < 0) fail("read ", from);
  snprintf(to, sizeof to, "%s/%s", job.folder, name);
  if (!write_file(to, fd, &bytes)) fail("write ", to);
  fd_close(fd);
  snprintf(line, sizeof line, "%s\t%s\t%s\n", what, name, from);
  if (!stralloc_cats(manifest, line)) fail("write the manifest", "");
}

/* Files that the configuration includes (include_config_file). */
static void
put_included(stralloc *manifest)
{
  struct settings_row const *row = NULL;
  char name[600], path[1100];
  unsigned int n = 0;

  while ((row = settings_next(&ctl.settings, "included", row))) {
    snprintf(path, sizeof path, "%.*s", (int)row->value[0].len, row->value[0].s);
    snprintf(name, sizeof name, "included-%u-%.500s", ++n, basename(path));
    copy_file(manifest, "included", path, name);
  }
}

/* The configuration is the last word of STATE/compile, where xmpp-up has put it. */
static void
put_config(stralloc *manifest)
{
  stralloc words = STRALLOC_ZERO;
  char from[600], *name;

  snprintf(from, sizeof from, "%s/compile", ctl.state);
  if (!openslurpclose(&words, from) || !words.len) fail("read ", from);
  words.s[words.len - 1] = 0;
  name = strrchr(words.s, '\n');
  name = name ? name + 1 : words.s;
  copy_file(manifest, "config", name, basename(name));
  stralloc_free(&words);
  put_included(manifest);
}

/* Keys of certificates are not copied: the manifest says where they were. */
static void
put_certificates(stralloc *manifest)
{
  struct settings_row const *row = NULL;

  while ((row = settings_next(&ctl.settings, "certfile", row)))
    if (!stralloc_cats(manifest, "certificate\t") ||
        !stralloc_catb(manifest, row->value[0].s, row->value[0].len) ||
        !stralloc_cats(manifest, "\n"))
      fail("write the manifest", "");
}

static void
put_manifest(stralloc const *manifest)
{
  char path[600], next[600];

  snprintf(path, sizeof path, "%s/manifest", job.folder);
  snprintf(next, sizeof next, "%s/manifest.next", job.folder);
  if (!openwritenclose_unsafe(next, manifest->s, manifest->len) || rename(next, path))
    fail("write ", path);
  sync();
}

int
command_backup(char const *const *argv)
{
  stralloc manifest = STRALLOC_ZERO;
  char line[128], when[STAMP_SIZE];
  unsigned int i;

  if (!argv[0]) strerr_dieusage(100, "backup FOLDER");
  check_path(job.folder = argv[0]);
  make_folder();
  add_copies();
  add_holders();
  errno = 0;
  check_running();
  begin_copies();
  stamp_s(when, (uint64_t)time(NULL));
  snprintf(line, sizeof line, BACKUP_MAGIC "\nversion\t" TABBER_VERSION "\ntime\t%s\n",
           when);
  if (!stralloc_cats(&manifest, line)) fail("write the manifest", "");
  for (i = 0; i < job.copies_n; i++)
    put_store(&job.copies[i], &manifest);
  put_config(&manifest);
  put_certificates(&manifest);
  put_manifest(&manifest);
  stralloc_free(&manifest);
  printf(ctl.records ? "backup\t%u\t%llu\t%u\n"
                     : "%u stores, %llu bytes; the programs waited %u ms\n",
         job.copies_n, (unsigned long long)job.bytes, job.holders_n ? job.held_ms : 0);
  return 0;
}
