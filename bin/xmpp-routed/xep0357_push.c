#include "archive.h"
#include "number.h"
#include "posts.h"
#include "rules.h"
#include "sessions.h"
#include "snapshot.h"
#include "xep0280_carbons.h"
#include "xep0357_push.h"

#include <stdlib.h>
#include <string.h>

/* Clients that have push notifications. xmpp-pushd names the clients of each account that has some;
 * routed, which knows the sessions, says which of these a stanza is to wake: those that are not
 * there, as their session is away or gone. A record notify waits in the post of xmpp-pushd while
 * that is restarted. When there is no post, or no room in it, or the post is given up, the newest
 * important message of each account is remembered, and told when xmpp-pushd names the account again. */

struct pushed {
  char *bare;
  char *clients;   /* a line each */
  uint64_t missed; /* id of the newest message that could not be told; 0: none */
  bool all, text;  /* words of the record pushes */
  bool late;       /* clients are to be told of at the end of the turn */
};

static struct slice
pushed_key(void const *item)
{
  return slice_str(((struct pushed const *)item)->bare);
}

static struct table table = {.key = pushed_key};
static bool any_late;

/* Most stanzas are for accounts that have nothing here. */
static struct pushed *
find(struct slice bare)
{
  return table.n ? table_get(&table, bare) : NULL;
}

static void
pushed_free(struct pushed *e)
{
  if (!e) return;
  free(e->bare);
  free(e->clients);
  free(e);
}

/* ---- clients ---- */

/* Say whether s is a session of the client, which is named by its user agent or its resource. */
static bool
is_of(struct session const *s, struct slice client)
{
  struct slice name = slice_of(client.s + 1, client.len - 1);

  if (client.len < 2) return false;
  return slice_is(name, client.s[0] == '#' ? s->client : s->resource);
}

/* The session of the client that is there, else one that is away; NULL: none is. */
static struct session const *
session_of_client(struct user const *u, struct slice client)
{
  struct session const *s, *away = NULL;

  for (s = u ? u->sessions : NULL; s; s = s->next) {
    if (!is_of(s, client)) continue;
    if (!s->away) return s;
    away = s;
  }
  return away;
}

static void
tell_client(struct pushed const *e, struct slice client, struct session const *s)
{
  struct post *post = post_find(PUSHD);
  struct link *l = post ? post->link : NULL;

  if (!l) return;
  link_begin(l, VERB_CLIENT);
  link_str(l, e->bare);
  link_text(l, client);
  link_str(l, !s ? "none" : s->away ? "away" : "live");
  if (s && s->away) link_num(l, s->number);
  link_end(l);
}

/* Tell of the clients of e that have a session, or of the client of s alone; but is no session any
 * more. */
static void
tell_clients(struct pushed const *e, struct session const *of, struct session const *but)
{
  struct user const *u = user_find(slice_str(e->bare));
  struct slice rest = slice_str(e->clients), client;
  struct session const *s;

  while (slice_word(&rest, '\n', &client)) {
    if (of && !is_of(of, client)) continue;
    s = session_of_client(u, client);
    if (s == but) s = NULL;
    if (of || s) tell_client(e, client, s);
  }
}

/* ---- stanzas ---- */

static bool
has(struct passing const *p, struct slice word)
{
  return slice_has_word(p->st.tags, word);
}

static bool
wakes(struct slice word)
{
  return slice_is(word, "important") || slice_is(word, "call");
}

/* A word of the record notify; NULL: nobody is told of p, as of what the account says itself on another
 * device, in a room too. */
static char const *
class_of(struct passing const *p, struct slice bare)
{
  if (slice_eq(jid_cut(p->st.from).bare, bare) ||
      slice_eq(stanza_tag(p->st.tags, "author"), bare))
    return NULL;
  if (has(p, SLICE("state")) || has(p, SLICE("mam")) || has(p, SLICE("offline")))
    return NULL;
  if (has(p, SLICE("call"))) return "call";
  if (stanza_wakes(p->st.kind, p->st.type, p->st.tags)) return "important";
  return slice_is(p->st.type, "subscribe") ? "subscription" : "other";
}

static bool
is_given(struct passing const *p, struct session const *s, struct receivers const *to)
{
  return rules_receives(to, s) || carbons_copies(p, s, to);
}

/* Append the clients of e that p is to wake: all that are not there, or only those whose session
 * is away and among the receivers. */
