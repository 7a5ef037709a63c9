#include "hostd.h"

#include <stdlib.h>
#include <string.h>

/* XEP-0050: commands of one form at most. A run begins with execute: a command without a
 * form is worked at once, another gives its form under a sessionid and waits (RUN_US) for
 * complete, which is what execute then means (s3.4: actions), or cancel. When the work is
 * done the run answers the last request and is over; so is its sessionid (s3.3). */

static struct run *runs;
static size_t runs_n;

/* ---- the commands ---- */

struct command const *
command_find(struct slice node)
{
  size_t i;

  for (i = 0; i < commands_n; i++)
    if (slice_is(node, commands[i].node)) return &commands[i];
  return NULL;
}

bool
command_is_there(struct host const *h, struct command const *c)
{
  return (h->modules & MOD_ADHOC) && (h->modules & c->module);
}

bool
command_allowed(struct host const *h, struct command const *c, struct jid const *who)
{
  if (c->module == MOD_ADHOC) return true;
  if (c->module == MOD_INVITES) return invites_allows(h, c, who);
  if (c->module == MOD_FAST) return tokens_allows(h, who);
  return hostd_allows(
    c->module == MOD_ANNOUNCE ? h->announce_access : h->configure_access, h->name, who);
}

/* ---- the life of a run ---- */

static void
run_free(struct run *r)
{
  struct run **at = &runs;

  while (*at != r)
    at = &(*at)->next;
  *at = r->next;
  runs_n--;
  event_timer_cancel(&r->expiry);
  names_wipe(&r->names);
  stralloc_free(&r->values);
  stralloc_free(&r->more_values);
  arena_wipe(&r->arena);
  free(r);
}

static void
on_expiry(void *cookie)
{
  run_free(cookie);
}

static struct run *
run_new(struct command const *c, struct handle_ctx const *ctx)
{
  struct run *r = runs_n < RUNS_MAX ? calloc(1, sizeof *r) : NULL;

  if (!r) return NULL;
  r->next = runs;
  runs = r;
  runs_n++;
  r->command = c;
  door_random_id(r->id, RUN_ID);
  r->owner = arena_copy(&r->arena, ctx->from.full);
  r->host = arena_copy(&r->arena, ctx->host);
  if (r->owner.s && r->host.s) return r;
  run_free(r);
  return NULL;
}

/* Parts of the request that an answer needs. */
static bool
keep_request(struct run *r, struct stanza const *in)
{
  r->in = (struct stanza){
    .to = arena_copy(&r->arena, in->to),
    .from = arena_copy(&r->arena, in->from),
    .kind = SLICE("iq"),
    .id = arena_copy(&r->arena, in->id),
  };
  return r->in.to.s && r->in.from.s && r->in.id.s;
}

/* ---- answers ---- */

static bool
cat_command(stralloc *out, struct run const *r, char const *status)
{
  return xml_cat(out, "<command xmlns='" NS_COMMANDS "'") &&
         xml_cat_attr(out, "node", slice_str(r->command->node)) &&
         xml_cat_attr(out, "sessionid", slice_str(r->id)) &&
         xml_cat_attr(out, "status", slice_str(status));
}

static void
answer_end(struct run *r, char const *status, struct slice inside)
{
  static stralloc out = STRALLOC_ZERO;

  out.len = 0;
  if (cat_command(&out, r, status) && xml_cat(&out, inside.len ? ">" : "/>") &&
      (!inside.len ||
       (stralloc_catb(&out, inside.s, inside.len) && xml_cat(&out, "</command>"))))
    handle_result(hostd_routed, &r->in, slice_of(out.s, out.len));
  run_free(r);
}

void
run_done(struct run *r, struct slice inside)
{
  answer_end(r, "completed", inside);
}

/* The specific condition of s4.4 as an element. */
static bool
cat_own(stralloc *out, char const *own)
{
  return xml_cat(out, "<") && xml_cat(out, own) &&
         xml_cat(out, " xmlns='" NS_COMMANDS "'/>");
}

void
run_fail(struct run *r, enum stanza_error e, struct slice text, char const *own)
{
  static stralloc more = STRALLOC_ZERO;

  more.len = 0;
  if (!own || cat_own(&more, own))
    handle_refuse(hostd_routed, &r->in, e, text, slice_of(more.s, more.len));
  run_free(r);
}

