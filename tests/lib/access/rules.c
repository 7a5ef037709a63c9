#include "access/access.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

char const *PROG = "test";

static char dir[] = "/tmp/tabber-access-XXXXXX";
static char file[sizeof dir + 8];

static int
make_dir(void **state)
{
  (void)state;
  if (!mkdtemp(dir)) return -1;
  snprintf(file, sizeof file, "%s/prog", dir);
  return 0;
}

static int
remove_dir(void **state)
{
  (void)state;
  unlink(file);
  return rmdir(dir);
}

static void
open_text(struct settings *st, char const *text)
{
  FILE *f = fopen(file, "w");

  assert_non_null(f);
  assert_int_equal(fwrite(text, 1, strlen(text), f), strlen(text));
  assert_int_equal(fclose(f), 0);
  assert_true(settings_open(st, dir, "prog"));
}

/* local@domain/resource and an address; each part may be "". */
struct asker {
  char const *local, *domain, *resource, *ip;
};

static struct access_who
who_of(struct asker const *k)
{
  return (struct access_who){slice_str(k->local), slice_str(k->domain),
                             slice_str(k->resource), slice_str(k->ip)};
}

struct expectation {
  char const *rule, *host;
  struct asker asker;
  char const *word;
};

static void
expect_all(char const *text, struct expectation const *v, size_t n)
{
  struct settings st = SETTINGS_ZERO;
  struct access *a;
  size_t i;

  open_text(&st, text);
  a = access_load(&st);
  assert_non_null(a);
  for (i = 0; i < n; i++) {
    struct access_who who = who_of(&v[i].asker);
    struct slice got =
      access_check(a, slice_str(v[i].rule), slice_str(v[i].host), &who, NULL);
    if (!slice_is(got, v[i].word))
      fail_msg("%zu: %s for %s@%s/%s from %s: %.*s, not %s", i, v[i].rule,
               v[i].asker.local, v[i].asker.domain, v[i].asker.resource, v[i].asker.ip,
               (int)got.len, got.len ? got.s : "", v[i].word);
    assert_int_equal(access_allows(a, slice_str(v[i].rule), slice_str(v[i].host), &who),
                     !strcmp(v[i].word, "allow"));
  }
  access_free(a);
  settings_close(&st);
}

#define EXPECT(text, v) expect_all(text, v, sizeof v / sizeof *v)

