#include "uploadd.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/statvfs.h>
#include <unistd.h>

/* Files are DOCROOT/FOLDER/SECRET/NAME, where another web server may serve them. Nothing of a name
 * is trusted: each segment is opened in the folder before it, and links are not followed.
 *
 * S1  a PUT goes on: DOCROOT/.tmp/RANDOM has a part of it (0600 in a folder 0700)
 * S2  the file is whole and on disk in .tmp, with its mode
 * S3  the file has its name; its folders are on disk after the fsync of each
 * S4  the slot is deleted, in the commit of the turn
 * Killed in S1 or S2, the next run empties .tmp, and the slot is open still. Killed in S3 the
 * slot is open and the file is there: the next PUT finds the file and is told 201. */

#define TEMP_FOLDER ".tmp"
#define PATH_MAX_HERE 1024

/* ---- folders ---- */

/* A folder has its mode from the start, whatever the umask, and the set-group-ID bit of its
 * parent. */
static bool
make_folder(int parent, char const *name, mode_t mode)
{
  mode_t old = umask(0);
  bool made = !mkdirat(parent, name, mode);

  umask(old);
  return made || errno == EEXIST;
}

/* Open the folder name in parent, made if makes says so. -1 with errno. */
static int
folder(int parent, char const *name, bool makes, mode_t mode)
{
  if (makes && !make_folder(parent, name, mode)) return -1;
  return openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/* Make the folders of a path that are missing. The administrator's path may have links. */
static bool
make_path(char const *path, mode_t mode)
{
  char buf[PATH_MAX_HERE];
  size_t i;

  if ((size_t)snprintf(buf, sizeof buf, "%s", path) >= sizeof buf) {
    errno = ENAMETOOLONG;
    return false;
  }
  for (i = 1;; i++) {
    char c = buf[i];
    if (c && c != '/') continue;
    buf[i] = 0;
    if (!make_folder(AT_FDCWD, buf, mode)) return false;
    if (!c) return true;
    buf[i] = '/';
  }
}

int
files_docroot(struct vhost const *v, bool makes)
{
  int fd = open(v->docroot.s, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

  if (fd >= 0 || errno != ENOENT || !makes || !make_path(v->docroot.s, v->dir_mode))
    return fd;
  return open(v->docroot.s, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* ---- room on the disk ---- */

#define BAD_AGAIN_US 60000000u

static char bad_text[256];
static uint64_t bad_logged_us;

char const *
files_bad(void)
{
  return *bad_text ? bad_text : NULL;
}

/* The log has a line a minute, and status the words. */
static void
say_bad(struct vhost const *v)
{
  char const *why = strerror(errno);

  snprintf(bad_text, sizeof bad_text, "the folder %.150s cannot be written: %s",
           v->docroot.s, why);
  if (bad_logged_us && door_now() < bad_logged_us + BAD_AGAIN_US) return;
  bad_logged_us = door_now();
  log_event(LOG_WARN, "docroot-bad", "host", log_text(v->host), "path", v->docroot.s,
            "why", why, "do", "let the user of xmpp-uploadd write in the folder", NULL);
}

enum room
files_room(struct vhost const *v, uint64_t size)
{
  struct statvfs st;
  int fd = files_docroot(v, true);
  bool ok = fd >= 0 && !faccessat(fd, ".", W_OK | X_OK, AT_EACCESS) && !fstatvfs(fd, &st);
  uint64_t there, stays;

  if (ok)
    *bad_text = 0;
  else
    say_bad(v);
  if (fd >= 0) close(fd);
  if (!ok) return ROOM_NONE;
  there = (uint64_t)st.f_bavail * st.f_frsize;
  stays = (uint64_t)st.f_blocks * st.f_frsize / 100 * uploadd.free_percent;
  return there >= stays && there - stays >= size ? ROOM_ENOUGH : ROOM_LITTLE;
}

/* ---- temporary files ---- */

static int
temp_folder(int root, bool makes)
{
  return folder(root, TEMP_FOLDER, makes, 0700);
}

bool
files_temp(struct vhost const *v, struct temp *t)
{
  int dir, e;

  *t = (struct temp){.root = files_docroot(v, true), .fd = -1};
  dir = t->root < 0 ? -1 : temp_folder(t->root, true);
  door_random_id(t->name, FILES_TEMP);
  if (dir >= 0)
    t->fd =
      openat(dir, t->name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  e = errno;
  if (dir >= 0) close(dir);
  if (t->fd >= 0) return true;
  if (t->root >= 0) close(t->root);
  t->root = -1;
  errno = e;
  return false;
}

void
files_temp_close(struct temp *t)
{
  int dir;

  if (t->fd >= 0) {
    close(t->fd);
    dir = temp_folder(t->root, false);
    if (dir >= 0) {
      unlinkat(dir, t->name, 0);
      close(dir);
    }
  }
  if (t->root >= 0) close(t->root);
  t->fd = t->root = -1;
}

static void
clear(int dir)
{
  DIR *d = fdopendir(dir);
  struct dirent const *e;

  if (!d) {
    close(dir);
    return;
  }
  while ((e = readdir(d)))
    unlinkat(dirfd(d), e->d_name, 0);
  closedir(d);
}

void
files_temp_clear(void)
{
  struct vhost const *v;

  for (v = uploadd.vhosts; v; v = v->next) {
    int root = files_docroot(v, false), dir;
    if (root < 0) continue;
    dir = temp_folder(root, false);
    if (dir >= 0) clear(dir);
    close(root);
  }
}

/* ---- places ---- */

static int
open_place(int root, struct slots_place const *p, bool makes, mode_t mode)
{
  int first = folder(root, p->folder.s, makes, mode), second, e;

  if (first < 0) return -1;
  second = folder(first, p->secret.s, makes, mode);
  if (makes && second >= 0 && (fsync(root) || fsync(first))) {
    close(second);
    second = -1;
  }
  e = errno;
  close(first);
  errno = e;
  return second;
}

static bool
put_in_place(struct temp *t, int temps, int dir, char const *name, mode_t mode)
{
  struct timespec const now = {.tv_sec = (time_t)(door_wall() / 1000000u),
                               .tv_nsec = (long)(door_wall() % 1000000u * 1000u)};
  struct timespec const times[2] = {now, now};

  if (fchmod(t->fd, mode) || futimens(t->fd, times) || fsync(t->fd) ||
      renameat2(temps, t->name, dir, name, RENAME_NOREPLACE))
    return false;
  close(t->fd);
  t->fd = -1;
  return !fsync(dir);
}

bool
files_finish(struct temp *t, struct slots_place const *p, mode_t file, mode_t dir_mode)
{
  int dir = open_place(t->root, p, true, dir_mode), temps, e;
  bool ok = false;

  if (dir < 0) return false;
  temps = temp_folder(t->root, false);
  if (temps >= 0) ok = put_in_place(t, temps, dir, p->name.s, file);
  e = errno;
  if (temps >= 0) close(temps);
  close(dir);
  errno = e;
  return ok;
}

int
files_open(struct vhost const *v, struct slots_place const *p, struct stat *st)
{
  int root = files_docroot(v, false), dir, fd;

  if (root < 0) return -1;
  dir = open_place(root, p, false, 0);
  close(root);
  if (dir < 0) return -1;
  fd = openat(dir, p->name.s, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
  close(dir);
  if (fd < 0) return -1;
  if (!fstat(fd, st) && S_ISREG(st->st_mode)) return fd;
  close(fd);
  errno = ENOENT;
  return -1;
}
