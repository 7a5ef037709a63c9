/* Bytes that streams keep for their clients. */
#ifndef C2SD_KEPT_H
#define C2SD_KEPT_H

#include "c2sd.h"

/* Count anew the memory of s: of input that waits, output that waits, stanzas that are not
 * acknowledged or wait for an inactive client, of the presence that it shows and of addresses with directed
 * presence. */
void kept_count(struct stream *s);

/* Take s, which is freed, out of the count. */
void kept_forget(struct stream *s);

/* While the streams keep more than kept_max, mark the one that keeps most to end and settle it. */
void kept_turn(void);
uint64_t kept_bytes(void);

#endif
