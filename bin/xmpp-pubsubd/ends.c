#include "pep.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Expired items, deleted nodes and ended accounts go by themselves, in steps of a few entries, so that
 * no request waits for long:
 *
 *   expired items (item_expire), which no answer has any more since they expired;
 *   subscriptions that had an end (pubsub#expire), which count as none since then;
 *   entries of nodes that were deleted, and uris that are told no more (XEP-0060 s8.4.1);
 *   entries of items that were dropped, because their node was emptied or may have fewer from now on;
 *   items of publishers that have gone (leaving.c);
 *   the affiliations and subscriptions of sessions that had no account (XEP-0175), and the nodes of services
 *   that nobody else owns: at the end of the session, and here those that were too many for that;
 *   the nodes, affiliations and subscriptions of accounts that authd says are ending, and the nodes of
 *   services that have no other owner; those that have one are handed to it (heirs.c): each account is
 *   answered by erased, when nothing of it is on the disk. authd says ending again as long as it has
 *   not heard that, so a step may be lost in a restart.
 *
 * A walk over all accounts with nodes finds those whose end was not said to us. */

#define STEPS 500u
#define OWNED_A_STEP 32u
#define TICK_US 100000u
#define REST_US 30000000u
#define OWNERS_A_TICK 100u
#define ENDING_MAX 256u

struct ending {
  uint64_t number; /* of the account; of a session that had none */
  char *bare;      /* NULL when the walk has found it: the name is not known any more */
  bool is_session;
};

static struct event_timer timer;
static struct ending ending[ENDING_MAX]; /* oldest first */
static size_t ending_n;
static bool erased; /* the first of them has nothing more, when this turn is kept */
static bool gone;   /* entries of deleted nodes, dropped items or leavers may be left */
static uint64_t at; /* the account that was looked at last */

static struct place {
  struct pubsub_of_place owned; /* the node that is looked at next */
  bool owned_done;              /* all nodes of the account were looked at */
  struct heirs_place heirs;
} ending_at;                           /* of the first that is ending */
static struct pubsub_place moved_at;   /* the uri that was looked at last */
static struct pubsub_place subs_at;    /* the subscription that is looked at next */
static struct pubsub_place leavers_at; /* the publisher whose items are looked at next */

static void tick(void *cookie);

static void
wake(uint64_t wait_us)
{
  event_timer_start(&timer, door_now() + wait_us, tick, NULL);
}

static bool
is_deleted(uint64_t number)
{
  struct slice bare;

  if (!pubsubd.accounts || number >= accounts_next(pubsubd.accounts)) return false;
  return !accounts_jid(pubsubd.accounts, number, &bare) && errno == ENOENT;
}

static void
failed(char const *what)
{
  log_event(LOG_WARN, "pubsub-failed", "what", what, "why", strerror(errno), NULL);
}

/* ---- accounts ---- */

static bool
add(uint64_t number, struct slice bare, bool is_session)
{
  char *copy = NULL;
  size_t i;

  for (i = 0; i < ending_n; i++)
    if (ending[i].number == number) return false;
  if (ending_n == ENDING_MAX) return false;
  if (bare.len) {
    copy = slice_dup(bare);
    if (!copy) return false;
  }
  ending[ending_n++] = (struct ending){number, copy, is_session};
  return true;
}

/* NUMBER JID ERASED */
void
ends_ending(struct link *l, struct record *r)
{
  uint64_t number = record_u64(r, 1);

  (void)l;
  if (!number || slice_has_word(record_get(r, 3), SLICE("pubsub"))) return;
  if (add(number, record_get(r, 2), false)) wake(0);
}

/* A new account has no nodes. */
void
ends_made(struct link *l, struct record *r)
{
  (void)l;
  (void)r;
}

static void
tell_erased(struct ending const *e)
{
  struct link *routed = link_find(ROUTED);

  log_event(LOG_INFO, "pubsub-purged", "number", log_num(e->number), "why",
            "the account was deleted", NULL);
  if (!routed) return; /* authd asks again */
  link_begin(routed, VERB_ERASED);
  link_num(routed, e->number);
  link_str(routed, "pubsub");
  link_end(routed);
}

/* ---- nodes of services that nobody else owns ---- */

struct owned {
  struct slice bare;
  struct pubsub_of_place next;
  bool more, shared;
  uint64_t nodes[OWNED_A_STEP];
  size_t n, looked; /* looked at were so many nodes and affiliations */
};

static bool
is_other(void *cookie, struct slice bare, enum pubsub_affiliation a)
{
  struct owned *o = cookie;

  o->looked++;
  o->shared = a == PUBSUB_OWNER && !slice_eq(bare, o->bare);
  return !o->shared;
}

static bool
note_owned(void *cookie, uint64_t owner, uint64_t node)
{
  struct owned *o = cookie;
  enum pubsub_affiliation aff;
  struct pubsub_node n;

  o->next = (struct pubsub_of_place){owner, node};
  o->more = o->n == OWNED_A_STEP || o->looked >= room_nodes_looked_at();
  if (o->more) return false;
  o->looked++;
  if (!(owner & PUBSUB_SERVICE) || !pubsub_node_get(pubsubd.pubsub, node, &n) ||
      !pubsub_aff_get(pubsubd.pubsub, node, o->bare, &aff) || aff != PUBSUB_OWNER)
    return true;
  o->shared = false;
  pubsub_affs(pubsubd.pubsub, node, is_other, o);
  if (!o->shared) o->nodes[o->n++] = node;
  return true;
}

/* Nobody could configure or delete such a node any more, so it is deleted, and its subscribers are
 * told. Say whether all nodes from the place on were looked at; the place is then behind them. */
static bool
delete_owned(struct slice bare, struct place *place)
{
  struct arena arena = ARENA_ZERO;
  struct handle_ctx ctx = {.arena = &arena};
  struct owned o = {.bare = bare};
  size_t i;
  bool ok = place->owned_done || pubsub_of_from(pubsubd.pubsub, bare, &place->owned,
                                                PUBSUB_OF_AFFILIATION, note_owned, &o);

  for (i = 0; ok && i < o.n; i++) {
    struct request q = {.ctx = &ctx};
    /* A node that lay below another is gone with it. */
    if (node_request(&q, &arena, o.nodes[i])) ok = remove_node(&q, SLICE(""));
    arena_reset(&arena);
  }
  arena_wipe(&arena);
  if (!ok) return false;
  place->owned = o.next;
  place->owned_done = !o.more;
  return place->owned_done;
}

/* Delete some of what others have of this address, and hand its nodes on from place. Say whether there was
 * nothing, or not much, of it. */
static bool
forget(struct slice bare, struct place *place, unsigned int *done)
{
  return delete_owned(bare, place) && heirs_take(bare, &place->heirs) &&
         pubsub_forget(pubsubd.pubsub, bare, STEPS, done) && *done < STEPS;
}

/* A node that was shared may have become one of an account that is ending. */
void
ends_owner_left(void)
{
  ending_at.owned_done = false;
  ending_at.owned = (struct pubsub_of_place){0};
}

/* A step of the first account that is ending. Nobody is told of its own nodes: who might be is no contact
 * any more. */
static void
erase_some(void)
{
  struct ending *e = &ending[0];
  unsigned int done = 0;

  if (e->is_session)
    erased = forget(slice_str(e->bare), &ending_at, &done);
  else
    erased = !is_deleted(e->number) ||
             (pubsub_purge(pubsubd.pubsub, e->number, STEPS, &done) && done < STEPS &&
              (!e->bare || forget(slice_str(e->bare), &ending_at, &done)));
}

void
ends_of_session(struct slice full, uint64_t number)
{
  struct jid who = jid_cut(full);
  struct place place = {0};
  unsigned int done = 0;
  bool all = false;

  if (!access_is_anonymous(pubsubd.settings, who.domain, who.local)) return;
  if (store_erase_begin(pubsubd.store)) all = forget(who.bare, &place, &done);
  store_erase_end(pubsubd.store);
  if (all) return;
  if (add(number, who.bare, true))
    wake(0);
  else
    log_event(LOG_WARN, "erase-left", "jid", log_text(who.bare), "why",
              "too many are to be erased", NULL);
}

void
ends_turn(bool kept)
{
  if (erased && kept) {
    if (!ending[0].is_session && is_deleted(ending[0].number)) tell_erased(&ending[0]);
    free(ending[0].bare);
    ending_n--;
    memmove(ending, ending + 1, ending_n * sizeof *ending);
    ending_at = (struct place){0};
  }
  /* Steps of a turn that is lost are taken again. */
  if (!kept) {
    ending_at = (struct place){0};
    ends_gone();
  }
  erased = false;
}

/* Look at the next accounts with nodes. false: all were looked at. */
static bool
look(void)
{
  unsigned int i;

  for (i = 0; i < OWNERS_A_TICK; i++) {
    if (!pubsub_next(pubsubd.pubsub, at, &at)) {
      at = 0;
      return false;
    }
    if (is_deleted(at)) add(at, SLICE(""), false);
  }
  return true;
}

/* ---- the timer ---- */

/* The timer that is on already is not put off. */
void
ends_gone(void)
{
  if (gone) return;
  gone = true;
  wake(TICK_US);
}

/* Say whether there is more of it. */
static bool
expire_some(void)
{
  unsigned int done = 0;

  if (pubsub_items_expire(pubsubd.pubsub, (uint32_t)(door_wall() / 1000000), STEPS,
                          &done))
    return done == STEPS;
  failed("delete expired items");
  return false;
}

static bool
purge_some(void)
{
  unsigned int done = 0, dropped = 0;

  if (!gone) return false;
  if (!pubsub_purge_gone(pubsubd.pubsub, STEPS, &done) ||
      !pubsub_purge_dropped(pubsubd.pubsub, room_purge_step(), &dropped)) {
    failed("delete the entries of deleted nodes");
    return false;
  }
  gone = done == STEPS || dropped == room_purge_step();
  gone = leaving_some(&leavers_at) || gone;
  return gone;
}

/* A subscriber who was there when it subscribed may have gone while nobody told us. */
static bool
is_over(struct slice jid, struct pubsub_sub const *sub)
{
  struct jid who = jid_cut(jid);

  if (sub_is_over(sub)) return true;
  if (shows_are_some(sub->shows)) shows_watch();
  return sub->options & PUBSUB_WHILE_PRESENT && who_is_complete() &&
         sub->us + WHO_US < door_wall() &&
         !(who.resource.len ? who_is(jid) : who_has(jid));
}

static void
sweep_some(void)
{
  if (!pubsub_moved_sweep(pubsubd.pubsub, &moved_at, STEPS)) failed("delete old uris");
  if (!pubsub_subs_sweep(pubsubd.pubsub, &subs_at, PUBSUB_SUBSCRIPTIONS_STEP, is_over))
    failed("delete subscriptions that are over");
}

/* Erase what is to be erased; give the time to wait. */
static uint64_t
erase_all(void)
{
  bool more = false;

  if (ending_n) {
    erase_some();
    return 0;
  }
  more = expire_some();
  more = purge_some() || more;
  more = look() || more;
  sweep_some();
  return more || moved_at.len || subs_at.len ? TICK_US : REST_US;
}

static void
tick(void *cookie)
{
  uint64_t wait = REST_US;

  (void)cookie;
  pubsubd_readers();
  if (store_erase_begin(pubsubd.store)) wait = erase_all();
  store_erase_end(pubsubd.store);
  wake(wait);
}

void
ends_start(void)
{
  gone = true; /* an earlier run may have left some */
  if (!event_timer_on(&timer)) wake(TICK_US);
}

void
ends_snapshot(struct snapshot *k)
{
  size_t i;

  if (!snapshot_record(k, "ends", true)) return;
  snapshot_timer(k, &timer, tick, NULL);
  SNAPSHOT_INT(k, gone);
  SNAPSHOT_INT(k, at);
  snapshot_block(k, &ending_at, sizeof ending_at);
  snapshot_block(k, &moved_at, sizeof moved_at);
  snapshot_block(k, &subs_at, sizeof subs_at);
  snapshot_block(k, &leavers_at, sizeof leavers_at);
  SNAPSHOT_INT(k, ending_n);
  if (ending_n > ENDING_MAX) ending_n = 0;
  for (i = 0; i < ending_n; i++) {
    SNAPSHOT_INT(k, ending[i].number);
    snapshot_text(k, &ending[i].bare);
    SNAPSHOT_INT(k, ending[i].is_session);
  }
}
