/* xmpp-extauthd: runs the programs of the administrator that check passwords, for xmpp-authd.
 *
 * USAGE   xmpp-extauthd [ -d notif ] [ -v level ] [ -i instance ] [ -p ] settings
 * READS   settings/xmpp-extauthd      (from xmpp-confgen; again on SIGHUP)
 * FDS     2 log, notif readiness; with -p 0 and 1 records; sockets to its children
 * SPEAKS  verify and verified with authd (xmpp-records(7)); ejabberd's protocol, or that of
 *         checkpassword, with its children
 * LIMITS  EXTAUTH_WORKERS_MAX processes, EXTAUTH_QUEUE_MAX questions that wait, and
 *         EXTAUTH_NAMES_MAX about names, EXTAUTH_ANSWER_US for an answer, EXTAUTH_QUESTION_MAX
 *         bytes of a question, EXTAUTH_CACHE_MAX known passwords
 * EXIT    0 SIGTERM or end of input; 100 usage or bad settings; 111 system call
 * TRUSTS  settings, authd, and the answers of the programs
 * ROOMS   pool.c processes that stay; checkpassword.c one for each question; process.c children; cache.c
 *         passwords that were right
 */
#include "extauthd.h"

#include <skalibs/bytestr.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

char const *PROG = "xmpp-extauthd";

struct extauth_totals extauth_totals;

struct host {
  struct host *next;
  char *name;
  struct pool *pool; /* NULL: the host has no extauth_program */
  uint64_t cache_us; /* 0: answers of the program are not kept */
};

static struct {
  struct host *first;
  char *checkpassword;
} now;

/* Counts the links of authd. An authd that was started again counts its questions anew: an answer to
 * one of before would be that of another. */
static uint64_t run;

static char const *const needs[] = {"checkpassword", "extauth_cache", NULL};

/* Words of verify, and the operations of ejabberd's protocol that they stand for. */
static struct {
  char const *word, *operation;
} const operations[] = {
  {"",       "auth"       },
  {"set",    "setpass"    },
  {"make",   "tryregister"},
  {"remove", "removeuser" },
  {"exists", "isuser"     },
};

#define AUTH 0u
#define REMOVE 3u
#define EXISTS 4u
#define OPERATIONS (sizeof operations / sizeof *operations)

static size_t
operation_of(struct slice word)
{
  size_t i = 0;

  while (i < OPERATIONS && !slice_is(word, operations[i].word))
    i++;
  return i;
}

bool
question_is_nobodys(struct question const *q)
{
  return q->run != run;
}

void
question_answer(struct question *q, char const *result)
{
  struct link *authd = question_is_nobodys(q) ? NULL : link_find(AUTHD);

  if (!strcmp(result, "failed")) extauth_totals.failed++;
  if (q->life_us && q->changes == cache_changes() && !strcmp(result, "yes"))
    cache_put(q->user, q->mac, q->life_us);
  if (q->operation == REMOVE && strcmp(result, "yes") != 0)
    log_event(LOG_WARN, "checker-removes-not", "jid", log_text(slice_str(q->user)), "why",
              result, NULL);
  if (authd) {
    link_begin(authd, VERB_VERIFIED);
    link_num(authd, q->id);
    link_str(authd, result);
    link_end(authd);
  }
  byte_zzero(q->bytes, q->len);
  byte_zzero((char *)q->mac, sizeof q->mac);
  free(q->user);
  free(q);
}

/* ---- questions ---- */

static struct question *
question_new(uint64_t id, struct slice host, struct slice user, size_t room)
{
  struct question *q = calloc(1, sizeof *q + room);

  if (!q) return NULL;
  q->id = id;
  q->run = run;
  q->user = malloc(user.len + host.len + 2);
  if (q->user) {
    snprintf(q->user, user.len + host.len + 2, "%.*s@%.*s", (int)user.len, user.s,
             (int)host.len, host.s);
    return q;
  }
  free(q);
  return NULL;
}

static void
put(struct question *q, struct slice text, char behind)
{
  if (text.len) memcpy(q->bytes + q->len, text.s, text.len);
  q->len += text.len;
  q->bytes[q->len++] = behind;
}

/* operation:user:host:password behind its length; removeuser and isuser have no password. */
static void
ask_pool(struct pool *p, struct question *q, struct slice host, struct slice user,
         struct slice password)
{
  q->len = 2;
  put(q, slice_str(operations[q->operation].operation), ':');
  put(q, user, ':');
  put(q, host, ':');
  if (q->operation != REMOVE && q->operation != EXISTS) put(q, password, ':');
  q->len--;
  q->bytes[0] = (char)((q->len - 2) >> 8);
  q->bytes[1] = (char)((q->len - 2) & 255);
  pool_ask(p, q);
}

static void
ask_checkpassword(struct question *q, struct slice password)
{
  put(q, slice_str(q->user), 0);
  put(q, password, 0);
  put(q, SLICE("x"), 0);
  checkpassword_ask(now.checkpassword, q);
}

static struct host const *
host_of(struct slice host)
{
  struct host const *h;

  for (h = now.first; h; h = h->next)
    if (slice_is(host, h->name)) return h;
  return NULL;
}

/* Answer q from what is known, or have it known when it is answered. An account whose password changes, or
 * that ends, is forgotten before the program hears of it. */
