#include "ctl.h"

#include "certname/certname.h"
#include "record/programs.h"

#include <skalibs/strerr.h>

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* status: tables of programs, listeners and certificates, the last warning of each
 * log, and a verdict in one line. With -r each line is a record: the word of its
 * table, then its columns. */

/* Exit codes. */
enum { WELL, TO_LOOK_AT, BROKEN, NOT_RUNNING };

#define COLUMNS 8

static struct sheet {
  char const *word;

  struct {
    char const *head;
    int width; /* 0: the last column */
  } columns[COLUMNS];
} const sheets[] = {
  {"program",
   {{"program", 10},
    {"state", 6},
    {"since", 20},
    {"restarts", 8},
    {"version", 10},
    {"queued", 8},
    {"memory", 10},
    {"remark", 0}}                                                                 },
  {"service",
   {{"service", 10},
    {"state", 6},
    {"since", 20},
    {"restarts", 8},
    {"version", 10},
    {"queued", 8},
    {"memory", 10},
    {"remark", 0}}                                                                 },
  {"omitted",     {{"left out", 10}, {"reason", 0}}                                },
  {"listener",    {{"instance", 10}, {"listener", 24}, {"state", 6}, {"remark", 0}}},
  {"certificate",
   {{"host", 24}, {"days", 6}, {"file", 40}, {"names", 30}, {"remark", 0}}         },
  {"error",       {{"last of", 10}, {"time", 20}, {"warning in its log", 0}}       },
};

enum { PROGRAM, SERVICE, OMITTED, LISTENER, CERTIFICATE, LAST_ERROR };

static struct {
  int printed; /* the table of the last line; -1: none yet */
  int verdict;
  unsigned int problems, programs, down;
  char first[600]; /* the first problem of the worst kind, in words */
  stralloc errors; /* records of LAST_ERROR, for the end */
  struct slice instance;
} st;

/* ---- lines ---- */

static void
print_record(char const *word, char const *const *values, size_t n)
{
  static stralloc out = STRALLOC_ZERO;
  size_t i;

  out.len = 0;
  record_put_verb(&out, word);
  for (i = 0; i < n; i++)
    record_put(&out, slice_str(values[i]));
  record_put_end(&out);
  fwrite(out.s, 1, out.len, stdout);
}

static void
print_columns(struct sheet const *t, char const *const *values)
{
  size_t i;

  for (i = 0; i < COLUMNS && t->columns[i].head; i++) {
    char const *v = values ? values[i] : t->columns[i].head;
    bool last = i == COLUMNS - 1 || !t->columns[i + 1].head;
    if (!v) v = "";
    if (!*v && !last) v = "-";
    if (last)
      printf("%s\n", v);
    else
      printf("%-*s ", t->columns[i].width, v);
  }
}

/* A line of a table: as many values as it has columns; "" is not known. */
static void
line(int kind, ...)
{
  struct sheet const *t = &sheets[kind];
  char const *values[COLUMNS] = {0};
  va_list ap;
  size_t n;

  va_start(ap, kind);
  for (n = 0; n < COLUMNS && t->columns[n].head; n++)
    values[n] = va_arg(ap, char const *);
  va_end(ap);
  if (ctl.records) {
    print_record(t->word, values, n);
    return;
  }
  if (st.printed != kind) {
    if (st.printed >= 0) printf("\n");
    print_columns(t, NULL);
  }
  st.printed = kind;
  print_columns(t, values);
}

/* Count a problem; the first of the worst kind is told in the verdict. */
static void
problem(int how_bad, char const *format, ...)
{
  va_list ap;

  st.problems++;
  if (how_bad <= st.verdict) return;
  st.verdict = how_bad;
  va_start(ap, format);
  vsnprintf(st.first, sizeof st.first, format, ap);
  va_end(ap);
}

static char const *
number(uint64_t n)
{
  return log_num(n);
}

static char const *
when(uint64_t second)
{
  static char buf[STAMP_SIZE];

  if (!second) return "";
  stamp_s(buf, second);
  return buf;
}

/* ---- programs and services ---- */

static char const *
state_of(struct look const *l)
{
  static char const *const words[] = {"up", "waits", "hangs", "down"};

  return words[l->state];
}

static char const *
memory_of(struct look const *l)
{
  char text[32];

  if (!l->process.pid) return "";
  if (ctl.records) return number(l->process.memory);
  snprintf(text, sizeof text, "%.1f MB", (double)l->process.memory / 1e6);
  return log_text(slice_str(text));
}

static void
print_look(int kind, struct look const *l)
{
  line(kind, log_text(l->name), state_of(l), when(l->process.since_s),
       number(l->restarts), l->version, l->has_queue ? number(l->queued) : "",
       memory_of(l), l->awaits);
  if (l->state != LOOK_UP) problem(BROKEN, "%s: %s", log_text(l->name), l->awaits);
  st.programs++;
  st.down += l->state == LOOK_DOWN;
  if (!l->error[0]) return;
  record_put_verb(&st.errors, log_text(l->name));
  record_put_u64(&st.errors, l->error_s);
  record_put(&st.errors, slice_str(l->error));
  record_put_end(&st.errors);
}

