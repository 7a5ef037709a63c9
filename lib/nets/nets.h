/* nets: lists of IP addresses and networks, as settings have them; and the header by which a proxy
 * tells whose connection it passes on. */
#ifndef NETS_H
#define NETS_H

#include "base/base.h"

struct net;

/* All zero is an empty list. */
struct nets {
  struct net *v;
  size_t n;
  bool all;
};

/* Add to list the words of text, with blanks between: ADDRESS, ADDRESS/BITS, or all. false with
 * errno EINVAL (a word is none of these) or ENOMEM. */
bool nets_add(struct nets *list, struct slice text);

/* Say whether an address, as text, is in the list. IPv4 addresses within IPv6 (::ffff:0:0/96) are
 * the IPv4 addresses. What is no address is in no list but one with all. */
bool nets_have(struct nets const *list, struct slice ip);

/* Say whether the list has nothing. */
bool nets_empty(struct nets const *list);

void nets_wipe(struct nets *list);

/* The client of whom a header of the PROXY protocol tells; ip empty: the header leaves the peer as
 * it is. */
struct nets_client {
  char ip[46];
  unsigned int port;
};

/* Read the header, of version 1 or 2, at the beginning of len bytes. Give its length, at most
 * PROXY_HEADER_MAX; 0: it is not whole yet; -1: these bytes are no header, or one that is not
 * taken. */
long nets_proxy(unsigned char const *s, size_t len, struct nets_client *out);

#endif
