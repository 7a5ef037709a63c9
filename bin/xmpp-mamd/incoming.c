#include "mamd.h"

#include "stanza/refused.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Messages from routed: each is stored once, for sender and recipient. A message comes
 * again when a program was killed before the message was acknowledged. mamd knows a
 * repeat by its id or, when a new routed gave the message another id, by the number of
 * its source. Numbers are compared within an epoch of the source, which is one run of it:
 * a run that began after the clock was set back, or counts from 1, repeats nothing of the
 * runs before. */

#define SOURCES_MAX 256

static struct {
  char name[LINK_NAME_MAX + 1];
  size_t len;
  struct archive_source runs[ARCHIVE_SOURCE_RUNS]; /* the newest first */
  unsigned int runs_n;
  /* The epoch of routed, then the runs as they were when that routed came. */
  struct archive_source before[ARCHIVE_SOURCE_RUNS];
  unsigned int before_n;
  bool changed, before_changed;
} sources[SOURCES_MAX];

static size_t sources_n;
uint64_t incoming_stored;

/* ---- sources ---- */

/* The name of the entry that has what is before; no neighbour has it. */
static struct slice
name_before(struct slice name, char buf[LINK_NAME_MAX + 8])
{
  return slice_of(
    buf, (size_t)snprintf(buf, LINK_NAME_MAX + 8, "before %.*s", (int)name.len, name.s));
}

/* Note how far the source i had come when the routed of this epoch came. */
static void
note_before(size_t i, uint64_t epoch)
{
  unsigned int n = sources[i].runs_n;

  if (sources[i].before_n && sources[i].before[0].epoch == epoch) return;
  if (n >= ARCHIVE_SOURCE_RUNS) n = ARCHIVE_SOURCE_RUNS - 1;
  sources[i].before[0] = (struct archive_source){epoch, 0};
  memcpy(sources[i].before + 1, sources[i].runs, n * sizeof *sources[i].runs);
  sources[i].before_n = n + 1;
  sources[i].before_changed = true;
}

/* Where the source is in the table, for the routed of this epoch; SOURCES_MAX: there is no room. */
static size_t
source_of(struct slice name, uint64_t epoch)
{
  char buf[LINK_NAME_MAX + 8];
  size_t i;

  for (i = 0; i < sources_n; i++)
    if (slice_eq(name, slice_of(sources[i].name, sources[i].len))) {
      note_before(i, epoch);
      return i;
    }
  if (i == SOURCES_MAX || !name.len || name.len > LINK_NAME_MAX) return SOURCES_MAX;
  memcpy(sources[i].name, name.s, name.len);
  sources[i].len = name.len;
  if (!archive_source_get(mamd.archive, name, sources[i].runs, &sources[i].runs_n))
    sources[i].runs_n = 0;
  if (!archive_source_get(mamd.archive, name_before(name, buf), sources[i].before,
                          &sources[i].before_n)) {
    /* An older version has not noted it; a repeat does less harm than a loss. */
    sources[i].before[0] = (struct archive_source){epoch, 0};
    sources[i].before_n = 1;
  }
  sources[i].changed = sources[i].before_changed = false;
  sources_n++;
  note_before(i, epoch);
  return i;
}

/* Give the run of source i with this epoch, made when the source has none. The oldest run
 * makes room: that run is over, and no stanza of it is on its way any more. */
static struct archive_source *
run_of(size_t i, uint64_t epoch)
{
  struct archive_source *runs = sources[i].runs;
  unsigned int j;

  for (j = 0; j < sources[i].runs_n; j++)
    if (runs[j].epoch == epoch) return &runs[j];
  if (sources[i].runs_n < ARCHIVE_SOURCE_RUNS) sources[i].runs_n++;
  memmove(runs + 1, runs, (sources[i].runs_n - 1) * sizeof *runs);
  runs[0] = (struct archive_source){epoch, 0};
  return &runs[0];
}

