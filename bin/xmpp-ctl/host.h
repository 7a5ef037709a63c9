/* Private to xmpp-ctl: parts of host rename. */
#ifndef HOST_H
#define HOST_H

#include "jid/jid.h"

/* Write the store of invitations in folder from anew into folder to, with the other host. false with
 * errno (ENOTSUP: a table that is not known). */
bool host_rename_register(struct jid_hosts const *hosts, char const *from,
                          char const *to);

#endif
