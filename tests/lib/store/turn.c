/* store: what a turn writes is there whole after its commit, or not at all. */
#include "store/store.h"

#include "../folder.h"

#include <skalibs/strerr.h>

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

char const *PROG = "test";

#define MAP (1u << 20)

static char dir[sizeof top + 8];
static struct store *writer;
static MDB_dbi table;

/* A new folder for each test. */
static int
start(void **state)
{
  static unsigned int n;

  (void)state;
  snprintf(dir, sizeof dir, "%s/%u", top, n++ % 1000);
  return 0;
}

static int
finish(void **state)
{
  (void)state;
  store_close(writer);
  writer = NULL;
  return 0;
}

static void
open_writer(size_t map_bytes)
{
  writer = store_open(dir, true, false, map_bytes);
  assert_non_null(writer);
  assert_true(store_table(writer, "t", &table));
}

static void
put(char const *key, char const *value)
{
  assert_true(store_put(writer, table, slice_str(key), slice_str(value)));
}

static void
has(struct store *s, MDB_dbi t, char const *key, char const *want)
{
  struct slice v;
  bool there;

  errno = 0;
  there = store_get(s, t, slice_str(key), &v);
  if (there != (want != NULL)) fail_msg("%s is %sthere", key, there ? "" : "not ");
  if (there)
    assert_true(slice_is(v, want));
  else
    assert_int_equal(errno, ENOENT);
}

static void
put_get_del(void **state)
{
  (void)state;
  open_writer(MAP);
  has(writer, table, "a", NULL);
  put("a", "1");
  has(writer, table, "a", "1"); /* within its turn */
  put("a", "22");
  has(writer, table, "a", "22");
  put("empty", "");
  has(writer, table, "empty", "");
  assert_true(store_commit(writer));
  has(writer, table, "a", "22");
  assert_true(store_del(writer, table, SLICE("a")));
  has(writer, table, "a", NULL);
  errno = 0;
  assert_false(store_del(writer, table, SLICE("a")));
  assert_int_equal(errno, ENOENT);
  put("b", "3"); /* deleting an absent key costs the turn nothing */
  assert_true(store_commit(writer));
  has(writer, table, "a", NULL);
  has(writer, table, "b", "3");
  assert_true(store_commit(writer)); /* nothing to do */
}

/* A write that may wait does so for its time, but not beside one that may not. */
static void
later(void **state)
{
  (void)state;
  open_writer(MAP);
  door_set_clock(1000000, 0);
  assert_false(store_may_wait(writer));
  assert_true(store_put_later(writer, table, SLICE("a"), SLICE("1")));
  has(writer, table, "a", "1");
  door_set_clock(1000000 + STORE_LATER_US - 1, 0);
  assert_true(store_may_wait(writer));
  assert_true(store_del_later(writer, table, SLICE("a")));
  assert_true(store_may_wait(writer));
  door_set_clock(1000000 + STORE_LATER_US, 0);
  assert_false(store_may_wait(writer));
  assert_true(store_put_later(writer, table, SLICE("b"), SLICE("2")));
  assert_true(store_commit(writer));
  assert_false(store_may_wait(writer));
  assert_true(store_put_later(writer, table, SLICE("c"), SLICE("3")));
  assert_true(store_may_wait(writer));
  put("d", "4");
  assert_false(store_may_wait(writer));
  assert_true(store_put_later(writer, table, SLICE("e"), SLICE("5")));
  assert_false(store_may_wait(writer));
  assert_true(store_commit(writer));
  has(writer, table, "e", "5");
}

static void
tables_are_apart(void **state)
{
  MDB_dbi other;

  (void)state;
  open_writer(MAP);
  assert_true(store_table(writer, "other", &other));
  put("a", "1");
  assert_true(store_commit(writer));
  has(writer, other, "a", NULL);
  has(writer, table, "a", "1");
}

/* ---- each ---- */

static char seen[64];
static size_t stop_after;

