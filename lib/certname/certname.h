/* certname: which names certificates have, and when they are valid, for xmpp-tlsd,
 * which serves them, and for those who advise or prepare. Names of our own certificates are
 * compared as text but for the case of ASCII; so a caller asks for a host by its A-labels, which
 * DNS names have, and by its U-labels, which an xmppAddr has. */
#ifndef CERTNAME_H
#define CERTNAME_H

#include "base/base.h"

struct x509_st;
struct stack_st_X509_INFO;

/* The names of one certificate: ASCII in lower case, "*." in front of those of a
 * wildcard. */
struct certname_list {
  char **v;
  size_t n;
};

#define CERTNAME_ZERO                                                                    \
  {                                                                                      \
    NULL, 0                                                                              \
  }

/* Read the certificates and keys of a PEM file. NULL with errno: of opening the file,
 * or EPROTO (not whole PEM, or a key with a passphrase, which nobody is there to
 * type). The caller frees the list, and clears OpenSSL's errors. */
struct stack_st_X509_INFO *certname_pem(char const *path);

/* Read the names of certificate x into *list, which is empty: dNSName, SRV-ID, xmppAddr;
 * without any subjectAltName the common name. false: ENOMEM. Either way the caller calls
 * certname_wipe. */
bool certname_read(struct certname_list *list, struct x509_st *x);
void certname_wipe(struct certname_list *list);

/* Say whether name is one of list; whether a wildcard of one label in list covers name
 * (RFC 6125 s6.4.3). */
bool certname_has(struct certname_list const *list, struct slice name);
bool certname_covers(struct certname_list const *list, struct slice name);

/* ---- validity (span.c) ---- */

/* The seconds since 1970 from which, and before which, a certificate is valid. */
struct certname_span {
  int64_t from, until;
};

struct certname_span certname_span(struct x509_st const *x);

/* A certificate that has fewer days left is to be renewed; is to be renewed at once. */
#define CERTNAME_RENEW_DAYS 21
#define CERTNAME_URGENT_DAYS 7

/* In the order of the ones that serve best. */
enum certname_age {
  CERTNAME_VALID,
  CERTNAME_RENEW,
  CERTNAME_URGENT,
  CERTNAME_EARLY,
  CERTNAME_EXPIRED
};

enum certname_age certname_age(struct certname_span const *s, int64_t now);

/* Give the whole days that are left; -1: expired less than a day ago. */
int64_t certname_days(struct certname_span const *s, int64_t now);

/* Write how a certificate stands at the second now, as the end of a sentence: "expires
 * in 5 days, on 2026-12-03: renew it now". Gives buf. */
#define CERTNAME_SAID 128
char const *certname_say(char buf[CERTNAME_SAID], struct certname_span const *s,
                         int64_t now);

/* Prepare a domain in arena a, as jid_prep_domain does, which is in an area of its own. s NULL: text is
 * no domain, or ENOMEM. */
typedef struct slice certname_prep_fn(struct arena *a, struct slice text);

/* xmppAddr of one certificate that are prepared, for preparing costs. */
#define CERTNAME_PREPARED 32u

/* Say whether a certificate with these names is one of domain, which is prepared; ascii is the
 * domain in A-labels. names are words with blanks between: dns:NAME and srv:NAME, which may begin
 * with the label *, xmpp:DOMAIN, and ip:ADDRESS, which only a domain that is an address asks for.
 * In a word a byte up to 0x20, 0x7f or % stands as %xx. An xmppAddr need not be prepared: the first
 * CERTNAME_PREPARED that are not the domain as they stand are prepared by prep, in arena a
 * (RFC 6120 s13.7.1.4, RFC 7622 s3.2). */
bool certname_identifies(struct arena *a, certname_prep_fn *prep, struct slice names,
                         struct slice domain, struct slice ascii);

/* Say whether one of the files that pattern matches (shell wildcards, {a,b}) has a
 * certificate for host, by its exact name or a wildcard; ascii is the host in A-labels,
 * or empty. Files that cannot be read have no certificate. */
bool certname_matches(char const *pattern, struct slice host, struct slice ascii);

#endif
