/* How logins end: a line of the log and a count for each (xmpp-log(7)). */
#ifndef C2SD_LOGINS_H
#define C2SD_LOGINS_H

#include "c2sd.h"
#include "stream.h"

/* Note the mechanism, a text of the client, with which a login begins. */
void login_begins(struct stream *s, struct slice mechanism);

/* Note that the client of s has proven to be its jid. */
void login_succeeded(struct stream *s);

/* Note that the login of s failed. why is a word of the table in logins.c; another counts as
 * "other". jid, which may be empty, is the address that the client meant. A failure for which no
 * secret was tried is logged at debug and not counted as failed: the client may know another
 * mechanism. */
void login_failed(struct stream *s, struct slice jid, struct slice why);

/* Note that the stream ends. A client whose attempts all ended before a secret was tried has failed
 * to log in, for the reason of the last. */
void login_ends(struct stream *s);

/* The counts: for the control record stats, and for a trace. */
void logins_stats(struct link *ctl);
void logins_snapshot(struct snapshot *k);

#endif
