/* convert: data of accounts that clients keep in two forms: bookmarks as one element (XEP-0048)
 * and as an item a room (XEP-0402), pictures in the vCard (XEP-0153) and as nodes (XEP-0084).
 * Nothing here stores or sends. */
#ifndef CONVERT_H
#define CONVERT_H

#include "jid/jid.h"
#include "xml/xml.h"

/* ---- bookmarks (bookmarks.c) ---- */

#define NS_BOOKMARKS "urn:xmpp:bookmarks:1"
#define NS_BOOKMARKS_OLD "storage:bookmarks"

/* The bookmark of a room; texts that are absent are empty. */
struct bookmark {
  struct slice room; /* a prepared bare JID */
  struct slice name, nick, password;
  bool autojoin;
};

/* Read into *out, in arena a, the element conference of the old form; of the new form, which the
 * item id has. false with errno EINVAL: e is no conference, or its address is no room's; or
 * ENOMEM. */
bool bookmark_read_old(struct arena *a, struct xml_node const *e, struct bookmark *out);
bool bookmark_read(struct arena *a, struct slice id, struct xml_node const *e,
                   struct bookmark *out);

/* Say whether the bookmarks a and b have the same room, name, nick, password and autojoin. */
bool bookmark_same(struct bookmark const *a, struct bookmark const *b);

/* Append the bookmark in the old form. false with errno ENOMEM. */
bool bookmark_cat_old(stralloc *out, struct bookmark const *b);

/* Append the bookmark in the new form, with the children of old, the conference that it takes the
 * place of (NULL: there is none), which no field of the bookmark stands for: they are kept by
 * who edits an item (XEP-0402 s3.3). false with errno ENOMEM or EMSGSIZE. */
bool bookmark_cat(stralloc *out, struct bookmark const *b, struct xml_node const *old);

/* ---- pictures (avatar.c, picture.c) ---- */

#define NS_AVATAR_DATA "urn:xmpp:avatar:data"
#define NS_AVATAR_METADATA "urn:xmpp:avatar:metadata"

/* Characters of the id of a picture: its SHA-1 in hexadecimal. */
#define AVATAR_ID 40

/* A picture as the element info says (XEP-0084 s4.2). Numbers that are absent are 0. */
struct avatar_info {
  struct slice id, type;
  uint64_t bytes, width, height;
};

/* Read the element metadata into *out: the first info without an address (XEP-0398 s3.1) whose
 * type is image/png, else the first without one, whose id is AVATAR_ID lower-case hexadecimal
 * digits. false: there is none. */
bool avatar_read(struct xml_node const *metadata, struct avatar_info *out);

/* Append the element metadata; without a picture (info NULL) it is empty (s3.5). */
bool avatar_cat_metadata(stralloc *out, struct avatar_info const *info);

/* Append the element data, with the picture's base64; the element PHOTO of a vCard, without a
 * namespace of its own. */
bool avatar_cat_data(stralloc *out, struct slice base64);
bool avatar_cat_photo(stralloc *out, struct slice type, struct slice base64);

/* Decode base64 (RFC 2045 s6.8), skipping white space (XEP-0153 s4.6), into bytes, which has room
 * for text.len. false: text is no base64. */
bool avatar_decode(struct slice text, char *bytes, size_t *len);

/* Append base64 without white space. false: ENOMEM. */
bool avatar_encode(stralloc *out, struct slice bytes);

/* Write the id of a picture. */
void avatar_id(struct slice bytes, char id[AVATAR_ID]);

/* Find the type and the size of a picture by its first bytes: PNG, JPEG, GIF; of WebP the type
 * alone. false: it is none of these, and *out is unchanged. */
bool avatar_measure(struct slice bytes, struct avatar_info *out);

#endif