/* Each type has a rule that allows those for whom its only condition holds. */
static void
types(void **state)
{
  static struct expectation const v[] = {
    {"user",            "a.example", {"u", "a.example", "r", ""},       "allow"},
    {"user",            "a.example", {"v", "a.example", "r", ""},       ""     },
    {"user",            "a.example", {"u", "b.example", "r", ""},       ""     },
    {"user",            "a.example", {"", "a.example", "", ""},         ""     },
 /* without a host: at any that is served */
    {"user-any",        "a.example", {"u", "a.example", "", ""},        "allow"},
    {"user-any",        "a.example", {"u", "b.example", "", ""},        "allow"},
    {"user-any",        "a.example", {"u", "far.example", "", ""},      ""     },
    {"user-empty",      "a.example", {"u", "a.example", "", ""},        ""     },
    {"user_regexp",     "a.example", {"abc", "a.example", "", ""},      "allow"},
    {"user_regexp",     "a.example", {"xabc", "a.example", "", ""},     ""     },
    {"user_regexp",     "a.example", {"abc", "b.example", "", ""},      ""     },
    {"local",           "a.example", {"anyone", "b.example", "", ""},   "allow"},
    {"local",           "a.example", {"anyone", "far.example", "", ""}, ""     },
    {"local",           "a.example", {"", "a.example", "", ""},         ""     },
    {"user_glob",       "a.example", {"test1", "b.example", "", ""},    "allow"},
    {"user_glob",       "a.example", {"atest1", "b.example", "", ""},   ""     },
    {"user_glob",       "a.example", {"test12", "b.example", "", ""},   ""     },
    {"user_glob",       "a.example", {"test1", "far.example", "", ""},  ""     },
    {"server",          "a.example", {"u", "far.example", "", ""},      "allow"},
    {"server",          "a.example", {"", "far.example", "", ""},       "allow"},
    {"server",          "a.example", {"u", "x.far.example", "", ""},    ""     },
    {"server_regexp",   "a.example", {"u", "x.far.example", "", ""},    "allow"},
    {"server_regexp",   "a.example", {"u", "far.test", "", ""},         ""     },
    {"server_glob",     "a.example", {"u", "x.test", "", ""},           "allow"},
    {"server_glob",     "a.example", {"u", "x.test.example", "", ""},   ""     },
    {"resource",        "a.example", {"u", "a.example", "phone", ""},   "allow"},
    {"resource",        "a.example", {"u", "a.example", "Phone", ""},   ""     },
    {"resource",        "a.example", {"u", "a.example", "", ""},        ""     },
    {"resource_regexp", "a.example", {"u", "a.example", "bot-1", ""},   "allow"},
    {"resource_regexp", "a.example", {"u", "a.example", "robot-1", ""}, ""     },
    {"resource_glob",   "a.example", {"u", "a.example", "a/b", ""},     "allow"},
    {"resource_glob",   "a.example", {"u", "a.example", "b", ""},       ""     },
    {"node_regexp",     "a.example", {"x1", "far.example", "", ""},     "allow"},
    {"node_regexp",     "a.example", {"x1", "near.test", "", ""},       ""     },
    {"node_regexp",     "a.example", {"y1", "far.example", "", ""},     ""     },
    {"node_glob",       "a.example", {"x1", "far.example", "", ""},     "allow"},
    {"node_glob",       "a.example", {"y1", "far.example", "", ""},     ""     },
    {"node_glob",       "a.example", {"x1", "far.test", "", ""},        ""     },
    {"all",             "a.example", {"", "", "", ""},                  "allow"},
    {"none",            "a.example", {"u", "a.example", "r", "::1"},    ""     },
    {"said-all",        "a.example", {"", "far.example", "", ""},       "allow"},
    {"said-none",       "a.example", {"u", "a.example", "", ""},        ""     },
    {"group",           "a.example", {"u", "a.example", "", ""},        ""     },
  };

  (void)state;
  EXPECT("host\t*\ta.example\n"
         "host\t*\tb.example\n"
         "rule\t*\tuser\t1\tallow\tuser\tu\ta.example\n"
         "rule\t*\tuser-any\t1\tallow\tuser\tu\t\n"
         "rule\t*\tuser-empty\t1\tallow\tuser\t\t\n"
         "rule\t*\tuser_regexp\t1\tallow\tuser_regexp\t^ab\ta.example\n"
         "rule\t*\tlocal\t1\tallow\tuser_regexp\t\t\n"
         "rule\t*\tuser_glob\t1\tallow\tuser_glob\ttest?\t\n"
         "rule\t*\tserver\t1\tallow\tserver\tfar.example\t\n"
         "rule\t*\tserver_regexp\t1\tallow\tserver_regexp\t\\\\.far\\\\.example$\t\n"
         "rule\t*\tserver_glob\t1\tallow\tserver_glob\t*.test\t\n"
         "rule\t*\tresource\t1\tallow\tresource\tphone\t\n"
         "rule\t*\tresource_regexp\t1\tallow\tresource_regexp\t^bot\t\n"
         "rule\t*\tresource_glob\t1\tallow\tresource_glob\t[!b]*\t\n"
         "rule\t*\tnode_regexp\t1\tallow\tnode_regexp\t^x\texample$\n"
         "rule\t*\tnode_glob\t1\tallow\tnode_glob\tx*\t*.example\n"
         "rule\t*\tsaid-all\t1\tallow\tall\t\t\n"
         "rule\t*\tsaid-none\t1\tallow\tnone\t\t\n"
         "rule\t*\tgroup\t1\tallow\tshared_group\tg\ta.example\n",
         v);
}

