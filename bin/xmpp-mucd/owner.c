#include "mucd.h"

#include <stdlib.h>
#include <string.h>

/* Owners (XEP-0045 s10): the form of the configuration, and rooms that wait for it. */

#define RC "muc#roomconfig_"

enum kind { BOOL, TEXT, MULTI, SECRET, LIST, NUMBER, CHOICE };

/* A field of the form, the option whose value it is, and the words of a list. shown: the form that
 * is sent has it; others are other servers' names, which are taken too. */
static struct row {
  char const *var, *name, *label;
  enum kind kind;
  bool shown;
  char const *words;
} const rows[] = {
  {RC "roomname",                                                   "title",                                "Title",                               TEXT,   true,  NULL                                },
  {RC "roomdesc",                                                   "description",                          "Description",                         TEXT,   true,  NULL                                },
  {RC "lang",                                                       "lang",                                 "Language",                            TEXT,   true,  NULL                                },
  {RC "persistentroom",                                             "persistent",                           "The room stays when nobody is in it", BOOL,   true,
   NULL                                                                                                                                                                                               },
  {RC "publicroom",                                                 "public",                               "The room is in the list of rooms",    BOOL,   true,  NULL                                },
  {"public_list",                                                   "public_list",                          "All may see who is in the room",      BOOL,   true,  NULL                                },
  {RC "passwordprotectedroom",                                      "password_protected",                   "A password is needed to enter",
   BOOL,                                                                                                                                                   true,  NULL                                },
  {RC "roomsecret",                                                 "password",                             "Password",                            SECRET, true,  NULL                                },
  {RC "maxusers",                                                   "max_users",                            "Most sessions",                       CHOICE, true,  NULL                                },
  {RC "whois",                                                      "whois",                                "Who sees real addresses",             LIST,   true,  "moderators anyone"                 },
  {RC "presencebroadcast",                                          "presence_broadcast",                   "Roles whose presence is shown",       MULTI,
   true,                                                                                                                                                          "moderator participant visitor none"},
  {RC "membersonly",                                                "members_only",                         "Only members may enter",              BOOL,   true,  NULL                                },
  {RC "moderatedroom",                                              "moderated",                            "Visitors may not speak",              BOOL,   true,  NULL                                },
  {"members_by_default",                                            "members_by_default",                   "Who enters is a participant",         BOOL,   true,
   NULL                                                                                                                                                                                               },
  {RC "changesubject",                                              "allow_change_subj",                    "Participants may change the subject", BOOL,
   true,                                                                                                                                                          NULL                                },
  {RC "allowpm",                                                    "allowpm",                              "Who may send private messages",       LIST,   true,
   "anyone participants moderators none"                                                                                                                                                              },
  {"allow_private_messages_from_visitors",                          "allow_private_messages_from_visitors",
   "To whom visitors may send private messages",                                                                                                   LIST,   true,  "anyone moderators nobody"          },
  {"allow_query_users",                                             "allow_query_users",                    "Requests to occupants are passed on", BOOL,
   true,                                                                                                                                                          NULL                                },
  {RC "allowinvites",                                               "allow_user_invites",                   "All may invite",                      BOOL,   true,  NULL                                },
  {"allow_visitor_status",                                          "allow_visitor_status",                 "Visitors may have a status text",
   BOOL,                                                                                                                                                   true,  NULL                                },
  {"allow_visitor_nickchange",                                      "allow_visitor_nickchange",
   "Visitors may change their nicks",                                                                                                              BOOL,   true,  NULL                                },
  {"allow_voice_requests",                                          "allow_voice_requests",                 "Visitors may ask for voice",          BOOL,
   true,                                                                                                                                                          NULL                                },
  {"voice_request_min_interval",                                    "voice_request_min_interval",
   "Seconds between two such requests",                                                                                                            NUMBER, true,  NULL                                },
  {RC "pubsub",                                                     "pubsub",                               "Node of the room",                    TEXT,   true,  NULL                                },
  {"enable_hats",                                                   "enable_hats",                          "Hats",                                BOOL,   true,  NULL                                },
  {"mam",                                                           "mam",                                  "Messages are archived",               BOOL,   true,  NULL                                },
  {RC "enablearchiving",                                            "mam",                                  "Messages are archived",               BOOL,   true,  NULL                                },
  {RC "slow_mode_duration",                                         "slow_mode_duration",
   "Seconds between two messages of one person",                                                                                                   NUMBER, true,  NULL                                },
  {RC "mam",                                                        "mam",                                  NULL,                                  BOOL,   false, NULL                                },
  {"muc#roomconfig_mam",                                            "mam",                                  NULL,                                  BOOL,   false, NULL                                },
  {"{http://prosody.im/protocol/muc}roomconfig_allowmemberinvites", "allow_user_invites",
   NULL,                                                                                                                                           BOOL,   false, NULL                                },
  {RC "anonymous",                                                  "anonymous",                            NULL,                                  BOOL,   false, NULL                                },
  {"anonymous",                                                     "anonymous",                            NULL,                                  BOOL,   false, NULL                                },
  {"allow_private_messages",                                        "allow_private_messages",               NULL,                                  BOOL,   false, NULL                                },
  {RC "historylength",                                              "history",                              NULL,                                  NUMBER, false, NULL                                },
  {"muc#maxhistoryfetch",                                           "history",                              NULL,                                  NUMBER, false, NULL                                },
};

