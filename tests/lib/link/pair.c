/* link over real sockets. A node is a child process that runs the area's loop; it tells
 * what happens to it in lines, and does what lines tell it. Its neighbour is another
 * node, or this process, which speaks bytes. */
#include "link/link.h"

#include "base/base.h"
#include "event/event.h"
#include "record/record.h"

#include <skalibs/stralloc.h>
#include <skalibs/strerr.h>

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
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

char const *PROG = "test";

#define PATIENCE_MS 5000

static char dir[] = "/tmp/tabber-link-XXXXXX";
static char path[sizeof dir + 8];

/* ---- in the child ---- */

static int child_out;
static struct event_io child_in = EVENT_IO_ZERO;

static void
tell(char const *what, char const *name, struct slice text)
{
  stralloc sa = STRALLOC_ZERO;

  if (!stralloc_cats(&sa, what) || !stralloc_cats(&sa, " ") ||
      !stralloc_cats(&sa, name) ||
      (text.len && (!stralloc_cats(&sa, " ") || !stralloc_catb(&sa, text.s, text.len))) ||
      !stralloc_cats(&sa, "\n") || write(child_out, sa.s, sa.len) != (ssize_t)sa.len)
    _exit(111);
  stralloc_free(&sa);
}

static void
node_up(struct link *l)
{
  tell("up", l->name, slice_str(program_name(l->program)));
  if (l->program != ROUTED) return; /* only clients announce */
  link_begin(l, VERB_SERVE);        /* said anew on every link */
  link_str(l, "announced");
  link_end(l);
}

static void
node_down(struct link *l)
{
  tell("down", l->name, SLICE(""));
}

/* Numbers of stanzas begin at the start of who numbers them; here they are told from 1. */
static struct slice
origin_from_one(struct link const *l, struct slice origin, char buf[64])
{
  struct slice rest = origin, name;
  uint64_t n;

  if (!slice_word(&rest, ':', &name) || !slice_u64(rest, &n) || n <= link_started(l))
    return origin;
  snprintf(buf, 64, "%.*s:%llu", (int)name.len, name.s,
           (unsigned long long)(n - link_started(l)));
  return slice_str(buf);
}

static uint64_t own_start;

/* Fields joined by bars; of a long one only its length. */
static void
node_record(struct link *l, enum verb v, struct record *r)
{
  stralloc sa = STRALLOC_ZERO;
  char buf[BASE_NUM], origin[64];
  unsigned int i;

  if (!stralloc_cats(&sa, verb_rows[v].word)) _exit(111);
  for (i = 1; i < r->n; i++) {
    struct slice f = record_get(r, i);
    if (verb_is_numbered(v) && i == 7) f = origin_from_one(l, f, origin);
    if (v == VERB_ACK && own_start) f = num_u64(buf, record_u64(r, i) - own_start);
    if (f.len > 500) f = num_u64(buf, f.len);
    if (!stralloc_cats(&sa, "|") || !stralloc_catb(&sa, f.s, f.len)) _exit(111);
  }
  tell("got", l->name, slice_of(sa.s, sa.len));
  stralloc_free(&sa);
  if (v == VERB_STATS) {
    link_begin(l, VERB_STAT);
    link_str(l, "links");
    link_num(l, 1);
    link_end(l);
    link_begin(l, VERB_DONE);
    link_end(l);
  }
  if (v == VERB_SERVE && slice_is(record_get(r, 1), "drop-me")) link_drop(l, "it asked");
}

static void
node_full(struct link *l, bool full)
{
  tell(full ? "full" : "empty", l->name, SLICE(""));
}

static bool discard;

static void
node_turn(void)
{
  if (discard) link_discard(link_next(NULL), "told to");
  discard = false;
}

static void
put_numbered(struct link *l, enum verb v, struct slice xml)
{
  int i;

  link_begin(l, v);
  for (i = 0; i < 6; i++)
    link_str(l, "");
  link_origin(l);
  link_text(l, xml);
  link_end(l);
}

