#include "dial.h"
#include "s2s.h"

#include <skalibs/djbunix.h>

#include <errno.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

/* The order and the times of attempts (RFC 8305). The addresses of a target are tried in
 * the given order, the next when the one before has failed, or DIAL_NEXT_ADDRESS_US
 * after it. The next target follows when all addresses of this one have failed, or
 * DIAL_NEXT_TARGET_US after the last was started: a backup must not win only because the
 * main server is far away. Attempts that were started go on until one has won. */

static void on_time(void *request);

/* ---- sockets ---- */

/* A peer that has gone without a word is found out: when nothing comes for a while, and
 * when what is sent is not acknowledged. */
static void
set_options(int fd)
{
  int on = 1, idle = DIAL_IDLE_S, pause = DIAL_PROBE_S, probes = DIAL_PROBES;
  unsigned int silence = DIAL_SILENCE_US / 1000;
  int most = CONN_HIGH_WATER;

  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &most, sizeof most);
  setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
  setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof idle);
  setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &pause, sizeof pause);
  setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof probes);
  setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &silence, sizeof silence);
}

static bool
bind_source(int fd, struct s2s_options const *o, int family)
{
  if (family == AF_INET)
    return !o->has_from4 ||
           !bind(fd, (struct sockaddr const *)&o->from4, sizeof o->from4);
  return !o->has_from6 || !bind(fd, (struct sockaddr const *)&o->from6, sizeof o->from6);
}

char const *
dial_words(int error)
{
  switch (error) {
  case ECONNREFUSED: return "connection refused";
  case ECONNRESET: return "connection reset";
  case ETIMEDOUT: return "timeout";
  case EHOSTUNREACH: return "no route to host";
  case ENETUNREACH: return "network is unreachable";
  case EMFILE:
  case ENFILE: return "no file descriptors";
  default: return strerror(error);
  }
}

/* Give a socket that is connecting; or -1 and the reason in *why. */
static int
open_socket(struct s2s_options const *o, struct address const *a, char const **why)
{
  int family = a->at.sa.sa_family;
  socklen_t len = family == AF_INET ? sizeof a->at.v4 : sizeof a->at.v6;
  int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

  if (fd < 0) {
    *why = dial_words(errno);
    return -1;
  }
  set_options(fd);
  if (!bind_source(fd, o, family))
    *why = "source address";
  else if (!connect(fd, &a->at.sa, len) || errno == EINPROGRESS)
    return fd;
  else
    *why = dial_words(errno);
  fd_close(fd);
  return -1;
}

/* ---- attempts ---- */

/* Start an attempt; NULL, or why there is none. */
static char const *
attempt(struct request *r, unsigned int target, struct address const *a)
{
  struct s2s_options const *o = s2s_of(s2s_now, slice_str(r->host));
  char const *why = "denied address";
  struct conn *c;
  int fd;

  if (!o || s2s_denies(s2s_now, &a->at.sa)) return why;
  fd = open_socket(o, a, &why);
  if (fd < 0) return why;
  c = conn_dialed(
    r->link, fd, slice_str(a->text),
    ntohs(a->at.sa.sa_family == AF_INET ? a->at.v4.sin_port : a->at.v6.sin6_port));
  if (!c) return "out of memory";
  c->request = r;
  c->target = (unsigned char)target;
  c->next_attempt = r->attempts;
  r->attempts = c;
  r->running++;
  r->targets[target].running++;
  r->started_us = door_now();
  if (o->timeout_us != UINT64_MAX)
    event_timer_start(&c->timer, door_now() + o->timeout_us, conn_on_deadline, c);
  return NULL;
}

/* c is no attempt of its request any more. */
static void
unlink_attempt(struct conn *c)
{
  struct request *r = c->request;
  struct conn **at;

  for (at = &r->attempts; *at != c; at = &(*at)->next_attempt) {
  }
  *at = c->next_attempt;
  r->running--;
  r->targets[c->target].running--;
}

/* ---- the race ---- */

/* Go to the next address, or to the first of the next target that has some. false: none
 * is left. */
static bool
find_next(struct request *r)
{
  while (r->at < r->targets_n && r->next_address == r->targets[r->at].addresses_n) {
    r->at++;
    r->next_address = 0;
  }
  return r->at < r->targets_n;
}

static bool
try_next(struct request *r)
{
  struct address const *a;
  char const *why;

  if (!find_next(r)) return false;
  a = &r->targets[r->at].addresses[r->next_address++];
  why = attempt(r, r->at, a);
  if (why) dial_failed(r, r->at, a->text, "connect", why);
  return true;
}

static bool
is_last_of_target(struct request const *r)
{
  return r->at < r->targets_n && r->next_address == r->targets[r->at].addresses_n;
}

/* Attempts that fail at once cost nobody anything, and the next follows at once. */
void
race_begin(struct request *r)
{
  unsigned int before = r->running;
  bool some = true;

  while (some && r->running == before)
    some = try_next(r);
  if (!r->running)
    dial_ended(r);
  else if (some)
    event_timer_start(
      &r->timer,
      r->started_us + (is_last_of_target(r) ? DIAL_NEXT_TARGET_US : DIAL_NEXT_ADDRESS_US),
      on_time, r);
}

static void
on_time(void *request)
{
  race_begin(request);
}

/* An attempt of a target has failed. When it is the target that is being tried, the next
 * attempt need not wait, but for DIAL_APART_US; nor must it come before the others of a
 * target whose addresses are all under way have failed too. */
static void
hurry(struct request *r, unsigned int target)
{
  if (!r->running && !find_next(r)) {
    dial_ended(r);
    return;
  }
  if (r->running) {
    if (target != r->at || !event_timer_on(&r->timer)) return;
    if (is_last_of_target(r) && r->targets[target].running) return;
  }
  event_timer_start(&r->timer, r->started_us + DIAL_APART_US, on_time, r);
}

void
race_lost(struct conn *c, char const *why)
{
  struct request *r = c->request;

  unlink_attempt(c);
  dial_failed(r, c->target, c->ip, c->state == CONNECTING ? "connect" : "tls", why);
  hurry(r, c->target);
  c->request = NULL;
  c->dialing = false;
}

void
race_end(struct request *r, struct conn const *winner)
{
  struct conn *c, *next;

  event_timer_cancel(&r->timer);
  for (c = r->attempts; c; c = next) {
    next = c->next_attempt;
    if (c == winner) continue;
    c->request = NULL;
    c->dialing = false;
    conn_drop(c, "not needed");
  }
  r->attempts = NULL;
}

/* ---- TCP is there ---- */

void
race_connected(struct conn *c)
{
  int error = 0;
  socklen_t len = sizeof error;

  if (getsockopt(c->io.fd, SOL_SOCKET, SO_ERROR, &error, &len)) error = errno;
  if (error) {
    conn_drop(c, dial_words(error));
    return;
  }
  c->state = PLAIN;
  if (c->request->targets[c->target].tls) {
    conn_start_client(c, c->request->host);
    return;
  }
  event_timer_cancel(&c->timer);
  dial_won(c);
  conn_want(c);
}