/* IPv4 and the same in IPv6 are one; bits behind a mask do not matter. */
static void
addresses(void **state)
{
  static struct expectation const v[] = {
    {"v4",     "h", {"", "", "", "10.1.2.3"},              "allow"},
    {"v4",     "h", {"", "", "", "::ffff:10.1.2.3"},       "allow"},
    {"v4",     "h", {"", "", "", "::FFFF:10.255.255.255"}, "allow"},
    {"v4",     "h", {"", "", "", "11.0.0.0"},              ""     },
    {"v4",     "h", {"", "", "", "9.255.255.255"},         ""     },
    {"v4",     "h", {"", "", "", "::a01:203"},             ""     },
    {"v4",     "h", {"", "", "", ""},                      ""     },
    {"v4",     "h", {"", "", "", "10.1.2"},                ""     },
    {"odd",    "h", {"", "", "", "192.0.2.65"},            "allow"},
    {"odd",    "h", {"", "", "", "192.0.2.126"},           "allow"},
    {"odd",    "h", {"", "", "", "192.0.2.127"},           "allow"},
    {"odd",    "h", {"", "", "", "192.0.2.63"},            ""     },
    {"odd",    "h", {"", "", "", "192.0.2.128"},           ""     },
    {"one",    "h", {"", "", "", "192.0.2.1"},             "allow"},
    {"one",    "h", {"", "", "", "192.0.2.0"},             ""     },
    {"any4",   "h", {"", "", "", "203.0.113.9"},           "allow"},
    {"any4",   "h", {"", "", "", "2001:db8::1"},           ""     },
    {"any",    "h", {"", "", "", "203.0.113.9"},           "allow"},
    {"any",    "h", {"", "", "", "2001:db8::1"},           "allow"},
    {"any",    "h", {"", "", "", ""},                      ""     },
    {"v6",     "h", {"", "", "", "2001:db8:0:7fff::1"},    "allow"},
    {"v6",     "h", {"", "", "", "2001:db8:0:8000::1"},    ""     },
    {"v6",     "h", {"", "", "", "32.1.13.184"},           ""     },
    {"v6one",  "h", {"", "", "", "::1"},                   "allow"},
    {"v6one",  "h", {"", "", "", "0:0:0:0:0:0:0:1"},       "allow"},
    {"v6one",  "h", {"", "", "", "127.0.0.1"},             ""     },
    {"mapped", "h", {"", "", "", "127.0.0.1"},             "allow"},
    {"mapped", "h", {"", "", "", "::ffff:127.0.0.1"},      "allow"},
    {"mapped", "h", {"", "", "", "127.0.0.2"},             ""     },
  };

  (void)state;
  EXPECT("rule\t*\tv4\t1\tallow\tip\t10.9.8.7/8\t\n"
         "rule\t*\todd\t1\tallow\tip\t192.0.2.64/26\t\n"
         "rule\t*\tone\t1\tallow\tip\t192.0.2.1\t\n"
         "rule\t*\tany4\t1\tallow\tip\t0.0.0.0/0\t\n"
         "rule\t*\tany\t1\tallow\tip\t::/0\t\n"
         "rule\t*\tv6\t1\tallow\tip\t2001:db8::/49\t\n"
         "rule\t*\tv6one\t1\tallow\tip\t::1/128\t\n"
         "rule\t*\tmapped\t1\tallow\tip\t::FFFF:127.0.0.1/128\t\n",
         v);
}

