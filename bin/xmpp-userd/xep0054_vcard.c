#include "nodes.h"

#include <openssl/evp.h>

#include <errno.h>
#include <string.h>

/* XEP-0054. The vCard is kept as text and given as it is; beside it what others than its
 * readers need of it: the hash of the picture (XEP-0153), and what can be searched for
 * (XEP-0055). */

/* ---- get ---- */

/* s4: an entity that reports vcard-temp has one; a host's says which host it is. */
static enum verdict
host_card(struct handle_ctx *ctx, stralloc *out)
{
  if (xml_cat(out, "<vCard xmlns='" NS_VCARD "'><FN>") && xml_cat_text(out, ctx->host) &&
      xml_cat(out, "</FN><JABBERID>") && xml_cat_text(out, ctx->host) &&
      xml_cat(out, "</JABBERID></vCard>"))
    return DONE;
  ctx->error = ERR_RESOURCE_CONSTRAINT;
  return REFUSE;
}

/* The stored vCard; with the picture of the account's nodes where those are the truth. */
static bool
cat_card(struct handle_ctx *ctx, uint64_t number, struct slice text, struct slice hash,
         stralloc *out)
{
  bool own = slice_eq(ctx->account, ctx->from.bare);

  if (!nodes_has(ctx->host, "mod_avatar")) return stralloc_catb(out, text.s, text.len);
  return avatar_cat_card(ctx->arena, number, text, hash, own, out);
}

/* s3.1: one's own vCard that is not there is item-not-found. s3.3: another's is
 * service-unavailable, whether it is the vCard or the account that is not there: nobody learns
 * which accounts there are. */
enum verdict
xep0054_get(struct handle_ctx *ctx, struct stanza const *in, struct xml_node const *e,
            stralloc *out)
{
  uint64_t number;
  struct slice text = SLICE(""), hash = SLICE("");
  size_t before = out->len;

  (void)in;
  (void)e;
  if (!ctx->account.len) return host_card(ctx, out);
  number = userd_number(ctx->account);
  if (!number) return REFUSE;
  if (!profile_vcard_get(userd.profile, number, &text, &hash) && errno != ENOENT) {
    ctx->error = ERR_INTERNAL;
    return REFUSE;
  }
  if (cat_card(ctx, number, text, hash, out)) {
    if (out->len > before) return DONE;
    errno = ENOENT;
  }
  if (errno != ENOENT)
    ctx->error = ERR_INTERNAL;
  else if (slice_eq(ctx->account, ctx->from.bare))
    ctx->error = ERR_ITEM_NOT_FOUND;
  return REFUSE;
}

/* ---- the picture ---- */

/* The SHA-1 of the first picture of the vCard; empty when it has none. */
static bool
hash_photo(struct handle_ctx *ctx, struct xml_node const *card, char buf[PROFILE_HASH],
           struct slice *hash)
{
  struct xml_node const *e = xml_child(card, NS_VCARD, "PHOTO");
  struct slice text;
  char *bytes;
  size_t len;

  *hash = SLICE("");
  if (e) e = xml_child(e, NS_VCARD, "BINVAL");
  if (!e) return true;
  text = xml_text(ctx->arena, e);
  bytes = text.s ? arena_alloc(ctx->arena, text.len + 1) : NULL;
  ctx->error = ERR_RESOURCE_CONSTRAINT;
  if (!bytes) return false;
  if (!avatar_decode(text, bytes, &len)) {
    ctx->error = ERR_BAD_REQUEST;
    ctx->text = SLICE("the picture is not base64");
    return false;
  }
  if (!len) return true;
  if (!EVP_Digest(bytes, len, (unsigned char *)buf, NULL, EVP_sha1(), NULL)) return false;
  *hash = slice_of(buf, PROFILE_HASH);
  return true;
}

/* ---- set ---- */

static bool
fits(struct handle_ctx *ctx, stralloc const *text)
{
  if (text->len <= PROFILE_VCARD_MAX) return true;
  ctx->error = ERR_NOT_ACCEPTABLE;
  ctx->text = SLICE("the vCard is too large");
  return false;
}

/* Store e as the vCard of the account; *changed: its picture is another one now. */
static bool
store_card(struct handle_ctx *ctx, uint64_t number, struct xml_node const *e,
           stralloc *text, bool *changed)
{
  struct profile_card card;
  struct slice hash, old;
  char buf[PROFILE_HASH];

  if (!hash_photo(ctx, e, buf, &hash)) return false;
  ctx->error = ERR_RESOURCE_CONSTRAINT;
  if (!xml_cat_tree(text, e, "jabber:client") || !fits(ctx, text)) return false;
  if (!profile_vcard_get(userd.profile, number, NULL, &old)) old = SLICE("");
  *changed = !slice_eq(old, hash);
  profile_card_read(ctx->arena, ctx->account, e, &card);
  ctx->error = ERR_INTERNAL;
  return profile_vcard_put(userd.profile, number, slice_of(text->s, text->len), hash,
                           &card);
}

bool
xep0054_store(struct arena *a, struct slice account, uint64_t number,
              struct xml_node const *card, enum stanza_error *error, struct slice *say)
{
  struct handle_ctx ctx = {.arena = a, .account = account};
  struct profile_card columns;
  stralloc text = STRALLOC_ZERO, kept = STRALLOC_ZERO;
  struct slice hash = SLICE("");
  bool ok;

  profile_card_read(a, account, card, &columns);
  profile_vcard_get(userd.profile, number, NULL, &hash);
  ctx.error = ERR_RESOURCE_CONSTRAINT;
  ok = avatar_cat_without(&text, card) && fits(&ctx, &text) &&
       stralloc_copyb(&kept, hash.s, hash.len);
  if (ok) ctx.error = ERR_INTERNAL;
  ok = ok && profile_vcard_put(userd.profile, number, slice_of(text.s, text.len),
                               slice_of(kept.s, kept.len), &columns);
  stralloc_free(&text);
  stralloc_free(&kept);
  *error = ctx.error;
  *say = ctx.text;
  return ok;
}

/* s3.2: only one's own. A new picture is told to all who see the account. */
enum verdict
xep0054_set(struct handle_ctx *ctx, struct stanza const *in, struct xml_node const *e,
            stralloc *out)
{
  stralloc text = STRALLOC_ZERO;
  bool changed = false, stored;
  uint64_t number;

  (void)out;
  number = userd_own_number(ctx);
  if (!number) return REFUSE;
  if (nodes_has(ctx->host, "mod_avatar")) return avatar_set(ctx, in, number, e);
  stored = store_card(ctx, number, e, &text, &changed);
  stralloc_free(&text);
  if (!stored) return REFUSE;
  if (changed && userd_has(ctx->host, "mod_vcard_xupdate")) presence_again(ctx->account);
  return DONE;
}
