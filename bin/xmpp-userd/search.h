/* Private to the files of XEP-0055 of xmpp-userd. */
#ifndef USERD_SEARCH_H
#define USERD_SEARCH_H

#include "profile.h"

#include "form/form.h"

#define NS_SEARCH "jabber:iq:search"

/* The columns: the account's name, then those of enum profile_field. Fields of the namespace
 * itself are strictly limited (s3); the others are in forms only. */
#define COLUMN_USER PROFILE_FIELDS_N
#define COLUMNS_N (PROFILE_FIELDS_N + 1)

extern struct form_field const search_fields[COLUMNS_N];
bool search_is_plain(size_t column);

/* A search: the values of columns, empty when the column may have any; the host whose accounts
 * are searched. any: some column is given; all: none need be. form: the answer is a form. */
struct search_wanted {
  struct slice host, column[COLUMNS_N];
  bool any, all, form;
};

/* Answer the request in with whom w finds (xep0055_found.c). */
enum verdict found_answer(struct handle_ctx *ctx, struct stanza const *in,
                          struct search_wanted const *w, stralloc *out);

/* Say whether the request st, of which from and id are read, is a search that is under way. */
bool found_is_due(struct stanza const *st);

#endif
