/* link: who may connect to a socket, and how much he may do before he has said hello. A child
 * process listens; this one connects, as the same user or as another. */
#include "link/link.h"

#include <errno.h>
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
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

char const *PROG = "test";

#define PATIENCE_MS 5000
#define NOBODY 65534
#define HELLO "hello\txmpp-hostd\t0.1\thostd\t1\n"

static char dir[] = "/tmp/tabber-listen-XXXXXX";
static char path[sizeof dir + 8], log_path[sizeof dir + 8];
static pid_t child;
static int told; /* a byte for each link that is up, and for each record */

/* The link of hostd-8 is written to, the one of hostd-9 is not read. */
static void
on_up(struct link *l)
{
  if (write(told, "u", 1) != 1) _exit(111);
  if (!strcmp(l->name, "hostd-8")) link_ack(l, 1);
  if (!strcmp(l->name, "hostd-9")) link_pause(l, true);
}

static void
on_down(struct link *l)
{
  (void)l;
}

static void
on_record(struct link *l, enum verb v, struct record *r)
{
  (void)l;
  (void)v;
  (void)r;
  if (write(told, "r", 1) != 1) _exit(111);
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
listen_as_routed(void)
{
  static struct link_owner const owner = {.program = "xmpp-routed",
                                          .instance = "routed",
                                          .up = on_up,
                                          .down = on_down,
                                          .record = on_record,
                                          .full = on_full,
                                          .turn = on_turn};
  int log = open(log_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

  prctl(PR_SET_PDEATHSIG, SIGKILL); /* ends with a test that is killed */
  signal(SIGPIPE, SIG_IGN);
  if (log < 0 || dup2(log, 2) < 0 || !event_init()) _exit(111);
  log_verbosity = LOG_INFO;
  link_init(&owner, false);
  if (!link_listen(path, 0666, ROLE_OWN)) _exit(111);
  if (write(told, "l", 1) != 1) _exit(111);
  _exit(event_run() ? 0 : 111);
}

static int from_child;

/* The next byte that the child tells; 0: none in time. */
static char
next_told(int ms)
{
  struct pollfd p = {.fd = from_child, .events = POLLIN};
  char c = 0;

  return poll(&p, 1, ms) == 1 && read(from_child, &c, 1) == 1 ? c : 0;
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
  if (child < 0) return -1;
  if (!child) listen_as_routed();
  close(fds[1]);
  return next_told(PATIENCE_MS) == 'l' ? 0 : -1;
}

static int
finish(void **state)
{
  (void)state;
  kill(child, SIGKILL);
  waitpid(child, NULL, 0);
  close(from_child);
  return 0;
}

static int
dial(void)
{
  struct sockaddr_un sa = {.sun_family = AF_UNIX};
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

  snprintf(sa.sun_path, sizeof sa.sun_path, "%s", path);
  if (fd >= 0 && connect(fd, (struct sockaddr *)&sa, sizeof sa)) {
    close(fd);
    return -1;
  }
  return fd;
}

/* Bytes until the end of the stream; -1: it does not end within ms. */
static ssize_t
bytes_until_end(int fd, int ms)
{
  struct pollfd p = {.fd = fd, .events = POLLIN};
  char buf[4096];
  ssize_t n, all = 0;

  while (poll(&p, 1, ms) == 1) {
    n = recv(fd, buf, sizeof buf, 0);
    if (n <= 0) return all;
    all += n;
  }
  return -1;
}

static bool
stays(int fd)
{
  struct pollfd p = {.fd = fd, .events = POLLIN | POLLRDHUP};
  char buf[4096];

  /* The hello of routed has come, and nothing behind it. */
  return poll(&p, 1, PATIENCE_MS) == 1 && !(p.revents & (POLLRDHUP | POLLHUP)) &&
         recv(fd, buf, sizeof buf, 0) > 0;
}

static void
say(int fd, char const *text)
{
  assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

static size_t
files_of_child(void)
{
  char name[64];
  size_t n = 0;
  int fd;

  for (fd = 0; fd < 1024; fd++) {
    snprintf(name, sizeof name, "/proc/%ld/fd/%d", (long)child, fd);
    n += !access(name, F_OK) || errno != ENOENT;
  }
  return n;
}

/* How many lines of the log have this text. */
static unsigned int
logged(char const *text)
{
  char buf[65536], *at = buf;
  int fd = open(log_path, O_RDONLY | O_CLOEXEC);
  ssize_t n = read(fd, buf, sizeof buf - 1);
  unsigned int found = 0;

  close(fd);
  buf[n < 0 ? 0 : n] = 0;
  while ((at = strstr(at, text))) {
    found++;
    at++;
  }
  return found;
}

/* In a process of that user: all that it connects ends at once, and unheard. */
static void
be_refused(void)
{
  char big[4096];
  int fds[500], i;

  if (setgid(NOBODY) || setuid(NOBODY)) _exit(2);
  memset(big, 'x', sizeof big);
  for (i = 0; i < 500; i++) {
    fds[i] = dial();
    if (fds[i] < 0) _exit(3);
    if (send(fds[i], big, sizeof big, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 &&
        errno != EPIPE && errno != ECONNRESET)
      _exit(4);
    if (bytes_until_end(fds[i], PATIENCE_MS) != 0) _exit(5);
  }
  _exit(0); /* with 500 files open here, and none there */
}

static void
user_whom_no_setting_names(void **state)
{
  size_t files = files_of_child();
  int status, fd;
  pid_t stranger;

  (void)state;
  if (geteuid()) skip();
  stranger = fork();
  if (!stranger) be_refused();
  assert_int_equal(waitpid(stranger, &status, 0), stranger);
  assert_int_equal(status, 0);
  assert_int_equal(files_of_child(), files);
  assert_true(logged("event=peer-refused") >= 1 && logged("event=peer-refused") < 20);
  assert_int_equal(logged("uid=65534"), logged("event=peer-refused"));
  fd = dial();
  say(fd, HELLO);
  assert_int_equal(next_told(PATIENCE_MS), 'u');
  close(fd);
}

/* Of the right user, but they say nothing: few stay, and who says hello makes room. */
static void
many_that_say_nothing(void **state)
{
  int fds[LINK_STRANGERS_MAX], i, one;
  unsigned int lines;

  (void)state;
  for (i = 0; i < LINK_STRANGERS_MAX; i++) {
    fds[i] = dial();
    assert_true(stays(fds[i]));
  }
  for (i = 0; i < 100; i++) {
    one = dial();
    assert_int_equal(bytes_until_end(one, PATIENCE_MS), 0);
    close(one);
  }
  lines = logged("too many connections without a hello"); /* no more than one a second */
  assert_true(lines >= 1 && lines < 20);
  say(fds[0], HELLO);
  assert_int_equal(next_told(PATIENCE_MS), 'u');
  one = dial();
  assert_true(stays(one));
  close(one);
  for (i = 0; i < LINK_STRANGERS_MAX; i++)
    close(fds[i]);
}

/* The first that are too many of one user, hello or not. */
static void
many_of_one_user(void **state)
{
  int fds[LINK_PER_USER_MAX], i, one;
  char hello[64];

  (void)state;
  for (i = 0; i < LINK_PER_USER_MAX; i++) {
    fds[i] = dial();
    snprintf(hello, sizeof hello, "hello\txmpp-hostd\t0.1\thostd-%d\t1\n", i + 2);
    say(fds[i], hello);
    assert_int_equal(next_told(PATIENCE_MS), 'u');
  }
  one = dial();
  assert_int_equal(bytes_until_end(one, PATIENCE_MS), 0);
  close(one);
  for (i = 0; i < LINK_PER_USER_MAX; i++) {
    assert_true(stays(fds[i]));
    close(fds[i]);
  }
}

static void
hello_has_256_bytes(void **state)
{
  char text[LINK_HELLO_MAX + 1], lines[2 * LINK_HELLO_MAX] = "";
  size_t len = strlen("hello\txmpp-hostd\t\thostd\t1\n");
  int fd, i;

  (void)state;
  memset(text, 'x', sizeof text);
  fd = dial();
  assert_int_equal(send(fd, text, LINK_HELLO_MAX - 1, MSG_NOSIGNAL), LINK_HELLO_MAX - 1);
  assert_true(stays(fd)); /* a newline may follow */
  say(fd, "x");
  assert_int_equal(bytes_until_end(fd, PATIENCE_MS), 0);
  close(fd);
  assert_int_equal(logged("longer than a hello"), 1);
  /* The longest one, with records right behind it. */
  snprintf(lines, sizeof lines, "hello\txmpp-hostd\t%.*s\thostd\t1\n",
           (int)(LINK_HELLO_MAX - len), text);
  assert_int_equal(strlen(lines), LINK_HELLO_MAX);
  strcat(lines, "watch\tfeatures\nwatch\tonline\n");
  fd = dial();
  say(fd, lines);
  assert_int_equal(next_told(PATIENCE_MS), 'u');
  for (i = 0; i < 2; i++)
    assert_int_equal(next_told(PATIENCE_MS), 'r');
  close(fd);
}

/* A neighbour of another version is as good as any, and the log shows the two. */
static void
another_version(void **state)
{
  int same = dial(), other = dial();

  (void)state;
  say(same, "hello\txmpp-hostd\t" TABBER_VERSION "\thostd\t1\n");
  assert_int_equal(next_told(PATIENCE_MS), 'u');
  assert_int_equal(logged("event=version-differs"), 0);
  say(other, "hello\txmpp-hostd\t0.0.9\thostd-2\t1\n");
  assert_int_equal(next_told(PATIENCE_MS), 'u');
  assert_true(stays(other));
  assert_int_equal(logged("event=version-differs link=hostd-2 version=0.0.9"), 1);
  close(same);
  close(other);
}

static void
names_of_instances(void **state)
{
  int first = dial(), second = dial(), third = dial();

  (void)state;
  say(first, HELLO);
  assert_int_equal(next_told(PATIENCE_MS), 'u');
  assert_true(stays(first));
  say(second, "hello\txmpp-hostd\t0.1\tmamd\t1\n"); /* another program's */
  assert_true(bytes_until_end(second, PATIENCE_MS) > 0);
  say(third, HELLO); /* the same instance anew: the link before is over */
  assert_int_equal(next_told(PATIENCE_MS), 'u');
  assert_int_equal(bytes_until_end(first, PATIENCE_MS), 0);
  assert_true(stays(third));
  close(first);
  close(second);
  close(third);
}

static void
unknown_verbs(void **state)
{
  char line[64];
  int fd = dial(), i;

  (void)state;
  say(fd, HELLO "one\tx\ntwo\none\ntwo\tx\nthree\none\nwatch\tfeatures\n");
  assert_int_equal(next_told(PATIENCE_MS), 'u');
  assert_int_equal(next_told(PATIENCE_MS), 'r');
  assert_int_equal(logged("verb=one"), 1);
  assert_int_equal(logged("verb=two"), 1);
  assert_int_equal(logged("verb=three"), 1);
  for (i = 0; i < 300; i++) {
    snprintf(line, sizeof line, "number-%d\n", i);
    say(fd, line);
  }
  say(fd, "watch\tfeatures\n");
  assert_int_equal(next_told(PATIENCE_MS), 'r');
  assert_int_equal(logged("unknown verb"), LINK_UNKNOWN_MAX);
  close(fd);
}

#define LAST_WORDS 40

/* Say hello as this instance, and some records, and be gone before a byte of them is read. */
static void
speak_and_go(char const *instance)
{
  char text[64 + 16 * LAST_WORDS];
  int i, n = snprintf(text, sizeof text, "hello\txmpp-hostd\t0.1\t%s\t1\n", instance);
  int fd;

  for (i = 0; i < LAST_WORDS; i++)
    n += snprintf(text + n, sizeof text - (size_t)n, "watch\tfeatures\n");
  kill(child, SIGSTOP);
  fd = dial();
  say(fd, text);
  close(fd);
  kill(child, SIGCONT);
}

static void
last_words_are_heard(void **state)
{
  char const *const instances[] = {"hostd-7", "hostd-8", "hostd-9"};
  size_t i;
  int k;

  (void)state;
  for (i = 0; i < sizeof instances / sizeof *instances; i++) {
    speak_and_go(instances[i]);
    assert_int_equal(next_told(PATIENCE_MS), 'u');
    for (k = 0; k < LAST_WORDS; k++)
      assert_int_equal(next_told(PATIENCE_MS), 'r');
  }
}

/* The older link is paused; its records count before the newer one's do. */
static void
last_words_before_a_namesake(void **state)
{
  char const *hello = "hello\txmpp-hostd\t0.1\thostd-9\t1\n";
  int first = dial(), second;

  (void)state;
  say(first, hello);
  assert_int_equal(next_told(PATIENCE_MS), 'u');
  say(first, "watch\tfeatures\nwatch\tfeatures\n");
  assert_int_equal(next_told(100), 0);
  second = dial();
  say(second, hello);
  assert_int_equal(next_told(PATIENCE_MS), 'r');
  assert_int_equal(next_told(PATIENCE_MS), 'r');
  assert_int_equal(next_told(PATIENCE_MS), 'u');
  close(first);
  close(second);
}

static int
group_start(void **state)
{
  (void)state;
  if (!mkdtemp(dir) || chmod(dir, 0711)) return -1;
  snprintf(path, sizeof path, "%s/link", dir);
  snprintf(log_path, sizeof log_path, "%s/log", dir);
  return 0;
}

static int
group_end(void **state)
{
  char lock[sizeof path + 8];

  (void)state;
  unlink(path);
  unlink(log_path);
  snprintf(lock, sizeof lock, "%s.lock", path); /* of who listens there */
  unlink(lock);
  return rmdir(dir);
}

int
main(void)
{
  struct CMUnitTest const tests[] = {
    cmocka_unit_test_setup_teardown(user_whom_no_setting_names, start, finish),
    cmocka_unit_test_setup_teardown(many_that_say_nothing, start, finish),
    cmocka_unit_test_setup_teardown(many_of_one_user, start, finish),
    cmocka_unit_test_setup_teardown(last_words_are_heard, start, finish),
    cmocka_unit_test_setup_teardown(last_words_before_a_namesake, start, finish),
    cmocka_unit_test_setup_teardown(hello_has_256_bytes, start, finish),
    cmocka_unit_test_setup_teardown(another_version, start, finish),
    cmocka_unit_test_setup_teardown(names_of_instances, start, finish),
    cmocka_unit_test_setup_teardown(unknown_verbs, start, finish),
  };

  return cmocka_run_group_tests(tests, group_start, group_end);
}
