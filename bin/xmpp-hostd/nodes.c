#include "hostd.h"

#include <stdlib.h>

/* Nodes of accounts (XEP-0163). routed gives requests of disco to hostd, by their namespace, and
 * xmpp-pubsubd knows the nodes:
 *   1 CLIENT asks ACCOUNT: <query xmlns='...disco#items'/>
 *   2 HOST/hostd, an address that no client has, asks ACCOUNT in the namespace of pubsub, which is
 *     xmpp-pubsubd's: <pubsub><items for='CLIENT'/></pubsub>; stranger='true': CLIENT may not see
 *     the account's presence
 *   3 xmpp-pubsubd answers with a query element; with nothing, when CLIENT may know that the account
 *     is there; or with an error, service-unavailable when CLIENT may not
 *   4 hostd answers CLIENT. Without an answer in time the account is one without nodes. */

#define NS_STANZAS "urn:ietf:params:xml:ns:xmpp-stanzas"

struct wait {
  struct wait *next, **prev;
  struct arena arena;
  struct stanza in; /* the request, without its XML */
  struct inquiry q;
  size_t bytes; /* that count */
};

static struct wait *first, **last = &first;
static size_t bytes;

bool
nodes_has(struct slice host)
{
  struct settings const *st = hostd_settings();

  return settings_has(st, "module", host, "mod_pubsub") &&
         slice_has_word(settings_get(st, "mod_pubsub.plugins", host), SLICE("pep"));
}

void
nodes_announce(struct link *routed)
{
  struct host const *h;
  size_t i;

  for (i = 0; (h = hostd_host_at(i)) && !nodes_has(h->name); i++) {
  }
  if (!h) return;
  link_begin(routed, VERB_HANDLE);
  link_str(routed, "resource");
  link_str(routed, "hostd");
  link_end(routed);
}

/* ---- requests that wait ---- */

static size_t
wait_bytes(struct stanza const *in, struct inquiry const *q)
{
  return sizeof(struct wait) + in->to.len + in->from.len + in->id.len + in->tags.len +
         q->account.len + q->node.len;
}

static struct wait *
wait_new(void)
{
  struct wait *w = calloc(1, sizeof *w);

  if (!w) return NULL;
  w->prev = last;
  *last = w;
  last = &w->next;
  return w;
}

static void
wait_free(struct wait *w)
{
  bytes -= w->bytes;
  *w->prev = w->next;
  if (w->next)
    w->next->prev = w->prev;
  else
    last = w->prev;
  arena_wipe(&w->arena);
  free(w);
}

/* NULL: ENOMEM, or DISCO_WAITS_BYTES wait. */
static struct wait *
wait_begin(struct stanza const *in, struct inquiry const *q)
{
  size_t len = wait_bytes(in, q);
  struct wait *w = bytes + len <= DISCO_WAITS_BYTES ? wait_new() : NULL;

  if (!w) return NULL;
  bytes += w->bytes = len;
  w->in = (struct stanza){
    .to = in->to, .from = in->from, .kind = SLICE("iq"), .id = in->id, .tags = in->tags};
  w->q = *q;
  if (arena_keep(&w->arena, &w->in.to) && arena_keep(&w->arena, &w->in.from) &&
      arena_keep(&w->arena, &w->in.id) && arena_keep(&w->arena, &w->in.tags) &&
      arena_keep(&w->arena, &w->q.account) && arena_keep(&w->arena, &w->q.node))
    return w;
  wait_free(w);
  return NULL;
}

/* ---- answers ---- */

/* The parts of an error that is passed on. */
struct failure {
  enum stanza_error e;
  struct slice text, more;
};

static struct slice
text_of(struct arena *a, struct xml_node const *c)
{
  stralloc sa = STRALLOC_ZERO;
  struct slice text = SLICE("");

  if (xml_cat_tree(&sa, c, "jabber:client")) text = arena_copy(a, slice_of(sa.s, sa.len));
  stralloc_free(&sa);
  return text;
}

static void
read_failure(struct arena *a, struct xml_node const *iq, struct failure *f)
{
  struct xml_node const *error = iq ? xml_child(iq, NULL, "error") : NULL, *c;

  *f = (struct failure){ERR_SERVICE_UNAVAILABLE, SLICE(""), SLICE("")};
  for (c = error ? xml_next(error, NULL) : NULL; c; c = xml_next(error, c))
    if (!slice_is(c->ns, NS_STANZAS))
      f->more = text_of(a, c);
    else if (slice_is(c->name, "text"))
      f->text = xml_text(a, c);
    else {
      f->e = stanza_error_find(c->name);
      if (f->e == ERR_INTERNAL) f->e = ERR_INTERNAL_WAIT;
    }
}

