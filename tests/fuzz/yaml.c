/* yaml: a file is refused with a word, or becomes a tree within its limits, whose macros
 * expand or are refused. */
#include "fuzz.h"

#include "yaml/yaml.h"

#include <skalibs/djbunix.h>
#include <skalibs/strerr.h>

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

char const *PROG = "fuzz";

static unsigned int said;

static void
say(char const *file, unsigned int line, unsigned int col, char const *what,
    char const *text)
{
  must(file && line && col && what && *text);
  said++;
}

static void
walk(struct yaml_node const *n, unsigned int depth)
{
  struct yaml_node const *c;

  must(n->line && n->col && n->file && depth <= 3 * YAML_DEPTH_MAX);
  must(n->kind != YAML_SCALAR || !n->first);
  for (c = n->first; c; c = c->next) {
    must(c->next || n->last == c);
    must(n->kind != YAML_MAP || (c->key.s && c->key_line && c->key_col));
    walk(c, depth + 1);
  }
}

/* The area reads files: one in memory, under a name. */
static char const *
file_of(uint8_t const *data, size_t len)
{
  static char path[32];
  static int fd = -1;

  if (fd < 0) {
    fd = memfd_create("yaml", 0);
    must(fd >= 0);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  }
  must(!ftruncate(fd, 0) && pwrite(fd, data, len, 0) == (ssize_t)len);
  return path;
}

int
LLVMFuzzerTestOneInput(uint8_t const *data, size_t len)
{
  struct arena a = ARENA_ZERO;
  struct yaml_node *n;

  said = 0;
  n = yaml_read(&a, file_of(data, len), say);
  must(n ? !said : said > 0);
  if (n) {
    walk(n, 0);
    if (yaml_expand(&a, n, yaml_get(n, "m"), say))
      walk(n, 0);
    else
      must(said == 1);
  }
  arena_wipe(&a);
  return 0;
}
