#include "mamd.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* XEP-0313: an account pages through its archive. lib/mam finds pages; a page is found before the
 * first of its results is sent (xep0313_pages.c). */

struct asker {
  struct mam_query q;
  uint64_t owner;
  struct slice from, account; /* full JID of the session; bare JID */
};

/* A query by a full address, whose page is found in several turns. */
struct lookup {
  struct scan scan;
  struct arena arena; /* holds the texts of in and q */
  struct stanza in;
  struct asker q;
  struct mam_page p;
  uint64_t session; /* routed's number; 0: not known */
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

#define TOO_MANY "too many queries at a time"

static enum verdict
failed(struct handle_ctx *ctx)
{
  if (errno == ENOENT)
    return handle_error(ctx, ERR_ITEM_NOT_FOUND, "no message has that id");
  return handle_error(ctx, errno == ENOMEM ? ERR_RESOURCE_CONSTRAINT : ERR_INTERNAL, "");
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

/* s4.1.3: single messages. All must be there before one is sent. */
static enum verdict
answer_ids(struct handle_ctx *ctx, struct asker const *q, struct stanza const *in,
           stralloc *fin)
{
  uint64_t ids[MAM_IDS_MAX];

  if (!mam_ids_are_there(mamd.archive, q->owner, &q->q, ids)) return failed(ctx);
  if (!mam_ids_fin_cat(fin, &q->q)) return handle_error(ctx, ERR_RESOURCE_CONSTRAINT, "");
  return answer(ctx, q, in, ids, q->q.ids_n, fin);
}

/* ---- a page that is found in several turns ---- */

/* Addresses are compared as they stand in records. */
static uint64_t
lookup_step(struct scan *scan, uint64_t most)
{
  static stralloc full = STRALLOC_ZERO;
  struct lookup *l = (struct lookup *)scan;
  struct slice with;
  uint64_t looked = 0;

  full.len = 0;
  errno = ENOMEM;
  l->failed = !record_put_more(&full, l->q.q.with.full);
  with = slice_of(full.s, full.len);
  l->failed = l->failed || !mam_page_look(mamd.archive, l->q.owner, &l->q.q,
                                          mam_match_full, &with, most, &l->p, &looked);
  if (l->failed) l->error = errno == ENOENT ? ERR_ITEM_NOT_FOUND : ERR_INTERNAL;
  scan->ended = l->failed || l->p.over;
  return looked;
}

static void
lookup_again(struct scan *scan)
{
  struct lookup *l = (struct lookup *)scan;

  l->p.hits_n = 0;
  l->p.looked_at = l->p.looked = 0;
  l->p.complete = l->p.over = l->failed = false;
}

static void
lookup_free(struct scan *scan)
{
  struct lookup *l = (struct lookup *)scan;

  arena_wipe(&l->arena);
  free(l);
}

static void
lookup_done(struct link *routed, struct scan *scan)
{
  static stralloc fin = STRALLOC_ZERO;
  struct lookup *l = (struct lookup *)scan;
  uint64_t ids[MAM_PAGE_MAX];
  size_t n;

  if (l->session && !session_numbered(l->session)) return; /* it has ended */
  fin.len = 0;
  if (l->failed)
    handle_refuse(routed, &l->in, l->error,
                  l->error == ERR_ITEM_NOT_FOUND ? SLICE("no message has that id")
                                                 : SLICE(""),
                  SLICE(""));
  else if (!mam_page_ids(mamd.archive, &l->q.q, &l->p, ids, &n) ||
           !mam_fin_cat(&fin, mamd.archive, &l->p) ||
           !answer_by_pages(&l->q, &l->in, ids, n, &fin))
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
  SNAPSHOT_INT(k, l->p.looked);
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
  if (l->p.hits_n > MAM_PAGE_MAX) l->p.hits_n = 0;
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
  static struct mam_page p;
  static stralloc fin = STRALLOC_ZERO;
  uint64_t ids[MAM_PAGE_MAX];
  struct asker q = {.from = ctx->from.full, .account = ctx->account};
  size_t n;

  (void)out;
  if (!may_ask(ctx, &q.owner) || !mam_query_read(ctx, e, &q.q)) return REFUSE;
  prefs_activate(ctx->account, q.owner);
  fin.len = 0;
  if (q.q.ids_n) return answer_ids(ctx, &q, in, &fin);
  if (q.q.with.resource.len) return look_up(ctx, &q, in);
  if (!mam_page_find(mamd.archive, q.owner, &q.q, &p) ||
      !mam_page_ids(mamd.archive, &q.q, &p, ids, &n))
    return failed(ctx);
  if (!mam_fin_cat(&fin, mamd.archive, &p))
    return handle_error(ctx, ERR_RESOURCE_CONSTRAINT, "");
  return answer(ctx, &q, in, ids, n, &fin);
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
  return mam_form_cat(out) ? DONE : handle_error(ctx, ERR_RESOURCE_CONSTRAINT, "");
}

/* XEP-0386 s4.2: the client of a session that is being bound pages through its archive. */
static void
note_bind2(struct handle_ctx *ctx, struct stanza const *in)
{
  struct session *s;
  uint64_t number;

  if (!slice_has_word(in->tags, SLICE("bind2")) ||
      !slice_u64(stanza_tag(in->tags, "session"), &number))
    return;
  s = session_make(ctx->account, ctx->from.resource, number);
  if (s) s->pages_upto = archive_last_id(mamd.archive);
}

/* s5. */
enum verdict
xep0313_metadata(struct handle_ctx *ctx, struct stanza const *in,
                 struct xml_node const *e, stralloc *out)
{
  uint64_t owner;

  (void)e;
  if (!may_ask(ctx, &owner)) return REFUSE;
  if (!mam_metadata_cat(out, mamd.archive, owner)) return failed(ctx);
  note_bind2(ctx, in);
  return DONE;
}
