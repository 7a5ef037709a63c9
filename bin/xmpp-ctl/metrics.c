#include "ctl.h"

#include "certname/certname.h"
#include "record/programs.h"

#include <skalibs/strerr.h>

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* metrics: figures in the text format of Prometheus, version 0.0.4. All samples are
 * gathered before they are printed, for those of one name stand together, behind its
 * HELP and TYPE. */

#define NAME_MAX_BYTES 128
#define LABELS_MAX_BYTES 2048

struct sample {
  char *name, *labels, *help;
  char const *type;
  char value[32];
  size_t place; /* in the order of gathering */
};

static struct {
  struct sample *v;
  size_t n;
  struct slice instance; /* the one that is looked at */
} all;

/* ---- names of figures ---- */

/* Stats with a type and a help of their own. program "" is every program. A star at
 * the end of stat stands for the words that become the value of label. A metric is
 * called name, or PROGRAM_STAT where name is NULL; the name of a counter gets _total.
 * A stat without a row is the metric PROGRAM_STAT without a type. */
static struct figure {
  char const *program, *stat, *name, *label, *type, *help;
} const figures[] = {
  {"",        "links",             "links",                        NULL,     "gauge",   "Links to other programs that are up."   },
  {"",        "output_bytes",      "queue_bytes",                  NULL,     "gauge",
   "Bytes that wait to be written to other programs."                                                                            },
  {"",        "bounced",           "bounced",                      NULL,     "counter", "Stanzas answered with an error."        },
  {"",        "dropped",           "dropped",                      NULL,     "counter", "Stanzas dropped without an answer."     },
  {"",        "returned",          "returned",                     NULL,     "counter",
   "Stanzas that came back to their senders."                                                                                    },
  {"tlsd",    "refused_*",         "tlsd_refused_by_reason",       "reason", "counter",
   "Connections refused, by reason."                                                                                             },
  {"uploadd", "refused_requests",  "uploadd_refused_requests",     NULL,     "counter",
   "Web requests refused."                                                                                                       },
  {"uploadd", "puts_refused",      "uploadd_puts_refused",         NULL,     "counter",
   "Uploads refused, by reason."                                                                                                 },
  {"uploadd", "slots",             NULL,                           NULL,     "counter", "Slots given."                           },
  {"uploadd", "uploads",           NULL,                           NULL,     "counter", "Files uploaded."                        },
  {"uploadd", "upload_bytes",      NULL,                           NULL,     "counter", "Bytes of files uploaded."               },
  {"uploadd", "downloads",         NULL,                           NULL,     "counter", "Files downloaded."                      },
  {"uploadd", "download_bytes",    NULL,                           NULL,     "counter", "Bytes of files downloaded."             },
  {"",        "refused_*",         "refused_by_rule",              "rule",   "counter",
   "Stanzas bounced, dropped or returned, by the rule that decided."                                                             },
  {"tlsd",    "connections",       NULL,                           NULL,     "gauge",   "Connections that are open."             },
  {"tlsd",    "accepted",          NULL,                           NULL,     "counter", "Connections accepted."                  },
  {"tlsd",    "handshakes",        NULL,                           NULL,     "counter", "TLS handshakes done."                   },
  {"tlsd",    "resumptions",       NULL,                           NULL,     "counter",
   "TLS handshakes that resumed a session."                                                                                      },
  {"tlsd",    "handshakes_failed", NULL,                           NULL,     "counter", "TLS handshakes that failed."            },
  {"tlsd",    "bytes_in",          NULL,                           NULL,     "counter", "Bytes read from clients."               },
  {"tlsd",    "bytes_out",         NULL,                           NULL,     "counter", "Bytes written to clients."              },
  {"tlsd",    "bytes_waiting",     NULL,                           NULL,     "gauge",   "Bytes that wait for clients."           },
  {"c2sd",    "streams",           NULL,                           NULL,     "gauge",   "Streams of clients, also before login." },
  {"c2sd",    "sessions",          NULL,                           NULL,     "gauge",   "Sessions with a client."                },
  {"c2sd",    "away",              NULL,                           NULL,     "gauge",   "Sessions whose client may resume them." },
  {"c2sd",    "kept_bytes",        NULL,                           NULL,     "gauge",
   "Bytes of stanzas that clients have not acknowledged."                                                                        },
  {"c2sd",    "logins",            NULL,                           NULL,     "counter", "Logins that succeeded."                 },
  {"c2sd",    "logins_failed",     NULL,                           NULL,     "counter", "Logins that failed."                    },
  {"c2sd",    "logins_untried",    NULL,                           NULL,     "counter",
   "Attempts at logins that tried no secret."                                                                                    },
  {"c2sd",    "logins_failed_*",   "c2sd_logins_failed_by_reason", "reason", "counter",
   "Logins that failed, by reason."                                                                                              },
  {"authd",   "succeeded",         NULL,                           NULL,     "counter", "SASL exchanges that succeeded."         },
  {"authd",   "failed",            NULL,                           NULL,     "counter", "SASL exchanges that failed."            },
  {"authd",   "untried",           NULL,                           NULL,     "counter", "SASL exchanges that tried no secret."   },
  {"authd",   "open",              NULL,                           NULL,     "gauge",   "SASL exchanges that go on."             },
  {"authd",   "crowded_out",       NULL,                           NULL,     "counter",
   "SASL exchanges that made room for others."                                                                                   },
  {"authd",   "accounts",          "accounts",                     NULL,     "gauge",   "Accounts of all hosts."                 },
  {"s2sd",    "streams_in",        NULL,                           NULL,     "gauge",   "Streams that other servers have opened."},
  {"s2sd",    "streams_out",       NULL,                           NULL,     "gauge",   "Streams to other servers."              },
  {"s2sd",    "streams_unproven",  NULL,                           NULL,     "gauge",
   "Streams of servers that have not proven a domain yet."                                                                       },
  {"s2sd",    "streams_resumable", NULL,                           NULL,     "gauge",
   "Lost streams with other servers that may be resumed."                                                                        },
  {"s2sd",    "pairs",             NULL,                           NULL,     "gauge",
   "Pairs of a domain here and one of another server that are remembered."                                                       },
  {"s2sd",    "dials",             NULL,                           NULL,     "gauge",   "Attempts to reach other servers."       },
  {"s2sd",    "queued",            NULL,                           NULL,     "gauge",   "Stanzas that wait for other servers."   },
  {"s2sd",    "queued_bytes",      NULL,                           NULL,     "gauge",
   "Bytes of stanzas that wait for other servers."                                                                               },
  {"s2sd",    "failures_*",        "s2sd_failures_by_step",        "step",   "counter",
   "Attempts to talk with other servers that failed, by step."                                                                   },
  {"dnsd",    "resolutions",       NULL,                           NULL,     "gauge",   "Domains that are being looked up."      },
  {"dnsd",    "questions",         NULL,                           NULL,     "gauge",
   "Questions to name servers without an answer."                                                                                },
  {"routed",  "sessions",          NULL,                           NULL,     "gauge",   "Sessions of all accounts."              },
  {"routed",  "accounts_online",   NULL,                           NULL,     "gauge",   "Accounts with a session."               },
  {"routed",  "stanzas",           NULL,                           NULL,     "counter", "Stanzas routed."                        },
  {"routed",  "kept_bytes",        NULL,                           NULL,     "gauge",
   "Bytes of stanzas that are kept until they are delivered."                                                                    },
  {"userd",   "stanzas",           NULL,                           NULL,     "counter", "Stanzas handled."                       },
  {"userd",   "sessions",          NULL,                           NULL,     "gauge",   "Sessions that have shown presence."     },
  {"userd",   "users",             NULL,                           NULL,     "gauge",   "Accounts that have shown presence."     },
  {"hostd",   "stanzas",           NULL,                           NULL,     "counter", "Stanzas handled."                       },
  {"mamd",    "stored",            NULL,                           NULL,     "counter", "Messages stored."                       },
  {"mamd",    "messages",          NULL,                           NULL,     "gauge",   "Messages that are stored."              },
  {"mamd",    "waiting",           NULL,                           NULL,     "gauge",   "Messages that wait for accounts."       },
  {"pubsubd", "stanzas",           NULL,                           NULL,     "counter", "Stanzas handled."                       },
  {"pubsubd", "events",            NULL,                           NULL,     "counter", "Events sent, one for each address."     },
  {"pubsubd", "nodes",             NULL,                           NULL,     "gauge",   "Nodes that are stored."                 },
  {"pubsubd", "items",             NULL,                           NULL,     "gauge",   "Items that are stored."                 },
  {"pushd",   "registrations",     NULL,                           NULL,     "gauge",
   "Registrations for push notifications."                                                                                       },
  {"pushd",   "notifications",     NULL,                           NULL,     "counter", "Push notifications sent."               },
  {"pushd",   "results",           NULL,                           NULL,     "counter", "Push notifications that were taken."    },
  {"pushd",   "errors",            NULL,                           NULL,     "counter", "Push notifications that were refused."  },
  {"pushd",   "timeouts",          NULL,                           NULL,     "counter", "Push notifications without an answer."  },
  {"webd",    "answered",          "webd_answers_by_handler",      NULL,     "counter",
   "Answers to web requests, by handler and status."                                                                             },
  {"webd",    "answered_bytes",    "webd_answer_bytes",            NULL,     "counter",
   "Bytes of bodies of answers to web requests, by handler and status."                                                          },
  {"webd",    "answers_*",         "webd_answers_by_status",       "status", "counter",
   "Answers to web requests, by the first digit of the status."                                                                  },
  {"webd",    "bosh_sessions",     NULL,                           NULL,     "gauge",   "Sessions of BOSH."                      },
  {"webd",    "websockets",        NULL,                           NULL,     "gauge",   "WebSockets that are open."              },
  {"compd",   "components",        NULL,                           NULL,     "gauge",   "Components that are connected."         },
};

