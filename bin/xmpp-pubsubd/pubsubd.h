/* Private to xmpp-pubsubd: nodes, items, who may see them, and who is told. */
#ifndef PUBSUBD_H
#define PUBSUBD_H

#include "access/access.h"
#include "accounts/accounts.h"
#include "form/form.h"
#include "handle/handle.h"
#include "pubsub/pubsub.h"
#include "roster/roster.h"
#include "service/service.h"

#define NS_PUBSUB "http://jabber.org/protocol/pubsub"
#define NS_OWNER "http://jabber.org/protocol/pubsub#owner"
#define NS_EVENT "http://jabber.org/protocol/pubsub#event"
#define NS_ERRORS "http://jabber.org/protocol/pubsub#errors"
#define NS_NODE_CONFIG "http://jabber.org/protocol/pubsub#node_config"
#define NS_META_DATA "http://jabber.org/protocol/pubsub#meta-data"
#define NS_OPTIONS "http://jabber.org/protocol/pubsub#subscribe_options"
#define NS_PUBLISH_OPTIONS "http://jabber.org/protocol/pubsub#publish-options"
#define FORM_AUTHORIZATION "http://jabber.org/protocol/pubsub#subscribe_authorization"
#define NS_RSM "http://jabber.org/protocol/rsm"
#define NS_COMMANDS "http://jabber.org/protocol/commands"
#define NS_DISCO_INFO "http://jabber.org/protocol/disco#info"
#define NS_DISCO_ITEMS "http://jabber.org/protocol/disco#items"

/* ---- open stores, and the settings (settings.c) ---- */

struct pubsubd {
  struct settings const *settings;
  struct access *access;
  struct store *store; /* DATA/pubsub, ours to write */
  struct pubsub *pubsub;
  struct accounts *accounts; /* NULL as long as xmpp-authd has not made any */
  struct store *users;       /* DATA/users, which xmpp-userd writes */
  struct roster *roster;     /* in it; NULL as long as xmpp-userd has not made it */
};

extern struct pubsubd pubsubd;

extern char const *const pubsubd_needs[];
void *pubsubd_read(struct settings *st);
void pubsubd_take(void *fresh, bool first);
void pubsubd_drop(void *fresh);
bool pubsubd_start(void);

/* Open what other programs write, if that is not done yet and can be; end the reads of a turn. */
void pubsubd_readers(void);
void pubsubd_readers_end(void);

/* The number of the account bare; 0: there is none. */
uint64_t pubsubd_number(struct slice bare);

/* Say whether a domain is a host of ours, whose rosters are here. */
bool pubsubd_is_host(struct slice domain);

/* Say whether the host has PEP: mod_pubsub with the plugin pep. */
bool pubsubd_has_pep(struct slice host);

/* The host whose service this domain is; empty when it is no service of ours. */
struct slice pubsubd_service_host(struct slice domain);

/* Call fn for each domain of a service, of this host, until it gives false. */
void pubsubd_each_domain(settings_domain_fn *fn, void *cookie);

/* Make the nodes that services with the plugin hometree have by themselves (homes.c). */
void homes_make(void);

/* Tell routed what is served, handled and shown. */
void pubsubd_announce(struct link *routed);

/* The value of an option of mod_pubsub, and as a number (UINT64_MAX: none, or infinity). */
struct slice pubsubd_option(struct slice host, char const *key);
uint64_t pubsubd_option_u64(struct slice host, char const *key);

/* ---- the configuration of nodes (config.c) ---- */

enum config_field {
  CONFIG_TITLE,
  CONFIG_DESCRIPTION,
  CONFIG_TYPE,
  CONFIG_LANGUAGE,
  CONFIG_CONTACT,
  CONFIG_DATAFORM_XSLT,
  CONFIG_BODY_XSLT,
  CONFIG_ACCESS,
  CONFIG_GROUPS,
  CONFIG_PUBLISH,
  CONFIG_PERSIST,
  CONFIG_MAX_ITEMS,
  CONFIG_FULL,
  CONFIG_EXPIRE,
  CONFIG_MAX_PAYLOAD,
  CONFIG_NOTIFICATIONS,
  CONFIG_PAYLOADS,
  CONFIG_NOTIFY_CONFIG,
  CONFIG_NOTIFY_SUB,
  CONFIG_NOTIFY_DELETE,
  CONFIG_NOTIFY_RETRACT,
  CONFIG_SEND_LAST,
  CONFIG_BY_PRESENCE,
  CONFIG_NOTIFICATION_TYPE,
  CONFIG_ITEMREPLY,
  CONFIG_PURGE_OFFLINE,
  CONFIG_SUBSCRIBE,
  CONFIG_TEMPSUB,
  CONFIG_NODE_TYPE,
  CONFIG_FIELDS_N
};

