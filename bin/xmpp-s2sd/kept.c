#include "kept.h"

#include "link/link.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>

/* The counts of streams with stream management (XEP-0198) in a mapped file: a kill takes nothing from
 * the kernel's memory. The file is not synced; a power cut may cost it, and then streams begin anew.
 *
 * A slot has a stream: its names and its counts, each of which is stored by itself. A ring of notes
 * says which stanzas the counts mean. All is stored while a turn goes on, and nothing of a turn leaves
 * before its end, so what is stored is never behind what a neighbour knows:
 *
 *   1. A stanza of the peer is noted (kept_came) before routed has it. The next run asks routed up to
 *      which number the stanzas of this run came, and takes the place of the newest of those for
 *      the count of the handled ones.
 *   2. A stanza of ours is noted (kept_left) before tlsd has it. The peer says how many it has.
 *   3. A stanza that the peer has acknowledged stays noted: routed may not have heard of that.
 *
 * A note that the ring has overwritten costs no stanza: it is sent again, as without the file. The slot of
 * a stream that has ended is used again as late as can be, for its notes mean something until
 * then. */

#define KEPT_FORM 0x31746b327332u /* another number for another form of the file */
#define PLACE_BITS 16             /* of kept: the place of the slot; a count is above */

enum flag {
  FLAG_OUT = 1,
  FLAG_BOTH = 2,
  FLAG_CLOSED = 4,
  FLAG_CARRIES = 8,
  FLAG_OVER = 16,
  FLAG_ENDED = 32
};

struct slot {
  uint64_t kept; /* 0: free */
  uint64_t max_us;
  uint64_t until_wall; /* over: by the wall clock, as the next one */
  uint64_t heard_wall; /* when the peer's last stanza came; 0: none did */
  uint32_t flags, handled, acked, sent;
  uint32_t id_len, local_len, remote_len, unused;
  char text[S2S_KEPT_BYTES - 64];
};

struct note {
  uint64_t kept; /* 0: no note */
  uint64_t n, mark;
  uint32_t at, came;
};

struct file {
  uint64_t form, size;
  uint64_t count; /* of the streams that were noted: the newest number */
  uint64_t wall;  /* the last turn */
  uint64_t tail;  /* notes that were written; the next one's place, modulo the ring */
  uint64_t unused[3];
  struct slot slots[S2S_KEPT];
  struct note notes[S2S_KEPT_NOTES];
};

static struct file *file; /* NULL: nothing is kept */
static bool said_full;

/* ---- the file ---- */

void
kept_start(char const *path)
{
  if (!path) return;
  file = file_map(path, sizeof *file);
  if (!file) {
    log_event(LOG_WARN, "kept-file", "path", path, "why", strerror(errno), NULL);
    return;
  }
  if (file->form == KEPT_FORM && file->size == sizeof *file) return;
  memset(file, 0, sizeof *file);
  file->size = sizeof *file;
  file->form = KEPT_FORM;
}

size_t
kept_place(uint64_t kept)
{
  return (kept & ((1u << PLACE_BITS) - 1)) % S2S_KEPT;
}

static struct slot *
slot_of(uint64_t kept)
{
  struct slot *s = file && kept ? &file->slots[kept_place(kept)] : NULL;

  return s && s->kept == kept ? s : NULL;
}

/* A kill may come between two stores, which stand in the file in this order. */
static void
in_order(void)
{
  atomic_signal_fence(memory_order_seq_cst);
}

static void
set_flag(struct slot *s, enum flag flag, bool on)
{
  s->flags = on ? s->flags | flag : s->flags & ~(uint32_t)flag;
}

/* ---- what an earlier run has left ---- */

static uint64_t
left_of(uint64_t until_wall)
{
  uint64_t wall = door_wall();

  return until_wall > wall ? until_wall - wall : 0;
}

static bool
is_whole(struct slot const *s)
{
  return s->kept && s->id_len <= sizeof s->text && s->local_len <= sizeof s->text &&
         s->remote_len <= sizeof s->text &&
         s->id_len + s->local_len + s->remote_len <= sizeof s->text;
}

static void
read_slot(struct slot const *s, struct kept_stream *out)
{
  uint64_t until = s->flags & FLAG_OVER ? s->until_wall : file->wall + s->max_us;
  uint64_t left = left_of(until), wall = door_wall();

  *out = (struct kept_stream){.kept = s->kept, .max_us = s->max_us};
  out->id = slice_of(s->text, s->id_len);
  out->local = slice_of(s->text + s->id_len, s->local_len);
  out->remote = slice_of(s->text + s->id_len + s->local_len, s->remote_len);
  out->out = s->flags & FLAG_OUT;
  out->both = s->flags & FLAG_BOTH;
  out->closed = s->flags & FLAG_CLOSED;
  out->carries = s->flags & FLAG_CARRIES;
  out->ended = s->flags & FLAG_ENDED || !left;
  out->until_us = door_now() + (left < s->max_us ? left : s->max_us);
  out->heard_us = wall > s->heard_wall ? wall - s->heard_wall : 0;
  out->handled = s->handled;
  out->acked = s->acked;
  out->sent = s->sent;
}

