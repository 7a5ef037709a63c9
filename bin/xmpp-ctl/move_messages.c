#include "ctl.h"
#include "move.h"

#include "record/record.h"

#include <skalibs/djbunix.h>
#include <skalibs/stralloc.h>
#include <skalibs/strerr.h>
#include <skalibs/uint16.h>
#include <skalibs/uint64.h>

#include <openssl/evp.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Messages of archives, and those that wait. An archive is in the order of time, so messages are
 * gathered first, in a store of its own, and then the archive is written anew with them:
 *
 *   letter  DIGEST -> 8 bytes time; 1 byte count of owners; of each 8 bytes number, 1 byte (1 is in
 *           the archive, 2 waits), 2 bytes length and text of the contact; then FROM TO TYPE ID
 *           TAGS XML with TABs between, as a record has them
 *   order   time, count of letters, 8 bytes each -> DIGEST
 *
 * The digest is of the message and, when it has no id, of its time. So two accounts share what they
 * wrote to each other, and a message that waits is the one in the archive. */

#define OWNER_BYTES 11

static struct {
  MDB_dbi letter, order;
  bool opened;
  uint64_t n;
  char place[16]; /* of the letter that was given last */
  size_t placed;
  stralloc value;
} box;

struct letter {
  uint64_t us;
  char digest[ARCHIVE_DIGEST];
  struct jid from, to;
  struct slice contact;
  stralloc text;
};

static stralloc fields = STRALLOC_ZERO;

static void
open_box(void)
{
  if (box.opened) return;
  box.opened = store_table(move.spool, "letter", &box.letter) &&
               store_table(move.spool, "order", &box.order);
  if (!box.opened) move_fail("make a store for messages");
}

/* ---- reading a message ---- */

/* Take out of e the children that another server put in: when the message came, and which ids it
 * had there. The latter only if they are this account's. */
static void
strip(struct xml_node *e)
{
  struct xml_node **at = &e->first, *c;

  while ((c = *at)) {
    if (xml_is(c, NS_DELAY, "delay") || xml_is(c, NS_DELAY_OLD, "x") ||
        (xml_is(c, NS_STANZA_ID, "stanza-id") && slice_eq(xml_attr(c, "by"), mover.bare)))
      *at = c->next;
    else
      at = &c->next;
  }
}

/* 20020910T23:08:25 (XEP-0091). */
static bool
read_old_stamp(struct slice text, uint64_t *us)
{
  char buf[32];

  if (text.len != 17 || text.s[8] != 'T') return false;
  snprintf(buf, sizeof buf, "%.4s-%.2s-%.11sZ", text.s, text.s + 4, text.s + 6);
  return stamp_read(slice_str(buf), us);
}

static bool
read_time(struct xml_node const *e, uint64_t *us)
{
  struct xml_node const *d = xml_child(e, NS_DELAY, "delay");
  uint64_t now = door_wall();
  bool ok = d && xml_attr(d, "stamp").s && stamp_read(xml_attr(d, "stamp"), us);

  if (!ok && (d = xml_child(e, NS_DELAY_OLD, "x")) && xml_attr(d, "stamp").s)
    ok = read_old_stamp(xml_attr(d, "stamp"), us);
  if (ok && *us > now) *us = now;
  return ok && *us;
}

static bool
cat_field(struct slice text)
{
  return record_put_more(&fields, text) && stralloc_catb(&fields, "\t", 1);
}

static struct slice
or_empty(struct slice s)
{
  return s.s ? s : SLICE("");
}

static void
digest(struct letter *l, bool has_id)
{
  unsigned char md[EVP_MAX_MD_SIZE];
  EVP_MD_CTX *ctx = EVP_MD_CTX_new();
  char us[8];

  uint64_pack_big(us, has_id ? 0 : l->us);
  if (!ctx || !EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) ||
      !EVP_DigestUpdate(ctx, us, sizeof us) ||
      !EVP_DigestUpdate(ctx, fields.s, fields.len) || !EVP_DigestFinal_ex(ctx, md, NULL))
    move_fail("hash a message");
  EVP_MD_CTX_free(ctx);
  memcpy(l->digest, md, ARCHIVE_DIGEST);
}