static bool
see(void *cookie, struct slice key, struct slice value)
{
  size_t n = strlen(seen);

  assert_ptr_equal(cookie, seen);
  snprintf(seen + n, sizeof seen - n, "%.*s=%.*s ", (int)key.len, key.s, (int)value.len,
           value.s);
  return !stop_after || --stop_after;
}

static void
each_is(char const *from, size_t most, char const *want)
{
  seen[0] = 0;
  stop_after = most;
  assert_true(store_each(writer, table, slice_str(from), see, seen));
  assert_string_equal(seen, want);
}

static void
each(void **state)
{
  (void)state;
  open_writer(MAP);
  each_is("", 0, "");
  each_is("x", 0, "");
  put("b", "2");
  put("a", "1");
  put("ab", "3");
  put("c", "4");
  each_is("", 0, "a=1 ab=3 b=2 c=4 ");
  assert_true(store_commit(writer));
  each_is("", 0, "a=1 ab=3 b=2 c=4 ");
  each_is("ab", 0, "ab=3 b=2 c=4 ");
  each_is("aa", 2, "ab=3 b=2 ");
  each_is("d", 0, "");
  each_is("", 1, "a=1 ");
}

static void
back_is(char const *from, size_t most, char const *want)
{
  seen[0] = 0;
  stop_after = most;
  assert_true(store_each_back(writer, table, slice_str(from), see, seen));
  assert_string_equal(seen, want);
}

static void
each_back(void **state)
{
  (void)state;
  open_writer(MAP);
  back_is("x", 0, "");
  put("b", "2");
  put("a", "1");
  put("ab", "3");
  back_is("c", 0, "b=2 ab=3 a=1 ");
  back_is("b", 0, "b=2 ab=3 a=1 ");
  back_is("aa", 0, "a=1 ");
  back_is("c", 1, "b=2 ");
  back_is("A", 0, "");
}

static void
next_is(char const *from, char const *want)
{
  struct slice key, value;

  errno = 0;
  if (!store_next(writer, table, slice_str(from), &key, &value)) {
    assert_null(want);
    assert_int_equal(errno, ENOENT);
    return;
  }
  assert_true(want && slice_is(key, want) && slice_is(value, "1"));
}

static void
next(void **state)
{
  (void)state;
  open_writer(MAP);
  next_is("a", NULL);
  put("b", "1");
  put("d", "1");
  next_is("a", "b");
  next_is("b", "b");
  assert_true(store_commit(writer));
  next_is("ba", "d");
  next_is("e", NULL);
}

/* A key that is not behind all others loses the turn, as any put that fails. */
static void
append(void **state)
{
  (void)state;
  open_writer(MAP);
  assert_true(store_append(writer, table, SLICE("b"), SLICE("1")));
  assert_true(store_append(writer, table, SLICE("c"), SLICE("2")));
  assert_true(store_commit(writer));
  errno = 0;
  assert_false(store_append(writer, table, SLICE("a"), SLICE("3")));
  assert_int_equal(errno, EIO);
  assert_false(store_commit(writer));
  has(writer, table, "b", "1");
  has(writer, table, "a", NULL);
  has(writer, table, "c", "2");
}

static void
abandon(void **state)
{
  (void)state;
  open_writer(MAP);
  put("a", "1");
  assert_true(store_commit(writer));
  put("a", "2");
  errno = ENOMEM;
  store_abandon(writer);
  assert_int_equal(errno, ENOMEM);
  has(writer, table, "a", "1");
  assert_false(store_put(writer, table, SLICE("b"), SLICE("1")));
  assert_false(store_commit(writer));
  put("b", "1");
  assert_true(store_commit(writer));
  has(writer, table, "a", "1");
  has(writer, table, "b", "1");
}

static void
revert(void **state)
{
  (void)state;
  open_writer(MAP);
  store_refuse_when_full(writer);
  put("a", "1");
  assert_true(store_commit(writer));
  store_revert(writer);
  put("a", "2");
  assert_false(store_is_lost(writer));
  store_revert(writer);
  has(writer, table, "a", "1");
  assert_false(store_is_full(writer));
  assert_true(store_commit(writer));
  put("b", "1");
  store_abandon(writer);
  assert_true(store_is_lost(writer));
  assert_false(store_commit(writer));
  assert_false(store_is_lost(writer));
}

