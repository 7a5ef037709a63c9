#include "bans.h"
#include "bind.h"
#include "features.h"
#include "fresh.h"
#include "inbound.h"
#include "negotiation.h"
#include "sasl.h"
#include "settings.h"
#include "states.h"
#include "stream.h"
#include "xep0077_register.h"
#include "xep0198_resume.h"
#include "xep0198_sm.h"
#include "xep0352_csi.h"
#include "xep0388_sasl2.h"
#include "xep0480_upgrade.h"

#include <stdlib.h>
#include <string.h>

/* The words that a client may say in each state, as a table: rows are states, columns
 * are elements, cells hold the function that does the work and gives the next state.
 * An empty cell refuses. */

enum input {
  IN_STARTTLS,
  IN_AUTH,
  IN_RESPONSE,
  IN_ABORT,
  IN_AUTHENTICATE,
  IN_RESPONSE2,
  IN_ABORT2,
  IN_NEXT,
  IN_TASK_DATA,
  IN_BIND,
  IN_STANZA,
  IN_REGISTER,
  IN_SM_ENABLE,
  IN_SM_RESUME,
  IN_SM_R,
  IN_SM_A,
  IN_ACTIVE,
  IN_INACTIVE,
  IN_OTHER,
  IN_COUNT
};

typedef enum state step(struct stream *s, struct xml_node const *e, struct slice bytes);

#define STREAM_ID_LEN 16

/* ---- headers ---- */

/* The name that the client gave becomes the stream's host. NULL: what is wrong with it.
 */
static char const *
take_host(struct stream *s, struct slice to)
{
  struct arena a = ARENA_ZERO;
  struct slice name;
  struct host *h;

  if (!to.len) return s->host ? NULL : "host-unknown";
  name = jid_prep_domain(&a, to);
  h = name.s ? c2sd_host(name) : NULL;
  arena_wipe(&a);
  if (!name.s) return "improper-addressing";
  if (!h || (s->authed && h != s->host)) return "host-unknown";
  s->host = h;
  return NULL;
}

/* RFC 6120 s4.9.1.2: a header is never without from. */
static void
write_header(struct stream *s, struct slice to, struct slice features)
{
  struct host const *h = s->host ? s->host : c2sd_first_host();
  char id[STREAM_ID_LEN];
  struct stream_header const header = {.id = slice_of(id, sizeof id),
                                       .from = slice_str(h->name),
                                       .to = to,
                                       .lang =
                                         slice_str(s->c.lang ? s->c.lang : c2sd.language),
                                       .version = true};

  door_random_id(id, sizeof id);
  conduit_header(&s->c, &header, features);
}

/* Give the fault of a header (s4.7, s4.8) as a stream error; NULL: the header has none. */
static char const *
check_header(struct stream *s, struct xml_node const *root, char const *fault)
{
  if (fault) return fault;
  fault = take_host(s, xml_attr(root, "to"));
  return stream_version_is_ours(root) ? fault : "unsupported-version";
}

static void
refuse_header(struct stream *s, struct slice from, char const *fault)
{
  write_header(s, from, SLICE(""));
  conduit_error(&s->c, fault, NULL);
}

static void
accept_header(struct stream *s, struct slice from)
{
  stralloc features = STRALLOC_ZERO;
  bool ok = features_cat(s, &features);

  write_header(s, from, ok ? slice_of(features.s, features.len) : SLICE(""));
  stralloc_free(&features);
  if (!ok)
    conduit_error(&s->c, "resource-constraint", NULL);
  else
    s->state = s->authed ? ST_AUTHED : ST_FEATURES;
}

void
states_header(struct conduit *c, struct xml_node const *root, char const *fault)
{
  struct stream *s = stream_of(c);
  struct arena a = ARENA_ZERO;
  struct slice from;
  struct jid j;
  bool is_jid;

  if (!root) {
    write_header(s, SLICE(""), SLICE(""));
    return;
  }
  conduit_take_lang(c, root);
  fault = check_header(s, root, fault);
  if (!s->host && !fault) fault = "host-unknown";
  /* s4.7.2: the bare JID of what the client gave. */
  from = xml_attr(root, "from");
  is_jid = from.len && jid_parse(&a, from, &j);
  if (!fault && from.len && !(is_jid && slice_is(j.domain, s->host->name)) &&
      !sasl2_may_come_from(s))
    fault = "invalid-from";
  from = is_jid ? j.bare : SLICE("");
  if (!fault) sasl2_comes_from(s, is_jid && j.local.len ? from : SLICE(""));
  if (fault)
    refuse_header(s, from, fault);
  else if (!s->authed && bans_has(s)) {
    write_header(s, from, SLICE(""));
    bans_end(s);
  } else
    accept_header(s, from);
  arena_wipe(&a);
}

/* ---- STARTTLS (RFC 6120 s5.4) ---- */

static enum state
start_tls(struct stream *s, struct xml_node const *e, struct slice bytes)
{
  (void)e;
  (void)bytes;
  if (s->c.secure || !s->listener->starttls || !(s->c.link->program & TLSD)) {
    conduit_write(&s->c, SLICE("<failure xmlns='" NS_TLS "'/>"));
    conduit_end(&s->c, "STARTTLS is not offered here");
    return s->state;
  }
  conduit_start_tls(&s->c, s->host->name, "<proceed xmlns='" NS_TLS "'/>");
  return ST_TLS;
}

/* ---- the table ---- */

