/* Words for routing. */
#ifndef C2SD_TAGS_H
#define C2SD_TAGS_H

#include "c2sd.h"

/* Write the words that routing will ask of the stanza to out, and note whether
 * something in the stanza is forged. false: ENOMEM. */
bool tags_make(struct inbound *in, int priority, stralloc *out);

#endif
