#include "passing.h"
#include "rules.h"
#include "sessions.h"
#include "snapshot.h"
#include "sources.h"
#include "xep0280_carbons.h"

#include <string.h>

/* XEP-0280: copies of messages for the other devices of an account. The edge has told by the
 * tag cc which messages are eligible (s6.1), and by muc that a private message came by a room;
 * what is copied is the element as it stands, wrapped. */

static char const tag_open[] = "<message";

/* s6.1: errors are copied when what they answer was. What was copied is remembered for a
 * while by a hash of both addresses and its id. What was for an account may be answered by
 * any session of it. */
#define REMEMBERED 4096u

static uint64_t remembered[REMEMBERED];

static uint64_t
hash(struct slice a, struct slice b, struct slice id)
{
  uint64_t h = 14695981039346656037u;
  struct slice const parts[] = {a, b, id};
  size_t i, k;

  for (i = 0; i < 3; i++, h *= 31)
    for (k = 0; k < parts[i].len; k++)
      h = (h ^ (unsigned char)parts[i].s[k]) * 1099511628211u;
  return h ? h : 1;
}

static void
remember(struct stanza const *st)
{
  uint64_t h = hash(st->from, st->to, st->id);

  if (st->id.len) remembered[h % REMEMBERED] = h;
}

static bool
answers_a_copied_one(struct stanza const *st)
{
  struct slice bare = jid_cut(st->from).bare;
  uint64_t h = hash(st->to, st->from, st->id), b = hash(st->to, bare, st->id);

  if (!st->id.len || !slice_is(st->type, "error")) return false;
  return remembered[h % REMEMBERED] == h || remembered[b % REMEMBERED] == b;
}

static bool
has(struct stanza const *st, struct slice word)
{
  return slice_has_word(st->tags, word);
}

/* Text as XML in the field that is being built. */
static void
put_markup(struct link *l, struct slice text)
{
  static stralloc sa = STRALLOC_ZERO;

  sa.len = 0;
  if (xml_cat_text(&sa, text)) link_more(l, slice_of(sa.s, sa.len));
}

static void
put_tag(struct link *l, struct passing const *p, char const *name)
{
  struct slice value = stanza_tag(p->st.tags, name);

  if (!value.len) return;
  link_more(l, SLICE(" "));
  link_more(l, slice_str(name));
  link_more(l, SLICE("="));
  link_more(l, value);
}

/* A copy that a client does not acknowledge is returned as what was copied (carbons_unwrap), so
 * a received copy has the sender, and the tags that say who else has it. */
static void
put_envelope(struct link *l, struct session const *s, struct passing const *p, bool sent)
{
  link_begin(l, VERB_DELIVER);
  link_num(l, s->sid);
  session_put_jid(l, s);
  if (sent)
    link_str(l, s->user->bare);
  else
    link_text(l, p->st.from);
  link_str(l, "message");
  link_text(l, p->st.type);
  link_text(l, sent ? SLICE("") : p->st.id);
  link_field(l);
  link_more(l, sent ? SLICE("carbon sent") : SLICE("carbon"));
  if (has(&p->st, SLICE("state"))) link_more(l, SLICE(" state"));
  if (!sent) {
    if (has(&p->st, SLICE("body"))) link_more(l, SLICE(" body"));
    if (has(&p->st, SLICE("wakes"))) link_more(l, SLICE(" wakes"));
    if (has(&p->st, SLICE("store"))) link_more(l, SLICE(" store"));
    if (has(&p->st, SLICE("no-store"))) link_more(l, SLICE(" no-store"));
    put_tag(l, p, "id");
    put_tag(l, p, "late");
    put_tag(l, p, "given");
    if (has(&p->st, SLICE("kept"))) link_more(l, SLICE(" kept"));
  }
  link_text(l, p->st.origin);
}

/* The stanza in a copy says its namespace, for it stands in another one (XEP-0297 s3.1). */
static void
put_copy(struct session const *s, struct passing const *p, struct slice xml,
         char const *direction)
{
  struct link *l = s->link;
  size_t open = sizeof tag_open - 1;

  source_crosses(p->source, p->number, l);
  put_envelope(l, s, p, !strcmp(direction, "sent"));
  link_field(l);
  link_more(l, SLICE("<message from='"));
  link_more(l, slice_str(s->user->bare));
  link_more(l, SLICE("' to='"));
  put_markup(l, slice_str(s->user->bare));
  link_more(l, SLICE("/"));
  put_markup(l, slice_str(s->resource));
  if (p->st.type.len) {
    link_more(l, SLICE("' type='"));
    put_markup(l, p->st.type);
  }
  link_more(l, SLICE("'><"));
  link_more(l, slice_str(direction));
  link_more(l, SLICE(" xmlns='urn:xmpp:carbons:2'><forwarded xmlns='urn:xmpp:forward:0'>"
                     "<message xmlns='jabber:client'"));
  if (p->own)
    link_more(l, slice_of(xml.s + open, xml.len - open));
  else
    link_more_raw(l, slice_of(xml.s + open, xml.len - open));
  link_more(l, SLICE("</forwarded></"));
  link_more(l, slice_str(direction));
  link_more(l, SLICE("></message>"));
  link_end(l);
}

