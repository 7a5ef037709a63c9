#include "bind.h"
#include "directed.h"
#include "inbound.h"
#include "input.h"
#include "marks.h"
#include "settings.h"
#include "shown.h"
#include "stream.h"
#include "xep0198_sm.h"
#include "xep0199_ping.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Binding (RFC 6120 s7): routed decides, for it alone knows all sessions of an account.
 */

#define RESOURCE_LEN 12

static char *
dup_slice(struct slice s)
{
  return strndup(s.len ? s.s : "", s.len);
}

static void
ask(struct link *routed, struct stream const *s)
{
  link_begin(routed, VERB_BIND);
  link_num(routed, s->sid);
  link_str(routed, s->jid);
  link_str(routed, s->resource);
  link_str(routed, s->ip);
  link_end(routed);
}

/* The resource that was asked for, prepared, in s->resource; one of our own when none was
 * (s7.6). errno EINVAL: what was asked for is none (s7.7.2.1). */
static bool
take_resource(struct stream *s, struct xml_node const *bind)
{
  struct arena a = ARENA_ZERO;
  struct xml_node const *e = xml_child(bind, NS_BIND, "resource");
  struct slice text = e ? xml_text(&a, e) : SLICE("");
  char own[RESOURCE_LEN];

  if (text.len) {
    text = jid_prep_resource(&a, text);
  } else {
    door_random_id(own, sizeof own);
    text = slice_of(own, sizeof own);
  }
  free(s->resource);
  s->resource = text.s ? dup_slice(text) : NULL;
  arena_wipe(&a);
  return s->resource != NULL;
}

bool
bind_may(struct stream const *s, struct slice resource)
{
  struct access_who who = stream_who(s, resource);
  char const *rule = s->listener->access;
  bool ok = !rule || access_allows(c2sd.access, slice_str(rule), who.domain, &who);

  if (!ok)
    log_event(LOG_INFO, "bind-refused", "sid", log_num(s->sid), "jid", s->jid, "ip",
              log_peer(slice_str(s->ip)), "rule", rule, NULL);
  return ok;
}

enum state
bind_request(struct stream *s, struct xml_node const *e, struct slice bytes)
{
  struct link *routed = link_find(ROUTED);

  (void)bytes;
  if (s->state == ST_BOUND) { /* s7.1: one resource per stream */
    inbound_error(s, e, ERR_NOT_ALLOWED, NULL);
    sm_count(s);
    return ST_BOUND;
  }
  if (!xml_attr(e, "id").len) {
    inbound_error(s, e, ERR_BAD_REQUEST, "no id");
    return ST_AUTHED;
  }
  if (!take_resource(s, xml_child(e, NS_BIND, "bind"))) {
    inbound_error(s, e, errno == EINVAL ? ERR_BAD_REQUEST : ERR_RESOURCE_CONSTRAINT,
                  NULL);
    return ST_AUTHED;
  }
  if (!bind_may(s, slice_str(s->resource))) {
    inbound_error(s, e, ERR_NOT_ALLOWED, NULL);
    return ST_AUTHED;
  }
  free(s->request);
  s->request = dup_slice(xml_attr(e, "id"));
  if (!s->request) {
    inbound_error(s, e, ERR_RESOURCE_CONSTRAINT, NULL);
    return ST_AUTHED;
  }
  if (routed) ask(routed, s);
  return ST_BINDING; /* without routed: bind_announce asks when it is back */
}

static void
answer_bound(struct stream *s)
{
  stralloc sa = STRALLOC_ZERO;

  if (xml_cat(&sa, "<iq type='result'") &&
      xml_cat_attr(&sa, "id", slice_str(s->request)) &&
      xml_cat(&sa, "><bind xmlns='" NS_BIND "'><jid>") &&
      xml_cat_text(&sa, slice_str(s->jid)) && xml_cat(&sa, "</jid></bind></iq>"))
    stream_write(s, slice_of(sa.s, sa.len));
  stralloc_free(&sa);
  free(s->request);
  free(s->resource);
  s->request = s->resource = NULL;
}

static struct stream *
binding(struct record *r)
{
  struct stream *s = stream_find(record_u64(r, 1));

  return s && s->state == ST_BINDING ? s : NULL;
}