/* Refuse with the condition own of the commands as well (s4.4). */
static enum verdict
command_error(struct handle_ctx *ctx, enum stanza_error e, char const *own)
{
  static stralloc more = STRALLOC_ZERO;

  more.len = 0;
  if (cat_own(&more, own)) ctx->more = slice_of(more.s, more.len);
  return handle_error(ctx, e, "");
}

/* ---- the form ---- */

static bool
cat_field(stralloc *out, struct run *r, struct form_field const *f)
{
  struct slice preset = r->command->preset ? r->command->preset(r) : SLICE(""), line;

  if (!form_field_open(out, f)) return false;
  while (slice_word(&preset, '\n', &line))
    if (!form_value(out, line)) return false;
  return form_field_close(out);
}

/* s3.4: one stage, so that complete is all that can follow. */
static bool
cat_form(stralloc *out, struct run *r)
{
  struct command const *c = r->command;
  size_t i;

  if (!cat_command(out, r, "executing") ||
      !xml_cat(out, "><actions execute='complete'><complete/></actions>") ||
      !form_open(out, "form", c->form_type ? c->form_type : NS_ADMIN, c->name,
                 c->instructions))
    return false;
  for (i = 0; i < c->fields_n; i++)
    if (!cat_field(out, r, &c->fields[i])) return false;
  return form_close(out) && xml_cat(out, "</command>");
}

/* Say whether each field that must be there is. */
static bool
is_filled(struct arena *a, struct command const *c, struct xml_node const *x)
{
  size_t i;

  for (i = 0; i < c->fields_n; i++)
    if (!form_is_filled(a, x, &c->fields[i])) return false;
  return true;
}

void
xep0050_ping(struct run *r)
{
  run_done(r, SLICE("<note type='info'>Pong</note>"));
}

/* ---- requests ---- */

enum action { EXECUTE, COMPLETE, CANCEL, NEXT, PREV, ACTIONS };

static enum action
action_of(struct xml_node const *e)
{
  static char const *const names[ACTIONS] = {"execute", "complete", "cancel", "next",
                                             "prev"};
  struct slice word = xml_attr(e, "action");
  unsigned int i;

  if (!word.len) return EXECUTE;
  for (i = 0; i < ACTIONS && !slice_is(word, names[i]); i++) {
  }
  return (enum action)i;
}

static enum verdict
work(struct run *r, struct xml_node const *form)
{
  r->working = true;
  r->form = form;
  log_event(r->command->module == MOD_ADHOC ? LOG_DEBUG : LOG_INFO, "command", "node",
            r->command->node, "by", log_text(r->owner), NULL);
  event_timer_cancel(&r->expiry);
  r->command->run(r);
  return LATER;
}

static enum verdict
begin(struct handle_ctx *ctx, struct stanza const *in, struct command const *c,
      stralloc *out)
{
  struct run *r = run_new(c, ctx);

  if (r && !c->fields && keep_request(r, in)) return work(r, NULL);
  if (r && c->fields && cat_form(out, r)) {
    event_timer_start(&r->expiry, door_now() + RUN_US, on_expiry, r);
    return DONE;
  }
  if (r) run_free(r);
  return handle_error(ctx, ERR_RESOURCE_CONSTRAINT, "");
}

/* s4.4: a sessionid that may have been ours is over; another never was. */
static char const *
why_not_there(struct slice id, enum stanza_error *e)
{
  size_t i;

  *e = ERR_BAD_REQUEST;
  if (id.len != RUN_ID) return "bad-sessionid";
  for (i = 0; i < id.len; i++)
    if ((id.s[i] < 'a' || id.s[i] > 'z') && (id.s[i] < '0' || id.s[i] > '9'))
      return "bad-sessionid";
  *e = ERR_NOT_ALLOWED;
  return "session-expired";
}

/* s3.3: a session is between one requester and one responder. */
static struct run *
run_find(struct handle_ctx const *ctx, struct command const *c, struct slice id)
{
  struct run *r;

  for (r = runs; r; r = r->next)
    if (slice_is(id, r->id) && r->command == c && slice_eq(r->owner, ctx->from.full) &&
        slice_eq(r->host, ctx->host) && !r->working)
      break;
  return r;
}

/* s3.5.1: a form of the type cancel is a cancel. */
static enum verdict
go_on(struct handle_ctx *ctx, struct stanza const *in, struct xml_node const *e,
      struct run *r, enum action a)
{
  struct xml_node const *x = xml_child(e, FORM_NS, "x");

