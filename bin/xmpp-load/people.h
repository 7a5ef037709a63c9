/* Groups of users of whom the first, the hub, has a subscription to the presence of each other and
 * each of them to its; the nodes that they publish, and the capabilities that they show. */
#ifndef LOAD_PEOPLE_H
#define LOAD_PEOPLE_H

#include "load.h"

#define NS_PUBSUB "http://jabber.org/protocol/pubsub"
#define NS_EVENT "http://jabber.org/protocol/pubsub#event"

/* The size of a group: the hub and opt.contacts others. */
uint64_t people_group(void);
struct client *people_hub(struct client const *c);
bool people_is_hub(struct client const *c);

/* ---- the hub publishes, the others count (audience.c) ---- */

/* A kind of load that uses these has one at the beginning of what it keeps with each client. */
struct audience {
  struct channel channel; /* from the hub; of the hub: to the others */
  uint64_t in_flight;     /* of the hub: deliveries that are under way */
};

/* Begin: each hub publishes opt.window times, or all together opt.rate times a second. publish is
 * called with the text that is to arrive, NUMBER MICROSECONDS. */
void audience_begin(void (*publish)(struct client *hub, char const *text));

/* Such a text has come, to one that is no hub; another text is left alone. */
void audience_arrived(struct client *c, struct slice text);

/* ---- subscriptions and nodes (people.c) ---- */

/* Of a client that is to meet its hub; a kind of load keeps one with each client. */
struct meeting {
  bool is_asked;    /* the subscriptions are made anew */
  bool is_approved; /* the hub's by this client */
  bool is_seen;     /* the hub's presence has come */
  bool is_done;
};

/* Show presence, with the capabilities of a client that wants events of the nodes 1 to wanted (see
 * people_node), and see to the subscriptions. */
void people_meet(struct client *c, unsigned int wanted);

/* Take what concerns the subscriptions. true, once for each client but the hub: both have the
 * other's presence now. */
bool people_met(struct client *c, struct meeting *m, struct xml_node const *e,
                unsigned int wanted);

/* Write the presence of such a client. */
void people_show(struct client *c, unsigned int wanted);

/* Answer disco#info about these capabilities (XEP-0115 s6.2). false: the request is another. */
bool people_answer(struct client *c, struct xml_node const *iq, unsigned int wanted);

/* The name of node n, from 1. */
void people_node(unsigned int n, char text[64]);

/* Publish an item with this id and this payload at the node; to: a service, or NULL for the
 * account's own node. The answer has the id. */
void people_publish(struct client *c, char const *id, char const *to, char const *node,
                    char const *item, char const *payload);

/* The payload of the item of an event of the node; NULL: the message is something else. */
struct xml_node const *people_event(struct xml_node const *message, char const *node);

/* Say whether e refuses the request with this id, and may be asked again: *tries counts, and a server
 * may be too busy with others' first nodes. */
bool people_asks_again(struct xml_node const *e, char const *id, unsigned int *tries);

/* Say whether e is the answer with this id; an error is counted as a failure, and told. */
bool people_is_answer(struct client *c, struct xml_node const *e, char const *id);

#endif
