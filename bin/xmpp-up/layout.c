#include "up.h"

#include <skalibs/djbunix.h>
#include <skalibs/strerr.h>

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The folders that programs own, and the service directories: copies of the templates, one
 * an instance, each with a file env that says who and where it is. */

static int
place_of(struct slice program)
{
  enum program p = program_find(program);

  return p ? __builtin_ctz((unsigned int)p) : -1;
}

/* Folders of 0750 are open to the group that all daemons share. In run they have their sockets:
 * nobody else comes as far as a socket. These are under data, each with the program that
 * writes it. */
static struct {
  char const *name;
  enum program program;
  mode_t mode;
} const data_dirs[] = {
  {"data/accounts", AUTHD, 0750},
  {"data/secrets",  AUTHD, 0700},
  {"data/archive",  MAMD,  0750},
  {"data/users",    USERD, 0750},
  {"data/motd",     HOSTD, 0700},
};

void
layout_dirs(struct settings const *st)
{
  struct settings_row const *row = NULL;
  char name[64];
  size_t i;

  make_dir("data", 0755, -1);
  make_dir("run", 0750, -1);
  make_dir("log", 0755, -1);
  make_dir("service", 0755, -1);
  for (i = 0; i < sizeof data_dirs / sizeof *data_dirs; i++)
    make_dir(data_dirs[i].name, data_dirs[i].mode,
             __builtin_ctz((unsigned int)data_dirs[i].program));
  while ((row = settings_next(st, "instance", row))) {
    int owner = place_of(row->value[0]);
    snprintf(name, sizeof name, "run/%.*s", (int)row->value[2].len, row->value[2].s);
    make_dir(name, 0750, owner);
    snprintf(name, sizeof name, "log/%.*s", (int)row->value[2].len, row->value[2].s);
    make_dir(name, 0750, owner);
  }
}

static void
copy_file(char const *from, char const *to)
{
  struct stat st;

  if (stat(from, &st) || !filecopy_unsafe(from, to, 0644))
    strerr_diefusys(111, "copy ", from);
  if (chmod(to, st.st_mode & 0755)) strerr_diefusys(111, "chmod ", to);
}

static char const *const files[] = {"run", "finish", "notification-fd", "log/run"};

static void
write_env(char const *dir, struct settings_row const *row)
{
  char path[700], text[2048];
  int owner = place_of(row->value[0]), n;

  n = snprintf(text, sizeof text,
               "PATH='%s:/usr/local/bin:/usr/bin:/bin'\nN=%.*s\nNAME=%.*s\n", up.bin,
               (int)row->value[1].len, row->value[1].s, (int)row->value[2].len,
               row->value[2].s);
  if (up.uids)
    n += snprintf(text + n, sizeof text - (size_t)n,
                  "AS='setpriv --reuid %u --regid %u --clear-groups'\n",
                  up.uids + (unsigned int)owner, up.uids + (unsigned int)PROGRAMS_N);
  else
    n += snprintf(text + n, sizeof text - (size_t)n, "AS=\n");
  snprintf(path, sizeof path, "%s/env", dir);
  if (!openwritenclose_unsafe(path, text, (size_t)n))
    strerr_diefusys(111, "write ", path);
}

static void
layout_service(struct settings_row const *row)
{
  char dir[600], from[700], to[700];
  size_t i;

  snprintf(dir, sizeof dir, "%s/service/%.*s", up.state, (int)row->value[2].len,
           row->value[2].s);
  snprintf(to, sizeof to, "%s/log", dir);
  if ((mkdir(dir, 0755) && access(dir, W_OK)) || (mkdir(to, 0755) && access(to, W_OK)))
    strerr_diefusys(111, "make ", dir);
  for (i = 0; i < sizeof files / sizeof *files; i++) {
    snprintf(from, sizeof from, "%s/%.*s/%s", up.share, (int)row->value[0].len,
             row->value[0].s, files[i]);
    snprintf(to, sizeof to, "%s/%s", dir, files[i]);
    copy_file(from, to);
  }
  write_env(dir, row);
}

static bool
is_wanted(struct settings const *st, char const *name)
{
  struct settings_row const *row = NULL;

  while ((row = settings_next(st, "instance", row)))
    if (slice_is(row->value[2], name)) return true;
  return false;
}

void
layout_services(struct settings const *st)
{
  struct settings_row const *row = NULL;
  char path[600];
  struct dirent const *e;
  DIR *d;

  while ((row = settings_next(st, "instance", row)))
    layout_service(row);
  snprintf(path, sizeof path, "%s/service", up.state);
  d = opendir(path);
  if (!d) strerr_diefusys(111, "read ", path);
  while ((e = readdir(d))) {
    if (e->d_name[0] == '.' || is_wanted(st, e->d_name)) continue;
    snprintf(path, sizeof path, "%s/service/%.200s", up.state, e->d_name);
    rm_rf(path);
  }
  closedir(d);
}
