#include "confgen.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

/* listen: a list of listeners, each a mapping with port and module. A listener's name in the
 * settings is its address: "[::]:5222", "unix:/path". */

/* sun_path of unix(7), and its NUL. */
#define UNIX_PATH_MAX 107

struct seen {
  struct seen *next;
  struct yaml_node const *node;
  struct slice ip, transport;
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

/* A way to write an address. */
static struct slice
canonical(struct slice ip)
{
  unsigned char bytes[16];
  char text[INET6_ADDRSTRLEN];
  struct slice out;

  if (inet_pton(AF_INET6, ip.s, bytes) != 1) return ip;
  if (!inet_ntop(AF_INET6, bytes, text, sizeof text)) return ip;
  out = arena_copy(&job.arena, slice_str(text));
  return out.s ? out : ip;
}

static bool
is_any(struct slice ip)
{
  return slice_is(ip, "::") || slice_is(ip, "0.0.0.0");
}

/* Say whether two values mean the same. */
static bool
same_value(struct yaml_node const *a, struct yaml_node const *b)
{
  struct yaml_node const *c, *d;

  if (a->kind != b->kind || !slice_eq(a->text, b->text)) return false;
  for (c = a->first, d = b->first; c && d; c = c->next, d = d->next) {
    if (a->kind == YAML_MAP) {
      struct yaml_node const *other = yaml_get(b, c->key.s);
      if (!other || !same_value(c, other)) return false;
    } else if (!same_value(c, d))
      return false;
  }
  return !c && !d;
}

/* The same port twice: on the same address, or with the address of all machines. */
static bool
overlaps(struct yaml_node const *n, struct slice ip, uint64_t port)
{
  struct slice transport = text_of(yaml_get(n, "transport"), "tcp");
  struct seen *s;

  ip = canonical(ip);

  for (s = all; s; s = s->next) {
    if (!slice_eq(s->transport, transport)) continue;
    if (s->port != port || (!port && !slice_eq(s->ip, ip))) continue;
    if (!slice_eq(s->ip, ip) && !is_any(s->ip) && !is_any(ip)) continue;
    if (!strcmp(s->node->file, n->file) && same_value(s->node, n)) {
      say_note(n, "listen", "the same as the listener in line %u; taken once",
               s->node->line);
      return true;
    }
    if (!strcmp(s->node->file, n->file))
      say_error(n, "listen", "overlaps with the listener in line %u: the same port",
                s->node->line);
    else
      say_error(n, "listen", "overlaps with the listener in %s, line %u: the same port",
                s->node->file, s->node->line);
    return true;
  }
  s = arena_alloc(&job.arena, sizeof *s);
  if (!s) return true;
  *s = (struct seen){all, n, ip, transport, port};
  all = s;
  return false;
}

/* The path of a socket from the database path, without ./ and ../ at its beginning. s NULL:
 * no memory. */
static struct slice
socket_path(struct slice path)
{
  struct slice dir = slice_str(job.database_path);
  char buf[512];

  while (slice_starts(path, "./") || slice_starts(path, "../")) {
    size_t up = path.s[1] == '.';
    while (up && dir.len > 1 && dir.s[--dir.len] != '/') {
    }
    path = slice_of(path.s + 2 + up, path.len - 2 - up);
  }
  snprintf(buf, sizeof buf, "unix:%.*s/%s", (int)dir.len, dir.s, path.s);
  return arena_copy(&job.arena, slice_str(buf));
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
  if (slice_starts(text, "unix:") && text.len > 5) {
    *ip = text.s[5] == '/' ? text : socket_path(slice_of(text.s + 5, text.len - 5));
    if (ip->len - 5 > UNIX_PATH_MAX) {
      say_error(p, "listen.port",
                "%s is longer than %d bytes, which a socket's path may be", ip->s + 5,
                UNIX_PATH_MAX);
      return false;
    }
    snprintf(buf, len, "%s", ip->s);
    return !overlaps(n, *ip, 0);
  }
  if (!slice_u64(text, port) || !*port || *port > 65535) {
    wrong_type(p, "listen.port", "a port from 1 to 65535, or unix:path");
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
      say_warning(yaml_get(n, "tls"), "listen.tls",
                  "STARTTLS is not offered on a listener with tls: true");
    return "direct";
  }
  if (required) return "starttls_required";
  return starttls ? "starttls" : "none";
}

/* The modules that listen, and what they serve. Those that no program serves are warned of. */
static struct {
  char const *name, *options, *serves;
  enum effect effect;
  enum program program;
} const kinds[] = {
  {"ejabberd_c2s",     "ejabberd_c2s",      "c2s",  WORKS,   C2SD },
  {"ejabberd_s2s_in",  "ejabberd_s2s_in",   "s2s",  WORKS,   S2SD },
  {"ejabberd_http",    "ejabberd_http",     "http", WORKS,   WEBD },
  {"ejabberd_service", "ejabberd_service",  "comp", WORKS,   COMPD},
  {"ejabberd_stun",    "ejabberd_stun",     NULL,   NOTHING, TLSD },
  {"mod_mqtt",         "mod_mqtt_listener", NULL,   NOTHING, TLSD },
  {"ejabberd_sip",     "ejabberd_sip",      NULL,   NOTHING, TLSD },
  {"ejabberd_xmlrpc",  "ejabberd_http",     NULL,   NOTHING, TLSD },
};

#define KINDS_N (sizeof kinds / sizeof *kinds)

static struct option const *
option_of(size_t kind, struct slice name)
{
  struct option const *o = option_find(kinds[kind].options, name);

  return o ? o : option_find("listen", name);
}

/* unix_socket: {mode, owner, group}. xmpp-tlsd is no user who could give the file away. */
static void
compile_unix_socket(struct yaml_node const *n, struct slice name)
{
  struct option const octal = {.name = "mode", .type = T_OCTAL};
  struct yaml_node const *c;
  struct slice mode;

  if (n->kind != YAML_MAP) {
    say_error(n, "listen.unix_socket", "expected a mapping of mode, owner and group");
    return;
  }
  for (c = n->first; c; c = c->next) {
    if (slice_is(c->key, "owner") || slice_is(c->key, "group"))
      say_warning(c, "listen.unix_socket",
                  "the socket is xmpp-tlsd's, and not given away; mode lets others in");
    else if (!slice_is(c->key, "mode"))
      say_unknown(c, "listen.unix_socket", "option", NULL);
    else if ((mode = option_value(&job.arena, &octal, c, "listen.unix_socket.mode")).s)
      emit_slice(TLSD, "unix_socket", name, mode);
  }
}

static void
compile_one(size_t kind, struct yaml_node const *c, struct slice name)
{
  struct option const *o = option_of(kind, c->key);
  struct yaml_node const *global;
  struct yaml_node *v;
  char path[128], over[64];

  snprintf(path, sizeof path, "listen.%s", c->key.s);
  if (!o && kinds[kind].effect == NOTHING) return;
  if (!o) {
    char const *near = option_nearest("listen", c->key);
    snprintf(over, sizeof over, "option of %s", kinds[kind].name);
    if (kind == 1 && slice_is(c->key, "access"))
      say_error(c, path, "no option of ejabberd_s2s_in; did you mean s2s_access?");
    else
      say_unknown(c, path, over,
                  near ? near : option_nearest(kinds[kind].options, c->key));
    return;
  }
  if (slice_is(c->key, "unix_socket") && kinds[kind].effect == WORKS)
    compile_unix_socket(c, name);
  if (slice_is(c->key, "certfile")) {
    say_warning(c, path, "an old option; taken as one of certfiles");
    compile_certfiles(c);
  }
  if (o->type == T_SPECIAL || kinds[kind].effect == NOTHING) return;
  /* A global option goes before the listener's. */
  snprintf(over, sizeof over, "%s_%s", kind == 1 ? "s2s" : "c2s", c->key.s);
  global = kind <= 1 ? yaml_get(job.top, over) : NULL;
  if (global && option_find("", slice_str(over))) c = global;
  v = expand_keywords(c, path,
                      slice_is(c->key, "custom_headers") ? SLICE("@HOST@") : SLICE(""));
  if (v) compile_value(o, v, path, o->name, name);
}

static void
compile_listener_defaults(size_t kind, struct yaml_node const *n, struct slice name)
{
  size_t i;

  for (i = 0; i < options_n; i++) {
    struct option const *o = &options[i];
    struct yaml_node const *global;
    char over[64];
    if (strcmp(o->in, "listen") != 0 && strcmp(o->in, kinds[kind].options) != 0) continue;
    if (yaml_get(n, o->name)) continue;
    snprintf(over, sizeof over, "%s_%s", kind == 1 ? "s2s" : "c2s", o->name);
    global = option_find("", slice_str(over)) ? yaml_get(job.top, over) : NULL;
    if (global && (o->dflt || o->effect == WORKS))
      compile_value(o, global, over, o->name, name);
    else if (!global && o->dflt)
      default_put(o, n, over, o->name, name);
  }
}

bool
listen_has(char const *in)
{
  size_t i;

  for (i = 0; i < KINDS_N; i++)
    if (kinds[i].effect == WORKS &&
        (!strcmp(in, "listen") || !strcmp(in, kinds[i].options)))
      return true;
  return false;
}

static void
say_no_listener(struct yaml_node const *module)
{
  size_t best = 2 + module->text.len / 4, i;
  char const *near = NULL;

  for (i = 0; i < KINDS_N; i++)
    if (word_nearer(module->text, kinds[i].name, &best)) near = kinds[i].name;
  say_error(module, "listen.module", "\"%s\" is not a module that listens%s%s%s",
            module->text.s, near ? "; did you mean " : "", near ? near : "",
            near ? "?" : "");
}

/* Emit a listener's rows, for the programs that serve it and for xmpp-ctl dns. */
static void
emit_listener(size_t kind, struct yaml_node const *n, struct slice name, struct slice ip,
              uint64_t port)
{
  char buf[BASE_NUM];
  char const *number = num_u64(buf, port).s;
  unsigned int to = TLSD | CTL | (unsigned int)kinds[kind].program;

  /* The streams of web clients are those of xmpp-c2sd. */
  if (to & WEBD) to |= C2SD;

  emit(to, "listener", name, ip.s, number, kinds[kind].serves, NULL);
  emit_origin("listener", name, n);
  emit(to, "tls", name, tls_mode(n), NULL);
}

static void
put_component(struct yaml_node const *c, struct slice text, struct slice listener,
              struct slice dflt)
{
  struct slice password = text_of(yaml_get(c, "password"), "");
  struct slice domain = jid_prep_domain(&job.arena, text);
  size_t i;

