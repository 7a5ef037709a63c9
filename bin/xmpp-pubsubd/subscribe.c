#include "pep.h"

#include <errno.h>

/* Subscriptions as their owners see them (XEP-0060 s6.1 to s6.4). */

/* ---- options ---- */

static struct form_option const shows[] = {
  {"away",   NULL},
  {"chat",   NULL},
  {"dnd",    NULL},
  {"online", NULL},
  {"xa",     NULL},
  {NULL,     NULL}
};
static struct form_option const kinds[] = {
  {"items", NULL},
  {NULL,    NULL}
};
static struct form_option const depths[] = {
  {"1",   NULL},
  {"all", NULL},
  {NULL,  NULL}
};

enum { DELIVER, DIGEST, EXPIRE, BODY, SHOWS, KIND, DEPTH, OPTIONS_N };

static struct form_field const fields[OPTIONS_N] = {
  [DELIVER] = FORM_FIELD(FORM_BOOLEAN, "pubsub#deliver", "Send events"),
  [DIGEST] = FORM_FIELD(FORM_BOOLEAN, "pubsub#digest", "Send several events at once"),
  [EXPIRE] = FORM_FIELD(FORM_TEXT_SINGLE, "pubsub#expire", "When the subscription ends"),
  [BODY] = FORM_FIELD(FORM_BOOLEAN, "pubsub#include_body", "Send a text for people too"),
  [SHOWS] = FORM_FIELD(FORM_LIST_MULTI, "pubsub#show-values",
                       "Presence in which events are wanted", .options = shows),
  [KIND] = FORM_FIELD(FORM_LIST_SINGLE, "pubsub#subscription_type", "What is sent",
                      .options = kinds),
  [DEPTH] = FORM_FIELD(FORM_LIST_SINGLE, "pubsub#subscription_depth", "How deep",
                       .options = depths),
};

static struct form const form = {
  .form_type = NS_OPTIONS, .fields = fields, .fields_n = OPTIONS_N};

static bool
bad_options(struct request *q, struct slice text)
{
  refuse_text(q, ERR_BAD_REQUEST, "invalid-options", text);
  return false;
}

/* A time, or the word presence: until the subscriber is not there any more. */
static bool
read_expire(struct request *q, struct slice text, struct pubsub_sub *sub)
{
  uint64_t us;

  sub->options &= (uint8_t)~PUBSUB_WHILE_PRESENT;
  sub->expiry = 0;
  if (!text.len) return true;
  if (slice_is(text, "presence")) {
    if (!pubsubd_is_host(q->ctx->from.domain))
      return bad_options(q, SLICE("pubsub#expire: the presence of others is not known"));
    sub->options |= PUBSUB_WHILE_PRESENT;
    return true;
  }
  if (!stamp_read(text, &us) || us <= door_wall() || us / 1000000 > UINT32_MAX)
    return bad_options(q, SLICE("pubsub#expire is no time to come"));
  sub->expiry = (uint32_t)(us / 1000000);
  return true;
}

static void
set_bit(uint8_t *bits, unsigned int bit, bool on)
{
  *bits = (uint8_t)(on ? *bits | bit : *bits & ~bit);
}

static uint8_t
bits_of(struct form_value const *v)
{
  uint8_t bits = 0;
  size_t i, j;

  for (i = 0; i < v->n; i++)
    for (j = 0; shows[j].value; j++)
      if (slice_is(v->list[i], shows[j].value)) bits |= (uint8_t)(1 << j);
  return bits;
}

/* The form in options, laid over sub. */
static bool
read_options(struct request *q, struct xml_node const *options, struct pubsub_sub *sub)
{
  struct xml_node const *x = options ? xml_child(options, FORM_NS, "x") : NULL;
  struct form_value v[OPTIONS_N];
  struct form_wrong wrong;

  if (!x) return true;
  if (!slice_is(xml_attr(x, "type"), "submit")) {
    refuse(q, ERR_BAD_REQUEST, NULL);
    return false;
  }
  if (!form_read(q->ctx->arena, x, &form, v, &wrong)) return bad_options(q, wrong.text);
  if (v[DIGEST].given && v[DIGEST].number)
    return bad_options(q, SLICE("pubsub#digest is not offered"));
  if (v[DELIVER].given) set_bit(&sub->options, PUBSUB_QUIET, !v[DELIVER].number);
  if (v[BODY].given) set_bit(&sub->options, PUBSUB_BODY, v[BODY].number != 0);
  if (v[SHOWS].given) sub->shows = bits_of(&v[SHOWS]);
  if (shows_are_some(sub->shows)) shows_watch();
  return !v[EXPIRE].given || read_expire(q, v[EXPIRE].text, sub);
}

