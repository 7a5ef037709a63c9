#include "yaml/yaml.h"

#include <skalibs/djbunix.h>
#include <skalibs/stralloc.h>
#include <skalibs/strerr.h>

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

char const *PROG = "test";

static char top[] = "/tmp/tabber-yaml-XXXXXX";
static char path[sizeof top + 8];
static struct arena arena;

/* The last thing that was said, and how many there were. */
static struct {
  unsigned int n, line, col;
  char text[256];
} said;

static void
say(char const *file, unsigned int line, unsigned int col, char const *what,
    char const *text)
{
  (void)file;
  assert_string_equal(what, "error");
  assert_true(line >= 1 && col >= 1);
  said.n++;
  said.line = line;
  said.col = col;
  snprintf(said.text, sizeof said.text, "%s", text);
}

static int
group_start(void **state)
{
  (void)state;
  if (!mkdtemp(top)) return -1;
  snprintf(path, sizeof path, "%s/f.yml", top);
  return 0;
}

static int
group_end(void **state)
{
  (void)state;
  rm_rf(top);
  return 0;
}

static int
wipe(void **state)
{
  (void)state;
  arena_wipe(&arena);
  return 0;
}

static struct yaml_node *
read_bytes(char const *s, size_t len)
{
  struct yaml_node *n;

  assert_true(openwritenclose_unsafe(path, s, len));
  memset(&said, 0, sizeof said);
  errno = 1;
  n = yaml_read(&arena, path, say);
  assert_int_equal(n == NULL, said.n > 0);
  return n;
}

static struct yaml_node *
read_text(char const *s)
{
  return read_bytes(s, strlen(s));
}

static void
refused(char const *s, unsigned int line, unsigned int col, char const *part)
{
  assert_null(read_text(s));
  assert_int_equal(errno, 0);
  if ((line && said.line != line) || (col && said.col != col) || !strstr(said.text, part))
    fail_msg("%s: %u:%u %s", s, said.line, said.col, said.text);
}

/* ---- a tree as text: {key:value ...} [...], strings in quotes when they were ---- */

static bool broken; /* the last child is not the one that last says */

static void
show(stralloc *sa, struct yaml_node const *n)
{
  struct yaml_node const *c;

  if (n->kind == YAML_SCALAR) {
    if (!stralloc_cats(sa, n->quoted ? "\"" : "") ||
        !stralloc_catb(sa, n->text.s, n->text.len) ||
        !stralloc_cats(sa, n->quoted ? "\"" : ""))
      fail();
    return;
  }
  if (!stralloc_cats(sa, n->kind == YAML_MAP ? "{" : "[")) fail();
  for (c = n->first; c; c = c->next) {
    if (n->kind == YAML_MAP &&
        (!stralloc_catb(sa, c->key.s, c->key.len) || !stralloc_cats(sa, ":")))
      fail();
    show(sa, c);
    if (c->next && !stralloc_cats(sa, " ")) fail();
    if (!c->next && n->last != c) broken = true;
  }
  if (!stralloc_cats(sa, n->kind == YAML_MAP ? "}" : "]")) fail();
}

static void
tree_is(struct yaml_node const *n, char const *want)
{
  stralloc sa = STRALLOC_ZERO;

  if (!n) fail_msg("%u:%u %s, not %s", said.line, said.col, said.text, want);
  show(&sa, n);
  if (!stralloc_0(&sa)) fail();
  assert_string_equal(sa.s, want);
  assert_false(broken);
  stralloc_free(&sa);
}

static void
trees(void **state)
{
  (void)state;
  tree_is(read_text("a: 1\nb: [2, x y]\nc:\n  d: {}\n  e: []\n"),
          "{a:1 b:[2 x y] c:{d:{} e:[]}}");
  tree_is(read_text("a: \"1\"\nb: '2'\nc: |\n  t\nd:\ne: ~\n"),
          "{a:\"1\" b:2 c:\"t\n\" d: e:~}");
  tree_is(read_text("\"q\": 1\n'r': 2\n"), "{q:1 r:2}");
  tree_is(read_text("---\na: 1\n...\n"), "{a:1}");
  tree_is(read_text("# only\na: 1 # comment\n"), "{a:1}");
  tree_is(read_text("\xef\xbb\xbf"
                    "a: \xc3\xa9\n"),
          "{a:\xc3\xa9}");
  tree_is(read_text("a: 1\r\nb: 2\r\n"), "{a:1 b:2}");
  assert_int_equal(errno, 0);
}

