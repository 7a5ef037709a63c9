#include "move.h"
#include "prosody.h"

#include <skalibs/strerr.h>

#include <expat.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* The internal storage of Prosody: FOLDER/HOST/STORE/USER.dat, a table, and .list, items one behind the
 * other. In names each byte that is no letter and no digit may be % and its hexadecimal digits. A file
 * lies in the map, and one table or item of it in memory. */

static struct {
  FILE *out;
  char folder[700];      /* of a host */
  char const *user_file; /* without .dat */
  bool failed, any_host;
  stralloc text;
  struct arena arena;
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

static void
complain(char const *path, char const *why)
{
  fprintf(stderr, "xmpp-ctl: import: %s: %s\n", path, why);
  job.failed = true;
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
    if (errno != ENOENT && errno != ENOTDIR) complain(path, strerror(errno));
    return none;
  }
  at = !fstat(fd, &st) && st.st_size
         ? mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0)
         : MAP_FAILED;
  close(fd);
  return at == MAP_FAILED ? none : slice_of(at, (size_t)st.st_size);
}

static bool
parse(XML_Parser p, char const *s, size_t len)
{
  return XML_Parse(p, s, (int)len, false) == XML_STATUS_OK;
}

/* Say whether job.text holds whole elements, or the start tag of one: a byte that no document may have
 * would end the import of all accounts. */
static bool
is_well_formed(bool is_tag)
{
  XML_Parser p = XML_ParserCreateNS("UTF-8", '\1');
  char const *end = is_tag ? "</user></x>" : "</x>";
  bool ok;

  if (!p) move_fail("read");
  ok = job.text.len <= INT32_MAX && parse(p, "<x>", 3) &&
       parse(p, job.text.s, job.text.len) && parse(p, end, strlen(end)) &&
       XML_Parse(p, "", 0, true) == XML_STATUS_OK;
  XML_ParserFree(p);
  return ok;
}

static prosody_fn begin;

/* Write what the file says, behind head and before tail, if there is the file. */
static void
write_file(char const *store, char const *ending, prosody_fn *fn, char const *head,
           char const *tail)
{
  char path[1600];
  struct slice file, rest;
  bool wrong = false, any = false;
  struct lua v;

  snprintf(path, sizeof path, "%s/%.255s/%s.%s", job.folder, store, job.user_file,
           ending);
  file = rest = map(path);
  while (rest.len && lua_read(&job.arena, &rest, &v, &wrong)) {
    job.text.len = 0;
    if (v.kind != LUA_TABLE || !fn(&job.text, &job.arena, &v) ||
        !is_well_formed(fn == begin)) {
      complain(path, "a table is not as it should be");
      job.text.len = 0;
    } else {
      if (!any) fputs(head, job.out);
      any = true;
      fwrite(job.text.s, 1, job.text.len, job.out);
    }
    arena_cleanse(&job.arena);
    arena_reset(&job.arena);
  }
  arena_cleanse(&job.arena);
  arena_reset(&job.arena);
  if (any) fputs(tail, job.out);
  if (wrong) complain(path, "it is no table that Prosody has written");
  if (file.s) munmap((void *)(uintptr_t)file.s, file.len);
}

/* ---- users ---- */

static struct {
  char const *store, *ending;
  prosody_fn *fn;
  char const *head, *tail;
} const stores[] = {
  {"accounts",  "dat",  prosody_account,   "",                                 ""                   },
  {"roster",    "dat",  prosody_roster,    "",                                 ""                   },
  {"vcard",     "dat",  prosody_vcard,     "",                                 ""                   },
  {"private",   "dat",  prosody_private,   "",                                 ""                   },
  {"blocklist", "dat",  prosody_blocklist, "",                                 ""                   },
  {"privacy",   "dat",  prosody_privacy,   "",                                 ""                   },
  {"pep",       "dat",  prosody_pep,       "",                                 ""                   },
  {"archive2",  "list", prosody_archive,   "<archive xmlns='" NS_PIE_MAM "'>", "</archive>"         },
  {"archive",   "list", prosody_archive,   "<archive xmlns='" NS_PIE_MAM "'>", "</archive>"         },
  {"offline",   "list", prosody_offline,   "<offline-messages>",               "</offline-messages>"},
};

