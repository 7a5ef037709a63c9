#include "move.h"
#include "prosody.h"

#include <sqlite3.h>

#include <stdlib.h>
#include <string.h>

/* The module storage_sql of Prosody, in a file of SQLite:
 *
 *   prosody(host, user, store, key, type, value)   a pair of a table; under the key '' stand the pairs
 *                                                  whose keys are no text, as one table
 *   prosodyarchive(sort_id, host, user, store, key, when, with, type, value)   an item of a list
 *
 * type is string, boolean, number, json or xml: how value is to be read. One transaction sees all; a
 * table of a user, or an item, is in memory at once. */

#define VALUE_MAX (64 << 20)

/* Rows of rooms have other stores. A node of a service is a table of the user NODE; its items are rows of
 * the user ''. */
#define STORES "'accounts','roster','vcard','private','blocklist','privacy','pep'"
#define LISTS "'archive','archive2','offline'"
#define IS_NODE "store >= 'pep_' AND store < 'pep`'"

enum statement { USERS, PAIRS, ITEMS, NODES, SERVICES, SERVICE_STORES, STATEMENTS };

static char const *const texts[STATEMENTS] = {
  [USERS] = "SELECT host, user FROM prosody WHERE user != '' AND store IN (" STORES
            ") UNION SELECT host, user FROM prosodyarchive WHERE user != '' AND (store "
            "IN (" LISTS ") OR (" IS_NODE ")) ORDER BY host, user",
  [PAIRS] = "SELECT key, type, value FROM prosody WHERE host = ? AND user = ? AND store "
            "= ?",
  [ITEMS] =
    "SELECT key, type, value, \"when\", \"with\" FROM prosodyarchive WHERE host = ? AND "
    "user = ? AND store = ? ORDER BY sort_id",
  [NODES] =
    "SELECT DISTINCT store FROM prosodyarchive WHERE host = ? AND user = ? AND (" IS_NODE
    ")",
  [SERVICES] = "SELECT DISTINCT host, user FROM prosody WHERE user != '' AND store = "
               "'pubsub_nodes' ORDER BY host, user",
  [SERVICE_STORES] =
    "SELECT DISTINCT store FROM prosodyarchive WHERE host = ? AND user = '' AND store >= "
    "'pubsub_' AND store < 'pubsub`'",
};

static struct {
  sqlite3 *db;
  sqlite3_stmt *statements[STATEMENTS];
  char const *path;
  struct slice host, user;
  char where[1200]; /* the place in the database, for messages */
} job;

static void
fail(void)
{
  prosody_complain(job.path, sqlite3_errmsg(job.db));
}

/* ---- rows ---- */

static struct slice
column(sqlite3_stmt *s, int i)
{
  char const *text = (char const *)sqlite3_column_text(s, i);

  return slice_of(text ? text : "", text ? (size_t)sqlite3_column_bytes(s, i) : 0);
}

static void
bind(sqlite3_stmt *s, int i, struct slice text)
{
  sqlite3_bind_text64(s, i, text.s, text.len, SQLITE_STATIC, SQLITE_UTF8);
}

/* Begin the rows of the user, of a store if the statement asks for one. */
static sqlite3_stmt *
begin(enum statement which, char const *store)
{
  sqlite3_stmt *s = job.statements[which];

  sqlite3_reset(s);
  bind(s, 1, job.host);
  if (which != SERVICE_STORES) bind(s, 2, job.user);
  if (which == PAIRS || which == ITEMS) bind(s, 3, slice_str(store));
  snprintf(job.where, sizeof job.where, "%.400s: %s of %.*s@%.*s", job.path, store,
           job.user.len < 300 ? (int)job.user.len : 300, job.user.s,
           job.host.len < 300 ? (int)job.host.len : 300, job.host.s);
  return s;
}

/* Go to the next row. false: there is none, or the database is damaged, and a line says that. */
static bool
next(sqlite3_stmt *s)
{
  int got = sqlite3_step(s);

  if (got == SQLITE_ROW) return true;
  if (got != SQLITE_DONE) fail();
  sqlite3_reset(s);
  return false;
}

/* ---- values ---- */

/* The value that the columns type and value hold, copied into the arena. */
static bool
read_value(sqlite3_stmt *s, struct lua *out)
{
  struct arena *a = prosody_arena();
  struct slice type = column(s, 1), text = arena_copy(a, column(s, 2));

  *out = (struct lua){.kind = LUA_NIL};
  if (!text.s) return false;
  if (slice_is(type, "json")) return lua_read_json(a, text, out);
  if (slice_is(type, "xml")) return prosody_read_stanza(a, text, out);
  if (slice_is(type, "number")) {
    out->kind = LUA_NUMBER;
    out->number = sqlite3_column_double(s, 2);
    return true;
  }
  out->kind = slice_is(type, "boolean") ? LUA_BOOLEAN : LUA_STRING;
  out->truth = slice_is(text, "true");
  out->text = text;
  return slice_is(type, "boolean") || slice_is(type, "string");
}

static bool
put(struct lua *t, struct slice key, struct lua value)
{
  struct lua k = {.kind = LUA_STRING, .text = arena_copy(prosody_arena(), key)};

  return k.text.s && lua_put(prosody_arena(), t, k, value);
}

/* Put the pairs of the key '' one by one. */
static bool
put_all(struct lua *t, struct lua const *others)
{
  struct lua_pair const *p = others->first;

  for (; p; p = p->next)
    if (!lua_put(prosody_arena(), t, p->key, p->value)) return false;
  return true;
}