static bool
cat_clients(stralloc *out, struct pushed const *e, struct user const *u,
            struct passing const *p, struct receivers const *to, bool all)
{
  struct slice rest = slice_str(e->clients), client;
  struct session const *s;
  size_t begin = out->len;

  while (slice_word(&rest, '\n', &client)) {
    s = session_of_client(u, client);
    if (s && !s->away) continue;
    if (!all && !(s && to && is_given(p, s, to))) continue;
    if ((out->len > begin && !stralloc_catb(out, "\n", 1)) ||
        !stralloc_catb(out, client.s, client.len))
      return false;
  }
  return out->len > begin;
}

static void
note_missed(struct pushed *e, uint64_t id)
{
  if (e && id > e->missed) e->missed = id;
}

/* id is what is remembered if that cannot be said; 0: nothing is. */
static void
say(struct pushed *e, uint64_t id, stralloc const *fields)
{
  struct post *post = post_find(PUSHD);

  if (post && post_has_room(post))
    post_say(post, VERB_NOTIFY, slice_of(fields->s, fields->len));
  else
    note_missed(e, id);
}

static uint64_t
id_or_new(struct slice text)
{
  uint64_t id = 0;

  return slice_u64(text, &id) && id ? id : number_next();
}

/* The id of p; 0: none. A message of a room of ours has none, and gets a number if it wakes somebody,
 * for nothing without an id can be remembered. */
static uint64_t
id_of(struct passing const *p, bool is_waking)
{
  return p->id || !is_waking ? p->id : id_or_new(stanza_tag(p->st.tags, "id"));
}

static bool
cat_xml(stralloc *out, struct passing const *p)
{
  return p->own ? record_put(out, p->st.xml) : record_put_raw(out, p->st.xml);
}

/* Tell the clients that p wakes. */
static void
notify(struct pushed *e, struct user const *u, struct passing const *p,
       struct receivers const *to, char const *class, bool all)
{
  static stralloc clients = STRALLOC_ZERO, fields = STRALLOC_ZERO;
  bool is_waking = wakes(slice_str(class));
  bool is_text = e->text && is_waking && slice_is(p->st.kind, "message");
  char buf[BASE_NUM];
  uint64_t id;

  clients.len = fields.len = 0;
  if (!cat_clients(&clients, e, u, p, to, all)) return;
  id = id_of(p, is_waking);
  if (record_put_more(&fields, slice_str(e->bare)) &&
      record_put(&fields, slice_of(clients.s, clients.len)) &&
      record_put(&fields, slice_str(class)) &&
      record_put(&fields, id ? num_u64(buf, id) : SLICE("")) &&
      record_put(&fields, SLICE("1")) && record_put(&fields, p->st.from) &&
      (!is_text || cat_xml(&fields, p)))
    say(e, is_waking ? id : 0, &fields);
}

static bool
has_away(struct user const *u)
{
  struct session const *s = u ? u->sessions : NULL;

  while (s && !s->away)
    s = s->next;
  return s != NULL;
}

/* Note p for the sessions of u that are away: all of them, or those that are among the receivers. */
static void
note_unacked(struct user const *u, struct passing const *p, struct receivers const *to,
             bool all)
{
  struct session *s;
  uint64_t id = 0;

  for (s = u ? u->sessions : NULL; s; s = s->next) {
    if (!s->away || !(all || is_given(p, s, to))) continue;
    if (!id) id = id_of(p, true);
    s->unacked = id;
  }
}

/* Tell of p. e is NULL while xmpp-pushd has named no client of the account, perhaps because it is away: p is
 * noted then, if it wakes, and told when xmpp-pushd has named one (tell_unacked). */
static void
notify_or_note(struct pushed *e, struct user const *u, struct passing const *p,
               struct receivers const *to, char const *class, bool all)
{
  if (e)
    notify(e, u, p, to, class, all);
  else if (wakes(slice_str(class)))
    note_unacked(u, p, to, all);
}

void
push_given(struct passing const *p, struct user const *u, struct receivers const *to)
{
  struct pushed *e;
  char const *class;
  struct jid a;
  bool all;

  if (!u) return;
  e = find(slice_str(u->bare));
  class = e || has_away(u) ? class_of(p, slice_str(u->bare)) : NULL;
  if (!class) return;
  if (!slice_is(p->st.kind, "message") && strcmp(class, "call") != 0 && !(e && e->all))
    return;
  a = jid_cut(slice_str(u->bare));
  all = !strcmp(class, "call") || archive_takes(p, &a);
  notify_or_note(e, u, p, to, class, all);
}

