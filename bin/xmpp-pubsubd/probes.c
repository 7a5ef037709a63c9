#include "pep.h"

/* Clients of other servers, over restarts: routed keeps nothing of their presence, so accounts that
 * were online before ask for it again.
 *
 *   PROBES_AFTER_US after the link is up, when sessions have been told again: note the accounts that
 *     have nodes, and are online.
 *   A piece a tick: probe the contacts of each (RFC 6121 s4.3), whose answers show again what they
 *     can do. The answers go to the clients of the account too, as those to a client's probe do.
 *   PROBES_ANSWER_US after the last probe: forget clients that have not shown themselves. */

#define PROBES_AFTER_US 5000000u
#define PROBES_TICK_US 100000u
#define PROBES_A_TICK 500u
#define PROBES_ANSWER_US 60000000u

static struct event_timer timer;
static stralloc unasked =
  STRALLOC_ZERO; /* bare addresses, a line each, the first at `at` */
static size_t at;
static struct jid_set asked;
static bool noted;

struct probing {
  struct link *routed;
  struct slice bare;
  unsigned int n;
};

static bool
probe(void *cookie, struct roster_item const *item)
{
  static stralloc sa = STRALLOC_ZERO;
  struct probing *p = cookie;
  struct stanza st = {
    .to = item->jid, .from = p->bare, .kind = SLICE("presence"), .type = SLICE("probe")};

  if (!roster_takes(item->state) || pubsubd_is_host(jid_cut(item->jid).domain))
    return true;
  sa.len = 0;
  if (!xml_cat(&sa, "<presence") || !xml_cat_attr(&sa, "from", st.from) ||
      !xml_cat_attr(&sa, "to", st.to) || !xml_cat(&sa, " type='probe'/>"))
    return false;
  st.xml = slice_of(sa.s, sa.len);
  stanza_put(p->routed, &st);
  p->n++;
  return true;
}

static bool
note(void *cookie, struct slice bare)
{
  struct pubsub_counts counts = {0};
  uint64_t number = pubsubd_number(bare);

  (void)cookie;
  if (!number || !pubsub_counts(pubsubd.pubsub, number, &counts) || !counts.nodes)
    return true;
  return stralloc_catb(&unasked, bare.s, bare.len) && stralloc_cats(&unasked, "\n");
}

/* false: all have been probed. */
static bool
probe_some(struct link *routed)
{
  struct probing p = {.routed = routed};
  struct slice rest = slice_of(unasked.s + at, unasked.len - at);
  uint64_t number;

  while (p.n < PROBES_A_TICK && slice_word(&rest, '\n', &p.bare)) {
    number = pubsubd_number(p.bare);
    at = unasked.len - rest.len;
    if (number && pubsubd.roster && jid_set_add(&asked, p.bare))
      roster_item_each(pubsubd.roster, number, probe, &p);
  }
  return at < unasked.len;
}

static void
on_time(void *cookie)
{
  struct link *routed = link_find(ROUTED);

  (void)cookie;
  if (!routed || !routed->up) return; /* probes_begin follows */
  pubsubd_readers();
  if (!noted) who_accounts(note, NULL);
  if (!noted || at < unasked.len) {
    noted = true;
    event_timer_start(
      &timer, door_now() + (probe_some(routed) ? PROBES_TICK_US : PROBES_ANSWER_US),
      on_time, NULL);
    return;
  }
  stralloc_free(&unasked);
  at = 0;
  jid_set_wipe(&asked);
  interest_sweep();
}

void
probes_begin(void)
{
  unasked.len = at = 0;
  noted = false;
  jid_set_wipe(&asked);
  interest_doubt();
  event_timer_start(&timer, door_now() + PROBES_AFTER_US, on_time, NULL);
}

bool
probes_asked(struct slice account)
{
  return event_timer_on(&timer) && jid_set_has(&asked, account);
}

void
probes_snapshot(struct snapshot *k)
{
  struct slice rest, bare;

  if (!snapshot_record(k, "probes", true)) return;
  snapshot_timer(k, &timer, on_time, NULL);
  snapshot_bytes(k, &unasked);
  SNAPSHOT_INT(k, at);
  SNAPSHOT_INT(k, noted);
  if (!snapshot_restores(k)) return;
  rest = slice_of(unasked.s, at);
  while (slice_word(&rest, '\n', &bare))
    if (!jid_set_add(&asked, bare)) snapshot_fail(k, "out of memory");
}
