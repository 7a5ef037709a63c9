#include "hostd.h"

/* XEP-0202 s3: the time, in UTC, whose offset is none; of hosts with mod_time. */
enum verdict
xep0202_time(struct handle_ctx *ctx, struct stanza const *in, struct xml_node const *e,
             stralloc *out)
{
  char utc[STAMP_SIZE];

  (void)in;
  (void)e;
  if (!xml_cat(out, "<time xmlns='" NS_TIME "'><tzo>+00:00</tzo><utc>") ||
      !xml_cat(out, stamp_s(utc, door_wall() / 1000000).s) ||
      !xml_cat(out, "</utc></time>"))
    return handle_error(ctx, ERR_INTERNAL, "");
  return DONE;
}
