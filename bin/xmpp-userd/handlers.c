#include "profile.h"

#define NS_ROSTER "jabber:iq:roster"
#define NS_BLOCKING "urn:xmpp:blocking"
#define ACCOUNT HANDLE_ACCOUNT
#define BOTH (HANDLE_HOST | HANDLE_ACCOUNT)

/* Requests that accounts answer. XEP-0191 s3.1 has clients ask the host for the feature; poezio asks the
 * host for that of private XML too, and without it has no bookmarks. */
/* clang-format off */
struct handle_row const handlers[] = {
  {ACCOUNT, "get", NS_ROSTER,           "query",     roster_get,      ACCOUNT, "mod_roster"},
  {ACCOUNT, "set", NS_ROSTER,           "query",     roster_set,      ACCOUNT, "mod_roster"},
  {ACCOUNT, "get", NS_BLOCKING,         "blocklist", xep0191_list,    BOTH,    "mod_blocking"},
  {ACCOUNT, "set", NS_BLOCKING,         "block",     xep0191_block,   BOTH,    "mod_blocking"},
  {ACCOUNT, "set", NS_BLOCKING,         "unblock",   xep0191_unblock, BOTH,    "mod_blocking"},
  {BOTH,    "get", NS_VCARD,            "vCard",     xep0054_get,     BOTH,    "mod_vcard"},
  {ACCOUNT, "set", NS_VCARD,            "vCard",     xep0054_set,     BOTH,    "mod_vcard"},
  {ACCOUNT, "get", "jabber:iq:private", "query",     xep0049_get,     BOTH,    "mod_private"},
  {ACCOUNT, "set", "jabber:iq:private", "query",     xep0049_set,     BOTH,    "mod_private"},
  {ACCOUNT, "get", "jabber:iq:last",    "query",     xep0012_last,    ACCOUNT, "mod_last"},
};
/* clang-format on */

size_t const handlers_n = sizeof handlers / sizeof *handlers;
