#include "hats.h"
#include "holds.h"
#include "left.h"
#include "said.h"
#include "taken.h"

#include <skalibs/uint32.h>
#include <skalibs/uint64.h>

#include <skalibs/djbunix.h>
#include <skalibs/strerr.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Occupants in memory, and in DATA/occupants, which is committed each turn, and synced when the process
 * ends by SIGTERM: it outlives a process that is killed, and a boot of the machine that was shut
 * down.
 *   session  ROOM (8) occupant (4) session (4), big-endian -> fields of a record: room, full JID,
 *            nick, key, role, affiliation, priority, joined, heard (us), service admin, language,
 *            children of the presence, the session's number, a change of it waits to be shown
 *   meta     "boot" -> the id of the boot in which this was written; "clean": all of it was synced */

#define SESSION_KEY 16

static MDB_dbi sessions, meta;
static uint64_t last_seq;

static struct slice
account_key(void const *item)
{
  return slice_str(((struct account const *)item)->bare);
}

static struct table accounts = {.key = account_key};

struct account *
account_find(struct slice bare)
{
  return table_get(&accounts, bare);
}

struct occupant *
occupant_by_nick(struct room const *r, struct slice key)
{
  return table_get(&r->nicks, key);
}

struct occupant *
occupant_of(struct room const *r, struct slice bare, struct occupant const *o)
{
  struct account *a = o ? o->account : account_find(bare);
  struct occupant *x = o ? o->next_of : a ? a->first : NULL;

  while (x && x->room != r)
    x = x->next_of;
  return x;
}

struct occupant *
moderator_of(struct in const *in)
{
  struct occupant *o = in->session ? in->session->o : NULL;

  if (o && o->role == IS_MODERATOR) return o;
  o = NULL;
  while ((o = occupant_of(in->room, in->from.bare, o)) && o->role != IS_MODERATOR) {
  }
  return o;
}

struct session *
session_find(struct room const *r, struct jid const *full)
{
  struct occupant *o = NULL;
  struct session *s;

  while ((o = occupant_of(r, full->bare, o)))
    for (s = o->sessions; s; s = s->next)
      if (slice_is(full->full, s->full)) return s;
  return NULL;
}

struct session *
session_numbered(struct room const *r, uint64_t id)
{
  struct occupant *o;
  struct session *s;

  for (o = r->first; o; o = o->next)
    for (s = o->sessions; s; s = s->next)
      if (s->id == id) return s;
  return NULL;
}

/* ---- coming and going ---- */

static struct account *
account_make(struct slice bare)
{
  struct account *a = account_find(bare);

  if (a) return a;
  a = calloc(1, sizeof *a);
  if (!a) no_memory();
  a->bare = must_dup(bare);
  if (!table_put(&accounts, a)) no_memory();
  return a;
}

static struct occupant *
occupant_new(struct room *r, uint32_t id, struct slice bare, struct slice nick,
             struct slice key)
{
  struct occupant *o = calloc(1, sizeof *o);

  if (!o) no_memory();
  o->room = r;
  o->id = id;
  o->nick = must_dup(nick);
  o->key = must_dup(key);
  o->account = account_make(bare);
  o->next_of = o->account->first;
  o->account->first = o;
  o->account->n++;
  o->prev = r->last;
  *r->last = o;
  r->last = &o->next;
  r->occupants_n++;
  if (!table_put(&r->nicks, o)) no_memory();
  occupant_id(o->oid, r, bare);
  hats_put_on(o);
  return o;
}

static void
occupant_free(struct occupant *o)
{
  struct room *r = o->room;
  struct account *a = o->account;
  struct occupant **at = &a->first;

  table_del(&r->nicks, slice_str(o->key));
  *o->prev = o->next;
  if (o->next)
    o->next->prev = o->prev;
  else
    r->last = o->prev;
  r->occupants_n--;
  while (*at != o)
    at = &(*at)->next_of;
  *at = o->next_of;
  if (!--a->n) {
    table_del(&accounts, slice_str(a->bare));
    free(a->bare);
    free(a);
  }
  view_wipe(o);
  free(o->hats);
  free(o->nick);
  free(o->key);
  free(o);
}

