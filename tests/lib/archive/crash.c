/* archive: whatever happens to the writer or the disk, what is there is a consistent prefix. */
#include "archive/archive_internal.h"

#include "../folder.h"

#include <skalibs/djbunix.h>

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

char const *PROG = "test";

#define ALICE 7
#define BOB 9
/* Messages a turn; what retention leaves ALICE. */
#define TURN 20
#define KEEP 300

static char data[sizeof top + 8], copy[sizeof top + 8];
static struct archive *a;

static int
start(void **state)
{
  static unsigned int n;

  (void)state;
  snprintf(data, sizeof data, "%s/%u", top, n++ % 1000);
  snprintf(copy, sizeof copy, "%s/%u", top, n++ % 1000);
  return mkdir(data, 0700) || mkdir(copy, 0700);
}

static int
finish(void **state)
{
  (void)state;
  archive_close(a);
  a = NULL;
  rm_rf(data);
  rm_rf(copy);
  return 0;
}

/* ---- a message that says what it should be: its number in TYPE, and in every word of it ---- */

static struct archive_text
text_of(uint64_t id)
{
  static char xml[3000], number[BASE_NUM];
  struct slice n = num_u64(number, id);
  size_t len = 200 + (size_t)(id * 37 % 2500), i;

  for (i = 0; i < len; i++)
    xml[i] = n.s[i % n.len];
  return (struct archive_text){SLICE("alice@x/a"), SLICE("bob@x"), n,
                               SLICE("id"),        SLICE("body"),  slice_of(xml, len)};
}

static bool
write_one(uint64_t id)
{
  struct archive_owner const o[] = {
    {ALICE, SLICE("bob@x"),   true, id % 10 == 0},
    {BOB,   SLICE("alice@x"), true, id % 7 == 0 }
  };
  struct archive_text t = text_of(id);

  return archive_append(a, id, o, 2, &t);
}

/* Write a turn: messages and the number of the last of them as a source has it. */
static bool
write_turn(void)
{
  uint64_t id = archive_last_id(a), i;
  struct archive_source const source = {3, id + TURN};
  unsigned int done;

  for (i = 1; i <= TURN; i++)
    if (!write_one(id + i)) return false;
  return archive_source_put(a, SLICE("c2sd"), &source, 1) &&
         archive_trim(a, ALICE, 0, KEEP, TURN, &done) && archive_commit(a);
}

static bool
shows(struct archive_range const *r, uint64_t place, uint64_t want)
{
  struct archive_message m;
  struct archive_text t = text_of(want);

  return archive_range_get(a, r, place, &m) && m.id == want &&
         slice_eq(m.text.type, t.type) && slice_eq(m.text.xml, t.xml) &&
         slice_eq(m.text.from, t.from) && slice_eq(m.text.to, t.to);
}

/* The list ends with the last message and has none twice and none left out. */
static bool
list_holds(uint64_t owner, char const *with, uint64_t last, uint64_t most)
{
  struct archive_range r;
  uint64_t i, n, want = last < most ? last : most;

  if (!archive_range_open(a, owner, slice_str(with), &r)) return false;
  n = archive_range_count(&r);
  for (i = 0; i < n; i++)
    if (!shows(&r, r.from + i, last - n + 1 + i)) return false;
  return n == want && r.to == last;
}

static bool
waiting_holds(uint64_t owner, uint64_t every, uint64_t last)
{
  uint64_t id = 0, n = 0, count;

  while (archive_waiting_next(a, owner, id, &id))
    if (id != ++n * every) return false;
  return n == last / every && archive_waiting_count(a, owner, &count) && count == n;
}

