#include "confgen.h"

#include <glob.h>
#include <stdio.h>
#include <string.h>

struct compiling job;

#define ALL_DAEMONS (TLSD | C2SD | ROUTED | AUTHD | HOSTD)

/* ---- hosts ---- */

static void
add_host(struct yaml_node const *n)
{
  struct slice name = n->kind == YAML_SCALAR ? jid_prep_domain(&job.arena, n->text)
                                             : (struct slice){NULL, 0};
  size_t i;

  if (!name.s) {
    say_error(n, "hosts", "\"%s\" is not a domain name",
              n->kind == YAML_SCALAR ? n->text.s : "");
    return;
  }
  for (i = 0; i < job.hosts_n; i++)
    if (slice_eq(job.hosts[i], name)) {
      say_error(n, "hosts", "%s is given twice", n->text.s);
      return;
    }
  job.hosts[job.hosts_n++] = name;
  emit_slice(ALL_DAEMONS | CTL, "host", SLICE("*"), name);
}

static void
compile_hosts(struct yaml_node const *n)
{
  struct yaml_node const *c;
  size_t count = 1;

  for (c = n->first; c; c = c->next)
    count++;
  job.hosts = arena_alloc(&job.arena, count * sizeof *job.hosts);
  if (!job.hosts) return;
  if (n->kind == YAML_SCALAR) {
    say_note(n, "hosts", "a list is usual; taken as a list of one");
    add_host(n);
  } else if (n->kind == YAML_LIST)
    for (c = n->first; c; c = c->next)
      add_host(c);
  if (!job.hosts_n) say_error(n, "hosts", "at least one host is needed");
}

/* ---- certificates ---- */

static void
add_certfile(struct yaml_node const *n)
{
  glob_t g;
  int rc;

  if (n->kind != YAML_SCALAR || !n->text.len) {
    say_error(n, "certfiles", "expected a path, or a pattern of paths");
    return;
  }
  emit_slice(TLSD | CTL, "certfile", SLICE("*"), n->text);
  if (job.no_files) return;
  rc = glob(n->text.s, GLOB_BRACE, NULL, &g);
  if (rc == GLOB_NOMATCH) say_warning(n, "certfiles", "no file matches %s", n->text.s);
  globfree(&g);
}

static void
compile_certfiles(struct yaml_node const *n)
{
  struct yaml_node const *c;

  if (n->kind == YAML_SCALAR) add_certfile(n);
  for (c = n->first; c; c = c->next)
    add_certfile(c);
}

/* ---- tabber: our own options ---- */

static struct {
  char const *program;
  uint64_t n;
} instances[] = {
  {"xmpp-tlsd",   1},
  {"xmpp-c2sd",   1},
  {"xmpp-routed", 1},
  {"xmpp-authd",  1},
  {"xmpp-hostd",  1},
};

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

  /* RFC 7677 s4 asks for 4096 at least. */
  if (n->kind != YAML_SCALAR || !slice_u64(n->text, &v) || v < 4096 || v > 10000000)
    say_error(n, "tabber.scram_iterations", "expected a number from 4096 to 10000000");
  else
    emit_slice(AUTHD, "scram_iterations", SLICE("*"), n->text);
}

void
compile_tabber(struct yaml_node const *tabber)
{
  struct yaml_node const *n, *c;

  for (n = tabber->first; n; n = n->next) {
    if (slice_is(n->key, "instances")) {
      for (c = n->first; c; c = c->next)
        set_instances(c);
    } else if (slice_is(n->key, "scram_iterations")) {
      set_iterations(n);
    } else
      say_error(n, "tabber", "unknown option %s; known: instances, scram_iterations",
                n->key.s);
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

static void
compile_dev_certs(char const *dir)
{
  char pattern[512];

  if (!dir) return;
  snprintf(pattern, sizeof pattern, "%s/*.pem", dir);
  emit(TLSD | CTL, "certfile", SLICE("*"), pattern, NULL);
}

static void
compile_topology(void)
{
  struct slice any = SLICE("*");
  char name[32], number[BASE_NUM];
  unsigned int i;
  uint64_t k;

  for (k = 1; k <= instances[1].n; k++)
    emit(TLSD, "connect", any, instance_name(name, "xmpp-c2sd", k), NULL);
  emit(C2SD, "connect", any, "routed", NULL);
  emit(C2SD, "connect", any, "authd", NULL);
  emit(HOSTD, "connect", any, "routed", NULL);
  if (instances[0].n > 1) emit(TLSD, "reuseport", any, "true", NULL);
  for (i = 0; i < sizeof instances / sizeof *instances; i++)
    for (k = 1; k <= instances[i].n; k++)
      emit(CTL, "instance", any, instances[i].program, num_u64(number, k).s,
           instance_name(name, instances[i].program, k), NULL);
}

/* ---- plain options ---- */

static void
compile_option(struct yaml_node const *n)
{
  struct option const *o = option_find(n->key, GLOBAL);
  char const *near;
  struct slice v;

  if (!o) {
    near = option_nearest(n->key, GLOBAL);
    say_error(n, n->key.s, "unknown option%s%s%s", near ? "; did you mean " : "",
              near ? near : "", near ? "?" : "");
    return;
  }
  if (o->type == T_SPECIAL) return;
  v = option_value(&job.arena, o, n, o->name);
  if (v.s)
    emit_slice(o->owner, o->type == T_LOGLEVEL ? "verbosity" : o->name, SLICE("*"), v);
}

/* What the file does not say, as if it did. */
static void
compile_defaults(enum scope scope, struct yaml_node const *given, struct slice as)
{
  size_t i;

  for (i = 0; i < options_n; i++) {
    struct option const *o = &options[i];
    struct yaml_node n = {.kind = YAML_SCALAR, .file = job.file, .line = 1, .col = 1};
    struct slice v;
    if (o->scope != scope || !o->dflt || yaml_get(given, o->name)) continue;
    n.text = slice_str(o->dflt);
    v = option_value(&job.arena, o, &n, o->name);
    if (v.s) emit_slice(o->owner, o->type == T_LOGLEVEL ? "verbosity" : o->name, as, v);
  }
}

static void
compile_top(struct yaml_node *top)
{
  struct yaml_node const *hosts = yaml_get(top, "hosts"), *n;

  if (!hosts) hosts = yaml_get(top, "host");
  if (hosts)
    compile_hosts(hosts);
  else
    say_error(top, "hosts", "the option is missing: which domains are served?");
  for (n = top->first; n; n = n->next)
    compile_option(n);
  compile_defaults(GLOBAL, top, SLICE("*"));
  compile_defaults(HOST, top, SLICE("*"));
  if ((n = yaml_get(top, "certfiles"))) compile_certfiles(n);
  if ((n = yaml_get(top, "tabber"))) compile_tabber(n);
  n = yaml_get(top, "listen");
  if (n)
    compile_listen(n);
  else
    say_warning(top, "listen", "nobody listens: no client can connect");
  compile_dev_certs(job.dev_certs);
  compile_topology();
}

bool
compile(char const *file)
{
  struct yaml_node *top = yaml_read(&job.arena, file, say_yaml);

  job.file = file;
  if (!top) return false;
  job.top = top;
  if (!yaml_expand(&job.arena, top, yaml_get(top, "define_macro"), say_yaml))
    return false;
  compile_top(top);
  return !said.errors;
}
