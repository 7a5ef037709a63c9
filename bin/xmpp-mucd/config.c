#include "mucd.h"

#include <stdlib.h>
#include <string.h>

/* The configuration of a room: options by the names that default_room_options has. */

static struct {
  char const *name;
  uint32_t flag;
  bool usual, inverse;
} const flags[] = {
  {"persistent",               FLAG_PERSISTENT,         false, false},
  {"public",                   FLAG_PUBLIC,             true,  false},
  {"public_list",              FLAG_PUBLIC_LIST,        true,  false},
  {"password_protected",       FLAG_PASSWORD,           false, false},
  {"anonymous",                FLAG_ANONYMOUS,          true,  false},
  {"members_only",             FLAG_MEMBERS_ONLY,       false, false},
  {"moderated",                FLAG_MODERATED,          true,  false},
  {"members_by_default",       FLAG_MEMBERS_BY_DEFAULT, true,  false},
  {"allow_change_subj",        FLAG_CHANGE_SUBJECT,     true,  false},
  {"allow_query_users",        FLAG_QUERY_USERS,        true,  false},
  {"allow_user_invites",       FLAG_INVITES,            false, false},
  {"allow_visitor_status",     FLAG_VISITOR_STATUS,     true,  false},
  {"allow_visitor_nickchange", FLAG_VISITOR_NICK,       true,  false},
  {"allow_voice_requests",     FLAG_VOICE,              true,  false},
  {"enable_hats",              FLAG_HATS,               true,  false},
  {"mam",                      FLAG_MAM,                false, false},
};

static char const *const texts[TEXTS_N] = {"title", "description", "lang", "password",
                                           "pubsub"};
static char const *const pm_words[] = {"anyone", "participants", "moderators", "none"};
static char const *const visitor_words[] = {"anyone", "", "moderators", "nobody"};

bool
config_set_text(struct config *c, enum config_text t, struct slice text)
{
  char *z = must_dup(text);

  free(c->text[t]);
  c->text[t] = z;
  return true;
}

static bool
set_flag(struct config *c, uint32_t flag, struct slice v)
{
  bool on = slice_is(v, "1") || slice_is(v, "true");

  if (!on && !slice_is(v, "0") && !slice_is(v, "false")) return false;
  c->flags = on ? c->flags | flag : c->flags & ~flag;
  return true;
}

static bool
set_word(uint8_t *out, char const *const *words, size_t n, struct slice v)
{
  size_t i;

  for (i = 0; i < n; i++)
    if (*words[i] && slice_is(v, words[i])) {
      *out = (uint8_t)i;
      return true;
    }
  return false;
}

bool
config_number(uint32_t *out, struct slice v, uint64_t most)
{
  uint64_t n;

  if (!slice_u64(v, &n) || n > most || n > UINT32_MAX) return false;
  *out = (uint32_t)n;
  return true;
}

static bool
set_broadcast(struct config *c, struct slice list)
{
  struct slice word;
  uint8_t bits = 0;
  int role;

  while (slice_word(&list, ' ', &word)) {
    role = role_named(word);
    if (role < 0) return false;
    bits |= (uint8_t)(1 << role);
  }
  c->broadcast = bits;
  return true;
}

bool
config_set(struct config *c, struct slice name, struct slice v)
{
  size_t i;

  for (i = 0; i < sizeof flags / sizeof *flags; i++)
    if (slice_is(name, flags[i].name)) return set_flag(c, flags[i].flag, v);
  for (i = 0; i < TEXTS_N; i++)
    if (slice_is(name, texts[i])) return config_set_text(c, (enum config_text)i, v);
  if (slice_is(name, "max_users")) return config_number(&c->max_users, v, UINT32_MAX);
  if (slice_is(name, "voice_request_min_interval"))
    return config_number(&c->voice_s, v, UINT32_MAX);
  if (slice_is(name, "allowpm")) return set_word(&c->allowpm, pm_words, 4, v);
  if (slice_is(name, "allow_private_messages")) {
    c->allowpm = slice_is(v, "true") || slice_is(v, "1") ? PM_ANYONE : PM_NONE;
    return true;
  }
  if (slice_is(name, "allow_private_messages_from_visitors"))
    return set_word(&c->pm_visitor, visitor_words, 4, v);
  if (slice_is(name, "presence_broadcast")) return set_broadcast(c, v);
  if (slice_is(name, "slow_mode_duration"))
    return config_number(&c->slow_s, v, SLOW_MOST_S);
  return false;
}

static struct slice
roles_of(uint8_t bits)
{
  static char list[64];
  int i;

  list[0] = 0;
  for (i = IS_MODERATOR; i >= IS_NOBODY; i--) {
    if (!(bits >> i & 1)) continue;
    if (list[0]) strcat(list, " ");
    strcat(list, role_names[i]);
  }
  return slice_str(list);
}

void
config_each(struct config const *c, config_fn *fn, void *cookie)
{
  char buf[BASE_NUM];
  size_t i;

  for (i = 0; i < sizeof flags / sizeof *flags; i++)
    fn(cookie, flags[i].name, c->flags & flags[i].flag ? SLICE("true") : SLICE("false"));
  for (i = 0; i < TEXTS_N; i++)
    fn(cookie, texts[i], slice_str(c->text[i]));
  fn(cookie, "max_users", num_u64(buf, c->max_users));
  fn(cookie, "voice_request_min_interval", num_u64(buf, c->voice_s));
  fn(cookie, "allowpm", slice_str(pm_words[c->allowpm & 3]));
  fn(cookie, "allow_private_messages_from_visitors",
     *visitor_words[c->pm_visitor & 3] ? slice_str(visitor_words[c->pm_visitor & 3])
                                       : slice_str(visitor_words[0]));
  fn(cookie, "presence_broadcast", roles_of(c->broadcast));
  fn(cookie, "slow_mode_duration", num_u64(buf, c->slow_s));
}

/* Set the default_room_options of a host, or of one service. */
static void
take_options(struct slice scope, struct config *c)
{
  struct settings_row const *row = NULL;

  while ((row = settings_next(mucd.settings, "mod_muc.default_room_options", row)))
    if (slice_eq(row->scope, scope)) config_set(c, row->value[0], row->value[1]);
}

void
config_default(struct muc const *m, struct config *c)
{
  size_t i;

  memset(c, 0, sizeof *c);
  for (i = 0; i < sizeof flags / sizeof *flags; i++)
    if (flags[i].usual) c->flags |= flags[i].flag;
  for (i = 0; i < TEXTS_N; i++)
    c->text[i] = must_dup(SLICE(""));
  c->broadcast = 1 << IS_VISITOR | 1 << IS_PARTICIPANT | 1 << IS_MODERATOR;
  c->voice_s = 1800;
  c->max_users = m->users_max < 200 ? (uint32_t)m->users_max : 200;
  c->history = m->history_size > UINT32_MAX ? UINT32_MAX : (uint32_t)m->history_size;
  take_options(m->host, c);
  take_options(m->name, c);
}

void
config_wipe(struct config *c)
{
  size_t i;

  for (i = 0; i < TEXTS_N; i++) {
    free(c->text[i]);
    c->text[i] = NULL;
  }
}

void
config_copy(struct config *to, struct config const *c)
{
  size_t i;

  *to = *c;
  for (i = 0; i < TEXTS_N; i++)
    to->text[i] = must_dup(slice_str(c->text[i]));
}