static struct session *
session_new(struct occupant *o, struct slice full, uint32_t id)
{
  struct session *s = calloc(1, sizeof *s), **at = &o->sessions;

  if (!s) no_memory();
  s->full = must_dup(full);
  s->id = id;
  s->o = o;
  s->presence = must_dup(SLICE(""));
  s->lang = must_dup(SLICE(""));
  s->joined_us = s->heard_us = door_wall();
  s->alive_us = s->entered_us = door_now();
  s->local = is_local(jid_cut(full).domain);
  while (*at)
    at = &(*at)->next;
  *at = s;
  o->sessions_n++;
  o->room->sessions_n++;
  o->room->all.len = 0;
  if (s->local) online_add(&mirror, &s->online);
  return s;
}

struct session *
session_add(struct room *r, struct occupant *o, struct jid const *who, struct slice nick,
            struct slice key)
{
  struct session *s;

  if (!o) o = occupant_new(r, r->next_id++, who->bare, nick, key);
  s = session_new(o, who->full, r->next_id++);
  room_touch(r);
  return s;
}

static struct slice
session_at(char key[SESSION_KEY], struct session const *s)
{
  uint64_pack_big(key, s->o->room->number);
  uint32_pack_big(key + 8, s->o->id);
  uint32_pack_big(key + 12, s->id);
  return slice_of(key, SESSION_KEY);
}

/* Keys of rows of sessions that are gone. Only a full disk keeps such rows: a nick that somebody has anew
 * would be that of the earlier session in the next process. */
static stralloc kept;

static void
erase_kept(void)
{
  while (kept.len) {
    struct slice key = slice_of(kept.s + kept.len - SESSION_KEY, SESSION_KEY);
    if (!store_erase(mucd.present, sessions, key) && errno != ENOENT) return;
    kept.len -= SESSION_KEY;
  }
}

static void
session_erase(struct session *s)
{
  char key[SESSION_KEY];

  put_slice(&kept, session_at(key, s));
  erase_kept();
}

/* Take s out of its occupant's list. */
static void
unlink_session(struct session *s)
{
  struct session **at = &s->o->sessions;

  while (*at != s)
    at = &(*at)->next;
  *at = s->next;
  s->next = NULL;
  s->o->sessions_n--;
}

bool
session_del(struct session *s)
{
  holds_drop(s);
  if (!s->local) sent_note_left(s->o->room, slice_str(s->full));
  session_erase(s);
  return session_forget(s);
}

bool
session_forget(struct session *s)
{
  struct occupant *o = s->o;

  holds_release(s);
  unlink_session(s);
  o->room->sessions_n--;
  o->room->all.len = 0;
  room_touch(o->room);
  if (s->local) online_del(&mirror, &s->online);
  event_timer_cancel(&s->held);
  free(s->full);
  free(s->presence);
  free(s->lang);
  free(s);
  if (o->sessions) return false;
  occupant_free(o);
  return true;
}

void
occupant_rename(struct occupant *o, struct slice nick, struct slice key)
{
  table_del(&o->room->nicks, slice_str(o->key));
  view_wipe(o);
  free(o->nick);
  free(o->key);
  o->nick = must_dup(nick);
  o->key = must_dup(key);
  if (!table_put(&o->room->nicks, o)) no_memory();
  occupant_save(o);
}

void
session_move(struct session *s, struct occupant *o, struct slice nick, struct slice key)
{
  struct occupant *old = s->o;
  struct session **at;

  if (!o) {
    o = occupant_new(old->room, old->room->next_id++, slice_str(old->account->bare), nick,
                     key);
    o->affiliation = old->affiliation;
    o->role = old->role;
    o->admin = old->admin;
  }
  session_erase(s);
  unlink_session(s);
  for (at = &o->sessions; *at; at = &(*at)->next) {
  }
  *at = s;
  s->o = o;
  o->sessions_n++;
  session_save(s);
  if (!old->sessions) occupant_free(old);
}

