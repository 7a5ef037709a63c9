#include "webd.h"

/* Where clients of a host connect over the web (XEP-0156 s3): host-meta as XRD (RFC 6415) and
 * as JSON. Only addresses with TLS are told. */

static struct {
  char const *option, *handler, *scheme, *rel;
} const links[] = {
  {"mod_host_meta.bosh_service_url", "mod_bosh",         "https",
   "urn:xmpp:alt-connections:xbosh"    },
  {"mod_host_meta.websocket_url",    "ejabberd_http_ws", "wss",
   "urn:xmpp:alt-connections:websocket"},
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

static bool
cat_link(stralloc *out, size_t i, struct slice href, bool json, bool first)
{
  return stralloc_cats(out,
                       json ? first ? "{\"rel\":\"" : ",{\"rel\":\"" : "<Link rel='") &&
         stralloc_cats(out, links[i].rel) &&
         stralloc_cats(out, json ? "\",\"href\":\"" : "' href='") &&
         cat_quoted(out, href, json) && stralloc_cats(out, json ? "\"}" : "'/>");
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
    ok = cat_link(out, i, slice_of(href.s, href.len), json, !n);
    n++;
  }
  stralloc_free(&href);
  return ok ? n : -1;
}

static void
answer(struct request *q, bool json)
{
  stralloc sa = STRALLOC_ZERO;
  bool ok =
    stralloc_cats(&sa, json ? "{\"links\":["
                            : "<?xml version='1.0' encoding='utf-8'?>\n<XRD "
                              "xmlns='http://docs.oasis-open.org/ns/xri/xrd-1.0'>");
  int n = ok ? cat_links(&sa, q, json) : -1;

  if (n < 0 || !stralloc_cats(&sa, json ? "]}\n" : "</XRD>\n"))
    conn_end(q->conn, "out of memory");
  else if (!n)
    answer_text(q, 404, "This host has no addresses for web clients.", NULL);
  else
    answer_whole(q, 200, json ? "application/json" : "application/xrd+xml",
                 slice_of(sa.s, sa.len),
                 SLICE("Access-Control-Allow-Origin: *\nCache-Control: max-age=3600\n"));
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
