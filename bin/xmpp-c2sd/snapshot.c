#include "asked.h"
#include "bans.h"
#include "fresh.h"
#include "kept.h"
#include "logins.h"
#include "negotiation.h"
#include "requests.h"
#include "rules.h"
#include "settings.h"
#include "snapshot.h"
#include "stream.h"
#include "xep0198_left.h"
#include "xep0198_sm.h"
#include "xep0388_sasl2.h"

#include <stdlib.h>

/* The state at the head of a trace: hosts as their neighbours told of them; streams as
 * they stand, in the middle of a stanza or of an exchange; sessions and origins that are
 * remembered beyond streams. */

static void
management(struct snapshot *k, struct stream *s)
{
  bool there = s->session.sm != NULL;
  struct sm *sm;

  SNAPSHOT_INT(k, there);
  if (there && snapshot_restores(k))
    s->session.sm = snapshot_new(k, sizeof *s->session.sm);
  sm = s->session.sm;
  if (!sm) return;
  sm_queue_snapshot(k, &sm->out.queue);
  sm_snapshot_timer(k, s);
  SNAPSHOT_INT(k, sm->max_us);
  SNAPSHOT_INT(k, sm->usual_us);
  SNAPSHOT_INT(k, sm->kept_us);
  SNAPSHOT_INT(k, sm->yield_sid);
  snapshot_text(k, &sm->yield_to);
  SNAPSHOT_INT(k, sm->in.received);
  SNAPSHOT_INT(k, sm->in.handled);
  SNAPSHOT_INT(k, sm->in.answer_at);
  SNAPSHOT_INT(k, sm->in.answer_last);
  SNAPSHOT_INT(k, sm->out.sent);
  SNAPSHOT_INT(k, sm->out.acked);
  SNAPSHOT_INT(k, sm->out.unasked);
  SNAPSHOT_INT(k, sm->out.phase);
  SNAPSHOT_INT(k, sm->in.owes_a);
  SNAPSHOT_INT(k, sm->told);
  SNAPSHOT_INT(k, sm->is_known);
  SNAPSHOT_INT(k, sm->old_ns);
  snapshot_block(k, sm->random, sizeof sm->random);
}

/* Hosts and listeners are those of the settings. */
static void
names(struct snapshot *k, struct stream *s)
{
  char *host = s->host ? s->host->name : NULL;
  char *listener = s->listener ? s->listener->name : NULL;

  snapshot_text(k, &host);
  snapshot_text(k, &listener);
  if (!snapshot_restores(k)) return;
  s->host = host ? c2sd_known_host(slice_str(host)) : NULL;
  if (host && !s->host) snapshot_fail(k, "a host is missing");
  s->listener = c2sd_listener(slice_str(listener));
  rules_limit(s);
  free(host);
  free(listener);
}

static void
flags(struct snapshot *k, struct stream *s)
{
  SNAPSHOT_INT(k, s->state);
  SNAPSHOT_INT(k, s->authed);
  SNAPSHOT_INT(k, s->fresh);
  SNAPSHOT_INT(k, s->fresh_results);
  SNAPSHOT_INT(k, s->requests);
  SNAPSHOT_INT(k, s->request_at);
}

static void
had(struct snapshot *k, struct had *h)
{
  SNAPSHOT_INT(k, h->live);
  SNAPSHOT_INT(k, h->waited);
  SNAPSHOT_INT(k, h->page);
}

static void
session(struct snapshot *k, struct stream *s)
{
  struct session *it = &s->session;

  SNAPSHOT_INT(k, it->number);
  snapshot_text(k, &it->jid);
  snapshot_text(k, &it->client);
  snapshot_text(k, &it->shown);
  snapshot_text(k, &it->caps);
  snapshot_text(k, &it->picture);
  SNAPSHOT_INT(k, it->shown_len);
  directed_snapshot(k, s);
  asked_snapshot(k, s);
  had(k, &it->mark.had);
  had(k, &it->mark.blocked);
  SNAPSHOT_INT(k, it->mark.noted);
  SNAPSHOT_INT(k, it->mark.due);
  SNAPSHOT_INT(k, it->mark.due_soon);
  SNAPSHOT_INT(k, it->priority);
  SNAPSHOT_INT(k, it->wants);
  SNAPSHOT_INT(k, it->veil);
  SNAPSHOT_INT(k, it->available);
  SNAPSHOT_INT(k, it->owes_metadata);
  management(k, s);
}

static void
fetched(struct snapshot *k, struct stream *s)
{
  if (!snapshot_record(k, "fetched", s->fetched != NULL)) return;
  if (snapshot_restores(k)) s->fetched = snapshot_new(k, sizeof *s->fetched);
  if (!s->fetched) return;
  had(k, &s->fetched->cut);
  had(k, &s->fetched->later);
  SNAPSHOT_INT(k, s->fetched->cut_at);
}

static void
stream(struct snapshot *k, struct stream *s)
{
  SNAPSHOT_INT(k, s->sid);
  conduit_snapshot(k, &s->c);
  flags(k, s);
  names(k, s);
  session(k, s);
  negotiation_snapshot(k, s);
  if (s->negotiation) sasl2_snapshot(k, s);
  SNAPSHOT_INT(k, s->pinged_us);
  csi_snapshot(k, s);
  fetched(k, s);
  if (snapshot_restores(k)) kept_count(s);
}

/* A host that is in the settings no more is read into gone and forgotten. */
static struct host *
host_of(struct snapshot *k, struct host *h)
{
  static struct host gone;
  char *name = h ? h->name : NULL;

  snapshot_text(k, &name);
  if (!snapshot_restores(k)) return h;
  h = c2sd_known_host(slice_str(name));
  free(name);
  return h ? h : &gone;
}

static void
hosts(struct snapshot *k)
{
  struct host *next = c2sd.hosts, *h;

  for (; snapshot_record(k, "host", next != NULL); next = next ? next->next : NULL) {
    h = host_of(k, next);
    snapshot_text(k, &h->mechanisms);
    snapshot_text(k, &h->fast);
    snapshot_text(k, &h->upgrades);
    snapshot_text(k, &h->node);
    snapshot_text(k, &h->ver);
    ended_snapshot(k, h);
  }
}

void
c2sd_snapshot(struct snapshot *k)
{
  hosts(k);
  streams_snapshot(k, stream);
  marks_snapshot(k);
  fresh_snapshot(k);
  edge_origins_snapshot(k);
  edge_taken_snapshot(k);
  sm_snapshot(k);
  left_snapshot(k);
  requests_snapshot(k);
  logins_snapshot(k);
  bans_snapshot(k);
}
