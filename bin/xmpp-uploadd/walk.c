#include "uploadd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

/* Steps through DOCROOT/FOLDER/SECRET/NAME. What is not a regular file at this depth is left, and
 * so is each name that begins with a dot. */

bool
walk_open(struct walk *w, struct vhost const *v, struct slice folder, bool prunes)
{
  int fd = files_docroot(v, false);

  *w = (struct walk){.prunes = prunes};
  w->root = fd < 0 ? NULL : fdopendir(fd);
  if (!w->root) {
    if (fd >= 0) close(fd);
    return false;
  }
  if (folder.len < sizeof w->only) memcpy(w->only, folder.s, folder.len);
  return true;
}

static void
leave_folder(struct walk *w)
{
  if (!w->folder) return;
  closedir(w->folder);
  w->folder = NULL;
  if (w->folder_emptied) unlinkat(dirfd(w->root), w->folder_name, AT_REMOVEDIR);
}

void
walk_close(struct walk *w)
{
  leave_folder(w);
  if (w->root) closedir(w->root);
  w->root = NULL;
}

static DIR *
open_dir(DIR *parent, char const *name)
{
  int fd = openat(dirfd(parent), name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  DIR *d = fd < 0 ? NULL : fdopendir(fd);

  if (!d && fd >= 0) close(fd);
  return d;
}

/* The next name of a folder that does not begin with a dot; NULL: the end. */
static char const *
next_name(DIR *d)
{
  struct dirent const *e;

  while ((e = readdir(d)))
    if (e->d_name[0] != '.') return e->d_name;
  return NULL;
}

static bool
enter_folder(struct walk *w)
{
  char const *name = *w->only ? w->only : next_name(w->root);

  if (!name || (*w->only && w->entered)) return false;
  w->entered = true;
  w->folder_emptied = false;
  snprintf(w->folder_name, sizeof w->folder_name, "%s", name);
  w->folder = open_dir(w->root, w->folder_name);
  return true;
}

/* Look at the files of one SECRET. */
static void
look_at(struct walk *w, char const *secret, walk_fn *fn, void *cookie)
{
  struct walk_file f = {.folder = w->folder_name, .secret = secret};
  DIR *d = open_dir(w->folder, secret);
  bool empty = w->prunes;

  while (d && (f.name = next_name(d))) {
    if (fstatat(dirfd(d), f.name, &f.st, AT_SYMLINK_NOFOLLOW) || !S_ISREG(f.st.st_mode) ||
        !fn(cookie, &f) || unlinkat(dirfd(d), f.name, 0)) {
      empty = false;
      continue;
    }
    w->files++;
    w->bytes += (uint64_t)f.st.st_size;
  }
  if (d) closedir(d);
  if (empty && !unlinkat(dirfd(w->folder), secret, AT_REMOVEDIR))
    w->folder_emptied = true;
}

bool
walk_step(struct walk *w, unsigned int most, walk_fn *fn, void *cookie)
{
  char secret[256];
  char const *name;

  for (; most; most--) {
    if (!w->folder && !enter_folder(w)) return false;
    name = w->folder ? next_name(w->folder) : NULL;
    if (!name) {
      leave_folder(w);
      continue;
    }
    snprintf(secret, sizeof secret, "%s", name);
    look_at(w, secret, fn, cookie);
  }
  return true;
}

bool
walk_delete(struct vhost const *v, struct slice folder, char const *secret,
            char const *name)
{
  char first[256];
  int root = files_docroot(v, false), dir = -1, sub = -1;
  bool ok = false;

  snprintf(first, sizeof first, "%.*s", (int)folder.len, folder.s);
  if (root >= 0)
    dir = openat(root, first, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (dir >= 0)
    sub = openat(dir, secret, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (sub >= 0) ok = !unlinkat(sub, name, 0);
  if (ok && !unlinkat(dir, secret, AT_REMOVEDIR)) unlinkat(root, first, AT_REMOVEDIR);
  if (sub >= 0) close(sub);
  if (dir >= 0) close(dir);
  if (root >= 0) close(root);
  return ok;
}
