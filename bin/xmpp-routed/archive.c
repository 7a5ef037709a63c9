#include "archive.h"
#include "number.h"
#include "passing.h"
#include "posts.h"
#include "settings.h"
#include "snapshot.h"
#include "sources.h"

#include "splice/splice.h"

#include <stdlib.h>
#include <string.h>

/* Keeping messages. routed gives the id, which is the time in microseconds above
 * ARCHIVE_ID_SHIFT bits of counting, and strictly rises; mamd stores. One line goes to
 * mamd for both owners, and for a message that waits for its recipient; the sender is
 * acknowledged when mamd has the message on disk. */

/* ---- accounts that have messages archived ---- */

struct policy {
  char *account;
  bool archives;
};

static struct slice
policy_key(void const *item)
{
  return slice_str(((struct policy const *)item)->account);
}

static struct table policies = {.key = policy_key};

void
archive_policy(struct link *l, struct record *r)
{
  struct slice account = record_get(r, 1), word = record_get(r, 2);
  struct policy *p = table_del(&policies, account);

  (void)l;
  if (p) free(p->account);
  free(p);
  if (!word.len) return;
  p = calloc(1, sizeof *p);
  if (!p) return;
  p->account = slice_dup(account);
  p->archives = !slice_is(word, "never");
  if (p->account && table_put(&policies, p)) return;
  free(p->account);
  free(p);
}

static bool
archives(struct jid const *a)
{
  struct host const *h = routed_host(a->domain);
  struct policy const *p;

  if (!h || !h->has_mam || !a->local.len) return false;
  p = policies.n ? table_get(&policies, a->bare) : NULL;
  return p ? p->archives : h->archives;
}

static bool is_full; /* mamd can store nothing now */

static bool
takes_messages(void)
{
  return !is_full && post_find(MAMD);
}

/* Preferences of one's own may leave out just this message. A message that routed keeps a copy of may be
 * in no archive: that of an account that has not asked for one yet, or of a full store. */
bool
archive_is_assumed(struct passing const *p, struct jid const *a)
{
  struct host const *h = routed_host(a->domain);

  return h && h->assumes_mam && a->local.len && stanza_tag(p->st.tags, "id").len &&
         slice_has_word(p->st.tags, SLICE("store")) &&
         !slice_has_word(p->st.tags, SLICE("kept")) &&
         !(policies.n && table_get(&policies, a->bare));
}

bool
archive_is_sure(struct passing const *p, struct jid const *a)
{
  struct host const *h = routed_host(a->domain);

  return h && h->archives_all && a->local.len && p->id && takes_messages() &&
         slice_has_word(p->st.tags, SLICE("store")) &&
         !(policies.n && table_get(&policies, a->bare));
}

/* ---- ids ---- */

/* A clock that was set back must not make new messages look like stored ones. */
bool
archive_newest(struct record *r)
{
  bool was_full = is_full;

  number_above(record_u64(r, 1));
  is_full = record_u64(r, 2) != 0;
  return is_full && !was_full;
}

static bool
has(struct passing const *p, struct slice word)
{
  return slice_has_word(p->st.tags, word);
}

static bool
may_go_to_mamd(struct passing const *p)
{
  struct jid from, to;
  struct host const *h;

  if (!takes_messages()) return false;
  from = jid_cut(p->st.from);
  to = jid_cut(p->st.to);
  h = routed_host(to.domain);
  return (h && h->has_offline) ||
         (has(p, SLICE("store")) && (archives(&from) || archives(&to)));
}

bool
archive_takes(struct passing const *p, struct jid const *a)
{
  return p->id && takes_messages() && has(p, SLICE("store")) && archives(a);
}

/* A message that comes back from a session that has ended keeps its id, and so does one that waited for
 * what is known of its addressee (exists.c). */
bool
archive_begin(struct passing *p)
{
  struct slice id = stanza_tag(p->st.tags, "id");
  bool logged;

  if (!slice_is(p->st.kind, "message") || slice_is(p->st.type, "error")) return true;
  if (p->repeats) return true;
  logged = may_go_to_mamd(p);
  if (logged && !post_has_room(post_find(MAMD))) return false;
  p->tagged = id.len > 0;
  if (p->tagged)
    slice_u64(id, &p->id);
  else if (!logged && !routed_keeps)
    p->id = 0;
  else if (!p->id)
    p->id = number_next();
  return true;
}

/* ---- the id in the message (XEP-0359 s3, XEP-0313 s4.1.3) ---- */

static bool
cat_stanza_id(stralloc *sa, struct slice account, uint64_t id)
{
  char buf[BASE_NUM];

  return stralloc_cats(sa, "<stanza-id xmlns='urn:xmpp:sid:0' by='") &&
         record_put_more(sa, account) && stralloc_cats(sa, "' id='") &&
         stralloc_cats(sa, num_u64(buf, id).s) && stralloc_cats(sa, "'/>");
}

