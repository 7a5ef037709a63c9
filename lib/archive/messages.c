#include "archive/archive_internal.h"

#include <skalibs/uint32.h>

#include <errno.h>
#include <string.h>

#define TOMBSTONE 1
/* Checksum, flags, count of owners; of each owner. */
#define FIXED_BYTES 6
#define REF_BYTES 24
#define FIELDS 6

/* ---- values ---- */

static struct slice
id_key(char buf[8], uint64_t id)
{
  return archive_pack(buf, 1, &id);
}

static size_t
bytes_of(unsigned int n, struct archive_text const *t)
{
  return FIXED_BYTES + (size_t)REF_BYTES * n + t->from.len + t->to.len + t->type.len +
         t->id.len + t->tags.len + t->xml.len + FIELDS - 1;
}

static char *
add(char *to, struct slice text, char behind)
{
  if (text.len) memcpy(to, text.s, text.len);
  to[text.len] = behind;
  return to + text.len + 1;
}

/* The value is written with a byte more, which add puts behind the XML. */
static bool
encode(struct archive *a, uint64_t id, struct stored const *m)
{
  struct archive_text const *t = &m->text;
  struct slice const fields[FIELDS] = {t->from, t->to, t->type, t->id, t->tags, t->xml};
  unsigned int i;
  char *s;

  a->value.len = 0;
  if (!stralloc_ready(&a->value, m->bytes + 1)) return false;
  s = a->value.s;
  s[4] = (char)m->flags;
  s[5] = (char)m->n;
  for (i = 0; i < m->n; i++)
    archive_pack(s + FIXED_BYTES + (size_t)REF_BYTES * i, 3,
                 (uint64_t[]){m->refs[i].owner, m->refs[i].slot, m->refs[i].place});
  s += FIXED_BYTES + (size_t)REF_BYTES * m->n;
  for (i = 0; i < FIELDS; i++)
    s = add(s, fields[i], '\t');
  a->value.len = m->bytes;
  s = a->value.s;
  uint32_pack_big(s, (uint32_t)hash_keyed(a->key, id, slice_of(s + 4, m->bytes - 4)));
  return true;
}

static bool
decode_text(struct slice rest, struct archive_text *t)
{
  return slice_word(&rest, '\t', &t->from) && slice_word(&rest, '\t', &t->to) &&
         slice_word(&rest, '\t', &t->type) && slice_word(&rest, '\t', &t->id) &&
         slice_word(&rest, '\t', &t->tags) && (t->xml = rest, true);
}

static bool
checksum_holds(struct archive *a, uint64_t id, struct slice v)
{
  uint32_t sum;

  if (v.len < FIXED_BYTES) return false;
  uint32_unpack_big(v.s, &sum);
  return sum == (uint32_t)hash_keyed(a->key, id, slice_of(v.s + 4, v.len - 4));
}

static bool
decode(struct slice v, struct stored *out)
{
  size_t head;
  unsigned int i;

  *out = (struct stored){.flags = 0};
  if (v.len < FIXED_BYTES) return false;
  out->flags = (unsigned char)v.s[4];
  out->n = (unsigned char)v.s[5];
  out->bytes = v.len;
  head = FIXED_BYTES + (size_t)REF_BYTES * out->n;
  if (out->n > ARCHIVE_OWNERS_MAX || v.len < head) return false;
  for (i = 0; i < out->n; i++) {
    struct slice r = slice_of(v.s + FIXED_BYTES + (size_t)REF_BYTES * i, REF_BYTES);
    out->refs[i] =
      (struct ref){archive_unpack(r, 0), archive_unpack(r, 1), archive_unpack(r, 2)};
  }
  return decode_text(slice_of(v.s + head, v.len - head), &out->text);
}

bool
archive_load(struct archive *a, uint64_t id, struct stored *out)
{
  char buf[8];
  struct slice v;

  if (!store_get(a->store, a->message, id_key(buf, id), &v)) return false;
  return (checksum_holds(a, id, v) && decode(v, out)) || archive_bad("message", 0, id);
}

bool
archive_peek(struct archive *a, uint64_t id, struct stored *out)
{
  char buf[8];
  struct slice v;

  if (!store_get(a->store, a->message, id_key(buf, id), &v)) return false;
  return decode(v, out) || archive_bad("message", 0, id);
}

