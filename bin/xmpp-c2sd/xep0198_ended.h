/* Memory of sessions that are over. */
#ifndef C2SD_XEP0198_ENDED_H
#define C2SD_XEP0198_ENDED_H

#include "c2sd.h"

/* ended_note notes how many stanzas of the session, which is over, were handled; ended_find finds
 * that number by the session's token. */
void ended_note(struct stream const *s);
bool ended_find(struct slice token, struct host const *host, char const *bare,
                uint32_t *h);

#endif
