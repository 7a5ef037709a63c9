#include "confgen.h"

#include <stdarg.h>
#include <stdio.h>

struct said said;
bool quiet = false;
bool say_all = false;

/* Messages in the order in which people need them. */
enum group { ERRORS, WARNINGS, LOST, NO_EFFECT, NOTES, GROUPS };

static char const *const group_words[GROUPS] = {"error", "warning", "warning", "warning",
                                                "note"};

/* Messages by groups, each once. A module is compiled for each host with the same faults. */
struct line {
  struct line *next;
  struct slice text;
};

static struct {
  struct line *first, *last;
  unsigned int n;
} groups[GROUPS];

static bool
said_before(enum group group, char const *text)
{
  struct line *l;

  for (l = groups[group].first; l; l = l->next)
    if (slice_is(l->text, text)) return true;
  return false;
}

static void
keep(enum group group, char const *text)
{
  struct line *l = arena_alloc(&job.arena, sizeof *l);

  if (l) *l = (struct line){NULL, arena_copy(&job.arena, slice_str(text))};
  if (!l || !l->text.s) {
    fputs(text, stderr);
    return;
  }
  if (groups[group].last)
    groups[group].last->next = l;
  else
    groups[group].first = l;
  groups[group].last = l;
  groups[group].n++;
}

static void
say(char const *file, unsigned int line, unsigned int col, enum group group,
    char const *path, char const *text)
{
  char whole[1600];

  snprintf(whole, sizeof whole, "%s:%u:%u: %s: %s%s%s\n", file, line, col,
           group_words[group], path ? path : "", path ? ": " : "", text);
  if (said_before(group, whole)) return;
  said.errors += group == ERRORS;
  said.warnings += group == WARNINGS || group == LOST || group == NO_EFFECT;
  keep(group, whole);
}

__attribute__((format(printf, 4, 0))) static void
vsay(struct yaml_node const *n, enum group group, char const *path, char const *format,
     va_list ap)
{
  char text[1024];

  vsnprintf(text, sizeof text, format, ap);
  say(n->file, n->line, n->col, group, path, text);
}

void
say_error(struct yaml_node const *n, char const *path, char const *text, ...)
{
  va_list ap;

  va_start(ap, text);
  vsay(n, ERRORS, path, text, ap);
  va_end(ap);
}

void
say_warning(struct yaml_node const *n, char const *path, char const *text, ...)
{
  va_list ap;

  va_start(ap, text);
  vsay(n, WARNINGS, path, text, ap);
  va_end(ap);
}

void
say_lost(struct yaml_node const *n, char const *path, char const *text, ...)
{
  va_list ap;

  va_start(ap, text);
  vsay(n, LOST, path, text, ap);
  va_end(ap);
}

void
say_no_effect(struct yaml_node const *n, char const *path, char const *text, ...)
{
  va_list ap;

  va_start(ap, text);
  vsay(n, NO_EFFECT, path, text, ap);
  va_end(ap);
}

void
say_note(struct yaml_node const *n, char const *path, char const *text, ...)
{
  va_list ap;

  va_start(ap, text);
  vsay(n, NOTES, path, text, ap);
  va_end(ap);
}

void
say_yaml(char const *file, unsigned int line, unsigned int col, char const *what,
         char const *text)
{
  (void)what;
  say(file, line, col, ERRORS, NULL, text);
}

static void
count_hidden(void)
{
  unsigned int idle = groups[NO_EFFECT].n, notes = groups[NOTES].n;

  if (idle)
    fprintf(stderr, "%u option%s no effect here", idle, idle == 1 ? " has" : "s have");
  if (notes)
    fprintf(stderr, "%s%u note%s", idle ? "; " : "", notes, notes == 1 ? "" : "s");
  if (idle || notes)
    fprintf(stderr, " (--all lists %s)\n", idle + notes == 1 ? "it" : "them");
}

void
say_flush(void)
{
  enum group group, shown = quiet ? ERRORS : say_all ? NOTES : LOST;
  struct line const *l;

  for (group = ERRORS; group <= shown; group++)
    for (l = groups[group].first; l; l = l->next)
      fputs(l->text.s, stderr);
  if (!quiet && !say_all) count_hidden();
  for (group = ERRORS; group < GROUPS; group++) {
    groups[group].first = groups[group].last = NULL;
    groups[group].n = 0;
  }
}
