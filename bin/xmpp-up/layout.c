#include "up.h"

#include <skalibs/djbunix.h>
#include <skalibs/stralloc.h>
#include <skalibs/strerr.h>

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The folders that programs own, and the service directories: copies of the templates, one
 * an instance, each with a file env that says who and where it is. */

/* A store belongs to the program that writes it; the members of the store's group may read. New
 * files in its folder get that group. All users may ask for the length of data.mdb, by which
 * xmpp-authd knows that there is such a store; but for that of the secrets. */
static void
make_stores(void)
{
  char name[64];
  int i;

  for (i = 0; i < STORES_N; i++) {
    struct store_row const *s = &store_rows[i];
    snprintf(name, sizeof name, "data/%s", s->name);
    make_dir(name,
             s->readers           ? 02751
             : s->writer == AUTHD ? 0700
                                  : 0711,
             (int)program_number(s->writer), USERS_STORES + i);
  }
}

/* A service's place behind up.uids: its row has the number of its user, or -. */
static int
place_of_service(struct settings_row const *row)
{
  uint64_t uid;

  return slice_u64(row->value[1], &uid) ? (int)(uid - up.uids) : UP_OURS;
}

/* The folders of an instance: of its sockets, and of its log. */
static void
make_places(struct slice instance, int owner)
{
  char name[64];

  snprintf(name, sizeof name, "run/%.*s", (int)instance.len, instance.s);
  make_dir(name, 0750, owner, USERS_GROUP);
  snprintf(name, sizeof name, "log/%.*s", (int)instance.len, instance.s);
  make_dir(name, 0700, owner, USERS_GROUP);
}

/* errno says why the folder could not be made. */
static _Noreturn void
die_unmade(char const *path)
{
  if (errno != EROFS) strerr_diefusys(111, "make ", path);
  strerr_dief(
    111, "unable to make ", path, ": Read-only file system; under systemd make ", path,
    " yourself, and add ReadWritePaths=", path, " to the unit (systemctl edit tabber)");
}

/* Make the folders of a path that are missing; the last belongs to xmpp-uploadd if it was missing. */
static void
make_docroot(char *path)
{
  uid_t owner = up.uids + (uid_t)program_number(UPLOADD);
  char *at;

  for (at = path + 1; (at = strchr(at, '/')); *at++ = '/') {
    *at = 0;
    if (mkdir(path, 0755) && errno != EEXIST) die_unmade(path);
  }
  if (mkdir(path, 0755)) {
    if (errno != EEXIST) die_unmade(path);
    return;
  }
  if (chown(path, owner, up.uids + USERS_GROUP) || chmod(path, 0755))
    strerr_diefusys(111, "give ", path);
}

/* Where programs have users of their own, xmpp-uploadd cannot make a folder beside STATE/data. A
 * folder that is there is the administrator's, who has said who may write there. */
static void
make_docroots(struct settings const *st)
{
  struct settings_row const *row = NULL;
  char path[1024];

  while (up.uids && (row = settings_next(st, "module", row))) {
    struct slice root = settings_get(st, "mod_http_upload.docroot", row->scope);
    if (!slice_is(row->value[0], "mod_http_upload")) continue;
    while (root.len > 1 && root.s[root.len - 1] == '/')
      root.len--;
    snprintf(path, sizeof path, "%s%s%.*s", root.s[0] == '/' ? "" : st->dir.s,
             root.s[0] == '/' ? "" : "/", (int)root.len, root.s);
    make_docroot(path);
  }
}

/* Sockets are in folders that are open to the group of all: nobody else comes as far as a
 * socket. */
void
layout_dirs(struct settings const *st)
{
  struct settings_row const *row = NULL;

  make_dir("data", 0755, UP_OURS, UP_OURS);
  make_dir("run", 0750, UP_OURS, USERS_GROUP);
  make_dir("log", 0755, UP_OURS, UP_OURS);
  make_dir("service", 0755, UP_OURS, UP_OURS);
  make_stores();
  make_docroots(st);
  while ((row = settings_next(st, "instance", row)))
    make_places(row->value[2], (int)program_number(program_find(row->value[0])));
  while ((row = settings_next(st, "service", row)))
    make_places(row->value[0], place_of_service(row));
}

