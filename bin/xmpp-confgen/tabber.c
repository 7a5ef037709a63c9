#include "confgen.h"

#include <stdio.h>

/* tabber: our own options; which instances run, and how they find each other. */

/* on_demand: it runs only when a host has a module of it. */
static struct {
  char const *program;
  uint64_t n;
  unsigned int on_demand;
} instances[] = {
  {"xmpp-tlsd",   1, 0   },
  {"xmpp-c2sd",   1, 0   },
  {"xmpp-routed", 1, 0   },
  {"xmpp-authd",  1, 0   },
  {"xmpp-userd",  1, 0   },
  {"xmpp-hostd",  1, 0   },
  {"xmpp-mamd",   1, MAMD},
};

void
compile_reset_instances(void)
{
  size_t i;

  job.wanted = 0;
  for (i = 0; i < sizeof instances / sizeof *instances; i++)
    instances[i].n = 1;
}

#define INSTANCES_MAX 64

static void
set_instances(struct yaml_node const *n)
{
  char path[128];
  unsigned int i;
  uint64_t v;

  snprintf(path, sizeof path, "tabber.instances.%s", n->key.s);
  /* Only the fronts and the client streams can share their work. */
  for (i = 0; i < 2; i++)
    if (slice_is(n->key, instances[i].program) ||
        slice_is(n->key, instances[i].program + 5))
      break;
  if (i == 2)
    say_error(n, path, "only tlsd and c2sd can run as several instances");
  else if (n->kind != YAML_SCALAR || !slice_u64(n->text, &v) || !v || v > INSTANCES_MAX)
    say_error(n, path, "expected a number from 1 to %d", INSTANCES_MAX);
  else
    instances[i].n = v;
}

static void
set_iterations(struct yaml_node const *n)
{
  uint64_t v;

  if (n->kind != YAML_SCALAR || !slice_u64(n->text, &v) || v < SCRAM_ITERATIONS_MIN ||
      v > SCRAM_ITERATIONS_MAX)
    say_error(n, "tabber.scram_iterations", "expected a number from %d to %d",
              SCRAM_ITERATIONS_MIN, SCRAM_ITERATIONS_MAX);
  else
    emit_slice(AUTHD, "scram_iterations", SLICE("*"), n->text);
}

static void
unknown_tabber_option(struct yaml_node const *n)
{
  struct yaml_node at = *n;

  at.line = n->key_line;
  at.col = n->key_col;
  say_error(&at, "tabber",
            "unknown option %s; known: archive, instances, scram_iterations", n->key.s);
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

/* whole: what n does not say has no limit, though it may have one for all. */
static void
set_archive(struct yaml_node const *n, struct slice as, bool whole)
{
  struct yaml_node const *c;
  size_t i;

  if (!expect_map(n, "tabber.archive")) return;
  for (c = n->first; c; c = c->next)
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

  if (!expect_map(tabber, "tabber")) return;
  for (n = tabber->first; n; n = n->next) {
    if (slice_is(n->key, "scram_iterations"))
      set_iterations(n);
    else if (slice_is(n->key, "archive"))
      set_archive(n, SLICE("*"), false);
    else if (!slice_is(n->key, "instances"))
      unknown_tabber_option(n);
    else if (expect_map(n, "tabber.instances"))
      for (c = n->first; c; c = c->next)
        set_instances(c);
  }
}

/* ---- how the programs find each other ---- */

static char const *
instance_name(char buf[32], char const *program, uint64_t i)
{
  if (i == 1)
    snprintf(buf, 32, "%s", program + 5);
  else
    snprintf(buf, 32, "%s-%llu", program + 5, (unsigned long long)i);
  return buf;
}

void
compile_topology(void)
{
  struct slice any = SLICE("*");
  char name[32], number[BASE_NUM];
  unsigned int i;
  uint64_t k;

  for (k = 1; k <= instances[1].n; k++)
    emit(TLSD, "connect", any, instance_name(name, "xmpp-c2sd", k), NULL);
  for (k = 1; k <= instances[1].n; k++)
    emit(ROUTED, "expect", any, instance_name(name, "xmpp-c2sd", k), NULL);
  emit(C2SD, "connect", any, "routed", NULL);
  emit(C2SD, "connect", any, "authd", NULL);
  emit(USERD, "connect", any, "routed", NULL);
  emit(MAMD, "connect", any, "routed", NULL);
  emit(HOSTD, "connect", any, "routed", NULL);
  emit(HOSTD, "connect", any, "authd", NULL);
  if (instances[0].n > 1) emit(TLSD, "reuseport", any, "true", NULL);
  for (i = 0; i < sizeof instances / sizeof *instances; i++) {
    if (instances[i].on_demand & ~job.wanted) continue;
    if (program_roles(program_find(slice_str(instances[i].program))) & ROLE_SERVICE)
      emit(ROUTED, "expect", any, instances[i].program + 5, NULL);
    for (k = 1; k <= instances[i].n; k++)
      emit(CTL, "instance", any, instances[i].program, num_u64(number, k).s,
           instance_name(name, instances[i].program, k), NULL);
  }
}
