#include "move.h"
#include "prosody.h"

#include <skalibs/strerr.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* The internal storage of Prosody: FOLDER/HOST/STORE/USER.dat, a table, and .list, items one behind
 * the other. In names each byte that is no letter and no digit may be % and its hexadecimal digits.
 * xmpp-ctl maps a file, and has one table or item of it in memory. A service has a table for each
 * of its nodes, FOLDER/HOST/pubsub_nodes/NODE.dat, and its items in FOLDER/HOST/pubsub_NODE.list.
 * The file prosody.sqlite of such a folder, or a file that is named, is a database (prosody_sql.c):
 * each store is kept here or there. */

static struct {
  char folder[700];      /* of a host */
  char const *user_file; /* without .dat */
  bool any_host;
} job;

static void
decode(char const *name, char *out, size_t size)
{
  unsigned int byte;
  size_t n = 0;

  for (; *name && n + 1 < size; name++) {
    if (*name == '%' && sscanf(name + 1, "%2x", &byte) == 1 && name[1] && name[2]) {
      out[n++] = (char)byte;
      name += 2;
    } else
      out[n++] = *name;
  }
  out[n] = 0;
}

/* ---- files ---- */

static struct slice
map(char const *path)
{
  struct slice none = {NULL, 0};
  struct stat st;
  void *at;
  int fd = open(path, O_RDONLY | O_CLOEXEC);

  if (fd < 0) {
    if (errno != ENOENT && errno != ENOTDIR) prosody_complain(path, strerror(errno));
    return none;
  }
  at = !fstat(fd, &st) && st.st_size
         ? mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0)
         : MAP_FAILED;
  close(fd);
  return at == MAP_FAILED ? none : slice_of(at, (size_t)st.st_size);
}

static void
name_file(char path[1600], char const *store, char const *ending)
{
  snprintf(path, 1600, "%s/%.255s/%s.%s", job.folder, store, job.user_file, ending);
}

/* Write what the file says, behind head and before tail, if there is the file. */
static void
write_path(char const *path, prosody_fn *fn, char const *head, char const *tail)
{
  struct slice file, rest;
  bool wrong = false, any = false;
  struct lua v;

  file = rest = map(path);
  while (rest.len && lua_read(prosody_arena(), &rest, &v, &wrong)) {
    if (prosody_put(path, fn, &v, any ? "" : head)) any = true;
    prosody_forget();
  }
  prosody_forget();
  if (any) prosody_put_text(tail);
  if (wrong) prosody_complain(path, "it is no table that Prosody has written");
  if (file.s) munmap((void *)(uintptr_t)file.s, file.len);
}

static void
write_file(char const *store, bool is_list, prosody_fn *fn, char const *head,
           char const *tail)
{
  char path[1600];

  name_file(path, store, is_list ? "list" : "dat");
  write_path(path, fn, head, tail);
}

/* ---- users ---- */

/* false: nothing is to be written of the user. */
static bool
write_account(void)
{
  char path[1600], name[JID_MAX + 1];
  struct slice file, rest;
  bool wrong = false, ok;
  struct lua v;

  decode(job.user_file, name, sizeof name);
  name_file(path, "accounts", "dat");
  file = rest = map(path);
  ok = rest.len && lua_read(prosody_arena(), &rest, &v, &wrong) &&
       prosody_begin_user(path, slice_str(name), &v);
  prosody_forget();
  if (wrong) prosody_complain(path, "it is no table that Prosody has written");
  if (file.s) munmap((void *)(uintptr_t)file.s, file.len);
  return ok;
}

/* Items of each node lie in a store of their own. */
static void
write_items(char const *store)
{
  char name[PUBSUB_NAME_MAX + 8], *head;

  decode(store, name, sizeof name);
  if (strncmp(name, "pep_", 4) != 0) return;
  head = prosody_items_head(slice_str(name + 4));
  write_file(store, true, prosody_item, head, PROSODY_ITEMS_TAIL);
  free(head);
}

/* Copy the name of a file without its ending, which stands behind a dot. false: it has another, or is
 * too long. */
