/* Private to xmpp-hostd. */
#ifndef HOSTD_H
#define HOSTD_H

#include "handle/handle.h"
#include "service/service.h"

#define NS_DISCO_INFO "http://jabber.org/protocol/disco#info"
#define NS_DISCO_ITEMS "http://jabber.org/protocol/disco#items"

/* The table of what is answered (handlers.c). */
extern struct handle_row const handlers[];
extern size_t const handlers_n;

/* ---- disco (xep0030_disco.c) ---- */

handle_fn xep0030_info, xep0030_items;

/* What routed tells about the features that services announced. */
void disco_forget(struct link *l, struct record *r);
void disco_feature(struct link *l, struct record *r);
void disco_identity(struct link *l, struct record *r);
void disco_item(struct link *l, struct record *r);

/* Our own share: identities of hosts and accounts. */
void disco_announce(struct link *routed);

/* ---- one file each ---- */

handle_fn xep0199_ping, xep0202_time;

#endif
