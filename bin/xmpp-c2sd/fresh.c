#include "fresh.h"
#include "settings.h"
#include "snapshot.h"
#include "stream.h"
#include "xep0198_sm.h"
#include "xep0352_csi.h"

#include <stdlib.h>
#include <string.h>

/* A session is known as soon as it is bound, and messages to its full JID come at once; those that
 * were held for its account while its c2sd was away come all together. XEP-0198 s3 lets the client
 * enable stream management only then, a round trip later. A stanza that c2sd wrote before that
 * counted as had when it had left for the front, and was lost if the connection broke. So a
 * stanza that has a mark (marks.c) waits until the client has enabled stream management, or has
 * begun to talk without: FRESH_US at most. Here it is like a stanza for an inactive client, in the
 * same queue; routed, or the log, has the stanza too. Answers and presence go at once, but for
 * answers behind results of a room's archive, which have marks: the answer ends their page. */

/* A session that has a stanza waiting. All wait equally long: the oldest is the first. */
struct wait {
  uint64_t sid, until_us;
};

static struct {
  struct wait *v;
  size_t head, n, size; /* the entries from head on wait */
  struct event_timer timer;
} line;

void
fresh_begin(struct stream *s)
{
  s->fresh = s->host->sm;
}

static void
send_kept(struct stream *s)
{
  s->fresh = s->fresh_results = false;
  if (!s->csi) return;
  if (s->session.sm) {
    csi_join(s);
    sm_flush(s);
    sm_limit(s, &s->session.sm->out.queue);
    return;
  }
  csi_flush(s);
  csi_free(s->csi);
  s->csi = NULL;
}

static void
waited(void *cookie)
{
  (void)cookie;
  while (line.head < line.n && line.v[line.head].until_us <= door_now()) {
    struct stream *s = stream_find(line.v[line.head++].sid);
    if (!s || !s->fresh) continue;
    send_kept(s);
    conduit_settle(&s->c);
  }
  if (line.head == line.n)
    line.head = line.n = 0;
  else
    event_timer_start(&line.timer, line.v[line.head].until_us, waited, NULL);
}

static bool
make_room(void)
{
  size_t size = line.size ? 2 * line.size : 16;
  struct wait *v;

  if (line.head && line.head >= line.n / 2) {
    memmove(line.v, line.v + line.head, (line.n - line.head) * sizeof *v);
    line.n -= line.head;
    line.head = 0;
  }
  if (line.n < line.size) return true;
  v = realloc(line.v, size * sizeof *v);
  if (!v) return false;
  line.v = v;
  line.size = size;
  return true;
}

static bool
enlist(struct stream const *s)
{
  if (!make_room()) return false;
  line.v[line.n++] = (struct wait){s->sid, door_now() + FRESH_US};
  if (!event_timer_on(&line.timer))
    event_timer_start(&line.timer, line.v[line.head].until_us, waited, NULL);
  return true;
}

/* Say whether a mark names the stanza: a live message, one that had waited, or a request. A result of
 * the account's archive, which has the number of its page, goes before the answer that ends the page. */
static bool
is_marked(struct slice tags)
{
  return stanza_tag(tags, "id").len && !stanza_tag(tags, "page").len;
}

static bool
is_answer(struct slice raw)
{
  struct slice type = stanza_raw_field(raw, STANZA_TYPE);

  return slice_is(stanza_raw_field(raw, STANZA_KIND), "iq") &&
         (slice_is(type, "result") || slice_is(type, "error"));
}

bool
fresh_holds(struct stream *s, struct slice raw, size_t xml, struct slice tags)
{
  if (!s->fresh || !(is_marked(tags) || (s->fresh_results && is_answer(raw))))
    return false;
  if (s->csi && sm_is_nearly_full(s, csi_queue(s->csi))) {
    send_kept(s); /* others do not end a session that has agreed to no queue */
    return false;
  }
  if (!s->csi && !enlist(s)) {
    s->fresh = false;
    return false;
  }
  if (slice_has_word(tags, SLICE("mam"))) s->fresh_results = true;
  csi_keep(s, raw, xml);
  return true;
}

/* Clients ask for a session (RFC 3921 s3), features or their roster before they enable stream
 * management. */
static bool
leaves_it_open(struct xml_node const *e)
{
  return slice_is(e->name, "iq") || slice_is(e->name, "enable");
}

void
fresh_element(struct stream *s, struct xml_node const *e)
{
  if (s->fresh && !leaves_it_open(e)) send_kept(s);
}

void
fresh_enabled(struct stream *s)
{
  if (s->fresh) send_kept(s);
}

/* ---- the state for a trace ---- */

void
fresh_snapshot(struct snapshot *k)
{
  size_t n = line.n - line.head, i;

  if (!snapshot_record(k, "fresh", true)) return;
  snapshot_timer(k, &line.timer, waited, NULL);
  SNAPSHOT_INT(k, n);
  if (snapshot_restores(k)) {
    line.v = n < SIZE_MAX / 32 ? snapshot_new(k, (n + 1) * sizeof *line.v) : NULL;
    line.head = 0;
    line.n = line.v ? n : 0;
    line.size = line.v ? n + 1 : 0;
  }
  for (i = line.head; i < line.n; i++) {
    SNAPSHOT_INT(k, line.v[i].sid);
    SNAPSHOT_INT(k, line.v[i].until_us);
  }
}
