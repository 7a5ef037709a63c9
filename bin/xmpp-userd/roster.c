#include "userd.h"

#include <errno.h>
#include <string.h>

/* The roster as clients get and change it (RFC 6121 s2). */

#define NS_ROSTER "jabber:iq:roster"

static char const *const subscription_names[ROSTER_STATES_N] = {
  [ROSTER_NONE] = "none",        [ROSTER_NONE_OUT] = "none", [ROSTER_NONE_IN] = "none",
  [ROSTER_NONE_OUT_IN] = "none", [ROSTER_TO] = "to",         [ROSTER_TO_IN] = "to",
  [ROSTER_FROM] = "from",        [ROSTER_FROM_OUT] = "from", [ROSTER_BOTH] = "both",
};

static bool
is_asking(enum roster_state s)
{
  return s == ROSTER_NONE_OUT || s == ROSTER_NONE_OUT_IN || s == ROSTER_FROM_OUT;
}

bool
roster_subscribed(struct slice account_bare, struct slice who_bare)
{
  uint64_t account = userd_number_with(account_bare, "mod_roster");
  struct roster_item item;

  return account && roster_item_get(userd.roster, account, who_bare, &item) &&
         roster_gives(item.state);
}

/* ---- writing ---- */

static bool
cat_groups(stralloc *out, struct slice groups)
{
  struct slice group;

  while (roster_group(&groups, &group))
    if (!xml_cat(out, "<group>") || !xml_cat_text(out, group) ||
        !xml_cat(out, "</group>"))
      return false;
  return true;
}

static bool
cat_item(stralloc *out, struct roster_item const *item)
{
  return xml_cat(out, "<item") && xml_cat_attr(out, "jid", item->jid) &&
         (!item->name.len || xml_cat_attr(out, "name", item->name)) &&
         xml_cat_attr(out, "subscription", slice_str(subscription_names[item->state])) &&
         (!is_asking(item->state) || xml_cat(out, " ask='subscribe'")) &&
         (!item->approved || xml_cat(out, " approved='true'")) &&
         (item->groups.len ? xml_cat(out, ">") && cat_groups(out, item->groups) &&
                               xml_cat(out, "</item>")
                           : xml_cat(out, "/>"));
}

static bool
cat_removed(stralloc *out, struct slice contact)
{
  return xml_cat(out, "<item") && xml_cat_attr(out, "jid", contact) &&
         xml_cat(out, " subscription='remove'/>");
}

/* s2.6: numbers of accounts are never given again, so that no client takes the roster of a
 * new account for that of an old one. */
static bool
cat_version(stralloc *out, uint64_t account)
{
  struct roster_counts c;
  char buf[BASE_NUM];

  return roster_counts(userd.roster, account, &c) &&
         stralloc_cats(out, num_u64(buf, account).s) && xml_cat(out, "-") &&
         stralloc_cats(out, num_u64(buf, c.version).s);
}

static bool
has_versions(struct slice host)
{
  return settings_bool(userd.settings, "mod_roster.versioning", host);
}

static bool
cat_query_open(stralloc *out, struct slice host, uint64_t account)
{
  return xml_cat(out, "<query xmlns='" NS_ROSTER "'") &&
         (!has_versions(host) ||
          (xml_cat(out, " ver='") && cat_version(out, account) && xml_cat(out, "'"))) &&
         xml_cat(out, ">");
}

/* ---- pushes (s2.1.6) ---- */

static uint64_t pushes;

void
roster_snapshot(struct snapshot *k)
{
  if (snapshot_record(k, "pushes", true)) SNAPSHOT_INT(k, pushes);
}

static void
push_to(struct link *routed, struct session const *s, struct slice query)
{
  static stralloc sa = STRALLOC_ZERO;
  char buf[BASE_NUM], id[8 + BASE_NUM] = "push";
  struct stanza st = {.to = slice_str(s->full),
                      .from = slice_str(s->user->bare),
                      .kind = SLICE("iq"),
                      .type = SLICE("set")};

  strcat(id, num_u64(buf, ++pushes).s);
  st.id = slice_str(id);
  sa.len = 0;
  if (!xml_cat(&sa, "<iq") || !xml_cat_attr(&sa, "to", st.to) ||
      !xml_cat_attr(&sa, "id", st.id) || !xml_cat(&sa, " type='set'>") ||
      !stralloc_catb(&sa, query.s, query.len) || !xml_cat(&sa, "</iq>"))
    return;
  st.xml = slice_of(sa.s, sa.len);
  stanza_put(routed, &st);
}

