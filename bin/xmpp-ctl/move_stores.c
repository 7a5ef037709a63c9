#include "ctl.h"
#include "move.h"

#include "record/programs.h"

#include <skalibs/djbunix.h>
#include <skalibs/strerr.h>

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* The order of commits: the keys of an account, then the account, then what is stored under its
 * number. So a death in between leaves keys of nobody, or an account with less than the whole, which
 * the next import completes; and never data of a number that nobody has yet. */

#define STEPS_A_COMMIT 5000

struct move move;

void
move_fail(char const *what)
{
  int e = errno;

  rm_rf(move.work);
  errno = e;
  strerr_diefusys(111, "move accounts: ", what);
}

static bool
is_there(char const *store)
{
  char path[700];

  snprintf(path, sizeof path, "%s/%s/data.mdb", move.data, store);
  return !access(path, F_OK);
}

/* As xmpp-authd would count: its own settings say how often. */
static unsigned int
iterations(void)
{
  struct settings st = SETTINGS_ZERO;
  char dir[512];
  uint64_t n;

  snprintf(dir, sizeof dir, "%s/settings", ctl.state);
  if (!settings_open(&st, dir, "xmpp-authd"))
    strerr_diefusys(111, "read ", dir, "/xmpp-authd");
  n = settings_u64(&st, "scram_iterations", SLICE("*"));
  settings_close(&st);
  if (!n || n > UINT32_MAX) strerr_dief(111, "no scram_iterations in ", dir);
  return (unsigned int)n;
}

static void
name_folders(void)
{
  snprintf(move.data, sizeof move.data, "%.400s/data", ctl.state);
  snprintf(move.work, sizeof move.work, "%.400s/data.importing", ctl.state);
}

static struct store *
open_store(char const *name, bool secret, size_t bytes)
{
  char path[700];

  snprintf(path, sizeof path, "%s/%s", move.data, name);
  return store_open(path, true, secret, bytes);
}

static void
open_spool(void)
{
  char path[700];

  rm_rf(move.work);
  if (mkdir(move.work, 0700)) move_fail("make a folder for messages");
  snprintf(path, sizeof path, "%s/spool", move.work);
  move.spool = store_open_unsynced(path, ARCHIVE_MAP_BYTES);
  if (!move.spool) move_fail("make a store for messages");
}

static void
close_stores(void)
{
  archive_close(move.archive);
  roster_close(move.roster);
  profile_close(move.profile);
  pubsub_close(move.pubsub);
  accounts_close(move.accounts);
  store_close(move.secrets);
  store_close(move.users);
  store_close(move.nodes);
}

/* Copy the stores that are written into move.work/data, where the archive is a link. */
static void
copy_stores(void)
{
  char link[720], path[700];

  move_open_reader();
  snprintf(path, sizeof path, "%s/data", move.work);
  archive_close(move.archive); /* the archive is large, and not written */
  move.archive = NULL;
  if (!store_copy_all(path)) move_fail("copy the stores");
  close_stores();
  snprintf(link, sizeof link, "%s/archive", path);
  if (symlink("../../data/archive", link)) move_fail("copy the stores");
  snprintf(move.data, sizeof move.data, "%.500s/data", move.work);
}

void
move_open(void)
{
  name_folders();
  move.iterations = iterations();
  open_spool();
  if (move.dry) copy_stores();
  move.accounts = accounts_open(move.data, true);
  move.secrets = open_store("secrets", true, KEYS_MAP_BYTES);
  move.users = open_store("users", false, ROSTER_MAP_BYTES);
  move.nodes = open_store("pubsub", false, PUBSUB_MAP_BYTES);
  if (!move.accounts || !move.secrets || !move.users || !move.nodes ||
      !keys_open(&move.keys, move.secrets) || !keys_count_all(&move.keys, move.accounts))
    move_fail("open the stores");
  move.roster = roster_open(move.users);
  move.profile = profile_open(move.users);
  move.pubsub = pubsub_open(move.nodes);
  if (is_there("archive")) move.archive = archive_open(move.data, false, 0);
  if (!move.roster || !move.profile || !move.pubsub ||
      (is_there("archive") && !move.archive))
    move_fail("open the stores");
}

