#include "passing.h"
#include "posts.h"
#include "snapshot.h"
#include "sources.h"
#include "watch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Stanzas for services. A service may be killed with stanzas in its hands, so each stays here
 * until it is acknowledged, and leaves again when the service is back: its neighbours notice
 * nothing of a restart. A service that stays away for POST_GRACE_US is given up: routed returns its
 * stanzas as errors, and forgets what it had registered for. */

/* The head before each line of kept. */
struct letter {
  size_t len; /* of the line: the fields of a record behind the verb */
  enum verb verb;
  bool left; /* for a service that is gone since */
  struct source *source;
  uint64_t epoch, number; /* of source */
  struct pair *pair;      /* the letter has no line: it is stanza number of this pair */
};

/* The service acknowledges letters by their count, so each must be one that its link sends,
 * with its verb and the tag of a second time (LETTER_MAX). */

static struct post *posts;
static uint64_t ticks;

/* The letter at offset i of kept. */
static struct slice
letter_at(struct post const *p, size_t i, struct letter *head)
{
  memcpy(head, p->kept.s + i, sizeof *head);
  return slice_of(p->kept.s + i + sizeof *head, head->len);
}

/* Put the stanza in line with the tag `again`: an earlier run of the service may have handled the
 * stanza, and was killed before it acknowledged it. */
static void
put_again(struct link *l, struct slice line)
{
  struct slice rest = line, field;
  unsigned int i;

  for (i = STANZA_TO; i <= STANZA_TAGS; i++)
    slice_word(&rest, '\t', &field);
  link_raw(l, slice_of(line.s, (size_t)(field.s + field.len - line.s)));
  link_more_raw(l, SLICE(" again\t"));
  link_more_raw(l, rest);
}

void
post_hand_over(struct link *l, enum verb v, struct slice fields, bool again)
{
  link_begin(l, v);
  if (again)
    put_again(l, fields);
  else
    link_raw(l, fields);
  link_end(l);
}

static void
hand_over(struct post *p, size_t i)
{
  struct letter head;
  struct slice line = letter_at(p, i, &head);

  post_hand_over(p->link, head.verb, line, head.left && head.verb == VERB_STANZA);
  head.left = true;
  memcpy(p->kept.s + i, &head, sizeof head);
  p->sent++;
}

static void
trim(struct post *p)
{
  if (!p->head || (p->head < p->kept.len && p->head < p->kept.len / 2)) return;
  memmove(p->kept.s, p->kept.s + p->head, p->kept.len - p->head);
  p->kept.len -= p->head;
  p->head = 0;
  if (!p->kept.len && p->kept.a > POST_IDLE) stralloc_free(&p->kept);
}

/* ---- coming and going ---- */

static void
post_free(struct post *p)
{
  struct post **at;

  for (at = &posts; *at != p; at = &(*at)->next) {
  }
  *at = p->next;
  event_timer_cancel(&p->grace);
  stralloc_free(&p->kept);
  free(p);
}

static void
give_back(struct post const *post, struct slice text, struct letter const *head)
{
  struct passing_line line = {.text = STRALLOC_ZERO};
  struct passing p = {.own = false};

  if (head->verb != VERB_STANZA)
    post_events.unsaid(post, head->verb, text);
  else if (passing_read(&p, &line, text))
    post_events.returned(post, &p);
  source_release(head->source, head->epoch, head->number);
  stralloc_free(&line.text);
}

static void
give_up(void *cookie)
{
  struct post *p = cookie;
  stralloc kept = p->kept;
  struct letter head;
  size_t i;
  uint64_t n = 0;

  post_events.lost(p);
  p->kept = stralloc_zero;
  for (i = p->head; i < kept.len; i += sizeof head + head.len) {
    memcpy(&head, kept.s + i, sizeof head);
    give_back(p, slice_of(kept.s + i + sizeof head, head.len), &head);
    n++;
  }
  log_event(LOG_WARN, "service-lost", "service", p->name, "returned", log_num(n), "why",
            "the service was away too long", NULL);
  stralloc_free(&kept);
  post_free(p);
}

static struct post *
post_make(struct slice name, enum program program)
{
  struct post *p;

  for (p = posts; p; p = p->next)
    if (slice_is(name, p->name)) return p;
  if (name.len > LINK_NAME_MAX) return NULL;
  p = calloc(1, sizeof *p);
  if (!p) return NULL;
  memcpy(p->name, name.s, name.len);
  p->program = program;
  p->since = UINT64_MAX;
  p->next = posts;
  posts = p;
  return p;
}

struct post *
post_of(struct link *l)
{
  return post_make(slice_str(l->name), l->program);
}

void
posts_expect(struct slice name)
{
  struct post *p = program_find(name) == MAMD ? post_make(name, MAMD) : NULL;

  if (p) p->watches = WATCH_BIT(WATCH_SESSIONS) | WATCH_BIT(WATCH_MARKS);
  if (p && !p->link && !event_timer_on(&p->grace))
    event_timer_start(&p->grace, door_now() + POST_GRACE_US, give_up, p);
}

