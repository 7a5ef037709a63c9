#include "mucd.h"

#include <stdlib.h>
#include <string.h>

/* Rooms in memory: those with sessions, and those that a turn touches. */

#define UNLOCK_US 60000000

char const *const affiliation_names[AFFS_N] = {"outcast", "none", "member", "admin",
                                               "owner"};
char const *const role_names[STANDINGS_N] = {"none", "visitor", "participant",
                                             "moderator"};

static struct slice
room_key(void const *item)
{
  return ((struct room const *)item)->bare;
}

static struct slice
occupant_key(void const *item)
{
  return slice_str(((struct occupant const *)item)->key);
}

static struct table rooms = {.key = room_key};
static struct room *touched; /* in this turn */
static struct room *first;   /* of all */
static struct room *locked;  /* of those that wait for their forms */

static int
word_of(struct slice word, char const *const *words, int n)
{
  int i;

  for (i = 0; i < n; i++)
    if (slice_is(word, words[i])) return i;
  return -1;
}

int
affiliation_find(struct slice word)
{
  return word_of(word, affiliation_names, AFFS_N);
}

int
role_named(struct slice word)
{
  return word_of(word, role_names, STANDINGS_N);
}

static struct room *
room_new(struct slice bare)
{
  struct room *r = calloc(1, sizeof *r);
  struct jid j;

  if (!r) no_memory();
  r->bare = slice_str(must_dup(bare));
  j = jid_cut(r->bare);
  r->local = j.local;
  r->muc = muc_find(j.domain);
  r->nicks.key = occupant_key;
  r->last = &r->first;
  r->next_id = 1;
  if (!table_put(&rooms, r)) no_memory();
  r->next = first;
  if (first) first->prev = r;
  first = r;
  return r;
}

void
room_unlock(struct room *r)
{
  struct room **at = &locked;

  event_timer_cancel(&r->unlock);
  while (*at && *at != r)
    at = &(*at)->next_locked;
  if (*at) *at = r->next_locked;
}

static void
room_free(struct room *r)
{
  table_del(&rooms, r->bare);
  if (r->next) r->next->prev = r->prev;
  if (r->prev)
    r->prev->next = r->next;
  else
    first = r->next;
  sent_wipe(r);
  table_wipe(&r->nicks);
  stralloc_free(&r->all);
  room_unlock(r);
  config_wipe(&r->config);
  free(r->subject);
  free(r->subject_nick);
  free(r->subject_by);
  free(r->alt);
  free(r->why);
  free((char *)(uintptr_t)r->bare.s);
  free(r);
}

/* XEP-0045 s10.1: a room whose creator says nothing more opens with the defaults. */
static void
on_unlock(void *cookie)
{
  room_open(cookie);
}

void
room_touch(struct room *r)
{
  if (r->touched) return;
  r->touched = true;
  r->next_touched = touched;
  touched = r;
}

void
room_changed(struct room *r)
{
  room_touch(r);
  r->changed = true;
}

static uint64_t
number_of(struct record *f, unsigned int *i)
{
  return record_u64(f, (*i)++);
}

static char *
text_of(struct record *f, unsigned int *i)
{
  return must_dup(record_get(f, (*i)++));
}

/* In the order of stored.c. */
static void
read_fields(struct room *r, struct record *f)
{
  struct config *c = &r->config;
  unsigned int i = 1, k;
  char *avatar;

  r->created_us = number_of(f, &i);
  r->last_us = number_of(f, &i);
  r->subject_us = number_of(f, &i);
  c->flags = (uint32_t)number_of(f, &i);
  c->allowpm = (uint8_t)number_of(f, &i);
  c->pm_visitor = (uint8_t)number_of(f, &i);
  c->broadcast = (uint8_t)number_of(f, &i);
  c->max_users = (uint32_t)number_of(f, &i);
  c->voice_s = (uint32_t)number_of(f, &i);
  c->slow_s = (uint32_t)number_of(f, &i);
  c->history = (uint32_t)number_of(f, &i);
  for (k = 0; k < TEXTS_N; k++)
    c->text[k] = text_of(f, &i);
  r->subject = text_of(f, &i);
  r->subject_nick = text_of(f, &i);
  r->subject_by = text_of(f, &i);
  r->alt = text_of(f, &i);
  r->why = text_of(f, &i);
  avatar = text_of(f, &i);
  if (strlen(avatar) < sizeof r->avatar) strcpy(r->avatar, avatar);
  free(avatar);
}

static void
wait_for_form(struct room *r)
{
  if (r->state != ROOM_LOCKED) return;
  event_timer_start(&r->unlock, door_now() + UNLOCK_US, on_unlock, r);
  r->next_locked = locked;
  locked = r;
}

struct room *
room_next_locked(struct room const *r)
{
  return r ? r->next_locked : locked;
}

struct room *
room_find(struct slice bare)
{
  static stralloc value = STRALLOC_ZERO;
  struct room *r = table_get(&rooms, bare);
  struct record f;
  uint64_t number;

  if (r) return r->ended ? NULL : r;
  if (bare.len > STORED_NAME_MAX || !stored_room(bare, &value, &number)) return NULL;
  if (!record_split(&f, value.s + 9, value.len - 9)) return NULL;
  r = room_new(bare);
  r->number = number;
  r->state = (enum room_state)value.s[8];
  read_fields(r, &f);
  room_touch(r);
  wait_for_form(r);
  return r;
}

struct room *
room_next(struct room const *r)
{
  return r ? r->next : first;
}

size_t
rooms_count(void)
{
  return rooms.n;
}

struct room *
room_make(struct muc const *m, struct jid const *j)
{
  uint64_t number = archive_owner_make(mucd.archive, j->bare);
  struct room *r;

  if (!number) return NULL;
  if ((r = table_get(&rooms, j->bare))) { /* the room has ended in this turn */
    while (r->first)
      session_del(r->first->sessions);
    r->ended = r->affils_counted = false;
    config_wipe(&r->config);
    free(r->subject);
    free(r->subject_nick);
    free(r->subject_by);
    free(r->alt);
    free(r->why);
    r->subject_us = 0;
    r->avatar[0] = 0;
  } else
    r = room_new(j->bare);
  r->muc = m;
  r->number = number;
  r->state = ROOM_LOCKED;
  r->created_us = r->last_us = door_wall();
  config_default(m, &r->config);
  r->subject = must_dup(SLICE(""));
  r->subject_nick = must_dup(SLICE(""));
  r->subject_by = must_dup(SLICE(""));
  r->alt = must_dup(SLICE(""));
  r->why = must_dup(SLICE(""));
  room_changed(r);
  stored_room_put(r);
  wait_for_form(r);
  return r;
}

void
room_end(struct room *r)
{
  if (r->ended) return;
  room_changed(r);
  r->ended = true;
  room_unlock(r);
  stored_room_del(r);
  retention_end(r);
}

void
rooms_turn(void)
{
  struct room *r;

  while ((r = touched)) {
    touched = r->next_touched;
    r->touched = false;
    if (r->changed && !r->ended && !store_is_full(mucd.store)) stored_room_put(r);
    r->changed = false;
    if (!r->first) room_free(r);
  }
}

void
rooms_reload(void)
{
  struct room *r;

  while ((r = room_next(NULL))) {
    while (r->first)
      session_forget(r->first->sessions);
    room_free(r);
  }
  touched = NULL;
  listed_forget();
  slow_forget();
  occupants_load();
}
