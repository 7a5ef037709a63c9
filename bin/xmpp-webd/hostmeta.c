#include "webd.h"

#include <string.h>

/* Where clients of a host connect over the web (XEP-0156 s3): host-meta as XRD (RFC 6415) and
 * as JSON. Only addresses with TLS are told. With tabber.web.ips the JSON has ports of direct TLS for
 * clients and servers, too, and all that is needed to connect (XEP-0487). */

#define TTL "3600"

static struct {
  char const *option, *handler, *scheme, *rel, *priority;
} const links[] = {
  {"mod_host_meta.bosh_service_url", "mod_bosh",         "https",
   "urn:xmpp:alt-connections:xbosh",     "30"},
  {"mod_host_meta.websocket_url",    "ejabberd_http_ws", "wss",
   "urn:xmpp:alt-connections:websocket", "20"},
};

#define LINKS_N (sizeof links / sizeof *links)

/* Text within quotes of XML, or of JSON. */
static bool
cat_quoted(stralloc *out, struct slice s, bool json)
{
  size_t i;

  for (i = 0; i < s.len; i++) {
    char const *as = NULL;
    if (json ? s.s[i] == '"' || s.s[i] == '\\' : s.s[i] == '&')
      as = json ? "\\" : "&amp;";
    if (!json && s.s[i] == '\'') as = "&apos;";
    if (!json && s.s[i] == '<') as = "&lt;";
    if (as && !stralloc_cats(out, as)) return false;
    if ((!as || json) && !stralloc_catb(out, s.s + i, 1)) return false;
  }
  return true;
}

/* ---- XEP-0487 ---- */

/* The rows are there if host-meta may tell them. */
static bool
tells_all(void)
{
  return settings_next(web->st, "web.direct", NULL) != NULL;
}

/* s2.1: the fields that a client needs besides the address. Text is ours, or was checked by
 * xmpp-confgen: nothing has to be escaped. */
static bool
cat_way(stralloc *out, struct request const *q, char const *priority)
{
  struct slice ips = settings_get(web->st, "web.ips", SLICE("*")), ip;
  bool first = true, ok = stralloc_cats(out, ",\"ips\":[");

  for (; ok && slice_word(&ips, ' ', &ip); first = false)
    ok = stralloc_cats(out, first ? "\"" : ",\"") && stralloc_catb(out, ip.s, ip.len) &&
         stralloc_cats(out, "\"");
  return ok && stralloc_cats(out, "],\"priority\":") && stralloc_cats(out, priority) &&
         stralloc_cats(out, ",\"weight\":1,\"sni\":\"") && stralloc_cats(out, q->host) &&
         stralloc_cats(out, "\"");
}

/* Say whether an address is at the name of the host, whose IP addresses are known. */
static bool
is_here(struct request const *q, struct slice href)
{
  char const *at = memmem(href.s, href.len, "://", 3);
  size_t n = strlen(q->host), left = at ? href.len - (size_t)(at + 3 - href.s) : 0;

  return left >= n && !memcmp(at + 3, q->host, n) &&
         (left == n || at[3 + n] == '/' || at[3 + n] == ':');
}

static bool
cat_direct(stralloc *out, struct request const *q, bool first)
{
  struct settings_row const *row = NULL;
  bool ok = true;

  for (; ok && (row = settings_next(web->st, "web.direct", row)); first = false)
    ok = stralloc_cats(out, first ? "{\"rel\":\"urn:xmpp:alt-connections:"
                                  : ",{\"rel\":\"urn:xmpp:alt-connections:") &&
         stralloc_catb(out, row->value[0].s, row->value[0].len) &&
         stralloc_cats(out, "\",\"port\":") &&
         stralloc_catb(out, row->value[1].s, row->value[1].len) &&
         cat_way(out, q, "10") && stralloc_cats(out, "}");
  return ok;
}

/* ---- links ---- */

static bool
cat_link(stralloc *out, struct request const *q, size_t i, struct slice href, bool json,
         bool first)
{
  bool way = json && tells_all() && is_here(q, href);

  return stralloc_cats(out,
                       json ? first ? "{\"rel\":\"" : ",{\"rel\":\"" : "<Link rel='") &&
         stralloc_cats(out, links[i].rel) &&
         stralloc_cats(out, json ? "\",\"href\":\"" : "' href='") &&
         cat_quoted(out, href, json) && stralloc_cats(out, json ? "\"" : "'") &&
         (!way || cat_way(out, q, links[i].priority)) &&
         stralloc_cats(out, json ? "}" : "/>");
}

/* Give how many links there are; -1: ENOMEM. */
static int
cat_links(stralloc *out, struct request const *q, bool json)
{
  stralloc href = STRALLOC_ZERO;
  bool ok = true;
  int n = 0;
  size_t i;

  for (i = 0; i < LINKS_N && ok; i++) {
    href.len = 0;
    if (!address_cat(&href, q, module_option(q, links[i].option), links[i].handler,
                     links[i].scheme))
      continue;
    ok = cat_link(out, q, i, slice_of(href.s, href.len), json, !n);
    n++;
  }
  stralloc_free(&href);
  if (ok && json && tells_all()) {
    ok = cat_direct(out, q, !n);
    n++;
  }
  return ok ? n : -1;
}

static void
answer(struct request *q, bool json)
{
  stralloc sa = STRALLOC_ZERO;
  bool ok = stralloc_cats(
    &sa, json ? tells_all() ? "{\"xmpp\":{\"ttl\":" TTL "},\"links\":[" : "{\"links\":["
              : "<?xml version='1.0' encoding='utf-8'?>\n<XRD "
                "xmlns='http://docs.oasis-open.org/ns/xri/xrd-1.0'>");
  int n = ok ? cat_links(&sa, q, json) : -1;

  if (n < 0 || !stralloc_cats(&sa, json ? "]}\n" : "</XRD>\n"))
    conn_end(q->conn, "out of memory");
  else if (!n)
    answer_text(q, 404, "This host has no addresses for web clients.", NULL);
  else
    answer_whole(
      q, 200, json ? "application/json" : "application/xrd+xml", slice_of(sa.s, sa.len),
      SLICE("Access-Control-Allow-Origin: *\nCache-Control: max-age=" TTL "\n"));
  stralloc_free(&sa);
}

static bool
wants_json(struct request const *q, struct http_request const *h)
{
  struct slice base = slice_str(q->base);

  return (base.len > 5 && slice_is(slice_of(base.s + base.len - 5, 5), ".json")) ||
         http_has_word(h, "accept", "application/json");
}

static void
begin(struct request *q, struct http_request const *h)
{
  if (q->method != HTTP_GET && q->method != HTTP_HEAD)
    answer_methods(q, "GET, HEAD, OPTIONS");
  else if (*q->path || !module_is_on(q, "mod_host_meta"))
    answer_text(q, 404, "There is nothing here.", NULL);
  else
    answer(q, wants_json(q, h));
}

struct kind const host_meta_kind = {.word = "mod_host_meta", .begin = begin};
