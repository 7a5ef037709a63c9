#include "hostd.h"

#include <string.h>

/* XEP-0004: the forms of commands and of disco#info. */

static bool
cat_element(stralloc *out, char const *name, char const *text)
{
  return !text || (xml_cat(out, "<") && xml_cat(out, name) && xml_cat(out, ">") &&
                   xml_cat_text(out, slice_str(text)) && xml_cat(out, "</") &&
                   xml_cat(out, name) && xml_cat(out, ">"));
}

bool
form_open(stralloc *out, char const *type, char const *form_type, char const *title,
          char const *instructions)
{
  return xml_cat(out, "<x xmlns='" NS_DATA "'") &&
         xml_cat_attr(out, "type", slice_str(type)) && xml_cat(out, ">") &&
         cat_element(out, "title", title) &&
         cat_element(out, "instructions", instructions) &&
         xml_cat(out, "<field type='hidden' var='FORM_TYPE'>") &&
         form_value(out, slice_str(form_type)) && form_field_close(out);
}

static bool
cat_options(stralloc *out, char const *options)
{
  struct slice rest = slice_str(options), word;

  while (slice_word(&rest, ' ', &word))
    if (!xml_cat(out, "<option>") || !form_value(out, word) || !xml_cat(out, "</option>"))
      return false;
  return true;
}

bool
form_field_open(stralloc *out, struct form_field const *f)
{
  return xml_cat(out, "<field") && xml_cat_attr(out, "type", slice_str(f->type)) &&
         xml_cat_attr(out, "var", slice_str(f->var)) &&
         xml_cat_attr(out, "label", slice_str(f->label)) && xml_cat(out, ">") &&
         (!f->required || xml_cat(out, "<required/>")) && cat_options(out, f->options);
}

bool
form_value(stralloc *out, struct slice value)
{
  return xml_cat(out, "<value>") && xml_cat_text(out, value) && xml_cat(out, "</value>");
}

bool
form_field_close(stralloc *out)
{
  return xml_cat(out, "</field>");
}

static struct xml_node const *
field_of(struct xml_node const *x, char const *var)
{
  struct xml_node const *f = NULL;

  while ((f = xml_next(x, f)))
    if (xml_is(f, NS_DATA, "field") && slice_is(xml_attr(f, "var"), var)) break;
  return f;
}

struct xml_node const *
form_next(struct xml_node const *x, char const *var, struct xml_node const *v)
{
  struct xml_node const *f = v ? v->parent : x ? field_of(x, var) : NULL;

  if (!f) return NULL;
  while ((v = xml_next(f, v)))
    if (xml_is(v, NS_DATA, "value")) break;
  return v;
}

struct slice
form_get(struct arena *a, struct xml_node const *x, char const *var)
{
  struct xml_node const *v = form_next(x, var, NULL);
  struct slice text = v ? xml_text(a, v) : SLICE("");

  return text.s ? text : SLICE("");
}