void
archive_show(uint64_t id, struct stored const *m, bool archived,
             struct archive_message *out)
{
  out->id = id;
  out->archived = archived;
  out->tombstone = m->flags & TOMBSTONE;
  out->text = m->text;
}

/* ---- who has it ---- */

struct ref const *
archive_ref(struct stored const *m, uint64_t owner)
{
  unsigned int i;

  for (i = 0; i < m->n; i++)
    if (m->refs[i].owner == owner) return &m->refs[i];
  return NULL;
}

bool
archive_holds(struct archive *a, uint64_t id, struct ref const *r)
{
  struct head h;
  uint64_t there = 0;

  if (r->place == NO_PLACE) {
    errno = ENOENT;
    return false;
  }
  if (!archive_head(a, r->owner, 0, &h)) return false;
  if (r->place >= h.first && r->place < h.next && !archive_id_at(a, &h, r->place, &there))
    return false;
  errno = ENOENT;
  return there == id;
}

bool
archive_release(struct archive *a, uint64_t id, struct stored const *m)
{
  unsigned int i;
  char buf[8];

  for (i = 0; i < m->n; i++) {
    if (archive_holds(a, id, &m->refs[i])) return true;
    if (errno == ENOENT && archive_waiting_has(a, m->refs[i].owner, id)) return true;
    if (errno != ENOENT) return false;
  }
  return store_del(a->store, a->message, id_key(buf, id));
}

bool
archive_get(struct archive *a, uint64_t owner, uint64_t id, struct archive_message *out)
{
  struct stored m;
  struct ref const *r;
  bool archived;

  if (!archive_load(a, id, &m)) return false;
  r = archive_ref(&m, owner);
  if (!r) {
    errno = ENOENT;
    return false;
  }
  archived = archive_holds(a, id, r);
  if (!archived && (errno != ENOENT || !archive_waiting_has(a, owner, id))) return false;
  archive_show(id, &m, archived, out);
  return true;
}

/* ---- writing ---- */

static bool
no_tabs(struct archive_text const *t)
{
  struct slice const fields[FIELDS] = {t->from, t->to, t->type, t->id, t->tags, t->xml};
  unsigned int i;

  for (i = 0; i < FIELDS; i++)
    if (fields[i].len && memchr(fields[i].s, '\t', fields[i].len)) return false;
  return true;
}

static bool
owners_hold(struct archive_owner const *o, unsigned int n)
{
  unsigned int i, j;

  if (!n || n > ARCHIVE_OWNERS_MAX) return false;
  for (i = 0; i < n; i++) {
    if (!o[i].number || (!o[i].archived && !o[i].waits)) return false;
    if (o[i].archived && (!o[i].contact.len || o[i].contact.len > JID_MAX)) return false;
    for (j = 0; j < i; j++)
      if (o[i].number == o[j].number) return false;
  }
  return true;
}

/* The message joins the lists of one owner. */
static bool
join(struct archive *a, uint64_t id, struct archive_owner const *o, size_t bytes,
     struct ref *out)
{
  struct head *own = archive_head_make(a, o->number, 0, SLICE("")), *with;
  char buf[16];
  bool found;

  if (!own) return false;
  *out = (struct ref){o->number, 0, NO_PLACE};
  if (o->waits) {
    own->waiting++;
    if (!store_put(a->store, a->waiting,
                   archive_pack(buf, 2, (uint64_t[]){o->number, id}), SLICE("")))
      return false;
  }
  if (!o->archived) return true;
  if (!archive_slot(a, a->list, o->number, o->contact, &out->slot, &found)) return false;
  with = archive_head_make(a, o->number, out->slot, o->contact);
  out->place = own->next;
  return with && archive_list_push(a, own, id, bytes) &&
         archive_list_push(a, with, id, bytes);
}

static bool
append(struct archive *a, uint64_t id, struct archive_owner const *owners, unsigned int n,
       struct archive_text const *text, unsigned int flags)
{
  struct stored m = {.flags = flags, .n = n, .text = *text, .bytes = bytes_of(n, text)};
  unsigned int i;
  char buf[8];

  for (i = 0; i < n; i++)
    if (!join(a, id, &owners[i], m.bytes, &m.refs[i])) return false;
  return encode(a, id, &m) && store_append(a->store, a->message, id_key(buf, id),
                                           slice_of(a->value.s, a->value.len));
}

