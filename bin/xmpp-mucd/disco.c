#include "hats.h"
#include "mucd.h"

#include <stdlib.h>
#include <string.h>

/* XEP-0030 for the service and for rooms (XEP-0045 s6). */

static void
feature(stralloc *out, char const *var)
{
  put(out, "<feature");
  put_attr(out, "var", slice_str(var));
  put(out, "/>");
}

static void
identity(stralloc *out, struct slice name)
{
  put(out, "<identity category='conference' type='text'");
  if (name.len) put_attr(out, "name", name);
  put(out, "/>");
}

static char const *const both[] = {
  NS_MUC,   (NS_MUC "#stable_id"), NS_DISCO_INFO, NS_DISCO_ITEMS,
  NS_VCARD, NS_OCCUPANT,           NS_PING,       NULL};

static void
features(stralloc *out, char const *const *list)
{
  for (; *list; list++)
    feature(out, *list);
}

static void
service_info(struct in *in, stralloc *out)
{
  identity(out, in->muc->title);
  features(out, both);
  feature(out, MAM_NS_RSM);
  if (muc_allows(in->muc, RULE_REGISTER, &in->from)) feature(out, NS_REGISTER);
}

static bool
has_archive(struct room const *r)
{
  return r->config.flags & FLAG_MAM && r->muc->archives;
}

static void
room_features(struct room const *r, stralloc *out)
{
  static char const *const more[] = {
    NS_MUC "#self-ping-optimization", NS_SID,      NS_REGISTER,   NS_RETRACT,
    NS_RETRACT "#tombstone",          NS_MODERATE, NS_MODERATE_0, NULL};
  uint32_t f = r->config.flags;

  feature(out, f & FLAG_PUBLIC ? "muc_public" : "muc_hidden");
  feature(out, f & FLAG_PERSISTENT ? "muc_persistent" : "muc_temporary");
  feature(out, f & FLAG_MEMBERS_ONLY ? "muc_membersonly" : "muc_open");
  feature(out, f & FLAG_ANONYMOUS ? "muc_semianonymous" : "muc_nonanonymous");
  feature(out, f & FLAG_MODERATED ? "muc_moderated" : "muc_unmoderated");
  feature(out, f & FLAG_PASSWORD ? "muc_passwordprotected" : "muc_unsecured");
  features(out, both);
  features(out, more);
  if (f & FLAG_HATS) feature(out, NS_HATS);
  if (f & FLAG_HATS) feature(out, NS_COMMANDS);
  if (has_archive(r)) {
    feature(out, MAM_NS);
    feature(out, MAM_NS_EXTENDED);
  }
}

static void
field(stralloc *out, char const *var, char const *label, struct slice v)
{
  struct form_field f = {.kind = FORM_TEXT_SINGLE, .var = var, .label = label};
  struct form_value value = {.given = true, .text = v};

  if (!form_field(out, &f, &value)) no_memory();
}

/* XEP-0128: the room in figures. */
static void
room_form(struct room const *r, stralloc *out)
{
  static char const *const pm[] = {"anyone", "participants", "moderators", "none"};
  struct config const *c = &r->config;
  char buf[BASE_NUM], stamp[STAMP_SIZE], hash[41];

  if (!form_open(out, "result", NS_MUC "#roominfo", NULL, NULL)) no_memory();
  field(out, "muc#roominfo_description", "Description", slice_str(c->text[TEXT_DESC]));
  field(out, "muc#roominfo_occupants", "Occupants", num_u64(buf, r->occupants_n));
  field(out, "muc#roominfo_lang", "Language", slice_str(c->text[TEXT_LANG]));
  field(out, "muc#roominfo_changesubject", NULL,
        c->flags & FLAG_CHANGE_SUBJECT ? SLICE("1") : SLICE("0"));
  field(out, "muc#roominfo_subjectmod", NULL,
        c->flags & FLAG_CHANGE_SUBJECT ? SLICE("1") : SLICE("0"));
  field(out, "muc#roomconfig_changesubject", NULL,
        c->flags & FLAG_CHANGE_SUBJECT ? SLICE("1") : SLICE("0"));
  field(out, "muc#roomconfig_allowinvites", NULL,
        c->flags & FLAG_INVITES ? SLICE("1") : SLICE("0"));
  field(out, "muc#roomconfig_allowpm", NULL, slice_str(pm[c->allowpm & 3]));
  field(out, "muc#roomconfig_roomname", "Title", slice_str(c->text[TEXT_TITLE]));
  field(out, "muc#maxhistoryfetch", NULL, num_u64(buf, c->history));
  if (c->slow_s)
    field(out, "muc#roomconfig_slow_mode_duration", NULL, num_u64(buf, c->slow_s));
  if (c->flags & FLAG_HATS && hats_hash(r, hash))
    field(out, "hats#hash", NULL, slice_str(hash));
  if (*r->avatar) field(out, "muc#roominfo_avatarhash", NULL, slice_str(r->avatar));
  if (c->flags & FLAG_PUBLIC)
    field(out, "muc#roominfo_subject", "Subject", slice_str(r->subject));
  if (c->flags & FLAG_PUBLIC && c->flags & FLAG_PERSISTENT)
    field(out, "{urn:xmpp:muc-activity}message-activity", NULL,
          stamp_us(stamp, r->last_us));
  if (!form_close(out)) no_memory();
}

