#include "authd.h"

#include <stdlib.h>

/* Accounts that a program outside has, and that nobody has logged in to yet. routed asks before it
 * delivers to such a name. An account that the program has (isuser of ejabberd's protocol) gets its
 * number here, so that all who keep data of accounts know it from now on, as after a first login. A
 * name that has a number is an account, whatever the program would say.
 *
 * A question outlives a restart of xmpp-extauthd, and is asked again.
 *
 * A program that does not answer is asked nothing more about names of its host for EXISTS_REST_US,
 * each host for itself: routed has failed for an answer meanwhile. */

/* A question to the program, oldest first. */
struct question {
  struct question *next;
  uint64_t number; /* of the record verify; 0: not asked, for xmpp-extauthd is away */
  uint64_t id; /* of the record exists; 0: it is answered, and a late yes still counts */
  uint64_t until_us; /* when it is given up */
  char *bare;
};

static struct question *first, **last = &first;
static unsigned int questions_n;
static struct event_timer timer;

static void
say(uint64_t id, char const *result)
{
  struct link *routed = id ? link_find(ROUTED) : NULL;

  if (!routed) return;
  link_begin(routed, VERB_KNOWN);
  link_num(routed, id);
  link_str(routed, result);
  link_end(routed);
}

/* Spare the program of the host of q. */
static void
rest_from(struct question const *q)
{
  struct host *h = authd_host(jid_cut(slice_str(q->bare)).domain);

  if (h) h->rest_until_us = door_now() + EXISTS_REST_US;
}

/* ---- questions ---- */

/* Take the answer, and free q. */
static void
answered(struct question *q, struct slice result)
{
  struct slice bare = slice_str(q->bare);
  bool yes = slice_is(result, "yes"), is_new = yes && !secrets_number(bare);

  if (yes && !secrets_number(bare) && !secrets_add_outside(bare)) yes = is_new = false;
  if (is_new) ends_made(bare);
  if (slice_is(result, "yes") || slice_is(result, "no"))
    say(q->id, yes ? "yes" : "no");
  else
    say(q->id, "failed");
  free(q->bare);
  free(q);
}

static struct question *
take_out(struct question **at)
{
  struct question *q = *at;

  *at = q->next;
  if (last == &q->next) last = at;
  questions_n--;
  return q;
}

static void give_up(void *cookie);

static void
watch_time(void)
{
  struct question *q = first;

  while (q && !q->id)
    q = q->next;
  event_timer_cancel(&timer);
  if (q) event_timer_start(&timer, q->until_us, give_up, NULL);
}

static void
give_up(void *cookie)
{
  struct question **at, *q;

  (void)cookie;
  for (at = &first; (q = *at) && q->until_us <= door_now();) {
    if (q->id) rest_from(q);
    say(q->id, "failed");
    q->id = 0;
    if (q->number)
      at = &q->next;
    else
      answered(take_out(at), SLICE("failed"));
  }
  watch_time();
}

static struct question *
question_new(uint64_t number, uint64_t id, struct slice bare)
{
  struct question *q = calloc(1, sizeof *q);

  if (!q || !(q->bare = slice_dup(bare))) {
    free(q);
    return NULL;
  }
  q->number = number;
  q->id = id;
  q->until_us = door_now() + EXISTS_US;
  *last = q;
  last = &q->next;
  questions_n++;
  if (!event_timer_on(&timer)) watch_time();
  return q;
}

void
exists_answered(uint64_t number, struct slice result)
{
  struct question **at = &first;

  while (*at && (*at)->number != number)
    at = &(*at)->next;
  if (!*at) return;
  if (slice_is(result, "failed")) rest_from(*at);
  answered(take_out(at), result);
  watch_time();
}

void
exists_checker_gone(void)
{
  struct question **at = &first;

  while (*at) {
    (*at)->number = 0;
    if ((*at)->id)
      at = &(*at)->next;
    else
      answered(take_out(at), SLICE("failed"));
  }
}

void
exists_checker_up(void)
{
  struct question *q;

  for (q = first; q; q = q->next)
    if (!q->number) q->number = outside_ask(slice_str(q->bare), SLICE(""), "exists");
}

/* ---- records ---- */

/* The answer that is known without the program; NULL: the program is to be asked. */
static char const *
known(struct slice bare)
{
  struct host const *h = authd_host(jid_cut(bare).domain);

  if (secrets_number(bare)) return "yes";
  if (!h || !h->is_external || !secrets_is_free(bare)) return "no";
  return door_now() < h->rest_until_us || questions_n >= EXISTS_ASKED_MAX ? "failed"
                                                                          : NULL;
}

void
exists_ask(struct link *l, struct record *r)
{
  uint64_t id = record_u64(r, 1), number;
  struct slice bare = record_get(r, 2);
  char const *answer = known(bare);

  (void)l;
  number = answer ? 0 : outside_ask(bare, SLICE(""), "exists");
  if (!answer && !question_new(number, id, bare)) answer = "failed";
  if (answer) say(id, answer);
}

/* ---- the state for a trace ---- */

static struct host *
next_resting(struct host *h)
{
  while (h && !h->rest_until_us)
    h = h->next;
  return h;
}

static void
snapshot_rests(struct snapshot *k)
{
  struct host *h = next_resting(authd.hosts);

  while (snapshot_record(k, "rest", h != NULL)) {
    char *name = h ? h->name : NULL;
    snapshot_text(k, &name);
    if (snapshot_restores(k)) {
      h = name ? authd_host(slice_str(name)) : NULL;
      free(name);
    }
    if (!h) {
      snapshot_fail(k, "a host that rests is lost");
      return;
    }
    SNAPSHOT_INT(k, h->rest_until_us);
    h = next_resting(h->next);
  }
}

void
exists_snapshot(struct snapshot *k)
{
  struct question *q = first;
  char *bare;

  snapshot_rests(k);
  if (!snapshot_record(k, "exists-timer", true)) return;
  snapshot_timer(k, &timer, give_up, NULL);
  while (snapshot_record(k, "exists", q != NULL)) {
    bare = q ? q->bare : NULL;
    snapshot_text(k, &bare);
    if (snapshot_restores(k)) {
      q = bare ? question_new(0, 0, slice_str(bare)) : NULL;
      free(bare);
    }
    if (!q) {
      snapshot_fail(k, "a question about a name is lost");
      return;
    }
    SNAPSHOT_INT(k, q->number);
    SNAPSHOT_INT(k, q->id);
    SNAPSHOT_INT(k, q->until_us);
    q = q->next;
  }
}
