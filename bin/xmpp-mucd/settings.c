#include "rtbl.h"

#include <skalibs/strerr.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char const *const mucd_needs[] = {
  "archive.max_age",
  "archive.max_messages",
  "mod_mam.clear_archive_on_room_destroy",
  "mod_muc.access",
  "mod_muc.access_admin",
  "mod_muc.access_create",
  "mod_muc.access_mam",
  "mod_muc.access_persistent",
  "mod_muc.access_register",
  "mod_muc.cleanup_affiliations_on_start",
  "mod_muc.history_size",
  "mod_muc.max_rooms_discoitems",
  "mod_muc.max_user_conferences",
  "mod_muc.max_users",
  "mod_muc.max_users_admin_threshold",
  "mod_muc.max_users_presence",
  "mod_muc.min_message_interval",
  "mod_muc.min_presence_interval",
  "mod_muc.name",
  "mod_muc_rtbl.rtbl_node",
  "mod_muc_rtbl.rtbl_server",
  NULL,
};

struct mucd mucd;

/* The values that a reading of the settings has given. */
struct made {
  struct settings *st;
  struct access *access;
  struct muc *mucs;
  size_t n;
};

static struct made now;

static void
read_rules(struct muc *m, struct settings const *st, struct slice h)
{
  m->rules[RULE_ACCESS] = settings_get(st, "mod_muc.access", h);
  m->rules[RULE_ADMIN] = settings_get(st, "mod_muc.access_admin", h);
  m->rules[RULE_CREATE] = settings_get(st, "mod_muc.access_create", h);
  m->rules[RULE_PERSISTENT] = settings_get(st, "mod_muc.access_persistent", h);
  m->rules[RULE_MAM] = settings_get(st, "mod_muc.access_mam", h);
  m->rules[RULE_REGISTER] = settings_get(st, "mod_muc.access_register", h);
}

static void
read_muc(struct muc *m, struct settings const *st, struct slice h, struct slice name)
{
  m->name = name;
  m->host = h;
  read_rules(m, st, h);
  m->title = settings_get(st, "mod_muc.name", h);
  m->vcard = settings_get(st, "mod_muc.vcard", h);
  m->cleans = settings_bool(st, "mod_muc.cleanup_affiliations_on_start", h);
  m->room_regexp = settings_get(st, "mod_muc.regexp_room_id", h);
  m->room_shaper = settings_get(st, "mod_muc.room_shaper", h);
  m->message_shaper = settings_get(st, "mod_muc.user_message_shaper", h);
  m->presence_shaper = settings_get(st, "mod_muc.user_presence_shaper", h);
  m->history_size = settings_u64(st, "mod_muc.history_size", h);
  m->max_room_id = settings_u64(st, "mod_muc.max_room_id", h);
  m->max_room_name = settings_u64(st, "mod_muc.max_room_name", h);
  m->max_room_desc = settings_u64(st, "mod_muc.max_room_desc", h);
  m->max_password = settings_u64(st, "mod_muc.max_password", h);
  m->discoitems_max = settings_u64(st, "mod_muc.max_rooms_discoitems", h);
  m->conferences_max = settings_u64(st, "mod_muc.max_user_conferences", h);
  m->users_max = settings_u64(st, "mod_muc.max_users", h);
  m->users_threshold = settings_u64(st, "mod_muc.max_users_admin_threshold", h);
  m->users_presence = settings_u64(st, "mod_muc.max_users_presence", h);
  m->message_us = settings_us(st, "mod_muc.min_message_interval", h);
  m->presence_us = settings_us(st, "mod_muc.min_presence_interval", h);
  if (settings_has(st, "module", h, "mod_muc_rtbl")) {
    m->rtbl_server = settings_get(st, "mod_muc_rtbl.rtbl_server", h);
    m->rtbl_node = settings_get(st, "mod_muc_rtbl.rtbl_node", h);
  }
  m->archives = settings_has(st, "module", h, "mod_mam");
  m->age_s = settings_u64(st, "archive.max_age", h);
  m->most_messages = settings_u64(st, "archive.max_messages", h);
  m->clears = settings_bool(st, "mod_mam.clear_archive_on_room_destroy", h);
}

