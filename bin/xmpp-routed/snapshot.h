/* The state for a trace: each file for what it holds. */
#ifndef ROUTED_SNAPSHOT_H
#define ROUTED_SNAPSHOT_H

#include "routed.h"

/* Sources, pairs and posts come before what names them. */
void sources_snapshot(struct snapshot *k);
void pairs_snapshot(struct snapshot *k);
void posts_snapshot(struct snapshot *k);
void behind_snapshot(struct snapshot *k);
void sessions_snapshot(struct snapshot *k);
void presence_snapshot(struct snapshot *k);
void features_snapshot(struct snapshot *k);
void domains_snapshot(struct snapshot *k);
void services_snapshot(struct snapshot *k);
void expected_snapshot(struct snapshot *k);
void number_snapshot(struct snapshot *k);
void archive_snapshot(struct snapshot *k);
void blocking_snapshot(struct snapshot *k);
void carbons_snapshot(struct snapshot *k);
void asked_snapshot(struct snapshot *k, struct session *s);
void kept_snapshot(struct snapshot *k, struct session *s);
void kept_snapshot_earlier(struct snapshot *k);
void held_snapshot(struct snapshot *k);

/* Name a pair, a post, a verb (by its name), as a field; NULL: none. A source takes two, the second of which
 * is the epoch of the run that is meant; NULL: none, or that run is known no more. */
void snapshot_pair(struct snapshot *k, struct pair **p);
void snapshot_source(struct snapshot *k, struct source **s, uint64_t *epoch);
void snapshot_post(struct snapshot *k, struct post **p);
void snapshot_verb(struct snapshot *k, enum verb *v);

#endif
