/* refused: stanzas that do not reach their addressee: a line of the log and a count for each
 * (xmpp-log(7)). */
#ifndef STANZA_REFUSED_H
#define STANZA_REFUSED_H

#include "link/snapshot.h"
#include "stanza/stanza.h"

/* The reason; refused.c has its word. */
enum refusal {
  REFUSED_BLOCKED,
  REFUSED_BLOCKED_OWN,
  REFUSED_NO_ACCOUNT,
  REFUSED_NO_SESSION,
  REFUSED_NO_SERVICE,
  REFUSED_NOT_LOCAL,
  REFUSED_NOT_KEPT,
  REFUSED_OFFLINE_FULL,
  REFUSED_STORE_FULL,
  REFUSED_SERVICE_BEHIND,
  REFUSED_SERVICE_LOST,
  REFUSED_SESSION_ENDED,
  REFUSED_ASTRAY,
  REFUSED_MALFORMED,
  REFUSED_NOT_TAKEN,
  REFUSED_CHECKER_AWAY
};

/* The fate of the stanza. Bounced: its sender gets an error at once; dropped: nobody is told;
 * returned: a session or a service had been given the stanza and gave it back, and its sender gets
 * an error. */
enum decision { DECIDED_BOUNCED, DECIDED_DROPPED, DECIDED_RETURNED };

/* Count the decision on st, and log it at info: of one sender REFUSED_LINES lines a second, then
 * one that says how many more there were. conn is the connection that st came on (log_conn); NULL:
 * not known. */
void stanza_refused(struct stanza const *st, enum decision d, enum refusal why);
void stanza_refused_on(char const *conn, struct stanza const *st, enum decision d,
                       enum refusal why);

/* Log at debug that st was delivered to sessions of its addressee, or waits for it. */
void stanza_delivered(struct stanza const *st, uint64_t id);
void stanza_waits(struct stanza const *st, uint64_t id);

/* Call stat with ctl for each count, refused_REASON only if it is not 0. stanza_refused_snapshot
 * names the counts for a trace. */
void stanza_refused_stats(void (*stat)(struct link *ctl, char const *name, uint64_t n),
                          struct link *ctl);
void stanza_refused_snapshot(struct snapshot *k);

#endif
