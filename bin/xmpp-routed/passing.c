#include "passing.h"

/* Nothing here looks into XML: an element goes on as it stands in its record. Only what this
 * program itself says (errors) is text, to be escaped. */

void
passing_put(struct link *l, struct passing const *p)
{
  link_text(l, p->st.to);
  link_text(l, p->st.from);
  link_text(l, p->st.kind);
  link_text(l, p->st.type);
  link_text(l, p->st.id);
  link_text(l, p->st.tags);
  link_text(l, p->st.origin);
  if (p->own)
    link_text(l, p->st.xml);
  else
    link_raw(l, p->st.xml);
  link_end(l);
}

bool
passing_cat(stralloc *out, struct passing const *p)
{
  struct stanza const *st = &p->st;

  return record_put_more(out, st->to) && record_put(out, st->from) &&
         record_put(out, st->kind) && record_put(out, st->type) &&
         record_put(out, st->id) && record_put(out, st->tags) &&
         record_put(out, st->origin) &&
         (p->own ? record_put(out, st->xml) : record_put_raw(out, st->xml));
}
