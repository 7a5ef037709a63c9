#include "pushd.h"

#include "form/form.h"

#include <errno.h>
#include <string.h>

/* XEP-0357 s5, s6: a client enables and disables notifications of its account. */

#define FORM_OPTIONS "http://jabber.org/protocol/pubsub#publish-options"

/* The number of the account whose registrations are asked for, the sender's own. An address of a
 * host stands for the sender's account there. Accounts that leave nothing behind (anonymous ones)
 * have no number. 0: the error is set. */
static uint64_t
own_account(struct handle_ctx *ctx)
{
  bool own = ctx->account.len ? slice_eq(ctx->account, ctx->from.bare)
                              : slice_eq(ctx->host, ctx->from.domain);
  uint64_t number =
    own && pushd.accounts ? accounts_number(pushd.accounts, ctx->from.bare) : 0;

  if (!own) ctx->error = ERR_FORBIDDEN;
  if (own && !number)
    handle_error(ctx, ERR_NOT_ALLOWED, "the account has no registrations");
  return number;
}

/* The service that e names. */
static bool
read_service(struct handle_ctx *ctx, struct xml_node const *e, struct jid *service,
             struct slice *node)
{
  struct slice text = xml_attr(e, "jid");

  *node = xml_attr(e, "node");
  if (!node->s) *node = SLICE("");
  if (!text.len) return handle_wrong(ctx, ERR_BAD_REQUEST, "jid is missing");
  if (!jid_parse(ctx->arena, text, service))
    return handle_wrong(ctx, ERR_BAD_REQUEST, "jid is no address");
  if (slice_eq(service->full, ctx->from.bare))
    return handle_wrong(ctx, ERR_BAD_REQUEST, "jid is that of the account");
  if (node->len > PUSH_NODE_MAX)
    return handle_wrong(ctx, ERR_NOT_ACCEPTABLE, "node is too long");
  return true;
}

/* A service that no stream may be opened to would never hear of anything. */
static bool
is_reachable(struct handle_ctx *ctx, struct jid const *service)
{
  struct vhost const *v = vhost_find(ctx->host);
  struct access_who who = {.domain = service->domain};

  if (!v || domain_is_local(service->domain)) return true;
  if (access_allows(pushd.access, v->access, v->host, &who)) return true;
  return handle_wrong(ctx, ERR_NOT_ALLOWED,
                      "this server has no streams to the domain of the service");
}

/* ---- the form ---- */

static bool
check_form(struct handle_ctx *ctx, struct xml_node const *x)
{
  struct slice type = xml_attr(x, "type"), form;
  struct xml_node const *c;
  unsigned int n = 0;

  if (!slice_is(type, "submit") && !slice_is(type, "form"))
    return handle_wrong(ctx, ERR_BAD_REQUEST, "the form is not submitted");
  form = form_get(ctx->arena, x, "FORM_TYPE");
  if (form.len && !slice_is(form, FORM_OPTIONS))
    return handle_wrong(ctx, ERR_BAD_REQUEST, "the form has another FORM_TYPE");
  for (c = xml_next(x, NULL); c; c = xml_next(x, c))
    if (++n > PUSH_FIELDS_MAX)
      return handle_wrong(ctx, ERR_NOT_ACCEPTABLE, "the form has too many fields");
  return true;
}

/* The children of the form, as they came. */
static bool
read_form(struct handle_ctx *ctx, struct xml_node const *e, struct slice *out)
{
  static stralloc text = STRALLOC_ZERO;
  struct xml_node const *x = xml_child(e, FORM_NS, "x"), *c;

  *out = SLICE("");
  if (!x) return true;
  if (!check_form(ctx, x)) return false;
  text.len = 0;
  for (c = xml_next(x, NULL); c; c = xml_next(x, c))
    if (!xml_cat_tree(&text, c, FORM_NS))
      return handle_wrong(ctx, ERR_NOT_ACCEPTABLE, "the form is too long");
  if (text.len > PUSH_FORM_MAX)
    return handle_wrong(ctx, ERR_NOT_ACCEPTABLE, "the form is too long");
  *out = slice_of(text.s, text.len);
  return true;
}

/* ---- registrations that give way ---- */

static struct reg *
longest_unused(struct account const *a)
{
  struct reg *r, *found = a->regs;

  for (r = a->regs; r; r = r->next)
    if (r->used_us < found->used_us) found = r;
  return found;
}

static bool
is_at(struct reg const *r, struct slice jid)
{
  struct push_service s;

  return push_get(pushd.push, r->account->number, reg_key(r), &s) && slice_eq(s.jid, jid);
}

/* A client that is known by its user agent has one node at a service: an earlier one is of an
 * earlier installation. */
