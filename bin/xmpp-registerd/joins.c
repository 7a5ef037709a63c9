#include "joins.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Accounts that invitations make, over kills of any program. Table joins of DATA/register has
 * TOKEN -> a record: STATE BARE BEFRIENDS INVITER GROUPS, where TOKEN is HASH/USE in hexadecimal, the word
 * that xmpp-authd knows this use of the invitation by:
 *   b begun: on disk before xmpp-authd is asked, whose commit makes the account and keeps TOKEN
 *   m made: xmpp-authd has said so; the use is counted in the same commit, and xmpp-userd is asked to make
 *     the contacts
 *   s settled: xmpp-userd has answered, or there were no contacts to make; xmpp-authd is told to forget
 *     TOKEN, and the entry goes when it has
 * When the link of xmpp-authd comes up, registerd asks for the TOKENs of state b, one after the other, and
 * says those of state s again; when that of xmpp-userd does, those of state m. */

struct join {
  char state; /* b, m, s */
  struct slice bare, befriends, inviter, groups;
};

static struct {
  struct store *store;
  MDB_dbi table;
  char asked[JOIN_TOKEN_SIZE]; /* the token that authd is asked about; empty: none */
  bool is_used; /* authd has answered with a row: asked has made its account */
  bool settles; /* the question is settle, not used */
} joins;

bool
joins_open(struct store *s)
{
  joins.store = s;
  return store_table(s, "joins", &joins.table);
}

static void
make_token(char token[JOIN_TOKEN_SIZE], struct invite_id const *id, uint64_t use)
{
  size_t n = 2 * INVITE_HASH;

  hex_put(token, id->hash, INVITE_HASH);
  snprintf(token + n, JOIN_TOKEN_SIZE - n, "/%llu", (unsigned long long)use);
}

static bool
read_token(struct slice token, struct invite_id *id)
{
  unsigned int i, byte;

  if (token.len < 2 * INVITE_HASH) return false;
  for (i = 0; i < INVITE_HASH; i++) {
    char two[3] = {token.s[2 * i], token.s[2 * i + 1], 0};
    if (sscanf(two, "%2x", &byte) != 1) return false;
    id->hash[i] = (unsigned char)byte;
  }
  return true;
}

/* ---- entries ---- */

static bool
put(struct slice token, struct join const *j)
{
  static stralloc v = STRALLOC_ZERO;

  v.len = 0;
  return record_put_verb(&v, "join") && record_put(&v, slice_of(&j->state, 1)) &&
         record_put(&v, j->bare) && record_put(&v, j->befriends) &&
         record_put(&v, j->inviter) && record_put(&v, j->groups) &&
         store_put(joins.store, joins.table, token, slice_of(v.s, v.len));
}

static bool
read_value(struct arena *a, struct slice v, struct join *out)
{
  struct slice copy = arena_copy(a, v);
  struct record r;
  struct slice state;

  if (!copy.s || !record_split(&r, (char *)(uintptr_t)copy.s, copy.len)) return false;
  state = record_get(&r, 1);
  *out = (struct join){.state = state.len ? state.s[0] : 'b',
                       .bare = record_get(&r, 2),
                       .befriends = record_get(&r, 3),
                       .inviter = record_get(&r, 4),
                       .groups = record_get(&r, 5)};
  return true;
}

static bool
get(struct arena *a, struct slice token, struct join *out)
{
  struct slice v;

  return joins.store && store_get(joins.store, joins.table, token, &v) &&
         read_value(a, v, out);
}

static bool
del(struct slice token)
{
  return store_del(joins.store, joins.table, token) || errno == ENOENT;
}

/* ---- xmpp-userd ---- */

static void
say_befriend(struct link *userd, struct slice token, struct join const *j)
{
  link_begin(userd, VERB_BEFRIEND);
  link_text(userd, token);
  link_text(userd, j->inviter);
  link_text(userd, j->bare);
  link_text(userd, j->groups);
  link_end(userd);
}

/* ---- xmpp-authd: one question at a time ---- */

static void ask_next(struct slice after);

/* The token of joins.asked has made its account, or not. */
static void
resolve(void)
{
  struct slice token = slice_str(joins.asked);

  if (joins.settles)
    del(token);
  else if (joins.is_used)
    join_made(token);
  else
    join_failed(token, false);
}

static void
on_answer(void *cookie, enum ask_part part, struct slice const v[2])
{
  char token[JOIN_TOKEN_SIZE];

  (void)cookie;
  (void)v;
  if (part == ASK_ROW) {
    joins.is_used = true;
    return;
  }
  if (part == ASK_DONE) resolve();
  memcpy(token, joins.asked, sizeof token);
  joins.asked[0] = 0;
  if (part == ASK_DONE) ask_next(slice_str(token));
}

static bool
ask_authd(struct slice token, bool settles)
{
  struct slice fields[] = {settles ? SLICE("settle") : SLICE("used"), token};

  snprintf(joins.asked, sizeof joins.asked, "%.*s", (int)token.len, token.s);
  joins.is_used = false;
  joins.settles = settles;
  if (ask(AUTHD, VERB_ACCOUNT, fields, 2, on_answer, &joins)) return true;
  joins.asked[0] = 0;
  return false;
}

