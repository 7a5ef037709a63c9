#include "archive.h"
#include "deliver.h"
#include "held.h"
#include "number.h"
#include "sessions.h"
#include "settings.h"
#include "unacked.h"
#include "xep0280_carbons.h"

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

/* Say whether another session that was given p is there: that session has a copy, or its
 * c2sd will return one. The list is that of p's delivery, when the copies were made. */
static bool
another_has_it(struct passing const *p, struct user const *u, uint64_t of)
{
  struct slice given = stanza_tag(p->st.tags, "given"), word;
  uint64_t number;

  /* A stream that was to take a session over does not know its number: the session that is there may be
   * the one that lacks p. */
  if (!of) return false;
  while (slice_word(&given, ',', &word))
    if (slice_u64(word, &number) && number != of && session_numbered(u, number))
      return true;
  return false;
}

static bool
goes_again(struct passing const *p, struct user const *u, struct jid const *a)
{
  struct host const *h = routed_host(a->domain);

  switch (h ? h->resend : RESEND_IF_OFFLINE) {
  case RESEND_ALWAYS: return true;
  case RESEND_NEVER: return false;
  case RESEND_IF_OFFLINE: return p->held || !another_is_online(u, a->resource);
  }
  return false;
}

/* Deliver p anew: to a session that has the name of the session that is over, else to the
 * account. Marks name p by a new id, above the ids that the receiving session has had. */
static void
deliver_anew(struct passing *p, struct jid const *a)
{
  if (!session_of(p->st.to)) p->st.to = a->bare;
  p->late = number_next();
  deliver_route(p);
}

static bool
has(struct passing const *p, struct slice word)
{
  return slice_has_word(p->st.tags, word);
}

static bool
is_error(struct passing const *p)
{
  return slice_is(p->st.type, "error");
}

/* An error that returns a message outlives its session, for the sender of the message learns of
 * its end in no other way: give p to the account, or hold p until the account has a session. p
 * that was held is given now, or never. */
static void
error_to_account(struct passing *p, struct jid const *a)
{
  struct user const *u = user_find(a->bare);

  if (!p->held && !(u && u->sessions)) {
    held_error(p);
    return;
  }
  p->held = true;
  deliver_anew(p, a);
}

/* Say whether p is dropped with its session: a message that has waited still waits,
 * answers of the archive are for the session that asked, and a chat state means nothing
 * later on. */
static bool
ends_with_its_session(struct passing const *p)
{
  return is_error(p) || slice_is(p->st.type, "headline") || has(p, SLICE("offline")) ||
         has(p, SLICE("mam")) || (has(p, SLICE("state")) && !has(p, SLICE("body")));
}

static void
message(struct passing *p, uint64_t of)
{
  struct jid a = jid_cut(p->st.to);
  struct user const *u = user_find(a.bare);

  if (is_error(p) && (p->held || has(p, SLICE("kept")))) {
    error_to_account(p, &a);
    return;
  }
  if (ends_with_its_session(p) || another_has_it(p, u, of)) return;
  if (has(p, SLICE("carbon")) && !carbons_unwrap(p)) return;
  if (archive_is_assumed(p, &a)) return;
  if (slice_is(p->st.type, "groupchat") || !goes_again(p, u, &a)) {
    deliver_back(p, REFUSED_SESSION_ENDED, ERR_SERVICE_UNAVAILABLE);
    return;
  }
  if (!deliver_begin(p)) return;
  if (!deliver_to_wait(p, &a)) deliver_anew(p, &a);
}

void
unacked_route(struct passing *p, uint64_t of)
{
  struct outcome outcome = {.given = STRALLOC_ZERO};

  p->outcome = &outcome;
  if (slice_is(p->st.kind, "message"))
    message(p, of);
  else if (slice_is(p->st.kind, "iq"))
    deliver_back(p, REFUSED_SESSION_ENDED, ERR_SERVICE_UNAVAILABLE);
  p->outcome = NULL;
  stralloc_free(&outcome.given);
}

/* A copy has the ORIGIN of its delivery. mamd, and c2sds, have taken over newer stanzas of that
 * source since, and would take the copy for one that came before. */
void
unacked_copy(struct passing *p, uint64_t of)
{
  stralloc tags = STRALLOC_ZERO;
  char buf[BASE_NUM];

  if (stralloc_cats(&tags, "unacked of=") && stralloc_cats(&tags, num_u64(buf, of).s) &&
      stralloc_cats(&tags, " ") && stralloc_catb(&tags, p->st.tags.s, p->st.tags.len))
    p->st.tags = slice_of(tags.s, tags.len);
  p->st.origin = SLICE("");
  unacked_route(p, of);
  stralloc_free(&tags);
}

void
unacked_record(struct record *r, unsigned int at)
{
  struct passing p = {.own = false};

  stanza_read(r, at, &p.st);
  unacked_copy(&p, 0);
}