void
move_open_reader(void)
{
  char path[700];

  name_folders();
  move.accounts = is_there("accounts") ? accounts_open(move.data, false) : NULL;
  snprintf(path, sizeof path, "%s/secrets", move.data);
  move.secrets = is_there("secrets") ? store_open(path, false, true, 0) : NULL;
  if (!move.accounts || !move.secrets || !keys_open(&move.keys, move.secrets))
    move_fail("read the accounts");
  snprintf(path, sizeof path, "%s/users", move.data);
  if (is_there("users")) {
    move.users = store_open(path, false, false, 0);
    move.roster = move.users ? roster_open(move.users) : NULL;
    move.profile = move.users ? profile_open(move.users) : NULL;
    if (!move.profile) move_fail("read the rosters");
  }
  if (is_there("pubsub")) {
    move.pubsub = pubsub_open_reader(move.data, &move.nodes);
    if (!move.pubsub) move_fail("read the nodes");
  }
  if (is_there("archive") && !(move.archive = archive_open(move.data, false, 0)))
    move_fail("read the archive");
}

void
move_commit(void)
{
  if (!store_commit(move.secrets) || !accounts_commit(move.accounts) ||
      !store_commit(move.users) || !store_commit(move.nodes) ||
      !store_commit(move.spool) || (move.archive && !archive_commit(move.archive)))
    move_fail("write");
}

/* A line now and then shows somebody who waits that the import goes on. */
void
move_progress(void)
{
  static time_t said;
  time_t now = time(NULL);

  if (!said) said = now;
  if (now - said < MOVE_PROGRESS_S) return;
  said = now;
  fprintf(stderr,
          "xmpp-ctl: import: %llu accounts made, %llu were there, %llu items, %llu "
          "messages, %llu refused\n",
          (unsigned long long)move.made, (unsigned long long)move.there,
          (unsigned long long)move.items, (unsigned long long)move.messages,
          (unsigned long long)move.refused);
}

void
move_step(void)
{
  static unsigned int n;

  move_progress();
  if (++n % STEPS_A_COMMIT == 0) move_commit();
}

/* A host offers the hashes that all its accounts have keys for (xmpp-authd(8)): clients without PLAIN may
 * find none that is left. */
void
move_print_lacking(void)
{
  struct settings_row const *row = NULL;
  unsigned int i, none;
  uint64_t n;

  while ((row = settings_next(&ctl.settings, "host", row))) {
    for (i = none = 0; i < SCRAM_HASHES; i++) {
      n = keys_lacking(&move.keys, row->value[0], (enum scram_hash)i);
      if (!n) continue;
      none++;
      fprintf(
        stderr,
        "xmpp-ctl: import: %.*s: %llu accounts have no keys for SCRAM-%s, which is "
        "not offered until they have logged in by PLAIN or changed their passwords\n",
        (int)row->value[0].len, row->value[0].s, (unsigned long long)n,
        scram_hash_name((enum scram_hash)i));
    }
    if (none == SCRAM_HASHES)
      fprintf(stderr, "xmpp-ctl: import: %.*s: PLAIN alone is left, within TLS\n",
              (int)row->value[0].len, row->value[0].s);
  }
}

/* The lock file is ours: the program makes its own. */
static void
give_away(char const *store)
{
  char path[700];
  struct stat st;

  snprintf(path, sizeof path, "%s/%s", move.data, store);
  if (stat(path, &st)) return;
  snprintf(path, sizeof path, "%s/%s/lock.mdb", move.data, store);
  unlink(path);
  snprintf(path, sizeof path, "%s/%s/data.mdb", move.data, store);
  if (!geteuid() && chown(path, st.st_uid, st.st_gid) && errno != ENOENT)
    strerr_warnwusys("give away ", path);
}

void
move_close(void)
{
  unsigned int i;

  close_stores();
  if (!move.spool) return;
  store_close(move.spool);
  rm_rf(move.work);
  for (i = 0; !move.dry && i < STORES_N; i++)
    give_away(store_rows[i].name);
}
