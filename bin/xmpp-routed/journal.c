#include "journal.h"
#include "snapshot.h"

#include <errno.h>
#include <skalibs/djbunix.h>
#include <stdio.h>
#include <sys/mman.h>

/* A copy in the memory of routed alone is lost when routed is killed, and while a c2sd is away
 * routed is alone with the copies for its sessions. So the copies stand in a file too, which is
 * mapped: a kill takes nothing from the kernel's memory. The file is not synced; a power cut may
 * cost it.
 *
 * Two files take turns. Notes are appended to the one whose head has the higher generation; when
 * that one is full, all that is kept is written into the other, and its head last. So a kill at
 * any moment leaves one whole file. */

#define JOURNAL_FORM                                                                     \
  0x31747065 /* of the notes; another number for another form of them */

struct head {
  uint64_t form;
  uint64_t generation; /* 0: never written */
  uint64_t len;        /* of the notes of all turns that are over */
};

enum what { NOTE_KEPT = 1, NOTE_THROUGH, NOTE_GONE };

/* A note; the fields of what is kept stand behind it. */
struct note {
  uint64_t number, id;
  uint32_t what, len;
};

struct half {
  char *path;
  struct head *map; /* NULL: the file could not be made */
  size_t size;
};

static struct {
  struct half halves[2];
  struct half *now; /* NULL: no file is written; tried again at retry_us */
  uint64_t generation, retry_us;
  size_t at;   /* where the next note goes, behind the head */
  bool failed; /* that has been logged */
  bool stands; /* a file is written now; in a replay: was */
  bool renew;  /* the other file is to be written at the end of this turn */
  void (*again)(void);
} journal;

/* ---- the file of an earlier run ---- */

/* A session, and up to which id its client has what was kept (key.id 0); or one copy that is
 * gone. */
struct over {
  uint64_t number, id;
  uint64_t through;
};

static struct slice
over_key(void const *over)
{
  return slice_of(over, 2 * sizeof(uint64_t));
}

struct reading {
  struct arena arena;
  struct table over;
};

static struct over *
over_of(struct reading *g, uint64_t number, uint64_t id, bool make)
{
  uint64_t key[2] = {number, id};
  struct over *o = table_get(&g->over, slice_of((char const *)key, sizeof key));

  if (o || !make || !(o = arena_alloc(&g->arena, sizeof *o))) return o;
  *o = (struct over){number, id, 0};
  return table_put(&g->over, o) ? o : NULL;
}

static bool
next_note(struct slice *rest, struct note *n, struct slice *fields)
{
  if (rest->len < sizeof *n) return false;
  memcpy(n, rest->s, sizeof *n);
  if (n->len > rest->len - sizeof *n) return false;
  *fields = slice_of(rest->s + sizeof *n, n->len);
  *rest = slice_of(fields->s + n->len, rest->len - sizeof *n - n->len);
  return true;
}

static bool
is_over(struct reading *g, struct note const *n)
{
  struct over const *session = over_of(g, n->number, 0, false);

  return (session && session->through >= n->id) || over_of(g, n->number, n->id, false);
}

static void
read_notes(struct slice text, void (*entry)(uint64_t, uint64_t, struct slice))
{
  struct reading g = {ARENA_ZERO, {.key = over_key}};
  struct slice rest = text, fields;
  struct note n;
  struct over *o;

  while (next_note(&rest, &n, &fields)) {
    if (n.what == NOTE_GONE) over_of(&g, n.number, n.id, true);
    if (n.what == NOTE_THROUGH && (o = over_of(&g, n.number, 0, true)) &&
        o->through < n.id)
      o->through = n.id;
  }
  while (next_note(&text, &n, &fields))
    if (n.what == NOTE_KEPT && !is_over(&g, &n)) entry(n.number, n.id, fields);
  table_wipe(&g.over);
  arena_wipe(&g.arena);
}

/* The notes of a file; no notes, when it is none of ours. */
static struct slice
notes_of(stralloc const *text, struct head *head)
{
  *head = (struct head){0, 0, 0};
  if (text->len >= sizeof *head) memcpy(head, text->s, sizeof *head);
  if (text->len < sizeof *head || head->form != JOURNAL_FORM ||
      head->len > text->len - sizeof *head)
    return *head = (struct head){0, 0, 0}, SLICE("");
  return slice_of(text->s + sizeof *head, head->len);
}

