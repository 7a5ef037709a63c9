#include "routed.h"

/* XEP-0198 s4: what a session's client had not acknowledged when the session ended for good.
 * to is the full JID of that session. It is treated as if it came now, as far as the host's
 * resend_on_timeout lets it; its edge has put a delay into it. */

static bool
another_is_online(struct user const *u, struct slice resource)
{
  struct session const *s;

  for (s = u ? u->sessions : NULL; s; s = s->next)
    if (s->available && !slice_is(resource, s->resource)) return true;
  return false;
}

/* Another device has had a copy: not one that is there in place of the session. */
static bool
was_copied(struct passing const *p, struct user const *u, struct slice resource)
{
  struct session const *s;

  if (!slice_has_word(p->st.tags, SLICE("cc"))) return false;
  for (s = u ? u->sessions : NULL; s; s = s->next)
    if (s->available && s->carbons && !slice_is(resource, s->resource)) return true;
  return false;
}

static bool
goes_again(struct user const *u, struct jid const *a)
{
  struct host const *h = routed_host(a->domain);

  switch (h ? h->resend : RESEND_IF_OFFLINE) {
  case RESEND_ALWAYS: return true;
  case RESEND_NEVER: return false;
  case RESEND_IF_OFFLINE: return !another_is_online(u, a->resource);
  }
  return false;
}

/* A session that has not sent presence may not have stream management yet: what reaches it
 * and is lost with it nobody would know of. So the message waits until it has. */
static bool
waits_for_presence(struct passing const *p, struct user const *u, struct jid const *a)
{
  struct session const *s = session_of(p->st.to);

  return s && !s->available && !another_is_online(u, a->resource) && archive_wait(p, a);
}

static void
message(struct passing *p)
{
  struct jid a = jid_cut(p->st.to);
  struct user const *u = user_find(a.bare);

  if (slice_is(p->st.type, "error") || slice_is(p->st.type, "headline")) return;
  if (slice_has_word(p->st.tags, SLICE("carbon")) || was_copied(p, u, a.resource)) return;
  if (archive_is_assumed(p, &a)) return;
  if (slice_is(p->st.type, "groupchat") || !goes_again(u, &a)) {
    deliver_bounce(p, ERR_SERVICE_UNAVAILABLE, NULL);
    return;
  }
  if (!session_of(p->st.to)) p->st.to = a.bare;
  archive_begin(p);
  if (!waits_for_presence(p, u, &a)) deliver_route(p);
  archive_end(p);
}

void
unacked_route(struct passing *p)
{
  if (slice_is(p->st.kind, "message"))
    message(p);
  else if (slice_is(p->st.kind, "iq"))
    deliver_bounce(p, ERR_SERVICE_UNAVAILABLE, NULL);
}

void
unacked_record(struct record *r, unsigned int at)
{
  struct passing p = {.own = false};

  stanza_read(r, at, &p.st);
  unacked_route(&p);
}
