#include "form/form.h"

#include "jid/jid.h"

#include <string.h>

/* The longest name of a field that words of an error repeat. */
#define VAR_SAID_MAX 256u

/* ---- reasons ---- */

static bool
refused(struct arena *a, struct form_wrong *w, enum form_error e, struct slice var,
        char const *why)
{
  struct slice parts[] = {var, SLICE(": "), slice_str(why)};
  size_t i, first = var.len && var.len <= VAR_SAID_MAX ? 0 : 2, len = 0;
  char *at;

  for (i = first; i < 3; i++)
    len += parts[i].len;
  at = arena_alloc(a, len);
  w->error = at ? e : FORM_NO_MEMORY;
  w->text = slice_of(at, at ? len : 0);
  for (i = first; at && i < 3; at += parts[i++].len)
    memcpy(at, parts[i].s, parts[i].len);
  return false;
}

static bool
bad_value(struct arena *a, struct form_wrong *w, struct form_field const *f,
          char const *why)
{
  w->field = f;
  return refused(a, w, FORM_BAD_VALUE, slice_str(f->var), why);
}

/* ---- one value ---- */

static bool
is_option(struct form_field const *f, struct slice text)
{
  struct form_option const *o = f->options;

  if (f->open || !o) return true;
  while (o->value && !slice_is(text, o->value))
    o++;
  return o->value != NULL;
}

/* Read a boolean (s3.3): *text becomes 0 or 1. */
static char const *
read_boolean(struct slice *text, uint64_t *number)
{
  *number = slice_is(*text, "1") || slice_is(*text, "true");
  if (!*number && !slice_is(*text, "0") && !slice_is(*text, "false"))
    return "neither 0 nor 1";
  *text = *number ? SLICE("1") : SLICE("0");
  return NULL;
}

/* Read a value of a datatype that is not any text. */
static char const *
read_data(struct form_field const *f, struct slice text, uint64_t *number)
{
  if (f->data == FORM_ANY) return NULL;
  if (f->data == FORM_TIME) return stamp_read(text, number) ? NULL : "not a time";
  if (f->data == FORM_NUMBER_OR_MAX && slice_is(text, "max")) {
    *number = UINT64_MAX;
    return NULL;
  }
  if (!slice_u64(text, number)) return "not a number";
  return *number < f->min || (f->max && *number > f->max) ? "out of range" : NULL;
}

/* Prepare an address. A single one may be empty. */
static char const *
read_jid(struct arena *a, struct form_field const *f, struct slice *text)
{
  struct jid j;

  if (!text->len && f->kind == FORM_JID_SINGLE) return NULL;
  if (!jid_parse(a, *text, &j)) return "not an address";
  *text = j.full;
  return NULL;
}

/* Check a value, and write *text as it is kept. Give the words why it is none, or NULL. */
static char const *
read_value(struct arena *a, struct form_field const *f, struct slice *text,
           uint64_t *number)
{
  switch (f->kind) {
  case FORM_BOOLEAN: return read_boolean(text, number);
  case FORM_JID_MULTI:
  case FORM_JID_SINGLE: return read_jid(a, f, text);
  case FORM_LIST_MULTI:
  case FORM_LIST_SINGLE:
    if (!is_option(f, *text)) return "not one of the options";
    break;
  case FORM_FIXED:
  case FORM_HIDDEN:
  case FORM_TEXT_MULTI:
  case FORM_TEXT_PRIVATE:
  case FORM_TEXT_SINGLE: break;
  }
  return read_data(f, *text, number);
}

/* ---- one field ---- */

static bool
has_many(enum form_kind kind)
{
  return kind == FORM_JID_MULTI || kind == FORM_LIST_MULTI || kind == FORM_TEXT_MULTI;
}

static struct xml_node const *
next_value(struct xml_node const *field, struct xml_node const *v)
{
  do {
    v = xml_next(field, v);
  } while (v && !xml_is(v, FORM_NS, "value"));
  return v;
}

static bool
read_many(struct arena *a, struct xml_node const *field, struct form_field const *f,
          struct form_value *out, struct form_wrong *w)
{
  struct xml_node const *v = NULL;
  char const *why = NULL;
  struct slice *list;
  size_t n = 0;

