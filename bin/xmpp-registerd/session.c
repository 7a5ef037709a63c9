#include "registerd.h"

#include <openssl/crypto.h>

/* XEP-0077 s3.2, s3.3: requests of sessions: their own password, their own end; an account of
 * another name, if access_from lets them. */

static struct request
request_of(struct handle_ctx const *ctx, struct stanza const *in,
           struct xml_node const *e)
{
  struct slice lang = xml_lang(e->parent);

  return (struct request){.link = registerd_routed,
                          .in = *in,
                          .host = ctx->host,
                          .ip = stanza_tag(in->tags, "ip"),
                          .lang = lang.s ? lang : SLICE(""),
                          .back = SLICE("")};
}

/* Answer with a text in the language of the client. */
static enum verdict
refuse(struct request const *q, enum stanza_error error, enum text t)
{
  answer_error(q, error, NULL, t);
  return LATER;
}

static bool
is_account_of_ours(struct handle_ctx const *ctx)
{
  return ctx->from.local.len && slice_eq(ctx->from.domain, ctx->host);
}

/* Another account is asked about. */
static bool
is_for_another(struct handle_ctx const *ctx)
{
  return ctx->account.len && !slice_eq(ctx->account, ctx->from.bare);
}

/* s3.1.1: who is registered hears so. */
static enum verdict
get(struct handle_ctx *ctx, struct stanza const *in, struct xml_node const *e,
    stralloc *out)
{
  struct request q = request_of(ctx, in, e);

  if (!is_account_of_ours(ctx) || is_for_another(ctx))
    return refuse(&q, ERR_FORBIDDEN, TEXT_DENIED);
  return xml_cat(out, "<query xmlns='" NS_REGISTER "'><registered/><username>") &&
             xml_cat_text(out, ctx->from.local) &&
             xml_cat(out, "</username><password/></query>")
           ? DONE
           : REFUSE;
}

static enum verdict
end_account(struct handle_ctx *ctx, struct request const *q, struct host const *h)
{
  if (!is_account_of_ours(ctx) ||
      !registerd_allows(h, h->access_remove, &ctx->from, SLICE("")))
    return refuse(q, ERR_FORBIDDEN, TEXT_NO_REMOVAL);
  account_del(q, ctx->from.bare);
  return LATER;
}

/* An account for somebody else. */
static enum verdict
make(struct handle_ctx *ctx, struct request const *q, struct host const *h,
     struct wanted const *w)
{
  if (!registerd_allows(h, h->access_from, &ctx->from, SLICE("")))
    return refuse(q, ERR_FORBIDDEN, TEXT_DENIED);
  account_make(q, h, w, "session");
  return LATER;
}

static enum verdict
change(struct handle_ctx *ctx, struct request const *q, struct host const *h,
       struct wanted const *w)
{
  if (!w->password.len) return refuse(q, ERR_BAD_REQUEST, TEXT_INCOMPLETE);
  if (account_password_holds(q, h, w->password))
    account_passwd(q, ctx->from.bare, w->password);
  return LATER;
}

static bool
is_own_name(struct handle_ctx const *ctx, struct slice username)
{
  struct slice name = jid_prep_local(ctx->arena, username);

  return is_account_of_ours(ctx) && name.s && slice_eq(name, ctx->from.local);
}

static enum verdict
set(struct handle_ctx *ctx, struct stanza const *in, struct xml_node const *e,
    stralloc *out)
{
  struct host const *h = registerd_host(ctx->host);
  struct request q = request_of(ctx, in, e);
  struct wanted w;
  enum query_kind kind;
  enum verdict v;

  (void)out;
  if (!h) return PASS;
  if (access_is_anonymous(registerd.st, ctx->from.domain, ctx->from.local))
    return refuse(&q, ERR_NOT_ALLOWED, TEXT_DENIED);
  if (is_for_another(ctx)) return refuse(&q, ERR_FORBIDDEN, TEXT_DENIED);
  kind = query_read(ctx->arena, e, &w);
  q.back = query_back(ctx->arena, kind, &w);
  switch (kind) {
  case QUERY_BAD: return refuse(&q, ERR_BAD_REQUEST, TEXT_MALFORMED);
  case QUERY_REMOVE: return end_account(ctx, &q, h);
  case QUERY_FIELDS: break;
  }
  if (!w.username.len) return refuse(&q, ERR_NOT_ACCEPTABLE, TEXT_INCOMPLETE);
  v = is_own_name(ctx, w.username) ? change(ctx, &q, h, &w) : make(ctx, &q, h, &w);
  if (w.password.len) OPENSSL_cleanse((void *)(uintptr_t)w.password.s, w.password.len);
  return v;
}

struct handle_row const handlers[] = {
  {HANDLE_HOST | HANDLE_ACCOUNT, "get", NS_REGISTER, "query", get, HANDLE_HOST,
   "mod_register"},
  {HANDLE_HOST | HANDLE_ACCOUNT, "set", NS_REGISTER, "query", set, HANDLE_HOST,
   "mod_register"},
};

size_t const handlers_n = sizeof handlers / sizeof *handlers;
