/* Private to xmpp-c2sd: the areas of lib/ that all its files use, namespaces, and the names of
 * its structs. Each file has a header of its own beside it, which says what others may ask of
 * it; snapshot.h names the state of all files for a trace. */
#ifndef C2SD_H
#define C2SD_H

#include "access/access.h"
#include "edge/edge.h"
#include "jid/jid.h"
#include "link/link.h"
#include "link/snapshot.h"
#include "service/service.h"
#include "stanza/stanza.h"
#include "xml/xml.h"

struct asked;
struct c2sd_settings;
struct csi;
struct directed;
struct ending;
struct had;
struct host;
struct inbound;
struct listener;
struct mark;
struct negotiation;
struct sasl2;
struct sm;
struct sm_entry;
struct sm_queue;
struct stream;

/* Failed SASL exchanges of one stream, then policy-violation (RFC 6120 s6.4.5: 2 to 5).
 */
#define SASL_FAILURES_MAX 5

#define NS_CLIENT "jabber:client"
#define NS_TLS "urn:ietf:params:xml:ns:xmpp-tls"
#define NS_SASL "urn:ietf:params:xml:ns:xmpp-sasl"
#define NS_SASL2 "urn:xmpp:sasl:2"
#define NS_BIND "urn:ietf:params:xml:ns:xmpp-bind"
#define NS_SESSION "urn:ietf:params:xml:ns:xmpp-session"
#define NS_STANZAS "urn:ietf:params:xml:ns:xmpp-stanzas"
#define NS_CSI "urn:xmpp:csi:0"
#define NS_CARBONS "urn:xmpp:carbons:2"
#define NS_REGISTER "jabber:iq:register"
#define NS_ROSTER "jabber:iq:roster"
#define NS_BLOCKING "urn:xmpp:blocking"

#endif
