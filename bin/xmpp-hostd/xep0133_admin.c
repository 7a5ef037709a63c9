#include "hostd.h"

#include <skalibs/bytestr.h>

#include <errno.h>
#include <string.h>

/* XEP-0133: what an administrator may do. Accounts are authd's, sessions routed's; a run
 * asks them and answers when they have. A command reaches only accounts of the host to which it was sent:
 * another host has its own administrators. */

#define ADMIN(name) NS_ADMIN "#" name

/* ---- what may go wrong ---- */

#define NOT_ASKED "the program that has the answer is away or busy"

void
admin_fail_as_told(struct run *r, struct slice const why[2])
{
  enum stanza_error e = why[1].len ? stanza_error_find(why[1]) : ERR_INTERNAL;

  run_fail(r, e, why[0], NULL);
}

static struct slice const not_asked = {NOT_ASKED, sizeof NOT_ASKED - 1};

void
admin_fail_not_asked(struct run *r)
{
  run_fail(r, ERR_RESOURCE_CONSTRAINT, not_asked, NULL);
}

/* Keep the first failure. */
static void
note_failure(struct run *r, struct slice const v[2])
{
  if (r->why[0].len) return;
  r->why[0] = arena_copy(&r->arena, v[0]);
  r->why[1] = arena_copy(&r->arena, v[1]);
  if (!r->why[0].len || !r->why[1].s)
    r->why[0] = r->why[1] = SLICE("internal-server-error");
}

/* ---- addresses ---- */

/* Read the values of the field var, bare or (full) with a resource. false: the run has
 * failed. */
static bool
read_jids(struct run *r, char const *var, bool full)
{
  struct xml_node const *v = NULL;
  enum stanza_error e = ERR_JID_MALFORMED;
  struct jid j;

  while ((v = form_next(r->form, var, v))) {
    if (r->jids_n == RUN_JIDS_MAX) {
      run_fail(r, ERR_NOT_ACCEPTABLE, SLICE("too many addresses"), NULL);
      return false;
    }
    if (!jid_parse(&r->arena, xml_text(&r->arena, v), &j) || !j.local.len ||
        (j.resource.len && !full))
      goto bad;
    e = ERR_NOT_ALLOWED;
    if (!slice_eq(j.domain, r->host)) goto bad;
    e = ERR_JID_MALFORMED;
    r->jids[r->jids_n] = arena_copy(&r->arena, j.full);
    if (!r->jids[r->jids_n++].s) goto bad;
  }
  return true;
bad:
  run_fail(r, e,
           e == ERR_NOT_ALLOWED ? SLICE("that account is not of this host")
                                : SLICE("not the address of an account"),
           NULL);
  return false;
}

static void
end_session(struct slice jid, char const *condition)
{
  link_begin(hostd_routed, VERB_END);
  link_text(hostd_routed, jid);
  link_str(hostd_routed, condition);
  link_end(hostd_routed);
}

/* ---- add-user, delete-user, change-user-password ---- */

/* s4.2: who was deleted is no longer online. RFC 6120 s4.9.3.16: who has another password
 * shows that it is known. The answer goes first: the administrator may be among them. */
static void
finish_accounts(struct run *r)
{
  struct slice jids[RUN_JIDS_MAX];
  char const *end = r->command->end;
  struct arena keep = ARENA_ZERO;
  size_t n = 0, i;

  for (i = 0; end && i < r->jids_n; i++)
    if (r->is_done[i]) jids[n++] = arena_copy(&keep, r->jids[i]);
  if (r->why[0].len)
    admin_fail_as_told(r, r->why);
  else
    run_done(r, SLICE(""));
  for (i = 0; i < n; i++)
    if (jids[i].s) end_session(jids[i], end);
  arena_wipe(&keep);
}

static void
on_account(void *cookie, enum ask_part part, struct slice const v[2])
{
  struct run *r = cookie;

  if (part == ASK_ROW) return;
  r->is_done[r->answered++] = part == ASK_DONE;
  if (part == ASK_FAILED) note_failure(r, v);
  if (r->answered == r->count) finish_accounts(r);
}

/* Ask once for each address; addresses that could not be asked have failed. */
static void
ask_accounts(struct run *r, struct slice password)
{
  struct slice const failure[2] = {not_asked, SLICE("resource-constraint")};
  size_t i;

  for (i = 0; i < r->jids_n; i++) {
    struct slice fields[3] = {slice_str(r->command->word), r->jids[i], password};
    if (!ask(AUTHD, VERB_ACCOUNT, fields, password.len ? 3 : 2, on_account, r)) break;
    r->count++;
  }
  if (i < r->jids_n) note_failure(r, failure);
  if (!r->count) finish_accounts(r);
}

