#include "handle/handle.h"

#include <string.h>

static char const *
scope_word(unsigned int scope)
{
  return scope == HANDLE_HOST ? "host" : "account";
}

/* Say whether an earlier row has announced the same: the namespace as handled, or as shown. */
static bool
told_before(struct handle_row const *rows, size_t i, unsigned int scope, bool shown)
{
  size_t j;

  for (j = 0; j < i; j++)
    if ((shown ? rows[j].shown : rows[j].scopes) & scope &&
        !strcmp(rows[j].ns, rows[i].ns))
      return true;
  return false;
}

/* host empty: for all hosts. */
static void
announce(struct link *l, enum verb v, unsigned int scope, char const *ns,
         struct slice host)
{
  link_begin(l, v);
  link_str(l, scope_word(scope));
  link_str(l, ns);
  if (host.len) link_text(l, host);
  link_end(l);
}

static bool
all_have(struct settings const *st, char const *module)
{
  struct settings_row const *row = NULL;

  if (!module) return true;
  while ((row = settings_next(st, "host", row)))
    if (!settings_has(st, "module", row->value[0], module)) return false;
  return true;
}

static void
announce_row(struct link *l, struct handle_row const *row, enum verb v,
             unsigned int scope, struct settings const *st)
{
  struct settings_row const *host = NULL;

  if (all_have(st, row->module)) {
    announce(l, v, scope, row->ns, SLICE(""));
    return;
  }
  while ((host = settings_next(st, "host", host)))
    if (settings_has(st, "module", host->value[0], row->module))
      announce(l, v, scope, row->ns, host->value[0]);
}

void
handle_announce(struct link *l, struct handle_row const *rows, size_t n,
                struct settings const *st)
{
  unsigned int scope;
  size_t i;

  for (i = 0; i < n; i++)
    for (scope = HANDLE_HOST; scope <= HANDLE_ACCOUNT; scope <<= 1) {
      if (rows[i].scopes & scope && !told_before(rows, i, scope, false))
        announce_row(l, &rows[i], VERB_HANDLE, scope, st);
      if (rows[i].shown & scope && !told_before(rows, i, scope, true))
        announce_row(l, &rows[i], VERB_FEATURE, scope, st);
    }
}

static void
forget(struct link *l, char const *what)
{
  link_begin(l, VERB_FORGET);
  link_str(l, what);
  link_end(l);
}

void
handle_forget(struct link *l)
{
  forget(l, "announced");
}

void
handle_announced(struct link *l)
{
  forget(l, "old");
}

void
handle_watch(struct link *l, char const *word)
{
  link_begin(l, VERB_WATCH);
  link_str(l, word);
  link_end(l);
}

static struct handle_row const *
find(struct handle_row const *rows, size_t n, unsigned int scope, struct slice type,
     struct xml_node const *e)
{
  size_t i;

  for (i = 0; i < n; i++)
    if (rows[i].scopes & scope && slice_is(type, rows[i].type) &&
        xml_is(e, rows[i].ns, rows[i].name))
      return &rows[i];
  return NULL;
}

/* Host and account of the address; one without to means the sender's own account (RFC 6120
 * s10.3.3). */
static bool
read_addresses(struct handle_ctx *ctx, struct stanza const *in)
{
  struct jid to;

  if (!jid_parse(ctx->arena, in->from, &ctx->from)) return false;
  if (!in->to.len) {
    ctx->host = ctx->from.domain;
    ctx->account = ctx->from.bare;
    return true;
  }
  if (!jid_parse(ctx->arena, in->to, &to)) return false;
  ctx->host = to.domain;
  ctx->account = to.local.len ? to.bare : SLICE("");
  return true;
}

/* The longest escaped XML that a record has room for beside the envelope. */
#define XML_MAX (RECORD_MAX - 65536)

/* Say whether xml, escaped, fits a record. */
static bool
fits(struct slice xml)
{
  size_t i, n = xml.len;

  if (n > XML_MAX) return false;
  if (n <= XML_MAX / 2) return true;
  for (i = 0; i < xml.len; i++)
    if (memchr("\\\t\n\r", xml.s[i], 5)) n++;
  return n <= XML_MAX;
}

/* Answer in; an answer that is too long for a record becomes an error, so that each request
 * has one. */
