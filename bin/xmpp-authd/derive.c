#include "authd.h"

#include <skalibs/djbunix.h>

#include <openssl/crypto.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

/* Keys of new passwords are derived in a process of their own, which is forked before the stores are
 * opened: 10 000 iterations for three hashes take 14 ms, in which xmpp-authd's loop would answer
 * nobody. The process takes one message after the other from its socket, and has nothing else.
 *
 * Under -p the keys are derived at once. */

struct request {
  uint32_t iterations, len;
  char password[SCRAM_PASSWORD_MAX];
};

struct reply {
  int error; /* 0: k are the keys */
  struct scram_keys k[SCRAM_HASHES];
};

struct job {
  struct job *next;
  derive_fn *fn; /* NULL: nobody waits any more */
  void *cookie;
};

static struct {
  struct event_io io;
  struct job *first, **last; /* in the order of their requests */
} worker = {.io = EVENT_IO_ZERO, .last = &worker.first};

static void
derive_now(struct request const *q, struct reply *r)
{
  memset(r, 0, sizeof *r);
  if (!scram_derive_all(slice_of(q->password, q->len), q->iterations, r->k))
    r->error = errno;
}

/* ---- the process ---- */

static void
work(int fd)
{
  struct request q;
  struct reply r;
  ssize_t n;

  prctl(PR_SET_DUMPABLE, 0);
  while ((n = recv(fd, &q, sizeof q, 0)) > 0 || (n < 0 && errno == EINTR)) {
    if (n != (ssize_t)sizeof q || q.len > sizeof q.password) continue;
    derive_now(&q, &r);
    OPENSSL_cleanse(&q, sizeof q);
    send(fd, &r, sizeof r, MSG_NOSIGNAL);
    OPENSSL_cleanse(&r, sizeof r);
  }
  _exit(0);
}

/* Keep standard error and fd alone. */
static void
become_worker(int fd)
{
  sigset_t none;

  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  if (fd_move(3, fd) < 0) _exit(111);
  close_range(4, ~0u, 0);
  close(0);
  close(1);
  work(3);
}

/* ---- jobs ---- */

static void
finish(struct reply *r)
{
  struct job *j = worker.first;

  worker.first = j->next;
  if (!worker.first) worker.last = &worker.first;
  if (j->fn) j->fn(j->cookie, r->error ? NULL : r->k, r->error);
  free(j);
}

static void
stop(void)
{
  struct reply r = {.error = EIO};
  int fd = worker.io.fd;

  if (fd < 0) return;
  event_io_cancel(&worker.io);
  fd_close(fd);
  while (worker.first)
    finish(&r);
}

static void
on_reply(void *cookie, uint32_t what)
{
  struct reply r;
  ssize_t n;

  (void)cookie;
  (void)what;
  while ((n = recv(worker.io.fd, &r, sizeof r, MSG_DONTWAIT)) == (ssize_t)sizeof r &&
         worker.first)
    finish(&r);
  OPENSSL_cleanse(&r, sizeof r);
  if (n == (ssize_t)sizeof r || (n < 0 && (errno == EAGAIN || errno == EINTR))) return;
  log_event(LOG_WARN, "derive-ended", "why", "the process that derives keys has gone",
            NULL);
  stop();
}

static bool
start(void)
{
  int fd[2];
  pid_t pid;

  if (worker.io.fd >= 0) return true;
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fd)) return false;
  pid = fork();
  if (!pid) become_worker(fd[1]);
  fd_close(fd[1]);
  if (pid > 0 && event_io_start(&worker.io, fd[0], EVENT_READ, on_reply, NULL))
    return true;
  fd_close(fd[0]);
  worker.io.fd = -1;
  return false;
}

bool
derive_start(void)
{
  signal(SIGCHLD, SIG_IGN); /* a process that has ended leaves nothing */
  return service_pipes() || start();
}

static bool
enter(derive_fn *fn, void *cookie)
{
  struct job *j = malloc(sizeof *j);

  if (!j) return false;
  *j = (struct job){NULL, fn, cookie};
  *worker.last = j;
  worker.last = &j->next;
  return true;
}

static bool
send_request(struct request const *q, derive_fn *fn, void *cookie)
{
  if (!start()) return false;
  if (send(worker.io.fd, q, sizeof *q, MSG_DONTWAIT | MSG_NOSIGNAL) != (ssize_t)sizeof *q)
    return false;
  if (enter(fn, cookie)) return true;
  stop(); /* an answer would be taken for another's */
  return false;
}

static void
at_once(struct request const *q, derive_fn *fn, void *cookie)
{
  struct reply r;

  derive_now(q, &r);
  fn(cookie, r.error ? NULL : r.k, r.error);
  OPENSSL_cleanse(&r, sizeof r);
}

void
derive(struct slice password, uint32_t iterations, derive_fn *fn, void *cookie)
{
  struct request q = {iterations, (uint32_t)password.len, {0}};

  if (password.len > sizeof q.password) {
    fn(cookie, NULL, EINVAL);
    return;
  }
  memcpy(q.password, password.s, password.len);
  if (service_pipes())
    at_once(&q, fn, cookie);
  else if (!send_request(&q, fn, cookie))
    fn(cookie, NULL, EIO);
  OPENSSL_cleanse(&q, sizeof q);
}

void
derive_forget(void const *cookie)
{
  struct job *j;

  for (j = worker.first; j; j = j->next)
    if (j->cookie == cookie) j->fn = NULL;
}
