#include "uploadd.h"

#include "http/http.h"

/* Of the option content_types; a dot in front of the extension is usual. */
static char const *
own_type(struct vhost const *v, struct slice extension)
{
  struct settings_row const *row = NULL;

  while ((row = settings_next(uploadd.settings, "mod_http_upload.content_types", row))) {
    struct slice name = row->value[0];
    if (name.len && name.s[0] == '.') name = slice_of(name.s + 1, name.len - 1);
    if (slice_eq(row->scope, v->host) && slice_is_nocase(extension, name.s))
      return row->value[1].s;
  }
  return NULL;
}

char const *
type_of(struct vhost const *v, struct slice name)
{
  char const *own = own_type(v, name_extension(name));

  return own ? own : http_type(name);
}
