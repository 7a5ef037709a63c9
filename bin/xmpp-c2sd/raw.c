#include "raw.h"
#include "settings.h"
#include "stream.h"

#include <skalibs/allreadwrite.h>

#include <stdio.h>
#include <unistd.h>

/* -x: stdin is one client's bytes, stdout what the client would see; there is no neighbour
 * but a front without TLS, which the first listener of the settings gets. */

static bool lost;

static void
show(char const *name, struct slice line)
{
  static stralloc copy = STRALLOC_ZERO;
  struct record r;
  enum verb v;
  struct slice bytes = SLICE("");

  (void)name;
  copy.len = 0;
  if (!stralloc_catb(&copy, line.s, line.len - 1) || !record_split(&r, copy.s, copy.len))
    return;
  v = verb_find(record_get(&r, 0));
  if (v == VERB_DATA) bytes = record_get(&r, 2);
  if (v == VERB_STARTTLS) bytes = record_get(&r, 3);
  if (bytes.len && allwrite(1, bytes.s, bytes.len) < bytes.len) lost = true;
}

static void
say(stralloc *line)
{
  link_pipe_line(line->s, line->len);
  line->len = 0;
}

bool
raw_run(void)
{
  static char buf[65536];
  stralloc line = STRALLOC_ZERO;
  ssize_t n;

  link_pipe_out = show;
  if (!stralloc_cats(&line, "tlsd\topen\t1") ||
      !record_put(&line, slice_str(c2sd.listeners ? c2sd.listeners->name : "")) ||
      !record_put(&line, SLICE("127.0.0.1")))
    return false;
  say(&line);
  while ((n = fd_read(0, buf, sizeof buf)) > 0) {
    if (!stralloc_cats(&line, "tlsd\tdata\t1") ||
        !record_put(&line, slice_of(buf, (size_t)n)))
      return false;
    say(&line);
  }
  stralloc_free(&line);
  event_turn_end();
  return !n && !lost;
}
