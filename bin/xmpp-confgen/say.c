#include "confgen.h"

#include <stdarg.h>
#include <stdio.h>

struct said said;
bool quiet = false;

/* Lines that were said already: a module is compiled for each host, and its faults are
 * said once. */
struct line {
  struct line *next;
  struct slice text;
};

static struct line *lines;

static bool
said_before(char const *text)
{
  struct line *l;

  for (l = lines; l; l = l->next)
    if (slice_is(l->text, text)) return true;
  l = arena_alloc(&job.arena, sizeof *l);
  if (!l) return false;
  l->text = arena_copy(&job.arena, slice_str(text));
  l->next = lines;
  lines = l;
  return false;
}

static void
say(char const *file, unsigned int line, unsigned int col, char const *what,
    char const *path, char const *text, unsigned int *count, bool shown)
{
  char whole[1600];

  snprintf(whole, sizeof whole, "%s:%u:%u: %s: %s%s%s\n", file, line, col, what,
           path ? path : "", path ? ": " : "", text);
  if (said_before(whole)) return;
  if (count) ++*count;
  if (shown) fputs(whole, stderr);
}

__attribute__((format(printf, 4, 0))) static void
vsay(struct yaml_node const *n, char const *what, char const *path, char const *format,
     va_list ap, unsigned int *count, bool shown)
{
  char text[1024];

  vsnprintf(text, sizeof text, format, ap);
  say(n->file, n->line, n->col, what, path, text, count, shown);
}

void
say_error(struct yaml_node const *n, char const *path, char const *text, ...)
{
  va_list ap;

  va_start(ap, text);
  vsay(n, "error", path, text, ap, &said.errors, true);
  va_end(ap);
}

void
say_warning(struct yaml_node const *n, char const *path, char const *text, ...)
{
  va_list ap;

  va_start(ap, text);
  vsay(n, "warning", path, text, ap, &said.warnings, !quiet);
  va_end(ap);
}

void
say_note(struct yaml_node const *n, char const *path, char const *text, ...)
{
  va_list ap;

  va_start(ap, text);
  vsay(n, "note", path, text, ap, NULL, !quiet);
  va_end(ap);
}

void
say_yaml(char const *file, unsigned int line, unsigned int col, char const *what,
         char const *text)
{
  say(file, line, col, what, NULL, text, &said.errors, true);
}
