#include "record/programs.h"

#include <string.h>

struct program_row {
  char const *name;
  unsigned int roles;
  enum runs runs;
  char const *links;
};

static struct program_row const programs[PROGRAMS_N] = {
#define P(code, word, number, roles, runs, links)                                        \
  [number] = {"xmpp-" word, roles, runs, links},
  PROGRAM_TABLE(P)
#undef P
};

struct store_row const store_rows[STORES_N] = {
#define S(code, name, number, writer, readers) [number] = {name, writer, readers},
  STORE_TABLE(S)
#undef S
};

static char const *const roles[ROLES_N] = {"front",   "edge",    "router",  "authority",
                                           "service", "own",     "control", "names",
                                           "web",     "checker", "monitor"};

unsigned int
program_number(enum program p)
{
  return (unsigned int)__builtin_ctz((unsigned int)p);
}

enum runs
program_runs(enum program p)
{
  return programs[program_number(p)].runs;
}

char const *
program_links(enum program p)
{
  return programs[program_number(p)].links;
}

char const *
program_name(enum program p)
{
  return p == OTHER ? "a service" : programs[program_number(p)].name;
}

unsigned int
program_roles(enum program p)
{
  if (p == OTHER) return ROLE_SERVICE;
  return p ? programs[program_number(p)].roles : 0;
}

struct slice
program_word(struct slice name)
{
  size_t n = name.len;

  while (n && name.s[n - 1] >= '0' && name.s[n - 1] <= '9')
    n--;
  if (n && n < name.len && name.s[n - 1] == '-') name.len = n - 1;
  return slice_starts(name, "xmpp-") ? slice_of(name.s + 5, name.len - 5) : name;
}

enum program
program_find(struct slice name)
{
  struct slice word = program_word(name);
  unsigned int i;

  for (i = 0; i < PROGRAMS_N; i++)
    if (slice_is(word, programs[i].name + 5)) return (enum program)(1u << i);
  return (enum program)0;
}

char const *
role_name(unsigned int bits)
{
  return bits ? roles[__builtin_ctz(bits)] : "nobody";
}

static unsigned int
role_find(struct slice word)
{
  unsigned int i;

  for (i = 0; i < ROLES_N; i++)
    if (slice_is(word, roles[i])) return 1u << i;
  return 0;
}

unsigned int
roles_find(struct slice text)
{
  unsigned int found = 0, role;
  struct slice word;

  while (slice_word(&text, ' ', &word)) {
    role = role_find(word);
    if (!role) return 0;
    found |= role;
  }
  return found;
}