static bool
is_known(struct question *q, struct slice password, uint64_t life_us)
{
  if (q->operation == EXISTS) return false;
  if (q->operation != AUTH) {
    cache_forget(q->user);
    return false;
  }
  if (!life_us || !cache_mac(password, q->mac)) return false;
  if (cache_has(q->user, q->mac)) {
    extauth_totals.known++;
    question_answer(q, "yes");
    return true;
  }
  q->life_us = life_us;
  q->changes = cache_changes();
  return false;
}

static void
say(struct link *l, uint64_t id, char const *result)
{
  link_begin(l, VERB_VERIFIED);
  link_num(l, id);
  link_str(l, result);
  link_end(l);
}

/* Say whether the answer is no without a question: a name with a colon or a NUL would be another one, an
 * empty password is nobody's, and checkpassword programs change nothing. */
static bool
is_refused(struct slice user, struct slice password, size_t operation,
           struct pool const *p)
{
  return operation == OPERATIONS || (operation && !p) ||
         (operation != REMOVE && operation != EXISTS && !password.len) ||
         memchr(password.s, 0, password.len) || memchr(user.s, ':', user.len);
}

/* ID HOST USER PASSWORD WORD */
static void
on_verify(struct link *l, struct record *r)
{
  uint64_t id = record_u64(r, 1);
  struct slice host = record_get(r, 2), user = record_get(r, 3),
               password = record_get(r, 4);
  size_t room = host.len + 2 * user.len + password.len + 20;
  size_t operation = operation_of(record_get(r, 5));
  struct host const *h = host_of(host);
  struct pool *p = h ? h->pool : NULL;
  struct question *q;

  extauth_totals.asked++;
  if (room > EXTAUTH_QUESTION_MAX || is_refused(user, password, operation, p)) {
    say(l, id, "no");
    return;
  }
  q = p || *now.checkpassword ? question_new(id, host, user, room) : NULL;
  if (q) {
    q->operation = operation;
    q->is_of_a_name = operation == EXISTS;
    q->since_us = door_now();
  }
  if (!q)
    say(l, id, "failed");
  else if (is_known(q, password, p ? h->cache_us : 0))
    return;
  else if (p)
    ask_pool(p, q, host, user, password);
  else
    ask_checkpassword(q, password);
}

/* ---- settings ---- */

static void
drop(void *fresh)
{
  (void)fresh;
}

static void *
read_settings(struct settings *st)
{
  return st;
}

/* As many as processors, unless the option says how many. */
static unsigned int
pool_size(struct settings const *st, struct slice host)
{
  long n = (long)settings_u64(st, "extauth_pool_size", host);

  if (!n) n = sysconf(_SC_NPROCESSORS_ONLN);
  return n < 1                           ? 1
         : n > (long)EXTAUTH_WORKERS_MAX ? EXTAUTH_WORKERS_MAX
                                         : (unsigned int)n;
}

/* The processes are those of the new settings; who waits for an old one is told that it failed. */
static void
take(void *fresh, bool first)
{
  struct settings *st = fresh;
  struct settings_row const *row = NULL;
  struct host *h;

  (void)first;
  while ((h = now.first)) {
    now.first = h->next;
    pool_free(h->pool);
    free(h->name);
    free(h);
  }
  cache_empty(); /* another program may know others */
  free(now.checkpassword);
  now.checkpassword = slice_dup(settings_get(st, "checkpassword", SLICE("*")));
  while ((row = settings_next(st, "host", row))) {
    struct slice program = settings_get(st, "extauth_program", row->value[0]);
    char *command = slice_dup(program);
    h = calloc(1, sizeof *h);
    if (!h || !command) {
      free(h);
      free(command);
      break;
    }
    h->name = slice_dup(row->value[0]);
    h->cache_us = 1000000 * settings_u64(st, "extauth_cache", row->value[0]);
    if (program.len) h->pool = pool_new(command, pool_size(st, row->value[0]));
    h->next = now.first;
    now.first = h;
    free(command);
  }
}

static bool
start(void)
{
  prctl(PR_SET_DUMPABLE, 0);
  return now.checkpassword != NULL;
}

static void
stop(void)
{
  struct host *h;

  for (h = now.first; h; h = h->next) {
    pool_free(h->pool);
    h->pool = NULL;
  }
}

static void
down(struct link *l)
{
  if (l->program == AUTHD) run++;
}

static bool
stopped(void)
{
  return true;
}

static void
stats(struct link *ctl)
{
  service_stat(ctl, "asked", extauth_totals.asked);
  service_stat(ctl, "failed", extauth_totals.failed);
  service_stat(ctl, "started", extauth_totals.started);
  service_stat(ctl, "known", extauth_totals.known);
}

static service_fn *const handlers[VERBS_N] = {
  [VERB_VERIFY] = on_verify,
};

static struct service const service = {
  .program = "xmpp-extauthd",
  .sockets = true,
  .handlers = handlers,
  .needs = needs,
  .read = read_settings,
  .take = take,
  .drop = drop,
  .start = start,
  .down = down,
  .stop = stop,
  .stopped = stopped,
  .stats = stats,
};

int
main(int argc, char const *const *argv)
{
  return service_main(&service, argc, argv);
}
