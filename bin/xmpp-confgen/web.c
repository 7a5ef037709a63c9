#include "confgen.h"

#include "http/http.h"

#include <stdio.h>
#include <string.h>

/* Listeners of module ejabberd_http: which handler answers at which path, and fields of all
 * answers. */

/* Handlers that answer, and those that have no counterpart, at whose paths nothing is. */
static struct {
  char const *word;
  enum effect effect;
} const handlers[] = {
  {"mod_http_upload",     WORKS  },
  {"mod_bosh",            WORKS  },
  {"ejabberd_http_ws",    WORKS  },
  {"ejabberd_captcha",    WORKS  },
  {"mod_host_meta",       WORKS  },
  {"mod_register_web",    WORKS  },
  {"mod_http_fileserver", WORKS  },
  {"mod_conversejs",      WORKS  },
  {"mod_invites",         WORKS  },
  {"tabber_metrics",      WORKS  },
  {"mod_http_api",        NOTHING},
  {"mod_http_bind",       WORKS  },
  {"ejabberd_web_admin",  NOTHING},
  {"ejabberd_acme",       NOTHING},
  {"ejabberd_oauth",      NOTHING},
  {"mod_mqtt",            NOTHING},
  {"mod_providers",       NOTHING},
  {"mod_matrix_gw",       NOTHING},
  {"ejabberd_xmlrpc",     NOTHING},
  {"mod_webpresence",     NOTHING},
  {"ejabberd_ctl",        NOTHING},
};

static struct yaml_node const *listening; /* the listener that is compiled */

/* Handlers of all listeners: the last mod_host_meta; whether streams of web clients are anywhere, and at
 * a listener with TLS. */
static struct {
  struct yaml_node const *host_meta;
  bool streams, secure_streams;
} seen;

/* Listeners for clients and for servers; those with direct TLS and their ports. */
static struct {
  char const *word;
  enum program program;
  bool any;
  unsigned int n;
  uint64_t port[8];
} doors[] = {
  {.word = "tls",     .program = C2SD},
  {.word = "s2s-tls", .program = S2SD},
};

#define DOORS_N (sizeof doors / sizeof *doors)

#define HANDLERS_N (sizeof handlers / sizeof *handlers)

/* HANDLERS_N: there is none of this word. */
static size_t
handler_find(struct slice word)
{
  size_t i = 0;

  while (i < HANDLERS_N && !slice_is(word, handlers[i].word))
    i++;
  return i;
}

/* A service of the administrator's own: service:NAME. */
static bool
is_own(struct slice word)
{
  return slice_starts(word, "service:") && word.len > 8;
}

static bool
is_handler(struct slice word)
{
  return handler_find(word) < HANDLERS_N || is_own(word);
}

/* With a slash in front and none at its end; empty: all paths. */
static struct slice
normal_path(struct slice path)
{
  char buf[512];

  while (path.len && path.s[path.len - 1] == '/')
    path.len--;
  while (path.len && path.s[0] == '/')
    path = slice_of(path.s + 1, path.len - 1);
  snprintf(buf, sizeof buf, "%s%.*s", path.len ? "/" : "", (int)path.len, path.s);
  return arena_copy(&job.arena, slice_str(buf));
}

static bool
has_tls(struct yaml_node const *listener)
{
  struct yaml_node const *tls = yaml_get(listener, "tls");

  return tls && tls->kind == YAML_SCALAR &&
         slice_has_word(SLICE("true yes on"), tls->text);
}

static struct yaml_node const *
web_url(void)
{
  return yaml_get(yaml_get(yaml_get(job.top, "tabber"), "web"), "url");
}

static void
note_handler(struct yaml_node const *n, struct slice word)
{
  if (slice_is(word, "mod_host_meta")) seen.host_meta = n;
  if (!slice_has_word(SLICE("ejabberd_http_ws mod_bosh mod_http_bind"), word)) return;
  seen.streams = true;
  if (has_tls(listening)) seen.secure_streams = true;
}

/* The address of the pages that xmpp-registerd has at a path: below tabber.web.url, or of the listener. A
 * listener without TLS has a proxy in front, whose port nobody says. */