  if (!domain.s) {
    say_error(c, "listen.hosts", "\"%s\" is not a domain", text.s);
    return;
  }
  if (!password.len) password = dflt;
  if (!password.len) {
    say_lost(c, "listen.hosts", "%s has no password, so no component can have it",
             domain.s);
    return;
  }
  for (i = 0; i < job.hosts_n; i++)
    if (slice_eq(domain, job.hosts[i])) {
      say_error(c, "listen.hosts", "%s is a host of this server", domain.s);
      return;
    }
  emit(COMPD, "component", listener, domain.s, password.s, NULL);
}

/* hosts: {DOMAIN: {password: WORD}}, or a list of domains with one password. A domain with
 * @HOST@ is one for each host. */
static void
compile_component(struct yaml_node const *c, struct slice text, struct slice listener,
                  struct slice dflt)
{
  struct yaml_node name = *c, *v;
  size_t i;

  name.kind = YAML_SCALAR;
  name.text = text;
  for (i = 0; i < (names_host(&name) ? job.hosts_n : 1); i++) {
    v = expand_keywords(&name, "listen.hosts", job.hosts[i]);
    if (v) put_component(c, v->text, listener, dflt);
  }
}

static void
compile_components(struct yaml_node const *n, struct slice listener)
{
  struct yaml_node const *hosts = yaml_get(n, "hosts"), *c;
  struct slice dflt = text_of(yaml_get(n, "password"), "");

  job.wanted |= COMPD;
  if (!hosts && !dflt.len)
    say_lost(n, "listen.password", "without a password no component can connect");
  if (hosts && hosts->kind == YAML_SCALAR)
    say_error(hosts, "listen.hosts", "expected domains, each with its password");
  for (c = hosts && hosts->kind != YAML_SCALAR ? hosts->first : NULL; c; c = c->next)
    compile_component(c, hosts->kind == YAML_LIST ? c->text : c->key, listener, dflt);
}

/* Before 18.01 stream management was the listener's, and on; mod_stream_mgmt has it now. */
static void
warn_of_stream_mgmt(struct yaml_node const *n)
{
  struct yaml_node const *c;
  size_t i = 0;

  while (i < job.hosts_n && host_has_module(job.hosts[i], "mod_stream_mgmt"))
    i++;
  if (i == job.hosts_n) return;
  for (c = n->first; c; c = c->next) {
    char const *by = option_replaced("ejabberd_c2s", c->key);
    if (!by || !slice_starts(slice_str(by), "mod_stream_mgmt")) continue;
    say_lost(c, "listen.stream_management",
             "%s has no mod_stream_mgmt, which offers stream management now: its clients "
             "cannot resume sessions",
             job.hosts[i].s);
    return;
  }
}

static void
compile_listener(struct yaml_node const *n)
{
  struct slice module = text_of(yaml_get(n, "module"), ""), ip, name;
  struct yaml_node const *c;
  char buf[256];
  uint64_t port;
  size_t kind;

  if (n->kind != YAML_MAP) {
    say_error(n, "listen", "a listener is a mapping of port, module and options");
    return;
  }
  for (kind = 0; kind < KINDS_N && !slice_is(module, kinds[kind].name); kind++) {
  }
  if (kind == KINDS_N) {
    if (module.len)
      say_no_listener(yaml_get(n, "module"));
    else
      say_error(n, "listen.module", "the option is missing");
    return;
  }
  if (!read_address(n, buf, sizeof buf, &ip, &port)) return;
  name = arena_copy(&job.arena, slice_str(buf));
  if (kinds[kind].effect != WORKS)
    say_lost(n, "listen", "this listener is left out: tabber has no %s%s", module.s,
             slice_is(module, "ejabberd_stun")
               ? "; mod_stun_disco may name another STUN server, such as coturn"
               : "");
  if (kinds[kind].serves) emit_listener(kind, n, name, ip, port);
  if (kinds[kind].effect == WORKS)
    compile_web_note(kinds[kind].program, is_true(n, "tls"), port);
  if (kinds[kind].effect == WORKS) check_port(yaml_get(n, "port"), port);
  if (kinds[kind].effect == WORKS) compile_listener_defaults(kind, n, name);
  if (kinds[kind].program == C2SD) warn_of_stream_mgmt(n);
  if (kinds[kind].program == COMPD) compile_components(n, name);
  if (kinds[kind].program == S2SD) job.wanted |= S2SD | DNSD;
  if (kinds[kind].program == WEBD && kinds[kind].effect == WORKS)
    compile_web_listener(n, name);
  job.lost = kinds[kind].effect != WORKS;
  for (c = n->first; c; c = c->next)
    compile_one(kind, c, name);
  job.lost = false;
}

void
compile_listen(struct yaml_node const *listen)
{
  struct yaml_node const *n;

  all = NULL;
  if (listen->kind != YAML_LIST) {
    say_error(listen, "listen", "expected a list of listeners");
    return;
  }
  for (n = listen->first; n; n = n->next)
    compile_listener(n);
}