/* ---- full ---- */

/* Fill the map by values of n bytes; the turn that does not fit is lost. The number of those
 * that fit. */
static unsigned int
fill(size_t n)
{
  char *value = calloc(1, n), key[16];
  unsigned int i;

  for (i = 0;; i++) {
    snprintf(key, sizeof key, "fill%u", i);
    if (!store_put(writer, table, slice_str(key), slice_of(value, n))) break;
    if (!store_commit(writer)) break;
  }
  assert_int_equal(errno, ENOSPC);
  store_commit(writer);
  free(value);
  return i;
}

/* A store that was not told to refuse tries each time. */
static void
full_tries_again(void **state)
{
  (void)state;
  open_writer(MAP);
  put("a", "1");
  assert_true(store_commit(writer));
  fill(100000);
  assert_false(store_is_full(writer));
  put("a", "2");
  assert_true(store_commit(writer));
}

/* Reads go on, writes are refused and cost the turn nothing; room that was made is found after
 * a second. */
static void
full_refuses(void **state)
{
  (void)state;
  open_writer(MAP);
  store_refuse_when_full(writer);
  door_set_clock(1000000000, 0);
  put("a", "1");
  assert_true(store_commit(writer));
  assert_false(store_is_full(writer));
  fill(60000);
  assert_true(store_is_full(writer));
  has(writer, table, "a", "1");
  errno = 0;
  assert_false(store_put(writer, table, SLICE("a"), SLICE("2")));
  assert_int_equal(errno, ENOSPC);
  errno = 0;
  assert_false(store_del(writer, table, SLICE("a")));
  assert_int_equal(errno, ENOSPC);
  has(writer, table, "a", "1");
  assert_true(store_commit(writer));
  door_set_clock(1000000000 + STORE_PROBE_MIN_US, 0);
  assert_true(store_is_full(writer));
  assert_true(store_commit(writer));
}

/* All that fills the map can be erased, by turns of some entries each; other writes of these turns
 * are refused and do not spoil them. The map has room then for as much as had filled it, and is
 * full again not far behind. A reader sees all of this. */
static void
full_erases(void **state)
{
  struct store *reader;
  struct slice v;
  unsigned int n, i;
  char key[16];
  MDB_dbi t;

  (void)state;
  open_writer(MAP);
  store_refuse_when_full(writer);
  door_set_clock(1000000000, 0);
  n = fill(300);
  assert_true(n > 100);
  assert_true(store_is_full(writer));
  reader = store_open(dir, false, false, MAP);
  assert_true(store_table(reader, "t", &t));
  assert_false(store_del(writer, table, SLICE("fill0")));
  assert_true(store_commit(writer));
  for (i = 0; i < n; i++) {
    snprintf(key, sizeof key, "fill%u", i);
    assert_true(store_erase_begin(writer));
    assert_true(store_del(writer, table, slice_str(key)));
    assert_true(store_put(writer, table, SLICE("left"), slice_str(key)));
    store_erase_end(writer);
    errno = 0;
    assert_false(store_put(writer, table, SLICE("other"), SLICE("1")));
    assert_int_equal(errno, ENOSPC);
    assert_true(store_is_full(writer));
    if (i % 64 == 0 || i + 1 == n) assert_true(store_commit(writer));
    if (i % 64) continue;
    assert_true(store_get(reader, t, SLICE("left"), &v) && slice_is(v, key));
    store_commit(reader);
  }
  has(writer, table, "other", NULL);
  door_set_clock(1000000000 + STORE_PROBE_MIN_US, 0);
  assert_false(store_is_full(writer));
  assert_in_range(fill(300), n, 2 * n);
  store_close(reader); /* in one process the locks of the writer end with it */
}

/* One entry goes from a full map, and one that belongs to it comes; what their caller has begun to erase
 * goes on. */
