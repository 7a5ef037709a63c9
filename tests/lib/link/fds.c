/* link: descriptors that go along with records. A child process is xmpp-webd; this one connects as
 * xmpp-uploadd, by a socket of its own. */
#include "link/link.h"

#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

char const *PROG = "test";

#define PATIENCE_MS 5000
#define HELLO "hello\txmpp-uploadd\t0.1\tuploadd\t1\n"
#define DIVERT "divert\t1\t5\t0\n"

static char dir[] = "/tmp/tabber-fds-XXXXXX";
static char path[sizeof dir + 8];
static pid_t child;
static int told, from_child;

static void
tell(char c)
{
  if (write(told, &c, 1) != 1) _exit(111);
}

static void
on_up(struct link *l)
{
  (void)l;
  tell('u');
}

static void
on_down(struct link *l)
{
  (void)l;
  tell('d');
}

/* A pipe with one byte to be read. */
static int
pipe_with(char c)
{
  int fds[2];

  if (pipe2(fds, O_CLOEXEC) || write(fds[1], &c, 1) != 1) _exit(111);
  close(fds[1]);
  return fds[0];
}

static void
put_body(struct link *l, char const *text)
{
  link_begin(l, VERB_BODY);
  link_num(l, 1);
  link_str(l, text);
  link_end(l);
}

/* Two descriptors between records. */
static void
answer(struct link *l)
{
  char c;

  for (c = 'a'; c <= 'b'; c++) {
    put_body(l, "before");
    if (!link_can_pass(l)) _exit(111);
    link_begin(l, VERB_DIVERT);
    link_num(l, 1);
    link_num(l, 1);
    link_num(l, 0);
    if (!link_end_with(l, pipe_with(c))) _exit(111);
  }
  put_body(l, "behind");
}

/* Tell the byte that is in the descriptor; n: there is none. Without OFFSET: answer. */
static void
on_record(struct link *l, enum verb v, struct record *r)
{
  char c = 'n';
  int fd;

  if (v != VERB_DIVERT) {
    tell('r');
    return;
  }
  if (r->n == 3) {
    answer(l);
    return;
  }
  fd = link_take_fd(l);
  if (fd >= 0 && read(fd, &c, 1) != 1) _exit(111);
  if (fd >= 0) close(fd);
  tell(c);
}

static void
on_full(struct link *l, bool full)
{
  (void)l;
  (void)full;
}

static void
on_turn(void)
{
}

static void
listen_as_webd(void)
{
  static struct link_owner const owner = {.program = "xmpp-webd",
                                          .instance = "webd",
                                          .up = on_up,
                                          .down = on_down,
                                          .record = on_record,
                                          .full = on_full,
                                          .turn = on_turn};

  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (!event_init()) _exit(111);
  link_init(&owner, false);
  if (!link_listen(path, 0666, ROLE_FRONT | ROLE_SERVICE)) _exit(111);
  tell('l');
  _exit(event_run() ? 0 : 111);
}

static char
next_told(void)
{
  struct pollfd p = {.fd = from_child, .events = POLLIN};
  char c = 0;

  return poll(&p, 1, PATIENCE_MS) == 1 && read(from_child, &c, 1) == 1 ? c : 0;
}

static int
start(void **state)
{
  int fds[2];

  (void)state;
  unlink(path);
  if (pipe2(fds, O_CLOEXEC)) return -1;
  from_child = fds[0];
  told = fds[1];
  child = fork();
  if (!child) listen_as_webd();
  close(told);
  return child < 0 || next_told() != 'l';
}

static int
stop(void **state)
{
  (void)state;
  kill(child, SIGKILL);
  waitpid(child, NULL, 0);
  close(from_child);
  return 0;
}

/* Send text, with n descriptors of pipes that hold the byte c. */
static void
send_with(int s, char const *text, unsigned int n, char c)
{
  char control[CMSG_SPACE(100 * sizeof(int))] = {0};
  struct iovec v = {.iov_base = (void *)(uintptr_t)text, .iov_len = strlen(text)};
  struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1};
  int fds[100];
  unsigned int i;

  for (i = 0; i < n; i++)
    fds[i] = pipe_with(c);
  if (n) {
    struct cmsghdr *h = (struct cmsghdr *)(void *)control;
    m.msg_control = control;
    m.msg_controllen = CMSG_SPACE(n * sizeof(int));
    h->cmsg_level = SOL_SOCKET;
    h->cmsg_type = SCM_RIGHTS;
    h->cmsg_len = CMSG_LEN(n * sizeof(int));
    memcpy(CMSG_DATA(h), fds, n * sizeof(int));
  }
  assert_int_equal(sendmsg(s, &m, MSG_NOSIGNAL), (ssize_t)v.iov_len);
  for (i = 0; i < n; i++)
    close(fds[i]);
}