/* Say whether the stanza has been here before; a new one is noted. epoch: of the routed that passes it. */
static bool
came_before(struct slice origin, uint64_t epoch)
{
  struct stanza_source from;
  struct archive_source *run;
  size_t i;

  if (!stanza_source(origin, &from)) return false;
  i = source_of(from.name, epoch);
  if (i == SOURCES_MAX) return false;
  run = run_of(i, from.epoch);
  if (from.number <= run->number) return true;
  run->number = from.number;
  sources[i].changed = true;
  return false;
}

/* Say whether an earlier routed passed the stanza of this ORIGIN, which has waited in the present one:
 * stanzas of a source that an earlier one passed came in their order, but for those that its file of
 * copies has (bin/xmpp-routed/exists.c). */
static bool
came_at_once(struct slice origin, uint64_t epoch)
{
  struct stanza_source from;
  unsigned int j;
  size_t i;

  if (!stanza_source(origin, &from)) return false;
  i = source_of(from.name, epoch);
  for (j = 1; i < SOURCES_MAX && j < sources[i].before_n; j++)
    if (sources[i].before[j].epoch == from.epoch)
      return from.number <= sources[i].before[j].number;
  return false;
}

void
incoming_turn(void)
{
  char buf[LINK_NAME_MAX + 8];
  size_t i;

  for (i = 0; i < sources_n; i++) {
    struct slice name = slice_of(sources[i].name, sources[i].len);
    if (sources[i].before_changed)
      archive_source_put(mamd.archive, name_before(name, buf), sources[i].before,
                         sources[i].before_n);
    if (sources[i].changed)
      archive_source_put(mamd.archive, name, sources[i].runs, sources[i].runs_n);
    sources[i].changed = sources[i].before_changed = false;
  }
}

void
incoming_lost(void)
{
  sources_n = 0;
}

/* ---- who has it ---- */

struct message {
  struct link *link;
  struct stanza st;
  struct jid from, to;
  uint64_t id;        /* 0: routed has given none */
  struct slice given; /* numbers of the sessions that were given the message */
  struct slice came;  /* ORIGIN of one that has waited */
  bool store, wait, retract, unacked, was;
  struct archive_owner owners[2];
  unsigned int n;
};

/* Read the tags of m->st in one pass: mamd handles every message of the server, and most of
 * what a message costs before its append is the reading of tags. */
static void
read_tags(struct message *m)
{
  struct slice rest = m->st.tags, word;

  while (slice_word(&rest, ' ', &word)) {
    switch (word.len ? word.s[0] : 0) {
    case 'c':
      if (slice_starts(word, "came=")) m->came = slice_of(word.s + 5, word.len - 5);
      break;
    case 'g':
      if (slice_starts(word, "given=")) m->given = slice_of(word.s + 6, word.len - 6);
      break;
    case 'i':
      if (!slice_starts(word, "id=")) break;
      if (!slice_u64(slice_of(word.s + 3, word.len - 3), &m->id)) m->id = 0;
      break;
    case 'r': m->retract |= slice_is(word, "retract"); break;
    case 's': m->store |= slice_is(word, "store"); break;
    case 'u': m->unacked |= slice_is(word, "unacked"); break;
    case 'w':
      m->wait |= slice_is(word, "wait");
      m->was |= slice_starts(word, "was=");
      break;
    default: break;
    }
  }
}

static void
add_owner(struct message *m, uint64_t number, struct slice contact, bool archived,
          bool waits)
{
  if (!archived && !waits) return;
  m->owners[m->n++] = (struct archive_owner){number, contact, archived, waits};
}

static void
send_error(struct message const *m, enum refusal rule, enum stanza_error e)
{
  stanza_refused(&m->st, DECIDED_BOUNCED, rule);
  handle_refuse(m->link, &m->st, e, SLICE(""), SLICE(""));
}