/* Items of each node lie in a store of their own. */
static void
write_items(char const *store)
{
  char name[PUBSUB_NAME_MAX + 8];
  stralloc head = STRALLOC_ZERO;

  decode(store, name, sizeof name);
  if (strncmp(name, "pep_", 4) != 0) return;
  if (!xml_cat(&head, "<pubsub xmlns='" NS_PUBSUB "'><items") ||
      !xml_cat_attr(&head, "node", slice_str(name + 4)) || !xml_cat(&head, ">") ||
      !stralloc_0(&head))
    move_fail("read");
  write_file(store, "list", prosody_item, head.s, "</items></pubsub>");
  stralloc_free(&head);
}

/* The password stands in the start tag. */
static bool
begin(stralloc *out, struct arena *a, struct lua const *t)
{
  char name[JID_MAX + 1];

  (void)a;
  decode(job.user_file, name, sizeof name);
  return xml_cat(out, "<user") && xml_cat_attr(out, "name", slice_str(name)) &&
         (!lua_get(t, "password") || prosody_is_disabled(t) ||
          xml_cat_attr(out, "password", lua_text(t, "password"))) &&
         xml_cat(out, ">");
}

static void
write_user(char const *file)
{
  char name[512];
  struct dirent const *e;
  size_t len = strlen(file), i;
  DIR *d;

  if (len < 5 || len > sizeof name || strcmp(file + len - 4, ".dat") != 0) return;
  snprintf(name, sizeof name, "%.*s", (int)(len - 4), file);
  job.user_file = name;
  write_file("accounts", "dat", begin, "", "");
  if (!job.text.len) return;
  for (i = 0; i < sizeof stores / sizeof *stores; i++)
    write_file(stores[i].store, stores[i].ending, stores[i].fn, stores[i].head,
               stores[i].tail);
  d = opendir(job.folder);
  while (d && (e = readdir(d)))
    if (!strncmp(e->d_name, "pep", 3)) write_items(e->d_name);
  if (d) closedir(d);
  fputs("</user>\n", job.out);
}

/* ---- hosts ---- */

static void
write_host(char const *folder, char const *file)
{
  char path[720], name[512];
  struct dirent const *e;
  DIR *d;

  snprintf(job.folder, sizeof job.folder, "%.400s/%.255s", folder, file);
  snprintf(path, sizeof path, "%s/accounts", job.folder);
  d = opendir(path);
  if (!d) return;
  job.any_host = true;
  decode(file, name, sizeof name);
  job.text.len = 0;
  if (!xml_cat(&job.text, "<host") || !xml_cat_attr(&job.text, "jid", slice_str(name)) ||
      !xml_cat(&job.text, ">\n"))
    move_fail("read");
  fwrite(job.text.s, 1, job.text.len, job.out);
  while ((e = readdir(d))) {
    job.text.len = 0;
    write_user(e->d_name);
  }
  closedir(d);
  fputs("</host>\n", job.out);
}

bool
prosody_write(char const *folder, FILE *out)
{
  struct dirent const *e;
  DIR *d = opendir(folder);

  if (!d) {
    complain(folder, strerror(errno));
    return false;
  }
  job.out = out;
  fputs("<server-data xmlns='" NS_PIE "'>\n", out);
  while ((e = readdir(d)))
    if (e->d_name[0] != '.') write_host(folder, e->d_name);
  closedir(d);
  fputs("</server-data>\n", out);
  if (!job.any_host) complain(folder, "no folder in it has accounts of Prosody");
  return !job.failed && !ferror(out);
}
