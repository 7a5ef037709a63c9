#include "nodes.h"
#include "profile.h"

#include "splice/splice.h"

#include <string.h>

/* Presence (RFC 6121 s4). A broadcast is one record to routed, which knows where everybody
 * is; what goes to one address is a stanza of its own. A session's presence is kept as it
 * came; what the server adds to it is added each time. */

/* Addresses of one fanout. */
#define FANOUT_MAX 256
#define NS_CLIENT "jabber:client"

/* ---- one address ---- */

/* The presence xml with to behind its name. false: ENOMEM, or it is no presence. */
static bool
cat_addressed(stralloc *out, struct slice xml, struct slice to)
{
  struct splice at;

  return slice_starts(xml, "<presence") && splice_attribute(xml, &at) &&
         splice_cat_head(out, &at) && xml_cat_attr(out, "to", to) &&
         splice_cat_tail(out, &at);
}

/* Say whether either of the two has blocked the other. */
static bool
is_blocked(struct slice from, struct slice to)
{
  struct jid f = jid_cut(from), t = jid_cut(to);

  return blocking_has(f.bare, &t) || blocking_has(t.bare, &f);
}

static void
put(struct slice from, struct slice to, char const *type, struct slice xml)
{
  static stralloc sa = STRALLOC_ZERO;
  struct link *routed = link_find(ROUTED);
  struct stanza st = {.to = to, .from = from, .kind = SLICE("presence")};

  sa.len = 0;
  if (!routed || is_blocked(from, to) || !cat_addressed(&sa, xml, to)) return;
  st.type = slice_str(type);
  st.xml = slice_of(sa.s, sa.len);
  stanza_put(routed, &st);
}

static void
put_plain(struct slice from, struct slice to, char const *type)
{
  static stralloc sa = STRALLOC_ZERO;

  sa.len = 0;
  if (xml_cat(&sa, "<presence") && xml_cat_attr(&sa, "from", from) &&
      xml_cat_attr(&sa, "type", slice_str(type)) && xml_cat(&sa, "/>"))
    put(from, to, type, slice_of(sa.s, sa.len));
}

/* Give the presence of a session as others see it. The text lives until the next call. */
static struct slice
shown_text(struct session const *s)
{
  static stralloc sa = STRALLOC_ZERO;
  struct slice xml = slice_of(s->shown.s, s->shown.len);
  struct slice bare = slice_str(s->user->bare);

  sa.len = 0;
  if (userd_has(jid_cut(bare).domain, "mod_vcard_xupdate") &&
      xep0153_update(xml, bare, &sa))
    return slice_of(sa.s, sa.len);
  return xml;
}

static void
put_shown(struct session const *s, struct slice to)
{
  put(slice_str(s->full), to, "", shown_text(s));
}

/* ---- everybody ---- */

struct broadcast {
  struct session const *s;
  struct slice xml, type, id;
  struct jid from;
  uint64_t account;
  bool blocks; /* the account's block list is not empty */
  stralloc tos;
  size_t n;
};

static void
flush(struct broadcast *b)
{
  struct link *routed = link_find(ROUTED);

  if (routed && b->n) {
    link_begin(routed, VERB_FANOUT);
    link_text(routed, slice_of(b->tos.s, b->tos.len));
    link_str(routed, b->s->full);
    link_str(routed, "presence");
    link_text(routed, b->type);
    link_text(routed, b->id);
    link_str(routed, "");
    link_origin(routed);
    link_text(routed, b->xml);
    link_end(routed);
  }
  b->tos.len = b->n = 0;
}

static void
add(struct broadcast *b, struct slice bare)
{
  if ((b->n && !stralloc_catb(&b->tos, "\n", 1)) ||
      !stralloc_catb(&b->tos, bare.s, bare.len))
    log_event(LOG_WARN, "presence-lost", "jid", b->s->full, "contact", log_text(bare),
              "why", "out of memory", NULL);
  else if (++b->n == FANOUT_MAX)
    flush(b);
}

static bool
add_contact(void *cookie, struct roster_item const *item)
{
  struct broadcast *b = cookie;
  struct jid to;

  if (!roster_gives(item->state)) return true;
  to = jid_cut(item->jid);
  if ((!b->blocks || !blocking_has(b->from.bare, &to)) &&
      !blocking_has(to.bare, &b->from))
    add(b, item->jid);
  return true;
}

