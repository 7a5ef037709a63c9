#include "mucd.h"

#include <stdio.h>
#include <string.h>

/* Sessions that are over though they have not left (XEP-0045 s7.14 calls them ghosts). A session of
 * this server ends when xmpp-routed says so; one of another server when what is sent to it comes
 * back, or when it does not answer. After a restart of routed, or of mucd, local sessions are
 * compared with those that routed knows (lib/online). */

#define CONFIRM_US 30000000

static void
ended(struct online *o)
{
  struct change c = {.codes = ""};

  leave((struct session *)o, &c);
}

static void
ask_sessions(void)
{
  if (!mucd.routed) return;
  link_begin(mucd.routed, VERB_SESSIONS);
  link_end(mucd.routed);
}

struct online_mirror mirror = ONLINE_MIRROR(ended, ask_sessions, CONFIRM_US);

void
ghosts_up(void)
{
  online_up(&mirror);
}

/* Call fn for each session of the full JID, in whatever rooms, that has this number, or none. */
static void
each_of(struct slice full, uint64_t number, void (*fn)(struct session *))
{
  struct jid j = jid_cut(full);
  struct account *a = account_find(j.bare);
  struct occupant *o, *next;
  struct session *s;

  for (o = a ? a->first : NULL; o; o = next) {
    next = o->next_of;
    for (s = o->sessions; s && !slice_is(full, s->full); s = s->next) {
    }
    if (s && (!number || !s->number || s->number == number)) fn(s);
  }
}

static void
confirm(struct session *s)
{
  s->away = false;
  if (s->local) online_confirm(&mirror, &s->online);
}

static void
end_session(struct session *s)
{
  if (s->local) ended(&s->online);
}

/* The presence of s is on its way, by xmpp-userd. */
static void
go_away(struct session *s)
{
  s->away = true;
}

void
ghosts_online(struct link *l, struct record *r)
{
  (void)l;
  each_of(record_get(r, 1), record_u64(r, 4), confirm);
}

void
ghosts_offline(struct link *l, struct record *r)
{
  bool away = slice_is(record_get(r, 2), "away");

  (void)l;
  each_of(record_get(r, 1), record_u64(r, 3), away ? go_away : end_session);
  if (!away) ends_of_session(record_get(r, 1), record_u64(r, 3));
}

void
ghosts_row(struct link *l, struct record *r)
{
  (void)l;
  each_of(record_get(r, 1), record_u64(r, 6), confirm);
}

void
ghosts_done(struct link *l, struct record *r)
{
  (void)l;
  (void)r;
  online_compare(&mirror);
}

/* ---- errors ---- */

static char const *const gone[] = {
  "gone",     "item-not-found",          "recipient-unavailable",
  "redirect", "remote-server-not-found", "remote-server-timeout",
  NULL};
static char const *const unsure[] = {"service-unavailable", "internal-server-error",
                                     "jid-malformed", NULL};

static bool
is_one_of(struct slice word, char const *const *list)
{
  for (; *list; list++)
    if (slice_is(word, *list)) return true;
  return false;
}

/* The condition of an error, and its text. */
static struct slice
condition_of(struct in *in, struct slice *text)
{
  struct xml_node const *err = xml_child(in->e, NS_CLIENT, "error"), *c = NULL;
  struct slice found = SLICE("");

  *text = SLICE("");
  while (err && (c = xml_next(err, c))) {
    if (!slice_is(c->ns, "urn:ietf:params:xml:ns:xmpp-stanzas")) continue;
    if (slice_is(c->name, "text"))
      *text = xml_text(in->arena, c);
    else if (!found.len)
      found = c->name;
  }
  return found;
}

/* The bytes of the text's beginning, `most` at most, that cut no character. */
static int
whole(struct slice text, size_t most)
{
  if (text.len <= most) return (int)text.len;
  while (most && ((unsigned char)text.s[most] & 0xc0) == 0x80)
    most--;
  return (int)most;
}

static void
kick(struct in *in, struct slice condition, struct slice text)
{
  static char status[512];
  char words[64];
  size_t i;

  snprintf(words, sizeof words, "%.*s", whole(condition, sizeof words - 1), condition.s);
  for (i = 0; words[i]; i++)
    if (words[i] == '-') words[i] = ' ';
  if (text.len && !(in->room->config.flags & FLAG_ANONYMOUS))
    snprintf(status, sizeof status, "Kicked: %s: %.*s", words, whole(text, 300), text.s);
  else
    snprintf(status, sizeof status, "Kicked: %s", words);
  remove_session(in->session, "333", status);
}

/* A message without a body, to learn whether the session is still there. */
static void
probe(struct in *in)
{
  static stralloc xml = STRALLOC_ZERO;
  struct session *s = in->session;
  /* A session has its room. NOLINTNEXTLINE(clang-analyzer-core.NullDereference) */
  struct envelope e = {in->room->bare, SLICE("message"), SLICE("groupchat"),
                       SLICE("muc-probe"), SLICE("")};

  if (s->probed_us && door_now() - s->probed_us < 600000000ull) return;
  s->probed_us = door_now();
  xml.len = 0;
  put(&xml, "<message");
  put_attr(&xml, "from", in->room->bare);
  put(&xml,
      " type='groupchat' id='muc-probe'><no-store xmlns='" NS_HINTS "'/></message>");
  send_one(slice_str(s->full), &e, slice_of(xml.s, xml.len));
}

/* Say whether the error answers a private message, of which its sender is told, or one that left
 * before this session of the name came: it is no word of the session. */
