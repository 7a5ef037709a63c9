#include "interest/internal.h"

#include <stdlib.h>

/* A pair stands in the chain of its account, and is found by client
 * and account through an index of numbers. A pair that ends leaves the index at once, and the
 * chain when as many of the chain have ended as not. */

#define CONFIRMED (1u << 31) /* flags of next */
#define PENDING (1u << 30)   /* waits for its set to be known */
#define ENDED (1u << 29)
#define FLAGS (CONFIRMED | PENDING | ENDED)

/* 16 bytes: a server has as many as the contacts of other servers that its accounts have. */
struct interest_pair {
  uint32_t account, client, set;
  uint32_t next; /* of its account, or of the free ones; and flags */
};

struct interest_totals interest_totals;

static interest_due_fn *due_fn;

void
interest_start(interest_due_fn *due)
{
  due_fn = due;
}

/* ---- the pairs, and their index ---- */

static struct interest_pair *pairs; /* from 1 */
static uint32_t size, used, free_first;
static uint32_t *slots; /* open addressing: numbers of pairs, 0 for none */
static uint32_t slots_n, mask;

static uint32_t
slot_hash(uint32_t account, uint32_t client)
{
  uint64_t h = ((uint64_t)account << 32 | client) * 0x9e3779b97f4a7c15u;

  return (uint32_t)(h >> 32) ^ (uint32_t)(h >> 13);
}

/* The slot of the pair, or the empty one where it would be. */
static uint32_t
slot_find(uint32_t account, uint32_t client)
{
  uint32_t i = slot_hash(account, client) & mask;

  while (slots[i] &&
         (pairs[slots[i]].account != account || pairs[slots[i]].client != client))
    i = (i + 1) & mask;
  return i;
}

static uint32_t
pair_find(struct account const *a, struct client const *c)
{
  return slots ? slots[slot_find(a->index, c->index)] : 0;
}

static void
note_bytes(void)
{
  interest_totals.pair_bytes =
    (uint64_t)size * sizeof *pairs + (slots ? ((uint64_t)mask + 1) * sizeof *slots : 0);
}

static bool
grow_slots(void)
{
  uint32_t n = slots ? 2 * (mask + 1) : 64, i, old_n = slots ? mask + 1 : 0;
  uint32_t *old = slots, *new = calloc(n, sizeof *new);

  if (!new) return false;
  slots = new;
  mask = n - 1;
  for (i = 0; i < old_n; i++)
    if (old[i]) slots[slot_find(pairs[old[i]].account, pairs[old[i]].client)] = old[i];
  free(old);
  note_bytes();
  return true;
}

/* Take the number out of the index; those behind it move up. */
static void
slot_empty(uint32_t at)
{
  uint32_t i = at, home;

  for (;;) {
    slots[at] = 0;
    do {
      i = (i + 1) & mask;
      if (!slots[i]) return;
      home = slot_hash(pairs[slots[i]].account, pairs[slots[i]].client) & mask;
    } while (((i - home) & mask) < ((i - at) & mask));
    slots[at] = slots[i];
    at = i;
  }
}

/* A number for a pair, which is in no chain; 0: ENOMEM. A quarter is added when there is no room
 * left, for a pair is small and there are many. */
static uint32_t
pair_take(void)
{
  uint32_t i = free_first, n = size + size / 4 + 64;
  struct interest_pair *p;

  if (4 * (uint64_t)(slots_n + 1) > 3 * (slots ? (uint64_t)mask + 1 : 0) && !grow_slots())
    return 0;
  if (i) {
    free_first = pairs[i].next;
    return i;
  }
  if (used + 1 >= size) {
    p = realloc(pairs, n * sizeof *p);
    if (!p) return 0;
    pairs = p;
    size = n;
    note_bytes();
  }
  return ++used;
}

/* ---- chains ---- */

static uint32_t
next_of(uint32_t i)
{
  return pairs[i].next & ~FLAGS;
}

