#include "search.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* XEP-0055: the results of a search. The directory has no index, so that a search looks
 * at every entry; userd looks at SEARCH_TURN of them in a turn, for all searches
 * together, and goes on in the next, with the searches in turn SEARCH_STEP entries each.
 * A search that its first step ends is answered at once, the others by handle_result.
 *
 * A search holds a copy of its request. When the store does not take a turn, the answers
 * of the turn are lost: userd forgets the searches whose requests came in the turn, which
 * come again, and begins the searches anew that it answered in the turn. */

struct search {
  struct search *next;
  struct arena arena; /* holds the text of in and wanted */
  struct stanza in;
  struct search_wanted wanted;
  struct slice account; /* bare JID of the account that asked */
  stralloc out;         /* payload of the iq */
  uint64_t from;        /* the number of the entry that is next */
  uint64_t scanned, found, matches;
  uint64_t budget; /* entries that this step may still look at */
  bool ended, failed;
  bool born, answered; /* in this turn */
};

static struct search *first;
static unsigned int searches;
static uint64_t spent; /* entries that were looked at in this turn */
static struct event_timer timer;

/* A limit, or the value that a test has set instead. */
static uint64_t
limit(char const *name, uint64_t usual)
{
  return settings_limit(userd.settings, name, usual);
}

/* Entries that this turn may still look at. */
static uint64_t
left(void)
{
  uint64_t n = limit("search_turn", SEARCH_TURN);

  return spent < n ? n - spent : 0;
}

/* ---- one search ---- */

static void
search_free(struct search *s)
{
  arena_wipe(&s->arena);
  stralloc_free(&s->out);
  free(s);
}

static bool
copy(struct search *s, struct slice *to, struct slice from)
{
  if (!from.len) return true;
  *to = arena_copy(&s->arena, from);
  return to->s != NULL;
}

static bool
copy_all(struct search *s, struct handle_ctx const *ctx, struct stanza const *in,
         struct search_wanted const *w)
{
  bool ok = copy(s, &s->in.to, in->to) && copy(s, &s->in.from, in->from) &&
            copy(s, &s->in.id, in->id) && copy(s, &s->wanted.host, w->host) &&
            copy(s, &s->account, ctx->from.bare);
  size_t i;

  s->in.kind = SLICE("iq");
  s->in.type = SLICE("set");
  s->wanted.any = w->any;
  s->wanted.all = w->all;
  s->wanted.form = w->form;
  for (i = 0; ok && i < COLUMNS_N; i++)
    ok = copy(s, &s->wanted.column[i], w->column[i]);
  return ok;
}

static uint64_t
matches_max(struct slice host)
{
  uint64_t n = settings_u64(userd.settings, "mod_vcard.matches", host);

  return n < SEARCH_MATCHES_MAX ? n : SEARCH_MATCHES_MAX;
}

static struct form_field const address =
  FORM_FIELD(FORM_JID_SINGLE, "jid", "Jabber ID", .required = false);

static bool
cat_reported(stralloc *out)
{
  bool ok = form_open(out, "result", NS_SEARCH, NULL, NULL) &&
            xml_cat(out, "<reported>") && form_field(out, &address, NULL);
  size_t i;

  for (i = 0; ok && i < COLUMNS_N; i++)
    ok = form_field(out, &search_fields[i], NULL);
  return ok && xml_cat(out, "</reported>");
}

/* Begin search s, or begin it anew. */
static void
begin(struct search *s)
{
  s->out.len = 0;
  s->from = s->scanned = s->found = 0;
  s->answered = false;
  s->failed = !xml_cat(&s->out, "<query xmlns='" NS_SEARCH "'>") ||
              (s->wanted.form && !cat_reported(&s->out));
  s->ended = s->failed || (!s->wanted.any && !s->wanted.all);
}

/* End the answer of s. Nothing is found: an empty query (s2.1). */
static void
finish(struct search *s)
{
  if (s->failed) return;
  if (!s->found) s->out.len = 0;
  if (!s->found)
    s->failed = !xml_cat(&s->out, "<query xmlns='" NS_SEARCH "'/>");
  else
    s->failed = !xml_cat(&s->out, s->wanted.form ? "</x></query>" : "</query>");
}

/* ---- looking at entries ---- */

