#include "link/link_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A trace has no passwords, tokens and keys. Some records have them in a field of its own: the passwords of
 * account and verify, the token of success, the token of an invitation, and what a client derives from its
 * password as its task (the task of a server, which names a salt, has another field behind). Elsewhere they
 * are found by what stands around them (veil.c): in stanzas, in the bytes of streams and of web requests,
 * and in the lines of state with which a trace begins. Of requests for jabber:iq:register all text is hidden.
 *
 * A replay takes the stars for what was asked: it refuses a login that had succeeded. It masks its own
 * output too, so that what it makes of its own keys is the same. */

#define ACCOUNT_PASSWORD 3u
#define VERIFY_PASSWORD 4u
#define SUCCESS_DATA 2u
#define SUCCESS_TOKEN 4u
#define REDEEM_TOKEN 4u
#define AUTH_MECHANISM 3u
#define AUTH_INITIAL 4u
#define RESPONSE_DATA 2u
#define BYTES 2u
#define TASK_HASH 2u
#define TASK_ITERATIONS 3u
#define REGISTER_XML 6u
#define STANZA_ID 5u
#define STANZA_TAGS 6u
#define STANZA_XML 8u

/* The field with this number, the verb being 0, with all behind it; s NULL: there is none. */
static struct slice
from_field(struct slice line, unsigned int n)
{
  struct slice word;

  while (n && slice_word(&line, '\t', &word))
    n--;
  return n ? (struct slice){NULL, 0} : line;
}

static struct slice
field(struct slice line, unsigned int n)
{
  struct slice rest = from_field(line, n), f = {"", 0};

  if (rest.s && rest.len && rest.s[rest.len - 1] == '\n') rest.len--;
  if (rest.s) slice_word(&rest, '\t', &f);
  return f;
}

/* ---- streams in pieces ---- */

/* KEY is the name of the link, the way, and the number with d or b in front: a conduit, a web request. */
struct stream {
  struct veil veil;
  size_t len;
  char key[];
};

static struct slice
key_of(void const *item)
{
  struct stream const *x = item;

  return slice_of(x->key, x->len);
}

static struct table streams = {.key = key_of};

static struct slice
make_key(char buf[], size_t size, char const *link, char way, char kind, struct slice id)
{
  int n = snprintf(buf, size, "%s %c%c%.*s", link, way, kind,
                   (int)(id.len < BASE_NUM ? id.len : BASE_NUM), id.s);

  return slice_of(buf, n > 0 && n < (int)size ? (size_t)n : 0);
}

#define KEY_MAX (LINK_NAME_MAX + BASE_NUM + 8)

/* NULL: out of memory. */
static struct veil *
veil_of(char const *link, char way, char kind, struct slice id)
{
  char buf[KEY_MAX];
  struct slice key = make_key(buf, sizeof buf, link, way, kind, id);
  struct stream *x = table_get(&streams, key);

  if (x) return &x->veil;
  x = calloc(1, sizeof *x + key.len);
  if (!x) return NULL;
  x->len = key.len;
  memcpy(x->key, key.s, key.len);
  if (table_put(&streams, x)) return &x->veil;
  free(x);
  return NULL;
}

static void
ended(char const *link, char way, char kind, struct slice id)
{
  char buf[KEY_MAX];

  free(table_del(&streams, make_key(buf, sizeof buf, link, way, kind, id)));
}

static struct stream *
any_of(char const *link)
{
  size_t n = link ? strlen(link) : 0, i;

  for (i = 0; streams.slots && i <= streams.mask; i++) {
    struct stream *x = streams.slots[i].item;
    if (x && (!n || (x->len > n && !memcmp(x->key, link, n) && x->key[n] == ' ')))
      return x;
  }
  return NULL;
}

static void
link_ended(char const *link)
{
  struct stream *x;

  while ((x = any_of(link)))
    free(table_del(&streams, key_of(x)));
}

void
secrets_forget(void)
{
  link_ended(NULL);
  table_wipe(&streams);
}

static void
look_for_ends(char const *link, char way, struct slice line, struct slice verb)
{
  struct slice id = field(line, 1);

  if (slice_is(verb, "close")) {
    ended(link, '<', 'd', id);
    ended(link, '>', 'd', id);
  } else if (slice_is(verb, "ended")) {
    ended(link, way, 'b', id);
  } else if (slice_is(verb, "cancel")) {
    ended(link, '<', 'b', id);
    ended(link, '>', 'b', id);
  } else if (slice_is(verb, "hello") || slice_is(verb, "bye")) {
    link_ended(link);
  }
}

static void
cover_piece(char const *link, char way, struct slice line, struct slice verb, char *s,
            size_t len)
{
  struct veil *v = veil_of(link, way, slice_is(verb, "data") ? 'd' : 'b', field(line, 1));

  if (v) v->is_web = way == '<' && (links.roles & ROLE_WEB);
  if (v)
    veil_cover(v, s, len);
  else
    memset(s, '*', len);
}