#define ROWS (sizeof rows / sizeof *rows)

/* ---- options by the words of the form ---- */

static bool
set_option(struct muc const *m, struct config *c, char const *name, struct slice v)
{
  if (!strcmp(name, "whois")) {
    if (!slice_is(v, "anyone") && !slice_is(v, "moderators")) return false;
    return config_set(c, SLICE("anonymous"),
                      slice_is(v, "anyone") ? SLICE("0") : SLICE("1"));
  }
  if (!strcmp(name, "history")) return config_number(&c->history, v, m->history_size);
  if (!strcmp(name, "max_users") && (slice_is(v, "none") || !v.len)) {
    c->max_users = (uint32_t)(m->users_max > UINT32_MAX ? UINT32_MAX : m->users_max);
    return true;
  }
  return config_set(c, slice_str(name), v);
}

static bool
same(struct config const *a, struct config const *b)
{
  size_t i;

  for (i = 0; i < TEXTS_N; i++)
    if (strcmp(a->text[i], b->text[i]) != 0) return false;
  return a->flags == b->flags && a->allowpm == b->allowpm &&
         a->pm_visitor == b->pm_visitor && a->broadcast == b->broadcast &&
         a->max_users == b->max_users && a->voice_s == b->voice_s &&
         a->slow_s == b->slow_s && a->history == b->history;
}

/* Say whether the sender may change the option. */
static bool
may_have(struct in *in, char const *name)
{
  if (!strcmp(name, "persistent")) return muc_allows(in->muc, RULE_PERSISTENT, &in->from);
  if (!strcmp(name, "mam"))
    return in->muc->archives && muc_allows(in->muc, RULE_MAM, &in->from);
  return true;
}

/* Take a value into c, unless it is what the room has: of two names of one option the one that
 * differs counts. false: the option has no such value, or the sender may not change the option. */
static bool
take(struct in *in, struct config *c, struct row const *row, struct slice v)
{
  struct config one;
  bool ok, differs;

  config_copy(&one, &in->room->config);
  ok = set_option(in->muc, &one, row->name, v);
  differs = ok && !same(&one, &in->room->config);
  config_wipe(&one);
  return ok &&
         (!differs || (may_have(in, row->name) && set_option(in->muc, c, row->name, v)));
}

/* ---- the form that is sent ---- */

static uint32_t
flag_of(struct config const *c, char const *name)
{
  struct config on = *c, off = *c;

  config_set(&on, slice_str(name), SLICE("1"));
  config_set(&off, slice_str(name), SLICE("0"));
  return (on.flags ^ off.flags) & c->flags;
}

static char const *
word_of(struct config const *c, char const *name)
{
  static char const *const pm[] = {"anyone", "participants", "moderators", "none"};
  static char const *const visitor[] = {"anyone", "anyone", "moderators", "nobody"};

  if (!strcmp(name, "whois")) return c->flags & FLAG_ANONYMOUS ? "moderators" : "anyone";
  if (!strcmp(name, "allowpm")) return pm[c->allowpm & 3];
  return visitor[c->pm_visitor & 3];
}

