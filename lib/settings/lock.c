#include "settings/settings.h"

#include <skalibs/djbunix.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* The file STATE/lock. The kernel lets go of it when the process ends, however that happens. */

int
settings_lock(char const *state, enum settings_lock how)
{
  char path[600];
  int fd, flags = O_RDONLY | O_CLOEXEC | (how == LOCK_PROGRAM ? 0 : O_CREAT), e;

  snprintf(path, sizeof path, "%.580s/lock", state);
  fd = open(path, flags, 0644);
  if (fd < 0) return how == LOCK_PROGRAM && errno == ENOENT ? 1 : -1;
  fchmod(fd, 0644); /* whatever the umask of the administrator is: programs open it */
  if (!flock(fd, LOCK_NB | (how == LOCK_ALONE ? LOCK_EX : LOCK_SH))) return 1;
  e = errno;
  fd_close(fd);
  errno = e;
  return e == EWOULDBLOCK ? 0 : -1;
}