bool
archive_append_as(struct archive *a, uint64_t id, struct archive_owner const *owners,
                  unsigned int n, struct archive_text const *text, unsigned int flags)
{
  errno = EINVAL;
  if (!owners_hold(owners, n) || !no_tabs(text)) return false;
  errno = EEXIST;
  if (id <= a->last) return false;
  if (!archive_heads_room(a)) return false;
  if (!append(a, id, owners, n, text, flags)) return archive_lose(a);
  a->last = id;
  return true;
}

bool
archive_append(struct archive *a, uint64_t id, struct archive_owner const *owners,
               unsigned int n, struct archive_text const *text)
{
  return archive_append_as(a, id, owners, n, text, 0);
}

/* The bytes of a message count in the lists that have it. */
static bool
recount(struct archive *a, uint64_t id, struct stored const *m, size_t bytes)
{
  struct head *h;
  unsigned int i, j;

  for (i = 0; i < m->n; i++) {
    uint64_t const slots[2] = {0, m->refs[i].slot};
    if (!archive_holds(a, id, &m->refs[i])) {
      if (errno == ENOENT) continue;
      return false;
    }
    for (j = 0; j < 2; j++) {
      h = archive_head_edit(a, m->refs[i].owner, slots[j]);
      if (!h) return false;
      h->bytes = h->bytes - m->bytes + bytes;
    }
  }
  return true;
}

/* Give the stored message m another owner, for whom m waits. m points into the store, so
 * its text is gone after the first write. */
static bool
share(struct archive *a, uint64_t id, struct archive_owner const *o, struct stored *m)
{
  size_t was = m->bytes;
  struct ref unused;
  char buf[8];

  if (!archive_ref(m, o->number)) {
    m->refs[m->n++] = (struct ref){o->number, 0, NO_PLACE};
    m->bytes = was + REF_BYTES;
    if (!encode(a, id, m) || !store_put(a->store, a->message, id_key(buf, id),
                                        slice_of(a->value.s, a->value.len)))
      return false;
    m->bytes = was;
    if (!recount(a, id, m, was + REF_BYTES)) return false;
  }
  return join(a, id, o, was, &unused);
}

bool
archive_append_late(struct archive *a, uint64_t *id, uint64_t owner,
                    struct archive_text const *text)
{
  struct archive_owner const o = {.number = owner, .waits = true};
  struct stored there, m = {.n = 1, .text = *text, .bytes = bytes_of(1, text)};
  struct slice v;
  char buf[8];

  errno = EINVAL;
  if (!owners_hold(&o, 1) || !no_tabs(text) || !archive_heads_room(a)) return false;
  if (archive_load(a, *id, &there)) {
    if (!(there.flags & TOMBSTONE) && there.n < ARCHIVE_OWNERS_MAX)
      return share(a, *id, &o, &there) || archive_lose(a);
  } else if (errno != ENOENT) {
    return false;
  }
  while (*id && store_get(a->store, a->message, id_key(buf, *id), &v))
    (*id)--;
  if (!*id || errno != ENOENT) return false;
  if (!join(a, *id, &o, m.bytes, &m.refs[0]) || !encode(a, *id, &m) ||
      !store_put(a->store, a->message, id_key(buf, *id),
                 slice_of(a->value.s, a->value.len)))
    return archive_lose(a);
  if (*id > a->last) a->last = *id;
  return true;
}

bool
archive_replace(struct archive *a, uint64_t owner, uint64_t id, struct slice tags,
                struct slice xml)
{
  struct archive_message asked;
  struct stored m;
  size_t was;
  char buf[8];

  if (!archive_heads_room(a) || !archive_get(a, owner, id, &asked)) return false;
  if (!archive_load(a, id, &m)) return false;
  m.text.tags = tags;
  m.text.xml = xml;
  errno = EINVAL;
  if (!no_tabs(&m.text)) return false;
  was = m.bytes;
  m.flags |= TOMBSTONE;
  m.bytes = bytes_of(m.n, &m.text);
  if (!encode(a, id, &m)) return false;
  if (!store_put(a->store, a->message, id_key(buf, id),
                 slice_of(a->value.s, a->value.len)))
    return archive_lose(a);
  m.bytes = was;
  return recount(a, id, &m, bytes_of(m.n, &m.text)) || archive_lose(a);
}
