#include "edge/edge.h"
#include "splice/splice.h"

#include <string.h>

/* Stanzas on their way to routed. The start tag is written anew: from is the edge's to say, to is
 * prepared, a language that the stanza does not name is that of its stream. The inside goes on
 * as it came, when it can stand by itself. */

/* All fields of a stanza record but the last. */
#define ENVELOPE_MAX 32768u
/* Bytes of room that tag and tags keep between two stanzas. */
#define WRITTEN_KEEP 16384u

static stralloc tag = STRALLOC_ZERO, tags = STRALLOC_ZERO;

/* Say whether the inside can go on as it came: all its prefixes are declared
 * in the stanza, and unprefixed names are in the content namespace. */
static bool
stands_alone(struct edge_stanza const *in)
{
  struct xml_node const *e = in->e;
  unsigned int i;

  if (in->rooted || e->head->prefix || in->forged || in->child.len || in->lacks)
    return false;
  for (i = 0; i < e->head->attrs_n; i++)
    if (e->head->attrs[i].prefix) return false;
  return true;
}

/* The most bytes that a stanza may have which is written anew. Escaping doubles them
 * at worst in a record, all other fields of which are within ENVELOPE_MAX; and a few
 * declarations more are no reason for many times of what came. */
static size_t
written_max(struct edge_stanza const *in)
{
  size_t record = (RECORD_MAX - ENVELOPE_MAX) / 2 - in->type.len;
  size_t times = 8 * in->bytes.len + ENVELOPE_MAX;

  return times < record ? times : record;
}

/* The start tag up to its end, which is not written yet. Attributes that are neither ours
 * nor the stanza's own (s8.1) are not passed on. */
static bool
cat_start_tag(struct edge_stanza const *in, bool alone)
{
  struct slice lang = xml_lang(in->e);

  tag.len = 0;
  if (!xml_cat(&tag, "<") || !text_catb(&tag, in->kind.s, in->kind.len) ||
      ((!alone || in->e->head->decls_n) &&
       !xml_cat_decls(&tag, in->e, in->rules->ns, written_max(in))) ||
      !xml_cat_attr(&tag, "from", in->from))
    return false;
  if (in->to.full.len && !xml_cat_attr(&tag, "to", in->to.full)) return false;
  if (in->type.s && !xml_cat_attr(&tag, "type", in->type)) return false;
  if (in->id.s && !xml_cat_attr(&tag, "id", in->id)) return false;
  /* s8.1.5: what the stanza does not say itself, the stream has said for it. */
  if (!lang.s && in->lang.len) lang = in->lang;
  return !lang.s || lang.len >= 64 || xml_cat_attr(&tag, "xml:lang", lang);
}

/* The inside again, from the tree. */
static bool
cat_inside(struct edge_stanza const *in)
{
  struct xml_node const *e = in->e, *c;

  if (!e->first && !in->child.len) return xml_cat(&tag, "/>");
  if (!xml_cat(&tag, ">")) return false;
  for (c = e->first; c; c = c->next)
    if (!edge_is_forged(in->rules, c) && !(in->lacks && in->lacks(c)) &&
        !xml_cat_child(&tag, c, in->rules->ns, written_max(in)))
      return false;
  return text_catb(&tag, in->child.s, in->child.len) && xml_cat(&tag, "</") &&
         text_catb(&tag, e->name.s, e->name.len) && xml_cat(&tag, ">");
}

static void
put_envelope(struct edge_stanza const *in, struct link *routed)
{
  link_begin(routed, VERB_STANZA);
  link_text(routed, in->to.full);
  link_text(routed, in->from);
  link_text(routed, in->kind);
  link_text(routed, in->type);
  link_text(routed, in->id);
  link_text(routed, slice_of(tags.s, tags.len));
  link_origin(routed);
}

/* The tag of presence is wanted whole afterwards. */
bool
edge_put(struct edge_stanza *in, struct link *routed)
{
  struct slice rest = {"", 0};
  bool alone;

  if (!edge_tags(in, &tags)) return false;
  alone = stands_alone(in);
  if (!cat_start_tag(in, alone) || (!alone && !cat_inside(in))) return false;
  if (2 * (in->type.len + tag.len + (alone ? in->bytes.len : 0)) + ENVELOPE_MAX >
      RECORD_MAX)
    return false;
  if (alone) rest = splice_rest(in->bytes);
  if (alone && slice_is(in->kind, "presence")) {
    if (!text_catb(&tag, rest.s, rest.len)) return false;
    rest = SLICE("");
  }
  put_envelope(in, routed);
  link_field(routed);
  link_more(routed, slice_of(tag.s, tag.len));
  if (rest.len) link_more(routed, rest);
  link_end(routed);
  in->xml = slice_of(tag.s, tag.len);
  return true;
}

void
edge_done(void)
{
  if (tag.a > WRITTEN_KEEP) stralloc_free(&tag);
  if (tags.a > WRITTEN_KEEP) stralloc_free(&tags);
}
