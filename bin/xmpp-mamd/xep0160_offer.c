#include "mamd.h"

#include <errno.h>
#include <stdlib.h>

/* XEP-0160 s3: messages that wait for an account are offered to one of its sessions, the
 * taker, oldest first. Offers are numbered. mamd deletes a message from the set, with those
 * that it offered to the taker before it, only when the mark of the taker says that its
 * client has that offer. When the taker has ended, or has missed an offer, the set goes on to
 * another session, or to the taker when it takes messages again, from its beginning.
 *
 * The client of a session that was bound by XEP-0386 reads its archive up to the id of then: what
 * waits and is in the archive up to there is taken out of the set when the session is its turn,
 * and not before, so that a client that dies in between loses nothing.
 *
 * A message that joins the set late may have an id below those that are under way (a
 * session that ended returns it); so mamd goes through the set again from its beginning
 * when no message is under way any more. */

struct offer {
  struct pace pace;
};

/* ---- the taker ---- */

static struct session *
who_takes(struct account const *a)
{
  struct session *s = a->sessions;

  while (s && !s->takes)
    s = s->next;
  return s;
}

/* Make s the taker, from the beginning of the set: messages that were offered to s when
 * it was taker before may not have reached its client. */
static bool
become_taker(struct session *s)
{
  if (!s->offer) s->offer = calloc(1, sizeof *s->offer);
  if (!s->offer) return false;
  pace_free(&s->offer->pace);
  s->account->taker = s;
  s->account->behind = 0;
  s->account->gave = false;
  return true;
}

void
offer_begin(struct account *a)
{
  uint64_t n;
  struct session *s = a->taker ? a->taker : who_takes(a);

  if (!s || !archive_waiting_count(mamd.archive, a->owner, &n) || !n) return;
  if (a->taker || become_taker(s)) pace_due(s);
}

void
offer_end(struct session *s, bool forget)
{
  struct account *a = s->account;

  if (a->taker == s) a->taker = NULL;
  if (forget && s->offer) {
    pace_free(&s->offer->pace);
    free(s->offer);
    s->offer = NULL;
  }
  s->takes = false;
  if (!a->taker) offer_begin(a);
}

/* ---- giving ---- */

static void
put(struct link *l, struct session const *s, uint64_t number,
    struct archive_message const *m)
{
  struct slice bare = slice_str(s->account->bare);

  link_begin(l, VERB_STANZA);
  link_field(l);
  link_more(l, bare);
  link_more(l, SLICE("/"));
  link_more(l, slice_str(s->resource));
  delayed_put(l, bare, s->number, number, m);
  link_end(l);
}

static void
drop(struct account const *a, uint64_t id, char const *why)
{
  if (archive_is_full(mamd.archive)) return;
  log_event(LOG_INFO, "waiting-message-dropped", "account", a->bare, "id", log_num(id),
            "why", why, NULL);
  if (!archive_waiting_del(mamd.archive, a->owner, id) && errno != ENOENT)
    mamd_failed("delete a waiting message", slice_str(a->bare));
}

/* XEP-0191 s3.3: nothing of a blocked contact reaches the client, and nothing comes back to the
 * contact. */
static bool
is_blocked(struct account const *a, struct archive_message const *m)
{
  static stralloc text = STRALLOC_ZERO;
  struct record r;
  struct jid from;

  text.len = 0;
  if (!mamd.roster || !stralloc_catb(&text, m->text.from.s, m->text.from.len) ||
      !record_split(&r, text.s, text.len))
    return false;
  from = jid_cut(record_get(&r, 0));
  return roster_is_blocked(mamd.roster, a->owner, &from);
}

/* Find the next id that waits and is not under way, behind those that were offered. */
static bool
next_id(struct account *a, struct pace const *p, uint64_t *id)
{
  for (;;) {
    while (archive_waiting_next(mamd.archive, a->owner, a->behind, id)) {
      a->behind = *id;
      if (!pace_has(p, *id)) return true;
    }
    if (!a->gave || p->n) return false;
    a->gave = false;
    a->behind = 0;
  }
}

static void delete (struct account const *a, uint64_t id)
{
  if (!archive_waiting_del(mamd.archive, a->owner, id) && errno != ENOENT)
    mamd_failed("delete a waiting message", slice_str(a->bare));
}

bool
offer_some(struct link *routed, struct session *s, size_t *budget)
{
  struct account *a = s->account;
  struct archive_message m;
  uint64_t id, number;
  size_t bytes;

  if (a->taker != s) return false;
  while (pace_has_room(&s->offer->pace)) {
    if (!*budget || routed->full) return true;
    if (!next_id(a, &s->offer->pace, &id)) return false;
    if (!archive_get(mamd.archive, a->owner, id, &m)) {
      drop(a, id, errno == ENOENT ? "not there" : "cannot be read");
      continue;
    }
    if (m.archived && id <= s->pages_upto) {
      delete (a, id);
      *budget -= PACE_MESSAGE_BYTES < *budget ? PACE_MESSAGE_BYTES : *budget;
      continue;
    }
    if (is_blocked(a, &m)) {
      drop(a, id, "its sender is blocked");
      continue;
    }
    number = pace_number();
    put(routed, s, number, &m);
    a->gave = true;
    bytes = m.text.xml.len;
    pace_add(&s->offer->pace, number, id, bytes);
    *budget -= bytes < *budget ? bytes : *budget;
  }
  return false;
}

static void
turn_lost(struct session *s)
{
  if (!s->offer || !pace_turn_lost(&s->offer->pace) || s->account->taker != s) return;
  s->account->behind = 0;
  s->account->gave = true;
  pace_due(s);
}

void
offer_turn(bool lost_turn)
{
  struct account *a;
  struct session *s;

  for (a = lost_turn ? account_next(NULL) : NULL; a; a = account_next(a))
    for (s = a->sessions; s; s = s->next)
      turn_lost(s);
}

/* ---- taken ---- */

/* A mark names an offer and no message: the client may have a message from an offer of an earlier
 * run, and lack those that this run has offered before it. Such a message comes twice. */
void
offer_marked(struct session *s, uint64_t number)
{
  unsigned int n = s->offer ? pace_up_to(&s->offer->pace, number) : 0, i;

  for (i = 0; i < n; i++)
    delete (s->account, pace_at(&s->offer->pace, i));
  if (n) pace_drop(&s->offer->pace, n);
  if (s->account->taker == s) pace_due(s);
}

void
offer_snapshot(struct snapshot *k, struct session *s)
{
  bool there = s->offer != NULL;

  SNAPSHOT_INT(k, there);
  if (there && snapshot_restores(k)) s->offer = snapshot_new(k, sizeof *s->offer);
  if (s->offer) pace_snapshot(k, &s->offer->pace);
}
