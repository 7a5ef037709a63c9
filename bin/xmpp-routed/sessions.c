#include "anonymous.h"
#include "number.h"
#include "sessions.h"
#include "settings.h"
#include "snapshot.h"

#include <stdlib.h>
#include <string.h>

/* Sessions that are online. Accounts with sessions are found by bare JID, sessions of
 * a c2sd by sid: a lookup each. The c2sds tell all of it again after a restart. */

#define RESOURCE_LEN 12
/* The longest stream error of RFC 6120 s4.9.3 is unsupported-stanza-type. */
#define CONDITION_MAX 32

static struct slice
user_key(void const *item)
{
  return slice_str(((struct user const *)item)->bare);
}

static struct table users = {.key = user_key};

struct session_totals session_totals;

struct user *
user_find(struct slice bare)
{
  return table_get(&users, bare);
}

struct session *
session_find(struct user const *u, struct slice resource)
{
  struct session *s;

  for (s = u ? u->sessions : NULL; s; s = s->next)
    if (slice_is(resource, s->resource)) return s;
  return NULL;
}

/* Prepared JIDs are cut at the first slash. */
static bool
cut(struct slice full, struct slice *bare, struct slice *resource)
{
  char const *slash = full.len ? memchr(full.s, '/', full.len) : NULL;

  if (!slash) return false;
  *bare = slice_of(full.s, (size_t)(slash - full.s));
  *resource = slice_of(slash + 1, full.len - bare->len - 1);
  return true;
}

struct session *
session_of(struct slice full)
{
  struct slice bare, resource;

  return cut(full, &bare, &resource) ? session_find(user_find(bare), resource) : NULL;
}

/* A c2sd's link has the map of its sessions as cookie. */
struct session *
session_or_leaving(struct link const *l, uint64_t sid)
{
  return l->cookie ? id_map_get(l->cookie, sid) : NULL;
}

struct session *
session_by_sid(struct link const *l, uint64_t sid)
{
  struct session *s = session_or_leaving(l, sid);

  return s && !s->leaving ? s : NULL;
}

struct session *
session_numbered(struct user const *u, uint64_t number)
{
  struct session *s;

  for (s = u ? u->sessions : NULL; s; s = s->next)
    if (s->number == number) return s;
  for (s = u ? u->leaving : NULL; s; s = s->next)
    if (s->number == number) return s;
  return NULL;
}

static bool
map_put(struct session *s)
{
  if (!s->link->cookie) s->link->cookie = calloc(1, sizeof(struct id_map));
  return s->link->cookie && id_map_put(s->link->cookie, s->sid, s);
}

bool
session_takes_messages(struct user const *u)
{
  struct session const *s;

  for (s = u ? u->sessions : NULL; s; s = s->next)
    if (s->available && s->priority >= 0) return true;
  return false;
}

/* ---- the life of a session ---- */

static void
user_drop_if_empty(struct user *u)
{
  if (u->sessions || u->leaving) return;
  table_del(&users, slice_str(u->bare));
  free(u->bare);
  free(u);
  session_totals.users--;
}

void
session_put_jid(struct link *l, struct session const *s)
{
  link_field(l);
  link_more(l, slice_str(s->user->bare));
  link_more(l, SLICE("/"));
  link_more(l, slice_str(s->resource));
}

/* Take the session out of the list of its user that it is in. */
static void
unlist(struct session *s)
{
  struct session **at = s->leaving ? &s->user->leaving : &s->user->sessions;

  for (; *at != s; at = &(*at)->next) {
  }
  *at = s->next;
  if (s->leaving) return;
  s->user->n--;
  session_totals.sessions--;
}

static void
session_free(struct session *s)
{
  struct user *u = s->user;

  if (session_or_leaving(s->link, s->sid) == s) id_map_del(s->link->cookie, s->sid);
  anonymous_left(s);
  unlist(s);
  free(s->resource);
  free(s->ip);
  free(s->client);
  free(s);
  user_drop_if_empty(u);
}

static struct user *
user_make(struct slice bare)
{
  struct user *u = user_find(bare);

  if (u) return u;
  u = calloc(1, sizeof *u);
  if (!u) return NULL;
  u->bare = slice_dup(bare);
  if (!u->bare || !table_put(&users, u)) {
    free(u->bare);
    free(u);
    return NULL;
  }
  session_totals.users++;
  return u;
}

static void
tell_gone(struct session *s, struct slice directed)
{
  if (!s->gone) session_events.gone(s, directed);
  s->gone = true;
}

