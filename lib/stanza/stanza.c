#include "stanza/stanza.h"

#include <string.h>

#define NS_STANZAS "urn:ietf:params:xml:ns:xmpp-stanzas"

static struct {
  char const *name, *type;
} const errors[STANZA_ERRORS_N] = {
  [ERR_BAD_REQUEST] = {"bad-request",             "modify"},
  [ERR_CONFLICT] = {"conflict",                "cancel"},
  [ERR_FEATURE_NOT_IMPLEMENTED] = {"feature-not-implemented", "cancel"},
  [ERR_FORBIDDEN] = {"forbidden",               "auth"  },
  [ERR_GONE] = {"gone",                    "cancel"},
  [ERR_INTERNAL] = {"internal-server-error",   "cancel"},
  [ERR_INTERNAL_WAIT] = {"internal-server-error",   "wait"  },
  [ERR_ITEM_NOT_FOUND] = {"item-not-found",          "cancel"},
  [ERR_JID_MALFORMED] = {"jid-malformed",           "modify"},
  [ERR_NOT_ACCEPTABLE] = {"not-acceptable",          "modify"},
  [ERR_BLOCKED] = {"not-acceptable",          "cancel"},
  [ERR_NOT_ALLOWED] = {"not-allowed",             "cancel"},
  [ERR_NOT_AUTHORIZED] = {"not-authorized",          "auth"  },
  [ERR_POLICY_VIOLATION] = {"policy-violation",        "modify"},
  [ERR_RECIPIENT_UNAVAILABLE] = {"recipient-unavailable",   "wait"  },
  [ERR_REGISTRATION_REQUIRED] = {"registration-required",   "auth"  },
  [ERR_REMOTE_NOT_FOUND] = {"remote-server-not-found", "cancel"},
  [ERR_REMOTE_TIMEOUT] = {"remote-server-timeout",   "wait"  },
  [ERR_RESOURCE_CONSTRAINT] = {"resource-constraint",     "wait"  },
  [ERR_SERVICE_UNAVAILABLE] = {"service-unavailable",     "cancel"},
  [ERR_SUBSCRIPTION_REQUIRED] = {"subscription-required",   "auth"  },
  [ERR_UNEXPECTED_REQUEST] = {"unexpected-request",      "wait"  },
};

char const *
stanza_error_name(enum stanza_error e)
{
  return errors[e].name;
}

enum stanza_error
stanza_error_find(struct slice name)
{
  unsigned int i;

  for (i = 0; i < STANZA_ERRORS_N; i++)
    if (slice_is(name, errors[i].name)) return (enum stanza_error)i;
  return ERR_INTERNAL;
}

bool
stanza_source(struct slice origin, struct stanza_source *out)
{
  struct slice word = {0};

  out->epoch = 0;
  if (!slice_word(&origin, ':', &out->name) || !out->name.len) return false;
  if (slice_u64(origin, &out->number)) return true;
  return slice_word(&origin, ':', &word) && slice_u64(word, &out->epoch) &&
         slice_u64(origin, &out->number);
}

void
stanza_read(struct record *r, unsigned int at, struct stanza *out)
{
  out->to = record_get(r, at + STANZA_TO);
  out->from = record_get(r, at + STANZA_FROM);
  out->kind = record_get(r, at + STANZA_KIND);
  out->type = record_get(r, at + STANZA_TYPE);
  out->id = record_get(r, at + STANZA_ID);
  out->tags = record_get(r, at + STANZA_TAGS);
  out->origin = record_get(r, at + STANZA_ORIGIN);
  out->xml = record_raw(r, at + STANZA_XML);
}

static bool
cat_open(stralloc *out, struct stanza const *in, char const *type)
{
  return xml_cat(out, "<") && stralloc_catb(out, in->kind.s, in->kind.len) &&
         (!in->from.len || xml_cat_attr(out, "to", in->from)) &&
         (!in->to.len || xml_cat_attr(out, "from", in->to)) &&
         (!in->id.len || xml_cat_attr(out, "id", in->id)) &&
         xml_cat_attr(out, "type", slice_str(type));
}

bool
stanza_cat_error(stralloc *out, struct stanza const *in, enum stanza_error e,
                 struct slice text)
{
  return stanza_cat_error_more(out, in, e, text, SLICE(""));
}

static bool
cat_condition(stralloc *out, struct stanza_fault const *f)
{
  char const *name = errors[f->error].name;

  if (!xml_cat(out, "<") || !xml_cat(out, name) ||
      !xml_cat(out, " xmlns='" NS_STANZAS "'"))
    return false;
  if (!f->inside.len) return xml_cat(out, "/>");
  return xml_cat(out, ">") && xml_cat_text(out, f->inside) && xml_cat(out, "</") &&
         xml_cat(out, name) && xml_cat(out, ">");
}

