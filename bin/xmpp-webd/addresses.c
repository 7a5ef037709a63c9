#include "webd.h"

#include <string.h>

/* The addresses at which web clients of a host find its streams, from the listeners that there
 * are. */

bool
module_is_on(struct request const *q, char const *module)
{
  return settings_has(web->st, "module", settings_host_name(slice_str(q->host)), module);
}

struct slice
module_option(struct request const *q, char const *key)
{
  return settings_get(web->st, key, settings_host_name(slice_str(q->host)));
}

static struct settings_row const *
listener_row(struct slice name)
{
  struct settings_row const *row = NULL;

  while ((row = settings_next(web->st, "listener", row)))
    if (slice_eq(row->scope, name)) break;
  return row;
}

/* The first row of a handler; of a listener with TLS, or of any. */
static struct settings_row const *
handler_row(char const *word, bool tls)
{
  struct settings_row const *row = NULL;

  while ((row = settings_next(web->st, "handler", row)))
    if (slice_is(row->value[1], word) &&
        (!tls || slice_is(settings_get(web->st, "tls", row->scope), "direct")))
      break;
  return row;
}

static bool
cat(stralloc *out, struct slice s)
{
  return stralloc_catb(out, s.s, s.len);
}

static bool
cat_listener(stralloc *out, struct request const *q, struct settings_row const *handler,
             char const *scheme)
{
  struct settings_row const *ln = listener_row(handler->scope);
  bool usual = ln && slice_is(ln->value[1], "443");

  return ln && stralloc_cats(out, scheme) && stralloc_cats(out, "://") &&
         stralloc_cats(out, q->host) && (usual || stralloc_cats(out, ":")) &&
         (usual || cat(out, ln->value[1])) && cat(out, handler->value[0]);
}

/* url is https://HOST/PATH; @HOST@ in it stands for the host. */
static bool
cat_below(stralloc *out, struct request const *q, struct slice url, char const *scheme,
          struct slice path)
{
  char const *colon = memchr(url.s, ':', url.len), *at;

  while (url.len && url.s[url.len - 1] == '/')
    url.len--;
  if (!colon || !stralloc_cats(out, scheme)) return false;
  url = slice_of(colon, url.len - (size_t)(colon - url.s));
  while ((at = memmem(url.s, url.len, "@HOST@", 6))) {
    size_t n = (size_t)(at - url.s);
    if (!stralloc_catb(out, url.s, n) || !stralloc_cats(out, q->host)) return false;
    url = slice_of(at + 6, url.len - n - 6);
  }
  return cat(out, url) && cat(out, path);
}

bool
address_cat(stralloc *out, struct request const *q, struct slice value, char const *word,
            char const *scheme)
{
  struct slice url = settings_get(web->st, "web.url", SLICE("*"));
  struct settings_row const *row = handler_row(word, true);

  if (slice_is(value, "undefined")) return false;
  if (value.len && !slice_is(value, "auto")) return cat(out, value);
  if (row) return cat_listener(out, q, row, scheme);
  row = handler_row(word, false);
  return row && url.len && cat_below(out, q, url, scheme, row->value[0]);
}
