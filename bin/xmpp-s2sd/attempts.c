#include "attempts.h"
#include "dial.h"
#include "domains.h"
#include "in.h"
#include "queue.h"
#include "xep0198_resume.h"

/* The way of a pair's stanzas: a stream that the peer has opened, a dial, a pause behind a failure.
 * When the failure may pass and the peer was there lately, the stanzas wait for the next try, up
 * to S2S_WAIT_US; else they go back, and so do new ones until the pause is over. */

static bool stopping;

/* ---- time ---- */

static uint64_t
least(uint64_t a, uint64_t b)
{
  return a < b ? a : b;
}

/* The pauses of a pair whose stanzas wait, in seconds. */
static uint64_t
short_pause(unsigned int failures)
{
  static unsigned char const s[] = {1, 2, 4, 8, 15};

  return 1000000u * (uint64_t)s[least(failures ? failures - 1 : 0, sizeof s - 1)];
}

/* The pause of a pair whose stanzas go back meanwhile. */
static uint64_t
long_pause(struct pair const *p)
{
  uint64_t us = 1000000u * ((uint64_t)1 << least(p->failures, 20));
  uint32_t chance;

  us = least(us, settings_host_of(slice_str(p->from))->retry_max_us);
  door_random(&chance, sizeof chance);
  return us / 2 + (uint64_t)((us / 2) * (uint64_t)(chance >> 12) / ((uint64_t)1 << 20));
}

bool
pair_is_idle(struct pair const *p)
{
  return !p->out.queue.n && !p->stream && !p->dial;
}

/* An idle pair is forgotten in its time, but not while routed is away, which may have to be told again
 * what is settled. */
static uint64_t
idle_until(struct pair const *p)
{
  uint64_t at = p->idle_us + S2S_PAIR_IDLE_US;

  if (p->next_us > at) at = p->next_us;
  return at > door_now() || link_find(ROUTED) ? at : door_now() + S2S_PAIR_IDLE_US;
}

/* The time at which a pair is looked at next. While it is held no pause matters: no dial is made. */
void
attempt_look_later(struct pair *p)
{
  uint64_t at = UINT64_MAX, oldest = pair_oldest_us(p);

  if (pair_is_idle(p)) {
    at = idle_until(p);
  } else if (!p->stream) {
    if (oldest) at = oldest + S2S_WAIT_US;
    if (p->hold_us > door_now())
      at = least(at, p->hold_us);
    else if (!p->dial && p->next_us)
      at = least(at, p->next_us);
  }
  if (at == UINT64_MAX)
    event_timer_cancel(&p->timer);
  else
    event_timer_start(&p->timer, at > door_now() ? at : door_now() + 1, attempt_look, p);
}

/* ---- attempts ---- */

/* A failure from before the peer was heard of says nothing any more. */
static bool
is_over(struct pair const *p)
{
  return !p->next_us || door_now() >= p->next_us ||
         domain_known_us(slice_str(p->to)) > p->failed_us;
}

/* No dial is made any more: what has no stream stays with routed. */
void
attempts_stop(void)
{
  stopping = true;
}

bool
attempts_stopped(void)
{
  return stopping;
}

/* The error of a stanza that comes while no dial may be made. */
static void
refuse(struct pair *p)
{
  queue_return_all(p, &p->verdict);
}

/* No dial is made at all, nor for a stream that could be resumed: the log says so at the first stanza
 * (verdict.h). */
static void
refuse_by(struct pair *p, struct verdict v, enum stanza_error error)
{
  uint64_t n;

  p->revives = false;
  v.error = error;
  p->verdict = v;
  n = queue_return_all(p, &v);
  verdict_log(&v, "out", p->from, p->to, NULL, NULL, n, 0, 0);
}

static void
give_up(struct pair *p, struct verdict const *v)
{
  uint64_t n;

  if (p->dial && dial_abandon(p->dial)) p->dial = 0;
  p->next_us = door_now() + long_pause(p);
  n = queue_return_all(p, v);
  verdict_log(v, "out", p->from, p->to, NULL, NULL, n, 0, p->next_us - door_now());
}

/* A peer whose xmpp-tlsd is restarted takes no connection for a moment. */
static bool
is_given_up(struct pair const *p)
{
  return p->unreached && door_now() >= p->lost_us + S2S_RESUME_WAIT_US;
}

/* Find a way for what waits: a stream that the peer has opened, or a dial. While stanzas may have
 * arrived on a stream of ours that can be resumed, the peer is asked for that stream first, unless it
 * cannot be reached. */
