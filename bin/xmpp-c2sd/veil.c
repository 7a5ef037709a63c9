#include "settings.h"
#include "stream.h"
#include "veil.h"

#include "splice/splice.h"

/* Push keeps the session of a phone that is away for days. From the time on at which it would have ended
 * without push, its contacts see it as push_presence says:
 *
 *   keep      as before
 *   away      available, and away
 *   offline   unavailable, though rooms and all others that had directed presence see it as before
 *
 * Both are presence with the tag contacts: routed, which delivers messages by what the client has said,
 * passes it on to userd and does nothing else. The presence is a stanza like the client's own: it is on
 * its way until routed has acknowledged it, and comes again after a kill of routed. Nothing has to
 * be undone when the session ends, for then its contacts are told if they see it, and when this
 * program is killed. A session that another instance takes over is shown again before that. */

/* ---- the text ---- */

static bool
is_away_already(struct arena *a, struct xml_node const *show)
{
  struct slice word = show ? xml_text(a, show) : SLICE("");

  return slice_is(word, "away") || slice_is(word, "xa") || slice_is(word, "dnd");
}

/* Append the presence e, whose text is xml, with the show away. false: ENOMEM, or it does not fit. */
static bool
cat_away(stralloc *out, struct slice xml, struct xml_node const *e)
{
  struct xml_node const *c;
  struct splice at;

  if (!splice_prepend(xml, &at) || !splice_cat_head(out, &at) ||
      !xml_cat(out, "<show>away</show>"))
    return false;
  for (c = xml_next(e, NULL); c; c = xml_next(e, c))
    if (!xml_is(c, NS_CLIENT, "show") && !xml_cat_child(out, c, NS_CLIENT, STANZA_MAX))
      return false;
  return xml_cat(out, "</presence>");
}

/* Write the presence that s shows, but away, to out. false: it says away, or something like it, already;
 * or ENOMEM. */
static bool
write_away(stralloc *out, struct stream const *s)
{
  struct slice xml = slice_of(s->session.shown, s->session.shown_len);
  struct arena a = ARENA_ZERO;
  enum xml_error why;
  struct xml_node const *e = xml_parse(&a, xml, NS_CLIENT, &why);
  bool ok = e && !is_away_already(&a, xml_child(e, NS_CLIENT, "show"));

  out->len = 0;
  ok = ok && cat_away(out, xml, e);
  arena_wipe(&a);
  return ok;
}

static bool
write_unavailable(stralloc *out, struct stream const *s)
{
  out->len = 0;
  return xml_cat(out, "<presence") &&
         xml_cat_attr(out, "from", slice_str(s->session.jid)) &&
         xml_cat(out, " type='unavailable'/>");
}

/* ---- said ---- */

static void
say(struct stream const *s, char const *type, struct slice xml)
{
  struct link *l = edge_routed();
  struct stanza st = {.from = slice_str(s->session.jid),
                      .kind = SLICE("presence"),
                      .type = slice_str(type),
                      .tags = SLICE("contacts"),
                      .xml = xml};

  if (l) stanza_put(l, &st);
}

void
veil_put(struct stream *s)
{
  static stralloc sa = STRALLOC_ZERO;
  enum veil veil = s->host->veil;

  if (!s->session.shown || s->session.veil != VEIL_NONE) return;
  if (veil == VEIL_AWAY && write_away(&sa, s))
    say(s, "", slice_of(sa.s, sa.len));
  else if (veil == VEIL_OFFLINE && write_unavailable(&sa, s))
    say(s, "unavailable", slice_of(sa.s, sa.len));
  else
    return;
  s->session.veil = (unsigned char)veil;
}

void
veil_lift(struct stream *s)
{
  if (s->session.veil == VEIL_NONE) return;
  s->session.veil = VEIL_NONE;
  say(s, "", slice_of(s->session.shown, s->session.shown_len));
}

void
veil_put_shown(struct link *l, struct stream const *s)
{
  static stralloc sa = STRALLOC_ZERO;

  if (s->session.veil == VEIL_AWAY && write_away(&sa, s)) {
    link_text(l, slice_of(sa.s, sa.len));
    return;
  }
  link_str(l, s->session.shown);
  if (s->session.veil == VEIL_OFFLINE) link_str(l, "hidden");
}

bool
veil_is_own(struct stream const *s, struct slice raw)
{
  return s->session.veil != VEIL_NONE &&
         slice_is(stanza_raw_field(raw, STANZA_KIND), "presence") &&
         slice_is(stanza_raw_field(raw, STANZA_FROM), s->session.jid);
}