static void
get(void **state)
{
  struct yaml_node *n = read_text("a: 1\nb: [2]\n");

  (void)state;
  assert_non_null(n);
  assert_true(slice_is(yaml_get(n, "a")->text, "1"));
  assert_null(yaml_get(n, "c"));
  assert_null(yaml_get(n, ""));
  assert_null(yaml_get(yaml_get(n, "b"), "2"));
  assert_null(yaml_get(yaml_get(n, "a"), "1"));
  assert_null(yaml_get(NULL, "a"));
}

static void
is_at(struct yaml_node const *n, unsigned int key_line, unsigned int key_col,
      unsigned int line, unsigned int col)
{
  assert_non_null(n);
  assert_string_equal(n->file, path);
  assert_int_equal(n->key_line, key_line);
  assert_int_equal(n->key_col, key_col);
  assert_int_equal(n->line, line);
  assert_int_equal(n->col, col);
}

static void
positions(void **state)
{
  struct yaml_node const *n =
                           read_text("# c\na: 1\n\nlist:\n  - x\n  -\n    k: \xc3\xa9 v\n"
                                     "flow: {p: [q,  r]}\nz:\n"),
                         *c;

  (void)state;
  is_at(yaml_get(n, "a"), 2, 1, 2, 4);
  c = yaml_get(n, "list");
  is_at(c, 4, 1, 5, 3);
  is_at(c->first, 0, 0, 5, 5);
  is_at(yaml_get(c->first->next, "k"), 7, 5, 7, 8);
  c = yaml_get(yaml_get(n, "flow"), "p");
  is_at(c, 8, 8, 8, 11);
  is_at(c->last, 0, 0, 8, 16);
}

/* ---- the same key twice ---- */

/* Join all maps of a tree. */
static bool
join_all(struct yaml_node *n)
{
  struct yaml_node *c;
  bool ok = n->kind != YAML_MAP || yaml_join(n, false, say);

  for (c = n->first; c; c = c->next)
    ok = join_all(c) && ok;
  return ok;
}

static void
joins(char const *s, char const *want)
{
  struct yaml_node *n = read_text(s);

  assert_non_null(n);
  assert_true(join_all(n));
  tree_is(n, want);
}

static void
joins_not(char const *s, unsigned int line, unsigned int col, char const *part)
{
  struct yaml_node *n = read_text(s);

  assert_non_null(n);
  assert_false(join_all(n));
  assert_int_equal(said.line, line);
  assert_int_equal(said.col, col);
  assert_non_null(strstr(said.text, part));
}

/* As it was read, all pairs are there. */
static void
pairs(void **state)
{
  struct yaml_node *n;

  (void)state;
  n = read_text("a: {k: 1, k: 2, k: [3]}\na: x\n");
  tree_is(n, "{a:{k:1 k:2 k:[3]} a:x}");
  assert_true(slice_is(yaml_get(n->first, "k")->text, "1"));
  n = read_text("a: [1]\nb: 1\na: [2]\n");
  assert_false(yaml_join(n, true, say));
  tree_is(n, "{a:[1] b:1}");
  n = read_text("a: {k: 1}\na: {k: 2}\n");
  assert_true(yaml_join(n, false, say));
  tree_is(n, "{a:{k:1 k:2}}");
}

static void
joined(void **state)
{
  (void)state;
  joins("a: [1]\nb: x\na: [2, 3]\n", "{a:[1 2 3] b:x}");
  joins("a: {k: 1}\na: {l: 2}\na: {m: {}}\n", "{a:{k:1 l:2 m:{}}}");
  joins("a: {k: [1]}\na: {k: [2]}\n", "{a:{k:[1 2]}}");
  joins("a: {}\na: {l: 2}\na: {}\n", "{a:{l:2}}");
  joins("a: []\na: []\na: [1]\n", "{a:[1]}");
}