static bool
is_of_another(struct in *in)
{
  uint64_t us = 0;

  switch (sent_find(in->room, in->st.id, &us)) {
  case SENT_UNKNOWN: return false;
  case SENT_TO_ALL: return us < in->session->entered_us;
  case SENT_PRIVATE: private_error(in); return true;
  }
  return false;
}

/* An error of presence may be late, and mean an earlier session of the same name, which has left. A
 * session of this server says which it is. Of another server's session nobody can tell: a message
 * asks whether it is there. */
static void
presence_error(struct in *in, struct slice condition, struct slice text)
{
  struct session const *s = in->session;
  uint64_t number;

  if (s->number && slice_u64(stanza_tag(in->st.tags, "session"), &number) &&
      number != s->number)
    return;
  if (!s->local && sent_has_left(in->room, in->from.full))
    probe(in);
  else
    kick(in, condition, text);
}

void
error_in(struct in *in)
{
  struct slice text, condition;

  if (in->room && slice_is(in->st.kind, "message") && !in->to.resource.len)
    invite_error(in);
  if (!in->session) return;
  condition = condition_of(in, &text);
  if (slice_is(in->st.kind, "presence")) {
    presence_error(in, condition, text);
    return;
  }
  if (is_of_another(in) || in->session->local) return;
  if (is_one_of(condition, gone) ||
      (is_one_of(condition, unsure) && slice_is(in->st.id, "muc-probe")))
    kick(in, condition, text);
  else if (is_one_of(condition, unsure))
    probe(in);
}

/* ---- sessions of other servers that say nothing ---- */

static struct event_timer ping_timer;

#define SILENT_US 900000000ull
/* Pings of one second, and ends; those of the pings that go to one domain. */
#define PINGS_MAX 50
#define PINGS_DOMAIN_MAX 5

static void
ping(struct session *s)
{
  static stralloc xml = STRALLOC_ZERO;
  struct stanza st = {.to = slice_str(s->full),
                      .from = s->o->room->bare,
                      .kind = SLICE("iq"),
                      .type = SLICE("get"),
                      .id = SLICE("muc-ping"),
                      .tags = SLICE("ns=" NS_PING)};

  s->pings++;
  s->pinged_us = door_now();
  xml.len = 0;
  put(&xml, "<iq");
  put_attr(&xml, "from", st.from);
  put_attr(&xml, "to", st.to);
  put(&xml, " type='get' id='muc-ping'><ping xmlns='" NS_PING "'/></iq>");
  st.xml = slice_of(xml.s, xml.len);
  stanza_put(mucd.routed, &st);
}

/* Pings that nobody answers, behind which a session is over. */
#define PINGS_LAST 4

/* The time from a ping that nobody answered to the next, and from the last to the end. */
static uint64_t
patience(struct session const *s)
{
  static uint64_t const minutes[PINGS_LAST + 1] = {0, 5, 15, 60, 1};

  return minutes[s->pings < PINGS_LAST ? s->pings : PINGS_LAST] * 60000000;
}

static bool
is_due(struct session const *s, uint64_t now)
{
  if (s->local || now - s->alive_us < SILENT_US) return false;
  return !s->pings || now - s->pinged_us >= patience(s);
}

/* The domains that have been pinged in this second. */
struct pinged {
  struct slice domain;
  unsigned int n;
};

static bool
domain_lets(struct pinged list[PINGS_MAX], struct session const *s)
{
  struct slice domain = jid_cut(slice_str(s->full)).domain;
  unsigned int i;

  for (i = 0; i < PINGS_MAX && list[i].n && !slice_eq(list[i].domain, domain); i++) {
  }
  if (i == PINGS_MAX) return false;
  list[i].domain = domain;
  return list[i].n++ < PINGS_DOMAIN_MAX;
}

static void
look(void *cookie)
{
  struct pinged domains[PINGS_MAX] = {{.n = 0}};
  struct room *r;
  struct occupant *o;
  struct session *s, *over[PINGS_MAX];
  unsigned int n = 0, dead = 0;
  bool more;

  (void)cookie;
  for (r = room_next(NULL); r && mucd.routed && mucd.routed->up; r = room_next(r))
    for (o = r->first; o; o = o->next)
      for (s = o->sessions; s; s = s->next) {
        if (!is_due(s, door_now())) continue;
        if (s->pings >= PINGS_LAST && dead < PINGS_MAX)
          over[dead++] = s;
        else if (s->pings < PINGS_LAST && n < PINGS_MAX && domain_lets(domains, s)) {
          n++;
          ping(s);
        }
      }
  more = n || dead;
  while (dead)
    remove_session(over[--dead], "333", "Kicked: no answer");
  event_timer_start(&ping_timer, door_now() + (more ? 1000000 : 60000000), look, NULL);
}

void
ghosts_start(void)
{
  event_timer_start(&ping_timer, door_now() + 60000000, look, NULL);
}

/* Any answer of the client itself says that it is there. */
void
ghosts_answer(struct in *in)
{
  struct slice text, condition;

  if (!in->session || !slice_is(in->st.id, "muc-ping")) return;
  condition = condition_of(in, &text);
  if (slice_starts(condition, "remote-server")) return;
  if (is_one_of(condition, gone)) {
    kick(in, condition, text);
    return;
  }
  if (slice_is(condition, "service-unavailable")) {
    in->session->pings = 0;
    in->session->alive_us = door_now();
    probe(in);
    return;
  }
  in->session->pings = 0;
  in->session->alive_us = door_now();
}

void
ghosts_snapshot(struct snapshot *k)
{
  online_snapshot(k, &mirror);
  if (snapshot_record(k, "silent", true)) snapshot_timer(k, &ping_timer, look, NULL);
}
