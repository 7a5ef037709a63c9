#include "nodes.h"

#include <errno.h>

/* Pictures (XEP-0398): those of vCards are those of the account's nodes (XEP-0084). A vCard is
 * stored without a picture, and given with that of the nodes. A vCard that is set with another one
 * has xmpp-pubsubd publish it; xmpp-pubsubd says which picture anybody may see, whose hash the
 * presence shows. */

#define NS_CLIENT "jabber:client"

/* ---- giving ---- */

static bool
is_photo(struct xml_node const *c)
{
  return xml_is(c, NS_VCARD, "PHOTO");
}

static bool
cat_children(stralloc *out, struct xml_node const *card)
{
  struct xml_node const *c;
  bool ok = true;

  for (c = card ? xml_next(card, NULL) : NULL; c && ok; c = xml_next(card, c))
    if (!is_photo(c)) ok = xml_cat_child(out, c, NS_VCARD, out->len + STANZA_MAX);
  return ok;
}

static bool
cat_card(stralloc *out, struct xml_node const *card, struct slice type,
         struct slice base64)
{
  return xml_cat(out, "<vCard xmlns='" NS_VCARD "'") &&
         (!card || xml_cat_decls(out, card, NS_VCARD, out->len + STANZA_MAX)) &&
         xml_cat(out, ">") && cat_children(out, card) &&
         (!base64.len || avatar_cat_photo(out, type, base64)) && xml_cat(out, "</vCard>");
}

bool
avatar_cat_without(stralloc *out, struct xml_node const *card)
{
  return cat_card(out, card, SLICE(""), SLICE(""));
}

static bool
is_shown(struct slice hash, struct slice id)
{
  static char const hex[] = "0123456789abcdef";
  size_t i;

  if (hash.len * 2 != id.len || !hash.len) return false;
  for (i = 0; i < id.len; i++)
    if (hex[(unsigned char)hash.s[i / 2] >> (i % 2 ? 0 : 4) & 15] != id.s[i])
      return false;
  return true;
}

/* The base64 of a data element, as text in arena a. */
static struct slice
data_text(struct arena *a, struct slice payload)
{
  enum xml_error why;
  struct xml_node const *e = xml_parse(a, payload, "", &why);

  return e ? xml_text(a, e) : SLICE("");
}

bool
avatar_cat_card(struct arena *a, uint64_t number, struct slice text, struct slice hash,
                bool all, stralloc *out)
{
  struct pubsub *p = nodes_reader();
  struct avatar_info info = {.type = SLICE("")};
  struct slice data, base64 = SLICE("");
  struct xml_node const *card;
  enum xml_error why;
  bool made = false;

  if (p && pubsub_avatar(p, a, number, &info, &data, &made) &&
      (all || is_shown(hash, info.id)))
    base64 = data_text(a, data);
  if (!made)
    return stralloc_catb(out, text.s, text.len); /* nobody has nodes of pictures */
  if (!text.len && !base64.len) return true;
  card = text.len ? xml_parse(a, text, NS_CLIENT, &why) : NULL;
  return (card || !text.len) && cat_card(out, card, info.type, base64);
}

/* ---- setting ---- */

/* The picture of a vCard. */
struct picture {
  char id[AVATAR_ID];
  struct avatar_info info; /* without a picture its id is empty */
  struct slice bytes;
};

/* false: the picture is not base64, or ENOMEM. */
static bool
read_picture(struct arena *a, struct xml_node const *card, struct picture *p)
{
  struct xml_node const *photo = xml_child(card, NS_VCARD, "PHOTO"), *e;
  struct slice text;
  char *room;
  size_t len;

  *p = (struct picture){
    .info = {.id = SLICE(""), .type = SLICE("")},
      .bytes = SLICE("")
  };
  e = photo ? xml_child(photo, NS_VCARD, "BINVAL") : NULL;
  text = e ? xml_text(a, e) : SLICE("");
  room = arena_alloc(a, text.len + 1);
  if (!text.s || !room || !avatar_decode(text, room, &len)) return false;
  p->bytes = slice_of(room, len);
  if (!len) return true;
  avatar_id(p->bytes, p->id);
  p->info.bytes = len;
  p->info.type = SLICE("image/png");
  if (!avatar_measure(p->bytes, &p->info) && (e = xml_child(photo, NS_VCARD, "TYPE")))
    p->info.type = xml_text(a, e);
  p->info.id = slice_of(p->id, AVATAR_ID);
  return p->info.type.s != NULL;
}

enum { DATA, METADATA };

static bool
node_is_new(uint64_t number, char const *node)
{
  struct pubsub *p = nodes_reader();
  struct pubsub_node n;

  return !p || (!pubsub_node_find(p, number, slice_str(node), &n) && errno == ENOENT);
}

static void
refuse_memory(struct node_task *t)
{
  node_refuse(t, ERR_RESOURCE_CONSTRAINT, SLICE(""));
}