/* WORD ARGUMENT, done to the first link. */
static void
node_do(struct slice line)
{
  struct link *l = link_next(NULL);
  struct slice word = line;
  uint64_t n = 0;

  slice_word(&line, ' ', &word);
  slice_u64(line, &n);
  if (slice_is(word, "stanza"))
    put_numbered(l, VERB_STANZA, line);
  else if (slice_is(word, "fanout"))
    put_numbered(l, VERB_FANOUT, line);
  else if (slice_is(word, "megabytes")) {
    static char big[1000000];
    memset(big, 'x', sizeof big);
    while (n--)
      put_numbered(l, VERB_STANZA, slice_of(big, sizeof big));
  } else if (slice_is(word, "serve")) {
    link_begin(l, VERB_SERVE);
    link_text(l, line);
    link_end(l);
  } else if (slice_is(word, "ack"))
    link_ack(l, link_started(l) + n);
  else if (slice_is(word, "drop"))
    link_drop(l, "told to");
  else if (slice_is(word, "discard"))
    discard = true;
  else if (slice_is(word, "give-back"))
    link_give_back();
  else if (slice_is(word, "pause"))
    link_pause(l, n);
  else if (slice_is(word, "later")) {
    door_set_clock(door_now() + n, door_wall() + n);
    event_again();
  } else if (slice_is(word, "pending"))
    tell("pending", link_pending() ? "some" : "none", SLICE(""));
  else if (slice_is(word, "find")) {
    l = link_find((enum program)n);
    tell("found", l ? l->name : "nobody", SLICE(""));
  } else
    _exit(112);
}

static void
on_command(void *cookie, uint32_t what)
{
  static stralloc in = STRALLOC_ZERO;
  struct slice rest, line;
  ssize_t n;

  (void)cookie;
  (void)what;
  if (!stralloc_readyplus(&in, 4096)) _exit(111);
  n = read(child_in.fd, in.s + in.len, 4096);
  if (n <= 0) _exit(0);
  in.len += (size_t)n;
  if (in.s[in.len - 1] != '\n') return;
  rest = slice_of(in.s, in.len);
  while (slice_word(&rest, '\n', &line))
    node_do(line);
  in.len = 0;
}

/* ---- in the parent ---- */

struct node {
  pid_t pid;
  int to, from;
  char line[8192];
  size_t len;
};

static struct node nodes[8];
static size_t nodes_n;

/* A node that listens for these programs, or with 0 connects. */
static struct node *
spawn(char const *program, unsigned int listen_for)
{
  struct node *n = &nodes[nodes_n++];
  struct link_owner owner = {.program = program,
                             .instance = program + 5,
                             .up = node_up,
                             .down = node_down,
                             .record = node_record,
                             .full = node_full,
                             .turn = node_turn};
  int to[2], from[2];

  n->len = 0;
  assert_int_equal(pipe2(to, O_CLOEXEC) | pipe2(from, O_CLOEXEC), 0);
  n->pid = fork();
  assert_true(n->pid >= 0);
  n->to = to[1];
  n->from = from[0];
  if (n->pid) {
    close(to[0]);
    close(from[1]);
    return n;
  }
  close(to[1]);
  close(from[0]);
  prctl(PR_SET_PDEATHSIG, SIGKILL); /* no node outlives a test that is killed */
  child_out = from[1];
  log_verbosity = 0;
  if (!event_init()) _exit(111);
  link_init(&owner, false);
  if (listen_for ? !link_listen(path, 0600, listen_for)
                 : !link_connect(path, SLICE("routed")))
    _exit(111);
  if (!listen_for) own_start = link_next(NULL)->stanzas;
  if (!event_io_start(&child_in, to[0], EVENT_READ, on_command, NULL)) _exit(111);
  tell("ready", program, SLICE(""));
  _exit(event_run() ? 0 : 111);
}

static void
stop(struct node *n, int sig)
{
  if (n->pid > 0) {
    kill(n->pid, sig);
    waitpid(n->pid, NULL, 0);
    close(n->to);
    close(n->from);
  }
  n->pid = 0;
}

