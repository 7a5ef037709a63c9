#include "settings.h"
#include "stream.h"

/* The rules of access and shaping know a stream by its account, resource and address. */

struct access_who
stream_who(struct stream const *s, struct slice resource)
{
  struct access_who who = {.resource = resource, .ip = slice_str(s->ip)};
  struct slice rest = slice_str(s->jid), domain;

  if (!s->jid) return who;
  slice_word(&rest, '@', &who.local);
  slice_word(&rest, '/', &domain);
  who.domain = domain;
  return who;
}

void
stream_shape(struct stream *s)
{
  struct access_who who = stream_who(s, SLICE(""));
  uint64_t rate, burst;

  if (!s->listener->shaper || !s->link || !(s->link->program & TLSD)) return;
  access_shaper(c2sd.access, slice_str(s->listener->shaper), who.domain, &who, &rate,
                &burst);
  if (!rate && !s->shaped) return;
  s->shaped = rate > 0;
  link_begin(s->link, VERB_SHAPE);
  link_num(s->link, s->id);
  link_num(s->link, rate);
  link_num(s->link, burst);
  link_end(s->link);
}
