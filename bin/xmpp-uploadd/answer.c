#include "uploadd.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* The heads of answers. One answer is made at a time. */

static stralloc headers = STRALLOC_ZERO;
static struct vhost const *of;

/* Names that custom_headers cannot change: what keeps a file of a stranger from being taken for a
 * page of the site. */
static bool
is_safety(struct slice name)
{
  return slice_is_nocase(name, "x-content-type-options") ||
         slice_is_nocase(name, "content-security-policy");
}

static bool
is_custom(char const *name)
{
  struct settings_row const *row = NULL;

  if (!of) return false;
  while ((row = settings_next(uploadd.settings, "mod_http_upload.custom_headers", row)))
    if (slice_eq(row->scope, of->host) && slice_is_nocase(row->value[0], name))
      return true;
  return false;
}

static void
cat(char const *name, struct slice value)
{
  if (!stralloc_cats(&headers, name) || !stralloc_cats(&headers, ": ") ||
      !stralloc_catb(&headers, value.s, value.len) || !stralloc_catb(&headers, "\n", 1))
    log_event(LOG_WARN, "output-lost", "why", "out of memory", NULL);
}

void
answer_safe(char const *name, char const *value)
{
  cat(name, slice_str(value));
}

void
answer_header(char const *name, struct slice value)
{
  if (!is_custom(name)) cat(name, value);
}

void
answer_str(char const *name, char const *value)
{
  answer_header(name, slice_str(value));
}

void
answer_begin(struct vhost const *v)
{
  of = v;
  headers.len = 0;
  answer_str("access-control-allow-origin", "*");
  answer_str("access-control-expose-headers", "Content-Length, Content-Range, ETag");
  answer_safe("x-content-type-options", "nosniff");
}

static void
cat_custom(void)
{
  struct settings_row const *row = NULL;

  if (!of) return;
  while ((row = settings_next(uploadd.settings, "mod_http_upload.custom_headers", row)))
    if (slice_eq(row->scope, of->host) && !is_safety(row->value[0]))
      cat(row->value[0].s, row->value[1]);
}

void
answer_send(struct link *l, uint64_t id, unsigned int status, uint64_t length)
{
  cat_custom();
  link_begin(l, VERB_ANSWER);
  link_num(l, id);
  link_num(l, status);
  if (length == UINT64_MAX)
    link_str(l, NULL);
  else
    link_num(l, length);
  link_text(l, slice_of(headers.s, headers.len ? headers.len - 1 : 0));
  link_end(l);
}

void
answer_body(struct link *l, uint64_t id, struct slice bytes)
{
  link_begin(l, VERB_BODY);
  link_num(l, id);
  link_text(l, bytes);
  link_end(l);
}

void
answer_end(struct link *l, uint64_t id)
{
  link_begin(l, VERB_ENDED);
  link_num(l, id);
  link_end(l);
}

void
answer_text(struct link *l, uint64_t id, struct vhost const *v, unsigned int status,
            char const *text)
{
  answer_begin(v);
  answer_str("content-type", "text/plain; charset=utf-8");
  if (status == 405) answer_str("allow", "GET, HEAD, PUT, OPTIONS");
  if (status == 503) answer_str("retry-after", "5");
  answer_str("cache-control", "no-store");
  answer_send(l, id, status, strlen(text));
  answer_body(l, id, slice_str(text));
  answer_end(l, id);
  web_totals.refused += status >= 400;
}
