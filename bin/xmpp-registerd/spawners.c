#include "spawn.h"

#include <skalibs/strerr.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* Spawners of another user. The run script starts
 *
 *   xmpp-registerd --spawners UID GID setpriv ... xmpp-registerd ...
 *
 * before anybody has given up what root may: it starts SPAWNERS processes, which setpriv makes that user,
 * and becomes the command. SPAWN_VARIABLE has the numbers of its ends of their sockets. */

/* Above those that a supervisor gives. */
#define LEAST_FD 10

static void
become_other(char const *uid, char const *gid, int fd)
{
  char const *const argv[] = {
    "setpriv",        "--reuid",        uid,  "--regid",      gid,
    "--clear-groups", "--no-new-privs", PROG, SPAWNER_OPTION, NULL};

  if (dup2(fd, SPAWNER_FD) < 0) _exit(111);
  close_range(SPAWNER_FD + 1, ~0u, 0);
  execvp(argv[0], (char *const *)(uintptr_t)argv);
  strerr_dieexec(111, argv[0]);
}

/* Start one; our end of its socket. */
static int
start(char const *uid, char const *gid)
{
  int fd[2], ours;
  pid_t pid;

  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fd))
    strerr_diefusys(111, "make a socket");
  pid = fork();
  if (pid < 0) strerr_diefusys(111, "fork");
  if (!pid) become_other(uid, gid, fd[1]);
  ours = fcntl(fd[0], F_DUPFD, LEAST_FD);
  if (ours < 0) strerr_diefusys(111, "number a socket");
  close(fd[0]);
  close(fd[1]);
  return ours;
}

int
spawners_main(char const *const *argv)
{
  char fds[16 * SPAWNERS];
  size_t n = 0;
  unsigned int i;

  if (!argv[0] || !argv[1] || !argv[2])
    strerr_dieusage(100, SPAWNERS_OPTION " user group command ...");
  for (i = 0; i < SPAWNERS; i++)
    n += (size_t)snprintf(fds + n, sizeof fds - n, "%d ", start(argv[0], argv[1]));
  if (setenv(SPAWN_VARIABLE, fds, 1)) strerr_diefusys(111, "set " SPAWN_VARIABLE);
  execvp(argv[2], (char *const *)(uintptr_t)(argv + 2));
  strerr_dieexec(111, argv[2]);
}