static void
answer(struct link *routed, struct stanza const *in, char const *type, stralloc *out)
{
  if (!fits(slice_of(out->s, out->len))) {
    out->len = 0;
    stanza_cat_error(out, in, ERR_RESOURCE_CONSTRAINT, SLICE("the answer is too long"));
    type = "error";
  }
  stanza_answer(routed, in, type, slice_of(out->s, out->len));
}

void
handle_result(struct link *routed, struct stanza const *in, struct slice inside)
{
  static stralloc out = STRALLOC_ZERO;

  out.len = 0;
  if (inside.len ? stanza_cat_result_open(&out, in) &&
                     stralloc_catb(&out, inside.s, inside.len) && xml_cat(&out, "</iq>")
                 : stanza_cat_result(&out, in))
    answer(routed, in, "result", &out);
}

void
handle_refuse(struct link *routed, struct stanza const *in, enum stanza_error e,
              struct slice text, struct slice more)
{
  static stralloc out = STRALLOC_ZERO;

  out.len = 0;
  if (stanza_cat_error_more(&out, in, e, text, more)) answer(routed, in, "error", &out);
}

void
handle_forgotten(struct link *routed, struct stanza const *in)
{
  handle_refuse(routed, in, ERR_RESOURCE_CONSTRAINT, SLICE(""), SLICE(""));
}

enum verdict
handle_error(struct handle_ctx *ctx, enum stanza_error e, char const *text)
{
  ctx->error = e;
  ctx->text = slice_str(text);
  return REFUSE;
}

bool
handle_wrong(struct handle_ctx *ctx, enum stanza_error e, char const *text)
{
  handle_error(ctx, e, text);
  return false;
}

/* The row of a request whose payload is e: NULL also when the host lacks the row's module. */
static struct handle_row const *
row_of(struct handle_ctx const *ctx, struct stanza const *in, struct xml_node const *e,
       struct handle_row const *rows, size_t n, struct settings const *st)
{
  unsigned int scope = ctx->account.len ? HANDLE_ACCOUNT : HANDLE_HOST;
  struct handle_row const *row = e ? find(rows, n, scope, in->type, e) : NULL;

  return !row || !row->module || settings_has(st, "module", ctx->host, row->module)
           ? row
           : NULL;
}

/* The type of the answer that is now in out; NULL: none is to be sent now. */
static char const *
run(struct handle_ctx *ctx, struct stanza const *in, struct xml_node const *e,
    struct handle_row const *row, stralloc *out)
{
  enum verdict v = PASS;
  size_t at;

  ctx->error = ERR_SERVICE_UNAVAILABLE;
  ctx->text = ctx->more = ctx->inside = SLICE("");
  if (row && stanza_cat_result_open(out, in)) {
    at = out->len;
    v = row->fn(ctx, in, e, out);
    if (v == DONE && at == out->len) {
      out->s[at - 1] = '/';
      stralloc_catb(out, ">", 1);
    } else if (v == DONE)
      xml_cat(out, "</iq>");
  }
  if (v == LATER) return NULL;
  if (v == DONE) return "result";
  out->len = 0;
  stanza_cat_fault(
    out, in,
    &(struct stanza_fault){
      .error = ctx->error, .inside = ctx->inside, .text = ctx->text, .more = ctx->more});
  return "error";
}

void
handle_answered(struct link *routed, struct stanza const *in)
{
  struct stanza asked = *in;
  struct stanza_source from;

  if (!stanza_source(in->origin, &from) || program_find(from.name) != C2SD) return;
  asked.tags = SLICE("asked");
  handle_forgotten(routed, &asked);
}

bool
handle_record(struct link *l, struct record *r, struct handle_row const *rows, size_t n,
              struct settings const *st)
{
  static struct arena arena = ARENA_ZERO;
  static stralloc out = STRALLOC_ZERO;
  struct handle_ctx ctx = {.arena = &arena};
  struct stanza in;
  struct xml_node const *iq, *e;
  enum xml_error why;
  char const *type;

  stanza_read(r, 0, &in);
  if (!slice_is(in.kind, "iq") || !stanza_may_answer(&in)) return true;
  if (handle_came_before(in.origin)) return false;
  arena_reset(&arena);
  out.len = 0;
  in.xml = record_get(r, STANZA_XML);
  if (!read_addresses(&ctx, &in)) return true;
  iq = xml_parse(&arena, in.xml, "jabber:client", &why);
  e = iq ? xml_next(iq, NULL) : NULL;
  type = run(&ctx, &in, e, row_of(&ctx, &in, e, rows, n, st), &out);
  if (type) answer(l, &in, type, &out);
  return true;
}