/* Whole turns, and all of them up to one. */
static bool
prefix(uint64_t *last)
{
  struct archive_source runs[ARCHIVE_SOURCE_RUNS] = {{0}};
  unsigned int n;

  *last = archive_last_id(a);
  return *last % TURN == 0 &&
         (archive_source_get(a, SLICE("c2sd"), runs, &n) || errno == ENOENT) &&
         runs[0].number == *last && list_holds(ALICE, "", *last, KEEP) &&
         list_holds(ALICE, "bob@x", *last, KEEP) &&
         list_holds(BOB, "", *last, UINT64_MAX) &&
         list_holds(BOB, "alice@x", *last, UINT64_MAX) &&
         waiting_holds(ALICE, 10, *last) && waiting_holds(BOB, 7, *last);
}

/* ---- a writer that goes on until it is killed; it tells the last id of each turn ---- */

static pid_t
writer(int *told)
{
  int ends[2];
  pid_t pid;

  if (pipe(ends)) return -1;
  pid = fork();
  if (pid) {
    close(ends[1]);
    *told = ends[0];
    return pid;
  }
  a = archive_open(data, true, 0);
  while (a && write_turn()) {
    uint64_t last = archive_last_id(a);
    if (write(ends[1], &last, sizeof last) != sizeof last) break;
  }
  _exit(1);
}

/* Wait until the writer has something on disk; a slow machine takes its time. */
static bool
has_begun(int told)
{
  uint64_t first;

  return read(told, &first, sizeof first) == sizeof first;
}

/* The last id of which the writer said that it is on disk. */
static uint64_t
heard(int told)
{
  uint64_t last, best = 0;

  while (read(told, &last, sizeof last) == sizeof last)
    best = last;
  close(told);
  return best;
}

static void
end_writer(pid_t pid)
{
  int status;

  kill(pid, SIGKILL);
  assert_int_equal(waitpid(pid, &status, 0), pid);
  assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static void
pause_us(uint64_t us)
{
  struct timespec t = {(time_t)(us / 1000000), (long)(us % 1000000) * 1000};

  nanosleep(&t, NULL);
}

/* S0 to S4: killed at any moment; the next writer begins where it was. */
static void
killed(void **state)
{
  unsigned int i;
  uint64_t last = 0, said, before = 0;
  int told;
  pid_t pid;

  (void)state;
  srandom(1);
  for (i = 0; i < 40; i++) {
    pid = writer(&told);
    assert_true(pid > 0);
    pause_us((uint64_t)random() % (i < 10 ? 3000 : 40000));
    end_writer(pid);
    said = heard(told);
    a = archive_open(data, true, 0);
    assert_non_null(a);
    assert_true(prefix(&last));
    assert_true(last >= said && last >= before);
    assert_true(write_turn());
    assert_true(prefix(&before));
    assert_int_equal(before, last + TURN);
    archive_close(a);
    a = NULL;
  }
}

/* ---- copies ---- */

static void
copy_file(char const *name)
{
  char from[600], to[600], buf[65536];
  ssize_t n;
  int in, out;

  snprintf(from, sizeof from, "%s/archive/%s", data, name);
  snprintf(to, sizeof to, "%s/archive/%s", copy, name);
  in = open(from, O_RDONLY);
  out = open(to, O_WRONLY | O_CREAT | O_TRUNC, 0600);
  assert_true(in >= 0 && out >= 0);
  while ((n = read(in, buf, sizeof buf)) > 0)
    assert_int_equal(write(out, buf, (size_t)n), n);
  close(in);
  close(out);
}

static void
copy_folder(void)
{
  char path[sizeof copy + 8];

  rm_rf(copy);
  snprintf(path, sizeof path, "%s/archive", copy);
  assert_false(mkdir(copy, 0700) || mkdir(path, 0700));
  copy_file("data.mdb");
}

/* The power goes: what a moment left in the files is opened elsewhere. */
static void
power_cut(void **state)
{
  unsigned int i;
  uint64_t last, before = 0;
  int told;
  pid_t pid = writer(&told);

  (void)state;
  assert_true(pid > 0);
  assert_true(has_begun(told));
  for (i = 0; i < 15; i++) {
    pause_us((uint64_t)random() % 20000);
    kill(pid, SIGSTOP);
    assert_int_equal(waitpid(pid, NULL, WUNTRACED), pid);
    copy_folder();
    kill(pid, SIGCONT);
    a = archive_open(copy, true, 0);
    assert_non_null(a);
    assert_true(prefix(&last) && last >= before);
    before = last;
    assert_true(write_turn());
    archive_close(a);
    a = NULL;
  }
  assert_true(before);
  end_writer(pid);
  close(told);
}

/* A page of a list is right, or archive_page refuses it. */
static bool
no_half(uint64_t owner, char const *with)
{
  struct archive_range r;
  struct archive_message m;
  struct archive_text t;
  uint64_t place;

  if (!archive_range_open(a, owner, slice_str(with), &r)) return true;
  for (place = r.from; place < r.to && place < r.from + 100000; place++) {
    if (!archive_range_get(a, &r, place, &m)) return true;
    t = text_of(m.id);
    if (!slice_eq(m.text.type, t.type) || !slice_eq(m.text.xml, t.xml)) return false;
  }
  return true;
}

/* Copied while the writer went on, with nothing that holds the pages: trees may be mixed, and
 * LMDB may even stop the process that looks (0 and signals are good, 1 is not). */
static void
torn_copy(void **state)
{
  unsigned int i;
  int told, status;
  pid_t pid = writer(&told), child;

  (void)state;
  assert_true(pid > 0);
  assert_true(has_begun(told));
  for (i = 0; i < 15; i++) {
    copy_folder();
    child = fork();
    assert_true(child >= 0);
    if (!child) {
      close(2);
      a = archive_open(copy, false, 0);
      _exit(a && !(no_half(ALICE, "") && no_half(ALICE, "bob@x") && no_half(BOB, "")));
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) || WEXITSTATUS(status) != 1);
  }
  end_writer(pid);
  close(told);
}

