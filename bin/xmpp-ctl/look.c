#include "ctl.h"

#include "record/programs.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

/* Facts about a program: its own answers, those of its process, and its log. */

/* A program that does not answer for so long hangs. */
#define ANSWER_S 5

/* client_answer takes no argument for them. */
static struct {
  struct look *look;
  client_row_fn *on_stat, *on_row;
} at;

static void
set_text(char *text, size_t size, struct slice s)
{
  snprintf(text, size, "%.*s", (int)s.len, s.s);
}

static void
take_stat(struct record *r)
{
  struct slice name = record_get(r, 1);

  if (slice_is(name, "version"))
    set_text(at.look->version, sizeof at.look->version, record_get(r, 2));
  if (slice_is(name, "output_bytes")) {
    at.look->queued = record_u64(r, 2);
    at.look->has_queue = true;
  }
  if (at.on_stat) at.on_stat(r);
}

static void
take_row(struct record *r)
{
  struct slice kind = record_get(r, 1);

  if (slice_is(kind, "awaits"))
    set_text(at.look->awaits, sizeof at.look->awaits, record_get(r, 2));
  if (slice_is(kind, "error")) {
    at.look->error_s = record_u64(r, 2);
    set_text(at.look->error, sizeof at.look->error, record_get(r, 3));
  }
  if (at.on_row) at.on_row(r);
}

/* Read one answer. false: the program hangs or has ended; *refused: it answered an
 * error. */
static bool
answer(struct client *c, client_row_fn *fn, bool *refused)
{
  struct record r;

  *refused = false;
  while (client_read(c, &r)) {
    struct slice verb = record_get(&r, 0);
    *refused = slice_is(verb, "error");
    if (*refused || slice_is(verb, "done")) return true;
    if (fn) fn(&r);
  }
  return false;
}

static bool
open_impatient(struct client *c, struct slice instance)
{
  struct timeval tv = {.tv_sec = ANSWER_S};

  if (!client_open(c, instance)) return false;
  setsockopt(c->fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv);
  return true;
}

static void
look_is_down(struct look *l)
{
  uint64_t times, code;

  l->state = LOOK_DOWN;
  snprintf(l->awaits, sizeof l->awaits, "%s",
           !process_ended(l->name, &times, &code) ? "it does not run"
           : code == 100 ? "it has ended, for it cannot work with its settings"
                         : "it has ended");
  snprintf(l->error, sizeof l->error, "%s", process_last_line(l->name));
}

/* A program of an older version has no verb status. */
static void
ask(struct client *c, struct look *l)
{
  bool refused;

  client_ask(c, "stats", NULL);
  client_ask(c, "ready", NULL);
  client_ask(c, "status", NULL);
  if (answer(c, take_stat, &refused) && answer(c, NULL, &refused)) {
    l->state = refused ? LOOK_WAITS : LOOK_UP;
    if (answer(c, take_row, &refused)) return;
  }
  l->state = LOOK_HANGS;
  snprintf(l->awaits, sizeof l->awaits, "it does not answer");
}

static void
begin(struct look *l, struct slice name)
{
  uint64_t code;

  memset(l, 0, sizeof *l);
  l->name = name;
  process_ended(name, &l->restarts, &code);
}

void
look_at_program(struct slice instance, struct look *l, client_row_fn *on_stat,
                client_row_fn *on_row)
{
  struct client c;

  begin(l, instance);
  if (!open_impatient(&c, instance)) {
    look_is_down(l);
    return;
  }
  at.look = l;
  at.on_stat = on_stat;
  at.on_row = on_row;
  l->process = process_of_client(&c);
  ask(&c, l);
  client_close(&c);
}

/* ---- services of the administrator ---- */

static struct slice wanted;
static bool is_linked;

static void
on_link(struct record *r)
{
  if (slice_eq(record_get(r, 1), wanted) && slice_is(record_get(r, 2), "up"))
    is_linked = true;
}

/* A service works when its neighbour has its link. */
void
look_at_service(struct settings_row const *row, struct look *l)
{
  struct slice name = row->value[0],
               to = row->value[2].len ? row->value[2] : SLICE("routed");
  struct client c;
  bool refused;

  begin(l, name);
  l->process = process_of_service(name);
  wanted = name;
  is_linked = false;
  if (open_impatient(&c, to)) {
    client_ask(&c, "links", NULL);
    answer(&c, on_link, &refused);
    client_close(&c);
  }
  if (is_linked) return;
  look_is_down(l);
  if (!l->process.pid) return;
  l->state = LOOK_WAITS;
  snprintf(l->awaits, sizeof l->awaits, "it has no link to %s", log_text(to));
}

/* ---- certificates ---- */

static struct look_certificate *shown;

static void
on_certificate(struct record *r)
{
  set_text(shown->file, sizeof shown->file, record_get(r, 1));
  set_text(shown->names, sizeof shown->names, record_get(r, 2));
  shown->from = record_u64(r, 3);
  shown->until = record_u64(r, 4);
  shown->fits = slice_is(record_get(r, 5), "fits");
}

bool
look_at_certificate(struct slice host, struct look_certificate *cert, bool *asked)
{
  struct settings_row const *row = NULL;
  bool refused = true;
  char name[1024];
  struct client c;

  memset(cert, 0, sizeof *cert);
  shown = cert;
  *asked = false;
  set_text(name, sizeof name, host);
  while (!*asked && (row = settings_next(&ctl.settings, "instance", row))) {
    if (program_find(row->value[2]) != TLSD || !open_impatient(&c, row->value[2]))
      continue;
    client_ask(&c, "certificate", name, NULL);
    *asked = answer(&c, on_certificate, &refused);
    client_close(&c);
  }
  return *asked && !refused;
}