/* s7.10.. of XEP-0045 before 1.30: the reserved nick of who asks. */
static bool
reserved_nick(struct in *in, stralloc *out)
{
  struct affil a;

  affil_get(in->room, in->from.bare, &a);
  if (a.nick.len) {
    identity(out, a.nick);
  }
  return true;
}

void
disco_info(struct in *in, struct xml_node const *q)
{
  static stralloc out = STRALLOC_ZERO;
  struct slice node = xml_attr(q, "node");

  out.len = 0;
  put(&out, "<query xmlns='" NS_DISCO_INFO "'");
  if (node.len) put_attr(&out, "node", node);
  put(&out, ">");
  if (slice_is(node, "x-roomuser-item") && in->room) {
    reserved_nick(in, &out);
  } else if (node.len) {
    refuse(&in->st,
           slice_is(node, NS_MUC "#traffic") ? ERR_SERVICE_UNAVAILABLE
                                             : ERR_ITEM_NOT_FOUND,
           "", "");
    return;
  } else if (!in->room) {
    service_info(in, &out);
  } else {
    identity(&out, slice_str(in->room->config.text[TEXT_TITLE]));
    room_features(in->room, &out);
    room_form(in->room, &out);
  }
  put(&out, "</query>");
  result(in, slice_of(out.s, out.len));
}

/* ---- items of the service: rooms in the order of their names ---- */

struct entry {
  char *local, *title;
};

struct list {
  struct in *in;
  struct entry *v;
  size_t n, size;
};

static void
add(struct list *l, struct slice local, struct slice title)
{
  if (l->n == l->size) {
    l->size = l->size ? 2 * l->size : 64;
    l->v = realloc(l->v, l->size * sizeof *l->v);
    if (!l->v) no_memory();
  }
  l->v[l->n].local = dup_slice(local);
  l->v[l->n++].title = dup_slice(title);
}

static bool
add_public(void *cookie, struct slice local, struct slice title)
{
  add(cookie, local, title);
  return true;
}

static bool
add_own(void *cookie, uint64_t number)
{
  struct list *l = cookie;
  struct slice bare;
  struct jid j;
  struct room *r;

  if (!archive_owner_jid(mucd.archive, number, &bare)) return true;
  j = jid_cut(arena_copy(l->in->arena, bare));
  if (!slice_eq(j.domain, l->in->muc->name) || !(r = room_find(j.bare))) return true;
  if (r->state == ROOM_OPEN && !(r->config.flags & FLAG_PUBLIC) &&
      affil_of(r, &l->in->from) != AFF_OUTCAST)
    add(l, r->local, slice_str(r->config.text[TEXT_TITLE]));
  return true;
}

static void
add_inside(struct list *l)
{
  struct account *a = account_find(l->in->from.bare);
  struct occupant *o;
  struct affil aff;

  for (o = a ? a->first : NULL; o; o = o->next_of) {
    if (o->room->muc != l->in->muc || o->room->config.flags & FLAG_PUBLIC ||
        o->room->state != ROOM_OPEN)
      continue;
    affil_get(o->room, l->in->from.bare, &aff);
    if (aff.affiliation == AFF_NONE)
      add(l, o->room->local, slice_str(o->room->config.text[TEXT_TITLE]));
  }
}

static int
by_name(void const *a, void const *b)
{
  return strcmp(((struct entry const *)a)->local, ((struct entry const *)b)->local);
}

