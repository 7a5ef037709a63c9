#include "hostd.h"

/* What hosts (and accounts, as far as no other program knows them better) answer. */
struct handle_row const handlers[] = {
  {HANDLE_HOST | HANDLE_ACCOUNT, "get", NS_DISCO_INFO,   "query", xep0030_info,  true},
  {HANDLE_HOST | HANDLE_ACCOUNT, "get", NS_DISCO_ITEMS,  "query", xep0030_items, true},
  {HANDLE_HOST | HANDLE_ACCOUNT, "get", "urn:xmpp:ping", "ping",  xep0199_ping,  true},
  {HANDLE_HOST,                  "get", "urn:xmpp:time", "time",  xep0202_time,  true},
};

size_t const handlers_n = sizeof handlers / sizeof *handlers;
