#include "said.h"

#include <stdlib.h>
#include <string.h>

/* Stanzas that are done once and told twice. DATA/occupants is committed before the output of a
 * turn leaves: a mucd that is killed in between has taken a kicked session out, or given an occupant
 * another nick, and told nobody, and the stanza that comes again finds nothing left to do. So all
 * that such a stanza says is stored beside the sessions, in the same commit:
 *
 *   said  ORIGIN of the stanza -> the records that it made, a line each
 *
 * When the stanza comes again it is handled again, for DATA/rooms may lack what it did, and the
 * records that are stored leave instead of those that it makes now. If DATA/rooms has lost the turn and
 * is full, the stanza is refused now, and of the records only presence leaves, which is as
 * DATA/occupants has it. If this very process has handled the stanza, nothing is done again. Occupants
 * who have had the records get them twice. A full DATA/occupants takes no row: left.c notes then who has
 * left. Rows go after SAID_US, when the output has left; the newest SAID_MOST are kept. */

#define SAID_MOST 64
#define SAID_US 60000000u
#define SAID_BYTES_MAX (16u << 20)
#define SAID_KEY_MAX 256u
/* Room that is kept for the next. */
#define SAID_KEEP 65536u

struct said {
  char *origin;
  size_t bytes;
  uint64_t us;
  bool here; /* handled by this process, which has committed it */
};

static MDB_dbi table;
static struct said list[SAID_MOST]; /* oldest first */
static size_t list_n, bytes;
static stralloc text;
static bool on;

static void
forget(size_t i)
{
  struct said s = list[i];

  store_del(mucd.present, table, slice_str(s.origin));
  bytes -= s.bytes;
  free(s.origin);
  memmove(&list[i], &list[i + 1], (--list_n - i) * sizeof *list);
}

static void
note(struct slice origin, size_t n)
{
  size_t i;

  for (i = list_n; i-- > 0;)
    if (slice_is(origin, list[i].origin)) forget(i);
  while (list_n && (list_n == SAID_MOST || bytes + n > SAID_BYTES_MAX))
    forget(0);
  list[list_n++] = (struct said){must_dup(origin), n, door_now(), true};
  bytes += n;
}

static bool
load(void *cookie, struct slice origin, struct slice records)
{
  (void)cookie;
  if (list_n == SAID_MOST) return false;
  list[list_n++] = (struct said){must_dup(origin), records.len, door_now(), false};
  bytes += records.len;
  return true;
}

bool
said_open(void)
{
  return store_table(mucd.present, "said", &table);
}

void
said_load(void)
{
  while (list_n)
    free(list[--list_n].origin);
  bytes = 0;
  store_each(mucd.present, table, slice_of("", 1), load, NULL);
}

void
said_turn(void)
{
  bool left = output_has_left();

  while (left && list_n && door_now() - list[0].us > SAID_US)
    forget(0);
}

/* Say whether the records have the text, as a record has it. */
static bool
names(struct slice records, struct slice plain)
{
  static stralloc raw = STRALLOC_ZERO;

  raw.len = 0;
  if (!record_put_more(&raw, plain)) no_memory();
  return memmem(records.s, records.len, raw.s, raw.len) != NULL;
}

void
said_erase(struct slice bare)
{
  static stralloc xml = STRALLOC_ZERO;
  struct slice row;
  size_t i;

  xml.len = 0;
  put_text(&xml, bare);
  for (i = list_n; i-- > 0;)
    if (store_get(mucd.present, table, slice_str(list[i].origin), &row) &&
        (names(row, bare) || names(row, slice_of(xml.s, xml.len))))
      forget(i);
}

/* ---- a stanza ---- */

/* Say whether the payload asks for what leaves a message in the archive. */
static bool
is_moderation(struct xml_node const *p)
{
  return p && (xml_is(p, NS_MODERATE, "moderate") ||
               xml_is(p, "urn:xmpp:fasten:0", "apply-to"));
}

static bool
is_said_payload(struct xml_node const *p)
{
  return p && (slice_is(p->ns, NS_MUC_ADMIN) || slice_is(p->ns, NS_MUC_OWNER) ||
               slice_is(p->ns, NS_REGISTER) || slice_is(p->ns, NS_COMMANDS) ||
               slice_is(p->ns, NS_VCARD) || is_moderation(p));
}