static uint32_t
number_of(struct config const *c, char const *name)
{
  if (!strcmp(name, "max_users")) return c->max_users;
  return strcmp(name, "slow_mode_duration") != 0 ? c->voice_s : c->slow_s;
}

static char const *
text_of(struct config const *c, char const *name)
{
  static char const *const names[TEXTS_N] = {"title", "description", "lang", "password",
                                             "pubsub"};
  size_t i;

  for (i = 0; i < TEXTS_N; i++)
    if (!strcmp(names[i], name)) return c->text[i];
  return "";
}

static void
cat_value(stralloc *out, struct slice v)
{
  if (!form_value(out, v)) no_memory();
}

/* Numbers of sessions that may be chosen, up to what the service lets in, and the present one. */
static void
cat_choices(stralloc *out, uint32_t now, uint64_t most)
{
  static uint32_t const usual[] = {5, 10, 20, 30, 50, 100, 200, 500, 1000, 2000, 5000};
  char buf[BASE_NUM];
  size_t i;
  bool shown = false;

  cat_value(out, num_u64(buf, now));
  for (i = 0; i < sizeof usual / sizeof *usual && usual[i] <= most; i++) {
    shown |= usual[i] == now;
    if (!form_option(out, num_u64(buf, usual[i]), num_u64(buf, usual[i]))) no_memory();
  }
  if (!shown && !form_option(out, num_u64(buf, now), num_u64(buf, now))) no_memory();
}

static void
cat_values(stralloc *out, struct muc const *m, struct config const *c,
           struct row const *row)
{
  struct slice words = slice_str(row->words), word;
  char buf[BASE_NUM];
  int i;

  switch (row->kind) {
  case BOOL: cat_value(out, flag_of(c, row->name) ? SLICE("1") : SLICE("0")); break;
  case TEXT:
  case SECRET: cat_value(out, slice_str(text_of(c, row->name))); break;
  case NUMBER: cat_value(out, num_u64(buf, number_of(c, row->name))); break;
  case CHOICE: cat_choices(out, c->max_users, m->users_max); break;
  case LIST: cat_value(out, slice_str(word_of(c, row->name))); break;
  case MULTI:
    for (i = IS_MODERATOR; i >= IS_NOBODY; i--)
      if (c->broadcast >> i & 1) cat_value(out, slice_str(role_names[i]));
    break;
  }
  while ((row->kind == LIST || row->kind == MULTI) && slice_word(&words, ' ', &word))
    if (!form_option(out, word, word)) no_memory();
}

static void
cat_row(stralloc *out, struct muc const *m, struct config const *c, struct row const *row)
{
  static enum form_kind const kinds[] = {
    FORM_BOOLEAN,     FORM_TEXT_SINGLE, FORM_LIST_MULTI, FORM_TEXT_PRIVATE,
    FORM_LIST_SINGLE, FORM_TEXT_SINGLE, FORM_LIST_SINGLE};
  struct form_field f = {.kind = kinds[row->kind], .var = row->var, .label = row->label};

  if (!form_field_open(out, &f)) no_memory();
  cat_values(out, m, c, row);
  if (!form_field_close(out)) no_memory();
}

static bool
is_owner(struct in *in)
{
  if (in->admin || affil_of(in->room, &in->from) == AFF_OWNER) return true;
  refuse(&in->st, ERR_FORBIDDEN, "", "you are not an owner of the room");
  return false;
}

void
owner_get(struct in *in)
{
  static stralloc out = STRALLOC_ZERO;
  size_t i;

  if (!is_owner(in)) return;
  out.len = 0;
  put(&out, "<query xmlns='" NS_MUC_OWNER "'>");
  if (!form_open(&out, "form", NS_MUC "#roomconfig", "Configuration of the room", NULL))
    no_memory();
  for (i = 0; i < ROWS; i++)
    if (rows[i].shown && may_have(in, rows[i].name))
      cat_row(&out, in->muc, &in->room->config, &rows[i]);
  if (!form_close(&out)) no_memory();
  put(&out, "</query>");
  result(in, slice_of(out.s, out.len));
}