static void
answer_with(struct wait *w, bool is_seen, struct xml_node const *nodes)
{
  static stralloc out = STRALLOC_ZERO;
  enum stanza_error e;

  out.len = 0;
  if (disco_cat_account(&out, &w->q, is_seen, nodes, &e))
    handle_result(hostd_routed, &w->in, slice_of(out.s, out.len));
  else
    handle_refuse(hostd_routed, &w->in, e, SLICE(""), SLICE(""));
}

static void
on_answer(void *cookie, struct stanza const *st)
{
  struct wait *w = cookie;
  enum xml_error why;
  struct xml_node const *iq =
    st ? xml_parse(&w->arena, st->xml, "jabber:client", &why) : NULL;
  struct failure f;

  if (iq && slice_is(st->type, "result"))
    answer_with(w, true, xml_next(iq, NULL));
  else {
    read_failure(&w->arena, iq, &f);
    if (f.e == ERR_SERVICE_UNAVAILABLE)
      answer_with(w, false, NULL);
    else
      handle_refuse(hostd_routed, &w->in, f.e, f.text, f.more);
  }
  wait_free(w);
}

void
nodes_answer(struct stanza const *st)
{
  ask_is_answered(st);
}

/* ---- asking ---- */

static bool
cat_question(stralloc *out, struct slice asker, struct xml_node const *e,
             struct inquiry const *q)
{
  struct xml_node const *set = q->items ? xml_child(e, NS_RSM, "set") : NULL;
  char const *name = q->items ? "items" : "info";

  return xml_cat(out, "<pubsub xmlns='" NS_PUBSUB "'><") && xml_cat(out, name) &&
         xml_cat_attr(out, "for", asker) &&
         (!q->node.len || xml_cat_attr(out, "node", q->node)) &&
         (!q->stranger || xml_cat_attr(out, "stranger", SLICE("true"))) &&
         xml_cat(out, ">") && (!set || xml_cat_tree(out, set, NS_PUBSUB)) &&
         xml_cat(out, "</") && xml_cat(out, name) && xml_cat(out, "></pubsub>");
}

static bool
put(struct wait *w, struct slice host, struct slice inside)
{
  static stralloc from = STRALLOC_ZERO;
  struct ask_iq ask = {.to = w->q.account,
                       .type = SLICE("get"),
                       .tags = SLICE("ns=" NS_PUBSUB),
                       .inside = inside,
                       .wait_us = DISCO_WAIT_US};

  from.len = 0;
  if (!stralloc_catb(&from, host.s, host.len) || !stralloc_cats(&from, "/hostd"))
    return false;
  ask.from = slice_of(from.s, from.len);
  return ask_client(hostd_routed, &ask, on_answer, w);
}

enum verdict
nodes_ask(struct handle_ctx *ctx, struct stanza const *in, struct xml_node const *e,
          struct inquiry const *q)
{
  stralloc sa = STRALLOC_ZERO;
  struct wait *w = wait_begin(in, q);
  bool ok = w && cat_question(&sa, ctx->from.full, e, q) &&
            put(w, ctx->host, slice_of(sa.s, sa.len));

  stralloc_free(&sa);
  if (ok) return LATER;
  if (w) wait_free(w);
  return handle_error(ctx, ERR_RESOURCE_CONSTRAINT, "");
}

/* ---- the state for a trace ---- */

static void
wait_snapshot(struct snapshot *k, struct wait *w)
{
  snapshot_slice(k, &w->arena, &w->in.to);
  snapshot_slice(k, &w->arena, &w->in.from);
  snapshot_slice(k, &w->arena, &w->in.id);
  snapshot_slice(k, &w->arena, &w->in.tags);
  snapshot_slice(k, &w->arena, &w->q.account);
  snapshot_slice(k, &w->arena, &w->q.node);
  SNAPSHOT_INT(k, w->q.items);
  SNAPSHOT_INT(k, w->q.stranger);
  SNAPSHOT_INT(k, w->q.paged);
  w->in.kind = SLICE("iq");
}

/* A question is named by the place of its request. */
static bool
question_snapshot(struct snapshot *k, ask_iq_fn **fn, void **cookie)
{
  struct wait *w;
  size_t place = 0;

  if (!snapshot_restores(k))
    for (w = first; w && w != *cookie; w = w->next)
      place++;
  SNAPSHOT_INT(k, place);
  if (!snapshot_restores(k)) return *fn == on_answer;
  for (w = first; w && place; w = w->next)
    place--;
  *fn = on_answer;
  *cookie = w;
  return w != NULL;
}

void
nodes_snapshot(struct snapshot *k)
{
  struct wait *w = first;

  while (snapshot_record(k, "wait", w != NULL)) {
    if (snapshot_restores(k)) w = wait_new();
    if (!w) return;
    wait_snapshot(k, w);
    if (snapshot_restores(k))
      bytes += w->bytes = wait_bytes(&w->in, &w->q);
    else
      w = w->next;
  }
  ask_clients_snapshot(k, question_snapshot);
}
