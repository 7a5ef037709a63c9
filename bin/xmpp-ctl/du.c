#include "du.h"

#include "accounts/accounts.h"
#include "archive/archive.h"
#include "profile/profile.h"
#include "pubsub/pubsub.h"
#include "push/push.h"
#include "roster/roster.h"
#include "slots/slots.h"

#include <skalibs/strerr.h>

#include <errno.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* du [JID] prints how many bytes the stores have for an account or a room; without JID it prints
 * the bytes of the DU_LARGEST accounts and rooms that have most, and those of all rooms of each
 * service. xmpp-ctl reads the stores itself, so it works on a server that is stopped too, and no
 * program is held up. A message that several accounts have counts for each. */

/* Read transactions end after so many accounts: pages that nobody reads can be used again. */
#define ACCOUNTS_A_READ 500

enum kind {
  ARCHIVE,
  WAITING,
  ROSTER,
  REQUESTS,
  BLOCKED,
  VCARD,
  PRIVATE,
  UPLOADS,
  PUBSUB,
  PUSH,
  KINDS
};

static char const *const names[KINDS] = {"archive", "waiting", "roster",  "requests",
                                         "blocked", "vcard",   "private", "uploads",
                                         "pubsub",  "push"};

struct usage {
  char jid[JID_MAX + 1];
  uint64_t bytes[KINDS], total;
};

static struct {
  struct accounts *accounts;
  struct archive *archive; /* NULL: there is none */
  struct store *users;
  struct roster *roster;
  struct store *nodes;
  struct pubsub *pubsub; /* NULL: there is none */
  struct profile *profile;
  struct push *push;                /* NULL: there is none */
  struct slots *slots;              /* NULL: there is none */
  struct usage largest[DU_LARGEST]; /* descending */
  unsigned int n, read;
  bool failed;
} du;

/* ---- opening ---- */

/* Opening makes the lock file of a store that has none, which its program could not use. */
bool
du_is_there(char const *name)
{
  char path[512];

  snprintf(path, sizeof path, "%s/data/%s/data.mdb", ctl.state, name);
  if (access(path, F_OK)) return false;
  snprintf(path, sizeof path, "%s/data/%s/lock.mdb", ctl.state, name);
  if (!access(path, F_OK)) return true;
  strerr_dief(111, "the store ", name, " was not used yet: start the server before");
}

static void
open_stores(void)
{
  char data[256], path[512];

  snprintf(data, sizeof data, "%.200s/data", ctl.state);
  snprintf(path, sizeof path, "%s/users", data);
  du.accounts = du_is_there("accounts") ? accounts_open(data, false) : NULL;
  if (!du.accounts) strerr_dief(111, "unable to read the accounts in ", data);
  if (du_is_there("users")) {
    du.users = store_open(path, false, false, 0);
    du.roster = du.users ? roster_open(du.users) : NULL;
    du.profile = du.users ? profile_open(du.users) : NULL;
    if (!du.roster || !du.profile) strerr_dief(111, "unable to read ", path);
  }
  du.slots = du_is_there("slots") ? slots_open(data, false) : NULL;
  if (du_is_there("pubsub")) {
    du.pubsub = pubsub_open_reader(data, &du.nodes);
    if (!du.pubsub) strerr_dief(111, "unable to read the nodes in ", data);
  }
  du.push = du_is_there("push") ? push_open(data, false) : NULL;
  du_rooms_open(data);
  if (!du_is_there("archive")) return;
  du.archive = archive_open(data, false, 0);
  if (!du.archive) strerr_dief(111, "unable to read the archive in ", data);
}

static void
close_stores(void)
{
  accounts_close(du.accounts);
  archive_close(du.archive);
  slots_close(du.slots);
  roster_close(du.roster);
  profile_close(du.profile);
  store_close(du.users);
  pubsub_close(du.pubsub);
  push_close(du.push);
  store_close(du.nodes);
  du_rooms_close();
}

static void
end_read(void)
{
  if (du.users) store_commit(du.users);
  if (du.nodes) store_commit(du.nodes);
  if (du.archive) archive_commit(du.archive);
  if (du.slots) store_commit(slots_store(du.slots));
  if (du.push) store_commit(push_store(du.push));
}

/* ---- measuring ---- */

static bool
measure_archive(uint64_t owner, struct usage *u)
{
  struct archive_stat st;

  if (!du.archive) return true;
  if (!archive_stat(du.archive, owner, &st)) return false;
  u->bytes[ARCHIVE] = st.bytes;
  return archive_waiting_bytes(du.archive, owner, &u->bytes[WAITING]);
}

static bool
measure_users(uint64_t account, struct usage *u)
{
  struct roster_sizes sizes;
  struct slice text, hash;
  unsigned int n;
  size_t bytes;

  if (!du.users) return true;
  if (!roster_sizes(du.roster, account, &sizes) ||
      !profile_private_size(du.profile, account, &n, &bytes))
    return false;
  u->bytes[ROSTER] = sizes.items;
  u->bytes[REQUESTS] = sizes.requests;
  u->bytes[BLOCKED] = sizes.blocked;
  u->bytes[PRIVATE] = bytes;
  if (profile_vcard_get(du.profile, account, &text, &hash))
    u->bytes[VCARD] = text.len + hash.len;
  else if (errno != ENOENT)
    return false;
  return true;
}

/* Count the bytes of files below a folder of a docroot; what is no file, or not to be read, has
 * none. */
