#include "nodes.h"

#include <errno.h>

/* XEP-0049: XML that a client keeps at the server, by the name and namespace of its root. */

#define NS_PRIVATE "jabber:iq:private"

struct piece {
  struct slice ns, name, text;
};

/* The account whose private XML is asked for: the sender's own, else forbidden (s2.3). 0: the
 * error is set. */
static uint64_t
own_account(struct handle_ctx *ctx)
{
  return userd_own_number(ctx);
}

/* s2.3: it must have a namespace of its own, and not a reserved one. */
static bool
may_keep(struct handle_ctx *ctx, struct xml_node const *e)
{
  if (!e->ns.len || slice_is(e->ns, NS_PRIVATE))
    return handle_wrong(ctx, ERR_NOT_ACCEPTABLE,
                        "the element has no namespace of its own");
  if (slice_starts(e->ns, "jabber:") || slice_starts(e->ns, "http://jabber.org/") ||
      slice_is(e->ns, NS_VCARD))
    return handle_wrong(ctx, ERR_NOT_ACCEPTABLE, "the namespace is reserved");
  return true;
}

static bool
is_bookmarks(struct handle_ctx const *ctx, struct xml_node const *e)
{
  return xml_is(e, NS_BOOKMARKS_OLD, "storage") && nodes_has(ctx->host, "mod_private");
}

/* ---- get ---- */

/* Put the stored element, or the element without anything. */
static bool
cat_stored(struct handle_ctx const *ctx, stralloc *out, uint64_t number,
           struct xml_node const *e)
{
  struct slice text;

  if (is_bookmarks(ctx, e)) return bookmarks_cat(number, out);
  if (profile_private_get(userd.profile, number, e->ns, e->name, &text))
    return stralloc_catb(out, text.s, text.len);
  return errno == ENOENT && xml_cat(out, "<") &&
         stralloc_catb(out, e->name.s, e->name.len) &&
         xml_cat_attr(out, "xmlns", e->ns) && xml_cat(out, "/>");
}

/* s2.3: one element says what is wanted; none is a bad request (s3). */
enum verdict
xep0049_get(struct handle_ctx *ctx, struct stanza const *in, struct xml_node const *e,
            stralloc *out)
{
  struct xml_node const *child = xml_next(e, NULL);
  uint64_t number = own_account(ctx);

  (void)in;
  if (!number) return REFUSE;
  if (!child || xml_next(e, child))
    return handle_error(ctx, ERR_BAD_REQUEST, "expected one element");
  if (!may_keep(ctx, child)) return REFUSE;
  if (xml_cat(out, "<query xmlns='" NS_PRIVATE "'>") &&
      cat_stored(ctx, out, number, child) && xml_cat(out, "</query>"))
    return DONE;
  return handle_error(ctx, ERR_INTERNAL, "");
}

/* ---- set ---- */

static bool
same_name(struct xml_node const *a, struct xml_node const *b)
{
  return slice_eq(a->name, b->name) && slice_eq(a->ns, b->ns);
}

/* Say whether a child before c has the same name: c is a part of the piece of that
 * child then. */
static bool
said_before(struct xml_node const *e, struct xml_node const *c)
{
  struct xml_node const *b;

  for (b = xml_next(e, NULL); b != c; b = xml_next(e, b))
    if (same_name(b, c)) return true;
  return false;
}

/* All children of e with the name of c, as one text. */
static bool
read_piece(struct handle_ctx *ctx, struct xml_node const *e, struct xml_node const *c,
           struct piece *out)
{
  stralloc text = STRALLOC_ZERO, rooms = STRALLOC_ZERO;
  struct xml_node const *d;
  bool ok = true;

  for (d = c; d && ok; d = xml_next(e, d))
    if (same_name(d, c))
      ok = is_bookmarks(ctx, d) ? bookmarks_split(d, &text, &rooms)
                                : xml_cat_tree(&text, d, "jabber:client");
  stralloc_free(&rooms);
  *out = (struct piece){c->ns, c->name,
                        arena_copy(ctx->arena, slice_of(text.s, ok ? text.len : 0))};
  stralloc_free(&text);
  if (!ok || !out->text.s) return handle_wrong(ctx, ERR_RESOURCE_CONSTRAINT, "");
  if (out->text.len > PROFILE_PRIVATE_MAX)
    return handle_wrong(ctx, ERR_NOT_ACCEPTABLE, "the element is too large");
  if (c->ns.len + c->name.len > PROFILE_PRIVATE_NAME_MAX)
    return handle_wrong(ctx, ERR_NOT_ACCEPTABLE, "the name is too long");
  return true;
}

