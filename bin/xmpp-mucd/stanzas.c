#include "rtbl.h"
#include "said.h"
#include "taken.h"

/* The way of a stanza to what handles it: the service, the room and the session of its addresses. */

static void
heard(struct session *s)
{
  s->alive_us = door_now();
  s->pings = 0;
}

/* `access` is for all that a stranger may want of the service; entering a room has its own check, and
 * who is in may stay. */
static bool
may_use(struct in *in)
{
  if (in->session || in->admin || slice_is(in->st.kind, "presence") ||
      !stanza_may_answer(&in->st) || muc_allows(in->muc, RULE_ACCESS, &in->from))
    return true;
  refuse(&in->st, ERR_FORBIDDEN, "", "you may not use the rooms here");
  return false;
}

static void
by_kind(struct in *in)
{
  if (slice_is(in->st.kind, "presence"))
    presence_in(in);
  else if (slice_is(in->st.kind, "message"))
    message_in(in);
  else
    iq_in(in);
}

static void
handle(struct in *in)
{
  if (rtbl_in(in)) return;
  if (in->to.local.len) in->room = room_find(in->to.bare);
  if (in->room && grave_is_over(in->room)) in->room = NULL;
  if (in->room) {
    room_touch(in->room);
    in->session = session_find(in->room, &in->from);
  }
  in->admin = muc_is_admin(in->muc, &in->from);
  in->again = taken_before(in->st.origin) || stanza_is_again(&in->st);
  if (!may_use(in)) return;
  if (in->session && !slice_is(in->st.type, "error")) heard(in->session);
  if (said_before(in)) return;
  if (said_begin(in)) {
    by_kind(in);
    said_end(in);
  } else
    by_kind(in);
}

/* A held stanza may be handled in the middle of another one, so there are two arenas. */
void
stanza_in(struct stanza const *st, bool held)
{
  static struct arena arenas[2];
  struct in in = {.st = *st, .arena = &arenas[held], .held = held};
  enum xml_error why;

  arena_reset(in.arena);
  if (!jid_parse(in.arena, st->from, &in.from) || !jid_parse(in.arena, st->to, &in.to))
    return;
  in.muc = muc_find(in.to.domain);
  in.e = xml_parse(in.arena, st->xml, NS_CLIENT, &why);
  if (!in.muc || !in.e) {
    refuse(&in.st, ERR_SERVICE_UNAVAILABLE, "", "");
    return;
  }
  handle(&in);
}
