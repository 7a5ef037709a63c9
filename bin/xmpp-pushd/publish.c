#include "pushd.h"

/* XEP-0357 s7: notifications. The request comes from the host, as services want it, and has the
 * summary that mod_push allows, and the publish options of the client. */

static bool
cat_field(stralloc *out, char const *var, struct slice value)
{
  return xml_cat(out, "<field var='") && xml_cat(out, var) && xml_cat(out, "'><value>") &&
         xml_cat_text(out, value) && xml_cat(out, "</value></field>");
}

static bool
cat_count(stralloc *out, char const *var, uint64_t n)
{
  char buf[BASE_NUM];

  return !n || cat_field(out, var, num_u64(buf, n));
}

static bool
cat_body(stralloc *out, struct reg const *r, struct vhost const *v)
{
  struct slice text = SLICE("");

  if (v->body == BODY_TEXT) text = v->text;
  if (v->body == BODY_OF_MESSAGE) text = slice_str(r->text);
  return !r->has_text || !text.len || cat_field(out, "last-message-body", text);
}

/* The form of XEP-0357 s7; fields that make it too long are left out. */
static bool
cat_summary(stralloc *out, struct reg const *r, struct vhost const *v)
{
  size_t begin = out->len, at;
  uint64_t n = r->count ? r->count : r->has_text; /* an earlier run has counted */

  if (!xml_cat(out, "<x xmlns='jabber:x:data' type='submit'>") ||
      !cat_field(out, "FORM_TYPE", SLICE("urn:xmpp:push:summary")) ||
      !cat_count(out, "message-count", n) ||
      !cat_count(out, "pending-subscription-count", r->requests))
    return false;
  at = out->len;
  if (r->sender && v->sender &&
      !cat_field(out, "last-message-sender", slice_str(r->sender)))
    return false;
  if (out->len - begin > PUSH_SUMMARY_MAX / 2) out->len = at;
  at = out->len;
  if (!cat_body(out, r, v)) return false;
  if (out->len - begin > PUSH_SUMMARY_MAX) out->len = at;
  return xml_cat(out, "</x>");
}

static bool
cat_options(stralloc *out, struct slice form)
{
  if (!form.len) return true;
  return xml_cat(out, "<publish-options><x xmlns='jabber:x:data' type='submit'>") &&
         stralloc_catb(out, form.s, form.len) && xml_cat(out, "</x></publish-options>");
}

static bool
cat_request(stralloc *out, struct reg const *r, struct push_service const *s,
            struct vhost const *v, struct slice id)
{
  return xml_cat(out, "<iq") && xml_cat_attr(out, "type", SLICE("set")) &&
         xml_cat_attr(out, "from", v->host) && xml_cat_attr(out, "to", s->jid) &&
         xml_cat_attr(out, "id", id) &&
         xml_cat(out, "><pubsub xmlns='http://jabber.org/protocol/pubsub'><publish") &&
         xml_cat_attr(out, "node", s->node) &&
         xml_cat(out, "><item><notification xmlns='" NS_PUSH "'>") &&
         cat_summary(out, r, v) && xml_cat(out, "</notification></item></publish>") &&
         cat_options(out, s->form) && xml_cat(out, "</pubsub></iq>");
}

/* Put r at the end of the line of its domain. */
static void
stand_in_line(struct reg *r)
{
  if (r->in_line) return;
  r->in_line = true;
  r->line_next = NULL;
  *r->domain->last = r;
  r->domain->last = &r->line_next;
}

static bool
send(struct link *routed, struct reg *r, struct vhost const *v)
{
  static stralloc xml = STRALLOC_ZERO;
  struct stanza st = {.kind = SLICE("iq"), .type = SLICE("set")};
  struct push_service s;
  char room[PUSH_ID];

  if (!push_get(pushd.push, r->account->number, reg_key(r), &s)) return false;
  st.id = answers_await(r, room);
  xml.len = 0;
  if (!st.id.s || !cat_request(&xml, r, &s, v, st.id)) return false;
  st.to = s.jid;
  st.from = v->host;
  st.tags = SLICE("ns=http://jabber.org/protocol/pubsub");
  st.xml = slice_of(xml.s, xml.len);
  stanza_put(routed, &st);
  return true;
}

bool
publish(struct reg *r)
{
  struct vhost const *v = vhost_find(jid_cut(slice_str(r->account->bare)).domain);
  struct link *routed = link_find(ROUTED);

  if (!routed || !v) return false;
  if (r->domain->pending >= pushd.pending_max) {
    stand_in_line(r);
    return true;
  }
  if (!send(routed, r, v)) return false;
  reg_published(r);
  return true;
}

/* Notifications whose event is too old, or not due now, leave the line too. */
void
publish_next(struct domain *d)
{
  struct reg *r;

  while ((r = d->first) && d->pending < pushd.pending_max) {
    d->first = r->line_next;
    if (!d->first) d->last = &d->first;
    r->in_line = false;
    reg_due(r);
  }
}

/* ---- the state for a trace: those that stand in line ---- */

static void
line_record(struct snapshot *k, struct reg *r)
{
  char id[PUSH_ID_BYTES] = {0};

  if (r) memcpy(id, r->id, sizeof id);
  snapshot_block(k, id, sizeof id);
  if (!snapshot_restores(k)) return;
  r = reg_find(id);
  if (r) stand_in_line(r);
}

static void
write_line(struct domain *d, void *cookie)
{
  struct reg *r;

  for (r = d->first; r && snapshot_record(cookie, "line", true); r = r->line_next)
    line_record(cookie, r);
}

void
publish_snapshot(struct snapshot *k)
{
  if (!snapshot_restores(k)) domains_each(write_line, k);
  while (snapshot_restores(k) && snapshot_record(k, "line", true))
    line_record(k, NULL);
}