/* The part of stat for which the star of f stands; s NULL: f is not about stat. */
static struct slice
star_of(struct figure const *f, struct slice program, struct slice stat)
{
  size_t n = strlen(f->stat);

  if (f->program[0] && !slice_is(program, f->program)) return slice_of(NULL, 0);
  if (f->stat[n - 1] != '*')
    return slice_is(stat, f->stat) ? SLICE("") : slice_of(NULL, 0);
  if (stat.len < n || memcmp(stat.s, f->stat, n - 1) != 0) return slice_of(NULL, 0);
  return slice_of(stat.s + n - 1, stat.len - (n - 1));
}

/* Write the name of a metric, of characters that a name may have. */
static void
write_name(char name[NAME_MAX_BYTES], struct figure const *f, struct slice program,
           struct slice stat)
{
  char *c;

  if (f && f->name)
    snprintf(name, NAME_MAX_BYTES, "%s%s", f->name,
             !strcmp(f->type, "counter") ? "_total" : "");
  else
    snprintf(name, NAME_MAX_BYTES, "%.*s_%.*s%s", (int)program.len, program.s,
             (int)stat.len, stat.s, f && !strcmp(f->type, "counter") ? "_total" : "");
  for (c = name; *c; c++)
    if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_", *c))
      *c = '_';
}

