#include "pubsub/internal.h"

#include <errno.h>
#include <string.h>

/* Another host in the place of one: of services whose domain ends in the host (pubsub.HOST), of
 * affiliations, subscriptions, creators and publishers, and of names like /home/HOST/USER. Names and
 * payloads that have addresses besides are left as they are. */

struct rehost {
  struct jid_hosts const *hosts;
  stralloc *key, *value; /* room for what comes to be */
};

static bool
cat(stralloc *out, struct slice s)
{
  return !s.len || stralloc_catb(out, s.s, s.len);
}

/* The end of s is the host, and a dot stands in front. */
static bool
is_below_host(struct rehost const *r, struct slice s)
{
  struct slice host = r->hosts->from;

  return s.len > host.len && s.s[s.len - host.len - 1] == '.' &&
         !memcmp(s.s + s.len - host.len, host.s, host.len);
}

static bool
cat_below(struct rehost const *r, stralloc *out, struct slice domain)
{
  return cat(out, slice_of(domain.s, domain.len - r->hosts->from.len)) &&
         cat(out, r->hosts->to);
}

/* The address of a service, which owns /home and /home/HOST, is a domain below the host. */
static bool
cat_address(struct rehost const *r, stralloc *out, struct slice address)
{
  char room[2 * PUBSUB_JID_MAX];
  struct slice moved;

  if (!memchr(address.s, '@', address.len) && is_below_host(r, address))
    return cat_below(r, out, address);
  moved = jid_rehost(r->hosts, address, room, sizeof room);
  return moved.s && moved.len <= PUBSUB_JID_MAX && cat(out, moved);
}

static bool
rehost_domain(struct rehost const *r, struct slice *key, struct slice *value)
{
  (void)value;
  if (!is_below_host(r, *key)) return true;
  if (!cat_below(r, r->key, *key)) return false;
  *key = slice_of(r->key->s, r->key->len);
  return true;
}

#define HOME "/home/"

static bool
cat_name(struct rehost const *r, stralloc *out, struct slice name)
{
  struct slice rest, host = r->hosts->from;
  size_t front = sizeof HOME - 1;

  if (!slice_starts(name, HOME)) return cat(out, name);
  rest = slice_of(name.s + front, name.len - front);
  if (rest.len < host.len || memcmp(rest.s, host.s, host.len) != 0 ||
      (rest.len > host.len && rest.s[host.len] != '/'))
    return cat(out, name);
  if (name.len - host.len + r->hosts->to.len > PUBSUB_NAME_MAX) {
    errno = ENAMETOOLONG;
    return false;
  }
  return cat(out, SLICE(HOME)) && cat(out, r->hosts->to) &&
         cat(out, slice_of(rest.s + host.len, rest.len - host.len));
}

/* OWNER NAME */
static bool
rehost_name(struct rehost const *r, struct slice *key, struct slice *value)
{
  (void)value;
  if (key->len < 8) return pubsub_bad();
  if (!cat(r->key, slice_of(key->s, 8)) ||
      !cat_name(r, r->key, slice_of(key->s + 8, key->len - 8)))
    return false;
  *key = slice_of(r->key->s, r->key->len);
  return true;
}

/* Append a text that fn has appended to, with its length in front. */
static bool
cat_counted(struct rehost const *r, struct slice text,
            bool (*fn)(struct rehost const *, stralloc *, struct slice))
{
  size_t at = r->value->len;
  size_t len;

  if (!pubsub_cat_number(r->value, 2, 0) || !fn(r, r->value, text)) return false;
  len = r->value->len - at - 2;
  r->value->s[at] = (char)(len >> 8);
  r->value->s[at + 1] = (char)len;
  return true;
}

/* 38 bytes, or 46 in version 2, name, creator, fields */
static bool
rehost_node(struct rehost const *r, struct slice *key, struct slice *value)
{
  size_t head = 1 + 1 + 8 + 4 + 8 + 8 + 8;
  struct slice rest = *value, name, creator;

  (void)key;
  if (value->len && value->s[0] == 2) head += 8;
  if (value->len < head) return pubsub_bad();
  rest = slice_of(value->s + head, value->len - head);
  if (!pubsub_text(&rest, &name) || !pubsub_text(&rest, &creator)) return pubsub_bad();
  if (!cat(r->value, slice_of(value->s, head)) || !cat_counted(r, name, cat_name) ||
      !cat_counted(r, creator, cat_address) || !cat(r->value, rest))
    return false;
  *value = slice_of(r->value->s, r->value->len);
  return true;
}

/* 12 bytes, id, publisher, payload */
static bool
rehost_item(struct rehost const *r, struct slice *key, struct slice *value)
{
  size_t head = 8 + 4;
  struct slice rest = *value, id, publisher;

  (void)key;
  if (value->len < head) return pubsub_bad();
  rest = slice_of(value->s + head, value->len - head);
  if (!pubsub_text(&rest, &id) || !pubsub_text(&rest, &publisher)) return pubsub_bad();
  if (!cat(r->value, slice_of(value->s, head)) || !pubsub_cat_text(r->value, id) ||
      !cat_counted(r, publisher, cat_address) || !cat(r->value, rest))
    return false;
  *value = slice_of(r->value->s, r->value->len);
  return true;
}

/* A number and an address; a number alone has how many there are. */
static bool
rehost_person(struct rehost const *r, struct slice *key, struct slice *value)
{
  (void)value;
  if (key->len < 8) return pubsub_bad();
  if (key->len == 8) return true;
  if (!cat(r->key, slice_of(key->s, 8)) ||
      !cat_address(r, r->key, slice_of(key->s + 8, key->len - 8)))
    return false;
  *key = slice_of(r->key->s, r->key->len);
  return true;
}

/* An address, NUL, and OWNER NODE or nothing */
static bool
rehost_byjid(struct rehost const *r, struct slice *key, struct slice *value)
{
  char const *end = memchr(key->s, 0, key->len);
  size_t len = end ? (size_t)(end - key->s) : 0;

  (void)value;
  if (!end || (key->len != len + 17 && key->len != len + 1)) return pubsub_bad();
  if (!cat_address(r, r->key, slice_of(key->s, len)) ||
      !cat(r->key, slice_of(end, key->len - len)))
    return false;
  *key = slice_of(r->key->s, r->key->len);
  return true;
}

static struct {
  char const *table;
  bool (*fn)(struct rehost const *r, struct slice *key, struct slice *value);
} const rules[] = {
  {"services", rehost_domain},
  {"nodes",    rehost_name  },
  {"node",     rehost_node  },
  {"items",    rehost_item  },
  {"ids",      NULL         },
  {"expiry",   NULL         },
  {"affs",     rehost_person},
  {"subs",     rehost_person},
  {"byjid",    rehost_byjid },
  {"moved",    rehost_name  },
  {"owners",   rehost_person},
  {"done",     NULL         },
  {"gone",     NULL         },
  {"meta",     NULL         },
  {"dropped",  NULL         },
  {"leavers",  rehost_person},
};

bool
pubsub_rehost(struct jid_hosts const *hosts, char const *table, struct slice *key,
              struct slice *value, stralloc *key_room, stralloc *value_room)
{
  struct rehost r = {hosts, key_room, value_room};
  size_t i;

  key_room->len = value_room->len = 0;
  for (i = 0; i < sizeof rules / sizeof *rules; i++)
    if (!strcmp(rules[i].table, table))
      return !rules[i].fn || rules[i].fn(&r, key, value);
  errno = ENOTSUP;
  return false;
}
