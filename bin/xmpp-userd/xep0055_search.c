#include "search.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

/* XEP-0055: a directory of the accounts of a host, at a domain of its own: who has a vCard can
 * be found by what is in it. Values are compared without regard to ASCII case, whole, or, when
 * what is wanted ends in *, by their beginning. */

#define NS_DISCO_INFO "http://jabber.org/protocol/disco#info"
#define NS_DISCO_ITEMS "http://jabber.org/protocol/disco#items"

/* ---- columns of a search ---- */

struct search_column const search_columns[COLUMNS_N] = {
  [PROFILE_FULL] = {"fn",       "Full Name",         false},
  [PROFILE_GIVEN] = {"first",    "Given Name",        true },
  [PROFILE_MIDDLE] = {"middle",   "Middle Name",       false},
  [PROFILE_FAMILY] = {"last",     "Family Name",       true },
  [PROFILE_NICK] = {"nick",     "Nickname",          true },
  [PROFILE_BIRTHDAY] = {"bday",     "Birthday",          false},
  [PROFILE_COUNTRY] = {"ctry",     "Country",           false},
  [PROFILE_CITY] = {"locality", "City",              false},
  [PROFILE_EMAIL] = {"email",    "Email Address",     true },
  [PROFILE_ORG] = {"orgname",  "Organization",      false},
  [PROFILE_UNIT] = {"orgunit",  "Organization Unit", false},
  [COLUMN_USER] = {"user",     "User",              false},
};

/* ---- the domains ---- */

typedef bool domain_fn(void *cookie, struct slice host, struct slice domain);

/* mod_vcard.hosts, else mod_vcard.host. */
static bool
domains_of(struct slice host, domain_fn *fn, void *cookie)
{
  struct slice list = settings_get(userd.settings, "mod_vcard.hosts", host), name;

  if (!list.len) list = settings_get(userd.settings, "mod_vcard.host", host);
  while (slice_word(&list, ' ', &name))
    if (name.len && !fn(cookie, host, name)) return false;
  return true;
}

static void
each_domain(domain_fn *fn, void *cookie)
{
  struct settings_row const *row = NULL;

  while ((row = settings_next(userd.settings, "module", row)))
    if (slice_is(row->value[0], "mod_vcard") &&
        settings_bool(userd.settings, "mod_vcard.search", row->scope) &&
        !domains_of(row->scope, fn, cookie))
      return;
}

static bool
announce(void *cookie, struct slice host, struct slice domain)
{
  struct link *routed = cookie;

  link_begin(routed, VERB_SERVE);
  link_text(routed, domain);
  link_end(routed);
  link_begin(routed, VERB_ITEM);
  link_str(routed, "host");
  link_text(routed, domain);
  link_text(routed, settings_get(userd.settings, "mod_vcard.name", host));
  link_end(routed);
  return true;
}

void
search_announce(struct link *routed)
{
  each_domain(announce, routed);
}

struct found {
  struct slice domain, host;
};

static bool
is_domain(void *cookie, struct slice host, struct slice domain)
{
  struct found *f = cookie;

  if (!slice_eq(domain, f->domain)) return true;
  f->host = host;
  return false;
}

/* The host whose accounts a domain searches; empty when it is none of ours. */
static struct slice
host_of(struct slice domain)
{
  struct found f = {domain, SLICE("")};

  each_domain(is_domain, &f);
  return f.host;
}

bool
search_serves(struct slice domain)
{
  return host_of(domain).len != 0;
}

static enum verdict
finish(struct handle_ctx *ctx, bool ok)
{
  if (ok) return DONE;
  return handle_error(ctx, ERR_RESOURCE_CONSTRAINT, "");
}

/* ---- the form (s2.1, s3) ---- */

bool
search_cat_field(stralloc *out, char const *var, char const *label, char const *type)
{
  return xml_cat(out, "<field") && xml_cat_attr(out, "var", slice_str(var)) &&
         xml_cat_attr(out, "type", slice_str(type)) &&
         xml_cat_attr(out, "label", slice_str(label)) && xml_cat(out, "/>");
}

bool
search_cat_fields(stralloc *out)
{
  bool ok = true;
  size_t i;

  for (i = 0; i < COLUMNS_N && ok; i++)
    ok = search_cat_field(out, search_columns[i].var, search_columns[i].label,
                          "text-single");
  return ok;
}

#define INSTRUCTIONS                                                                     \
  "<instructions>Fill in what you know of whom you look for. A value that ends in * "    \
  "stands for all that begin so.</instructions>"

static enum verdict
search_form(struct handle_ctx *ctx, struct stanza const *in, struct xml_node const *e,
            stralloc *out)
{
  struct slice name = settings_get(userd.settings, "mod_vcard.name", host_of(ctx->host));
  bool ok = xml_cat(out, "<query xmlns='" NS_SEARCH "'>" INSTRUCTIONS);
  size_t i;

  (void)in;
  (void)e;
  for (i = 0; i < COLUMNS_N; i++)
    if (search_columns[i].plain)
      ok = ok && xml_cat(out, "<") && xml_cat(out, search_columns[i].var) &&
           xml_cat(out, "/>");
  ok = ok && xml_cat(out, "<x xmlns='" NS_FORM "' type='form'><title>") &&
       xml_cat_text(out, name) && xml_cat(out, "</title>" INSTRUCTIONS FORM_TYPE) &&
       search_cat_fields(out) && xml_cat(out, "</x></query>");
  return finish(ctx, ok);
}