/* ---- gathering ---- */

/* A value in quotes: backslash, quote and newline are escaped. */
static void
put_quoted(char *labels, size_t *at, struct slice value)
{
  size_t i;

  labels[(*at)++] = '"';
  for (i = 0; i < value.len && *at < LABELS_MAX_BYTES - 16; i++) {
    char c = value.s[i];
    if (c == '\\' || c == '"' || c == '\n') labels[(*at)++] = '\\';
    labels[(*at)++] = c == '\n' ? 'n' : c;
  }
  labels[(*at)++] = '"';
}

static void
keep(char const *name, char const *type, char const *help, char const *value,
     char const *labels)
{
  struct sample *v = realloc(all.v, (all.n + 1) * sizeof *v), *s;

  if (!v) strerr_diefusys(111, "gather figures");
  all.v = v;
  s = &v[all.n];
  *s = (struct sample){
    strdup(name), strdup(labels), strdup(help), type, {0}, all.n,
  };
  if (!s->name || !s->labels || !s->help) strerr_diefusys(111, "gather figures");
  snprintf(s->value, sizeof s->value, "%s", value);
  all.n++;
}

/* A sample; behind value the names and values of labels, the last NULL. Labels without
 * a value are left out. */
static void
add(char const *name, char const *type, char const *help, char const *value, ...)
{
  char labels[LABELS_MAX_BYTES] = "";
  char const *label, *text;
  size_t at = 0;
  va_list ap;

  va_start(ap, value);
  while ((label = va_arg(ap, char const *))) {
    text = va_arg(ap, char const *);
    if (!text || !*text || at + strlen(label) + 16 > sizeof labels) continue;
    at += (size_t)sprintf(labels + at, "%s%s=", at ? "," : "", label);
    put_quoted(labels, &at, slice_str(text));
    labels[at] = 0;
  }
  va_end(ap);
  keep(name, type, help, value, labels);
}

/* The labels of a stat record that has some, two at most, and their texts. */
static void
labels_of(struct record *r, char const *labels[4])
{
  size_t i;

  for (i = 0; i < 4; i++)
    labels[i] = r->n > 4 ? log_text(record_get(r, 3 + i)) : "";
}

/* A stat record of the instance that is looked at becomes a sample. */
static void
add_stat(struct record *r)
{
  struct slice stat = record_get(r, 1), value = record_get(r, 2), star = {NULL, 0};
  struct slice program = program_word(all.instance);
  struct figure const *f = NULL;
  char name[NAME_MAX_BYTES], help[256], reason[128] = "";
  char const *labels[4];
  uint64_t n;
  size_t i;

  if (!slice_u64(value, &n)) return;
  for (i = 0; !star.s && i < sizeof figures / sizeof *figures; i++) {
    star = star_of(&figures[i], program, stat);
    if (star.s) f = &figures[i];
  }
  snprintf(reason, sizeof reason, "%.*s", (int)star.len, star.s ? star.s : "");
  for (i = 0; reason[i]; i++)
    if (reason[i] == '_') reason[i] = '-';
  write_name(name, f, program, stat);
  labels_of(r, labels);
  snprintf(help, sizeof help, "The stat %.*s of xmpp-%.*s.", (int)stat.len, stat.s,
           (int)program.len, program.s);
  add(name, f ? f->type : "untyped", f ? f->help : help, log_num(n), "instance",
      log_text(all.instance), f && f->label ? f->label : "", reason, labels[0], labels[1],
      labels[2], labels[3], NULL);
}