/* Say whether the request, the message or the presence changes who is in the room, and as whom, or what
 * all have seen. */
static bool
is_said(struct in const *in)
{
  struct slice nick = in->to.resource, type = in->st.type;

  if (!in->room) return false;
  if (slice_is(in->st.kind, "presence"))
    return !type.len && in->session && nick.len && !slice_is(nick, in->session->o->nick);
  if (nick.len) return false;
  if (slice_is(in->st.kind, "message")) return !type.len || slice_is(type, "normal");
  return slice_is(type, "set") && is_said_payload(xml_next(in->e, NULL));
}

bool
said_begin(struct in const *in)
{
  struct slice row, origin = in->st.origin;

  if (on || in->held || !mucd.routed || !origin.len || origin.len > SAID_KEY_MAX)
    return false;
  if (!(in->again && store_get(mucd.present, table, origin, &row)) &&
      (!is_said(in) || store_is_full(mucd.present)))
    return false;
  text.len = 0;
  link_capture(mucd.routed, &text);
  return on = true;
}

/* Say whether the record shows presence to the room. */
static bool
is_shown_presence(struct slice line)
{
  struct slice field = SLICE("");
  unsigned int i;

  if (!slice_starts(line, "fanout\t")) return false;
  for (i = 0; i <= STANZA_KIND && slice_word(&line, '\t', &field); i++) {
  }
  return slice_is(field, "presence");
}

bool
said_is_on(void)
{
  return on;
}

/* Send the records, each with an ORIGIN of now; presence: those of shown presence alone. */
static void
send(struct slice records, bool presence)
{
  struct link *l = mucd.routed;
  struct slice line, field;
  unsigned int i;

  while (slice_word(&records, '\n', &line)) {
    if (presence && !is_shown_presence(line)) continue;
    if (!slice_word(&line, '\t', &field)) continue;
    link_begin(l, slice_is(field, "fanout") ? VERB_FANOUT : VERB_STANZA);
    for (i = STANZA_TO; slice_word(&line, '\t', &field); i++)
      if (i == STANZA_ORIGIN)
        link_origin(l);
      else
        link_raw(l, field);
    link_end(l);
  }
}

/* The entry of the stanza, or NULL. */
static struct said *
find(struct slice origin)
{
  size_t i;

  for (i = 0; i < list_n; i++)
    if (slice_is(origin, list[i].origin)) return &list[i];
  return NULL;
}

bool
said_before(struct in const *in)
{
  struct said const *s = in->again ? find(in->st.origin) : NULL;
  struct slice row;

  if (!s || !s->here || on || !mucd.routed ||
      !store_get(mucd.present, table, in->st.origin, &row))
    return false;
  send(row, false);
  return true;
}

/* Say whether the records that are stored hold: not, if a moderation was done just now, for the archive
 * has given its message an id of now. */
static bool
holds(struct in const *in, struct slice said)
{
  return !is_moderation(xml_next(in->e, NULL)) || !slice_starts(said, "fanout");
}

/* Say whether all that the stanza changes is in DATA/occupants: nicks and roles. */
static bool
is_of_sessions(struct in const *in)
{
  struct xml_node const *p = xml_next(in->e, NULL), *item = NULL;

  if (!slice_is(in->st.kind, "iq")) return slice_is(in->st.kind, "presence");
  if (!p || !slice_is(p->ns, NS_MUC_ADMIN)) return false;
  while ((item = xml_next(p, item)))
    if (xml_attr(item, "affiliation").s) return false;
  return true;
}

void
said_end(struct in const *in)
{
  struct slice said = slice_of(text.s, text.len), row;
  struct said *s;
  bool known = in->again && store_get(mucd.present, table, in->st.origin, &row);

  on = false;
  link_capture(mucd.routed, NULL);
  if (known && store_is_full(mucd.store) && !is_of_sessions(in)) {
    send(row, true);
    send(said, false);
  } else if (known && holds(in, said)) {
    if ((s = find(in->st.origin))) s->here = true;
    send(row, false);
  } else {
    if (said.len <= SAID_BYTES_MAX) {
      note(in->st.origin, said.len);
      store_put(mucd.present, table, in->st.origin, said);
    }
    send(said, false);
  }
  if (text.a > SAID_KEEP) stralloc_free(&text);
}
