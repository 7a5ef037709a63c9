#include "up.h"

#include <skalibs/djbunix.h>
#include <skalibs/stralloc.h>
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
  return (int)program_number(program_find(program));
}

/* A store belongs to the program that writes it; the members of the store's group may read. New
 * files in its folder get that group. */
static void
make_stores(void)
{
  char name[64];
  int i;

  for (i = 0; i < STORES_N; i++) {
    struct store_row const *s = &store_rows[i];
    snprintf(name, sizeof name, "data/%s", s->name);
    make_dir(name, s->readers ? 02750 : 0700, (int)program_number(s->writer),
             USERS_STORES + i);
  }
}

/* Sockets are in folders that are open to the group of all: nobody else comes as far as a
 * socket. */
void
layout_dirs(struct settings const *st)
{
  struct settings_row const *row = NULL;
  char name[64];

  make_dir("data", 0755, UP_OURS, UP_OURS);
  make_dir("run", 0750, UP_OURS, USERS_GROUP);
  make_dir("log", 0755, UP_OURS, UP_OURS);
  make_dir("service", 0755, UP_OURS, UP_OURS);
  make_stores();
  while ((row = settings_next(st, "instance", row))) {
    int owner = place_of(row->value[0]);
    snprintf(name, sizeof name, "run/%.*s", (int)row->value[2].len, row->value[2].s);
    make_dir(name, 0750, owner, USERS_GROUP);
    snprintf(name, sizeof name, "log/%.*s", (int)row->value[2].len, row->value[2].s);
    make_dir(name, 0700, owner, USERS_GROUP);
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

static char const *const files[] = {"run", "finish", "notification-fd"};

/* A service directory with this file was made here; an administrator may have others. */
#define MARK ".xmpp-up"

/* This in a log/run of another content says that it is a copy of ours. */
#define LOG_MARK "xmpp-up wrote this file"

static bool
has_mark(char const *path)
{
  stralloc text = STRALLOC_ZERO;
  bool found = !openslurpclose(&text, path) ||
               (text.len && memmem(text.s, text.len, LOG_MARK, strlen(LOG_MARK)));

  stralloc_free(&text);
  return found;
}

/* The groups of the stores that a program reads, as setpriv takes them. */
static int
cat_groups(char *text, size_t size, enum program p)
{
  int i, n = 0;

  for (i = 0; i < STORES_N; i++)
    if (store_rows[i].readers & p || (store_rows[i].readers && store_rows[i].writer == p))
      n += snprintf(text + n, size - (size_t)n, "%s%u", n ? "," : "--groups ",
                    up.uids + (unsigned int)(USERS_STORES + i));
  return n ? n : snprintf(text, size, "--clear-groups");
}

static void
write_env(char const *dir, struct settings_row const *row)
{
  enum program p = program_find(row->value[0]);
  char path[700], text[2048], groups[32 * STORES_N] = "";
  int n;

  n =
    snprintf(text, sizeof text,
             "PATH='%s:/usr/local/bin:/usr/bin:/bin'\nPROGRAM=%.*s\nN=%.*s\nNAME=%.*s\n",
             up.bin, (int)row->value[0].len, row->value[0].s, (int)row->value[1].len,
             row->value[1].s, (int)row->value[2].len, row->value[2].s);
  if (up.uids) cat_groups(groups, sizeof groups, p);
  if (up.uids)
    n += snprintf(text + n, sizeof text - (size_t)n,
                  "AS='setpriv --reuid %u --regid %u %s'\n", up.uids + program_number(p),
                  up.uids + USERS_GROUP, groups);
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
    snprintf(from, sizeof from, "%s/daemon/%s", up.share, files[i]);
    snprintf(to, sizeof to, "%s/%s", dir, files[i]);
    copy_file(from, to);
  }
  snprintf(from, sizeof from, "%s/daemon/log/run", up.share);
  snprintf(to, sizeof to, "%s/log/run", dir);
  if (has_mark(to)) copy_file(from, to);
  snprintf(to, sizeof to, "%s/" MARK, dir);
  if (!openwritenclose_unsafe(to, "", 0)) strerr_diefusys(111, "write ", to);
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

/* Say whether the directory NAME of STATE/service was made here, by this version or by an older
 * one, which made no mark. */
static bool
is_ours(char const *name)
{
  char path[700];

  snprintf(path, sizeof path, "%s/service/%.200s/" MARK, up.state, name);
  if (!access(path, F_OK)) return true;
  snprintf(path, sizeof path, "%s/service/%.200s/env", up.state, name);
  return program_find(slice_str(name)) && !access(path, F_OK);
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
    if (e->d_name[0] == '.' || is_wanted(st, e->d_name) || !is_ours(e->d_name)) continue;
    snprintf(path, sizeof path, "%s/service/%.200s", up.state, e->d_name);
    rm_rf(path);
  }
  closedir(d);
}
