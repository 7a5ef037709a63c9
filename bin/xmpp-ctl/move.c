#include "ctl.h"
#include "move.h"

#include <skalibs/strerr.h>

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* import FILE, import piefxis FILE|FOLDER, import prosody FOLDER: accounts of another server, into
 * the stores of a server that does not run: nobody else writes there, and an archive that gets
 * messages of long ago is written anew. With --dry copies of the stores are written. */

#define USAGE                                                                            \
  "import [ --dry ] [ --replace keys|all ] FILE|- | piefxis FILE|FOLDER | prosody "      \
  "FOLDER"

/* ---- exports of ejabberd ---- */

static bool
has_root(char const *path)
{
  char head[4096];
  FILE *f = fopen(path, "re");
  size_t n = f ? fread(head, 1, sizeof head - 1, f) : 0;

  if (f) fclose(f);
  head[n] = 0;
  return strstr(head, "<server-data") != NULL;
}

/* The one document of the folder that includes the others. */
static char const *
main_document(char const *folder)
{
  static char found[1200];
  struct dirent const *e;
  char path[1200];
  DIR *d = opendir(folder);

  if (!d) strerr_diefusys(111, "read ", folder);
  while ((e = readdir(d))) {
    size_t len = strlen(e->d_name);
    if (len < 5 || strcmp(e->d_name + len - 4, ".xml") != 0) continue;
    snprintf(path, sizeof path, "%.900s/%.255s", folder, e->d_name);
    if (!has_root(path)) continue;
    if (*found) strerr_dief(1, folder, " has more than one export: name the file of one");
    strcpy(found, path);
  }
  closedir(d);
  if (!*found) strerr_dief(1, folder, " has no file with an element server-data");
  return found;
}

static bool
read_piefxis(char const *path)
{
  struct stat st;

  if (!strcmp(path, "-")) return move_read("standard input", stdin);
  if (!stat(path, &st) && S_ISDIR(st.st_mode)) path = main_document(path);
  return move_read(path, NULL);
}

/* ---- data of Prosody ---- */

/* A process writes it as a document, which is read here: so there is one reader of data. */
static bool
read_prosody(char const *folder)
{
  int fds[2], status;
  FILE *f;
  pid_t pid;
  bool ok;

  fflush(stdout);
  if (pipe(fds)) strerr_diefusys(111, "make a pipe");
  pid = fork();
  if (pid < 0) strerr_diefusys(111, "fork");
  f = fdopen(fds[pid ? 0 : 1], pid ? "r" : "w");
  if (!f) strerr_diefusys(111, "open a pipe");
  close(fds[pid ? 1 : 0]);
  if (!pid) {
    ok = prosody_write(folder, f);
    _exit(!fclose(f) && ok ? 0 : 1);
  }
  ok = move_read(folder, f);
  fclose(f);
  if (waitpid(pid, &status, 0) < 0 || !WIFEXITED(status)) return false;
  if (WEXITSTATUS(status)) move.refused++;
  return ok;
}

/* ---- the command ---- */

static int
import(bool (*fn)(char const *), char const *path)
{
  bool ok;

  check_path(path);
  if (!move.dry) check_stopped();
  door_tick();
  move_open();
  ok = fn(path);
  move_commit();
  move_deliver();
  move_print_lacking();
  move_close();
  move_print_unknown();
  printf(ctl.records
           ? "imported\t%llu\t%llu\t%llu\t%llu\t%llu\n"
           : "%llu accounts made, %llu were there, %llu items, %llu messages, %llu "
             "refused\n",
         (unsigned long long)move.made, (unsigned long long)move.there,
         (unsigned long long)move.items, (unsigned long long)move.messages,
         (unsigned long long)move.refused);
  if (move.dry) strerr_warnw("nothing is written: this was to try it");
  return ok && !move.refused ? 0 : 1;
}

/* Take the options out; the words that are left end with NULL. */
static bool
read_words(char const *const *argv, char const *words[3])
{
  unsigned int n = 0;

  for (; *argv; argv++) {
    if (!strcmp(*argv, "--dry")) {
      move.dry = true;
    } else if (!strcmp(*argv, "--replace")) {
      char const *what = *++argv;
      if (!what || (strcmp(what, "keys") != 0 && strcmp(what, "all") != 0)) return false;
      move.replaces_keys = true;
      move.replaces_data = !strcmp(what, "all");
    } else if (n == 2)
      return false;
    else
      words[n++] = *argv;
  }
  words[n] = NULL;
  return n != 0;
}

int
command_import(char const *const *argv)
{
  char const *words[3];

  if (!read_words(argv, words)) strerr_dieusage(100, USAGE);
  if (!words[1]) return import(read_piefxis, words[0]);
  if (!strcmp(words[0], "piefxis")) return import(read_piefxis, words[1]);
  if (!strcmp(words[0], "prosody")) return import(read_prosody, words[1]);
  strerr_dieusage(100, USAGE);
}