static bool
may_copy(struct passing const *p)
{
  return slice_is(p->st.kind, "message") && slice_starts(p->st.xml, tag_open);
}

/* s6.1: rooms send private messages to all sessions that are in them. s7: a message of an
 * account to itself is copied once, as received. */
bool
carbons_copies(struct passing const *p, struct session const *s,
               struct receivers const *to)
{
  struct jid from;

  if (!s->carbons || rules_receives(to, s) || !may_copy(p)) return false;
  if (!has(&p->st, SLICE("cc")) && !answers_a_copied_one(&p->st)) return false;
  from = jid_cut(p->st.from);
  if (has(&p->st, SLICE("muc")) && from.resource.len) return false;
  return !slice_is(from.bare, s->user->bare) || !slice_is(from.resource, s->resource);
}

void
carbons_received(struct passing const *p, struct user const *u,
                 struct receivers const *to)
{
  struct session const *s;
  bool copied = false;

  if (!u || u->n < 2) return;
  for (s = u->sessions; s; s = s->next) {
    if (!carbons_copies(p, s, to)) continue;
    put_copy(s, p, p->st.xml, "received");
    copied = true;
  }
  if (copied) remember(&p->st);
}

void
carbons_copy(struct session const *s, struct passing const *p)
{
  if (may_copy(p)) put_copy(s, p, p->st.xml, "received");
}

bool
carbons_may_be_sent(struct slice bare)
{
  struct user const *u = user_find(bare);

  return u && u->n > 1;
}

/* s8. */
void
carbons_sent(struct passing const *p)
{
  struct jid from = jid_cut(p->st.from), to = jid_cut(p->st.to);
  struct user const *u;
  struct session const *s;
  bool copied = false;

  if (!may_copy(p)) return;
  if (!has(&p->st, SLICE("cc")) && !answers_a_copied_one(&p->st)) return;
  u = user_find(from.bare);
  if (!u || u->n < 2 || slice_eq(to.bare, from.bare)) return;
  for (s = u->sessions; s; s = s->next) {
    if (!s->carbons || slice_is(from.resource, s->resource)) continue;
    put_copy(s, p, p->st.xml, "sent");
    copied = true;
  }
  if (copied) remember(&p->st);
}

/* The bytes in front of what was copied, and behind it, as put_copy writes them. */
static char const copy_begin[] =
  "<forwarded xmlns='urn:xmpp:forward:0'><message xmlns='jabber:client'";
static char const copy_end[] = "</forwarded></received>";

/* Resources in front of the message are escaped, so the first place is put_copy's own. */
bool
carbons_unwrap(struct passing *p)
{
  static stralloc xml = STRALLOC_ZERO;
  struct slice copy = p->st.xml;
  char const *from, *end = NULL, *at;

  if (has(&p->st, SLICE("sent")) || p->own) return false;
  from = memmem(copy.s, copy.len, copy_begin, sizeof copy_begin - 1);
  if (!from) return false;
  from += sizeof copy_begin - 1;
  for (at = from;
       (at = memmem(at, (size_t)(copy.s + copy.len - at), copy_end, sizeof copy_end - 1));
       at++)
    end = at;
  xml.len = 0;
  if (!end || !stralloc_cats(&xml, tag_open) ||
      !stralloc_catb(&xml, from, (size_t)(end - from)))
    return false;
  p->st.xml = slice_of(xml.s, xml.len);
  return true;
}

void
carbons_snapshot(struct snapshot *k)
{
  size_t i, n = 0;

  for (i = 0; i < REMEMBERED; i++)
    n += remembered[i] != 0;
  if (!snapshot_record(k, "copied", true)) return;
  SNAPSHOT_INT(k, n);
  for (i = 0; n && i < REMEMBERED; i++) {
    uint64_t h = remembered[i];
    if (!snapshot_restores(k) && !h) continue;
    SNAPSHOT_INT(k, h);
    remembered[h % REMEMBERED] = h;
    n--;
  }
}