/* Rows of an acl: any. Rows of one number: all. Numbers in their order: the first. */
static void
and_or(void **state)
{
  static struct expectation const v[] = {
    {"or",      "h", {"u", "h", "", ""},          "allow"},
    {"or",      "h", {"v", "h", "", ""},          "allow"},
    {"or",      "h", {"w", "h", "", "10.0.0.1"},  "allow"},
    {"or",      "h", {"w", "h", "", "11.0.0.1"},  ""     },
    {"and",     "h", {"u", "h", "", "10.0.0.1"},  "allow"},
    {"and",     "h", {"u", "h", "", "11.0.0.1"},  ""     },
    {"and",     "h", {"v", "h", "", "10.0.0.1"},  ""     },
    {"and",     "h", {"u", "h", "", ""},          ""     },
 /* two values of one type in one condition: both */
    {"twice",   "h", {"u", "h", "", ""},          ""     },
    {"twice",   "h", {"v", "h", "", ""},          ""     },
    {"acl-and", "h", {"u", "h", "r", "10.0.0.1"}, "allow"},
    {"acl-and", "h", {"u", "h", "x", "10.0.0.1"}, ""     },
    {"first",   "h", {"u", "h", "", ""},          "deny" },
    {"first",   "h", {"v", "h", "", ""},          "deny" },
    {"first",   "h", {"w", "h", "", ""},          "allow"},
    {"nobody",  "h", {"u", "h", "", ""},          ""     },
    {"nobody2", "h", {"u", "h", "", ""},          "allow"},
    {"missing", "h", {"u", "h", "", ""},          ""     },
    {"",        "h", {"u", "h", "", ""},          ""     },
    {"fir",     "h", {"w", "h", "", ""},          ""     },
  };

  (void)state;
  EXPECT("host\t*\th\n"
         "acl\t*\tuv\tuser\tu\t\n"
         "acl\t*\tuv\tuser\tv\t\n"
         "acl\t*\tuv\tip\t10.0.0.0/8\t\n"
         "acl\t*\tr\tresource\tr\t\n"
         "acl\t*\tonly-u\tuser\tu\t\n"
         "acl\t*\tonly-v\tuser\tv\t\n"
         "rule\t*\tor\t1\tallow\tacl\tuv\t\n"
         "rule\t*\tand\t1\tallow\tuser\tu\t\n"
         "rule\t*\tand\t1\tallow\tip\t10.0.0.0/8\t\n"
         "rule\t*\ttwice\t1\tallow\tuser\tu\t\n"
         "rule\t*\ttwice\t1\tallow\tuser\tv\t\n"
         "rule\t*\tacl-and\t1\tallow\tacl\tuv\t\n"
         "rule\t*\tacl-and\t1\tallow\tacl\tr\t\n"
         "rule\t*\tfirst\t1\tdeny\tacl\tonly-u\t\n"
         "rule\t*\tfirst\t2\tdeny\tacl\tonly-v\t\n"
         "rule\t*\tfirst\t3\tallow\tall\t\t\n"
         "rule\t*\tnobody\t1\tallow\tacl\tnot-there\t\n"
         "rule\t*\tnobody2\t1\tdeny\tacl\tnot-there\t\n"
         "rule\t*\tnobody2\t2\tallow\tall\t\t\n",
         v);
}

/* A host that has rows of its own has no others; acls and rules apart. */
static void
hosts(void **state)
{
  static struct expectation const v[] = {
    {"r",    "a.example", {"u", "a.example", "", ""}, "deny" },
    {"r",    "b.example", {"u", "a.example", "", ""}, "allow"},
    {"only", "a.example", {"u", "a.example", "", ""}, ""     },
    {"only", "b.example", {"u", "a.example", "", ""}, "allow"},
    {"own",  "a.example", {"u", "a.example", "", ""}, "allow"},
    {"own",  "b.example", {"u", "a.example", "", ""}, ""     },
 /* c.example has acls of its own: the common rules look at those */
    {"s",    "b.example", {"u", "b.example", "", ""}, "allow"},
    {"s",    "c.example", {"u", "c.example", "", ""}, ""     },
    {"s",    "c.example", {"w", "c.example", "", ""}, "allow"},
    {"all",  "a.example", {"u", "a.example", "", ""}, "allow"},
    {"none", "a.example", {"u", "a.example", "", ""}, ""     },
  };

  (void)state;
  EXPECT("host\t*\ta.example\nhost\t*\tb.example\nhost\t*\tc.example\n"
         "acl\t*\tlist\tuser\tu\t\n"
         "acl\tc.example\tlist\tuser\tw\t\n"
         "rule\t*\tr\t1\tallow\tall\t\t\n"
         "rule\t*\tonly\t1\tallow\tall\t\t\n"
         "rule\t*\ts\t1\tallow\tacl\tlist\t\n"
         "rule\ta.example\tr\t1\tdeny\tall\t\t\n"
         "rule\ta.example\town\t1\tallow\tall\t\t\n",
         v);
}