static bool
cat_text(stralloc *out, struct stanza_fault const *f)
{
  return !f->text.len ||
         (xml_cat(out, "<text xmlns='" NS_STANZAS "'") &&
          (!f->lang.len || xml_cat_attr(out, "xml:lang", f->lang)) && xml_cat(out, ">") &&
          xml_cat_text(out, f->text) && xml_cat(out, "</text>"));
}

/* RFC 6120 knows no numbers of errors (XEP-0086). profanity publishes its list of OMEMO devices only
 * when it is told that there is none by number. */
static char const *
code_of(enum stanza_error e)
{
  return e == ERR_ITEM_NOT_FOUND ? " code='404'" : "";
}

bool
stanza_cat_fault(stralloc *out, struct stanza const *in, struct stanza_fault const *f)
{
  char const *type = f->type && *f->type ? f->type : errors[f->error].type;

  return cat_open(out, in, "error") && xml_cat(out, ">") &&
         (!f->before.len || stralloc_catb(out, f->before.s, f->before.len)) &&
         xml_cat(out, "<error") && xml_cat(out, code_of(f->error)) &&
         (!f->by.len || xml_cat_attr(out, "by", f->by)) &&
         xml_cat_attr(out, "type", slice_str(type)) && xml_cat(out, ">") &&
         cat_condition(out, f) && cat_text(out, f) &&
         (!f->more.len || stralloc_catb(out, f->more.s, f->more.len)) &&
         xml_cat(out, "</error></") && stralloc_catb(out, in->kind.s, in->kind.len) &&
         xml_cat(out, ">");
}

bool
stanza_cat_error_more(stralloc *out, struct stanza const *in, enum stanza_error e,
                      struct slice text, struct slice more)
{
  return stanza_cat_fault(out, in,
                          &(struct stanza_fault){.error = e, .text = text, .more = more});
}

bool
stanza_cat_result_open(stralloc *out, struct stanza const *in)
{
  return cat_open(out, in, "result") && xml_cat(out, ">");
}

bool
stanza_cat_result(stralloc *out, struct stanza const *in)
{
  return cat_open(out, in, "result") && xml_cat(out, "/>");
}

bool
stanza_may_answer(struct stanza const *in)
{
  if (slice_is(in->type, "error")) return false;
  return !slice_is(in->kind, "iq") || slice_is(in->type, "get") ||
         slice_is(in->type, "set");
}

void
stanza_put(struct link *l, struct stanza const *st)
{
  link_begin(l, VERB_STANZA);
  link_text(l, st->to);
  link_text(l, st->from);
  link_text(l, st->kind);
  link_text(l, st->type);
  link_text(l, st->id);
  link_text(l, st->tags);
  link_origin(l);
  link_text(l, st->xml);
  link_end(l);
}

void
stanza_answer(struct link *l, struct stanza const *in, char const *type, struct slice xml)
{
  struct stanza st = {.to = in->from,
                      .from = in->to,
                      .kind = in->kind,
                      .type = slice_str(type),
                      .id = in->id,
                      .xml = xml};

  if (slice_has_word(in->tags, SLICE("asked"))) st.tags = SLICE("asked");
  stanza_put(l, &st);
}

struct slice
stanza_raw_field(struct slice raw, unsigned int i)
{
  struct slice f = {"", 0};

  while (slice_word(&raw, '\t', &f) && --i) {
  }
  return i ? SLICE("") : f;
}

struct slice
stanza_tag(struct slice tags, char const *name)
{
  struct slice word;
  size_t n = strlen(name);

  while (slice_word(&tags, ' ', &word))
    if (slice_starts(word, name) && word.len > n && word.s[n] == '=')
      return slice_of(word.s + n + 1, word.len - n - 1);
  return SLICE("");
}

bool
stanza_wakes(struct slice kind, struct slice type, struct slice tags)
{
  if (!slice_is(kind, "message") || slice_is(type, "error") ||
      slice_is(type, "headline") || slice_has_word(tags, SLICE("mam")) ||
      slice_has_word(tags, SLICE("offline")))
    return false;
  if (slice_has_word(tags, SLICE("call"))) return true;
  return (slice_has_word(tags, SLICE("body")) || slice_has_word(tags, SLICE("wakes"))) &&
         !slice_has_word(tags, SLICE("no-store")) && !slice_has_word(tags, SLICE("pep"));
}

bool
stanza_is_again(struct stanza const *st)
{
  return slice_has_word(st->tags, SLICE("again"));
}
