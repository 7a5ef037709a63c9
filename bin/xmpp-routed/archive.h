/* Keeping messages. */
#ifndef ROUTED_ARCHIVE_H
#define ROUTED_ARCHIVE_H

#include "routed.h"

/* Give p an id if p may be archived, wait, or be kept until a client has it. false: mamd
 * has no room for p, which is to be refused with ERR_RESOURCE_CONSTRAINT. */
bool archive_begin(struct passing *p);

/* Say whether p is certain to be in the archive of account a. */
bool archive_is_sure(struct passing const *p, struct jid const *a);

/* Say whether the archive of account a has p by default. */
bool archive_takes(struct passing const *p, struct jid const *a);

/* Set *out to p as the account is to have it: with its id as stanza-id, if the account has it
 * archived (XEP-0359). out lives until the next call with the same place, 0 or 1. */
void archive_stamp(struct passing const *p, struct slice account, unsigned int place,
                   struct passing *out);

/* Say whether a message of the account is in its archive for sure, and its clients
 * look there: of mod_mam's assume_mam_usage. */
bool archive_is_assumed(struct passing const *p, struct jid const *a);

/* Let p, which no session takes, wait for the account `to`. */
enum wait {
  WAIT_NOT,     /* p may not wait, or there is no mamd */
  WAIT_BEGUN,   /* p waits */
  WAIT_IGNORED, /* p, a chat state and nothing else, neither waits nor is answered */
  WAIT_FULL     /* mamd has no room for p, which is to be refused */
};

enum wait archive_wait(struct passing const *p, struct jid const *to);

/* Return true if archive_wait would have p wait for the account `to`. */
bool archive_could_wait(struct passing const *p, struct jid const *to);

/* Put p into the post of mamd, with the sessions of its outcome, unless p went there to
 * wait. false: the post has no room. */
bool archive_end(struct passing const *p);

/* Take the record newest: mamd tells which id is the newest that is stored, and whether its
 * archive is full. Return true if the archive has become full. */
bool archive_newest(struct record *r);

/* Take the record of mamd that says which messages an account has archived by default. */
void archive_policy(struct link *l, struct record *r);

#endif