static void
emit_page(struct slice word, struct slice at)
{
  struct yaml_node const *url = web_url(), *port = yaml_get(listening, "port");
  struct slice base =
    url && url->kind == YAML_SCALAR ? url->text : SLICE("https://@HOST@");
  bool own = !(url && url->kind == YAML_SCALAR) && port && port->kind == YAML_SCALAR &&
             !slice_is(port->text, "443") && has_tls(listening);
  char buf[700];

  while (base.len && base.s[base.len - 1] == '/')
    base.len--;
  snprintf(buf, sizeof buf, "%.*s%s%.*s%.*s", (int)base.len, base.s, own ? ":" : "",
           own ? (int)port->text.len : 0, own ? port->text.s : "", (int)at.len, at.s);
  emit(REGISTERD, "page", SLICE("*"), word.s, buf, NULL);
}

/* An old name of mod_bosh is the same. */
static void
add_handler(struct yaml_node const *n, struct slice listener, struct slice path,
            struct slice word)
{
  size_t i = handler_find(word);
  enum effect effect = i < HANDLERS_N ? handlers[i].effect : WORKS;
  struct slice at = normal_path(path);

  emit(CTL, "handler", listener, path.s, word.s, NULL);
  if (effect == NOTHING)
    say_no_effect(n, "listen.request_handlers", "this path is left out: tabber has no %s",
                  word.s);
  else if (at.s) {
    if (slice_has_word(SLICE("ejabberd_captcha mod_invites mod_register_web"), word))
      emit_page(word, at);
    if (slice_is(word, "tabber_metrics")) services_monitor();
    note_handler(n, word);
    emit(WEBD, "handler", listener, at.s,
         slice_is(word, "mod_http_bind") ? "mod_bosh" : word.s, NULL);
  }
}

