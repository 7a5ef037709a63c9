#include "pushd.h"

#define BOTH (HANDLE_HOST | HANDLE_ACCOUNT)

/* Clients ask the host or their account for the feature. */
/* clang-format off */
struct handle_row const handlers[] = {
  {BOTH, "set", NS_PUSH, "enable",  xep0357_enable,  BOTH, "mod_push"},
  {BOTH, "set", NS_PUSH, "disable", xep0357_disable, BOTH, "mod_push"},
};
/* clang-format on */

size_t const handlers_n = sizeof handlers / sizeof *handlers;