static bool
cat_options(stralloc *out, struct pubsub_sub const *sub)
{
  struct slice list[sizeof shows / sizeof *shows];
  char stamp[STAMP_SIZE];
  struct form_value v[OPTIONS_N] = {
    [DELIVER] = {.given = true,
                 .text = sub->options & PUBSUB_QUIET ? SLICE("0") : SLICE("1")                   },
    [DIGEST] = {.given = true,                                                .text = SLICE("0")},
    [EXPIRE] = {.given = true                                               },
    [BODY] = {.given = true,
                 .text = sub->options & PUBSUB_BODY ? SLICE("1") : SLICE("0")                  },
    [SHOWS] = {.given = true,                                                .list = list},
    [KIND] = {.given = true,                                      .text = SLICE("items")                  },
    [DEPTH] = {.given = true,                                          .text = SLICE("1")},
  };
  size_t i;

  if (sub->options & PUBSUB_WHILE_PRESENT) v[EXPIRE].text = SLICE("presence");
  if (sub->expiry) v[EXPIRE].text = stamp_s(stamp, sub->expiry);
  for (i = 0; shows[i].value; i++)
    if (!sub->shows || sub->shows & 1 << i)
      list[v[SHOWS].n++] = slice_str(shows[i].value);
  return form_cat(out, "form", &form, v);
}

/* ---- subscribing (s6.1) ---- */

static char const *const states[PUBSUB_STATES_N] = {"none", "pending", "subscribed"};

char const *
state_word(enum pubsub_state s)
{
  return states[s];
}

bool
sub_is_over(struct pubsub_sub const *sub)
{
  return sub->expiry && sub->expiry <= door_wall() / 1000000;
}

bool
cat_subscription(stralloc *out, struct slice node, struct slice jid,
                 struct pubsub_sub const *sub)
{
  char id[BASE_NUM];

  return xml_cat(out, "<subscription") &&
         (!node.len || xml_cat_attr(out, "node", node)) &&
         xml_cat_attr(out, "jid", jid) &&
         (!sub->id || xml_cat_attr(out, "subid", num_u64(id, sub->id))) &&
         xml_cat_attr(out, "subscription", slice_str(state_word(sub->state))) &&
         xml_cat(out, "/>");
}

void
tell_subscription(struct request const *q, struct slice jid, struct pubsub_sub const *sub)
{
  stralloc in = STRALLOC_ZERO;

  if (cat_subscription(&in, q->n.name, jid, sub))
    event_to(q->self, jid, &q->c, slice_of(in.s, in.len));
  stralloc_free(&in);
}

struct tell {
  struct request const *q;
  struct slice inside;
  unsigned int n;
};

static bool
tell_owner(void *cookie, struct slice bare, enum pubsub_affiliation a)
{
  struct tell *t = cookie;

  if (a != PUBSUB_OWNER) return true;
  event_to(t->q->self, bare, &t->q->c, t->inside);
  return ++t->n < room_owners_told();
}

void
tell_owners(struct request const *q, struct slice jid, struct pubsub_sub const *sub)
{
  stralloc in = STRALLOC_ZERO;
  struct tell t = {.q = q};

  if (!config_on(&q->c, CONFIG_NOTIFY_SUB)) return;
  if (cat_subscription(&in, q->n.name, jid, sub)) {
    t.inside = slice_of(in.s, in.len);
    if (q->pep)
      event_to(q->self, q->self, &q->c, t.inside);
    else
      pubsub_affs(pubsubd.pubsub, q->n.node, tell_owner, &t);
  }
  stralloc_free(&in);
}

/* An account may subscribe by resources that it does not have, so it has a limit of its own. */
static bool
has_room(struct request *q)
{
  if (room_for_sub(q, q->ctx->from.bare) && room_for_node_of(q, q->ctx->from.bare))
    return true;
  refuse(q, ERR_POLICY_VIOLATION, "too-many-subscriptions");
  return false;
}

