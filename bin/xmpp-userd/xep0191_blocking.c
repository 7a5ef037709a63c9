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

/* ---- what routed is told ---- */

static bool
add_line(void *cookie, struct slice address, struct slice owner)
{
  stralloc *lines = cookie;

  (void)owner;
  return (!lines->len || stralloc_catb(lines, "\n", 1)) &&
         stralloc_catb(lines, address.s, address.len);
}

static void
tell(struct link *routed, struct slice bare, uint64_t account)
{
  static stralloc lines = STRALLOC_ZERO;

  lines.len = 0;
  if (!roster_blocked_each(userd.roster, account, add_line, &lines)) {
    userd_failed("read a block list", bare);
    return;
  }
  link_begin(routed, VERB_BLOCKS);
  link_text(routed, bare);
  link_text(routed, slice_of(lines.s, lines.len));
  link_end(routed);
}

struct announcement {
  struct link *routed;
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
  if (userd_number_with(owner, "mod_blocking") == account)
    tell(a->routed, owner, account);
  return true;
}

void
blocking_announce(struct link *routed)
{
  struct announcement a = {.routed = routed};

  if (!roster_blocked_all(userd.roster, announce_one, &a))
    userd_failed("read the block lists", SLICE(""));
}

/* ---- requests ---- */

static enum verdict
refuse(struct handle_ctx *ctx, enum stanza_error e)
{
  ctx->error = e;
  return REFUSE;
}

static uint64_t
account_of(struct handle_ctx *ctx)
{
  uint64_t account = userd_number_with(ctx->account, "mod_blocking");

  if (account && slice_eq(ctx->account, ctx->from.bare)) return account;
  ctx->error = account ? ERR_FORBIDDEN : ERR_SERVICE_UNAVAILABLE;
  return 0;
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
  return refuse(ctx, ERR_INTERNAL);
}

/* The prepared addresses of the items, in ctx's arena, as a push has them. n 0: the request
 * has no items. */
struct wanted {
  struct jid *v;
  size_t n;
};

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

static void
push(struct slice bare, char const *name, struct wanted const *w)
{
  static stralloc sa = STRALLOC_ZERO;
  static uint64_t pushes;
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

bool
blocking_stands_for(struct jid const *item, struct jid const *j)
{
  if (item->local.len && !slice_eq(item->local, j->local)) return false;
  if (!slice_eq(item->domain, j->domain)) return false;
  return !item->resource.len || slice_eq(item->resource, j->resource);
}

struct showing {
  struct slice bare;
  uint64_t account;
  struct jid const *item;
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

/* A contact of the item's domain or bare address; of a full address, that one only. Who is
 * blocked by another item too sees nothing of it. */
static bool
show_contact(void *cookie, struct roster_item const *item)
{
  struct showing const *v = cookie;
  struct jid contact = jid_cut(item->jid);

  contact.resource = v->item->resource;
  contact.full = v->item->resource.len ? v->item->full : item->jid;
  if (!blocking_stands_for(v->item, &contact) ||
      (contact.resource.len && !v->item->local.len) || blocking_has(v->bare, &contact))
    return true;
  if (roster_gives(item->state)) presence_tell(v->bare, contact.full, v->available);
  if (v->available && roster_takes(item->state)) ask(v->bare, item->jid);
  return true;
}

/* The contacts that the item stands for, of those that get presence, see the account go or
 * come (XEP-0191 s3.3, s3.4). */
static void
show(struct slice bare, struct jid const *item, bool available)
{
  struct showing v = {.bare = bare, .item = item, .available = available};
  uint64_t account = userd_number_with(bare, "mod_roster");

  if (account && !roster_item_each(userd.roster, account, show_contact, &v))
    userd_failed("show presence", bare);
}

/* What was shown by directed presence is taken back too. */
static void
hide_directed(struct slice bare, struct jid const *item)
{
  struct user const *u = user_find(bare);
  struct session *s;

  for (s = u ? u->sessions : NULL; s; s = s->next)
    presence_end_directed(s, item);
}

/* ---- block and unblock ---- */

static enum verdict
store_refused(struct handle_ctx *ctx)
{
  if (errno == EDQUOT) return refuse(ctx, ERR_RESOURCE_CONSTRAINT);
  if (errno == ENAMETOOLONG) return refuse(ctx, ERR_NOT_ACCEPTABLE);
  return refuse(ctx, ERR_INTERNAL);
}

/* Whether the list has room for them, were they all new. */
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

enum verdict
xep0191_block(struct handle_ctx *ctx, struct stanza const *in, struct xml_node const *e,
              stralloc *out)
{
  uint64_t account = account_of(ctx);
  struct link *routed = link_find(ROUTED);
  struct wanted w;
  size_t i;

  (void)in;
  (void)out;
  if (!account || !read_items(ctx, e, &w)) return REFUSE;
  if (!w.n) return refuse(ctx, ERR_BAD_REQUEST);
  if (!has_room(account, &w)) return store_refused(ctx);
  for (i = 0; i < w.n; i++) {
    show(ctx->account, &w.v[i], false);
    hide_directed(ctx->account, &w.v[i]);
  }
  for (i = 0; i < w.n; i++)
    if (!roster_block(userd.roster, account, ctx->account, w.v[i].full) &&
        errno != EEXIST)
      return store_refused(ctx);
  push(ctx->account, "block", &w);
  if (routed) tell(routed, ctx->account, account);
  return DONE;
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
  return true;
}

/* routed knows first, or it would not let the presence through. */
enum verdict
xep0191_unblock(struct handle_ctx *ctx, struct stanza const *in, struct xml_node const *e,
                stralloc *out)
{
  uint64_t account = account_of(ctx);
  struct link *routed = link_find(ROUTED);
  struct wanted w, gone;
  size_t i;

  (void)in;
  (void)out;
  if (!account || !read_items(ctx, e, &w)) return REFUSE;
  gone = w;
  if (!w.n && !read_all(ctx, account, &gone)) return refuse(ctx, ERR_INTERNAL);
  push(ctx->account, "unblock", &w);
  if (!unblock(account, &gone)) return refuse(ctx, ERR_INTERNAL);
  if (routed) tell(routed, ctx->account, account);
  for (i = 0; i < gone.n; i++)
    show(ctx->account, &gone.v[i], true);
  return DONE;
}
