#include "mamd.h"

#include <stdlib.h>
#include <string.h>

/* XEP-0424 s5: a message that its sender takes back is replaced in the archive by what says
 * so. It is looked for among the newest RETRACT_SCAN_MAX of the conversation,
 * in the turns of scan.c. */

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
  char stamp[STAMP_SIZE];

  if (xml_cat(&xml, "<message") && xml_cat_attr(&xml, "from", from) &&
      xml_cat_attr(&xml, "to", to) && (!type.len || xml_cat_attr(&xml, "type", type)) &&
      xml_cat_attr(&xml, "id", id) &&
      xml_cat(&xml, "><retracted xmlns='" NS_RETRACT "'") &&
      xml_cat_attr(&xml, "stamp", stamp_us(stamp, door_wall())) &&
      xml_cat_attr(&xml, "id", by) && xml_cat(&xml, "/></message>") &&
      record_put_more(&raw, slice_of(xml.s, xml.len)) &&
      !archive_replace(mamd.archive, owner, m->id, SLICE("store"),
                       slice_of(raw.s, raw.len)))
    mamd_failed("replace a retracted message", from);
  stralloc_free(&xml);
  stralloc_free(&raw);
  arena_wipe(&a);
}

/* ---- looking for it ---- */

struct retraction {
  struct scan scan;
  struct arena arena;              /* holds the texts */
  struct slice id, raw_id, from;   /* of the message; raw_id and from as in a record */
  struct slice by, contact;        /* the id of the retraction; of the conversation */
  uint64_t looked_at, looked, hit; /* the id that was looked at last; envelopes; the id */
};

/* Find the next messages, from the newest on. */
static void
look_at_some(struct retraction *t, struct archive_range const *r, uint64_t most,
             uint64_t *looked)
{
  uint64_t n = archive_range_count(r);
  struct archive_message m;

  while (*looked < n && *looked < most && t->looked < RETRACT_SCAN_MAX && !t->hit) {
    if (!archive_range_peek(mamd.archive, r, r->to - 1 - *looked, &m)) {
      t->scan.ended = true;
      return;
    }
    t->looked_at = m.id;
    if (is_meant(&m, t->from, t->raw_id)) t->hit = m.id;
    ++*looked;
    t->looked++;
  }
  t->scan.ended = *looked == n || t->looked == RETRACT_SCAN_MAX || t->hit;
}

static uint64_t
retract_step(struct scan *scan, uint64_t most)
{
  struct retraction *t = (struct retraction *)scan;
  struct archive_range r;
  uint64_t looked = 0;

  if (archive_range_open(mamd.archive, scan->owner, t->contact, &r) &&
      (!t->looked_at || archive_range_find(mamd.archive, &r, t->looked_at, &r.to)))
    look_at_some(t, &r, most, &looked);
  else
    scan->ended = true;
  return looked;
}

static void
retract_done(struct link *routed, struct scan *scan)
{
  struct retraction *t = (struct retraction *)scan;
  struct archive_message m;

  (void)routed;
  if (t->hit && archive_get(mamd.archive, scan->owner, t->hit, &m))
    bury(scan->owner, &m, t->id, t->by);
}

static void
retract_again(struct scan *scan)
{
  struct retraction *t = (struct retraction *)scan;

  t->looked_at = t->looked = t->hit = 0;
}

static void
retract_free(struct scan *scan)
{
  struct retraction *t = (struct retraction *)scan;

  arena_wipe(&t->arena);
  free(t);
}

static void
retract_snapshot(struct snapshot *k, struct scan *scan)
{
  struct retraction *t = (struct retraction *)scan;

  snapshot_slice(k, &t->arena, &t->id);
  snapshot_slice(k, &t->arena, &t->raw_id);
  snapshot_slice(k, &t->arena, &t->from);
  snapshot_slice(k, &t->arena, &t->by);
  snapshot_slice(k, &t->arena, &t->contact);
  SNAPSHOT_INT(k, t->looked_at);
  SNAPSHOT_INT(k, t->looked);
}

struct scan_kind const retract_scan = {.size = sizeof(struct retraction),
                                       .step = retract_step,
                                       .done = retract_done,
                                       .again = retract_again,
                                       .free = retract_free,
                                       .snapshot = retract_snapshot};

static bool
read_retraction(struct retraction *t, struct stanza const *in, struct slice from_bare,
                struct slice contact)
{
  struct arena a = ARENA_ZERO;

  t->id = arena_copy(&t->arena, named(&a, unescaped(&a, in->xml)));
  arena_wipe(&a);
  t->raw_id = escaped(&t->arena, t->id);
  t->from = escaped(&t->arena, from_bare);
  t->by = arena_copy(&t->arena, in->id);
  t->contact = arena_copy(&t->arena, contact);
  return t->raw_id.len && t->from.len && t->contact.s && (t->by.s || !in->id.len);
}

void
retract_message(struct stanza const *in, struct slice from_bare, uint64_t owner,
                struct slice contact)
{
  struct retraction *t = calloc(1, sizeof *t);

  if (!t) return;
  t->scan = (struct scan){.kind = &retract_scan, .owner = owner};
  if (read_retraction(t, in, from_bare, contact)) {
    if (scan_begin(link_find(ROUTED), &t->scan)) return;
    log_event(LOG_WARN, "retraction-lost", "account", log_text(from_bare), "why",
              "too many are under way", NULL);
  }
  retract_free(&t->scan);
}
