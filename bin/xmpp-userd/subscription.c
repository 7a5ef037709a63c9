#include "userd.h"

#include <errno.h>
#include <string.h>

/* Subscriptions to presence (RFC 6121 s3, Appendix A). Each account's half of a subscription
 * is in its own roster; the stanza that a change is told by goes to the other half through
 * routed, also when both are ours. What follows a change is said in this order: the stanza,
 * the roster push, presence (s3.1.6, s3.2.3, s3.3.3). Presence between two accounts of ours
 * is therefore given by who takes it, when its half has changed. */

enum kind { SUBSCRIBE, UNSUBSCRIBE, SUBSCRIBED, UNSUBSCRIBED, KINDS };

static char const *const kind_names[KINDS] = {"subscribe", "unsubscribe", "subscribed",
                                              "unsubscribed"};

/* Results of a transition: the next state, and whether the stanza goes on (is routed,
 * or delivered). */
struct cell {
  bool goes;
  enum roster_state next;
};

/* clang-format off */
#define GO(state) {true, ROSTER_##state}
#define NO(state) {false, ROSTER_##state}

/* A.2.1 to A.2.4: what the account says. */
static struct cell const outbound[ROSTER_STATES_N][KINDS] = {
  /* state                  subscribe        unsubscribe   subscribed       unsubscribed */
  [ROSTER_NONE] =        { GO(NONE_OUT),    GO(NONE),     NO(NONE),        NO(NONE)        },
  [ROSTER_NONE_OUT] =    { GO(NONE_OUT),    GO(NONE),     NO(NONE_OUT),    NO(NONE_OUT)    },
  [ROSTER_NONE_IN] =     { GO(NONE_OUT_IN), GO(NONE_IN),  GO(FROM),        GO(NONE)        },
  [ROSTER_NONE_OUT_IN] = { GO(NONE_OUT_IN), GO(NONE_IN),  GO(FROM_OUT),    GO(NONE_OUT)    },
  [ROSTER_TO] =          { GO(TO),          GO(NONE),     NO(TO),          NO(TO)          },
  [ROSTER_TO_IN] =       { GO(TO_IN),       GO(NONE_IN),  GO(BOTH),        GO(TO)          },
  [ROSTER_FROM] =        { GO(FROM_OUT),    GO(FROM),     NO(FROM),        GO(NONE)        },
  [ROSTER_FROM_OUT] =    { GO(FROM_OUT),    GO(FROM),     NO(FROM_OUT),    GO(NONE_OUT)    },
  [ROSTER_BOTH] =        { GO(BOTH),        GO(FROM),     NO(BOTH),        GO(TO)          },
};

/* A.3.1 to A.3.4: what the contact says. */
static struct cell const inbound[ROSTER_STATES_N][KINDS] = {
  /* state                  subscribe        unsubscribe   subscribed       unsubscribed */
  [ROSTER_NONE] =        { GO(NONE_IN),     NO(NONE),     NO(NONE),        NO(NONE)        },
  [ROSTER_NONE_OUT] =    { GO(NONE_OUT_IN), NO(NONE_OUT), GO(TO),          GO(NONE)        },
  [ROSTER_NONE_IN] =     { NO(NONE_IN),     GO(NONE),     NO(NONE_IN),     NO(NONE_IN)     },
  [ROSTER_NONE_OUT_IN] = { NO(NONE_OUT_IN), GO(NONE_OUT), GO(TO_IN),       GO(NONE_IN)     },
  [ROSTER_TO] =          { GO(TO_IN),       NO(TO),       NO(TO),          GO(NONE)        },
  [ROSTER_TO_IN] =       { NO(TO_IN),       GO(TO),       NO(TO_IN),       GO(NONE_IN)     },
  [ROSTER_FROM] =        { NO(FROM),        GO(NONE),     NO(FROM),        NO(FROM)        },
  [ROSTER_FROM_OUT] =    { NO(FROM_OUT),    GO(NONE_OUT), GO(BOTH),        GO(FROM)        },
  [ROSTER_BOTH] =        { NO(BOTH),        GO(TO),       NO(BOTH),        GO(FROM)        },
};

/* clang-format on */

