#include "userd.h"

#include <errno.h>
#include <string.h>

/* XEP-0191: block lists. They are stored here and kept by routed, which delivers nothing
 * between the account and who is on its list; presence is held back here. */

#define NS_BLOCKING "urn:xmpp:blocking"

bool
blocking_has(struct slice bare, struct jid const *j)
{
  uint64_t account = userd_number_with(bare, "mod_blocking");

  return account && !slice_eq(bare, j->bare) &&
         roster_is_blocked(userd.roster, account, j);
}

bool
blocking_has_any(struct slice bare)
{
  uint64_t account = userd_number_with(bare, "mod_blocking");
  struct roster_counts c;

  return account && roster_counts(userd.roster, account, &c) && c.blocked;
}

/* ---- what routed is told ---- */

static bool
add_line(void *cookie, struct slice address, struct slice owner)
{
  stralloc *lines = cookie;

  (void)owner;
  return (!lines->len || stralloc_catb(lines, "\n", 1)) &&
         stralloc_catb(lines, address.s, address.len);
}

/* Tell routed lines of addresses: the whole list, or (CHANGE add, remove) a part of it. */
static void
tell(struct slice bare, stralloc const *lines, char const *change)
{
  struct link *routed = link_find(ROUTED);

  if (!routed) return;
  link_begin(routed, VERB_BLOCKS);
  link_text(routed, bare);
  link_text(routed, slice_of(lines->s, lines->len));
  if (*change) link_str(routed, change);
  link_end(routed);
}

static void
tell_all(struct slice bare, uint64_t account)
{
  static stralloc lines = STRALLOC_ZERO;

  lines.len = 0;
  if (roster_blocked_each(userd.roster, account, add_line, &lines))
    tell(bare, &lines, "");
  else
    userd_failed("read a block list", bare);
}

void
blocking_tell(struct slice bare)
{
  tell_all(bare, userd_number_with(bare, "mod_blocking"));
}

struct announcement {
  uint64_t last; /* the account that was told of */
};

/* The list of an account that was there before one of the same name counts no more. */
static bool
announce_one(void *cookie, uint64_t account, struct slice address, struct slice owner)
{
  struct announcement *a = cookie;

  (void)address;
  if (account == a->last) return true;
  a->last = account;
  if (userd_number_with(owner, "mod_blocking") == account) tell_all(owner, account);
  return true;
}

void
blocking_announce(void)
{
  struct announcement a = {0};

  if (!roster_blocked_all(userd.roster, announce_one, &a))
    userd_failed("read the block lists", SLICE(""));
}

/* ---- requests ---- */

static uint64_t
account_of(struct handle_ctx *ctx)
{
  return userd_own_number(ctx);
}

static bool
cat_address(void *cookie, struct slice address, struct slice owner)
{
  stralloc *out = cookie;

  (void)owner;
  return xml_cat(out, "<item") && xml_cat_attr(out, "jid", address) && xml_cat(out, "/>");
}

enum verdict
xep0191_list(struct handle_ctx *ctx, struct stanza const *in, struct xml_node const *e,
             stralloc *out)
{
  uint64_t account = account_of(ctx);

  (void)in;
  (void)e;
  if (!account) return REFUSE;
  if (xml_cat(out, "<blocklist xmlns='" NS_BLOCKING "'>") &&
      roster_blocked_each(userd.roster, account, cat_address, out) &&
      xml_cat(out, "</blocklist>"))
    return DONE;
  return handle_error(ctx, ERR_INTERNAL, "");
}

/* The prepared addresses of the items, in ctx's arena, as a push has them. n 0: the request
 * has no items. */
struct wanted {
  struct jid *v;
  size_t n;
  struct jid_set set; /* the same addresses, once each */
  bool domains;       /* some addresses are domains */
};

/* Fill the set of w, which wanted_wipe frees; an address that w has twice is dropped once. */
static bool
collect(struct wanted *w)
{
  size_t i, n = 0;

  for (i = 0; i < w->n; i++) {
    if (jid_set_has(&w->set, w->v[i].full)) continue;
    if (!jid_set_add(&w->set, w->v[i].full)) return false;
    if (!w->v[i].local.len && !w->v[i].resource.len) w->domains = true;
    w->v[n++] = w->v[i];
  }
  w->n = n;
  return true;
}

static void
wanted_wipe(struct wanted *w)
{
  jid_set_wipe(&w->set);
}

static void
tell_change(struct slice bare, struct wanted const *w, char const *change)
{
  static stralloc lines = STRALLOC_ZERO;
  size_t i;

  lines.len = 0;
  for (i = 0; i < w->n; i++)
    if (!add_line(&lines, w->v[i].full, bare)) return;
  tell(bare, &lines, change);
}

