#include "resolution.h"

/* The state for a trace, and answers of the DNS in a trace: libunbound has none of its own under -p. */

static void
family(struct snapshot *k, struct family *f)
{
  question_snapshot(k, &f->q);
  SNAPSHOT_INT(k, f->status);
  SNAPSHOT_INT(k, f->secure);
  snapshot_text(k, &f->text);
}

static void
way(struct snapshot *k, struct way *w)
{
  snapshot_text(k, &w->t.name);
  SNAPSHOT_INT(k, w->t.priority);
  SNAPSHOT_INT(k, w->t.weight);
  SNAPSHOT_INT(k, w->t.port);
  SNAPSHOT_INT(k, w->t.tls);
  SNAPSHOT_INT(k, w->t.secure);
  family(k, &w->v4);
  family(k, &w->v6);
  question_snapshot(k, &w->tlsa_q);
  snapshot_text(k, &w->tlsa);
  SNAPSHOT_INT(k, w->tlsa_status);
  SNAPSHOT_INT(k, w->skipped);
}

static void
srv_set(struct snapshot *k, struct srv_set *s)
{
  question_snapshot(k, &s->q);
  SNAPSHOT_INT(k, s->status);
  SNAPSHOT_INT(k, s->some);
  SNAPSHOT_INT(k, s->dot);
}

static void
ways(struct snapshot *k, struct resolution *g)
{
  size_t n = g->n, i;

  SNAPSHOT_INT(k, n);
  if (snapshot_restores(k)) {
    g->ways = n ? snapshot_new(k, n * sizeof *g->ways) : NULL;
    g->n = g->ways ? n : 0;
  }
  for (i = 0; i < g->n; i++)
    way(k, &g->ways[i]);
}

/* An administrator's connection is in no trace, but what was asked there takes its part of chance. */
static void
fields(struct snapshot *k, struct resolution *g)
{
  struct link *l = g->link && g->link->program == CTL ? NULL : g->link;

  snapshot_link(k, &l);
  if (snapshot_restores(k)) g->link = l;
  SNAPSHOT_INT(k, g->id);
  snapshot_text(k, &g->domain);
  snapshot_text(k, &g->host);
  SNAPSHOT_INT(k, g->step);
  SNAPSHOT_INT(k, g->awaited);
  srv_set(k, &g->tls);
  srv_set(k, &g->plain);
  ways(k, g);
  SNAPSHOT_INT(k, g->addresses);
  snapshot_timer(k, &g->timer, resolution_on_time, g);
  snapshot_timer(k, &g->late, resolution_on_late, g);
}

void
dnsd_snapshot(struct snapshot *k)
{
  struct resolution **at = &resolutions;

  if (snapshot_restores(k)) fixed_replay();
  if (snapshot_record(k, "questions", true)) SNAPSHOT_INT(k, resolution_questions);
  for (; snapshot_record(k, "resolution", *at != NULL); at = &(*at)->next) {
    if (snapshot_restores(k)) *at = snapshot_new(k, sizeof **at);
    if (!*at) return;
    fields(k, *at);
    if (snapshot_restores(k)) resolution_restored(*at);
  }
}
