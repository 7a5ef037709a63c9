/* Words of a client beside its login, for authd (XEP-0388, XEP-0484, XEP-0480). */
#ifndef C2SD_ASKS_H
#define C2SD_ASKS_H

#include "c2sd.h"
#include "stream.h"

#define NS_FAST "urn:xmpp:fast:0"
#define NS_UPGRADE "urn:xmpp:sasl:upgrade:0"

/* The hash of a user-agent's id, in hexadecimal, and its NUL. */
#define AGENT_SIZE 65

/* The children of an element authenticate; NULL: there is none. */
struct asks {
  struct xml_node const *all; /* the element itself */
  struct xml_node const *initial, *agent, *bind, *resume, *fast, *request;
};

/* Read the children of e. false: e has a child twice, or one whose content is not allowed. */
bool asks_read(struct asks *k, struct xml_node const *e);

/* Write the hash of the id of the user-agent. false: the user-agent has no id that is a UUID. */
bool asks_agent(struct asks const *k, char hash[AGENT_SIZE]);

/* Put the fields of the record auth from AGENT on, agent being empty or the hash. */
void asks_put(struct link *authd, struct stream const *s, struct asks const *k,
              struct slice agent);

/* XEP-0484 s3.1: asks_fast_features appends the mechanisms for tokens whose channel binding s has;
 * false: ENOMEM. asks_offers_fast says whether mech is one of them. */
bool asks_fast_features(struct stream const *s, stralloc *out);
bool asks_offers_fast(struct stream const *s, struct slice mech);

#endif
