/* Addresses that are shut out, as authd says. The fronts refuse their connections; a client that came
 * before, or through a proxy that the front does not know, is refused here. */
#ifndef C2SD_BANS_H
#define C2SD_BANS_H

#include "c2sd.h"
#include "stream.h"

/* bans_on_ban takes the record ban of authd and passes it to all fronts; bans_announce tells a
 * front whose link came up of all bans. */
void bans_on_ban(struct link *l, struct record *r);
void bans_announce(struct link *front);

/* bans_has says whether the address of the client is shut out; bans_end also marks the stream to
 * end if it is. */
bool bans_has(struct stream const *s);
bool bans_end(struct stream *s);

void bans_snapshot(struct snapshot *k);

#endif
