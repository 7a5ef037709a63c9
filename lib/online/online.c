#include "online/online.h"

#include <string.h>

void
online_add(struct online_mirror *m, struct online *s)
{
  if (!m->last) m->last = &m->first;
  s->next = NULL;
  s->prev = m->last;
  *m->last = s;
  m->last = &s->next;
  s->confirmed = m->comings;
}

void
online_del(struct online_mirror *m, struct online *s)
{
  *s->prev = s->next;
  if (s->next)
    s->next->prev = s->prev;
  else
    m->last = s->prev;
}

void
online_confirm(struct online_mirror const *m, struct online *s)
{
  s->confirmed = m->comings;
}

bool
online_is_confirmed(struct online_mirror const *m, struct online const *s)
{
  return s->confirmed == m->comings;
}

/* ---- edges ---- */

/* The place of an edge, counted from 1; 0: it has none. */
static size_t
place(struct online_mirror const *m, struct slice origin)
{
  struct slice name = origin;
  size_t i;

  slice_word(&origin, ':', &name);
  for (i = 0; i < m->names_n; i++)
    if (slice_is(name, m->names[i])) return i + 1;
  return 0;
}

/* The same, made when it is new. 0: there are too many. */
static size_t
make_place(struct online_mirror *m, struct slice origin)
{
  struct slice name = origin;
  size_t i = place(m, origin);

  slice_word(&origin, ':', &name);
  if (i || !name.len || name.len > LINK_NAME_MAX || m->names_n == ONLINE_INSTANCES_MAX)
    return i;
  memcpy(m->names[m->names_n], name.s, name.len);
  m->names[m->names_n][name.len] = 0;
  return ++m->names_n;
}

void
online_from(struct online_mirror *m, struct online *s, struct slice origin)
{
  size_t i = make_place(m, origin);

  if (i) s->instance = (uint8_t)i;
}

bool
online_has_told_all(struct online_mirror const *m, struct slice instance)
{
  size_t i = place(m, instance);

  return i && m->heard_out[i - 1];
}

bool
online_forgot(struct online_mirror const *m, struct slice origin)
{
  size_t i;

  if (origin.len)
    return memchr(origin.s, ':', origin.len) && !online_has_told_all(m, origin);
  for (i = 0; i < m->names_n; i++)
    if (m->heard_out[i]) return false;
  return true;
}

/* ---- comparing ---- */

/* End the sessions at this place (0: at all) that are not confirmed. */
static void
end_unconfirmed(struct online_mirror *m, size_t at)
{
  struct online *s, *next;

  for (s = m->first; s; s = next) {
    next = s->next;
    if (!online_is_confirmed(m, s) && (!at || s->instance == at)) m->ended(s);
  }
}

void
online_recalled(struct online_mirror *m, struct slice instance)
{
  size_t i = make_place(m, instance);

  if (!i) return;
  end_unconfirmed(m, i);
  m->heard_out[i - 1] = true;
}

void
online_compare(struct online_mirror *m)
{
  end_unconfirmed(m, 0);
}

static void
on_time(void *cookie)
{
  struct online_mirror *m = cookie;

  if (link_find(ROUTED)) m->due();
}

void
online_up(struct online_mirror *m)
{
  m->comings++;
  event_timer_start(&m->timer, door_now() + m->wait_us, on_time, m);
}

void
online_due_now(struct online_mirror *m)
{
  event_timer_start(&m->timer, door_now(), on_time, m);
}

/* ---- the state for a trace ---- */

void
online_snapshot(struct snapshot *k, struct online_mirror *m)
{
  size_t i, n = m->names_n;

  if (!snapshot_record(k, "online", true)) return;
  SNAPSHOT_INT(k, m->comings);
  snapshot_timer(k, &m->timer, on_time, m);
  SNAPSHOT_INT(k, n);
  m->names_n = n < ONLINE_INSTANCES_MAX ? n : ONLINE_INSTANCES_MAX;
  for (i = 0; i < m->names_n; i++) {
    snapshot_name(k, m->names[i], sizeof m->names[i]);
    SNAPSHOT_INT(k, m->heard_out[i]);
  }
}

void
online_snapshot_session(struct snapshot *k, struct online *s)
{
  SNAPSHOT_INT(k, s->confirmed);
  SNAPSHOT_INT(k, s->instance);
}