/* XEP-0059: the place of the first entry of the page, and the number. */
static void
page_of(struct in *in, struct xml_node const *set, struct list const *l, size_t *from,
        size_t *n)
{
  struct xml_node const *max = xml_child(set, MAM_NS_RSM, "max");
  struct xml_node const *after = xml_child(set, MAM_NS_RSM, "after");
  struct xml_node const *before = xml_child(set, MAM_NS_RSM, "before");
  struct slice key = SLICE("");
  uint64_t most = in->muc->discoitems_max;
  size_t to = l->n;

  if (max && slice_u64(xml_text(in->arena, max), &most) && most > in->muc->discoitems_max)
    most = in->muc->discoitems_max;
  if (after || before) key = xml_text(in->arena, after ? after : before);
  key = arena_copy(in->arena, jid_cut(key).local);
  if (!key.s) no_memory();
  *from = 0;
  while (after && *from < l->n && strcmp(l->v[*from].local, key.s) <= 0)
    ++*from;
  while (before && key.len && to > 0 && strcmp(l->v[to - 1].local, key.s) >= 0)
    to--;
  *n = to - *from < most ? to - *from : (size_t)most;
  if (before) *from = to - *n;
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
cat_end(stralloc *out, struct in *in, struct list const *l, char const *word,
        struct entry const *e, size_t at)
{
  (void)l;
  put(out, "<");
  put(out, word);
  if (!strcmp(word, "first")) {
    put(out, " index='");
    put_num(out, at);
    put(out, "'");
  }
  put(out, ">");
  put_text(out, slice_str(e->local));
  put(out, "@");
  put_slice(out, in->muc->name);
  put(out, "</");
  put(out, word);
  put(out, ">");
}

static void
service_items(struct in *in, struct xml_node const *q, stralloc *out)
{
  struct xml_node const *set = xml_child(q, MAM_NS_RSM, "set");
  struct list l = {.in = in};
  size_t from = 0, n, i;

  public_each(in->muc, SLICE(""), add_public, &l);
  of_each(in->from.bare, add_own, &l);
  add_inside(&l);
  if (l.n) qsort(l.v, l.n, sizeof *l.v, by_name);
  n = l.n < in->muc->discoitems_max ? l.n : (size_t)in->muc->discoitems_max;
  if (set) page_of(in, set, &l, &from, &n);
  for (i = from; i < from + n; i++)
    cat_entry(out, in, &l.v[i]);
  if (set || n < l.n) {
    put(out, "<set xmlns='" MAM_NS_RSM "'>");
    if (n) cat_end(out, in, &l, "first", &l.v[from], from);
    if (n) cat_end(out, in, &l, "last", &l.v[from + n - 1], 0);
    put(out, "<count>");
    put_num(out, l.n);
    put(out, "</count></set>");
  }
  for (i = 0; i < l.n; i++) {
    free(l.v[i].local);
    free(l.v[i].title);
  }
  free(l.v);
}

static void
room_items(struct in *in, stralloc *out)
{
  struct room *r = in->room;
  struct occupant *o;
  bool all = affiliation_of(in) >= AFF_ADMIN;

  if (!(r->config.flags & FLAG_PUBLIC_LIST) && !in->session && !all) return;
  for (o = r->first; o && out->len < STANZA_MAX / 2; o = o->next) {
    if (!(r->config.broadcast >> o->role & 1) && !all &&
        (!in->session || in->session->o != o))
      continue;
    put(out, "<item");
    put_attr(out, "jid", nick_jid(r, slice_str(o->nick)));
    put_attr(out, "name", slice_str(o->nick));
    put(out, "/>");
  }
}

void
disco_items(struct in *in, struct xml_node const *q)
{
  static stralloc out = STRALLOC_ZERO;
  struct slice node = xml_attr(q, "node");

  if (node.len && !(in->room && slice_is(node, NS_COMMANDS))) {
    refuse(&in->st, ERR_ITEM_NOT_FOUND, "", "");
    return;
  }
  out.len = 0;
  put(&out, "<query xmlns='" NS_DISCO_ITEMS "'");
  if (node.len) put_attr(&out, "node", node);
  put(&out, ">");
  if (node.len)
    hats_cat_items(in, &out);
  else if (in->room)
    room_items(in, &out);
  else
    service_items(in, q, &out);
  put(&out, "</query>");
  result(in, slice_of(out.s, out.len));
}
