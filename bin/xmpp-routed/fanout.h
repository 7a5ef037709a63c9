/* Fan-out: the same stanza to several addresses. */
#ifndef ROUTED_FANOUT_H
#define ROUTED_FANOUT_H

#include "passing.h"

/* Deliver p to each address in its to, one a line; its XML has none. checked: pass over
 * addresses that a block list keeps from it. */
void fanout_stanza(struct passing *p, bool checked);

#endif
