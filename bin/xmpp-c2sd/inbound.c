#include "asked.h"
#include "bind.h"
#include "inbound.h"
#include "requests.h"
#include "settings.h"
#include "shown.h"
#include "stream.h"
#include "tags.h"
#include "xep0198_sm.h"
#include "xep0280_carbons.h"

#include <stdlib.h>
#include <string.h>

/* Stanzas of bound streams: checked, stamped, classified, passed to routed. The start
 * tag is written anew (from is ours to say, to is prepared, a default xml:lang is the
 * stream's); what is inside goes on as the client wrote it, when it can stand by
 * itself. */

#define NS_SID "urn:xmpp:sid:0"
#define NS_DELAY "urn:xmpp:delay"

/* All fields of a stanza record but the last. */
#define ENVELOPE_MAX 32768u
/* Bytes of room that tag and tags keep between two stanzas. */
#define WRITTEN_KEEP 16384u

static struct arena scratch = ARENA_ZERO;
static stralloc tag = STRALLOC_ZERO, tags = STRALLOC_ZERO;

/* ---- errors ---- */

void
inbound_error(struct stream *s, struct xml_node const *e, enum stanza_error err,
              char const *text)
{
  stralloc sa = STRALLOC_ZERO;
  struct stanza in = {.to = xml_attr(e, "to"), .kind = e->name, .id = xml_attr(e, "id")};
  struct slice type = xml_attr(e, "type");

  /* s8.3.1: an error is never answered with an error, nor is a result. */
  if (slice_is(type, "error") || (slice_is(e->name, "iq") && slice_is(type, "result")))
    return;
  if (s->state == ST_BOUND) in.from = slice_str(s->jid);
  if (stanza_cat_error(&sa, &in, err, slice_str(text)))
    stream_say(s, slice_of(sa.s, sa.len));
  stralloc_free(&sa);
}

/* ---- checks ---- */

struct slice
stream_bare(struct stream const *s)
{
  char const *slash = strchr(s->jid, '/');

  return slash ? slice_of(s->jid, (size_t)(slash - s->jid)) : slice_str(s->jid);
}

/* s8.1.2.1: a client that gives a from gives its own, bare or full. */
static bool
from_is_own(struct stream const *s, struct slice from)
{
  struct jid j;

  if (!from.s) return true;
  if (!jid_parse(&scratch, from, &j)) return false;
  return slice_is(j.full, s->jid) || slice_eq(j.full, stream_bare(s));
}

static bool
is_one_of(struct slice word, char const *list)
{
  return word.len && slice_has_word(slice_str(list), word);
}

static size_t
children(struct xml_node const *e)
{
  struct xml_node const *c;
  size_t n = 0;

  for (c = xml_next(e, NULL); c; c = xml_next(e, c))
    n++;
  return n;
}

/* s8.2.3. NULL: all is well. */
static char const *
check_iq(struct inbound const *in)
{
  size_t n = children(in->e);

  if (!in->id.len) return "an iq needs an id";
  if (!is_one_of(in->type, "get set result error")) return "not a type of iq";
  if (is_one_of(in->type, "get set") && n != 1) return "a request has one payload";
  if (slice_is(in->type, "result") && n > 1) return "a result has at most one payload";
  return NULL;
}

/* RFC 6121 s4.7.1: the types of presence; s4.7.2.3: priority from -128 to 127. */
static char const *
check_presence(struct inbound const *in, int *priority)
{
  struct xml_node const *e = xml_child(in->e, NS_CLIENT, "priority");
  struct slice text;
  long n;
  char *end;

  *priority = 0;
  if (in->type.len &&
      !is_one_of(in->type,
                 "error probe subscribe subscribed unavailable unsubscribe unsubscribed"))
    return "not a type of presence";
  if (!e) return NULL;
  text = xml_text(&scratch, e);
  if (!text.s) return "no memory";
  n = strtol(text.s, &end, 10);
  while (*end && strchr(" \t\r\n", *end))
    end++;
  if (!text.len || end != text.s + text.len || n < -128 || n > 127)
    return "not a priority";
  *priority = (int)n;
  return NULL;
}

/* ---- elements that only a server may send ---- */

bool
inbound_is_forged(struct xml_node const *e)
{
  struct jid by;

  /* Few elements have a name of that length. */
  if (e->name.len == 5 && xml_is(e, NS_DELAY, "delay"))
    return jid_parse(&scratch, xml_attr(e, "from"), &by) && !by.local.len &&
           c2sd_host(by.domain);
  return e->name.len == 9 && xml_is(e, NS_SID, "stanza-id") &&
         jid_parse(&scratch, xml_attr(e, "by"), &by) && c2sd_host(by.domain);
}