/* End the session with the number sid, or with an older number of the same slot: a stream
 * is one session, and the c2sd of that session did not say that the session has ended. */
static void
clear_sid(struct link const *l, uint64_t sid)
{
  struct session *s = id_map_in_slot(l->cookie, sid);

  if (s) session_over(s, SESSION_LOST, 0);
}

/* number: 0, or what an earlier run has given it. */
static struct session *
session_new(struct link *l, uint64_t sid, struct slice bare, struct slice resource,
            struct slice ip, uint64_t number)
{
  struct user *u;
  struct session *s, *old, **at;

  clear_sid(l, sid);
  u = user_make(bare);
  s = u ? calloc(1, sizeof *s) : NULL;
  if (!s) goto fail;
  s->link = l;
  s->sid = sid;
  s->number = number ? number : number_next();
  s->since_us = door_wall();
  s->resource = slice_dup(resource);
  s->ip = slice_dup(ip);
  if (!s->resource || !s->ip || !map_put(s)) goto fail;
  /* Watchers of presence know sessions by name. */
  for (old = u->leaving; old; old = old->next)
    if (slice_is(resource, old->resource)) tell_gone(old, SLICE(""));
  s->user = u;
  for (at = &u->sessions; *at; at = &(*at)->next) {
  }
  *at = s;
  u->n++;
  session_totals.sessions++;
  anonymous_joined(s);
  return s;
fail:
  if (s) {
    free(s->resource);
    free(s->ip);
    free(s);
  }
  if (u) user_drop_if_empty(u);
  return NULL;
}

void
session_leave(struct session *s)
{
  if (s->leaving) return;
  session_events.leaves(s);
  unlist(s);
  s->takes = false;
  s->leaving = true;
  s->next = s->user->leaving;
  s->user->leaving = s;
}

void
session_kick(struct session *s, char const *condition)
{
  log_event(LOG_INFO, "session-kicked", "jid", s->user->bare, "resource", s->resource,
            "sid", log_num(s->sid), "why", condition, NULL);
  link_begin(s->link, VERB_KICK);
  link_num(s->link, s->sid);
  link_str(s->link, condition);
  link_end(s->link);
  tell_gone(s, SLICE(""));
  session_leave(s);
}

static void
bind_refused(struct link *l, uint64_t sid, enum stanza_error e)
{
  link_begin(l, VERB_REFUSED);
  link_num(l, sid);
  link_str(l, stanza_error_name(e));
  link_end(l);
}

static void
tell_bound(struct session const *s)
{
  link_begin(s->link, VERB_BOUND);
  link_num(s->link, s->sid);
  session_put_jid(s->link, s);
  link_num(s->link, s->number);
  link_end(s->link);
}

static enum conflict
conflict_of(struct slice bare)
{
  struct slice domain = bare, local;
  struct host const *h;

  if (memchr(bare.s, '@', bare.len)) slice_word(&domain, '@', &local);
  h = routed_host(domain);
  return h ? h->conflict : CONFLICT_END_OLD;
}

/* The rule max_user_sessions: the oldest sessions make room. */
static void
make_room(struct slice bare, struct slice ip)
{
  struct access_who who = {.ip = ip};
  struct slice rest = bare;
  struct user const *u;
  uint64_t most;

  slice_word(&rest, '@', &who.local);
  who.domain = rest;
  most = access_number(routed_access, SLICE("max_user_sessions"), rest, &who, UINT64_MAX);
  while (most && (u = user_find(bare)) && u->n >= most)
    session_kick(u->sessions, "conflict");
}

static void
take_wants(struct session *s, struct slice words)
{
  s->carbons = slice_has_word(words, SLICE("carbons"));
  session_events.wants(s, words);
}

static void
take_client(struct session *s, struct slice client)
{
  if (client.len && !s->client) s->client = slice_dup(client);
}

bool
session_is_client(struct session const *s, struct slice client)
{
  return client.len && s->client && slice_is(client, s->client);
}