static int
connected(void)
{
  struct sockaddr_un sa = {.sun_family = AF_UNIX};
  int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

  memcpy(sa.sun_path, path, sizeof path);
  assert_int_equal(connect(s, (struct sockaddr *)&sa, sizeof sa), 0);
  send_with(s, HELLO, 0, 0);
  assert_int_equal(next_told(), 'u');
  return s;
}

static void
each_record_has_its_own(void **state)
{
  int s = connected();

  (void)state;
  send_with(s, "ended\t1\n", 0, 0);
  send_with(s, DIVERT, 1, 'x');
  send_with(s, "ended\t1\ndiv", 0, 0);
  send_with(s, "ert\t1\t5\t0\nended\t1\n", 1, 'y');
  send_with(s, DIVERT, 0, 0);
  assert_int_equal(next_told(), 'r');
  assert_int_equal(next_told(), 'x');
  assert_int_equal(next_told(), 'r');
  assert_int_equal(next_told(), 'y');
  assert_int_equal(next_told(), 'r');
  assert_int_equal(next_told(), 'n');
  close(s);
}

/* Descriptors without records are not kept without end, nor many at once. */
static void
too_many_end_the_link(void **state)
{
  unsigned int i;
  int s = connected();

  (void)state;
  for (i = 0; i < LINK_FDS_MAX; i++)
    send_with(s, "ended\t1\n", 1, 'x');
  for (i = 0; i < LINK_FDS_MAX; i++)
    assert_int_equal(next_told(), 'r');
  send_with(s, "ended\t1\n", 1, 'x');
  assert_int_equal(next_told(), 'd');
  close(s);
  s = connected();
  send_with(s, "ended\t1\n", 100, 'x');
  assert_int_equal(next_told(), 'd');
  close(s);
}

/* A reading ends behind the line that has a descriptor; descriptors come in their order. */
static void
records_of_ours_bring_theirs(void **state)
{
  char text[4096], control[CMSG_SPACE(4 * sizeof(int))], c;
  size_t len = 0;
  int s = connected(), fd, n = 0;

  (void)state;
  send_with(s, "divert\t1\t5\n", 0, 0);
  for (*text = 0; !strstr(text, "behind\n"); text[len] = 0) {
    struct iovec v = {.iov_base = text + len, .iov_len = sizeof text - 1 - len};
    struct msghdr m = {.msg_iov = &v,
                       .msg_iovlen = 1,
                       .msg_control = control,
                       .msg_controllen = sizeof control};
    struct cmsghdr *h;
    ssize_t got = recvmsg(s, &m, 0);
    assert_true(got > 0);
    len += (size_t)got;
    for (h = CMSG_FIRSTHDR(&m); h; h = CMSG_NXTHDR(&m, h)) {
      assert_int_equal(h->cmsg_len, CMSG_LEN(sizeof fd));
      memcpy(&fd, CMSG_DATA(h), sizeof fd);
      assert_int_equal(read(fd, &c, 1), 1);
      assert_int_equal(c, 'a' + n++);
      close(fd);
    }
  }
  assert_int_equal(n, 2);
  assert_non_null(
    strstr(text, "body\t1\tbefore\ndivert\t1\t1\t0\nbody\t1\tbefore\ndivert"));
  close(s);
}

int
main(void)
{
  struct CMUnitTest const tests[] = {
    cmocka_unit_test_setup_teardown(each_record_has_its_own, start, stop),
    cmocka_unit_test_setup_teardown(too_many_end_the_link, start, stop),
    cmocka_unit_test_setup_teardown(records_of_ours_bring_theirs, start, stop),
  };
  int rc;

  if (!mkdtemp(dir)) return 111;
  snprintf(path, sizeof path, "%s/s", dir);
  rc = cmocka_run_group_tests(tests, NULL, NULL);
  unlink(path);
  rmdir(dir);
  return rc;
}
