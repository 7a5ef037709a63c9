#include "pep.h"

#include "ask/ask.h"

#include <errno.h>
#include <stdlib.h>

/* The capabilities of clients (XEP-0115), of which a server of PEP wants the nodes that a client
 * wants events of. The key of a set of interest is the number of the hash's algorithm and the
 * digest, so that all clients with one hash share a set; or ? and the full address, for a client
 * whose capabilities no hash names, or whose answer has not the hash that it shows: what such a
 * client says counts for itself alone.
 *
 *   1. A client shows a hash that is not known. If it is stored, its set is known at once.
 *   2. Else the client is asked (disco#info), in the name of the account that sees it. All who show
 *      the hash meanwhile wait.
 *   3. An answer with the right hash is stored, and makes the set known. One without makes a set of
 *      the client's own, and another client that waits is asked; so it is when none comes within
 *      CAPS_ANSWER_US. After CAPS_TRIES the hash rests for CAPS_REST_US, or until a client comes
 *      that was not there. */

#define CAPS_ANSWER_US 10000000u
#define CAPS_RETRY_US 1000000u
#define CAPS_REST_US 3600000000u

/* A set that is being asked for, or rests. */
struct asking {
  struct asking *next, **prev;
  struct event_timer timer; /* to ask again; or the rest is over */
  char *full, *account; /* the client that is asked, and the account it is asked for */
  char *node;           /* NODE#VER; NULL: no hash names the set */
  char *tried[CAPS_TRIES];
  unsigned int tries;
  bool open; /* a question is under way */
  size_t len;
  char key[];
};

static struct slice
asking_key(void const *item)
{
  struct asking const *x = item;

  return slice_of(x->key, x->len);
}

static struct table askings = {.key = asking_key};
static struct asking *first, **last = &first;

/* ---- keys ---- */

/* The key of what a client shows; it lives until the next call. s NULL: ENOMEM. */
static struct slice
key_of(struct caps_tag const *tag, struct slice full, bool *is_private)
{
  static stralloc sa = STRALLOC_ZERO;
  struct caps_digest d;
  bool ok;

  sa.len = 0;
  *is_private = !caps_tag_digest(tag, &d);
  if (*is_private)
    ok = stralloc_catb(&sa, "?", 1) && stralloc_catb(&sa, full.s, full.len);
  else
    ok = stralloc_catb(&sa, (char const *)&d.algorithm, 1) &&
         stralloc_catb(&sa, (char const *)d.bytes, d.len);
  return ok ? slice_of(sa.s, sa.len) : slice_of(NULL, 0);
}

/* The digest in a key; false: it has none. */
static bool
digest_of(struct slice key, struct caps_digest *d)
{
  if (!key.len || key.s[0] == '?' || key.len - 1 > sizeof d->bytes) return false;
  d->algorithm = (unsigned char)key.s[0];
  d->len = key.len - 1;
  memcpy(d->bytes, key.s + 1, d->len);
  return true;
}

/* ---- what is asked ---- */

static struct asking *
asking_make(struct slice key)
{
  struct asking *x = table_get(&askings, key);

  if (x) return x;
  x = askings.n < CAPS_ASKED_MAX ? calloc(1, sizeof *x + key.len) : NULL;
  if (!x) return NULL;
  x->len = key.len;
  memcpy(x->key, key.s, key.len);
  if (!table_put(&askings, x)) {
    free(x);
    return NULL;
  }
  x->prev = last;
  *last = x;
  last = &x->next;
  return x;
}

static void
asking_free(struct asking *x)
{
  unsigned int i;

  event_timer_cancel(&x->timer);
  table_del(&askings, asking_key(x));
  *x->prev = x->next;
  if (x->next)
    x->next->prev = x->prev;
  else
    last = x->prev;
  for (i = 0; i < CAPS_TRIES; i++)
    free(x->tried[i]);
  free(x->full);
  free(x->account);
  free(x->node);
  free(x);
}

static void
take_text(char **to, char *text)
{
  free(*to);
  *to = text;
}

/* NODE#VER (s6.2), which a question about capabilities without a hash has not. */
static bool
set_node(struct asking *x, struct caps_tag const *tag)
{
  static stralloc sa = STRALLOC_ZERO;

  sa.len = 0;
  take_text(&x->node, NULL);
  if (x->key[0] == '?') return true;
  if (!stralloc_catb(&sa, tag->node.s, tag->node.len) || !stralloc_cats(&sa, "#") ||
      !stralloc_catb(&sa, tag->ver.s, tag->ver.len))
    return false;
  x->node = slice_dup(slice_of(sa.s, sa.len));
  return x->node != NULL;
}

static void on_answer(void *cookie, struct stanza const *st);
static void on_time(void *cookie);

/* Ask x->full. The questions of this program are bounded (ASKS_MAX): when there are too many, this
 * one comes later. */
