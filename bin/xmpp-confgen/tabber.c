#include "confgen.h"

#include <stdio.h>

/* tabber: our own options; which instances run, and how they find each other. */

/* Root's own number is no daemon's; 4294967295 is no user's. */
#define UIDS_MIN 100
#define UIDS_MAX 2000000000

static struct yaml_node const *services;
static uint64_t instances[PROGRAMS_N]; /* of each program, by its number */

void
compile_reset_instances(void)
{
  size_t i;

  job.wanted = 0;
  services = NULL;
  services_reset();
  for (i = 0; i < PROGRAMS_N; i++)
    instances[i] = 1;
}

#define INSTANCES_MAX 64

static void
set_instances(struct yaml_node const *n)
{
  enum program p = program_find(n->key);
  char path[128];
  uint64_t v;

  snprintf(path, sizeof path, "tabber.instances.%s", n->key.s);
  if (!p || program_runs(p) != RUNS_SEVERAL)
    say_error(n, path, "only tlsd and c2sd can run as several instances");
  else if (n->kind != YAML_SCALAR || !slice_u64(n->text, &v) || !v || v > INSTANCES_MAX)
    say_error(n, path, "expected a number from 1 to %d", INSTANCES_MAX);
  else
    instances[program_number(p)] = v;
}

/* Options of the whole server that are one value each. log/run reads log (service/daemon/log), as it
 * does log_rotate_size and log_rotate_count. */
static char const single[] =
  "anonymous_sessions anonymous_sessions_per_address "
  "captcha checkpassword connections_per_address dnssec log "
  "push_floor push_presence registration_burst removal_grace reserved_names resolvers "
  "s2s_allow_addresses s2s_deny_addresses scram_iterations trust_anchors";

/* n NULL: the default, if there is one. */
static void
set_single(struct option const *o, struct yaml_node const *n)
{
  struct yaml_node d = default_node(o, NULL);
  struct slice v;
  char path[64];

  if (!n && !o->dflt) return;
  snprintf(path, sizeof path, "tabber.%s", o->name);
  v = option_value(&job.arena, o, n ? n : &d, path);
  if (v.s) emit_slice(o->owner, o->name, SLICE("*"), v);
}

static void
set_singles(struct yaml_node const *tabber)
{
  struct slice rest = slice_str(single), word;

  while (slice_word(&rest, ' ', &word)) {
    struct option const *o = option_find("tabber", word);
    set_single(o, yaml_get(tabber, o->name));
  }
}

/* A mapping of options of the whole server: web: {url: the address of the server's web listeners, as
 * clients see it}, invites: {access_invite: who may invite}. */
static void
set_mapping(struct yaml_node const *n, char const *name)
{
  char path[64], key[64];
  struct yaml_node const *c;
  struct slice v;

  snprintf(path, sizeof path, "tabber.%s", name);
  if (!n || !expect_map(n, path)) return;
  for (c = n->first; c; c = c->next) {
    struct option const *o = option_find(path, c->key);
    snprintf(key, sizeof key, "%s.%s", name, o ? o->name : "");
    v = o ? option_value(&job.arena, o, c, path) : (struct slice){NULL, 0};
    if (!o)
      say_unknown(c, path, "option", option_nearest(path, c->key));
    else if (v.s)
      emit_slice(o->owner, key, SLICE("*"), v);
  }
}

/* All accounts of a host may invite, unless the file says otherwise. */
static void
set_invites(struct yaml_node const *n)
{
  struct option const *o = option_find("tabber.invites", SLICE("access_invite"));

  if (!yaml_get(n, o->name))
    emit(o->owner, "invites.access_invite", SLICE("*"), o->dflt, NULL);
  set_mapping(n, "invites");
}

/* Where programs have users at all; a user who is not root has none to give. */
static void
set_uids(struct yaml_node const *n)
{
  uint64_t v;

  if (n->kind != YAML_SCALAR || !slice_u64(n->text, &v) || v < UIDS_MIN || v > UIDS_MAX)
    say_error(n, "tabber.uids", "expected a number from %d to %d", UIDS_MIN, UIDS_MAX);
  else if (job.uids)
    job.uids = (uint32_t)v;
}

static void
unknown_tabber_option(struct yaml_node const *n)
{
  struct yaml_node at = *n;

  at.line = n->key_line;
  at.col = n->key_col;
  say_error(&at, "tabber",
            "unknown option %s; known: anonymous_sessions, "
            "anonymous_sessions_per_address, archive, captcha, checkpassword, "
            "connections_per_address, "
            "dnssec, instances, invites, log, pages, "
            "push_floor, push_presence, registration_burst, removal_grace, "
            "reserved_names, resolvers, "
            "s2s_allow_addresses, s2s_deny_addresses, scram_iterations, services, "
            "trust_anchors, uids, "
            "web",
            n->key.s);
}

/* ---- archive: how long, and how much, is kept ---- */

static char const *const archive_options[] = {"max_age", "max_messages"};