  while ((v = next_value(field, v)))
    n++;
  list = arena_alloc(a, (n + 1) * sizeof *list);
  if (!list) return refused(a, w, FORM_NO_MEMORY, SLICE(""), "no memory");
  for (n = 0; !why && (v = next_value(field, v)); n++) {
    list[n] = xml_text(a, v);
    why = read_value(a, f, &list[n], &out->number);
  }
  out->list = list;
  out->n = n;
  return !why || bad_value(a, w, f, why);
}

static bool
read_one(struct arena *a, struct xml_node const *field, struct form_field const *f,
         struct form_value *out, struct form_wrong *w)
{
  struct xml_node const *v = next_value(field, NULL);
  char const *why;

  out->text = v ? xml_text(a, v) : SLICE("");
  if (!out->text.s) return refused(a, w, FORM_NO_MEMORY, SLICE(""), "no memory");
  why = read_value(a, f, &out->text, &out->number);
  return !why || bad_value(a, w, f, why);
}

static bool
read_field(struct arena *a, struct xml_node const *field, struct form const *f,
           struct form_value *values, struct form_wrong *w)
{
  struct slice var = xml_attr(field, "var");
  struct xml_node const *v;
  size_t i;

  if (slice_is(var, "FORM_TYPE")) {
    v = next_value(field, NULL);
    return (v && slice_is(xml_text(a, v), f->form_type)) ||
           refused(a, w, FORM_OTHER_TYPE, var, "the form is of another type");
  }
  for (i = 0; i < f->fields_n; i++)
    if (slice_is(var, f->fields[i].var)) {
      values[i] = (struct form_value){.given = true};
      return (has_many(f->fields[i].kind) ? read_many : read_one)(a, field, &f->fields[i],
                                                                  &values[i], w);
    }
  return !f->strict || !var.len ||
         refused(a, w, FORM_UNKNOWN, var, "the form has no such field");
}

/* ---- the form ---- */

static bool
is_empty(struct form_value const *v)
{
  size_t i;

  for (i = 0; i < v->n; i++)
    if (v->list[i].len) return false;
  return !v->text.len;
}

bool
form_read(struct arena *a, struct xml_node const *x, struct form const *f,
          struct form_value *values, struct form_wrong *w)
{
  struct xml_node const *c = NULL;
  size_t i;

  w->field = NULL;
  for (i = 0; i < f->fields_n; i++)
    values[i] = (struct form_value){.given = false};
  while (x && (c = xml_next(x, c)))
    if (xml_is(c, FORM_NS, "field") && !read_field(a, c, f, values, w)) return false;
  for (i = 0; i < f->fields_n; i++)
    if (f->fields[i].required && is_empty(&values[i])) {
      w->field = &f->fields[i];
      return refused(a, w, FORM_MISSING, slice_str(f->fields[i].var), "missing");
    }
  return true;
}

/* ---- values by name ---- */

static struct xml_node const *
field_of(struct xml_node const *x, char const *var)
{
  struct xml_node const *f = NULL, *found = NULL;

  while ((f = xml_next(x, f)))
    if (xml_is(f, FORM_NS, "field") && slice_is(xml_attr(f, "var"), var)) found = f;
  return found;
}

struct xml_node const *
form_next(struct xml_node const *x, char const *var, struct xml_node const *v)
{
  struct xml_node const *f = v ? v->parent : x ? field_of(x, var) : NULL;

  return f ? next_value(f, v) : NULL;
}

struct slice
form_get(struct arena *a, struct xml_node const *x, char const *var)
{
  struct xml_node const *v = form_next(x, var, NULL);
  struct slice text = v ? xml_text(a, v) : SLICE("");

  return text.s ? text : SLICE("");
}

bool
form_has(struct xml_node const *x, char const *var)
{
  return x && field_of(x, var);
}

bool
form_is_filled(struct arena *a, struct xml_node const *x, struct form_field const *f)
{
  struct xml_node const *v = NULL;

  while (f->required && (v = form_next(x, f->var, v)))
    if (xml_text(a, v).len) return true;
  return !f->required;
}
