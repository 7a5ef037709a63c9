#include "mamd.h"

#include <string.h>

/* XEP-0424 s5: a message that its sender takes back is replaced in the archive by what says
 * so. It is looked for among the newest RETRACT_SCAN_MAX of the conversation. */

/* The id that the retraction names, in arena a; empty: it names none. */
static struct slice
named(struct arena *a, struct slice xml)
{
  struct slice text = xml;
  struct xml_node const *e, *r;
  enum xml_error why;

  e = xml_parse(a, text, NS_CLIENT, &why);
  r = e ? xml_child(e, NS_RETRACT, "retract") : NULL;
  return r ? xml_attr(r, "id") : SLICE("");
}

/* A field of a record as text, in arena a. */
static struct slice
unescaped(struct arena *a, struct slice raw)
{
  struct slice copy = arena_copy(a, raw);
  struct record r;
  char *at;

  if (!copy.s) return SLICE("");
  at = arena_alloc(a, raw.len + 1);
  if (!at) return SLICE("");
  memcpy(at, raw.s, raw.len);
  return record_split(&r, at, raw.len) ? record_get(&r, 0) : SLICE("");
}

/* Text as it would stand in a record, in arena a; empty: ENOMEM. */
static struct slice
escaped(struct arena *a, struct slice text)
{
  stralloc raw = STRALLOC_ZERO;
  struct slice out = SLICE("");

  if (record_put_more(&raw, text)) out = arena_copy(a, slice_of(raw.s, raw.len));
  stralloc_free(&raw);
  return out.s ? out : SLICE("");
}

/* from and id as they would stand in a record: nothing of the message is copied. */
static bool
is_meant(struct archive_message const *m, struct slice from, struct slice id)
{
  return !m->tombstone && slice_eq(m->text.id, id) &&
         slice_eq(jid_cut(m->text.from).bare, from);
}

/* s5: the tombstone names the message that took it back. */
static void
bury(uint64_t owner, struct archive_message const *m, struct slice id, struct slice by)
{
  stralloc xml = STRALLOC_ZERO, raw = STRALLOC_ZERO;
  struct arena a = ARENA_ZERO;
  struct slice from = unescaped(&a, m->text.from), to = unescaped(&a, m->text.to);
  struct slice type = unescaped(&a, m->text.type);

  if (xml_cat(&xml, "<message") && xml_cat_attr(&xml, "from", from) &&
      xml_cat_attr(&xml, "to", to) && (!type.len || xml_cat_attr(&xml, "type", type)) &&
      xml_cat_attr(&xml, "id", id) &&
      xml_cat(&xml, "><retracted xmlns='" NS_RETRACT "' stamp='") &&
      stamp_cat(&xml, door_wall()) && xml_cat(&xml, "'") &&
      xml_cat_attr(&xml, "id", by) && xml_cat(&xml, "/></message>") &&
      record_put_more(&raw, slice_of(xml.s, xml.len)) &&
      !archive_replace(mamd.archive, owner, m->id, SLICE("store"),
                       slice_of(raw.s, raw.len)))
    mamd_failed("replace a retracted message", from);
  stralloc_free(&xml);
  stralloc_free(&raw);
  arena_wipe(&a);
}

void
retract_message(struct stanza const *in, struct slice from_bare, uint64_t owner,
                struct slice contact)
{
  struct arena a = ARENA_ZERO;
  struct archive_range r;
  struct archive_message m;
  struct slice id = named(&a, unescaped(&a, in->xml)), raw_id = escaped(&a, id);
  struct slice from = escaped(&a, from_bare);
  uint64_t i, n;

  if (!raw_id.len || !from.len || !archive_range_open(mamd.archive, owner, contact, &r))
    goto done;
  n = archive_range_count(&r);
  for (i = 0; i < n && i < RETRACT_SCAN_MAX; i++) {
    if (!archive_range_peek(mamd.archive, &r, r.to - 1 - i, &m)) break;
    if (!is_meant(&m, from, raw_id)) continue;
    bury(owner, &m, id, in->id);
    break;
  }
done:
  arena_wipe(&a);
}
