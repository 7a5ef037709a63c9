#include "mamd.h"

#include <errno.h>
#include <string.h>

/* XEP-0313: an account pages through its archive. The count of a set, and where a page is in
 * it, are subtractions; so a page is found before the first of its results is sent
 * (xep0313_pages.c). */

/* A page: the places of set that are sent, from a on, before b. */
struct page {
  struct archive_range set;
  uint64_t a, b;
  bool complete;
  bool counted;            /* set is exactly what matches */
  uint64_t hits[PAGE_MAX]; /* when not counted: the places that do */
  size_t hits_n;
  uint64_t looked_at; /* and the id that was looked at last */
};

struct asker {
  struct handle_ctx *ctx;
  struct query q;
  uint64_t owner;
};

static enum verdict
refuse(struct handle_ctx *ctx, enum stanza_error e, char const *text)
{
  ctx->error = e;
  ctx->text = slice_str(text);
  return REFUSE;
}

/* s7.1: an archive is its owner's alone. *owner: of an account that exists. */
static bool
may_ask(struct handle_ctx *ctx, uint64_t *owner)
{
  *owner = 0;
  if (!mamd_has(ctx->host, "mod_mam")) return false;
  if (!slice_eq(ctx->from.bare, ctx->account)) {
    ctx->error = ERR_FORBIDDEN;
    return false;
  }
  *owner = mamd_number(ctx->account);
  return *owner != 0;
}

static uint64_t
place_at(struct page const *p, uint64_t i)
{
  return p->counted ? p->a + i : p->hits[i];
}

static uint64_t
page_len(struct page const *p)
{
  return p->counted ? p->b - p->a : p->hits_n;
}

/* The ids of the page, in the order in which they are sent. */
static bool
list_ids(struct asker const *q, struct page const *p, uint64_t ids[PAGE_MAX])
{
  uint64_t i, n = page_len(p);

  for (i = 0; i < n; i++)
    if (!archive_range_id(mamd.archive, &p->set, place_at(p, q->q.flip ? n - 1 - i : i),
                          &ids[i]))
      return false;
  return true;
}

/* ---- finding a page ---- */

/* The set that the form names (s4.1). */
static bool
open_set(struct asker const *q, struct archive_range *set)
{
  return archive_range_open(mamd.archive, q->owner, q->q.with.bare, set) &&
         archive_range_time(mamd.archive, set, q->q.start_us, q->q.end_us) &&
         (!q->q.after_id || archive_range_after(mamd.archive, set, q->q.after_id)) &&
         (!q->q.before_id || archive_range_before(mamd.archive, set, q->q.before_id));
}

/* Narrow the set to the part from which the page may be taken (XEP-0059 s2.2, s2.3,
 * s2.6). */
static bool
open_part(struct asker const *q, struct archive_range const *set,
          struct archive_range *part)
{
  *part = *set;
  if (q->q.has_index)
    part->from = q->q.index < set->to - set->from ? set->from + q->q.index : set->to;
  return (!q->q.after || archive_range_after(mamd.archive, part, q->q.after)) &&
         (!q->q.before || archive_range_before(mamd.archive, part, q->q.before));
}

/* s4.1.1: a full JID is met by the messages with that resource alone. It is given as it
 * stands in a record, as the addresses of messages are. */
static bool
is_with(struct slice full, struct archive_message const *m)
{
  return slice_eq(m->text.from, full) || slice_eq(m->text.to, full);
}

/* The messages of the part that match, from one end, at most max, of QUERY_SCAN_MAX that are
 * looked at. */
static bool
scan(struct asker const *q, struct archive_range const *part, struct page *p)
{
  static stralloc full = STRALLOC_ZERO;
  uint64_t i, n = part->to - part->from;
  struct archive_message m;
  size_t k;

  full.len = 0;
  errno = ENOMEM;
  if (!record_put_more(&full, q->q.with.full)) return false;
  for (i = 0; i < n && i < QUERY_SCAN_MAX && p->hits_n < q->q.max; i++) {
    uint64_t at = q->q.has_before ? part->to - 1 - i : part->from + i;
    if (!archive_range_peek(mamd.archive, part, at, &m)) return false;
    p->looked_at = m.id;
    if (is_with(slice_of(full.s, full.len), &m)) p->hits[p->hits_n++] = at;
  }
  p->complete = i == n;
  for (k = 0; q->q.has_before && k < p->hits_n / 2; k++) {
    uint64_t t = p->hits[k];
    p->hits[k] = p->hits[p->hits_n - 1 - k];
    p->hits[p->hits_n - 1 - k] = t;
  }
  return true;
}

