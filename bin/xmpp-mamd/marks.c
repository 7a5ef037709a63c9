#include "mamd.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Marks say which session has a message of an archive (xmpp-restarts(7)). A session that
 * is given a message gets a mark, in the transaction that stores the message: the
 * session's number at first, for the ids of all its messages are above. The mark moves as
 * the client acknowledges messages, and goes when the session has ended and each message
 * behind the mark is taken care of. So, of a session that was given a message:
 *
 *   no mark             the session has ended; another session has the message, or it
 *                       waits
 *   LIVE, at or above   the client has the message
 *   LIVE, below         the session holds the message: its end will decide again
 *   LOST, at or above   the session has ended, and found that another has the message
 *   LOST, below         the session has ended, and will decide on the message yet
 *
 * is_held_by alone reads this table. A message of a session that has ended joins the
 * waiting set when no other session holds the message. */

/* Pause before marks are looked at again while the archive is full. */
#define FULL_US 1000000u

/* A session that has ended, whose messages are looked at in steps. */
struct loss {
  struct loss *next;
  uint64_t owner, number;
  char bare[];
};

static struct loss *losses;
static struct event_timer timer;

/* ---- one message ---- */

static bool
is_held_by(uint64_t owner, uint64_t number, uint64_t id)
{
  struct archive_mark m;

  if (!archive_mark_get(mamd.archive, owner, number, &m)) return false;
  return m.kind == ARCHIVE_MARK_LIVE || m.id < id;
}

/* Say whether session `number` was given message m and no other session holds m. An older
 * version did not note to whom m was given: with an old mark `number` counts as given
 * m. */
static bool
is_for_nobody_else(uint64_t owner, uint64_t number, bool old,
                   struct archive_message const *m)
{
  struct slice given = stanza_tag(m->text.tags, "given"), word;
  bool was_given = old && !given.len, held = false;
  uint64_t n;

  while (!held && slice_word(&given, ',', &word)) {
    if (!slice_u64(word, &n)) continue;
    if (n == number)
      was_given = true;
    else
      held = is_held_by(owner, n, m->id);
  }
  return was_given && !held;
}

/* Say whether address, as it stands in records and so in messages, is of account bare. */
static bool
is_of(struct slice bare, struct slice address)
{
  static stralloc raw = STRALLOC_ZERO;

  raw.len = 0;
  return record_put_more(&raw, bare) &&
         slice_eq(jid_cut(address).bare, slice_of(raw.s, raw.len));
}

/* Say whether the account bare has sent m to another address. */
static bool
is_for_another(struct slice bare, struct archive_message const *m)
{
  return is_of(bare, m->text.from) && !is_of(bare, m->text.to);
}

/* ---- marks of sessions that are there ---- */

static void
give_mark(struct slice bare, uint64_t number)
{
  struct session *s = session_make(bare, SLICE(""), number);
  struct archive_mark m = {number, ARCHIVE_MARK_LIVE};

  if (!s || s->marked) return;
  s->marked = archive_mark_get(mamd.archive, s->account->owner, number, &m) ||
              (errno == ENOENT &&
               archive_mark_set(mamd.archive, s->account->owner, number, m, false));
  if (!s->marked) mamd_failed("set a mark", bare);
}

void
marks_given(struct slice bare, struct slice numbers)
{
  struct slice word;
  uint64_t number;

  while (slice_word(&numbers, ',', &word))
    if (slice_u64(word, &number)) give_mark(bare, number);
}

/* A session that was given nothing of the archive has no mark, and gets none. */
void
marks_move(struct session *s, uint64_t id)
{
  uint64_t owner = s->account->owner;
  struct archive_mark m;

  if (!archive_mark_get(mamd.archive, owner, s->number, &m)) return;
  if (m.kind != ARCHIVE_MARK_LIVE || m.id >= id) return;
  m.id = id;
  if (!archive_mark_set(mamd.archive, owner, s->number, m, true))
    mamd_failed("set a mark", slice_str(s->account->bare));
}

/* ---- a session has ended ---- */

/* A message that is to wait. */
struct lost {
  uint64_t id;
  bool wakes;
};

/* Note in lost which of the next LOST_STEP messages behind the mark no other session
 * holds, and move the mark behind all of those. *n: the number of those lost. *all: no
 * message is left behind the mark. */