/* Put the message into fields, and what is said of it into l. The words for its fault, or NULL. */
static char const *
read_message(struct arena *a, struct xml_node *e, struct letter *l)
{
  static stralloc xml = STRALLOC_ZERO;
  struct slice from = xml_attr(e, "from"), to = xml_attr(e, "to");

  if (!l->us) return "it has no time";
  if (!to.s) to = mover.bare;
  if (!from.s || !jid_parse(a, from, &l->from) || !jid_parse(a, to, &l->to))
    return "it has no usable address";
  if (!slice_eq(l->from.bare, mover.bare) && !slice_eq(l->to.bare, mover.bare))
    return "it is from somebody else to somebody else";
  l->contact = slice_eq(l->from.bare, mover.bare) ? l->to.bare : l->from.bare;
  strip(e);
  xml.len = fields.len = 0;
  if (!xml_cat_tree(&xml, e, NS_CLIENT)) return "it is too long";
  if (!cat_field(l->from.full) || !cat_field(l->to.full) ||
      !cat_field(or_empty(xml_attr(e, "type"))) ||
      !cat_field(or_empty(xml_attr(e, "id"))) || !cat_field(SLICE("store")) ||
      !record_put_more(&fields, slice_of(xml.s, xml.len)))
    move_fail("copy a message");
  digest(l, or_empty(xml_attr(e, "id")).len);
  return NULL;
}

/* ---- gathering ---- */

static void
cat_owner(struct letter const *l, unsigned int flags)
{
  char buf[OWNER_BYTES];

  uint64_pack_big(buf, mover.number);
  buf[8] = (char)flags;
  uint16_pack_big(buf + 9, (uint16_t)l->contact.len);
  if (!stralloc_catb(&box.value, buf, sizeof buf) ||
      !stralloc_catb(&box.value, l->contact.s, l->contact.len))
    move_fail("copy a message");
}

static void
put_value(struct letter const *l)
{
  if (!store_put(move.spool, box.letter, slice_of(l->digest, ARCHIVE_DIGEST),
                 slice_of(box.value.s, box.value.len)))
    move_fail("gather a message");
  move_step();
}

static void
put_new(struct letter const *l, unsigned int flags)
{
  char head[9], key[16];

  uint64_pack_big(head, l->us);
  head[8] = 1;
  box.value.len = 0;
  if (!stralloc_catb(&box.value, head, sizeof head)) move_fail("copy a message");
  cat_owner(l, flags);
  if (!stralloc_catb(&box.value, fields.s, fields.len)) move_fail("copy a message");
  put_value(l);
  uint64_pack_big(key, l->us);
  uint64_pack_big(key + 8, box.n++);
  if (!store_put(move.spool, box.order, slice_of(key, sizeof key),
                 slice_of(l->digest, ARCHIVE_DIGEST)))
    move_fail("gather a message");
}

/* The account owns a letter that is there: box.value becomes its new value. */
static void
put_again(struct letter const *l, struct slice v, unsigned int flags)
{
  size_t at = 9;
  unsigned int i;
  uint64_t number;
  uint16_t len;

  box.value.len = 0;
  if (!stralloc_catb(&box.value, v.s, v.len)) move_fail("copy a message");
  for (i = 0; i < (unsigned char)v.s[8]; i++) {
    uint64_unpack_big(v.s + at, &number);
    uint16_unpack_big(v.s + at + 9, &len);
    if (number == mover.number) break;
    at += OWNER_BYTES + len;
  }
  if (i < (unsigned char)v.s[8]) {
    box.value.s[at + 8] = (char)((unsigned char)v.s[at + 8] | flags);
  } else {
    if (i == ARCHIVE_OWNERS_MAX) return;
    box.value.len = at;
    box.value.s[8] = (char)(i + 1);
    cat_owner(l, flags);
    if (!stralloc_catb(&box.value, fields.s, fields.len)) move_fail("copy a message");
  }
  put_value(l);
}

/* A message of this server that comes back: who exported it imports it again. */
static bool
is_same(struct archive_message const *m)
{
  struct slice rest = slice_of(fields.s, fields.len), from, to, type, id;

  return slice_word(&rest, '\t', &from) && slice_word(&rest, '\t', &to) &&
         slice_word(&rest, '\t', &type) && slice_word(&rest, '\t', &id) &&
         slice_eq(from, m->text.from) && slice_eq(to, m->text.to) &&
         slice_eq(id, m->text.id);
}

static bool
is_here(struct letter const *l)
{
  uint64_t id = (l->us << ARCHIVE_ID_SHIFT) - 1, place;
  struct archive_message m;
  struct archive_range r;

  if (!archive_range_open(move.archive, mover.number, l->contact, &r) ||
      !archive_range_time(move.archive, &r, l->us, l->us))
    move_fail("read the archive");
  for (place = r.from; place < r.to; place++)
    if (archive_range_peek(move.archive, &r, place, &m) && is_same(&m)) return true;
  while (archive_waiting_next(move.archive, mover.number, id, &id) &&
         id >> ARCHIVE_ID_SHIFT == l->us)
    if (archive_get(move.archive, mover.number, id, &m) && is_same(&m)) return true;
  return false;
}