static void
add_row(struct record *r)
{
  if (slice_is(record_get(r, 1), "listener"))
    add("listener_open", "gauge", "1 when the socket of a listener is open.",
        slice_is(record_get(r, 3), "open") ? "1" : "0", "instance",
        log_text(all.instance), "listener", log_text(record_get(r, 2)), NULL);
}

static char const *
seconds(uint64_t us)
{
  char text[32];

  snprintf(text, sizeof text, "%llu.%06llu", (unsigned long long)(us / 1000000),
           (unsigned long long)(us % 1000000));
  return log_text(slice_str(text));
}

static void
add_look(struct look const *l)
{
  char const *name = log_text(l->name);

  add("up", "gauge", "1 when a program is ready, or a service is connected.",
      l->state == LOOK_UP ? "1" : "0", "instance", name, NULL);
  add("restarts_total", "counter",
      "Ends of a program or service since the server was started.", log_num(l->restarts),
      "instance", name, NULL);
  if (l->version[0])
    add("info", "gauge", "The version of a program, as a label.", "1", "instance", name,
        "version", l->version, NULL);
  if (!l->process.pid) return;
  add("process_cpu_seconds_total", "counter", "CPU time of a process.",
      seconds(l->process.cpu_us), "instance", name, NULL);
  add("process_memory_bytes", "gauge",
      "Memory that is a process's alone and not of a file.", log_num(l->process.memory),
      "instance", name, NULL);
  add("process_start_time_seconds", "gauge",
      "The second since 1970 when a process was started.", log_num(l->process.since_s),
      "instance", name, NULL);
}

static void
add_certificates(void)
{
  struct settings_row const *row = NULL;
  struct look_certificate c;
  char days[32];
  bool asked;

  while ((row = settings_next(&ctl.settings, "host", row))) {
    struct certname_span span;
    if (!look_at_certificate(row->value[0], &c, &asked)) continue;
    span = (struct certname_span){(int64_t)c.from, (int64_t)c.until};
    snprintf(days, sizeof days, "%lld", (long long)certname_days(&span, time(NULL)));
    add("certificate_days", "gauge",
        "Days until the certificate of a host expires; below 0 it has expired.", days,
        "host", log_text(row->value[0]), "file", c.file, NULL);
    add("certificate_fits", "gauge",
        "1 when the certificate that is shown for a host has its name.",
        c.fits ? "1" : "0", "host", log_text(row->value[0]), "file", c.file, NULL);
  }
}

/* ---- printing ---- */

static int
compare(void const *a, void const *b)
{
  struct sample const *x = a, *y = b;
  int by_name = strcmp(x->name, y->name);

  return by_name ? by_name : x->place < y->place ? -1 : 1;
}

static void
print_all(FILE *out)
{
  size_t i;

  qsort(all.v, all.n, sizeof *all.v, compare);
  for (i = 0; i < all.n; i++) {
    struct sample const *s = &all.v[i];
    if (!i || strcmp(s->name, s[-1].name) != 0)
      fprintf(out, "# HELP tabber_%s %s\n# TYPE tabber_%s %s\n", s->name, s->help,
              s->name, s->type);
    if (s->labels[0])
      fprintf(out, "tabber_%s{%s} %s\n", s->name, s->labels, s->value);
    else
      fprintf(out, "tabber_%s %s\n", s->name, s->value);
  }
}

static void
forget_all(void)
{
  while (all.n) {
    struct sample *s = &all.v[--all.n];
    free(s->name);
    free(s->labels);
    free(s->help);
  }
  free(all.v);
  all.v = NULL;
}

void
metrics_write(FILE *out)
{
  struct settings_row const *row = NULL;
  struct look l;

  while ((row = settings_next(&ctl.settings, "instance", row))) {
    all.instance = row->value[2];
    look_at_program(row->value[2], &l, add_stat, add_row);
    add_look(&l);
  }
  while ((row = settings_next(&ctl.settings, "service", row))) {
    look_at_service(row, &l);
    add_look(&l);
  }
  add_certificates();
  print_all(out);
  forget_all();
}

int
command_metrics(char const *const *argv)
{
  if (argv[0] && !ctl.monitors) strerr_dieusage(100, "metrics [ serve ]");
  if (ctl.monitors) return metrics_serve();
  metrics_write(stdout);
  return 0;
}