struct post *
post_find(enum program program)
{
  struct post *p, *away = NULL;

  for (p = posts; p; p = p->next) {
    if (p->program != program) continue;
    if (p->link) return p;
    away = p;
  }
  return away;
}

uint64_t
posts_tick(void)
{
  return ++ticks;
}

bool
post_had(struct post const *p, uint64_t tick)
{
  return tick <= p->since;
}

struct post *
posts_next(struct post const *p)
{
  return p ? p->next : posts;
}

/* A service that watches presence and was restarted is first told who is there: what it answers
 * goes to sessions it must know. */
static bool
waits_for_sessions(struct post const *p)
{
  return p->watches & WATCH_BIT(WATCH_PRESENCE) && link_find(C2SD);
}

static void
hand_over_all(struct post *p)
{
  struct letter head;
  size_t i;

  p->held = false;
  p->since = UINT64_MAX;
  for (i = p->head; i < p->kept.len; i += sizeof head + head.len) {
    letter_at(p, i, &head);
    hand_over(p, i);
  }
  post_events.takes(p);
}

void
posts_recalled(void)
{
  struct post *p;

  for (p = posts; p; p = p->next)
    if (p->held && p->link) hand_over_all(p);
}

/* The service has had time to announce all anew. */
static void
settled(void *cookie)
{
  struct post *p = cookie;

  post_events.settled(p);
  if (p->held && p->link) hand_over_all(p);
}

void
posts_up(struct link *l)
{
  struct post *p = post_of(l);

  if (!p) {
    link_drop(l, "out of memory");
    return;
  }
  event_timer_cancel(&p->grace);
  p->link = l;
  p->sent = p->acked = 0;
  p->held = waits_for_sessions(p);
  if (post_events.begins(p) || p->held)
    event_timer_start(&p->grace, door_now() + SERVICE_SETTLE_US, settled, p);
  if (!p->held) hand_over_all(p);
  /* A link that broke between two programs that live has lost no request. */
  if (p->epoch && p->epoch != l->epoch) post_events.restarted(p);
  p->epoch = l->epoch;
}

/* The stanzas of pairs are no letters: pairs.c has them, and sends them again. */
static void
drop_references(struct post *p)
{
  stralloc rest = p->kept;
  struct letter head;
  size_t i, end = p->kept.len;

  rest.len = p->head;
  for (i = p->head; i < end; i += sizeof head + head.len) {
    memcpy(&head, p->kept.s + i, sizeof head);
    if (head.pair) {
      post_events.pair_gone(head.pair);
      continue;
    }
    memmove(rest.s + rest.len, p->kept.s + i, sizeof head + head.len);
    rest.len += sizeof head + head.len;
  }
  p->kept = rest;
}

void
posts_gone(struct link *l)
{
  struct post *p;

  for (p = posts; p && p->link != l; p = p->next) {
  }
  if (!p) return;
  p->link = NULL;
  drop_references(p);
  if (!p->held) p->since = ticks;
  event_timer_start(&p->grace, door_now() + POST_GRACE_US, give_up, p);
}

/* ---- letters ---- */

/* Facts may be twice as much as stanzas: mamd waits for the mark and for the end of a session that it
 * has stanzas for. */
static bool
has_room(struct post const *p, enum verb v)
{
  size_t most = v == VERB_STANZA ? POST_MAX : 2 * (size_t)POST_MAX;

  return p->kept.len - p->head <= most;
}

/* Keep a letter, which is line, or else the stanza s; hand it over if the service is there. */
static bool
keep(struct post *p, struct letter head, struct slice line, struct passing const *s)
{
  stralloc *k = &p->kept;
  size_t at = k->len, begin = at + sizeof head;

  if (!has_room(p, head.verb) || !stralloc_catb(k, (char const *)&head, sizeof head))
    return false;
  if (!(s ? passing_cat(k, s) : stralloc_catb(k, line.s, line.len))) {
    k->len = at;
    return false;
  }
  head.len = k->len - begin;
  if (head.len > LETTER_MAX) {
    k->len = at;
    return false;
  }
  head.epoch = source_hold(head.source, head.number);
  memcpy(k->s + at, &head, sizeof head);
  p->put++;
  if (p->link && !p->held) hand_over(p, at);
  return true;
}

void
posts_each_unacked(struct post const *p, void (*fn)(struct passing const *stanza))
{
  struct letter head;
  size_t i;

  for (i = p->head; i < p->kept.len; i += sizeof head + head.len) {
    struct passing_line line = {.text = STRALLOC_ZERO};
    struct passing stanza = {.own = false};
    struct slice text = letter_at(p, i, &head);
    if (!head.pair && head.verb == VERB_STANZA && passing_read(&stanza, &line, text))
      fn(&stanza);
    stralloc_free(&line.text);
  }
}

static void
say_full(struct post const *p)
{
  log_event(LOG_WARN, "post-full", "service", p->name, "bytes",
            log_num(p->kept.len - p->head), "why",
            "the service does not acknowledge stanzas", NULL);
}

bool
post_has_room(struct post const *p)
{
  return has_room(p, VERB_STANZA);
}

