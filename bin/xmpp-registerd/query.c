#include "registerd.h"

/* XEP-0077 s3, XEP-0004: what stands in the query of a request, and in its answer. */

/* ---- reading ---- */

static bool
is_submitted(struct xml_node const *x)
{
  return slice_is(xml_attr(x, "type"), "submit");
}

/* The fields that count, and where they go. */
static struct slice *
place_of(struct wanted *out, struct slice var)
{
  if (slice_is(var, "username")) return &out->username;
  if (slice_is(var, "password")) return &out->password;
  if (slice_is(var, "ocr")) return &out->ocr;
  if (slice_is(var, "challenge")) return &out->challenge;
  return NULL;
}

/* XEP-0158 s3: a form of a captcha may say its own type. */
static bool
type_holds(struct slice type)
{
  return slice_is(type, NS_REGISTER) || slice_is(type, "urn:xmpp:captcha");
}

static bool
read_form_field(struct arena *a, struct xml_node const *f, struct wanted *out)
{
  struct slice var = xml_attr(f, "var"), *at = place_of(out, var);
  struct xml_node const *v = xml_child(f, FORM_NS, "value");
  struct slice text = v ? xml_text(a, v) : SLICE("");

  if (slice_is(var, "FORM_TYPE")) return type_holds(text);
  if (!at) return true;
  if (at->s) return false; /* twice */
  *at = text;
  return text.s != NULL;
}

static bool
read_form(struct arena *a, struct xml_node const *x, struct wanted *out)
{
  struct xml_node const *f;

  if (!is_submitted(x)) return false;
  *out = (struct wanted){.form = true};
  for (f = xml_next(x, NULL); f; f = xml_next(x, f))
    if (xml_is(f, FORM_NS, "field") && !read_form_field(a, f, out)) return false;
  return true;
}

/* s3.1.1: fields are children of the query. */
static bool
read_child(struct arena *a, struct xml_node const *c, struct wanted *out)
{
  struct slice *at = slice_is(c->ns, NS_REGISTER) ? place_of(out, c->name) : NULL;

  if (!at) return true;
  if (at->s) return false;
  *at = xml_text(a, c);
  return at->s != NULL;
}

enum query_kind
query_read(struct arena *a, struct xml_node const *query, struct wanted *out)
{
  struct xml_node const *c, *x = NULL, *remove = NULL;
  size_t n = 0;

  *out = (struct wanted){.form = false};
  for (c = xml_next(query, NULL); c; c = xml_next(query, c), n++) {
    if (xml_is(c, NS_REGISTER, "remove")) remove = c;
    if (xml_is(c, FORM_NS, "x") && x) return QUERY_BAD;
    if (xml_is(c, FORM_NS, "x")) x = c;
    if (!read_child(a, c, out)) return QUERY_BAD;
  }
  if (remove) return n == 1 ? QUERY_REMOVE : QUERY_BAD;
  return !x || read_form(a, x, out) ? QUERY_FIELDS : QUERY_BAD;
}

/* ---- writing ---- */

static bool
cat_instructions(stralloc *out, struct request const *q)
{
  return xml_cat(out, "<instructions>") &&
         xml_cat_text(out, text_in(TEXT_INSTRUCTIONS, q->lang)) &&
         xml_cat(out, "</instructions>");
}

static bool
cat_field(stralloc *out, struct request const *q, enum form_kind kind, char const *var,
          enum text label, struct slice value)
{
  struct slice text = text_in(label, q->lang);
  char z[128] = "";
  struct form_field f = {.kind = kind, .var = var, .label = z, .required = true};

  memcpy(z, text.s, text.len < sizeof z ? text.len : sizeof z - 1);
  return form_field_open(out, &f) && (!value.len || form_value(out, value)) &&
         form_field_close(out);
}

static bool
cat_form(stralloc *out, struct request const *q, struct slice name)
{
  char title[128] = "";
  struct slice text = text_in(TEXT_TITLE, q->lang);

  memcpy(title, text.s, text.len < sizeof title ? text.len : sizeof title - 1);
  return form_open(out, "form", NS_REGISTER, title, NULL) &&
         cat_field(out, q, FORM_TEXT_SINGLE, "username", TEXT_NAME, name) &&
         cat_field(out, q, FORM_TEXT_PRIVATE, "password", TEXT_PASSWORD, SLICE("")) &&
         form_close(out);
}

bool
query_cat_open(stralloc *out, struct request const *q, struct slice name)
{
  return xml_cat(out, "<query xmlns='" NS_REGISTER "'>") && cat_instructions(out, q) &&
         xml_cat(out, name.len ? "<username>" : "<username/>") &&
         xml_cat_text(out, name) &&
         xml_cat(out, name.len ? "</username><password/>" : "<password/>") &&
         cat_form(out, q, name) && xml_cat(out, "</query>");
}

static bool
cat_back_field(stralloc *out, enum form_kind kind, char const *var, struct slice value)
{
  struct form_field const f = {.kind = kind, .var = var};

  return form_field_open(out, &f) && (!value.len || form_value(out, value)) &&
         form_field_close(out);
}

/* Some clients (Gajim) show what an error gives back as the form of the next try: the password is a field
 * there, which hides what is typed. */
static bool
cat_back(stralloc *out, struct wanted const *w)
{
  if (w->form)
    return form_open(out, "submit", NS_REGISTER, NULL, NULL) &&
           cat_back_field(out, FORM_TEXT_SINGLE, "username", w->username) &&
           cat_back_field(out, FORM_TEXT_PRIVATE, "password", SLICE("")) &&
           form_close(out);
  return xml_cat(out, "<username>") && xml_cat_text(out, w->username) &&
         xml_cat(out, "</username><password/>");
}

struct slice
query_back(struct arena *a, enum query_kind kind, struct wanted const *w)
{
  static stralloc out = STRALLOC_ZERO;
  struct slice back;

  if (kind == QUERY_BAD) return SLICE("");
  out.len = 0;
  if (!xml_cat(&out, "<query xmlns='" NS_REGISTER "'>") ||
      !(kind == QUERY_REMOVE ? xml_cat(&out, "<remove/>") : cat_back(&out, w)) ||
      !xml_cat(&out, "</query>"))
    return SLICE("");
  back = arena_copy(a, slice_of(out.s, out.len));
  return back.s ? back : SLICE("");
}

/* XEP-0077 s5, XEP-0066 s3: the instructions have the URL too, for some clients look there. */
bool
query_cat_redirect(stralloc *out, struct request const *q, struct slice url)
{
  return xml_cat(out, "<query xmlns='" NS_REGISTER "'><instructions>") &&
         xml_cat_text(out, text_in(TEXT_REDIRECT, q->lang)) && xml_cat(out, " ") &&
         xml_cat_text(out, url) &&
         xml_cat(out, "</instructions><x xmlns='jabber:x:oob'><url>") &&
         xml_cat_text(out, url) && xml_cat(out, "</url></x></query>");
}