static void
which_decided(void **state)
{
  struct settings st = SETTINGS_ZERO;
  struct access_who who = {SLICE("u"), SLICE("h"), SLICE(""), SLICE("")};
  struct access *a;
  uint64_t n = 0;

  (void)state;
  open_text(&st, "host\t*\th\n"
                 "rule\t*\tr\t1\tdeny\tnone\t\t\n"
                 "rule\t*\tr\t2\tdeny\tuser\tv\t\n"
                 "rule\t*\tr\t3\tallow\tuser\tu\t\n"
                 "rule\t*\tr\t4\tdeny\tall\t\t\n");
  a = access_load(&st);
  assert_non_null(a);
  assert_true(slice_is(access_check(a, SLICE("r"), SLICE("h"), &who, &n), "allow"));
  assert_int_equal(n, 3);
  who.local = SLICE("x");
  assert_true(slice_is(access_check(a, SLICE("r"), SLICE("h"), &who, &n), "deny"));
  assert_int_equal(n, 4);
  access_free(a);
  access_free(NULL);
  settings_close(&st);
}

/* Parts are slices of longer texts: nothing behind their end is looked at. */
static void
parts_without_an_end(void **state)
{
  static char const text[] = "userhost.exampleresource127.0.0.1234";
  struct access_who who = {
    {text,      4 },
    {text + 4,  12},
    {text + 16, 8 },
    {text + 24, 9 }
  };
  struct settings st = SETTINGS_ZERO;
  struct access *a;

  (void)state;
  open_text(&st, "host\t*\thost.example\n"
                 "rule\t*\tr\t1\tallow\tuser_regexp\t^user$\t\n"
                 "rule\t*\tr\t1\tallow\tuser_glob\tuser\t\n"
                 "rule\t*\tr\t1\tallow\tserver_glob\t*.example\t\n"
                 "rule\t*\tr\t1\tallow\tserver_regexp\texample$\t\n"
                 "rule\t*\tr\t1\tallow\tresource_regexp\t^resource$\t\n"
                 "rule\t*\tr\t1\tallow\tip\t127.0.0.1/32\t\n");
  a = access_load(&st);
  assert_non_null(a);
  assert_true(access_allows(a, SLICE("r"), SLICE("host.example"), &who));
  who.local = slice_of(text, 5);
  assert_false(access_allows(a, SLICE("r"), SLICE("host.example"), &who));
  access_free(a);
  settings_close(&st);
}