static void
wipe(struct slice secret)
{
  byte_zzero((char *)(uintptr_t)secret.s, secret.len);
}

static void
run_with_password(struct run *r)
{
  struct arena a = ARENA_ZERO;
  struct slice password = form_get(&a, r->form, "password");
  struct slice again = form_get(&a, r->form, "password-verify");
  bool same = !again.len || slice_eq(password, again);

  if (!same)
    run_fail(r, ERR_NOT_ACCEPTABLE, SLICE("the two passwords differ"), NULL);
  else if (read_jids(r, "accountjid", false)) {
    if (r->jids_n > 1) r->jids_n = 1;
    ask_accounts(r, password);
  }
  if (password.len) wipe(password);
  if (again.len) wipe(again);
  arena_wipe(&a);
}

static void
run_delete(struct run *r)
{
  if (read_jids(r, "accountjids", false)) ask_accounts(r, SLICE(""));
}

/* ---- end-user-session ---- */

/* s4.5: a bare JID stands for all sessions. */
static void
run_end_session(struct run *r)
{
  struct slice jids[RUN_JIDS_MAX];
  struct arena keep = ARENA_ZERO;
  size_t n, i;

  if (!read_jids(r, "accountjids", true)) return;
  n = r->jids_n;
  for (i = 0; i < n; i++)
    jids[i] = arena_copy(&keep, r->jids[i]);
  run_done(r, SLICE(""));
  for (i = 0; i < n; i++)
    if (jids[i].s) end_session(jids[i], "policy-violation");
  arena_wipe(&keep);
}

/* ---- results ---- */

/* The fields of the command's result, the text of each being its values as XML. */
static void
done_with(struct run *r, struct slice const *values, size_t n)
{
  static stralloc out = STRALLOC_ZERO;
  bool ok;
  size_t i;

  out.len = 0;
  ok = form_open(&out, "result", NS_ADMIN, NULL, NULL);
  for (i = 0; ok && i < n; i++)
    ok = form_field_open(&out, &r->command->result[i]) &&
         stralloc_catb(&out, values[i].s, values[i].len) && form_field_close(&out);
  if (ok && form_close(&out) &&
      (r->count <= r->max || !r->max ||
       xml_cat(&out, "<note type='info'>There are more.</note>")))
    run_done(r, slice_of(out.s, out.len));
  else
    run_fail(r, ERR_RESOURCE_CONSTRAINT, SLICE(""), NULL);
}

static struct slice
values_of(stralloc const *s)
{
  return s->len ? slice_of(s->s, s->len) : SLICE("");
}

static void
done_with_number(struct run *r)
{
  char buf[BASE_NUM];
  struct slice value;

  form_value(&r->values, num_u64(buf, r->count));
  value = values_of(&r->values);
  r->max = 0;
  done_with(r, &value, 1);
}

static void
done_with_list(struct run *r)
{
  struct slice value = values_of(&r->values);

  done_with(r, &value, 1);
}

/* ---- users: how many, and which ---- */

/* s4.18: none is no limit of the administrator's; ours stays. */
static void
read_max(struct run *r)
{
  uint64_t n;

  r->max = RUN_LISTED_MAX;
  if (slice_u64(form_get(&r->arena, r->form, "max_items"), &n) && n && n < r->max)
    r->max = (size_t)n;
}

static void
count_user(struct run *r, struct slice bare)
{
  if (r->count++ < r->max) form_value(&r->values, bare);
}

static void
end_of_users(struct run *r, enum ask_part part, struct slice const v[2])
{
  if (part == ASK_FAILED)
    admin_fail_as_told(r, v);
  else if (r->max)
    done_with_list(r);
  else
    done_with_number(r);
}

static void
on_registered(void *cookie, enum ask_part part, struct slice const v[2])
{
  struct run *r = cookie;

  if (part == ASK_ROW)
    count_user(r, v[0]);
  else
    end_of_users(r, part, v);
}

static void
run_registered(struct run *r)
{
  struct slice const fields[2] = {SLICE("list"), r->host};

  if (r->command->fields) read_max(r);
  if (!ask(AUTHD, VERB_ACCOUNT, fields, 2, on_registered, r)) admin_fail_not_asked(r);
}

/* The bare part of a full JID, whose local part has no slash; empty when it is of another
 * host. */
