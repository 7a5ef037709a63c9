#include "base/base.h"

#include <skalibs/allreadwrite.h>
#include <skalibs/djbunix.h>

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

/* The disk's blocks are taken at once: a store into a hole of a full disk would be a SIGBUS. New
 * blocks are written, too, in large pieces: the first store to a page of the map then costs ext4 a
 * third of one to a page that was only allocated. */
static bool
make_room(int fd, size_t size)
{
  static char zeros[1u << 16];
  off_t at = lseek(fd, 0, SEEK_END);
  size_t n;

  if (at < 0 || ftruncate(fd, (off_t)size) < 0) return false;
  if ((errno = posix_fallocate(fd, 0, (off_t)size))) return false;
  for (; (size_t)at < size; at += (off_t)n) {
    n = size - (size_t)at < sizeof zeros ? size - (size_t)at : sizeof zeros;
    if (allwrite(fd, zeros, n) < n) return false;
  }
  return true;
}

void *
file_map(char const *path, size_t size)
{
  int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600), e;
  void *map;

  if (fd < 0) return NULL;
  map = make_room(fd, size) ? mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0)
                            : MAP_FAILED;
  e = errno;
  fd_close(fd);
  errno = e;
  return map == MAP_FAILED ? NULL : map;
}