/* A message of which one byte has changed is refused, and its neighbours are not. */
static void
spoilt(void **state)
{
  struct archive_message m;
  struct archive_range r;
  char buf[8], value[4096];
  struct slice v;
  uint64_t id = 5;

  (void)state;
  a = archive_open(data, true, 0);
  assert_true(a && write_turn());
  assert_true(store_get(a->store, a->message, archive_pack(buf, 1, &id), &v));
  memcpy(value, v.s, v.len);
  value[v.len - 1] ^= 1;
  v.s = value;
  assert_true(store_put(a->store, a->message, archive_pack(buf, 1, &id), v));
  assert_true(archive_commit(a));
  assert_true(archive_range_open(a, BOB, SLICE(""), &r));
  assert_true(shows(&r, 3, 4) && shows(&r, 5, 6));
  errno = 0;
  assert_false(archive_range_get(a, &r, 4, &m));
  assert_int_equal(errno, EIO);
  errno = 0;
  assert_false(archive_get(a, BOB, 5, &m));
  assert_int_equal(errno, EIO);
  /* Another message's value is not right here either. */
  id = 6;
  assert_true(store_get(a->store, a->message, archive_pack(buf, 1, &id), &v));
  memcpy(value, v.s, v.len);
  v.s = value;
  id = 7;
  assert_true(store_put(a->store, a->message, archive_pack(buf, 1, &id), v));
  errno = 0;
  assert_false(archive_get(a, BOB, 7, &m));
  assert_int_equal(errno, EIO);
}

/* ---- no room ---- */

/* S5: the turn is lost, what was there is; when there is room again, it goes on. */
static void
map_full(void **state)
{
  uint64_t last, then;

  (void)state;
  a = archive_open(data, true, 1u << 20);
  assert_non_null(a);
  do
    errno = 0;
  while (write_turn());
  assert_int_equal(errno, ENOSPC);
  errno = 0;
  assert_false(write_one(archive_last_id(a) + 1)); /* the whole turn */
  assert_int_equal(errno, EIO);
  assert_false(archive_commit(a));
  assert_true(prefix(&last) && last >= 2 * (uint64_t)TURN);
  archive_close(a);
  a = archive_open(data, true, 4u << 20);
  assert_non_null(a);
  assert_true(prefix(&then) && then == last);
  assert_true(write_turn() && prefix(&then));
  assert_int_equal(then, last + TURN);
}

