#include "mucd.h"

#include <openssl/evp.h>

#include <string.h>

/* XEP-0054 and XEP-0486: the vCard of a room, and of the service. The photo of a room is told in
 * presence from the room. */

#define VCARD_MAX (256u << 10)

static void
service_vcard(struct in *in)
{
  static stralloc out = STRALLOC_ZERO;

  out.len = 0;
  put(&out, "<vCard xmlns='" NS_VCARD "'>");
  if (in->muc->vcard.len) {
    put_slice(&out, in->muc->vcard);
  } else {
    put(&out, "<FN>");
    put_text(&out, in->muc->title);
    put(&out, "</FN>");
  }
  put(&out, "</vCard>");
  result(in, slice_of(out.s, out.len));
}

void
vcard_read(struct in *in)
{
  struct slice xml;

  if (!in->room) {
    service_vcard(in);
    return;
  }
  if (!may_look(in)) return;
  xml = vcard_get(in->room);
  result(in, xml.len ? xml : SLICE("<vCard xmlns='" NS_VCARD "'/>"));
}

/* XEP-0153 s3.1: SHA-1 of the photo's bytes. */
static void
photo_hash(struct in *in, struct xml_node const *card, char out[41])
{
  static stralloc clean = STRALLOC_ZERO, bytes = STRALLOC_ZERO;
  struct xml_node const *photo = xml_child(card, NS_VCARD, "PHOTO");
  struct xml_node const *b = photo ? xml_child(photo, NS_VCARD, "BINVAL") : NULL;
  struct slice text = b ? xml_text(in->arena, b) : SLICE("");
  unsigned char sum[EVP_MAX_MD_SIZE];
  unsigned int len;
  size_t k, pad = 0;
  int n;

  *out = 0;
  clean.len = bytes.len = 0;
  for (k = 0; k < text.len; k++)
    if (!memchr(" \t\r\n", text.s[k], 4)) put_slice(&clean, slice_of(text.s + k, 1));
  if (!clean.len || clean.len % 4 || !stralloc_ready(&bytes, clean.len)) return;
  while (pad < 2 && clean.s[clean.len - 1 - pad] == '=')
    pad++;
  n = EVP_DecodeBlock((unsigned char *)bytes.s, (unsigned char *)clean.s, (int)clean.len);
  if (n < (int)pad || !EVP_Digest(bytes.s, (size_t)n - pad, sum, &len, EVP_sha1(), NULL))
    return;
  hex_z(out, sum, 20);
}

static void
cat_update(stralloc *xml, struct room const *r)
{
  xml->len = 0;
  put(xml, "<presence");
  put_attr(xml, "from", r->bare);
  put(xml, "><x xmlns='" NS_UPDATE "'><photo>");
  put(xml, r->avatar);
  put(xml, "</photo></x></presence>");
}

void
avatar_send(struct room *r, struct session *to)
{
  static stralloc xml = STRALLOC_ZERO;
  struct envelope e = {r->bare, SLICE("presence"), SLICE(""), SLICE(""), SLICE("")};

  if (to && !*r->avatar) return;
  cat_update(&xml, r);
  if (to)
    send_one(slice_str(to->full), &e, slice_of(xml.s, xml.len));
  else
    broadcast(r, &e, slice_of(xml.s, xml.len));
}

void
vcard_write(struct in *in, struct xml_node const *card)
{
  static stralloc xml = STRALLOC_ZERO;
  char before[41];

  if (!in->admin && affil_of(in->room, &in->from) != AFF_OWNER) {
    refuse(&in->st, ERR_FORBIDDEN, "", "");
    return;
  }
  xml.len = 0;
  put_child(&xml, card);
  if (!xml.len || xml.len > VCARD_MAX) {
    refuse(&in->st, ERR_NOT_ACCEPTABLE, "", "the vCard is too large");
    return;
  }
  if (store_is_full(mucd.store)) {
    refuse(&in->st, ERR_INTERNAL, "wait", "the server has no room on its disk");
    return;
  }
  strcpy(before, in->room->avatar);
  photo_hash(in, card, in->room->avatar);
  vcard_put(in->room, xml_next(card, NULL) ? slice_of(xml.s, xml.len) : SLICE(""));
  room_changed(in->room);
  result(in, SLICE(""));
  room_codes(in->room, "104");
  if (strcmp(before, in->room->avatar) != 0) avatar_send(in->room, NULL);
}
