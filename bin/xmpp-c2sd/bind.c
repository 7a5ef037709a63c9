#include "bind.h"
#include "directed.h"
#include "fresh.h"
#include "inbound.h"
#include "marks.h"
#include "negotiation.h"
#include "rules.h"
#include "settings.h"
#include "shown.h"
#include "stream.h"
#include "xep0198_resume.h"
#include "xep0198_sm.h"
#include "xep0199_ping.h"
#include "xep0352_csi.h"
#include "xep0357_push.h"
#include "xep0386_bind2.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Binding (RFC 6120 s7): routed decides, for it alone knows all sessions of an account.
 */

#define RESOURCE_LEN 12

/* The wishes of XEP-0386, with the id of the request for metadata. */
static void
put_wishes(struct link *routed, struct stream const *s, char const *metadata)
{
  link_str(routed, s->session.client);
  shown_put_wants(routed, s->session.wants);
  if (!metadata) return;
  link_more(routed, s->session.wants ? SLICE(" metadata=") : SLICE("metadata="));
  link_more(routed, slice_str(metadata));
}

void
bind_ask(struct stream const *s, char const *metadata)
{
  struct link *routed = link_find(ROUTED);

  if (!routed) return; /* bind_announce asks when it is back */
  link_begin(routed, VERB_BIND);
  link_num(routed, s->sid);
  link_str(routed, s->session.jid);
  link_str(routed, s->negotiation->bind.resource);
  link_str(routed, s->c.ip);
  if (s->session.client || s->session.wants || metadata) put_wishes(routed, s, metadata);
  link_end(routed);
}

/* The resource that was asked for, prepared, in s->negotiation->bind.resource; one of our own
 * when none was (s7.6). errno EINVAL: what was asked for is none (s7.7.2.1). */
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
  free(s->negotiation->bind.resource);
  s->negotiation->bind.resource = text.s ? slice_dup(text) : NULL;
  arena_wipe(&a);
  return s->negotiation->bind.resource != NULL;
}

enum state
bind_request(struct stream *s, struct xml_node const *e, struct slice bytes)
{
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
  if (!rules_may_bind(s, slice_str(s->negotiation->bind.resource))) {
    inbound_error(s, e, ERR_NOT_ALLOWED, NULL);
    return ST_AUTHED;
  }
  free(s->negotiation->bind.id);
  s->negotiation->bind.id = slice_dup(xml_attr(e, "id"));
  if (!s->negotiation->bind.id) {
    inbound_error(s, e, ERR_RESOURCE_CONSTRAINT, NULL);
    return ST_AUTHED;
  }
  bind_ask(s, NULL);
  return ST_BINDING;
}

static void
answer_bound(struct stream *s)
{
  stralloc sa = STRALLOC_ZERO;

  if (xml_cat(&sa, "<iq type='result'") &&
      xml_cat_attr(&sa, "id", slice_str(s->negotiation->bind.id)) &&
      xml_cat(&sa, "><bind xmlns='" NS_BIND "'><jid>") &&
      xml_cat_text(&sa, slice_str(s->session.jid)) && xml_cat(&sa, "</jid></bind></iq>"))
    conduit_write(&s->c, slice_of(sa.s, sa.len));
  stralloc_free(&sa);
}

static struct stream *
binding(struct record *r)
{
  struct stream *s = stream_find(record_u64(r, 1));

  return s && s->state == ST_BINDING ? s : NULL;
}

static void
begin(struct stream *s)
{
  s->state = ST_BOUND;
  s->c.blocked_max = BLOCKED_MAX;
  answer_bound(s);
  negotiation_end(s);
  fresh_begin(s);
  ping_start(s);
  conduit_resume(&s->c);
}

