#include "mamd.h"

#include <stdlib.h>

/* XEP-0313 s4: what a query asks for. */

/* ---- the form (s4.1) ---- */

static struct slice
value_of(struct handle_ctx *ctx, struct xml_node const *field)
{
  struct xml_node const *v = xml_child(field, NS_DATA, "value");

  return v ? xml_text(ctx->arena, v) : SLICE("");
}

static bool
read_with(struct handle_ctx *ctx, struct xml_node const *field, struct query *q)
{
  return jid_parse(ctx->arena, value_of(ctx, field), &q->with) ||
         handle_wrong(ctx, ERR_JID_MALFORMED, "with is no address");
}

static bool
read_start(struct handle_ctx *ctx, struct xml_node const *field, struct query *q)
{
  return stamp_read(value_of(ctx, field), &q->start_us) ||
         handle_wrong(ctx, ERR_BAD_REQUEST, "start is no time");
}

static bool
read_end(struct handle_ctx *ctx, struct xml_node const *field, struct query *q)
{
  return stamp_read(value_of(ctx, field), &q->end_us) ||
         handle_wrong(ctx, ERR_BAD_REQUEST, "end is no time");
}

/* An id that we cannot have given is in no archive. */
static bool
read_id(struct handle_ctx *ctx, struct slice text, uint64_t *id)
{
  return (slice_u64(text, id) && *id) ||
         handle_wrong(ctx, ERR_ITEM_NOT_FOUND, "no message has that id");
}

static bool
read_before_id(struct handle_ctx *ctx, struct xml_node const *field, struct query *q)
{
  return read_id(ctx, value_of(ctx, field), &q->before_id);
}

static bool
read_after_id(struct handle_ctx *ctx, struct xml_node const *field, struct query *q)
{
  return read_id(ctx, value_of(ctx, field), &q->after_id);
}

static int
by_id(void const *a, void const *b)
{
  uint64_t x = *(uint64_t const *)a, y = *(uint64_t const *)b;

  return x < y ? -1 : x > y;
}

/* In order, each once. */
static void
sort_ids(struct query *q)
{
  size_t i, n = 0;

  qsort(q->ids, q->ids_n, sizeof *q->ids, by_id);
  for (i = 0; i < q->ids_n; i++)
    if (!n || q->ids[n - 1] != q->ids[i]) q->ids[n++] = q->ids[i];
  q->ids_n = n;
}

static bool
read_ids(struct handle_ctx *ctx, struct xml_node const *field, struct query *q)
{
  struct xml_node const *v = NULL;

  while ((v = xml_next(field, v))) {
    if (!xml_is(v, NS_DATA, "value")) continue;
    if (q->ids_n == QUERY_IDS_MAX)
      return handle_wrong(ctx, ERR_POLICY_VIOLATION, "too many ids at once");
    if (!read_id(ctx, xml_text(ctx->arena, v), &q->ids[q->ids_n++])) return false;
  }
  sort_ids(q);
  return true;
}

static bool
read_form_type(struct handle_ctx *ctx, struct xml_node const *field, struct query *q)
{
  (void)q;
  return slice_is(value_of(ctx, field), NS_MAM) ||
         handle_wrong(ctx, ERR_BAD_REQUEST, "the form is of another type");
}

static struct {
  char const *var;
  bool (*read)(struct handle_ctx *, struct xml_node const *, struct query *);
} const fields[] = {
  {"FORM_TYPE", read_form_type},
  {"with",      read_with     },
  {"start",     read_start    },
  {"end",       read_end      },
  {"before-id", read_before_id},
  {"after-id",  read_after_id },
  {"ids",       read_ids      },
};

#define FIELDS_N (sizeof fields / sizeof *fields)

static bool
read_field(struct handle_ctx *ctx, struct xml_node const *field, struct query *q)
{
  struct slice var = xml_attr(field, "var");
  size_t i;

  for (i = 0; i < FIELDS_N; i++)
    if (slice_is(var, fields[i].var)) return fields[i].read(ctx, field, q);
  return handle_wrong(ctx, ERR_FEATURE_NOT_IMPLEMENTED,
                      "the form has a field that is not known");
}

static bool
read_form(struct handle_ctx *ctx, struct xml_node const *x, struct query *q)
{
  struct xml_node const *f = NULL;

  while (x && (f = xml_next(x, f)))
    if (xml_is(f, NS_DATA, "field") && !read_field(ctx, f, q)) return false;
  return true;
}

/* ---- the page (XEP-0059 s2) ---- */

static bool
read_number(struct handle_ctx *ctx, struct xml_node const *e, uint64_t *n)
{
  return slice_u64(xml_text(ctx->arena, e), n) ||
         handle_wrong(ctx, ERR_BAD_REQUEST, "that is no number");
}

static bool
read_set(struct handle_ctx *ctx, struct xml_node const *set, struct query *q)
{
  struct xml_node const *c = NULL;
  struct slice text;

  while (set && (c = xml_next(set, c))) {
    text = xml_text(ctx->arena, c);
    if (xml_is(c, NS_RSM, "max") && !read_number(ctx, c, &q->max)) return false;
    if (xml_is(c, NS_RSM, "index")) {
      q->has_index = true;
      if (!read_number(ctx, c, &q->index)) return false;
    }
    if (xml_is(c, NS_RSM, "after") && text.len && !read_id(ctx, text, &q->after))
      return false;
    if (!xml_is(c, NS_RSM, "before")) continue;
    q->has_before = true;
    if (text.len && !read_id(ctx, text, &q->before)) return false;
  }
  if (q->max > PAGE_MAX) q->max = PAGE_MAX;
  return true;
}

/* profanity (0.13) says behind which message to go on, but without the set around it. It would
 * get its first page again, and show it twice. */
static bool
read_bare_after(struct handle_ctx *ctx, struct xml_node const *after, struct query *q)
{
  return !after || read_id(ctx, xml_text(ctx->arena, after), &q->after);
}

bool
query_read(struct handle_ctx *ctx, struct xml_node const *e, struct query *q)
{
  *q = (struct query){
    .end_us = UINT64_MAX, .max = PAGE_USUAL, .queryid = xml_attr(e, "queryid")};
  q->flip = xml_child(e, NS_MAM, "flip-page") != NULL;
  if (xml_attr(e, "node").len)
    return handle_wrong(ctx, ERR_FEATURE_NOT_IMPLEMENTED,
                        "an account's archive has no nodes");
  return read_form(ctx, xml_child(e, NS_DATA, "x"), q) &&
         read_bare_after(ctx, xml_child(e, NS_MAM, "after"), q) &&
         read_set(ctx, xml_child(e, NS_RSM, "set"), q);
}
