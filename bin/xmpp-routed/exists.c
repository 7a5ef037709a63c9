#include "deliver.h"
#include "exists.h"
#include "kept.h"
#include "number.h"
#include "services.h"
#include "sessions.h"
#include "settings.h"
#include "snapshot.h"
#include "sources.h"
#include "unasked.h"

#include <stdlib.h>
#include <string.h>

/* On a host whose passwords an extauth_program checks, an account is there when the program says so
 * (isuser), also before its first login. Who keeps data of accounts knows those that have a number, so
 * a stanza for an account without sessions waits here while authd is asked:
 *
 *   1. exists ID JID    to authd. More stanzas for JID wait behind the first, in their order.
 *   2. known ID yes     JID has a number, on disk: all go on. no: they go on too, and whoever would
 *                       have taken them says that there is no such account.
 *      known ID failed  each sender is told internal-server-error, which may pass (refuse).
 *
 * Without an answer in EXISTS_AUTHD_US (authd is away) they go on as on yes: accounts with a number
 * get what is theirs. Answers are known for extauth_cache.
 *
 * Stanzas that wait are in the file of copies (kept.c) too, with the tag unasked, so their sources are
 * acknowledged at once: a slow program holds up nobody else. Who starts anew asks for them again. A message
 * that goes on has been stored, maybe, before the file lets go of it: the file learns the id that it goes
 * on under (tag was), by which mamd knows it when it goes on once more; unasked.c says what a source
 * may send once more. Without the file the source goes on holding them. */

/* The head before each line of copies. */
struct copy {
  size_t len; /* of the line: the fields of a stanza */
  struct source *source;
  uint64_t epoch, number; /* of source */
  bool of_a_client, silent;
  bool fresh; /* of the source itself, not of the file of an earlier run */
};

/* A name that is asked about, or whose answer is known. */
struct name {
  struct name *next, *prev; /* of its list, oldest first */
  char *bare;
  uint64_t id;       /* of the question; 0: the answer is known */
  uint64_t sender;   /* a hash of who made the question necessary */
  uint64_t until_us; /* when the question is given up, or the answer forgotten */
  stralloc copies;
};

struct list {
  struct name *first, *last;
  unsigned int n;
};

static struct slice
bare_key(void const *name)
{
  return slice_str(((struct name const *)name)->bare);
}

static struct table names = {.key = bare_key};
static struct list asked, known;
static struct event_timer timer;
static uint64_t bytes, ids;
static uint64_t rests_until_us; /* authd is away: nothing is asked before */

/* ---- names ---- */

static void
list_put(struct list *l, struct name *n)
{
  n->next = NULL;
  n->prev = l->last;
  *(l->last ? &l->last->next : &l->first) = n;
  l->last = n;
  l->n++;
}

static void
list_del(struct list *l, struct name *n)
{
  *(n->prev ? &n->prev->next : &l->first) = n->next;
  *(n->next ? &n->next->prev : &l->last) = n->prev;
  l->n--;
}

static void
name_free(struct name *n)
{
  list_del(n->id ? &asked : &known, n);
  table_del(&names, bare_key(n));
  bytes -= n->copies.len;
  stralloc_free(&n->copies);
  free(n->bare);
  free(n);
}

static struct name *
name_new(struct slice bare, uint64_t id, uint64_t until_us)
{
  struct name *n = calloc(1, sizeof *n);

  if (!n || !(n->bare = slice_dup(bare)) || !table_put(&names, n)) {
    if (n) free(n->bare);
    free(n);
    return NULL;
  }
  n->id = id;
  n->until_us = until_us;
  list_put(id ? &asked : &known, n);
  return n;
}

/* The entry of a name, if the answer is not too old; NULL: nothing is known. */
static struct name *
find(struct slice bare)
{
  struct name *n = table_get(&names, bare);

  if (!n || n->id || n->until_us > door_now()) return n;
  name_free(n);
  return NULL;
}

/* The answer about n is known from now on; its oldest makes room. */
static void
keep_answer(struct name *n)
{
  struct host const *h = routed_host(jid_cut(bare_key(n)).domain);

  list_del(&asked, n);
  n->id = 0;
  n->until_us = door_now() + (h && h->names_us ? h->names_us : EXISTS_LIFE_US);
  list_put(&known, n);
  if (known.n > EXISTS_KNOWN_MAX) name_free(known.first);
}

