#include "mam/mam.h"

#include <errno.h>

/* XEP-0313 s4: the page that a query asks for. The count of a set, and where a page is in it,
 * are subtractions. */

static bool
id_at(struct archive *archive, struct mam_page const *p, uint64_t i, uint64_t *id)
{
  if (p->counted) return archive_range_id(archive, &p->set, p->a + i, id);
  *id = p->hits[i];
  return true;
}

static uint64_t
page_len(struct mam_page const *p)
{
  return p->counted ? p->b - p->a : p->hits_n;
}

bool
mam_page_ids(struct archive *archive, struct mam_query const *q, struct mam_page const *p,
             uint64_t ids[MAM_PAGE_MAX], size_t *n)
{
  uint64_t i;

  *n = (size_t)page_len(p);
  for (i = 0; i < *n; i++)
    if (!id_at(archive, p, q->flip ? *n - 1 - i : i, &ids[i])) return false;
  return true;
}

/* ---- finding a page ---- */

/* Open the set that the form names (s4.1). */
static bool
open_set(struct archive *archive, uint64_t owner, struct mam_query const *q,
         struct archive_range *set)
{
  return archive_range_open(archive, owner, q->with.bare, set) &&
         archive_range_time(archive, set, q->start_us, q->end_us) &&
         (!q->after_id || archive_range_after(archive, set, q->after_id)) &&
         (!q->before_id || archive_range_before(archive, set, q->before_id));
}

/* Narrow the set to the part from which the page may be taken (XEP-0059 s2.2, s2.3,
 * s2.6). */
static bool
open_part(struct archive *archive, struct mam_query const *q,
          struct archive_range const *set, struct archive_range *part)
{
  *part = *set;
  if (q->has_index)
    part->from = q->index < set->to - set->from ? set->from + q->index : set->to;
  return (!q->after || archive_range_after(archive, part, q->after)) &&
         (!q->before || archive_range_before(archive, part, q->before));
}

bool
mam_page_find(struct archive *archive, uint64_t owner, struct mam_query const *q,
              struct mam_page *p)
{
  struct archive_range part;
  uint64_t n;

  p->counted = true;
  p->by_index = q->has_index;
  p->hits_n = p->looked_at = 0;
  if (!open_set(archive, owner, q, &p->set) || !open_part(archive, q, &p->set, &part))
    return false;
  n = part.to - part.from;
  p->complete = n <= q->max;
  if (n > q->max) n = q->max;
  p->a = q->has_before ? part.to - n : part.from;
  p->b = p->a + n;
  return true;
}

/* ---- looking at messages one by one ---- */

bool
mam_match_full(void *with, struct archive_message const *m)
{
  struct slice const *full = with;

  return slice_eq(m->text.from, *full) || slice_eq(m->text.to, *full);
}

/* Take from the part what was looked at in earlier steps. */
static bool
skip_looked_at(struct archive *archive, struct mam_query const *q,
               struct mam_page const *p, struct archive_range *part)
{
  uint64_t id = p->looked_at;

  if (!id) return true;
  return archive_range_find(archive, part, q->has_before ? id : id + 1,
                            q->has_before ? &part->to : &part->from);
}

/* Put the ids, which were found from the newest on, in order. */
static void
turn_hits(struct mam_page *p)
{
  size_t i;

  for (i = 0; i < p->hits_n / 2; i++) {
    uint64_t t = p->hits[i];
    p->hits[i] = p->hits[p->hits_n - 1 - i];
    p->hits[p->hits_n - 1 - i] = t;
  }
}

