#include "form/form.h"

#define NS_VALIDATE "http://jabber.org/protocol/xdata-validate"

static char const *const kinds[] = {
  [FORM_BOOLEAN] = "boolean",
  [FORM_FIXED] = "fixed",
  [FORM_HIDDEN] = "hidden",
  [FORM_JID_MULTI] = "jid-multi",
  [FORM_JID_SINGLE] = "jid-single",
  [FORM_LIST_MULTI] = "list-multi",
  [FORM_LIST_SINGLE] = "list-single",
  [FORM_TEXT_MULTI] = "text-multi",
  [FORM_TEXT_PRIVATE] = "text-private",
  [FORM_TEXT_SINGLE] = "text-single",
};

static char const *const datatypes[] = {
  [FORM_ANY] = "xs:string",
  [FORM_NUMBER] = "xs:integer",
  [FORM_NUMBER_OR_MAX] = "pubsub:integer-or-max",
  [FORM_TIME] = "xs:dateTime",
};

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
  return xml_cat(out, "<x xmlns='" FORM_NS "'") &&
         xml_cat_attr(out, "type", slice_str(type)) && xml_cat(out, ">") &&
         cat_element(out, "title", title) &&
         cat_element(out, "instructions", instructions) &&
         xml_cat(out, "<field type='hidden' var='FORM_TYPE'>") &&
         form_value(out, slice_str(form_type)) && form_field_close(out);
}

bool
form_close(stralloc *out)
{
  return xml_cat(out, "</x>");
}

/* ---- fields ---- */

static bool
cat_tag(stralloc *out, struct form_field const *f)
{
  return xml_cat(out, "<field") && xml_cat_attr(out, "type", slice_str(kinds[f->kind])) &&
         xml_cat_attr(out, "var", slice_str(f->var)) &&
         (!f->label || xml_cat_attr(out, "label", slice_str(f->label)));
}

/* XEP-0122 s3.2. */
static bool
cat_data(stralloc *out, struct form_field const *f)
{
  char min[BASE_NUM], max[BASE_NUM];

  if (!f->shows_data) return true;
  if (!xml_cat(out, "<validate xmlns='" NS_VALIDATE "'") ||
      !xml_cat_attr(out, "datatype", slice_str(datatypes[f->data])) || !xml_cat(out, ">"))
    return false;
  if (f->data == FORM_NUMBER && f->max)
    return xml_cat(out, "<range") && xml_cat_attr(out, "min", num_u64(min, f->min)) &&
           xml_cat_attr(out, "max", num_u64(max, f->max)) &&
           xml_cat(out, "/></validate>");
  return xml_cat(out, f->open || f->data == FORM_NUMBER_OR_MAX ? "<open/></validate>"
                                                               : "<basic/></validate>");
}

static bool
cat_options(stralloc *out, struct form_option const *o)
{
  for (; o && o->value; o++)
    if (!form_option(out, slice_str(o->value), slice_str(o->label))) return false;
  return true;
}

bool
form_option(stralloc *out, struct slice value, struct slice label)
{
  return xml_cat(out, "<option") && (!label.len || xml_cat_attr(out, "label", label)) &&
         xml_cat(out, ">") && form_value(out, value) && xml_cat(out, "</option>");
}

bool
form_field_open(stralloc *out, struct form_field const *f)
{
  return cat_tag(out, f) && xml_cat(out, ">") && cat_data(out, f) &&
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

bool
form_field(stralloc *out, struct form_field const *f, struct form_value const *v)
{
  bool given = v && v->given;
  size_t i;

  if (!given && !f->shows_data && !f->required && !f->options)
    return cat_tag(out, f) && xml_cat(out, "/>");
  if (!form_field_open(out, f)) return false;
  if (given && !v->list && !form_value(out, v->text)) return false;
  for (i = 0; given && v->list && i < v->n; i++)
    if (!form_value(out, v->list[i])) return false;
  return form_field_close(out);
}

bool
form_cat(stralloc *out, char const *type, struct form const *f,
         struct form_value const *values)
{
  size_t i;

  if (!form_open(out, type, f->form_type, f->title, f->instructions)) return false;
  for (i = 0; i < f->fields_n; i++)
    if (!form_field(out, &f->fields[i], values ? &values[i] : NULL)) return false;
  return form_close(out);
}
