/* ban: addresses and networks that are shut out until a moment. xmpp-authd decides; the programs
 * that take connections and logins of clients keep the same list. */
#ifndef BAN_H
#define BAN_H

#include "base/base.h"

struct link;
struct snapshot;

/* ADDRESS/BITS and NUL. */
#define BAN_TEXT 64

struct ban {
  struct ban *next, **at;
  uint64_t until_s; /* the second since 1970 when it ends */
  unsigned char bytes[16];
  unsigned char bits; /* of bytes, in which an IPv4 address is ::ffff:a.b.c.d */
  char text[BAN_TEXT];
};

/* All zero but by_text.key is an empty list (BANS_ZERO). */
struct bans {
  struct table by_text; /* of what one client has: an IPv4 address, or 64 bits of IPv6 */
  struct ban *first, *networks; /* of by_text, newest first; all others */
  size_t n, networks_n;
};

struct slice ban_key(void const *item);

#define BANS_ZERO                                                                        \
  {                                                                                      \
    .by_text = {.key = ban_key }                                                         \
  }

/* Write what an address or ADDRESS/BITS means: without BITS an IPv4 address alone, and of an IPv6
 * address the 64 bits that one site has (RFC 6177). false: it is none. */
bool ban_name(struct slice text, char out[BAN_TEXT]);

/* Shut text out (as ban_name takes it) until a second since 1970; 0: no longer. What has ended by
 * now_s makes room. false with errno EINVAL (no address), ENOMEM, or EDQUOT: BANS_MAX addresses or
 * BAN_NETWORKS_MAX networks are. */
bool ban_put(struct bans *b, struct slice text, uint64_t until_s, uint64_t now_s);

/* The second until which the address ip is shut out; 0: it is not. */
uint64_t ban_until(struct bans const *b, struct slice ip, uint64_t now_s);

/* The ban behind x (NULL: the first) that has not ended; NULL: no more. */
struct ban const *ban_next(struct bans const *b, struct ban const *x, uint64_t now_s);

void ban_wipe(struct bans *b);

/* ---- programs that tell others (tell.c) ---- */

/* Send the record ban to each neighbour that is up and has one of these roles. */
void ban_tell(unsigned int roles, char const *text, uint64_t until_s);

/* Send l, whose link came up, the record ban of all that have not ended by now_s. */
void ban_announce(struct bans const *b, struct link *l, uint64_t now_s);

/* Write the list to a trace, or add what the trace has to it. */
void ban_snapshot(struct snapshot *k, struct bans *b);

/* Say whether ip is a loopback address, or no address: clients of many people may share it. */
bool ban_is_shared(struct slice ip);

#endif
