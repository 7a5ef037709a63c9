/* Input of clients. */
#ifndef C2SD_INPUT_H
#define C2SD_INPUT_H

#include "c2sd.h"

/* Read bytes of the client, or hold them while s waits. */
void input_take(struct stream *s, struct slice bytes);

/* Read on: the answer for which input was held is here. */
void input_resume(struct stream *s);

#endif
