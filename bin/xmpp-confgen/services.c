#include "confgen.h"

#include <skalibs/djbunix.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* tabber.services: programs of the administrator's own, which xmpp-up supervises like tabber's.
 *
 *     tabber:
 *       services:
 *         NAME: {run: [PROGRAM, ARG...], role: service|web, settings: {KEY: VALUE...}}
 *
 * Each gets settings of its own (settings/xmpp-NAME) and, where programs have users, a number that stays:
 * the file --users keeps the numbers of all names that ever were, `NAME PLACE` a line. */

#define NAME_MAX_LEN 24

/* The service of the handler tabber_metrics: xmpp-ctl, with a user that may ask for figures. */
#define MONITOR "metrics"

struct own {
  stralloc rows;      /* of settings/xmpp-NAME */
  unsigned int place; /* behind job.uids; 0: none yet */
  char name[NAME_MAX_LEN + 1];
};

static struct own own[SERVICES_MAX + 1]; /* and MONITOR */
static unsigned int own_n;
static bool monitored;

/* ---- places ---- */

static stralloc places = STRALLOC_ZERO; /* the file --users, and what is new */
static unsigned int place_next;

/* Set *place to what a line says. false: another name's, or no such line. */
static bool
line_is_of(struct slice line, char const *name, unsigned int *place)
{
  struct slice word = {0};
  uint64_t n;

  if (!slice_word(&line, ' ', &word) || !slice_u64(line, &n) || n > USERS_SERVICES * 1000)
    return false;
  if (n >= place_next) place_next = (unsigned int)n + 1;
  *place = (unsigned int)n;
  return slice_is(word, name);
}

static unsigned int
place_of(char const *name)
{
  struct slice rest = slice_of(places.s, places.len), line;
  unsigned int place, found = 0;
  char text[NAME_MAX_LEN + 16];

  place_next = USERS_SERVICES;
  while (slice_word(&rest, '\n', &line))
    if (line_is_of(line, name, &place)) found = place;
  if (found) return found;
  snprintf(text, sizeof text, "%s %u\n", name, place_next);
  if (!stralloc_cats(&places, text)) return 0;
  return place_next;
}

static bool
read_places(void)
{
  places.len = 0;
  return !job.users || openslurpclose(&places, job.users) || errno == ENOENT;
}

bool
services_write_places(void)
{
  char fresh[500];

  if (!job.users || !own_n) return true;
  snprintf(fresh, sizeof fresh, "%s.new", job.users);
  return openwritenclose_unsafe(fresh, places.s, places.len) && !rename(fresh, job.users);
}

/* ---- one service ---- */

static void
put(struct own *o, char const *key, struct slice const *values, unsigned int n)
{
  bool ok = record_put_verb(&o->rows, key) && record_put(&o->rows, SLICE("*"));
  unsigned int i;

  for (i = 0; i < n; i++)
    ok = ok && record_put(&o->rows, values[i]);
  if (!ok || !record_put_end(&o->rows)) said.errors++;
}

/* A name is a word that is no program of tabber's, as itself or as an instance. */
static bool
name_holds(struct yaml_node const *n, char const *path)
{
  static char const letters[] = "abcdefghijklmnopqrstuvwxyz";
  size_t i, len = n->key.len;
  bool ok = len && len <= NAME_MAX_LEN && memchr(letters, n->key.s[0], 26);

  for (i = 0; ok && i < len; i++)
    ok = memchr(letters, n->key.s[i], 26) || (n->key.s[i] >= '0' && n->key.s[i] <= '9') ||
         n->key.s[i] == '_';
  if (!ok)
    say_error(n, path, "a service's name has letters a to z, digits and _, %d at most",
              NAME_MAX_LEN);
  else if (program_find(n->key))
    say_error(n, path, "%s is a program of tabber's own", n->key.s);
  return ok && !program_find(n->key);
}

static void
set_run(struct own *o, struct yaml_node const *n, char const *path)
{
  struct yaml_node const *c;

  if (n->kind != YAML_LIST || !n->first) {
    say_error(n, path, "expected a list: the program and its arguments");
    return;
  }
  for (c = n->first; c; c = c->next)
    if (c->kind != YAML_SCALAR || (c == n->first && !c->text.len))
      say_error(c, path, "expected a word");
    else
      emit_slice(CTL, "arg", slice_str(o->name), c->text);
}

static void
set_settings(struct own *o, struct yaml_node const *n, char const *path)
{
  static char const *const taken[] = {
    "connect", "data", "hide_sensitive_log_data", "host", "program", "run", "verbosity"};
  struct yaml_node const *c;
  size_t i;

  if (!expect_map(n, path)) return;
  for (c = n->first; c; c = c->next) {
    for (i = 0; i < sizeof taken / sizeof *taken; i++)
      if (slice_is(c->key, taken[i])) break;
    if (i < sizeof taken / sizeof *taken)
      say_error(c, path, "%s is written by xmpp-confgen", taken[i]);
    else if (c->kind != YAML_SCALAR)
      say_error(c, path, "expected a word");
    else
      put(o, c->key.s, &c->text, 1);
  }
}

/* The rows that lib/service reads in every program: as xmpp-ctl has them. */
static void
put_common(struct own *o)
{
  static char const *const keys[] = {"verbosity\t", "hide_sensitive_log_data\t"};
  struct slice rest = emit_rows(program_number(CTL)), line;
  size_t i;

  while (slice_word(&rest, '\n', &line))
    for (i = 0; i < sizeof keys / sizeof *keys; i++)
      if (slice_starts(line, keys[i]) && !(stralloc_catb(&o->rows, line.s, line.len) &&
                                           stralloc_catb(&o->rows, "\n", 1)))
        said.errors++;
}