void
bind_on_bound(struct link *l, struct record *r)
{
  struct stream *s = binding(r);
  char *jid = s ? dup_slice(record_get(r, 2)) : NULL;

  (void)l;
  if (!s) return;
  if (!jid) {
    stream_error(s, "resource-constraint", NULL);
    stream_settle(s);
    return;
  }
  free(s->jid);
  s->jid = jid;
  s->number = record_u64(r, 3);
  s->state = ST_BOUND;
  event_timer_cancel(&s->timer);
  log_event(LOG_INFO, "bound", "sid", log_num(s->sid), "jid", s->jid, NULL);
  answer_bound(s);
  ping_start(s);
  input_resume(s);
  stream_settle(s);
}

void
bind_on_refused(struct link *l, struct record *r)
{
  struct stream *s = binding(r);
  struct stanza in = {.kind = SLICE("iq")};
  stralloc sa = STRALLOC_ZERO;

  (void)l;
  if (!s) return;
  in.id = slice_str(s->request);
  if (stanza_cat_error(&sa, &in, stanza_error_find(record_get(r, 2)), SLICE("")))
    stream_write(s, slice_of(sa.s, sa.len));
  stralloc_free(&sa);
  s->state = ST_AUTHED;
  input_resume(s);
  stream_settle(s);
}

/* RFC 6120 s4.9.3: the defined condition of this name, undefined-condition for any other. */
static char const *
condition(struct slice name)
{
  static char const *const defined[] = {
    "bad-format",
    "bad-namespace-prefix",
    "conflict",
    "connection-timeout",
    "host-gone",
    "host-unknown",
    "improper-addressing",
    "internal-server-error",
    "invalid-from",
    "invalid-namespace",
    "invalid-xml",
    "not-authorized",
    "not-well-formed",
    "policy-violation",
    "remote-connection-failed",
    "reset",
    "resource-constraint",
    "restricted-xml",
    "see-other-host",
    "system-shutdown",
    "unsupported-encoding",
    "unsupported-feature",
    "unsupported-stanza-type",
    "unsupported-version",
  };
  size_t i;

  for (i = 0; i < sizeof defined / sizeof *defined; i++)
    if (slice_is(name, defined[i])) return defined[i];
  return "undefined-condition";
}

void
bind_on_kick(struct link *l, struct record *r)
{
  struct stream *s = stream_find(record_u64(r, 1));

  (void)l;
  if (!s) return;
  stream_error(s, condition(record_get(r, 2)), NULL);
  stream_settle(s);
}

static void
announce(struct stream *s)
{
  struct link *routed = link_find(ROUTED);

  if (s->state == ST_BINDING) ask(routed, s);
  if (s->state == ST_RESUMING) {
    sm_drop_parts(s);
    sm_ask_again(s);
  }
  if (s->sm) sm_unyield(s);
  if (!stream_is_session(s)) return;
  link_begin(routed, VERB_SESSION);
  link_num(routed, s->sid);
  link_str(routed, s->jid);
  link_str(routed, s->ip);
  link_field(routed);
  if (s->available) {
    char buf[BASE_NUM];
    if (s->priority < 0) link_more(routed, SLICE("-"));
    link_more(routed, num_u64(buf, (uint64_t)abs(s->priority)));
  }
  shown_put_wants(routed, s->wants);
  link_num(routed, s->number);
  link_end(routed);
  if (s->sm) sm_hold_again(s);
  shown_again(s);
}

void
bind_announce(void)
{
  struct link *routed = link_find(ROUTED);

  stream_each(announce);
  link_begin(routed, VERB_RECALLED);
  link_str(routed, service_instance());
  link_end(routed);
  stream_each(
    marks_again); /* behind that word, routed waits for mamd before it reads on */
}

void
bind_forget(struct stream *s)
{
  struct link *routed = link_find(ROUTED);

  if (!routed || (s->state != ST_BOUND && s->state != ST_BINDING &&
                  s->state != ST_RESUMING && s->state != ST_AWAY))
    return;
  link_begin(routed, VERB_UNBIND);
  link_num(routed, s->sid);
  if (s->directed)
    directed_put(routed, s->directed);
  else
    link_field(routed);
  link_num(routed, marks_upto(s));
  link_end(routed);
}
