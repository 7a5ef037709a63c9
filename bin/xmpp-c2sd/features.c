#include "features.h"
#include "sasl.h"
#include "settings.h"
#include "stream.h"
#include "xep0077_register.h"
#include "xep0198_sm.h"
#include "xep0388_sasl2.h"

#define NS_ROSTERVER "urn:xmpp:features:rosterver"
#define NS_PREAPPROVAL "urn:xmpp:features:pre-approval"
#define NS_CAPS "http://jabber.org/protocol/caps"

/* Features of the authentication; XEP-0440 s3: the channel bindings serve both SASLs. */
static bool
cat_login(stralloc *out, struct stream const *s)
{
  return sasl_features(s, out) && sasl2_features(s, out) && sasl_binding_features(s, out);
}

/* RFC 6120 s7.3; XEP-0386: a session that is bound needs neither. */
static bool
cat_bind(stralloc *out)
{
  return xml_cat(out, "<bind xmlns='" NS_BIND "'/><session xmlns='" NS_SESSION
                      "'><optional/></session>");
}

/* Features for an authenticated stream: RFC 6121 s2.6.1, s3.4.1; XEP-0115 s6.3, XEP-0198 s3,
 * XEP-0352 s3. */
static bool
cat_session_features(stralloc *out, struct stream const *s)
{
  struct host const *h = s->host;

  return (s->state == ST_BOUND || cat_bind(out)) &&
         (!h->sm || s->session.sm ||
          xml_cat(out, "<sm xmlns='" SM_NS2 "'/><sm xmlns='" SM_NS3 "'/>")) &&
         (!h->csi || xml_cat(out, "<csi xmlns='" NS_CSI "'/>")) &&
         (!h->roster_versions || xml_cat(out, "<ver xmlns='" NS_ROSTERVER "'/>")) &&
         (!h->roster || xml_cat(out, "<sub xmlns='" NS_PREAPPROVAL "'/>")) &&
         (!h->ver ||
          (xml_cat(out, "<c xmlns='" NS_CAPS "' hash='sha-1'") &&
           xml_cat_attr(out, "node", slice_str(h->node)) &&
           xml_cat_attr(out, "ver", slice_str(h->ver)) && xml_cat(out, "/>"))) &&
         xml_cat(out, "</stream:features>");
}

/* RFC 6120 s4.3.2, s5.3.1, s6.3.3, s7.3; XEP-0440 s3. */
bool
features_cat(struct stream const *s, stralloc *out)
{
  bool offers_tls =
    !s->c.secure && s->listener->starttls && s->c.framing == FRAMING_STREAM;
  bool ok = xml_cat(out, "<stream:features>");

  if (s->authed) return ok && cat_session_features(out, s);
  if (ok && offers_tls)
    ok = xml_cat(out, "<starttls xmlns='" NS_TLS "'>") &&
         (!s->listener->starttls_required || xml_cat(out, "<required/>")) &&
         xml_cat(out, "</starttls>");
  if (ok && !(offers_tls && s->listener->starttls_required))
    ok = cat_login(out, s) && register_features(s, out);
  return ok && xml_cat(out, "</stream:features>");
}