static bool
holds(struct slice wanted, struct slice value)
{
  bool whole = !wanted.len || wanted.s[wanted.len - 1] != '*';

  if (!wanted.len) return true;
  if (!whole) wanted.len--;
  return (whole ? value.len == wanted.len : value.len >= wanted.len) &&
         !strncasecmp(value.s, wanted.s, wanted.len);
}

/* Read the columns of an entry; false: the entry is of another host. */
static bool
read_entry(struct search const *s, struct profile_card const *card,
           struct slice values[COLUMNS_N])
{
  struct slice rest = card->bare;

  if (!slice_word(&rest, '@', &values[COLUMN_USER]) || !slice_eq(rest, s->wanted.host))
    return false;
  memcpy(values, card->field, sizeof card->field);
  return true;
}

static bool
cat_entry(struct search *s, struct profile_card const *card,
          struct slice const values[COLUMNS_N])
{
  bool form = s->wanted.form, ok;
  stralloc *out = &s->out;
  size_t i;

  ok = form ? xml_cat(out, "<item><field var='jid'>") && form_value(out, card->bare) &&
                form_field_close(out)
            : xml_cat(out, "<item") && xml_cat_attr(out, "jid", card->bare) &&
                xml_cat(out, ">");
  for (i = 0; i < COLUMNS_N && ok; i++)
    if (form)
      ok = xml_cat(out, "<field") &&
           xml_cat_attr(out, "var", slice_str(search_fields[i].var)) &&
           xml_cat(out, ">") && form_value(out, values[i]) && form_field_close(out);
    else if (search_is_plain(i))
      ok = xml_cat(out, "<") && xml_cat(out, search_fields[i].var) && xml_cat(out, ">") &&
           xml_cat_text(out, values[i]) && xml_cat(out, "</") &&
           xml_cat(out, search_fields[i].var) && xml_cat(out, ">");
  return ok && xml_cat(out, "</item>");
}

static bool
is_match(struct search const *s, struct slice const values[COLUMNS_N])
{
  size_t i;

  for (i = 0; i < COLUMNS_N; i++)
    if (!holds(s->wanted.column[i], values[i])) return false;
  return true;
}

/* Count an entry only while its account is the same: an entry outlives its account. */
static bool
on_card(void *cookie, uint64_t number, struct profile_card const *card)
{
  struct search *s = cookie;
  struct slice values[COLUMNS_N];

  if (!s->budget) {
    s->from = number;
    s->ended = false;
    return false;
  }
  s->budget--;
  spent++;
  s->scanned++;
  if (read_entry(s, card, values) && is_match(s, values) &&
      userd_number(card->bare) == number) {
    s->failed = !cat_entry(s, card, values);
    s->found++;
  }
  return !s->failed && s->found < s->matches && s->scanned < SEARCH_SCANNED_MAX &&
         s->out.len < SEARCH_BYTES_MAX;
}

/* Look at the next entries: as many as a step may, and this turn. */
static void
step(struct search *s)
{
  uint64_t all = left();

  if (s->ended) return;
  s->budget = limit("search_step", SEARCH_STEP);
  if (s->budget > all) s->budget = all;
  s->ended = true;
  if (!profile_cards(userd.profile, s->from, on_card, s)) s->failed = s->ended = true;
}

/* ---- all searches ---- */

static void
append(struct search *s)
{
  struct search **at = &first;

  while (*at)
    at = &(*at)->next;
  s->next = NULL;
  *at = s;
}

static void
answer(struct link *routed, struct search *s)
{
  finish(s);
  s->answered = true;
  if (s->failed)
    handle_refuse(routed, &s->in, ERR_RESOURCE_CONSTRAINT, SLICE(""), SLICE(""));
  else
    handle_result(routed, &s->in, slice_of(s->out.s, s->out.len));
}

static struct search *
next_open(void)
{
  struct search *s = first;

  while (s && s->answered)
    s = s->next;
  return s;
}

static void
move_behind(struct search *s)
{
  struct search **at = &first;

  while (*at != s)
    at = &(*at)->next;
  *at = s->next;
  append(s);
}

