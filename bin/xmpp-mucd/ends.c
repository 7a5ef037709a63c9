#include "hats.h"
#include "said.h"

#include <stdlib.h>
#include <string.h>

/* Accounts that have ended: their sessions leave, their affiliations and nicks go, room by room. A
 * room that loses its last owner gets its admins as owners. So with a session that has no account
 * (XEP-0175), which is all that there ever is under its address. */

struct rooms_of {
  stralloc list; /* numbers of rooms */
  unsigned int n, most;
};

static bool
note(void *cookie, uint64_t number)
{
  struct rooms_of *r = cookie;

  if (r->n == r->most) return false;
  r->n++;
  put_slice(&r->list, slice_of((char const *)&number, sizeof number));
  return true;
}

struct admins {
  stralloc list;
};

static bool
note_admin(void *cookie, struct slice bare, struct affil const *a)
{
  struct admins *x = cookie;

  if (a->affiliation == AFF_ADMIN) add_to(&x->list, bare);
  return true;
}

static void
find_owners(struct room *r)
{
  struct admins x = {STRALLOC_ZERO};
  struct slice rest, bare;

  if (affil_count(r, AFF_OWNER)) return;
  affil_each(r, note_admin, &x);
  rest = slice_of(x.list.s, x.list.len);
  while (slice_word(&rest, '\n', &bare))
    affil_give(r, bare, AFF_OWNER);
  stralloc_free(&x.list);
}

void
ends_leave(struct room *r, struct slice bare)
{
  hats_take_off(r, bare);
  affil_give(r, bare, AFF_NONE);
  find_owners(r);
  after_leave(r);
}

/* Rooms of services that are not configured now are stored too, and have what they had. */
static void
leave_numbered(uint64_t number, struct slice bare)
{
  struct slice room;
  struct room *r =
    archive_owner_jid(mucd.archive, number, &room) ? room_find(room) : NULL;

  if (r && r->number == number)
    ends_leave(r, bare);
  else
    of_forget(number, bare);
}

static void
forget_service_nicks(struct slice bare)
{
  struct muc const *m;
  size_t i;

  for (i = 0; (m = muc_at(i)); i++)
    nick_set(m, bare, SLICE(""));
}

static void
end_sessions(struct slice bare)
{
  struct account *a;

  while ((a = account_find(bare)))
    remove_session(a->first->sessions, "333", NULL);
}

/* Both stores let go: a session that ends takes its rows from DATA/occupants, and perhaps a temporary
 * room from DATA/rooms. */
static void
end(void)
{
  store_erase_end(mucd.store);
  store_erase_end(mucd.present);
}

static bool
begin(void)
{
  if (store_erase_begin(mucd.store) && store_erase_begin(mucd.present)) return true;
  end();
  return false;
}

static bool
erase(uint64_t number, struct slice bare, unsigned int most, unsigned int *done)
{
  struct rooms_of of = {.most = most};
  uint64_t room;
  size_t at;

  (void)number;
  if (!begin()) return false;
  end_sessions(bare);
  forget_service_nicks(bare);
  of_each(bare, note, &of);
  for (at = 0; at < of.list.len; at += sizeof room) {
    memcpy(&room, of.list.s + at, sizeof room);
    leave_numbered(room, bare);
  }
  *done += of.n;
  stralloc_free(&of.list);
  end();
  return true;
}

/* Sessions go with the other store, and what was said about them. */
static bool
erase_present(uint64_t number, struct slice bare, unsigned int most, unsigned int *done)
{
  (void)number;
  (void)most;
  (void)done;
  if (!begin()) return false;
  end_sessions(bare);
  said_erase(bare);
  end();
  return true;
}

static struct eraser erasers[] = {
  {.store = "rooms",     .steps = 100, .erase = erase        },
  {.store = "occupants", .steps = 100, .erase = erase_present},
};

/* Of sessions without an account, in more rooms than a step has. */
static struct eraser guests = {.steps = 100, .erase = erase};

void
ends_of_session(struct slice full, uint64_t number)
{
  struct jid who = jid_cut(full);
  unsigned int done = 0;

  if (!access_is_anonymous(mucd.settings, who.domain, who.local)) return;
  if (!erase(number, who.bare, guests.steps, &done) || done == guests.steps)
    erase_add(&guests, number, who.bare);
}

/* NUMBER JID ERASED */
void
ends_ending(struct link *l, struct record *r)
{
  (void)l;
  erase_ending(&erasers[0], r);
  erase_ending(&erasers[1], r);
}

void
ends_made(struct link *l, struct record *r)
{
  (void)l;
  (void)r;
}

void
ends_snapshot(struct snapshot *k)
{
  erase_snapshot(&erasers[0], k);
  erase_snapshot(&erasers[1], k);
  erase_snapshot(&guests, k);
}