/* The names that a host's service has: the option hosts, else host, else the usual one. */
static struct slice
names_of(struct made *made, struct slice h)
{
  struct slice list = settings_domains(made->st, "mod_muc", h);
  char usual[JID_PART_MAX + 32];

  if (list.len) return list;
  snprintf(usual, sizeof usual, "conference.%.*s", (int)h.len, h.s);
  return arena_copy(&made->st->arena, slice_str(usual));
}

static bool
read_host(struct made *made, struct slice h)
{
  struct slice names = names_of(made, h), word, name;
  struct muc *more;

  while (slice_word(&names, ' ', &word)) {
    name = jid_prep_domain(&made->st->arena, word);
    more = name.s ? realloc(made->mucs, (made->n + 1) * sizeof *more) : NULL;
    if (!more) return false;
    made->mucs = more;
    memset(&more[made->n], 0, sizeof *more);
    read_muc(&more[made->n++], made->st, h, name);
  }
  return true;
}

static void
made_wipe(struct made *made)
{
  access_free(made->access);
  free(made->mucs);
}

void
mucd_drop(void *fresh)
{
  made_wipe(fresh);
  free(fresh);
}

void *
mucd_read(struct settings *st)
{
  struct made *made = calloc(1, sizeof *made);
  struct settings_row const *row = NULL;
  bool ok;

  if (!made) return NULL;
  made->st = st;
  made->access = access_load(st);
  ok = made->access != NULL;
  while (ok && (row = settings_next(st, "host", row)))
    if (settings_has(st, "module", row->value[0], "mod_muc"))
      ok = read_host(made, row->value[0]);
  if (ok) return made;
  mucd_drop(made);
  return NULL;
}

void
mucd_take(void *fresh, bool first)
{
  struct made *made = fresh;
  struct room *r;

  made_wipe(&now);
  now = *made;
  free(made);
  mucd.access = now.access;
  mucd.settings = now.st;
  mucd.fanout_max = (size_t)settings_limit(now.st, "muc_fanout_max", MUC_FANOUT_MAX);
  mucd.affiliations_max =
    settings_limit(now.st, "muc_affiliations_max", MUC_AFFILIATIONS_MAX);
  mucd.sessions_max =
    settings_limit(now.st, "muc_room_sessions_max", MUC_ROOM_SESSIONS_MAX);
  mucd.history_bytes = settings_limit(now.st, "muc_history_bytes", MUC_HISTORY_BYTES);
  for (r = room_next(NULL); r && !first; r = room_next(r)) {
    r->muc = muc_find(jid_cut(r->bare).domain);
    if (!r->muc) room_close(r);
  }
  if (!first) rtbl_take();
}

struct muc const *
muc_at(size_t i)
{
  return i < now.n ? &now.mucs[i] : NULL;
}

struct muc const *
muc_find(struct slice name)
{
  size_t i;

  for (i = 0; i < now.n; i++)
    if (slice_eq(now.mucs[i].name, name)) return &now.mucs[i];
  return NULL;
}

bool
muc_allows(struct muc const *m, enum rule r, struct jid const *who)
{
  struct access_who w = {who->local, who->domain, who->resource, SLICE("")};

  return access_allows(mucd.access, m->rules[r], m->host, &w);
}

bool
muc_is_admin(struct muc const *m, struct jid const *who)
{
  return muc_allows(m, RULE_ADMIN, who);
}

bool
is_local(struct slice domain)
{
  struct settings_row const *row = NULL;

  while ((row = settings_next(mucd.settings, "host", row)))
    if (slice_eq(row->value[0], domain)) return true;
  return false;
}

bool
mucd_start(void)
{
  if (!stored_open() || !rtbl_open()) return false;
  occupants_load();
  cleanup_start();
  rtbl_take();
  return true;
}
