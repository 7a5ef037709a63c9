/* scram: SCRAM (RFC 5802, RFC 7677) as a server does it: deriving what is stored, the grammar
 * of the messages, the check of a proof. OpenSSL hashes; secrets never leave the caller. */
#ifndef SCRAM_H
#define SCRAM_H

#include "base/base.h"

#include <skalibs/stralloc.h>

enum scram_hash { SCRAM_SHA1, SCRAM_SHA256, SCRAM_SHA512, SCRAM_HASHES };

#define SCRAM_KEY_MAX 64
#define SCRAM_SALT_MAX 255
/* The bytes of a new salt. */
#define SCRAM_SALT 16
#define SCRAM_NONCE_MAX 256
/* A message of a client, decoded: room for a name and an authzid of 511 bytes each (accounts have
 * no more) and for a password, or for nonces and a proof. */
#define SCRAM_MESSAGE_MAX 2048
/* A password before it is prepared: the cost of SASLprep grows with it. */
#define SCRAM_PASSWORD_MAX 1023

/* Keys that a server keeps for one account and hash: nothing of them gives the
 * password back. */
struct scram_keys {
  uint32_t iterations;
  unsigned char salt[SCRAM_SALT_MAX];
  size_t salt_len;
  unsigned char stored[SCRAM_KEY_MAX], server[SCRAM_KEY_MAX];
};

/* "SHA-1", "SHA-256", "SHA-512" as mechanism names have them, and the hash's bytes. */
char const *scram_hash_name(enum scram_hash h);
size_t scram_hash_len(enum scram_hash h);

/* HMAC (RFC 2104) of a text under a key of any length; out has room for scram_hash_len(h).
 * false: OpenSSL failed. */
bool scram_hmac(enum scram_hash h, struct slice key, struct slice text,
                unsigned char *out);

/* A key under which many texts get their HMAC, so that what the key costs is paid once. It stays as
 * long as the program. NULL: OpenSSL failed. scram_mac: out has room for scram_hash_len(h). */
struct scram_mac *scram_mac_new(enum scram_hash h, struct slice key);
bool scram_mac(struct scram_mac const *m, struct slice text, unsigned char *out);

/* The hash of a text; out has room for scram_hash_len(h). false: OpenSSL failed. */
bool scram_digest(enum scram_hash h, struct slice text, unsigned char *out);

/* The HMAC by which a side of the mechanism HT-SHA-256 shows that it knows the token (XEP-0484,
 * draft-schmaus-kitten-sasl-ht-09 s3): who is "Initiator" for the client and "Responder" for the
 * server, binding the data of the channel binding, at most 500 bytes, empty for HT-SHA-256-NONE.
 * false: OpenSSL failed, or binding is longer. */
#define SCRAM_HT 32
bool scram_ht(struct slice token, char const *who, struct slice binding,
              unsigned char out[SCRAM_HT]);

/* Prepare a password with SASLprep (RFC 4013) in arena a. s NULL with errno EINVAL (it has
 * what the profile prohibits, is empty, or has more than SCRAM_PASSWORD_MAX bytes) or
 * ENOMEM. */
struct slice scram_password(struct arena *a, struct slice password);

/* Say whether a password is of characters alone that SASLprep takes away. */
bool scram_is_void(struct slice password);

/* Derive the keys of a prepared password; k has iterations and salt already (s3). false:
 * OpenSSL failed. */
bool scram_derive(enum scram_hash h, struct slice password, struct scram_keys *k);

/* Prepare a password and derive its keys for all hashes, each with so many iterations and a
 * random salt of SCRAM_SALT bytes. false with errno EINVAL or ENOMEM, as scram_password, or EIO:
 * OpenSSL failed. */
bool scram_derive_all(struct slice password, uint32_t iterations,
                      struct scram_keys k[SCRAM_HASHES]);

/* Append the keys as text (RFC 5803 has them in another order): for each hash a word NAME ":"
 * ITERATIONS ":" SALT ":" STORED ":" SERVER, the last three in base64, with blanks between.
 * false: ENOMEM. */
bool scram_keys_cat(stralloc *out, struct scram_keys const k[SCRAM_HASHES]);

/* Read a text of scram_keys_cat, which has each hash once, or only some of them: the keys of the
 * others get no iterations. false with errno EINVAL or ENOMEM. */
bool scram_keys_read(struct slice text, struct scram_keys k[SCRAM_HASHES]);

/* Derive the keys from the SaltedPassword of a client (s3), of scram_hash_len(h) bytes; k has
 * iterations and salt already. false: OpenSSL failed. */
bool scram_from_salted(enum scram_hash h, unsigned char const *salted,
                       struct scram_keys *k);

/* Say whether a prepared password has these keys, in constant time. */
bool scram_matches(enum scram_hash h, struct slice password, struct scram_keys const *k);

/* An exchange. All zero, with hash, plus and nonce set, is its beginning. */
struct scram {
  enum scram_hash hash;
  bool plus;            /* the mechanism is -PLUS */
  bool plus_offered;    /* a -PLUS mechanism was offered on this stream */
  struct slice nonce;   /* ours; lives as long as the exchange */
  struct slice offered; /* scram_offered; empty: the client is not told */
  struct arena arena;   /* holds the texts below */
  struct slice user;    /* the client's name, unescaped, not prepared */
  struct slice authzid;
  struct slice binding_type; /* of p=; empty: none */
  struct slice gs2, first_bare, both_nonces, server_first;
};

/* How an exchange fails: the condition of RFC 6120 s6.5. */
enum scram_result {
  SCRAM_OK,
  SCRAM_MALFORMED,      /* malformed-request */
  SCRAM_NOT_AUTHORIZED, /* not-authorized: the proof is not of the password */
  SCRAM_WRONG_NONCE,    /* not-authorized: the nonce is not the one of this exchange */
  SCRAM_WRONG_BINDING, /* not-authorized: the channel binding is not that of this stream */
  SCRAM_UNBOUND, /* not-authorized: the client takes us for a server that has no channel binding */
  SCRAM_NO_MEMORY /* temporary-auth-failure */
};

/* Take the client's first message (decoded): user, authzid and binding_type are set. A client
 * that thinks we have no channel binding, although we offered it, is refused (s6). */
enum scram_result scram_client_first(struct scram *x, struct slice message);

/* Hash what was offered to the client (XEP-0474 s4.1): mechanisms and types of channel bindings, each
 * with blanks between, the second without those with a - in front, of which the client knows
 * nothing, and each perhaps with =DATA behind it. Base64 in arena a; s NULL: ENOMEM, or OpenSSL
 * failed. */
struct slice scram_offered(struct arena *a, enum scram_hash h, struct slice mechanisms,
                           struct slice bindings);

/* Make x->server_first, our answer to the client's first message, for the keys k. */
enum scram_result scram_server_first(struct scram *x, struct scram_keys const *k);

/* Take the client's final message. binding is the data of x->binding_type on this stream.
 * SCRAM_OK: the client knows the password, and *verifier is our last word (in the arena). */
enum scram_result scram_client_final(struct scram *x, struct slice message,
                                     struct scram_keys const *k, struct slice binding,
                                     struct slice *verifier);

/* Wipe and free the exchange. */
void scram_wipe(struct scram *x);

/* Base64 (RFC 4648 s4), strict: in arena a. s NULL with errno EINVAL or ENOMEM. */
struct slice scram_decode(struct arena *a, struct slice base64);
struct slice scram_encode(struct arena *a, struct slice bytes);

#endif