/* Patterns of Perl's kind, over UTF-8. */
static void
patterns(void **state)
{
  static struct expectation const v[] = {
    {"ahead",   "h", {"a.b", "h", "", ""},      "allow"},
    {"ahead",   "h", {"a..b", "h", "", ""},     ""     },
    {"ahead",   "h", {"A", "h", "", ""},        ""     },
    {"classes", "h", {"u_1 x", "h", "", ""},    "allow"},
    {"classes", "h", {"u_1x", "h", "", ""},     ""     },
    {"back",    "h", {"abcabc", "h", "", ""},   "allow"},
    {"back",    "h", {"abcabd", "h", "", ""},   ""     },
    {"case",    "h", {"ADMIN", "h", "", ""},    "allow"},
    {"any",     "h", {"\xc3\xa4", "h", "", ""}, "allow"},
    {"any",     "h", {"ab", "h", "", ""},       ""     },
    {"any",     "h", {"\xc3", "h", "", ""},     ""     },
  };

  (void)state;
  EXPECT("host\t*\th\n"
         "rule\t*\tahead\t1\tallow\tuser_regexp\t^(?!.*[.]{2})[a-z0-9.]+$\t\n"
         "rule\t*\tclasses\t1\tallow\tuser_regexp\t^\\\\w+\\\\d\\\\s[^\\\\W]$\t\n"
         "rule\t*\tback\t1\tallow\tuser_regexp\t^(\\\\w+)\\\\1$\t\n"
         "rule\t*\tcase\t1\tallow\tuser_regexp\t(?i)^admin$\t\n"
         "rule\t*\tany\t1\tallow\tuser_regexp\t^.$\t\n",
         v);
}

/* Names for which a search takes for ever are not allowed, but denied; soon. */
static void
patterns_without_an_end(void **state)
{
  static char name[JID_PART_MAX + 1];
  static struct expectation v[] = {
    {"allow", "h", {name, "h", "", ""}, ""     },
    {"deny",  "h", {name, "h", "", ""}, "deny" },
    {"acl",   "h", {name, "h", "", ""}, "deny" },
    {"else",  "h", {name, "h", "", ""}, "allow"},
    {"deep",  "h", {name, "h", "", ""}, ""     },
  };
  clock_t start = clock();
  unsigned int i;

  (void)state;
  memset(name, 'a', sizeof name - 2);
  name[sizeof name - 2] = '!';
  for (i = 0; i < 10; i++)
    EXPECT("host\t*\th\n"
           "acl\t*\tbad\tuser_regexp\t^(a+)+$\t\n"
           "rule\t*\tallow\t1\tallow\tuser_regexp\t^(a+)+$\t\n"
           "rule\t*\tdeny\t1\tdeny\tuser_regexp\t^(a|aa)+$\t\n"
           "rule\t*\tdeny\t2\tallow\tall\t\t\n"
           "rule\t*\tacl\t1\tdeny\tacl\tbad\t\n"
           "rule\t*\tacl\t2\tallow\tall\t\t\n"
           "rule\t*\telse\t1\tdeny\tuser_regexp\t^b\t\n"
           "rule\t*\telse\t2\tallow\tall\t\t\n"
           "rule\t*\tdeep\t1\tallow\tuser_regexp\t^((((a*)*)*)*)*$\t\n",
           v);
  assert_true(clock() - start < CLOCKS_PER_SEC);
}

static void
explanations(void **state)
{
  char why[160];

  (void)state;
  assert_true(access_regexp(SLICE("^(?=a)"), why, sizeof why));
  assert_true(access_regexp(SLICE(""), why, sizeof why));
  assert_false(access_regexp(SLICE("a(b"), why, sizeof why));
  assert_string_equal(why, "missing closing parenthesis, at byte 4");
  assert_false(access_regexp(SLICE("\xff"), why, sizeof why));
  assert_false(access_regexp(SLICE("a\\C"), why, sizeof why));
}

