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

/* Say whether the table of an account says that nobody may log in. */
bool prosody_is_disabled(struct lua const *t);

/* Write a file of a store as children of the element user; items of lists come one by one. */
typedef bool prosody_fn(stralloc *out, struct arena *a, struct lua const *t);
prosody_fn prosody_account, prosody_roster, prosody_vcard, prosody_private,
  prosody_blocklist, prosody_privacy, prosody_offline, prosody_archive, prosody_pep,
  prosody_item;

#endif