static void
purge(uint64_t owner)
{
  unsigned int done = 100;

  while (done == 100) {
    done = 0;
    assert_true(archive_erase_begin(a));
    assert_true(archive_purge(a, owner, 100, &done));
    archive_erase_end(a);
    assert_true(archive_commit(a));
  }
}

/* A map that is full lets archives be erased to their last message, and has room then. */
static void
full_map_is_erased(void **state)
{
  (void)state;
  archive_close(a);
  a = archive_open(data, true, 1u << 20);
  assert_non_null(a);
  archive_refuse_when_full(a);
  while (write_turn())
    continue;
  archive_commit(a);
  assert_true(archive_is_full(a));
  purge(ALICE);
  purge(BOB);
  door_set_clock(door_now() + STORE_PROBE_MIN_US, door_wall());
  assert_false(archive_is_full(a));
  assert_true(write_turn());
}

/* The file may not grow: as a full disk has it, writing fails in the commit. */
static void
disk_full(void **state)
{
  struct rlimit was, now;
  uint64_t last, then;

  (void)state;
  a = archive_open(data, true, 0);
  assert_true(a && write_turn());
  signal(SIGXFSZ, SIG_IGN);
  assert_false(getrlimit(RLIMIT_FSIZE, &was));
  now = was;
  now.rlim_cur = 1u << 20;
  assert_false(setrlimit(RLIMIT_FSIZE, &now));
  while (write_turn())
    continue;
  archive_commit(a);
  assert_true(prefix(&last) && last >= 2 * (uint64_t)TURN);
  assert_false(write_turn());
  archive_commit(a);
  assert_true(prefix(&then) && then == last);
  assert_false(setrlimit(RLIMIT_FSIZE, &was));
  assert_true(archive_commit(a));
  assert_true(write_turn() && prefix(&then));
  assert_int_equal(then, last + TURN);
}

/* ---- a reader in another process ---- */

static void
reader(void **state)
{
  unsigned int i;
  uint64_t last = 0, before = 0;
  int told, status;
  pid_t pid = writer(&told), child;

  (void)state;
  assert_true(pid > 0 && read(told, &last, sizeof last) == sizeof last);
  child = fork();
  assert_true(child >= 0);
  if (!child) {
    a = archive_open(data, false, 0);
    for (i = 0; a && i < 30; i++) {
      if (!prefix(&last) || last < before || !archive_commit(a)) _exit(1);
      before = last;
    }
    _exit(!a || write_one(last + 1));
  }
  assert_int_equal(waitpid(child, &status, 0), child);
  assert_true(WIFEXITED(status) && !WEXITSTATUS(status));
  end_writer(pid);
  close(told);
}

static void
no_folder(void **state)
{
  (void)state;
  assert_null(archive_open(data, false, 0));
  assert_null(archive_open("/nonexistent", true, 0));
}

int
main(void)
{
  struct CMUnitTest const tests[] = {
    cmocka_unit_test_setup_teardown(killed, start, finish),
    cmocka_unit_test_setup_teardown(power_cut, start, finish),
    cmocka_unit_test_setup_teardown(torn_copy, start, finish),
    cmocka_unit_test_setup_teardown(spoilt, start, finish),
    cmocka_unit_test_setup_teardown(map_full, start, finish),
    cmocka_unit_test_setup_teardown(full_map_is_erased, start, finish),
    cmocka_unit_test_setup_teardown(disk_full, start, finish),
    cmocka_unit_test_setup_teardown(reader, start, finish),
    cmocka_unit_test_setup_teardown(no_folder, start, finish),
  };

  return cmocka_run_group_tests(tests, group_start, group_end);
}
