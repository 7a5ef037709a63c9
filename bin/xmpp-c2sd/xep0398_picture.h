/* XEP-0398: the picture of an account in the directed presence of its sessions. */
#ifndef C2SD_XEP0398_PICTURE_H
#define C2SD_XEP0398_PICTURE_H

#include "c2sd.h"
#include "stream.h"

#include "edge/edge.h"

/* Take the hash of a picture from userd, by way of routed. */
void picture_told(struct link *l, struct record *r);

/* Put the hash into st, a stanza of s that is about to be passed on, if it is available presence to
 * somebody in particular. */
void picture_put(struct stream const *s, struct edge_stanza *st);

#endif