/* A stanza between an account of this server and a contact. */
struct change {
  enum kind kind;
  struct jid own, contact; /* bare addresses, in what the stanza's live in */
  uint64_t account;
  enum roster_state before;
  struct roster_item item; /* as it is to be */
  bool was_listed, was_approved;
  bool stored; /* by one of us that was killed, perhaps before it said so */
};

static bool
kind_of(struct slice type, enum kind *out)
{
  unsigned int i;

  for (i = 0; i < KINDS; i++)
    if (slice_is(type, kind_names[i])) {
      *out = (enum kind)i;
      return true;
    }
  return false;
}

/* ---- stanzas ---- */

/* Write presence of a type, and fill *st with it. false: ENOMEM. */
static bool
write_presence(stralloc *sa, struct stanza *st, struct slice from, struct slice to,
               char const *type)
{
  *st = (struct stanza){
    .to = to, .from = from, .kind = SLICE("presence"), .type = slice_str(type)};
  sa->len = 0;
  if (!xml_cat(sa, "<presence") || !xml_cat_attr(sa, "from", from) ||
      !xml_cat_attr(sa, "to", to) || !xml_cat_attr(sa, "type", st->type) ||
      !xml_cat(sa, "/>"))
    return false;
  st->xml = slice_of(sa->s, sa->len);
  return true;
}

static void
subscription_put(struct slice from, struct slice to, char const *type)
{
  static stralloc sa = STRALLOC_ZERO;
  struct link *routed = link_find(ROUTED);
  struct stanza st;

  if (routed && write_presence(&sa, &st, from, to, type)) stanza_put(routed, &st);
}

static void
set_attr(struct xml_node *e, char const *name, struct slice value)
{
  unsigned int i;

  for (i = 0; i < e->head->attrs_n; i++)
    if (!e->head->attrs[i].ns.len && slice_is(e->head->attrs[i].name, name))
      e->head->attrs[i].value = value;
}

/* s3.1.2 and its like: on it goes, between bare addresses, whatever the client has given. */
static void
pass_on(struct change const *c, struct stanza const *st)
{
  static stralloc sa = STRALLOC_ZERO;
  struct arena arena = ARENA_ZERO;
  struct link *routed = link_find(ROUTED);
  struct stanza on = *st;
  enum xml_error why;
  struct xml_node *e = xml_parse(&arena, st->xml, "jabber:client", &why);

  sa.len = 0;
  if (e && routed) {
    set_attr(e, "to", c->contact.bare);
    set_attr(e, "from", c->own.bare);
    if (xml_cat_tree(&sa, e, "jabber:client")) {
      on.to = c->contact.bare;
      on.from = c->own.bare;
      on.tags = SLICE("");
      on.xml = slice_of(sa.s, sa.len);
      stanza_put(routed, &on);
    }
  }
  arena_wipe(&arena);
}

/* To the account's sessions: available ones see requests (s3.1.3), and those that want the
 * roster what became of them (s3.1.6). The element stays addressed to the account. routed hears of
 * a request that none of them sees, and devices that are away are woken (XEP-0357). */
static void
deliver(struct change const *c, struct stanza const *st)
{
  struct user const *u = user_find(c->own.bare);
  struct link *routed = link_find(ROUTED);
  struct session const *s;
  struct stanza to = *st;
  bool is_seen = false;

  for (s = u && routed ? u->sessions : NULL; s; s = s->next) {
    if (!(c->kind == SUBSCRIBE ? s->shown.len > 0 : s->wants_roster)) continue;
    to.to = slice_str(s->full);
    stanza_put(routed, &to);
    is_seen = true;
  }
  if (c->kind != SUBSCRIBE || is_seen || !routed) return;
  if (!userd_has(c->own.domain, "mod_push")) return;
  to.to = c->own.bare;
  to.tags = SLICE("unseen");
  stanza_put(routed, &to);
}

/* ---- the roster's side ---- */

static bool
is_asking(enum roster_state s)
{
  return s == ROSTER_NONE_OUT || s == ROSTER_NONE_OUT_IN || s == ROSTER_FROM_OUT;
}

static bool
changes_presence(enum roster_state a, enum roster_state b)
{
  return roster_gives(a) != roster_gives(b) || roster_takes(a) != roster_takes(b);
}

/* Say whether clients see a difference: for a request that came in they do not
 * (s3.1.3). */