static int64_t
now_ms(void)
{
  struct timespec ts;

  clock_gettime(CLOCK_MONOTONIC, &ts);
  return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static int64_t patience;

/* Wait until fd is ready; false when patience is over. */
static bool
wait_for(int fd, short events)
{
  struct pollfd p = {.fd = fd, .events = events};

  if (!patience) patience = now_ms() + PATIENCE_MS;
  for (;;) {
    int64_t left = patience - now_ms();
    int r = left <= 0 ? 0 : poll(&p, 1, (int)left);
    if (r < 0 && errno == EINTR) continue;
    return r > 0;
  }
}

/* The next line the node tells, until the next call; want says what for. */
static char const *
told(struct node *n, char const *want)
{
  static char line[sizeof n->line];
  char *nl;

  patience = 0;
  while (!(nl = memchr(n->line, '\n', n->len))) {
    ssize_t r;
    if (!wait_for(n->from, POLLIN)) fail_msg("waited in vain for: %s", want);
    r = read(n->from, n->line + n->len, sizeof n->line - n->len);
    if (r <= 0) fail_msg("died instead of: %s", want);
    n->len += (size_t)r;
  }
  *nl++ = 0;
  memcpy(line, n->line, (size_t)(nl - n->line));
  n->len -= (size_t)(nl - n->line);
  memmove(n->line, nl, n->len);
  return line;
}

static void
expect(struct node *n, char const *want)
{
  assert_string_equal(told(n, want), want);
}

static void
order(struct node *n, char const *commands)
{
  size_t len = strlen(commands);

  assert_int_equal(write(n->to, commands, len), (ssize_t)len);
}

static struct sockaddr_un
address(void)
{
  struct sockaddr_un sa = {.sun_family = AF_UNIX};

  snprintf(sa.sun_path, sizeof sa.sun_path, "%s", path);
  return sa;
}

static int
dial(void)
{
  struct sockaddr_un sa = address();
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

  assert_true(fd >= 0);
  assert_int_equal(connect(fd, (struct sockaddr *)&sa, sizeof sa), 0);
  return fd;
}

static int
listening(void)
{
  struct sockaddr_un sa = address();
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

  unlink(path);
  assert_true(fd >= 0);
  assert_int_equal(bind(fd, (struct sockaddr *)&sa, sizeof sa) | listen(fd, 8), 0);
  return fd;
}

static int
accepted(int door)
{
  patience = 0;
  assert_true(wait_for(door, POLLIN));
  return accept4(door, NULL, NULL, SOCK_CLOEXEC);
}

/* Write all; false when the other side is gone before. */
static bool
send_bytes(int fd, char const *s, size_t len)
{
  patience = 0;
  while (len) {
    ssize_t n;
    assert_true(wait_for(fd, POLLOUT));
    n = send(fd, s, len, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n < 0 && errno == EAGAIN) continue;
    if (n < 0) return false;
    s += n;
    len -= (size_t)n;
  }
  return true;
}

static void
say(int fd, char const *lines)
{
  send_bytes(fd, lines, strlen(lines));
}

/* Read one line, without newline, into line. Return its length, or -1 at the end of the
 * stream. */
static ssize_t
hear(int fd, char *line, size_t max)
{
  size_t n = 0;

  patience = 0;
  while (n < max) {
    char *nl;
    ssize_t r;
    assert_true(wait_for(fd, POLLIN));
    r = recv(fd, line + n, max - n, MSG_PEEK);
    if (r <= 0) return -1;
    nl = memchr(line + n, '\n', (size_t)r);
    if (nl) r = nl + 1 - (line + n);
    assert_int_equal(recv(fd, line + n, (size_t)r, 0), r);
    n += (size_t)r;
    if (!nl) continue;
    *nl = 0;
    return (ssize_t)n - 1;
  }
  fail_msg("a line without end");
  return -1;
}

static void
hears(int fd, char const *want)
{
  char line[4096] = "";

  assert_true(hear(fd, line, sizeof line) >= 0);
  assert_string_equal(line, want);
}

static void
hears_end(int fd)
{
  char bytes[4096];
  ssize_t n;

  patience = 0;
  do {
    if (!wait_for(fd, POLLIN)) fail_msg("the link stays");
    n = read(fd, bytes, sizeof bytes);
  } while (n > 0);
  close(fd);
}

static uint64_t heard_epoch;

static void
hears_hello(int fd, char const *program)
{
  char line[500];
  struct record r;
  ssize_t n = hear(fd, line, sizeof line);

  assert_true(n > 0 && record_split(&r, line, (size_t)n));
  assert_int_equal(r.n, 5);
  assert_true(slice_is(record_get(&r, 0), "hello"));
  assert_true(slice_is(record_get(&r, 1), program));
  assert_true(slice_is(record_get(&r, 2), TABBER_VERSION));
  assert_true(slice_is(record_get(&r, 3), program + 5));
  heard_epoch = record_u64(&r, 4);
  assert_true(heard_epoch >> 32 > 1000000);
}

#define HELLO_HOSTD "hello\txmpp-hostd\t0.1\thostd\t1\n"
#define HELLO_ROUTED "hello\txmpp-routed\t0.1\trouted\t1\n"
#define STANZA(origin, xml) "stanza\t\t\t\t\t\t\t" origin "\t" xml

static struct node *
server(void)
{
  struct node *n = spawn("xmpp-routed", ROLES_ALL & ~(unsigned int)ROLE_CONTROL);

  expect(n, "ready xmpp-routed");
  return n;
}

static struct node *
client(void)
{
  struct node *n = spawn("xmpp-hostd", 0);

  expect(n, "ready xmpp-hostd");
  return n;
}

/* A link to the server that is up. */
static int
dial_up(struct node *n, char const *hello, char const *up)
{
  int fd = dial();

  hears_hello(fd, "xmpp-routed");
  say(fd, hello);
  expect(n, up);
  return fd;
}

static int
make_dir(void **state)
{
  (void)state;
  if (!mkdtemp(dir)) return -1;
  snprintf(path, sizeof path, "%s/s", dir);
  return 0;
}

static int
remove_dir(void **state)
{
  char lock[sizeof path + 8];

  (void)state;
  snprintf(lock, sizeof lock, "%s.lock", path);
  unlink(path);
  unlink(lock); /* of ipc_bind_reuse */
  return rmdir(dir);
}

static int
stop_all(void **state)
{
  (void)state;
  while (nodes_n)
    stop(&nodes[--nodes_n], SIGKILL);
  return 0;
}

static void
hello(void **state)
{
  struct node *n = server();
  int fd = dial_up(n, HELLO_HOSTD, "up hostd xmpp-hostd");

  (void)state;
  say(fd, "serve\ta.example\nserve\tb\\tc\textra\tfields\n");
  expect(n, "got hostd serve|a.example");
  expect(n, "got hostd serve|b\tc|extra|fields");
  close(fd);
  expect(n, "down hostd");
}

static void
hello_in_pieces(void **state)
{
  struct node *n = server();
  char const text[] = HELLO_HOSTD "serve\ta.example\nserve\tb.example\n";
  int fd = dial();
  size_t i;

  (void)state;
  for (i = 0; i < sizeof text - 1; i++)
    send_bytes(fd, text + i, 1);
  expect(n, "up hostd xmpp-hostd");
  expect(n, "got hostd serve|a.example");
  expect(n, "got hostd serve|b.example");
  close(fd);
}

static void
bad_hellos(void **state)
{
  static char const *const cases[] = {
    "\n",
    "serve\ta\n",
    "hello\n",
    "hello\txmpp-hostd\t0.1\thostd\n",
    "hello\txmpp-hostd\t0.1\t\t1\n",
    "hello\txmpp-nobody\t0.1\tnobody\t1\n",
    "hello\txmpp-ctl\t0.1\tctl\t1\n", /* not on this socket */
    "hello\txmpp-hostd\t0.1\thostd-34567890123456789012345678901\t1\n",
    "hello\txmpp-hostd\t0.1\t\\x\t1\n",
    "HELLO\txmpp-hostd\t0.1\thostd\t1\n",
  };
  struct node *n = server();
  size_t i;

  (void)state;
  for (i = 0; i < sizeof cases / sizeof *cases; i++) {
    int fd = dial();
    say(fd, cases[i]);
    say(fd, "serve\ta\n");
    hears_end(fd);
  }
  close(dial_up(n, HELLO_HOSTD, "up hostd xmpp-hostd")); /* and nothing was told before */
}

static void
no_hello_in_time(void **state)
{
  struct node *n = server();
  int fd = dial();

  (void)state;
  hears_hello(fd, "xmpp-routed");
  order(n, "later 6000000\n");
  hears_end(fd);
}

/* Records that end a link, and others that do not. */
static void
records(void **state)
{
  static struct {
    char const *line, *got; /* got NULL: the link is dropped */
  } const cases[] = {
    {"someday\tx",        ""                 },
    {"",                  ""                 },
    {"serve\ta",          "got hostd serve|a"},
    {"ack\t7",            "got hostd ack|7"  },
    {"serve",             NULL               }, /* a field is missing */
    {"serve\t\\x",        NULL               }, /* no such escape */
    {"serve\ta\r",        NULL               },
    {"session\t1\ta@b/c", NULL               }, /* an edge's to say */
    {"stat\ta\t1",        NULL               }, /* said to ctl only, not to routed */
    {"challenge\t1\tabc", NULL               }, /* an authority's to say, and to an edge */
  };
  struct node *n = server();
  size_t i, bad = 0;

  (void)state;
  for (i = 0; i < sizeof cases / sizeof *cases; i++) {
    int fd = dial_up(n, "hello\txmpp-hostd\t0.1\thostd\t1\n", "up hostd xmpp-hostd");
    char text[200];
    snprintf(text, sizeof text, "%s\nserve\tnext\n", cases[i].line);
    say(fd, text);
    if (!cases[i].got) {
      if (!strcmp(told(n, "down hostd"), "down hostd")) {
        hears_end(fd);
        continue;
      }
      print_error("not refused: %s\n", cases[i].line);
      bad++;
    } else if (*cases[i].got)
      expect(n, cases[i].got);
    expect(n, "got hostd serve|next");
    close(fd);
    expect(n, "down hostd");
  }
  assert_int_equal(bad, 0);
}

/* Dropped in record(): nothing that was behind it arrives, and a connecting link comes
 * back. */
static void
drop_in_record(void **state)
{
  struct node *n = server();
  int fd = dial_up(n, HELLO_HOSTD, "up hostd xmpp-hostd");

  (void)state;
  say(fd, "serve\tdrop-me\nserve\tbehind\nserve\tdrop-me\n");
  expect(n, "got hostd serve|drop-me");
  expect(n, "down hostd");
  hears_end(fd);
  close(dial_up(n, HELLO_HOSTD, "up hostd xmpp-hostd"));
  expect(n, "down hostd");
}

static void
comes_back(void **state)
{
  int door = listening(), fd, i;
  struct node *n = client();

  (void)state;
  for (i = 0; i < 3; i++) {
    fd = accepted(door);
    hears_hello(fd, "xmpp-hostd");
    say(fd, HELLO_ROUTED);
    expect(n, "up routed xmpp-routed");
    hears(fd, "serve\tannounced");
    if (i == 1)
      order(n, "drop\n");
    else
      close(fd);
    expect(n, "down routed");
    if (i == 1) hears_end(fd);
  }
  close(door);
}

/* RECORD_MAX bytes with the newline are a record; a line that grows past it is none. */
static void
long_lines(void **state)
{
  char const head[] = STANZA("hostd:1", "");
  size_t size = RECORD_MAX + 600000, h = sizeof head - 1;
  char *big = malloc(size), want[100];
  struct node *n = server();
  int fd = dial_up(n, HELLO_HOSTD, "up hostd xmpp-hostd");

  (void)state;
  assert_non_null(big);
  memset(big, 'x', size);
  memcpy(big, head, h);
  big[RECORD_MAX - 1] = '\n';
  assert_true(send_bytes(fd, big, RECORD_MAX));
  snprintf(want, sizeof want, "got hostd stanza|||||||hostd:1|%zu", RECORD_MAX - 1 - h);
  expect(n, want);
  big[RECORD_MAX - 1] = 'x';
  send_bytes(fd, big, size);
  expect(n, "down hostd");
  hears_end(fd);
  free(big);
}

/* Nothing leaves before the end of the turn; what was put leaves in order. */
static void
batches(void **state)
{
  struct node *n = server(), *c = client();
  char text[100];
  int i;

  (void)state;
  expect(n, "up hostd xmpp-hostd");
  expect(c, "up routed xmpp-routed");
  expect(n, "got hostd serve|announced");
  order(c, "pending\nserve 0\nserve 1\nserve 2\nserve 3\nserve 4\npending\n");
  expect(c, "pending none");
  expect(c, "pending some");
  for (i = 0; i < 5; i++) {
    snprintf(text, sizeof text, "got hostd serve|%d", i);
    expect(n, text);
  }
  order(c, "pending\n");
  expect(c, "pending none");
}

/* The server is killed: what it has not acknowledged comes again, once, in order, behind
 * what is announced; other records that were put meanwhile do not. */
static void
resends(void **state)
{
  struct node *n = server(), *c = client();

  (void)state;
  expect(n, "up hostd xmpp-hostd");
  expect(c, "up routed xmpp-routed");
  expect(n, "got hostd serve|announced");
  order(c, "stanza one\nserve x\nfanout two\nstanza three\n");
  expect(n, "got hostd stanza|||||||hostd:1|one");
  expect(n, "got hostd serve|x");
  expect(n, "got hostd fanout|||||||hostd:2|two");
  expect(n, "got hostd stanza|||||||hostd:3|three");
  order(n, "ack 1\n");
  expect(c, "got routed ack|1");
  stop(n, SIGKILL);
  expect(c, "down routed");
  order(c, "stanza four\nserve lost\nfanout five\\tish\n");
  n = server();
  expect(c, "up routed xmpp-routed");
  expect(n, "up hostd xmpp-hostd");
  expect(n, "got hostd serve|announced");
  expect(n, "got hostd fanout|||||||hostd:2|two");
  expect(n, "got hostd stanza|||||||hostd:3|three");
  expect(n, "got hostd stanza|||||||hostd:4|four");
  expect(n, "got hostd fanout|||||||hostd:5|five\\tish");
  stop(n, SIGKILL); /* before any acknowledgement: all again */
  expect(c, "down routed");
  n = server();
  expect(c, "up routed xmpp-routed");
  expect(n, "up hostd xmpp-hostd");
  expect(n, "got hostd serve|announced");
  expect(n, "got hostd fanout|||||||hostd:2|two");
  expect(n, "got hostd stanza|||||||hostd:3|three");
  expect(n, "got hostd stanza|||||||hostd:4|four");
  expect(n, "got hostd fanout|||||||hostd:5|five\\tish");
  order(n, "ack 5\n");
  expect(c, "got routed ack|5");
  stop(n, SIGKILL);
  expect(c, "down routed");
  order(c, "stanza six\n");
  n = server();
  expect(c, "up routed xmpp-routed");
  expect(n, "up hostd xmpp-hostd");
  expect(n, "got hostd serve|announced");
  expect(n, "got hostd stanza|||||||hostd:6|six");
}

/* Of a turn that is discarded nothing is said later, and all of earlier ones, also when the
 * room of what was acknowledged is given back in it. */
static void
discards(void **state)
{
  static char const *const turns[] = {"stanza lost\nserve lost\ndiscard\n",
                                      "give-back\nstanza lost\nserve lost\ndiscard\n"};
  struct node *n, *c;
  size_t i;

  (void)state;
  for (i = 0; i < sizeof turns / sizeof *turns; i++) {
    n = server();
    c = client();
    expect(n, "up hostd xmpp-hostd");
    expect(c, "up routed xmpp-routed");
    expect(n, "got hostd serve|announced");
    order(c, "stanza acknowledged and longer than what is behind it\nstanza two\n");
    expect(n, "got hostd stanza|||||||hostd:1|"
              "acknowledged and longer than what is behind it");
    expect(n, "got hostd stanza|||||||hostd:2|two");
    order(n, "ack 1\n");
    expect(c, "got routed ack|1");
    order(c, turns[i]);
    expect(c, "down routed");
    expect(n, "down hostd");
    expect(n, "up hostd xmpp-hostd");
    expect(c, "up routed xmpp-routed");
    expect(n, "got hostd serve|announced");
    expect(n, "got hostd stanza|||||||hostd:2|two");
    order(c, "stanza three\n");
    expect(n, "got hostd stanza|||||||hostd:3|three");
    stop_all(NULL);
  }
}

/* Records that were put before there ever was a server wait for the server. */
static void
waits_for_a_server(void **state)
{
  struct node *c = client(), *n;

  (void)state;
  unlink(path);
  order(c, "stanza early\nserve lost\n");
  order(c, "pending\n");
  expect(c, "pending none");
  n = server();
  expect(n, "up hostd xmpp-hostd");
  expect(n, "got hostd serve|announced");
  expect(n, "got hostd stanza|||||||hostd:1|early");
}

/* The server goes in the midst of a line: the next one gets it whole. */
static void
resends_whole_lines(void **state)
{
  int door = listening(), fd, i;
  struct node *c = client();
  static char line[1100000];
  char want[80];

  (void)state;
  fd = accepted(door);
  hears_hello(fd, "xmpp-hostd");
  say(fd, HELLO_ROUTED);
  expect(c, "up routed xmpp-routed");
  order(c, "megabytes 3\n");
  patience = 0;
  assert_true(wait_for(fd, POLLIN));
  assert_true(read(fd, line, 1000) > 0);
  close(fd);
  expect(c, "down routed");
  fd = accepted(door);
  hears_hello(fd, "xmpp-hostd");
  say(fd, HELLO_ROUTED);
  hears(fd, "serve\tannounced");
  for (i = 1; i <= 3; i++) {
    snprintf(want, sizeof want, STANZA("hostd:%llu", "x"),
             (unsigned long long)(heard_epoch >> 32) * 1000000 + (unsigned long long)i);
    assert_int_equal(hear(fd, line, sizeof line), strlen(want) - 1 + 1000000);
    assert_memory_equal(line, want, strlen(want));
  }
  close(fd);
  close(door);
}

/* Past the high-water mark the owner is told, and again when it is nearly empty. */
static void
back_pressure(void **state)
{
  int door = listening(), fd;
  struct node *c = client();
  static char bytes[1 << 16];
  size_t got = 0;

  (void)state;
  fd = accepted(door);
  hears_hello(fd, "xmpp-hostd");
  say(fd, HELLO_ROUTED);
  expect(c, "up routed xmpp-routed");
  hears(fd, "serve\tannounced");
  order(c, "megabytes 6\n");
  expect(c, "full routed");
  while (got < 6000000) {
    ssize_t r;
    patience = 0;
    assert_true(wait_for(fd, POLLIN));
    r = read(fd, bytes, sizeof bytes);
    assert_true(r > 0);
    got += (size_t)r;
  }
  expect(c, "empty routed");
  close(fd);
  close(door);
}

static void
read_all(int fd, size_t want)
{
  static char bytes[1 << 16];
  size_t got = 0;

  while (got < want) {
    ssize_t r;
    patience = 0;
    assert_true(wait_for(fd, POLLIN));
    r = read(fd, bytes, sizeof bytes);
    assert_true(r > 0);
    got += (size_t)r;
  }
}

/* Records that are read and not acknowledged count, and a paused link hears acknowledgements that
 * come behind other records, which wait. */
static void
unacknowledged(void **state)
{
  int door = listening(), fd, i;
  struct node *c = client();
  char line[64];

  (void)state;
  fd = accepted(door);
  hears_hello(fd, "xmpp-hostd");
  say(fd, HELLO_ROUTED);
  expect(c, "up routed xmpp-routed");
  hears(fd, "serve\tannounced");
  for (i = 0; i < 5; i++) {
    order(c, "megabytes 3\n");
    read_all(fd, 3000000);
  }
  order(c, "pending\npause 1\nmegabytes 3\n");
  expect(c, "pending none");
  expect(c, "full routed");
  for (i = 0; i < 1000; i++)
    say(fd, "feature\thost\tx\n");
  snprintf(line, sizeof line, "ack\t%llu\n",
           (unsigned long long)(heard_epoch >> 32) * 1000000 + 12);
  say(fd, line);
  read_all(fd, 3000000);
  expect(c, "got routed ack|12");
  expect(c, "empty routed");
  order(c, "pause 0\n");
  for (i = 0; i < 1000; i++)
    expect(c, "got routed feature|host|x");
  close(fd);
  close(door);
}

/* Nothing is acknowledged: in time the owner may go on. */
static void
unacknowledged_for_long(void **state)
{
  int door = listening(), fd;
  struct node *c = client();

  (void)state;
  fd = accepted(door);
  hears_hello(fd, "xmpp-hostd");
  say(fd, HELLO_ROUTED);
  expect(c, "up routed xmpp-routed");
  hears(fd, "serve\tannounced");
  order(c, "megabytes 20\n");
  expect(c, "full routed");
  read_all(fd, 20000000);
  expect(c, "empty routed"); /* LINK_LATE_US later */
  close(fd);
  close(door);
}

static void
pauses(void **state)
{
  struct node *n = server();
  int fd = dial_up(n, HELLO_HOSTD, "up hostd xmpp-hostd");

  (void)state;
  order(n, "pause 1\npending\n");
  expect(n, "pending none");
  say(fd, "serve\ta\n");
  order(n, "pending\n"); /* a turn that would have read it */
  expect(n, "pending none");
  order(n, "pending\n");
  expect(n, "pending none");
  order(n, "pause 0\n");
  expect(n, "got hostd serve|a");
  close(fd);
}

/* The one that came up first, not the one that connected first. */
static void
finds_the_first(void **state)
{
  struct node *n = server();
  int early = dial(), late;

  (void)state;
  hears_hello(early, "xmpp-routed");
  order(n, "find 64\n");
  expect(n, "found nobody");
  late = dial_up(n, "hello\txmpp-hostd\t0.1\thostd-2\t1\n", "up hostd-2 xmpp-hostd");
  order(n, "find 64\n");
  expect(n, "found hostd-2");
  say(early, HELLO_HOSTD);
  expect(n, "up hostd xmpp-hostd");
  order(n, "find 64\n");
  expect(n, "found hostd-2");
  close(late);
  expect(n, "down hostd-2");
  order(n, "find 64\n");
  expect(n, "found hostd");
  close(early);
}

/* No hello there; the verbs of ctl, and of nobody else. */
static void
control(void **state)
{
  struct node *n = spawn("xmpp-hostd", ROLE_CONTROL);
  int fd, many[SERVICE_CONTROLS_MAX], i;

  (void)state;
  expect(n, "ready xmpp-hostd");
  fd = dial();
  expect(n, "up ctl xmpp-ctl");
  say(fd, "stats\n");
  expect(n, "got ctl stats");
  hears(fd, "stat\tlinks\t1");
  hears(fd, "done");
  say(fd, "serve\ta.example\n");
  expect(n, "down ctl");
  hears_end(fd);
  for (i = 0; i < SERVICE_CONTROLS_MAX; i++) {
    many[i] = dial();
    expect(n, "up ctl xmpp-ctl");
  }
  hears_end(dial());
  for (i = 0; i < SERVICE_CONTROLS_MAX; i++) {
    close(many[i]);
    expect(n, "down ctl");
  }
  fd = dial();
  expect(n, "up ctl xmpp-ctl");
  close(fd);
}

int
main(void)
{
  struct CMUnitTest const tests[] = {
    cmocka_unit_test_teardown(hello, stop_all),
    cmocka_unit_test_teardown(hello_in_pieces, stop_all),
    cmocka_unit_test_teardown(bad_hellos, stop_all),
    cmocka_unit_test_teardown(no_hello_in_time, stop_all),
    cmocka_unit_test_teardown(records, stop_all),
    cmocka_unit_test_teardown(drop_in_record, stop_all),
    cmocka_unit_test_teardown(comes_back, stop_all),
    cmocka_unit_test_teardown(long_lines, stop_all),
    cmocka_unit_test_teardown(batches, stop_all),
    cmocka_unit_test_teardown(resends, stop_all),
    cmocka_unit_test_teardown(discards, stop_all),
    cmocka_unit_test_teardown(waits_for_a_server, stop_all),
    cmocka_unit_test_teardown(resends_whole_lines, stop_all),
    cmocka_unit_test_teardown(back_pressure, stop_all),
    cmocka_unit_test_teardown(unacknowledged, stop_all),
    cmocka_unit_test_teardown(unacknowledged_for_long, stop_all),
    cmocka_unit_test_teardown(pauses, stop_all),
    cmocka_unit_test_teardown(finds_the_first, stop_all),
    cmocka_unit_test_teardown(control, stop_all),
  };
  signal(SIGPIPE, SIG_IGN);
  return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
