#include "restore.h"
#include "domains.h"
#include "earlier.h"
#include "left.h"

#include "service/service.h"

#include <stdlib.h>
#include <string.h>

/* The file of streams (kept.c) is read as if this program were the last run, and all its streams had been
 * lost just now: from it come the parts that outlive streams (left.c), and pairs whose stanzas may have
 * arrived (earlier.c). */

/* A stream of the file. */
struct found {
  struct kept_stream k;
  struct left *left;
  struct pair *pair; /* whose counts those of the stream are */
  uint64_t *marks;   /* of stanzas acked + 1 to sent */
  uint32_t lowest;   /* place of ours in the notes that were looked at, newest first */
  bool looked_at;
};

/* Say whether the peer may have sent stanzas without having heard that they are here
 * (resume_owes). */
static bool
owes(struct kept_stream const *k)
{
  return k->out && k->both && k->heard_us < S2S_ACK_US;
}

static void
restore(struct found *f)
{
  struct kept_stream *k = &f->k;

  if (k->sent - k->acked > S2S_KEPT_NOTES) k->carries = false;
  if (!k->ended) f->left = left_restore(k);
  if (!f->left) {
    kept_end(k->kept);
    return;
  }
  kept_over(k->kept, k->both, k->closed, k->until_us);
  domain_note(k->remote);
  if (k->closed || !k->carries) return;
  f->marks = calloc(k->sent - k->acked + 1, sizeof *f->marks);
  if (f->marks) f->pair = pair_restore(k, f->left->number, owes(k));
}

static void
read_note(struct found *all, struct kept_note const *n)
{
  struct found *f = &all[kept_place(n->kept)];
  uint32_t i = n->at - f->k.acked - 1;
  struct pair *p;

  if (n->came) {
    if (f->left) left_doubt(f->left, n->mark, n->n, n->at);
  } else if (i < f->k.sent - f->k.acked) {
    if (f->pair) f->marks[i] = n->mark;
  } else if ((int32_t)(n->at - f->k.acked) <= 0) {
    p = pair_restore(&f->k, 0, false);
    if (p) earlier_add(p, FATE_HAD, n->mark);
  }
}

/* When the other stanzas leave again (kept_rewound), places are given anew, and older notes of these and
 * of higher places mean nothing. */
static bool
is_stale(struct found *all, struct kept_note const *n)
{
  struct found *f = &all[kept_place(n->kept)];

  if (n->came) return false;
  if (f->looked_at && (int32_t)(n->at - f->lowest) >= 0) return true;
  f->looked_at = true;
  f->lowest = n->at;
  return false;
}

static void
read_notes(struct found *all)
{
  struct kept_note *notes = calloc(S2S_KEPT_NOTES, sizeof *notes);
  size_t n = 0, at = 0, i;

  while (notes && n < S2S_KEPT_NOTES && kept_next_note(&at, &notes[n]))
    n++;
  for (i = n; i-- > 0;)
    if (is_stale(all, &notes[i])) notes[i].kept = 0;
  for (i = 0; i < n; i++)
    if (notes[i].kept) read_note(all, &notes[i]);
  free(notes);
}

/* A stanza whose note was overwritten is one of those whose fate is open, too. */
static void
add_open(struct found *f)
{
  uint32_t i;

  for (i = 0; f->pair && f->pair->kept == f->k.kept && i < f->k.sent - f->k.acked; i++)
    earlier_add(f->pair, FATE_OPEN, f->marks[i]);
  free(f->marks);
}

void
restore_start(void)
{
  struct found *all = calloc(S2S_KEPT, sizeof *all);
  struct kept_stream k;
  size_t i;

  kept_start(service_run_file("streams"));
  if (!all) return;
  for (i = 0; kept_next(&i, &k);)
    all[kept_place(k.kept)].k = k;
  for (i = 0; i < S2S_KEPT; i++)
    if (all[i].k.kept) restore(&all[i]);
  read_notes(all);
  for (i = 0; i < S2S_KEPT; i++)
    add_open(&all[i]);
  if (left_count())
    log_event(LOG_INFO, "s2s-kept", "streams", log_num(left_count()), NULL);
  free(all);
}
