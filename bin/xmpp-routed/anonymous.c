#include "anonymous.h"

#include "ban/ban.h"
#include "settings.h"

#include <stdlib.h>

/* Anybody may log in by ANONYMOUS as often as he likes, and each session has an address of its own, so the
 * rule max_user_sessions bounds nothing: anonymous sessions are counted, in all, and for each address, of
 * IPv6 for the 64 bits of a site. Addresses that many people share (loopback: a proxy) count in all. */

struct address {
  char name[BAN_TEXT];
  uint64_t n;
};

static struct slice
name_of(void const *item)
{
  return slice_str(((struct address const *)item)->name);
}

static struct table addresses = {.key = name_of};
static uint64_t sessions, most, most_of_address;

void
anonymous_take(uint64_t all, uint64_t of_address)
{
  most = all;
  most_of_address = of_address;
}

static bool
is_anonymous(struct slice bare)
{
  struct jid j = jid_cut(bare);

  return routed_is_anonymous(j.domain, j.local);
}

static struct address *
find(struct slice ip)
{
  char name[BAN_TEXT];

  return !ban_is_shared(ip) && ban_name(ip, name) ? table_get(&addresses, slice_str(name))
                                                  : NULL;
}

bool
anonymous_may_bind(struct slice bare, struct slice ip)
{
  struct address const *a;
  bool is_full;

  if (!is_anonymous(bare)) return true;
  a = find(ip);
  is_full = sessions >= most;
  if (!is_full && (!a || a->n < most_of_address)) return true;
  log_event(LOG_WARN, "anonymous-refused", "ip", log_peer(ip), "host",
            log_text(jid_cut(bare).domain), "why",
            is_full ? "too many anonymous sessions"
                    : "too many anonymous sessions of this address",
            NULL);
  return false;
}

/* Without memory the address is not counted. */
static void
count(struct slice ip)
{
  struct address *a = find(ip);

  if (!a && !ban_is_shared(ip) && (a = calloc(1, sizeof *a)) &&
      (!ban_name(ip, a->name) || !table_put(&addresses, a))) {
    free(a);
    a = NULL;
  }
  if (a) a->n++;
}

void
anonymous_joined(struct session *s)
{
  s->anonymous = is_anonymous(slice_str(s->user->bare));
  if (!s->anonymous) return;
  sessions++;
  count(slice_str(s->ip));
}

void
anonymous_left(struct session const *s)
{
  struct address *a = s->anonymous ? find(slice_str(s->ip)) : NULL;

  if (s->anonymous) sessions--;
  if (!a || --a->n) return;
  table_del(&addresses, name_of(a));
  free(a);
}
