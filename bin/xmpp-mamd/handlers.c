#include "mamd.h"

#define ACCOUNT HANDLE_ACCOUNT
#define BOTH (HANDLE_HOST | HANDLE_ACCOUNT)

/* Requests that accounts answer about their archives, and what disco#info shows. XEP-0313 s7 has
 * clients ask their account, but profanity asks the host alone. */
/* clang-format off */
struct handle_row const handlers[] = {
  {ACCOUNT, "set", NS_MAM, "query",    xep0313_query,    BOTH, "mod_mam"},
  {ACCOUNT, "get", NS_MAM, "query",    xep0313_form,     BOTH, "mod_mam"},
  {ACCOUNT, "get", NS_MAM, "metadata", xep0313_metadata, BOTH, "mod_mam"},
  {ACCOUNT, "get", NS_MAM, "prefs",    xep0441_get,      BOTH, "mod_mam"},
  {ACCOUNT, "set", NS_MAM, "prefs",    xep0441_set,      BOTH, "mod_mam"},
  {.ns = MAM_NS_EXTENDED,          .shown = ACCOUNT,     .module = "mod_mam"},
  {.ns = NS_RETRACT "#tombstone",  .shown = ACCOUNT,     .module = "mod_mam"},
  {.ns = "msgoffline",             .shown = HANDLE_HOST, .module = "mod_offline"}, /* XEP-0160 s4 */
};
/* clang-format on */

size_t const handlers_n = sizeof handlers / sizeof *handlers;
