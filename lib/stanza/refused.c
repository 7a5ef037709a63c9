#include "stanza/refused.h"

static struct {
  char const *word, *stat;
  uint64_t n;
} rules[] = {
  [REFUSED_BLOCKED] = {"blocked",           "refused_blocked",           0},
  [REFUSED_BLOCKED_OWN] = {"blocked-by-sender", "refused_blocked_by_sender", 0},
  [REFUSED_NO_ACCOUNT] = {"no-such-account",   "refused_no_such_account",   0},
  [REFUSED_NO_SESSION] = {"no-session",        "refused_no_session",        0},
  [REFUSED_NO_SERVICE] = {"no-service",        "refused_no_service",        0},
  [REFUSED_NOT_LOCAL] = {"not-local",         "refused_not_local",         0},
  [REFUSED_NOT_KEPT] = {"offline-not-kept",  "refused_offline_not_kept",  0},
  [REFUSED_OFFLINE_FULL] = {"offline-full",      "refused_offline_full",      0},
  [REFUSED_STORE_FULL] = {"store-full",        "refused_store_full",        0},
  [REFUSED_SERVICE_BEHIND] = {"service-behind",    "refused_service_behind",    0},
  [REFUSED_SERVICE_LOST] = {"service-lost",      "refused_service_lost",      0},
  [REFUSED_ASTRAY] = {"astray",            "refused_astray",            0},
  [REFUSED_MALFORMED] = {"malformed",         "refused_malformed",         0},
  [REFUSED_NOT_TAKEN] = {"not-taken",         "refused_not_taken",         0},
  [REFUSED_CHECKER_AWAY] = {"checker-away",      "refused_checker_away",      0},
  [REFUSED_SESSION_ENDED] = {"session-ended",     "refused_session_ended",     0},
};

#define RULES (sizeof rules / sizeof *rules)

static char const *const decisions[] = {"bounced", "dropped", "returned"};

#define DECISIONS (sizeof decisions / sizeof *decisions)

static uint64_t decided[DECISIONS];

/* ---- senders, in as many slots as fit: two of a slot share its lines ---- */

static struct sender {
  uint64_t began_us, more;
  unsigned int lines;
  char name[64]; /* of the last that went without a line */
} senders[REFUSED_SENDERS];

static struct event_timer timer;

static void
say_more(void *cookie)
{
  struct sender *s;

  (void)cookie;
  for (s = senders; s < senders + REFUSED_SENDERS; s++) {
    if (s->more)
      log_event(LOG_INFO, "stanzas-refused", "from", s->name, "more", log_num(s->more),
                NULL);
    *s = (struct sender){.more = 0};
  }
}

static struct sender *
sender_of(struct slice bare)
{
  static uint64_t const key[2] = {0, 0};

  return &senders[hash_keyed(key, 0, bare) % REFUSED_SENDERS];
}

/* Say whether the sender has a line left in this second. */
static bool
may_say(struct slice from)
{
  struct slice bare = jid_cut(from).bare;
  struct sender *s = sender_of(bare);
  size_t n = bare.len < sizeof s->name ? bare.len : sizeof s->name - 1;

  if (door_now() - s->began_us >= REFUSED_SECOND_US && !s->more) {
    s->began_us = door_now();
    s->lines = 0;
  }
  if (s->lines < REFUSED_LINES) {
    s->lines++;
    return true;
  }
  if (!event_timer_on(&timer))
    event_timer_start(&timer, door_now() + REFUSED_SECOND_US, say_more, NULL);
  if (!s->more++) {
    memcpy(s->name, bare.s, n);
    s->name[n] = 0;
  }
  return false;
}

/* ---- lines ---- */

static char const *
text_or_none(struct slice s)
{
  return s.len ? log_text(s) : NULL;
}

void
stanza_refused(struct stanza const *st, enum decision d, enum refusal why)
{
  stanza_refused_on(NULL, st, d, why);
}

void
stanza_refused_on(char const *conn, struct stanza const *st, enum decision d,
                  enum refusal why)
{
  decided[d]++;
  rules[why].n++;
  if (log_verbosity < LOG_INFO || !may_say(st->from)) return;
  /* Decision and rule come before all that a client may make long: a line is cut at its end. */
  log_event(LOG_INFO, "stanza-refused", "conn", conn, "decision", decisions[d], "rule",
            rules[why].word, "kind", log_text(st->kind), "from", text_or_none(st->from),
            "to", text_or_none(st->to), "type", text_or_none(st->type), "id",
            text_or_none(st->id), NULL);
}

static void
accepted(struct stanza const *st, uint64_t id, bool waits)
{
  if (log_verbosity < LOG_DEBUG) return;
  log_event(LOG_DEBUG, waits ? "stanza-waits" : "stanza-delivered", "archive_id",
            id ? log_num(id) : NULL, "kind", log_text(st->kind), "from",
            text_or_none(st->from), "to", text_or_none(st->to), "type",
            text_or_none(st->type), "id", text_or_none(st->id), NULL);
}

void
stanza_delivered(struct stanza const *st, uint64_t id)
{
  accepted(st, id, false);
}

void
stanza_waits(struct stanza const *st, uint64_t id)
{
  accepted(st, id, true);
}

/* ---- counts ---- */

void
stanza_refused_stats(void (*stat)(struct link *ctl, char const *name, uint64_t n),
                     struct link *ctl)
{
  size_t i;

  stat(ctl, "bounced", decided[DECIDED_BOUNCED]);
  stat(ctl, "dropped", decided[DECIDED_DROPPED]);
  stat(ctl, "returned", decided[DECIDED_RETURNED]);
  for (i = 0; i < RULES; i++)
    if (rules[i].n) stat(ctl, rules[i].stat, rules[i].n);
}

void
stanza_refused_snapshot(struct snapshot *k)
{
  size_t i;

  if (!snapshot_record(k, "refused", true)) return;
  for (i = 0; i < DECISIONS; i++)
    SNAPSHOT_INT(k, decided[i]);
  for (i = 0; i < RULES; i++)
    SNAPSHOT_INT(k, rules[i].n);
}