/* RFC 6120 s7.7.2.2: the resource is taken; the host's setting decides. */
void
sessions_bind(struct link *l, struct record *r)
{
  uint64_t sid = record_u64(r, 1);
  struct slice bare = record_get(r, 2), resource = record_get(r, 3);
  char own[RESOURCE_LEN];
  struct slice client = record_get(r, 5), words = record_get(r, 6);
  struct session *old = session_find(user_find(bare), resource), *s;

  if (old && old->link == l && old->sid == sid) { /* asked again after a reconnect */
    tell_bound(old);
    return;
  }
  if (session_events.has_ended(bare)) {
    bind_refused(l, sid, ERR_NOT_ALLOWED);
    return;
  }
  if (old) {
    old->replaced = session_is_client(old, client);
    switch (old->replaced ? CONFLICT_END_OLD : conflict_of(bare)) {
    case CONFLICT_END_OLD: session_kick(old, "conflict"); break;
    case CONFLICT_REFUSE: bind_refused(l, sid, ERR_CONFLICT); return;
    case CONFLICT_RENAME:
      door_random_id(own, sizeof own);
      resource = slice_of(own, sizeof own);
      break;
    }
  }
  if (routed_is_anonymous(jid_cut(bare).domain, jid_cut(bare).local)) {
    door_random_id(own, sizeof own); /* XEP-0175 s3: the client does not choose */
    resource = slice_of(own, sizeof own);
  }
  if (!anonymous_may_bind(bare, record_get(r, 4))) {
    bind_refused(l, sid, ERR_RESOURCE_CONSTRAINT);
    return;
  }
  make_room(bare, record_get(r, 4));
  s = session_new(l, sid, bare, resource, record_get(r, 4), 0);
  if (!s) {
    bind_refused(l, sid, ERR_RESOURCE_CONSTRAINT);
    return;
  }
  take_client(s, client);
  tell_bound(s);
  session_events.begins(s);
  if (slice_has_word(words, SLICE("carbons"))) take_wants(s, SLICE("carbons"));
  session_events.bound(s, words);
}

/* After our restart, or the link's: a session as its c2sd knows it. */
void
sessions_announced(struct link *l, struct record *r)
{
  uint64_t sid = record_u64(r, 1);
  struct slice bare, resource, priority = record_get(r, 4);
  uint64_t number = record_u64(r, 6);
  struct session *s;

  if (!cut(record_get(r, 2), &bare, &resource)) return;
  number_above(number);
  s = session_find(user_find(bare), resource);
  if (s && (s->link != l || s->sid != sid)) {
    session_kick(s, "conflict");
    s = NULL;
  }
  if (!s) s = session_new(l, sid, bare, resource, record_get(r, 3), number);
  if (!s) return;
  s->named = true; /* an earlier run may have told of it */
  s->come = r->n > 10 ? record_u64(r, 9) : UINT64_MAX;
  s->own = r->n > 10 ? record_u64(r, 10) : UINT64_MAX;
  take_client(s, record_get(r, 8));
  session_events.announced(s);
  if (session_events.has_ended(bare)) {
    session_kick(s, "not-authorized");
    return;
  }
  if (record_get(r, 5).len) take_wants(s, record_get(r, 5));
  if (!priority.len) return;
  s->told = s->available = true;
  s->takes = priority.s[0] != '-';
  s->priority = (signed char)slice_int(priority);
  session_events.still_online(
    s, record_get(r, 7)); /* the routed before may have died with the news */
}

void
sessions_wants(struct link *l, struct record *r)
{
  struct session *s = session_by_sid(l, record_u64(r, 1));

  if (s) take_wants(s, record_get(r, 2));
}

bool
session_kick_all(struct slice bare, struct session const *but, char const *condition)
{
  struct user const *u = user_find(bare);
  struct session *s, *next;
  bool any = false;

  for (s = u ? u->sessions : NULL; s; s = next) {
    next = s->next;
    if (s == but) continue;
    session_kick(s, condition);
    any = true;
  }
  return any;
}

/* End a session, named by its full JID, or all of an account but one. */
void
sessions_end(struct link *l, struct record *r)
{
  struct slice jid = record_get(r, 1), word = record_get(r, 2);
  char condition[CONDITION_MAX] = {0};
  struct session *s = session_of(jid), *but = session_of(record_get(r, 3));
  bool any = s != NULL;

  if (!word.len || word.len >= sizeof condition) word = SLICE("reset");
  memcpy(condition, word.s, word.len);
  if (s) session_kick(s, condition);
  if (session_kick_all(jid, but, condition)) any = true;
  if (l->program != CTL) return;
  if (any)
    service_done(l);
  else
    service_error(l, "no session has that address");
}

static void
over(struct session *s, enum session_end how, uint64_t upto, struct slice directed)
{
  session_events.ends(s, how, upto);
  tell_gone(s, directed);
  session_events.ended(s, how, upto);
  session_free(s);
}