static bool
is_archived(struct slice bare, uint64_t number, struct jid const *contact,
            struct message const *m)
{
  return number && m->store && prefs_archives(bare, number, contact);
}

/* XEP-0160 s3, mod_offline: nobody waits who is not there, and not more than the limit. */
static bool
may_wait(struct message const *m, uint64_t number)
{
  if (!m->wait) return false;
  if (!number) {
    send_error(m, REFUSED_NO_ACCOUNT, ERR_SERVICE_UNAVAILABLE);
    return false;
  }
  if (!waiting_is_full(m->to.bare, number)) return true;
  send_error(m, REFUSED_OFFLINE_FULL, ERR_RESOURCE_CONSTRAINT);
  return false;
}

static void
find_owners(struct message *m)
{
  bool self = slice_eq(m->from.bare, m->to.bare);
  uint64_t sender = self ? 0 : mamd_number(m->from.bare);
  uint64_t recipient = mamd_number(m->to.bare);

  if (sender)
    add_owner(m, sender, m->to.bare, is_archived(m->from.bare, sender, &m->to, m), false);
  add_owner(m, recipient, m->from.bare, is_archived(m->to.bare, recipient, &m->from, m),
            may_wait(m, recipient));
}

/* Say whether m is to wake clients of its recipient. */
static bool
wakes(struct message const *m)
{
  return waiting_wakes(m->st.type, m->st.tags, slice_eq(m->from.bare, m->to.bare));
}

/* ---- storing ---- */

/* The fields as they stand, which are to be copied before one is read: reading unescapes it
 * where it is. */
static bool
text_of(struct record const *r, struct archive_text *t)
{
  static stralloc copy = STRALLOC_ZERO;
  static unsigned int const fields[] = {STANZA_FROM, STANZA_TO, STANZA_TYPE, STANZA_ID,
                                        STANZA_TAGS};
  struct slice *const at[] = {&t->from, &t->to, &t->type, &t->id, &t->tags};
  struct slice rest;
  size_t i;

  copy.len = 0;
  for (i = 0; i < sizeof fields / sizeof *fields; i++) {
    struct slice raw = record_raw(r, fields[i]);
    if (!stralloc_catb(&copy, raw.s, raw.len) || !stralloc_catb(&copy, "\t", 1))
      return false;
  }
  rest = slice_of(copy.s, copy.len);
  for (i = 0; i < sizeof fields / sizeof *fields; i++)
    slice_word(&rest, '\t', at[i]);
  t->xml = record_raw(r, STANZA_XML);
  return true;
}

/* Have m wait again: a session has ended without having acknowledged m. A message that is not
 * in the recipient's archive is stored now, only as waiting. */
static void
comes_back(struct message *m, struct archive_text const *text)
{
  uint64_t number = mamd_number(m->to.bare);
  struct archive_message there;

  if (!may_wait(m, number)) return;
  if (!archive_get(mamd.archive, number, m->id, &there) &&
      (errno != ENOENT || !archive_append_late(mamd.archive, &m->id, number, text))) {
    mamd_failed("store a waiting message", m->to.bare);
    return;
  }
  waiting_add(m->to.bare, number, m->id, wakes(m));
}

/* Say whether m repeats a message: an owner has a message under this id. */
static bool
is_stored(struct message const *m, uint64_t id)
{
  struct archive_message there;
  unsigned int i;

  for (i = 0; i < m->n; i++)
    if (archive_get(mamd.archive, m->owners[i].number, id, &there)) return true;
  return false;
}

/* Say whether m is stored under an id that an earlier routed gave it (bin/xmpp-routed/exists.c). */
static bool
was_stored(struct message const *m)
{
  struct slice rest = m->st.tags, word;
  uint64_t id;

  while (m->was && slice_word(&rest, ' ', &word))
    if (slice_starts(word, "was=") &&
        slice_u64(slice_of(word.s + 4, word.len - 4), &id) && is_stored(m, id))
      return true;
  return false;
}