static void
full_erases_one(void **state)
{
  (void)state;
  open_writer(MAP);
  store_refuse_when_full(writer);
  fill(300);
  assert_true(store_is_full(writer));
  assert_true(store_erase(writer, table, SLICE("fill0")));
  assert_true(store_erase_put(writer, table, SLICE("gone"), SLICE("fill0")));
  assert_false(store_del(writer, table, SLICE("fill1")));
  assert_true(store_erase_begin(writer));
  errno = 0;
  assert_false(store_erase(writer, table, SLICE("fill0")));
  assert_int_equal(errno, ENOENT);
  assert_true(store_del(writer, table, SLICE("fill1")));
  store_erase_end(writer);
  assert_true(store_commit(writer));
  has(writer, table, "fill0", NULL);
  has(writer, table, "fill1", NULL);
  has(writer, table, "gone", "fill0");
}

/* Free pages in the map are room, as soon as STORE_PROBE_BYTES find a place. */
static void
full_ends(void **state)
{
  struct slice v;
  unsigned int i, n;
  char key[16];

  (void)state;
  open_writer(MAP);
  store_refuse_when_full(writer);
  door_set_clock(1000000000, 0);
  n = fill(60000);
  store_close(writer);
  open_writer(MAP);
  for (i = 0; i < n / 2; i++) {
    snprintf(key, sizeof key, "fill%u", i);
    assert_true(store_del(writer, table, slice_str(key)));
    assert_true(store_commit(writer));
  }
  store_refuse_when_full(writer);
  put("big", "1");
  errno = ENOSPC;
  store_abandon(writer);
  assert_false(store_commit(writer));
  assert_false(store_put(writer, table, SLICE("b"), SLICE("1")));
  assert_true(store_commit(writer));
  door_set_clock(1000000000 + STORE_PROBE_MIN_US - 1, 0);
  assert_true(store_is_full(writer));
  door_set_clock(1000000000 + STORE_PROBE_MIN_US, 0);
  put("b", "1"); /* a write looks by itself */
  assert_false(store_is_full(writer));
  assert_true(store_commit(writer));
  has(writer, table, "big", NULL);
  has(writer, table, "b", "1");
  /* Full again within a minute: the next look is later. */
  put("c", "1");
  store_abandon(writer);
  assert_false(store_commit(writer));
  door_set_clock(1000000000 + 2 * STORE_PROBE_MIN_US + 1, 0);
  assert_true(store_is_full(writer));
  door_set_clock(1000000000 + 3 * STORE_PROBE_MIN_US, 0);
  assert_false(store_is_full(writer));
  assert_false(store_get(writer, table, SLICE("probe"), &v));
}

/* ---- a reader in the same folder (in a process of its own, as a program is) ---- */

typedef void child_fn(void);

static void
in_child(child_fn *fn, int want_signal)
{
  pid_t pid = fork();
  int status;

  assert_true(pid >= 0);
  if (!pid) {
    fn();
    _exit(0);
  }
  assert_int_equal(waitpid(pid, &status, 0), pid);
  if (want_signal)
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == want_signal);
  else
    assert_true(WIFEXITED(status) && !WEXITSTATUS(status));
}

static int pipes[2][2];

static void
turn_over(int i)
{
  char c = 0;

  if (write(pipes[i][1], &c, 1) != 1 || read(pipes[!i][0], &c, 1) != 1) _exit(3);
}

static void
must(bool b)
{
  if (!b) _exit(2);
}

static bool
gives(struct store *s, MDB_dbi t, char const *want)
{
  struct slice v;

  if (store_get(s, t, SLICE("k"), &v)) return want && slice_is(v, want);
  return !want && errno == ENOENT;
}

