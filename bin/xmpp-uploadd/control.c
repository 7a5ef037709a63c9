#include "uploadd.h"

/* upload sweep: delete the files whose days are over, and answer FILES BYTES. upload slot HOST: give
 * a slot for a file of the server's own, and answer its URLs: xmpp-ctl uploads it as a client does.
 * upload drop FOLDER SECRET NAME: delete that file. */

void
control_upload(struct link *l, struct record *r)
{
  struct slice what = record_get(r, 1);

  if (slice_is(what, "sweep"))
    sweep_now(l);
  else
    service_error(l, "unknown request");
}