static bool
is_visible(struct change const *c)
{
  enum roster_state a = c->before, b = c->item.state;

  return c->was_listed != c->item.listed || c->was_approved != c->item.approved ||
         changes_presence(a, b) || is_asking(a) != is_asking(b);
}

/* Make the state next. What is neither in the roster nor waiting is nothing. */
static bool
store(struct change *c, enum roster_state next)
{
  struct roster_item *item = &c->item;

  item->state = next;
  if ((next != ROSTER_NONE && next != ROSTER_NONE_IN) || item->approved)
    item->listed = true;
  if (!c->stored && (next != c->before || item->approved != c->was_approved)) {
    bool ok = item->listed || next == ROSTER_NONE_IN
                ? roster_item_put(userd.roster, c->account, item)
                : roster_item_del(userd.roster, c->account, item->jid);
    if (!ok && errno != EDQUOT) userd_failed("change a subscription", c->own.bare);
    if (!ok) return false;
  }
  if (changes_presence(c->before, next))
    watch_roster(c->own.bare, item->jid, c->before, next);
  return true;
}

static void
push(struct change const *c)
{
  if (c->stored || is_visible(c)) roster_push(c->own.bare, c->account, c->contact.bare);
}

/* Fill *c for a stanza of this type between two addresses. false: there is nothing to do
 * with it, or no such account (then account is 0). */
static bool
begin(struct change *c, struct slice own, struct slice contact, struct slice type)
{
  memset(c, 0, sizeof *c);
  if (!kind_of(type, &c->kind)) return false;
  c->own = jid_cut(jid_cut(own).bare);
  c->contact = jid_cut(jid_cut(contact).bare);
  c->account = userd_number_with(c->own.bare, "mod_roster");
  if (!c->account) return false;
  if (!roster_item_get(userd.roster, c->account, c->contact.bare, &c->item) &&
      errno != ENOENT)
    return false;
  c->before = c->item.state;
  c->was_listed = c->item.listed;
  c->was_approved = c->item.approved;
  return true;
}

/* Find the transition for the stanza. A repeat whose new state is stored already goes back to
 * the state that led there, so that its pushes and presence are sent again, for perhaps they
 * never left; a second time they do no harm. Where several states lead there, the one with
 * most consequences is taken. */
static struct cell const *
meet(struct change *c, struct stanza const *st, struct cell const table[][KINDS])
{
  enum roster_state now = c->before;
  unsigned int i;

  c->stored = stanza_is_again(st) && table[now][c->kind].next == now;
  for (i = 0; c->stored && i < ROSTER_STATES_N; i++)
    if (i != now && table[i][c->kind].goes && table[i][c->kind].next == now)
      c->before = (enum roster_state)i;
  return &table[c->before][c->kind];
}

/* ---- stanzas of the account ---- */

/* s3.4.2: approved before it is asked for; nobody else is told. */
static void
approve_in_advance(struct change *c)
{
  if (roster_gives(c->before)) return;
  c->item.approved = true;
  if (store(c, c->before)) push(c);
}

static bool
takes_from(struct slice bare, struct slice who)
{
  uint64_t account = userd_number_with(bare, "mod_roster");
  struct roster_item item;

  return account && roster_item_get(userd.roster, account, who, &item) &&
         roster_takes(item.state);
}

/* The account's half has ended. Of two accounts of ours the one that hears of it ends
 * presence; when both have ended theirs before they heard, the second does. */
static void
end_presence(struct slice own, struct jid const *contact, bool gave, bool took)
{
  bool local = userd_is_local(contact->domain);

  if (gave && (!local || !takes_from(contact->bare, own)))
    presence_tell(own, contact->bare, false);
  if (took && local && !roster_subscribed(contact->bare, own))
    presence_tell(contact->bare, own, false);
}

/* Presence to a contact of another server begins here; ours are told when their half has
 * changed. */
static void
change_presence(struct change const *c)
{
  enum roster_state was = c->before, is = c->item.state;

  if (!roster_gives(was) && roster_gives(is) && !userd_is_local(c->contact.domain))
    presence_tell(c->own.bare, c->contact.bare, true);
  end_presence(c->own.bare, &c->contact, roster_gives(was) && !roster_gives(is),
               roster_takes(was) && !roster_takes(is));
}

