#include "service/service.h"
#include "spawn.h"

#include <skalibs/strerr.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

/* The spawners: SPAWNERS processes, each of which takes one request after the other from its socket,
 * runs the program, and answers. Under -p the program runs at once, here. */

#define ARG_MAX_LEN 64u
#define PATH_MAX_LEN 512u

struct request {
  char path[PATH_MAX_LEN], arg[ARG_MAX_LEN], arg2[ARG_MAX_LEN];
};

struct head {
  int code, signal;
  uint32_t out, err; /* bytes */
  char why[40];
};

#define REPLY_MAX (sizeof(struct head) + CAPTCHA_BYTES_MAX + SPAWN_ERR_MAX)

struct job {
  struct job *next;
  struct request q;
  spawn_fn *fn; /* NULL: nobody waits any more */
  void *cookie;
};

static struct spawner {
  struct event_io io;
  struct job *job; /* NULL: idle */
} spawners[SPAWNERS];

/* Spawners of another user: the run script starts them, and with them this program, again. */
static bool are_given;

static struct {
  struct job *first, **last;
  unsigned int n;
} waiting = {.last = &waiting.first};

/* ---- the process ---- */

static void
answer(int fd, struct request *q)
{
  static char reply[REPLY_MAX];
  static char out[CAPTCHA_BYTES_MAX], err[SPAWN_ERR_MAX];
  struct head *h = (struct head *)(void *)reply;
  struct spawned s;

  spawn_run(q->path, q->arg, *q->arg2 ? q->arg2 : NULL, out, err, &s);
  memset(reply, 0, sizeof *h);
  h->code = s.code;
  h->signal = s.signal;
  h->out = (uint32_t)s.out.len;
  h->err = (uint32_t)s.err.len;
  if (s.why) strncpy(h->why, s.why, sizeof h->why - 1);
  memcpy(reply + sizeof *h, out, s.out.len);
  memcpy(reply + sizeof *h + s.out.len, err, s.err.len);
  send(fd, reply, sizeof *h + s.out.len + s.err.len, MSG_NOSIGNAL);
}

static void __attribute__((noreturn)) work(int fd)
{
  struct request q;
  ssize_t n;

  signal(SIGCHLD, SIG_DFL);
  while ((n = recv(fd, &q, sizeof q, 0)) > 0 || (n < 0 && errno == EINTR))
    if (n == (ssize_t)sizeof q) answer(fd, &q);
  spawn_clean();
  _exit(0);
}

/* The descriptors 0 and 1 are taken, so that no pipe to a program is one of them. */
void
spawner_main(void)
{
  int null = open("/dev/null", O_RDWR);
  sigset_t none;

  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  if (null < 0 || dup2(null, 0) < 0 || dup2(null, 1) < 0) _exit(111);
  close_range(SPAWNER_FD + 1, ~0u, 0);
  work(SPAWNER_FD);
}

static void
become_spawner(int fd)
{
  if (dup2(fd, SPAWNER_FD) < 0) _exit(111);
  spawner_main();
}

/* ---- jobs ---- */

static void run_next(void);

static void
finish(struct spawner *x, struct spawned const *s)
{
  struct job *j = x->job;

  x->job = NULL;
  if (j->fn) j->fn(j->cookie, s);
  free(j);
}

static void
on_reply(void *cookie, uint32_t what)
{
  static char reply[REPLY_MAX];
  struct spawner *x = cookie;
  struct spawned s = {.why = "the spawner has gone"};
  struct head h;
  ssize_t n = recv(x->io.fd, reply, sizeof reply, MSG_DONTWAIT);

  (void)what;
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (n >= (ssize_t)sizeof h) {
    memcpy(&h, reply, sizeof h);
    s = (struct spawned){.why = *h.why ? h.why : NULL,
                         .code = h.code,
                         .signal = h.signal,
                         .out = slice_of(reply + sizeof h, h.out),
                         .err = slice_of(reply + sizeof h + h.out, h.err)};
  } else {
    int fd = x->io.fd;
    if (are_given) strerr_dief(111, "a process that runs captcha_cmd has ended");
    event_io_cancel(&x->io);
    close(fd);
  }
  if (x->job) finish(x, &s);
  run_next();
}

