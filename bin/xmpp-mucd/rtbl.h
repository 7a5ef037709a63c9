/* Block lists of rooms at other services (mod_muc_rtbl). */
#ifndef MUCD_RTBL_H
#define MUCD_RTBL_H

#include "mucd.h"

/* Open the table; take the lists that the settings name now; ask for all of them anew. */
bool rtbl_open(void);
void rtbl_take(void);
void rtbl_up(void);

/* A turn is lost: count what the store has. */
void rtbl_reload(void);

/* Take a stanza of a list's service. false: the stanza is not of one. */
bool rtbl_in(struct in *in);

/* Say whether the list of the service of rooms has the sender, who has no affiliation in the room.
 * true: the sender got the error. */
bool rtbl_refuses(struct in *in);
void rtbl_snapshot(struct snapshot *k);

/* ---- the table (rtbl_table.c) ---- */

#define RTBL_HASH 32

/* Read the id of an item: a SHA-256 in hex. */
bool rtbl_read_hash(struct slice text, char hash[RTBL_HASH]);
void rtbl_hash(struct slice text, char hash[RTBL_HASH]);

/* Note that the list of the service has the hash, as of now; take it out; say whether it is there. */
void rtbl_put(struct slice service, char const hash[RTBL_HASH], uint64_t now);
void rtbl_del(struct slice service, char const hash[RTBL_HASH]);
bool rtbl_has(struct slice service, char const hash[RTBL_HASH]);

/* Forget what was noted before `since`; all entries of services that `known` does not name. */
void rtbl_forget(struct slice service, uint64_t since);
void rtbl_forget_others(bool (*known)(struct slice service));
size_t rtbl_count(struct slice service);

#endif
