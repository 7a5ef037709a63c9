#include "rtbl.h"

#include "splice/splice.h"

#include <errno.h>
#include <string.h>

/* The archive of a room for who may enter it (XEP-0313 s5.1.2). */

bool
may_look(struct in *in)
{
  uint32_t f = in->room->config.flags;
  enum affiliation a = affiliation_of(in);

  if (a == AFF_OUTCAST || (a == AFF_NONE && f & FLAG_MEMBERS_ONLY) ||
      (a < AFF_MEMBER && f & FLAG_PASSWORD &&
       !occupant_of(in->room, in->from.bare, NULL))) {
    refuse(&in->st, ERR_FORBIDDEN, "", "");
    return false;
  }
  return !rtbl_refuses(in);
}

static bool
may_read(struct in *in)
{
  if (history_is_open(in->room)) return may_look(in);
  refuse(&in->st, ERR_SERVICE_UNAVAILABLE, "", "the room has no archive");
  return false;
}

static void
escape(stralloc *out, struct slice text)
{
  if (!record_put_more(out, text)) no_memory();
}

/* A moderator sees who sent a message; others do if the room showed it then and shows it now. */
static bool
shows_sender(struct in *in, struct archive_message const *m)
{
  static stralloc own = STRALLOC_ZERO;
  struct slice bare;

  if (may_moderate(in)) return true;
  if (history_is_noted(m, "open") && !(in->room->config.flags & FLAG_ANONYMOUS))
    return true;
  own.len = 0;
  escape(&own, in->from.bare);
  bare = jid_cut(m->text.to).bare;
  return slice_eq(bare, slice_of(own.s, own.len));
}

static void
cat_sender(stralloc *xml, struct archive_message const *m)
{
  struct slice rest = m->text.tags, aff, role;

  if (!slice_word(&rest, ' ', &aff) || !slice_word(&rest, ' ', &role)) return;
  put(xml, "<x xmlns='" NS_MUC_USER "'><item");
  put_attr(xml, "affiliation", aff);
  put_attr(xml, "role", role);
  put(xml, " jid='");
  put_text(xml, m->text.to);
  put(xml, "'/></x>");
}

/* The message as it was live, with its id and, for some, its sender. */
static void
put_result(struct in *in, struct slice head, struct archive_message *m)
{
  static stralloc xml = STRALLOC_ZERO;
  struct link *l = mucd.routed;
  struct splice at;
  char buf[BASE_NUM];

  xml.len = 0;
  if (m->text.xml.len < 10) return;
  put_slice(&xml, slice_of(m->text.xml.s, m->text.xml.len - 10));
  put(&xml, "<stanza-id xmlns='" NS_SID "'");
  put_attr(&xml, "by", in->room->bare);
  put_attr(&xml, "id", num_u64(buf, m->id));
  put(&xml, "/>");
  if (shows_sender(in, m)) cat_sender(&xml, m);
  put(&xml, "</message>");
  m->text.xml = slice_of(xml.s, xml.len);
  if (!splice_attribute(m->text.xml, &at)) return;
  link_begin(l, VERB_STANZA);
  link_text(l, in->from.full);
  link_text(l, in->room->bare);
  link_str(l, "message");
  link_str(l, "");
  link_str(l, "");
  link_str(l, "mam");
  link_origin(l);
  link_field(l);
  mam_result_put(l, head, m, &at);
  link_end(l);
}

static void
answer(struct in *in, struct mam_query const *q, uint64_t const *ids, size_t n,
       struct slice fin)
{
  static stralloc head = STRALLOC_ZERO;
  struct archive_message m;
  size_t i;

  if (!mucd.routed) return;
  head.len = 0;
  if (!mam_result_head(&head, in->from.full, in->room->bare, q->queryid)) no_memory();
  for (i = 0; i < n; i++)
    if (archive_get(mucd.archive, in->room->number, ids[i], &m))
      put_result(in, slice_of(head.s, head.len), &m);
  result(in, fin);
}

