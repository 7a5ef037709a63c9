#include "c2sd.h"

#include <stdlib.h>
#include <string.h>

/* What others have seen of a session, so that userd and routed can be told again after a
 * restart: the presence it shows, who has directed presence, what its client wants. */

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
  unsigned char wants = (unsigned char)((s->wants | set) & ~clear);
  struct link *l = link_find(ROUTED);

  if (wants == s->wants) return;
  s->wants = wants;
  if (!l) return; /* told by session when it is back */
  link_begin(l, VERB_WANTS);
  link_num(l, s->sid);
  shown_put_wants(l, wants);
  link_end(l);
}

/* ---- directed presence (RFC 6121 s4.6) ---- */

/* Where the line of this address begins; NULL: it is not there. */
static char *
line_of(char *list, struct slice jid)
{
  char *at = list;

  while (at && *at) {
    size_t n = strcspn(at, "\n");
    if (slice_eq(slice_of(at, n), jid)) return at;
    at += n + (at[n] == '\n');
  }
  return NULL;
}

static unsigned int
lines(char const *list)
{
  unsigned int n = list && *list;

  while (list && (list = strchr(list, '\n'))) {
    list++;
    n++;
  }
  return n;
}

static void
forget_line(struct stream *s, struct slice jid)
{
  char *at = line_of(s->directed, jid), *rest;

  if (!at) return;
  rest = at + jid.len;
  if (*rest)
    memmove(at, rest + 1, strlen(rest + 1) + 1);
  else if (at > s->directed)
    at[-1] = 0;
  else {
    free(s->directed);
    s->directed = NULL;
  }
}

static bool
add_line(struct stream *s, struct slice jid)
{
  size_t len = s->directed ? strlen(s->directed) + 1 : 0;
  char *list;

  if (line_of(s->directed, jid)) return true;
  if (lines(s->directed) >= DIRECTED_MAX) return false;
  list = realloc(s->directed, len + jid.len + 1);
  if (!list) return false;
  s->directed = list;
  if (len) list[len - 1] = '\n';
  memcpy(list + len, jid.s, jid.len);
  list[len + jid.len] = 0;
  return true;
}

static void
tell_directed(struct stream const *s, struct slice to, struct slice type)
{
  struct link *l = link_find(ROUTED);

  if (!l) return;
  link_begin(l, VERB_DIRECTED);
  link_str(l, s->jid);
  link_text(l, to);
  link_text(l, type);
  link_end(l);
}

static void
note_directed(struct inbound const *in)
{
  bool off = slice_is(in->type, "unavailable");

  if (in->type.len && !off) return;
  if (off)
    forget_line(in->s, in->to.full);
  else if (!add_line(in->s, in->to.full))
    log_event(LOG_WARN, "directed-presence-not-noted", "jid", in->s->jid, "why",
              "too many", NULL);
  tell_directed(in->s, in->to.full, in->type);
}

/* ---- its own presence (RFC 6121 s4.2, s4.4, s4.5) ---- */

void
shown_presence(struct inbound const *in, struct slice xml)
{
  struct stream *s = in->s;

  if (in->to.full.len) {
    note_directed(in);
    return;
  }
  if (in->type.len && !slice_is(in->type, "unavailable")) return;
  free(s->shown);
  s->shown = in->type.len ? NULL : strndup(xml.s, xml.len);
  if (!in->type.len) return;
  free(s->directed);
  s->directed = NULL;
}

/* ---- told again ---- */

static void
again_directed(struct stream const *s)
{
  struct slice rest = slice_str(s->directed), jid;

  while (slice_word(&rest, '\n', &jid))
    tell_directed(s, jid, SLICE(""));
}

void
shown_again(struct stream *s)
{
  struct link *l = link_find(ROUTED);

  if (!stream_is_session(s) || !l) return;
  if (s->shown) {
    link_begin(l, VERB_SHOWN);
    link_num(l, s->sid);
    link_str(l, service_instance());
    link_str(l, s->shown);
    link_end(l);
  }
  again_directed(s);
}

static void
all_again(struct stream *s)
{
  struct link *l = link_find(ROUTED);

  if (s->wants && l && stream_is_session(s)) {
    link_begin(l, VERB_WANTS);
    link_num(l, s->sid);
    shown_put_wants(l, s->wants);
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