/* Sessions of an account that was deleted end after it: its number is known from before. */
static uint64_t
account_of(struct user *u)
{
  uint64_t account = userd_number_with(slice_str(u->bare), "mod_roster");

  if (account) u->account = account;
  return u->account;
}

/* s4.2.2, s4.4.2, s4.5.2: to the contacts with a subscription from the account, and to its
 * own sessions. */
static void
broadcast(struct session const *s, struct slice xml, struct slice type, struct slice id)
{
  struct slice bare = slice_str(s->user->bare);
  struct broadcast b = {.s = s, .xml = xml, .type = type, .id = id};

  b.from = jid_cut(slice_str(s->full));
  b.blocks = blocking_has_any(bare);
  b.account = account_of(s->user);
  if (b.account && !roster_item_each(userd.roster, b.account, add_contact, &b))
    userd_failed("broadcast presence", bare);
  add(&b, bare);
  flush(&b);
  stralloc_free(&b.tos);
}

void
presence_again(struct slice bare)
{
  struct user const *u = user_find(bare);
  struct session const *s;

  for (s = u ? u->sessions : NULL; s; s = s->next) {
    xep0153_tell(slice_str(s->full), true);
    if (session_is_seen(s)) broadcast(s, shown_text(s), SLICE(""), SLICE(""));
  }
}

bool
presence_is_online(struct slice bare)
{
  struct user const *u = user_find(bare);
  struct session const *s;

  for (s = u ? u->sessions : NULL; s; s = s->next)
    if (session_is_seen(s)) return true;
  return false;
}

void
presence_tell(struct slice bare, struct slice to, bool available)
{
  struct user const *u = user_find(bare);
  struct session const *s;

  for (s = u ? u->sessions : NULL; s; s = s->next) {
    if (!session_is_seen(s)) continue;
    if (available)
      put_shown(s, to);
    else
      put_plain(slice_str(s->full), to, "unavailable");
  }
}

/* ---- a session comes ---- */

/* s4.3: a contact that is not here is probed; one of ours that does not give its presence is
 * probed too, for its answer says what has become of the subscription. */
void
presence_ask(struct session const *s, struct slice contact)
{
  struct slice bare = slice_str(s->user->bare);
  struct user const *u;
  struct session const *other;

  if (!userd_is_local(jid_cut(contact).domain) || !roster_subscribed(contact, bare)) {
    put_plain(bare, contact, "probe");
    return;
  }
  u = user_find(contact);
  for (other = u ? u->sessions : NULL; other; other = other->next)
    if (session_is_seen(other)) put_shown(other, slice_str(s->full));
}

struct arrival {
  struct session const *s;
  uint64_t account;
};

static bool
ask_contact(void *cookie, struct roster_item const *item)
{
  struct arrival const *a = cookie;

  if (roster_takes(item->state)) presence_ask(a->s, item->jid);
  return true;
}

/* s3.1.3: a request is delivered at each initial presence until it is answered. */
static bool
put_request(void *cookie, struct slice contact, struct slice xml)
{
  struct arrival const *a = cookie;
  struct link *routed = link_find(ROUTED);
  struct jid j = jid_cut(contact);
  struct stanza st = {.to = slice_str(a->s->full),
                      .from = contact,
                      .kind = SLICE("presence"),
                      .type = SLICE("subscribe"),
                      .xml = xml};

  if (routed && !roster_is_blocked(userd.roster, a->account, &j)) stanza_put(routed, &st);
  return true;
}

/* Do the work of a session's first presence (s4.2.2). */
static void
arrive(struct session const *s)
{
  struct arrival a = {.s = s};
  struct slice bare = slice_str(s->user->bare);
  struct session const *other;

  for (other = s->user->sessions; other; other = other->next)
    if (other != s && session_is_seen(other)) put_shown(other, slice_str(s->full));
  a.account = userd_number_with(bare, "mod_roster");
  if (a.account && (!roster_item_each(userd.roster, a.account, ask_contact, &a) ||
                    !roster_request_each(userd.roster, a.account, put_request, &a)))
    userd_failed("send presence probes", bare);
}

/* Once for each session; presence_again tells all sessions of a picture that changes. */
static void
tell_picture(struct session *s)
{
  if (s->pictured || !userd_has(jid_cut(slice_str(s->full)).domain, "mod_vcard_xupdate"))
    return;
  xep0153_tell(slice_str(s->full), false);
  s->pictured = true;
}

