#include "ctl.h"

#include "jid/jid.h"
#include "scram/scram.h"

#include <skalibs/strerr.h>

#include <openssl/crypto.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* account import: a line an account. The keys of a password cost some 20 ms of CPU, so they are
 * derived here, by a process for each processor, and authd goes on with its logins meanwhile:
 *
 *   1. a line whose address cannot be, or has an account already, is refused at once
 *   2. passwords go to the workers in turn, and keys come back in the same order
 *   3. authd is asked to make an account of each address and its keys, IMPORT_REQUESTS_MAX at
 *      a time
 *
 * An account whose making authd has confirmed is on the disk. When the import is killed the
 * others are not there, and the same import again makes them: those that are there cost
 * nothing. Messages name a line by its number and never quote the line, which may hold a
 * password. */

#define HASHED_MAX (IMPORT_WORKERS_MAX * IMPORT_AHEAD_MAX)
#define PROGRESS_S 5

struct worker {
  FILE *to, *from;
  pid_t pid;
};

/* A line whose keys are awaited. */
struct hashed {
  unsigned long line;
  char jid[JID_MAX + 1];
};

struct name {
  size_t len;
  char s[];
};

static struct {
  struct client *client;
  struct worker workers[IMPORT_WORKERS_MAX];
  unsigned int n;
  struct table there; /* the accounts that there were at the start */
  struct hashed hashed[HASHED_MAX];
  unsigned long sent, back; /* passwords to the workers, keys from them */
  unsigned long asked_of[IMPORT_REQUESTS_MAX]; /* numbers of lines, in a ring */
  unsigned long asked, answered;
  unsigned long line, added, failed;
  time_t said;
} im;

/* ---- workers ---- */

/* Answer each password with a line of keys; an empty line: no password can be so. The keys of all
 * hashes are salted anew for each. */
static void
work(FILE *in, FILE *out, uint32_t iterations)
{
  static char line[LINE_ROOM + 1];
  stralloc text = STRALLOC_ZERO;
  struct scram_keys k[SCRAM_HASHES];

  while (fgets(line, sizeof line, in)) {
    line[strcspn(line, "\n")] = 0;
    text.len = 0;
    if (scram_derive_all(slice_str(line), iterations, k)) {
      if (!scram_keys_cat(&text, k)) _exit(111);
    } else if (errno != EINVAL)
      _exit(111);
    if (!stralloc_catb(&text, "\n", 1) || fwrite(text.s, 1, text.len, out) != text.len ||
        fflush(out))
      _exit(111);
  }
  OPENSSL_cleanse(k, sizeof k);
  OPENSSL_cleanse(line, sizeof line);
  _exit(0);
}

static void
start_worker(struct worker *w, uint32_t iterations)
{
  int to[2], from[2];

  if (pipe(to) || pipe(from)) strerr_diefusys(111, "make a pipe");
  w->pid = fork();
  if (w->pid < 0) strerr_diefusys(111, "fork");
  close(to[w->pid ? 0 : 1]);
  close(from[w->pid ? 1 : 0]);
  w->to = fdopen(w->pid ? to[1] : from[1], "w");
  w->from = fdopen(w->pid ? from[0] : to[0], "r");
  if (!w->to || !w->from) strerr_diefusys(111, "open a pipe");
  if (!w->pid) work(w->from, w->to, iterations);
}

/* As authd would count: its own settings say how often. */
static uint32_t
iterations(void)
{
  struct settings st = SETTINGS_ZERO;
  char dir[512];
  uint64_t n;

  snprintf(dir, sizeof dir, "%s/settings", ctl.state);
  if (!settings_open(&st, dir, "xmpp-authd"))
    strerr_diefusys(111, "read ", dir, "/xmpp-authd");
  n = settings_u64(&st, "scram_iterations", SLICE("*"));
  settings_close(&st);
  if (!n || n > SCRAM_ITERATIONS_MAX) strerr_dief(111, "no scram_iterations in ", dir);
  return (uint32_t)n;
}

static void
start_workers(void)
{
  long n = sysconf(_SC_NPROCESSORS_ONLN);
  uint32_t times = iterations();

  im.n = n < 1 ? 1 : n > IMPORT_WORKERS_MAX ? IMPORT_WORKERS_MAX : (unsigned int)n;
  fflush(stdout);
  for (n = 0; n < (long)im.n; n++)
    start_worker(&im.workers[n], times);
}

/* ---- accounts that are there ---- */

static struct slice
name_key(void const *item)
{
  struct name const *x = item;

  return slice_of(x->s, x->len);
}

