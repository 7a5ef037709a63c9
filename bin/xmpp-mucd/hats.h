/* Hats of occupants (XEP-0317). */
#ifndef MUCD_HATS_H
#define MUCD_HATS_H

#include "mucd.h"

/* hats.c (XEP-0317): hats of a room by URI, with title TAB hue; what a bare JID wears, by URI; all that
 * is worn, by bare JID NUL URI. */
#define HATS_MAX 64
#define HATS_WORN_MAX 16
#define HAT_URI_MAX 200
#define HAT_BARE_MAX 256

typedef bool hat_fn(void *cookie, struct slice uri, struct slice value);
bool hats_open(void);
void hats_each(struct room const *r, hat_fn *fn, void *cookie);
void hats_each_of(struct room const *r, struct slice bare, hat_fn *fn, void *cookie);
void hats_each_worn(struct room const *r, hat_fn *fn, void *cookie);

/* The number of hats of the room, or (bare not empty) of what bare wears. */
size_t hats_count(struct room const *r, struct slice bare);
bool hat_get(struct room const *r, struct slice uri, struct slice *value);
void hat_put(struct room *r, struct slice uri, struct slice title, struct slice hue);
void hat_del(struct room *r, struct slice uri);
void hat_wear(struct room *r, struct slice bare, struct slice uri, bool on);

/* Read what the occupant wears. Take all hats of bare off; forget all hats of the room. */
void hats_put_on(struct occupant *o);
void hats_take_off(struct room *r, struct slice bare);
void hats_forget(struct room const *r);

/* A hash of the hats of the room; false: it has none. */
bool hats_hash(struct room const *r, char out[41]);

/* hat_commands.c */
void hats_command(struct in *in, struct xml_node const *e);
void hats_cat_items(struct in *in, stralloc *out);

/* Say whether node is a command of the room, and whether in may run the commands. Write the identity and
 * the features of node, the list of the commands or one of them; false: it is neither, or not for in. */
bool hats_is_command(struct in const *in, struct slice node);
bool hats_may_command(struct in const *in);
bool hats_cat_info(struct in const *in, struct slice node, stralloc *out);

#endif
