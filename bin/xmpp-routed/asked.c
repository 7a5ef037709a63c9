#include "asked.h"
#include "passing.h"
#include "posts.h"
#include "sessions.h"
#include "snapshot.h"

#include <stdlib.h>
#include <string.h>

/* Requests of sessions that a service has taken over and not answered yet: mamd answers a
 * query at the pace at which the client takes the results, userd searches its directory turn
 * by turn, registerd waits for authd, hostd for who has the figures of a command, hostd and userd for
 * pubsubd. A restarted service has forgotten them, and routed answers each with an error. */

struct asked {
  struct asked *next;
  enum program program; /* of the service */
  uint64_t letter;      /* of its post */
  size_t to_len, from_len;
  char text[]; /* to, from, id */
};

static struct slice
id_of(struct asked const *a)
{
  return slice_str(a->text + a->to_len + a->from_len);
}

/* Say whether a service asks xmpp-pubsubd before it answers the request p to an account: hostd about
 * nodes, userd to have bookmarks and pictures stored as items. */
static bool
asks_for_nodes(struct post const *post, struct passing const *p)
{
  struct slice ns = stanza_tag(p->st.tags, "ns");

  if (post->program == HOSTD)
    return slice_is(p->st.type, "get") &&
           (!p->st.to.len || jid_cut(p->st.to).local.len) &&
           (slice_is(ns, "http://jabber.org/protocol/disco#info") ||
            slice_is(ns, "http://jabber.org/protocol/disco#items"));
  return post->program == USERD && slice_is(p->st.type, "set") &&
         (slice_is(ns, "jabber:iq:private") || slice_is(ns, "vcard-temp"));
}

bool
asked_later(struct post const *post, struct passing const *p, bool to_domain)
{
  if (!slice_is(p->st.kind, "iq") || !stanza_may_answer(&p->st)) return false;
  if (to_domain) return post->program == USERD;
  return (post->program & (HOSTD | REGISTERD) && slice_is(p->st.type, "set")) ||
         asks_for_nodes(post, p);
}

static void
forget_oldest(struct session *s)
{
  struct asked **at = &s->asked;
  unsigned int n;

  for (n = 1; *at && n < ROUTED_ASKED_MAX; n++)
    at = &(*at)->next;
  free(*at); /* the last of all, for they are never more */
  *at = NULL;
}

void
asked_add(struct session *s, struct passing const *p, struct post const *post)
{
  struct stanza const *st = &p->st;
  struct slice to = st->to.len ? st->to : jid_cut(st->from).bare; /* RFC 6120 s8.1.1.1 */
  struct asked *a = calloc(1, sizeof *a + to.len + st->from.len + st->id.len + 1);

  if (!a) return;
  a->program = post->program;
  a->letter = post->put;
  a->to_len = to.len;
  a->from_len = st->from.len;
  if (to.len) memcpy(a->text, to.s, to.len);
  if (st->from.len) memcpy(a->text + a->to_len, st->from.s, st->from.len);
  if (st->id.len) memcpy(a->text + a->to_len + a->from_len, st->id.s, st->id.len);
  forget_oldest(s);
  a->next = s->asked;
  s->asked = a;
}

void
asked_answered(struct session *s, struct stanza const *st)
{
  struct asked **at, *a;

  for (at = &s->asked; *at && !slice_eq(id_of(*at), st->id); at = &(*at)->next) {
  }
  a = *at;
  if (!a) return;
  *at = a->next;
  free(a);
}

void
asked_free(struct session *s)
{
  struct asked *a, *next;

  for (a = s->asked; a; a = next) {
    next = a->next;
    free(a);
  }
  s->asked = NULL;
}

static struct passing
request(struct asked const *a)
{
  struct passing p = {.own = true};

  p.st = (struct stanza){.to = slice_of(a->text, a->to_len),
                         .from = slice_of(a->text + a->to_len, a->from_len),
                         .kind = SLICE("iq"),
                         .type = SLICE("set"),
                         .id = id_of(a)};
  return p;
}

void
asked_restarted(struct session *s, struct post const *post,
                void (*lost)(struct passing const *p))
{
  struct asked **at = &s->asked, *a;
  struct passing p;

  while ((a = *at)) {
    if (a->program != post->program || a->letter > post->released) {
      at = &a->next;
      continue;
    }
    *at = a->next;
    p = request(a);
    lost(&p);
    free(a);
  }
}

/* ---- the state for a trace ---- */

static struct asked *
asked_fields(struct snapshot *k, struct asked *a)
{
  stralloc text = STRALLOC_ZERO;
  struct asked head = a ? *a : (struct asked){0};

  if (a) text = (stralloc){.s = a->text, .len = a->to_len + a->from_len + id_of(a).len};
  SNAPSHOT_INT(k, head.program);
  SNAPSHOT_INT(k, head.letter);
  SNAPSHOT_INT(k, head.to_len);
  SNAPSHOT_INT(k, head.from_len);
  snapshot_bytes(k, &text);
  if (!snapshot_restores(k)) return a;
  a = snapshot_new(k, sizeof *a + text.len + 1);
  if (a) {
    *a = head;
    memcpy(a->text, text.s ? text.s : "", text.len);
  }
  stralloc_free(&text);
  return a;
}

void
asked_snapshot(struct snapshot *k, struct session *s)
{
  struct asked **at = &s->asked;

  for (; snapshot_record(k, "asked", *at != NULL); at = &(*at)->next) {
    *at = asked_fields(k, *at);
    if (!*at) return;
  }
}
