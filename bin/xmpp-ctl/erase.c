#include "ctl.h"

#include "accounts/accounts.h"
#include "record/programs.h"

#include <skalibs/strerr.h>
#include <skalibs/uint64.h>

#include <errno.h>
#include <lmdb.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* account del JID, account erase JID [--prove]: the end of an account, for which the writers of all
 * stores on disk erase the account; and a look into each store, whether anything is left. */

#define STEP_MS 20
#define DEL_WAIT_S 5
#define ERASE_WAIT_S 120
/* Ends of accounts of one name that are looked for. */
#define NUMBERS_MAX 64

/* ---- waiting ---- */

static bool is_ending;
static char awaited[256]; /* the stores */

static void
take_row(struct record *r)
{
  struct slice stores = record_get(r, 3);

  is_ending = true;
  snprintf(awaited, sizeof awaited, "%.*s", (int)stores.len, stores.s);
}

static bool
ask(struct client *c, char const *jid)
{
  is_ending = false;
  client_ask(c, "account", "ending", jid, NULL);
  return client_answer(c, jid, take_row) && is_ending;
}

/* Say whether the account has ended within so many seconds. */
static bool
await_end(struct client *c, char const *jid, unsigned int seconds)
{
  struct timespec ts = {0, STEP_MS * 1000000};
  unsigned int left = seconds * 1000 / STEP_MS;

  while (ask(c, jid)) {
    if (!left--) return false;
    nanosleep(&ts, NULL);
  }
  return true;
}

/* End the account, and its sessions at once: xmpp-routed hears of the end of the account a moment
 * later. Give the exit code; the account is there still if that is 1. */
static int
end_account(struct client *c, char const *jid)
{
  client_ask(c, "account", "del", jid, "", NULL);
  return client_answer(c, jid, NULL) ? session_end(jid, "not-authorized", false) : 1;
}

int
account_del(struct client *c, char const *jid)
{
  int code = end_account(c, jid);

  if (code != 1 && !await_end(c, jid, DEL_WAIT_S))
    fprintf(stderr,
            "xmpp-ctl: %s is ending: its name is taken until it is erased from %s\n", jid,
            awaited);
  return code;
}

/* ---- proving ---- */

static char const *sought;
static bool found;

static void
look_for(struct record *r)
{
  if (slice_is(record_get(r, 1), sought)) found = true;
}

static bool
is_account(struct client *c, char const *jid)
{
  char const *at = strchr(sought = prepared(jid), '@');

  found = false;
  client_ask(c, "account", "list", at ? at + 1 : "", NULL);
  client_answer(c, jid, look_for);
  return found;
}

struct proof {
  char bare[ACCOUNTS_JID_MAX + 1];
  uint64_t numbers[NUMBERS_MAX];
  size_t n;
  char const *store;
  uint64_t left; /* keys in the store */
};

static void
find_numbers(struct proof *p, char const *data)
{
  struct accounts *a = accounts_open(data, false);
  uint64_t count = 0, number;
  struct slice bare;

  if (!a) strerr_dief(111, "unable to read the accounts in ", data);
  while (p->n < NUMBERS_MAX && accounts_ended(a, &count, &number, &bare))
    if (slice_is(bare, p->bare)) p->numbers[p->n++] = number;
  accounts_close(a);
}

/* Tables whose keys begin with the number of a node or a room, which may be that of an account too; behind
 * it may be the address of a person. */
static struct {
  char const *store, *tables;
} const numbered[] = {
  {"pubsub", "node items ids affs subs gone"},
  {"rooms",  "affil nick vcard"             },
};

static bool
has_other_numbers(struct proof const *p, char const *table)
{
  size_t i;

  for (i = 0; i < sizeof numbered / sizeof *numbered; i++)
    if (!strcmp(p->store, numbered[i].store) &&
        slice_has_word(slice_str(numbered[i].tables), slice_str(table)))
      return true;
  return false;
}

static bool
is_name(struct proof const *p, char const *s, size_t n)
{
  size_t len = strlen(p->bare);

  if (n < len || memcmp(s, p->bare, len) != 0) return false;
  return n == len || !s[len] || s[len] == '/';
}

/* A key of the account: its number and more, or its name and perhaps a resource. */
static bool
is_of(struct proof const *p, char const *table, MDB_val const *key)
{
  char const *s = key->mv_data;
  uint64_t number;
  size_t i;

  if (has_other_numbers(p, table))
    return key->mv_size > 8 && is_name(p, s + 8, key->mv_size - 8);
  for (i = 0; i < p->n && key->mv_size >= 8; i++) {
    uint64_unpack_big(s, &number);
    if (number == p->numbers[i]) return true;
  }
  return is_name(p, s, key->mv_size);
}

