/* The part of a stream that lives only until the stream is a session. */
#ifndef C2SD_NEGOTIATION_H
#define C2SD_NEGOTIATION_H

#include "stream.h"

/* While BINDING: the id of the iq that asked, and the resource. */
struct bind_wish {
  char *id, *resource;
};

/* While RESUMING: the token and the count that the client gave. */
struct resume_wish {
  char *token;
  uint32_t h;
  bool old_ns;
};

/* Until the client has authenticated (logins.c). */
struct login {
  char *mechanism; /* of the latest attempt; NULL: none */
  char *from;      /* the bare JID of the client's header (XEP-0388 s3.1); NULL: none */
  unsigned char untried; /* row in reasons of an attempt that tried no secret; 0: none */
};

/* The negotiation of a stream (RFC 6120 s4.3). A field that is added is added in negotiation.c
 * too. */
struct negotiation {
  /* The client has to be through by until_us, to which the time of authd and registerd is added. */
  uint64_t until_us;
  uint64_t asked_us; /* when authd or registerd was asked last */
  char *bindings;    /* of TLS, until authenticated */
  struct login login;
  char *register_id; /* while REGISTERING: of the request */
  struct bind_wish bind;
  struct resume_wish resume;
  struct sasl2 *sasl2; /* a login by XEP-0388, up to its success; NULL: none */
  unsigned char failures, untried; /* of SASL; without a secret */
  unsigned char elements;          /* first-level elements before the stream was bound */
  unsigned char registers;         /* requests of registration */
  bool has_captcha;                /* and more time for it (xep0077_register.c) */
};

/* Give s, a new stream, its negotiation. false: ENOMEM. */
bool negotiation_begin(struct stream *s);

/* The client has to be through at at_us. */
void negotiation_until(struct stream *s, uint64_t at_us);

/* Free the negotiation of s, in which no login by XEP-0388 is left (sasl2_end): s is BOUND, AWAY or
 * over. Does nothing when s has none. */
void negotiation_end(struct stream *s);

/* Say whether the client of s is in a login by XEP-0388. */
bool negotiation_is_sasl2(struct stream const *s);

/* For a trace: fields of the record that is open. */
void negotiation_snapshot(struct snapshot *k, struct stream *s);

#endif
