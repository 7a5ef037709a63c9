#include "roster/roster_internal.h"

#include <skalibs/uint16.h>

#include <errno.h>
#include <string.h>

#define LISTED 1
#define APPROVED 2

bool
roster_gives(enum roster_state s)
{
  return s == ROSTER_FROM || s == ROSTER_FROM_OUT || s == ROSTER_BOTH;
}

bool
roster_takes(enum roster_state s)
{
  return s == ROSTER_TO || s == ROSTER_TO_IN || s == ROSTER_BOTH;
}

bool
roster_group(struct slice *rest, struct slice *group)
{
  uint16_t n;

  if (rest->len < 2) return false;
  uint16_unpack_big(rest->s, &n);
  if (rest->len - 2 < n) return false;
  *group = slice_of(rest->s + 2, n);
  *rest = slice_of(rest->s + 2 + n, rest->len - 2 - n);
  return true;
}

bool
roster_cat_group(stralloc *packed, struct slice group)
{
  char n[2];

  uint16_pack_big(n, (uint16_t)group.len);
  return stralloc_catb(packed, n, 2) && stralloc_catb(packed, group.s, group.len);
}

/* false, errno EIO: these bytes are no item. */
static bool
decode(struct slice jid, struct slice v, struct roster_item *out)
{
  struct slice rest = slice_of(v.s + 2, v.len < 2 ? 0 : v.len - 2);

  errno = EIO;
  if (v.len < 2 || (unsigned char)v.s[0] >= ROSTER_STATES_N) return false;
  out->jid = jid;
  out->state = (enum roster_state)v.s[0];
  out->listed = v.s[1] & LISTED;
  out->approved = v.s[1] & APPROVED;
  if (!roster_group(&rest, &out->name)) return false;
  out->groups = rest;
  return true;
}

bool
roster_item_get(struct roster *r, uint64_t account, struct slice contact,
                struct roster_item *out)
{
  char buf[KEY_MAX];
  struct slice v;

  *out = (struct roster_item){.jid = contact, .name = SLICE(""), .groups = SLICE("")};
  return store_get(r->store, r->items, roster_key(buf, account, contact), &v) &&
         decode(contact, v, out);
}

/* Bytes of the tags and attributes' names of an item, of those of a group. */
#define ITEM_MARKUP                                                                      \
  (sizeof "<item jid='' name='' subscription='none' ask='subscribe' approved='true'>"    \
          "</item>" -                                                                    \
   1)
#define GROUP_MARKUP (sizeof "<group></group>" - 1)

/* The most bytes that text becomes when XML escapes it (&quot;) and then a record (\\n). */
static size_t
escaped(struct slice text)
{
  size_t i, n = text.len;

  for (i = 0; i < text.len; i++)
    if ((unsigned char)text.s[i] < ' ' || strchr("&<>'\"", text.s[i]))
      n += 5;
    else if (text.s[i] == '\\')
      n++;
  return n;
}

size_t
roster_item_bytes(struct roster_item const *item)
{
  struct slice rest = item->groups, group;
  size_t n = ITEM_MARKUP + escaped(item->jid) + escaped(item->name);

  while (roster_group(&rest, &group))
    n += GROUP_MARKUP + escaped(group);
  return n;
}

/* Count what becomes of an item in the roster. An item that does not grow is taken also when
 * the roster is over its limits. */
static bool
count(struct roster *r, uint64_t account, struct roster_item const *old,
      struct roster_item const *item)
{
  size_t had = old->listed ? roster_item_bytes(old) : 0;
  size_t has = item->listed ? roster_item_bytes(item) : 0;
  struct roster_counts c;

  if (old->listed == item->listed && had == has) return true;
  if (!roster_counts_measured(r, account, &c)) return false;
  if ((item->listed && !old->listed && c.items >= ROSTER_ITEMS_MAX) ||
      (has > had && c.item_bytes - had + has > ACCOUNT_ROSTER_BYTES)) {
    errno = EDQUOT;
    return false;
  }
  c.items += (uint32_t)item->listed - (uint32_t)old->listed;
  c.item_bytes += (uint32_t)has - (uint32_t)had;
  return roster_counts_put(r, account, &c);
}

/* The value, copied before anything is written: its parts may lie in the map. */
static bool
encode(stralloc *out, struct roster_item const *item)
{
  char head[2] = {(char)item->state,
                  (char)((item->listed ? LISTED : 0) | (item->approved ? APPROVED : 0))};

  out->len = 0;
  return stralloc_catb(out, head, 2) && roster_cat_group(out, item->name) &&
         stralloc_catb(out, item->groups.s, item->groups.len);
}

bool
roster_item_put(struct roster *r, uint64_t account, struct roster_item const *item)
{
  static stralloc value = STRALLOC_ZERO;
  struct slice key;
  struct roster_item old;
  char buf[KEY_MAX];

  if (!encode(&value, item)) return false;
  key = roster_key(buf, account, item->jid);
  if (!key.len) return false;
  if (!roster_item_get(r, account, slice_of(buf + 8, key.len - 8), &old) &&
      errno != ENOENT)
    return false;
  return count(r, account, &old, item) &&
         store_put(r->store, r->items, key, slice_of(value.s, value.len));
}

bool
roster_item_del(struct roster *r, uint64_t account, struct slice contact)
{
  static struct roster_item const none = {.listed = false};
  char buf[KEY_MAX];
  struct slice key = roster_key(buf, account, contact);
  struct roster_item old;

  return roster_item_get(r, account, contact, &old) && count(r, account, &old, &none) &&
         store_del(r->store, r->items, key);
}

struct each {
  uint64_t account;
  roster_item_fn *fn;
  void *cookie;
};

static bool
on_item(void *cookie, struct slice jid, struct slice value)
{
  struct each const *e = cookie;
  struct roster_item item;

  if (!decode(jid, value, &item)) {
    log_event(LOG_WARN, "bad-roster-item", "number", log_num(e->account), "contact",
              log_text(jid), "why", "the stored entry cannot be read", NULL);
    return true;
  }
  return e->fn(e->cookie, &item);
}

bool
roster_item_each(struct roster *r, uint64_t account, roster_item_fn *fn, void *cookie)
{
  struct each e = {account, fn, cookie};

  return roster_each_of(r, r->items, account, on_item, &e);
}