/* The ends of accounts, by their count, stay; no other table has keys that are no numbers of
 * accounts but look like them: ids and hashes are larger. */
static bool
has_counts(struct proof const *p, char const *table)
{
  return !strcmp(p->store, "accounts") && !strcmp(table, "ended");
}

static int
count_table(struct proof *p, MDB_txn *txn, char const *table)
{
  MDB_cursor *c = NULL;
  MDB_val key, value;
  MDB_dbi dbi;
  int rc = mdb_dbi_open(txn, table, 0, &dbi);

  if (rc == MDB_INCOMPATIBLE) return 0;
  if (!rc) rc = mdb_cursor_open(txn, dbi, &c);
  while (!rc && !(rc = mdb_cursor_get(c, &key, &value, MDB_NEXT)))
    if (is_of(p, table, &key)) p->left++;
  if (c) mdb_cursor_close(c);
  return rc == MDB_NOTFOUND ? 0 : rc;
}

static int
count_tables(struct proof *p, MDB_txn *txn)
{
  MDB_cursor *c = NULL;
  MDB_val key, value;
  char name[64];
  MDB_dbi all;
  int rc = mdb_dbi_open(txn, NULL, 0, &all);

  if (!rc) rc = mdb_cursor_open(txn, all, &c);
  while (!rc && !(rc = mdb_cursor_get(c, &key, &value, MDB_NEXT))) {
    snprintf(name, sizeof name, "%.*s", (int)key.mv_size, (char const *)key.mv_data);
    if (!has_counts(p, name)) rc = count_table(p, txn, name);
  }
  if (c) mdb_cursor_close(c);
  return rc == MDB_NOTFOUND ? 0 : rc;
}

static void
count_store(struct proof *p, char const *path)
{
  MDB_env *env = NULL;
  MDB_txn *txn = NULL;
  int rc = mdb_env_create(&env);

  if (!rc) rc = mdb_env_set_maxdbs(env, 32);
  if (!rc) rc = mdb_env_open(env, path, MDB_RDONLY, 0);
  if (!rc) rc = mdb_txn_begin(env, NULL, MDB_RDONLY, &txn);
  if (!rc) rc = count_tables(p, txn);
  if (txn) mdb_txn_abort(txn);
  mdb_env_close(env);
  if (rc) strerr_dief(111, "unable to read ", path, ": ", mdb_strerror(rc));
}

static int
prove(char const *jid)
{
  struct proof p = {.n = 0};
  char data[512], path[700];
  uint64_t all = 0;
  size_t i;

  snprintf(p.bare, sizeof p.bare, "%s", prepared(jid));
  snprintf(data, sizeof data, "%s/data", ctl.state);
  find_numbers(&p, data);
  if (!p.n) strerr_dief(1, "no end of an account is remembered of ", jid);
  for (i = 0; i < STORES_N; i++) {
    p.store = store_rows[i].name;
    p.left = 0;
    snprintf(path, sizeof path, "%s/%s/data.mdb", data, p.store);
    if (access(path, F_OK)) continue;
    path[strlen(path) - strlen("/data.mdb")] = 0;
    count_store(&p, path);
    printf(ctl.records ? "store\t%s\t%llu\n" : "%s keys-left %llu\n", p.store,
           (unsigned long long)p.left);
    all += p.left;
  }
  return all ? 1 : 0;
}

int
account_erase(struct client *c, char const *jid, bool proves)
{
  bool has_ended = false;

  if (!ask(c, jid)) has_ended = proves && !is_account(c, jid);
  if (!has_ended && !is_ending && end_account(c, jid) == 1) return 1;
  if (!await_end(c, jid, ERASE_WAIT_S))
    strerr_dief(1, jid, " is ending still: it is to be erased from ", awaited);
  return proves ? prove(jid) : 0;
}

static void
print_ending(struct record *r)
{
  struct slice jid = record_get(r, 1), number = record_get(r, 2), all = record_get(r, 3);

  printf(ctl.records ? "ending\t%.*s\t%.*s\t%.*s\n" : "%.*s (%.*s): %.*s\n", (int)jid.len,
         jid.s, (int)number.len, number.s, (int)all.len, all.s);
}

int
account_list_ending(struct client *c)
{
  client_ask(c, "account", "ending", NULL);
  return client_answer(c, "authd", print_ending) ? 0 : 1;
}
