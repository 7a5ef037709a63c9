#include "mamd.h"

#include <errno.h>
#include <stdlib.h>
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
  uint64_t hits[PAGE_MAX]; /* when not counted: the ids that do, as they were found */
  size_t hits_n;
  uint64_t looked_at; /* and the id that was looked at last; 0: none yet */
};

struct asker {
  struct query q;
  uint64_t owner;
  struct slice from, account; /* full JID of the session; bare JID */
};

/* A query by a full address, whose page is found in several turns. */
struct lookup {
  struct scan scan;
  struct arena arena; /* holds the texts of in and q */
  struct stanza in;
  struct asker q;
  struct page p;
  uint64_t session; /* routed's number; 0: not known */
  uint64_t looked;  /* envelopes */
  enum stanza_error error;
  bool failed;
};

/* s7.1: an archive is its owner's alone. *owner: of an account that exists. */
static bool
may_ask(struct handle_ctx *ctx, uint64_t *owner)
{
  *owner = 0;
  if (!mamd_has(ctx->host, "mod_mam")) return false;
  if (!slice_eq(ctx->from.bare, ctx->account))
    return handle_wrong(ctx, ERR_FORBIDDEN, "");
  *owner = mamd_number(ctx->account);
  return *owner != 0;
}

static bool
id_at(struct page const *p, uint64_t i, uint64_t *id)
{
  if (p->counted) return archive_range_id(mamd.archive, &p->set, p->a + i, id);
  *id = p->hits[i];
  return true;
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
    if (!id_at(p, q->q.flip ? n - 1 - i : i, &ids[i])) return false;
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

/* Take from the part what was looked at in earlier steps. */
static bool
skip_looked_at(struct lookup const *l, struct archive_range *part)
{
  uint64_t id = l->p.looked_at;

  if (!id) return true;
  return archive_range_find(mamd.archive, part, l->q.q.has_before ? id : id + 1,
                            l->q.q.has_before ? &part->to : &part->from);
}

/* Find the next messages of the part that match, from one end. */
static bool
look_at_some(struct lookup *l, struct archive_range const *part, uint64_t most,
             uint64_t *looked)
{
  static stralloc full = STRALLOC_ZERO;
  uint64_t n = part->to - part->from;
  struct page *p = &l->p;
  struct archive_message m;

  full.len = 0;
  errno = ENOMEM;
  if (!record_put_more(&full, l->q.q.with.full)) return false;
  while (*looked < n && *looked < most && l->looked < QUERY_SCAN_MAX &&
         p->hits_n < l->q.q.max) {
    uint64_t at = l->q.q.has_before ? part->to - 1 - *looked : part->from + *looked;
    if (!archive_range_peek(mamd.archive, part, at, &m)) return false;
    p->looked_at = m.id;
    if (is_with(slice_of(full.s, full.len), &m)) p->hits[p->hits_n++] = m.id;
    ++*looked;
    l->looked++;
  }
  p->complete = *looked == n;
  return true;
}

static uint64_t
lookup_step(struct scan *scan, uint64_t most)
{
  struct lookup *l = (struct lookup *)scan;
  struct archive_range part;
  uint64_t looked = 0;

  if (!open_set(&l->q, &l->p.set) || !open_part(&l->q, &l->p.set, &part) ||
      !skip_looked_at(l, &part) || !look_at_some(l, &part, most, &looked)) {
    l->error = errno == ENOENT ? ERR_ITEM_NOT_FOUND : ERR_INTERNAL;
    l->failed = scan->ended = true;
    return looked;
  }
  scan->ended = l->p.complete || l->looked == QUERY_SCAN_MAX || l->p.hits_n >= l->q.q.max;
  return looked;
}

static void
lookup_again(struct scan *scan)
{
  struct lookup *l = (struct lookup *)scan;

  l->p.hits_n = 0;
  l->p.looked_at = l->looked = 0;
  l->p.complete = l->failed = false;
}

static void
lookup_free(struct scan *scan)
{
  struct lookup *l = (struct lookup *)scan;

  arena_wipe(&l->arena);
  free(l);
}

/* Put the ids, which were found from the newest on, in order. */
static void
turn_hits(struct page *p)
{
  size_t i;

  for (i = 0; i < p->hits_n / 2; i++) {
    uint64_t t = p->hits[i];
    p->hits[i] = p->hits[p->hits_n - 1 - i];
    p->hits[p->hits_n - 1 - i] = t;
  }
}

static bool
find_page(struct asker const *q, struct page *p)
{
  struct archive_range part;
  uint64_t n;

  p->counted = true;
  p->hits_n = p->looked_at = 0;
  if (!open_set(q, &p->set) || !open_part(q, &p->set, &part)) return false;
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
  if (!id_at(p, 0, &first) || !id_at(p, n - 1, &last)) return false;
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

#define TOO_MANY "too many queries at a time"

static enum verdict
failed(struct handle_ctx *ctx)
{
  if (errno == ENOENT)
    return handle_error(ctx, ERR_ITEM_NOT_FOUND, "no message has that id");
  return handle_error(ctx, ERR_INTERNAL, "");
}

/* Send the results with these ids, and fin. false: too many queries are under way. */
static bool
answer_by_pages(struct asker const *q, struct stanza const *in, uint64_t const *ids,
                size_t n, stralloc const *fin)
{
  struct found f = {.owner = q->owner,
                    .ids = ids,
                    .n = n,
                    .from = q->from,
                    .account = q->account,
                    .queryid = q->q.queryid,
                    .fin = slice_of(fin->s, fin->len)};

  return pages_answer(in, &f);
}

static enum verdict
answer(struct handle_ctx *ctx, struct asker const *q, struct stanza const *in,
       uint64_t const *ids, size_t n, stralloc const *fin)
{
  if (answer_by_pages(q, in, ids, n, fin)) return LATER;
  return handle_error(ctx, ERR_RESOURCE_CONSTRAINT, TOO_MANY);
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
answer_ids(struct handle_ctx *ctx, struct asker *q, struct stanza const *in,
           stralloc *fin)
{
  struct archive_message m;
  uint64_t ids[QUERY_IDS_MAX];
  size_t i;

  for (i = 0; i < q->q.ids_n; i++) {
    if (!archive_get(mamd.archive, q->owner, q->q.ids[i], &m) || !m.archived)
      return handle_error(ctx, ERR_ITEM_NOT_FOUND, "no message has that id");
    ids[q->q.flip ? q->q.ids_n - 1 - i : i] = q->q.ids[i];
  }
  if (!cat_fin_of_ids(fin, &q->q)) return handle_error(ctx, ERR_RESOURCE_CONSTRAINT, "");
  return answer(ctx, q, in, ids, q->q.ids_n, fin);
}

/* ---- a page that is found in several turns ---- */

static void
lookup_done(struct link *routed, struct scan *scan)
{
  static stralloc fin = STRALLOC_ZERO;
  struct lookup *l = (struct lookup *)scan;
  uint64_t ids[PAGE_MAX];

  if (l->session && !session_numbered(l->session)) return; /* it has ended */
  if (l->q.q.has_before) turn_hits(&l->p);
  fin.len = 0;
  if (l->failed)
    handle_refuse(routed, &l->in, l->error,
                  l->error == ERR_ITEM_NOT_FOUND ? SLICE("no message has that id")
                                                 : SLICE(""),
                  SLICE(""));
  else if (!list_ids(&l->q, &l->p, ids) || !cat_fin(&fin, &l->p) ||
           !answer_by_pages(&l->q, &l->in, ids, l->p.hits_n, &fin))
    handle_refuse(routed, &l->in, ERR_RESOURCE_CONSTRAINT, SLICE(TOO_MANY), SLICE(""));
}

static void
lookup_texts(struct lookup *l, struct slice *at[8])
{
  struct slice *const texts[] = {&l->in.to,     &l->in.from,       &l->in.id,
                                 &l->in.tags,   &l->q.q.with.full, &l->q.q.queryid,
                                 &l->q.account, &l->q.from};

  memcpy(at, texts, sizeof texts);
  l->in.kind = SLICE("iq");
  l->in.type = SLICE("set");
}

static void
lookup_snapshot(struct snapshot *k, struct scan *scan)
{
  struct lookup *l = (struct lookup *)scan;
  struct slice *texts[8];
  size_t i;

  lookup_texts(l, texts);
  for (i = 0; i < 8; i++)
    snapshot_slice(k, &l->arena, texts[i]);
  l->q.q.with = jid_cut(l->q.q.with.full);
  l->q.owner = scan->owner;
  SNAPSHOT_INT(k, l->session);
  SNAPSHOT_INT(k, l->looked);
  SNAPSHOT_INT(k, l->p.looked_at);
  SNAPSHOT_INT(k, l->q.q.start_us);
  SNAPSHOT_INT(k, l->q.q.end_us);
  SNAPSHOT_INT(k, l->q.q.before_id);
  SNAPSHOT_INT(k, l->q.q.after_id);
  SNAPSHOT_INT(k, l->q.q.max);
  SNAPSHOT_INT(k, l->q.q.before);
  SNAPSHOT_INT(k, l->q.q.after);
  SNAPSHOT_INT(k, l->q.q.index);
  SNAPSHOT_INT(k, l->q.q.has_before);
  SNAPSHOT_INT(k, l->q.q.has_index);
  SNAPSHOT_INT(k, l->q.q.flip);
  SNAPSHOT_INT(k, l->p.hits_n);
  if (l->p.hits_n > PAGE_MAX) l->p.hits_n = 0;
  for (i = 0; i < l->p.hits_n; i++)
    SNAPSHOT_INT(k, l->p.hits[i]);
}

struct scan_kind const query_scan = {.size = sizeof(struct lookup),
                                     .step = lookup_step,
                                     .done = lookup_done,
                                     .again = lookup_again,
                                     .free = lookup_free,
                                     .snapshot = lookup_snapshot};

static struct lookup *
lookup_new(struct asker const *q, struct stanza const *in)
{
  struct lookup *l = calloc(1, sizeof *l);
  struct slice *texts[8];
  size_t i;

  if (!l) return NULL;
  l->scan = (struct scan){.kind = &query_scan, .owner = q->owner};
  l->q = *q;
  l->in = *in;
  lookup_texts(l, texts);
  for (i = 0; i < 8; i++) {
    if (!texts[i]->len) continue;
    *texts[i] = arena_copy(&l->arena, *texts[i]);
    if (texts[i]->s) continue;
    lookup_free(&l->scan);
    return NULL;
  }
  l->q.q.with = jid_cut(l->q.q.with.full);
  slice_u64(stanza_tag(in->tags, "session"), &l->session);
  return l;
}

static enum verdict
look_up(struct handle_ctx *ctx, struct asker const *q, struct stanza const *in)
{
  struct lookup *l = lookup_new(q, in);

  if (l && l->session) session_make(q->account, jid_cut(q->from).resource, l->session);
  if (l && scan_begin(link_find(ROUTED), &l->scan)) return LATER;
  if (l) lookup_free(&l->scan);
  return handle_error(ctx, ERR_RESOURCE_CONSTRAINT, TOO_MANY);
}

static bool
is_lookup_of(struct scan const *scan, void const *cookie)
{
  struct lookup const *l = (struct lookup const *)scan;
  struct stanza const *st = cookie;

  return scan->kind == &query_scan && slice_eq(l->in.from, st->from) &&
         slice_eq(l->in.id, st->id);
}

bool
query_is_due(struct stanza const *st)
{
  return scan_find(is_lookup_of, st);
}

enum verdict
xep0313_query(struct handle_ctx *ctx, struct stanza const *in, struct xml_node const *e,
              stralloc *out)
{
  static struct page p;
  static stralloc fin = STRALLOC_ZERO;
  uint64_t ids[PAGE_MAX];
  struct asker q = {.from = ctx->from.full, .account = ctx->account};

  (void)out;
  if (!may_ask(ctx, &q.owner) || !query_read(ctx, e, &q.q)) return REFUSE;
  prefs_activate(ctx->account, q.owner);
  fin.len = 0;
  if (q.q.ids_n) return answer_ids(ctx, &q, in, &fin);
  if (q.q.with.resource.len) return look_up(ctx, &q, in);
  if (!find_page(&q, &p) || !list_ids(&q, &p, ids)) return failed(ctx);
  if (!cat_fin(&fin, &p)) return handle_error(ctx, ERR_RESOURCE_CONSTRAINT, "");
  return answer(ctx, &q, in, ids, (size_t)page_len(&p), &fin);
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
  return handle_error(ctx, ERR_RESOURCE_CONSTRAINT, "");
}

static bool
cat_end_of(stralloc *out, char const *name, uint64_t id)
{
  char buf[BASE_NUM], stamp[STAMP_SIZE];

  return xml_cat(out, "<") && xml_cat(out, name) &&
         xml_cat_attr(out, "id", num_u64(buf, id)) &&
         xml_cat_attr(out, "timestamp", stamp_us(stamp, id >> ARCHIVE_ID_SHIFT)) &&
         xml_cat(out, "/>");
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
             : handle_error(ctx, ERR_RESOURCE_CONSTRAINT, "");
  if (!archive_range_id(mamd.archive, &all, all.from, &first) ||
      !archive_range_id(mamd.archive, &all, all.to - 1, &last))
    return failed(ctx);
  if (xml_cat(out, "<metadata xmlns='" NS_MAM "'>") && cat_end_of(out, "start", first) &&
      cat_end_of(out, "end", last) && xml_cat(out, "</metadata>"))
    return DONE;
  return handle_error(ctx, ERR_RESOURCE_CONSTRAINT, "");
}
