/* The state for a trace. */
#ifndef C2SD_SNAPSHOT_H
#define C2SD_SNAPSHOT_H

#include "c2sd.h"

void c2sd_snapshot(struct snapshot *k);

void marks_snapshot(struct snapshot *k);
void ended_snapshot(struct snapshot *k, struct host *h);
void sm_snapshot(struct snapshot *k);
void csi_snapshot(struct snapshot *k, struct stream *s);
void directed_snapshot(struct snapshot *k, struct stream *s);

/* The timers of a session: of its stream management, of its pings. */
void sm_snapshot_timer(struct snapshot *k, struct stream *s);

#endif