static void
put_question(struct asking *x)
{
  static stralloc sa = STRALLOC_ZERO;
  struct link *routed = link_find(ROUTED);
  struct ask_iq q = {.to = slice_str(x->full),
                     .from = slice_str(x->account),
                     .type = SLICE("get"),
                     .wait_us = CAPS_ANSWER_US};

  sa.len = 0;
  x->open = xml_cat(&sa, "<query xmlns='" NS_DISCO_INFO "'") &&
            (!x->node || xml_cat_attr(&sa, "node", slice_str(x->node))) &&
            xml_cat(&sa, "/>") && routed;
  q.inside = slice_of(sa.s, sa.len);
  x->open = x->open && ask_client(routed, &q, on_answer, x);
  if (!x->open) event_timer_start(&x->timer, door_now() + CAPS_RETRY_US, on_time, x);
}

static bool
was_tried(struct asking const *x, struct slice full)
{
  unsigned int i;

  for (i = 0; i < CAPS_TRIES; i++)
    if (x->tried[i] && slice_is(full, x->tried[i])) return true;
  return false;
}

/* Take the next of those that show the set, and ask it; rest when all have been asked, or enough
 * have. */
static void
ask_next(struct asking *x)
{
  struct interest_set const *s = interest_set(asking_key(x));
  struct slice full, account;
  uint32_t i = 0;

  if (!s) {
    asking_free(x);
    return;
  }
  while (x->tries < CAPS_TRIES && interest_holder(s, i++, &full, &account)) {
    if (was_tried(x, full)) continue;
    take_text(&x->full, slice_dup(full));
    take_text(&x->account, slice_dup(account));
    x->tried[x->tries++] = slice_dup(full);
    if (!x->full || !x->account) break;
    put_question(x);
    return;
  }
  event_timer_start(&x->timer, door_now() + CAPS_REST_US, on_time, x);
}

/* A question is to be put again, or the set has rested. */
static void
on_time(void *cookie)
{
  struct asking *x = cookie;
  unsigned int i;

  if (x->full && interest_has(slice_str(x->full), slice_str(x->account)) &&
      x->tries < CAPS_TRIES) {
    put_question(x);
    return;
  }
  for (i = 0; i < CAPS_TRIES; i++)
    take_text(&x->tried[i], NULL);
  x->tries = 0;
  ask_next(x);
}

/* Begin to ask for the set of key, which the client shows, or go on with a client that was not
 * there before. */
static void
begin(struct slice key, struct caps_tag const *tag, struct slice full,
      struct slice account)
{
  struct asking *x = asking_make(key);

  if (!x || x->open) return;
  if (x->tries >= CAPS_TRIES) {
    unsigned int i;
    for (i = 0; i < CAPS_TRIES; i++)
      take_text(&x->tried[i], NULL);
    x->tries = 0;
  }
  event_timer_cancel(&x->timer);
  take_text(&x->full, slice_dup(full));
  take_text(&x->account, slice_dup(account));
  take_text(&x->tried[x->tries], slice_dup(full));
  if (x->full && x->account && x->tried[x->tries++] && set_node(x, tag))
    put_question(x);
  else
    asking_free(x);
}

/* ---- answers ---- */

/* The query in the answer; NULL: it is no answer to what was asked. */
static struct xml_node const *
query_of(struct asking const *x, struct stanza const *st, struct arena *a)
{
  enum xml_error why;
  struct xml_node const *e, *query;
  struct slice node;

  if (!st || !slice_is(st->type, "result") || st->xml.len > CAPS_ANSWER_MAX) return NULL;
  e = xml_parse(a, st->xml, "jabber:client", &why);
  query = e ? xml_child(e, NS_DISCO_INFO, "query") : NULL;
  if (!query) return NULL;
  node = xml_attr(query, "node");
  return !node.len || (x->node && slice_is(node, x->node)) ? query : NULL;
}

/* The client has not what it shows: what it says counts for itself, as if no hash named it. */
static void
make_private(struct asking const *x, struct arena *a, struct xml_node const *query)
{
  static struct caps_names names;
  struct caps_tag none = {SLICE(""), SLICE(""), SLICE("")};
  struct interest_seen seen = {.full = slice_str(x->full),
                               .account = slice_str(x->account)};
  struct interest_set *s;
  bool is_private;

  if (caps_read(a, query, NULL, &names) != CAPS_GOOD) return;
  seen.key = key_of(&none, seen.full, &is_private);
  if (!seen.key.s || !interest_has(seen.full, seen.account)) return;
  interest_show(&seen, who_is(seen.full), &s);
  if (s) interest_known(s, names.name, names.n);
}

/* Read the answer; false: the set is not known by it. */
static bool
take_answer(struct asking *x, struct stanza const *st, struct arena *a)
{
  static struct caps_names names;
  struct xml_node const *query = query_of(x, st, a);
  struct caps_digest d;
  bool hashed = digest_of(asking_key(x), &d);
  enum caps_verdict v;
  struct interest_set *s;

  if (!query) return false;
  v = caps_read(a, query, hashed ? &d : NULL, &names);
  if (v == CAPS_BAD && hashed) {
    log_event(LOG_INFO, "caps-refused", "jid", x->full, "node", x->node, "why",
              "the answer has another hash, or is ill-formed", NULL);
    make_private(x, a, query);
  }
  if (v != CAPS_GOOD) return false;
  if (hashed) caps_store_put(asking_key(x), &names);
  s = interest_set(asking_key(x));
  return !s || interest_known(s, names.name, names.n);
}

