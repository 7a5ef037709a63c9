/* The newest messages that left a room. */
#ifndef MUCD_SENT_H
#define MUCD_SENT_H

#include "mucd.h"

/* Note a message that leaves the room; look for one by the id of an error, and set *us to
 * the time at which it left. An invitation is found by its id and the bare JID of the invited one,
 * and tells the number of the session that sent it. */
enum sent_kind { SENT_UNKNOWN, SENT_TO_ALL, SENT_PRIVATE };

void sent_note(struct room *r, struct slice id, bool private);
void sent_note_invitation(struct room *r, struct slice id, struct slice to,
                          uint32_t session);
bool sent_find_invitation(struct room const *r, struct slice id, struct slice to,
                          uint32_t *session);
enum sent_kind sent_find(struct room const *r, struct slice id, uint64_t *us);
void sent_wipe(struct room *r);

/* Note that a session has left; say whether one of this full JID has, not long ago. */
void sent_note_left(struct room *r, struct slice full);
bool sent_has_left(struct room const *r, struct slice full);

uint32_t sent_hash(struct slice text);

#endif
