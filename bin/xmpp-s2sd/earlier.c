#include "earlier.h"

#include <string.h>

/* When s2sd was killed, routed gives the next run all stanzas that are not settled, in their order. Some
 * of them had left on a stream with stream management: the file (kept.c) says which, and the stream, and
 * the peer says how many it has when that stream is resumed. Those that the peer has do not leave again;
 * a request that it has not leaves again, though nobody may send a request twice blindly. */

struct earlier {
  uint64_t mark;
  uint64_t fate; /* enum fate */
};

static struct earlier *
list(struct pair const *p)
{
  return (struct earlier *)p->earlier.s;
}

static size_t
count(struct pair const *p)
{
  return p->earlier.len / sizeof(struct earlier);
}

/* Numbers of a run of routed are above this; those below are of stanzas that it has from here. */
#define NUMBERS_BEGIN (UINT64_C(1) << 32)

/* Several stanzas of one pair may come of one: they differ in TO, or in length at least. */
uint64_t
earlier_mark(struct slice raw)
{
  static uint64_t const key[2];
  struct slice origin = stanza_raw_field(raw, STANZA_ORIGIN);
  uint64_t n;

  if (!origin.len) return (n = pair_number(raw)) >= NUMBERS_BEGIN ? n : 0;
  n = hash_keyed(key, stanza_raw_field(raw, STANZA_XML).len,
                 stanza_raw_field(raw, STANZA_TO));
  return hash_keyed(key, n, origin);
}

bool
earlier_add(struct pair *p, enum fate fate, uint64_t mark)
{
  struct earlier e = {mark, fate};

  p->earlier_us = door_now() + S2S_PAIR_IDLE_US;
  return stralloc_catb(&p->earlier, (char const *)&e, sizeof e);
}

static void
forget_old(struct pair *p)
{
  if (!p->earlier.len || door_now() < p->earlier_us || earlier_is_open(p)) return;
  stralloc_free(&p->earlier);
  p->earlier_at = 0;
}

static bool
is_said_again(struct slice raw)
{
  return slice_has_word(stanza_raw_field(raw, STANZA_TAGS), SLICE("again"));
}

/* Stanzas that routed says again come in the order in which they had left: the search begins behind the last
 * one found. Others are not looked for, which would cost each of them the whole list. */
enum fate
earlier_fate(struct pair *p, struct slice raw)
{
  size_t all, i, at;
  uint64_t mark;

  forget_old(p);
  if (!p->earlier.len || !is_said_again(raw)) return FATE_NEVER_SENT;
  mark = earlier_mark(raw);
  all = mark ? count(p) : 0;
  for (i = 0; i < all; i++) {
    struct earlier const *e = &list(p)[at = (p->earlier_at + i) % all];
    if (e->mark != mark) continue;
    p->earlier_at = at + 1;
    return (enum fate)e->fate;
  }
  return FATE_NEVER_SENT;
}

bool
earlier_is_open(struct pair const *p)
{
  size_t i;

  for (i = 0; i < count(p); i++)
    if (list(p)[i].fate == FATE_OPEN) return true;
  return false;
}

void
earlier_has(struct pair *p, uint32_t n)
{
  size_t i;

  for (i = 0; i < count(p); i++) {
    struct earlier *e = &list(p)[i];
    if (e->fate != FATE_OPEN) continue;
    e->fate = n ? FATE_HAD : FATE_MISSING;
    if (n) n--;
  }
}

void
earlier_lost(struct pair *p)
{
  size_t i;

  for (i = 0; i < count(p); i++)
    if (list(p)[i].fate == FATE_OPEN) list(p)[i].fate = FATE_NEVER_SENT;
}