static void
numbers(void **state)
{
  struct settings st = SETTINGS_ZERO;
  struct access_who admin = {SLICE("admin"), SLICE("h"), SLICE(""), SLICE("")};
  struct access_who user = {SLICE("u"), SLICE("h"), SLICE(""), SLICE("")};
  struct access *a;

  (void)state;
  open_text(&st, "host\t*\th\n"
                 "rule\t*\tn\t1\t100\tuser\tadmin\t\n"
                 "rule\t*\tn\t2\t10\tall\t\t\n"
                 "rule\t*\tpart\t1\t7\tuser\tadmin\t\n"
                 "rule\t*\tword\t1\tinfinity\tall\t\t\n"
                 "rule\town\tn\t1\t3\tall\t\t\n");
  a = access_load(&st);
  assert_non_null(a);
  assert_int_equal(access_number(a, SLICE("n"), SLICE("h"), &admin, 5), 100);
  assert_int_equal(access_number(a, SLICE("n"), SLICE("h"), &user, 5), 10);
  assert_int_equal(access_number(a, SLICE("n"), SLICE("own"), &admin, 5), 3);
  assert_int_equal(access_number(a, SLICE("part"), SLICE("h"), &admin, 5), 7);
  assert_int_equal(access_number(a, SLICE("part"), SLICE("h"), &user, 5), 5);
  assert_int_equal(access_number(a, SLICE("word"), SLICE("h"), &user, 5), 5);
  assert_int_equal(access_number(a, SLICE("12"), SLICE("h"), &user, 5), 12);
  assert_int_equal(access_number(a, SLICE("missing"), SLICE("h"), &user, UINT64_MAX),
                   UINT64_MAX);
  access_free(a);
  settings_close(&st);
}

static void
shapers(void **state)
{
  static struct {
    char const *rule, *user;
    uint64_t rate, burst;
  } const cases[] = {
    {"c2s_shaper", "admin", 0,     0     },
    {"c2s_shaper", "u",     1000,  1000  },
    {"s2s_shaper", "u",     50000, 200000},
    {"number",     "u",     4000,  4000  },
    {"fast",       "u",     50000, 200000}, /* a shaper by its name */
    {"1234",       "u",     1234,  1234  },
    {"none",       "u",     0,     0     },
    {"unknown",    "u",     0,     0     }, /* a shaper that is not there: no limit */
    {"missing",    "u",     0,     0     },
  };
  struct settings st = SETTINGS_ZERO;
  struct access *a;
  size_t i;

  (void)state;
  open_text(&st, "host\t*\th\n"
                 "rule\t*\tc2s_shaper\t1\tnone\tuser\tadmin\t\n"
                 "rule\t*\tc2s_shaper\t2\tnormal\tall\t\t\n"
                 "rule\t*\ts2s_shaper\t1\tfast\tall\t\t\n"
                 "rule\t*\tnumber\t1\t4000\tall\t\t\n"
                 "rule\t*\tunknown\t1\tquux\tall\t\t\n"
                 "speed\t*\tnormal\t1000\t1000\n"
                 "speed\t*\tfast\t50000\t200000\n"
                 "speed\t*\tnone\t0\t0\n");
  a = access_load(&st);
  assert_non_null(a);
  for (i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct access_who who = {slice_str(cases[i].user), SLICE("h"), SLICE(""), SLICE("")};
    uint64_t rate = 99, burst = 99;
    access_shaper(a, slice_str(cases[i].rule), SLICE("h"), &who, &rate, &burst);
    if (rate != cases[i].rate || burst != cases[i].burst)
      fail_msg("%s for %s: %llu %llu", cases[i].rule, cases[i].user,
               (unsigned long long)rate, (unsigned long long)burst);
  }
  access_free(a);
  settings_close(&st);
}

static void
refused(void **state)
{
  static char const *const bad[] = {
    "acl\t*\ta\tuser_regexp\ta(b\t\n",
    "acl\t*\ta\tnode_regexp\ta\tb[\n",
    "acl\t*\ta\tip\t10.0.0.0/33\t\n",
    "acl\t*\ta\tip\t::1/129\t\n",
    "acl\t*\ta\tip\tlocalhost\t\n",
    "acl\t*\ta\tip\t\t\n",
    "acl\t*\ta\tip\t10.0.0.0/\t\n",
    "acl\t*\ta\tquux\tx\t\n",
    "rule\t*\tr\t1\tallow\tquux\tx\t\n",
    "rule\t*\tr\t1\tallow\tserver_regexp\t*(\t\n",
    "rule\t*\tr\t1\tallow\n",
  };
  size_t i;

  (void)state;
  for (i = 0; i < sizeof bad / sizeof *bad; i++) {
    struct settings st = SETTINGS_ZERO;
    struct access *a;
    open_text(&st, bad[i]);
    a = access_load(&st);
    if (a) fail_msg("taken: %s", bad[i]);
    settings_close(&st);
  }
}

