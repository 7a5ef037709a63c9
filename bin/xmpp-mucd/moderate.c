#include "mucd.h"

#include <string.h>

/* Messages that are taken back, by their authors (XEP-0424) or by moderators (XEP-0425): the entry
 * of the archive becomes a tombstone in the turn in which all are told. */

#define NS_FASTEN "urn:xmpp:fasten:0"

static struct slice
unescaped(struct arena *a, struct slice raw)
{
  static stralloc line = STRALLOC_ZERO;
  struct record f;

  line.len = 0;
  put(&line, "x\t");
  put_slice(&line, raw);
  if (!record_split(&f, line.s, line.len)) return SLICE("");
  return arena_copy(a, record_get(&f, 1));
}

/* Keep of the message its start tag and the author's occupant id, with `inside` besides. */
static void
cat_tombstone(stralloc *out, struct xml_node const *old, struct slice inside)
{
  struct xml_node const *o = xml_child(old, NS_OCCUPANT, "occupant-id");

  put(out, "<message");
  put_attr(out, "from", xml_attr(old, "from"));
  put(out, " type='groupchat'");
  if (xml_attr(old, "id").len) put_attr(out, "id", xml_attr(old, "id"));
  put(out, ">");
  put_slice(out, inside);
  if (o) put_child(out, o);
  put(out, "</message>");
}

static bool
bury(struct in *in, struct archive_message const *m, struct slice inside)
{
  static stralloc xml = STRALLOC_ZERO, raw = STRALLOC_ZERO, tags = STRALLOC_ZERO;
  enum xml_error why;
  struct xml_node *old =
    xml_parse(in->arena, unescaped(in->arena, m->text.xml), NS_CLIENT, &why);
  struct slice rest = m->text.tags, word;

  if (!old) return false;
  xml.len = raw.len = tags.len = 0;
  cat_tombstone(&xml, old, inside);
  if (!record_put_more(&raw, slice_of(xml.s, xml.len))) no_memory();
  while (slice_word(&rest, ' ', &word)) {
    if (slice_is(word, "h")) continue;
    if (tags.len) put(&tags, " ");
    put_slice(&tags, word);
  }
  return archive_replace(mucd.archive, in->room->number, m->id,
                         slice_of(tags.s, tags.len), slice_of(raw.s, raw.len));
}

/* XEP-0424 s5: only the author's own, and not the room's record of a moderation. */
void
retract(struct in *in, uint64_t id)
{
  static stralloc inside = STRALLOC_ZERO;
  struct archive_message m;
  char stamp[STAMP_SIZE];
  struct slice author;

  if (!archive_get(mucd.archive, in->room->number, id, &m) || m.tombstone ||
      slice_eq(m.text.from, in->room->bare))
    return;
  author = unescaped(in->arena, m.text.to);
  if (!slice_eq(jid_cut(author).bare, in->from.bare) || history_is_noted(&m, "s")) return;
  inside.len = 0;
  put(&inside, "<retracted xmlns='" NS_RETRACT "'");
  put_attr(&inside, "stamp", stamp_us(stamp, door_wall()));
  if (message_id(in).len) put_attr(&inside, "id", message_id(in));
  put(&inside, "/>");
  bury(in, &m, slice_of(inside.s, inside.len));
}

/* ---- XEP-0425 ---- */

struct moderation {
  struct slice id, reason, by, oid;
};

static void
cat_moderated(stralloc *out, struct moderation const *m, char const *ns, bool open)
{
  put(out, "<moderated");
  if (m->by.len) put_attr(out, "by", m->by);
  put(out, " xmlns='");
  put(out, ns);
  put(out, "'>");
  if (m->oid.len) {
    put(out, "<occupant-id xmlns='" NS_OCCUPANT "'");
    put_attr(out, "id", m->oid);
    put(out, "/>");
  }
  if (!open) put(out, "</moderated>");
}

static void
cat_reason(stralloc *out, struct moderation const *m)
{
  if (!m->reason.len) return;
  put(out, "<reason>");
  put_text(out, m->reason);
  put(out, "</reason>");
}

