#include "archive.h"
#include "kept.h"
#include "number.h"
#include "passing.h"
#include "sessions.h"
#include "snapshot.h"

#include <stdlib.h>
#include <string.h>

/* Copies of stanzas that clients may not have yet. A stanza that its sender saw
 * acknowledged is in the memory of two programs, or on disk (xmpp-restarts(7)): routed
 * keeps a stanza that is not in the log for its recipient here, for each session that is
 * given the stanza, until the mark of the session passes it. When the session ends
 * before, routed treats the copy as a stanza that its c2sd has returned. */

/* The head of each entry in text, before the fields of the stanza. */
struct entry {
  uint64_t id;
  size_t len;
};

struct kept {
  stralloc text;
  size_t head; /* the oldest entry */
};

/* Entries of sessions that are over, each behind one of these. */
struct over {
  uint64_t number;   /* of the session */
  uint64_t until_us; /* the account may come back until then; 0: it is not waited for */
  uint64_t held;     /* 1: nobody was there when the session ended */
};

static stralloc pending = STRALLOC_ZERO;
static bool look; /* at pending, at the end of this turn */
static struct event_timer timer;

uint64_t kept_bytes;

/* ---- one session's ---- */

static void
kept_free(struct session *s)
{
  stralloc_free(&s->kept->text);
  free(s->kept);
  s->kept = NULL;
}

bool
kept_add(struct session *s, uint64_t id, struct slice fields)
{
  struct entry e = {id, fields.len};
  stralloc *t;

  if (kept_bytes >= KEPT_MAX) return false;
  if (!s->kept) s->kept = calloc(1, sizeof *s->kept);
  if (!s->kept) return false;
  t = &s->kept->text;
  if (!stralloc_readyplus(t, sizeof e + fields.len)) return false;
  memcpy(t->s + t->len, &e, sizeof e);
  memcpy(t->s + t->len + sizeof e, fields.s, fields.len);
  t->len += sizeof e + fields.len;
  kept_bytes += sizeof e + fields.len;
  return true;
}

void
kept_through(struct session *s, uint64_t id)
{
  struct kept *k = s->kept;
  struct entry e;

  if (!k) return;
  while (k->head < k->text.len) {
    memcpy(&e, k->text.s + k->head, sizeof e);
    if (e.id > id) break;
    k->head += sizeof e + e.len;
    kept_bytes -= sizeof e + e.len;
  }
  if (k->head == k->text.len) {
    kept_free(s);
  } else if (k->head >= k->text.len / 2) {
    memmove(k->text.s, k->text.s + k->head, k->text.len - k->head);
    k->text.len -= k->head;
    k->head = 0;
  }
}

/* ---- the end of a session ---- */

void
kept_over(struct session *s, bool lost)
{
  struct over o = {s->number, lost ? door_now() + KEPT_ABSENT_US : 0, 0};
  struct kept *k = s->kept;
  struct entry e;
  size_t i;

  look = true;
  for (i = k ? k->head : 0; k && i < k->text.len; i += sizeof e + e.len) {
    memcpy(&e, k->text.s + i, sizeof e);
    kept_bytes -= sizeof e + e.len;
    if (stralloc_catb(&pending, (char const *)&o, sizeof o) &&
        stralloc_catb(&pending, k->text.s + i, sizeof e + e.len))
      continue;
    log_event(LOG_WARN, "stanza-lost", "jid", s->user->bare, "why", "out of memory",
              NULL);
  }
  if (k) kept_free(s);
}

void
kept_look(void)
{
  look = true;
}

static void
look_again(void *cookie)
{
  (void)cookie;
  look = true;
}

/* Entries are known by their ids: the first eight bytes of each. */
static struct slice
id_key(void const *entry)
{
  return slice_of(entry, sizeof(uint64_t));
}

/* Return true if the message p, which cannot wait in mamd, is held for an account that
 * has no session to take it now. */
static bool
is_held(struct passing const *p, struct over const *o)
{
  struct jid a = jid_cut(p->st.to);

  return o->until_us > door_now() && slice_is(p->st.kind, "message") &&
         pending.len < KEPT_MAX && !archive_could_wait(p, &a) && !session_of(p->st.to) &&
         !session_takes_messages(user_find(a.bare));
}