/* ---- what waits ---- */

/* Tell the sender of p that there is no answer. A request for presence goes on instead: userd answers
 * it with unsubscribed, which rosters show, and an error about it reaches no client. */
static void
refuse(struct passing *p, enum stanza_error e)
{
  if (slice_is(p->st.kind, "presence"))
    deliver_and_keep(p, false);
  else
    deliver_bounce(p, REFUSED_CHECKER_AWAY, e, NULL);
}

/* Have the file keep p, if it can, instead of its source; with the id, if it is not 0. */
static void
take_over(struct passing *p, uint64_t id)
{
  static stralloc tags = STRALLOC_ZERO, fields = STRALLOC_ZERO;
  struct passing marked = *p;
  char buf[BASE_NUM];

  tags.len = fields.len = 0;
  if (!stralloc_catb(&tags, p->st.tags.s, p->st.tags.len) ||
      !stralloc_cats(&tags, tags.len ? " unasked" : "unasked"))
    return;
  if (id && (!stralloc_cats(&tags, " was=") || !stralloc_cats(&tags, num_u64(buf, id).s)))
    return;
  marked.st.tags = slice_of(tags.s, tags.len);
  if (passing_cat(&fields, &marked)) kept_along(slice_of(fields.s, fields.len), p);
}

static bool
add(struct name *n, struct passing *p, bool of_a_client, bool fresh)
{
  struct copy c = {.of_a_client = of_a_client, .silent = p->silent, .fresh = fresh};
  size_t at = n->copies.len;

  if (bytes >= EXISTS_BYTES_MAX || at >= EXISTS_NAME_BYTES_MAX ||
      !stralloc_catb(&n->copies, (char const *)&c, sizeof c) ||
      !passing_cat(&n->copies, p)) {
    n->copies.len = at;
    return false;
  }
  take_over(p, 0);
  c.len = n->copies.len - at - sizeof c;
  c.source = p->source;
  c.number = p->number;
  c.epoch = source_hold(p->source, p->number);
  memcpy(n->copies.s + at, &c, sizeof c);
  bytes += sizeof c + c.len;
  return true;
}

/* Give the message p, which goes on, its id, and have the file learn it. */
static void
name_it(struct passing *p)
{
  if (!slice_is(p->st.kind, "message") || !p->source) return;
  p->id = number_next();
  take_over(p, p->id);
}

/* Have mamd look whether an earlier routed, which knew the name, gave it the message p at once: that run
 * was killed before the source had the acknowledgement. */
static void
tell_origin(struct passing *p)
{
  static stralloc tags = STRALLOC_ZERO;

  if (!p->st.origin.len || !slice_is(p->st.kind, "message")) return;
  tags.len = 0;
  if (stralloc_catb(&tags, p->st.tags.s, p->st.tags.len) &&
      stralloc_cats(&tags, tags.len ? " came=" : "came=") &&
      stralloc_catb(&tags, p->st.origin.s, p->st.origin.len))
    p->st.tags = slice_of(tags.s, tags.len);
}

/* Deliver p, which has waited. Other stanzas of its source have been acknowledged since, so a service would
 * take the ORIGIN of p for that of a stanza which came before; only the file keeps it. */
static void
deliver_late(struct passing *p, bool of_a_client, bool fresh)
{
  name_it(p);
  if (fresh) tell_origin(p);
  p->st.origin = SLICE("");
  deliver_and_keep(p, of_a_client);
}

static void
go_on(struct copy const *c, struct slice fields, bool is_refused)
{
  struct passing_line line = {.text = STRALLOC_ZERO};
  struct passing p = {.silent = c->silent};

  if (passing_read(&p, &line, fields)) {
    if (source_hold(c->source, 0) == c->epoch) {
      p.source = c->source;
      p.number = c->number;
    }
    if (is_refused) {
      p.st.origin = SLICE("");
      refuse(&p, ERR_INTERNAL_WAIT);
    } else {
      deliver_late(&p, c->of_a_client, c->fresh);
    }
  }
  source_release(c->source, c->epoch, c->number);
  stralloc_free(&line.text);
}

