/* archive: each call that writes fails, in each way, and what was there stays (S5); each read of
 * one value fails, and nothing is taken for free that is not; each page of a turn is old, new or
 * torn, as a power cut leaves it, and what was there is read (S3). */
#include "archive_test.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>

#define PAGE 4096
/* Messages a turn. */
#define TURN 20

/* ---- the calls by which LMDB writes: those in this program come before those of libc ---- */

#define HALF (-1) /* half of it is written */

static unsigned int calls, fail_from; /* 0: none fails */
static int why;
static bool first_page_is_bad;

static bool
fails(void)
{
  calls++;
  return fail_from && calls >= fail_from;
}

ssize_t
pwrite(int fd, void const *buf, size_t n, off_t at)
{
  if (first_page_is_bad && at < 2 * PAGE) {
    errno = EIO;
    return -1;
  }
  /* A first page that cannot be written ends the process: first_page_is_bad is for that. */
  if (at < 2 * PAGE || !fails()) return syscall(SYS_pwrite64, fd, buf, n, at);
  if (why == HALF) return syscall(SYS_pwrite64, fd, buf, n / 2, at);
  errno = why;
  return -1;
}

ssize_t
writev(int fd, struct iovec const *v, int n)
{
  if (!fails()) return syscall(SYS_writev, fd, v, n);
  if (why == HALF) return write(fd, v->iov_base, v->iov_len / 2);
  errno = why;
  return -1;
}

int
fdatasync(int fd)
{
  if (!fails()) return (int)syscall(SYS_fdatasync, fd);
  errno = why == HALF ? EIO : why;
  return -1;
}

/* ---- the call by which LMDB reads one value ---- */

static unsigned int reads, failing_read; /* 0: none fails */

int
mdb_get(MDB_txn *txn, MDB_dbi t, MDB_val *key, MDB_val *value)
{
  static int (*get)(MDB_txn *, MDB_dbi, MDB_val *, MDB_val *);
  void *found = get ? NULL : dlsym(RTLD_NEXT, "mdb_get");

  if (found) memcpy(&get, &found, sizeof get);
  assert_non_null(get);
  reads++;
  return failing_read && reads == failing_read ? EIO : get(txn, t, key, value);
}

/* ---- turns ---- */

static bool
turn(void)
{
  uint64_t id = archive_last_id(a), i;
  unsigned int done;

  for (i = 1; i <= TURN; i++) {
    struct archive_owner const o[] = {
      {ALICE, SLICE("bob@x"),   true, false     },
      {BOB,   SLICE("alice@x"), true, i % 5 == 0}
    };
    if (!try(id + i, o, 2)) return false;
  }
  return archive_trim(a, ALICE, 0, 10 * TURN, TURN, &done) && archive_commit(a);
}

static void
is_prefix(uint64_t last)
{
  struct archive_stat s;

  assert_int_equal(archive_last_id(a), last);
  holds(range(BOB, ""), last);
  holds(range(BOB, "alice@x"), last);
  holds(range(ALICE, "bob@x"), last < 10 * TURN ? last : 10 * TURN);
  assert_true(archive_stat(a, BOB, &s));
  assert_int_equal(s.waiting, last / 5);
}

/* ---- S5 ---- */

/* The call fails, and those behind it, as long as the fault lasts. */
static void
one_fault(unsigned int from, int how)
{
  uint64_t last = archive_last_id(a);
  bool ok;

  calls = 0;
  fail_from = from;
  why = how;
  errno = 0;
  ok = turn();
  if (!ok) assert_true(errno == ENOSPC || errno == EIO);
  archive_commit(a);
  fail_from = 0;
  reopen(0);
  /* The page that names the new tree may be whole, though its writer was told otherwise. */
  if (!ok && archive_last_id(a) == last + TURN) last += TURN;
  is_prefix(ok ? last + TURN : last);
}

static void
each_write_fails(void **state)
{
  int const ways[] = {ENOSPC, EIO, EROFS, EDQUOT, HALF};
  unsigned int from, w, whole;

  (void)state;
  for (w = 0; w < 15; w++)
    assert_true(turn());
  calls = 0;
  assert_true(turn());
  whole = calls;
  assert_true(whole >= 2); /* pages, their sync */
  for (w = 0; w < sizeof ways / sizeof *ways; w++)
    for (from = 1; from <= whole; from++)
      one_fault(from, ways[w]);
  assert_true(turn());
  is_prefix(archive_last_id(a));
}

/* The store goes on without being opened again when there is room again, or the store may be written
 * again: until then each turn is lost, and what there is can be read. */
static void
goes_on(void **state)
{
  int const ways[] = {ENOSPC, EROFS, EIO, HALF};
  uint64_t last;
  unsigned int w, i;

  (void)state;
  assert_true(turn());
  for (w = 0; w < sizeof ways / sizeof *ways; w++) {
    last = archive_last_id(a);
    why = ways[w];
    calls = 0;
    fail_from = 1;
    for (i = 0; i < 3; i++) {
      assert_false(turn());
      archive_commit(a);
      is_prefix(last);
      assert_true(archive_commit(a));
    }
    fail_from = 0;
    assert_true(turn());
    is_prefix(last + TURN);
  }
}

