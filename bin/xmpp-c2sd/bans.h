/* Addresses that are shut out, as authd says. The fronts refuse their connections; a client that came
 * before, or through a proxy that the front does not know, is refused here. */
#ifndef C2SD_BANS_H
#define C2SD_BANS_H

#include "c2sd.h"
#include "stream.h"

/* The record ban of authd, which is passed to all fronts; a front's link came up. */
void bans_on_ban(struct link *l, struct record *r);
void bans_announce(struct link *front);

/* Say whether the address of the client is shut out; mark the stream to end if it is. */
bool bans_has(struct stream const *s);
bool bans_end(struct stream *s);

void bans_snapshot(struct snapshot *k);

#endif