/* The highest priority is shown, of equal ones the newest presence. */
void
occupant_order(struct occupant *o)
{
  struct session *s, *best = o->sessions, **at;

  for (s = o->sessions; s; s = s->next)
    if (s->priority > best->priority ||
        (s->priority == best->priority && s->seq > best->seq))
      best = s;
  if (best == o->sessions) return;
  for (at = &o->sessions; *at != best; at = &(*at)->next) {
  }
  *at = best->next;
  best->next = o->sessions;
  o->sessions = best;
}

/* ---- on disk ---- */

void
session_save(struct session *s)
{
  static stralloc v = STRALLOC_ZERO;
  struct occupant *o = s->o;
  char key[SESSION_KEY];

  v.len = 0;
  put_field(&v, o->room->bare);
  put_field(&v, slice_str(s->full));
  put_field(&v, slice_str(o->nick));
  put_field(&v, slice_str(o->key));
  put_number(&v, o->role);
  put_number(&v, o->affiliation);
  put_number(&v, (uint64_t)s->priority + 128);
  put_number(&v, s->joined_us);
  put_number(&v, s->heard_us);
  put_number(&v, o->admin);
  put_field(&v, slice_str(s->lang));
  put_field(&v, slice_str(s->presence));
  put_number(&v, s->number);
  put_number(&v, event_timer_on(&s->held));
  erase_kept();
  store_put(mucd.present, sessions, session_at(key, s), slice_of(v.s, v.len));
}

void
occupant_save(struct occupant *o)
{
  struct session *s;

  for (s = o->sessions; s; s = s->next)
    session_save(s);
}

/* The machine's name of this boot; of none under -p, where the folder is a test's. */
static struct slice
boot_id(void)
{
  static stralloc id = STRALLOC_ZERO;

  if (id.len || service_pipes()) return slice_of(id.s, id.len);
  openslurpclose(&id, "/proc/sys/kernel/random/boot_id");
  while (id.len && id.s[id.len - 1] == '\n')
    id.len--;
  return slice_of(id.s, id.len);
}

/* The room of a session in the store; NULL: it is no more, or another room has its name. */
static struct room *
room_of(struct slice key, struct record *f)
{
  struct room *r = room_find(record_get(f, 1));
  uint64_t number;

  uint64_unpack_big(key.s, &number);
  return r && r->number == number && r->state != ROOM_TOMBSTONE ? r : NULL;
}

/* Put a session of the store into its room; note its key in the list at cookie if the room is no
 * more. */
static bool
load(void *cookie, struct slice key, struct slice value)
{
  static stralloc copy = STRALLOC_ZERO;
  struct record f;
  struct room *r;
  struct occupant *o;
  struct session *s;
  uint32_t id, sid;

  copy.len = 0;
  put_slice(&copy, value);
  if (key.len != SESSION_KEY || !record_split(&f, copy.s, copy.len)) return true;
  r = room_of(key, &f);
  if (!r) put_slice(cookie, key);
  if (!r || !r->muc) return true;
  uint32_unpack_big(key.s + 8, &id);
  uint32_unpack_big(key.s + 12, &sid);
  o = occupant_by_nick(r, record_get(&f, 4));
  if (o && o->id != id) return true;
  if (!o)
    o = occupant_new(r, id, jid_cut(record_get(&f, 2)).bare, record_get(&f, 3),
                     record_get(&f, 4));
  o->role = (enum standing)record_u64(&f, 5);
  o->affiliation = (enum affiliation)record_u64(&f, 6);
  o->admin = record_u64(&f, 10) != 0;
  o->seen = is_shown(o, o->role);
  s = session_new(o, record_get(&f, 2), sid);
  s->priority = (int)record_u64(&f, 7) - 128;
  s->joined_us = record_u64(&f, 8);
  s->heard_us = record_u64(&f, 9);
  free(s->lang);
  free(s->presence);
  s->lang = must_dup(record_get(&f, 11));
  s->presence = must_dup(record_get(&f, 12));
  s->number = record_u64(&f, 13);
  s->seq = ++last_seq;
  if (record_u64(&f, 14)) presence_hold(s, door_now() + r->muc->presence_us);
  if (r->next_id <= sid) r->next_id = sid + 1;
  if (r->next_id <= id) r->next_id = id + 1;
  return true;
}

