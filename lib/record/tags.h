/* The tags of stanzas: one row each. A tag is a word among TAGS that says what routing asks of a
 * stanza, so that no program behind the edge parses it; xmpp-records(7) is made from the table.
 */
#ifndef RECORD_TAGS_H
#define RECORD_TAGS_H

#include "record/programs.h"

/* T(name in code, word, roles that write it, what it says): a word that ends in = has a value. */
/* clang-format off */
#define TAG_TABLE(T)                                                                          \
T(NS, "ns=", ROLE_EDGE | ROLE_SERVICE,                                                                       \
  "The namespace of a request's payload.")                                                    \
T(IP, "ip=", ROLE_EDGE,                                                                       \
  "The address of the client that sends a request for jabber:iq:register.")                   \
T(CLIENT, "client=", ROLE_EDGE,                                                               \
  "A digest of the id of the user agent that sends a request for urn:xmpp:push:0.")           \
T(PRIO, "prio=", ROLE_EDGE,                                                                   \
  "The priority of presence that is not 0.")                                                  \
T(CAPS, "caps=", ROLE_EDGE,                                                                   \
  "The entity capabilities of available presence (XEP-0115): HASH,VER,NODE, each with bytes up to 32, 127, percent and comma as %xx; ? when no hash names them.") \
T(CONTACTS, "contacts", ROLE_EDGE,                                                            \
  "Presence that a session shows its contacts alone while its client is away: the session is as available as before, and who had directed presence hears nothing.") \
T(OUTBOUND, "outbound", ROLE_EDGE,                                                            \
  "Presence about a subscription, as the account of an edge's client sends it.")              \
T(BODY, "body", ROLE_EDGE | ROLE_SERVICE,                                                     \
  "The message has a body.")                                                                  \
T(WAKES, "wakes", ROLE_EDGE | ROLE_SERVICE,                                                   \
  "The message wakes a device though it may have no body: it is encrypted, or an invitation to a room.") \
T(AUTHOR, "author=", ROLE_SERVICE,                                                            \
  "The account that has written the message, which a room sends to all: it wakes no device of that account.") \
T(CALL, "call", ROLE_EDGE,                                                                    \
  "The message or request proposes a call (XEP-0353), or begins one (XEP-0166); no error and no headline does.") \
T(STATE, "state", ROLE_EDGE,                                                                  \
  "The message has a chat state (XEP-0085) and nothing else.")                                \
T(CC, "cc", ROLE_EDGE,                                                                        \
  "The message is eligible for carbons (XEP-0280 s6.1).")                                     \
T(MUC, "muc", ROLE_EDGE | ROLE_SERVICE,                                                                      \
  "The message has the payload of a room (XEP-0045): it is private to one occupant.")         \
T(STORE, "store", ROLE_EDGE | ROLE_SERVICE,                                                   \
  "The message ought to be archived (XEP-0313 s5.1).")                                        \
T(RETRACT, "retract", ROLE_EDGE,                                                              \
  "The message takes an earlier one back (XEP-0424).")                                        \
T(NO_STORE, "no-store", ROLE_EDGE | ROLE_SERVICE,                                                            \
  "A hint of the message: it is neither archived nor waits (XEP-0334).")                      \
T(NO_COPY, "no-copy", ROLE_EDGE,                                                              \
  "A hint of the message: no other session gets a copy (XEP-0334).")                          \
T(PEP, "pep", ROLE_EDGE | ROLE_SERVICE,                                                       \
  "The message is an event of a pubsub service (XEP-0060).")                                  \
T(ITEM, "item=", ROLE_SERVICE,                                                                \
  "The event of a pubsub service tells that one item was published: a hash of its node and id.") \
T(ASKED, "asked", ROLE_EDGE | ROLE_SERVICE,                                                   \
  "The edge asks whether its request will be answered (xmpp-restarts(7)); and the error that says no.") \
T(UNACKED, "unacked", ROLE_EDGE,                                                              \
  "The client of a session has not acknowledged the stanza, which the edge returns.")         \
T(OF, "of=", ROLE_EDGE,                                                                       \
  "With unacked: the number of that session.")                                                \
T(BIND2, "bind2", ROLE_ROUTER,                                                                \
  "A request for the metadata of an archive in the name of a session that is being bound (XEP-0386).") \
T(UNASKED, "unasked", ROLE_ROUTER,                                                             \
  "In the file of copies of xmpp-routed alone: the stanza waits for what xmpp-authd knows of its addressee.") \
T(WAS, "was=", ROLE_ROUTER,                                                                   \
  "An id under which an earlier xmpp-routed gave the message, which waited unasked, to xmpp-mamd.")       \
T(CAME, "came=", ROLE_ROUTER,                                                                 \
  "The ORIGIN of a message that has waited unasked, behind later ones of its source: an earlier xmpp-routed may have given the message to xmpp-mamd at once.") \
T(AGAIN, "again", ROLE_ROUTER,                                                                \
  "A run of the program that was killed may have handled the stanza already.")                \
T(ID, "id=", ROLE_ROUTER,                                                                     \
  "The archive id of the message.")                                                           \
T(LATE, "late=", ROLE_ROUTER,                                                                 \
  "Marks name the message by this number instead of its id, for it is delivered again.")      \
T(GIVEN, "given=", ROLE_ROUTER,                                                               \
  "The numbers of the sessions that the message is given to, with commas between them.")      \
T(KEPT, "kept", ROLE_ROUTER,                                                                  \
  "xmpp-routed has a copy of the stanza, until the session's mark passes it.")                \
T(CARBON, "carbon", ROLE_ROUTER,                                                              \
  "The message is a copy for another device of its sender or recipient (XEP-0280).")          \
T(SENT, "sent", ROLE_ROUTER,                                                                  \
  "With carbon: the account has sent what was copied.")                                       \
T(PAIR, "pair=", ROLE_ROUTER,                                                                 \
  "The number of a stanza for another server: numbers of the same two domains rise, not one by one, and over restarts of xmpp-routed too.") \
T(WAIT, "wait", ROLE_ROUTER,                                                                  \
  "Nobody takes the message: it is to wait in xmpp-mamd.")                                    \
T(OFFLINE, "offline", ROLE_SERVICE,                                                           \
  "The message has waited in xmpp-mamd.")                                                     \
T(OFFER, "offer=", ROLE_SERVICE,                                                              \
  "With offline: the number of that offer, by which marks name it.")                            \
T(MAM, "mam", ROLE_SERVICE,                                                                   \
  "The message is a result of a query of the archive.")                                       \
T(PAGE, "page=", ROLE_SERVICE,                                                                \
  "With mam: the number of that result, by which marks name it.")                             \
T(UNSEEN, "unseen", ROLE_SERVICE,                                                               \
  "A request for a subscription that xmpp-userd gives back: it waits in xmpp-userd, and no session has seen it.") \
T(BEHIND, "behind", ROLE_SERVICE,                                                               \
  "Presence from elsewhere that xmpp-userd gives back: what was said of a subscription before is told first.") \
T(SESSION, "session=", ROLE_ROUTER | ROLE_SERVICE,                                            \
  "The number of the session that the stanza is for, or comes from.")

/* clang-format on */

enum tag {

#define T(code, word, from, text) TAG_##code,
  TAG_TABLE(T)
#undef T
    TAGS_N
};

struct tag_row {
  char const *word;
  unsigned int from; /* roles */
  char const *text;
};

extern struct tag_row const tag_rows[TAGS_N];

/* Give the row of a word, with or without its value; TAGS_N: it is no tag. */
enum tag tag_find(struct slice word);

#endif