static void
duplicates(void **state)
{
  (void)state;
  joins_not("a: 1\nb: 2\na: 1\n", 3, 1, "a is given twice; the first is in line 1");
  joins_not("a: 1\na: [1]\n", 2, 1, "twice");
  joins_not("a: {}\na: []\n", 2, 1, "twice");
  joins_not("a: {k: 1}\na: {k: 1}\n", 2, 5, "k is given twice; the first is in line 1");
  joins_not("a:\n  - {k: 1, k: 2}\n", 2, 12, "k is given twice");
}

/* ---- aliases ---- */

static void
aliases(void **state)
{
  struct yaml_node const *n;

  (void)state;
  n = read_text("a: &x [1, {k: 2}]\nb: *x\nc: &y word\nd: *y\ne: [*y, *x]\n");
  tree_is(n, "{a:[1 {k:2}] b:[1 {k:2}] c:word d:word e:[word [1 {k:2}]]}");
  is_at(yaml_get(n, "b"), 2, 1, 2, 4);
  is_at(yaml_get(n, "d"), 4, 1, 4, 4);
  tree_is(read_text("a: &x 1\nb: &x 2\nc: *x\n"), "{a:1 b:2 c:2}");
  tree_is(read_text("a: &x \"1\"\nb: *x\n"), "{a:\"1\" b:\"1\"}");
  refused("a: *x\n", 1, 4, "no anchor above");
  refused("a: &x [1, *x]\n", 1, 11, "no anchor above"); /* inside itself */
  refused("a: &x {k: *x}\n", 1, 11, "no anchor above");
  refused("a: &x {k: 1}\nb:\n  <<: *x\n", 3, 3, "merge keys");
}

typedef void child_fn(void);

/* In a child that may be killed: what is tested may not end. */
static void
ends_well(child_fn *fn)
{
  pid_t pid = fork();
  int status;

  assert_true(pid >= 0);
  if (!pid) {
    alarm(5);
    fn();
    _exit(0);
  }
  assert_int_equal(waitpid(pid, &status, 0), pid);
  if (WIFSIGNALED(status)) fail_msg("signal %d", WTERMSIG(status));
  assert_int_equal(WEXITSTATUS(status), 0);
}

static void
shows(char const *text, char const *want)
{
  struct yaml_node *n;
  stralloc sa = STRALLOC_ZERO;

  if (!openwritenclose_unsafe(path, text, strlen(text))) _exit(2);
  n = yaml_read(&arena, path, say);
  if (!n || !join_all(n)) _exit(3);
  show(&sa, n);
  if (!stralloc_0(&sa) || strcmp(sa.s, want) || broken) _exit(4);
  stralloc_free(&sa);
  arena_wipe(&arena);
}

/* Joining does not reach into what an alias shares. */
static void
join_aliases(void)
{
  shows("a: &x [1, 2]\nb: *x\nb: [3]\n", "{a:[1 2] b:[1 2 3]}");
  shows("a: &x [1, 2]\nb: [0]\nb: *x\nb: [3]\n", "{a:[1 2] b:[0 1 2 3]}");
  shows("a: &x {k: [1]}\nb: *x\nb: {k: [2], l: 3}\n", "{a:{k:[1]} b:{k:[1 2] l:3}}");
}

static void
join_alias_with_itself(void)
{
  shows("a: &x [1, 2]\nb: *x\nb: *x\n", "{a:[1 2] b:[1 2 1 2]}");
}

static void
join_map_with_itself(void)
{
  shows("a: &x {k: [1]}\na: *x\n", "{a:{k:[1 1]}}");
}

static void
joined_aliases(void **state)
{
  (void)state;
  ends_well(join_aliases);
  ends_well(join_alias_with_itself);
  ends_well(join_map_with_itself);
}

/* ---- limits ---- */

static void
add(stralloc *sa, char const *s)
{
  if (!stralloc_cats(sa, s)) fail();
}

/* Ten lines that would be 10^10 values. */
static void
bomb(void **state)
{
  stralloc sa = STRALLOC_ZERO;
  char line[64];
  unsigned int i, j;

  (void)state;
  add(&sa, "a0: &a0 [x]\n");
  for (i = 1; i <= 10; i++) {
    snprintf(line, sizeof line, "a%u: &a%u [*a%u", i, i, i - 1);
    add(&sa, line);
    for (j = 1; j < 10; j++) {
      snprintf(line, sizeof line, ", *a%u", i - 1);
      add(&sa, line);
    }
    add(&sa, "]\n");
  }
  assert_null(read_bytes(sa.s, sa.len));
  assert_non_null(strstr(said.text, "too many values"));
  stralloc_free(&sa);
}