static bool
own_jid(struct request *q, struct jid *who)
{
  if (!jid_of(q, q->action, who)) return false;
  if (slice_eq(who->bare, q->ctx->from.bare)) return true;
  refuse(q, ERR_BAD_REQUEST, "invalid-jid");
  return false;
}

/* Set the state of a new subscription: subscribed, or pending until an owner has agreed. */
static bool
new_state(struct request *q, struct pubsub_sub *sub)
{
  enum entry a = access_to(&q->n, &q->c, q->self, &q->ctx->from, q->aff);

  sub->state = PUBSUB_SUBSCRIBED;
  if (a == ACCESS_NOT_SUBSCRIBED)
    sub->state = PUBSUB_PENDING;
  else if (a != ACCESS_YES) {
    refuse_access(q, a);
    return false;
  }
  if (!config_on(&q->c, CONFIG_SUBSCRIBE)) {
    refuse(q, ERR_NOT_ALLOWED, NULL);
    return false;
  }
  if (!has_room(q)) return false;
  sub->us = door_wall();
  do
    door_random(&sub->id, sizeof sub->id);
  while (!sub->id);
  return true;
}

static enum verdict
answer(struct request *q, struct slice jid, struct pubsub_sub const *sub)
{
  return xml_cat(q->out, "<pubsub xmlns='" NS_PUBSUB "'>") &&
             cat_subscription(q->out, q->n.name, jid, sub) && xml_cat(q->out, "</pubsub>")
           ? DONE
           : refuse_failed(q);
}

static void
tell_of(struct request *q, struct slice jid, struct pubsub_sub const *sub, bool fresh)
{
  if (fresh && sub->state == PUBSUB_PENDING) authorize_ask(q, jid, sub);
  if (fresh && sub->state == PUBSUB_SUBSCRIBED) tell_owners(q, jid, sub);
  if (sub->state == PUBSUB_SUBSCRIBED) send_last_on_sub(q, jid);
}

/* Find what the address has; a subscription that is over, or that waits at a node which lets everybody
 * in by now, is as none. */
static bool
has_sub(struct request *q, struct slice jid, struct pubsub_sub *sub)
{
  if (!pubsub_sub_get(pubsubd.pubsub, q->n.node, jid, sub)) return false;
  if (!sub_is_over(sub) &&
      (sub->state != PUBSUB_PENDING ||
       access_to(&q->n, &q->c, q->self, &q->ctx->from, q->aff) != ACCESS_YES))
    return true;
  *sub = (struct pubsub_sub){0};
  errno = ENOENT;
  return false;
}

/* s6.1.3: to subscribe again gives the same answer; who waits for an owner's is told so. */
enum verdict
subscribe_node(struct request *q)
{
  struct pubsub_sub sub = {0};
  struct jid who;
  bool fresh;

  if (!own_jid(q, &who) || !find_node(q)) return REFUSE;
  fresh = !has_sub(q, who.full, &sub);
  if (fresh && errno != ENOENT) return refuse_failed(q);
  if (!fresh && sub.state == PUBSUB_PENDING && !is_again(q))
    return refuse(q, ERR_NOT_AUTHORIZED, "pending-subscription");
  if (fresh && !new_state(q, &sub)) return REFUSE;
  if (!read_options(q, xml_child(q->e, NS_PUBSUB, "options"), &sub)) return REFUSE;
  if (!pubsub_sub_put(pubsubd.pubsub, &q->n, who.full, &sub)) return refuse_failed(q);
  tell_of(q, who.full, &sub, fresh);
  return answer(q, who.full, &sub);
}

/* ---- unsubscribing (s6.2) and options (s6.3) ---- */

/* The subscription that the action names: the sender's own, or any for an owner. */
static bool
find_sub(struct request *q, struct jid *who, struct pubsub_sub *sub)
{
  struct slice subid = xml_attr(q->action, "subid");
  uint64_t id;

  if (!jid_of(q, q->action, who) || !find_node(q)) return false;
  if (!slice_eq(who->bare, q->ctx->from.bare) && q->aff != PUBSUB_OWNER) {
    refuse(q, ERR_FORBIDDEN, NULL);
    return false;
  }
  if (!pubsub_sub_get(pubsubd.pubsub, q->n.node, who->full, sub) && errno != ENOENT) {
    refuse_failed(q);
    return false;
  }
  if (sub->state == PUBSUB_UNSUBSCRIBED || sub_is_over(sub)) {
    refuse(q, ERR_UNEXPECTED_REQUEST, "not-subscribed");
    return false;
  }
  if (!subid.len || (slice_u64(subid, &id) && id == sub->id)) return true;
  refuse(q, ERR_NOT_ACCEPTABLE, "invalid-subid");
  return false;
}

