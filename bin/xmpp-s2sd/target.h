/* Targets: the places where a domain takes streams. */
#ifndef S2SD_TARGET_H
#define S2SD_TARGET_H

#include "verdict.h"

/* A target, as dnsd says it. signed_name: the DNS has signed that the domain goes there, and says no
 * key, so that the name is one of the domain's (RFC 7673 s4.1). ee: a TLSA row names the key. */
struct target {
  char *line; /* HOW PORT NAME ADDRESSES TLSA */
  char *name;
  bool tls, signed_name, ee;
};

/* Read the record target into *t, which is zero; wipe it in any case. false: ENOMEM. */
bool target_read(struct target *t, struct record *r);
void target_wipe(struct target *t);

/* Put the n targets at t as the next field of a record for tlsd. */
void targets_put(struct link *front, struct target const *t, unsigned int n);

/* Give the verdict on a domain without targets, for the reason that the record resolved gives. */
struct verdict target_none(struct slice why);

/* The name of a domain in the handshake of TLS; empty for an address. */
struct slice target_sni(struct arena *a, struct slice domain);

void target_snapshot(struct snapshot *k, struct target *t);

#endif
