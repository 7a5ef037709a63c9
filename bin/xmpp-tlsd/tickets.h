/* Keys of TLS tickets, the same in all instances of xmpp-tlsd: tickets.c. */
#ifndef TICKETS_H
#define TICKETS_H

#include "tlsd.h"

/* Have the keys of the file path from now on; NULL: keys of our own. Once. */
void tickets_start(char const *path);

/* Have sessions of this context carried by tickets under these keys. false: OpenSSL failed. */
bool tickets_set(SSL_CTX *ctx);

/* Make no more keys: SIGTERM has come. */
void tickets_stop(void);

#endif