static void
depth(void **state)
{
  stralloc sa = STRALLOC_ZERO;
  unsigned int i, n;

  (void)state;
  /* The top is depth 1, its value 2... */
  for (n = YAML_DEPTH_MAX - 2; n <= YAML_DEPTH_MAX; n++) {
    sa.len = 0;
    add(&sa, "a: ");
    for (i = 0; i < n; i++)
      add(&sa, "[");
    for (i = 0; i < n; i++)
      add(&sa, "]");
    add(&sa, "\n");
    if (n == YAML_DEPTH_MAX) {
      assert_null(read_bytes(sa.s, sa.len));
      assert_non_null(strstr(said.text, "too deep"));
    } else if (n < YAML_DEPTH_MAX - 1)
      assert_non_null(read_bytes(sa.s, sa.len));
    else
      read_bytes(sa.s, sa.len);
    wipe(NULL);
  }
  sa.len = 0;
  add(&sa, "a: ");
  for (i = 0; i < 100000; i++)
    add(&sa, "[");
  assert_null(read_bytes(sa.s, sa.len));
  stralloc_free(&sa);
}

/* A list of n values, with map, list and key beside them. */
static struct yaml_node *
read_values(unsigned int n)
{
  stralloc sa = STRALLOC_ZERO;
  struct yaml_node *top_node;
  unsigned int i;

  add(&sa, "a:\n");
  for (i = 0; i < n; i++)
    add(&sa, " - x\n");
  top_node = read_bytes(sa.s, sa.len);
  stralloc_free(&sa);
  return top_node;
}

static void
nodes(void **state)
{
  (void)state;
  assert_non_null(read_values(YAML_NODES_MAX - 3));
  wipe(NULL);
  assert_null(read_values(YAML_NODES_MAX - 2));
  assert_non_null(strstr(said.text, "too many values"));
}

static void
bytes(void **state)
{
  char *s = malloc(YAML_BYTES_MAX + 1);

  (void)state;
  assert_non_null(s);
  memset(s, '#', YAML_BYTES_MAX + 1);
  memcpy(s, "a: 1\n", 5);
  tree_is(read_bytes(s, YAML_BYTES_MAX), "{a:1}");
  assert_null(read_bytes(s, YAML_BYTES_MAX + 1));
  assert_int_equal(errno, 0);
  assert_non_null(strstr(said.text, "4 MiB"));
  free(s);
}

/* ---- what is refused ---- */

static void
bad_files(void **state)
{
  static char const binary[] = "\x7f"
                               "ELF\2\1\1\0\0\0\0\0\0\0\0\0\2\0>\0\1";
  unsigned char noise[4096];
  unsigned int i, round;

  (void)state;
  refused("a:\n\tb: 1\n", 2, 1, "YAML forbids tabs as indentation");
  refused("a: 1\n---\nb: 2\n", 2, 1, "second document");
  refused("- a\n- b\n", 1, 1, "must be a mapping");
  refused("word\n", 1, 1, "must be a mapping");
  refused("", 1, 1, "must be a mapping");
  refused("# nothing\n", 1, 1, "must be a mapping");
  refused("[a]: 1\n", 1, 1, "a key must be a word");
  refused("? {a: b}\n: 1\n", 1, 3, "a key must be a word");
  refused("a: [1\n", 0, 0, "");
  refused("a: \"x\n", 0, 0, "");
  refused("a: b: c\n", 1, 0, "");
  refused("a: 1\n b: 2\n", 2, 0, "");
  refused("a: @x\n", 1, 4, "");
  refused("a: \xff\n", 0, 0, "");
  refused("a: \xed\xa0\x80\n", 0, 0, "");
  refused("%YAML 3.0\n---\na: 1\n", 0, 0, "");
  assert_null(read_bytes(binary, sizeof binary));
  assert_null(read_bytes("a: \0\n", 5));
  assert_null(read_bytes("\xff\xfe"
                         "a\0:\0 \0"
                         "1\0\n\0",
                         12)); /* UTF-16 */
  srand(1);
  for (round = 0; round < 200; round++) {
    for (i = 0; i < sizeof noise; i++)
      noise[i] = (unsigned char)rand();
    assert_null(read_bytes((char const *)noise, sizeof noise));
  }
}

