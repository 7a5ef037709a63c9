#include "export.h"

#include <errno.h>
#include <string.h>

/* Contacts, requests, vCard, private XML, who is blocked. */

static char const *
subscription(enum roster_state s)
{
  if (roster_gives(s)) return roster_takes(s) ? "both" : "from";
  return roster_takes(s) ? "to" : "none";
}

static bool
asks(enum roster_state s)
{
  return s == ROSTER_NONE_OUT || s == ROSTER_NONE_OUT_IN || s == ROSTER_FROM_OUT;
}

static bool
cat_item(void *cookie, struct roster_item const *item)
{
  struct export *x = cookie;
  struct slice groups = item->groups, group;
  bool ok;

  if (!item->listed) return true;
  ok = xml_cat(&x->text, "<item") && xml_cat_attr(&x->text, "jid", item->jid) &&
       (!item->name.len || xml_cat_attr(&x->text, "name", item->name)) &&
       xml_cat_attr(&x->text, "subscription", slice_str(subscription(item->state))) &&
       (!asks(item->state) || xml_cat(&x->text, " ask='subscribe'")) &&
       (!item->approved || xml_cat(&x->text, " approved='true'")) &&
       xml_cat(&x->text, ">");
  while (ok && roster_group(&groups, &group))
    ok = xml_cat(&x->text, "<group>") && xml_cat_text(&x->text, group) &&
         xml_cat(&x->text, "</group>");
  return ok && xml_cat(&x->text, "</item>\n");
}

static bool
cat_request(void *cookie, struct slice jid, struct slice text)
{
  struct export *x = cookie;

  (void)jid;
  return export_cat_stanza(&x->text, text);
}

void
export_roster(struct export *x)
{
  if (!xml_cat(&x->text, "<query xmlns='" NS_ROSTER "'>\n") ||
      !roster_item_each(move.roster, x->number, cat_item, x) ||
      !xml_cat(&x->text, "</query>\n") ||
      !roster_request_each(move.roster, x->number, cat_request, x))
    move_fail("read a roster");
  export_flush(x);
}

static bool
cat_private(void *cookie, struct slice text)
{
  struct export *x = cookie;

  return stralloc_catb(&x->text, text.s, text.len) && xml_cat(&x->text, "\n");
}

void
export_profile(struct export *x)
{
  struct slice card;

  if (profile_vcard_get(move.profile, x->number, &card, NULL)) {
    if (!stralloc_catb(&x->text, card.s, card.len) ||
        (card.len && !xml_cat(&x->text, "\n")))
      move_fail("copy a vCard");
  } else if (errno != ENOENT) {
    move_fail("read a vCard");
  }
  if (!xml_cat(&x->text, "<query xmlns='" NS_PRIVATE "'>\n") ||
      !profile_private_each(move.profile, x->number, cat_private, x) ||
      !xml_cat(&x->text, "</query>\n"))
    move_fail("read private XML");
  export_flush(x);
}

static bool
cat_blocked(void *cookie, struct slice jid, struct slice owner)
{
  struct export *x = cookie;

  (void)owner;
  return xml_cat(&x->text, "<item type='jid'") && xml_cat_attr(&x->text, "value", jid) &&
         xml_cat(&x->text, " action='deny' order='1'/>\n");
}

/* As a list of XEP-0016, which other servers read, and which import reads. */
void
export_blocked(struct export *x)
{
  struct roster_counts c;

  if (!roster_counts(move.roster, x->number, &c)) move_fail("read a block list");
  if (!c.blocked) return;
  if (!xml_cat(&x->text, "<query xmlns='" NS_PRIVACY "'><default name='blocked'/>"
                         "<list name='blocked'>\n") ||
      !roster_blocked_each(move.roster, x->number, cat_blocked, x) ||
      !xml_cat(&x->text, "<item action='allow' order='2'/></list></query>\n"))
    move_fail("read a block list");
  export_flush(x);
}