static void
publish_data(struct node_task *t, struct picture const *p)
{
  stralloc base64 = STRALLOC_ZERO, sa = STRALLOC_ZERO;

  t->step = DATA;
  if (avatar_encode(&base64, p->bytes) &&
      avatar_cat_data(&sa, slice_of(base64.s, base64.len)))
    node_publish(t, NS_AVATAR_DATA, p->info.id, slice_of(sa.s, sa.len),
                 node_is_new(t->number, NS_AVATAR_DATA), avatar_go_on);
  else
    refuse_memory(t);
  stralloc_free(&base64);
  stralloc_free(&sa);
}

/* XEP-0084 s3.5: an empty element says that there is no picture any more; its item has an id all
 * the same. */
static void
publish_metadata(struct node_task *t, struct picture const *p)
{
  stralloc sa = STRALLOC_ZERO;
  bool some = p->info.id.len > 0;

  t->step = METADATA;
  if (avatar_cat_metadata(&sa, some ? &p->info : NULL))
    node_publish(t, NS_AVATAR_METADATA, some ? p->info.id : SLICE("none"),
                 slice_of(sa.s, sa.len), node_is_new(t->number, NS_AVATAR_METADATA),
                 avatar_go_on);
  else
    refuse_memory(t);
  stralloc_free(&sa);
}

/* The picture is where it is to be: store the vCard. */
static void
store_card(struct node_task *t, struct xml_node const *card)
{
  enum stanza_error error = ERR_RESOURCE_CONSTRAINT;
  struct slice say = SLICE("");

  if (xep0054_store(&t->arena, t->account, t->number, card, &error, &say))
    node_done(t);
  else
    node_refuse(t, error, say);
}

void
avatar_go_on(struct node_task *t, enum stanza_error const *why, struct slice text)
{
  struct xml_node const *card = why ? NULL : node_payload(t);
  struct picture p;

  if (why)
    node_refuse(t, *why, text);
  else if (!card || !read_picture(&t->arena, card, &p))
    refuse_memory(t);
  else if (t->step == DATA)
    publish_metadata(t, &p);
  else
    store_card(t, card);
}

/* Say whether the nodes have the picture already, or none when there is none. */
static bool
is_there(struct handle_ctx *ctx, uint64_t number, struct picture const *p)
{
  struct pubsub *nodes = nodes_reader();
  struct avatar_info info;
  struct slice data;
  bool made, found;

  if (!nodes) return !p->info.id.len;
  found = pubsub_avatar(nodes, ctx->arena, number, &info, &data, &made);
  return p->info.id.len ? found && slice_eq(info.id, p->info.id) : !found;
}

enum verdict
avatar_set(struct handle_ctx *ctx, struct stanza const *in, uint64_t number,
           struct xml_node const *card)
{
  struct picture p;
  struct node_task *t;

  if (!read_picture(ctx->arena, card, &p))
    return handle_error(ctx, ERR_BAD_REQUEST, "the picture is not base64");
  if (is_there(ctx, number, &p)) {
    ctx->error = ERR_RESOURCE_CONSTRAINT;
    return xep0054_store(ctx->arena, ctx->account, number, card, &ctx->error, &ctx->text)
             ? DONE
             : REFUSE;
  }
  if (!counter_takes_picture(ctx->account))
    return handle_error(ctx, ERR_POLICY_VIOLATION, "the picture changes too often");
  t = node_begin(in, ctx->account, number);
  if (!t) return handle_error(ctx, ERR_RESOURCE_CONSTRAINT, "");
  if (p.info.id.len)
    publish_data(t, &p);
  else
    publish_metadata(t, &p);
  return LATER;
}

/* ---- the picture that anybody may see ---- */

static int
digit(char c)
{
  return c >= 'a' ? c - 'a' + 10 : c - '0';
}

/* false: id is no hash. */
static bool
read_id(struct slice id, char hash[PROFILE_HASH], size_t *len)
{
  size_t i;

  *len = 0;
  if (!id.len) return true;
  if (id.len != 2 * PROFILE_HASH) return false;
  for (i = 0; i < id.len; i++)
    if (!memchr("0123456789abcdef", id.s[i], 16)) return false;
  for (i = 0; i < PROFILE_HASH; i++)
    hash[i] = (char)(digit(id.s[2 * i]) << 4 | digit(id.s[2 * i + 1]));
  *len = PROFILE_HASH;
  return true;
}

void
avatar_changed(struct link *l, struct record *r)
{
  struct slice bare = record_get(r, 1), old = SLICE("");
  char hash[PROFILE_HASH];
  uint64_t number = userd_number(bare);
  size_t len;

  (void)l;
  if (!number || !read_id(record_get(r, 2), hash, &len) || store_is_full(userd.store))
    return;
  if (!profile_vcard_get(userd.profile, number, NULL, &old)) old = SLICE("");
  if (slice_eq(old, slice_of(hash, len))) return;
  if (!profile_hash_put(userd.profile, number, slice_of(hash, len)))
    userd_failed("store the hash of a picture", bare);
  else if (userd_has(jid_cut(bare).domain, "mod_vcard_xupdate"))
    presence_again(bare);
}
