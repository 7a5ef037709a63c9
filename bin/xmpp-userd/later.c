#include "userd.h"

#include <stdlib.h>
#include <string.h>

/* Subscriptions while the store is full. A client is told that nothing was done. A contact has
 * changed its half already, so that its stanza is kept in memory and handled when the store
 * has room: the halves of a subscription end up the same. */

/* The pause between two looks at the store, in microseconds. */
#define LOOK_US 1000000

struct later {
  struct later *next;
  struct stanza st; /* the slices of st lie in text */
  size_t len;
  char text[];
};

static struct later *first, **last = &first;
static size_t bytes;
static struct event_timer timer;

static void
handle_all(void *cookie)
{
  struct later *l;

  (void)cookie;
  while (first && link_find(ROUTED) && !store_is_full(userd.store)) {
    l = first;
    first = l->next;
    if (!first) last = &first;
    bytes -= l->len;
    subscription_inbound(&l->st);
    free(l);
  }
  if (first) event_timer_start(&timer, door_now() + LOOK_US, handle_all, NULL);
}

/* Copy *from to *at, and move *at behind. */
static struct slice
copy(char **at, struct slice from)
{
  struct slice to = slice_of(*at, from.len);

  if (from.len) memcpy(*at, from.s, from.len);
  *at += from.len;
  return to;
}

void
later_inbound(struct stanza const *st)
{
  size_t len = st->to.len + st->from.len + st->type.len + st->tags.len + st->xml.len;
  struct later *l =
    bytes + len <= SUBSCRIPTIONS_LATER_BYTES ? calloc(1, sizeof *l + len) : NULL;
  char *at;

  if (!l) {
    log_event(LOG_WARN, "subscription-lost", "from", log_text(st->from), "to",
              log_text(st->to), "why", "the store is full, and too many requests wait",
              NULL);
    return;
  }
  at = l->text;
  l->st = (struct stanza){.kind = SLICE("presence")};
  l->st.to = copy(&at, st->to);
  l->st.from = copy(&at, st->from);
  l->st.type = copy(&at, st->type);
  l->st.tags = copy(&at, st->tags);
  l->st.xml = copy(&at, st->xml);
  l->len = len;
  l->next = NULL;
  *last = l;
  last = &l->next;
  bytes += len;
  if (!event_timer_on(&timer))
    event_timer_start(&timer, door_now() + LOOK_US, handle_all, NULL);
}

/* The stanza names the account, not which of its sessions sent it. */
void
outbound_refuse(struct stanza const *st, enum stanza_error e, char const *text)
{
  struct user const *u = user_find(jid_cut(st->from).bare);
  struct link *routed = link_find(ROUTED);
  struct stanza of_session = *st;
  struct session const *s;

  for (s = u && routed ? u->sessions : NULL; s; s = s->next) {
    of_session.from = slice_str(s->full);
    handle_refuse(routed, &of_session, e, slice_str(text), SLICE(""));
  }
}

void
later_outbound(struct stanza const *st)
{
  outbound_refuse(st, ERR_RESOURCE_CONSTRAINT, "the server has no room to store it");
}

/* ---- the state for a trace ---- */

static void
later_fields(struct snapshot *k, struct stanza *st)
{
  struct arena a = ARENA_ZERO;

  snapshot_slice(k, &a, &st->to);
  snapshot_slice(k, &a, &st->from);
  snapshot_slice(k, &a, &st->type);
  snapshot_slice(k, &a, &st->tags);
  snapshot_slice(k, &a, &st->xml);
  if (snapshot_restores(k)) later_inbound(st);
  arena_wipe(&a);
}

void
later_snapshot(struct snapshot *k)
{
  struct later *l = first;
  struct stanza st;

  if (snapshot_restores(k)) l = NULL;
  for (; snapshot_record(k, "later", l != NULL); l = l ? l->next : NULL) {
    st = l ? l->st : (struct stanza){.kind = SLICE("presence")};
    later_fields(k, &st);
  }
  if (snapshot_record(k, "look", true)) snapshot_timer(k, &timer, handle_all, NULL);
}
