/* The ways in which servers may talk: one table for both directions. */
#ifndef S2SD_POLICY_H
#define S2SD_POLICY_H

#include "settings.h"

/* A stream as the table sees it. in: the peer has connected; out: we have, and out_plain
 * is a peer that does not offer TLS. valid: its certificate is, for the domain that it says. */
enum situation {
  SITUATION_IN_PLAIN,
  SITUATION_IN_VALID,
  SITUATION_IN_INVALID,
  SITUATION_OUT_PLAIN,
  SITUATION_OUT_VALID,
  SITUATION_OUT_INVALID,
  SITUATIONS_N
};

/* The ways that are open, as bits; without any the peer is refused. MARKED: the peer is as sure
 * as the DNS. */
#define MAY_STARTTLS 1u
#define MUST_STARTTLS 2u
#define MAY_EXTERNAL 4u
#define MAY_DIALBACK 8u
#define MARKED 16u

unsigned int policy(enum use_tls tls, bool dialback, enum situation s);

#endif