/* routed was started with a clock behind the archive, and gave ids before it was told of the
 * newest here. The message is new, and not to be lost. */
static void
give_new_id(struct message *m)
{
  log_event(LOG_WARN, "archive-id-behind", "account", log_text(m->to.bare), "id",
            log_num(m->id), "new_id", log_num(archive_last_id(mamd.archive) + 1), "why",
            "the clock of xmpp-routed is behind the archive", "do",
            "set the clock of the machine", NULL);
  m->id = archive_last_id(mamd.archive) + 1;
}

static void
store(struct message *m, struct archive_text const *text)
{
  unsigned int i;

  find_owners(m);
  if (!m->n || was_stored(m)) return;
  if (m->id <= archive_last_id(mamd.archive)) {
    if (is_stored(m, m->id)) return;
    give_new_id(m);
  }
  if (!archive_append(mamd.archive, m->id, m->owners, m->n, text)) {
    mamd_failed("store a message", m->to.bare);
    return;
  }
  incoming_stored++;
  for (i = 0; i < m->n; i++)
    if (m->owners[i].waits)
      waiting_add(m->to.bare, m->owners[i].number, m->id, wakes(m));
    else if (slice_eq(m->owners[i].contact, m->from.bare))
      marks_given(m->to.bare, m->given);
  if (m->retract)
    retract_message(&m->st, m->from.bare, m->owners[0].number, m->owners[0].contact);
}

/* A message that routed sent before it was told that the archive is full: nobody else stores one
 * that is to wait. routed keeps one that was given to sessions. */
static void
error_when_full(struct message const *m)
{
  if (m->wait) send_error(m, REFUSED_STORE_FULL, ERR_RESOURCE_CONSTRAINT);
}

void
incoming_message(struct link *l, struct record *r)
{
  struct archive_text text;
  struct message m = {.link = l};

  if (!text_of(r, &text)) {
    mamd_failed("store a message", SLICE(""));
    return;
  }
  stanza_read(r, 0, &m.st);
  read_tags(&m);
  if (!m.id) return;
  m.from = jid_cut(m.st.from);
  m.to = jid_cut(m.st.to);
  if (archive_is_full(mamd.archive)) {
    error_when_full(&m);
    return;
  }
  if (came_before(m.st.origin, l->epoch) || came_at_once(m.came, l->epoch)) return;
  if (m.unacked)
    comes_back(&m, &text);
  else
    store(&m, &text);
}

static void
snapshot_runs(struct snapshot *k, struct archive_source *runs, unsigned int *runs_n)
{
  unsigned int n = *runs_n, j;

  SNAPSHOT_INT(k, n);
  *runs_n = n < ARCHIVE_SOURCE_RUNS ? n : ARCHIVE_SOURCE_RUNS;
  for (j = 0; j < *runs_n; j++) {
    SNAPSHOT_INT(k, runs[j].epoch);
    SNAPSHOT_INT(k, runs[j].number);
  }
}

/* At the end of a turn: nothing is changed. */
void
incoming_snapshot(struct snapshot *k)
{
  size_t n = sources_n, i;

  if (!snapshot_record(k, "sources", true)) return;
  SNAPSHOT_INT(k, incoming_stored);
  SNAPSHOT_INT(k, n);
  sources_n = n < SOURCES_MAX ? n : SOURCES_MAX;
  for (i = 0; i < sources_n; i++) {
    snapshot_name(k, sources[i].name, sizeof sources[i].name);
    SNAPSHOT_INT(k, sources[i].len);
    snapshot_runs(k, sources[i].runs, &sources[i].runs_n);
    SNAPSHOT_INT(k, sources[i].changed);
    snapshot_runs(k, sources[i].before, &sources[i].before_n);
    SNAPSHOT_INT(k, sources[i].before_changed);
  }
}
