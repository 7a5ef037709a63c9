/* Private to xmpp-userd: nodes of accounts, which xmpp-pubsubd writes, and what is kept of them in
 * another form: bookmarks in private XML, pictures in vCards. */
#ifndef USERD_NODES_H
#define USERD_NODES_H

#include "profile.h"
#include "pubsub/pubsub.h"

/* ---- reading and asking (nodes.c) ---- */

/* Say whether accounts of the host have nodes (mod_pubsub with pep), and the module. */
bool nodes_has(struct slice host, char const *module);

/* The nodes, for reading; NULL: xmpp-pubsubd has not made them yet. End the reading of a turn. */
struct pubsub *nodes_reader(void);
void nodes_turn(void);

/* A request of a client that waits for xmpp-pubsubd, or what userd does by itself: then in has no
 * kind. */
struct node_task;

/* Go on with a task whose publish was done, or has failed: why is a stanza error, its text in
 * the task's arena. A function that does not ask again ends the task (node_done, node_refuse). */
typedef void node_fn(struct node_task *t, enum stanza_error const *why,
                     struct slice text);

struct node_task {
  struct node_task *next, **prev;
  struct arena arena;
  struct stanza in;     /* the request, copied */
  struct slice account; /* a bare JID */
  uint64_t number;
  node_fn *fn;
  unsigned int step; /* for fn */
};

/* Begin a task for the account; in may be NULL. NULL: ENOMEM, or NODE_TASKS_MAX or NODE_TASKS_BYTES
 * are under way. */
struct node_task *node_begin(struct stanza const *in, struct slice account,
                             uint64_t number);

/* Publish the payload to the account's node under an id, in the name of the account. open: a node that is
 * made by it may be read by anybody. fn is called later, or now when it cannot be asked. */
void node_publish(struct node_task *t, char const *node, struct slice id,
                  struct slice payload, bool open, node_fn *fn);

/* Answer the request, and end the task. */
void node_done(struct node_task *t);
void node_refuse(struct node_task *t, enum stanza_error e, struct slice text);

/* Say whether the request of these addresses and this id is a task's. */
bool node_is_due(struct stanza const *in);

/* An iq to HOST/userd. */
void nodes_answer(struct stanza const *st);

/* Tell routed that answers to HOST/userd are for us, and that we watch pictures, if a host needs
 * that. */
void nodes_announce(struct link *routed);
void nodes_snapshot(struct snapshot *k);

/* The payload element of a task's request, in its arena. NULL: ENOMEM. */
struct xml_node const *node_payload(struct node_task *t);

/* ---- bookmarks (xep0411_bookmarks.c) ---- */

/* Append the element storage of the account: the rooms of its node, and what else private XML has.
 * false: ENOMEM, or a store failed. */
bool bookmarks_cat(uint64_t number, stralloc *out);

/* The part of the private element that does not go to the node, appended to out; rooms: the part that
 * does. false: ENOMEM. */
bool bookmarks_split(struct xml_node const *storage, stralloc *rest, stralloc *rooms);

/* Rooms that private XML still has of before are put into the node. */
void bookmarks_merge(struct slice bare);

/* ---- pictures (xep0398_avatar.c) ---- */

/* Append the vCard text with the picture of the account's nodes in place of its own. all: who asks
 * may see any picture; else the one that anybody may see, whose hash this is. false: ENOMEM, or the
 * store failed. */
bool avatar_cat_card(struct arena *a, uint64_t number, struct slice text,
                     struct slice hash, bool all, stralloc *out);

/* Append a vCard without its picture. */
bool avatar_cat_without(stralloc *out, struct xml_node const *card);

/* Publish the picture of a vCard that is set, or that there is none, before the vCard is stored. */
enum verdict avatar_set(struct handle_ctx *ctx, struct stanza const *in, uint64_t number,
                        struct xml_node const *card);

/* The record avatar. */
void avatar_changed(struct link *l, struct record *r);

/* The functions of tasks, for a trace. */
node_fn bookmarks_go_on, bookmarks_merged, avatar_go_on;

#endif
