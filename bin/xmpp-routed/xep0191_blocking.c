#include "routed.h"

#include <stdlib.h>
#include <string.h>

/* XEP-0191: no stanza passes between an account and who is on its block list. userd keeps the
 * lists and tells them here; they hold while it is away. */

struct blocklist {
  char *account;
  char *jids; /* a line each */
};

static struct slice
list_key(void const *item)
{
  return slice_str(((struct blocklist const *)item)->account);
}

static struct table lists = {.key = list_key};

void
blocking_list(struct link *l, struct record *r)
{
  struct slice account = record_get(r, 1), jids = record_get(r, 2);
  struct blocklist *b = table_del(&lists, account);

  (void)l;
  if (b) {
    free(b->account);
    free(b->jids);
    free(b);
  }
  if (!jids.len) return;
  b = calloc(1, sizeof *b);
  if (b) {
    b->account = strndup(account.s, account.len);
    b->jids = strndup(jids.s, jids.len);
    if (b->account && b->jids && table_put(&lists, b)) return;
    free(b->account);
    free(b->jids);
    free(b);
  }
  log_event(LOG_WARN, "blocklist-lost", "account", log_text(account), "why",
            "out of memory", NULL);
}

/* s5: the four forms that an address on a list may have. */
static bool
matches(struct slice item, struct jid const *who, struct slice full)
{
  struct jid a = jid_cut(item);

  if (slice_eq(item, full) || slice_eq(item, who->bare) || slice_eq(item, who->domain))
    return true;
  /* domain/resource: that resource of anybody there */
  return !a.local.len && a.resource.len && slice_eq(a.domain, who->domain) &&
         slice_eq(a.resource, who->resource);
}

/* An account is never blocked by itself (s4). */
static bool
is_listed(struct jid const *owner, struct slice who)
{
  struct blocklist const *b;
  struct jid a;
  struct slice rest, item;

  b = owner->local.len ? table_get(&lists, owner->bare) : NULL;
  if (!b) return false;
  a = jid_cut(who);
  if (slice_eq(a.bare, owner->bare)) return false;
  for (rest = slice_str(b->jids); slice_word(&rest, '\n', &item);)
    if (matches(item, &a, who)) return true;
  return false;
}

bool
blocking_stops(struct passing const *p)
{
  struct jid a;

  if (!lists.n || !p->st.to.len) return false;
  a = jid_cut(p->st.from);
  if (is_listed(&a, p->st.to)) {
    /* s3.3: what the owner sends is refused, but nothing says so that an answer would. */
    deliver_bounce(p, ERR_NOT_ACCEPTABLE, "<blocked xmlns='urn:xmpp:blocking:errors'/>");
    return true;
  }
  a = jid_cut(p->st.to);
  if (!is_listed(&a, p->st.from)) return false;
  /* s3.3: presence gets no answer, requests and messages the one of somebody offline. */
  if (!slice_is(p->st.kind, "presence")) deliver_bounce(p, ERR_SERVICE_UNAVAILABLE, NULL);
  return true;
}
