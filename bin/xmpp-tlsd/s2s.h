/* Options of streams between servers, as xmpp-tlsd's files share them. */
#ifndef S2S_H
#define S2S_H

#include "tlsd.h"

#include <netinet/in.h>

/* Certificates that are trusted, from one file or from the system's folder. */
struct trust {
  struct trust *next;
  char const *path; /* "": the system's */
  X509_STORE *store;
};

/* The options of a scope: a host, or * for all that have none of their own. Texts live as
 * the settings do. */
struct s2s_options {
  struct slice scope;
  char const *ciphers, *dhfile, *cafile; /* NULL: not said */
  uint64_t options;                      /* SSL_OP_* */
  int min_version;
  bool has_protocol;   /* options and min_version are said */
  uint64_t timeout_us; /* for an address; UINT64_MAX: none */
  struct sockaddr_in from4;
  struct sockaddr_in6 from6;
  bool has_from4, has_from6;
  SSL_CTX *client;
};

/* Addresses whose first bits are those of at; IPv4 is mapped to IPv6. */
struct range {
  unsigned char at[16];
  unsigned int bits;
};

struct ranges {
  struct range *v;
  size_t n;
};

struct s2s {
  struct s2s_options *v; /* the first is that of * */
  size_t n;
  struct ranges never, allowed, denied; /* see s2s_denies */
  struct trust *trusts;
  char const *ca_file; /* "": the system's */
  struct settings *settings;
};

/* The options in force; NULL before the first. */
extern struct s2s *s2s_now;

/* Read all options; nothing is in force before s2s_take, which frees the older ones.
 * NULL, having said why (settings_refuse). Without a link to xmpp-s2sd there are no
 * scopes. */
struct s2s *s2s_read(struct settings *st);
void s2s_take(struct s2s *s);
void s2s_free(struct s2s *s);

/* Give the options of the host to which domain belongs: the domain itself or one above
 * it. NULL: there are no scopes. */
struct s2s_options *s2s_of(struct s2s const *s, struct slice domain);

/* Give the certificates that are trusted under options o (NULL: those of *) at a
 * listener with this cafile (NULL: none). NULL, having said why (settings_refuse), when
 * there is no such file. */
X509_STORE *s2s_trust(struct s2s *s, struct s2s_options const *o, char const *cafile);

/* Say whether nobody may be connected to at this address: one of s2s_deny_addresses, or one at
 * which no other machine is, that s2s_allow_addresses does not have. */
bool s2s_denies(struct s2s const *s, struct sockaddr const *sa);

#endif