static void
set_next(uint32_t i, uint32_t next)
{
  pairs[i].next = (pairs[i].next & FLAGS) | next;
}

static void
chain_add(struct chain *ch, uint32_t i)
{
  set_next(i, 0);
  if (ch->last)
    set_next(ch->last, i);
  else
    ch->first = i;
  ch->last = i;
  ch->live++;
}

static void
pair_free(uint32_t i)
{
  pairs[i].account = pairs[i].client = pairs[i].set = 0;
  pairs[i].next = free_first;
  free_first = i;
}

/* Take the pairs out that have ended. */
static void
chain_sweep(struct chain *ch)
{
  uint32_t i = ch->first, next;

  *ch = (struct chain){0, 0, 0, 0};
  for (; i; i = next) {
    next = next_of(i);
    if (pairs[i].next & ENDED)
      pair_free(i);
    else
      chain_add(ch, i);
  }
}

static void
account_tidy(struct account *a, struct chain *ch)
{
  if (ch->ended > ch->live) chain_sweep(ch);
  account_free_if_idle(a);
}

/* ---- showing ---- */

static bool
is_own(struct account const *a, struct client const *c)
{
  return c->len > a->len && c->full[a->len] == '/' && !memcmp(c->full, a->bare, a->len);
}

static struct chain *
chain_of(struct account *a, struct client const *c)
{
  return &a->chain[is_own(a, c)];
}

static bool
note_directed(struct client *c, uint32_t i)
{
  uint32_t *v;

  if (c->directed_n == INTEREST_DIRECTED_MAX) return false;
  v = realloc(c->directed, (c->directed_n + 1) * sizeof *v);
  if (!v) return false;
  c->directed = v;
  v[c->directed_n++] = i;
  return true;
}

static void
forget_directed(struct client *c, uint32_t i)
{
  uint32_t k;

  for (k = 0; k < c->directed_n; k++)
    if (c->directed[k] == i) {
      c->directed[k] = c->directed[--c->directed_n];
      return;
    }
}

static void
pair_end(uint32_t i)
{
  struct interest_pair *p = &pairs[i];
  struct account *a = account_at(p->account);
  struct client *c = client_at(p->client);
  struct chain *ch = chain_of(a, c);

  slot_empty(slot_find(p->account, p->client));
  slots_n--;
  forget_directed(c, i);
  set_drop(set_at(p->set));
  p->set = 0;
  p->next = (p->next & ~(PENDING | CONFIRMED)) | ENDED;
  ch->live--;
  ch->ended++;
  interest_totals.pairs--;
  c->pairs--;
  client_free_if_idle(c);
  account_tidy(a, ch);
}

static void
call_due(uint32_t i, struct interest_set *before)
{
  struct client const *c = client_at(pairs[i].client);
  struct account const *a = account_at(pairs[i].account);
  struct interest_due d = {client_key(c), account_key(a), is_own(a, c),
                           set_at(pairs[i].set), before};

  due_fn(&d);
}

void
pair_due(struct interest_set *s, struct interest_wait const *w)
{
  struct interest_pair *p = &pairs[w->pair];

  if (p->set != s->index || !(p->next & PENDING)) return;
  p->next &= ~PENDING;
  if (w->before != WAIT_SILENT) call_due(w->pair, w->before ? set_at(w->before) : NULL);
}

bool
pair_waits(struct interest_set const *s, uint32_t i, struct slice *full,
           struct slice *account)
{
  if (pairs[i].set != s->index || !(pairs[i].next & PENDING)) return false;
  *full = client_key(client_at(pairs[i].client));
  *account = account_key(account_at(pairs[i].account));
  return true;
}

/* The pair has set s now; before is what it had, or NULL. A pair that waited for another set has
 * had nothing yet. */
