#include "confgen.h"

#include <string.h>

/* Options that ejabberd has no more, or has elsewhere, and those that took their place; and why others
 * have no effect here. */

/* clang-format off */
struct replaced const replaced[] = {
  {"", "s2s_policy", "s2s_access"},
  {"", "s2s_default_policy", "s2s_access"},
  {"", "extauth_instances", "extauth_pool_size"},
  {"", "ca_path", "ca_file"},
  {"ejabberd_service", "service_check_from", "check_from"},
  {"mod_client_state", "drop_chat_states", "queue_chat_states"},
  {"ejabberd_c2s", "resume_timeout", "mod_stream_mgmt.resume_timeout"},
  {"ejabberd_c2s", "max_resume_timeout", "mod_stream_mgmt.max_resume_timeout"},
  {"ejabberd_c2s", "max_ack_queue", "mod_stream_mgmt.max_ack_queue"},
  {"ejabberd_c2s", "ack_timeout", "mod_stream_mgmt.ack_timeout"},
  {"ejabberd_c2s", "resend_on_timeout", "mod_stream_mgmt.resend_on_timeout"},
  {"ejabberd_c2s", "stream_management", "mod_stream_mgmt"},
  {"ejabberd_c2s", "stream_mgmt", "mod_stream_mgmt"},
};

#define NO_CERTIFICATES "clients are not asked for certificates: they log in by passwords and tokens"
#define NO_PRIVILEGES "components have no privileges; a service of the administrator (tabber: services) may have its work"
#define SAME_OPTIONS "the services of a host have the same options; mod_muc alone has this one"

struct reason const reasons[] = {
  {"", "c2s_cafile", false, NO_CERTIFICATES},
  {"listen", "cafile", false, NO_CERTIFICATES},
  {"ejabberd_c2s", "tls_verify", true, NO_CERTIFICATES},
  {"ejabberd_s2s_in", "max_fsm_queue", false, "stanzas for other servers wait by max_fsm_queue of their host"},
  {"", "extauth_pool_name", false, "each host has processes of its own for extauth_program"},
  {"", "auth_scram_hash", false, "keys are kept for every hash of SCRAM"},
  {"", "auth_stored_password_types", false, "keys are kept for every hash of SCRAM"},
  {"", "auth_password_types_hidden_in_sasl1", true, "a mechanism is hidden by disable_sasl_mechanisms, in SASL and SASL2"},
  {"ejabberd_service", "privilege_access", true, NO_PRIVILEGES},
  {"ejabberd_service", "delegations", true, NO_PRIVILEGES},
  {"mod_http_upload", "service_url", true, "xmpp-uploadd gives the slots itself; with external_secret they may be those of another server"},
  {"mod_http_upload", "append_module_config", true, SAME_OPTIONS},
  {"mod_pubsub", "append_module_config", true, SAME_OPTIONS},
  {"mod_vcard", "append_module_config", true, SAME_OPTIONS},
};
/* clang-format on */

size_t const replaced_n = sizeof replaced / sizeof *replaced;
size_t const reasons_n = sizeof reasons / sizeof *reasons;

struct reason const *
option_reason(struct option const *o)
{
  size_t i;

  for (i = 0; i < reasons_n; i++)
    if (!strcmp(reasons[i].in, o->in) && !strcmp(reasons[i].name, o->name))
      return &reasons[i];
  return NULL;
}