/* A service that asks for figures, too, has two roles at xmpp-webd. */
static char const *
roles_at(struct own const *o, enum program to)
{
  if (strcmp(o->name, MONITOR) != 0 || !monitored) return role_name(ROLE_SERVICE);
  return to == WEBD ? "service monitor" : role_name(ROLE_MONITOR);
}

/* The service may connect to the router, or to xmpp-webd for web requests, in the role of a
 * service. */
static void
put_links(struct own *o, enum program to)
{
  struct slice word = slice_str(program_name(to) + 5);
  struct slice peer[] = {word, {0}, slice_str(role_name(program_roles(to)))};
  char number[BASE_NUM], user[BASE_NUM];
  size_t i;

  put(o, "connect", &word, 1);
  put_common(o);
  for (i = 0; i < job.hosts_n; i++)
    put(o, "host", &job.hosts[i], 1);
  if (job.uids) {
    o->place = place_of(o->name);
    peer[1] = num_u64(user, job.uids + program_number(to));
    put(o, "program", peer, 3);
  }
  emit(to, "program", SLICE("*"), o->name,
       job.uids ? num_u64(number, job.uids + o->place).s : "-", roles_at(o, to), NULL);
  if (to == ROUTED) emit(ROUTED, "expect", SLICE("*"), o->name, NULL);
  emit(CTL, "service", SLICE("*"), o->name,
       job.uids ? num_u64(number, job.uids + o->place).s : "-", word.s, NULL);
}

/* The neighbour of a service by its role: a service of stanzas, which is usual, or of web requests. */
static enum program
neighbour(struct yaml_node const *role, char const *path)
{
  if (!role || (role->kind == YAML_SCALAR && slice_is(role->text, "service")))
    return ROUTED;
  if (role->kind != YAML_SCALAR || !slice_is(role->text, "web"))
    say_error(role, path, "expected service or web");
  else if (!(job.wanted & WEBD))
    say_warning(role, path, "no listener of module ejabberd_http has requests for it");
  return WEBD;
}

static struct own *
add(char const *name)
{
  struct own *o = &own[own_n++];

  snprintf(o->name, sizeof o->name, "%s", name);
  o->rows.len = 0;
  o->place = 0;
  return o;
}

static void
set_service(struct yaml_node const *n)
{
  struct yaml_node const *c;
  char path[128], at[160];
  struct own *o;

  snprintf(path, sizeof path, "tabber.services.%.40s", n->key.s);
  if (!name_holds(n, path) || !expect_map(n, path)) return;
  if (own_n == SERVICES_MAX) {
    say_error(n, path, "more than %d services", SERVICES_MAX);
    return;
  }
  if (monitored && slice_is(n->key, MONITOR)) {
    say_error(n, path, "the handler tabber_metrics has a service of this name");
    return;
  }
  o = add(n->key.s);
  if (!yaml_get(n, "run")) say_error(n, path, "run is missing: the program to start");
  for (c = n->first; c; c = c->next) {
    snprintf(at, sizeof at, "%s.%.24s", path, c->key.s);
    if (slice_is(c->key, "run"))
      set_run(o, c, at);
    else if (slice_is(c->key, "settings"))
      set_settings(o, c, at);
    else if (!slice_is(c->key, "role"))
      say_error(c, at, "unknown option; known: role, run, settings");
  }
  snprintf(at, sizeof at, "%s.role", path);
  put_links(o, neighbour(yaml_get(n, "role"), at));
}

void
services_monitor(void)
{
  monitored = true;
}

/* Every program lets the monitor ask for figures. */
static void
add_monitor(void)
{
  static char const *const run[] = {"xmpp-ctl", "metrics", "serve"};
  char number[BASE_NUM];
  struct own *o = add(MONITOR);
  size_t i;

  for (i = 0; i < sizeof run / sizeof *run; i++)
    emit(CTL, "arg", slice_str(o->name), run[i], NULL);
  put_links(o, WEBD);
  emit(DAEMONS & ~WEBD, "program", SLICE("*"), o->name,
       job.uids ? num_u64(number, job.uids + o->place).s : "-", roles_at(o, 0), NULL);
}

void
compile_services(struct yaml_node const *n)
{
  struct yaml_node const *c;

  if (n && !expect_map(n, "tabber.services")) return;
  for (c = n ? n->first : NULL; c; c = c->next)
    set_service(c);
  if (monitored) add_monitor();
}

/* The monitor looks at all that xmpp-ctl looks at. */
static bool
cat_instances(struct own *o)
{
  struct slice rest = emit_rows(program_number(CTL)), line;
  bool ok = true;

  while (ok && slice_word(&rest, '\n', &line))
    if (slice_starts(line, "instance\t") || slice_starts(line, "service\t"))
      ok = stralloc_catb(&o->rows, line.s, line.len) && stralloc_catb(&o->rows, "\n", 1);
  return ok;
}

void
services_reset(void)
{
  own_n = 0;
  monitored = false;
  if (read_places()) return;
  fprintf(stderr, "xmpp-confgen: warning: %s cannot be read: %s\n", job.users,
          strerror(errno));
  said.errors++;
}

bool
services_write(char const *dir)
{
  char path[600];
  unsigned int i;

  for (i = 0; i < own_n; i++) {
    snprintf(path, sizeof path, "%.500s/xmpp-%.24s", dir, own[i].name);
    if (monitored && !strcmp(own[i].name, MONITOR) && !cat_instances(&own[i]))
      return false;
    if (!emit_file(path, slice_of(own[i].rows.s, own[i].rows.len), 0600,
                   job.uids ? job.uids + own[i].place : 0, job.uids + USERS_GROUP))
      return false;
  }
  return true;
}