static uint64_t *uploads;

static int
count_file(char const *path, struct stat const *st, int type, struct FTW *at)
{
  (void)path;
  if (type == FTW_F && at->level == 2 && S_ISREG(st->st_mode))
    *uploads += (uint64_t)st->st_size;
  return 0;
}

static void
measure_folder(struct slice host, struct slice folder)
{
  struct slice root = settings_get(&ctl.settings, "mod_http_upload.docroot", host);
  char path[PATH_MAX];

  if (!root.len || !folder.len) return;
  snprintf(path, sizeof path, "%s%s%.*s/%.*s", root.s[0] == '/' ? "" : ctl.settings.dir.s,
           root.s[0] == '/' ? "" : "/", (int)root.len, root.s, (int)folder.len, folder.s);
  nftw(path, count_file, 8, FTW_PHYS);
}

static bool
measure_uploads(struct slice bare, struct usage *u)
{
  struct slots_owner o;
  struct slice folders, folder;

  if (!du.slots) return true;
  if (!slots_owner(du.slots, bare, &o)) return errno == ENOENT;
  uploads = &u->bytes[UPLOADS];
  folders = o.folders;
  while (slice_word(&folders, 0, &folder))
    measure_folder(o.host, folder);
  return true;
}

static bool
measure_nodes(uint64_t account, struct usage *u)
{
  struct pubsub_counts counts;

  if (!du.pubsub) return true;
  if (!pubsub_counts(du.pubsub, account, &counts)) return false;
  u->bytes[PUBSUB] = counts.bytes;
  return true;
}

static bool
add_push(void *cookie, uint64_t account, char const *key, struct push_service const *s)
{
  struct usage *u = cookie;

  (void)account;
  (void)key;
  u->bytes[PUSH] +=
    s->account.len + s->jid.len + s->node.len + s->client.len + s->form.len;
  return true;
}

static bool
measure_push(uint64_t account, struct usage *u)
{
  return !du.push || push_each(du.push, account, add_push, u);
}

static bool
measure(struct slice bare, uint64_t number, struct usage *u)
{
  unsigned int i;

  memset(u->bytes, 0, sizeof u->bytes);
  u->total = 0;
  if (!measure_archive(number, u)) return false;
  if (!(number & ARCHIVE_NAMED) &&
      (!measure_users(number, u) || !measure_uploads(bare, u) ||
       !measure_nodes(number, u) || !measure_push(number, u)))
    return false;
  for (i = 0; i < KINDS; i++)
    u->total += u->bytes[i];
  return true;
}

/* ---- one account ---- */

void
du_print(uint64_t bytes, char const *name)
{
  printf(ctl.records ? "bytes\t%llu\t%s\n" : "%llu\t%s\n", (unsigned long long)bytes,
         name);
}

static void
print_one(struct usage const *u)
{
  unsigned int i;

  for (i = 0; i < KINDS; i++)
    du_print(u->bytes[i], names[i]);
  du_print(u->total, "total");
}

static int
of_one(char const *jid)
{
  struct slice bare = slice_str(prepared(jid));
  uint64_t number = accounts_number(du.accounts, bare);
  struct usage u;
  int code;

  if (!number && errno == ENOENT && du.archive)
    number = archive_owner_number(du.archive, bare);
  if (!number && errno == ENOENT) {
    code = du_rooms_one(bare);
    if (code == 1) strerr_dief(1, jid, ": there is no such account or room");
    return code;
  }
  if (!number || !measure(bare, number, &u)) return 111;
  print_one(&u);
  return 0;
}

/* ---- the largest ---- */

static void
keep(struct usage const *u)
{
  unsigned int i;

  if (du.n == DU_LARGEST && u->total <= du.largest[DU_LARGEST - 1].total) return;
  for (i = du.n < DU_LARGEST ? du.n++ : DU_LARGEST - 1;
       i && du.largest[i - 1].total < u->total; i--)
    du.largest[i] = du.largest[i - 1];
  du.largest[i] = *u;
}

static bool
on_account(void *cookie, struct slice bare, uint64_t number)
{
  struct usage u;

  (void)cookie;
  if (++du.read % ACCOUNTS_A_READ == 0) end_read();
  du.failed = !measure(bare, number, &u);
  if (du.failed) return false;
  snprintf(u.jid, sizeof u.jid, "%.*s", (int)bare.len, bare.s);
  keep(&u);
  return true;
}

static void
print_largest(struct usage const *u)
{
  unsigned int i;

  printf(ctl.records ? "account\t%s\t%llu" : "%-32s %11llu", u->jid,
         (unsigned long long)u->total);
  for (i = 0; i < KINDS; i++)
    printf(ctl.records ? "\t%llu" : " %11llu", (unsigned long long)u->bytes[i]);
  putchar('\n');
}

static int
of_all(void)
{
  unsigned int i;

  if (!accounts_each(du.accounts, on_account, NULL) || du.failed) return 111;
  if (!ctl.records) {
    printf("%-32s %11s", "account", "total");
    for (i = 0; i < KINDS; i++)
      printf(" %11s", names[i]);
    putchar('\n');
  }
  for (i = 0; i < du.n; i++)
    print_largest(&du.largest[i]);
  return du_rooms_all() ? 0 : 111;
}

int
command_du(char const *const *argv)
{
  int code;

  open_stores();
  code = argv[0] ? of_one(argv[0]) : of_all();
  close_stores();
  return code;
}
