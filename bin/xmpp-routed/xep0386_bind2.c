#include "deliver.h"
#include "sessions.h"
#include "xep0386_bind2.h"

/* XEP-0386 s4.2: a client learns with its bind which message is the newest of its archive at that
 * moment. The request stands in mamd's post behind each message that was stored before s was there,
 * and in front of each later one, of which s is given its own copy; so the client misses none and
 * has none twice. Whatever becomes of the request, the session gets an answer, as to one of its
 * client. mamd knows it by the tag bind2: messages that wait and are in the archive up to there
 * are not for this client (xep0160_offer.c). */

void
bind2_end_older(struct session *s)
{
  struct session *old, *next;

  for (old = s->client ? s->user->sessions : NULL; old; old = next) {
    next = old->next;
    if (old != s && session_is_client(old, slice_str(s->client)))
      session_kick(old, "conflict");
  }
}

void
bind2_metadata(struct session *s, struct slice words)
{
  static stralloc full = STRALLOC_ZERO;
  struct slice id = stanza_tag(words, "metadata");
  struct passing p = {.own = true};

  full.len = 0;
  if (!id.len || !stralloc_cats(&full, s->user->bare) || !stralloc_cats(&full, "/") ||
      !stralloc_cats(&full, s->resource))
    return;
  p.st = (struct stanza){
    .to = slice_str(s->user->bare),
    .from = slice_of(full.s, full.len),
    .kind = SLICE("iq"),
    .type = SLICE("get"),
    .id = id,
    .tags = SLICE("bind2 ns=urn:xmpp:mam:2"),
    .xml = SLICE("<iq type='get'><metadata xmlns='urn:xmpp:mam:2'/></iq>")};
  deliver_route(&p);
}