/* Read the table of a store. false: a value is damaged, or there is none and *any is false. */
static bool
read_table(char const *store, struct lua *t, bool *any)
{
  sqlite3_stmt *s = begin(PAIRS, store);
  struct lua v;
  bool ok = true;

  *t = (struct lua){.kind = LUA_TABLE};
  for (*any = false; next(s); *any = true) {
    struct slice key = column(s, 0);
    ok = ok && read_value(s, &v) && (key.len ? put(t, key, v) : put_all(t, &v));
  }
  if (!ok) prosody_complain(job.where, "a value is not as it should be");
  return ok;
}

/* ---- stores ---- */

static void
write_table(struct prosody_store const *store)
{
  struct lua t;
  bool any;

  if (read_table(store->name, &t, &any) && any)
    prosody_put(job.where, store->fn, &t, store->head);
  prosody_forget();
}

/* An item with its key and its time, as items of the internal storage have them. */
static bool
read_item(sqlite3_stmt *s, struct lua *t)
{
  struct lua key = {.kind = LUA_STRING}, with = {.kind = LUA_STRING},
             when = {.kind = LUA_NUMBER};

  key.text = arena_copy(prosody_arena(), column(s, 0));
  with.text = arena_copy(prosody_arena(), column(s, 4));
  when.number = sqlite3_column_double(s, 3);
  return read_value(s, t) && t->kind == LUA_TABLE && key.text.s && with.text.s &&
         put(t, SLICE("key"), key) && put(t, SLICE("with"), with) &&
         put(t, SLICE("when"), when);
}

static void
write_items(char const *store, prosody_fn *fn, char const *head, char const *tail)
{
  sqlite3_stmt *s = begin(ITEMS, store);
  bool any = false;
  struct lua t;

  while (next(s)) {
    if (!read_item(s, &t))
      prosody_complain(job.where, "an item is not as it should be");
    else if (prosody_put(job.where, fn, &t, any ? "" : head))
      any = true;
    prosody_forget();
  }
  if (any) prosody_put_text(tail);
}

/* Items of each node lie in a store of their own, whose name is that of the node behind front bytes. */
static void
write_nodes(enum statement which, size_t front)
{
  sqlite3_stmt *s = begin(which, "nodes");
  char *store, *head;

  while (next(s)) {
    store = slice_dup(column(s, 0));
    if (!store) move_fail("read");
    head = prosody_items_head(slice_str(store + front));
    write_items(store, prosody_item, head, PROSODY_ITEMS_TAIL);
    free(head);
    free(store);
  }
}

/* ---- users ---- */

/* A user without an account here may have one in the folder: the rest of the data is the same user's. */
static void
write_user(void)
{
  struct lua account;
  bool any, ok;
  unsigned int i;

  ok = read_table("accounts", &account, &any) &&
       prosody_begin_user(job.where, job.user, &account);
  prosody_forget();
  if (!ok) return;
  for (i = 0; i < prosody_stores_n; i++) {
    struct prosody_store const *p = &prosody_stores[i];
    if (p->is_list)
      write_items(p->name, p->fn, p->head, p->tail);
    else
      write_table(p);
  }
  write_nodes(NODES, 4);
  prosody_put_text("</user>\n");
}

/* ---- services ---- */

static void
write_node(void)
{
  struct lua t;
  bool any;

  if (read_table("pubsub_nodes", &t, &any) && any &&
      prosody_put(job.where, prosody_node, &t, PROSODY_NODES_HEAD))
    prosody_put_text(PROSODY_NODES_TAIL);
  prosody_forget();
}

static void
write_service_items(void)
{
  job.user = SLICE("");
  write_nodes(SERVICE_STORES, 7);
}

/* ---- hosts ---- */

/* Write the users, or nodes, that the statement has, by host, and at_end behind those of each host. false:
 * there is none. */
static bool
write_hosts(enum statement which, void (*one)(void), void (*at_end)(void))
{
  sqlite3_stmt *s = job.statements[which];
  char *host = NULL;
  bool more;

  do {
    more = next(s);
    if (host && (!more || !slice_is(column(s, 0), host))) {
      job.host = slice_str(host);
      at_end();
      prosody_put_text("</host>\n");
    }
    if (!more) break;
    job.host = column(s, 0);
    job.user = column(s, 1);
    if (!host || !slice_is(job.host, host)) {
      free(host);
      host = slice_dup(job.host);
      if (!host) move_fail("read");
      prosody_begin_host(job.host);
    }
    one();
  } while (more);
  more = host != NULL;
  free(host);
  return more;
}

static void
nothing(void)
{
}

static void
write_all(void)
{
  bool users = write_hosts(USERS, write_user, nothing);
  bool services = write_hosts(SERVICES, write_node, write_service_items);

  if (!users && !services) prosody_complain(job.path, "it has no accounts of Prosody");
}

/* ---- the database ---- */

static bool
open_database(char const *path)
{
  unsigned int i;

  if (sqlite3_open_v2(path, &job.db, SQLITE_OPEN_READONLY, NULL) != SQLITE_OK)
    return false;
  sqlite3_limit(job.db, SQLITE_LIMIT_LENGTH, VALUE_MAX);
  sqlite3_db_config(job.db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
  sqlite3_db_config(job.db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
  if (sqlite3_exec(job.db, "BEGIN", NULL, NULL, NULL) != SQLITE_OK) return false;
  for (i = 0; i < STATEMENTS; i++)
    if (sqlite3_prepare_v2(job.db, texts[i], -1, &job.statements[i], NULL) != SQLITE_OK)
      return false;
  return true;
}

void
prosody_write_database(char const *path)
{
  unsigned int i;

  job.path = path;
  if (open_database(path))
    write_all();
  else
    fail();
  for (i = 0; i < STATEMENTS; i++)
    sqlite3_finalize(job.statements[i]);
  sqlite3_close(job.db);
}
