/* Messages and changes of presence that come too early. */
#ifndef MUCD_HOLDS_H
#define MUCD_HOLDS_H

#include "mucd.h"

/* Hold the message in if it comes too early. */
enum hold {
  HOLD_NOT,  /* in may go to the room now */
  HOLD_HELD, /* in will be handled in its time */
  HOLD_FULL  /* another is held already, or the room holds MUC_HELD_MAX bytes */
};

enum hold holds_take(struct in *in);

#define HOLD_RETRY_US 100000u /* until routed is there */

/* The time from which the session may change its presence, which has n bytes. */
uint64_t presence_due(struct session *s, uint64_t n);

/* Handle now the message that is held of the session; drop it, or in memory alone. */
void holds_flush(struct session *s);
void holds_drop(struct session *s);
void holds_release(struct session *s);
/* Drop the rows of messages that were handled, when DATA/rooms has them. true: there were some. */
bool holds_turn(bool kept);
bool holds_open(void);
void holds_load(void);

#endif
