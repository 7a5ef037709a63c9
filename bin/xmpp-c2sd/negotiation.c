#include "negotiation.h"

#include <stdlib.h>

/* Most streams are sessions that have been bound long ago: what only a client needs that is about
 * to log in and bind is apart from struct stream, and is freed when the stream is a session. */

bool
negotiation_begin(struct stream *s)
{
  s->negotiation = calloc(1, sizeof *s->negotiation);
  return s->negotiation != NULL;
}

void
negotiation_until(struct stream *s, uint64_t at_us)
{
  s->negotiation->until_us = at_us;
  conduit_deadline(&s->c, at_us);
}

void
negotiation_end(struct stream *s)
{
  struct negotiation *n = s->negotiation;

  if (!n) return;
  s->negotiation = NULL;
  free(n->bindings);
  free(n->login.mechanism);
  free(n->login.from);
  free(n->register_id);
  free(n->bind.id);
  free(n->bind.resource);
  free(n->resume.token);
  free(n);
}

bool
negotiation_is_sasl2(struct stream const *s)
{
  return s->negotiation && s->negotiation->sasl2;
}

void
negotiation_snapshot(struct snapshot *k, struct stream *s)
{
  bool there = s->negotiation != NULL;
  struct negotiation *n;

  SNAPSHOT_INT(k, there);
  if (there && snapshot_restores(k))
    s->negotiation = snapshot_new(k, sizeof *s->negotiation);
  n = s->negotiation;
  if (!n) return;
  SNAPSHOT_INT(k, n->failures);
  SNAPSHOT_INT(k, n->untried);
  SNAPSHOT_INT(k, n->elements);
  SNAPSHOT_INT(k, n->registers);
  SNAPSHOT_INT(k, n->has_captcha);
  snapshot_text(k, &n->bindings);
  snapshot_text(k, &n->login.mechanism);
  SNAPSHOT_INT(k, n->login.untried);
  snapshot_text(k, &n->login.from);
  snapshot_text(k, &n->register_id);
  snapshot_text(k, &n->bind.id);
  snapshot_text(k, &n->bind.resource);
  snapshot_text(k, &n->resume.token);
  SNAPSHOT_INT(k, n->resume.h);
  SNAPSHOT_INT(k, n->resume.old_ns);
  SNAPSHOT_INT(k, n->until_us);
  SNAPSHOT_INT(k, n->asked_us);
}
