#include "invites.h"

#include <string.h>

/* XEP-0445 s4: a stream shows the token of an invitation before it registers. The token is good on
 * that stream for as long as a client has for a form, also when the invitation expires meanwhile; whether
 * it is used up authd says, when the account is made. */

/* A guess counts as a failed login, whoever is shut out for it. */
static void
say_guessed(struct request const *q)
{
  struct link *authd = link_find(AUTHD);

  if (!authd) return;
  link_begin(authd, VERB_GUESSED);
  link_text(authd, q->host);
  link_text(authd, q->ip);
  link_end(authd);
}

/* Bad tokens look alike: unknown, used, expired, of another host, for something else. */
static void
refuse(struct request const *q, struct stream *s)
{
  log_event(LOG_INFO, "invite-refused", "ip", log_peer(q->ip), "host", log_text(q->host),
            NULL);
  say_guessed(q);
  if (s && ++s->bad_tokens >= INVITE_BAD_TOKENS_MAX)
    answer_end(q, "policy-violation");
  else
    answer_error(q, ERR_ITEM_NOT_FOUND, NULL, TEXT_NO_INVITE);
}

static bool
makes_accounts(struct invite const *i)
{
  return i->kind == INVITE_ACCOUNT || (i->kind == INVITE_CONTACT && i->may_register);
}

void
preauth_request(struct request const *q, struct host const *h,
                struct xml_node const *preauth, struct slice type)
{
  struct arena a = ARENA_ZERO;
  struct slice token = xml_attr(preauth, "token");
  struct stream *s = stream_make(q);
  struct invite_id id;
  struct invite i;

  if (!slice_is(type, "set") || !token.len)
    answer_error(q, ERR_BAD_REQUEST, NULL, TEXT_MALFORMED);
  else if (!h->invites)
    answer_error(q, ERR_SERVICE_UNAVAILABLE, NULL, TEXT_NOT_HERE);
  else if (!s)
    answer_error(q, ERR_RESOURCE_CONSTRAINT, NULL, TEXT_BUSY);
  else if (!registerd_allows_ip(h, q->ip))
    answer_error(q, ERR_FORBIDDEN, NULL, TEXT_DENIED);
  else if (!invite_find(&a, token, q->host, &id, &i) || !makes_accounts(&i))
    refuse(q, s);
  else {
    s->invited = true;
    memcpy(s->invite, id.hash, INVITE_HASH);
    s->invited_until_us = door_now() + REGISTER_FORM_US;
    answer_result(q, SLICE(""), "captcha", SLICE(""));
  }
  arena_wipe(&a);
}

bool
preauth_of(struct arena *a, struct request const *q, struct invite_id *id,
           struct invite *out)
{
  struct stream const *s = stream_of(q);

  if (!s || !s->invited || s->invited_until_us <= door_now()) return false;
  memcpy(id->hash, s->invite, INVITE_HASH);
  return invite_shown(a, id, out);
}
