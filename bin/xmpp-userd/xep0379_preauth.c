#include "userd.h"
#include "ask/ask.h"

#include <stdlib.h>
#include <string.h>

/* XEP-0379 s3.4: a request for a subscription that shows the token of an invitation is granted on the
 * account's behalf, and the account asks back:
 *   1 the request is stored, as every one is, and waits; xmpp-registerd is asked for the token
 *   2 done: as if the account had said subscribed and subscribe
 *   3 else the account's sessions see the request, as they would have in step 1
 * Killed before step 2, userd has the request of step 1, which the next session sees. */

#define NS_PREAUTH "urn:xmpp:pars:0"

struct invited {
  struct invited *next;
  struct arena arena;
  struct slice own, contact, xml;
};

static struct invited *all;
static size_t n;

static void
drop(struct invited *x)
{
  struct invited **at;

  for (at = &all; *at != x; at = &(*at)->next) {
  }
  *at = x->next;
  n--;
  arena_wipe(&x->arena);
  free(x);
}

static void
on_answer(void *cookie, enum ask_part part, struct slice const v[2])
{
  struct invited *x = cookie;
  struct stanza st = {.to = x->own,
                      .from = x->contact,
                      .kind = SLICE("presence"),
                      .type = SLICE("subscribe"),
                      .xml = x->xml};

  (void)v;
  if (part == ASK_ROW) return;
  if (part == ASK_DONE)
    subscription_befriend(x->own, x->contact);
  else
    subscription_show(&st);
  drop(x);
}

static struct invited *
invited_new(struct slice own, struct slice contact, struct slice xml)
{
  struct invited *x = n < INVITED_WAITS_MAX ? calloc(1, sizeof *x) : NULL;

  if (!x) return NULL;
  x->next = all;
  all = x;
  n++;
  x->own = arena_copy(&x->arena, own);
  x->contact = arena_copy(&x->arena, contact);
  x->xml = arena_copy(&x->arena, xml);
  if (x->own.s && x->contact.s && x->xml.s) return x;
  drop(x);
  return NULL;
}

static bool
ask_for(struct stanza const *st, struct jid const *own, struct jid const *contact,
        struct slice token)
{
  struct invited *x = invited_new(own->bare, contact->bare, st->xml);
  struct slice fields[] = {SLICE("redeem"), own->domain, own->bare, token, contact->bare};

  if (!x) return false;
  if (ask(REGISTERD, VERB_INVITE, fields, 5, on_answer, x)) return true;
  drop(x);
  return false;
}

bool
preauth_asks(struct stanza const *st, struct jid const *own, struct jid const *contact)
{
  struct arena a = ARENA_ZERO;
  struct xml_node const *e, *p;
  enum xml_error why;
  struct slice token;
  bool asks = false;

  if (st->xml.len > ROSTER_REQUEST_BYTES ||
      !memmem(st->xml.s, st->xml.len, NS_PREAUTH, 15) ||
      !userd_has(own->domain, "mod_invites") || !link_find(REGISTERD))
    return false;
  e = xml_parse(&a, st->xml, "jabber:client", &why);
  p = e ? xml_child(e, NS_PREAUTH, "preauth") : NULL;
  token = p ? xml_attr(p, "token") : SLICE("");
  if (token.len && token.len <= 64) asks = ask_for(st, own, contact, token);
  arena_wipe(&a);
  return asks;
}

/* ---- the state for a trace ---- */

static bool
state(struct snapshot *k, ask_fn **fn, void **cookie)
{
  uint64_t at = 0, i;
  struct invited *x;

  for (x = all; x && x != *cookie; x = x->next)
    at++;
  SNAPSHOT_INT(k, at);
  for (x = all, i = 0; x && i < at; x = x->next)
    i++;
  *fn = x ? on_answer : NULL;
  *cookie = x;
  return x != NULL;
}

void
preauth_snapshot(struct snapshot *k)
{
  struct invited **at = &all;

  for (; snapshot_record(k, "invited", *at != NULL); at = &(*at)->next) {
    if (snapshot_restores(k)) *at = snapshot_new(k, sizeof **at);
    if (!*at) return;
    if (snapshot_restores(k)) n++;
    snapshot_slice(k, &(*at)->arena, &(*at)->own);
    snapshot_slice(k, &(*at)->arena, &(*at)->contact);
    snapshot_slice(k, &(*at)->arena, &(*at)->xml);
  }
  ask_snapshot(k, state);
}
