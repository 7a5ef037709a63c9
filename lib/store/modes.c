#include "store/store_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Users and modes of the files of a store. */

void
store_set_mode(char const *dir, char const *file, mode_t mode)
{
  char path[600];

  snprintf(path, sizeof path, "%s/%s", dir, file);
  if (chmod(path, mode))
    log_event(LOG_WARN, "store-failed", "store", dir, "what", "chmod", "why",
              strerror(errno), NULL);
}

static void
give_away(char const *dir, char const *file, mode_t mode)
{
  struct stat folder, st;
  char path[600];
  int fd;

  snprintf(path, sizeof path, "%s/%s", dir, file);
  if (stat(dir, &folder) || lstat(path, &st) || st.st_uid == folder.st_uid) return;
  fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0 || fchown(fd, folder.st_uid, folder.st_gid) || fchmod(fd, mode))
    log_event(LOG_WARN, "store-failed", "store", dir, "what", "chown", "why",
              strerror(errno), NULL);
  if (fd >= 0) close(fd);
}

void
store_give_away(char const *dir, bool group)
{
  give_away(dir, "data.mdb", group ? 0640 : 0600);
  give_away(dir, "lock.mdb", group ? 0660 : 0600);
}

bool
store_group_reads(char const *dir)
{
  struct stat st;

  return !stat(dir, &st) && st.st_mode & S_IRGRP;
}
