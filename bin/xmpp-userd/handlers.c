#include "profile.h"

#define NS_ROSTER "jabber:iq:roster"
#define NS_BLOCKING "urn:xmpp:blocking"

/* Requests that accounts answer. A request for a host without the module gets service-
 * unavailable, so all rows are handled; features are announced below. */
struct handle_row const handlers[] = {
  {HANDLE_ACCOUNT,               "get", NS_ROSTER,           "query",     roster_get,      false},
  {HANDLE_ACCOUNT,               "set", NS_ROSTER,           "query",     roster_set,      false},
  {HANDLE_ACCOUNT,               "get", NS_BLOCKING,         "blocklist", xep0191_list,    false},
  {HANDLE_ACCOUNT,               "set", NS_BLOCKING,         "block",     xep0191_block,   false},
  {HANDLE_ACCOUNT,               "set", NS_BLOCKING,         "unblock",   xep0191_unblock, false},
  {HANDLE_HOST | HANDLE_ACCOUNT, "get", NS_VCARD,            "vCard",     xep0054_get,     false},
  {HANDLE_ACCOUNT,               "set", NS_VCARD,            "vCard",     xep0054_set,     false},
  {HANDLE_ACCOUNT,               "get", "jabber:iq:private", "query",     xep0049_get,     false},
  {HANDLE_ACCOUNT,               "set", "jabber:iq:private", "query",     xep0049_set,     false},
  {HANDLE_ACCOUNT,               "get", "jabber:iq:last",    "query",     xep0012_last,    false},
};

size_t const handlers_n = sizeof handlers / sizeof *handlers;

/* Features that disco#info shows when a host has the module. XEP-0191 s3.1 has clients
 * ask the host. */
static struct {
  char const *scope, *var, *module;
} const features[] = {
  {"account", NS_ROSTER,           "mod_roster"  },
  {"host",    NS_BLOCKING,         "mod_blocking"},
  {"account", NS_BLOCKING,         "mod_blocking"},
  {"host",    NS_VCARD,            "mod_vcard"   },
  {"account", NS_VCARD,            "mod_vcard"   },
  {"account", "jabber:iq:private", "mod_private" },
  {"account", "jabber:iq:last",    "mod_last"    },
};

void
handlers_announce(struct link *routed)
{
  size_t i;

  handle_announce(routed, handlers, handlers_n);
  for (i = 0; i < sizeof features / sizeof *features; i++) {
    if (!settings_has_any(userd.settings, "module", features[i].module)) continue;
    link_begin(routed, VERB_FEATURE);
    link_str(routed, features[i].scope);
    link_str(routed, features[i].var);
    link_end(routed);
  }
}
