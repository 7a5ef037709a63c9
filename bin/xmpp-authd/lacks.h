/* Hashes for which some accounts of a host have no keys. */
#ifndef AUTHD_LACKS_H
#define AUTHD_LACKS_H

#include "authd.h"

/* At the end of a turn: offer what follows, and tell xmpp-c2sd if that is something else. all: the
 * hosts are new, and c2sd is told by the caller. */
void lacks_look(bool all);

#endif