/* clang-format off */
static step *const table[ST_COUNT][IN_COUNT] = {
  [ST_FEATURES] = {[IN_STARTTLS] = start_tls, [IN_AUTH] = sasl_auth,
                   [IN_AUTHENTICATE] = sasl2_authenticate,
                   [IN_REGISTER] = register_request,
                   [IN_SM_ENABLE] = sm_early, [IN_SM_RESUME] = sm_early},
  [ST_CHALLENGED] = {[IN_RESPONSE] = sasl_response, [IN_ABORT] = sasl_abort,
                     [IN_RESPONSE2] = sasl2_response, [IN_ABORT2] = sasl2_abort},
  [ST_TASKED] = {[IN_NEXT] = upgrade_next, [IN_TASK_DATA] = upgrade_task_data,
                 [IN_ABORT2] = sasl2_abort},
  [ST_AUTHED] = {[IN_AUTH] = sasl_again, [IN_AUTHENTICATE] = sasl_again, [IN_BIND] = bind_request, [IN_SM_RESUME] = resume_request,
                 [IN_SM_ENABLE] = sm_early},
  [ST_BOUND] = {[IN_AUTH] = sasl_again, [IN_AUTHENTICATE] = sasl_again,
                [IN_BIND] = bind_request, [IN_STANZA] = inbound_stanza,
                [IN_SM_ENABLE] = sm_enable, [IN_SM_RESUME] = sm_early,
                [IN_SM_R] = sm_asks, [IN_SM_A] = sm_acks,
                [IN_ACTIVE] = csi_active, [IN_INACTIVE] = csi_inactive},
};

/* clang-format on */

static bool
is_stanza(struct xml_node const *e)
{
  return slice_is(e->ns, NS_CLIENT) &&
         (slice_is(e->name, "message") || slice_is(e->name, "presence") ||
          slice_is(e->name, "iq"));
}

static enum input
input_of_sm(struct xml_node const *e)
{
  if (slice_is(e->name, "enable")) return IN_SM_ENABLE;
  if (slice_is(e->name, "resume")) return IN_SM_RESUME;
  if (slice_is(e->name, "r")) return IN_SM_R;
  return slice_is(e->name, "a") ? IN_SM_A : IN_OTHER;
}

static enum input
input_of_sasl2(struct xml_node const *e)
{
  if (slice_is(e->name, "authenticate")) return IN_AUTHENTICATE;
  if (slice_is(e->name, "response")) return IN_RESPONSE2;
  if (slice_is(e->name, "next")) return IN_NEXT;
  if (slice_is(e->name, "task-data")) return IN_TASK_DATA;
  return slice_is(e->name, "abort") ? IN_ABORT2 : IN_OTHER;
}

static bool
is_bind(struct stream const *s, struct xml_node const *e)
{
  return slice_is(e->name, "iq") && (s->state != ST_BOUND || !xml_attr(e, "to").len) &&
         xml_child(e, NS_BIND, "bind") && slice_is(xml_attr(e, "type"), "set");
}

static enum input
input_of(struct stream const *s, struct xml_node const *e)
{
  if (is_stanza(e) && register_is_request(s, e)) return IN_REGISTER;
  if (is_stanza(e)) return is_bind(s, e) ? IN_BIND : IN_STANZA;
  if (slice_is(e->ns, SM_NS3) || slice_is(e->ns, SM_NS2)) return input_of_sm(e);
  if (slice_is(e->ns, NS_SASL2)) return input_of_sasl2(e);
  if (xml_is(e, NS_CSI, "active")) return IN_ACTIVE;
  if (xml_is(e, NS_CSI, "inactive")) return IN_INACTIVE;
  if (xml_is(e, NS_TLS, "starttls")) return IN_STARTTLS;
  if (xml_is(e, NS_SASL, "auth")) return IN_AUTH;
  if (xml_is(e, NS_SASL, "response")) return IN_RESPONSE;
  if (xml_is(e, NS_SASL, "abort")) return IN_ABORT;
  return IN_OTHER;
}

/* RFC 6120 s4.9.3.12, s4.9.3.24: stanzas before their time are not authorized; other things
 * are no stanzas. A listener that requires TLS calls the first a policy-violation. XEP-0388 s3.5:
 * nothing but its own elements may come while an exchange goes on. */
static enum state
refuse_input(struct stream *s, enum input in)
{
  bool stanza = in == IN_STANZA || in == IN_BIND;

  if (stanza && !s->c.secure && s->listener->starttls_required)
    conduit_error(&s->c, "policy-violation", "use STARTTLS first");
  else
    conduit_error(&s->c,
                  stanza || negotiation_is_sasl2(s) ? "not-authorized"
                                                    : "unsupported-stanza-type",
                  NULL);
  return s->state;
}

void
states_element(struct conduit *c, struct xml_node const *e, struct slice bytes)
{
  struct stream *s = stream_of(c);
  enum input in = input_of(s, e);
  enum state next;
  step *do_it;

  /* s4.9.1.1: after an error only the end of the stream may come. */
  if (xml_is(e, XML_NS_STREAMS, "error")) {
    conduit_end(c, "the client had an error");
    return;
  }
  if (s->negotiation && ++s->negotiation->elements > UNBOUND_ELEMENTS_MAX) {
    conduit_error(c, "policy-violation", "too much before a resource is bound");
    return;
  }
  fresh_element(s, e);
  do_it = table[s->state][in];
  next = do_it ? do_it(s, e, bytes) : refuse_input(s, in);
  if (!c->ending.why) s->state = next;
}
