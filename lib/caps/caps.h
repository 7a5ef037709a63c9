/* caps: the capabilities of other entities (XEP-0115): the tag that an edge makes of them, the
 * check of an answer against the hash that was shown, and the nodes whose events a client wants
 * (XEP-0163 s4.2.1: features NODE+notify). */
#ifndef CAPS_H
#define CAPS_H

#include "xml/xml.h"

/* Nodes that one client may want, and the bytes of one. */
#define CAPS_NAMES_MAX 128
#define CAPS_NAME_MAX 480
/* Bytes of an answer to disco#info that are read. */
#define CAPS_ANSWER_MAX 65536
/* Bytes of the longest digest, SHA-512. */
#define CAPS_DIGEST_MAX 64

/* The value of the tag caps. hash is empty when no hash names the capabilities. */
struct caps_tag {
  struct slice hash, ver, node;
};

/* Read text, the value of the tag caps, into *out, whose slices lie in arena a. A text that is no
 * such value is read as the tag of capabilities without a hash. false: ENOMEM. */
bool caps_tag_read(struct arena *a, struct slice text, struct caps_tag *out);

/* A hash that names capabilities: the number of its algorithm (1 SHA-1, 2 SHA-256, 3 SHA-512),
 * and its len bytes. */
struct caps_digest {
  unsigned char algorithm, bytes[CAPS_DIGEST_MAX];
  size_t len;
};

/* Decode the hash of tag. false: tag has none, or ver is no base64 (RFC 4648 s4) of a digest of
 * that algorithm, so that no answer ever fits. */
bool caps_tag_digest(struct caps_tag const *tag, struct caps_digest *out);

/* Nodes that a client wants, without +notify: sorted by octets, each once. */
struct caps_names {
  struct slice name[CAPS_NAMES_MAX];
  size_t n;
};

/* CAPS_BAD: the answer is ill-formed (s5.4), or its hash is another one. */
enum caps_verdict { CAPS_GOOD, CAPS_BAD, CAPS_NO_MEMORY };

/* Check query, the payload of an answer to disco#info, against digest (NULL: the capabilities
 * have no hash, and the answer only has to be well-formed), and read the wanted nodes into *out,
 * whose slices lie in arena a. The names are read from the string that is hashed (s5.1), not
 * from the features: an answer that has the right hash, but moves a feature into a form, says the
 * same. */
enum caps_verdict caps_read(struct arena *a, struct xml_node const *query,
                            struct caps_digest const *digest, struct caps_names *out);

/* Say whether name is among the names; compare two texts by octets. */
bool caps_has(struct caps_names const *names, struct slice name);
int caps_compare(struct slice a, struct slice b);

#endif