  if (a == NEXT || a == PREV) return command_error(ctx, ERR_BAD_REQUEST, "bad-action");
  if (!keep_request(r, in)) return handle_error(ctx, ERR_RESOURCE_CONSTRAINT, "");
  if (a == CANCEL || (x && slice_is(xml_attr(x, "type"), "cancel"))) {
    answer_end(r, "canceled", SLICE(""));
    return LATER;
  }
  if (!x || !slice_is(xml_attr(x, "type"), "submit") ||
      !is_filled(ctx->arena, r->command, x))
    return command_error(ctx, ERR_BAD_REQUEST, "bad-payload");
  return work(r, x);
}

enum verdict
xep0050_command(struct handle_ctx *ctx, struct stanza const *in, struct xml_node const *e,
                stralloc *out)
{
  struct host const *h = hostd_host_with(ctx->host, MOD_ADHOC);
  struct command const *c = command_find(xml_attr(e, "node"));
  struct slice id = xml_attr(e, "sessionid");
  enum action a = action_of(e);
  enum stanza_error why;
  char const *own;
  struct run *r;

  if (!h) return REFUSE;
  if (!c || !command_is_there(h, c)) return handle_error(ctx, ERR_ITEM_NOT_FOUND, "");
  if (!command_allowed(h, c, &ctx->from)) return handle_error(ctx, ERR_FORBIDDEN, "");
  if (a == ACTIONS) return command_error(ctx, ERR_BAD_REQUEST, "malformed-action");
  if (!id.len && a != EXECUTE) return command_error(ctx, ERR_BAD_REQUEST, "bad-action");
  if (!id.len) return begin(ctx, in, c, out);
  r = run_find(ctx, c, id);
  if (r) return go_on(ctx, in, e, r, a);
  own = why_not_there(id, &why);
  return command_error(ctx, why, own);
}

/* ---- the state for a trace ---- */

void
snapshot_run(struct snapshot *k, struct run **run)
{
  char *id = *run && !snapshot_restores(k) ? (*run)->id : NULL;
  struct run *r;

  snapshot_text(k, &id);
  if (!snapshot_restores(k)) return;
  for (r = runs; r && id && strcmp(r->id, id) != 0; r = r->next) {
  }
  *run = id ? r : NULL;
  if (!*run) snapshot_fail(k, "a command is missing");
  free(id);
}

static void
command_field(struct snapshot *k, struct run *r)
{
  struct slice node = slice_str(r->command ? r->command->node : NULL);

  snapshot_slice(k, &r->arena, &node);
  if (snapshot_restores(k)) r->command = command_find(node);
  if (!r->command) snapshot_fail(k, "a command is unknown");
}

/* Name the fields that commands themselves keep in a run. */
static void
work_fields(struct snapshot *k, struct run *r)
{
  size_t n = r->jids_n, i;

  SNAPSHOT_INT(k, n);
  r->jids_n = n < RUN_JIDS_MAX ? n : RUN_JIDS_MAX;
  for (i = 0; i < r->jids_n; i++) {
    snapshot_slice(k, &r->arena, &r->jids[i]);
    SNAPSHOT_INT(k, r->is_done[i]);
  }
  SNAPSHOT_INT(k, r->answered);
  SNAPSHOT_INT(k, r->count);
  SNAPSHOT_INT(k, r->max);
  snapshot_slice(k, &r->arena, &r->why[0]);
  snapshot_slice(k, &r->arena, &r->why[1]);
  names_snapshot(k, &r->names);
  snapshot_bytes(k, &r->values);
  snapshot_bytes(k, &r->more_values);
}

void
runs_snapshot(struct snapshot *k)
{
  struct run **at = &runs, *r;

  for (; snapshot_record(k, "run", *at != NULL); at = &r->next) {
    if (snapshot_restores(k)) *at = snapshot_new(k, sizeof *r);
    r = *at;
    if (!r) return;
    if (snapshot_restores(k)) runs_n++;
    snapshot_name(k, r->id, sizeof r->id);
    command_field(k, r);
    snapshot_slice(k, &r->arena, &r->owner);
    snapshot_slice(k, &r->arena, &r->host);
    snapshot_timer(k, &r->expiry, on_expiry, r);
    SNAPSHOT_INT(k, r->working);
    snapshot_slice(k, &r->arena, &r->in.to);
    snapshot_slice(k, &r->arena, &r->in.from);
    snapshot_slice(k, &r->arena, &r->in.id);
    r->in.kind = SLICE("iq");
    work_fields(k, r);
  }
}