void
bind_on_bound(struct link *l, struct record *r)
{
  struct stream *s = binding(r);
  char *jid = s ? slice_dup(record_get(r, 2)) : NULL;

  (void)l;
  if (!s) return;
  if (!jid) {
    conduit_error(&s->c, "resource-constraint", NULL);
    conduit_settle(&s->c);
    return;
  }
  free(s->session.jid);
  s->session.jid = jid;
  s->session.number = record_u64(r, 3);
  log_event(LOG_INFO, "bound", "conn", conduit_conn(&s->c), "ip",
            log_peer(slice_str(s->c.ip)), "jid", s->session.jid, "sid", log_num(s->sid),
            NULL);
  if (negotiation_is_sasl2(s))
    bind2_bound(s);
  else
    begin(s);
  conduit_settle(&s->c);
}

void
bind_on_refused(struct link *l, struct record *r)
{
  struct stream *s = binding(r);
  struct stanza in = {.kind = SLICE("iq")};
  stralloc sa = STRALLOC_ZERO;

  (void)l;
  if (!s) return;
  if (negotiation_is_sasl2(s)) {
    bind2_refused(s, stanza_error_name(stanza_error_find(record_get(r, 2))));
    conduit_settle(&s->c);
    return;
  }
  in.id = slice_str(s->negotiation->bind.id);
  if (stanza_cat_error(&sa, &in, stanza_error_find(record_get(r, 2)), SLICE("")))
    conduit_write(&s->c, slice_of(sa.s, sa.len));
  stralloc_free(&sa);
  s->state = ST_AUTHED;
  conduit_resume(&s->c);
  conduit_settle(&s->c);
}

void
bind_on_kick(struct link *l, struct record *r)
{
  struct stream *s = stream_find(record_u64(r, 1));

  (void)l;
  if (!s) return;
  conduit_error_named(&s->c, record_get(r, 2));
  conduit_settle(&s->c);
}

static void
announce(struct stream *s)
{
  struct link *routed = link_find(ROUTED);
  uint64_t come;

  if (s->state == ST_RESUMING) resume_drop_parts(s);
  if (s->session.sm) resume_unyield(s);
  if (!stream_is_session(s)) return;
  link_begin(routed, VERB_SESSION);
  link_num(routed, s->sid);
  link_str(routed, s->session.jid);
  link_str(routed, s->c.ip);
  link_field(routed);
  if (s->session.available) {
    char buf[BASE_NUM];
    if (s->session.priority < 0) link_more(routed, SLICE("-"));
    link_more(routed, num_u64(buf, (uint64_t)abs(s->session.priority)));
  }
  shown_put_wants(routed, s->session.wants);
  link_num(routed, s->session.number);
  link_str(routed, s->session.caps);
  link_str(routed, s->session.client);
  come = marks_come(s);
  link_num(routed, come);
  link_num(routed, s->session.sm || s->fresh ? come : s->session.mark.had.live);
  link_end(routed);
  push_announce(s);
  if (s->session.sm) sm_hold_again(s, &s->session.sm->out.queue);
  if (s->csi && s->fresh) sm_hold_again(s, csi_queue(s->csi));
  shown_again(s);
}

/* Ask what routed answers by looking at all sessions: another c2sd may have the one that is
 * wanted. */
static void
ask_again(struct stream *s)
{
  if (s->state == ST_BINDING)
    bind_ask(s, negotiation_is_sasl2(s) ? bind2_metadata(s) : NULL);
  if (s->state == ST_RESUMING) resume_ask(s);
}

/* Behind the word recalled, routed waits for all its neighbours before it reads on. */
void
bind_announce(void)
{
  struct link *routed = link_find(ROUTED);

  stream_each(announce);
  link_begin(routed, VERB_RECALLED);
  link_str(routed, service_instance());
  link_end(routed);
  stream_each(ask_again);
  stream_each(marks_again);
}

void
bind_forget(struct stream *s)
{
  struct link *routed = link_find(ROUTED);

  if (!routed ||
      (s->state != ST_BOUND && s->state != ST_BINDING && s->state != ST_METADATA &&
       s->state != ST_RESUMING && s->state != ST_AWAY))
    return;
  link_begin(routed, VERB_UNBIND);
  link_num(routed, s->sid);
  if (s->session.directed)
    directed_put(routed, s->session.directed);
  else
    link_field(routed);
  link_num(routed, marks_upto(s));
  link_end(routed);
}