static void
write_in_turns(void)
{
  must((writer = store_open(dir, true, false, MAP)) && store_table(writer, "t", &table));
  must(store_put(writer, table, SLICE("k"), SLICE("old")) && store_commit(writer));
  turn_over(0); /* the reader looks */
  must(store_put(writer, table, SLICE("k"), SLICE("new")));
  turn_over(0); /* and again: not committed */
  must(store_commit(writer));
  turn_over(0);
  must(store_del(writer, table, SLICE("k")) && store_commit(writer));
  turn_over(0);
  store_close(writer);
}

static void
reader_sees_commits(void **state)
{
  struct store *s;
  MDB_dbi t;
  pid_t pid;
  char c;
  int status;

  (void)state;
  assert_false(pipe(pipes[0]) || pipe(pipes[1]));
  pid = fork();
  assert_true(pid >= 0);
  if (!pid) {
    write_in_turns();
    _exit(0);
  }
  assert_int_equal(read(pipes[0][0], &c, 1), 1);
  s = store_open(dir, false, false, MAP);
  assert_non_null(s);
  assert_true(store_table(s, "t", &t));
  assert_true(gives(s, t, "old"));
  assert_true(store_commit(s)); /* the end of our turn */
  turn_over(1);
  assert_true(gives(s, t, "old"));
  turn_over(1);
  assert_true(gives(s, t, "old")); /* our turn goes on: one view of it */
  assert_true(store_commit(s));
  assert_true(gives(s, t, "new"));
  assert_true(store_commit(s));
  turn_over(1);
  assert_true(gives(s, t, NULL));
  store_close(s);
  assert_int_equal(write(pipes[1][1], "", 1), 1);
  assert_int_equal(waitpid(pid, &status, 0), pid);
  assert_true(WIFEXITED(status) && !WEXITSTATUS(status));
  for (status = 0; status < 4; status++)
    close(pipes[status / 2][status % 2]);
}

static void
reader_cannot_write(void **state)
{
  struct store *s;
  MDB_dbi t;

  (void)state;
  open_writer(MAP);
  put("a", "1");
  assert_true(store_commit(writer));
  finish(NULL);
  s = store_open(dir, false, false, MAP);
  assert_non_null(s);
  assert_true(store_table(s, "t", &t));
  assert_false(store_table(s, "no-such-table", &t));
  assert_true(store_table(s, "t", &t));
  assert_false(store_put(s, t, SLICE("a"), SLICE("2")));
  assert_false(store_commit(s));
  has(s, t, "a", "1");
  store_close(s);
}

static void
no_folder(void **state)
{
  struct stat st;

  (void)state;
  assert_null(store_open(dir, false, false, MAP)); /* a reader makes none */
  assert_int_equal(access(dir, F_OK), -1);
  assert_null(store_open("/nonexistent/a/b", true, false, MAP));
  writer = store_open(dir, true, true, MAP);
  assert_non_null(writer);
  assert_false(stat(dir, &st));
  assert_int_equal(st.st_mode & 077, 0); /* secret */
}

/* ---- failures ---- */

/* The map is full in the middle of a turn: nothing of the turn is kept, what was there is,
 * and the next turn works. */
static void
map_full(void **state)
{
  static char value[8192];
  char key[16];
  unsigned int i;

  (void)state;
  open_writer(256 << 10);
  put("before", "1");
  assert_true(store_commit(writer));
  memset(value, 'v', sizeof value);
  put("before", "2");
  for (i = 0; i < 1000; i++) {
    snprintf(key, sizeof key, "k%u", i);
    errno = 0;
    if (!store_put(writer, table, slice_str(key), slice_of(value, sizeof value))) break;
  }
  assert_in_range(i, 1, 999);
  assert_int_equal(errno, ENOSPC);
  /* The turn is lost, whatever else it tries. */
  assert_false(store_put(writer, table, SLICE("small"), SLICE("1")));
  assert_false(store_commit(writer));
  has(writer, table, "before", "1");
  has(writer, table, "k0", NULL);
  has(writer, table, "small", NULL);
  assert_true(store_commit(writer));
  put("small", "1");
  assert_true(store_commit(writer));
  finish(NULL);
  open_writer(256 << 10);
  has(writer, table, "before", "1");
  has(writer, table, "k0", NULL);
  has(writer, table, "small", "1");
}