static bool
look_at_some(struct slice bare, uint64_t owner, uint64_t number,
             struct archive_mark *mark, struct lost lost[LOST_STEP], unsigned int *n,
             bool *all)
{
  bool old = mark->kind == ARCHIVE_MARK_OLD;
  struct archive_range range;
  struct archive_message m;
  uint64_t place, from;

  *n = 0;
  if (!archive_range_open(mamd.archive, owner, SLICE(""), &range) ||
      !archive_range_find(mamd.archive, &range, mark->id + 1, &place))
    return false;
  for (from = place; place < range.to && place - from < LOST_STEP; place++) {
    if (!archive_range_peek(mamd.archive, &range, place, &m)) return false;
    mark->id = m.id;
    if (m.tombstone || is_for_another(bare, &m)) continue;
    if (is_for_nobody_else(owner, number, old, &m))
      lost[(*n)++] = (struct lost){
        m.id, waiting_wakes(m.text.type, m.text.tags, is_of(bare, m.text.from))};
  }
  *all = place == range.to;
  return true;
}

/* Do one step of the end of a session. true: the end is done, or the archive has failed;
 * then the mark stays, and recall.c finds it. */
static bool
lose_some(struct slice bare, uint64_t owner, uint64_t number)
{
  static struct lost lost[LOST_STEP];
  struct archive_mark mark;
  unsigned int i, n;
  bool all;

  if (!archive_mark_get(mamd.archive, owner, number, &mark)) return true;
  if (!look_at_some(bare, owner, number, &mark, lost, &n, &all)) {
    mamd_failed("list the messages that a session lacks", bare);
    return true;
  }
  if (n)
    log_event(LOG_INFO, "messages-not-taken", "account", log_text(bare), "waiting",
              log_num(n), NULL);
  for (i = 0; i < n; i++)
    waiting_add(bare, owner, lost[i].id, lost[i].wakes);
  if (mark.kind == ARCHIVE_MARK_LIVE) mark.kind = ARCHIVE_MARK_LOST;
  if (all ? archive_mark_del(mamd.archive, owner, number)
          : archive_mark_set(mamd.archive, owner, number, mark, false))
    return all;
  mamd_failed("delete a mark", bare);
  return true;
}

static void
go_on(void *cookie)
{
  struct loss *l = losses;

  (void)cookie;
  if (archive_is_full(mamd.archive)) {
    event_timer_start(&timer, door_now() + FULL_US, go_on, NULL);
    return;
  }
  losses = l->next;
  if (lose_some(slice_str(l->bare), l->owner, l->number)) {
    free(l);
  } else {
    l->next = losses;
    losses = l;
  }
  if (losses) event_timer_start(&timer, door_now(), go_on, NULL);
}

static void
later(struct slice bare, uint64_t owner, uint64_t number)
{
  struct loss *l = calloc(1, sizeof *l + bare.len + 1);

  if (!l) {
    mamd_failed("list the messages that a session lacks", bare);
    return;
  }
  *l = (struct loss){.next = losses, .owner = owner, .number = number};
  memcpy(l->bare, bare.s, bare.len);
  losses = l;
  if (!event_timer_on(&timer)) event_timer_start(&timer, door_now(), go_on, NULL);
}

void
marks_end(struct slice bare, uint64_t owner, uint64_t number, uint64_t upto)
{
  struct archive_mark m;

  if (!archive_mark_get(mamd.archive, owner, number, &m)) return;
  if (settings_bool(mamd.settings, "mod_mam.assume_mam_usage", jid_cut(bare).domain)) {
    archive_mark_del(mamd.archive, owner, number);
    return;
  }
  if (m.id < upto) {
    m.id = upto;
    if (!archive_mark_set(mamd.archive, owner, number, m, true))
      mamd_failed("set a mark", bare);
  }
  if (!lose_some(bare, owner, number)) later(bare, owner, number);
}

/* ---- the state for a trace ---- */

static struct loss *
loss_fields(struct snapshot *k, struct loss *l)
{
  char *bare = l ? l->bare : NULL;

  snapshot_text(k, &bare);
  if (snapshot_restores(k)) {
    l = bare ? snapshot_new(k, sizeof *l + strlen(bare) + 1) : NULL;
    if (l) strcpy(l->bare, bare);
    free(bare);
  }
  if (!l) return NULL;
  SNAPSHOT_INT(k, l->owner);
  SNAPSHOT_INT(k, l->number);
  return l;
}

void
marks_snapshot(struct snapshot *k)
{
  struct loss **at = &losses;

  if (!snapshot_record(k, "losses", true)) return;
  snapshot_timer(k, &timer, go_on, NULL);
  for (; snapshot_record(k, "loss", *at != NULL); at = &(*at)->next) {
    *at = loss_fields(k, *at);
    if (!*at) return;
  }
}