/* In this run nobody works at an entry of state b that is behind `after`: see joins_up. */
static void
ask_next(struct slice after)
{
  struct arena a = ARENA_ZERO;
  char from[JOIN_TOKEN_SIZE + 1];
  struct slice key, v, at;
  struct join j;

  memcpy(from, after.s, after.len);
  from[after.len] = 0; /* the first key that is behind it */
  at = slice_of(from, after.len + 1);
  while (!joins.asked[0] && store_next(joins.store, joins.table, at, &key, &v) &&
         key.len < JOIN_TOKEN_SIZE) {
    memcpy(from, key.s, key.len);
    from[key.len] = 0;
    arena_reset(&a);
    if (read_value(&a, v, &j) && j.state != 'm' && !account_works_for(j.bare))
      ask_authd(slice_of(from, key.len), j.state == 's');
    at = slice_of(from, key.len + 1);
  }
  arena_wipe(&a);
}

static void
settle(struct slice token)
{
  if (!joins.asked[0]) ask_authd(token, true); /* else when the link comes up */
}

/* ---- the states ---- */

struct uses {
  char const *prefix; /* HASH/ */
  uint64_t begun, next;
};

static bool
count_use(void *cookie, struct slice key, struct slice value)
{
  struct uses *u = cookie;
  struct arena a = ARENA_ZERO;
  struct join j;

  if (key.len <= 2 * INVITE_HASH || memcmp(key.s, u->prefix, 2 * INVITE_HASH) != 0)
    return false;
  u->begun += read_value(&a, value, &j) && j.state == 'b';
  arena_wipe(&a);
  return true;
}

/* The next use of an invitation that no account is made with. false: all are taken. */
static bool
next_use(struct invite_id const *id, struct invite const *i, char token[JOIN_TOKEN_SIZE])
{
  struct uses u = {.prefix = token};
  struct slice v;

  make_token(token, id, 0);
  store_each(joins.store, joins.table, slice_of(token, 2 * INVITE_HASH), count_use, &u);
  if (i->used + u.begun >= i->uses) return false;
  while (store_get(joins.store, joins.table, slice_str(token), &v))
    make_token(token, id, ++u.next);
  return true;
}

bool
join_begin(struct invite_id const *id, struct invite const *i, struct slice bare,
           char token[JOIN_TOKEN_SIZE])
{
  bool befriends = i->kind == INVITE_CONTACT || i->befriends;
  struct join j = {'b', bare, befriends && i->inviter.len ? SLICE("1") : SLICE(""),
                   i->inviter, i->groups};

  if (!next_use(id, i, token)) {
    errno = EBUSY;
    return false;
  }
  errno = EIO;
  return !store_is_full(joins.store) && put(slice_str(token), &j);
}

void
join_made(struct slice token)
{
  struct arena a = ARENA_ZERO;
  struct link *userd = link_find(USERD);
  struct invite_id id;
  struct join j;

  if (get(&a, token, &j) && j.state == 'b' && read_token(token, &id) &&
      invite_used(&id)) {
    j.state = j.befriends.len ? 'm' : 's';
    if (put(token, &j)) {
      if (j.state == 's')
        settle(token);
      else if (userd)
        say_befriend(userd, token, &j);
    }
  }
  arena_wipe(&a);
}

void
join_failed(struct slice token, bool used)
{
  struct invite_id id;

  if (!joins.store) return;
  if (used && read_token(token, &id)) invite_used(&id);
  del(token);
}

void
joins_on_befriended(struct link *l, struct record *r)
{
  struct arena a = ARENA_ZERO;
  struct slice token = record_get(r, 1);
  struct join j;

  (void)l;
  if (get(&a, token, &j) && j.state == 'm') {
    j.state = 's';
    if (put(token, &j)) settle(token);
  }
  arena_wipe(&a);
}

static bool
say_one(void *cookie, struct slice key, struct slice value)
{
  struct arena a = ARENA_ZERO;
  struct join j;

  if (read_value(&a, value, &j) && j.state == 'm') say_befriend(cookie, key, &j);
  arena_wipe(&a);
  return true;
}

void
joins_up(struct link *l)
{
  char zero = 0;

  if (!joins.store) return;
  if (l->program == USERD)
    store_each(joins.store, joins.table, slice_of(&zero, 1), say_one, l);
  if (l->program == AUTHD && !joins.asked[0]) ask_next(SLICE(""));
}

bool
joins_snapshot_ask(struct snapshot *k, ask_fn **fn, void **cookie)
{
  snapshot_name(k, joins.asked, sizeof joins.asked);
  SNAPSHOT_INT(k, joins.is_used);
  SNAPSHOT_INT(k, joins.settles);
  *fn = on_answer;
  *cookie = &joins;
  return true;
}

bool
joins_has_ask(void const *cookie)
{
  return cookie == &joins;
}