bool
post_put(struct post *p, struct passing const *s)
{
  struct letter head = {.verb = VERB_STANZA, .source = s->source, .number = s->number};

  if (keep(p, head, SLICE(""), s)) return true;
  say_full(p);
  return false;
}

void
post_say(struct post *p, enum verb v, struct slice fields)
{
  struct letter head = {.verb = v};

  if (!keep(p, head, fields, NULL)) say_full(p);
}

bool
post_refer(struct post *p, struct pair *pair, uint64_t n)
{
  struct letter head = {.verb = VERB_STANZA, .left = true, .number = n, .pair = pair};

  if (!stralloc_catb(&p->kept, (char const *)&head, sizeof head)) {
    link_drop(p->link, "out of memory");
    return false;
  }
  p->sent++;
  return true;
}

/* N counts the letters since the link came up. */
void
posts_acked(struct link *l, struct record *r)
{
  uint64_t n = record_u64(r, 1);
  struct post *p;
  struct letter head;

  for (p = posts; p && p->link != l; p = p->next) {
  }
  if (!p) return;
  for (; p->acked < n && p->acked < p->sent; p->acked++) {
    letter_at(p, p->head, &head);
    p->head += sizeof head + head.len;
    if (head.pair) {
      post_events.pair_acked(head.pair, head.number);
      continue;
    }
    source_release(head.source, head.epoch, head.number);
    p->released++;
  }
  trim(p);
}

/* ---- the state for a trace ---- */

void
snapshot_verb(struct snapshot *k, enum verb *v)
{
  char word[32] = "", *text = word;

  if (!snapshot_restores(k)) snprintf(word, sizeof word, "%s", verb_rows[*v].word);
  snapshot_text(k, &text);
  if (!snapshot_restores(k)) return;
  *v = verb_find(slice_str(text));
  if (*v == VERBS_N) snapshot_fail(k, "a verb is unknown");
  free(text);
}

void
snapshot_post(struct snapshot *k, struct post **post)
{
  char *name = *post && !snapshot_restores(k) ? (*post)->name : NULL;
  struct post *p;

  snapshot_text(k, &name);
  if (!snapshot_restores(k)) return;
  for (p = posts; p && name && strcmp(p->name, name) != 0; p = p->next) {
  }
  *post = name ? p : NULL;
  if (name && !p) snapshot_fail(k, "a post is missing");
  free(name);
}

static bool
snapshot_letter(struct snapshot *k, struct letter *head, stralloc *text)
{
  snapshot_verb(k, &head->verb);
  SNAPSHOT_INT(k, head->left);
  snapshot_source(k, &head->source, &head->epoch);
  SNAPSHOT_INT(k, head->number);
  post_events.pair_state(k, &head->pair);
  snapshot_bytes(k, text);
  head->len = text->len;
  return head->verb != VERBS_N;
}

static void
make_letters(struct snapshot *k, struct post *p)
{
  stralloc text = STRALLOC_ZERO;
  struct letter head;

  while (snapshot_record(k, "letter", true)) {
    head = (struct letter){0};
    if (!snapshot_letter(k, &head, &text) ||
        !stralloc_catb(&p->kept, (char const *)&head, sizeof head) ||
        !stralloc_catb(&p->kept, text.s, text.len))
      snapshot_fail(k, "a letter is lost");
  }
  stralloc_free(&text);
}

static void
put_letters(struct snapshot *k, struct post const *p)
{
  struct letter head;
  size_t i;

  for (i = p->head; i < p->kept.len; i += sizeof head + head.len) {
    struct slice line = letter_at(p, i, &head);
    stralloc text = {.s = p->kept.s + (line.s - p->kept.s), .len = line.len};
    if (!snapshot_record(k, "letter", true)) return;
    snapshot_letter(k, &head, &text);
  }
}

void
posts_snapshot(struct snapshot *k)
{
  struct post **at = &posts, *p;

  while (snapshot_restores(k) && posts) /* posts that the settings name */
    post_free(posts);
  if (snapshot_record(k, "ticks", true)) SNAPSHOT_INT(k, ticks);
  for (; snapshot_record(k, "post", *at != NULL); at = &p->next) {
    if (snapshot_restores(k)) *at = snapshot_new(k, sizeof *p);
    p = *at;
    if (!p) return;
    snapshot_name(k, p->name, sizeof p->name);
    p->program = program_find(slice_str(p->name));
    snapshot_link(k, &p->link);
    SNAPSHOT_INT(k, p->sent);
    SNAPSHOT_INT(k, p->acked);
    SNAPSHOT_INT(k, p->put);
    SNAPSHOT_INT(k, p->released);
    SNAPSHOT_INT(k, p->epoch);
    snapshot_timer(k, &p->grace, p->link ? settled : give_up, p);
    SNAPSHOT_INT(k, p->since);
    SNAPSHOT_INT(k, p->held);
    SNAPSHOT_INT(k, p->domains_untold);
    SNAPSHOT_INT(k, p->watches);
    SNAPSHOT_INT(k, p->watches_now);
    if (snapshot_restores(k))
      make_letters(k, p);
    else
      put_letters(k, p);
  }
}
