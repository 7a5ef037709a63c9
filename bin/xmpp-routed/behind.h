/* Presence from elsewhere, behind stanzas about subscriptions. */
#ifndef ROUTED_BEHIND_H
#define ROUTED_BEHIND_H

#include "passing.h"

struct post;

/* Note that the stanza p for the roster of an account of ours has been put into the post of
 * xmpp-userd. Presence from elsewhere stays behind p if p is about a subscription and from
 * elsewhere too. */
void behind_subscription(struct post const *userd, struct passing const *p);

/* Take the presence p for an account of ours if it is to stay behind such a stanza, and return
 * true: p comes back from xmpp-userd with the tag behind. false: p may be delivered. */
bool behind_takes(struct passing const *p);

#endif
