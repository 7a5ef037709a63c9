#include "hats.h"
#include "mucd.h"

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
  if (history_is_open(r)) {
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
    field(out, "muc#roominfo_slow_mode_duration", NULL, num_u64(buf, c->slow_s));
  if (*c->text[TEXT_PUBSUB])
    field(out, "muc#roominfo_pubsub", NULL, slice_str(c->text[TEXT_PUBSUB]));
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

static void
refuse_node(struct in *in, struct slice node)
{
  enum stanza_error e = ERR_ITEM_NOT_FOUND;

  if (in->room && hats_is_command(in, node)) e = ERR_FORBIDDEN;
  if (slice_is(node, NS_MUC "#traffic")) e = ERR_SERVICE_UNAVAILABLE;
  refuse(&in->st, e, "", "");
}

static bool
cat_info(struct in *in, struct slice node, stralloc *out)
{
  if (!node.len && !in->room) {
    service_info(in, out);
    return true;
  }
  if (!in->room) return false;
  if (slice_is(node, "x-roomuser-item")) return reserved_nick(in, out);
  if (node.len) return hats_cat_info(in, node, out);
  identity(out, slice_str(in->room->config.text[TEXT_TITLE]));
  room_features(in->room, out);
  room_form(in->room, out);
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
  if (!cat_info(in, node, &out)) {
    refuse_node(in, node);
    return;
  }
  put(&out, "</query>");
  result(in, slice_of(out.s, out.len));
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

/* XEP-0030 s4.1: a node without items, which a command is, has an empty list. */
static bool
cat_items(struct in *in, struct xml_node const *q, struct slice node, stralloc *out)
{
  if (!node.len && !in->room) {
    items_cat(in, q, out);
    return true;
  }
  if (!in->room) return false;
  if (!node.len) {
    room_items(in, out);
    return true;
  }
  if (!slice_is(node, NS_COMMANDS))
    return hats_is_command(in, node) && hats_may_command(in);
  hats_cat_items(in, out);
  return true;
}

void
disco_items(struct in *in, struct xml_node const *q)
{
  static stralloc out = STRALLOC_ZERO;
  struct slice node = xml_attr(q, "node");

  out.len = 0;
  put(&out, "<query xmlns='" NS_DISCO_ITEMS "'");
  if (node.len) put_attr(&out, "node", node);
  put(&out, ">");
  if (!cat_items(in, q, node, &out)) {
    refuse_node(in, node);
    return;
  }
  put(&out, "</query>");
  result(in, slice_of(out.s, out.len));
}