static void
let_go(struct name *n, bool is_refused)
{
  stralloc all = n->copies;
  struct copy c;
  size_t i;

  n->copies = stralloc_zero;
  bytes -= all.len;
  for (i = 0; i < all.len; i += sizeof c + c.len) {
    memcpy(&c, all.s + i, sizeof c);
    go_on(&c, slice_of(all.s + i + sizeof c, c.len), is_refused);
  }
  stralloc_free(&all);
}

/* ---- questions ---- */

static struct link *
authority(void)
{
  return link_find(AUTHD);
}

static void
ask(struct link *authd, struct name const *n)
{
  link_begin(authd, VERB_EXISTS);
  link_num(authd, n->id);
  link_text(authd, bare_key(n));
  link_end(authd);
}

static void
give_up(void *cookie)
{
  struct name *n;

  (void)cookie;
  while ((n = asked.first) && n->until_us <= door_now()) {
    rests_until_us = door_now() + EXISTS_REST_US;
    let_go(n, false);
    name_free(n);
  }
  if (n) event_timer_start(&timer, n->until_us, give_up, NULL);
}

/* An account of ours, or another server. */
static uint64_t
sender_of(struct passing const *p)
{
  static uint64_t const key[2] = {0, 0};
  struct jid from = jid_cut(p->st.from);

  return hash_keyed(key, 0, routed_host(from.domain) ? from.bare : from.domain);
}

/* A question of before a restart has another number: its answer may yet come. */
static uint64_t
next_id(void)
{
  ids = door_wall() > ids ? door_wall() : ids + 1;
  return ids;
}

/* Nobody takes all places, be it by writing to many names. */
static bool
may_ask(uint64_t sender)
{
  struct name const *n;
  unsigned int of_sender = 0;

  if (asked.n >= EXISTS_ASKED_MAX) return false;
  for (n = asked.first; n; n = n->next)
    if (n->sender == sender) of_sender++;
  return of_sender < EXISTS_SENDER_MAX;
}

static struct name *
begin(struct slice bare, uint64_t sender)
{
  struct name *n =
    may_ask(sender) ? name_new(bare, next_id(), door_now() + EXISTS_AUTHD_US) : NULL;

  if (!n) return NULL;
  n->sender = sender;
  if (authority()) ask(authority(), n);
  if (!event_timer_on(&timer)) event_timer_start(&timer, n->until_us, give_up, NULL);
  return n;
}

/* Say whether an account is to be there for p: a message, a request for its presence, a request that
 * is answered for it. Anything else to an account without sessions is for nobody. */
static bool
needs_an_account(struct passing const *p, struct jid const *to)
{
  struct slice kind = p->st.kind, type = p->st.type;

  if (slice_is(kind, "presence")) return slice_is(type, "subscribe");
  if (slice_is(kind, "message"))
    return !slice_is(type, "error") && !slice_is(type, "headline");
  return !to->resource.len && stanza_may_answer(&p->st);
}

static bool
may_be_outside(struct passing const *p, struct jid const *to)
{
  struct host const *h = routed_host(to->domain);
  struct user const *u;

  if (!h || !h->asks_names || door_now() < rests_until_us || !to->local.len ||
      to->bare.len > EXISTS_JID_MAX || services_domain(to->domain) ||
      !needs_an_account(p, to) || routed_is_anonymous(to->domain, to->local))
    return false;
  u = user_find(to->bare);
  return !u || !u->sessions;
}

/* Have p wait, if it must. false: it need not. */
static bool
has_to_wait(struct passing *p, bool of_a_client, bool fresh)
{
  struct jid to;
  struct name *n;

  if (!routed_asks_names && !asked.n) return false;
  to = jid_cut(p->st.to);
  n = find(to.bare);
  if ((n && !n->id) || (!n && !may_be_outside(p, &to))) return false;
  if (!n) n = begin(to.bare, sender_of(p));
  if (!n || !add(n, p, of_a_client, fresh)) refuse(p, ERR_RESOURCE_CONSTRAINT);
  return true;
}

void
exists_deliver(struct passing *p, bool of_a_client)
{
  if (!has_to_wait(p, of_a_client, true)) deliver_and_keep(p, of_a_client);
}