static bool
start(struct spawner *x)
{
  int fd[2];
  pid_t pid;

  if (x->io.fn && x->io.fd >= 0) return true;
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fd)) return false;
  pid = fork();
  if (!pid) become_spawner(fd[1]);
  close(fd[1]);
  if (pid > 0 && event_io_start(&x->io, fd[0], EVENT_READ, on_reply, x)) return true;
  close(fd[0]);
  x->io.fd = -1;
  return false;
}

/* The sockets of the spawners of another user. */
static bool
take_given(char const *fds)
{
  unsigned int i;
  char *end;

  are_given = true;
  for (i = 0; i < SPAWNERS; i++, fds = end) {
    int fd = (int)strtol(fds, &end, 10);
    if (end == fds || fcntl(fd, F_SETFD, FD_CLOEXEC) ||
        !event_io_start(&spawners[i].io, fd, EVENT_READ, on_reply, &spawners[i]))
      return false;
  }
  unsetenv(SPAWN_VARIABLE);
  return true;
}

bool
spawn_start(void)
{
  char const *given = getenv(SPAWN_VARIABLE);
  unsigned int i;

  if (service_pipes()) return true;
  signal(SIGCHLD, SIG_IGN); /* a spawner that has ended leaves nothing */
  if (given) return take_given(given);
  for (i = 0; i < SPAWNERS; i++)
    if (!start(&spawners[i])) return false;
  return true;
}

static struct job *
take_waiting(void)
{
  struct job *j = waiting.first;

  if (!j) return NULL;
  waiting.first = j->next;
  if (!waiting.first) waiting.last = &waiting.first;
  waiting.n--;
  return j;
}

static void
hand_over(struct spawner *x)
{
  struct spawned const failed = {.why = "the spawner does not start"};

  x->job = take_waiting();
  if (start(x) && send(x->io.fd, &x->job->q, sizeof x->job->q,
                       MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)sizeof x->job->q)
    return;
  finish(x, &failed);
}

static void
run_next(void)
{
  unsigned int i;

  for (i = 0; i < SPAWNERS && waiting.first; i++)
    if (!spawners[i].job) hand_over(&spawners[i]);
}

static void
at_once(struct request *q, spawn_fn *fn, void *cookie)
{
  static char out[CAPTCHA_BYTES_MAX], err[SPAWN_ERR_MAX];
  struct spawned s;

  spawn_run(q->path, q->arg, *q->arg2 ? q->arg2 : NULL, out, err, &s);
  fn(cookie, &s);
  spawn_clean();
}

static bool
set(char *at, size_t size, struct slice text)
{
  if (text.len >= size || memchr(text.s, 0, text.len)) return false;
  memcpy(at, text.s, text.len);
  return true;
}

bool
spawn(char const *path, struct slice arg, struct slice arg2, spawn_fn *fn, void *cookie)
{
  struct job *j = waiting.n < SPAWNS_WAITING_MAX ? calloc(1, sizeof *j) : NULL;

  if (!j) return false;
  j->fn = fn;
  j->cookie = cookie;
  if (!set(j->q.path, sizeof j->q.path, slice_str(path)) ||
      !set(j->q.arg, sizeof j->q.arg, arg) ||
      (arg2.len && !set(j->q.arg2, sizeof j->q.arg2, arg2))) {
    free(j);
    return false;
  }
  if (service_pipes()) {
    at_once(&j->q, fn, cookie);
    free(j);
    return true;
  }
  *waiting.last = j;
  waiting.last = &j->next;
  waiting.n++;
  run_next();
  return true;
}

void
spawn_forget(void const *cookie)
{
  struct job *j;
  unsigned int i;

  for (j = waiting.first; j; j = j->next)
    if (j->cookie == cookie) j->fn = NULL;
  for (i = 0; i < SPAWNERS; i++)
    if (spawners[i].job && spawners[i].job->cookie == cookie) spawners[i].job->fn = NULL;
}