/* An account that asks for its own presence, which all its sessions get (s4.2.2), has that
 * already; no roster says so. */
static void
grant_oneself(struct slice bare)
{
  struct user const *u = user_find(bare);
  struct session const *s;

  for (s = u ? u->sessions : NULL; s; s = s->next)
    if (s->shown.len || s->wants_roster)
      subscription_put(bare, slice_str(s->full), kind_names[SUBSCRIBED]);
}

void
subscription_outbound(struct stanza const *st)
{
  struct jid who = jid_cut(st->from), to = jid_cut(st->to);
  struct cell const *cell;
  struct change c;

  if (!begin(&c, st->from, st->to, st->type)) return;
  if (slice_eq(c.own.bare, c.contact.bare)) {
    if (c.kind == SUBSCRIBE) grant_oneself(c.own.bare);
    return;
  }
  if (c.contact.bare.len > ROSTER_JID_MAX || !userd_may_change(&who) ||
      blocking_has(c.own.bare, &to) || !counter_takes(&c.own, true))
    return;
  cell = meet(&c, st, outbound);
  if (c.kind == SUBSCRIBED && !cell->goes) {
    approve_in_advance(&c);
    return;
  }
  if (c.kind == UNSUBSCRIBED) c.item.approved = false;
  if (!store(&c, cell->next)) {
    if (errno == EDQUOT) later_outbound(st); /* the roster is full */
    return;
  }
  if ((c.kind == SUBSCRIBED || c.kind == UNSUBSCRIBED) &&
      !roster_request_del(userd.roster, c.account, c.contact.bare))
    return;
  if (cell->goes) pass_on(&c, st);
  push(&c);
  change_presence(&c);
}

void
subscription_cancel(struct slice bare, struct roster_item const *item)
{
  struct jid contact = jid_cut(item->jid);
  bool ends_ours = outbound[item->state][UNSUBSCRIBE].next != item->state;
  bool ends_theirs = outbound[item->state][UNSUBSCRIBED].next != item->state;

  if (blocking_has(bare, &contact)) return;
  if (ends_ours) subscription_put(bare, item->jid, kind_names[UNSUBSCRIBE]);
  if (ends_theirs) subscription_put(bare, item->jid, kind_names[UNSUBSCRIBED]);
  end_presence(bare, &contact, roster_gives(item->state), roster_takes(item->state));
}

/* ---- stanzas of the contact ---- */

/* A.3.1: who has the subscription already, or was approved in advance (s3.4), is told so on
 * the account's behalf. The approval in advance is then used up. */
static void
grant(struct change *c)
{
  enum roster_state asked = inbound[c->before][SUBSCRIBE].next;

  if (!roster_gives(c->before)) {
    c->item.approved = false;
    if (!store(c, outbound[asked][SUBSCRIBED].next)) return;
  }
  subscription_put(c->own.bare, c->contact.bare, kind_names[SUBSCRIBED]);
  push(c);
  if (!userd_is_local(c->contact.domain))
    presence_tell(c->own.bare, c->contact.bare, true);
}

/* The request without what its sender put into it. */
static struct slice
plain_request(struct change const *c)
{
  static stralloc sa = STRALLOC_ZERO;

  sa.len = 0;
  if (!xml_cat(&sa, "<presence") || !xml_cat_attr(&sa, "from", c->contact.bare) ||
      !xml_cat_attr(&sa, "to", c->own.bare) || !xml_cat(&sa, " type='subscribe'/>"))
    return SLICE("");
  return slice_of(sa.s, sa.len);
}

static bool
put_request(struct change const *c, struct slice xml)
{
  return xml.len && roster_request_put(userd.roster, c->account, c->contact.bare, xml);
}

/* s3.1.3: the request is kept whole, as long as there is room for that, and delivered until it
 * is answered. */
static bool
keep_request(struct change const *c, struct stanza const *st)
{
  if (st->xml.len <= ROSTER_REQUEST_BYTES && put_request(c, st->xml)) return true;
  if (put_request(c, plain_request(c))) return true;
  if (errno != EDQUOT) userd_failed("store a subscription request", c->own.bare);
  return false;
}