static void
on_answer(void *cookie, struct stanza const *st)
{
  struct asking *x = cookie;
  struct arena arena = ARENA_ZERO;

  x->open = false;
  if (take_answer(x, st, &arena)) {
    asking_free(x);
  } else
    ask_next(x);
  arena_wipe(&arena);
}

bool
caps_is_answer(struct stanza const *st)
{
  return ask_is_answered(st);
}

/* ---- what is seen ---- */

/* Say whether the account sees the client for another reason too: the client is its own, or a
 * contact of ours, which the roster knows. */
static bool
is_known_otherwise(struct jid const *full, struct slice account)
{
  struct roster_item item;
  uint64_t number = pubsubd_number(account);

  if (slice_eq(full->bare, account)) return true;
  pubsubd_readers();
  return number && pubsubd_number(full->bare) && pubsubd.roster &&
         roster_item_get(pubsubd.roster, number, full->bare, &item) &&
         roster_gives(item.state);
}

/* Ask for the set if it is not known, nor stored. */
static void
resolve(struct interest_set *s, struct interest_seen const *seen,
        struct caps_tag const *tag, struct arena *a)
{
  static struct caps_names names;

  if (seen->key.s[0] != '?' && caps_store_get(a, seen->key, &names))
    interest_known(s, names.name, names.n);
  else
    begin(seen->key, tag, seen->full, seen->account);
}

static void
show(struct jid const *full, struct slice account, struct slice text, bool again)
{
  struct arena arena = ARENA_ZERO;
  struct interest_seen seen = {.full = full->full, .account = account, .again = again};
  bool local = pubsubd_number(full->bare) != 0, is_private;
  struct interest_set *s;
  struct caps_tag tag;

  if (caps_tag_read(&arena, text, &tag)) {
    seen.key = key_of(&tag, full->full, &is_private);
    if (seen.key.s) {
      enum interest_news news = interest_show(&seen, local, &s);
      if (news == INTEREST_WAITS && s) resolve(s, &seen, &tag, &arena);
    }
  }
  arena_wipe(&arena);
}

void
caps_seen(struct link *l, struct record *r)
{
  struct jid full = jid_cut(record_get(r, 1)), to = jid_cut(record_get(r, 2));
  struct slice text = record_get(r, 3);
  bool again =
    slice_is(record_get(r, 4), "again") || (to.bare.len && probes_asked(to.bare));
  struct slice account = to.bare.len ? to.bare : full.bare;

  (void)l;
  pubsubd_readers();
  if (!text.len) {
    interest_hide(full.full, to.bare);
    return;
  }
  if (!full.resource.len || !pubsubd_has_pep(jid_cut(account).domain) ||
      !pubsubd_number(account) || (to.bare.len && is_known_otherwise(&full, account)))
    return;
  show(&full, account, text, again);
}

/* ---- the state for a trace ---- */

static void
asking_snapshot(struct snapshot *k, struct asking *x)
{
  stralloc key = STRALLOC_ZERO;
  unsigned int i;

  if (x) key = (stralloc){.s = x->key, .len = x->len};
  snapshot_bytes(k, &key);
  if (snapshot_restores(k)) {
    x = asking_make(slice_of(key.s, key.len));
    stralloc_free(&key);
    if (!x) {
      snapshot_fail(k, "out of memory");
      return;
    }
  }
  snapshot_timer(k, &x->timer, on_time, x);
  snapshot_text(k, &x->full);
  snapshot_text(k, &x->account);
  snapshot_text(k, &x->node);
  for (i = 0; i < CAPS_TRIES; i++)
    snapshot_text(k, &x->tried[i]);
  SNAPSHOT_INT(k, x->tries);
  SNAPSHOT_INT(k, x->open);
}

/* The cookie of a question is named by its key. */
static bool
question_snapshot(struct snapshot *k, ask_iq_fn **fn, void **cookie)
{
  struct asking *x = *cookie;
  stralloc key = STRALLOC_ZERO;

  if (!snapshot_restores(k) && *fn != on_answer) return false;
  if (x) key = (stralloc){.s = x->key, .len = x->len};
  snapshot_bytes(k, &key);
  if (!snapshot_restores(k)) return true;
  *fn = on_answer;
  *cookie = table_get(&askings, slice_of(key.s, key.len));
  stralloc_free(&key);
  return *cookie != NULL;
}

void
caps_snapshot(struct snapshot *k)
{
  struct asking *x = first;

  for (; snapshot_record(k, "asking", x != NULL); x = x ? x->next : NULL)
    asking_snapshot(k, x);
  ask_clients_snapshot(k, question_snapshot);
}
