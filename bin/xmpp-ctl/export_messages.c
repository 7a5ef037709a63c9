#include "export.h"

#include "record/record.h"

#include <errno.h>
#include <string.h>

/* The archive of the account, and the messages that wait: they are in both when they are archived. */

bool
export_cat_stanza(stralloc *out, struct slice xml)
{
  size_t n = 0;

  while (n < xml.len && !memchr(" />\n\t", xml.s[n], 5))
    n++;
  return stralloc_catb(out, xml.s, n) && xml_cat(out, " xmlns='" NS_CLIENT "'") &&
         stralloc_catb(out, xml.s + n, xml.len - n);
}

/* The element as it was before it was put into a record. */
static struct slice
unescaped(struct slice field)
{
  static stralloc copy = STRALLOC_ZERO;
  struct record r;

  copy.len = 0;
  if (!stralloc_catb(&copy, field.s, field.len)) move_fail("copy a message");
  if (!record_split(&r, copy.s, copy.len)) return SLICE("");
  return record_get(&r, 0);
}

static bool
cat_delay(struct export *x, uint64_t id)
{
  char stamp[STAMP_SIZE];

  return xml_cat(&x->text, "<delay xmlns='" NS_DELAY "'") &&
         xml_cat_attr(&x->text, "stamp", stamp_us(stamp, id >> ARCHIVE_ID_SHIFT)) &&
         xml_cat(&x->text, "/>");
}

static void
write_result(struct export *x, struct archive_message const *m)
{
  struct slice xml = unescaped(m->text.xml);
  char buf[BASE_NUM];

  if (!xml.len || m->tombstone) return;
  if (!xml_cat(&x->text, "<result xmlns='" NS_MAM "'") ||
      !xml_cat_attr(&x->text, "id", num_u64(buf, m->id)) ||
      !xml_cat(&x->text, "><forwarded xmlns='" NS_FORWARD "'>") || !cat_delay(x, m->id) ||
      !export_cat_stanza(&x->text, xml) || !xml_cat(&x->text, "</forwarded></result>\n"))
    move_fail("copy a message");
  export_flush(x);
}

void
export_archive(struct export *x)
{
  struct archive_message m;
  struct archive_range r;
  uint64_t place;

  if (!archive_range_open(move.archive, x->number, SLICE(""), &r))
    move_fail("read the archive");
  if (!archive_range_count(&r)) return;
  if (!xml_cat(&x->text, "<archive xmlns='" NS_PIE_MAM "'>\n"))
    move_fail("copy a message");
  for (place = r.from; place < r.to; place++) {
    if (archive_range_get(move.archive, &r, place, &m))
      write_result(x, &m);
    else if (errno != ENOENT)
      move_fail("read the archive");
  }
  if (!xml_cat(&x->text, "</archive>\n")) move_fail("copy a message");
  export_flush(x);
}

/* The delay stands last in the message. */
static void
write_letter(struct export *x, struct archive_message const *m)
{
  struct slice xml = unescaped(m->text.xml), end = SLICE("</message>");

  if (xml.len > 2 && !memcmp(xml.s + xml.len - 2, "/>", 2)) return; /* nothing is in it */
  if (xml.len < end.len || memcmp(xml.s + xml.len - end.len, end.s, end.len) != 0) return;
  if (!export_cat_stanza(&x->text, slice_of(xml.s, xml.len - end.len)) ||
      !cat_delay(x, m->id) || !xml_cat(&x->text, "</message>\n"))
    move_fail("copy a message");
  export_flush(x);
}

void
export_waiting(struct export *x)
{
  struct archive_message m;
  uint64_t n, id = 0;

  if (!archive_waiting_count(move.archive, x->number, &n)) move_fail("read the archive");
  if (!n) return;
  if (!xml_cat(&x->text, "<offline-messages>\n")) move_fail("copy a message");
  while (archive_waiting_next(move.archive, x->number, id, &id)) {
    if (archive_get(move.archive, x->number, id, &m))
      write_letter(x, &m);
    else if (errno != ENOENT)
      move_fail("read the archive");
  }
  if (errno != ENOENT || !xml_cat(&x->text, "</offline-messages>\n"))
    move_fail("read the archive");
  export_flush(x);
}