static void
take_request(struct change *c, struct stanza const *st)
{
  struct cell const *cell = meet(c, st, inbound);

  if (roster_gives(c->before) || c->item.approved)
    grant(c);
  else if (cell->goes && keep_request(c, st) && store(c, cell->next)) {
    if (!preauth_asks(st, &c->own, &c->contact)) deliver(c, st);
  } else if (cell->goes && errno == EDQUOT) /* as if the account had said no */
    subscription_put(c->own.bare, c->contact.bare, kind_names[UNSUBSCRIBED]);
}

void
subscription_show(struct stanza const *st)
{
  struct change c;

  if (begin(&c, st->to, st->from, st->type)) deliver(&c, st);
}

/* Presence of two accounts of ours begins or ends for the one that takes it. */
static void
take_presence(struct change const *c)
{
  bool was = roster_takes(c->before), is = roster_takes(c->item.state);

  if (was == is || !userd_is_local(c->contact.domain)) return;
  if (!is || roster_subscribed(c->contact.bare, c->own.bare))
    presence_tell(c->contact.bare, c->own.bare, is);
}

static void
take_answer(struct change *c, struct stanza const *st)
{
  struct cell const *cell = meet(c, st, inbound);

  if (!cell->goes || !store(c, cell->next)) return;
  if (c->kind == UNSUBSCRIBE &&
      !roster_request_del(userd.roster, c->account, c->contact.bare))
    return;
  deliver(c, st);
  push(c);
  if (roster_gives(c->before) && !roster_gives(c->item.state))
    presence_tell(c->own.bare, c->contact.bare, false); /* s3.3.3 */
  take_presence(c);
}

static void
take(struct change *c, struct stanza const *st)
{
  if (c->kind == SUBSCRIBE)
    take_request(c, st);
  else
    take_answer(c, st);
}

void
subscription_inbound(struct stanza const *st)
{
  struct jid from = jid_cut(st->from);
  struct change c;

  if (!begin(&c, st->to, st->from, st->type)) {
    if (!c.account && slice_is(st->type, "subscribe")) /* s3.1.3: there is nobody */
      subscription_put(jid_cut(st->to).bare, from.bare, kind_names[UNSUBSCRIBED]);
    return;
  }
  if (slice_eq(c.own.bare, c.contact.bare) || c.contact.bare.len > ROSTER_JID_MAX ||
      blocking_has(c.own.bare, &from) || !counter_takes(&c.own, false))
    return;
  take(&c, st);
}

/* ---- the end of an account ---- */

/* Neither a block list nor a count of stanzas keeps the half of a contact from ending. */
static void
end_half(struct slice bare, struct slice contact, enum kind kind)
{
  static stralloc sa = STRALLOC_ZERO;
  struct stanza st = {.to = contact, .from = bare, .kind = SLICE("presence")};
  struct change c;

  sa.len = 0;
  st.type = slice_str(kind_names[kind]);
  if (!begin(&c, contact, bare, st.type) || !xml_cat(&sa, "<presence") ||
      !xml_cat_attr(&sa, "from", bare) || !xml_cat_attr(&sa, "to", contact) ||
      !xml_cat_attr(&sa, "type", st.type) || !xml_cat(&sa, "/>"))
    return;
  st.xml = slice_of(sa.s, sa.len);
  take(&c, &st);
}

void
subscription_end(struct slice bare, struct roster_item const *item)
{
  static enum kind const kinds[] = {UNSUBSCRIBE, UNSUBSCRIBED};

  bool local = userd_is_local(jid_cut(item->jid).domain);
  size_t i;

  if (!local && roster_gives(item->state)) presence_tell(bare, item->jid, false);
  for (i = 0; i < sizeof kinds / sizeof *kinds; i++) {
    if (outbound[item->state][kinds[i]].next == item->state) continue;
    if (local)
      end_half(bare, item->jid, kinds[i]);
    else
      subscription_put(bare, item->jid, kind_names[kinds[i]]);
  }
}

void
subscription_befriend(struct slice own, struct slice contact)
{
  static char const *const types[] = {"subscribed", "subscribe"};
  stralloc sa = STRALLOC_ZERO;
  struct stanza st;
  unsigned int i;

  for (i = 0; i < 2; i++)
    if (write_presence(&sa, &st, own, contact, types[i])) subscription_outbound(&st);
  stralloc_free(&sa);
}