static void
copy_file(char const *from, char const *to)
{
  struct stat st;

  if (stat(from, &st) || !filecopy_unsafe(from, to, 0644))
    strerr_diefusys(111, "copy ", from);
  if (chmod(to, st.st_mode & 0755)) strerr_diefusys(111, "chmod ", to);
}

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

/* The words that make a command run as a user with these groups besides that of all; "" where
 * programs have no users. */
static void
put_as(char *text, size_t size, unsigned int place, char const *groups)
{
  *text = 0;
  if (up.uids)
    snprintf(text, size, "setpriv --reuid %u --regid %u %s", up.uids + place,
             up.uids + USERS_GROUP, groups);
}

/* The groups of the stores that a program reads. */
static void
put_groups(char *text, size_t size, enum program p)
{
  int i, n = 0;

  for (i = 0; i < STORES_N; i++)
    if (store_rows[i].readers & p || (store_rows[i].readers && store_rows[i].writer == p))
      n += snprintf(text + n, size - (size_t)n, "%s%u", n ? "," : "--groups ",
                    up.uids + (unsigned int)(USERS_STORES + i));
  if (!n) snprintf(text, size, "--clear-groups");
}

/* The words that run before a program has a user of its own: xmpp-registerd has the program of captcha_cmd
 * run as another user. */
static void
put_first(char *text, size_t size, enum program p)
{
  *text = 0;
  if (up.uids && p == REGISTERD)
    snprintf(text, size, "%s --spawners %u %u", program_name(p), up.uids + USERS_CAPTCHA,
             up.uids + USERS_CAPTCHA);
}

static void
write_text(char const *path, stralloc const *text, mode_t mode)
{
  if (!openwritenclose_unsafe(path, text->s, text->len) || chmod(path, mode))
    strerr_diefusys(111, "write ", path);
}

/* A name and its value as a shell takes them, whatever the value has in it. */
static void
cat_quoted(stralloc *out, char const *name, struct slice value)
{
  size_t i;
  bool ok = stralloc_cats(out, name) && stralloc_catb(out, "'", 1);

  for (i = 0; ok && i < value.len; i++)
    ok = value.s[i] == '\'' ? stralloc_cats(out, "'\\''")
                            : stralloc_catb(out, value.s + i, 1);
  if (!ok || !stralloc_catb(out, "'", 1)) strerr_diefusys(111, "write a service");
}

static void
cat(stralloc *out, char const *text)
{
  if (!stralloc_cats(out, text)) strerr_diefusys(111, "write a service");
}

static void
cat_path_line(stralloc *out)
{
  char path[PATH_MAX + 500];

  snprintf(path, sizeof path, "%s:%s:/usr/local/bin:/usr/bin:/bin", up.daemons, up.bin);
  cat_quoted(out, "PATH=", slice_str(path));
  cat(out, "\n");
}

static void
write_env(char const *dir, struct settings_row const *row)
{
  enum program p = program_find(row->value[0]);
  char path[700], as[512], groups[32 * STORES_N];
  stralloc text = STRALLOC_ZERO;

  put_groups(groups, sizeof groups, p);
  put_as(as, sizeof as, program_number(p), groups);
  cat_path_line(&text);
  cat_quoted(&text, "PROGRAM=", row->value[0]);
  cat_quoted(&text, "\nN=", row->value[1]);
  cat_quoted(&text, "\nNAME=", row->value[2]);
  cat_quoted(&text, "\nAS=", slice_str(as));
  put_first(as, sizeof as, p);
  cat_quoted(&text, "\nFIRST=", slice_str(as));
  cat(&text, "\n");
  snprintf(path, sizeof path, "%s/env", dir);
  write_text(path, &text, 0644);
  stralloc_free(&text);
}

/* Make the service directory of an instance, with these files of the template; log/run only
 * where the one that is there is a copy of ours. */
