#include "nodes.h"

#include "ask/ask.h"

#include <stdlib.h>

/* Nodes of accounts. userd reads them (lib/pubsub), and has xmpp-pubsubd write them: it asks the
 * account as HOST/userd, an address that no client has, and answers its client behind the answer. */

#define NS_PUBSUB "http://jabber.org/protocol/pubsub"
#define ANSWER_US 25000000u

static struct pubsub *reader;
static struct store *store;
static struct node_task *first, **last = &first;
static size_t tasks, bytes;

bool
nodes_has(struct slice host, char const *module)
{
  struct slice plugins = settings_get(userd.settings, "mod_pubsub.plugins", host);

  return userd_has(host, "mod_pubsub") && userd_has(host, module) &&
         slice_has_word(plugins, SLICE("pep"));
}

struct pubsub *
nodes_reader(void)
{
  if (!reader) reader = pubsub_open_reader(service_data(), &store);
  return reader;
}

void
nodes_turn(void)
{
  if (store) store_commit(store);
}

/* ---- tasks ---- */

static bool
copy_stanza(struct arena *a, struct stanza *st)
{
  return arena_keep(a, &st->to) && arena_keep(a, &st->from) && arena_keep(a, &st->kind) &&
         arena_keep(a, &st->type) && arena_keep(a, &st->id) && arena_keep(a, &st->tags) &&
         arena_keep(a, &st->origin) && arena_keep(a, &st->xml);
}

static struct node_task *
task_new(void)
{
  struct node_task *t = calloc(1, sizeof *t);

  if (!t) return NULL;
  t->prev = last;
  *last = t;
  last = &t->next;
  tasks++;
  return t;
}

static void
task_free(struct node_task *t)
{
  *t->prev = t->next;
  if (t->next)
    t->next->prev = t->prev;
  else
    last = t->prev;
  tasks--;
  bytes -= t->in.xml.len;
  arena_wipe(&t->arena);
  free(t);
}

struct node_task *
node_begin(struct stanza const *in, struct slice account, uint64_t number)
{
  size_t len = in ? in->xml.len : 0;
  struct node_task *t;

  if (tasks >= NODE_TASKS_MAX || bytes + len > NODE_TASKS_BYTES) return NULL;
  t = task_new();
  if (!t) return NULL;
  if (in) t->in = *in;
  t->account = account;
  t->number = number;
  bytes += len;
  t->in.xml.len = len;
  if ((!in || copy_stanza(&t->arena, &t->in)) && arena_keep(&t->arena, &t->account))
    return t;
  task_free(t);
  return NULL;
}

void
node_done(struct node_task *t)
{
  struct link *routed = link_find(ROUTED);

  if (routed && t->in.kind.len) handle_result(routed, &t->in, SLICE(""));
  task_free(t);
}

void
node_refuse(struct node_task *t, enum stanza_error e, struct slice text)
{
  struct link *routed = link_find(ROUTED);

  if (routed && t->in.kind.len) handle_refuse(routed, &t->in, e, text, SLICE(""));
  task_free(t);
}

bool
node_is_due(struct stanza const *in)
{
  struct node_task const *t;

  for (t = first; t; t = t->next)
    if (slice_eq(t->in.id, in->id) && slice_eq(t->in.from, in->from) &&
        slice_eq(t->in.to, in->to))
      return true;
  return false;
}

struct xml_node const *
node_payload(struct node_task *t)
{
  enum xml_error why;
  struct xml_node const *iq = xml_parse(&t->arena, t->in.xml, "jabber:client", &why);

  return iq ? xml_next(iq, NULL) : NULL;
}

/* ---- asking ---- */

/* The condition and the text of an answer that is an error. */
static enum stanza_error
read_error(struct arena *a, struct stanza const *st, struct slice *text)
{
  enum xml_error why;
  struct xml_node const *iq = xml_parse(a, st->xml, "jabber:client", &why);
  struct xml_node const *error = iq ? xml_child(iq, NULL, "error") : NULL, *c;
  enum stanza_error e = ERR_SERVICE_UNAVAILABLE;

  *text = SLICE("");
  for (c = error ? xml_next(error, NULL) : NULL; c; c = xml_next(error, c)) {
    if (!slice_is(c->ns, "urn:ietf:params:xml:ns:xmpp-stanzas")) continue;
    if (slice_is(c->name, "text"))
      *text = xml_text(a, c);
    else
      e = stanza_error_find(c->name);
  }
  return e;
}

/* Nobody says in time whether it is done: what is not known to be done is refused. */
static void
on_answer(void *cookie, struct stanza const *st)
{
  struct node_task *t = cookie;
  enum stanza_error e = ERR_SERVICE_UNAVAILABLE;
  struct slice text = SLICE("");

  if (st && slice_is(st->type, "result")) {
    t->fn(t, NULL, text);
    return;
  }
  if (st) e = read_error(&t->arena, st, &text);
  t->fn(t, &e, text);
}