/* A place that cannot be read is not a free one: archive_append_late writes over nothing. The
 * places of ids LATE and LATE - 1 are taken, the first by a message that is no more. */
#define LATE ID(100, 5)

static bool
append_late(uint64_t *id, unsigned int failing)
{
  struct archive_text t = text_of(LATE);
  bool ok;

  *id = LATE;
  reads = 0;
  failing_read = failing;
  errno = 0;
  ok = archive_append_late(a, id, BOB, &t);
  if (!ok) assert_int_equal(errno, EIO);
  failing_read = 0;
  return ok;
}

static void
each_read_fails(void **state)
{
  uint64_t id;
  unsigned int whole, n;

  (void)state;
  talk(LATE - 1);
  talk(LATE);
  assert_true(archive_replace(a, ALICE, LATE, SLICE("retracted"), SLICE("<message/>")));
  commit();
  assert_true(append_late(&id, 0));
  assert_int_equal(id, LATE - 2);
  whole = reads;
  assert_true(whole >= 4); /* the message, and three places */
  store_abandon(a->store);
  assert_false(archive_commit(a));
  for (n = 1; n <= whole; n++) {
    assert_false(append_late(&id, n));
    archive_commit(a);
    has(ALICE, LATE - 1, true);
    has(BOB, LATE - 1, true);
    has_not(BOB, LATE - 2);
  }
  assert_true(append_late(&id, 0));
  assert_int_equal(id, LATE - 2);
  commit();
}

/* The first page could not be written: LMDB does nothing more, so the next process goes on. */
static void
first_page_fails(void **state)
{
  int status;
  pid_t pid;

  (void)state;
  assert_true(turn());
  archive_close(a);
  a = NULL;
  pid = fork();
  assert_true(pid >= 0);
  if (!pid) {
    close(2);
    a = archive_open(data, true, 0);
    first_page_is_bad = true;
    if (!a || turn()) _exit(1);
    first_page_is_bad = false;
    turn();
    archive_commit(a);
    _exit(2); /* it never goes on */
  }
  assert_int_equal(waitpid(pid, &status, 0), pid);
  assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 111);
  a = archive_open(data, true, 0);
  assert_non_null(a);
  is_prefix(archive_last_id(a));
  assert_true(turn());
}

/* ---- S3 ---- */

struct file {
  char *s;
  size_t len;
};

static struct file
file_of(char const *folder)
{
  char path[sizeof data + 24];
  struct file f = {NULL, 0};
  struct stat st;
  int fd;

  snprintf(path, sizeof path, "%s/archive/data.mdb", folder);
  fd = open(path, O_RDONLY);
  assert_true(fd >= 0 && !fstat(fd, &st));
  f.len = (size_t)st.st_size;
  f.s = malloc(f.len);
  assert_true(f.s && read(fd, f.s, f.len) == (ssize_t)f.len);
  close(fd);
  return f;
}

/* Make a page of the new file as a power cut may leave it: old, new, or in part. */
static void
mix_page(char *to, char const *old, char const *new)
{
  switch (random() % 3) {
  case 0:
    if (old) memcpy(to, old, PAGE);
    break;
  case 1: memcpy(to, new, PAGE); break;
  default: memcpy(to, new, (size_t)(random() % 8) * 512);
  }
}

/* The two first pages are those of before the turn; the file may have grown or not. */
static void
put_mixed(struct file old, struct file new)
{
  char path[sizeof data + 24], *s = calloc(1, new.len);
  size_t at, len = random() % 2 ? new.len : old.len;
  int fd;

  assert_non_null(s);
  memcpy(s, old.s, old.len);
  for (at = (size_t)2 * PAGE; at < new.len; at += PAGE)
    mix_page(s + at, at < old.len ? old.s + at : NULL, new.s + at);
  snprintf(path, sizeof path, "%s/archive/data.mdb", data);
  fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
  assert_true(fd >= 0 && write(fd, s, len) == (ssize_t)len);
  close(fd);
  free(s);
}

static void
power_goes(void)
{
  uint64_t last = archive_last_id(a);
  struct file old = file_of(data), new;
  unsigned int i;

  assert_true(turn());
  new = file_of(data);
  for (i = 0; i < 10; i++) {
    archive_close(a);
    put_mixed(old, new);
    a = archive_open(data, true, 0);
    assert_non_null(a);
    is_prefix(last);
    assert_true(turn());
    is_prefix(last + TURN);
  }
  free(old.s);
  free(new.s);
}

static void
torn_pages(void **state)
{
  unsigned int i;

  (void)state;
  srandom(1);
  for (i = 0; i < 20; i++) {
    assert_true(turn());
    power_goes();
  }
}

int
main(void)
{
  struct CMUnitTest const tests[] = {
    cmocka_unit_test_setup_teardown(each_write_fails, start, finish),
    cmocka_unit_test_setup_teardown(goes_on, start, finish),
    cmocka_unit_test_setup_teardown(each_read_fails, start, finish),
    cmocka_unit_test_setup_teardown(first_page_fails, start, finish),
    cmocka_unit_test_setup_teardown(torn_pages, start, finish),
  };

  return cmocka_run_group_tests(tests, group_start, group_end);
}