bool
exists_copy(struct passing *p)
{
  static stralloc tags = STRALLOC_ZERO;
  struct slice rest = p->st.tags, word;
  struct stanza_source from;
  bool of_a_client;

  if (!unasked_is(p->st.tags)) return false;
  for (tags.len = 0; slice_word(&rest, ' ', &word);)
    if (!slice_is(word, "unasked") && (!stralloc_catb(&tags, " ", tags.len ? 1 : 0) ||
                                       !stralloc_catb(&tags, word.s, word.len)))
      return false;
  of_a_client = stanza_source(p->st.origin, &from) && program_find(from.name) == C2SD;
  p->st.tags = slice_of(tags.s, tags.len);
  if (!has_to_wait(p, of_a_client, false)) deliver_late(p, of_a_client, false);
  return true;
}

/* ---- records ---- */

void
exists_known(struct link *l, struct record *r)
{
  uint64_t id = record_u64(r, 1);
  bool failed;
  struct name *n;

  (void)l;
  for (n = asked.first; n && n->id != id; n = n->next) {
  }
  if (!id || !n) return;
  failed = !slice_is(record_get(r, 2), "yes") && !slice_is(record_get(r, 2), "no");
  if (!failed) keep_answer(n);
  let_go(n, failed);
  if (failed) name_free(n);
}

void
exists_up(struct link *authd)
{
  struct name const *n;

  rests_until_us = 0;
  for (n = asked.first; n; n = n->next)
    ask(authd, n);
}

void
exists_made(struct slice bare)
{
  struct name *n = table_get(&names, bare);

  if (!n || !n->id) return;
  keep_answer(n);   /* this frees an older name */
  let_go(n, false); /* NOLINT(clang-analyzer-unix.Malloc) */
}

void
exists_ended(struct slice bare)
{
  struct name *n = table_get(&names, bare);

  if (n && !n->id) name_free(n);
}

/* ---- the state for a trace ---- */

static void
copy_fields(struct snapshot *k, struct copy *c, stralloc *text)
{
  snapshot_source(k, &c->source, &c->epoch);
  SNAPSHOT_INT(k, c->number);
  SNAPSHOT_INT(k, c->of_a_client);
  SNAPSHOT_INT(k, c->silent);
  snapshot_bytes(k, text);
  c->len = text->len;
}

static void
make_copies(struct snapshot *k, struct name *n)
{
  stralloc text = STRALLOC_ZERO;

  while (snapshot_record(k, "exists-copy", true)) {
    struct copy c = {0};
    copy_fields(k, &c, &text);
    if (!stralloc_catb(&n->copies, (char const *)&c, sizeof c) ||
        !stralloc_catb(&n->copies, text.s, text.len))
      snapshot_fail(k, "a stanza that waits for an answer of authd is lost");
  }
  bytes += n->copies.len;
  stralloc_free(&text);
}

static void
put_copies(struct snapshot *k, struct name const *n)
{
  struct copy c;
  size_t i;

  for (i = 0; i < n->copies.len; i += sizeof c + c.len) {
    stralloc text = {.s = n->copies.s + i + sizeof c};
    memcpy(&c, n->copies.s + i, sizeof c);
    text.len = c.len;
    if (!snapshot_record(k, "exists-copy", true)) return;
    copy_fields(k, &c, &text);
  }
}

static void
snapshot_list(struct snapshot *k, char const *kind, struct name *n)
{
  for (; snapshot_record(k, kind, n != NULL); n = n->next) {
    char *bare = n ? n->bare : NULL;
    uint64_t id = n ? n->id : 0, sender = n ? n->sender : 0;
    uint64_t until_us = n ? n->until_us : 0;
    snapshot_text(k, &bare);
    SNAPSHOT_INT(k, id);
    SNAPSHOT_INT(k, sender);
    SNAPSHOT_INT(k, until_us);
    if (snapshot_restores(k)) {
      n = bare ? name_new(slice_str(bare), id, until_us) : NULL;
      free(bare);
    }
    if (!n) {
      snapshot_fail(k, "a name is lost");
      return;
    }
    n->sender = sender;
    if (snapshot_restores(k))
      make_copies(k, n);
    else
      put_copies(k, n);
  }
}

void
exists_snapshot(struct snapshot *k)
{
  if (!snapshot_record(k, "exists", true)) return;
  SNAPSHOT_INT(k, ids);
  SNAPSHOT_INT(k, rests_until_us);
  snapshot_timer(k, &timer, give_up, NULL);
  unasked_snapshot(k);
  snapshot_list(k, "exists-asked", asked.first);
  snapshot_list(k, "exists-known", known.first);
}
