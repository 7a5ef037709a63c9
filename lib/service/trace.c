#include "service/service_internal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* The trace begins where a turn might have ended: all is on disk. */
static bool
copy_data(struct service const *svc, struct slice file)
{
  char path[512];
  int n = snprintf(path, sizeof path, "%.*s.data", (int)file.len, file.s);

  return !svc->copy || (n > 0 && n < (int)sizeof path && svc->copy(path));
}

/* errno is that of link_trace. */
static void
trace_failed(struct link *ctl, struct slice file)
{
  char const *hint =
    errno == EACCES ? ": the user of this program must be able to write there" : "";
  char text[1024];

  snprintf(text, sizeof text, "%.*s.in: %s%s", (int)file.len, file.s, strerror(errno),
           hint);
  service_error(ctl, text);
}

void
trace_asked(struct service const *svc, struct link *ctl, struct record *r)
{
  bool on = slice_is(record_get(r, 1), "on");
  struct slice file = on ? record_get(r, 2) : SLICE("");

  if (on && !file.len)
    service_error(ctl, "trace on needs a file");
  else if (!link_trace(file))
    trace_failed(ctl, file);
  else if (slice_is(record_get(r, 3), "data") && !copy_data(svc, file))
    service_error(ctl, "the data is not copied; the log says why");
  else
    service_done(ctl);
}
