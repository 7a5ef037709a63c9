#include "stream.h"

#include <stdlib.h>

/* Proofs of streams: the domains that are proven there, or asked about. */

static struct table proven = BETWEEN_TABLE;

struct proof *
proof_add(struct stream *s, struct slice from, struct slice to)
{
  struct proof *p;

  if (s->proofs_n >= S2S_PROOFS || !(p = calloc(1, sizeof *p))) return NULL;
  p->from = slice_dup(from);
  p->to = slice_dup(to);
  p->of = s;
  p->next = s->proofs;
  s->proofs = p;
  s->proofs_n++;
  if (p->from && p->to && between_put(&proven, &p->place, p, p->from, p->to)) return p;
  proof_drop(s, p);
  return NULL;
}

struct proof *
proof_between(struct slice from, struct slice to, struct proof const *p)
{
  struct between const *at = p ? p->place.next : between_first(&proven, from, to);

  return at ? at->thing : NULL;
}

struct proof *
proof_find(struct stream const *s, struct slice from, struct slice to)
{
  struct proof *p;

  for (p = s->proofs; p && !(slice_is(from, p->from) && slice_is(to, p->to));
       p = p->next) {
  }
  return p;
}

struct proof *
proof_valid(struct stream const *s, struct slice from)
{
  struct proof *p;

  for (p = s->proofs; p && !(p->valid && slice_is(from, p->from)); p = p->next) {
  }
  return p;
}

void
proof_drop(struct stream *s, struct proof *p)
{
  struct proof **at;

  for (at = &s->proofs; *at != p; at = &(*at)->next) {
  }
  *at = p->next;
  s->proofs_n--;
  between_del(&proven, &p->place);
  free(p->from);
  free(p->to);
  free(p->id);
  free(p);
}

/* ---- the state for a trace ---- */

void
proofs_snapshot(struct snapshot *k, struct stream *s)
{
  struct proof **at = &s->proofs;
  unsigned int n = s->proofs_n, i;

  SNAPSHOT_INT(k, n);
  for (i = 0; i < n; i++, at = &(*at)->next) {
    if (snapshot_restores(k)) *at = snapshot_new(k, sizeof **at);
    if (!*at) return;
    snapshot_text(k, &(*at)->from);
    snapshot_text(k, &(*at)->to);
    SNAPSHOT_INT(k, (*at)->valid);
    SNAPSHOT_INT(k, (*at)->auth);
  }
  s->proofs_n = n;
}

bool
proofs_stand(struct stream *s)
{
  struct proof *p;

  for (p = s->proofs; p; p = p->next) {
    p->of = s;
    if (!p->from || !p->to || !between_put(&proven, &p->place, p, p->from, p->to))
      return false;
  }
  return true;
}