void
session_over(struct session *s, enum session_end how, uint64_t upto)
{
  over(s, how, upto, SLICE(""));
}

bool
session_move(struct session *s, struct link *l, uint64_t sid)
{
  if (session_or_leaving(s->link, s->sid) == s) id_map_del(s->link->cookie, s->sid);
  clear_sid(l, sid);
  s->link = l;
  s->sid = sid;
  if (map_put(s)) return true;
  session_over(s, SESSION_LOST, 0);
  return false;
}

void
sessions_unbind(struct link *l, struct record *r)
{
  struct session *s = session_or_leaving(l, record_u64(r, 1));

  if (s) over(s, SESSION_OVER, record_u64(r, 3), record_get(r, 2));
}

void
sessions_of_link_gone(struct link *l)
{
  struct id_map *m = l->cookie;
  uint32_t i;

  for (i = 0; m && i < m->size; i++)
    if (m->v[i].item) session_over(m->v[i].item, SESSION_LOST, 0);
  if (m) id_map_wipe(m);
  free(m);
  l->cookie = NULL;
}

void
session_presence(struct session *s, struct stanza const *st)
{
  struct slice prio = stanza_tag(st->tags, "prio");

  if (slice_is(st->type, "unavailable")) s->available = false;
  if (st->type.len) return;
  s->available = true;
  s->priority = (signed char)slice_int(prio);
}

void
sessions_each(void (*fn)(struct session *s, void *cookie), void *cookie)
{
  struct link const *l;
  uint32_t i;

  for (l = link_next(NULL); l; l = link_next(l)) {
    struct id_map const *m = l->program == C2SD ? l->cookie : NULL;
    for (i = 0; m && i < m->size; i++)
      if (m->v[i].item) fn(m->v[i].item, cookie);
  }
}

/* ---- the state for a trace ---- */

static struct session *
session_fields(struct snapshot *k, struct user *u, struct session *s)
{
  if (snapshot_restores(k)) s = snapshot_new(k, sizeof *s);
  if (!s) return NULL;
  s->user = u;
  snapshot_link(k, &s->link);
  SNAPSHOT_INT(k, s->sid);
  SNAPSHOT_INT(k, s->number);
  SNAPSHOT_INT(k, s->come);
  SNAPSHOT_INT(k, s->own);
  SNAPSHOT_INT(k, s->since_us);
  snapshot_text(k, &s->resource);
  snapshot_text(k, &s->ip);
  snapshot_text(k, &s->client);
  if (snapshot_restores(k) && s->ip) anonymous_joined(s);
  SNAPSHOT_INT(k, s->priority);
  SNAPSHOT_INT(k, s->available);
  SNAPSHOT_INT(k, s->carbons);
  SNAPSHOT_INT(k, s->told);
  SNAPSHOT_INT(k, s->first_shown);
  SNAPSHOT_INT(k, s->takes);
  SNAPSHOT_INT(k, s->leaving);
  SNAPSHOT_INT(k, s->away);
  SNAPSHOT_INT(k, s->gone);
  SNAPSHOT_INT(k, s->named);
  session_events.state(k, s);
  if (!snapshot_restores(k)) return s;
  if (s->link && map_put(s)) {
    if (!s->leaving) u->n++;
    session_totals.sessions++;
    return s;
  }
  snapshot_fail(k, "a session has no place");
  free(s);
  return NULL;
}

static void
user_fields(struct snapshot *k, struct user *u)
{
  char *bare = u ? u->bare : NULL;
  struct session **at;

  snapshot_text(k, &bare);
  if (snapshot_restores(k)) {
    u = user_make(slice_str(bare));
    free(bare);
  }
  if (!u) {
    snapshot_fail(k, "out of memory");
    return;
  }
  for (at = &u->sessions; snapshot_record(k, "session", *at != NULL); at = &(*at)->next) {
    *at = session_fields(k, u, *at);
    if (!*at) return;
  }
  for (at = &u->leaving; snapshot_record(k, "leaving", *at != NULL); at = &(*at)->next) {
    *at = session_fields(k, u, *at);
    if (!*at) return;
  }
}

void
sessions_snapshot(struct snapshot *k)
{
  size_t i;

  for (i = 0; users.slots && i <= users.mask && !snapshot_restores(k); i++)
    if (users.slots[i].item && snapshot_record(k, "user", true))
      user_fields(k, users.slots[i].item);
  while (snapshot_restores(k) && snapshot_record(k, "user", true))
    user_fields(k, NULL);
}
