#include "deliver.h"
#include "inbound.h"
#include "settings.h"
#include "shown.h"
#include "stream.h"
#include "xep0280_carbons.h"

/* XEP-0280 s4, s5: enable and disable are answered here, for it is the stream's own matter;
 * routed learns it as something that the session wants. */
bool
carbons_request(struct inbound const *in)
{
  struct stream *s = in->s;
  struct stanza st = {
    .kind = in->st.kind, .id = in->st.id, .from = slice_str(s->session.jid)};
  struct xml_node const *c = xml_next(in->st.e, NULL);
  stralloc sa = STRALLOC_ZERO;
  bool on = c && xml_is(c, NS_CARBONS, "enable");

  if (!slice_is(in->st.kind, "iq") || !slice_is(in->st.type, "set") || !s->host->carbons)
    return false;
  if (!on && !(c && xml_is(c, NS_CARBONS, "disable"))) return false;
  if (in->st.to.full.len && !slice_eq(in->st.to.full, stream_bare(s))) return false;
  shown_wants(s, on ? WANTS_CARBONS : 0, on ? 0 : WANTS_CARBONS);
  st.to = in->st.to.full.len ? in->st.to.full : stream_bare(s);
  if (stanza_cat_result(&sa, &st)) deliver_own(s, slice_of(sa.s, sa.len));
  stralloc_free(&sa);
  return true;
}