static void
take_name(struct record *r)
{
  struct slice jid = record_get(r, 1);
  struct name *x = malloc(sizeof *x + jid.len);

  if (!x) strerr_diefusys(111, "remember the accounts");
  x->len = jid.len;
  memcpy(x->s, jid.s, jid.len);
  if (table_get(&im.there, jid) || !table_put(&im.there, x)) free(x);
}

/* ---- the steps ---- */

static void
refuse(unsigned long line, char const *why)
{
  fprintf(stderr, "xmpp-ctl: import: line %lu: %s\n", line, why);
  im.failed++;
}

static void
take_answer(void)
{
  char who[64];

  snprintf(who, sizeof who, "import: line %lu",
           im.asked_of[im.answered++ % IMPORT_REQUESTS_MAX]);
  if (client_answer(im.client, who, NULL))
    im.added++;
  else
    im.failed++;
}

/* Step 3 for the line whose keys a worker is to give next. */
static void
take_keys(void)
{
  struct hashed const *h = &im.hashed[im.back % HASHED_MAX];
  FILE *from = im.workers[im.back++ % im.n].from;
  static char keys[LINE_ROOM];

  if (!fgets(keys, sizeof keys, from)) strerr_dief(111, "a process for passwords ended");
  keys[strcspn(keys, "\n")] = 0;
  if (!*keys) {
    refuse(h->line,
           "that password is empty, too long, or has characters that no password "
           "may have");
    return;
  }
  if (im.asked - im.answered == IMPORT_REQUESTS_MAX) take_answer();
  client_ask(im.client, "account", "keys", h->jid, keys, NULL);
  im.asked_of[im.asked++ % IMPORT_REQUESTS_MAX] = h->line;
}

static bool
is_served(struct slice host)
{
  struct settings_row const *row = NULL;

  while ((row = settings_next(&ctl.settings, "host", row)))
    if (slice_eq(row->value[0], host)) return true;
  return false;
}

/* The prepared address in out, or the words for its fault. */
static char const *
check_address(char const *text, char out[JID_MAX + 1])
{
  struct arena a = ARENA_ZERO;
  char const *why = NULL;
  struct jid j;

  if (!jid_parse(&a, slice_str(text), &j) || !j.local.len || j.resource.len)
    why = "that is not an address of the form user@host";
  else if (!is_served(j.domain))
    why = "that host is not served here";
  else if (table_get(&im.there, j.bare))
    why = "that account exists already";
  else {
    memcpy(out, j.bare.s, j.bare.len);
    out[j.bare.len] = 0;
  }
  arena_wipe(&a);
  return why;
}

/* Steps 1 and 2. NULL, or the words for the fault of the line. */
static char const *
take_line(char *line)
{
  struct hashed *h;
  char *tab = strchr(line, '\t');
  char const *why;
  FILE *to;

  if (!tab) return "the line has no TAB";
  *tab = 0;
  if (im.sent - im.back == (unsigned long)im.n * IMPORT_AHEAD_MAX) take_keys();
  h = &im.hashed[im.sent % HASHED_MAX];
  why = check_address(line, h->jid);
  if (why) return why;
  h->line = im.line;
  to = im.workers[im.sent++ % im.n].to;
  if (fprintf(to, "%s\n", tab + 1) < 0 || fflush(to))
    strerr_diefusys(111, "write to a process for passwords");
  return NULL;
}

static void
progress(void)
{
  time_t now = time(NULL);

  if (now - im.said < PROGRESS_S) return;
  im.said = now;
  fprintf(stderr, "xmpp-ctl: import: at line %lu: %lu added, %lu failed\n", im.line,
          im.added, im.failed);
}

static void
take_lines(void)
{
  static char line[LINE_ROOM];
  char const *wrong;
  bool end;

  for (;;) {
    wrong = account_read_line(line, &end);
    if (end) break;
    im.line++;
    if (!wrong && *line) wrong = take_line(line);
    if (wrong) refuse(im.line, wrong);
    progress();
  }
  while (im.back < im.sent) {
    take_keys();
    progress();
  }
  while (im.answered < im.asked)
    take_answer();
}

int
account_import(struct client *c)
{
  unsigned int i;

  im.client = c;
  im.there.key = name_key;
  im.said = time(NULL);
  client_ask(c, "account", "list", "", NULL);
  if (!client_answer(c, "authd", take_name)) return 1;
  start_workers();
  take_lines();
  for (i = 0; i < im.n; i++)
    fclose(im.workers[i].to);
  for (i = 0; i < im.n; i++)
    waitpid(im.workers[i].pid, NULL, 0);
  printf(ctl.records ? "imported\t%lu\t%lu\n" : "%lu added, %lu failed\n", im.added,
         im.failed);
  return im.failed ? 1 : 0;
}
