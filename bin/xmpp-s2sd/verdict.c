#include "verdict.h"

#include <stdio.h>
#include <string.h>

static char const *const words[STEPS_N] = {
  [STEP_NONE] = "none",         [STEP_ACCESS] = "access",
  [STEP_DNS] = "dns",           [STEP_CONNECT] = "connect",
  [STEP_TLS] = "tls",           [STEP_CLOSED] = "closed",
  [STEP_NAME] = "name",         [STEP_FEATURES] = "features",
  [STEP_EXTERNAL] = "external", [STEP_DIALBACK] = "dialback",
  [STEP_POLICY] = "policy"};

static uint64_t counts[STEPS_N];

char const *
step_word(enum step s)
{
  return words[s];
}

struct verdict
verdict_of(enum step s, bool passing, char const *why)
{
  struct verdict v = {.step = s, .error = ERR_REMOTE_TIMEOUT, .passing = passing};

  snprintf(v.why, sizeof v.why, "%s", why);
  return v;
}

struct verdict
verdict_of_peer(enum step s, bool passing, char const *what, struct slice condition)
{
  struct verdict v = verdict_of(s, passing, what);
  size_t n = strlen(v.why);

  snprintf(v.why + n, sizeof v.why - n, ": %.*s", (int)condition.len, condition.s);
  return v;
}

bool
verdict_is_of_peer(struct verdict const *v, char const *condition)
{
  struct verdict const peer =
    verdict_of_peer(v->step, v->passing, "peer", slice_str(condition));

  return !strcmp(v->why, peer.why);
}

void
verdict_detail(struct verdict *v, struct slice detail)
{
  size_t n = detail.len < sizeof v->detail ? detail.len : sizeof v->detail - 1;

  if (n) memcpy(v->detail, detail.s, n);
  v->detail[n] = 0;
}

void
verdict_note(struct verdict *best, struct verdict const *v)
{
  if (v->step >= best->step) *best = *v;
}

void
verdict_snapshot(struct snapshot *k, struct verdict *v)
{
  SNAPSHOT_INT(k, v->step);
  SNAPSHOT_INT(k, v->error);
  SNAPSHOT_INT(k, v->passing);
  snapshot_name(k, v->why, sizeof v->why);
  snapshot_name(k, v->detail, sizeof v->detail);
}

/* ---- the log ---- */

/* Failures that were logged lately, by the hash of their domain, step and cause. */
static struct logged {
  uint64_t hash, at_us, more;
} logged[S2S_FAILED_LOG];

/* Say whether the failure is to be logged now, and how often it came since it was. */
static bool
is_due(struct verdict const *v, char const *from, char const *to, uint64_t *more)
{
  static uint64_t const key[2] = {1, 2};
  uint64_t h = hash_keyed(key, v->step, slice_str(to));
  struct logged *x;

  h = hash_keyed(key, h, slice_str(from));
  h = hash_keyed(key, h, slice_str(v->why));
  x = &logged[h % S2S_FAILED_LOG];
  *more = x->hash == h ? x->more : 0;
  if (x->hash == h && door_now() < x->at_us + S2S_FAILED_LOG_US) {
    x->more++;
    return false;
  }
  *x = (struct logged){h, door_now(), 0};
  return true;
}

void
verdict_log(struct verdict const *v, char const *dir, char const *from, char const *to,
            char const *target, char const *addr, uint64_t returned, uint64_t queued,
            uint64_t next_us)
{
  char next[BASE_NUM + 8];
  uint64_t more;

  counts[v->step]++;
  if (!is_due(v, from, to, &more)) return;
  snprintf(next, sizeof next, "%llu.%llu", (unsigned long long)(next_us / 1000000),
           (unsigned long long)(next_us / 100000 % 10));
  log_event(LOG_WARN, "s2s-failed", "dir", dir, "from", from, "to", to, "step",
            words[v->step], "why", v->why, "detail", *v->detail ? v->detail : NULL,
            "target", target, "addr", addr ? log_peer(slice_str(addr)) : NULL, "returned",
            returned ? log_num(returned) : NULL, "queued",
            queued ? log_num(queued) : NULL, "next_s", next_us ? next : NULL,
            "times_before", more ? log_num(more) : NULL, NULL);
}

uint64_t
verdict_count(enum step s)
{
  return counts[s];
}

void
verdicts_snapshot(struct snapshot *k)
{
  if (!snapshot_record(k, "failures", true)) return;
  snapshot_block(k, counts, sizeof counts);
  snapshot_block(k, logged, sizeof logged);
}
