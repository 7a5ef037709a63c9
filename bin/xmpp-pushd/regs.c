#include "pushd.h"

#include <skalibs/uint64.h>

#include <stdlib.h>
#include <string.h>

/* Registrations in memory: accounts by bare JID, registrations by their ids in the store. routed
 * is told which clients of an account have some, and says what comes for these. */

static struct slice
account_key(void const *item)
{
  return slice_str(((struct account const *)item)->bare);
}

static struct slice
reg_id(void const *item)
{
  struct reg const *r = item;

  return slice_of(r->id, sizeof r->id);
}

static struct table accounts = {.key = account_key}, regs = {.key = reg_id};

struct regs_totals regs_totals;

static void
make_id(char id[PUSH_ID_BYTES], uint64_t account, char const key[PUSH_KEY])
{
  uint64_pack_big(id, account);
  memcpy(id + 8, key, PUSH_KEY);
}

struct account *
account_find(struct slice bare)
{
  return table_get(&accounts, bare);
}

struct reg *
reg_find(char const id[PUSH_ID_BYTES])
{
  return table_get(&regs, slice_of(id, PUSH_ID_BYTES));
}

static bool
first_one(void *cookie, uint64_t account, char const key[PUSH_KEY],
          struct push_service const *s)
{
  (void)s;
  make_id(cookie, account, key);
  return false;
}

struct reg *
reg_from(char const id[PUSH_ID_BYTES])
{
  char found[PUSH_ID_BYTES] = {0};

  push_each_from(pushd.push, id, first_one, found);
  return reg_find(found);
}

char const *
reg_key(struct reg const *r)
{
  return r->id + 8;
}

char const *
reg_service(struct reg const *r)
{
  struct push_service s;

  return push_get(pushd.push, r->account->number, reg_key(r), &s) ? log_text(s.jid)
                                                                  : r->domain->name;
}

static struct account *
account_make(struct slice bare, uint64_t number)
{
  struct account *a = account_find(bare);

  if (a) return a;
  a = calloc(1, sizeof *a);
  if (!a) return NULL;
  a->number = number;
  a->bare = slice_dup(bare);
  if (!a->bare || !table_put(&accounts, a)) {
    free(a->bare);
    free(a);
    return NULL;
  }
  regs_totals.accounts++;
  return a;
}

static void
account_free_if_empty(struct account *a)
{
  if (a->regs) return;
  table_del(&accounts, account_key(a));
  free(a->bare);
  free(a);
  regs_totals.accounts--;
}

/* The order of ids is that of the store, so that a program that has read it anew says the same. */
static void
insert(struct account *a, struct reg *r)
{
  struct reg **at;

  for (at = &a->regs; *at && memcmp((*at)->id, r->id, sizeof r->id) < 0;
       at = &(*at)->next) {
  }
  r->next = *at;
  *at = r;
  r->account = a;
  a->n++;
  regs_totals.regs++;
}

static struct reg *
reg_new(uint64_t number, char const id[PUSH_ID_BYTES], struct push_service const *s)
{
  struct account *a = account_make(s->account, number);
  struct reg *r = a ? calloc(1, sizeof *r) : NULL;

  if (!r) goto fail;
  memcpy(r->id, id, sizeof r->id);
  r->client = slice_dup(s->client);
  r->domain = domain_take(jid_cut(s->jid).domain);
  if (!r->client || !r->domain || !table_put(&regs, r)) goto fail;
  insert(a, r);
  return r;
fail:
  if (r && r->domain) domain_give(r->domain);
  if (r) free(r->client);
  free(r);
  if (a) account_free_if_empty(a);
  return NULL;
}

static void
reg_free(struct reg *r)
{
  struct account *a = r->account;
  struct reg **at;

  table_del(&regs, reg_id(r));
  for (at = &a->regs; *at != r; at = &(*at)->next) {
  }
  *at = r->next;
  a->n--;
  regs_totals.regs--;
  reg_wipe(r);
  domain_give(r->domain);
  free(r->client);
  free(r);
  account_free_if_empty(a);
}

static struct reg *
take(uint64_t account, char const key[PUSH_KEY], struct push_service const *s)
{
  char id[PUSH_ID_BYTES];
  struct reg *r;
  char *client;

  make_id(id, account, key);
  r = reg_find(id);
  if (!r) r = reg_new(account, id, s);
  if (!r) return NULL;
  if (!slice_is(s->client, r->client)) {
    client = slice_dup(s->client);
    if (!client) return NULL;
    free(r->client);
    r->client = client;
  }
  r->used_us = s->used_us;
  r->lost_us = s->lost_us;
  r->failures = (unsigned char)s->failures;
  return r;
}

struct reg *
reg_put(uint64_t account, struct push_service const *s)
{
  char key[PUSH_KEY];

  push_key(key, s->jid, s->node);
  if (!push_put(pushd.push, account, s)) return NULL;
  return take(account, key, s);
}

bool
reg_del(struct reg *r)
{
  if (!push_del(pushd.push, r->account->number, reg_key(r))) return false;
  reg_free(r);
  return true;
}

