#include "mucd.h"

#include <string.h>

/* The archive of a room is its history (XEP-0313 s5.1.2, XEP-0045 s7.2.13). An entry's contact is
 * the sender's bare JID, FROM room/nick, TO the sender's full JID, TAGS the sender's affiliation and
 * role then, `open` if the room showed JIDs, `h` if the message is history for who enters,
 * `s` if it changed the subject. */

#define AGAIN_MAX 256

bool
history_is_noted(struct archive_message const *m, char const *note)
{
  return slice_has_word(m->text.tags, slice_str(note));
}

static void
escape(stralloc *out, struct slice text)
{
  if (!record_put_more(out, text)) no_memory();
}

static uint64_t
next_id(void)
{
  uint64_t id = door_wall() << ARCHIVE_ID_SHIFT, last = archive_last_id(mucd.archive);

  return id > last ? id : last + 1;
}

static void
cat_tags(stralloc *out, struct in *in)
{
  struct occupant const *o = in->session ? in->session->o : NULL;

  put(out, o ? affiliation_names[o->affiliation] : "owner");
  put(out, " ");
  put(out, o ? role_names[o->role] : "moderator");
  if (!(in->room->config.flags & FLAG_ANONYMOUS)) put(out, " open");
  if (is_history(in->e)) put(out, " h");
  if (is_subject(in->e)) put(out, " s");
}

bool
history_is_open(struct room const *r)
{
  return r->config.flags & FLAG_MAM && r->muc->archives;
}

/* Messages that a room without an open archive keeps no longer. */
static void
trim(struct room *r)
{
  unsigned int done;

  if (!history_is_open(r))
    archive_trim(mucd.archive, r->number, 0, r->muc->history_size, 32, &done);
}

uint64_t
history_put(struct in *in, struct slice from, struct slice id, struct slice xml)
{
  static stralloc buf[5];
  struct archive_owner owner = {in->room->number, in->from.bare, true, false};
  struct archive_text t = {.type = SLICE("groupchat")};
  uint64_t number = next_id();
  size_t i;

  for (i = 0; i < 5; i++)
    buf[i].len = 0;
  escape(&buf[0], from);
  escape(&buf[1], in->from.full);
  escape(&buf[2], id);
  escape(&buf[4], xml);
  cat_tags(&buf[3], in);
  t.from = slice_of(buf[0].s, buf[0].len);
  t.to = slice_of(buf[1].s, buf[1].len);
  t.id = slice_of(buf[2].s, buf[2].len);
  t.tags = slice_of(buf[3].s, buf[3].len);
  t.xml = slice_of(buf[4].s, buf[4].len);
  if (!archive_append(mucd.archive, number, &owner, 1, &t)) return 0;
  trim(in->room);
  return number;
}

uint64_t
history_store(struct in *in, struct slice from, struct slice xml)
{
  return history_put(in, from, message_id(in), xml);
}

/* A mucd that was killed may have stored the message, and not said so: the same message of the
 * same session is among the newest. */
bool
history_again(struct in *in, struct slice xml, uint64_t *id)
{
  static stralloc raw = STRALLOC_ZERO;
  struct archive_range range;
  struct archive_message m;
  uint64_t n;

  raw.len = 0;
  escape(&raw, xml);
  if (!archive_range_open(mucd.archive, in->room->number, SLICE(""), &range))
    return false;
  for (n = 0; n < AGAIN_MAX && range.to > range.from; n++) {
    if (!archive_range_get(mucd.archive, &range, --range.to, &m)) return false;
    if (!slice_eq(m.text.xml, slice_of(raw.s, raw.len))) continue;
    *id = m.id;
    return true;
  }
  return false;
}

/* ---- for who enters ---- */

struct wish {
  uint64_t stanzas, chars, since_us;
};

/* s7.2.13: bad values count as absent. */
static struct wish
read_wish(struct session *s, struct xml_node const *x)
{
  struct room const *r = s->o->room;
  struct xml_node const *h = x ? xml_child(x, NS_MUC, "history") : NULL;
  struct wish w = {r->config.history, UINT64_MAX, 0};
  uint64_t n, now = door_wall();

  if (w.stanzas > r->muc->history_size) w.stanzas = r->muc->history_size;
  if (!h) return w;
  if (slice_u64(xml_attr(h, "maxstanzas"), &n) && n < w.stanzas) w.stanzas = n;
  if (slice_u64(xml_attr(h, "maxchars"), &n)) w.chars = n;
  if (slice_u64(xml_attr(h, "seconds"), &n)) {
    if (!n) w.stanzas = 0;
    w.since_us = n > now / 1000000 ? 0 : now - n * 1000000;
  }
  if (xml_attr(h, "since").len && stamp_read(xml_attr(h, "since"), &n) && n > w.since_us)
    w.since_us = n;
  return w;
}

static void
cat_end(stralloc *out, struct room const *r, uint64_t id)
{
  char stamp[STAMP_SIZE], buf[BASE_NUM];

  out->len = 0;
  put(out, "<stanza-id xmlns='" NS_SID "'");
  put_attr(out, "by", r->bare);
  put_attr(out, "id", num_u64(buf, id));
  put(out, "/><delay xmlns='" NS_DELAY "'");
  put_attr(out, "from", r->bare);
  put_attr(out, "stamp", stamp_us(stamp, id >> ARCHIVE_ID_SHIFT));
  put(out, "/></message>");
}

static void
send(struct session *s, struct archive_message const *m)
{
  static stralloc end = STRALLOC_ZERO;
  struct link *l = mucd.routed;

  if (!l || m->text.xml.len < 10) return;
  cat_end(&end, s->o->room, m->id);
  link_begin(l, VERB_FANOUT);
  link_str(l, s->full);
  link_raw(l, m->text.from);
  link_str(l, "message");
  link_str(l, "groupchat");
  link_raw(l, m->text.id);
  link_str(l, "");
  link_origin(l);
  link_field(l);
  link_more_raw(l, slice_of(m->text.xml.s, m->text.xml.len - 10));
  link_more(l, slice_of(end.s, end.len));
  link_end(l);
}

#define HISTORY_MAX 1000

void
history_send(struct session *s, struct xml_node const *x)
{
  static uint64_t places[HISTORY_MAX];
  static stralloc end = STRALLOC_ZERO;
  struct wish w = read_wish(s, x);
  struct archive_range range;
  struct archive_message m;
  uint64_t n = 0, looked = 0, place, chars = 0;
  uint64_t most = 4 * s->o->room->muc->history_size + 20;

  if (w.stanzas > HISTORY_MAX) w.stanzas = HISTORY_MAX;
  if (!w.stanzas || !w.chars ||
      !archive_range_open(mucd.archive, s->o->room->number, SLICE(""), &range))
    return;
  for (place = range.to; place > range.from && n < w.stanzas; looked++) {
    if (looked >= most || !archive_range_get(mucd.archive, &range, --place, &m) ||
        m.id >> ARCHIVE_ID_SHIFT <= w.since_us)
      break;
    if (m.tombstone || !history_is_noted(&m, "h")) continue;
    cat_end(&end, s->o->room, m.id);
    chars += m.text.xml.len - 10 + end.len;
    if (chars > w.chars || (n && chars > mucd.history_bytes)) break;
    places[n++] = place;
  }
  while (n--)
    if (archive_range_get(mucd.archive, &range, places[n], &m)) send(s, &m);
}
