#include "pep.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* pubsub nodes|items|du|delete JID [NODE]: what xmpp-ctl asks of an account or of a service. A list goes on
 * over many turns. */

#define STEP 200u

struct job {
  struct service_job job;
  uint64_t owner;
  uint64_t node;               /* items: of this node */
  uint64_t from;               /* the number of the next item */
  char after[PUBSUB_NAME_MAX]; /* nodes: behind this name */
  size_t after_len;
  unsigned int left; /* rows of this step */
  bool more;
};

/* ---- rows ---- */

static char const *const types[] = {"flat", "hometree", "pep"};

static bool
put_node(void *cookie, struct pubsub_node const *n)
{
  struct job *j = cookie;
  char stamp[STAMP_SIZE];

  if (!j->left--) {
    j->more = true;
    return false;
  }
  link_begin(j->job.ctl, VERB_ROW);
  link_text(j->job.ctl, n->name);
  link_str(j->job.ctl, types[n->type]);
  link_num(j->job.ctl, n->items);
  link_num(j->job.ctl, n->bytes);
  link_text(j->job.ctl, n->creator);
  link_text(j->job.ctl, stamp_us(stamp, n->created_us));
  link_end(j->job.ctl);
  j->after_len = n->name.len;
  memcpy(j->after, n->name.s, n->name.len);
  return true;
}

static bool
put_item(void *cookie, struct pubsub_item const *it)
{
  struct job *j = cookie;
  char stamp[STAMP_SIZE];

  if (!j->left--) {
    j->more = true;
    return false;
  }
  link_begin(j->job.ctl, VERB_ROW);
  link_text(j->job.ctl, it->id);
  link_text(j->job.ctl, stamp_us(stamp, it->us));
  link_text(j->job.ctl, it->publisher);
  link_text(j->job.ctl, it->payload);
  link_end(j->job.ctl);
  j->from = it->number + 1;
  return true;
}

/* ---- lists ---- */

/* A node that was deleted meanwhile has no more items. */
static bool
list_some(struct job *j)
{
  struct pubsub_node n;

  if (!j->node)
    return pubsub_nodes(pubsubd.pubsub, j->owner, slice_of(j->after, j->after_len),
                        put_node, j);
  if (!pubsub_node_get(pubsubd.pubsub, j->node, &n)) return errno == ENOENT;
  return pubsub_items(pubsubd.pubsub, &n, j->from, put_item, j);
}

/* Rows that the administrator does not read are not made. */
static void
step(void *cookie)
{
  struct job *j = cookie;
  bool ok = true;

  j->left = STEP;
  j->more = j->job.ctl->full;
  if (!j->more) ok = list_some(j);
  if (ok && j->more)
    service_job_again(&j->job, step);
  else
    service_job_end(&j->job, ok);
}

static struct job *
job_new(struct link *ctl, uint64_t owner)
{
  struct job *j = calloc(1, sizeof *j);

  if (j) j->owner = owner;
  service_job_start(j ? &j->job : NULL, ctl, step);
  return j;
}

static void
list_items(struct link *ctl, uint64_t owner, struct slice name)
{
  struct pubsub_node n;
  struct job *j;

  if (!pubsub_node_find(pubsubd.pubsub, owner, name, &n)) {
    service_error(ctl, "there is no such node");
    return;
  }
  j = job_new(ctl, owner);
  if (j) j->node = n.node;
}

/* ---- du ---- */

static void
sum(struct link *ctl, uint64_t owner)
{
  struct pubsub_counts c;

  if (!pubsub_counts(pubsubd.pubsub, owner, &c)) {
    service_error(ctl, "the store failed; the log says why");
    return;
  }
  service_stat(ctl, "nodes", c.nodes);
  service_stat(ctl, "items", c.items);
  service_stat(ctl, "bytes", c.bytes);
  service_done(ctl);
}

/* ---- delete ---- */

static void
delete_node_of(struct link *ctl, uint64_t owner, struct slice name)
{
  struct arena a = ARENA_ZERO;
  struct handle_ctx ctx = {.arena = &a};
  struct request q = {.ctx = &ctx};
  struct pubsub_node n;

  if (store_is_full(pubsubd.store))
    service_error(ctl, "the store is full");
  else if (!pubsub_node_find(pubsubd.pubsub, owner, name, &n) ||
           !node_request(&q, &a, n.node))
    service_error(ctl, "there is no such node");
  else if (!remove_node(&q, SLICE("")))
    service_error(ctl, "the store failed; the log says why");
  else {
    log_event(LOG_INFO, "node-deleted", "jid", log_text(q.self), "node",
              log_text(q.n.name), "why", "the administrator", NULL);
    if (q.pep) pep_changed_node(&q, q.n.name);
    service_done(ctl);
  }
  arena_wipe(&a);
}

static uint64_t
owner_named(struct slice text)
{
  struct arena a = ARENA_ZERO;
  uint64_t owner = 0;
  struct jid j;

  if (jid_parse(&a, text, &j))
    owner = j.local.len ? pubsubd_number(j.bare)
                        : pubsub_service(pubsubd.pubsub, j.domain, false);
  arena_wipe(&a);
  return owner;
}

void
control_pubsub(struct link *l, struct record *r)
{
  struct slice what = record_get(r, 1), name = record_get(r, 3);
  uint64_t owner;

  pubsubd_readers();
  owner = owner_named(record_get(r, 2));
  if (!owner)
    service_error(l, "there is no such account, and no service has nodes there");
  else if (slice_is(what, "nodes"))
    job_new(l, owner);
  else if (slice_is(what, "items"))
    list_items(l, owner, name);
  else if (slice_is(what, "du"))
    sum(l, owner);
  else if (slice_is(what, "delete"))
    delete_node_of(l, owner, name);
  else
    service_error(l, "pubsub knows nodes, items, du and delete");
}
