#include "hostd.h"

#include <string.h>

/* When the server began, as door_now counts: xmpp-hostd itself, or a neighbour that has been
 * there for longer. A step of the machine's clock makes no server older. */
static uint64_t started_us;

void
last_started(uint64_t us)
{
  uint64_t wall_us = door_wall(), since_us;

  if (!us) return;
  since_us = door_now() - (us < wall_us ? wall_us - us : 0);
  if (!started_us || since_us < started_us) started_us = since_us;
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
  if (xml_cat(out, "<query xmlns='" NS_LAST "'") &&
      xml_cat_attr(out, "seconds",
                   num_u64(buf, now > started_us ? (now - started_us) / 1000000 : 0)) &&
      xml_cat(out, "/>"))
    return DONE;
  return handle_error(ctx, ERR_RESOURCE_CONSTRAINT, "");
}

void
last_snapshot(struct snapshot *k)
{
  if (snapshot_record(k, "started", true)) SNAPSHOT_INT(k, started_us);
}