void
attempt_find_way(struct pair *p)
{
  struct stream *s;
  uint64_t until_us;

  if (p->stream || p->dial || !(p->out.queue.n || p->revives) || stopping) return;
  if (p->hold_us > door_now()) return;
  if (!settings_admits(settings_host_of(slice_str(p->from)), slice_str(p->to))) {
    refuse_by(p, verdict_of(STEP_ACCESS, false, "not allowed"), ERR_FORBIDDEN);
    return;
  }
  if (!resume_is_due(p) || is_given_up(p)) {
    s = in_bidi(slice_str(p->from), slice_str(p->to), &until_us);
    if (s) {
      pair_attach(p, s);
      return;
    }
    p->hold_us = until_us;
    if (until_us) return;
  }
  if (!is_over(p)) {
    p->revives = false;
    if (!(p->restart)) refuse(p);
    return;
  }
  p->dial = dial_pair(p->from, p->to, pair_sender(p));
  if (!p->dial)
    refuse_by(p, verdict_of(STEP_CONNECT, true, "too many connections"),
              ERR_RESOURCE_CONSTRAINT);
}

/* The queue stays when the failure may pass and the peer was there lately: a restart of the peer
 * costs nobody anything. */
void
pair_failed(struct pair *p, struct verdict const *v)
{
  uint64_t oldest = pair_oldest_us(p), n, left = 0;
  bool revives = p->revives && !p->out.queue.n;

  if (p->dial && !(v->step == STEP_CLOSED && v->passing)) p->unreached = true;
  p->dial = 0;
  p->revives = false;
  if (stopping) return; /* routed keeps what waits for the next xmpp-s2sd */
  if (revives) {
    verdict_log(v, "out", p->from, p->to, dial_target(), dial_addr(), 0, 0, 0);
    pair_touch(p);
    return;
  }
  p->verdict = *v;
  p->failures++;
  p->failed_us = door_now();
  if (p->stream) return;
  p->restart = v->passing && domain_known_us(slice_str(p->to)) && oldest &&
               oldest + S2S_WAIT_US > door_now();
  p->next_us = door_now() + (p->restart ? short_pause(p->failures) : long_pause(p));
  n = p->restart ? 0 : queue_return_all(p, v);
  left = p->out.queue.n;
  verdict_log(v, "out", p->from, p->to, dial_target(), dial_addr(), n, left,
              p->next_us - door_now());
  pair_touch(p);
}

static bool
is_late(struct pair const *p)
{
  uint64_t oldest = pair_oldest_us(p);

  return oldest && door_now() >= oldest + S2S_WAIT_US;
}

void
attempt_look(void *cookie)
{
  struct pair *p = cookie;

  if (pair_is_idle(p) && !p->dirty && door_now() >= idle_until(p)) {
    pair_drop(p);
    return;
  }
  if (!p->stream && is_late(p)) {
    struct verdict v =
      p->verdict.step ? p->verdict : verdict_of(STEP_CONNECT, true, "no answer in time");
    p->restart = false;
    give_up(p, &v);
  }
  pair_touch(p);
}

void
pair_retry(struct pair *p)
{
  p->next_us = 0;
  pair_touch(p);
}

void
pair_forget(struct pair *p)
{
  p->next_us = 0;
  p->failures = 0;
  p->restart = false;
  pair_touch(p);
}

void
pairs_heard(struct slice local, struct slice remote)
{
  struct pair *p = pair_find(local, remote);

  domain_note(remote);
  if (p && !p->stream && !p->dial) pair_retry(p);
}

/* ---- streams ---- */

void
pair_attach(struct pair *p, struct stream *s)
{
  p->stream = s;
  p->dial = 0;
  p->failures = 0;
  p->next_us = 0;
  p->restart = p->revives = p->unreached = false;
  p->verdict.step = STEP_NONE;
  s->pair = p;
  if (p->left)
    queue_lost(p);
  else if (!p->resumes)
    queue_rewind(p);
  if (!p->resumes && !s->out) queue_is_kept(p, resume_kept(s));
  p->resumes = false;
  if (p->faults >= S2S_FAULTS) queue_return_suspect(p);
  pair_touch(p);
}

void
pair_lost(struct pair *p, struct verdict const *why, bool steady, uint64_t left)
{
  struct verdict v = *why;
  bool waits = !p->stream->out && p->out.sent != p->out.acked;

  p->suspects =
    p->stream->open_us && why->step == STEP_CLOSED && !why->passing ? queue_sent(p) : 0;
  p->faults = (unsigned char)(p->suspects ? p->faults + 1 : 0);
  p->revives = left && resume_owes(p->stream);
  p->stream->pair = NULL;
  p->stream = NULL;
  if (left) {
    p->left = left;
    p->lost_us = door_now();
    p->hold_us = waits ? door_now() + S2S_RESUME_WAIT_US : 0;
  } else {
    queue_lost(p);
  }
  if (steady || !p->out.queue.n) {
    pair_touch(p);
    return;
  }
  v.passing = true;
  pair_failed(p, &v);
}
