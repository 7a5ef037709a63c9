#include "hostd.h"

#define HOST HANDLE_HOST
#define BOTH (HANDLE_HOST | HANDLE_ACCOUNT)

/* Requests that hosts answer (and accounts, as far as no other program knows them
 * better). */
/* clang-format off */
struct handle_row const handlers[] = {
  {BOTH, "get", NS_DISCO_INFO,  "query",       xep0030_info,        BOTH, NULL},
  {BOTH, "get", NS_DISCO_ITEMS, "query",       xep0030_items,       BOTH, NULL},
  {BOTH, "get", NS_PING,        "ping",        xep0199_ping,        BOTH, "mod_ping"},
  {HOST, "get", NS_TIME,        "time",        xep0202_time,        HOST, "mod_time"},
  {HOST, "get", NS_VERSION,     "query",       xep0092_version,     HOST, "mod_version"},
  {HOST, "get", NS_LAST,        "query",       xep0012_last,        HOST, "mod_last"},
  {HOST, "set", NS_COMMANDS,    "command",     xep0050_command,     HOST, "mod_adhoc"},
  {HOST, "get", NS_EXTDISCO,    "services",    xep0215_services,    HOST, "mod_stun_disco"},
  {HOST, "get", NS_EXTDISCO,    "credentials", xep0215_credentials, HOST, "mod_stun_disco"},
  {.ns = NS_CAPS, .shown = HOST},
};
/* clang-format on */

size_t const handlers_n = sizeof handlers / sizeof *handlers;
