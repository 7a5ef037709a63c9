#include "mucd.h"

#include <stdlib.h>
#include <string.h>

/* The rooms of a service (XEP-0045 s6.3), in the order of their names, in pages (XEP-0059): public ones,
 * and hidden ones that the sender is in or has an affiliation in. A page costs the entries that it
 * has, however many rooms there are; so a page that is not the first does not tell its index. */

/* Affiliations of one person that are looked at. */
#define AFFILIATIONS_MAX 1000

struct entry {
  char *local, *title;
};

struct list {
  struct in *in;
  struct entry *v;
  size_t n, size;
  size_t most; /* of public ones: of a page, and one */
  size_t looked;
};

/* The part of the list that the sender wants to see. */
struct page {
  struct slice after, before; /* names of rooms; before may be empty: the end */
  bool back;
  uint64_t most;
};

static void
add(struct list *l, struct slice local, struct slice title)
{
  if (l->n == l->size) {
    l->size = l->size ? 2 * l->size : 64;
    l->v = realloc(l->v, l->size * sizeof *l->v);
    if (!l->v) no_memory();
  }
  l->v[l->n].local = must_dup(local);
  l->v[l->n++].title = must_dup(title);
}

static bool
add_public(void *cookie, struct slice local, struct slice title)
{
  struct list *l = cookie;

  add(l, local, title);
  return l->n < l->most;
}

static bool
is_hidden(struct list const *l, struct room const *r)
{
  return r->muc == l->in->muc && r->state == ROOM_OPEN &&
         !(r->config.flags & FLAG_PUBLIC);
}

/* A row may have only a hat, or a role that was taken: such a room is add_inside's. */
static bool
add_own(void *cookie, uint64_t number)
{
  struct list *l = cookie;
  struct slice bare;
  struct room *r;
  struct affil a;

  if (++l->looked > AFFILIATIONS_MAX) return false;
  if (!archive_owner_jid(mucd.archive, number, &bare)) return true;
  r = room_find(arena_copy(l->in->arena, bare));
  if (!r || !is_hidden(l, r)) return true;
  affil_get(r, l->in->from.bare, &a);
  if (a.affiliation > AFF_NONE) add(l, r->local, slice_str(r->config.text[TEXT_TITLE]));
  return true;
}

static void
add_inside(struct list *l)
{
  struct account *a = account_find(l->in->from.bare);
  struct occupant *o;
  struct affil aff;

  for (o = a ? a->first : NULL; o; o = o->next_of) {
    if (!is_hidden(l, o->room)) continue;
    affil_get(o->room, l->in->from.bare, &aff);
    if (aff.affiliation == AFF_NONE && occupant_of(o->room, l->in->from.bare, NULL) == o)
      add(l, o->room->local, slice_str(o->room->config.text[TEXT_TITLE]));
  }
}

static int
by_name(void const *a, void const *b)
{
  return strcmp(((struct entry const *)a)->local, ((struct entry const *)b)->local);
}

static void
wipe(struct list *l)
{
  while (l->n--) {
    free(l->v[l->n].local);
    free(l->v[l->n].title);
  }
  free(l->v);
}

static void
read_page(struct in *in, struct xml_node const *set, struct page *p)
{
  struct xml_node const *max = set ? xml_child(set, MAM_NS_RSM, "max") : NULL;
  struct xml_node const *after = set ? xml_child(set, MAM_NS_RSM, "after") : NULL;
  struct xml_node const *before = set ? xml_child(set, MAM_NS_RSM, "before") : NULL;

  *p = (struct page){.after = SLICE(""),
                     .before = SLICE(""),
                     .back = before && !after,
                     .most = in->muc->discoitems_max};
  if (max && slice_u64(xml_text(in->arena, max), &p->most) &&
      p->most > in->muc->discoitems_max)
    p->most = in->muc->discoitems_max;
  if (after) p->after = jid_cut(xml_text(in->arena, after)).local;
  if (p->back) p->before = jid_cut(xml_text(in->arena, before)).local;
}

/* Say whether a hidden room is on the side of the sender's place. */
static bool
is_within(struct page const *p, char const *local)
{
  struct slice at = p->back ? p->before : p->after;
  size_t n = strlen(local) < at.len ? strlen(local) : at.len;
  int order = n ? memcmp(local, at.s, n) : 0;

  if (!at.len) return true;
  if (!order) order = strlen(local) < at.len ? -1 : strlen(local) > at.len;
  return p->back ? order < 0 : order > 0;
}

static void
cat_entry(stralloc *out, struct in *in, struct entry const *e)
{
  put(out, "<item jid='");
  put_text(out, slice_str(e->local));
  put(out, "@");
  put_slice(out, in->muc->name);
  put(out, "'");
  put_attr(out, "name", *e->title ? slice_str(e->title) : slice_str(e->local));
  put(out, "/>");
}

static void
cat_end(stralloc *out, struct in *in, char const *word, bool indexed,
        struct entry const *e)
{
  put(out, "<");
  put(out, word);
  if (indexed) put(out, " index='0'");
  put(out, ">");
  put_text(out, slice_str(e->local));
  put(out, "@");
  put_slice(out, in->muc->name);
  put(out, "</");
  put(out, word);
  put(out, ">");
}

/* Append the page, whose entries are among those of l, and how many there are in all. */
static void
cat_page(stralloc *out, struct in *in, struct page const *p, struct list const *l,
         size_t all, bool set)
{
  size_t n = l->n < p->most ? l->n : (size_t)p->most, from = p->back ? l->n - n : 0, i;
  bool first = !p->after.len && (!p->back || !from);

  for (i = from; i < from + n; i++)
    cat_entry(out, in, &l->v[i]);
  if (!set && n == all) return;
  put(out, "<set xmlns='" MAM_NS_RSM "'>");
  if (n) cat_end(out, in, "first", first, &l->v[from]);
  if (n) cat_end(out, in, "last", false, &l->v[from + n - 1]);
  put(out, "<count>");
  put_num(out, all);
  put(out, "</count></set>");
}

void
items_cat(struct in *in, struct xml_node const *q, stralloc *out)
{
  struct xml_node const *set = xml_child(q, MAM_NS_RSM, "set");
  struct list hidden = {.in = in}, l = {.in = in};
  struct page p;
  size_t i;

  read_page(in, set, &p);
  l.most = p.most < SIZE_MAX ? (size_t)p.most + 1 : SIZE_MAX;
  of_each(in->from.bare, add_own, &hidden);
  add_inside(&hidden);
  if (p.back)
    listed_each_back(in->muc, p.before, add_public, &l);
  else
    listed_each(in->muc, p.after, add_public, &l);
  for (i = 0; i < hidden.n; i++)
    if (is_within(&p, hidden.v[i].local))
      add(&l, slice_str(hidden.v[i].local), slice_str(hidden.v[i].title));
  if (l.n) qsort(l.v, l.n, sizeof *l.v, by_name);
  cat_page(out, in, &p, &l, listed_count(in->muc) + hidden.n, set != NULL);
  wipe(&hidden);
  wipe(&l);
}
