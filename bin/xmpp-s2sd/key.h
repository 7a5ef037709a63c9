/* Keys of dialback (XEP-0185). */
#ifndef S2SD_KEY_H
#define S2SD_KEY_H

#include "link/snapshot.h"

#define KEY_LEN 64

/* Read the secret from the file in the run directory, or make it; under -p draw it. false: errno
 * of the file. */
bool key_start(void);

/* Write the key of originating towards receiving for the stream id, in hexadecimal. */
void key_make(struct slice receiving, struct slice originating, struct slice id,
              char out[KEY_LEN]);

/* Say whether given is that key; in constant time. */
bool key_is(struct slice given, struct slice receiving, struct slice originating,
            struct slice id);

#endif