static void
gather(struct letter const *l, unsigned int flags)
{
  struct slice v;

  if (move.archive) {
    if (archive_is_imported(move.archive, mover.number, l->digest)) return;
    if (errno != ENOENT) move_fail("read the archive");
    if (is_here(l)) return;
  }
  open_box();
  if (store_get(move.spool, box.letter, slice_of(l->digest, ARCHIVE_DIGEST), &v))
    put_again(l, v, flags);
  else if (errno == ENOENT)
    put_new(l, flags);
  else
    move_fail("gather a message");
}

static void
take(struct arena *a, struct xml_node *message, uint64_t us, unsigned int flags)
{
  struct letter l = {.us = us};
  char const *wrong = read_message(a, message, &l);

  if (wrong)
    move_refuse(flags == 1 ? "archive" : "offline message", wrong);
  else
    gather(&l, flags);
}

void
move_result(struct arena *a, struct xml_node *result)
{
  struct xml_node const *f = xml_child(result, NS_FORWARD, "forwarded");
  struct xml_node const *m = f ? xml_child(f, NS_CLIENT, "message") : NULL;
  uint64_t us = 0;

  if (!m || !read_time(f, &us))
    move_refuse("archive", "a result has no message, or no time");
  else
    take(a, (struct xml_node *)(uintptr_t)m, us, 1);
}

void
move_waiting(struct arena *a, struct xml_node *message)
{
  uint64_t us = 0;

  if (!read_time(message, &us)) us = 0;
  if (slice_is(message->name, "message"))
    take(a, message, us, 2);
  else
    move_refuse("offline message", "it is no message");
}

/* ---- delivering ---- */

static void
read_owners(struct slice v, struct archive_import *out, size_t *at)
{
  unsigned int i;
  uint16_t len;

  uint64_unpack_big(v.s, &out->us);
  out->n = (unsigned char)v.s[8];
  *at = 9;
  for (i = 0; i < out->n; i++) {
    struct archive_owner *o = &out->owners[i];
    uint64_unpack_big(v.s + *at, &o->number);
    uint16_unpack_big(v.s + *at + 9, &len);
    o->archived = v.s[*at + 8] & 1;
    o->waits = v.s[*at + 8] & 2;
    o->contact = slice_of(v.s + *at + OWNER_BYTES, o->archived ? len : 0);
    *at += OWNER_BYTES + len;
  }
}

/* Give the next letter to archive_merge. */
static bool
next_letter(void *cookie, struct archive_import *out)
{
  struct slice key, v, rest;
  size_t at;

  (void)cookie;
  if (!store_next(move.spool, box.order, slice_of(box.place, box.placed), &key, &v)) {
    if (errno != ENOENT) move_fail("read the gathered messages");
    return false;
  }
  memcpy(box.place, key.s, 16);
  box.placed = 16;
  for (at = 16; at-- && !++box.place[at];) {
  }
  memset(out, 0, sizeof *out);
  memcpy(out->digest, v.s, ARCHIVE_DIGEST);
  if (!store_get(move.spool, box.letter, slice_of(out->digest, ARCHIVE_DIGEST), &v))
    move_fail("read the gathered messages");
  read_owners(v, out, &at);
  rest = slice_of(v.s + at, v.len - at);
  slice_word(&rest, '\t', &out->text.from);
  slice_word(&rest, '\t', &out->text.to);
  slice_word(&rest, '\t', &out->text.type);
  slice_word(&rest, '\t', &out->text.id);
  slice_word(&rest, '\t', &out->text.tags);
  out->text.xml = rest;
  return true;
}

/* A folder that is there without an archive has the owner and the mode that its program wants. */
static bool
dress_folder(char const *from, char const *to)
{
  struct stat st;

  if (stat(from, &st)) return errno == ENOENT;
  return (geteuid() || !chown(to, st.st_uid, st.st_gid)) &&
         !chmod(to, st.st_mode & 07777);
}

void
move_deliver(void)
{
  char from[700], to[700];
  bool had = move.archive != NULL;

  if (move.dry) move.messages = box.n;
  if (!box.n || move.dry) return;
  snprintf(from, sizeof from, "%s/archive", move.data);
  snprintf(to, sizeof to, "%s/archive", move.work);
  archive_close(move.archive);
  move.archive = NULL;
  box.place[0] = 0;
  box.placed = 1;
  if (!archive_merge(had ? move.data : NULL, move.work, next_letter, NULL,
                     &move.messages))
    move_fail("write the archive");
  if (had ? !store_dress(from, to) : !dress_folder(from, to))
    move_fail("give the archive away");
  sync();
  if (renameat2(AT_FDCWD, to, AT_FDCWD, from, access(from, F_OK) ? 0 : RENAME_EXCHANGE))
    move_fail("put the archive in place");
}
