#include "extauthd.h"

#include <skalibs/djbunix.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Processes that speak ejabberd's protocol: a question is 2 bytes of length and op:user:host:password,
 * an answer the bytes 0 2 0 1 (yes) or 0 2 0 0 (no). One question at a time for each process. An
 * answer that comes too late, or is none, would be taken for that of the next question: the process
 * is killed, and another started. */

#define SHORT_LIFE_US 1000000u

struct worker {
  struct pool *pool;
  struct event_io io;
  struct event_timer timer; /* of the answer; without a process: of its start */
  struct question *question;
  size_t written, got;
  uint64_t since_us, pause_us;
  pid_t pid; /* 0: none */
  unsigned char answer[4];
};

struct queue {
  struct question *first, **last;
  unsigned int n;
};

/* Questions about names wait behind all others, and do not take the last process: strangers make them,
 * by writing to addresses, and no login is to wait for them. */
struct pool {
  char *command;
  struct queue logins, names;
  unsigned int names_asked, n; /* processes that are asked about a name; processes */
  struct worker workers[];
};

static void next_question(struct worker *w);
static void start(void *cookie);

/* ---- queues ---- */

static void
enter(struct queue *q, struct question *x)
{
  x->next = NULL;
  *q->last = x;
  q->last = &x->next;
  q->n++;
}

static struct question *
leave(struct queue *q)
{
  struct question *x = q->first;

  if (!x) return NULL;
  q->first = x->next;
  if (!q->first) q->last = &q->first;
  q->n--;
  return x;
}

/* Take the question of w, which is over, from w. */
static struct question *
end_question(struct worker *w)
{
  struct question *q = w->question;

  w->question = NULL;
  if (q && q->is_of_a_name) w->pool->names_asked--;
  return q;
}

/* ---- the end of a process ---- */

static void
stop(struct worker *w, char const *why)
{
  struct question *q = end_question(w);
  bool was_short = door_now() - w->since_us < SHORT_LIFE_US;
  int fd = w->io.fd;

  if (why)
    log_event(LOG_WARN, "checker-ended", "program", w->pool->command, "jid",
              q ? log_text(slice_str(q->user)) : NULL, "why", why, NULL);
  event_io_cancel(&w->io);
  event_timer_cancel(&w->timer);
  if (fd >= 0) fd_close(fd);
  if (w->pid) process_end(w->pid);
  w->pid = 0;
  if (!was_short)
    w->pause_us = 0;
  else
    w->pause_us = w->pause_us ? 2 * w->pause_us : SHORT_LIFE_US;
  if (w->pause_us > EXTAUTH_PAUSE_MAX_US) w->pause_us = EXTAUTH_PAUSE_MAX_US;
  if (q) question_answer(q, "failed");
}

static void
restart(struct worker *w, char const *why)
{
  stop(w, why);
  event_timer_start(&w->timer, door_now() + w->pause_us, start, w);
}

static void
too_late(void *cookie)
{
  restart(cookie, "no answer in time");
}

/* ---- a question ---- */

static bool
write_some(struct worker *w)
{
  struct question const *q = w->question;
  ssize_t n;

  while (q && w->written < q->len) {
    n = write(w->io.fd, q->bytes + w->written, q->len - w->written);
    if (n < 0 && errno == EAGAIN) break;
    if (n <= 0) return false;
    w->written += (size_t)n;
  }
  event_io_want(&w->io, EVENT_READ | (q && w->written < q->len ? EVENT_WRITE : 0));
  return true;
}

static void
take_answer(struct worker *w)
{
  struct question *q = w->question;
  unsigned char const *a = w->answer;
  bool is_one = a[0] == 0 && a[1] == 2 && a[2] == 0 && a[3] < 2;

  if (!q || !is_one) {
    restart(w, "the answer is malformed");
    return;
  }
  end_question(w);
  event_timer_cancel(&w->timer);
  question_answer(q, a[3] ? "yes" : "no");
  next_question(w);
}

static void
on_io(void *cookie, uint32_t what)
{
  struct worker *w = cookie;
  ssize_t n;

  if (what & EVENT_READ) {
    n = read(w->io.fd, w->answer + w->got, sizeof w->answer - w->got);
    if (n > 0) w->got += (size_t)n;
    if (n == 0 || (n < 0 && errno != EAGAIN)) {
      restart(w, "the program has ended");
      return;
    }
    if (w->got == sizeof w->answer) {
      w->got = 0;
      take_answer(w);
      return;
    }
  }
  if (what & EVENT_WRITE && !write_some(w)) restart(w, "the program has ended");
}

/* Say whether nobody awaits the answer of q any more: its authd has gone, or has given a name up. */
static bool
is_stale(struct question const *q)
{
  return question_is_nobodys(q) ||
         (q->is_of_a_name && door_now() - q->since_us > EXISTS_US);
}

/* The first question that waits, may be asked now, and is not stale; NULL: there is none. */
static struct question *
take_first(struct pool *p)
{
  bool takes_names = p->n == 1 || p->names_asked < p->n - 1;
  struct question *q;

  while ((q = leave(&p->logins)) || (takes_names && (q = leave(&p->names)))) {
    if (!is_stale(q)) return q;
    question_answer(q, "failed");
  }
  return NULL;
}

static void
next_question(struct worker *w)
{
  struct question *q = w->pid && !w->question ? take_first(w->pool) : NULL;

  if (!q) return;
  w->question = q;
  if (q->is_of_a_name) w->pool->names_asked++;
  w->written = w->got = 0;
  event_timer_start(&w->timer, door_now() + EXTAUTH_ANSWER_US, too_late, w);
  if (!write_some(w)) restart(w, "the program has ended");
}

/* ---- the pool ---- */

static void
start(void *cookie)
{
  struct worker *w = cookie;
  int fd;

  w->since_us = door_now();
  w->pid = process_start(w->pool->command, false, &fd);
  if (w->pid && !event_io_start(&w->io, fd, EVENT_READ, on_io, w)) fd_close(fd);
  if (!w->pid || w->io.fd < 0)
    restart(w, "the program does not start");
  else
    next_question(w);
}

struct pool *
pool_new(char const *command, unsigned int n)
{
  struct pool *p = calloc(1, sizeof *p + n * sizeof *p->workers);
  unsigned int i;

  if (p) p->command = strdup(command);
  if (!p || !p->command) {
    free(p);
    return NULL;
  }
  p->logins.last = &p->logins.first;
  p->names.last = &p->names.first;
  p->n = n;
  for (i = 0; i < n; i++) {
    p->workers[i].pool = p;
    p->workers[i].io = (struct event_io)EVENT_IO_ZERO;
    event_timer_start(&p->workers[i].timer, door_now(), start, &p->workers[i]);
  }
  return p;
}

void
pool_ask(struct pool *p, struct question *q)
{
  struct queue *to = q->is_of_a_name ? &p->names : &p->logins;
  unsigned int i;

  if (to->n == (q->is_of_a_name ? EXTAUTH_NAMES_MAX : EXTAUTH_QUEUE_MAX)) {
    question_answer(q, "failed");
    return;
  }
  enter(to, q);
  for (i = 0; i < p->n && to->first; i++)
    next_question(&p->workers[i]);
}

void
pool_free(struct pool *p)
{
  struct question *q;
  unsigned int i;

  if (!p) return;
  for (i = 0; i < p->n; i++)
    stop(&p->workers[i], NULL);
  while ((q = leave(&p->logins)) || (q = leave(&p->names)))
    question_answer(q, "failed");
  free(p->command);
  free(p);
}
