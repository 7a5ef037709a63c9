#include "confgen.h"

/* Options that ejabberd has no more, or has elsewhere, and those that took their place. */

/* clang-format off */
struct replaced const replaced[] = {
  {"", "s2s_policy", "s2s_access"},
  {"", "s2s_default_policy", "s2s_access"},
  {"", "extauth_instances", "extauth_pool_size"},
  {"mod_client_state", "drop_chat_states", "queue_chat_states"},
  {"ejabberd_c2s", "resume_timeout", "mod_stream_mgmt.resume_timeout"},
  {"ejabberd_c2s", "max_resume_timeout", "mod_stream_mgmt.max_resume_timeout"},
  {"ejabberd_c2s", "max_ack_queue", "mod_stream_mgmt.max_ack_queue"},
  {"ejabberd_c2s", "ack_timeout", "mod_stream_mgmt.ack_timeout"},
  {"ejabberd_c2s", "resend_on_timeout", "mod_stream_mgmt.resend_on_timeout"},
  {"ejabberd_c2s", "stream_management", "mod_stream_mgmt"},
  {"ejabberd_c2s", "stream_mgmt", "mod_stream_mgmt"},
};
/* clang-format on */

size_t const replaced_n = sizeof replaced / sizeof *replaced;
