#include "mamd.h"

#include "splice/splice.h"

/* A message that has waited, as it goes to the one it waited for. */

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
  struct splice at;

  link_field(l);
  if (!splice_append(m->text.xml, &at)) {
    link_more_raw(l, m->text.xml);
    return;
  }
  splice_put_head(l, &at);
  if (m->archived) put_id(l, bare, m->id);
  put_delay(l, jid_cut(bare).domain, m->id >> ARCHIVE_ID_SHIFT);
  splice_put_tail(l, &at);
}

void
delayed_put(struct link *l, struct slice bare, uint64_t session, uint64_t offer,
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
  link_more(l, SLICE(" session="));
  link_more(l, num_u64(buf, session));
  link_more(l, SLICE(" offer="));
  link_more(l, num_u64(buf, offer));
  link_origin(l);
  put_xml(l, bare, m);
}