/* The configuration of a node as text, value by value: a boolean is 0 or 1, a number decimal or the
 * word max, a list has a line for each value. */
struct config {
  struct slice value[CONFIG_FIELDS_N];
};

/* The configuration in force for a node of this name and type: the fields that are set, over the defaults of
 * the type and of the host; under what the host forces. */
void config_of(struct config *c, struct slice host, enum pubsub_type type,
               struct slice name, struct slice fields);

bool config_is(struct config const *c, enum config_field f, char const *word);
bool config_on(struct config const *c, enum config_field f);

/* The most items, bytes of a payload, and seconds until an item expires (0: never), where the cap
 * of the host is in force. */
uint64_t config_max_items(struct config const *c, struct slice host, bool pep);
uint64_t config_max_payload(struct config const *c);
uint64_t config_expire(struct config const *c, struct slice host);

/* Read the submitted form x, and append to set the fields that it has (pubsub_cat_field), over
 * those of `old`. publish_options: the form of XEP-0060 s7.1.5, in which no field is unknown. false:
 * *wrong is words for people, in arena a; is_memory: they are out of memory. */
bool config_read(struct arena *a, struct xml_node const *x, struct slice host, bool pep,
                 struct slice old, bool publish_options, stralloc *set,
                 struct slice *wrong);

/* The name of the first field in set (see config_read) that is not as in c; empty: none is. */
struct slice config_differs(struct config const *c, struct slice set);

/* Append the form with the values of c, its type form or result; groups: those that the roster of
 * the account has, a line each, which are the options of roster_groups_allowed. */
bool config_cat_form(stralloc *out, char const *type, struct config const *c,
                     struct slice groups);

/* Append the form of meta-data (XEP-0060 s5.4). */
bool config_cat_meta(stralloc *out, struct pubsub_node const *n, struct config const *c,
                     unsigned int subscribers, struct slice owners);

/* ---- requests (request.c) ---- */

/* A request to a service, or to an account. self is the address that answers and notifies. */
struct request {
  struct handle_ctx *ctx;
  struct stanza const *in;
  struct xml_node const *e, *action; /* the pubsub element, and what is to be done */
  stralloc *out;
  struct slice host, self;
  bool pep, own;  /* own: the account asks itself */
  uint64_t owner; /* 0: nothing is stored of it yet */
  /* Of an event that tells of one item: its id, and a text for people; empty: there is none. */
  struct slice told, body;
  /* Of the node: */
  struct pubsub_node n;
  struct config c;
  enum pubsub_affiliation aff; /* of the sender */
};

extern struct handle_row const account_rows[], service_rows[];
extern size_t const account_rows_n, service_rows_n;

/* Refuse with the error e and the condition of XEP-0060 s16 (NULL: none), or unsupported with its
 * feature. */
enum verdict refuse(struct request *q, enum stanza_error e, char const *condition);
enum verdict refuse_feature(struct request *q, char const *feature);
enum verdict refuse_text(struct request *q, enum stanza_error e, char const *condition,
                         struct slice text);

/* The store failed, or memory: the error says that it may pass. */
enum verdict refuse_failed(struct request *q);

/* Find the node that the action names, with its configuration, and the sender's affiliation. false:
 * the request is refused. A name that is absent or too long is refused. */
bool find_node(struct request *q);
bool node_name(struct request *q, struct slice *name);

/* Read the configuration of q->n, a node that was just made or read, and the affiliation of the
 * sender. false: the request is refused. */
bool take_node(struct request *q);

/* Fill q, which nobody has sent, for the node of this number; its texts lie in the arena. false: the
 * node is gone, or what has it. */
bool node_request(struct request *q, struct arena *a, uint64_t node);

/* Refuse if the sender is not an owner. */
bool is_owner(struct request *q);

/* The most bytes that an answer has. */
size_t answer_bytes(struct request const *q);

/* The OWNER of the service or account, made when it has none. 0: refused. */
uint64_t owner_of(struct request *q);

/* Read the address that e has in its attribute jid, prepared. false: refused as invalid-jid or
 * jid-required. */
bool jid_of(struct request *q, struct xml_node const *e, struct jid *out);

/* ---- limits (room.c) ---- */

/* Take the limits, of which a test may have put others in place. */
void room_take(struct settings const *st);

