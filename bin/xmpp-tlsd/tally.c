#include "conn.h"

#include <stdlib.h>

/* How much of a stream program's data has entered the socket. Each piece of data that was
 * encoded leaves a mark: where its last byte is among all that goes to the network. */

struct mark {
  uint64_t net, data;
};

struct tally {
  stralloc marks;
  size_t first;   /* the first mark that the socket has not passed: a place in marks */
  uint64_t given; /* bytes of data that came */
  uint64_t net;   /* bytes that the socket has taken */
  uint64_t done, told; /* bytes of data that are in them, and that were told */
};

bool
tally_begin(struct conn *c)
{
  c->tally = calloc(1, sizeof *c->tally);
  return c->tally != NULL;
}

void
tally_end(struct conn *c)
{
  if (c->tally) stralloc_free(&c->tally->marks);
  free(c->tally);
  c->tally = NULL;
}

void
tally_data(struct conn *c, size_t n)
{
  if (c->tally) c->tally->given += n;
}

bool
tally_encoded(struct conn *c, size_t left)
{
  struct tally *t = c->tally;
  struct mark m;

  if (!t) return true;
  m.net = t->net + (c->pending.len - c->written);
  m.data = t->given - left;
  return stralloc_catb(&t->marks, (char const *)&m, sizeof m);
}

/* Remove the marks that were passed once they are the greater part. */
static void
trim(struct tally *t)
{
  size_t left = t->marks.len - t->first;

  if (!left) {
    stralloc_free(&t->marks);
  } else {
    if (t->first < left) return;
    memmove(t->marks.s, t->marks.s + t->first, left);
    t->marks.len = left;
  }
  t->first = 0;
}

void
tally_written(struct conn *c, size_t n)
{
  struct tally *t = c->tally;
  struct mark m;

  if (!t || !n) return;
  t->net += n;
  for (; t->first < t->marks.len; t->first += sizeof m) {
    memcpy(&m, t->marks.s + t->first, sizeof m);
    if (m.net > t->net) break;
    t->done = m.data;
  }
  trim(t);
}

bool
tally_is_news(struct conn const *c)
{
  return c->tally && c->tally->done > c->tally->told;
}

void
tally_tell(struct conn *c)
{
  if (!tally_is_news(c) || !c->link || (c->we_closed && c->they_closed)) return;
  c->tally->told = c->tally->done;
  link_begin(c->link, VERB_WRITTEN);
  link_num(c->link, c->id);
  link_num(c->link, c->tally->told);
  link_end(c->link);
}
