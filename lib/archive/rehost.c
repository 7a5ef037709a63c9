#include "archive/archive_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* The slots of contacts are hashes of their addresses, and messages name them: so all messages are
 * put into an archive that is new, in their order. Its hashes have the key of the old one, for
 * marks of older versions are found by such hashes too. */

#define MESSAGES_A_COMMIT 10000

struct rehost {
  struct archive *from, *to;
  struct jid_hosts const *h;
  uint64_t *messages;
  stralloc text;
  bool failed;
  /* archive_merge: who gives messages that are new here, and the one that is due. */
  archive_import_fn *next;
  void *cookie;
  struct archive_import due;
  bool is_due;
};

/* ---- messages ---- */

/* The contact of a list of an owner. errno ENOENT. */
static bool
contact_of(struct archive *a, struct ref const *r, struct slice *jid)
{
  char buf[16];
  struct slice v;

  if (!store_get(a->store, a->list, archive_pack(buf, 2, (uint64_t[]){r->owner, r->slot}),
                 &v))
    return false;
  if (archive_jid_at(v) > v.len) return archive_bad("list", r->owner, 0);
  *jid = slice_of(v.s + archive_jid_at(v), v.len - archive_jid_at(v));
  return true;
}

/* The owners who still have the message; buf has the contacts whose host is another now. */
static bool
owners_of(struct rehost *x, uint64_t id, struct stored const *m, char (*buf)[JID_MAX],
          struct archive_owner *out, unsigned int *n)
{
  struct slice contact;
  unsigned int i;

  for (*n = i = 0; i < m->n; i++) {
    struct ref const *r = &m->refs[i];
    struct archive_owner *o = &out[*n];
    *o = (struct archive_owner){.number = r->owner};
    o->archived = archive_holds(x->from, id, r);
    if (!o->archived && errno != ENOENT) return false;
    o->waits = archive_waiting_has(x->from, r->owner, id);
    if (!o->waits && errno != ENOENT) return false;
    if (o->archived) {
      if (!contact_of(x->from, r, &contact)) return false;
      o->contact = jid_rehost(x->h, contact, buf[i], sizeof buf[i]);
      if (!o->contact.s) return false;
    }
    *n += o->archived || o->waits;
  }
  return true;
}

static bool
put_message(struct rehost *x, uint64_t id, struct stored const *m)
{
  static char contacts[ARCHIVE_OWNERS_MAX][JID_MAX], from[2 * JID_MAX], to[2 * JID_MAX];
  struct archive_owner owners[ARCHIVE_OWNERS_MAX];
  struct archive_text text = m->text;
  unsigned int n;

  if (!owners_of(x, id, m, contacts, owners, &n)) return false;
  if (!n) return true;
  text.from = jid_rehost(x->h, text.from, from, sizeof from);
  text.to = jid_rehost(x->h, text.to, to, sizeof to);
  x->text.len = 0;
  if (!text.from.s || !text.to.s || !jid_rehost_tag(x->h, text.xml, &x->text))
    return false;
  text.xml = slice_of(x->text.s, x->text.len);
  if (!archive_append_as(x->to, id, owners, n, &text, m->flags)) return false;
  return x->next || ++*x->messages % MESSAGES_A_COMMIT || archive_commit(x->to);
}

/* ---- messages of another server ---- */

static bool
note_imported(struct rehost *x)
{
  struct archive_import const *m = &x->due;
  char key[8 + ARCHIVE_DIGEST];
  unsigned int i;

  memcpy(key + 8, m->digest, ARCHIVE_DIGEST);
  for (i = 0; i < m->n; i++) {
    archive_pack(key, 1, &m->owners[i].number);
    if (!store_put(x->to->store, x->to->imported, slice_of(key, sizeof key), SLICE("")))
      return false;
  }
  return true;
}

/* Put the messages that came before the id. An id that is theirs by their time is taken when one
 * before was put there: then the next one is theirs. */
static bool
put_due(struct rehost *x, uint64_t before)
{
  uint64_t id;

  while (x->is_due) {
    id = x->due.us << ARCHIVE_ID_SHIFT;
    if (id <= x->to->last) id = x->to->last + 1;
    if (id >= before) return true;
    if (!archive_append(x->to, id, x->due.owners, x->due.n, &x->due.text) ||
        !note_imported(x))
      return false;
    if (!(++*x->messages % MESSAGES_A_COMMIT) && !archive_commit(x->to)) return false;
    x->is_due = x->next(x->cookie, &x->due);
  }
  return true;
}

static bool
on_message(void *cookie, struct slice key, struct slice value)
{
  struct rehost *x = cookie;
  struct stored m;
  uint64_t id;

  (void)value;
  if (key.len != 8) return true;
  id = archive_unpack(key, 0);
  if (!archive_load(x->from, id, &m)) return true; /* logged */
  x->failed = !put_due(x, id) || !put_message(x, id, &m);
  return !x->failed;
}

/* ---- what else there is ---- */

static bool
on_mark(void *cookie, struct slice key, struct slice value)
{
  struct rehost *x = cookie;

  x->failed = !store_put(x->to->store, x->to->mark, key, value);
  return !x->failed;
}