/* Read all before any is stored: a request is done whole, or not at all. */
static bool
read_pieces(struct handle_ctx *ctx, struct xml_node const *e, struct piece *pieces,
            size_t *n)
{
  struct xml_node const *c = xml_next(e, NULL);
  size_t children = 0;

  *n = 0;
  if (!c) return handle_wrong(ctx, ERR_NOT_ACCEPTABLE, "expected an element");
  for (; c; c = xml_next(e, c)) {
    if (++children > PROFILE_PRIVATE_ELEMENTS_MAX)
      return handle_wrong(ctx, ERR_NOT_ACCEPTABLE, "too many elements");
    if (!may_keep(ctx, c)) return false;
    if (said_before(e, c)) continue;
    if (!read_piece(ctx, e, c, &pieces[(*n)++])) return false;
  }
  return true;
}

/* Say whether the account has room for the n pieces. An account above its limits may
 * still replace a piece by one that is no longer. */
static bool
have_room(struct handle_ctx *ctx, uint64_t number, struct piece const *pieces, size_t n)
{
  size_t i, bytes, had;
  unsigned int have;
  struct slice old;

  if (!profile_private_size(userd.profile, number, &have, &bytes))
    return handle_wrong(ctx, ERR_INTERNAL, "");
  had = bytes;
  for (i = 0; i < n; i++) {
    bytes += pieces[i].text.len;
    if (profile_private_get(userd.profile, number, pieces[i].ns, pieces[i].name, &old))
      bytes -= old.len;
    else {
      have++;
      bytes += pieces[i].ns.len + pieces[i].name.len + 1;
    }
  }
  if (have > PROFILE_PRIVATE_ELEMENTS_MAX)
    return handle_wrong(ctx, ERR_RESOURCE_CONSTRAINT, "there are too many elements");
  if (bytes > had && bytes > ACCOUNT_PRIVATE_BYTES)
    return handle_wrong(ctx, ERR_RESOURCE_CONSTRAINT, "there is too much private XML");
  return true;
}

static bool
store_pieces(struct handle_ctx *ctx, uint64_t number, struct piece const *pieces,
             size_t n)
{
  size_t i;

  for (i = 0; i < n; i++)
    if (!profile_private_put(userd.profile, number, pieces[i].ns, pieces[i].name,
                             pieces[i].text))
      return handle_wrong(ctx, ERR_INTERNAL, "");
  return true;
}

/* Read the request and check it; false: ctx has the reason. */
static bool
check(struct handle_ctx *ctx, uint64_t number, struct xml_node const *e,
      struct piece pieces[PROFILE_PRIVATE_ELEMENTS_MAX], size_t *n)
{
  return read_pieces(ctx, e, pieces, n) && have_room(ctx, number, pieces, *n);
}

bool
xep0049_store(struct arena *a, struct slice account, uint64_t number,
              struct xml_node const *query, enum stanza_error *error, struct slice *say)
{
  struct piece pieces[PROFILE_PRIVATE_ELEMENTS_MAX];
  struct handle_ctx ctx = {
    .arena = a, .account = account, .host = jid_cut(account).domain};
  size_t n;
  bool ok =
    check(&ctx, number, query, pieces, &n) && store_pieces(&ctx, number, pieces, n);

  *error = ctx.error;
  *say = ctx.text;
  return ok;
}

/* The rooms of the last element storage go to the node of bookmarks first, and all else is stored
 * behind its answer. */
static enum verdict
set_bookmarks(struct handle_ctx *ctx, struct stanza const *in, uint64_t number,
              struct xml_node const *storage)
{
  stralloc rest = STRALLOC_ZERO, rooms = STRALLOC_ZERO;
  struct node_task *t = NULL;

  if (bookmarks_split(storage, &rest, &rooms)) t = node_begin(in, ctx->account, number);
  if (t)
    node_publish(t, NS_BOOKMARKS_OLD, SLICE("current"), slice_of(rooms.s, rooms.len),
                 false, bookmarks_go_on);
  stralloc_free(&rest);
  stralloc_free(&rooms);
  return t ? LATER : handle_error(ctx, ERR_RESOURCE_CONSTRAINT, "");
}

enum verdict
xep0049_set(struct handle_ctx *ctx, struct stanza const *in, struct xml_node const *e,
            stralloc *out)
{
  struct piece pieces[PROFILE_PRIVATE_ELEMENTS_MAX];
  uint64_t number = own_account(ctx);
  struct xml_node const *c;
  size_t n;

  (void)out;
  if (!number || !check(ctx, number, e, pieces, &n)) return REFUSE;
  for (c = xml_next(e, NULL); c; c = xml_next(e, c))
    if (is_bookmarks(ctx, c)) return set_bookmarks(ctx, in, number, c);
  return store_pieces(ctx, number, pieces, n) ? DONE : REFUSE;
}
