#include "passing.h"
#include "posts.h"
#include "settings.h"
#include "snapshot.h"
#include "watch.h"
#include "xep0115_caps.h"

#include <stdlib.h>
#include <string.h>

/* XEP-0115: the capabilities that presence has shown, which the edge has made a tag. Clients of
 * one kind show the same, so each text is here once. */

struct caps {
  uint64_t users;
  char text[];
};

static struct slice
caps_key(void const *item)
{
  return slice_str(((struct caps const *)item)->text);
}

static struct table all = {.key = caps_key};

static struct caps *
hold(struct slice text)
{
  struct caps *c = table_get(&all, text);

  if (!c) {
    c = calloc(1, sizeof *c + text.len + 1);
    if (!c) return NULL;
    memcpy(c->text, text.s, text.len);
    if (!table_put(&all, c)) {
      free(c);
      return NULL;
    }
  }
  c->users++;
  return c;
}

static void
let_go(struct session *s)
{
  struct caps *c = s->caps;

  s->caps = NULL;
  if (!c || --c->users) return;
  table_del(&all, caps_key(c));
  free(c);
}

/* The fields of a record seen; they live until the next call. */
static struct slice
fields(struct slice from, struct slice to, struct slice caps, char const *word)
{
  static stralloc sa = STRALLOC_ZERO;

  sa.len = 0;
  if (record_put_more(&sa, from) && record_put(&sa, to) && record_put(&sa, caps) &&
      (!*word || record_put(&sa, slice_str(word))))
    return slice_of(sa.s, sa.len);
  log_event(LOG_WARN, "caps-not-told", "jid", log_text(from), "why", "out of memory",
            NULL);
  return SLICE("");
}

static bool
is_watched(void)
{
  return watch_next(WATCH_CAPS, NULL) != NULL;
}

static struct slice
of_session(struct session const *s, char const *word)
{
  static stralloc full = STRALLOC_ZERO;

  full.len = 0;
  if (!stralloc_cats(&full, s->user->bare) || !stralloc_cats(&full, "/") ||
      !stralloc_cats(&full, s->resource))
    return SLICE("");
  return fields(slice_of(full.s, full.len), SLICE(""),
                s->caps ? slice_str(s->caps->text) : SLICE(""), word);
}

void
caps_shown(struct session *s, struct slice caps, bool again)
{
  if (!caps.len || (s->caps && slice_is(caps, s->caps->text))) return;
  let_go(s);
  s->caps = hold(caps);
  if (s->caps && is_watched())
    watch_say(WATCH_CAPS, VERB_SEEN, of_session(s, again ? "again" : ""));
}

void
caps_end(struct session *s)
{
  if (!s->caps) return;
  let_go(s);
  if (is_watched()) watch_say(WATCH_CAPS, VERB_SEEN, of_session(s, ""));
}

void
caps_directed(struct passing const *p)
{
  struct slice caps;
  struct jid to;
  bool over = slice_is(p->st.type, "unavailable");

  if (!is_watched()) return;
  to = jid_cut(p->st.to);
  if (!to.local.len || !routed_host(to.domain)) return;
  caps = stanza_tag(p->st.tags, "caps");
  if (!over && (p->st.type.len || !caps.len)) return;
  watch_say(WATCH_CAPS, VERB_SEEN,
            fields(p->st.from, p->st.to, over ? SLICE("") : caps, ""));
}

static void
tell_one(struct session *s, void *post)
{
  if (s->caps) post_say(post, VERB_SEEN, of_session(s, "again"));
}

void
caps_tell(struct post *post)
{
  sessions_each(tell_one, post);
}

void
caps_snapshot(struct snapshot *k, struct session *s)
{
  char *text = s->caps && !snapshot_restores(k) ? s->caps->text : NULL;

  snapshot_text(k, &text);
  if (!snapshot_restores(k)) return;
  if (text) s->caps = hold(slice_str(text));
  if (text && !s->caps) snapshot_fail(k, "out of memory");
  free(text);
}