/* ---- writing it on ---- */

/* Say whether the inside can go on as the client sent it: all its prefixes are declared
 * in the stanza, and unprefixed names are in the content namespace. */
static bool
stands_alone(struct inbound const *in)
{
  struct xml_node const *e = in->e;
  unsigned int i;

  if (in->s->xml.root || in->s->xml.borrows || e->head->prefix || in->forged)
    return false;
  for (i = 0; i < e->head->attrs_n; i++)
    if (e->head->attrs[i].prefix) return false;
  return true;
}

/* The most bytes that a stanza may have which is written anew. Escaping doubles them
 * at worst in a record, all other fields of which are within ENVELOPE_MAX; and a few
 * declarations more are no reason for many times of what came. */
static size_t
written_max(struct inbound const *in)
{
  size_t record = (RECORD_MAX - ENVELOPE_MAX) / 2 - in->type.len;
  size_t times = 8 * in->bytes.len + ENVELOPE_MAX;

  return times < record ? times : record;
}

/* The start tag up to its end, which is not written yet. Attributes that are neither ours
 * nor the stanza's own (s8.1) are not passed on. */
static bool
cat_start_tag(struct inbound const *in, bool alone)
{
  struct slice lang = xml_lang(in->e);

  tag.len = 0;
  if (!xml_cat(&tag, "<") || !stralloc_catb(&tag, in->kind.s, in->kind.len) ||
      ((!alone || in->e->head->decls_n) &&
       !xml_cat_decls(&tag, in->e, NS_CLIENT, written_max(in))) ||
      !xml_cat_attr(&tag, "from", in->from))
    return false;
  if (in->to.full.len && !xml_cat_attr(&tag, "to", in->to.full)) return false;
  if (in->type.s && !xml_cat_attr(&tag, "type", in->type)) return false;
  if (in->id.s && !xml_cat_attr(&tag, "id", in->id)) return false;
  /* s8.1.5: what the stanza does not say itself, the stream has said for it. */
  if (!lang.s && in->s->lang) lang = slice_str(in->s->lang);
  return !lang.s || lang.len >= 64 || xml_cat_attr(&tag, "xml:lang", lang);
}

/* Give the text of an element from behind the last attribute of its start tag. */
static struct slice
behind_start_tag(struct slice bytes)
{
  char quote = 0;
  size_t i;

  for (i = 0; i < bytes.len; i++) {
    char c = bytes.s[i];
    if (quote)
      quote = c == quote ? 0 : quote;
    else if (c == '\'' || c == '"')
      quote = c;
    else if (c == '>')
      break;
  }
  if (i && bytes.s[i - 1] == '/') i--;
  return slice_of(bytes.s + i, bytes.len - i);
}

/* The inside again, from the tree. */
static bool
cat_inside(struct inbound const *in)
{
  struct xml_node const *e = in->e, *c;

  if (!e->first) return xml_cat(&tag, "/>");
  if (!xml_cat(&tag, ">")) return false;
  for (c = e->first; c; c = c->next)
    if (!inbound_is_forged(c) && !xml_cat_child(&tag, c, NS_CLIENT, written_max(in)))
      return false;
  return xml_cat(&tag, "</") && stralloc_catb(&tag, e->name.s, e->name.len) &&
         xml_cat(&tag, ">");
}

static bool
send(struct inbound const *in, struct link *routed)
{
  bool alone = stands_alone(in);

  if (!cat_start_tag(in, alone) || (!alone && !cat_inside(in))) return false;
  if (2 * (in->type.len + tag.len + (alone ? in->bytes.len : 0)) + ENVELOPE_MAX >
      RECORD_MAX)
    return false;
  link_begin(routed, VERB_STANZA);
  link_text(routed, in->to.full);
  link_text(routed, in->from);
  link_text(routed, in->kind);
  link_text(routed, in->type);
  link_text(routed, in->id);
  link_text(routed, slice_of(tags.s, tags.len));
  link_origin(routed);
  if (alone && slice_is(in->kind, "presence")) { /* tag is wanted whole afterwards */
    struct slice rest = behind_start_tag(in->bytes);
    if (!stralloc_catb(&tag, rest.s, rest.len)) return false;
    alone = false;
  }
  link_field(routed);
  link_more(routed, slice_of(tag.s, tag.len));
  if (alone) link_more(routed, behind_start_tag(in->bytes));
  link_end(routed);
  if (slice_is(in->kind, "presence")) shown_presence(in, slice_of(tag.s, tag.len));
  return true;
}

