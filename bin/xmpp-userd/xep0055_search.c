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

struct form_field const search_fields[COLUMNS_N] = {
  [PROFILE_FULL] = FORM_FIELD(FORM_TEXT_SINGLE, "fn", "Full Name"),
  [PROFILE_GIVEN] = FORM_FIELD(FORM_TEXT_SINGLE, "first", "Given Name"),
  [PROFILE_MIDDLE] = FORM_FIELD(FORM_TEXT_SINGLE, "middle", "Middle Name"),
  [PROFILE_FAMILY] = FORM_FIELD(FORM_TEXT_SINGLE, "last", "Family Name"),
  [PROFILE_NICK] = FORM_FIELD(FORM_TEXT_SINGLE, "nick", "Nickname"),
  [PROFILE_BIRTHDAY] = FORM_FIELD(FORM_TEXT_SINGLE, "bday", "Birthday"),
  [PROFILE_COUNTRY] = FORM_FIELD(FORM_TEXT_SINGLE, "ctry", "Country"),
  [PROFILE_CITY] = FORM_FIELD(FORM_TEXT_SINGLE, "locality", "City"),
  [PROFILE_EMAIL] = FORM_FIELD(FORM_TEXT_SINGLE, "email", "Email Address"),
  [PROFILE_ORG] = FORM_FIELD(FORM_TEXT_SINGLE, "orgname", "Organization"),
  [PROFILE_UNIT] = FORM_FIELD(FORM_TEXT_SINGLE, "orgunit", "Organization Unit"),
  [COLUMN_USER] = FORM_FIELD(FORM_TEXT_SINGLE, "user", "User"),
};

bool
search_is_plain(size_t column)
{
  return column == PROFILE_GIVEN || column == PROFILE_FAMILY || column == PROFILE_NICK ||
         column == PROFILE_EMAIL;
}

/* ---- the domains ---- */

static bool
searches(struct slice host)
{
  return settings_bool(userd.settings, "mod_vcard.search", host);
}

static bool
announce(void *cookie, struct slice host, struct slice domain)
{
  struct link *routed = cookie;

  if (!searches(host)) return true;
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
  settings_each_domain(userd.settings, "mod_vcard", announce, routed);
}

/* The host whose accounts a domain searches; empty when it is none of ours. */
static struct slice
host_of(struct slice domain)
{
  struct slice host = settings_domain_host(userd.settings, "mod_vcard", domain);

  return host.len && searches(host) ? host : SLICE("");
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

#define INSTRUCTIONS                                                                     \
  "Fill in what you know of whom you look for. A value that ends in * stands for all "   \
  "that begin so."

static struct form const form = {.form_type = NS_SEARCH,
                                 .instructions = INSTRUCTIONS,
                                 .fields = search_fields,
                                 .fields_n = COLUMNS_N};

static enum verdict
search_form(struct handle_ctx *ctx, struct stanza const *in, struct xml_node const *e,
            stralloc *out)
{
  struct slice name = settings_get(userd.settings, "mod_vcard.name", host_of(ctx->host));
  struct form titled = form;
  bool ok = xml_cat(out, "<query xmlns='" NS_SEARCH "'><instructions>" INSTRUCTIONS
                         "</instructions>");
  size_t i;

  (void)in;
  (void)e;
  for (i = 0; i < COLUMNS_N; i++)
    if (search_is_plain(i))
      ok = ok && xml_cat(out, "<") && xml_cat(out, search_fields[i].var) &&
           xml_cat(out, "/>");
  titled.title = arena_copy(ctx->arena, name).s;
  ok = ok && titled.title && form_cat(out, "form", &titled, NULL) &&
       xml_cat(out, "</query>");
  return finish(ctx, ok);
}

/* ---- what is wanted ---- */

/* A * alone would ask for everybody. */
static void
want(struct search_wanted *w, size_t i, struct slice value)
{
  value = slice_trimmed(value);
  w->column[i] = slice_is(value, "*") ? SLICE("") : value;
  if (w->column[i].len) w->any = true;
}

/* Read a form. A field that the table does not have asks for nothing. */
static bool
read_form(struct handle_ctx *ctx, struct search_wanted *w, struct xml_node const *x)
{
  struct form_value values[COLUMNS_N];
  struct form_wrong wrong;
  size_t i;

  if (!slice_is(xml_attr(x, "type"), "submit") ||
      !form_read(ctx->arena, x, &form, values, &wrong))
    return handle_wrong(ctx, ERR_BAD_REQUEST, "");
  for (i = 0; i < COLUMNS_N; i++)
    want(w, i, values[i].text);
  return true;
}

static bool
read_wanted(struct handle_ctx *ctx, struct search_wanted *w, struct xml_node const *e)
{
  struct xml_node const *x = xml_child(e, FORM_NS, "x"), *c;
  size_t i;

  w->form = x != NULL;
  if (x) return read_form(ctx, w, x);
  for (i = 0; i < COLUMNS_N; i++) {
    c = search_is_plain(i) ? xml_child(e, NS_SEARCH, search_fields[i].var) : NULL;
    if (c) want(w, i, xml_text(ctx->arena, c));
  }
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
  struct slice host = host_of(ctx->host);
  struct slice card = settings_get(userd.settings, "mod_vcard.vcard", host);
  bool ok = xml_cat(out, "<vCard xmlns='" NS_VCARD "'>");

  (void)in;
  (void)e;
  if (card.len)
    ok = ok && stralloc_catb(out, card.s, card.len);
  else
    ok = ok && xml_cat(out, "<FN>") &&
         xml_cat_text(out, settings_get(userd.settings, "mod_vcard.name", host)) &&
         xml_cat(out, "</FN>");
  return finish(ctx, ok && xml_cat(out, "</vCard>"));
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