/* Give the item that a push shows of a contact: as it is stored now, or removed. */
static bool
cat_now(stralloc *out, uint64_t account, struct slice contact)
{
  struct roster_item item;

  if (!roster_item_get(userd.roster, account, contact, &item) && errno != ENOENT)
    return false;
  return item.listed ? cat_item(out, &item) : cat_removed(out, contact);
}

void
roster_push(struct slice bare, uint64_t account, struct slice contact)
{
  static stralloc query = STRALLOC_ZERO;
  struct user const *u = user_find(bare);
  struct link *routed = link_find(ROUTED);
  struct session const *s;

  query.len = 0;
  if (!roster_touch(userd.roster, account) ||
      !cat_query_open(&query, jid_cut(bare).domain, account) ||
      !cat_now(&query, account, contact) || !xml_cat(&query, "</query>")) {
    userd_failed("send roster pushes", bare);
    return;
  }
  for (s = u && routed ? u->sessions : NULL; s; s = s->next)
    if (s->wants_roster) push_to(routed, s, slice_of(query.s, query.len));
}

/* ---- requests ---- */

static enum verdict
store_refused(struct handle_ctx *ctx)
{
  if (errno == EDQUOT || errno == ENOMEM)
    return handle_error(ctx, ERR_RESOURCE_CONSTRAINT, "");
  if (errno == ENAMETOOLONG) return handle_error(ctx, ERR_NOT_ACCEPTABLE, "");
  return handle_error(ctx, ERR_INTERNAL, "");
}

/* The account whose roster is asked for: the sender's own (s2.3.3). 0: refused. */
static uint64_t
account_of(struct handle_ctx *ctx)
{
  return userd_own_number(ctx);
}

struct listing {
  stralloc *out;
  bool ok;
};

/* A roster that was stored before there was a limit of bytes may be longer than a record:
 * behind that limit its items have no name and no groups. */
static bool
list_item(void *cookie, struct roster_item const *item)
{
  struct listing *ls = cookie;
  struct roster_item plain = *item;

  if (!item->listed) return true;
  if (ls->out->len > ACCOUNT_ROSTER_BYTES) plain.name = plain.groups = SLICE("");
  ls->ok = cat_item(ls->out, &plain);
  return ls->ok;
}

/* s2.6.3: the client has what there is; an empty result says so. */
static bool
is_current(struct xml_node const *e, uint64_t account)
{
  struct slice ver = xml_attr(e, "ver");
  stralloc now = STRALLOC_ZERO;
  bool same =
    ver.len && cat_version(&now, account) && slice_eq(ver, slice_of(now.s, now.len));

  stralloc_free(&now);
  return same;
}

enum verdict
roster_get(struct handle_ctx *ctx, struct stanza const *in, struct xml_node const *e,
           stralloc *out)
{
  uint64_t account = account_of(ctx);
  struct listing ls = {out, true};

  (void)in;
  if (slice_eq(ctx->account, ctx->from.bare) && userd_is_anonymous(&ctx->from))
    return xml_cat(out, "<query xmlns='" NS_ROSTER "'/>") ? DONE : REFUSE;
  if (!account) return REFUSE;
  if (has_versions(ctx->host) && is_current(e, account)) return DONE;
  if (cat_query_open(out, ctx->host, account) &&
      roster_item_each(userd.roster, account, list_item, &ls) && ls.ok &&
      xml_cat(out, "</query>"))
    return DONE;
  return handle_error(ctx, ERR_INTERNAL, "");
}

/* s2.5: nothing is left of the contact, on neither side. */
static enum verdict
remove_item(struct handle_ctx *ctx, struct stanza const *in, uint64_t account,
            struct slice contact)
{
  struct roster_item item;