/* ---- the form that comes ---- */

static struct slice
values_of(struct in *in, struct xml_node const *x, char const *var)
{
  static stralloc list = STRALLOC_ZERO;
  struct xml_node const *v = NULL;

  list.len = 0;
  while ((v = form_next(x, var, v))) {
    if (list.len) put(&list, " ");
    put_slice(&list, xml_text(in->arena, v));
  }
  return slice_of(list.s, list.len);
}

static bool
no(struct in *in, enum stanza_error e, char const *text)
{
  refuse(&in->st, e, "", text);
  return false;
}

static bool
any_is_long(struct config const *c)
{
  size_t i;

  for (i = 0; i < TEXTS_N; i++)
    if (strlen(c->text[i]) > MUC_TEXT_MAX) return true;
  return false;
}

char const *
config_fault(struct room const *r, struct config const *c)
{
  struct muc const *m = r->muc;

  if (c->flags & FLAG_PASSWORD && !*c->text[TEXT_PASSWORD])
    return "the password is missing";
  if (c->max_users > m->users_max && c->max_users != r->config.max_users)
    return "the service does not let in so many";
  if (strlen(c->text[TEXT_TITLE]) > m->max_room_name ||
      strlen(c->text[TEXT_DESC]) > m->max_room_desc ||
      strlen(c->text[TEXT_PASSWORD]) > m->max_password || any_is_long(c))
    return "a text is too long";
  return NULL;
}

/* A form that says a password and not whether one is needed means that it is: the owner would
 * believe the room closed. With an empty password none is needed. */
static void
imply_password(struct xml_node const *x, struct config *c)
{
  if (!form_has(x, RC "roomsecret") || form_has(x, RC "passwordprotectedroom")) return;
  if (*c->text[TEXT_PASSWORD])
    c->flags |= FLAG_PASSWORD;
  else
    c->flags &= ~(uint32_t)FLAG_PASSWORD;
}

/* Each field that the form may have is looked for, so that a form of many fields is read no more
 * often than there are rows. */
static bool
read_form(struct in *in, struct xml_node const *x, struct config *c)
{
  struct row const *row;
  struct slice v;
  char const *why;

  for (row = rows; row < rows + ROWS; row++) {
    if (!form_has(x, row->var)) continue;
    v =
      row->kind == MULTI ? values_of(in, x, row->var) : form_get(in->arena, x, row->var);
    if (row->kind == BOOL && !v.len) continue;
    if (!take(in, c, row, v)) return no(in, ERR_NOT_ACCEPTABLE, row->var);
  }
  imply_password(x, c);
  why = config_fault(in->room, c);
  return !why || no(in, ERR_NOT_ACCEPTABLE, why);
}

/* ---- what changes ---- */

static void
remove_strangers(struct room *r)
{
  struct occupant *o;
  struct change c = {.codes = "322"};
  bool any = true;

  while (any) {
    any = false;
    for (o = r->first; o && !any; o = o->next)
      if (o->affiliation == AFF_NONE) {
        any = true;
        set_role(o, IS_NOBODY, &c);
        break;
      }
  }
}

/* Roles that were shown and are not any more, and the other way round. */
static void
show_roles(struct room *r, struct config const *old)
{
  struct change shown = {.codes = ""}, hidden = {.hidden = true};
  struct occupant *o;

  if (old->broadcast == r->config.broadcast) return;
  for (o = r->first; o; o = o->next) {
    if (!(old->broadcast >> o->role & 1) && is_shown(o, o->role))
      show(o, &shown);
    else if (!(r->config.broadcast >> o->role & 1) && o->seen)
      show(o, &hidden);
  }
}