static bool
stem_of(char const *file, char const *ending, char name[512])
{
  size_t len = strlen(file), n = strlen(ending);

  if (len <= n || len - n >= 512 || strcmp(file + len - n, ending) != 0) return false;
  memcpy(name, file, len - n);
  name[len - n] = 0;
  return true;
}

static void
write_user(char const *file)
{
  char name[512];
  struct dirent const *e;
  unsigned int i;
  DIR *d;

  if (!stem_of(file, ".dat", name)) return;
  job.user_file = name;
  if (!write_account()) return;
  for (i = 0; i < prosody_stores_n; i++) {
    struct prosody_store const *s = &prosody_stores[i];
    write_file(s->name, s->is_list, s->fn, s->head, s->tail);
  }
  d = opendir(job.folder);
  while (d && (e = readdir(d)))
    if (!strncmp(e->d_name, "pep", 3)) write_items(e->d_name);
  if (d) closedir(d);
  prosody_put_text("</user>\n");
}

/* ---- nodes of a service: pubsub_nodes/NODE.dat, and its items in pubsub_NODE.list ---- */

static void
write_nodes(DIR *d)
{
  char path[1200];
  struct dirent const *e;

  while ((e = readdir(d))) {
    if (e->d_name[0] == '.') continue;
    snprintf(path, sizeof path, "%s/pubsub_nodes/%.255s", job.folder, e->d_name);
    write_path(path, prosody_node, PROSODY_NODES_HEAD, PROSODY_NODES_TAIL);
  }
}

static void
write_service_items(void)
{
  char path[1200], file[512], name[PUBSUB_NAME_MAX + 32], *head;
  struct dirent const *e;
  DIR *d = opendir(job.folder);

  while (d && (e = readdir(d))) {
    if (strncmp(e->d_name, "pubsub_", 7) != 0 || !stem_of(e->d_name, ".list", file))
      continue;
    decode(file, name, sizeof name);
    head = prosody_items_head(slice_str(name + 7));
    snprintf(path, sizeof path, "%s/%.255s", job.folder, e->d_name);
    write_path(path, prosody_item, head, PROSODY_ITEMS_TAIL);
    free(head);
  }
  if (d) closedir(d);
}

/* ---- hosts ---- */

static DIR *
open_store(char const *name)
{
  char path[720];

  snprintf(path, sizeof path, "%s/%s", job.folder, name);
  return opendir(path);
}

static void
write_host(char const *folder, char const *file)
{
  struct dirent const *e;
  DIR *users, *nodes;
  char name[512];

  snprintf(job.folder, sizeof job.folder, "%.400s/%.255s", folder, file);
  users = open_store("accounts");
  nodes = open_store("pubsub_nodes");
  if (!users && !nodes) return;
  job.any_host = true;
  decode(file, name, sizeof name);
  prosody_begin_host(slice_str(name));
  while (users && (e = readdir(users)))
    write_user(e->d_name);
  if (users) closedir(users);
  if (nodes) {
    write_nodes(nodes);
    closedir(nodes);
    write_service_items();
  }
  prosody_put_text("</host>\n");
}

static void
write_folder(char const *folder)
{
  struct dirent const *e;
  char path[512];
  DIR *d = opendir(folder);

  if (!d) {
    prosody_complain(folder, strerror(errno));
    return;
  }
  while ((e = readdir(d)))
    if (e->d_name[0] != '.') write_host(folder, e->d_name);
  closedir(d);
  snprintf(path, sizeof path, "%.480s/prosody.sqlite", folder);
  if (!access(path, F_OK))
    prosody_write_database(path);
  else if (!job.any_host)
    prosody_complain(folder, "no folder in it has accounts of Prosody");
}

bool
prosody_write(char const *path, FILE *out)
{
  struct stat st;

  prosody_out(out);
  prosody_put_text("<server-data xmlns='" NS_PIE "'>\n");
  if (!stat(path, &st) && S_ISREG(st.st_mode))
    prosody_write_database(path);
  else
    write_folder(path);
  prosody_put_text("</server-data>\n");
  return !prosody_has_failed() && !ferror(out);
}