  if (!roster_item_get(userd.roster, account, contact, &item) && errno != ENOENT)
    return store_refused(ctx);
  if (!item.listed && stanza_is_again(in)) {
    /* The request that came before may have removed the contact. */
    item = (struct roster_item){.jid = contact, .state = ROSTER_BOTH};
    roster_push(ctx->account, account, contact);
    watch_roster(ctx->account, contact, item.state, ROSTER_NONE);
    subscription_cancel(ctx->account, &item);
    return DONE;
  }
  if (!item.listed) return handle_error(ctx, ERR_ITEM_NOT_FOUND, "");
  if (!roster_item_del(userd.roster, account, contact) ||
      !roster_request_del(userd.roster, account, contact))
    return store_refused(ctx);
  roster_push(ctx->account, account, contact);
  watch_roster(ctx->account, contact, item.state, ROSTER_NONE);
  subscription_cancel(ctx->account, &item);
  return DONE;
}

static bool
has_group(struct slice groups, struct slice group)
{
  struct slice other;

  while (roster_group(&groups, &other))
    if (slice_eq(other, group)) return true;
  return false;
}

/* Read the groups of an item into packed. false: ctx->error says why (s2.3.3). */
static bool
read_groups(struct handle_ctx *ctx, struct xml_node const *item, stralloc *packed)
{
  struct xml_node const *e;
  struct slice group;
  unsigned int n = 0;

  for (e = xml_next(item, NULL); e; e = xml_next(item, e)) {
    if (!xml_is(e, NS_ROSTER, "group")) continue;
    group = xml_text(ctx->arena, e);
    ctx->error = ERR_NOT_ACCEPTABLE;
    if (!group.len || group.len > ROSTER_GROUP_MAX || ++n > ROSTER_GROUPS_MAX)
      return false;
    ctx->error = ERR_BAD_REQUEST;
    if (has_group(slice_of(packed->s, packed->len), group)) return false;
    ctx->error = ERR_RESOURCE_CONSTRAINT;
    if (!roster_cat_group(packed, group)) return false;
  }
  return true;
}

/* Say whether both packed texts have the same groups. */
static bool
same_groups(struct slice a, struct slice b)
{
  struct slice rest = a, group;

  if (a.len != b.len) return false;
  while (roster_group(&rest, &group))
    if (!has_group(b, group)) return false;
  return true;
}

/* s2.3, s2.4: name and groups are the client's; the subscription is not. */
static enum verdict
set_item(struct handle_ctx *ctx, uint64_t account, struct slice contact,
         struct xml_node const *e)
{
  static stralloc groups = STRALLOC_ZERO;
  struct slice name = xml_attr(e, "name");
  struct roster_item item;
  bool regrouped;

  groups.len = 0;
  if (name.len > ROSTER_NAME_MAX) return handle_error(ctx, ERR_NOT_ACCEPTABLE, "");
  if (!read_groups(ctx, e, &groups)) return REFUSE;
  if (!roster_item_get(userd.roster, account, contact, &item) && errno != ENOENT)
    return store_refused(ctx);
  item.listed = true;
  item.name = name.len ? name : SLICE("");
  regrouped = !same_groups(item.groups, slice_of(groups.s, groups.len));
  item.groups = slice_of(groups.s, groups.len);
  if (!roster_item_put(userd.roster, account, &item)) return store_refused(ctx);
  roster_push(ctx->account, account, contact);
  if (regrouped) watch_roster(ctx->account, contact, item.state, item.state);
  return DONE;
}

enum verdict
roster_set(struct handle_ctx *ctx, struct stanza const *in, struct xml_node const *e,
           stralloc *out)
{
  uint64_t account = account_of(ctx);
  struct xml_node const *item = xml_next(e, NULL);
  struct jid contact;

  (void)out;
  if (!account) return REFUSE;
  if (!userd_may_change(&ctx->from)) return handle_error(ctx, ERR_NOT_ALLOWED, "");
  if (!xml_is(item, NS_ROSTER, "item") || xml_next(e, item) || !xml_attr(item, "jid").len)
    return handle_error(ctx, ERR_BAD_REQUEST, "");
  if (!jid_parse(ctx->arena, xml_attr(item, "jid"), &contact))
    return handle_error(ctx, ERR_JID_MALFORMED, "");
  if (slice_eq(contact.bare, ctx->account)) return handle_error(ctx, ERR_NOT_ALLOWED, "");
  if (slice_is(xml_attr(item, "subscription"), "remove"))
    return remove_item(ctx, in, account, contact.bare);
  return set_item(ctx, account, contact.bare, item);
}