static bool
find_page(struct asker const *q, struct page *p)
{
  struct archive_range part;
  uint64_t n;

  p->counted = !q->q.with.resource.len;
  p->hits_n = p->looked_at = 0;
  if (!open_set(q, &p->set) || !open_part(q, &p->set, &part)) return false;
  if (!p->counted) return scan(q, &part, p);
  n = part.to - part.from;
  p->complete = n <= q->q.max;
  if (n > q->q.max) n = q->q.max;
  p->a = q->q.has_before ? part.to - n : part.from;
  p->b = p->a + n;
  return true;
}

/* ---- the end of the answer (s4.3) ---- */

static bool
cat_number(stralloc *out, char const *name, uint64_t n)
{
  char buf[BASE_NUM];

  return xml_cat(out, "<") && xml_cat(out, name) && xml_cat(out, ">") &&
         stralloc_cats(out, num_u64(buf, n).s) && xml_cat(out, "</") &&
         xml_cat(out, name) && xml_cat(out, ">");
}

static bool
cat_ends(stralloc *out, struct page const *p)
{
  uint64_t n = page_len(p), first, last;
  char buf[BASE_NUM];

  /* Nothing was found so far: the client goes on from there (XEP-0059 s2.2). */
  if (!n && !p->complete && p->looked_at)
    return cat_number(out, "first", p->looked_at) &&
           cat_number(out, "last", p->looked_at);
  if (!n) return true;
  if (!archive_range_id(mamd.archive, &p->set, place_at(p, 0), &first) ||
      !archive_range_id(mamd.archive, &p->set, place_at(p, n - 1), &last))
    return false;
  if (!xml_cat(out, "<first") ||
      (p->counted && !xml_cat_attr(out, "index", num_u64(buf, p->a - p->set.from))))
    return false;
  return xml_cat(out, ">") && stralloc_cats(out, num_u64(buf, first).s) &&
         xml_cat(out, "</first>") && cat_number(out, "last", last);
}

static bool
cat_fin(stralloc *out, struct page const *p)
{
  return xml_cat(out, p->complete ? "<fin xmlns='" NS_MAM "' complete='true'>"
                                  : "<fin xmlns='" NS_MAM "'>") &&
         xml_cat(out, "<set xmlns='" NS_RSM "'>") && cat_ends(out, p) &&
         (!p->counted || cat_number(out, "count", archive_range_count(&p->set))) &&
         xml_cat(out, "</set></fin>");
}

static enum verdict
failed(struct handle_ctx *ctx)
{
  if (errno == ENOENT) return refuse(ctx, ERR_ITEM_NOT_FOUND, "no message has that id");
  return refuse(ctx, ERR_INTERNAL, "");
}

static enum verdict
answer(struct asker const *q, struct stanza const *in, uint64_t const *ids, size_t n,
       stralloc const *fin)
{
  struct found f = {.owner = q->owner,
                    .ids = ids,
                    .n = n,
                    .from = q->ctx->from.full,
                    .account = q->ctx->account,
                    .queryid = q->q.queryid,
                    .fin = slice_of(fin->s, fin->len)};

  if (pages_answer(in, &f)) return LATER;
  return refuse(q->ctx, ERR_RESOURCE_CONSTRAINT, "too many queries at a time");
}

static bool
cat_fin_of_ids(stralloc *out, struct query const *q)
{
  char buf[BASE_NUM];

  return xml_cat(out, "<fin xmlns='" NS_MAM "' complete='true'><set xmlns='" NS_RSM
                      "'><first index='0'>") &&
         stralloc_cats(out, num_u64(buf, q->ids[0]).s) && xml_cat(out, "</first>") &&
         cat_number(out, "last", q->ids[q->ids_n - 1]) &&
         cat_number(out, "count", q->ids_n) && xml_cat(out, "</set></fin>");
}

