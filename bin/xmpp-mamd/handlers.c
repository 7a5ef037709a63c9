#include "mamd.h"

/* Requests that accounts answer about their archives. */
struct handle_row const handlers[] = {
  {HANDLE_ACCOUNT, "set", NS_MAM, "query",    xep0313_query,    true},
  {HANDLE_ACCOUNT, "get", NS_MAM, "query",    xep0313_form,     true},
  {HANDLE_ACCOUNT, "get", NS_MAM, "metadata", xep0313_metadata, true},
  {HANDLE_ACCOUNT, "get", NS_MAM, "prefs",    xep0441_get,      true},
  {HANDLE_ACCOUNT, "set", NS_MAM, "prefs",    xep0441_set,      true},
};

size_t const handlers_n = sizeof handlers / sizeof *handlers;
