#include "marks.h"
#include "output.h"
#include "settings.h"
#include "stream.h"
#include "xep0198_sm.h"

/* Before stream management is on, a client has a stanza when it has left for the front. */
void
output_send(struct stream *s, struct slice raw, size_t xml, struct slice tags)
{
  if (s->session.sm) {
    sm_send(s, raw, xml);
    return;
  }
  conduit_write_raw(&s->c, slice_of(raw.s + xml, raw.len - xml));
  conduit_count(&s->c, s->listener->queue_max);
  if (s->state != ST_BOUND || s->c.ending.why) return;
  if (s->c.is_blocked)
    marks_note_blocked(s, tags);
  else if (s->fetched)
    marks_note_sent(s, tags);
  else
    marks_note(s, tags);
}
