#include "pep.h"

/* Presence in which subscribers of ours want events (pubsub#show-values, XEP-0060 s6.3): away, chat, dnd,
 * xa, or online, which is none of these.
 *
 *   1 The first such subscription that is met, here or when ends.c looks at all, has routed tell us of
 *     presence, which costs a record for each presence of everybody; nobody pays before.
 *   2 routed tells what all sessions show now, and from then on what they show anew.
 *   3 Of a session that is not told yet nothing is known, and it gets events. */

#define NS_CLIENT "jabber:client"

static char const *const words[] = {"away", "chat", "dnd", "online", "xa"};

enum { ONLINE = 3, WORDS_N = sizeof words / sizeof *words };

static bool watched;

bool
shows_are_some(uint8_t shows)
{
  return shows && shows != (1 << WORDS_N) - 1;
}

void
shows_watch(void)
{
  struct link *routed = link_find(ROUTED);

  if (watched) return;
  watched = true;
  if (routed && routed->up) handle_watch(routed, "presence");
}

void
shows_up(struct link *routed)
{
  if (watched) handle_watch(routed, "presence");
}

bool
shows_are_known(void)
{
  return watched;
}

bool
shows_want(uint8_t shows, struct slice full)
{
  uint8_t now = who_shows(full);

  return !shows_are_some(shows) || !now || shows & now;
}

/* ---- what sessions show ---- */

static uint8_t
bit_of(struct slice show)
{
  unsigned int i;

  for (i = 0; i < WORDS_N; i++)
    if (slice_is(show, words[i])) return (uint8_t)(1 << i);
  return 1 << ONLINE;
}

static void
note(struct slice full, struct slice xml)
{
  struct arena a = ARENA_ZERO;
  enum xml_error why;
  struct xml_node const *e = xml_parse(&a, xml, NS_CLIENT, &why);
  struct xml_node const *show = e ? xml_child(e, NS_CLIENT, "show") : NULL;

  if (e && !xml_attr(e, "type").len)
    who_show(full, bit_of(show ? xml_text(&a, show) : SLICE("")));
  arena_wipe(&a);
}

void
shows_presence(struct record *r)
{
  if (!record_get(r, STANZA_TO).len)
    note(record_get(r, STANZA_FROM), record_get(r, STANZA_XML));
}

/* SESSION INSTANCE XML */
void
shows_shown(struct link *l, struct record *r)
{
  (void)l;
  note(record_get(r, 1), record_get(r, 3));
}

/* Other records of routed about presence: gone, wants, directed, recalled. */
void
shows_other(struct link *l, struct record *r)
{
  (void)l;
  (void)r;
}

void
shows_snapshot(struct snapshot *k)
{
  if (snapshot_record(k, "shows", true)) SNAPSHOT_INT(k, watched);
}
