#include "confgen.h"

#include <skalibs/allreadwrite.h>
#include <skalibs/bytestr.h>
#include <skalibs/djbunix.h>
#include <skalibs/stralloc.h>

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Rows gather per program and leave together: a new folder beside the old one, then one
 * rename that puts the one in the place of the other. */

static stralloc rows[PROGRAMS_N];

static void
append(unsigned int to, char const *key, struct slice scope, struct slice const *values,
       unsigned int n)
{
  unsigned int p, i;
  bool ok = true;

  for (p = 0; p < PROGRAMS_N; p++) {
    if (!(to & 1u << p)) continue;
    ok = ok && record_put_verb(&rows[p], key) && record_put(&rows[p], scope);
    for (i = 0; i < n; i++)
      ok = ok && record_put(&rows[p], values[i]);
    ok = ok && record_put_end(&rows[p]);
  }
  if (!ok) said.errors++;
}

void
emit(unsigned int to, char const *key, struct slice scope, ...)
{
  struct slice values[8];
  unsigned int n = 0;
  char const *v;
  va_list ap;

  va_start(ap, scope);
  while (n < 8 && (v = va_arg(ap, char const *)))
    values[n++] = slice_str(v);
  va_end(ap);
  append(to, key, scope, values, n);
}

void
emit_slice(unsigned int to, char const *key, struct slice scope, struct slice value)
{
  append(to, key, scope, &value, 1);
}

void
emit_origin(char const *key, struct slice scope, struct yaml_node const *n)
{
  char where[600];

  snprintf(where, sizeof where, "%.500s:%u:%u", n->file, n->line, n->col);
  emit(CTL, "origin", scope, key, where, NULL);
}

struct slice
emit_rows(unsigned int place)
{
  return slice_of(rows[place].s, rows[place].len);
}

void
emit_reset(void)
{
  unsigned int p;

  for (p = 0; p < PROGRAMS_N; p++)
    rows[p].len = 0;
}

bool
emit_file(char const *path, struct slice text, mode_t mode, uid_t uid, gid_t gid)
{
  int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  bool ok = fd >= 0 && allwrite(fd, text.s, text.len) == text.len && !fchmod(fd, mode) &&
            (!uid || !fchown(fd, uid, gid));

  if (fd >= 0) fd_close(fd);
  return ok;
}

static bool
write_file(char const *dir, unsigned int p, uint32_t uid_base)
{
  char path[600];

  snprintf(path, sizeof path, "%s/%s", dir, program_name((enum program)(1u << p)));
  return emit_file(path, emit_rows(p), 0600, uid_base ? uid_base + p : 0,
                   uid_base + USERS_GROUP);
}

void
emit_peer(enum program to, enum program p)
{
  char number[BASE_NUM];

  if (!job.uids) return;
  emit(to, "program", SLICE("*"), program_name(p) + 5,
       num_u64(number, job.uids + program_number(p)).s, role_name(program_roles(p)),
       NULL);
}

/* ---- copies of certificates and keys ---- */

struct pattern {
  struct pattern *next;
  struct slice text;
};

static struct pattern *patterns;

bool
emit_certfile(struct slice text)
{
  struct pattern *p = arena_alloc(&job.arena, sizeof *p);

  if (!p) return false;
  *p = (struct pattern){patterns, text};
  patterns = p;
  return true;
}

static bool
copy_file(char const *from, char const *to, uint32_t uid_base)
{
  stralloc text = STRALLOC_ZERO;
  bool ok = openslurpclose(&text, from) && emit_file(to, slice_of(text.s, text.len), 0400,
                                                     uid_base, uid_base + USERS_GROUP);

  if (text.len) byte_zzero(text.s, text.len);
  stralloc_free(&text);
  return ok;
}

/* xmpp-tlsd is the first of the programs' users. The folder becomes that user's when all is in it: who
 * has broken into xmpp-tlsd can do nothing with the files before. */
static bool
copy_certfiles(char const *dir, uint32_t uid_base)
{
  struct pattern const *p;
  char path[700];
  unsigned int n = 0;
  bool ok;

  snprintf(path, sizeof path, "%s/certs", dir);
  ok = !mkdir(path, 0700);
  for (p = patterns; ok && p; p = p->next) {
    glob_t g;
    size_t i;
    if (glob(p->text.s, GLOB_BRACE, NULL, &g)) continue;
    for (i = 0; ok && i < g.gl_pathc; i++) {
      int at = snprintf(path, sizeof path, "%s/", dir);
      snprintf(path + at, sizeof path - (size_t)at, "certs/%u.pem", ++n);
      ok = copy_file(g.gl_pathv[i], path, uid_base);
      emit(TLSD, "certfile", SLICE("*"), path + at, g.gl_pathv[i], p->text.s, NULL);
    }
    globfree(&g);
  }
  snprintf(path, sizeof path, "%s/certs", dir);
  return ok && !chown(path, uid_base, uid_base + USERS_GROUP);
}

static bool
write_all(char const *dir, uint32_t uid_base)
{
  unsigned int p;

  if (uid_base && !job.no_files && !copy_certfiles(dir, uid_base)) return false;
  for (p = 0; p < PROGRAMS_N; p++)
    if (rows[p].len && !write_file(dir, p, uid_base)) return false;
  return services_write(dir) && services_write_places();
}

/* Exchange the new folder with the old; the first time there is none. */
static bool
put_in_place(char const *fresh, char const *dir)
{
  if (!renameat2(AT_FDCWD, fresh, AT_FDCWD, dir, RENAME_EXCHANGE)) {
    rm_rf(fresh);
    return true;
  }
  if (errno != ENOENT) return false;
  return !rename(fresh, dir);
}

bool
emit_write(char const *dir, uint32_t uid_base)
{
  char fresh[500];
  int e;

  snprintf(fresh, sizeof fresh, "%s.new.%ld", dir, (long)getpid());
  if (mkdir(fresh, 0755)) return false;
  if (!chmod(fresh, 0755) && write_all(fresh, uid_base) && put_in_place(fresh, dir))
    return true;
  e = errno;
  rm_rf(fresh);
  errno = e;
  return false;
}