void
account_forget(struct slice bare)
{
  struct account *a = account_find(bare);
  unsigned int n = a ? a->n : 0;

  while (n--)
    /* Freeing takes it out of the list. NOLINTNEXTLINE(clang-analyzer-unix.Malloc) */
    reg_free(a->regs);
}

static bool
load(void *cookie, uint64_t account, char const key[PUSH_KEY],
     struct push_service const *s)
{
  struct reg *r = take(account, key, s);
  bool *ok = cookie;

  *ok = r != NULL;
  if (r) owed_load(r);
  return *ok;
}

bool
regs_load(void)
{
  bool ok = true;

  if (push_each(pushd.push, 0, load, &ok) && ok) return true;
  log_event(LOG_WARN, "operation-failed", "what", "read the registrations", "why",
            ok ? "the store failed" : "out of memory", NULL);
  return false;
}

/* ---- routed ---- */

static bool
is_first_of_client(struct account const *a, struct reg const *r)
{
  struct reg const *other;

  for (other = a->regs; other != r; other = other->next)
    if (!strcmp(other->client, r->client)) return false;
  return true;
}

static void
put_account(struct link *routed, struct slice bare, struct account const *a)
{
  struct vhost const *v = vhost_find(jid_cut(bare).domain);
  struct reg const *r = a && v ? a->regs : NULL, *first = r;

  link_begin(routed, VERB_PUSHES);
  link_text(routed, bare);
  link_field(routed);
  for (; r; r = r->next) {
    if (!is_first_of_client(a, r)) continue;
    if (r != first) link_more(routed, SLICE("\n"));
    link_more(routed, slice_str(r->client));
  }
  link_field(routed);
  if (first && v->all) link_more(routed, SLICE("all"));
  if (first && v->body == BODY_OF_MESSAGE)
    link_more(routed, v->all ? SLICE(" text") : SLICE("text"));
  link_end(routed);
}

void
account_tell(struct slice bare)
{
  struct link *routed = link_find(ROUTED);

  if (routed) put_account(routed, bare, account_find(bare));
}

static bool
tell_each(void *cookie, uint64_t number, char const key[PUSH_KEY],
          struct push_service const *s)
{
  uint64_t *last = cookie;
  char id[PUSH_ID_BYTES];
  struct reg *r;

  make_id(id, number, key);
  r = reg_find(id);
  if (number != *last) account_tell(s->account);
  if (r) owed_begin(r);
  *last = number;
  return true;
}

void
regs_tell(void)
{
  uint64_t last = 0;

  push_each(pushd.push, 0, tell_each, &last);
}

/* ---- a turn that is lost ---- */

void
regs_turn(bool kept)
{
  size_t i;

  if (kept) return;
  for (i = 0; accounts.slots && i <= accounts.mask;)
    if (accounts.slots[i].item)
      account_forget(account_key(accounts.slots[i].item));
    else
      i++;
  regs_load();
}

/* ---- the state for a trace: registrations themselves are in the store ---- */

static void
fields(struct snapshot *k, struct reg *r)
{
  SNAPSHOT_INT(k, r->seen);
  SNAPSHOT_INT(k, r->event_us);
  SNAPSHOT_INT(k, r->pushed_us);
  SNAPSHOT_INT(k, r->called_us);
  SNAPSHOT_INT(k, r->retry_us);
  SNAPSHOT_INT(k, r->hour_us);
  SNAPSHOT_INT(k, r->session);
  SNAPSHOT_INT(k, r->used_us);
  SNAPSHOT_INT(k, r->count);
  SNAPSHOT_INT(k, r->requests);
  SNAPSHOT_INT(k, r->others);
  SNAPSHOT_INT(k, r->backoff);
  SNAPSHOT_INT(k, r->live);
  SNAPSHOT_INT(k, r->rested);
  SNAPSHOT_INT(k, r->rest_end_us);
  SNAPSHOT_INT(k, r->stored.event_us);
  SNAPSHOT_INT(k, r->stored.session);
  SNAPSHOT_INT(k, r->stored.until_us);
  SNAPSHOT_INT(k, r->stored.what);
  SNAPSHOT_INT(k, r->has_text);
  SNAPSHOT_INT(k, r->is_call);
  snapshot_text(k, &r->sender);
  snapshot_text(k, &r->text);
  events_timers(k, r);
  keepalive_timers(k, r);
}

static bool
write_reg(void *cookie, uint64_t number, char const key[PUSH_KEY],
          struct push_service const *s)
{
  struct snapshot *k = cookie;
  char id[PUSH_ID_BYTES];
  struct reg *r;

  (void)s;
  make_id(id, number, key);
  r = reg_find(id);
  if (!r || !snapshot_record(k, "reg", true)) return true;
  snapshot_block(k, id, sizeof id);
  fields(k, r);
  return true;
}

void
regs_snapshot(struct snapshot *k)
{
  char id[PUSH_ID_BYTES];
  struct reg *r;

  if (!snapshot_restores(k)) push_each(pushd.push, 0, write_reg, k);
  while (snapshot_restores(k) && snapshot_record(k, "reg", true)) {
    snapshot_block(k, id, sizeof id);
    r = reg_find(id);
    if (!r) {
      snapshot_fail(k, "a registration is not in the store");
      return;
    }
    fields(k, r);
  }
}
