#include "hats.h"
#include "mucd.h"

#include <string.h>

/* Requests to a room or a service, by what is in them. */

void
result(struct in *in, struct slice inside)
{
  if (mucd.routed) handle_result(mucd.routed, &in->st, inside);
}

/* Say whether the payload is one that nobody sets. */
static bool
is_for_reading(struct xml_node const *p)
{
  return xml_is(p, NS_DISCO_INFO, "query") || xml_is(p, NS_DISCO_ITEMS, "query") ||
         xml_is(p, NS_VCARD, "vCard");
}

static void
to_service(struct in *in, struct xml_node const *p)
{
  bool get = slice_is(in->st.type, "get");

  if (get && xml_is(p, NS_DISCO_INFO, "query"))
    disco_info(in, p);
  else if (get && xml_is(p, NS_DISCO_ITEMS, "query"))
    disco_items(in, p);
  else if (get && xml_is(p, NS_PING, "ping"))
    result(in, SLICE(""));
  else if (get && xml_is(p, NS_VCARD, "vCard"))
    vcard_read(in);
  else if (is_for_reading(p))
    refuse(&in->st, ERR_NOT_ALLOWED, "", "this can only be read");
  else if (xml_is(p, NS_REGISTER, "query") && get)
    register_get(in);
  else if (xml_is(p, NS_REGISTER, "query"))
    register_set(in, p);
  else
    refuse(&in->st, ERR_SERVICE_UNAVAILABLE, "", "");
}

static bool
to_owner(struct in *in, struct xml_node const *p, bool get)
{
  if (xml_is(p, NS_MUC_ADMIN, "query"))
    get ? admin_get(in, p) : admin_set(in, p);
  else if (xml_is(p, NS_MUC_OWNER, "query"))
    get ? owner_get(in) : owner_set(in, p);
  else if (xml_is(p, NS_REGISTER, "query"))
    get ? register_get(in) : register_set(in, p);
  else if (xml_is(p, NS_VCARD, "vCard"))
    get ? vcard_read(in) : vcard_write(in, p);
  else if (xml_is(p, NS_COMMANDS, "command") && !get)
    hats_command(in, p);
  else
    return false;
  return true;
}

static bool
to_archive(struct in *in, struct xml_node const *p, bool get)
{
  if (xml_is(p, MAM_NS, "query"))
    get ? mam_form(in) : mam_query(in, p);
  else if (xml_is(p, MAM_NS, "metadata") && get)
    mam_metadata(in);
  else if (xml_is(p, NS_MODERATE, "moderate") && !get)
    moderate(in, p, false);
  else if (xml_is(p, "urn:xmpp:fasten:0", "apply-to") && !get)
    moderate(in, p, true);
  else
    return false;
  return true;
}

static void
to_room(struct in *in, struct xml_node const *p)
{
  bool get = slice_is(in->st.type, "get");
  bool owners = slice_is(p->ns, NS_MUC_OWNER);

  if (!in->room || (in->room->state == ROOM_LOCKED && !owners && !in->session)) {
    refuse(&in->st, ERR_ITEM_NOT_FOUND, "", "there is no such room");
  } else if (in->room->state == ROOM_TOMBSTONE) {
    refuse(&in->st, ERR_GONE, "", in->room->why);
  } else if (get && xml_is(p, NS_DISCO_INFO, "query")) {
    disco_info(in, p);
  } else if (get && xml_is(p, NS_DISCO_ITEMS, "query")) {
    disco_items(in, p);
  } else if (get && xml_is(p, NS_PING, "ping")) {
    result(in, SLICE(""));
  } else if (!to_owner(in, p, get) && !to_archive(in, p, get)) {
    refuse(&in->st, ERR_SERVICE_UNAVAILABLE, "", "");
  }
}

void
iq_in(struct in *in)
{
  struct xml_node const *p = xml_next(in->e, NULL);

  if (in->to.resource.len && in->to.local.len) {
    private_iq(in);
    return;
  }
  if (!stanza_may_answer(&in->st)) {
    ghosts_answer(in);
    return;
  }
  if (!p)
    refuse(&in->st, ERR_BAD_REQUEST, "", "");
  else if (in->to.local.len)
    to_room(in, p);
  else
    to_service(in, p);
}