enum verdict
unsubscribe_node(struct request *q)
{
  struct pubsub_sub sub = {0};
  struct jid who;
  bool found = find_sub(q, &who, &sub);

  if (!found && !(is_again(q) && q->ctx->error == ERR_UNEXPECTED_REQUEST)) return REFUSE;
  if (found && !pubsub_sub_del(pubsubd.pubsub, &q->n, who.full)) return refuse_failed(q);
  if (found && sub.state == PUBSUB_SUBSCRIBED) {
    sub.state = PUBSUB_UNSUBSCRIBED;
    tell_owners(q, who.full, &sub);
  }
  sub.state = PUBSUB_UNSUBSCRIBED;
  return answer(q, who.full, &sub);
}

static bool
cat_options_open(struct request *q, struct slice jid)
{
  return xml_cat(q->out, "<pubsub xmlns='" NS_PUBSUB "'><options") &&
         xml_cat_attr(q->out, "node", q->n.name) && xml_cat_attr(q->out, "jid", jid) &&
         xml_cat(q->out, ">");
}

enum verdict
get_options(struct request *q)
{
  struct pubsub_sub sub = {0};
  struct jid who;

  if (!find_sub(q, &who, &sub)) return REFUSE;
  return cat_options_open(q, who.full) && cat_options(q->out, &sub) &&
             xml_cat(q->out, "</options></pubsub>")
           ? DONE
           : refuse_failed(q);
}

enum verdict
set_options(struct request *q)
{
  struct pubsub_sub sub = {0};
  struct jid who;

  if (!find_sub(q, &who, &sub)) return REFUSE;
  if (!xml_child(q->action, FORM_NS, "x")) return refuse(q, ERR_BAD_REQUEST, NULL);
  if (!read_options(q, q->action, &sub)) return REFUSE;
  return pubsub_sub_put(pubsubd.pubsub, &q->n, who.full, &sub) ? DONE : refuse_failed(q);
}

/* s6.4: the options of a new subscription. */
enum verdict
get_default_options(struct request *q)
{
  struct pubsub_sub sub = {.state = PUBSUB_SUBSCRIBED};

  return xml_cat(q->out, "<pubsub xmlns='" NS_PUBSUB "'><default>") &&
             cat_options(q->out, &sub) && xml_cat(q->out, "</default></pubsub>")
           ? DONE
           : refuse_failed(q);
}

/* ---- subscribers who may not stay ---- */

struct lost {
  struct request *q;
  stralloc jids; /* a line each */
  bool ok;
};

static bool
find_lost(void *cookie, struct slice jid, struct pubsub_sub const *sub)
{
  struct lost *l = cookie;
  struct jid who = jid_cut(jid);
  enum pubsub_affiliation aff = affiliation_of(&l->q->n, l->q->self, &who);
  enum entry a = access_to(&l->q->n, &l->q->c, l->q->self, &who, aff);

  if (a == ACCESS_YES || (a == ACCESS_NOT_SUBSCRIBED && sub->state == PUBSUB_PENDING))
    return true;
  l->ok = stralloc_catb(&l->jids, jid.s, jid.len) && stralloc_cats(&l->jids, "\n");
  return l->ok;
}

bool
end_lost_subscriptions(struct request *q, struct slice bare)
{
  struct lost l = {.q = q, .ok = true};
  struct pubsub_sub none = {.state = PUBSUB_UNSUBSCRIBED};
  struct slice rest, jid;
  bool ok = bare.len ? pubsub_subs_of(pubsubd.pubsub, q->n.node, bare, find_lost, &l)
                     : pubsub_subs(pubsubd.pubsub, q->n.node, find_lost, &l);

  ok = ok && l.ok;
  rest = slice_of(l.jids.s, l.jids.len);
  while (ok && slice_word(&rest, '\n', &jid)) {
    ok = pubsub_sub_del(pubsubd.pubsub, &q->n, jid);
    if (ok) tell_subscription(q, jid, &none);
  }
  stralloc_free(&l.jids);
  return ok;
}
