/* Stanzas whose consequences are said again when they come again. */
#ifndef MUCD_SAID_H
#define MUCD_SAID_H

#include "mucd.h"

/* Say whether this process has handled the stanza, which comes again: what followed is sent again. */
bool said_before(struct in const *in);

/* Begin the handling of a stanza: what follows from it is stored, and said_end sends it, or sends again
 * what followed from the stanza when it came first. false: that is not done for this stanza. */
bool said_begin(struct in const *in);
void said_end(struct in const *in);

/* Say whether a stanza is between said_begin and said_end. */
bool said_is_on(void);

/* Before the commit of a turn: forget what is old. Forget what names the bare JID. */
void said_turn(void);
void said_erase(struct slice bare);

/* Open the table in DATA/occupants; read what it has, instead of what is known. */
bool said_open(void);
void said_load(void);

#endif