static void
nothing_at_all(void **state)
{
  static struct expectation const v[] = {
    {"all",  "h", {"u", "h", "", ""}, "allow"},
    {"none", "h", {"u", "h", "", ""}, ""     },
    {"c2s",  "h", {"u", "h", "", ""}, ""     },
  };

  (void)state;
  EXPECT("", v);
}

static void
may_allow(void **state)
{
  struct settings st = SETTINGS_ZERO;
  struct access *a;

  (void)state;
  open_text(&st, "rule\t*\topen\t1\tallow\tall\t\n"
                 "rule\t*\tshut\t1\tdeny\tall\t\n"
                 "rule\t*\tsome\t1\tdeny\tuser\tu\n"
                 "rule\t*\tsome\t2\tallow\tuser\tv\n"
                 "rule\t*\tlate\t1\tdeny\tacl\tall\n"
                 "rule\t*\tlate\t2\tallow\tall\t\n"
                 "rule\t*\tvoid\t1\tallow\tnone\t\n"
                 "rule\th\topen\t1\tdeny\tall\t\n");
  a = access_load(&st);
  assert_non_null(a);
  assert_true(access_may_allow(a, SLICE("all"), SLICE("h")));
  assert_false(access_may_allow(a, SLICE("none"), SLICE("h")));
  assert_false(access_may_allow(a, SLICE("unknown"), SLICE("h")));
  assert_true(access_may_allow(a, SLICE("open"), SLICE("g")));
  assert_false(access_may_allow(a, SLICE("open"), SLICE("h")));
  assert_false(access_may_allow(a, SLICE("shut"), SLICE("g")));
  assert_true(access_may_allow(a, SLICE("some"), SLICE("g")));
  assert_false(access_may_allow(a, SLICE("late"), SLICE("g")));
  assert_false(access_may_allow(a, SLICE("void"), SLICE("g")));
  access_free(a);
  settings_close(&st);
}

static void
one_pattern(void **state)
{
  (void)state;
  assert_true(access_regexp_holds(SLICE("^[a-z]+$"), SLICE("room")));
  assert_false(access_regexp_holds(SLICE("^[a-z]+$"), SLICE("room1")));
  assert_false(access_regexp_holds(SLICE("*"), SLICE("room")));
  assert_false(
    access_regexp_holds(SLICE("^(a+)+$"), SLICE("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab")));
}

static void
globs(void **state)
{
  (void)state;
  assert_true(access_glob(SLICE("urn:xmpp:*"), SLICE("urn:xmpp:a/b:c")));
  assert_true(access_glob(SLICE("a?"), SLICE("ab")));
  assert_false(access_glob(SLICE("a?"), SLICE("abc")));
  assert_false(access_glob(SLICE("b*"), SLICE("ab")));
}

int
main(void)
{
  struct CMUnitTest const tests[] = {
    cmocka_unit_test(types),          cmocka_unit_test(addresses),
    cmocka_unit_test(and_or),         cmocka_unit_test(hosts),
    cmocka_unit_test(which_decided),  cmocka_unit_test(parts_without_an_end),
    cmocka_unit_test(patterns),       cmocka_unit_test(patterns_without_an_end),
    cmocka_unit_test(explanations),   cmocka_unit_test(numbers),
    cmocka_unit_test(shapers),        cmocka_unit_test(refused),
    cmocka_unit_test(nothing_at_all), cmocka_unit_test(globs),
    cmocka_unit_test(one_pattern),    cmocka_unit_test(may_allow),
  };

  return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
