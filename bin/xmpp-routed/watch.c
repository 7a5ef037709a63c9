#include "expected.h"
#include "posts.h"
#include "watch.h"

void
watch_record(struct link *l, struct record *r)
{
  struct slice word = record_get(r, 1);
  struct post *p = post_of(l);
  unsigned int w;

  expected_announces(l);
  for (w = 0; w < WATCH_WORDS && !slice_is(word, watch_rows[w].word); w++) {
  }
  if (w == WATCH_WORDS || !p) {
    log_event(LOG_WARN, "watch-refused", "link", l->name, "word", log_text(word), "why",
              p ? "unknown word" : "out of memory", NULL);
    return;
  }
  p->watches |= WATCH_BIT(w);
  p->watches_now |= WATCH_BIT(w);
  if (watch_rows[w].begin) watch_rows[w].begin(p);
  if (watch_rows[w].source) watch_ask(link_find(watch_rows[w].source), w);
}

struct post *
watch_next(enum watch w, struct post const *p)
{
  struct post *next = posts_next(p);

  while (next && !(next->watches & WATCH_BIT(w)))
    next = posts_next(next);
  return next;
}

struct link *
watch_link(enum watch w, struct post const *p)
{
  return p->watches_now & WATCH_BIT(w) ? p->link : NULL;
}

unsigned int
watch_say(enum watch w, enum verb v, struct slice fields)
{
  struct post *p = NULL;
  unsigned int n = 0;

  for (; (p = watch_next(w, p)); n++)
    post_say(p, v, fields);
  return n;
}

bool
watch_begins(struct post *p)
{
  p->watches_now = 0;
  return p->watches != 0;
}

void
watch_settled(struct post *p)
{
  p->watches = p->watches_now;
}

void
watch_ask(struct link *source, enum watch w)
{
  if (!source) return;
  link_begin(source, VERB_WATCH);
  link_str(source, watch_rows[w].word);
  link_end(source);
}

void
watch_up(struct link *l)
{
  unsigned int w;

  for (w = 0; w < WATCH_WORDS; w++)
    if (watch_rows[w].source == l->program && watch_next(w, NULL)) watch_ask(l, w);
}

void
watch_pass(struct link *l, struct record *r)
{
  enum verb v = verb_find(record_raw(r, 0));
  struct slice first = record_raw(r, 1), last = record_raw(r, r->n - 1);
  struct slice fields = SLICE("");
  unsigned int w;

  (void)l;
  if (r->n > 1) fields = slice_of(first.s, (size_t)(last.s + last.len - first.s));
  for (w = 0; w < WATCH_WORDS; w++)
    if (watch_rows[w].passed[0] == v || watch_rows[w].passed[1] == v)
      watch_say(w, v, fields);
}