static void
make_service(char dir[600], struct slice name, char const *const *files)
{
  char from[700], to[700];

  snprintf(dir, 600, "%s/service/%.*s", up.state, (int)name.len, name.s);
  snprintf(to, sizeof to, "%s/log", dir);
  if ((mkdir(dir, 0755) && access(dir, W_OK)) || (mkdir(to, 0755) && access(to, W_OK)))
    strerr_diefusys(111, "make ", dir);
  for (; *files; files++) {
    snprintf(from, sizeof from, "%s/daemon/%s", up.share, *files);
    snprintf(to, sizeof to, "%s/%s", dir, *files);
    copy_file(from, to);
  }
  snprintf(from, sizeof from, "%s/daemon/log/run", up.share);
  snprintf(to, sizeof to, "%s/log/run", dir);
  if (has_mark(to)) copy_file(from, to);
  if (!up.prepare_only) { /* restarts are counted from the start of the server */
    snprintf(to, sizeof to, "%s/ended", dir);
    unlink(to);
  }
  snprintf(to, sizeof to, "%s/" MARK, dir);
  if (!openwritenclose_unsafe(to, "", 0)) strerr_diefusys(111, "write ", to);
}

static void
layout_program(struct settings_row const *row)
{
  static char const *const files[] = {"run", "finish", "notification-fd", NULL};
  char dir[600];

  make_service(dir, row->value[2], files);
  write_env(dir, row);
}

/* ---- services of the administrator ---- */

/* log/run reads AS and NAME; the program of the service gets the rest in its environment. */
static void
write_own_env(char const *dir, struct settings_row const *row)
{
  int place = place_of_service(row);
  char path[700], as[512] = "";
  stralloc text = STRALLOC_ZERO;

  put_as(as, sizeof as, (unsigned int)place, "--clear-groups");
  cat_path_line(&text);
  cat_quoted(&text, "NAME=", row->value[0]);
  cat_quoted(&text, "\nAS=", slice_str(as));
  snprintf(path, sizeof path, "%s/run/%s/link", up.state,
           row->value[2].len ? row->value[2].s : "routed");
  cat_quoted(&text, "\nLINK=", slice_str(path));
  snprintf(path, sizeof path, "%s/settings", up.state);
  cat_quoted(&text, "\nSETTINGS=", slice_str(path));
  cat_quoted(&text, "\nTABBER_STATE=", slice_str(up.state));
  cat(&text, "\n");
  snprintf(path, sizeof path, "%s/env", dir);
  write_text(path, &text, 0644);
  stralloc_free(&text);
}

static void
layout_own(struct settings const *st, struct settings_row const *row)
{
  static char const *const files[] = {"finish", NULL};
  struct settings_row const *arg = NULL;
  char dir[600], path[700];
  stralloc text = STRALLOC_ZERO;

  make_service(dir, row->value[0], files);
  write_own_env(dir, row);
  cat(&text,
      "#!/bin/sh\n# Runs in STATE/service/NAME; xmpp-up wrote it and env.\nexec 2>&1\n"
      "set -a\n. ./env\nset +a\nexec $AS");
  while ((arg = settings_next(st, "arg", arg)))
    if (slice_eq(arg->scope, row->value[0])) cat_quoted(&text, " ", arg->value[0]);
  cat(&text, "\n");
  snprintf(path, sizeof path, "%s/run", dir);
  write_text(path, &text, 0755);
  stralloc_free(&text);
}

static bool
is_wanted(struct settings const *st, char const *name)
{
  struct settings_row const *row = NULL;

  while ((row = settings_next(st, "instance", row)))
    if (slice_is(row->value[2], name)) return true;
  while ((row = settings_next(st, "service", row)))
    if (slice_is(row->value[0], name)) return true;
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
    layout_program(row);
  while ((row = settings_next(st, "service", row)))
    layout_own(st, row);
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

static bool
is_missing(struct slice name)
{
  char path[700];

  snprintf(path, sizeof path, "%s/service/%.*s", up.state, (int)name.len, name.s);
  return access(path, F_OK) != 0;
}

void
layout_missing(struct settings const *st)
{
  struct settings_row const *row = NULL;

  while ((row = settings_next(st, "instance", row)))
    if (is_missing(row->value[2])) layout_program(row);
  while ((row = settings_next(st, "service", row)))
    if (is_missing(row->value[0])) layout_own(st, row);
}
