#include "passing.h"

#include "splice/splice.h"

/* Nothing here looks into XML: an element goes on as it stands in its record, a broadcast with
 * the to of each address. Only what this program itself says (errors) is text, to be
 * escaped. */

/* The attribute to as text; it lives until the next call. */
static struct slice
to_attribute(struct slice to)
{
  static stralloc sa = STRALLOC_ZERO;

  sa.len = 0;
  return xml_cat_attr(&sa, "to", to) ? slice_of(sa.s, sa.len) : SLICE("");
}

static void
put_xml(struct link *l, struct passing const *p)
{
  struct splice at;

  if (p->own) {
    link_text(l, p->st.xml);
    return;
  }
  if (!p->lacks_to || !splice_attribute(p->st.xml, &at)) {
    link_raw(l, p->st.xml);
    return;
  }
  link_field(l);
  splice_put_head(l, &at);
  link_more(l, to_attribute(p->st.to));
  splice_put_tail(l, &at);
}

static bool
cat_addressed(stralloc *out, struct passing const *p)
{
  struct splice at;

  return splice_attribute(p->st.xml, &at) && splice_cat_head(out, &at) &&
         record_put_more(out, to_attribute(p->st.to)) && splice_cat_tail(out, &at);
}

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
  put_xml(l, p);
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
         (p->own        ? record_put(out, st->xml)
          : p->lacks_to ? record_put_raw(out, SLICE("")) && cat_addressed(out, p)
                        : record_put_raw(out, st->xml));
}

bool
passing_address(struct passing *p)
{
  static stralloc sa = STRALLOC_ZERO;

  sa.len = 0;
  if (!cat_addressed(&sa, p)) return false;
  p->st.xml = slice_of(sa.s, sa.len);
  p->lacks_to = false;
  return true;
}

bool
passing_read(struct passing *p, struct passing_line *line, struct slice fields)
{
  if (!stralloc_cats(&line->text, "stanza\t") ||
      !stralloc_catb(&line->text, fields.s, fields.len) ||
      !record_split(&line->r, line->text.s, line->text.len))
    return false;
  stanza_read(&line->r, 0, &p->st);
  return true;
}

bool
passing_name_session(struct passing *p, stralloc *tags, uint64_t number)
{
  char buf[BASE_NUM];

  tags->len = 0;
  if (!stralloc_catb(tags, p->st.tags.s, p->st.tags.len) ||
      !stralloc_cats(tags, tags->len ? " session=" : "session=") ||
      !stralloc_cats(tags, num_u64(buf, number).s))
    return false;
  p->st.tags = slice_of(tags->s, tags->len);
  return true;
}
