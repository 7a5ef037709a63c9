#include "hostd.h"

/* Requests that hosts answer (and accounts, as far as no other program knows them
 * better). A feature that hangs on a module is a feature of the hosts that have the
 * module (xep0030_disco.c). */
struct handle_row const handlers[] = {
  {HANDLE_HOST | HANDLE_ACCOUNT, "get", NS_DISCO_INFO,  "query",       xep0030_info,        true },
  {HANDLE_HOST | HANDLE_ACCOUNT, "get", NS_DISCO_ITEMS, "query",       xep0030_items,       true },
  {HANDLE_HOST | HANDLE_ACCOUNT, "get", NS_PING,        "ping",        xep0199_ping,        false},
  {HANDLE_HOST,                  "get", NS_TIME,        "time",        xep0202_time,        false},
  {HANDLE_HOST,                  "get", NS_VERSION,     "query",       xep0092_version,     false},
  {HANDLE_HOST,                  "get", NS_LAST,        "query",       xep0012_last,        false},
  {HANDLE_HOST,                  "set", NS_COMMANDS,    "command",     xep0050_command,     false},
  {HANDLE_HOST,                  "get", NS_EXTDISCO,    "services",    xep0215_services,    false},
  {HANDLE_HOST,                  "get", NS_EXTDISCO,    "credentials", xep0215_credentials, false},
};

size_t const handlers_n = sizeof handlers / sizeof *handlers;
