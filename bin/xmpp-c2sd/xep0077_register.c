#include "negotiation.h"
#include "settings.h"
#include "stream.h"
#include "xep0077_register.h"

#include <stdlib.h>
#include <string.h>

#define NS_PREAUTH "urn:xmpp:pars:0"
#define NS_TOKENS "urn:xmpp:ibr-token:0"

/* c2sd passes requests of jabber:iq:register and tokens of invitations (XEP-0445) that come before
 * the login to registerd over a link of its own, so that routed's memory has no passwords. A stream
 * has one such request on its way at a time, and its input is held meanwhile. */

/* ---- the feature ---- */

/* Registration is closed when the rule of names allows nobody, or that of addresses not this one. */
static bool
is_open(struct stream const *s)
{
  struct settings const *st = access_settings(c2sd.access);
  struct slice host = slice_str(s->host->name), ip = slice_str(s->c.ip);
  struct access_who const who = {SLICE(""), SLICE(""), SLICE(""), ip};
  struct slice ways = settings_get(st, "mod_register.allow_modules", host);

  if (ways.len && !slice_has_word(ways, SLICE("all")) &&
      !slice_has_word(ways, SLICE("mod_register")))
    return false;
  return access_may_allow(c2sd.access, settings_get(st, "mod_register.access", host),
                          host) &&
         access_allows(c2sd.access, settings_get(st, "mod_register.ip_access", host),
                       host, &who);
}

static bool
has_feature(struct stream const *s)
{
  return s->host->registers &&
         (settings_get(access_settings(c2sd.access), "mod_register.redirect_url",
                       slice_str(s->host->name))
            .len ||
          is_open(s));
}

/* XEP-0445 s3: who has a token may register where nobody else may. */
bool
register_features(struct stream const *s, stralloc *out)
{
  if (!s->host || !link_find(REGISTERD)) return true;
  return (!has_feature(s) ||
          xml_cat(out, "<register xmlns='http://jabber.org/features/iq-register'/>")) &&
         (!s->host->invites || xml_cat(out, "<register xmlns='" NS_TOKENS "'/>"));
}

/* ---- requests ---- */

bool
register_is_request(struct stream const *s, struct xml_node const *e)
{
  struct slice type = xml_attr(e, "type");
  struct xml_node const *c = xml_next(e, NULL);

  return s->state == ST_FEATURES && s->host && (s->host->registers || s->host->invites) &&
         slice_is(e->name, "iq") && (slice_is(type, "get") || slice_is(type, "set")) &&
         c && (slice_is(c->ns, NS_REGISTER) || slice_is(c->ns, NS_PREAUTH));
}

static void
refuse(struct stream *s, struct slice id, enum stanza_error e)
{
  struct stanza in = {.to = slice_str(s->host->name), .kind = SLICE("iq"), .id = id};
  stralloc sa = STRALLOC_ZERO;

  if (stanza_cat_fault(&sa, &in, &(struct stanza_fault){.error = e, .type = "wait"}))
    conduit_write(&s->c, slice_of(sa.s, sa.len));
  stralloc_free(&sa);
}

static void
ask(struct link *registerd, struct stream *s, struct slice id, struct slice xml)
{
  s->negotiation->asked_us = door_now();
  s->negotiation->register_id = slice_dup(id);
  link_begin(registerd, VERB_REGISTER);
  link_num(registerd, s->sid);
  link_str(registerd, s->host->name);
  link_str(registerd, s->c.ip);
  link_num(registerd, s->c.secure);
  link_str(registerd, s->c.lang ? s->c.lang : c2sd.language);
  link_text(registerd, xml);
  link_end(registerd);
}

enum state
register_request(struct stream *s, struct xml_node const *e, struct slice bytes)
{
  struct link *registerd = link_find(REGISTERD);
  stralloc xml = STRALLOC_ZERO;
  enum state next = ST_FEATURES;

  (void)bytes;
  if (!s->c.secure && s->listener->starttls_required)
    conduit_error(&s->c, "policy-violation", "use STARTTLS first");
  else if (++s->negotiation->registers > REGISTER_REQUESTS_MAX)
    conduit_error(&s->c, "policy-violation", "too many requests before the login");
  else if (!registerd || !xml_cat_tree(&xml, e, NS_CLIENT))
    refuse(s, xml_attr(e, "id"), ERR_SERVICE_UNAVAILABLE);
  else {
    ask(registerd, s, xml_attr(e, "id"), slice_of(xml.s, xml.len));
    next = ST_REGISTERING;
  }
  if (xml.s) explicit_bzero(xml.s, xml.len);
  stralloc_free(&xml);
  return next;
}

/* ---- answers ---- */

static void
answered(struct stream *s)
{
  s->state = ST_FEATURES;
  free(s->negotiation->register_id);
  s->negotiation->register_id = NULL;
}

/* The time that registerd took is not its client's. A client that has a captcha to look at gets more
 * time, once. */
static void
give_time(struct stream *s, bool captcha)
{
  uint64_t until = s->negotiation->until_us + door_now() - s->negotiation->asked_us;

  if (captcha && !s->negotiation->has_captcha) {
    s->negotiation->has_captcha = true;
    if (until < door_now() + REGISTER_FORM_US) until = door_now() + REGISTER_FORM_US;
  }
  negotiation_until(s, until);
}

void
register_on_registered(struct link *l, struct record *r)
{
  struct stream *s = stream_find(record_u64(r, 1));
  struct slice xml = record_raw(r, 2), word = record_get(r, 3);

  (void)l;
  if (!s || s->state != ST_REGISTERING) return;
  answered(s);
  give_time(s, slice_is(word, "captcha"));
  if (xml.len) conduit_write_raw(&s->c, xml);
  if (slice_is(word, "end")) conduit_error_named(&s->c, record_get(r, 4));
  conduit_resume(&s->c);
  conduit_settle(&s->c);
}

static void
give_up(struct stream *s)
{
  if (s->state != ST_REGISTERING) return;
  refuse(s, slice_str(s->negotiation->register_id), ERR_SERVICE_UNAVAILABLE);
  answered(s);
  conduit_resume(&s->c);
}

void
register_registerd_gone(void)
{
  stream_each(give_up);
}

void
register_forget(struct stream *s)
{
  struct link *registerd = link_find(REGISTERD);

  if (!s->negotiation || !s->negotiation->registers || !registerd) return;
  s->negotiation->registers = 0;
  link_begin(registerd, VERB_ABORT);
  link_num(registerd, s->sid);
  link_end(registerd);
}
