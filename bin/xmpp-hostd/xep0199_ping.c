#include "hostd.h"

/* XEP-0199 s4: answer a ping with an empty result. An account answers its own sessions for
 * the server; a stranger's ping to it says nothing about it (s4.2, RFC 6121 s8.5). Hosts
 * without mod_ping do not. */
enum verdict
xep0199_ping(struct handle_ctx *ctx, struct stanza const *in, struct xml_node const *e,
             stralloc *out)
{
  (void)in;
  (void)e;
  (void)out;
  return ctx->account.len && !slice_eq(ctx->account, ctx->from.bare) ? REFUSE : DONE;
}