/* A client asks for its roster before it shows presence to anybody, as to a room. */
void
presence_wants(struct link *l, struct record *r)
{
  struct session *s;

  sessions_wants(l, r);
  s = session_find(record_get(r, 1));
  if (s) tell_picture(s);
}

void
presence_comes(struct session *s, struct slice id)
{
  session_told(s);
  tell_picture(s);
  broadcast(s, shown_text(s), SLICE(""), id);
  arrive(s);
  if (s->user->sessions == s && !s->next) bookmarks_merge(slice_str(s->user->bare));
}

static void
own_available(struct stanza const *st)
{
  struct session *s = session_make(st->from);
  bool known = s && s->shown.len && !s->untold && !s->left_us;

  if (!s) return;
  online_from(&mirror, &s->online, st->origin);
  s->left_us = 0;
  s->hidden = false;
  if (!session_show(s, st->xml)) {
    log_event(LOG_WARN, "presence-lost", "jid", s->full, "why", "out of memory", NULL);
    session_free_if_idle(s);
  } else if (known)
    broadcast(s, shown_text(s), SLICE(""), st->id);
  else
    presence_comes(s, st->id);
}

/* ---- a session goes ---- */

/* Say whether the broadcast has reached the address. */
static bool
is_reached(struct session const *s, struct jid const *to)
{
  struct slice bare = slice_str(s->user->bare);

  return slice_eq(to->bare, bare) || roster_subscribed(bare, to->bare);
}

/* s4.6.3: tell the addresses that had directed presence and that the broadcast does not
 * reach. */
static void
end_directed(struct session *s, struct slice xml, bool broadcast_done)
{
  struct directed const *d;
  struct jid to;

  for (d = s->directed_first; d; d = d->next) {
    to = jid_cut(slice_of(d->to, d->len));
    if (broadcast_done && is_reached(s, &to)) continue;
    put(slice_str(s->full), to.full, "unavailable", xml);
  }
  session_direct_none(s);
}

void
presence_end_directed(struct session *s, struct jid_set const *blocked)
{
  struct directed *d, *next;
  struct jid to;

  for (d = s->directed_first; d; d = next) {
    next = d->next;
    to = jid_cut(slice_of(d->to, d->len));
    if (!jid_set_matches(blocked, &to)) continue;
    put_plain(slice_str(s->full), to.full, "unavailable");
    session_direct(s, to.full, false);
  }
}

/* The text of the first status of a presence. */
static struct slice
status_of(struct arena *a, struct slice xml)
{
  enum xml_error why;
  struct xml_node const *e = xml_parse(a, xml, NS_CLIENT, &why);
  struct xml_node const *status = e ? xml_child(e, NS_CLIENT, "status") : NULL;

  return status ? xml_text(a, status) : SLICE("");
}

static void
note_last(struct slice bare, struct slice xml)
{
  struct arena arena = ARENA_ZERO;

  if (userd_has(jid_cut(bare).domain, "mod_last"))
    xep0012_gone(bare, status_of(&arena, xml));
  arena_wipe(&arena);
}

/* s has become unavailable with this element, whose id is given; s is forgotten unless something
 * else is remembered of it. */
static void
presence_goes(struct session *s, struct slice xml, struct slice id)
{
  struct slice bare = slice_str(s->user->bare);
  bool was = session_is_seen(s);

  s->left_us = 0;
  if (s->shown.len) session_ends(s);
  session_show(s, SLICE(""));
  if (was) broadcast(s, xml, SLICE("unavailable"), id);
  end_directed(s, xml, was);
  if (was && !presence_is_online(bare)) note_last(bare, xml);
  session_free_if_idle(s);
}

/* Tell the contacts of s, and they alone, by this element that s is unavailable. When the store
 * does not take the turn the stanza comes again, and is broadcast again. */
static void
hide(struct session *s, struct stanza const *st)
{
  struct slice bare = slice_str(s->user->bare);

  online_confirm(&mirror, &s->online);
  online_from(&mirror, &s->online, st->origin);
  s->left_us = 0;
  s->hidden = true;
  broadcast(s, st->xml, SLICE("unavailable"), st->id);
  if (!presence_is_online(bare)) note_last(bare, st->xml);
}

/* The presence with which s goes without a word; s NULL: ENOMEM. */
static struct slice
last_of(struct session const *s)
{
  static stralloc xml = STRALLOC_ZERO;

  xml.len = 0;
  if (xml_cat(&xml, "<presence") && xml_cat_attr(&xml, "from", slice_str(s->full)) &&
      xml_cat(&xml, " type='unavailable'/>"))
    return slice_of(xml.s, xml.len);
  return (struct slice){NULL, 0};
}