void
secrets_began(char const *link, uint64_t id, struct slice bytes)
{
  char num[BASE_NUM], *copy = malloc(bytes.len + 1);
  struct veil *v = copy ? veil_of(link, '<', 'd', num_u64(num, id)) : NULL;

  if (v && bytes.len) {
    memcpy(copy, bytes.s, bytes.len);
    veil_cover(v, copy, bytes.len);
  }
  free(copy);
}

/* ---- SASL ---- */

/* is_secret: a message in which no secret is found is a secret as a whole. */
static void
mask_message(char *s, size_t len, bool is_token, bool is_secret)
{
  struct veil v = {0};

  veil_base64(&v, is_token);
  veil_cover(&v, s, len);
  for (; is_secret && v.nuls && len && *s != '='; s++, len--)
    *s = '*';
}

/* ---- records ---- */

static bool
has_password(struct slice what)
{
  return slice_is(what, "add") || slice_is(what, "passwd") || slice_is(what, "keys");
}

/* The number of the field that is secret as a whole; 0: no field is. */
static unsigned int
secret_field(struct slice line, struct slice verb)
{
  if (slice_is(verb, "verify")) return VERIFY_PASSWORD;
  if (slice_is(verb, "success")) return SUCCESS_TOKEN;
  if (slice_is(verb, "task")) return field(line, TASK_ITERATIONS).len ? 0 : TASK_HASH;
  if (slice_is(verb, "invite"))
    return slice_is(field(line, 1), "redeem") ? REDEEM_TOKEN : 0;
  return slice_is(verb, "account") && has_password(field(line, 1)) ? ACCOUNT_PASSWORD : 0;
}

/* The kind of the XML of a record, by its tags: a request for jabber:iq:register, one for XEP-0357, or a
 * notification of xmpp-pushd. */
static enum veil_hides
hides_of(struct slice line, struct slice verb)
{
  struct slice tags;

  if (slice_is(verb, "register")) return VEIL_ALL;
  if (!slice_is(verb, "stanza")) return VEIL_NOTHING;
  tags = field(line, STANZA_TAGS);
  if (slice_has_word(tags, SLICE("ns=jabber:iq:register"))) return VEIL_ALL;
  if (slice_has_word(tags, SLICE("ns=urn:xmpp:push:0"))) return VEIL_PUSH;
  return slice_has_word(tags, SLICE("ns=http://jabber.org/protocol/pubsub")) &&
             slice_starts(field(line, STANZA_ID), "push-")
           ? VEIL_PUSHED
           : VEIL_NOTHING;
}

/* Mask each field, the XML as the record says. */
static void
mask_fields(char *s, size_t len, struct slice line, struct slice verb)
{
  enum veil_hides hides = hides_of(line, verb);
  unsigned int xml = slice_is(verb, "register") ? REGISTER_XML : STANZA_XML, n;
  char *end = s + len, *tab;

  for (n = 0; s < end; n++, s = tab + 1) {
    struct veil v = {.hides = n == xml ? hides : VEIL_NOTHING};
    tab = memchr(s, '\t', (size_t)(end - s));
    if (!tab) tab = end;
    veil_cover(&v, s, (size_t)(tab - s));
  }
}

static char *
at(char *s, struct slice line, struct slice part)
{
  return s + (part.s - line.s);
}

static void
mask_whole(char *s, struct slice line, struct slice verb)
{
  unsigned int n = secret_field(line, verb);
  struct slice secret = n ? field(line, n) : SLICE(""), data, mechanism;
  struct veil v = {0};
  bool is_token;

  if (secret.len) memset(at(s, line, secret), '*', secret.len);
  if (slice_is(verb, "auth")) {
    data = field(line, AUTH_INITIAL);
    mechanism = field(line, AUTH_MECHANISM);
    is_token = slice_starts(mechanism, "HT-");
    if (data.len)
      mask_message(at(s, line, data), data.len, is_token,
                   is_token || slice_is(mechanism, "PLAIN"));
  } else if (slice_is(verb, "response")) {
    data = field(line, RESPONSE_DATA);
    if (data.len) mask_message(at(s, line, data), data.len, false, false);
  } else if (slice_is(verb, "success")) {
    data = field(line, SUCCESS_DATA);
    veil_answer(&v);
    if (data.len) veil_cover(&v, at(s, line, data), data.len);
  }
}

void
secrets_mask(char const *link, char way, char *s, size_t len)
{
  struct slice line, verb, bytes;

  if (len && s[len - 1] == '\n') len--;
  line = slice_of(s, len);
  verb = field(line, 0);
  if (slice_is(verb, "data") || slice_is(verb, "body")) {
    bytes = field(line, BYTES);
    if (bytes.len) cover_piece(link, way, line, verb, at(s, line, bytes), bytes.len);
    return;
  }
  look_for_ends(link, way, line, verb);
  mask_whole(s, line, verb);
  mask_fields(s, len, line, verb);
}
