#include "fast.h"
#include "tokens.h"

#include <string.h>

/* token list JID, token revoke JID [DEVICE]: xmpp-ctl asks, and xmpp-hostd for the account itself.
 * DEVICE is the beginning of the hash of the user agent's id, as the list has it. */

#define DEVICE_TEXT 16

static struct listed devices[DEVICE_ROWS_MAX];

static void
refuse(struct link *l, char const *text, char const *condition)
{
  link_begin(l, VERB_ERROR);
  link_str(l, text);
  link_str(l, condition);
  link_end(l);
}

static struct slice
name_of(struct listed const *x, char text[DEVICE_TEXT + 1])
{
  hex_z(text, x->agent, DEVICE_TEXT / 2);
  return slice_of(text, DEVICE_TEXT);
}

/* The token that the device was given last. */
static struct token const *
newest(struct device const *d)
{
  return d->next.ht ? &d->next : &d->current;
}

/* The time of the last use and the name are one field: xmpp-hostd is told two. */
static void
say(struct link *l, struct listed const *x)
{
  struct device const *d = &x->device;
  char name[DEVICE_TEXT + 1], stamp[STAMP_SIZE];

  link_begin(l, VERB_ROW);
  link_text(l, name_of(x, name));
  link_text(l, stamp_s(stamp, d->used_s));
  if (d->name[0]) {
    link_more(l, SLICE(" "));
    link_more(l, slice_str(d->name));
  }
  link_str(l, fast_name(newest(d)->ht));
  link_text(l, stamp_s(stamp, newest(d)->issued_s));
  link_text(l, stamp_s(stamp, newest(d)->expiry_s));
  link_end(l);
}

static void
list(struct link *l, size_t n)
{
  size_t i;

  for (i = 0; i < n; i++)
    if (device_is_live(&devices[i].device)) say(l, &devices[i]);
  service_done(l);
}

/* Two devices with the same beginning are revoked together. */
static void
revoke(struct link *l, uint64_t number, size_t n, struct slice device)
{
  char name[DEVICE_TEXT + 1];
  size_t i, ended = 0;

  for (i = 0; i < n; i++) {
    struct listed *x = &devices[i];
    if (device.len && !slice_eq(device, name_of(x, name))) continue;
    if (!device_is_live(&x->device)) continue;
    device_end(&x->device);
    if (!tokens_put(number, x->agent, &x->device)) {
      refuse(l, "the store failed; the log says why", "internal-server-error");
      return;
    }
    ended++;
  }
  if (device.len && !ended)
    refuse(l, "the account has no token for that device", "item-not-found");
  else
    service_done(l);
}

void
tokens_control(struct link *l, struct record *r)
{
  struct slice what = record_get(r, 1);
  struct arena a = ARENA_ZERO;
  uint64_t number = 0;
  struct jid j;
  size_t n;

  if (jid_parse(&a, record_get(r, 2), &j)) number = secrets_number(j.bare);
  n = number ? tokens_of(number, devices) : 0;
  if (!number)
    refuse(l, "there is no such account", "item-not-found");
  else if (n == SIZE_MAX)
    refuse(l, "the store failed; the log says why", "internal-server-error");
  else if (slice_is(what, "list"))
    list(l, n);
  else if (slice_is(what, "revoke"))
    revoke(l, number, n, record_get(r, 3));
  else
    refuse(l, "token knows list and revoke", "bad-request");
  arena_wipe(&a);
}
