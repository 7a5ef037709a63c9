#include "deliver.h"
#include "exists.h"
#include "fanout.h"
#include "pairs.h"
#include "posts.h"
#include "services.h"
#include "sessions.h"
#include "settings.h"
#include "xep0191_blocking.h"

/* The same stanza to several addresses. Sessions get one line at each c2sd for those of one
 * account, and no copy but the one that leaves; what their lines have in common is written once. All copies would have one ORIGIN, so they have
 * none: an edge takes the second stanza of a number for one that came before. */

/* A message may wait for its account, or be kept until a client has it. An event, which is a
 * headline for a session (XEP-0060 s7.1.2), is not; and no groupchat, which ends with the session:
 * the room has it, and the client asks the room when it has entered again. */
static bool
is_kept(struct passing const *p, struct jid const *to)
{
  return slice_is(p->st.kind, "message") &&
         (!to->resource.len ||
          !(slice_is(p->st.type, "headline") || slice_is(p->st.type, "groupchat")));
}

static void
to_session(struct session const *s, struct passing const *p,
           struct passing_shared const *shared)
{
  if (shared->mid.len)
    deliver_shared(s, p, shared);
  else
    deliver_to_session(s, p);
}

static void
to_account(struct passing const *p, struct jid const *to,
           struct passing_shared const *shared)
{
  struct user const *u = user_find(to->bare);
  struct session const *s = to->resource.len ? session_find(u, to->resource) : NULL;
  struct passing one;

  if (is_kept(p, to)) {
    one = *p;
    if (passing_address(&one)) exists_deliver(&one, false);
  } else if (s)
    to_session(s, p, shared);
  else if (!to->resource.len)
    deliver_to_available(u, p);
}

void
fanout_stanza(struct passing *p, bool checked)
{
  static struct passing_shared shared;
  struct slice tos = p->st.to;
  struct post *post;
  struct jid to;

  p->st.origin = SLICE("");
  p->lacks_to = true;
  if (!passing_share(&shared, p)) shared.mid.len = 0;
  while (slice_word(&tos, '\n', &p->st.to)) {
    if (!p->st.to.len || (checked && blocking_of(p) != BLOCKED_NOT)) continue;
    to = jid_cut(p->st.to);
    post = services_domain(to.domain);
    if (!post && !routed_host(to.domain))
      pairs_route(p);
    else if (!post && !to.local.len)
      post = services_resource(&to);
    else if (!post)
      to_account(p, &to, &shared);
    if (post) deliver_to_post(post, p);
  }
}
