#include "profile.h"

#include <errno.h>

/* XEP-0012 for accounts: when they were last there. A host's uptime is not ours. */

#define NS_LAST "jabber:iq:last"

void
xep0012_gone(struct slice bare, struct slice status)
{
  uint64_t number = userd_number_with(bare, "mod_last");

  if (number) profile_last_put(userd.profile, number, door_wall(), status);
}

bool
xep0012_cat_gone(stralloc *out, struct slice bare)
{
  uint64_t number = userd_number_with(bare, "mod_last"), us;
  struct slice status;
  char stamp[STAMP_SIZE];

  if (!number || !profile_last_get(userd.profile, number, &us, &status)) return true;
  return (!status.len || (xml_cat(out, "<status>") && xml_cat_text(out, status) &&
                          xml_cat(out, "</status>"))) &&
         xml_cat(out, "<delay xmlns='urn:xmpp:delay'") &&
         xml_cat_attr(out, "from", bare) &&
         xml_cat_attr(out, "stamp", stamp_s(stamp, us / 1000000)) && xml_cat(out, "/>");
}

static bool
cat_last(stralloc *out, uint64_t seconds, struct slice status)
{
  char buf[BASE_NUM];

  return xml_cat(out, "<query xmlns='" NS_LAST "'") &&
         xml_cat_attr(out, "seconds", num_u64(buf, seconds)) &&
         (status.len
            ? xml_cat(out, ">") && xml_cat_text(out, status) && xml_cat(out, "</query>")
            : xml_cat(out, "/>"));
}

/* s3: an entity that may see the account's presence may know, and nobody else (s8): it is
 * forbidden whether there is such an account or not. An account that is online has 0 seconds
 * and no status; one that never was has nothing to tell. */
enum verdict
xep0012_last(struct handle_ctx *ctx, struct stanza const *in, struct xml_node const *e,
             stralloc *out)
{
  uint64_t number, us = door_wall();
  struct slice status = SLICE("");

  (void)in;
  (void)e;
  number = roster_subscribed(ctx->account, ctx->from.bare) ? userd_number(ctx->account)
                                                           : userd_own_number(ctx);
  if (!number) return REFUSE;
  if (!presence_is_online(ctx->account) &&
      !profile_last_get(userd.profile, number, &us, &status))
    return handle_error(ctx, errno == ENOENT ? ERR_ITEM_NOT_FOUND : ERR_INTERNAL, "");
  /* The clock may have been set back since. */
  us = us < door_wall() ? door_wall() - us : 0;
  if (cat_last(out, us / 1000000, status)) return DONE;
  return handle_error(ctx, ERR_RESOURCE_CONSTRAINT, "");
}