static enum interest_news
give(uint32_t i, struct interest_set *s, struct interest_set *before, bool again)
{
  struct interest_pair *p = &pairs[i];
  bool had = before && !(p->next & PENDING);

  p->set = s->index;
  p->next &= ~PENDING;
  if (s->known) {
    if (!again) call_due(i, had ? before : NULL);
    return INTEREST_NEW;
  }
  if (!set_wait(s, i, again ? WAIT_SILENT : had ? before->index : WAIT_NOTHING))
    return INTEREST_NO_MEMORY;
  p->next |= PENDING;
  if (!again && had) set_use(before);
  return INTEREST_WAITS;
}

/* A new pair with set s. */
static enum interest_news
pair_new(struct account *a, struct client *c, struct interest_set *s, bool again)
{
  struct chain *ch = chain_of(a, c);
  uint32_t i;

  if (ch->live >= INTEREST_PAIRS_MAX ||
      (c->local && !is_own(a, c) && c->directed_n == INTEREST_DIRECTED_MAX))
    return INTEREST_FULL;
  i = pair_take();
  if (!i) return INTEREST_NO_MEMORY;
  pairs[i] = (struct interest_pair){a->index, c->index, s->index, CONFIRMED};
  if (c->local && !is_own(a, c) && !note_directed(c, i)) {
    pair_free(i);
    return INTEREST_NO_MEMORY;
  }
  slots[slot_find(a->index, c->index)] = i;
  slots_n++;
  chain_add(ch, i);
  set_use(s);
  c->pairs++;
  interest_totals.pairs++;
  return give(i, s, NULL, again);
}

static enum interest_news
pair_change(uint32_t i, struct interest_set *s, bool again)
{
  struct interest_set *before = set_at(pairs[i].set);
  enum interest_news news;

  pairs[i].next |= CONFIRMED;
  if (before == s) return INTEREST_SAME;
  set_use(s);
  news = give(i, s, before, again);
  set_drop(before);
  return news;
}

static enum interest_news
show(struct interest_seen const *seen, bool local, struct interest_set *s)
{
  struct account *a = account_make(seen->account);
  struct client *c = a ? client_make(seen->full) : NULL;
  enum interest_news news = INTEREST_NO_MEMORY;
  uint32_t i = c ? pair_find(a, c) : 0;

  if (c) c->local = local;
  if (c) news = i ? pair_change(i, s, seen->again) : pair_new(a, c, s, seen->again);
  if (c) client_free_if_idle(c);
  if (a) account_tidy(a, &a->chain[0]);
  return news;
}

enum interest_news
interest_show(struct interest_seen const *seen, bool local, struct interest_set **set)
{
  struct interest_set *s = set_make(seen->key);
  enum interest_news news;

  if (set) *set = NULL;
  if (!s) return INTEREST_NO_MEMORY;
  news = show(seen, local, s);
  if (set && s->users > 1) *set = s;
  set_drop(s);
  return news;
}

/* The pair of a client with its own account, or 0. */
static uint32_t
own_pair(struct client const *c)
{
  struct slice rest = client_key(c), bare;
  struct account const *a;

  if (!slice_word(&rest, '/', &bare)) return 0;
  a = account_find(bare);
  return a ? pair_find(a, c) : 0;
}

/* The client is freed with its last pair. */
static void
hide_all(struct client *c)
{
  uint32_t n = c->directed_n, own = own_pair(c);

  if (own) pair_end(own);
  for (; n; n--)
    pair_end(c->directed[0]);
}

void
interest_hide(struct slice full, struct slice account)
{
  struct client *c = client_find(full);
  struct account const *a = account_find(account);
  uint32_t i = c && a ? pair_find(a, c) : 0;

  if (c && !account.len)
    hide_all(c);
  else if (i)
    pair_end(i);
}

/* ---- events ---- */

void
interest_each(struct slice account, bool own, struct slice name, interest_fn *fn,
              void *cookie)
{
  struct account const *a = account_find(account);
  uint32_t id = a ? name_id(name) : 0, i;

  if (!id) return;
  for (i = a->chain[own].first; i; i = next_of(i))
    if (!(pairs[i].next & ENDED) && set_has_id(set_at(pairs[i].set), id))
      fn(cookie, client_key(client_at(pairs[i].client)));
}