static bool
cat_tags(stralloc *sa, struct passing const *p)
{
  char buf[BASE_NUM];

  return stralloc_catb(sa, p->st.tags.s, p->st.tags.len) &&
         (!p->st.tags.len || stralloc_cats(sa, " ")) && stralloc_cats(sa, "id=") &&
         stralloc_cats(sa, num_u64(buf, p->id).s);
}

/* Bare JIDs have no bytes that an attribute would escape (RFC 7622 s3.3). */
void
archive_stamp(struct passing const *p, struct slice account, unsigned int place,
              struct passing *out)
{
  static stralloc xml[2];
  struct jid a = jid_cut(account);
  struct splice at;

  *out = *p;
  if (!p->id || p->tagged || p->own || !archives(&a) || !has(p, SLICE("store")) ||
      !splice_append(p->st.xml, &at))
    return;
  xml[place].len = 0;
  if (splice_cat_head(&xml[place], &at) && cat_stanza_id(&xml[place], account, p->id) &&
      splice_cat_tail(&xml[place], &at))
    out->st.xml = slice_of(xml[place].s, xml[place].len);
}

/* ---- to mamd ---- */

/* Put p into the post of mamd; with word in front of its tags, and the sessions that were
 * given p behind them. false: no room. */
static bool
put(struct passing const *p, char const *word, struct slice given)
{
  static stralloc tags = STRALLOC_ZERO;
  struct passing copy = *p;
  struct post *post = post_find(MAMD);

  tags.len = 0;
  if (!post) return true;
  if (!stralloc_cats(&tags, word)) return false;
  if (p->tagged) {
    if (!stralloc_catb(&tags, p->st.tags.s, p->st.tags.len)) return false;
  } else if (!cat_tags(&tags, p))
    return false;
  if (given.len &&
      (!stralloc_cats(&tags, " given=") || !stralloc_catb(&tags, given.s, given.len)))
    return false;
  copy.st.tags = slice_of(tags.s, tags.len);
  return post_put(post, &copy);
}

/* XEP-0085 s5.8: a chat state is for clients that are there. */
static bool
is_state(struct passing const *p)
{
  return has(p, SLICE("state")) && !has(p, SLICE("body"));
}

/* XEP-0160 s3, mod_offline's store_empty_body. */
static bool
can_wait(struct passing const *p, struct host const *h)
{
  if (slice_is(p->st.type, "headline")) return false;
  if (has(p, SLICE("no-store")) || has(p, SLICE("state"))) return false;
  return has(p, SLICE("body")) || h->stores_empty;
}

bool
archive_could_wait(struct passing const *p, struct jid const *to)
{
  struct host const *h = routed_host(to->domain);

  return h && h->has_offline && post_find(MAMD) && can_wait(p, h);
}

enum wait
archive_wait(struct passing const *p, struct jid const *to)
{
  struct host const *h = routed_host(to->domain);

  if (is_state(p)) return WAIT_IGNORED;
  if (!p->id || !h || !h->has_offline || !post_find(MAMD)) return WAIT_NOT;
  if (slice_is(p->st.type, "groupchat") && !h->stores_groupchat) return WAIT_NOT;
  if (!can_wait(p, h)) return WAIT_NOT;
  if (p->outcome) p->outcome->done = true;
  return !is_full && put(p, "wait ", SLICE("")) ? WAIT_BEGUN : WAIT_FULL;
}

bool
archive_end(struct passing const *p)
{
  struct jid from = jid_cut(p->st.from), to = jid_cut(p->st.to);
  struct outcome const *o = p->outcome;

  if (o->done || is_full || !p->id || p->tagged || p->repeats) return true;
  if (!has(p, SLICE("store")) || (!archives(&from) && !archives(&to))) return true;
  return put(p, "", slice_of(o->given.s, o->given.len));
}

/* ---- the state for a trace ---- */

static void
policy_fields(struct snapshot *k, struct policy *p)
{
  snapshot_text(k, &p->account);
  SNAPSHOT_INT(k, p->archives);
}

void
archive_snapshot(struct snapshot *k)
{
  struct policy *p;
  size_t i;

  if (!snapshot_record(k, "full", true)) return;
  SNAPSHOT_INT(k, is_full);
  for (i = 0; policies.slots && i <= policies.mask && !snapshot_restores(k); i++)
    if (policies.slots[i].item && snapshot_record(k, "policy", true))
      policy_fields(k, policies.slots[i].item);
  while (snapshot_restores(k) && snapshot_record(k, "policy", true)) {
    p = snapshot_new(k, sizeof *p);
    if (!p) return;
    policy_fields(k, p);
    if (!p->account || !table_put(&policies, p)) snapshot_fail(k, "a policy is lost");
  }
}