uint64_t room_owners_told(void), room_nodes_looked_at(void), room_config_bytes(void);

/* Say whether the sender may make one more node; whether the item `it`, in the place of old (NULL: of
 * none), may be put into q->n, which may be a node that is only about to be made. false: refused. */
bool room_for_node(struct request *q);
bool room_for_item(struct request *q, struct pubsub_item const *it,
                   struct pubsub_item const *old);

/* Say whether q->n may have one more subscription, of an address of this account; one more
 * affiliation. */
bool room_for_sub(struct request *q, struct slice bare);
bool room_for_aff(struct request *q);

/* Say whether an account may have to do with one more node, by its own request or by an owner's. */
bool room_for_node_of(struct request *q, struct slice bare);

/* Say whether n may count for this owner, who is not asked. */
bool room_for_heir(struct pubsub_node const *n, struct slice bare);

/* The items that a turn deletes or looks at for one reason; see PUBSUB_PURGE_STEP. */
unsigned int room_purge_step(void);

/* The bytes of last items that a client gets when it comes, for its subscriptions. */
uint64_t room_last_bytes(void);

/* ---- access (access.c) ---- */

/* The reasons why somebody may not read or subscribe, in the order of XEP-0060 s6.1.3. */
enum entry {
  ACCESS_YES,
  ACCESS_NOT_PRESENCE,
  ACCESS_NOT_IN_GROUP,
  ACCESS_CLOSED,
  ACCESS_NOT_SUBSCRIBED, /* authorize */
  ACCESS_OUTCAST
};

/* Say whether who, whose affiliation is aff, may read the items of n. host is the account or service
 * that has the node. */
enum entry access_to(struct pubsub_node const *n, struct config const *c,
                     struct slice self, struct jid const *who,
                     enum pubsub_affiliation aff);
enum verdict refuse_access(struct request *q, enum entry a);

/* The affiliation of an address: of a PEP node the account is the owner. */
enum pubsub_affiliation affiliation_of(struct pubsub_node const *n, struct slice self,
                                       struct jid const *who);

/* Say whether who may create nodes (access_createnode). */
bool may_create(struct slice host, struct jid const *who);

/* ---- use cases: XEP-0060 s5 to s8 ---- */

typedef enum verdict use_fn(struct request *q);

use_fn publish_items, retract_items;                         /* publish.c */
use_fn get_items;                                            /* items.c */
use_fn create_node, delete_node, purge_node, configure_node; /* nodes.c */
use_fn get_config, get_default, get_default_options;
use_fn subscribe_node, unsubscribe_node, get_options, set_options; /* subscribe.c */
use_fn own_subscriptions, own_affiliations;                        /* people.c */
use_fn get_subscriptions, set_subscriptions, get_affiliations, set_affiliations;

handle_fn disco_info, disco_items, service_card; /* disco.c */

/* A request to a service, whose element e is the action too. */
struct request service_ask(struct handle_ctx *ctx, struct stanza const *in,
                           struct xml_node const *e, stralloc *out);

/* xmpp-hostd asks for a client about an account's nodes: the element info or items, with the
 * attributes for, a JID, node, and stranger (true: the client may not see the account's presence). The
 * answer is a query element, or nothing, when there is no node to tell of but the client may know that
 * the account is there; else service-unavailable. */
use_fn disco_account;

/* The features in disco#info of a service; and those that an account has besides. NULL is behind the
 * last. */
extern char const *const pubsub_features[], *const pep_features[];

/* The type of a service's nodes when nobody says one. */
enum pubsub_type usual_type(struct slice host);

/* Make the node of this name, type and fields for the request, whose sender becomes the owner; q->n
 * and what follows from it are set. false: refused. */
bool make_node(struct request *q, struct slice name, enum pubsub_type type,
               struct slice fields);

/* Say whether the request was answered before, perhaps by a run that was killed, and would have an
 * effect twice. */
bool is_again(struct request const *q);

/* A name of 20 random letters and digits, the same when the request comes again. what tells
 * names of items from names of nodes. s NULL: out of memory, or the store failed. */
struct slice random_name(struct request *q, char what);

/* Delete q->n, with a uri that tells where it went, and the nodes below it; tell all who have
 * subscribed. */
bool remove_node(struct request *q, struct slice uri);

/* Delete the items of q->n that are too many. Those that subscribers are to be told of are
 * retracted by an event; not if they are more than room_purge_step, as after a limit became lower. */
bool evict(struct request *q, bool told);

