#include "up.h"

#include <skalibs/djbunix.h>
#include <skalibs/socket.h>

#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <unistd.h>

/* A state folder belongs to one server: to the s6-svscan that runs its service
 * directories, or to programs that another supervisor has started. */

/* s6-svscan reads this FIFO as long as it runs; without a reader the opening fails. */
bool
is_supervised(void)
{
  char path[600];
  int fd;

  snprintf(path, sizeof path, "%s/service/.s6-svscan/control", up.state);
  fd = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0) return false;
  fd_close(fd);
  return true;
}

static bool
answers(char const *path)
{
  int fd = ipc_stream_internal(O_CLOEXEC);
  bool ok = fd >= 0 && ipc_connect(fd, path);

  if (fd >= 0) fd_close(fd);
  return ok;
}

bool
is_running(void)
{
  char pattern[600];
  bool found = is_supervised();
  glob_t g;
  size_t i;

  snprintf(pattern, sizeof pattern, "%s/run/*/control", up.state);
  if (found || glob(pattern, 0, NULL, &g)) return found;
  for (i = 0; i < g.gl_pathc && !found; i++)
    found = answers(g.gl_pathv[i]);
  globfree(&g);
  return found;
}