static bool
on_imported(void *cookie, struct slice key, struct slice value)
{
  struct rehost *x = cookie;

  x->failed = !store_put(x->to->store, x->to->imported, key, value);
  return !x->failed;
}

static bool
on_source(void *cookie, struct slice key, struct slice value)
{
  struct rehost *x = cookie;

  x->failed = !store_put(x->to->store, x->to->source, key, value);
  return !x->failed;
}

static bool
cat_line(struct rehost *x, struct slice line)
{
  char buf[JID_MAX];
  struct slice jid;

  if (!line.len || !strchr("+-", line.s[0]))
    return stralloc_catb(&x->text, line.s, line.len);
  jid = jid_rehost(x->h, slice_of(line.s + 1, line.len - 1), buf, sizeof buf);
  return jid.s && stralloc_catb(&x->text, line.s, 1) &&
         stralloc_catb(&x->text, jid.s, jid.len);
}

static bool
on_prefs(void *cookie, struct slice key, struct slice value)
{
  struct rehost *x = cookie;
  struct slice line, rest = value;
  bool ok = true;

  x->text.len = 0;
  while (ok && slice_word(&rest, '\n', &line))
    ok = cat_line(x, line) &&
         (line.s + line.len == value.s + value.len || stralloc_catb(&x->text, "\n", 1));
  x->failed =
    !ok || !store_put(x->to->store, x->to->prefs, key, slice_of(x->text.s, x->text.len));
  return !x->failed;
}

/* An owner that is no account, by number. */
static bool
on_owner(void *cookie, struct slice key, struct slice value)
{
  struct rehost *x = cookie;
  char buf[JID_MAX];
  struct slice bare = jid_rehost(x->h, value, buf, sizeof buf);
  uint64_t slot;
  bool found;

  if (key.len == 8 && bare.s &&
      archive_owner_number(x->from, value) != archive_unpack(key, 0)) { /* parted */
    x->failed =
      !store_put(x->to->store, x->to->number, key, bare) ||
      !archive_number_put(x->to, x->to->meta, SLICE("owner"), archive_unpack(key, 0) + 1);
    return !x->failed;
  }
  x->failed = key.len != 8 || !bare.s ||
              !archive_slot(x->to, x->to->name, 0, bare, &slot, &found) ||
              (!found && !archive_owner_put(x->to, bare, slot, archive_unpack(key, 0)));
  return !x->failed;
}

/* ---- the whole ---- */

static bool
take_key(struct rehost *x)
{
  char buf[16];

  memcpy(x->to->key, x->from->key, sizeof x->to->key);
  return store_put(x->to->store, x->to->meta, SLICE("key"),
                   archive_pack(buf, 2, x->from->key)) &&
         archive_commit(x->to);
}

static bool
each(struct rehost *x, MDB_dbi t, store_fn *fn)
{
  return store_each(x->from->store, t, SLICE(""), fn, x) && !x->failed;
}

static bool
rehost(struct rehost *x)
{
  return take_key(x) && each(x, x->from->message, on_message) && put_due(x, UINT64_MAX) &&
         archive_commit(x->to) && each(x, x->from->mark, on_mark) &&
         each(x, x->from->source, on_source) && each(x, x->from->prefs, on_prefs) &&
         each(x, x->from->number, on_owner) &&
         (!x->from->has_imported || each(x, x->from->imported, on_imported)) &&
         (x->to->last = x->from->last > x->to->last ? x->from->last : x->to->last,
          archive_commit(x->to));
}

static bool
rewrite(struct rehost *x, char const *from, char const *to)
{
  bool ok;
  int e;

  x->from = archive_open(from, false, 0);
  x->to = x->from ? archive_open(to, true, 0) : NULL;
  ok = x->to && rehost(x);
  e = errno;
  archive_close(x->from);
  archive_close(x->to);
  stralloc_free(&x->text);
  errno = e;
  return ok;
}

bool
archive_rehost(char const *from, char const *to, struct jid_hosts const *h,
               uint64_t *messages)
{
  struct rehost x = {.h = h, .messages = messages, .text = STRALLOC_ZERO};

  return rewrite(&x, from, to);
}

bool
archive_is_imported(struct archive *a, uint64_t owner, char const digest[ARCHIVE_DIGEST])
{
  char key[8 + ARCHIVE_DIGEST];
  struct slice v;

  errno = ENOENT;
  if (!a->has_imported) return false;
  archive_pack(key, 1, &owner);
  memcpy(key + 8, digest, ARCHIVE_DIGEST);
  return store_get(a->store, a->imported, slice_of(key, sizeof key), &v);
}

bool
archive_merge(char const *from, char const *to, archive_import_fn *next, void *cookie,
              uint64_t *messages)
{
  struct jid_hosts const none = {SLICE(" "), SLICE(" ")}; /* no address has this host */
  struct rehost x = {.h = &none,
                     .messages = messages,
                     .text = STRALLOC_ZERO,
                     .next = next,
                     .cookie = cookie};
  bool ok;

  x.is_due = next(cookie, &x.due);
  if (from) return rewrite(&x, from, to);
  x.to = archive_open(to, true, 0);
  ok = x.to && put_due(&x, UINT64_MAX) && archive_commit(x.to);
  archive_close(x.to);
  return ok;
}
