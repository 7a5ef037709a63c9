#include "confgen.h"

#include "settings/settings.h"

#include <skalibs/djbunix.h>

#include <stdio.h>
#include <string.h>

/* web caddy|nginx: the part of the configuration of a web server that stands in front of uploads,
 * with the headers that keep the files of strangers harmless. PUT goes to the listener with the
 * handler mod_http_upload; where get_url differs from put_url the web server serves the files. */

/* A host with mod_http_upload. */
struct upload {
  struct slice host, docroot;
  struct slice put_host, get_host; /* of the URLs */
  struct slice put_path, get_path; /* of the URLs, without a slash at the end */
  uint64_t max_size;
  bool plain;  /* put_url is http */
  bool serves; /* the web server has the files */
};

#define ACTIVE                                                                           \
  "html htm shtml xhtml xhtm xht xml xsl xslt rss atom rdf mml svg svgz js mjs css wasm"
#define CSP "default-src 'none'; frame-ancestors 'none'"

/* ---- reading ---- */

/* Cut a URL into host, with its port, and path. */
static void
cut_url(struct slice url, struct slice *host, struct slice *path)
{
  char const *at = memmem(url.s, url.len, "://", 3), *slash;
  struct slice rest = at ? slice_of(at + 3, url.len - (size_t)(at + 3 - url.s)) : url;

  while (rest.len && rest.s[rest.len - 1] == '/')
    rest.len--;
  slash = memchr(rest.s, '/', rest.len);
  *host = slice_of(rest.s, slash ? (size_t)(slash - rest.s) : rest.len);
  *path = slice_of(rest.s + host->len, rest.len - host->len);
}

static struct upload
read_upload(struct settings const *st, struct slice host)
{
  struct upload u = {.host = host};
  struct slice put = settings_get(st, "mod_http_upload.put_url", host);
  struct slice get = settings_get(st, "mod_http_upload.get_url", host);

  u.docroot = settings_get(st, "mod_http_upload.docroot", host);
  while (u.docroot.len > 1 && u.docroot.s[u.docroot.len - 1] == '/')
    u.docroot.len--;
  u.max_size = settings_u64(st, "mod_http_upload.max_size", host);
  cut_url(put, &u.put_host, &u.put_path);
  cut_url(get.len ? get : put, &u.get_host, &u.get_path);
  u.plain = slice_starts(put, "http://");
  u.serves = !slice_eq(u.put_host, u.get_host) || !slice_eq(u.put_path, u.get_path);
  return u;
}

/* Append the address at which the web server reaches a listener. */
static void
put_address(struct slice listener, char out[128])
{
  char const *colon = memrchr(listener.s, ':', listener.len);
  bool any = slice_starts(listener, "0.0.0.0:") || slice_starts(listener, "[::]:");

  snprintf(out, 128, "%s%.*s", any ? "127.0.0.1" : "",
           any ? (int)(listener.s + listener.len - colon) : (int)listener.len,
           any ? colon : listener.s);
}

/* The first listener of uploads, or one on a loopback address if there is one. */
static bool
find_listener(struct settings const *st, char out[128])
{
  struct settings_row const *row = NULL;
  bool found = false;

  while ((row = settings_next(st, "handler", row))) {
    if (!slice_is(row->value[1], "mod_http_upload")) continue;
    if (found && !slice_starts(row->scope, "127.") && !slice_starts(row->scope, "[::1]"))
      continue;
    put_address(row->scope, out);
    found = true;
  }
  return found;
}

/* ---- nginx ---- */

static void
nginx_headers(char const *csp, char const *indent)
{
  printf("%sadd_header X-Content-Type-Options nosniff always;\n"
         "%sadd_header Content-Security-Policy \"%s\" always;\n"
         "%sadd_header Cross-Origin-Resource-Policy cross-origin always;\n"
         "%sadd_header Access-Control-Allow-Origin * always;\n",
         indent, indent, csp, indent, indent);
}

static void
nginx_proxy(struct upload const *u, char const *to)
{
  char limit[BASE_NUM];

  printf("    location %.*s/ {\n"
         "        client_max_body_size %s;\n"
         "        proxy_request_buffering off;\n"
         "        proxy_http_version 1.1;\n"
         "        proxy_pass http://%s;\n"
         "        proxy_set_header Host $host;\n"
         "        proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;\n"
         "        proxy_set_header X-Forwarded-Proto $scheme;\n"
         "    }\n",
         (int)u->put_path.len, u->put_path.s,
         u->max_size == UINT64_MAX ? "0" : num_u64(limit, u->max_size).s, to);
}

static void
nginx_files(struct upload const *u)
{
  char active[160] = ACTIVE;
  size_t i;

  for (i = 0; active[i]; i++)
    if (active[i] == ' ') active[i] = '|';
  printf("    location ~ /\\. {\n        return 404;\n    }\n");
  printf("    location %.*s/ {\n        %s %.*s%s;\n"
         "        limit_except GET {\n            deny all;\n        }\n",
         (int)u->get_path.len, u->get_path.s, u->get_path.len ? "alias" : "root",
         (int)u->docroot.len, u->docroot.s, u->get_path.len ? "/" : "");
  nginx_headers(CSP, "        ");
  printf("        location ~* \\.(%s)$ {\n            types { }\n"
         "            default_type application/octet-stream;\n"
         "            add_header Content-Disposition attachment always;\n",
         active);
  nginx_headers(CSP "; sandbox", "            ");
  printf("        }\n    }\n");
}