/* A step of each search in turn, until the turn's entries are looked at. */
static void
go_on(void *cookie)
{
  struct link *routed = link_find(ROUTED);
  struct search *s;

  (void)cookie;
  while (routed && !routed->full && left() && (s = next_open())) {
    step(s);
    if (s->ended)
      answer(routed, s);
    else
      move_behind(s);
  }
  if (next_open())
    event_timer_start(&timer, door_now() + (!routed || routed->full ? SEARCH_FULL_US : 0),
                      go_on, NULL);
}

static unsigned int
searches_of(struct slice account)
{
  struct search const *s;
  unsigned int n = 0;

  for (s = first; s; s = s->next)
    n += slice_eq(s->account, account);
  return n;
}

static enum verdict
search_failed(struct handle_ctx *ctx, struct search *s)
{
  if (s) search_free(s);
  return handle_error(ctx, ERR_RESOURCE_CONSTRAINT, "");
}

/* Answer at once what has ended. */
static enum verdict
answer_now(struct handle_ctx *ctx, struct search *s, stralloc *out)
{
  finish(s);
  if (s->failed || !stralloc_catb(out, s->out.s, s->out.len))
    return search_failed(ctx, s);
  search_free(s);
  return DONE;
}

enum verdict
found_answer(struct handle_ctx *ctx, struct stanza const *in,
             struct search_wanted const *w, stralloc *out)
{
  struct search *s;

  if (searches >= SEARCHES_MAX || searches_of(ctx->from.bare) >= SEARCHES_OF_ONE_MAX)
    return handle_error(ctx, ERR_RESOURCE_CONSTRAINT, "too many searches at a time");
  s = calloc(1, sizeof *s);
  if (!s || !copy_all(s, ctx, in, w)) return search_failed(ctx, s);
  s->matches = matches_max(w->host);
  begin(s);
  if (!first) step(s);
  if (s->ended) return answer_now(ctx, s, out);
  s->born = true;
  searches++;
  append(s);
  if (!event_timer_on(&timer)) event_timer_start(&timer, door_now(), go_on, NULL);
  return LATER;
}

bool
found_is_due(struct stanza const *st)
{
  struct search const *s;

  for (s = first; s; s = s->next)
    if (!s->answered && slice_eq(s->in.from, st->from) && slice_eq(s->in.id, st->id))
      return true;
  return false;
}

void
search_turn(bool kept)
{
  struct search **at = &first, *s;

  spent = 0;
  while ((s = *at)) {
    if (kept ? s->answered : s->born) {
      *at = s->next;
      searches--;
      search_free(s);
      continue;
    }
    if (s->answered) begin(s);
    s->born = false;
    at = &s->next;
  }
  if (first && !event_timer_on(&timer))
    event_timer_start(&timer, door_now(), go_on, NULL);
}

/* ---- the state for a trace: between turns nothing is answered ---- */

static void
fields(struct snapshot *k, struct search *s)
{
  struct slice *const texts[] = {&s->in.to, &s->in.from, &s->in.id, &s->account,
                                 &s->wanted.host};
  size_t i;

  s->in.kind = SLICE("iq");
  s->in.type = SLICE("set");
  for (i = 0; i < sizeof texts / sizeof *texts; i++)
    snapshot_slice(k, &s->arena, texts[i]);
  for (i = 0; i < COLUMNS_N; i++)
    snapshot_slice(k, &s->arena, &s->wanted.column[i]);
  SNAPSHOT_INT(k, s->wanted.any);
  SNAPSHOT_INT(k, s->wanted.all);
  SNAPSHOT_INT(k, s->wanted.form);
  snapshot_bytes(k, &s->out);
  SNAPSHOT_INT(k, s->from);
  SNAPSHOT_INT(k, s->scanned);
  SNAPSHOT_INT(k, s->found);
  SNAPSHOT_INT(k, s->matches);
  SNAPSHOT_INT(k, s->ended);
  SNAPSHOT_INT(k, s->failed);
}

void
search_snapshot(struct snapshot *k)
{
  struct search **at;

  for (at = &first; snapshot_record(k, "search", *at != NULL); at = &(*at)->next) {
    if (snapshot_restores(k)) {
      *at = snapshot_new(k, sizeof **at);
      searches++;
    }
    if (!*at) return;
    fields(k, *at);
  }
  if (snapshot_record(k, "searching", true)) snapshot_timer(k, &timer, go_on, NULL);
}