static void
read_halves(void (*entry)(uint64_t, uint64_t, struct slice))
{
  stralloc text[2] = {STRALLOC_ZERO, STRALLOC_ZERO};
  struct slice notes[2];
  struct head head[2];
  unsigned int i, newer;

  for (i = 0; i < 2; i++) {
    openslurpclose(&text[i], journal.halves[i].path);
    notes[i] = notes_of(&text[i], &head[i]);
  }
  newer = head[1].generation > head[0].generation;
  journal.generation = head[newer].generation;
  journal.now = &journal.halves[newer]; /* the other one is written first */
  if (journal.generation) read_notes(notes[newer], entry);
  for (i = 0; i < 2; i++)
    stralloc_free(&text[i]);
}

/* ---- writing ---- */

/* Without a file routed goes on, with copies in memory alone. */
static void
give_up(char const *path)
{
  if (!journal.failed)
    log_event(LOG_WARN, "kept-file", "path", path, "why", strerror(errno), NULL);
  journal.failed = true;
  journal.now = NULL;
  journal.retry_us = door_now() + JOURNAL_RETRY_US;
}

/* Map the file, with room for `room` bytes of notes. */
static bool
map_file(struct half *h, size_t room)
{
  size_t size = sizeof(struct head) + room;

  if (h->map && h->size >= size && h->size <= 4 * size) return true;
  if (h->map) munmap(h->map, h->size);
  h->map = file_map(h->path, size);
  h->size = size;
  return h->map != NULL;
}

/* Write all that is kept into the other file, and go on there. */
static void
write_anew(uint64_t live)
{
  struct half *h = &journal.halves[journal.now == &journal.halves[0]];

  if (!map_file(h, 2 * live + JOURNAL_SLACK)) {
    give_up(h->path);
    return;
  }
  journal.now = h;
  journal.at = 0;
  journal.renew = false;
  journal.again();
  if (journal.renew) return; /* the copies have grown meanwhile */
  journal.failed = false;
  h->map->form = JOURNAL_FORM;
  h->map->len = journal.at;
  h->map->generation = ++journal.generation;
}

void
journal_turn(uint64_t live)
{
  if (!journal.again || (!journal.now && door_now() < journal.retry_us)) return;
  if (!journal.now || journal.renew) write_anew(live);
  if (journal.now) journal.now->map->len = journal.at;
  journal.stands = journal.now != NULL;
}

void
journal_renew(void)
{
  journal.renew = true;
}

/* Append a note. A note for which there is no room is written with all the rest, into the other
 * file. */
static void
note(enum what what, uint64_t number, uint64_t id, struct slice fields)
{
  struct note n = {number, id, what, (uint32_t)fields.len};
  char *to;

  if (!journal.now || !journal.now->map) return;
  if (sizeof(struct head) + journal.at + sizeof n + fields.len > journal.now->size) {
    journal.renew = true;
    return;
  }
  to = (char *)(journal.now->map + 1) + journal.at;
  memcpy(to, &n, sizeof n);
  if (fields.len) memcpy(to + sizeof n, fields.s, fields.len);
  journal.at += sizeof n + fields.len;
}

bool
journal_stands(void)
{
  return journal.stands;
}

void
journal_snapshot(struct snapshot *k)
{
  if (snapshot_record(k, "journal", true)) SNAPSHOT_INT(k, journal.stands);
}

void
journal_kept(uint64_t number, uint64_t id, struct slice fields)
{
  note(NOTE_KEPT, number, id, fields);
}

void
journal_through(uint64_t number, uint64_t id)
{
  note(NOTE_THROUGH, number, id, SLICE(""));
}

void
journal_gone(uint64_t number, uint64_t id)
{
  note(NOTE_GONE, number, id, SLICE(""));
}

static char *
half_path(char const *path, char const *end)
{
  stralloc sa = STRALLOC_ZERO;

  return stralloc_cats(&sa, path) && stralloc_cats(&sa, end) && stralloc_0(&sa) ? sa.s
                                                                                : NULL;
}

void
journal_open(char const *path, void (*again)(void),
             void (*entry)(uint64_t, uint64_t, struct slice))
{
  if (!path) return;
  journal.halves[0].path = half_path(path, "-1");
  journal.halves[1].path = half_path(path, "-2");
  if (!journal.halves[0].path || !journal.halves[1].path) return;
  journal.again = again;
  journal.renew = true;
  read_halves(entry);
}
