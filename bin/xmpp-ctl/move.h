/* Private to xmpp-ctl: accounts and all that is stored of them, from other servers and to them
 * (XEP-0227). */
#ifndef MOVE_H
#define MOVE_H

#include "accounts/accounts.h"
#include "archive/archive.h"
#include "jid/jid.h"
#include "keys/keys.h"
#include "profile/profile.h"
#include "pubsub/pubsub.h"
#include "roster/roster.h"
#include "xml/xml.h"

#include <stdio.h>

#define NS_PIE "urn:xmpp:pie:0"
#define NS_PIE_OLD "http://www.xmpp.org/extensions/xep-0227.html#ns"
#define NS_PIE_MAM "urn:xmpp:pie:0#mam"
#define NS_PIE_SCRAM "urn:xmpp:pie:0#scram"
#define NS_INCLUDE "http://www.w3.org/2001/XInclude"
#define NS_CLIENT "jabber:client"
#define NS_ROSTER "jabber:iq:roster"
#define NS_PRIVATE "jabber:iq:private"
#define NS_PRIVACY "jabber:iq:privacy"
#define NS_BLOCKING "urn:xmpp:blocking"
#define NS_VCARD "vcard-temp"
#define NS_MAM "urn:xmpp:mam:2"
#define NS_FORWARD "urn:xmpp:forward:0"
#define NS_DELAY "urn:xmpp:delay"
#define NS_DELAY_OLD "jabber:x:delay"
#define NS_STANZA_ID "urn:xmpp:sid:0"
#define NS_PUBSUB "http://jabber.org/protocol/pubsub"
#define NS_PUBSUB_OWNER NS_PUBSUB "#owner"

/* ---- the stores (move_stores.c) ---- */

struct move {
  char data[512], work[512]; /* STATE/data, and STATE/data.importing */
  struct accounts *accounts;
  struct store *secrets, *users, *nodes, *spool;
  struct keys keys;
  struct roster *roster;
  struct profile *profile;
  struct pubsub *pubsub;
  struct archive *archive; /* NULL: there is none */
  unsigned int iterations; /* of keys of new passwords */
  uint64_t made, there, items, messages, refused;

  /* Options. dry: copies of the stores are written, and thrown away. replaces_keys: an account that there
   * is gets the keys of the document; replaces_data: and its vCard, private XML and items. */
  bool dry, replaces_keys, replaces_data;
};

extern struct move move;

/* Open the stores of the server in ctl.state, which does not run, to be written; or if move.dry copies of
 * them, beside the server or without it. Exits when they cannot be. */
void move_open(void);

/* Open the stores of the server in ctl.state to be read, while the server runs or not. Those that
 * were never written are NULL. */
void move_open_reader(void);

/* Write what has gathered to the disk: an account before anything of it. Exits when that fails. */
void move_commit(void);

/* Print how far the import is, every ten seconds. */
#define MOVE_PROGRESS_S 10
void move_progress(void);

/* Print a line for each host and hash that accounts lack keys for. */
void move_print_lacking(void);

/* Commit after some thousand calls, and print how far the import is. */
void move_step(void);

/* Close all, and give the files to those who own their folders. */
void move_close(void);

/* Exit, having said what cannot be done. */
void move_fail(char const *what) __attribute__((noreturn));

/* ---- the account that is read (move_user.c) ---- */

struct mover {
  bool is_service;         /* no account: nodes of a service (XEP-0060) */
  bool skipped;            /* refused: nothing of it is taken */
  bool is_new, is_settled; /* is_settled: it has its number */
  bool wants_keys;         /* the account has none here, or they are to be replaced */
  bool has_keys;           /* here */
  char bare_text[JID_MAX + 1];
  struct slice bare, host;
  uint64_t number;
  struct scram_keys keys[SCRAM_HASHES];
  bool roster_changed;
};

extern struct mover mover;

/* An account begins, and ends. password: s NULL when there is none. */
void move_user_begin(struct slice host, struct slice name, struct slice password);
void move_user_end(void);

/* Nodes of the service at this domain follow, until the next account. */
void move_service_begin(struct slice domain);

/* Make the account, if that has not been done. false: nothing of it is taken. */
bool move_settle(void);

/* Print a line: this piece of the account was not taken. what names the kind of data. */
void move_refuse(char const *what, char const *why);

/* Take the keys of the element scram-credentials. */
void move_scram(struct arena *a, struct xml_node const *e);

/* ---- data of an account (move_people.c, move_profile.c, move_nodes.c, move_messages.c) ---- */

void move_roster(struct arena *a, struct xml_node const *query);
void move_request(struct arena *a, struct xml_node const *presence);
void move_privacy(struct arena *a, struct xml_node const *query);
void move_blocklist(struct arena *a, struct xml_node const *e);
void move_vcard(struct arena *a, struct xml_node const *e);
void move_private(struct arena *a, struct xml_node const *query);
void move_configure(struct arena *a, struct xml_node const *e);
void move_affiliations(struct arena *a, struct xml_node const *e);
void move_subscriptions(struct arena *a, struct xml_node const *e);
void move_item(struct arena *a, struct slice node, struct xml_node const *item);

/* A message with its time: of the archive, or one that waits. */
void move_result(struct arena *a, struct xml_node *result);
void move_waiting(struct arena *a, struct xml_node *message);

/* Put the messages that were taken into the archive. */
void move_deliver(void);

/* ---- reading (move_read.c) ---- */

/* Read a document of XEP-0227 and those that it includes, from a file, or from in (its name is then
 * path alone for messages). false: it has been said why not. */
bool move_read(char const *path, FILE *in);

/* Print how many elements of each unknown namespace were not taken. */
void move_print_unknown(void);

/* ---- other servers ---- */

/* Write what Prosody keeps in a folder as a document of XEP-0227 (prosody.c). */
bool prosody_write(char const *folder, FILE *out);

#endif
