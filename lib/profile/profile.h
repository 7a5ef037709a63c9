/* profile: what an account keeps about itself: its vCard, its private XML, when it was last
 * there. xmpp-userd writes; whoever may read the folder reads.
 *
 * Environment DATA/users, tables; NUMBER is the account's number, 8 bytes big-endian
 *   vcard    NUMBER -> 1 byte: the length of the hash, 0 or PROFILE_HASH; the hash, SHA-1 of
 *            the picture; the vCard as text
 *   search   NUMBER -> bare JID and NUL; for each of enum profile_field in order, its value
 *            and NUL
 *   private  NUMBER, the element's name, NUL, its namespace -> the elements as text
 *   last     NUMBER -> microseconds since 1970, 8 bytes big-endian; the status as text */
#ifndef PROFILE_H
#define PROFILE_H

#include "store/store.h"
#include "xml/xml.h"

/* A vCard as text: pictures of avatars should be 8 KiB (XEP-0153 s4.6); this is generous. */
#define PROFILE_VCARD_MAX (256u << 10)
/* Bytes of a private element as text, all of one name together, and the number of names
 * of an account; all elements together have ACCOUNT_PRIVATE_BYTES. */
#define PROFILE_PRIVATE_MAX (128u << 10)
#define PROFILE_PRIVATE_ELEMENTS_MAX 64
/* Name and namespace of a private element: LMDB's keys have 511 bytes. */
#define PROFILE_PRIVATE_NAME_MAX 500
/* Limits of a value that can be searched for, and of a status. */
#define PROFILE_FIELD_MAX 255
#define PROFILE_STATUS_MAX 1023
/* The bytes of a SHA-1. */
#define PROFILE_HASH 20

/* Columns of a search. */
enum profile_field {
  PROFILE_FULL,
  PROFILE_GIVEN,
  PROFILE_MIDDLE,
  PROFILE_FAMILY,
  PROFILE_NICK,
  PROFILE_BIRTHDAY,
  PROFILE_COUNTRY,
  PROFILE_CITY,
  PROFILE_EMAIL,
  PROFILE_ORG,
  PROFILE_UNIT,
  PROFILE_FIELDS_N
};

/* An entry of the directory. Absent fields are empty. */
struct profile_card {
  struct slice bare, field[PROFILE_FIELDS_N];
};

/* Read the entry of the directory from a vCard of the account bare, whose texts go to arena a. */
void profile_card_read(struct arena *a, struct slice bare, struct xml_node const *vcard,
                       struct profile_card *card);

struct profile;

/* The tables in store s, which must outlive the handle; its writer makes them. NULL, having
 * logged why. Nothing here commits: that is the store's owner's, once a turn. */
struct profile *profile_open(struct store *s);
void profile_close(struct profile *p);

/* The vCard of an account, and the hash of its picture, PROFILE_HASH bytes or empty; either
 * may be NULL. They live as store_get's value does. false with errno ENOENT or EIO. */
bool profile_vcard_get(struct profile *p, uint64_t number, struct slice *text,
                       struct slice *hash);

/* Set the vCard of an account: text of at most PROFILE_VCARD_MAX bytes; the hash of its
 * picture, PROFILE_HASH bytes or empty; its entry of the directory, whose values are cut to
 * PROFILE_FIELD_MAX. false with errno EIO, ENOMEM, or EINVAL (a length is wrong). */
bool profile_vcard_put(struct profile *p, uint64_t number, struct slice text,
                       struct slice hash, struct profile_card const *card);

/* Set the hash alone: PROFILE_HASH bytes or empty. An account without a vCard has an empty one
 * then. */
bool profile_hash_put(struct profile *p, uint64_t number, struct slice hash);

/* Call fn for each entry of the directory whose number is not below from, in order, until
 * fn gives false. fn may not write. Entries outlive their accounts. false with errno
 * EIO. */
typedef bool profile_cards_fn(void *cookie, uint64_t number,
                              struct profile_card const *card);
bool profile_cards(struct profile *p, uint64_t from, profile_cards_fn *fn, void *cookie);

/* The private elements of this name (XEP-0049), as text; it lives as store_get's value does.
 * false with errno ENOENT or EIO. */
bool profile_private_get(struct profile *p, uint64_t number, struct slice ns,
                         struct slice name, struct slice *text);

/* Set the private elements of this name. Name and namespace have at most PROFILE_PRIVATE_NAME_MAX
 * bytes together, text PROFILE_PRIVATE_MAX. false with errno EIO, or EINVAL (too long). */
bool profile_private_put(struct profile *p, uint64_t number, struct slice ns,
                         struct slice name, struct slice text);

/* Give the number of names of private elements that an account has (PROFILE_PRIVATE_ELEMENTS_MAX +
 * 1 for any more than that), and the bytes of their elements. false with errno EIO. */
bool profile_private_size(struct profile *p, uint64_t number, unsigned int *n,
                          size_t *bytes);

/* Call fn for the elements of each name, as text, until fn gives false. fn may not write. false
 * with errno EIO, or when fn gave false. */
typedef bool profile_private_fn(void *cookie, struct slice text);
bool profile_private_each(struct profile *p, uint64_t number, profile_private_fn *fn,
                          void *cookie);

/* Delete `most` entries of an account at most, and add their number to *done: when it is less than
 * most, nothing is left. */
bool profile_purge(struct profile *p, uint64_t number, unsigned int most,
                   unsigned int *done);

/* Find the first account above the number `after` of which something is stored. false with errno
 * ENOENT: there is none. */
bool profile_next(struct profile *p, uint64_t after, uint64_t *number);

/* Give the time at which the account was last there, microseconds since 1970, and the status that
 * it left, which lives as store_get's value does. false with errno ENOENT or EIO. */
bool profile_last_get(struct profile *p, uint64_t number, uint64_t *us,
                      struct slice *status);

/* Set the time at which the account was last there, and its status, which is cut to
 * PROFILE_STATUS_MAX. false with errno EIO. */
bool profile_last_put(struct profile *p, uint64_t number, uint64_t us,
                      struct slice status);

#endif
