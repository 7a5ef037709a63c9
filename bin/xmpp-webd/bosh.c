#include "bosh.h"

#include <stdlib.h>

/* BOSH (XEP-0124, XEP-0206): a stream in requests. Here a request becomes an element
 * body, and finds its session. A session's requests are answered at the end of a turn
 * (bosh_turn). */

#define CORS "Access-Control-Allow-Origin: *\nCache-Control: no-store\n"

/* The answer may end the connection, which asks for q->own. */
static void
post_free(struct post *p)
{
  p->q->own = NULL;
  stralloc_free(&p->in);
  free(p);
}

/* ---- answers ---- */

void
post_answer(struct post *p, struct slice text, enum bosh_type type)
{
  static char const *const types[] = {
    [BOSH_TEXT_XML] = "text/xml; charset=utf-8",
    [BOSH_APPLICATION_XML] = "application/xml; charset=utf-8",
    [BOSH_TEXT_PLAIN] = "text/plain; charset=utf-8",
  };

  struct request *q = p->q;

  post_free(p);
  answer_whole(q, 200, types[type], text, SLICE(CORS));
}

void
post_refuse(struct post *p, enum bosh_fault fault, bool legacy)
{
  unsigned int status = legacy ? bosh_status(fault) : 0;
  struct request *q = p->q;
  stralloc sa = STRALLOC_ZERO;

  if (status) {
    post_free(p);
    answer_text(q, status, bosh_condition(fault), "Cache-Control: no-store\n");
    return;
  }
  if (xml_cat(&sa, "<body xmlns='" NS_BOSH "' type='terminate'") &&
      xml_cat_attr(&sa, "condition", slice_str(bosh_condition(fault))) &&
      xml_cat(&sa, "/>"))
    post_answer(p, slice_of(sa.s, sa.len), BOSH_TEXT_XML);
  else
    conn_end(q->conn, "out of memory");
  stralloc_free(&sa);
}

void
post_shut_out(struct post *p)
{
  struct request *q = p->q;

  post_free(p);
  answer_shut_out(q);
}

/* ---- requests ---- */

/* Two stanzas of the largest size fit, and their wrapping. */
static uint64_t
body_max(struct request const *q)
{
  return 2 * settings_stanza_max(slice_str(q->conn->listener)) + BOSH_BODY_EXTRA;
}

static void
begin_post(struct request *q, struct http_request const *h)
{
  struct post *p;

  if (!h->has_length) {
    answer_text(q, 411, "The request needs a Content-Length.", NULL);
    return;
  }
  if (h->length > body_max(q)) {
    answer_text(q, 413, "The request is too long.", NULL);
    return;
  }
  p = calloc(1, sizeof *p);
  if (!p) {
    answer_text(q, 503, "The server has too much to do.", "Retry-After: 5\n");
    return;
  }
  p->q = q;
  q->own = p;
  request_accept(q);
}

static void
begin(struct request *q, struct http_request const *h)
{
  if (*q->path && !slice_is(slice_str(q->path), "/"))
    answer_text(q, 404, "There is nothing here.", NULL);
  else if (h->method == HTTP_GET || h->method == HTTP_HEAD)
    answer_text(q, 200, "Clients of XMPP POST here (BOSH, XEP-0124).", NULL);
  else if (h->method != HTTP_POST)
    answer_methods(q, "GET, HEAD, POST, OPTIONS");
  else
    begin_post(q, h);
}

static void
body(struct request *q, struct slice bytes)
{
  struct post *p = q->own;

  if (!stralloc_catb(&p->in, bytes.s, bytes.len)) conn_end(q->conn, "out of memory");
}

/* A session that was made over TLS is not to be had without (s18.1): the session goes
 * on. */
static void
find_session(struct post *p, struct bosh_body const *b)
{
  struct bosh *s = bosh_find(b->sid);
  struct request *q = p->q;

  if (!s)
    post_refuse(p, BOSH_ITEM_NOT_FOUND, false);
  else if (s->https && !q->https) {
    post_free(p);
    answer_text(q, 403, "This session needs https.", NULL);
  } else
    bosh_take(s, p, b);
}

static void
ended(struct request *q)
{
  struct arena a = ARENA_ZERO;
  struct post *p = q->own;
  struct bosh_body b;
  enum bosh_fault fault = bosh_read(&b, &a, slice_of(p->in.s, p->in.len));

  if (fault)
    post_refuse(p, fault, false);
  else if (b.sid.s)
    find_session(p, &b);
  else
    bosh_create(p, &b);
  arena_wipe(&a);
}

static void
behind(struct request *q)
{
  struct post *p = q->own;

  if (p->session) bosh_hurry(p);
}

static void
gone(struct request *q, char const *why)
{
  struct post *p = q->own;

  (void)why;
  if (!p) return;
  if (p->session) bosh_lost(p);
  post_free(p);
}

struct kind const bosh_kind = {.word = "mod_bosh",
                               .begin = begin,
                               .body = body,
                               .ended = ended,
                               .behind = behind,
                               .gone = gone};
