/* Private to xmpp-ctl: the data of Prosody as XML. */
#ifndef PROSODY_H
#define PROSODY_H

#include "lua.h"
#include "xml/xml.h"

#include <stdio.h>

/* Append the stanza that a table stands for. head: text behind its name in the start tag; tail: text
 * before its end tag. false: it is none. */
bool prosody_cat_stanza(stralloc *out, struct lua const *t, char const *head,
                        struct slice tail);

/* Read the text of a stanza into the table that stands for it, in arena a. false: the text is no XML. */
bool prosody_read_stanza(struct arena *a, struct slice text, struct lua *out);

/* Say whether the table of an account says that nobody may log in. */
bool prosody_is_disabled(struct lua const *t);

/* Append what a table of a store holds as children of the element user; items of lists come one by one.
 * a: for what is needed meanwhile. false: ENOMEM, or the table is not of such a store. */
typedef bool prosody_fn(stralloc *out, struct arena *a, struct lua const *t);
prosody_fn prosody_account, prosody_roster, prosody_vcard, prosody_private,
  prosody_blocklist, prosody_privacy, prosody_offline, prosody_archive, prosody_pep,
  prosody_item;

/* Append what the table of one node of a service (mod_pubsub) holds. */
prosody_fn prosody_node;
#define PROSODY_NODES_HEAD "<pubsub xmlns='" NS_PUBSUB_OWNER "'>"
#define PROSODY_NODES_TAIL "</pubsub>"
#define PROSODY_ITEMS_TAIL "</items></pubsub>\n"

/* A store of a user but its account. is_list: fn is called for each item. The texts head and tail stand
 * around all of it. */
struct prosody_store {
  char const *name;
  bool is_list;
  prosody_fn *fn;
  char const *head, *tail;
};

extern struct prosody_store const prosody_stores[];
extern unsigned int const prosody_stores_n;

/* ---- the document (prosody_out.c) ---- */

/* All below write to out, from now on. */
void prosody_out(FILE *out);

/* Print a line, and let the import end in failure. where: a file, or the place in a database. */
void prosody_complain(char const *where, char const *why);
bool prosody_has_failed(void);

/* The memory of tables. prosody_forget wipes and empties it: they may hold passwords. */
struct arena *prosody_arena(void);
void prosody_forget(void);

/* Write head and what fn makes of t. false: nothing of it is written, and prosody_complain was called. */
bool prosody_put(char const *where, prosody_fn *fn, struct lua const *t,
                 char const *head);

/* Write text as it is. */
void prosody_put_text(char const *text);

/* Write the start tags of a host, and of a user with the keys or the password of its account, an empty
 * table for none. prosody_put_text ends both. false: as prosody_put. */
void prosody_begin_host(struct slice name);
bool prosody_begin_user(char const *where, struct slice name, struct lua const *account);

/* The start tags around the items of a node; the caller frees them. */
char *prosody_items_head(struct slice node);

/* ---- the readers ---- */

/* Write the users of a database of SQLite: hosts with their users (prosody_sql.c). */
void prosody_write_database(char const *path);

#endif