void
push_waits(struct passing const *p, struct slice bare)
{
  struct user const *u = user_find(bare);
  struct pushed *e = find(bare);
  char const *class = e || has_away(u) ? class_of(p, bare) : NULL;

  if (class) notify_or_note(e, u, p, NULL, class, true);
}

void
push_untaken(struct passing const *p, struct slice bare)
{
  struct jid a = jid_cut(bare);

  if (has(p, SLICE("call")) || archive_takes(p, &a)) push_waits(p, bare);
}

/* Presence, events, answers, and what a room of ours says are for the session alone. */
static void
queued(struct user const *u, struct passing const *p, struct receivers const *to)
{
  struct pushed *e = find(slice_str(u->bare));
  char const *class = class_of(p, slice_str(u->bare));

  if (!class) return;
  if (wakes(slice_str(class)))
    notify_or_note(e, u, p, to, class, false);
  else if (e && e->all)
    notify(e, u, p, to, "other", false);
}

void
push_queued(struct session const *s, struct passing const *p)
{
  if (s->away) queued(s->user, p, &(struct receivers){.who = RECEIVE_ONE, .one = s});
}

void
push_queued_all(struct user const *u, struct passing const *p)
{
  if (has_away(u)) queued(u, p, &(struct receivers){.who = RECEIVE_AVAILABLE});
}

/* ---- sessions ---- */

void
push_bound(struct session const *s)
{
  struct pushed const *e = find(slice_str(s->user->bare));

  if (e) tell_clients(e, s, NULL);
}

/* The edge may say next that the session is away. */
void
push_announced(struct session const *s)
{
  struct pushed *e = find(slice_str(s->user->bare));

  if (e) any_late = e->late = true;
}

void
push_over(struct session const *s)
{
  struct pushed const *e = find(slice_str(s->user->bare));

  if (e) tell_clients(e, s, s);
}

/* The edge of s hears that routed knows from now on that the client is gone: what came to the edge before
 * may have been routed as if the client were there. */
static void
answer_away(struct session const *s)
{
  link_begin(s->link, VERB_NOTED);
  link_num(s->link, s->sid);
  link_end(s->link);
}

/* The session has so many important messages that its client has not acknowledged; the newest is
 * told. */
static void
notify_unacked(struct pushed *e, struct session const *s, struct record *r)
{
  static stralloc clients = STRALLOC_ZERO, fields = STRALLOC_ZERO;
  struct receivers to = {.who = RECEIVE_ONE, .one = s};
  struct passing p = {.own = false};
  char buf[BASE_NUM];
  uint64_t id;

  clients.len = fields.len = 0;
  if (!cat_clients(&clients, e, s->user, &p, &to, false)) return;
  id = id_or_new(record_raw(r, 3));
  if (record_put_more(&fields, slice_str(e->bare)) &&
      record_put(&fields, slice_of(clients.s, clients.len)) &&
      record_put(&fields, SLICE("important")) && record_put(&fields, num_u64(buf, id)) &&
      record_put_raw(&fields, record_raw(r, 2)) &&
      record_put_raw(&fields, record_raw(r, 4)) &&
      (!e->text || record_put_raw(&fields, record_raw(r, 5))))
    say(e, id, &fields);
}

/* SID COUNT ID FROM XML. xmpp-pushd hears that the client is away before it hears of a message, so that
 * it counts the time behind that (keep). */
void
push_away(struct link *l, struct record *r)
{
  struct session *s = session_by_sid(l, record_u64(r, 1));
  struct pushed *e = s ? find(slice_str(s->user->bare)) : NULL;
  bool was_away = s && s->away, has_some = record_u64(r, 2) > 0;

  if (!s) return;
  s->away = true;
  if (!was_away) answer_away(s);
  if (e && !was_away && (has_some || !e->late)) tell_clients(e, s, NULL);
  if (e && has_some) notify_unacked(e, s, r);
  if (!e && has_some) s->unacked = id_or_new(record_raw(r, 3));
}

void
push_back(struct link *l, struct record *r)
{
  struct session *s = session_by_sid(l, record_u64(r, 1));

  if (!s || !s->away) return;
  s->away = false;
  s->unacked = 0;
  push_bound(s);
}

/* SESSION US ACCOUNT */
void
push_keep(struct link *l, struct record *r)
{
  struct user const *u = user_find(record_get(r, 3));
  struct session const *s = session_numbered(u, record_u64(r, 1));

  (void)l;
  if (!s || s->leaving || !s->away) return;
  link_begin(s->link, VERB_KEEP);
  link_num(s->link, s->sid);
  link_num(s->link, record_u64(r, 2));
  link_end(s->link);
}

