#include "rules.h"
#include "sessions.h"

/* RFC 6121 s8.5: the delivery rules for stanzas to local accounts, as its tables have them. */

enum message_type { NORMAL, CHAT, GROUPCHAT, HEADLINE, ERROR, MESSAGE_TYPES };

/* s5.2.2: a type that is not known is normal. */
static enum message_type
message_type(struct slice type)
{
  if (slice_is(type, "chat")) return CHAT;
  if (slice_is(type, "groupchat")) return GROUPCHAT;
  if (slice_is(type, "headline")) return HEADLINE;
  if (slice_is(type, "error")) return ERROR;
  return NORMAL;
}

/* Table 1 of s8.5.4, row by row; "O" (store offline) is FATE_OFFLINE. s8.5.2.1.1 and s8.5.2.2.1
 * have groupchat refused; for an account without sessions it waits if mod_offline stores
 * groupchat. */
static enum fate const no_session_to_take_it[2][MESSAGE_TYPES] = {
  /* bare JID: s8.5.2.2.1 */
  {FATE_OFFLINE, FATE_OFFLINE, FATE_OFFLINE, FATE_IGNORE, FATE_IGNORE},
 /* full JID without match: s8.5.3.2.1 */
  {FATE_OFFLINE, FATE_OFFLINE, FATE_OFFLINE, FATE_IGNORE, FATE_IGNORE},
};

static enum fate const some_session[2][MESSAGE_TYPES] = {
  /* bare JID: s8.5.2.1.1 */
  {FATE_TOP, FATE_TOP, FATE_ERROR, FATE_NON_NEG, FATE_IGNORE},
 /* full JID without match: s8.5.3.2.1; chat and normal go as to the bare JID, so that a
  * client without the archive misses none */
  {FATE_TOP, FATE_TOP, FATE_ERROR, FATE_IGNORE,  FATE_IGNORE},
};

enum fate
rules_message(struct slice type, struct presence_count c)
{
  enum message_type t = message_type(type);

  if (c.match) return FATE_THIS; /* s8.5.3.1 */
  return c.non_neg ? some_session[c.full][t] : no_session_to_take_it[c.full][t];
}

/* s8.5.2.1.2, s8.5.3.1, s8.5.3.2.2. Subscriptions and probes are the account's business.
 */
enum fate
rules_presence(struct slice type, struct presence_count c)
{
  if (slice_is(type, "subscribe") || slice_is(type, "subscribed") ||
      slice_is(type, "unsubscribe") || slice_is(type, "unsubscribed") ||
      slice_is(type, "probe"))
    return FATE_ACCOUNT;
  if (c.match) return FATE_THIS;
  if (c.full || slice_is(type, "error")) return FATE_IGNORE;
  return FATE_AVAILABLE;
}

/* s8.5.2.1.3, s8.5.2.2.3, s8.5.3.2.3: the server answers requests for the account, and
 * takes answers to what it asks in the name of the account; it never answers a result. */
enum fate
rules_iq(struct slice type, struct presence_count c)
{
  bool request = slice_is(type, "get") || slice_is(type, "set");

  if (c.match) return FATE_THIS;
  if (!request) return c.full ? FATE_IGNORE : FATE_ASKED;
  return c.full ? FATE_ERROR : FATE_ACCOUNT;
}

bool
rules_receives(struct receivers const *r, struct session const *s)
{
  switch (r->who) {
  case RECEIVE_ONE: return s == r->one;
  case RECEIVE_TOP: return s->available && s->priority == r->top;
  case RECEIVE_NON_NEG: return s->available && s->priority >= 0;
  case RECEIVE_AVAILABLE: return s->available && s != r->but;
  }
  return false;
}