static void
cat_announcement(stralloc *out, struct room *r, struct moderation const *m,
                 struct slice own)
{
  put(out, "<message");
  put_attr(out, "from", r->bare);
  put(out, " type='groupchat'");
  put_attr(out, "id", own);
  put(out, "><retract");
  put_attr(out, "id", m->id);
  put(out, " xmlns='" NS_RETRACT "'>");
  cat_moderated(out, m, NS_MODERATE, false);
  cat_reason(out, m);
  put(out, "</retract><apply-to");
  put_attr(out, "id", m->id);
  put(out, " xmlns='" NS_FASTEN "'>");
  cat_moderated(out, m, NS_MODERATE_0, true);
  put(out, "<retract xmlns='urn:xmpp:message-retract:0'/>");
  cat_reason(out, m);
  put(out, "</moderated></apply-to></message>");
}

static void
announce(struct in *in, struct moderation const *m)
{
  static stralloc xml = STRALLOC_ZERO;
  struct room *r = in->room;
  struct envelope e = {r->bare, SLICE("message"), SLICE("groupchat"), SLICE(""),
                       SLICE("")};
  char own[16], buf[BASE_NUM];
  uint64_t id = 0;

  door_random_id(own, sizeof own);
  e.id = slice_of(own, sizeof own);
  xml.len = 0;
  cat_announcement(&xml, r, m, e.id);
  if (history_is_open(r)) id = history_put(in, r->bare, e.id, slice_of(xml.s, xml.len));
  if (id) {
    xml.len -= 10;
    put(&xml, "<stanza-id xmlns='" NS_SID "'");
    put_attr(&xml, "by", r->bare);
    put_attr(&xml, "id", num_u64(buf, id));
    put(&xml, "/></message>");
  }
  broadcast(r, &e, slice_of(xml.s, xml.len));
}

/* Read both versions: `:1` names the message itself, `:0` stands in a fastening. */
static bool
read_moderation(struct in *in, struct xml_node const *e, bool old, struct moderation *m)
{
  struct xml_node const *mod = old ? xml_child(e, NS_MODERATE_0, "moderate") : e;
  struct xml_node const *take =
    mod ? xml_child(mod, old ? "urn:xmpp:message-retract:0" : NS_RETRACT, "retract")
        : NULL;
  struct xml_node const *why = mod ? xml_child(mod, NULL, "reason") : NULL;
  struct occupant const *o = moderator_of(in);

  *m = (struct moderation){.id = xml_attr(e, "id"), .by = SLICE(""), .oid = SLICE("")};
  if (why) m->reason = xml_text(in->arena, why);
  if (o) {
    m->by = nick_jid(in->room, slice_str(o->nick));
    m->oid = slice_str(o->oid);
  }
  return take && m->id.len;
}

static bool
is_buried_by(struct in *in, struct archive_message const *a, struct moderation const *m)
{
  static stralloc inside = STRALLOC_ZERO;
  char stamp[STAMP_SIZE];

  inside.len = 0;
  put(&inside, "<retracted xmlns='" NS_RETRACT "'");
  put_attr(&inside, "stamp", stamp_us(stamp, door_wall()));
  put(&inside, ">");
  cat_moderated(&inside, m, NS_MODERATE, false);
  cat_reason(&inside, m);
  put(&inside, "</retracted>");
  return bury(in, a, slice_of(inside.s, inside.len));
}

void
moderate(struct in *in, struct xml_node const *e, bool old)
{
  struct moderation m;
  struct archive_message a;
  uint64_t id;

  if (!read_moderation(in, e, old, &m)) {
    refuse(&in->st, ERR_BAD_REQUEST, "", "");
  } else if (!may_moderate(in)) {
    refuse(&in->st, ERR_FORBIDDEN, "", "");
  } else if (m.reason.len > MUC_REASON_MAX) {
    refuse(&in->st, ERR_NOT_ACCEPTABLE, "", "the reason is too long");
  } else if (store_is_full(mucd.store)) {
    refuse(&in->st, ERR_INTERNAL, "wait", "the server has no room on its disk");
  } else if (!slice_u64(m.id, &id) ||
             !archive_get(mucd.archive, in->room->number, id, &a)) {
    refuse(&in->st, ERR_ITEM_NOT_FOUND, "", "no message has that id");
  } else if (history_is_noted(&a, "s")) {
    refuse(&in->st, ERR_BAD_REQUEST, "", "a subject is changed, not taken back");
  } else if (slice_eq(a.text.from, in->room->bare)) {
    refuse(&in->st, ERR_BAD_REQUEST, "", "a moderation cannot be moderated");
  } else if (a.tombstone) {
    result(in, SLICE(""));
  } else if (!is_buried_by(in, &a, &m)) {
    refuse(&in->st, ERR_INTERNAL, "wait", "");
  } else {
    announce(in, &m);
    result(in, SLICE(""));
  }
}