static bool
read_items(struct handle_ctx *ctx, struct xml_node const *e, struct wanted *w)
{
  struct xml_node const *c;
  size_t most = 0;

  ctx->error = ERR_BAD_REQUEST;
  for (c = xml_next(e, NULL); c; c = xml_next(e, c))
    if (!xml_is(c, NS_BLOCKING, "item") || !xml_attr(c, "jid").len ||
        ++most > ROSTER_BLOCKED_MAX)
      return false;
  w->n = 0;
  w->v = arena_alloc(ctx->arena, (most + 1) * sizeof *w->v);
  ctx->error = ERR_RESOURCE_CONSTRAINT;
  if (!w->v) return false;
  for (c = xml_next(e, NULL); c; c = xml_next(e, c)) {
    ctx->error = ERR_JID_MALFORMED;
    if (!jid_parse(ctx->arena, xml_attr(c, "jid"), &w->v[w->n])) return false;
    ctx->error = ERR_NOT_ALLOWED;
    if (slice_eq(w->v[w->n].bare, ctx->account)) return false;
    w->n++;
  }
  return true;
}

/* ---- pushes ---- */

static bool
cat_push(stralloc *out, struct session const *s, struct slice id, char const *name,
         struct wanted const *w)
{
  size_t i;

  if (!xml_cat(out, "<iq") || !xml_cat_attr(out, "to", slice_str(s->full)) ||
      !xml_cat_attr(out, "id", id) || !xml_cat(out, " type='set'><") ||
      !xml_cat(out, name) || !xml_cat(out, " xmlns='" NS_BLOCKING "'>"))
    return false;
  for (i = 0; i < w->n; i++)
    if (!cat_address(out, w->v[i].full, SLICE(""))) return false;
  return xml_cat(out, "</") && xml_cat(out, name) && xml_cat(out, "></iq>");
}

static uint64_t pushes;

void
blocking_snapshot(struct snapshot *k)
{
  if (snapshot_record(k, "blocked", true)) SNAPSHOT_INT(k, pushes);
}

static void
push(struct slice bare, char const *name, struct wanted const *w)
{
  static stralloc sa = STRALLOC_ZERO;
  struct user const *u = user_find(bare);
  struct link *routed = link_find(ROUTED);
  struct stanza st = {.from = bare, .kind = SLICE("iq"), .type = SLICE("set")};
  char buf[BASE_NUM], id[8 + BASE_NUM];
  struct session const *s;

  for (s = u && routed ? u->sessions : NULL; s; s = s->next) {
    if (!s->wants_blocklist) continue;
    strcpy(id, "block");
    strcat(id, num_u64(buf, ++pushes).s);
    st.id = slice_str(id);
    st.to = slice_str(s->full);
    sa.len = 0;
    if (!cat_push(&sa, s, st.id, name, w)) return;
    st.xml = slice_of(sa.s, sa.len);
    stanza_put(routed, &st);
  }
}

/* ---- what others see ---- */

struct showing {
  struct slice bare;
  uint64_t account; /* number of bare */
  struct wanted const *w;
  bool available;
};

/* The contact's presence was held back as long as it was blocked. */
static void
ask(struct slice bare, struct slice contact)
{
  bool local = userd_is_local(jid_cut(contact).domain);
  struct user const *u = user_find(bare);
  struct session const *s;

  for (s = u ? u->sessions : NULL; s; s = s->next) {
    if (!s->shown.len) continue;
    presence_ask(s, contact);
    if (!local) return; /* the answer to a probe reaches all sessions */
  }
}

/* Show a contact, at its bare address or one of its resources, that the account comes or goes;
 * not one that another item of the list blocks too. */
static void
show_one(struct showing const *v, struct roster_item const *item, struct jid const *to)
{
  if (blocking_has(v->bare, to)) return;
  if (roster_gives(item->state)) presence_tell(v->bare, to->full, v->available);
  if (v->available && roster_takes(item->state)) ask(v->bare, item->jid);
}

/* A contact of a domain that is wanted. */
static bool
show_of_domain(void *cookie, struct roster_item const *item)
{
  struct showing const *v = cookie;
  struct jid contact = jid_cut(item->jid);

  if (jid_set_has(&v->w->set, contact.domain) &&
      (!contact.local.len || !jid_set_has(&v->w->set, contact.bare)))
    show_one(v, item, &contact);
  return true;
}

/* The contacts that the items stand for see the account go or come (XEP-0191 s3.3, s3.4). An
 * item with a localpart is one contact; all domains together are one walk over the roster. */
static void
show(struct slice bare, struct wanted const *w, bool available)
{
  uint64_t account = userd_number_with(bare, "mod_roster");
  struct showing v = {.bare = bare, .account = account, .w = w, .available = available};
  struct roster_item item;
  size_t i;

  for (i = 0; account && i < w->n; i++)
    if (w->v[i].local.len && roster_item_get(userd.roster, account, w->v[i].bare, &item))
      show_one(&v, &item, &w->v[i]);
  if (account && w->domains &&
      !roster_item_each(userd.roster, account, show_of_domain, &v))
    userd_failed("send presence after a change of the block list", bare);
}