bool
kept_next(size_t *i, struct kept_stream *out)
{
  while (file && *i < S2S_KEPT) {
    struct slot const *s = &file->slots[(*i)++];
    if (!is_whole(s)) continue;
    read_slot(s, out);
    return true;
  }
  return false;
}

bool
kept_next_note(size_t *i, struct kept_note *out)
{
  while (file && *i < S2S_KEPT_NOTES) {
    struct note const *n = &file->notes[(file->tail + (*i)++) % S2S_KEPT_NOTES];
    if (!slot_of(n->kept)) continue;
    *out = (struct kept_note){n->kept, n->n, n->mark, n->at, n->came};
    return true;
  }
  return false;
}

/* ---- streams ---- */

static bool
is_free(struct slot const *s)
{
  if (!s->kept || s->flags & FLAG_ENDED) return true;
  return s->flags & FLAG_OVER && s->until_wall + s->max_us < door_wall();
}

/* Places are taken in turn. */
static struct slot *
free_slot(void)
{
  uint64_t i;

  for (i = 1; i <= S2S_KEPT; i++) {
    struct slot *s = &file->slots[(file->count + i) % S2S_KEPT];
    if (is_free(s)) {
      file->count += i;
      return s;
    }
  }
  return NULL;
}

static void
put_text(struct slot *s, uint32_t *at, uint32_t *len, struct slice text)
{
  *len = (uint32_t)text.len;
  memcpy(s->text + *at, text.s, text.len);
  *at += *len;
}

static void
say_full(struct kept_stream const *k)
{
  if (!said_full)
    log_event(LOG_WARN, "kept-full", "domain", log_text(k->remote), "why",
              "no room for another stream: it begins anew when xmpp-s2sd is killed",
              NULL);
  said_full = true;
}

uint64_t
kept_new(struct kept_stream const *k)
{
  size_t len = k->id.len + k->local.len + k->remote.len;
  struct slot *s = file && len <= sizeof s->text ? free_slot() : NULL;
  uint32_t at = 0;

  if (!s) {
    if (file) say_full(k);
    return 0;
  }
  s->kept = 0;
  in_order();
  memset(s, 0, sizeof *s);
  s->max_us = k->max_us;
  s->flags = (k->out ? FLAG_OUT : 0) | (k->both ? FLAG_BOTH : 0);
  put_text(s, &at, &s->id_len, k->id);
  put_text(s, &at, &s->local_len, k->local);
  put_text(s, &at, &s->remote_len, k->remote);
  in_order();
  s->kept = file->count << PLACE_BITS | (uint64_t)(s - file->slots);
  return s->kept;
}

void
kept_over(uint64_t kept, bool both, bool closed, uint64_t until_us)
{
  struct slot *s = slot_of(kept);

  if (!s) return;
  s->until_wall = door_wall() + (until_us > door_now() ? until_us - door_now() : 0);
  set_flag(s, FLAG_BOTH, both);
  set_flag(s, FLAG_CLOSED, closed);
  set_flag(s, FLAG_OVER, true);
}

void
kept_goes_on(uint64_t kept)
{
  struct slot *s = slot_of(kept);

  if (s) set_flag(s, FLAG_OVER, false);
}

void
kept_end(uint64_t kept)
{
  struct slot *s = slot_of(kept);

  if (s) set_flag(s, FLAG_ENDED, true);
}

void
kept_closes(uint64_t kept)
{
  struct slot *s = slot_of(kept);

  if (s) set_flag(s, FLAG_CLOSED, true);
}

/* ---- stanzas ---- */

/* A note that is cut short by a kill is none. */
static void
note(struct note n)
{
  struct note *to = &file->notes[file->tail % S2S_KEPT_NOTES];
  uint64_t kept = n.kept;

  to->kept = 0;
  in_order();
  n.kept = 0;
  *to = n;
  in_order();
  to->kept = kept;
  file->tail++;
}

void
kept_came(uint64_t kept, uint32_t at, uint64_t n)
{
  struct slot *s = slot_of(kept);

  if (!s) return;
  note((struct note){kept, n, link_own_epoch(), at, true});
  s->heard_wall = door_wall();
}

void
kept_handled(uint64_t kept, uint32_t handled)
{
  struct slot *s = slot_of(kept);

  if (s) s->handled = handled;
}

void
kept_carries(uint64_t kept, bool carries, uint32_t acked, uint32_t sent)
{
  struct slot *s = slot_of(kept);

  if (!s) return;
  if (carries) {
    s->acked = acked;
    s->sent = sent;
    if (!(s->flags & FLAG_OUT)) set_flag(s, FLAG_BOTH, true);
    in_order();
  }
  set_flag(s, FLAG_CARRIES, carries);
}

void
kept_left(uint64_t kept, uint32_t at, uint64_t mark)
{
  struct slot *s = slot_of(kept);

  if (!s) return;
  note((struct note){kept, 0, mark, at, false});
  in_order();
  s->sent = at;
}

void
kept_acked(uint64_t kept, uint32_t acked)
{
  struct slot *s = slot_of(kept);

  if (s) s->acked = acked;
}

void
kept_rewound(uint64_t kept, uint32_t sent)
{
  struct slot *s = slot_of(kept);

  if (s) s->sent = sent;
}

void
kept_turn(void)
{
  if (file) file->wall = door_wall();
}