/* s4.1.3: single messages. All must be there before one is sent. */
static enum verdict
answer_ids(struct asker *q, struct stanza const *in, stralloc *fin)
{
  struct archive_message m;
  uint64_t ids[QUERY_IDS_MAX];
  size_t i;

  for (i = 0; i < q->q.ids_n; i++) {
    if (!archive_get(mamd.archive, q->owner, q->q.ids[i], &m) || !m.archived)
      return refuse(q->ctx, ERR_ITEM_NOT_FOUND, "no message has that id");
    ids[q->q.flip ? q->q.ids_n - 1 - i : i] = q->q.ids[i];
  }
  if (!cat_fin_of_ids(fin, &q->q)) return refuse(q->ctx, ERR_RESOURCE_CONSTRAINT, "");
  return answer(q, in, ids, q->q.ids_n, fin);
}

enum verdict
xep0313_query(struct handle_ctx *ctx, struct stanza const *in, struct xml_node const *e,
              stralloc *out)
{
  static struct page p;
  static stralloc fin = STRALLOC_ZERO;
  uint64_t ids[PAGE_MAX];
  struct asker q = {.ctx = ctx};

  (void)out;
  if (!may_ask(ctx, &q.owner) || !query_read(ctx, e, &q.q)) return REFUSE;
  prefs_activate(ctx->account, q.owner);
  fin.len = 0;
  if (q.q.ids_n) return answer_ids(&q, in, &fin);
  if (!find_page(&q, &p) || !list_ids(&q, &p, ids)) return failed(ctx);
  if (!cat_fin(&fin, &p)) return refuse(ctx, ERR_RESOURCE_CONSTRAINT, "");
  return answer(&q, in, ids, (size_t)page_len(&p), &fin);
}

/* s4.1.5. The ids may be any (XEP-0122 s3.2). */
enum verdict
xep0313_form(struct handle_ctx *ctx, struct stanza const *in, struct xml_node const *e,
             stralloc *out)
{
  uint64_t owner;

  (void)in;
  (void)e;
  if (!may_ask(ctx, &owner)) return REFUSE;
  if (xml_cat(out,
              "<query xmlns='" NS_MAM "'><x xmlns='" NS_DATA "' type='form'>"
              "<field type='hidden' var='FORM_TYPE'><value>" NS_MAM "</value></field>"
              "<field type='jid-single' var='with'/>"
              "<field type='text-single' var='start'/>"
              "<field type='text-single' var='end'/>"
              "<field type='text-single' var='before-id'/>"
              "<field type='text-single' var='after-id'/>"
              "<field type='list-multi' var='ids'>"
              "<validate xmlns='http://jabber.org/protocol/xdata-validate' "
              "datatype='xs:string'><open/></validate></field></x></query>"))
    return DONE;
  return refuse(ctx, ERR_RESOURCE_CONSTRAINT, "");
}

static bool
cat_end_of(stralloc *out, char const *name, uint64_t id)
{
  char buf[BASE_NUM];

  return xml_cat(out, "<") && xml_cat(out, name) &&
         xml_cat_attr(out, "id", num_u64(buf, id)) && xml_cat(out, " timestamp='") &&
         stamp_cat(out, id >> ARCHIVE_ID_SHIFT) && xml_cat(out, "'/>");
}

/* s5. */
enum verdict
xep0313_metadata(struct handle_ctx *ctx, struct stanza const *in,
                 struct xml_node const *e, stralloc *out)
{
  struct archive_range all;
  uint64_t owner, first, last;

  (void)in;
  (void)e;
  if (!may_ask(ctx, &owner)) return REFUSE;
  if (!archive_range_open(mamd.archive, owner, SLICE(""), &all)) return failed(ctx);
  if (all.from == all.to)
    return xml_cat(out, "<metadata xmlns='" NS_MAM "'/>")
             ? DONE
             : refuse(ctx, ERR_RESOURCE_CONSTRAINT, "");
  if (!archive_range_id(mamd.archive, &all, all.from, &first) ||
      !archive_range_id(mamd.archive, &all, all.to - 1, &last))
    return failed(ctx);
  if (xml_cat(out, "<metadata xmlns='" NS_MAM "'>") && cat_end_of(out, "start", first) &&
      cat_end_of(out, "end", last) && xml_cat(out, "</metadata>"))
    return DONE;
  return refuse(ctx, ERR_RESOURCE_CONSTRAINT, "");
}