/* 0 is no limit; ages are whole seconds. */
static void
put_archive(struct option const *o, struct slice value, struct slice as)
{
  char key[64], number[BASE_NUM];
  uint64_t v = 0;

  snprintf(key, sizeof key, "archive.%s", o->name);
  if (slice_u64(value, &v) && o->type == T_TIMEOUT_INF) v /= 1000;
  emit(o->owner, key, as, num_u64(number, v).s, NULL);
}

/* whole: what n does not say has no limit, though it may have one for all. n NULL: nothing is
 * said. */
static void
set_archive(struct yaml_node const *n, struct slice as, bool whole)
{
  struct yaml_node const *c;
  size_t i;

  if (n && !expect_map(n, "tabber.archive")) return;
  for (c = n ? n->first : NULL; c; c = c->next)
    if (!option_find("tabber.archive", c->key))
      say_unknown(c, "tabber.archive", "option",
                  option_nearest("tabber.archive", c->key));
  for (i = 0; i < sizeof archive_options / sizeof *archive_options; i++) {
    struct option const *o = option_find("tabber.archive", slice_str(archive_options[i]));
    struct slice v = SLICE("infinity");
    char path[64];
    snprintf(path, sizeof path, "tabber.archive.%s", o->name);
    c = yaml_get(n, o->name);
    if (c) v = option_value(&job.arena, o, c, path);
    if (v.s && (c || whole)) put_archive(o, v, as);
  }
}

void
compile_host_tabber(struct yaml_node const *tabber, struct slice host, bool adds)
{
  struct yaml_node const *n;

  if (!expect_map(tabber, "tabber")) return;
  for (n = tabber->first; n; n = n->next) {
    if (slice_is(n->key, "archive"))
      set_archive(n, host, !adds);
    else
      say_error(n, "tabber", "%s is for the whole server, not for a host", n->key.s);
  }
}

/* ---- all of them ---- */

void
compile_tabber(struct yaml_node const *tabber)
{
  struct yaml_node const *n, *c;

  if (tabber && !expect_map(tabber, "tabber")) return;
  set_singles(tabber);
  set_archive(yaml_get(tabber, "archive"), SLICE("*"), true);
  set_mapping(tabber ? yaml_get(tabber, "web") : NULL, "web");
  set_invites(tabber ? yaml_get(tabber, "invites") : NULL);
  for (n = tabber ? tabber->first : NULL; n; n = n->next) {
    if (slice_is(n->key, "uids"))
      set_uids(n);
    else if (slice_is(n->key, "services"))
      services = n; /* when the numbers of users are known */
    else if (slice_is(n->key, "pages"))
      compile_pages(n);
    else if (slice_is(n->key, "archive") || slice_is(n->key, "web") ||
             slice_is(n->key, "invites") || slice_has_word(slice_str(single), n->key))
      continue;
    else if (!slice_is(n->key, "instances"))
      unknown_tabber_option(n);
    else if (expect_map(n, "tabber.instances"))
      for (c = n->first; c; c = c->next)
        set_instances(c);
  }
}

/* ---- how the programs find each other ---- */

static char const *
instance_name(char buf[32], enum program p, uint64_t i)
{
  if (i == 1)
    snprintf(buf, 32, "%s", program_name(p) + 5);
  else
    snprintf(buf, 32, "%s-%llu", program_name(p) + 5, (unsigned long long)i);
  return buf;
}

static bool
is_run(enum program p)
{
  return program_runs(p) == RUNS_IF_WANTED ? job.wanted & p : program_runs(p) != RUNS_NOT;
}

/* The programs to which p keeps a link; each learns as whom the other runs. */
static void
emit_links(enum program p)
{
  struct slice rest = slice_str(program_links(p)), word;
  char name[32];
  uint64_t k;

  while (slice_word(&rest, ' ', &word)) {
    enum program to = program_find(word);
    if (!is_run(to)) continue;
    for (k = 1; k <= instances[program_number(to)]; k++)
      emit(p, "connect", SLICE("*"), instance_name(name, to, k), NULL);
    emit_peer(p, to);
    emit_peer(to, p);
  }
}

static void
emit_instances(enum program p)
{
  char name[32], number[BASE_NUM];
  uint64_t k;

  for (k = 1; k <= instances[program_number(p)]; k++) {
    instance_name(name, p, k);
    if (program_roles(p) & (ROLE_EDGE | ROLE_SERVICE))
      emit(ROUTED, "expect", SLICE("*"), name, NULL);
    emit(CTL, "instance", SLICE("*"), program_name(p), num_u64(number, k).s, name, NULL);
  }
}

void
compile_topology(void)
{
  char number[BASE_NUM];
  unsigned int i;

  if (instances[program_number(TLSD)] > 1)
    emit(TLSD, "reuseport", SLICE("*"), "true", NULL);
  compile_services(services);
  if (job.uids) emit(CTL, "uids", SLICE("*"), num_u64(number, job.uids).s, NULL);
  for (i = 0; i < PROGRAMS_N; i++) {
    enum program p = (enum program)(1u << i);
    if (!is_run(p)) continue;
    emit_links(p);
    emit_instances(p);
  }
}