/* End the subscriptions of addresses that q->n lets in no more (s8.9.2.4), and tell them; bare: only
 * those of this account are looked at. */
bool end_lost_subscriptions(struct request *q, struct slice bare);

/* Append <subscription .../> of an address; node: named too. */
bool cat_subscription(stralloc *out, struct slice node, struct slice jid,
                      struct pubsub_sub const *sub);

/* Say whether the subscription had an end (pubsub#expire) that is behind us: it counts as none. */
bool sub_is_over(struct pubsub_sub const *sub);

/* Tell an address what became of its subscription to q->n (s8.8.4); state unsubscribed: none. */
void tell_subscription(struct request const *q, struct slice jid,
                       struct pubsub_sub const *sub);

/* notify_sub: tell the owners of a new subscriber, or of one that has left. */
void tell_owners(struct request const *q, struct slice jid, struct pubsub_sub const *sub);

/* The word of an affiliation and of a state (s4.1, s4.2); the affiliation of a word, or
 * PUBSUB_AFFILIATIONS_N. */
char const *affiliation_word(enum pubsub_affiliation a);
enum pubsub_affiliation affiliation_find(struct slice word);
char const *state_word(enum pubsub_state s);

/* Ask the owners of q->n, or the one owner of authorize_ask_one, to let an address subscribe
 * (authorize.c, s8.6). authorize_answer takes the answer of an owner. */
void authorize_ask(struct request const *q, struct slice jid,
                   struct pubsub_sub const *sub);
void authorize_ask_one(struct request const *q, struct slice owner, struct slice jid,
                       struct pubsub_sub const *sub);
void authorize_answer(struct stanza const *st);

/* The one command of a service, get-pending (pending.c, s8.7), as disco#items and disco#info
 * show it; the latter inside the query, of the list of commands too. */
handle_fn run_command;
bool is_command(struct slice node);
bool cat_commands(stralloc *out, struct slice self);
bool cat_command_info(stralloc *out, struct slice node);

/* ---- events (events.c) ---- */

/* Tell all who are to have events of n: inside is what stands in the event element. about: 0, or a
 * field of the configuration that must be on. */
void event_send(struct request const *q, struct slice inside, enum config_field about);

/* Tell one address, by a message of the node's type. */
void event_to(struct slice self, struct slice jid, struct config const *c,
              struct slice inside);

/* Send a message of this type, around what is inside, to an address. */
void message_to(struct slice self, struct slice jid, char const *type,
                struct slice inside);

/* An event that came back with an error that is for good, or one of too many, ends the subscription of
 * its address (returned.c). */
void event_returned(struct stanza const *st);
void returned_snapshot(struct snapshot *k);

extern uint64_t events_sent; /* addresses of them */

/* Append the item element of an event or of an answer; its publisher stands there when itemreply says
 * so. */
bool cat_item(stralloc *out, struct config const *c, struct pubsub_item const *it,
              bool payload);

/* Say whether a subscriber may read q->n. */
bool has_access(struct request const *q, struct slice jid);

/* Send the newest item of q->n to an address, with a delay (s6.1.7), and give its bytes. */
size_t send_last(struct request const *q, struct slice jid);

/* Send the newest item of q->n to an address if the node sends it to new subscribers, and the
 * address may read: after a subscription, or when an owner has let in an address that waited
 * (s12.9). */
void send_last_on_sub(struct request const *q, struct slice jid);

/* ---- expired items, deleted nodes, ended accounts (ends.c) ---- */

void ends_start(void);
void ends_ending(struct link *l, struct record *r);
void ends_made(struct link *l, struct record *r);
/* The session of this full address and number has ended: if it had no account (XEP-0175), its
 * subscriptions and affiliations go. */
void ends_of_session(struct slice full, uint64_t number);
void ends_owner_left(void); /* a node has an owner less */
void ends_gone(void);       /* a node was deleted or emptied, or a publisher has gone */
void ends_turn(bool kept);
void ends_snapshot(struct snapshot *k);

/* ---- nodes of services whose creator's account ends (heirs.c) ---- */

/* Where the walk is: the next node of this service is the one behind the name. All zero at its begin. */
struct heirs_place {
  uint64_t owner;
  char name[PUBSUB_NAME_MAX];
  size_t name_len;
};

/* Have some nodes that this account has created count for other owners, or for the service. true: there
 * is none left. */
bool heirs_take(struct slice bare, struct heirs_place *at);

/* ---- commands of the administrator (control.c) ---- */

void control_pubsub(struct link *ctl, struct record *r);

#endif
