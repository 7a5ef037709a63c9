#include "host.h"

#include "jid/jid.h"
#include "record/record.h"
#include "store/store.h"

#include <skalibs/stralloc.h>

#include <openssl/evp.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* host rename, in the store of invitations (bin/xmpp-registerd/invites.c, joins.c). The table inviters has
 * hashes of addresses in its keys, so a first reading notes for each invitation of the host the hash of
 * who invites by its new address. */

#define HASH 32   /* of a token: what an invitation is known by */
#define PERSON 16 /* of an address */
#define HOST_FIELD 6u
#define INVITER_FIELD 7u

struct moved {
  char hash[HASH], person[PERSON];
};

static struct {
  struct jid_hosts const *hosts;
  struct moved *all;
  size_t n, room;
} job;

static stralloc value_text = STRALLOC_ZERO;

/* The address with the other host; s NULL: no memory. */
static struct slice
rehosted(struct arena *a, struct slice address)
{
  char *room = arena_alloc(a, JID_MAX + 1);

  if (!room) return (struct slice){NULL, 0};
  return address.len ? jid_rehost(job.hosts, address, room, JID_MAX) : address;
}

static bool
split(struct arena *a, struct slice value, struct record *r)
{
  struct slice copy = arena_copy(a, value);

  errno = EINVAL;
  return copy.s && record_split(r, (char *)(uintptr_t)copy.s, copy.len);
}

/* ---- the first reading ---- */

static bool
hash_of(struct slice text, char out[PERSON])
{
  unsigned char md[EVP_MAX_MD_SIZE];

  if (!EVP_Digest(text.s, text.len, md, NULL, EVP_sha256(), NULL)) return false;
  memcpy(out, md, PERSON);
  return true;
}

static bool
note(void *cookie, struct slice key, struct slice value)
{
  struct arena a = ARENA_ZERO;
  struct slice inviter, moved;
  struct record r;
  bool *ok = cookie;

  *ok = split(&a, value, &r);
  inviter = *ok ? record_get(&r, INVITER_FIELD) : SLICE("");
  moved = rehosted(&a, inviter);
  if (*ok && moved.s != inviter.s && key.len == HASH) {
    if (job.n == job.room) {
      job.room = 2 * job.room + 64;
      job.all = realloc(job.all, job.room * sizeof *job.all);
    }
    *ok = job.all && moved.s && hash_of(moved, job.all[job.n].person);
    if (*ok) memcpy(job.all[job.n++].hash, key.s, HASH);
  }
  arena_wipe(&a);
  return *ok;
}

/* Entries come in the order of their keys. */
static int
compare(void const *a, void const *b)
{
  return memcmp(a, ((struct moved const *)b)->hash, HASH);
}

static bool
read_invites(char const *from)
{
  struct store *s = store_open(from, false, true, 0);
  bool ok = s != NULL;
  MDB_dbi table;

  if (ok && store_table(s, "invites", &table))
    ok = store_each(s, table, SLICE(""), note, &ok) && ok;
  store_close(s);
  return ok;
}

/* ---- the rules ---- */

/* A record, whose fields with bits in which are addresses or hosts. */
static bool
move_fields(struct slice *value, char const *verb, unsigned int which)
{
  struct arena a = ARENA_ZERO;
  struct record r;
  unsigned int i;
  bool ok = split(&a, *value, &r);

  value_text.len = 0;
  ok = ok && record_put_verb(&value_text, verb);
  for (i = 1; ok && i < r.n; i++) {
    struct slice f = record_get(&r, i);
    if (which >> i & 1) f = rehosted(&a, f);
    ok = f.s && record_put(&value_text, f);
  }
  *value = slice_of(value_text.s, value_text.len);
  arena_wipe(&a);
  return ok;
}

static bool
move_person(struct slice *key)
{
  static char room[PERSON + HASH];
  struct moved const *m;

  if (key->len != sizeof room || !job.n) return true;
  m = bsearch(key->s + PERSON, job.all, job.n, sizeof *job.all, compare);
  if (!m) return true;
  memcpy(room, m->person, PERSON);
  memcpy(room + PERSON, m->hash, HASH);
  *key = slice_of(room, sizeof room);
  return true;
}

static bool
move_name(struct slice *key)
{
  static char room[JID_MAX + 1];

  *key = jid_rehost(job.hosts, *key, room, JID_MAX);
  return key->s != NULL;
}

static bool
apply(void *cookie, char const *table, struct slice *key, struct slice *value)
{
  (void)cookie;
  if (!strcmp(table, "invites"))
    return move_fields(value, "invite", 1u << HOST_FIELD | 1u << INVITER_FIELD);
  if (!strcmp(table, "joins")) return move_fields(value, "join", 1u << 2 | 1u << 4);
  if (!strcmp(table, "inviters")) return move_person(key);
  if (!strcmp(table, "names")) return move_name(key);
  if (!strcmp(table, "expiry")) return true;
  errno = ENOTSUP;
  return false;
}

bool
host_rename_register(struct jid_hosts const *hosts, char const *from, char const *to)
{
  bool ok;

  job.hosts = hosts;
  ok = read_invites(from) && store_rewrite(from, to, apply, NULL);
  free(job.all);
  job.all = NULL;
  job.n = job.room = 0;
  return ok;
}
