#include "move.h"

#include "convert/convert.h"

#include <skalibs/stralloc.h>

#include <openssl/evp.h>

#include <errno.h>

/* The vCard and private XML of an account that has none here yet; what is here stays, unless it is to be
 * replaced. */

static stralloc text = STRALLOC_ZERO;

/* The SHA-1 of the picture (XEP-0153); empty: there is none. */
static struct slice
hash_photo(struct arena *a, struct xml_node const *card, char buf[PROFILE_HASH])
{
  struct xml_node const *e = xml_child(card, NS_VCARD, "PHOTO");
  struct slice base64;
  char *bytes;
  size_t len;

  if (e) e = xml_child(e, NS_VCARD, "BINVAL");
  if (!e) return SLICE("");
  base64 = xml_text(a, e);
  bytes = base64.s ? arena_alloc(a, base64.len + 1) : NULL;
  if (!bytes) move_fail("copy a picture");
  if (!avatar_decode(base64, bytes, &len) || !len ||
      !EVP_Digest(bytes, len, (unsigned char *)buf, NULL, EVP_sha1(), NULL))
    return SLICE("");
  return slice_of(buf, PROFILE_HASH);
}

void
move_vcard(struct arena *a, struct xml_node const *e)
{
  struct profile_card card;
  char buf[PROFILE_HASH];
  struct slice here;
  bool has = profile_vcard_get(move.profile, mover.number, &here, NULL) && here.len;

  if (has && !move.replaces_data) return;
  text.len = 0;
  if (!xml_cat_tree(&text, e, NS_CLIENT)) move_fail("copy a vCard");
  if (has && slice_eq(here, slice_of(text.s, text.len))) return;
  if (text.len > PROFILE_VCARD_MAX) {
    move_refuse("vCard", "it is too large");
    return;
  }
  profile_card_read(a, mover.bare, e, &card);
  if (!profile_vcard_put(move.profile, mover.number, slice_of(text.s, text.len),
                         hash_photo(a, e, buf), &card))
    move_fail("write a vCard");
  move.items++;
  move_step();
}

static void
take_piece(struct xml_node const *query, struct xml_node const *c)
{
  struct xml_node const *d;
  struct slice here;
  unsigned int n;
  size_t bytes;
  bool has = profile_private_get(move.profile, mover.number, c->ns, c->name, &here);

  if (has && !move.replaces_data) return;
  text.len = 0;
  for (d = c; d; d = xml_next(query, d))
    if (slice_eq(d->name, c->name) && slice_eq(d->ns, c->ns) &&
        !xml_cat_tree(&text, d, NS_CLIENT))
      move_fail("copy private XML");
  if (has && slice_eq(here, slice_of(text.s, text.len))) return;
  if (!profile_private_size(move.profile, mover.number, &n, &bytes))
    move_fail("read private XML");
  if (!c->ns.len || text.len > PROFILE_PRIVATE_MAX || n >= PROFILE_PRIVATE_ELEMENTS_MAX ||
      bytes + text.len > ACCOUNT_PRIVATE_BYTES ||
      c->ns.len + c->name.len > PROFILE_PRIVATE_NAME_MAX) {
    move_refuse("private XML", "there is too much, or it has no namespace");
    return;
  }
  if (!profile_private_put(move.profile, mover.number, c->ns, c->name,
                           slice_of(text.s, text.len)))
    move_fail("write private XML");
  move.items++;
  move_step();
}

void
move_private(struct arena *a, struct xml_node const *query)
{
  struct xml_node const *c;

  (void)a;
  for (c = xml_next(query, NULL); c; c = xml_next(query, c))
    take_piece(query, c);
}
