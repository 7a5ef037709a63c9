#include "hostd.h"

#include <string.h>

/* When the server began, as far as we know: ourselves, or a neighbour that has been there
 * for longer. */
static uint64_t started_us;

void
last_started(uint64_t us)
{
  if (us && (!started_us || us < started_us)) started_us = us;
}

/* XEP-0012 s4: of a host, for how many seconds it has been up. */
enum verdict
xep0012_last(struct handle_ctx *ctx, struct stanza const *in, struct xml_node const *e,
             stralloc *out)
{
  uint64_t now = door_now();
  char buf[BASE_NUM];

  (void)in;
  (void)e;
  if (!hostd_host_with(ctx->host, MOD_LAST)) return REFUSE;
  if (xml_cat(out, "<query xmlns='" NS_LAST "'") &&
      xml_cat_attr(out, "seconds",
                   num_u64(buf, now > started_us ? (now - started_us) / 1000000 : 0)) &&
      xml_cat(out, "/>"))
    return DONE;
  ctx->error = ERR_RESOURCE_CONSTRAINT;
  return REFUSE;
}