static void
failed(struct in *in)
{
  if (errno == ENOENT)
    refuse(&in->st, ERR_ITEM_NOT_FOUND, "", "no message has that id");
  else
    refuse(&in->st, ERR_INTERNAL, "wait", "");
}

/* ---- pages ---- */

static bool
is_from(void *cookie, struct archive_message const *m)
{
  struct slice const *from = cookie;

  return slice_eq(m->text.from, *from);
}

/* While the room showed no addresses, the nick told nothing of the address: it does not later. */
static bool
was_open(void *cookie, struct archive_message const *m)
{
  (void)cookie;
  return history_is_noted(m, "open");
}

static bool
none(void *cookie, struct archive_message const *m)
{
  (void)cookie;
  (void)m;
  return false;
}

/* Look at the messages of a contact, or of all, for those that match. */
static bool
look(struct in *in, struct mam_query const *q, struct jid contact, mam_match_fn *fn,
     struct mam_page *p)
{
  static stralloc from = STRALLOC_ZERO;
  struct mam_query all = *q; /* contacts are real addresses */
  struct slice full;
  uint64_t looked;

  from.len = 0;
  escape(&from, q->with.full);
  full = slice_of(from.s, from.len);
  all.with = contact;
  memset(p, 0, sizeof *p);
  while (!p->over)
    if (!mam_page_look(mucd.archive, in->room->number, &all, fn, &full, 500, p, &looked))
      return false;
  return true;
}

/* s5.1.2: by the address of an occupant, by a real one for who may know it, or all. */
static bool
find(struct in *in, struct mam_query *q, struct mam_page *p)
{
  bool room = slice_eq(q->with.bare, in->room->bare);
  struct jid const all = {.full = SLICE("")};

  if (room && q->with.resource.len) return look(in, q, all, is_from, p);
  if (room || !q->with.full.len) {
    q->with = all;
    return mam_page_find(mucd.archive, in->room->number, q, p);
  }
  if (!may_moderate(in) && !slice_eq(q->with.bare, in->from.bare))
    return look(in, q, q->with, in->room->config.flags & FLAG_ANONYMOUS ? none : was_open,
                p);
  return mam_page_find(mucd.archive, in->room->number, q, p);
}

void
mam_query(struct in *in, struct xml_node const *e)
{
  static struct mam_page p;
  static stralloc fin = STRALLOC_ZERO;
  struct handle_ctx ctx = {.arena = in->arena, .from = in->from, .host = in->to.domain};
  struct mam_query q;
  uint64_t ids[MAM_PAGE_MAX];
  size_t n;

  if (!may_read(in)) return;
  if (!mam_query_read(&ctx, e, &q)) {
    refuse(&in->st, ctx.error, "", ctx.text.len ? ctx.text.s : "");
    return;
  }
  fin.len = 0;
  if (q.ids_n) {
    if (!mam_ids_are_there(mucd.archive, in->room->number, &q, ids))
      failed(in);
    else if (mam_ids_fin_cat(&fin, &q))
      answer(in, &q, ids, q.ids_n, slice_of(fin.s, fin.len));
    return;
  }
  if (!find(in, &q, &p) || !mam_page_ids(mucd.archive, &q, &p, ids, &n))
    failed(in);
  else if (mam_fin_cat(&fin, mucd.archive, &p))
    answer(in, &q, ids, n, slice_of(fin.s, fin.len));
}

void
mam_form(struct in *in)
{
  static stralloc out = STRALLOC_ZERO;

  if (!may_read(in)) return;
  out.len = 0;
  if (!mam_form_cat(&out)) no_memory();
  result(in, slice_of(out.s, out.len));
}

void
mam_metadata(struct in *in)
{
  static stralloc out = STRALLOC_ZERO;

  if (!may_read(in)) return;
  out.len = 0;
  if (mam_metadata_cat(&out, mucd.archive, in->room->number))
    result(in, slice_of(out.s, out.len));
  else
    failed(in);
}