bool
mam_page_look(struct archive *archive, uint64_t owner, struct mam_query const *q,
              mam_match_fn *match, void *cookie, uint64_t most, struct mam_page *p,
              uint64_t *looked)
{
  struct archive_range part;
  struct archive_message m;
  uint64_t n;

  *looked = 0;
  if (!open_set(archive, owner, q, &p->set) || !open_part(archive, q, &p->set, &part) ||
      !skip_looked_at(archive, q, p, &part))
    return false;
  n = part.to - part.from;
  while (*looked < n && *looked < most && p->looked < QUERY_SCAN_MAX &&
         p->hits_n < q->max) {
    uint64_t at = q->has_before ? part.to - 1 - *looked : part.from + *looked;
    if (!archive_range_peek(archive, &part, at, &m)) return false;
    p->looked_at = m.id;
    if (match(cookie, &m)) p->hits[p->hits_n++] = m.id;
    ++*looked;
    p->looked++;
  }
  p->complete = *looked == n;
  p->over = p->complete || p->looked == QUERY_SCAN_MAX || p->hits_n >= q->max;
  if (p->over && q->has_before) turn_hits(p);
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
cat_ends(stralloc *out, struct archive *archive, struct mam_page const *p)
{
  uint64_t n = page_len(p), first, last;
  char buf[BASE_NUM];

  /* Nothing was found so far: the client goes on from there (XEP-0059 s2.2). */
  if (!n && !p->complete && p->looked_at)
    return cat_number(out, "first", p->looked_at) &&
           cat_number(out, "last", p->looked_at);
  if (!n) return true;
  if (!id_at(archive, p, 0, &first) || !id_at(archive, p, n - 1, &last)) return false;
  /* A client that pages backwards may take an index that reaches the count, as the newest page
   * has it, for the end: XEP-0059 s2.6 only recommends the index. */
  if (!xml_cat(out, "<first") ||
      (p->by_index && !xml_cat_attr(out, "index", num_u64(buf, p->a - p->set.from))))
    return false;
  return xml_cat(out, ">") && stralloc_cats(out, num_u64(buf, first).s) &&
         xml_cat(out, "</first>") && cat_number(out, "last", last);
}

bool
mam_fin_cat(stralloc *out, struct archive *archive, struct mam_page const *p)
{
  return xml_cat(out, p->complete ? "<fin xmlns='" MAM_NS "' complete='true'>"
                                  : "<fin xmlns='" MAM_NS "'>") &&
         xml_cat(out, "<set xmlns='" MAM_NS_RSM "'>") && cat_ends(out, archive, p) &&
         (!p->counted || cat_number(out, "count", archive_range_count(&p->set))) &&
         xml_cat(out, "</set></fin>");
}

/* ---- single messages (s4.1.3) ---- */

bool
mam_ids_are_there(struct archive *archive, uint64_t owner, struct mam_query const *q,
                  uint64_t ids[MAM_IDS_MAX])
{
  struct archive_message m;
  size_t i;

  for (i = 0; i < q->ids_n; i++) {
    if (!archive_get(archive, owner, q->ids[i], &m)) return false;
    if (!m.archived) {
      errno = ENOENT;
      return false;
    }
    ids[q->flip ? q->ids_n - 1 - i : i] = q->ids[i];
  }
  return true;
}

bool
mam_ids_fin_cat(stralloc *out, struct mam_query const *q)
{
  char buf[BASE_NUM];

  return xml_cat(out, "<fin xmlns='" MAM_NS "' complete='true'><set xmlns='" MAM_NS_RSM
                      "'><first>") &&
         stralloc_cats(out, num_u64(buf, q->ids[0]).s) && xml_cat(out, "</first>") &&
         cat_number(out, "last", q->ids[q->ids_n - 1]) &&
         cat_number(out, "count", q->ids_n) && xml_cat(out, "</set></fin>");
}

/* ---- metadata (s5) ---- */

static bool
cat_end_of(stralloc *out, char const *name, uint64_t id)
{
  char buf[BASE_NUM], stamp[STAMP_SIZE];

  return xml_cat(out, "<") && xml_cat(out, name) &&
         xml_cat_attr(out, "id", num_u64(buf, id)) &&
         xml_cat_attr(out, "timestamp", stamp_us(stamp, id >> ARCHIVE_ID_SHIFT)) &&
         xml_cat(out, "/>");
}

bool
mam_metadata_cat(stralloc *out, struct archive *archive, uint64_t owner)
{
  struct archive_range all;
  uint64_t first, last;

  if (!archive_range_open(archive, owner, SLICE(""), &all)) return false;
  if (all.from == all.to) return xml_cat(out, "<metadata xmlns='" MAM_NS "'/>");
  return archive_range_id(archive, &all, all.from, &first) &&
         archive_range_id(archive, &all, all.to - 1, &last) &&
         xml_cat(out, "<metadata xmlns='" MAM_NS "'>") &&
         cat_end_of(out, "start", first) && cat_end_of(out, "end", last) &&
         xml_cat(out, "</metadata>");
}