static char const options[] =
  "<publish-options><x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE' "
  "type='hidden'><value>" NS_PUBSUB "#publish-options</value></field><field "
  "var='pubsub#access_model'><value>open</value></field></x></publish-options>";

static bool
cat_publish(stralloc *out, char const *node, struct slice id, struct slice payload,
            bool open)
{
  return xml_cat(out, "<pubsub xmlns='" NS_PUBSUB "'><publish") &&
         xml_cat_attr(out, "node", slice_str(node)) && xml_cat(out, "><item") &&
         xml_cat_attr(out, "id", id) && xml_cat(out, ">") &&
         stralloc_catb(out, payload.s, payload.len) &&
         xml_cat(out, "</item></publish>") && (!open || xml_cat(out, options)) &&
         xml_cat(out, "</pubsub>");
}

static bool
put_question(struct node_task *t, struct slice inside)
{
  static stralloc from = STRALLOC_ZERO;
  struct link *routed = link_find(ROUTED);
  struct slice host = jid_cut(t->account).domain;
  struct ask_iq q = {.to = t->account,
                     .type = SLICE("set"),
                     .tags = SLICE("ns=" NS_PUBSUB),
                     .inside = inside,
                     .wait_us = ANSWER_US};

  from.len = 0;
  if (!routed || !stralloc_catb(&from, host.s, host.len) ||
      !stralloc_cats(&from, "/userd"))
    return false;
  q.from = slice_of(from.s, from.len);
  return ask_client(routed, &q, on_answer, t);
}

void
node_publish(struct node_task *t, char const *node, struct slice id, struct slice payload,
             bool open, node_fn *fn)
{
  stralloc sa = STRALLOC_ZERO;
  enum stanza_error e = ERR_RESOURCE_CONSTRAINT;
  bool ok;

  t->fn = fn;
  ok =
    cat_publish(&sa, node, id, payload, open) && put_question(t, slice_of(sa.s, sa.len));
  stralloc_free(&sa);
  if (!ok) fn(t, &e, SLICE(""));
}

void
nodes_answer(struct stanza const *st)
{
  ask_is_answered(st);
}

static bool
any_host_has(char const *module)
{
  struct settings_row const *row = NULL;

  while ((row = settings_next(userd.settings, "module", row)))
    if (slice_is(row->value[0], "mod_pubsub") && nodes_has(row->scope, module))
      return true;
  return false;
}

void
nodes_announce(struct link *routed)
{
  bool avatars = any_host_has("mod_avatar");

  if (avatars) handle_watch(routed, "avatars");
  if (!avatars && !any_host_has("mod_private")) return;
  link_begin(routed, VERB_HANDLE);
  link_str(routed, "resource");
  link_str(routed, "userd");
  link_end(routed);
}

/* ---- the state for a trace ---- */

static node_fn *const functions[] = {bookmarks_go_on, bookmarks_merged, avatar_go_on};

static void
task_snapshot(struct snapshot *k, struct node_task *t)
{
  unsigned int fn = 0;
  size_t i;

  for (i = 0; i < sizeof functions / sizeof *functions; i++)
    if (t->fn == functions[i]) fn = (unsigned int)i;
  snapshot_slice(k, &t->arena, &t->in.to);
  snapshot_slice(k, &t->arena, &t->in.from);
  snapshot_slice(k, &t->arena, &t->in.kind);
  snapshot_slice(k, &t->arena, &t->in.type);
  snapshot_slice(k, &t->arena, &t->in.id);
  snapshot_slice(k, &t->arena, &t->in.tags);
  snapshot_slice(k, &t->arena, &t->in.origin);
  snapshot_slice(k, &t->arena, &t->in.xml);
  snapshot_slice(k, &t->arena, &t->account);
  SNAPSHOT_INT(k, t->number);
  SNAPSHOT_INT(k, t->step);
  SNAPSHOT_INT(k, fn);
  if (snapshot_restores(k) && fn < sizeof functions / sizeof *functions)
    t->fn = functions[fn];
}

/* A question is named by the place of its task. */
static bool
question_snapshot(struct snapshot *k, ask_iq_fn **fn, void **cookie)
{
  struct node_task *t;
  size_t place = 0;

  if (!snapshot_restores(k))
    for (t = first; t && t != *cookie; t = t->next)
      place++;
  SNAPSHOT_INT(k, place);
  if (!snapshot_restores(k)) return *fn == on_answer;
  for (t = first; t && place; t = t->next)
    place--;
  *fn = on_answer;
  *cookie = t;
  return t != NULL;
}

void
nodes_snapshot(struct snapshot *k)
{
  struct node_task *t = first;

  while (snapshot_record(k, "task", t != NULL)) {
    if (snapshot_restores(k)) t = task_new();
    if (!t) return;
    task_snapshot(k, t);
    if (snapshot_restores(k))
      bytes += t->in.xml.len;
    else
      t = t->next;
  }
  ask_clients_snapshot(k, question_snapshot);
}
