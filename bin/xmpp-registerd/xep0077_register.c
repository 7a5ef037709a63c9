#include "captcha.h"
#include "invites.h"

/* XEP-0077 s3: requests of streams before their login. */

static struct arena arena;

/* The request of a stream as a stanza, whose answer comes from the host and goes to nobody in
 * particular. */
static void
read_request(struct link *l, struct record *r, struct request *q)
{
  *q = (struct request){.link = l,
                        .stream = record_u64(r, 1),
                        .host = record_get(r, 2),
                        .ip = record_get(r, 3),
                        .lang = record_get(r, 5)};
  q->in = (struct stanza){.to = q->host,
                          .kind = SLICE("iq"),
                          .from = SLICE(""),
                          .id = SLICE(""),
                          .tags = SLICE("")};
}

/* The address is absent, or a bare one of the host. */
static bool
is_ours(struct request const *q, struct slice to)
{
  struct jid j;

  return !to.len ||
         (jid_parse(&arena, to, &j) && slice_eq(j.domain, q->host) && !j.resource.len);
}

/* ---- get ---- */

static bool
is_open(struct request const *q, struct host const *h)
{
  return h->in_band && access_may_allow(registerd.access, h->access, h->name) &&
         registerd_allows_ip(h, q->ip);
}

static void
answer_get(struct request const *q, struct host const *h)
{
  static stralloc out = STRALLOC_ZERO;
  struct invite_id id;
  struct invite i;

  out.len = 0;
  if (preauth_of(&arena, q, &id, &i)) {
    if (query_cat_open(&out, q, i.kind == INVITE_ACCOUNT ? i.name : SLICE("")))
      answer_result(q, slice_of(out.s, out.len), NULL, SLICE(""));
  } else if (!h->registers || (!h->redirect_url.len && !is_open(q, h)))
    answer_error(q, ERR_FORBIDDEN, NULL, TEXT_DENIED);
  else if (!h->redirect_url.len && h->captcha)
    captcha_ask(q, h);
  else if (h->redirect_url.len ? query_cat_redirect(&out, q, h->redirect_url)
                               : query_cat_open(&out, q, SLICE("")))
    answer_result(q, slice_of(out.s, out.len), NULL, SLICE(""));
}

/* ---- set ---- */

static void
answer_set(struct request *q, struct host const *h, struct xml_node const *query)
{
  struct stream const *s = stream_of(q);
  struct wanted w;
  enum query_kind kind = query_read(&arena, query, &w);

  q->back = query_back(&arena, kind, &w);
  switch (kind) {
  case QUERY_BAD: answer_error(q, ERR_BAD_REQUEST, NULL, TEXT_MALFORMED); return;
  case QUERY_REMOVE: answer_end(q, "not-authorized"); return;
  case QUERY_FIELDS: break;
  }
  if (!h->registers && (!s || !s->invited))
    answer_error(q, ERR_FORBIDDEN, NULL, TEXT_DENIED);
  else if (s && s->made)
    answer_error(q, ERR_NOT_ALLOWED, NULL, TEXT_SECOND);
  else
    account_make(q, h, &w, "stream");
}

static void
answer_query(struct request *q, struct xml_node const *query, struct slice type)
{
  struct host const *h = registerd_host(q->host);

  if (!h || !(h->registers || h->invites))
    answer_error(q, ERR_SERVICE_UNAVAILABLE, NULL, TEXT_NOT_HERE);
  else if (xml_is(query, NS_PREAUTH, "preauth"))
    preauth_request(q, h, query, type);
  else if (slice_is(type, "get"))
    answer_get(q, h);
  else
    answer_set(q, h, query);
}

void
register_on_register(struct link *l, struct record *r)
{
  struct xml_node const *iq, *c;
  struct request q;
  enum xml_error why;

  read_request(l, r, &q);
  arena_reset(&arena);
  iq = xml_parse(&arena, record_get(r, 6), "jabber:client", &why);
  c = iq ? xml_next(iq, NULL) : NULL;
  if (iq) q.in.id = xml_attr(iq, "id");
  if (!q.in.id.s) q.in.id = SLICE("");
  if (!c || xml_next(iq, c))
    answer_error(&q, ERR_BAD_REQUEST, NULL, TEXT_MALFORMED);
  else if (!q.in.id.len)
    answer_error(&q, ERR_BAD_REQUEST, NULL, TEXT_NO_ID);
  else if (!is_ours(&q, xml_attr(iq, "to")) ||
           (!xml_is(c, NS_REGISTER, "query") && !xml_is(c, NS_PREAUTH, "preauth")))
    answer_error(&q, ERR_SERVICE_UNAVAILABLE, NULL, TEXT_NOT_HERE);
  else
    answer_query(&q, c, xml_attr(iq, "type"));
  arena_wipe(&arena);
}