static void
print_omitted(void)
{
  struct settings_row const *row;
  unsigned int i;

  for (i = 0; i < PROGRAMS_N; i++) {
    enum program p = (enum program)(1u << i);
    if (program_runs(p) == RUNS_NOT) continue;
    row = NULL;
    while ((row = settings_next(&ctl.settings, "instance", row)) &&
           program_find(row->value[2]) != p) {
    }
    if (!row)
      line(OMITTED, program_name(p) + 5,
           p == MAMD           ? "no host has mod_mam or mod_offline"
           : p == MUCD         ? "no host has mod_muc"
           : p == PUBSUBD      ? "no host has mod_pubsub"
           : p == PUSHD        ? "no host has mod_push"
           : p == COMPD        ? "listen has no ejabberd_service"
           : p == REGISTERD    ? "no host has mod_register"
           : p & (S2SD | DNSD) ? "listen has no ejabberd_s2s_in"
                               : "the configuration has nothing for it");
  }
}

/* ---- listeners ---- */

/* Rows of listeners, kept until all programs are printed. */
static stralloc rows;

static void
keep_listener(struct record *r)
{
  if (slice_is(record_get(r, 1), "full"))
    problem(BROKEN, "%s: the disk of its store %s has no room", log_text(st.instance),
            log_text(record_get(r, 2)));
  if (!slice_is(record_get(r, 1), "listener")) return;
  record_put_verb(&rows, log_text(st.instance));
  record_put(&rows, record_get(r, 2));
  record_put(&rows, record_get(r, 3));
  record_put(&rows, record_get(r, 4));
  record_put_end(&rows);
}

/* Call fn for each record of kept ones. */
static void
each_kept(stralloc *kept, client_row_fn *fn)
{
  struct record r;
  size_t at = 0;

  while (at < kept->len) {
    char *from = kept->s + at, *nl = memchr(from, '\n', kept->len - at);
    at = (size_t)(nl - kept->s) + 1;
    if (record_split(&r, from, (size_t)(nl - from))) fn(&r);
  }
}

static void
print_listener(struct record *r)
{
  char const *name = log_text(record_get(r, 1)), *state = log_text(record_get(r, 2));
  char const *why = log_text(record_get(r, 3));

  line(LISTENER, log_text(record_get(r, 0)), name, state, why);
  if (strcmp(state, "open") != 0) problem(BROKEN, "nobody listens on %s: %s", name, why);
}

/* ---- certificates ---- */

static void
print_certificate(struct slice host, struct look_certificate const *c)
{
  struct certname_span span = {(int64_t)c->from, (int64_t)c->until};
  int64_t now = time(NULL);
  enum certname_age age = certname_age(&span, now);
  char said[CERTNAME_SAID], days[24];
  char const *remark = certname_say(said, &span, now);

  if (!c->fits) remark = "the certificate has not the name of the host";
  snprintf(days, sizeof days, "%lld", (long long)certname_days(&span, now));
  line(CERTIFICATE, log_text(host), days, c->file, c->names, remark);
  if (!c->fits)
    problem(TO_LOOK_AT, "no certificate has the name %s", log_text(host));
  else if (age >= CERTNAME_EARLY)
    problem(BROKEN, "the certificate for %s %s", log_text(host), said);
  else if (age != CERTNAME_VALID)
    problem(TO_LOOK_AT, "the certificate for %s %s", log_text(host), said);
}

static void
print_certificates(void)
{
  struct settings_row const *row = NULL;
  struct look_certificate c;
  bool asked;

  while ((row = settings_next(&ctl.settings, "host", row))) {
    if (look_at_certificate(row->value[0], &c, &asked)) {
      print_certificate(row->value[0], &c);
      continue;
    }
    line(CERTIFICATE, log_text(row->value[0]), "", "", "",
         asked ? "there is no certificate" : "not known: no xmpp-tlsd answers");
    if (asked) problem(TO_LOOK_AT, "no certificate for %s", log_text(row->value[0]));
  }
}

/* ---- the whole ---- */

static void
print_error(struct record *r)
{
  line(LAST_ERROR, log_text(record_get(r, 0)), when(record_u64(r, 1)),
       log_text(record_get(r, 2)));
}

static void
print_verdict(void)
{
  char text[700];
  char const *values[] = {number((uint64_t)st.verdict), text};

  if (st.programs && st.down == st.programs) {
    st.verdict = NOT_RUNNING;
    values[0] = number(NOT_RUNNING);
    snprintf(text, sizeof text, "the server does not run");
  } else if (!st.problems)
    snprintf(text, sizeof text, "all is well");
  else
    snprintf(text, sizeof text, "%u problem%s: %s%s", st.problems,
             st.problems > 1 ? "s" : "", st.first, st.problems > 1 ? "; ..." : "");
  if (ctl.records)
    print_record("verdict", values, 2);
  else
    printf("\n%s\n", text);
}

int
command_status(char const *const *argv)
{
  struct settings_row const *row = NULL;
  struct look l;

  (void)argv;
  st.printed = -1;
  while ((row = settings_next(&ctl.settings, "instance", row))) {
    st.instance = row->value[2];
    look_at_program(row->value[2], &l, NULL, keep_listener);
    print_look(PROGRAM, &l);
  }
  while ((row = settings_next(&ctl.settings, "service", row))) {
    look_at_service(row, &l);
    print_look(SERVICE, &l);
  }
  print_omitted();
  each_kept(&rows, print_listener);
  print_certificates();
  each_kept(&st.errors, print_error);
  print_verdict();
  return st.verdict;
}
