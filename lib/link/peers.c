#include "link/link_internal.h"

#include <skalibs/djbunix.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* The program at the other end of a socket. The kernel names the user of a process that
 * has connected; the settings say which programs the user may run. A user that may run no
 * program of a socket is refused before a byte is read. */

#define ALLOWED_MAX 32

static struct {
  enum program program;
  uid_t uid;
} allowed[ALLOWED_MAX];

static unsigned int allowed_n;

bool
link_allow(enum program p, uid_t uid)
{
  if (allowed_n == ALLOWED_MAX) {
    errno = ENOBUFS;
    return false;
  }
  allowed[allowed_n].program = p;
  allowed[allowed_n++].uid = uid;
  return true;
}

static bool
uid_is_allowed(enum program p, uid_t uid)
{
  bool named = false;
  unsigned int i;

  if (p == CTL) return uid == 0 || uid == geteuid();
  for (i = 0; i < allowed_n; i++) {
    if (allowed[i].program != p) continue;
    if (allowed[i].uid == uid) return true;
    named = true;
  }
  return !named && uid == geteuid();
}

static bool
peer_of(int fd, struct ucred *peer)
{
  socklen_t len = sizeof *peer;

  return !getsockopt(fd, SOL_SOCKET, SO_PEERCRED, peer, &len);
}

/* "nc" of a process that is there: its user says what he likes, so it is only for the log. */
static char const *
command_of(pid_t pid, char *buf, size_t size)
{
  char path[64];
  ssize_t n;

  snprintf(path, sizeof path, "/proc/%ld/comm", (long)pid);
  n = openreadnclose(path, buf, size - 1);
  while (n > 0 && buf[n - 1] == '\n')
    n--;
  if (n <= 0) return NULL;
  buf[n] = 0;
  return buf;
}

/* A user who connects again and again writes no more than a line each LINK_REFUSED_LOG_US. */
void
link_peer_refused(int fd, char const *path, char const *why)
{
  static uint64_t next_us, unsaid;
  char command[64];
  struct ucred peer;

  if (door_now() < next_us) {
    unsaid++;
    return;
  }
  if (!peer_of(fd, &peer)) return;
  log_event(LOG_WARN, "peer-refused", "socket", path, "uid", log_num(peer.uid), "pid",
            log_num((uint64_t)peer.pid), "command",
            command_of(peer.pid, command, sizeof command), "why", why, "others_before",
            unsaid ? log_num(unsaid) : NULL, NULL);
  next_us = door_now() + LINK_REFUSED_LOG_US;
  unsaid = 0;
}

bool
link_peer_may_connect(int fd, unsigned int programs, char const *path, uid_t *uid)
{
  struct ucred peer;
  unsigned int i;

  if (!peer_of(fd, &peer)) return false;
  *uid = peer.uid;
  for (i = 0; i < PROGRAMS_N; i++)
    if (programs & 1u << i && uid_is_allowed((enum program)(1u << i), peer.uid))
      return true;
  link_peer_refused(fd, path, "not a user that the settings name");
  return false;
}

bool
link_peer_is(int fd, enum program p, char const *name)
{
  struct ucred peer;

  if (!peer_of(fd, &peer)) return false;
  if (uid_is_allowed(p, peer.uid)) return true;
  log_event(LOG_WARN, "peer-refused", "link", name, "program", program_name(p), "uid",
            log_num(peer.uid), "why", "not the user that the settings name", NULL);
  return false;
}
