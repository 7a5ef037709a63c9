#include "directed.h"
#include "inbound.h"
#include "shown.h"
#include "stream.h"
#include "veil.h"

#include <stdlib.h>
#include <string.h>

/* The parts of a session that others have seen, kept so that userd and routed can be
 * told again after a restart: the presence it shows, the addresses that have directed
 * presence, the wishes of its client. */

/* ---- wants ---- */

static struct {
  unsigned char bit;
  char const *word;
} const words[] = {
  {WANTS_CARBONS,   "carbons"  },
  {WANTS_ROSTER,    "roster"   },
  {WANTS_BLOCKLIST, "blocklist"},
};

#define WORDS_N (sizeof words / sizeof *words)

void
shown_put_wants(struct link *l, unsigned int wants)
{
  bool any = false;
  size_t i;

  link_field(l);
  for (i = 0; i < WORDS_N; i++) {
    if (!(wants & words[i].bit)) continue;
    if (any) link_more(l, SLICE(" "));
    link_more(l, slice_str(words[i].word));
    any = true;
  }
}

unsigned char
shown_read_wants(struct slice text)
{
  unsigned int wants = 0;
  size_t i;

  for (i = 0; i < WORDS_N; i++)
    if (slice_has_word(text, slice_str(words[i].word))) wants |= words[i].bit;
  return (unsigned char)wants;
}

void
shown_wants(struct stream *s, unsigned int set, unsigned int clear)
{
  unsigned char wants = (unsigned char)((s->session.wants | set) & ~clear);
  struct link *l = link_find(ROUTED);

  if (wants == s->session.wants) return;
  s->session.wants = wants;
  if (!l) return; /* told by session when it is back */
  link_begin(l, VERB_WANTS);
  link_num(l, s->sid);
  shown_put_wants(l, wants);
  link_end(l);
}

/* ---- directed presence (RFC 6121 s4.6) ---- */

static void
tell_directed(struct stream const *s, struct slice to, struct slice type)
{
  struct link *l = link_find(ROUTED);

  if (!l) return;
  link_begin(l, VERB_DIRECTED);
  link_str(l, s->session.jid);
  link_text(l, to);
  link_text(l, type);
  link_end(l);
}

static void
note_directed(struct inbound const *in)
{
  bool off = slice_is(in->st.type, "unavailable");

  if (in->st.type.len && !off) return;
  if (off)
    directed_del(in->s, in->st.to.full);
  else
    directed_add(in->s, in->st.to.full);
  tell_directed(in->s, in->st.to.full, in->st.type);
}

/* ---- the own presence of the session (RFC 6121 s4.2, s4.4, s4.5) ---- */

/* Presence without capabilities changes nothing (XEP-0115 s8.4). */
static void
note_caps(struct stream *s, struct inbound const *in)
{
  if (!in->st.type.len && !in->st.caps.len) return;
  free(s->session.caps);
  s->session.caps = in->st.caps.len ? slice_dup(in->st.caps) : NULL;
}

void
shown_presence(struct inbound const *in)
{
  struct stream *s = in->s;

  if (in->st.to.full.len) {
    note_directed(in);
    return;
  }
  if (in->st.type.len && !slice_is(in->st.type, "unavailable")) return;
  free(s->session.shown);
  s->session.shown = in->st.type.len ? NULL : slice_dup(in->st.xml);
  s->session.shown_len = s->session.shown ? in->st.xml.len : 0;
  note_caps(s, in);
  if (!in->st.type.len) return;
  directed_free(s->session.directed);
  s->session.directed = NULL;
}

/* ---- told again ---- */

static void
tell_again(struct stream const *s, struct slice jid)
{
  tell_directed(s, jid, SLICE(""));
}

void
shown_again(struct stream *s)
{
  struct link *l = link_find(ROUTED);

  if (!stream_is_session(s) || !l) return;
  if (s->session.shown) {
    link_begin(l, VERB_SHOWN);
    link_num(l, s->sid);
    link_str(l, service_instance());
    veil_put_shown(l, s);
    link_end(l);
  }
  directed_each(s, tell_again);
}

static void
all_again(struct stream *s)
{
  struct link *l = link_find(ROUTED);

  if (s->session.wants && l && stream_is_session(s)) {
    link_begin(l, VERB_WANTS);
    link_num(l, s->sid);
    shown_put_wants(l, s->session.wants);
    link_end(l);
  }
  shown_again(s);
}

void
shown_on_recall(struct link *l, struct record *r)
{
  stream_each(all_again);
  link_begin(l, VERB_RECALLED);
  link_str(l, service_instance());
  link_raw(l, record_raw(r, 1));
  link_end(l);
}