/* Presence to nobody in particular is the session's own (RFC 6121 s4.2, s4.4, s4.5). */
static void
note_presence(struct inbound const *in, int priority)
{
  if (in->to.full.len || !slice_is(in->kind, "presence")) return;
  if (slice_is(in->type, "unavailable")) in->s->available = false;
  if (in->type.len) return;
  in->s->available = true;
  if (!in->type.len) in->s->priority = (signed char)priority;
}

/* Check the stanza. A stanza that may not go on has been answered when check gives
 * false. */
static bool
check(struct inbound *in, int *priority)
{
  struct slice to = xml_attr(in->e, "to");
  char const *wrong = in->id.len > STANZA_ID_MAX ? "an id is too long" : NULL;

  if (to.len && !jid_parse(&scratch, to, &in->to)) {
    inbound_error(in->s, in->e, ERR_JID_MALFORMED, NULL);
    return false;
  }
  if (!wrong && slice_is(in->kind, "iq")) wrong = check_iq(in);
  if (!wrong && slice_is(in->kind, "presence")) wrong = check_presence(in, priority);
  if (wrong) inbound_error(in->s, in->e, ERR_BAD_REQUEST, wrong);
  return !wrong;
}

/* RFC 6121 s3.1.1: who subscribes is the account, not the session. */
static bool
is_subscription(struct inbound const *in)
{
  return slice_is(in->kind, "presence") &&
         is_one_of(in->type, "subscribe subscribed unsubscribe unsubscribed");
}

/* RFC 3921 s3, optional since RFC 6121: an old client asks to begin a session. */
static bool
is_session_request(struct inbound const *in)
{
  return slice_is(in->kind, "iq") && slice_is(in->type, "set") && !in->to.full.len &&
         xml_child(in->e, NS_SESSION, "session");
}

static void
answer_session(struct inbound const *in)
{
  struct stanza st = {.kind = in->kind, .id = in->id};
  stralloc sa = STRALLOC_ZERO;

  if (stanza_cat_result(&sa, &st)) stream_say(in->s, slice_of(sa.s, sa.len));
  stralloc_free(&sa);
}

/* A client that asks for its roster or block list is told of their changes (RFC 6121
 * s2.2, XEP-0191 s3.2). */
static void
note_wants(struct inbound const *in)
{
  struct xml_node const *c = xml_next(in->e, NULL);

  if (!slice_is(in->kind, "iq") || !slice_is(in->type, "get") || !c) return;
  if (in->to.full.len && !slice_eq(in->to.full, stream_bare(in->s))) return;
  if (xml_is(c, NS_ROSTER, "query")) shown_wants(in->s, WANTS_ROSTER, 0);
  if (xml_is(c, NS_BLOCKING, "blocklist")) shown_wants(in->s, WANTS_BLOCKLIST, 0);
}

static void
pass_on(struct inbound *in)
{
  struct link *routed = bind_routed();
  int priority = 0;

  if (!check(in, &priority)) return;
  if (is_session_request(in)) {
    answer_session(in);
    return;
  }
  if (in->s->is_leaving && slice_is(in->kind, "iq") && slice_is(in->type, "get")) return;
  if (carbons_request(in)) return;
  if (is_subscription(in)) in->from = stream_bare(in->s);
  note_presence(in, priority);
  note_wants(in);
  if (!routed || !tags_make(in, priority, &tags) || !send(in, routed))
    inbound_error(in->s, in->e, routed ? ERR_RESOURCE_CONSTRAINT : ERR_INTERNAL, NULL);
  else if (slice_is(in->kind, "iq") && is_one_of(in->type, "get set")) {
    asked_note(in, routed);
    requests_passed(in->s, routed);
  }
}

enum state
inbound_stanza(struct stream *s, struct xml_node const *e, struct slice bytes)
{
  struct inbound in = {.s = s,
                       .e = e,
                       .bytes = bytes,
                       .kind = e->name,
                       .type = xml_attr(e, "type"),
                       .id = xml_attr(e, "id"),
                       .from = slice_str(s->jid)};

  arena_reset(&scratch);
  if (!from_is_own(s, xml_attr(e, "from"))) {
    stream_error(s, "invalid-from", NULL);
    return s->state;
  }
  pass_on(&in);
  if (tag.a > WRITTEN_KEEP) stralloc_free(&tag);
  if (tags.a > WRITTEN_KEEP) stralloc_free(&tags);
  sm_count(s);
  return ST_BOUND;
}