/* s10.2.1; codes go in one message. */
static void
announce(struct room *r, struct config const *old)
{
  uint32_t changed = old->flags ^ r->config.flags;
  struct change jids = {.jids = true};
  struct occupant *o;
  struct config as = r->config;
  char codes[24] = "";

  as.flags ^= changed & FLAG_ANONYMOUS;
  if (!same(&as, old)) strcat(codes, "104 ");
  if ((old->broadcast ^ r->config.broadcast) >> IS_NOBODY & 1)
    strcat(codes, r->config.broadcast >> IS_NOBODY & 1 ? "102 " : "103 ");
  if (changed & FLAG_ANONYMOUS)
    strcat(codes, r->config.flags & FLAG_ANONYMOUS ? "173 " : "172 ");
  codes[strlen(codes) - 1] = 0;
  room_codes(r, codes);
  show_roles(r, old);
  if (changed & FLAG_ANONYMOUS && !(r->config.flags & FLAG_ANONYMOUS))
    for (o = r->first; o; o = o->next)
      show(o, &jids);
  if (changed & r->config.flags & FLAG_MEMBERS_ONLY) remove_strangers(r);
}

/* Give the room the configuration c, whose texts become the room's. true: it has changed. */
bool
room_apply(struct room *r, struct config *c)
{
  struct config old = r->config;
  bool changed = !same(&old, c);

  r->config = *c;
  room_changed(r);
  if (changed && r->state == ROOM_OPEN) announce(r, &old);
  config_wipe(&old);
  return changed;
}

void
room_open(struct room *r)
{
  if (r->state != ROOM_LOCKED) return;
  r->state = ROOM_OPEN;
  room_unlock(r);
  room_changed(r);
}

static void
submit(struct in *in, struct xml_node const *x)
{
  struct config c;
  struct slice type = form_get(in->arena, x, "FORM_TYPE");

  if (type.len && !slice_is(type, NS_MUC "#roomconfig")) {
    refuse(&in->st, ERR_BAD_REQUEST, "", "another form is expected");
    return;
  }
  if (!people_hold(in, x, RC "roomowners", AFF_OWNER) ||
      !people_hold(in, x, RC "roomadmins", AFF_ADMIN))
    return;
  config_copy(&c, &in->room->config);
  if (!read_form(in, x, &c)) {
    config_wipe(&c);
    return;
  }
  result(in, SLICE(""));
  room_apply(in->room, &c);
  people_set(in, x, RC "roomowners", RC "roomadmins");
  room_open(in->room);
  after_leave(in->room);
}

static void
destroy_in(struct in *in, struct xml_node const *d)
{
  struct xml_node const *why = xml_child(d, NS_MUC_OWNER, "reason");
  struct xml_node const *pass = xml_child(d, NS_MUC_OWNER, "password");
  struct jid alt = {.bare = SLICE("")};
  struct slice reason = why ? xml_text(in->arena, why) : SLICE("");
  struct slice secret = pass ? xml_text(in->arena, pass) : SLICE("");

  if (xml_attr(d, "jid").len && !jid_parse(in->arena, xml_attr(d, "jid"), &alt)) {
    refuse(&in->st, ERR_JID_MALFORMED, "", "");
    return;
  }
  if (reason.len > MUC_REASON_MAX || secret.len > MUC_TEXT_MAX) {
    refuse(&in->st, ERR_NOT_ACCEPTABLE, "", "the reason or the password is too long");
    return;
  }
  room_destroy(in->room, alt.bare, reason, secret);
  result(in, SLICE(""));
}

void
owner_set(struct in *in, struct xml_node const *query)
{
  struct xml_node const *d = xml_child(query, NS_MUC_OWNER, "destroy");
  struct xml_node const *x = xml_child(query, FORM_NS, "x");
  struct slice type = x ? xml_attr(x, "type") : SLICE("");

  if (!is_owner(in)) return;
  if (store_is_full(mucd.store)) {
    refuse(&in->st, ERR_INTERNAL, "wait", "the server has no room on its disk");
  } else if (d) {
    destroy_in(in, d);
  } else if (slice_is(type, "submit")) {
    submit(in, x);
  } else if (slice_is(type, "cancel")) {
    if (in->room->state == ROOM_LOCKED)
      room_destroy(in->room, SLICE(""), SLICE(""), SLICE(""));
    result(in, SLICE(""));
  } else {
    refuse(&in->st, ERR_BAD_REQUEST, "", "a submitted form is missing");
  }
}
