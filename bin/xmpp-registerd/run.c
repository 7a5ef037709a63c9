#include "spawn.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* A program of the administrator, in a process group of its own, which is killed as a whole when the
 * program has exited or its time is over. It has no shell around it, no descriptors but three, an empty
 * environment, and a folder that is emptied behind it. */

struct run {
  pid_t pid;
  int exited, out, err; /* descriptors: of the process; its output */
  size_t out_n, err_n;
  char *out_at, *err_at;
  bool too_much;
};

static void
limit(int what, rlim_t n)
{
  struct rlimit r = {n, n};

  setrlimit(what, &r);
}

static void
become(char const *path, char const *arg, char const *arg2, char const *dir, int out,
       int err)
{
  char tmp[64];
  char *const argv[] = {(char *)(uintptr_t)path, (char *)(uintptr_t)arg,
                        (char *)(uintptr_t)arg2, NULL};
  char *const env[] = {(char *)(uintptr_t) "PATH=/usr/local/bin:/usr/bin:/bin",
                       (char *)(uintptr_t) "LANG=C.UTF-8",
                       (char *)(uintptr_t) "HOME=/nonexistent", tmp, NULL};
  int null = open("/dev/null", O_RDONLY);

  snprintf(tmp, sizeof tmp, "TMPDIR=%s", dir);
  setpgid(0, 0);
  if (nice(10) == -1 && errno == EPERM) _exit(111);
  limit(RLIMIT_CPU, SPAWN_S);
#ifndef __SANITIZE_ADDRESS__ /* AddressSanitizer reserves more than that */
  limit(RLIMIT_AS, 512u << 20);
#endif
  limit(RLIMIT_FSIZE, 1u << 20);
  limit(RLIMIT_CORE, 0);
  signal(SIGPIPE, SIG_DFL);
  if (null < 0 || dup2(null, 0) < 0 || dup2(out, 1) < 0 || dup2(err, 2) < 0 || chdir(dir))
    _exit(111);
  close_range(3, ~0u, 0);
  execve(path, argv, env);
  dprintf(2, "%s", strerror(errno));
  _exit(127);
}

/* ---- its folder ---- */

static char own_dir[32];

static char const *
folder(void)
{
  if (!*own_dir) {
    snprintf(own_dir, sizeof own_dir, "/tmp/captcha-XXXXXX");
    if (!mkdtemp(own_dir)) *own_dir = 0;
  }
  return *own_dir ? own_dir : "/";
}

/* Files that the program left; a folder that it made stays. */
static void
empty(char const *dir)
{
  DIR *d = dir[0] && dir[1] ? opendir(dir) : NULL;
  struct dirent *e;

  while (d && (e = readdir(d)))
    if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
      unlinkat(dirfd(d), e->d_name, 0);
  if (d) closedir(d);
}

void
spawn_clean(void)
{
  empty(own_dir);
  if (*own_dir) rmdir(own_dir);
  *own_dir = 0;
}

/* ---- the run ---- */

static bool
begin(struct run *r, char const *path, char const *arg, char const *arg2)
{
  int out[2], err[2];

  if (pipe2(out, O_CLOEXEC | O_NONBLOCK)) return false;
  if (pipe2(err, O_CLOEXEC | O_NONBLOCK)) {
    close(out[0]);
    close(out[1]);
    return false;
  }
  fcntl(out[1], F_SETFL, 0);
  fcntl(err[1], F_SETFL, 0);
  r->pid = fork();
  if (!r->pid) become(path, arg, arg2, folder(), out[1], err[1]);
  close(out[1]);
  close(err[1]);
  r->out = out[0];
  r->err = err[0];
  r->exited = r->pid > 0 ? pidfd_open(r->pid, 0) : -1;
  return r->pid > 0;
}

/* Take what is there; what does not fit is dropped. false: the end. */
static bool
take(int fd, char *at, size_t *n, size_t max, bool *too_much)
{
  char rest[4096];
  ssize_t got;

  do {
    bool fits = *n < max;
    got = fits ? read(fd, at + *n, max - *n) : read(fd, rest, sizeof rest);
    if (got > 0 && fits) *n += (size_t)got;
    if (got > 0 && !fits) *too_much = true;
  } while (got > 0 && !*too_much);
  return got > 0 || (got < 0 && (errno == EAGAIN || errno == EINTR));
}

static int64_t
now_ms(void)
{
  struct timespec t;

  clock_gettime(CLOCK_MONOTONIC, &t);
  return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void
take_both(struct run *r, struct pollfd p[2])
{
  bool ignored = false;

  if (!take(r->out, r->out_at, &r->out_n, CAPTCHA_BYTES_MAX, &r->too_much)) p[0].fd = -1;
  if (!take(r->err, r->err_at, &r->err_n, SPAWN_ERR_MAX, &ignored)) p[1].fd = -1;
}

/* Read until the program has exited. false: its time is over. */
static bool
watch(struct run *r)
{
  struct pollfd p[3] = {
    {r->out,    POLLIN, 0},
    {r->err,    POLLIN, 0},
    {r->exited, POLLIN, 0}
  };
  int64_t until = now_ms() + 1000 * SPAWN_S, left;

  while ((left = until - now_ms()) > 0 && !r->too_much) {
    int n = poll(p, 3, (int)left);
    if (n < 0 && errno != EINTR) break;
    take_both(r, p);
    if (n > 0 && p[2].revents) return true;
  }
  return false;
}

static void
end(struct run *r, struct spawned *s, bool in_time)
{
  int status = 0;

  kill(-r->pid, SIGKILL);
  while (waitpid(r->pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (WIFEXITED(status)) s->code = WEXITSTATUS(status);
  if (WIFSIGNALED(status)) s->signal = WTERMSIG(status);
  if (r->exited >= 0) close(r->exited);
  close(r->out);
  close(r->err);
  s->why = r->too_much ? "the output is too large"
           : !in_time  ? "the program takes too long"
           : status    ? "the program failed"
                       : NULL;
}

void
spawn_run(char const *path, char const *arg, char const *arg2, char *out, char *err,
          struct spawned *s)
{
  struct run r = {.out_at = out, .err_at = err};

  *s = (struct spawned){.why = "the program cannot be started"};
  if (!begin(&r, path, arg, arg2)) return;
  end(&r, s, watch(&r));
  s->out = slice_of(out, r.out_n);
  s->err = slice_of(err, r.err_n);
  empty(folder());
}
