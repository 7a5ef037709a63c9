#include "webd.h"

#include <stdio.h>
#include <string.h>

/* A page with Converse.js (mod_conversejs), whose files are the administrator's: a folder
 * (conversejs_resources), or addresses. Version 14 and later are modules of ECMAScript, which the
 * page loads in their order; earlier versions work as modules, too. */

/* Text within quotes of HTML, or of a script, where < must not begin a tag. */
static bool
cat_html(stralloc *out, struct slice s)
{
  size_t i;

  for (i = 0; i < s.len; i++) {
    char const *as = s.s[i] == '&'   ? "&amp;"
                     : s.s[i] == '<' ? "&lt;"
                     : s.s[i] == '"' ? "&quot;"
                                     : NULL;
    if (as ? !stralloc_cats(out, as) : !stralloc_catb(out, s.s + i, 1)) return false;
  }
  return true;
}

static bool
cat_string(stralloc *out, struct slice s)
{
  size_t i;

  if (!stralloc_cats(out, "\"")) return false;
  for (i = 0; i < s.len; i++) {
    unsigned char ch = (unsigned char)s.s[i];
    if (ch < 0x20) continue;
    if (ch == '<' ? !stralloc_cats(out, "\\u003c")
                  : !((ch != '"' && ch != '\\') || stralloc_cats(out, "\\")) ||
                      !stralloc_catb(out, s.s + i, 1))
      return false;
  }
  return stralloc_cats(out, "\"");
}

/* A value of conversejs_options: true, false and numbers are themselves. */
static bool
cat_value(stralloc *out, struct slice v)
{
  uint64_t n;

  if (slice_is(v, "true") || slice_is(v, "false") || slice_u64(v, &n))
    return stralloc_catb(out, v.s, v.len);
  return cat_string(out, v);
}

static bool
cat_pair(stralloc *out, char const *name, struct slice value)
{
  return stralloc_cats(out, ",\n  ") && cat_string(out, slice_str(name)) &&
         stralloc_cats(out, ": ") && cat_value(out, value);
}

/* A page that is told where the streams are does not ask host-meta, which may be elsewhere. */
static bool
cat_streams(stralloc *out, struct request const *q)
{
  stralloc url = STRALLOC_ZERO;
  size_t before = out->len;
  bool ok = true;

  if (address_cat(&url, q, module_option(q, "mod_conversejs.websocket_url"),
                  "ejabberd_http_ws", "wss"))
    ok = cat_pair(out, "websocket_url", slice_of(url.s, url.len));
  url.len = 0;
  if (ok && address_cat(&url, q, module_option(q, "mod_conversejs.bosh_service_url"),
                        "mod_bosh", "https"))
    ok = cat_pair(out, "bosh_service_url", slice_of(url.s, url.len));
  stralloc_free(&url);
  if (ok && out->len > before)
    ok = cat_pair(out, "discover_connection_methods", SLICE("false"));
  return ok;
}

/* Where the parts of a script of the folder are: sounds, pictures, and what it loads later. */
static bool
cat_assets(stralloc *out, struct request const *q)
{
  struct slice v = module_option(q, "mod_conversejs.conversejs_script");
  char path[HTTP_LINE_MAX];

  if (v.len && !slice_is(v, "auto")) return true;
  snprintf(path, sizeof path, "%s/", q->base);
  return cat_pair(out, "assets_path", slice_str(path));
}

static bool
cat_options(stralloc *out, struct request const *q)
{
  struct settings_row const *row = NULL;
  struct slice host = settings_host_name(slice_str(q->host)),
               domain = module_option(q, "mod_conversejs.default_domain");

  if (!stralloc_cats(out, "converse.initialize({\n  \"view_mode\": \"fullscreen\"") ||
      !cat_pair(out, "i18n", SLICE("en")) ||
      !cat_pair(out, "default_domain", domain.len ? domain : host) ||
      !cat_pair(out, "domain_placeholder", domain.len ? domain : host) ||
      !cat_assets(out, q) || !cat_streams(out, q))
    return false;
  while ((row = settings_next(web->st, "mod_conversejs.conversejs_options", row)))
    if (slice_eq(row->scope, host) && !cat_pair(out, row->value[0].s, row->value[1]))
      return false;
  return stralloc_cats(out, "\n});");
}

/* The address of a file: the option, or when that is auto a file of the folder. */
static bool
cat_file(stralloc *out, struct request const *q, char const *key, char const *name)
{
  struct slice v = module_option(q, key);

  if (v.len && !slice_is(v, "auto")) return cat_html(out, v);
  return cat_html(out, slice_str(q->base)) && stralloc_cats(out, "/") &&
         stralloc_cats(out, name);
}

/* Scripts besides: addresses, or files of the folder's part plugins. They are no modules, for some say
 * global names, and run in their place between modules. */
static bool
cat_plugins(stralloc *out, struct request const *q)
{
  struct slice list = module_option(q, "mod_conversejs.conversejs_plugins"), word;
  bool ok = true;

  while (ok && slice_word(&list, ' ', &word)) {
    bool far = memmem(word.s, word.len, "://", 3) != NULL;
    ok =
      !word.len ||
      (stralloc_cats(out, "<script defer src=\"") &&
       (far || (cat_html(out, slice_str(q->base)) && stralloc_cats(out, "/plugins/"))) &&
       cat_html(out, word) && stralloc_cats(out, "\" charset=\"utf-8\"></script>\n"));
  }
  return ok;
}

static bool
cat_page(stralloc *out, struct request const *q)
{
  return stralloc_cats(out, "<!DOCTYPE html>\n<html>\n<head>\n<meta charset=\"utf-8\">\n"
                            "<meta name=\"viewport\" content=\"width=device-width\">\n"
                            "<title>Chat</title>\n<link rel=\"icon\" href=\"data:,\">\n"
                            "<link rel=\"stylesheet\" href=\"") &&
         cat_file(out, q, "mod_conversejs.conversejs_css", "converse.min.css") &&
         stralloc_cats(out, "\">\n<script type=\"module\" src=\"") &&
         cat_file(out, q, "mod_conversejs.conversejs_script", "converse.min.js") &&
         stralloc_cats(out, "\" charset=\"utf-8\"></script>\n") && cat_plugins(out, q) &&
         stralloc_cats(out, "</head>\n<body>\n<script type=\"module\">\n") &&
         cat_options(out, q) && stralloc_cats(out, "\n</script>\n</body>\n</html>\n");
}

static void
page(struct request *q)
{
  stralloc sa = STRALLOC_ZERO;

  if (cat_page(&sa, q))
    answer_whole(q, 200, "text/html; charset=utf-8", slice_of(sa.s, sa.len),
                 SLICE("Content-Security-Policy: frame-ancestors 'none'\n"
                       "Cache-Control: no-cache\n"));
  else
    conn_end(q->conn, "out of memory");
  stralloc_free(&sa);
}

static void
begin(struct request *q, struct http_request const *h)
{
  struct slice root = module_option(q, "mod_conversejs.conversejs_resources");
  bool bare = !*q->path || slice_is(slice_str(q->path), "/");

  if (q->method != HTTP_GET && q->method != HTTP_HEAD)
    answer_methods(q, "GET, HEAD, OPTIONS");
  else if (!module_is_on(q, "mod_conversejs") || (!bare && !root.len))
    answer_text(q, 404, "There is nothing here.", NULL);
  else if (bare)
    page(q);
  else
    files_answer(q, h, root, slice_str(q->path), SLICE(""), "mod_conversejs");
}

struct kind const converse_kind = {.word = "mod_conversejs", .begin = begin};
