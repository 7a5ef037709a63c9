#include "xep0178_external.h"
#include "crowd.h"
#include "domains.h"
#include "pairs.h"

#include <openssl/evp.h>

/* EXTERNAL of peers (XEP-0178): a peer claims to be a domain that its certificate names. */

#define SASL_FAILURES 3

static void
fail_sasl(struct stream *s, char const *condition)
{
  stralloc sa = STRALLOC_ZERO;

  if (xml_cat(&sa, "<failure xmlns='" NS_SASL "'><") && xml_cat(&sa, condition) &&
      xml_cat(&sa, "/></failure>"))
    stream_say(s, slice_of(sa.s, sa.len));
  stralloc_free(&sa);
  if (s->state == ST_SASL) s->state = ST_FEATURES;
  if (++s->failures >= SASL_FAILURES)
    conduit_error(&s->c, "policy-violation", "too many failures");
}

/* Read base64 into a prepared domain; empty for none. false: it is neither. */
static bool
read_authzid(struct arena *a, struct slice text, struct slice *out)
{
  unsigned char *buf = arena_alloc(a, text.len + 4);
  int n;

  *out = SLICE("");
  if (!text.len || slice_is(text, "=")) return true;
  if (!buf || text.len % 4 || text.len > 4096) return false;
  n = EVP_DecodeBlock(buf, (unsigned char const *)text.s, (int)text.len);
  if (n < 0) return false;
  while (text.len && text.s[text.len - 1] == '=') {
    text.len--;
    n--;
  }
  *out = n > 0 ? jid_prep_domain(a, slice_of((char *)buf, (size_t)n)) : SLICE("");
  return out->s != NULL;
}

static void
succeed(struct stream *s)
{
  struct proof *p;

  if (s->trust < TRUST_PKIX) s->trust = TRUST_PKIX;
  s->auth = AUTH_EXTERNAL;
  s->authed = true;
  p = proof_add(s, slice_str(s->remote), slice_str(s->local));
  if (!p) {
    conduit_error(&s->c, "resource-constraint", NULL);
    return;
  }
  p->valid = true;
  p->auth = AUTH_EXTERNAL;
  crowd_leave(s);
  stream_say(s, SLICE("<success xmlns='" NS_SASL "'/>"));
  conduit_restart(&s->c);
  s->state = ST_HEADER;
  pairs_heard(slice_str(s->local), slice_str(s->remote));
}

/* The peer claims to be name; empty: what its header says. */
static void
claim(struct stream *s, struct slice name)
{
  if (s->remote && !name.len) name = slice_str(s->remote);
  if (!name.len || (s->remote && !slice_is(name, s->remote)) || domain_is_served(name))
    fail_sasl(s, "invalid-authzid");
  else if (stream_judge(s, name, SLICE("")) || !settings_admits(stream_host(s), name))
    fail_sasl(s, "not-authorized");
  else if (!s->remote && !(s->remote = slice_dup(name)))
    conduit_error(&s->c, "resource-constraint", NULL);
  else
    succeed(s);
}

static void
answer(struct stream *s, struct xml_node const *e, bool first)
{
  struct arena a = ARENA_ZERO;
  struct slice text = slice_trimmed(xml_text(&a, e)), name;

  if (first && !text.len) {
    stream_say(s, SLICE("<challenge xmlns='" NS_SASL "'/>"));
    s->state = ST_SASL;
  } else if (read_authzid(&a, text, &name)) {
    claim(s, name);
  } else {
    fail_sasl(s, "incorrect-encoding");
  }
  arena_wipe(&a);
}

void
external_element(struct stream *s, struct xml_node const *e)
{
  if (xml_is(e, NS_SASL, "abort"))
    fail_sasl(s, "aborted");
  else if (xml_is(e, NS_SASL, "response") && s->state == ST_SASL)
    answer(s, e, false);
  else if (!xml_is(e, NS_SASL, "auth") || s->authed || s->state == ST_OPEN)
    fail_sasl(s, "not-authorized");
  else if (!s->external || !slice_is(xml_attr(e, "mechanism"), "EXTERNAL"))
    fail_sasl(s, "invalid-mechanism");
  else
    answer(s, e, true);
}
