#include "mam/mam.h"

#include "form/form.h"

#include <stdlib.h>

/* XEP-0313 s4: what a query asks for. */

/* ---- the form (s4.1) ---- */

enum { WITH, START, END, BEFORE_ID, AFTER_ID, IDS, FIELDS_N };

static struct form_field const fields[FIELDS_N] = {
  [WITH] = FORM_FIELD(FORM_JID_SINGLE, "with"),
  [START] = FORM_FIELD(FORM_TEXT_SINGLE, "start", .data = FORM_TIME),
  [END] = FORM_FIELD(FORM_TEXT_SINGLE, "end", .data = FORM_TIME),
  [BEFORE_ID] = FORM_FIELD(FORM_TEXT_SINGLE, "before-id"),
  [AFTER_ID] = FORM_FIELD(FORM_TEXT_SINGLE, "after-id"),
  [IDS] = FORM_FIELD(FORM_LIST_MULTI, "ids", .open = true, .shows_data = true),
};

static struct form const form = {
  .form_type = MAM_NS, .fields = fields, .fields_n = FIELDS_N, .strict = true};

bool
mam_form_cat(stralloc *out)
{
  return xml_cat(out, "<query xmlns='" MAM_NS "'>") &&
         form_cat(out, "form", &form, NULL) && xml_cat(out, "</query>");
}

static bool
wrong_form(struct handle_ctx *ctx, struct form_wrong const *w)
{
  if (w->error == FORM_OTHER_TYPE)
    return handle_wrong(ctx, ERR_BAD_REQUEST, "the form is of another type");
  if (w->error == FORM_UNKNOWN)
    return handle_wrong(ctx, ERR_FEATURE_NOT_IMPLEMENTED,
                        "the form has a field that is not known");
  if (w->field == &fields[WITH])
    return handle_wrong(ctx, ERR_JID_MALFORMED, "with is no address");
  if (w->field == &fields[START])
    return handle_wrong(ctx, ERR_BAD_REQUEST, "start is no time");
  if (w->field == &fields[END])
    return handle_wrong(ctx, ERR_BAD_REQUEST, "end is no time");
  return handle_wrong(ctx, ERR_RESOURCE_CONSTRAINT, "");
}

/* Read an id. Text that no archive gives as an id is in none. */
static bool
read_id(struct handle_ctx *ctx, struct slice text, uint64_t *id)
{
  return (slice_u64(text, id) && *id) ||
         handle_wrong(ctx, ERR_ITEM_NOT_FOUND, "no message has that id");
}

static int
by_id(void const *a, void const *b)
{
  uint64_t x = *(uint64_t const *)a, y = *(uint64_t const *)b;

  return x < y ? -1 : x > y;
}

/* Put the ids in order, each once. */
static void
sort_ids(struct mam_query *q)
{
  size_t i, n = 0;

  qsort(q->ids, q->ids_n, sizeof *q->ids, by_id);
  for (i = 0; i < q->ids_n; i++)
    if (!n || q->ids[n - 1] != q->ids[i]) q->ids[n++] = q->ids[i];
  q->ids_n = n;
}

static bool
read_ids(struct handle_ctx *ctx, struct form_value const *v, struct mam_query *q)
{
  size_t i;

  for (i = 0; i < v->n; i++) {
    if (i == MAM_IDS_MAX)
      return handle_wrong(ctx, ERR_POLICY_VIOLATION, "too many ids at once");
    if (!read_id(ctx, v->list[i], &q->ids[q->ids_n++])) return false;
  }
  sort_ids(q);
  return true;
}

static bool
read_form(struct handle_ctx *ctx, struct xml_node const *x, struct mam_query *q)
{
  struct form_value v[FIELDS_N];
  struct form_wrong w;

  if (!form_read(ctx->arena, x, &form, v, &w)) return wrong_form(ctx, &w);
  if (v[WITH].given && !v[WITH].text.len)
    return handle_wrong(ctx, ERR_JID_MALFORMED, "with is no address");
  q->with = jid_cut(v[WITH].text);
  if (v[START].given) q->start_us = v[START].number;
  if (v[END].given) q->end_us = v[END].number;
  return (!v[BEFORE_ID].given || read_id(ctx, v[BEFORE_ID].text, &q->before_id)) &&
         (!v[AFTER_ID].given || read_id(ctx, v[AFTER_ID].text, &q->after_id)) &&
         read_ids(ctx, &v[IDS], q);
}

/* ---- the page (XEP-0059 s2) ---- */

static bool
read_number(struct handle_ctx *ctx, struct xml_node const *e, uint64_t *n)
{
  return slice_u64(xml_text(ctx->arena, e), n) ||
         handle_wrong(ctx, ERR_BAD_REQUEST, "that is no number");
}

static bool
read_set(struct handle_ctx *ctx, struct xml_node const *set, struct mam_query *q)
{
  struct xml_node const *c = NULL;
  struct slice text;

  while (set && (c = xml_next(set, c))) {
    text = xml_text(ctx->arena, c);
    if (xml_is(c, MAM_NS_RSM, "max") && !read_number(ctx, c, &q->max)) return false;
    if (xml_is(c, MAM_NS_RSM, "index")) {
      q->has_index = true;
      if (!read_number(ctx, c, &q->index)) return false;
    }
    if (xml_is(c, MAM_NS_RSM, "after") && text.len && !read_id(ctx, text, &q->after))
      return false;
    if (!xml_is(c, MAM_NS_RSM, "before")) continue;
    q->has_before = true;
    if (text.len && !read_id(ctx, text, &q->before)) return false;
  }
  if (q->max > MAM_PAGE_MAX) q->max = MAM_PAGE_MAX;
  return true;
}

/* profanity (0.13) says behind which message to go on, but without the set around it. It would
 * get its first page again, and show it twice. */
static bool
read_bare_after(struct handle_ctx *ctx, struct xml_node const *after, struct mam_query *q)
{
  return !after || read_id(ctx, xml_text(ctx->arena, after), &q->after);
}

bool
mam_query_read(struct handle_ctx *ctx, struct xml_node const *e, struct mam_query *q)
{
  *q = (struct mam_query){
    .end_us = UINT64_MAX, .max = MAM_PAGE_USUAL, .queryid = xml_attr(e, "queryid")};
  q->flip = xml_child(e, MAM_NS, "flip-page") != NULL;
  if (xml_attr(e, "node").len)
    return handle_wrong(ctx, ERR_FEATURE_NOT_IMPLEMENTED,
                        "an account's archive has no nodes");
  return read_form(ctx, xml_child(e, FORM_NS, "x"), q) &&
         read_bare_after(ctx, xml_child(e, MAM_NS, "after"), q) &&
         read_set(ctx, xml_child(e, MAM_NS_RSM, "set"), q);
}
