#include "addresses.h"

#include "ban/ban.h"

#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

/* A stranger who opens connections without end takes at most his share: the connections of one
 * address, of IPv6 the 64 bits of one site. */

#define LOG_US 60000000

struct address {
  uint32_t n;
  char text[BAN_TEXT];
};

static struct slice
text_of(void const *item)
{
  return slice_str(((struct address const *)item)->text);
}

static struct table addresses = {.key = text_of};

/* Of clients, as xmpp-c2sd says; of components, as xmpp-compd says. */
static struct bans bans = BANS_ZERO, component_bans = BANS_ZERO;
static uint64_t most = UINT64_MAX;

struct address_totals address_totals;

void
addresses_set(uint64_t wanted)
{
  struct rlimit files;

  most = wanted;
  if (!getrlimit(RLIMIT_NOFILE, &files) && files.rlim_cur != RLIM_INFINITY &&
      files.rlim_cur / 2 < most)
    most = files.rlim_cur / 2;
}

/* ---- bans ---- */

static uint64_t
now_s(void)
{
  return door_wall() / 1000000;
}

void
addresses_ban(struct link *l, struct record *r)
{
  ban_put(l->program == COMPD ? &component_bans : &bans, record_get(r, 1),
          record_u64(r, 2), now_s());
}

void
addresses_forget_bans(enum program of)
{
  ban_wipe(of == COMPD ? &component_bans : &bans);
}

static bool
is_banned(struct listener const *ln, struct slice ip)
{
  if (ln->serves & C2SD) return ban_until(&bans, ip, now_s());
  return ln->serves & COMPD && ban_until(&component_bans, ip, now_s());
}

/* ---- connections ---- */

static struct address *
find(struct slice ip)
{
  char text[BAN_TEXT];

  if (ban_is_shared(ip) || !ban_name(ip, text)) return NULL;
  return table_get(&addresses, slice_str(text));
}

static void
log_crowded(struct slice ip)
{
  static uint64_t said_us;

  if (said_us && door_now() - said_us < LOG_US) return;
  said_us = door_now();
  log_event(LOG_WARN, "address-full", "ip", log_peer(ip), "limit", log_num(most), "why",
            "the address has as many connections as it may have", "do",
            "raise tabber: connections_per_address, if many clients share the address",
            NULL);
}

bool
address_admits(struct listener const *ln, struct slice ip)
{
  struct address const *a;

  if (is_banned(ln, ip)) {
    address_totals.banned++;
    log_event(LOG_DEBUG, "connection-refused", "listener", ln->name, "ip", log_peer(ip),
              "why", "the address is shut out", NULL);
    return false;
  }
  a = find(ip);
  if (!a || a->n < most) return true;
  address_totals.crowded++;
  log_crowded(ip);
  return false;
}

void
address_enter(struct conn *c)
{
  struct slice ip = slice_str(c->ip);
  struct address *a;

  if (ban_is_shared(ip)) return;
  a = find(ip);
  if (!a) {
    a = calloc(1, sizeof *a);
    if (!a || !ban_name(ip, a->text) || !table_put(&addresses, a)) {
      free(a);
      return;
    }
  }
  a->n++;
  c->address = a;
}

void
address_leave(struct conn *c)
{
  struct address *a = c->address;

  c->address = NULL;
  if (!a || --a->n) return;
  table_del(&addresses, text_of(a));
  free(a);
}