static struct slice
bare_at(struct slice full, struct slice host, struct slice *resource)
{
  struct slice bare = SLICE(""), domain;

  *resource = full;
  slice_word(resource, '/', &bare);
  domain = bare;
  slice_word(&domain, '@', &(struct slice){0});
  return slice_eq(domain, host) ? bare : SLICE("");
}

/* A user may have several sessions. */
static void
on_online(void *cookie, enum ask_part part, struct slice const v[2])
{
  struct run *r = cookie;
  struct slice resource, bare;

  if (part != ASK_ROW) {
    end_of_users(r, part, v);
    return;
  }
  bare = bare_at(v[0], r->host, &resource);
  if (bare.len && names_add(&r->names, bare)) count_user(r, bare);
}

static void
run_online(struct run *r)
{
  if (r->command->fields) read_max(r);
  if (!ask(ROUTED, VERB_SESSIONS, NULL, 0, on_online, r)) admin_fail_not_asked(r);
}

/* ---- user-stats ---- */

static void
on_session(void *cookie, enum ask_part part, struct slice const v[2])
{
  struct run *r = cookie;
  struct slice resource, values[2];

  if (part == ASK_FAILED) {
    admin_fail_as_told(r, v);
  } else if (part == ASK_DONE) {
    values[0] = values_of(&r->values);
    values[1] = values_of(&r->more_values);
    r->max = RUN_LISTED_MAX;
    done_with(r, values, 2);
  } else if (slice_eq(bare_at(v[0], r->host, &resource), r->jids[0]) &&
             r->count++ < RUN_LISTED_MAX) {
    if (v[1].len && names_add(&r->names, v[1])) form_value(&r->values, v[1]);
    form_value(&r->more_values, resource);
  }
}

static void
run_stats(struct run *r)
{
  if (!read_jids(r, "accountjid", false)) return;
  if (!ask(ROUTED, VERB_SESSIONS, NULL, 0, on_session, r)) admin_fail_not_asked(r);
}

/* ---- the table ---- */

static struct form_field const account_and_password[] = {
  FORM_FIELD(FORM_JID_SINGLE, "accountjid", "The address of the account",
             .required = true),
  FORM_FIELD(FORM_TEXT_PRIVATE, "password", "Its password", .required = true),
  FORM_FIELD(FORM_TEXT_PRIVATE, "password-verify", "The password again",
             .required = false),
};

static struct form_field const accounts[] = {
  FORM_FIELD(FORM_JID_MULTI, "accountjids", "The addresses of the accounts",
             .required = true),
};

static struct form_field const account[] = {
  FORM_FIELD(FORM_JID_SINGLE, "accountjid", "The address of the account",
             .required = true),
};

static struct form_option const how_many[] = {
  {"25",   NULL},
  {"50",   NULL},
  {"75",   NULL},
  {"100",  NULL},
  {"150",  NULL},
  {"200",  NULL},
  {"none", NULL},
  {NULL,   NULL},
};

static struct form_field const max_items[] = {
  FORM_FIELD(FORM_LIST_SINGLE, "max_items", "How many to show at most",
             .options = how_many),
};

static struct form_field const announcement[] = {
  FORM_FIELD(FORM_TEXT_MULTI, "announcement", "The announcement", .required = true),
};

static struct form_field const motd[] = {
  FORM_FIELD(FORM_TEXT_MULTI, "motd", "The message of the day", .required = true),
};

static struct form_field const registered_num[] = {
  FORM_FIELD(FORM_TEXT_SINGLE, "registeredusersnum", "Registered users",
             .required = false),
};

static struct form_field const online_num[] = {
  FORM_FIELD(FORM_TEXT_SINGLE, "onlineusersnum", "Users online", .required = false),
};

static struct form_field const registered_list[] = {
  FORM_FIELD(FORM_JID_MULTI, "registereduserjids", "Registered users", .required = false),
};

static struct form_field const online_list[] = {
  FORM_FIELD(FORM_JID_MULTI, "onlineuserjids", "Users online", .required = false),
};

static struct form_field const stats[] = {
  FORM_FIELD(FORM_TEXT_MULTI, "ipaddresses", "Addresses it is connected from",
             .required = false),
  FORM_FIELD(FORM_TEXT_MULTI, "onlineresources", "Resources that are online",
             .required = false),
};

