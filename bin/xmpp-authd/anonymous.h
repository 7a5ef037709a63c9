/* Private to xmpp-authd: logins without an account. */
#ifndef AUTHD_ANONYMOUS_H
#define AUTHD_ANONYMOUS_H

#include "authd.h"

/* Give the exchange x, whose client has sent this trace data, an address that nobody has. false: it fails
 * with *condition. */
bool anonymous_name(struct exchange *x, struct slice trace, char const **condition);

#endif
