/* certname: which names the certificates in files have. Only for those who advise or prepare:
 * xmpp-tlsd, which serves them, reads them whole by itself. */
#ifndef CERTNAME_H
#define CERTNAME_H

#include <stdbool.h>

/* Whether a certificate in a file that the pattern matches (shell wildcards, {a,b}) is for
 * host, by its exact name or a wildcard of one label. Files that cannot be read have none. */
bool certname_matches(char const *pattern, char const *host);

#endif