static void
dies_before_commit(void)
{
  must((writer = store_open(dir, true, false, MAP)) && store_table(writer, "t", &table));
  must(store_put(writer, table, SLICE("k"), SLICE("committed")) && store_commit(writer));
  must(store_put(writer, table, SLICE("k"), SLICE("lost")));
  must(store_put(writer, table, SLICE("l"), SLICE("lost")));
  kill(getpid(), SIGKILL);
}

static void
dies_after_commit(void)
{
  must((writer = store_open(dir, true, false, MAP)) && store_table(writer, "t", &table));
  must(store_put(writer, table, SLICE("k"), SLICE("kept")));
  must(store_put(writer, table, SLICE("l"), SLICE("kept")) && store_commit(writer));
  kill(getpid(), SIGKILL);
}

static void
killed(void **state)
{
  unsigned int i;

  (void)state;
  for (i = 0; i < 5; i++) {
    in_child(dies_before_commit, SIGKILL);
    open_writer(MAP);
    has(writer, table, "k", "committed");
    has(writer, table, "l", NULL);
    finish(NULL);
  }
  in_child(dies_after_commit, SIGKILL);
  open_writer(MAP);
  has(writer, table, "k", "kept");
  has(writer, table, "l", "kept");
  put("m", "1"); /* nobody holds the writer's lock */
  assert_true(store_commit(writer));
}

/* LMDB takes keys of 1 to 511 bytes. One that cannot be there is not there, and asking for it
 * is no failure of the store; the rest of the turn holds. */
static void
key_lengths(void **state)
{
  static char key[600];
  struct slice v;

  (void)state;
  memset(key, 'k', sizeof key);
  open_writer(MAP);
  assert_true(store_put(writer, table, slice_of(key, 511), SLICE("1")));
  assert_true(store_get(writer, table, slice_of(key, 511), &v) && slice_is(v, "1"));
  assert_true(store_commit(writer));
  errno = 0;
  assert_false(store_get(writer, table, slice_of(key, 512), &v));
  assert_int_equal(errno, ENOENT);
  assert_false(store_get(writer, table, SLICE(""), &v));
  assert_int_equal(errno, ENOENT);
  assert_false(store_del(writer, table, slice_of(key, 512)));
  assert_int_equal(errno, ENOENT);
  put("a", "1");
  assert_false(store_put(writer, table, slice_of(key, 512), SLICE("1")));
  assert_int_equal(errno, EINVAL);
  assert_true(store_commit(writer));
  has(writer, table, "a", "1");
}

/* A commit without a sync is there for the next writer. */
static void
unsynced(void **state)
{
  char path[sizeof dir + 16];
  struct store *s;
  struct slice v;
  MDB_dbi t;

  (void)state;
  snprintf(path, sizeof path, "%s-u", dir);
  s = store_open_unsynced(path, 1 << 20);
  assert_non_null(s);
  assert_true(store_table(s, "t", &t) && store_put(s, t, SLICE("a"), SLICE("1")));
  assert_true(store_commit(s) && store_sync(s));
  store_close(s);
  s = store_open_unsynced(path, 1 << 20);
  assert_non_null(s);
  assert_true(store_table(s, "t", &t) && store_get(s, t, SLICE("a"), &v));
  assert_true(slice_is(v, "1"));
  store_close(s);
}

/* The pages that a killed reader saw stay on the disk only until its end is noticed. */
static void
killed_reader(void **state)
{
  static char big[3000];
  int fds[2], i;
  char c;
  pid_t child;

  (void)state;
  open_writer(8 * MAP);
  put("a", "1");
  assert_true(store_commit(writer));
  assert_int_equal(pipe(fds), 0);
  child = fork();
  if (!child) {
    struct store *r = store_open(dir, false, false, 0);
    MDB_dbi t;
    struct slice v;
    bool ok = r && store_table(r, "t", &t) && store_get(r, t, SLICE("a"), &v);
    _exit(ok && write(fds[1], "r", 1) == 1 ? pause() : 1);
  }
  assert_int_equal(read(fds[0], &c, 1), 1);
  kill(child, SIGKILL);
  waitpid(child, NULL, 0);
  memset(big, 'x', sizeof big);
  for (i = 0; i < 3000; i++) {
    assert_true(store_put(writer, table, SLICE("b"), slice_of(big, sizeof big)));
    assert_true(store_commit(writer));
  }
}

