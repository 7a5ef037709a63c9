#include "confgen.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

/* listen: a list of listeners, each a mapping with port and module. A listener's name in the
 * settings is its address: "[::]:5222", "unix:/path". */

struct seen {
  struct seen *next;
  struct yaml_node const *node;
  struct slice ip;
  uint64_t port;
};

static struct seen *all;

static struct slice
text_of(struct yaml_node const *n, char const *dflt)
{
  return n && n->kind == YAML_SCALAR ? n->text : slice_str(dflt);
}

static bool
ip_holds(struct yaml_node const *n, struct slice ip)
{
  unsigned char buf[16];

  if (inet_pton(AF_INET, ip.s, buf) == 1 || inet_pton(AF_INET6, ip.s, buf) == 1)
    return true;
  say_error(n, "listen.ip", "\"%s\" is not an IP address", ip.s);
  return false;
}

static bool
is_any(struct slice ip)
{
  return slice_is(ip, "::") || slice_is(ip, "0.0.0.0");
}

/* The same port twice: on the same address, or with the address of all machines. */
static bool
overlaps(struct yaml_node const *n, struct slice ip, uint64_t port)
{
  struct seen *s;

  for (s = all; s; s = s->next) {
    if (s->port != port || (!port && !slice_eq(s->ip, ip))) continue;
    if (!slice_eq(s->ip, ip) && !is_any(s->ip) && !is_any(ip)) continue;
    say_error(n, "listen", "overlaps with the listener in line %u: the same port",
              s->node->line);
    return true;
  }
  s = arena_alloc(&job.arena, sizeof *s);
  if (!s) return true;
  *s = (struct seen){all, n, ip, port};
  all = s;
  return false;
}

/* The address of a listener; its name into buf. false after an error. */
static bool
read_address(struct yaml_node const *n, char *buf, size_t len, struct slice *ip,
             uint64_t *port)
{
  struct yaml_node const *p = yaml_get(n, "port"), *a = yaml_get(n, "ip");
  struct slice text = text_of(p, "");

  *ip = text_of(a, "0.0.0.0");
  *port = 0;
  if (!p) {
    say_error(n, "listen.port", "the option is missing");
    return false;
  }
  if (slice_starts(text, "unix:/")) {
    *ip = text;
    snprintf(buf, len, "%s", text.s);
    return !overlaps(n, *ip, 0);
  }
  if (!slice_u64(text, port) || !*port || *port > 65535) {
    say_error(p, "listen.port",
              "expected a port from 1 to 65535, or unix:/path, got \"%s\"", text.s);
    return false;
  }
  if (!ip_holds(a ? a : n, *ip)) return false;
  snprintf(buf, len, strchr(ip->s, ':') ? "[%s]:%s" : "%s:%s", ip->s, text.s);
  return !overlaps(n, *ip, *port);
}

static bool
is_true(struct yaml_node const *n, char const *name)
{
  struct option const b = {.name = name, .type = T_BOOL};
  struct yaml_node const *v = yaml_get(n, name);
  char path[64];

  snprintf(path, sizeof path, "listen.%s", name);
  return v && slice_is(option_value(&job.arena, &b, v, path), "true");
}

static char const *
tls_mode(struct yaml_node const *n)
{
  bool required = is_true(n, "starttls_required"), starttls = is_true(n, "starttls");

  if (is_true(n, "tls")) {
    if (starttls || required)
      say_warning(n, "listen.tls",
                  "STARTTLS is not offered on a listener with tls: true");
    return "direct";
  }
  if (required) return "starttls_required";
  return starttls ? "starttls" : "none";
}

static void
compile_options(struct yaml_node const *n, struct slice name)
{
  struct yaml_node const *c;
  size_t i;

  for (c = n->first; c; c = c->next) {
    struct option const *o = option_find(c->key, LISTENER);
    char path[128];
    struct slice v;
    snprintf(path, sizeof path, "listen.%s", c->key.s);
    if (!o) {
      char const *near = option_nearest(c->key, LISTENER);
      say_error(c, path, "unknown option of ejabberd_c2s%s%s%s",
                near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
    } else if (o->type != T_SPECIAL) {
      v = option_value(&job.arena, o, c, path);
      if (v.s) emit_slice(o->owner, o->name, name, v);
    }
  }
  for (i = 0; i < options_n; i++) {
    struct yaml_node d = {
      .kind = YAML_SCALAR, .file = n->file, .line = n->line, .col = n->col};
    struct slice v;
    if (options[i].scope != LISTENER || !options[i].dflt || yaml_get(n, options[i].name))
      continue;
    d.text = slice_str(options[i].dflt);
    v = option_value(&job.arena, &options[i], &d, options[i].name);
    if (v.s) emit_slice(options[i].owner, options[i].name, name, v);
  }
}

static void
compile_listener(struct yaml_node const *n)
{
  struct slice module = text_of(yaml_get(n, "module"), ""), ip, name;
  char buf[256], port_text[BASE_NUM];
  uint64_t port;

  if (n->kind != YAML_MAP) {
    say_error(n, "listen", "a listener is a mapping of port, module and options");
    return;
  }
  if (!slice_is(module, "ejabberd_c2s")) {
    say_error(n, "listen.module",
              "\"%s\" is no listener that works here; known: ejabberd_c2s", module.s);
    return;
  }
  if (!read_address(n, buf, sizeof buf, &ip, &port)) return;
  name = arena_copy(&job.arena, slice_str(buf));
  emit(TLSD | C2SD, "listener", name, ip.s, num_u64(port_text, port).s, "c2s", NULL);
  emit(TLSD | C2SD, "tls", name, tls_mode(n), NULL);
  compile_options(n, name);
}

void
compile_listen(struct yaml_node const *listen)
{
  struct yaml_node const *n;

  if (listen->kind != YAML_LIST) {
    say_error(listen, "listen", "expected a list of listeners");
    return;
  }
  for (n = listen->first; n; n = n->next)
    compile_listener(n);
}