/* The pairs of the chain stay where they are until the chain is swept, which fn might cause: so all
 * are noted first. */
void
interest_clients(struct slice account, bool own, interest_client_fn *fn, void *cookie)
{
  struct account const *a = account_find(account);
  stralloc list = STRALLOC_ZERO;
  uint32_t i;
  size_t at;

  for (i = a ? a->chain[own].first : 0; i; i = next_of(i))
    if (!(pairs[i].next & ENDED) && set_at(pairs[i].set)->known &&
        !stralloc_catb(&list, (char const *)&i, sizeof i))
      break;
  for (at = 0; at + sizeof i <= list.len; at += sizeof i) {
    memcpy(&i, list.s + at, sizeof i);
    fn(cookie, client_key(client_at(pairs[i].client)), set_at(pairs[i].set));
  }
  stralloc_free(&list);
}

bool
interest_wants(struct slice full, struct slice name)
{
  struct client const *c = client_find(full);
  uint32_t id = name_id(name), own = c && id ? own_pair(c) : 0;

  return own && set_has_id(set_at(pairs[own].set), id);
}

bool
interest_has(struct slice full, struct slice account)
{
  struct account const *a = account_find(account);
  struct client const *c = client_find(full);

  return a && c && pair_find(a, c);
}

bool
interest_has_bare(struct slice bare, struct slice account)
{
  struct account const *a = account_find(account);
  uint32_t i;

  for (i = a ? a->chain[0].first : 0; i; i = next_of(i)) {
    struct client const *c = pairs[i].next & ENDED ? NULL : client_at(pairs[i].client);
    if (c && c->len > bare.len && c->full[bare.len] == '/' &&
        !memcmp(c->full, bare.s, bare.len))
      return true;
  }
  return false;
}

/* ---- restarts ---- */

void
interest_doubt(void)
{
  uint32_t i;

  for (i = 1; i <= used; i++)
    if (pairs[i].set) pairs[i].next &= ~CONFIRMED;
}

void
interest_sweep(void)
{
  uint32_t i;

  for (i = 1; i <= used; i++)
    if (pairs[i].set && !(pairs[i].next & CONFIRMED)) pair_end(i);
}

/* ---- the state for a trace ---- */

static void
pair_snapshot(struct snapshot *k, uint32_t i)
{
  struct arena arena = ARENA_ZERO;
  struct client const *c = i ? client_at(pairs[i].client) : NULL;
  struct interest_seen seen = {.full = SLICE(""), .account = SLICE(""), .key = SLICE("")};
  bool local = c && c->local, pending = i && pairs[i].next & PENDING;

  if (i) {
    struct interest_set const *s = set_at(pairs[i].set);
    seen.full = client_key(c);
    seen.account = account_key(account_at(pairs[i].account));
    seen.key = slice_of(s->key, s->len);
  }
  snapshot_slice(k, &arena, &seen.full);
  snapshot_slice(k, &arena, &seen.account);
  snapshot_slice(k, &arena, &seen.key);
  SNAPSHOT_INT(k, local);
  SNAPSHOT_INT(k, pending);
  seen.again = !pending;
  if (snapshot_restores(k) && interest_show(&seen, local, NULL) >= INTEREST_FULL)
    snapshot_fail(k, "a pair is lost");
  arena_wipe(&arena);
}

void
interest_snapshot(struct snapshot *k)
{
  uint32_t n = accounts_used(), a, i;
  unsigned int own;

  sets_snapshot(k);
  for (a = 1; a <= n && !snapshot_restores(k); a++)
    for (own = 0; account_at(a) && own < 2; own++)
      for (i = account_at(a)->chain[own].first; i; i = next_of(i))
        if (!(pairs[i].next & ENDED) && snapshot_record(k, "pair", true))
          pair_snapshot(k, i);
  while (snapshot_restores(k) && snapshot_record(k, "pair", true))
    pair_snapshot(k, 0);
  if (snapshot_restores(k)) sets_settled();
}