static void
say_no_handler(struct yaml_node const *n)
{
  size_t best = 2 + n->text.len / 4, i;
  char const *near = NULL;

  for (i = 0; i < HANDLERS_N; i++)
    if (word_nearer(n->text, handlers[i].word, &best)) near = handlers[i].word;
  say_error(n, "listen.request_handlers", "\"%s\" is no handler%s%s%s", n->text.s,
            near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
}

/* {PATH: HANDLER}; old files have {HANDLER: PATH}. xmpp-ctl dns tells of some. */
static void
compile_handlers(struct yaml_node const *map, struct slice listener)
{
  struct yaml_node const *c;

  for (c = map->first; c; c = c->next) {
    bool old = is_handler(c->key) && !is_handler(c->text);
    if (c->kind != YAML_SCALAR) continue;
    if (old || is_handler(c->text))
      add_handler(c, listener, old ? c->text : c->key, old ? c->key : c->text);
    else if (slice_starts(c->text, "mod_")) {
      say_unknown_module(c, "listen.request_handlers", c->text);
      emit(CTL, "handler", listener, c->key.s, c->text.s, NULL);
    } else
      say_no_handler(c);
  }
}

/* Options of 18.04 that stand for a handler. */
static void
compile_old_handlers(struct yaml_node const *n, struct slice listener)
{
  static struct {
    char const *option, *path, *handler;
  } const old[] = {
    {"captcha",   "/captcha",   "ejabberd_captcha"  },
    {"register",  "/register",  "mod_register_web"  },
    {"web_admin", "/admin",     "ejabberd_web_admin"},
    {"http_bind", "/bosh",      "mod_bosh"          },
    {"http_bind", "/http-bind", "mod_bosh"          },
  };

  size_t i;

  for (i = 0; i < sizeof old / sizeof *old; i++) {
    struct option const b = {.name = old[i].option, .type = T_BOOL};
    struct yaml_node const *v = yaml_get(n, old[i].option);
    if (v && slice_is(option_value(&job.arena, &b, v, "listen"), "true"))
      add_handler(v, listener, slice_str(old[i].path), slice_str(old[i].handler));
  }
}

/* @HOST@ stays, for xmpp-webd knows the host of a request. */
static void
compile_custom_headers(struct yaml_node const *given, struct slice listener)
{
  struct yaml_node const *map =
    given ? expand_keywords(given, "listen.custom_headers", SLICE("@HOST@")) : NULL;
  struct yaml_node const *c;

  for (c = map && map->kind == YAML_MAP ? map->first : NULL; c; c = c->next) {
    if (c->kind == YAML_SCALAR && http_name_holds(c->key) && http_value_holds(c->text))
      emit(WEBD, "custom_header", listener, c->key.s, c->text.s, NULL);
    else
      say_error(c, "listen.custom_headers", "\"%s\" is no header with a value", c->key.s);
  }
}

void
compile_web_listener(struct yaml_node const *n, struct slice listener)
{
  struct yaml_node const *map = yaml_get(n, "request_handlers");

  job.wanted |= WEBD;
  listening = n;
  if (map && map->kind == YAML_MAP) compile_handlers(map, listener);
  compile_old_handlers(n, listener);
  compile_custom_headers(yaml_get(n, "custom_headers"), listener);
}

/* hosts_alias: {ALIAS: HOST}. */
void
compile_hosts_alias(void)
{
  struct yaml_node const *map = yaml_get(job.top, "hosts_alias"), *c;

  for (c = map && map->kind == YAML_MAP ? map->first : NULL; c; c = c->next) {
    struct slice host = jid_prep_domain(&job.arena, c->text);
    size_t i = 0;
    while (i < job.hosts_n && !slice_eq(job.hosts[i], host))
      i++;
    if (c->kind == YAML_SCALAR && host.s && i < job.hosts_n)
      emit(WEBD, "hosts_alias", SLICE("*"), c->key.s, host.s, NULL);
    else
      say_error(c, "hosts_alias", "%s is not among hosts", c->text.s ? c->text.s : "");
  }
}

/* Say whether some host has a row with an address of its own. */
static bool
tells_address(char const *key)
{
  struct slice rest = emit_rows(program_number(WEBD)), line, word;

  while (slice_word(&rest, '\n', &line)) {
    if (!slice_word(&line, '\t', &word) || !slice_is(word, key)) continue;
    slice_word(&line, '\t', &word);
    if (line.len && !slice_is(line, "auto") && !slice_is(line, "undefined")) return true;
  }
  return false;
}

void
compile_web_note(enum program serves, bool direct, uint64_t port)
{
  size_t i;

  for (i = 0; i < DOORS_N; i++) {
    if (doors[i].program != serves) continue;
    doors[i].any = true;
    if (direct && doors[i].n < sizeof doors[i].port / sizeof *doors[i].port)
      doors[i].port[doors[i].n++] = port;
  }
}

/* XEP-0487 s2.2: who reads that it is in use looks for no other addresses. So all that there are have
 * to be told, and listeners without direct TLS cannot be. */
static void
emit_doors(struct yaml_node const *ips)
{
  char number[BASE_NUM];
  unsigned int k;
  size_t i;

  for (i = 0; i < DOORS_N; i++)
    if (!doors[i].n && (doors[i].any || doors[i].program == C2SD)) {
      say_warning(ips, "tabber.web.ips",
                  "host-meta does not tell them: there is no listener of module %s with "
                  "tls: true, and who reads them looks for no other",
                  doors[i].program == C2SD ? "ejabberd_c2s" : "ejabberd_s2s_in");
      return;
    }
  for (i = 0; i < DOORS_N; i++)
    for (k = 0; k < doors[i].n; k++)
      emit(WEBD, "web.direct", SLICE("*"), doors[i].word,
           num_u64(number, doors[i].port[k]).s, NULL);
}

void
compile_web_end(void)
{
  struct yaml_node const *ips =
    yaml_get(yaml_get(yaml_get(job.top, "tabber"), "web"), "ips");
  bool tells = seen.secure_streams || (seen.streams && web_url()) ||
               tells_address("mod_host_meta.bosh_service_url") ||
               tells_address("mod_host_meta.websocket_url");
  size_t i;

  if (ips) emit_doors(ips);
  if (seen.host_meta && !tells && !ips)
    say_warning(
      seen.host_meta, "listen.request_handlers",
      "mod_host_meta has no address to tell: ejabberd_http_ws and mod_bosh are at "
      "no listener with TLS, and tabber.web.url is not set");
  seen.host_meta = NULL;
  seen.streams = seen.secure_streams = false;
  for (i = 0; i < DOORS_N; i++) {
    doors[i].any = false;
    doors[i].n = 0;
  }
}