void
presence_lost(struct session *s)
{
  struct slice xml = last_of(s);

  s->wants_roster = s->wants_blocklist = false;
  if (xml.s)
    presence_goes(s, xml, SLICE(""));
  else
    session_free(s);
}

/* The wishes and the directed presence are those of the session that has the name now. */
void
presence_left(struct session *s)
{
  struct slice bare = slice_str(s->user->bare), xml = last_of(s);

  s->left_us = 0;
  if (!xml.s) return;
  session_ends(s);
  session_show(s, SLICE(""));
  broadcast(s, xml, SLICE("unavailable"), SLICE(""));
  if (!presence_is_online(bare)) note_last(bare, xml);
  session_free_if_idle(s);
}

/* A client that has logged in anew shows presence in a moment: until then its contacts see what the
 * session before has shown. Others, rooms above all, are to know that the session has ended. */
static void
replace(struct session *s)
{
  struct slice xml = last_of(s);

  if (xml.s) end_directed(s, xml, true);
  s->wants_roster = s->wants_blocklist = false;
  replaced_begin(s);
}

/* A session of which we know nothing any more, but its contacts do: as if it showed
 * presence. */
static struct session *
session_forgotten(struct slice full)
{
  struct session *s = session_make(full);

  if (s && session_show(s, SLICE("<presence/>"))) return s;
  if (s) session_free_if_idle(s);
  return NULL;
}

void
presence_gone(struct link *l, struct record *r)
{
  struct slice directed = record_get(r, 2), line;
  struct session *s = session_find(record_get(r, 1));

  (void)l;
  if (!s && online_forgot(&mirror, SLICE(""))) s = session_forgotten(record_get(r, 1));
  if (!s && directed.len) s = session_make(record_get(r, 1));
  if (!s) return;
  while (slice_word(&directed, '\n', &line))
    if (line.len) session_direct(s, line, true);
  if (slice_is(record_get(r, 3), "replaced") && session_is_seen(s) && !s->untold)
    replace(s);
  else
    presence_lost(s);
}

void
presence_own(struct stanza const *st)
{
  struct session *s;

  if (!st->type.len) {
    own_available(st);
  } else if (slice_is(st->type, "unavailable")) {
    s = session_find(st->from);
    if (!s && online_forgot(&mirror, st->origin)) s = session_forgotten(st->from);
    if (s && slice_has_word(st->tags, SLICE("contacts")))
      hide(s, st);
    else if (s)
      presence_goes(s, st->xml, st->id);
  }
}

/* ---- probes ---- */

static bool
tell_full(struct jid const *to, struct slice who)
{
  struct session const *s = session_find(to->full);

  if (!s || !session_is_seen(s)) return false;
  put_shown(s, who);
  return true;
}

/* s4.3.2.1: with the time of the last unavailable presence, if it is kept. */
static void
put_gone(struct slice bare, struct slice to)
{
  static stralloc sa = STRALLOC_ZERO;
  size_t head;

  sa.len = 0;
  if (!xml_cat(&sa, "<presence") || !xml_cat_attr(&sa, "from", bare) ||
      !xml_cat(&sa, " type='unavailable'>"))
    return;
  head = sa.len;
  if (!xep0012_cat_gone(&sa, bare) || !xml_cat(&sa, "</presence>")) return;
  if (sa.len == head + sizeof "</presence>" - 1)
    put_plain(bare, to, "unavailable");
  else
    put(bare, to, "unavailable", slice_of(sa.s, sa.len));
}

/* s4.3.2: who has a subscription is told of the session that was asked for, or of all; else
 * that there is none. */
void
presence_probe(struct stanza const *st)
{
  struct jid to = jid_cut(st->to), from = jid_cut(st->from);

  if (blocking_has(to.bare, &from)) return;
  if (!slice_eq(to.bare, from.bare) && !roster_subscribed(to.bare, from.bare)) {
    put_plain(to.bare, from.bare, "unsubscribed");
    return;
  }
  if (to.resource.len) {
    if (!tell_full(&to, st->from)) put_plain(to.full, st->from, "unavailable");
  } else if (presence_is_online(to.bare))
    presence_tell(to.bare, st->from, true);
  else
    put_gone(to.bare, st->from);
}
