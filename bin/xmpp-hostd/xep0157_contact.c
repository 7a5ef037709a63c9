#include "hostd.h"

#include <stdlib.h>
#include <string.h>

/* XEP-0157: whom to turn to, as a form of disco#info (XEP-0128). The rows are
 * mod_disco.server_info HOST NAME MODULES URL, of which those count here that are for all
 * modules or for mod_disco. */

#define FORM_SERVERINFO "http://jabber.org/network/serverinfo"
#define CONTACTS_MAX 64

struct contact {
  struct slice name, url;
};

static int
compare(struct slice a, struct slice b)
{
  int d = memcmp(a.s, b.s, a.len < b.len ? a.len : b.len);

  return d ? d : (a.len > b.len) - (a.len < b.len);
}

static int
by_name(void const *x, void const *y)
{
  struct contact const *a = x, *b = y;
  int d = compare(a->name, b->name);

  return d ? d : compare(a->url, b->url);
}

/* Sorted, so that form and hash agree and the addresses of one name are together. */
static size_t
gather(struct contact v[CONTACTS_MAX], struct host const *h)
{
  struct settings_row const *row = NULL;
  size_t n = 0;

  while (n < CONTACTS_MAX &&
         (row = settings_next(hostd_settings(), "mod_disco.server_info", row))) {
    if (!slice_eq(row->scope, h->name)) continue;
    if (!slice_has_word(row->value[1], SLICE("all")) &&
        !slice_has_word(row->value[1], SLICE("mod_disco")))
      continue;
    v[n++] = (struct contact){row->value[0], row->value[2]};
  }
  qsort(v, n, sizeof *v, by_name);
  return n;
}

static bool
is_new_name(struct contact const *v, size_t i)
{
  return !i || !slice_eq(v[i].name, v[i - 1].name);
}

bool
xep0157_form(stralloc *out, struct host const *h)
{
  struct contact v[CONTACTS_MAX];
  size_t n = gather(v, h), i;
  bool ok = !n || form_open(out, "result", FORM_SERVERINFO, NULL, NULL);

  for (i = 0; ok && i < n; i++) {
    if (is_new_name(v, i))
      ok = (!i || form_field_close(out)) && xml_cat(out, "<field type='list-multi'") &&
           xml_cat_attr(out, "var", v[i].name) && xml_cat(out, ">");
    ok = ok && form_value(out, v[i].url);
  }
  return ok && (!n || (form_field_close(out) && form_close(out)));
}

bool
xep0157_hash_text(stralloc *out, struct host const *h)
{
  struct contact v[CONTACTS_MAX];
  size_t n = gather(v, h), i;
  bool ok = !n || stralloc_cats(out, FORM_SERVERINFO "<");

  for (i = 0; ok && i < n; i++) {
    if (is_new_name(v, i))
      ok = stralloc_catb(out, v[i].name.s, v[i].name.len) && stralloc_cats(out, "<");
    ok = ok && stralloc_catb(out, v[i].url.s, v[i].url.len) && stralloc_cats(out, "<");
  }
  return ok;
}