/* A child that may not write to the folder: 0 when it is told that there is nothing yet. */
static int
waits_for_writer(void)
{
  pid_t pid;
  int wstat;

  if (chmod(top, 0755) || chmod(dir, 0555)) return -1;
  pid = fork();
  if (!pid) {
    struct store *s;
    if (!geteuid() && setuid(65534)) _exit(2);
    s = store_open(dir, false, false, MAP);
    _exit(!s && errno == ENOENT ? 0 : 1);
  }
  return pid > 0 && waitpid(pid, &wstat, 0) == pid && WIFEXITED(wstat)
           ? WEXITSTATUS(wstat)
           : -1;
}

/* A restored store has no lock file, and its readers may start before its writer. */
static void
reader_waits_for_writer(void **state)
{
  char lock[sizeof dir + 16];

  (void)state;
  writer = store_open(dir, true, false, MAP);
  assert_non_null(writer);
  store_close(writer);
  writer = NULL;
  snprintf(lock, sizeof lock, "%s/lock.mdb", dir);
  assert_int_equal(unlink(lock), 0);
  assert_int_equal(waits_for_writer(), 0);
}

/* The writer makes the lock file, and a moment later gives it the mode by which the group writes. */
static void
reader_waits_for_the_mode(void **state)
{
  char lock[sizeof dir + 16];

  (void)state;
  writer = store_open(dir, true, false, MAP);
  assert_non_null(writer);
  snprintf(lock, sizeof lock, "%s/lock.mdb", dir);
  assert_int_equal(chmod(lock, 0440), 0);
  assert_int_equal(waits_for_writer(), 0);
}

int
main(void)
{
  struct CMUnitTest const tests[] = {
    cmocka_unit_test_setup_teardown(put_get_del, start, finish),
    cmocka_unit_test_setup_teardown(later, start, finish),
    cmocka_unit_test_setup_teardown(tables_are_apart, start, finish),
    cmocka_unit_test_setup_teardown(each_back, start, finish),
    cmocka_unit_test_setup_teardown(each, start, finish),
    cmocka_unit_test_setup_teardown(next, start, finish),
    cmocka_unit_test_setup_teardown(append, start, finish),
    cmocka_unit_test_setup_teardown(abandon, start, finish),
    cmocka_unit_test_setup_teardown(revert, start, finish),
    cmocka_unit_test_setup_teardown(full_tries_again, start, finish),
    cmocka_unit_test_setup_teardown(full_refuses, start, finish),
    cmocka_unit_test_setup_teardown(full_erases, start, finish),
    cmocka_unit_test_setup_teardown(full_erases_one, start, finish),
    cmocka_unit_test_setup_teardown(full_ends, start, finish),
    cmocka_unit_test_setup_teardown(reader_sees_commits, start, finish),
    cmocka_unit_test_setup_teardown(reader_cannot_write, start, finish),
    cmocka_unit_test_setup_teardown(reader_waits_for_writer, start, finish),
    cmocka_unit_test_setup_teardown(reader_waits_for_the_mode, start, finish),
    cmocka_unit_test_setup_teardown(no_folder, start, finish),
    cmocka_unit_test_setup_teardown(map_full, start, finish),
    cmocka_unit_test_setup_teardown(killed, start, finish),
    cmocka_unit_test_setup_teardown(killed_reader, start, finish),
    cmocka_unit_test_setup_teardown(key_lengths, start, finish),
    cmocka_unit_test_setup_teardown(unsynced, start, finish),
  };
  return cmocka_run_group_tests(tests, group_start, group_end);
}