static struct store *
open_present(char const *path)
{
  struct store *s = store_open_unsynced(path, (size_t)mucd.present_bytes);

  if (s) store_refuse_when_full(s);
  if (s && store_table(s, "session", &sessions) && store_table(s, "meta", &meta))
    return s;
  store_close(s);
  return NULL;
}

/* Say whether the store has the sessions that were in rooms last: those of this boot, or of an earlier
 * one that were synced at the end. Others were written without a sync, and may be torn. */
static bool
is_whole(struct store *s)
{
  struct slice v;

  if (!store_get(s, meta, SLICE("boot"), &v)) return false;
  return service_pipes() || slice_eq(v, boot_id()) ||
         store_get(s, meta, SLICE("clean"), &v);
}

/* The mark of a clean end is taken away on the disk before anything is written behind it. */
static bool
begin(struct store *s)
{
  store_put(s, meta, SLICE("boot"), boot_id().len ? boot_id() : SLICE("none"));
  store_del(s, meta, SLICE("clean"));
  return store_commit(s) && store_sync(s);
}

static bool
open_fresh(char const *path)
{
  char file[600];

  mucd.present = open_present(path);
  if (!mucd.present || !is_whole(mucd.present)) {
    store_close(mucd.present);
    snprintf(file, sizeof file, "%s/data.mdb", path);
    unlink(file);
    snprintf(file, sizeof file, "%s/lock.mdb", path);
    unlink(file);
    mucd.present = open_present(path);
  }
  return mucd.present && begin(mucd.present);
}

void
occupants_seal(void)
{
  if (store_put(mucd.present, meta, SLICE("clean"), SLICE("1")) &&
      store_commit(mucd.present))
    store_sync(mucd.present);
}

/* A commit of DATA/occupants whose turn DATA/rooms has lost leaves sessions of a room that is not
 * there: they would be in the next room of its name. */
static void
load_all(void)
{
  stralloc stray = STRALLOC_ZERO;
  size_t at;

  kept.len = 0;
  store_each(mucd.present, sessions, slice_of("", 1), load, &stray);
  for (at = 0; at < stray.len; at += SESSION_KEY)
    store_del(mucd.present, sessions, slice_of(stray.s + at, SESSION_KEY));
  stralloc_free(&stray);
}

/* All who may be shown have been, for all that the store says, and are un-shown when they go; from now
 * on a room of too many sessions shows moderators alone. */
static void
silence(void)
{
  struct room *r;

  for (r = room_next(NULL); r; r = room_next(r))
    r->silent = r->muc && r->sessions_n > r->muc->users_presence;
}

void
occupants_load(void)
{
  char path[512];
  struct room *r;
  struct occupant *o;

  snprintf(path, sizeof path, "%s/occupants", service_data());
  if (!mucd.present && (!open_fresh(path) || !holds_open() || !said_open() ||
                        !left_open() || !taken_open()))
    strerr_dief(111, "unable to open ", path);
  load_all();
  for (r = room_next(NULL); r; r = room_next(r))
    for (o = r->first; o; o = o->next)
      occupant_order(o);
  holds_load();
  said_load();
  left_load();
  store_commit(mucd.present);
  silence();
}