/* Take back the directed presence too. */
static void
hide_directed(struct slice bare, struct wanted const *w)
{
  struct user const *u = user_find(bare);
  struct session *s;

  for (s = u ? u->sessions : NULL; s; s = s->next)
    presence_end_directed(s, &w->set);
}

/* ---- block and unblock ---- */

static enum verdict
store_refused(struct handle_ctx *ctx)
{
  if (errno == EDQUOT) return handle_error(ctx, ERR_RESOURCE_CONSTRAINT, "");
  if (errno == ENAMETOOLONG) return handle_error(ctx, ERR_NOT_ACCEPTABLE, "");
  return handle_error(ctx, ERR_INTERNAL, "");
}

/* Say whether the list has room for the items, were they all new. */
static bool
has_room(uint64_t account, struct wanted const *w)
{
  struct roster_counts c;
  size_t i;

  if (!roster_counts(userd.roster, account, &c)) return false;
  for (i = 0; i < w->n; i++) {
    errno = ENAMETOOLONG;
    if (w->v[i].full.len > ROSTER_JID_MAX) return false;
  }
  errno = EDQUOT;
  return c.blocked + w->n <= ROSTER_BLOCKED_MAX;
}

static enum verdict
block(struct handle_ctx *ctx, uint64_t account, struct wanted const *w)
{
  size_t i;

  show(ctx->account, w, false);
  hide_directed(ctx->account, w);
  for (i = 0; i < w->n; i++)
    if (!roster_block(userd.roster, account, ctx->account, w->v[i].full) &&
        errno != EEXIST)
      return store_refused(ctx);
  push(ctx->account, "block", w);
  tell_change(ctx->account, w, "add");
  return DONE;
}

enum verdict
xep0191_block(struct handle_ctx *ctx, struct stanza const *in, struct xml_node const *e,
              stralloc *out)
{
  uint64_t account = account_of(ctx);
  struct wanted w = {0};
  enum verdict v;

  (void)in;
  (void)out;
  if (!account || !read_items(ctx, e, &w)) return REFUSE;
  if (!w.n) return handle_error(ctx, ERR_BAD_REQUEST, "");
  if (!has_room(account, &w)) return store_refused(ctx);
  v = collect(&w) ? block(ctx, account, &w)
                  : handle_error(ctx, ERR_RESOURCE_CONSTRAINT, "");
  wanted_wipe(&w);
  return v;
}

static bool
count_address(void *cookie, struct slice address, struct slice owner)
{
  (void)address;
  (void)owner;
  ++*(size_t *)cookie;
  return true;
}

struct copying {
  struct arena *arena;
  struct wanted *w;
};

static bool
copy_address(void *cookie, struct slice address, struct slice owner)
{
  struct copying const *c = cookie;
  struct slice copy = arena_copy(c->arena, address);

  (void)owner;
  if (!copy.s) return false;
  c->w->v[c->w->n++] = jid_cut(copy);
  return true;
}

/* All addresses of the list, in ctx's arena. */
static bool
read_all(struct handle_ctx *ctx, uint64_t account, struct wanted *w)
{
  struct copying c = {ctx->arena, w};
  size_t n = 0;

  if (!roster_blocked_each(userd.roster, account, count_address, &n)) return false;
  w->n = 0;
  w->v = arena_alloc(ctx->arena, (n + 1) * sizeof *w->v);
  return w->v && roster_blocked_each(userd.roster, account, copy_address, &c) &&
         w->n == n;
}

/* Take the items off the list; those that were not on it are dropped from w. */
static bool
unblock(uint64_t account, struct wanted *w)
{
  size_t i, n = 0;

  for (i = 0; i < w->n; i++) {
    if (roster_unblock(userd.roster, account, w->v[i].full))
      w->v[n++] = w->v[i];
    else if (errno != ENOENT)
      return false;
  }
  w->n = n;
  return collect(w);
}

/* Tell routed of all addresses that were asked for, on the list or not: routed may not
 * have heard when an address was taken off the list. routed hears first, or it would not
 * let the presence through. */
enum verdict
xep0191_unblock(struct handle_ctx *ctx, struct stanza const *in, struct xml_node const *e,
                stralloc *out)
{
  uint64_t account = account_of(ctx);
  struct wanted w = {0}, gone;
  bool all;

  (void)in;
  (void)out;
  if (!account || !read_items(ctx, e, &w)) return REFUSE;
  all = !w.n;
  gone = w;
  if (all && !read_all(ctx, account, &gone)) return handle_error(ctx, ERR_INTERNAL, "");
  push(ctx->account, "unblock", &w);
  if (all)
    tell(ctx->account, &stralloc_zero, "");
  else
    tell_change(ctx->account, &w, "remove");
  if (!unblock(account, &gone)) {
    wanted_wipe(&gone);
    return handle_error(ctx, ERR_INTERNAL, "");
  }
  show(ctx->account, &gone, true);
  wanted_wipe(&gone);
  return DONE;
}
