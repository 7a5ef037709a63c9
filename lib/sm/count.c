#include "sm/sm.h"

/* Counts of stanzas, both ways, modulo 2^32 (XEP-0198 s4). */

/* ---- in ---- */

bool
sm_in_handled(struct sm_in *in)
{
  in->handled++;
  if (!in->owes_a || (int32_t)(in->handled - in->answer_at) < 0) return false;
  in->owes_a = in->handled != in->answer_last;
  in->answer_at = in->answer_last;
  return true;
}

bool
sm_in_asked(struct sm_in *in)
{
  if (sm_in_is_done(in)) return true;
  if (!in->owes_a) in->answer_at = in->received;
  in->owes_a = true;
  in->answer_last = in->received;
  return false;
}

bool
sm_in_is_done(struct sm_in const *in)
{
  return in->handled == in->received;
}

/* ---- out ---- */

bool
sm_out_next(struct sm_out *out, struct sm_entry *e, struct slice *raw)
{
  if (!sm_queue_next(&out->queue, &out->queue.unwritten, e, raw)) return false;
  out->sent++;
  out->unasked++;
  return true;
}

enum sm_phase
sm_out_ask(struct sm_out *out)
{
  if (out->phase == SM_ASKED || !out->unasked) return SM_IDLE;
  if (out->unasked >= SM_ASK_AFTER) {
    sm_out_asked(out);
    return SM_ASKED;
  }
  if (out->phase == SM_SOON) return SM_IDLE;
  return out->phase = SM_SOON;
}

void
sm_out_asked(struct sm_out *out)
{
  out->unasked = 0;
  out->phase = SM_ASKED;
}

bool
sm_out_take(struct sm_out *out, uint32_t h, sm_acked_fn *fn, void *cookie)
{
  uint32_t n = h - out->acked;
  struct slice tags;

  if (n > out->sent - out->acked) return false;
  out->acked = h;
  while (n-- && sm_queue_drop(&out->queue, &tags))
    fn(cookie, tags);
  return true;
}

/* A peer that acknowledges only a part is asked again. */
enum sm_phase
sm_out_answered(struct sm_out *out)
{
  out->phase = SM_IDLE;
  if (out->queue.n && !out->unasked) out->unasked = 1;
  return sm_out_ask(out);
}

void
sm_out_rewind(struct sm_out *out)
{
  out->queue.unwritten = out->queue.head;
}

/* ---- elements ---- */

struct slice
sm_ns(bool old_ns)
{
  return old_ns ? SLICE(SM_NS2) : SLICE(SM_NS3);
}

bool
sm_read_h(struct xml_node const *e, uint32_t *h)
{
  uint64_t n;

  if (!slice_u64(xml_attr(e, "h"), &n) || n > UINT32_MAX) return false;
  *h = (uint32_t)n;
  return true;
}

bool
sm_cat_a(stralloc *out, bool old_ns, uint32_t h)
{
  char buf[BASE_NUM];

  return xml_cat(out, "<a") && xml_cat_attr(out, "xmlns", sm_ns(old_ns)) &&
         xml_cat_attr(out, "h", num_u64(buf, h)) && xml_cat(out, "/>");
}

bool
sm_cat_failed(stralloc *out, bool old_ns, char const *condition, struct slice h)
{
  return xml_cat(out, "<failed") && xml_cat_attr(out, "xmlns", sm_ns(old_ns)) &&
         (!h.len || xml_cat_attr(out, "h", h)) && xml_cat(out, "><") &&
         xml_cat(out, condition) &&
         xml_cat(out, " xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></failed>");
}

bool
sm_cat_too_high(stralloc *out, bool old_ns, uint32_t h, uint32_t sent)
{
  char buf[BASE_NUM];

  return xml_cat(out, "<stream:error><undefined-condition "
                      "xmlns='urn:ietf:params:xml:ns:xmpp-streams'/>"
                      "<handled-count-too-high") &&
         xml_cat_attr(out, "xmlns", sm_ns(old_ns)) &&
         xml_cat_attr(out, "h", num_u64(buf, h)) &&
         xml_cat_attr(out, "send-count", num_u64(buf, sent)) &&
         xml_cat(out, "/></stream:error>");
}
