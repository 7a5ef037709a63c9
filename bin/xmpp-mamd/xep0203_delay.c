#include "mamd.h"

#include <string.h>

/* A message that has waited, as it goes to the one it waited for. */

static char const message_end[] = "</message>";

static void
put_delay(struct link *l, struct slice host, uint64_t us)
{
  static stralloc sa = STRALLOC_ZERO;

  char buf[STAMP_SIZE];

  sa.len = 0;
  if (xml_cat(&sa, "<delay xmlns='" NS_DELAY "'") && xml_cat_attr(&sa, "from", host) &&
      xml_cat_attr(&sa, "stamp", stamp_us(buf, us)) && xml_cat(&sa, "/>"))
    link_more(l, slice_of(sa.s, sa.len));
}

static void
put_id(struct link *l, struct slice bare, uint64_t id)
{
  char buf[BASE_NUM];

  link_more(l, SLICE("<stanza-id xmlns='urn:xmpp:sid:0' by='"));
  link_more(l, bare);
  link_more(l, SLICE("' id='"));
  link_more(l, num_u64(buf, id));
  link_more(l, SLICE("'/>"));
}

/* XEP-0203 s3: when it came, said by the host; XEP-0313 s4.1.3: where it is archived. */
static void
put_xml(struct link *l, struct slice bare, struct archive_message const *m)
{
  struct slice xml = m->text.xml;
  size_t n = sizeof message_end - 1;

  link_field(l);
  if (xml.len < n || memcmp(xml.s + xml.len - n, message_end, n) != 0) {
    link_more_raw(l, xml);
    return;
  }
  link_more_raw(l, slice_of(xml.s, xml.len - n));
  if (m->archived) put_id(l, bare, m->id);
  put_delay(l, jid_cut(bare).domain, m->id >> ARCHIVE_ID_SHIFT);
  link_more(l, slice_str(message_end));
}

void
delayed_put(struct link *l, struct slice bare, uint64_t session,
            struct archive_message const *m)
{
  char buf[BASE_NUM];

  link_raw(l, m->text.from);
  link_str(l, "message");
  link_raw(l, m->text.type);
  link_raw(l, m->text.id);
  link_field(l);
  link_more(l, SLICE("offline store id="));
  link_more(l, num_u64(buf, m->id));
  if (session) {
    link_more(l, SLICE(" session="));
    link_more(l, num_u64(buf, session));
  }
  link_origin(l);
  put_xml(l, bare, m);
}
