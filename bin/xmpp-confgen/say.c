#include "confgen.h"

#include <stdarg.h>
#include <stdio.h>

struct said said;
bool quiet = false;

static void
say(char const *file, unsigned int line, unsigned int col, char const *what,
    char const *path, char const *text)
{
  fprintf(stderr, "%s:%u:%u: %s: %s%s%s\n", file, line, col, what, path ? path : "",
          path ? ": " : "", text);
}

static void vsay(struct yaml_node const *n, char const *what, char const *path,
                 char const *format, va_list ap) __attribute__((format(printf, 4, 0)));

static void
vsay(struct yaml_node const *n, char const *what, char const *path, char const *format,
     va_list ap)
{
  char text[1024];

  vsnprintf(text, sizeof text, format, ap);
  say(n->file, n->line, n->col, what, path, text);
}

void
say_error(struct yaml_node const *n, char const *path, char const *text, ...)
{
  va_list ap;

  said.errors++;
  va_start(ap, text);
  vsay(n, "error", path, text, ap);
  va_end(ap);
}

void
say_warning(struct yaml_node const *n, char const *path, char const *text, ...)
{
  va_list ap;

  said.warnings++;
  if (quiet) return;
  va_start(ap, text);
  vsay(n, "warning", path, text, ap);
  va_end(ap);
}

void
say_note(struct yaml_node const *n, char const *path, char const *text, ...)
{
  va_list ap;

  if (quiet) return;
  va_start(ap, text);
  vsay(n, "note", path, text, ap);
  va_end(ap);
}

void
say_yaml(char const *file, unsigned int line, unsigned int col, char const *what,
         char const *text)
{
  said.errors++;
  say(file, line, col, what, NULL, text);
}
