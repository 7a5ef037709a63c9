/* online: the sessions that a program knows of, over restarts. The sessions are the edges'; a
 * program that watches them (xmpp-records(7), watch) is told again after a restart of routed or
 * of its own, and compares what it is told with what it knows:
 *
 *   routed's link comes up   no session is confirmed (online_up). Each record that names a
 *                            session confirms it (online_confirm).
 *   recalled INSTANCE        the edge has told all its sessions: those of it that are not
 *                            confirmed have ended while the link was down (online_recalled).
 *   some time after          sessions that are not confirmed are lost with their edge: the
 *                            program ends them, or asks routed for a list first and then does
 *                            (online_compare).
 *
 * The program's struct of a session has a struct online as its first member. */
#ifndef ONLINE_H
#define ONLINE_H

#include "link/snapshot.h"

struct online {
  struct online *next, **prev; /* of all, in the order of coming */
  uint64_t confirmed;
  uint8_t instance; /* place of its edge among the mirror's names; 0: not known yet */
};

/* ended: s was not confirmed; it may take s out and free it, and no other. due: wait_us have
 * passed since routed's link came up, and it is up. Begin with ONLINE_MIRROR. */
struct online_mirror {
  void (*ended)(struct online *s);
  void (*due)(void);
  uint64_t wait_us;

  struct online *first, **last;
  uint64_t comings; /* of routed's link */
  struct event_timer timer;
  size_t names_n;
  char names[ONLINE_INSTANCES_MAX][LINK_NAME_MAX + 1];
  bool heard_out
    [ONLINE_INSTANCES_MAX]; /* the edge has told all since this program started */
};

#define ONLINE_MIRROR(ended_fn, due_fn, us)                                              \
  {                                                                                      \
    .ended = (ended_fn), .due = (due_fn), .wait_us = (us)                                \
  }

/* online_add adds s to the mirror, which confirms it; online_del takes it out. */
void online_add(struct online_mirror *m, struct online *s);
void online_del(struct online_mirror *m, struct online *s);

/* online_confirm notes that a record of routed has named s; online_is_confirmed says whether one
 * has since the last coming of routed's link. */
void online_confirm(struct online_mirror const *m, struct online *s);
bool online_is_confirmed(struct online_mirror const *m, struct online const *s);

/* Note that s comes through this edge: INSTANCE or an ORIGIN. */
void online_from(struct online_mirror *m, struct online *s, struct slice origin);

/* Note that routed's link has come up. */
void online_up(struct online_mirror *m);

/* Call due at the end of this turn, if routed's link is up. */
void online_due_now(struct online_mirror *m);

/* online_recalled ends the sessions of the edge instance that are not confirmed, online_compare
 * those of all edges. */
void online_recalled(struct online_mirror *m, struct slice instance);
void online_compare(struct online_mirror *m);

/* Return true if an unknown session may have been there before this program started: the edge
 * of this ORIGIN has not told all since; with an empty ORIGIN, no edge has. */
bool online_forgot(struct online_mirror const *m, struct slice origin);

/* Return true if the edge has told all its sessions since this program started. */
bool online_has_told_all(struct online_mirror const *m, struct slice instance);

/* The state for a trace: of the mirror, and then of each session, which online_add has
 * added. */
void online_snapshot(struct snapshot *k, struct online_mirror *m);
void online_snapshot_session(struct snapshot *k, struct online *s);

#endif
