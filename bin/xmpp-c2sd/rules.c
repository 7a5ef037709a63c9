#include "rules.h"
#include "settings.h"
#include "stream.h"

/* The rules of access and shaping know a stream by its account, resource and address. */

static struct access_who
who_is(struct stream const *s, struct slice resource)
{
  struct access_who who = {.resource = resource, .ip = slice_str(s->c.ip)};
  struct slice rest = slice_str(s->session.jid), domain;

  if (!s->session.jid) return who;
  slice_word(&rest, '@', &who.local);
  slice_word(&rest, '/', &domain);
  who.domain = domain;
  return who;
}

void
rules_limit(struct stream *s)
{
  struct listener const *ln = s->listener;

  xml_limit(&s->c.xml, s->authed ? ln->max_stanza_size : ln->early_size);
  xml_elements(&s->c.xml, s->authed ? ln->elements_max : ln->early_elements);
}

bool
rules_is_anonymous(struct stream const *s)
{
  struct access_who who = who_is(s, SLICE(""));

  return access_is_anonymous(access_settings(c2sd.access), who.domain, who.local);
}

bool
rules_may_bind(struct stream const *s, struct slice resource)
{
  struct access_who who = who_is(s, resource);
  char const *rule = s->listener->access;
  bool ok = !rule || access_allows(c2sd.access, slice_str(rule), who.domain, &who);

  if (!ok)
    log_event(LOG_INFO, "bind-refused", "conn", conduit_conn(&s->c), "ip",
              log_peer(slice_str(s->c.ip)), "jid", s->session.jid, "rule", rule, NULL);
  return ok;
}

void
rules_shape(struct stream *s)
{
  struct access_who who = who_is(s, SLICE(""));
  uint64_t rate, burst;

  if (!s->listener->shaper) return;
  access_shaper(c2sd.access, slice_str(s->listener->shaper), who.domain, &who, &rate,
                &burst);
  conduit_shape(&s->c, rate, burst);
}
