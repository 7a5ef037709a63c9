#include "uploadd.h"

#define DISCO "http://jabber.org/protocol/disco#"

/* Requests to the domains of the service. */
/* clang-format off */
struct handle_row const handlers[] = {
  {HANDLE_HOST, "get", DISCO "info",                         "query",   xep0030_info,    0, NULL},
  {HANDLE_HOST, "get", DISCO "items",                        "query",   xep0030_items,   0, NULL},
  {HANDLE_HOST, "get", "vcard-temp",                         "vCard",   service_card,    0, NULL},
  {HANDLE_HOST, "get", NS_UPLOAD,                            "request", xep0363_request, 0, NULL},
  {HANDLE_HOST, "get", "urn:xmpp:http:upload",               "request", xep0363_request, 0, NULL},
  {HANDLE_HOST, "get", "eu:siacs:conversations:http:upload", "request", xep0363_request, 0, NULL},
};
/* clang-format on */

size_t const handlers_n = sizeof handlers / sizeof *handlers;
