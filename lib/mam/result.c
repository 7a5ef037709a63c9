#include "mam/mam.h"

#include "splice/splice.h"

/* XEP-0313 s4.2: results. Those of a page differ in a few bytes, so what they share is escaped
 * once, and a message is not copied. */

bool
mam_result_head(stralloc *raw, struct slice to, struct slice from, struct slice queryid)
{
  stralloc sa = STRALLOC_ZERO;
  bool ok = xml_cat(&sa, "<message") && xml_cat_attr(&sa, "to", to) &&
            xml_cat_attr(&sa, "from", from) &&
            xml_cat(&sa, "><result xmlns='" MAM_NS "'") &&
            (!queryid.len || xml_cat_attr(&sa, "queryid", queryid)) &&
            xml_cat(&sa, " id='") && record_put_more(raw, slice_of(sa.s, sa.len));

  stralloc_free(&sa);
  return ok;
}

void
mam_result_put(struct link *l, struct slice head, struct archive_message const *m,
               struct splice const *at)
{
  char buf[BASE_NUM], stamp[STAMP_SIZE];

  link_more_raw(l, head);
  link_more_raw(l, num_u64(buf, m->id));
  link_more_raw(l, SLICE("'><forwarded xmlns='urn:xmpp:forward:0'>"
                         "<delay xmlns='urn:xmpp:delay' stamp='"));
  link_more_raw(l, stamp_us(stamp, m->id >> ARCHIVE_ID_SHIFT));
  link_more_raw(l, SLICE("'/><message xmlns='jabber:client'"));
  link_more_raw(l, at->tail);
  link_more_raw(l, SLICE("</forwarded></result></message>"));
}