static bool
replace_older(struct account *a, struct push_service const *s, char const *key)
{
  struct reg *r = a ? a->regs : NULL, *next;

  if (!slice_starts(s->client, "#")) return true;
  for (; r; r = next) {
    next = r->next;
    if (!slice_is(s->client, r->client) || !memcmp(reg_key(r), key, PUSH_KEY)) continue;
    if (is_at(r, s->jid) && !reg_del(r)) return false;
    if (!next) break;
  }
  return true;
}

static bool
make_room(struct slice bare, char const *key)
{
  struct account *a;
  struct reg *r;

  while ((a = account_find(bare)) && a->n >= pushd.services_max) {
    for (r = a->regs; r; r = r->next)
      if (!memcmp(reg_key(r), key, PUSH_KEY)) return true;
    r = longest_unused(a);
    if (!r) return true;
    log_event(LOG_DEBUG, "push-dropped", "account", log_text(bare), "service",
              reg_service(r), "why", "the account has too many registrations", NULL);
    if (!reg_del(r)) return false;
  }
  return true;
}

/* ---- enable ---- */

/* The name of the client: what its edge knows of its user agent, or its resource. */
static struct slice
client_of(struct handle_ctx *ctx, struct stanza const *in)
{
  struct slice tag = stanza_tag(in->tags, "client"), from = tag;
  char *out;

  if (!tag.len) from = ctx->from.resource;
  out = arena_alloc(ctx->arena, from.len + 1);
  if (!out) return SLICE("");
  *out = tag.len ? '#' : '/';
  memcpy(out + 1, from.s, from.len);
  return slice_of(out, from.len + 1);
}

/* s5: what is enabled again begins anew, perhaps for another client. routed says next whether the
 * session of the client is there still. */
static void
begin_anew(struct reg *r)
{
  reg_back(r);
  event_timer_cancel(&r->wake);
  r->live = false;
  r->session = r->rested = r->retry_us = 0;
  r->backoff = 0;
  owed_note(r);
}

static bool
put(struct handle_ctx *ctx, uint64_t number, struct push_service *s)
{
  char key[PUSH_KEY];
  struct reg *r;

  push_key(key, s->jid, s->node);
  s->account = ctx->from.bare;
  s->used_us = door_wall();
  if (!replace_older(account_find(s->account), s, key) || !make_room(s->account, key))
    return false;
  r = reg_put(number, s);
  if (!r) return false;
  begin_anew(r);
  account_tell(s->account);
  return true;
}

enum verdict
xep0357_enable(struct handle_ctx *ctx, struct stanza const *in, struct xml_node const *e,
               stralloc *out)
{
  uint64_t number = own_account(ctx);
  struct push_service s = {.failures = 0};
  struct jid service = {.full = {0}};

  (void)out;
  if (!number || !read_service(ctx, e, &service, &s.node) ||
      !is_reachable(ctx, &service) || !read_form(ctx, e, &s.form))
    return REFUSE;
  s.jid = service.full;
  s.client = client_of(ctx, in);
  if (!s.client.len || !put(ctx, number, &s))
    return handle_error(ctx, ERR_RESOURCE_CONSTRAINT,
                        "the server has no room to store it");
  log_event(LOG_DEBUG, "push-enabled", "account", log_text(ctx->from.bare), "service",
            log_text(service.full), NULL);
  return DONE;
}

/* ---- disable ---- */

static bool
disable_all(struct account *a, struct slice jid)
{
  struct reg *r = a->regs, *next;

  for (; r; r = next) {
    next = r->next;
    if (is_at(r, jid) && !reg_del(r)) return false;
  }
  return true;
}

static bool
disable_one(struct account *a, struct slice jid, struct slice node)
{
  char key[PUSH_KEY];
  struct reg *r = a->regs;

  push_key(key, jid, node);
  while (r && memcmp(reg_key(r), key, PUSH_KEY) != 0)
    r = r->next;
  return !r || reg_del(r);
}

/* s6: of a service that is not enabled nothing is to be done. */
enum verdict
xep0357_disable(struct handle_ctx *ctx, struct stanza const *in, struct xml_node const *e,
                stralloc *out)
{
  struct account *a;
  struct slice node = {0};
  struct jid service = {.full = {0}};
  bool ok = true;

  (void)in;
  (void)out;
  if (!own_account(ctx) || !read_service(ctx, e, &service, &node)) return REFUSE;
  a = account_find(ctx->from.bare);
  if (!a) return DONE;
  ok = xml_attr(e, "node").s ? disable_one(a, service.full, node)
                             : disable_all(a, service.full);
  if (!ok) {
    handle_error(ctx, ERR_RESOURCE_CONSTRAINT, "the server has no room to store it");
    return REFUSE;
  }
  account_tell(ctx->from.bare);
  return DONE;
}
