/* Private to xmpp-ctl: what is stored of an account as a document of XEP-0227. */
#ifndef EXPORT_H
#define EXPORT_H

#include "move.h"

struct export
{
  FILE *out;
  struct slice bare, local;
  uint64_t number;
  stralloc text; /* of the element that is written next */
};

/* Write text that has been put together, and begin anew. Exits when that fails. */
void export_flush(struct export *x);

/* Append a stanza whose default namespace is that of clients, with its declaration. */
bool export_cat_stanza(stralloc *out, struct slice xml);

/* Write the parts of an account (export_people.c, export_nodes.c, export_messages.c). */
void export_roster(struct export *x);
void export_profile(struct export *x);
void export_blocked(struct export *x);
void export_nodes(struct export *x);
void export_waiting(struct export *x);
void export_archive(struct export *x);

#endif
