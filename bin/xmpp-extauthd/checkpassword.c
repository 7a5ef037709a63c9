#include "extauthd.h"

#include <skalibs/djbunix.h>

#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

/* A process a question, which reads user, password and a stamp, each with a NUL behind, from
 * descriptor 3, and says by its exit code: 0 yes, 1 no, else it failed. */

struct run {
  struct event_io end; /* a pidfd */
  struct event_timer timer;
  struct question *question;
  pid_t pid;
};

static unsigned int running;

static void
finish(struct run *r, char const *why)
{
  int fd = r->end.fd, code;

  event_io_cancel(&r->end);
  event_timer_cancel(&r->timer);
  if (fd >= 0) fd_close(fd);
  code = process_end(r->pid);
  if (why || (code != 0 && code != 1))
    log_event(LOG_WARN, "checker-failed", "jid", log_text(slice_str(r->question->user)),
              "why", why ? why : "the exit code is neither 0 nor 1", NULL);
  question_answer(r->question, why         ? "failed"
                               : code == 0 ? "yes"
                               : code == 1 ? "no"
                                           : "failed");
  free(r);
  running--;
}

static void
ended(void *cookie, uint32_t what)
{
  (void)what;
  finish(cookie, NULL);
}

static void
too_late(void *cookie)
{
  finish(cookie, "no answer in time");
}

/* A socket takes more at once than a question has. */
static bool
give(int fd, struct question const *q)
{
  bool ok = write(fd, q->bytes, q->len) == (ssize_t)q->len;

  close(fd);
  return ok;
}

void
checkpassword_ask(char const *command, struct question *q)
{
  struct run *r = running < EXTAUTH_WORKERS_MAX ? calloc(1, sizeof *r) : NULL;
  int fd = -1, end;

  if (r) r->pid = process_start(command, true, &fd);
  if (!r || !r->pid) {
    free(r);
    question_answer(q, "failed");
    return;
  }
  running++;
  r->question = q;
  r->end = (struct event_io)EVENT_IO_ZERO;
  end = (int)syscall(SYS_pidfd_open, r->pid, 0);
  if (!give(fd, q) || end < 0 || !event_io_start(&r->end, end, EVENT_READ, ended, r)) {
    if (end >= 0 && r->end.fd < 0) close(end);
    finish(r, "the program does not start");
    return;
  }
  event_timer_start(&r->timer, door_now() + EXTAUTH_ANSWER_US, too_late, r);
}