static void
no_files(void **state)
{
  (void)state;
  memset(&said, 0, sizeof said);
  assert_null(yaml_read(&arena, top, say));
  assert_int_equal(errno, EISDIR);
  assert_int_equal(said.n, 1);
  assert_null(yaml_read(&arena, "/nonexistent/file", say));
  assert_int_equal(errno, ENOENT);
  assert_int_equal(said.n, 2);
}

/* ---- macros ---- */

static struct yaml_node *
expanded(char const *s)
{
  struct yaml_node *n = read_text(s);

  assert_non_null(n);
  return yaml_expand(&arena, n, yaml_get(n, "m"), say) ? n : NULL;
}

static void
macros(void **state)
{
  struct yaml_node const *n;

  (void)state;
  n = expanded("m:\n  X: 5\n  L: [1, 2]\na: X\nb: [X, Xx, L]\nc: {X: L}\n");
  tree_is(n, "{m:{X:5 L:[1 2]} a:5 b:[5 Xx [1 2]] c:{X:[1 2]}}");
  is_at(yaml_get(n, "a"), 4, 1, 4, 4); /* the value keeps its place */
  assert_string_equal(yaml_get(n, "a")->macro, "X");
  assert_null(yaml_get(n, "b")->macro);
  tree_is(expanded("m: {A: B, B: [C, C], C: 1}\na: A\n"),
          "{m:{A:B B:[C C] C:1} a:[1 1]}");
  tree_is(expanded("m: {}\na: A\n"), "{m:{} a:A}");
  tree_is(expanded("a: A\n"), "{a:A}");           /* no macros */
  tree_is(expanded("m: A\na: A\n"), "{m:A a:A}"); /* not a map of them */
  tree_is(expanded("m: {A: {k: 1}}\na: A\nb: A\n"), "{m:{A:{k:1}} a:{k:1} b:{k:1}}");
}

static void
circle(char const *s)
{
  assert_null(expanded(s));
  assert_int_equal(said.n, 1);
  assert_non_null(strstr(said.text, "contain themselves"));
  wipe(NULL);
}

static void
circles(void **state)
{
  (void)state;
  circle("m: {A: A}\na: A\n");
  circle("m: {A: B, B: A}\na: [B]\n");
  circle("m: {A: [A]}\na: A\n");
  circle("m: {A: [A, A]}\na: A\n");
  circle("m: {A: {k: B}, B: [1, A]}\na: A\n");
  /* Not a circle, but 2^40 values. */
  circle("m: {A: [B, B, B, B, B, B, B, B], B: [C, C, C, C, C, C, C, C],\n"
         " C: [D, D, D, D, D, D, D, D], D: [E, E, E, E, E, E, E, E],\n"
         " E: [F, F, F, F, F, F, F, F], F: [G, G, G, G, G, G, G, G], G: 1}\na: A\n");
}

int
main(void)
{
  struct CMUnitTest const tests[] = {
    cmocka_unit_test_teardown(trees, wipe),
    cmocka_unit_test_teardown(get, wipe),
    cmocka_unit_test_teardown(positions, wipe),
    cmocka_unit_test_teardown(pairs, wipe),
    cmocka_unit_test_teardown(joined, wipe),
    cmocka_unit_test_teardown(duplicates, wipe),
    cmocka_unit_test_teardown(aliases, wipe),
    cmocka_unit_test_teardown(joined_aliases, wipe),
    cmocka_unit_test_teardown(bomb, wipe),
    cmocka_unit_test_teardown(depth, wipe),
    cmocka_unit_test_teardown(nodes, wipe),
    cmocka_unit_test_teardown(bytes, wipe),
    cmocka_unit_test_teardown(bad_files, wipe),
    cmocka_unit_test_teardown(no_files, wipe),
    cmocka_unit_test_teardown(macros, wipe),
    cmocka_unit_test_teardown(circles, wipe),
  };
  return cmocka_run_group_tests(tests, group_start, group_end);
}