/* ---- registrations ---- */

static struct pushed *
make(struct slice bare)
{
  struct pushed *e = find(bare);

  if (e) return e;
  e = calloc(1, sizeof *e);
  if (e) e->bare = slice_dup(bare);
  if (e && e->bare && table_put(&table, e)) return e;
  pushed_free(e);
  return NULL;
}

void
push_unsaid(enum verb v, struct slice fields)
{
  static stralloc text = STRALLOC_ZERO;
  struct record r;

  text.len = 0;
  if (!stralloc_cats(&text, verb_rows[v].word) || !stralloc_cats(&text, "\t") ||
      !stralloc_catb(&text, fields.s, fields.len) || !record_split(&r, text.s, text.len))
    return;
  if (v == VERB_WAITING)
    note_missed(find(record_get(&r, 1)), record_u64(&r, 2));
  else if (v == VERB_NOTIFY && wakes(record_get(&r, 3)))
    note_missed(find(record_get(&r, 1)), record_u64(&r, 4));
}

void
push_waiting(struct record *r)
{
  if (!post_find(PUSHD)) note_missed(find(record_get(r, 1)), record_u64(r, 2));
}

static void
tell_missed(struct pushed *e)
{
  struct passing p = {.own = true, .id = e->missed};

  e->missed = 0;
  notify(e, user_find(slice_str(e->bare)), &p, NULL, "important", true);
}

/* Tell of the newest important message of each session that is away: the message came for the session, or
 * was not acknowledged when the session went away, before xmpp-pushd named the client. */
static void
tell_unacked(struct pushed *e)
{
  struct user const *u = user_find(slice_str(e->bare));
  struct session *s;

  for (s = u ? u->sessions : NULL; s; s = s->next) {
    struct passing p = {.own = true, .id = s->unacked};
    struct receivers to = {.who = RECEIVE_ONE, .one = s};
    s->unacked = 0;
    if (p.id) notify(e, u, &p, &to, "important", false);
  }
}

/* ACCOUNT CLIENTS WORDS */
void
push_registered(struct link *l, struct record *r)
{
  struct slice bare = record_get(r, 1), clients = record_get(r, 2);
  struct slice words = record_get(r, 3);
  struct pushed *e;
  char *text;

  (void)l;
  if (!clients.len) {
    pushed_free(table_del(&table, bare));
    return;
  }
  e = make(bare);
  text = slice_dup(clients);
  if (!e || !text) {
    free(text);
    log_event(LOG_WARN, "registration-lost", "link", l->name, "why", "out of memory",
              NULL);
    return;
  }
  free(e->clients);
  e->clients = text;
  e->all = slice_has_word(words, SLICE("all"));
  e->text = slice_has_word(words, SLICE("text"));
  tell_clients(e, NULL, NULL);
  if (e->missed) tell_missed(e);
  tell_unacked(e);
}

void
push_turn(void)
{
  size_t i;

  if (!any_late) return;
  any_late = false;
  for (i = 0; table.slots && i <= table.mask; i++) {
    struct pushed *e = table.slots[i].item;
    if (!e || !e->late) continue;
    e->late = false;
    tell_clients(e, NULL, NULL);
  }
}

/* ---- the state for a trace ---- */

static void
fields(struct snapshot *k, struct pushed *e)
{
  snapshot_text(k, &e->bare);
  snapshot_text(k, &e->clients);
  SNAPSHOT_INT(k, e->missed);
  SNAPSHOT_INT(k, e->all);
  SNAPSHOT_INT(k, e->text);
}

void
push_snapshot_session(struct snapshot *k, struct session *s)
{
  SNAPSHOT_INT(k, s->unacked);
}

void
push_snapshot(struct snapshot *k)
{
  struct pushed *e;
  size_t i;

  for (i = 0; table.slots && i <= table.mask && !snapshot_restores(k); i++)
    if (table.slots[i].item && snapshot_record(k, "pushed", true))
      fields(k, table.slots[i].item);
  while (snapshot_restores(k) && snapshot_record(k, "pushed", true)) {
    e = snapshot_new(k, sizeof *e);
    if (!e) return;
    fields(k, e);
    if (!e->bare || !e->clients || !table_put(&table, e))
      snapshot_fail(k, "registrations for push are lost");
  }
}