/* ---- what is wanted ---- */

/* Without white space around it. A * alone would ask for everybody. */
static struct slice
trimmed(struct slice s)
{
  while (s.len && strchr(" \t\r\n", s.s[0]))
    s = slice_of(s.s + 1, s.len - 1);
  while (s.len && strchr(" \t\r\n", s.s[s.len - 1]))
    s.len--;
  return slice_is(s, "*") ? SLICE("") : s;
}

static void
want(struct arena *a, struct search_wanted *w, size_t i, struct xml_node const *value)
{
  if (!value) return;
  w->column[i] = trimmed(xml_text(a, value));
  if (w->column[i].len) w->any = true;
}

/* A field of a form; one that is not known asks for nothing. false: the form is of another
 * type. */
static bool
read_field(struct arena *a, struct search_wanted *w, struct xml_node const *field)
{
  struct slice var = xml_attr(field, "var");
  struct xml_node const *value = xml_child(field, NS_FORM, "value");
  size_t i;

  if (slice_is(var, "FORM_TYPE")) return value && slice_is(xml_text(a, value), NS_SEARCH);
  for (i = 0; i < COLUMNS_N; i++)
    if (slice_is(var, search_columns[i].var)) want(a, w, i, value);
  return true;
}

static bool
read_wanted(struct handle_ctx *ctx, struct search_wanted *w, struct xml_node const *e)
{
  struct xml_node const *x = xml_child(e, NS_FORM, "x"), *c;
  size_t i;

  w->form = x != NULL;
  for (i = 0; i < COLUMNS_N && !x; i++)
    if (search_columns[i].plain)
      want(ctx->arena, w, i, xml_child(e, NS_SEARCH, search_columns[i].var));
  if (!x) return true;
  ctx->error = ERR_BAD_REQUEST;
  if (!slice_is(xml_attr(x, "type"), "submit")) return false;
  for (c = xml_next(x, NULL); c; c = xml_next(x, c))
    if (xml_is(c, NS_FORM, "field") && !read_field(ctx->arena, w, c)) return false;
  return true;
}

/* s2.1: answer with the matches, in the form of the request. An empty query finds
 * everybody only if mod_vcard.allow_return_all says so, else nobody. */
static enum verdict
search_find(struct handle_ctx *ctx, struct stanza const *in, struct xml_node const *e,
            stralloc *out)
{
  struct search_wanted w = {0};

  if (!read_wanted(ctx, &w, e)) return REFUSE;
  w.host = host_of(ctx->host);
  w.all = !w.any && settings_bool(userd.settings, "mod_vcard.allow_return_all", w.host);
  return found_answer(ctx, in, &w, out);
}

/* ---- the service itself ---- */

static enum verdict
search_info(struct handle_ctx *ctx, struct stanza const *in, struct xml_node const *e,
            stralloc *out)
{
  struct slice name = settings_get(userd.settings, "mod_vcard.name", host_of(ctx->host));

  (void)in;
  if (xml_attr(e, "node").len) return handle_error(ctx, ERR_ITEM_NOT_FOUND, "");
  return finish(ctx, xml_cat(out, "<query xmlns='" NS_DISCO_INFO
                                  "'><identity category='directory' type='user'") &&
                       xml_cat_attr(out, "name", name) &&
                       xml_cat(out, "/><feature var='" NS_DISCO_INFO
                                    "'/><feature var='" NS_DISCO_ITEMS
                                    "'/><feature var='" NS_SEARCH
                                    "'/><feature var='" NS_VCARD "'/></query>"));
}

static enum verdict
search_items(struct handle_ctx *ctx, struct stanza const *in, struct xml_node const *e,
             stralloc *out)
{
  (void)in;
  if (xml_attr(e, "node").len) return handle_error(ctx, ERR_ITEM_NOT_FOUND, "");
  return finish(ctx, xml_cat(out, "<query xmlns='" NS_DISCO_ITEMS "'/>"));
}

static enum verdict
search_card(struct handle_ctx *ctx, struct stanza const *in, struct xml_node const *e,
            stralloc *out)
{
  struct slice name = settings_get(userd.settings, "mod_vcard.name", host_of(ctx->host));

  (void)in;
  (void)e;
  return finish(ctx, xml_cat(out, "<vCard xmlns='" NS_VCARD "'><FN>") &&
                       xml_cat_text(out, name) && xml_cat(out, "</FN></vCard>"));
}

static struct handle_row const rows[] = {
  {HANDLE_HOST, "get", NS_SEARCH,      "query", search_form,  0, NULL},
  {HANDLE_HOST, "set", NS_SEARCH,      "query", search_find,  0, NULL},
  {HANDLE_HOST, "get", NS_DISCO_INFO,  "query", search_info,  0, NULL},
  {HANDLE_HOST, "get", NS_DISCO_ITEMS, "query", search_items, 0, NULL},
  {HANDLE_HOST, "get", NS_VCARD,       "vCard", search_card,  0, NULL},
};

void
search_stanza(struct link *l, struct record *r)
{
  struct stanza st;

  if (slice_has_word(record_raw(r, STANZA_TAGS), SLICE("asked"))) {
    stanza_read(r, 0, &st);
    if (!found_is_due(&st)) handle_forgotten(l, &st);
    return;
  }
  handle_record(l, r, rows, sizeof rows / sizeof *rows, userd.settings);
}