/* Hold the entry again. false: ENOMEM. */
static bool
hold(struct over o, struct entry e, struct slice fields)
{
  o.held = 1;
  if (!stralloc_readyplus(&pending, sizeof o + sizeof e + fields.len)) return false;
  stralloc_catb(&pending, (char const *)&o, sizeof o);
  stralloc_catb(&pending, (char const *)&e, sizeof e);
  stralloc_catb(&pending, fields.s, fields.len);
  if (!event_timer_on(&timer)) event_timer_start(&timer, o.until_us, look_again, NULL);
  return true;
}

static void
return_or_hold(struct over o, struct entry e, struct slice fields,
               void (*give_back)(struct passing *p, uint64_t of))
{
  stralloc line = STRALLOC_ZERO;
  struct record r;
  struct passing p = {.held = o.held != 0};

  if (stralloc_cats(&line, "stanza\t") && stralloc_catb(&line, fields.s, fields.len) &&
      record_split(&r, line.s, line.len)) {
    stanza_read(&r, 0, &p.st);
    if (!is_held(&p, &o) || !hold(o, e, fields)) give_back(&p, o.number);
  }
  stralloc_free(&line);
}

/* Return the pending copies. All sessions that ended in this turn are gone by now, so
 * none of them is given a stanza again. A message that several of them had is returned
 * once. */
void
kept_turn(void (*give_back)(struct passing *p, uint64_t of))
{
  struct table seen = {.key = id_key};
  stralloc all = pending;
  struct over o;
  struct entry e;
  size_t i, at;

  if (!all.len || !look) return;
  look = false;
  pending = stralloc_zero;
  event_timer_cancel(&timer);
  for (i = 0; i < all.len; i = at + sizeof e + e.len) {
    at = i + sizeof o;
    memcpy(&o, all.s + i, sizeof o);
    memcpy(&e, all.s + at, sizeof e);
    if (table_get(&seen, id_key(all.s + at))) continue;
    table_put(&seen, all.s + at);
    return_or_hold(o, e, slice_of(all.s + at + sizeof e, e.len), give_back);
  }
  table_wipe(&seen);
  stralloc_free(&all);
}

/* ---- after a restart of ours ---- */

void
kept_holds(struct link *l, struct record *r)
{
  struct session *s = session_by_sid(l, record_u64(r, 1));
  struct slice tags = record_raw(r, 1 + STANZA_TAGS), text = stanza_tag(tags, "late");
  struct slice xml = record_raw(r, 1 + STANZA_XML);
  uint64_t id;

  if (!text.len) text = stanza_tag(tags, "id");
  if (!s || !slice_u64(text, &id)) return;
  number_above(id);
  if (!kept_add(s, id, slice_of(r->at[2], (size_t)(xml.s + xml.len - r->at[2]))))
    log_event(LOG_WARN, "stanza-not-kept", "jid", s->user->bare, "why", "no room", NULL);
}

/* ---- the state for a trace ---- */

static void
make_kept(struct snapshot *k, struct session *s)
{
  stralloc text = STRALLOC_ZERO;
  uint64_t id = 0;

  while (snapshot_record(k, "kept", true)) {
    SNAPSHOT_INT(k, id);
    snapshot_bytes(k, &text);
    if (!s->kept) s->kept = snapshot_new(k, sizeof *s->kept);
    if (!s->kept || !kept_add(s, id, slice_of(text.s, text.len)))
      snapshot_fail(k, "what is kept is lost");
  }
  stralloc_free(&text);
}

/* Between turns only what is held is pending. */
void
kept_snapshot_pending(struct snapshot *k)
{
  if (!snapshot_record(k, "pending", pending.len > 0)) return;
  snapshot_bytes(k, &pending);
  snapshot_timer(k, &timer, look_again, NULL);
}

void
kept_snapshot(struct snapshot *k, struct session *s)
{
  struct entry e;
  size_t i;

  if (snapshot_restores(k)) make_kept(k, s);
  for (i = s->kept && !snapshot_restores(k) ? s->kept->head : SIZE_MAX;
       i != SIZE_MAX && i < s->kept->text.len; i += sizeof e + e.len) {
    stralloc text = {.s = s->kept->text.s + i + sizeof e};
    memcpy(&e, s->kept->text.s + i, sizeof e);
    text.len = e.len;
    if (!snapshot_record(k, "kept", true)) return;
    SNAPSHOT_INT(k, e.id);
    snapshot_bytes(k, &text);
  }
}