static void
nginx_open(struct upload const *u, struct slice host)
{
  char const *colon = memchr(host.s, ':', host.len), *ssl = u->plain ? "" : " ssl";
  struct slice name = slice_of(host.s, colon ? (size_t)(colon - host.s) : host.len);
  struct slice port = colon      ? slice_of(colon + 1, host.len - name.len - 1)
                      : u->plain ? SLICE("80")
                                 : SLICE("443");

  printf("server {\n    listen %.*s%s;\n    listen [::]:%.*s%s;\n    server_name %.*s;\n",
         (int)port.len, port.s, ssl, (int)port.len, port.s, ssl, (int)name.len, name.s);
  if (!u->plain)
    printf("    # ssl_certificate and ssl_certificate_key of %.*s\n", (int)name.len,
           name.s);
}

static void
nginx(struct upload const *u, char const *to)
{
  bool same = slice_eq(u->put_host, u->get_host);

  nginx_open(u, u->put_host);
  nginx_proxy(u, to);
  if (u->serves && !same) {
    printf("}\n");
    nginx_open(u, u->get_host);
  }
  if (u->serves) nginx_files(u);
  printf("}\n");
}

/* ---- Caddy 2 ---- */

static void
caddy_headers(char const *csp, char const *indent)
{
  printf("%sheader {\n%s    X-Content-Type-Options nosniff\n"
         "%s    Content-Security-Policy \"%s\"\n"
         "%s    Cross-Origin-Resource-Policy cross-origin\n"
         "%s    Access-Control-Allow-Origin *\n%s}\n",
         indent, indent, indent, csp, indent, indent, indent);
}

static void
caddy_proxy(struct upload const *u, char const *to)
{
  printf("    handle %.*s/* {\n", (int)u->put_path.len, u->put_path.s);
  if (u->max_size != UINT64_MAX)
    printf("        request_body {\n            max_size %llu\n        }\n",
           (unsigned long long)u->max_size);
  printf("        reverse_proxy %s\n    }\n", to);
}

static void
caddy_files(struct upload const *u)
{
  struct slice rest = SLICE(ACTIVE), word;

  printf("    handle_path %.*s/* {\n        root * %.*s\n", (int)u->get_path.len,
         u->get_path.s, (int)u->docroot.len, u->docroot.s);
  printf("        @hidden path */.*\n        respond @hidden 404\n");
  caddy_headers(CSP, "        ");
  printf("        @active path");
  while (slice_word(&rest, ' ', &word))
    printf(" *.%.*s", (int)word.len, word.s);
  printf("\n        header @active {\n            Content-Type application/octet-stream\n"
         "            Content-Disposition attachment\n"
         "            Content-Security-Policy \"" CSP "; sandbox\"\n"
         "            defer\n        }\n        file_server\n    }\n");
}

static void
caddy(struct upload const *u, char const *to)
{
  char const *scheme = u->plain ? "http://" : "";

  printf("%s%.*s {\n", scheme, (int)u->put_host.len, u->put_host.s);
  caddy_proxy(u, to);
  if (u->serves && !slice_eq(u->put_host, u->get_host))
    printf("}\n%s%.*s {\n", scheme, (int)u->get_host.len, u->get_host.s);
  if (u->serves) caddy_files(u);
  printf("}\n");
}

/* ---- the command ---- */

static int
print_all(struct settings const *st, bool is_caddy, char const *to)
{
  struct settings_row const *row = NULL;
  bool some = false;

  while ((row = settings_next(st, "module", row))) {
    struct upload u;
    if (!slice_is(row->value[0], "mod_http_upload")) continue;
    u = read_upload(st, row->scope);
    (is_caddy ? caddy : nginx)(&u, to);
    some = true;
  }
  if (!some) fprintf(stderr, "xmpp-confgen: no host has mod_http_upload\n");
  return some ? 0 : 1;
}

int
command_web(char const *server)
{
  struct settings uploadd = SETTINGS_ZERO, webd = SETTINGS_ZERO;
  bool is_caddy = !strcmp(server, "caddy"), ok;
  char dir[64], to[128];
  int code = 111;

  if (!is_caddy && strcmp(server, "nginx") != 0) {
    fprintf(stderr, "xmpp-confgen: %s: caddy or nginx\n", server);
    return 100;
  }
  ok = commands_settings(dir) && settings_open(&uploadd, dir, "xmpp-uploadd") &&
       settings_open(&webd, dir, "xmpp-webd");
  rm_rf(dir);
  if (ok && find_listener(&webd, to)) {
    code = print_all(&uploadd, is_caddy, to);
  } else if (ok) {
    fprintf(stderr, "xmpp-confgen: no listener has the handler mod_http_upload\n");
    code = 1;
  }
  settings_close(&uploadd);
  settings_close(&webd);
  return code;
}