/* clang-format off */
struct command const commands[] = {
  {.node = "ping", .name = "Ping", .module = MOD_ADHOC, .run = xep0050_ping},
  {.node = ADMIN("add-user"), .name = "Add a user", .module = MOD_CONFIGURE,
   .instructions = "Give the address and the password of the new account.",
   .fields = account_and_password, .fields_n = 3, .run = run_with_password,
   .word = "add"},
  {.node = ADMIN("delete-user"), .name = "Delete users", .module = MOD_CONFIGURE,
   .instructions = "Give the addresses of the accounts to delete.",
   .fields = accounts, .fields_n = 1, .run = run_delete, .word = "del",
   .end = "not-authorized"},
  {.node = ADMIN("end-user-session"), .name = "End sessions", .module = MOD_CONFIGURE,
   .instructions = "Give the addresses whose sessions end; a full one ends that one alone.",
   .fields = accounts, .fields_n = 1, .run = run_end_session},
  {.node = ADMIN("change-user-password"), .name = "Change a password",
   .module = MOD_CONFIGURE,
   .instructions = "Give the address of the account and its new password.",
   .fields = account_and_password, .fields_n = 2, .run = run_with_password,
   .word = "passwd", .end = "reset"},
  {.node = ADMIN("user-stats"), .name = "Sessions of a user", .module = MOD_CONFIGURE,
   .instructions = "Give the address of the account.",
   .fields = account, .fields_n = 1, .run = run_stats, .result = stats},
  {.node = ADMIN("get-registered-users-num"), .name = "Number of registered users",
   .module = MOD_CONFIGURE, .run = run_registered, .result = registered_num},
  {.node = ADMIN("get-online-users-num"), .name = "Number of users online",
   .module = MOD_CONFIGURE, .run = run_online, .result = online_num},
  {.node = ADMIN("get-registered-users-list"), .name = "List of registered users",
   .module = MOD_CONFIGURE, .instructions = "Say how many to show at most.",
   .fields = max_items, .fields_n = 1, .run = run_registered, .result = registered_list},
  {.node = ADMIN("get-online-users-list"), .name = "List of users online",
   .module = MOD_CONFIGURE, .instructions = "Say how many to show at most.",
   .fields = max_items, .fields_n = 1, .run = run_online, .result = online_list},
  {.node = ADMIN("announce"), .name = "Announce to users online", .module = MOD_ANNOUNCE,
   .instructions = "Write the message that all who are online get.",
   .fields = announcement, .fields_n = 1, .run = xep0133_announce},
  {.node = ADMIN("set-motd"), .name = "Set the message of the day",
   .module = MOD_ANNOUNCE,
   .instructions = "Write the message that each user gets once, now or when online next.",
   .fields = motd, .fields_n = 1, .run = xep0133_set_motd},
  {.node = ADMIN("edit-motd"), .name = "Edit the message of the day",
   .module = MOD_ANNOUNCE,
   .instructions = "Change the message; each user gets it once, when online next.",
   .fields = motd, .fields_n = 1, .run = xep0133_edit_motd, .preset = xep0133_motd},
  {.node = ADMIN("delete-motd"), .name = "Delete the message of the day",
   .module = MOD_ANNOUNCE, .run = xep0133_delete_motd},
  {.node = NODE_INVITE, .name = "Invite a contact", .module = MOD_INVITES,
   .run = xep0401_invite},
  {.node = NODE_CREATE, .name = "Invite somebody to get an account", .module = MOD_INVITES,
   .instructions = "Choose the user name of the new account, or leave it to its owner.",
   .fields = invite_account, .fields_n = 2, .run = xep0401_create,
   .form_type = NODE_CREATE},
  {.node = NODE_DEVICES, .name = "Devices that log in by token", .module = MOD_FAST,
   .run = xep0484_devices},
  {.node = NODE_REVOKE, .name = "Log a device out", .module = MOD_FAST,
   .instructions = "Give the id of a device, from the list, or all.",
   .fields = fast_device, .fields_n = 1, .run = xep0484_revoke, .form_type = NODE_REVOKE},
};
/* clang-format on */

size_t const commands_n = sizeof commands / sizeof *commands;

/* ---- the state for a trace ---- */

bool
admin_snapshot_ask(struct snapshot *k, ask_fn **fn, void **cookie)
{
  static ask_fn *const fns[] = {on_account, on_registered, on_online, on_session};
  struct run *r = *cookie;
  unsigned char i, n = sizeof fns / sizeof *fns;

  for (i = 0; i < n && (snapshot_restores(k) || fns[i] != *fn); i++) {
  }
  SNAPSHOT_INT(k, i);
  if (i >= n) return false;
  snapshot_run(k, &r);
  *fn = fns[i];
  *cookie = r;
  return true;
}
