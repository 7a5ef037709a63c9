#include "rtbl.h"

#include <skalibs/strerr.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char const *const mucd_needs[] = {
  "archive.max_age",
  "archive.max_messages",
  "auth_method",
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

/* The settings of one service. */
struct reader {
  struct settings const *st;
  struct slice name, host;
};

/* The scope in which a key has its value: the service itself (append_module_config), else its host. */
static struct slice
scope_of(struct reader const *r, char const *key)
{
  struct settings_row const *row = NULL;

  while ((row = settings_next(r->st, key, row)))
    if (slice_eq(row->scope, r->name)) return r->name;
  return r->host;
}

static struct slice
text(struct reader const *r, char const *key)
{
  return settings_get(r->st, key, scope_of(r, key));
}

static uint64_t
number(struct reader const *r, char const *key)
{
  return settings_u64(r->st, key, scope_of(r, key));
}

static void
read_rules(struct muc *m, struct reader const *r)
{
  m->rules[RULE_ACCESS] = text(r, "mod_muc.access");
  m->rules[RULE_ADMIN] = text(r, "mod_muc.access_admin");
  m->rules[RULE_CREATE] = text(r, "mod_muc.access_create");
  m->rules[RULE_PERSISTENT] = text(r, "mod_muc.access_persistent");
  m->rules[RULE_MAM] = text(r, "mod_muc.access_mam");
  m->rules[RULE_REGISTER] = text(r, "mod_muc.access_register");
  m->room_shaper = text(r, "mod_muc.room_shaper");
  m->message_shaper = text(r, "mod_muc.user_message_shaper");
  m->presence_shaper = text(r, "mod_muc.user_presence_shaper");
}

static uint64_t
interval_us(struct reader const *r, char const *key)
{
  return settings_us(r->st, key, scope_of(r, key));
}

static void
read_limits(struct muc *m, struct reader const *r)
{
  m->history_size = number(r, "mod_muc.history_size");
  m->max_room_id = number(r, "mod_muc.max_room_id");
  m->max_room_name = number(r, "mod_muc.max_room_name");
  m->max_room_desc = number(r, "mod_muc.max_room_desc");
  m->max_password = number(r, "mod_muc.max_password");
  m->discoitems_max = number(r, "mod_muc.max_rooms_discoitems");
  m->conferences_max = number(r, "mod_muc.max_user_conferences");
  m->users_max = number(r, "mod_muc.max_users");
  m->users_threshold = number(r, "mod_muc.max_users_admin_threshold");
  m->users_presence = number(r, "mod_muc.max_users_presence");
  m->message_us = interval_us(r, "mod_muc.min_message_interval");
  m->presence_us = interval_us(r, "mod_muc.min_presence_interval");
}

static void
read_muc(struct muc *m, struct settings const *st, struct slice h, struct slice name)
{
  struct reader const r = {st, name, h};
  char const *cleans = "mod_muc.cleanup_affiliations_on_start";

  m->name = name;
  m->host = h;
  read_rules(m, &r);
  read_limits(m, &r);
  m->title = text(&r, "mod_muc.name");
  m->vcard = text(&r, "mod_muc.vcard");
  m->room_regexp = text(&r, "mod_muc.regexp_room_id");
  m->cleans = settings_bool(st, cleans, scope_of(&r, cleans));
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
  mucd.rooms_bytes = settings_limit(now.st, "muc_rooms_bytes", ARCHIVE_MAP_BYTES);
  mucd.present_bytes = settings_limit(now.st, "muc_present_bytes", MUC_PRESENT_BYTES);
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
  rtbl_take();
  return true;
}
