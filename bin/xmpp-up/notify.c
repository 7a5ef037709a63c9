#include "up.h"

#include <skalibs/strerr.h>

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

/* sd_notify(3): a supervisor names a socket of datagrams in NOTIFY_SOCKET, and is told there that
 * the server is ready. xmpp-up becomes s6-svscan and cannot wait, so a process of its own does:
 * xmpp-ctl wait ends when the server answers stanzas. */

/* An address that begins with @ is one of the abstract name space (unix(7)). */
static bool
tell(char const *path, char const *text)
{
  struct sockaddr_un to = {.sun_family = AF_UNIX};
  size_t len = strlen(path);
  ssize_t n;
  int fd;

  if (len >= sizeof to.sun_path) {
    errno = ENAMETOOLONG;
    return false;
  }
  memcpy(to.sun_path, path, len);
  if (path[0] == '@') to.sun_path[0] = 0;
  fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return false;
  n = sendto(fd, text, strlen(text), 0, (struct sockaddr const *)&to,
             (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len));
  close(fd);
  return n >= 0;
}

static void
wait_and_tell(char const *path)
{
  char const *argv[] = {"xmpp-ctl", "-s", up.state, "wait", UP_READY_SECONDS, NULL};

  if (run(argv)) return;
  if (!tell(path, "READY=1\nSTATUS=xmpp-ctl status says how the programs are"))
    strerr_warnwu2sys("tell ", path);
}

/* The process is a grandchild: nobody but init is to take its exit code, and s6-svscan has no child
 * that is not of its service directories. */
void
notify_when_ready(void)
{
  char const *given = getenv("NOTIFY_SOCKET");
  char *path;
  pid_t child;

  if (!given || (given[0] != '/' && given[0] != '@')) return;
  path = strdup(given);
  if (!path || unsetenv("NOTIFY_SOCKET")) strerr_diefusys(111, "change the environment");
  child = fork();
  if (child < 0) strerr_diefusys(111, "fork");
  if (child) {
    waitpid(child, NULL, 0);
    free(path);
    return;
  }
  child = fork();
  if (child < 0) strerr_warnwu1sys("fork");
  if (!child) wait_and_tell(path);
  _exit(0);
}
