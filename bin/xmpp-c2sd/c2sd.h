/* Private to xmpp-c2sd: client streams, from the conduit's first byte to its last. */
#ifndef C2SD_H
#define C2SD_H

#include "access/access.h"
#include "jid/jid.h"
#include "link/link.h"
#include "service/service.h"
#include "stanza/stanza.h"
#include "xml/xml.h"

/* Failed SASL exchanges of one stream, then policy-violation (RFC 6120 s6.4.5: 2 to 5).
 */
#define SASL_FAILURES_MAX 5
/* Input that waits for an answer of authd or routed; a client has no need to send any. */
#define HELD_MAX 65536u
/* Output that waits for a client to read. */
#define BLOCKED_MAX (8u << 20)
/* Bytes for a client in one record. */
#define PIECE_MAX (1u << 20)

#define NS_CLIENT "jabber:client"
#define NS_TLS "urn:ietf:params:xml:ns:xmpp-tls"
#define NS_SASL "urn:ietf:params:xml:ns:xmpp-sasl"
#define NS_BIND "urn:ietf:params:xml:ns:xmpp-bind"
#define NS_SESSION "urn:ietf:params:xml:ns:xmpp-session"
#define NS_STREAMS "urn:ietf:params:xml:ns:xmpp-streams"

/* ---- settings (settings.c) ---- */

struct host {
  struct host *next;
  char *name;
  char *mechanisms; /* words, as authd said; NULL: none yet */
};

struct listener {
  struct listener *next;
  char *name;
  size_t max_stanza_size;
  char *access, *shaper; /* rules; NULL: all, none */
  bool starttls, starttls_required;
};

struct c2sd_settings {
  struct host *hosts;
  struct listener *listeners;
  char *language;
  uint64_t negotiation_us;
  struct access *access;
};

extern struct c2sd_settings c2sd;

bool c2sd_load(struct settings *st, bool first);

/* The served host of this name (any case), or NULL. */
struct host *c2sd_host(struct slice name);

/* Listeners are found by the name that open gave; an unknown one is as careful as any. */
struct listener const *c2sd_listener(struct slice name);

/* ---- streams (stream.c) ---- */

/* What is true while in each state:
 *   START      the client's header is awaited: no features were sent for it
 *   FEATURES   headers are exchanged, features sent, nobody authenticated
 *   TLS        proceed was sent; data is thrown away until secured
 *   ASKED      authd has been asked and will answer; input is held
 *   CHALLENGED the client has a challenge to answer
 *   AUTHED     the client is jid (bare); headers are exchanged again; bind is awaited
 *   BINDING    routed has been asked and will answer; input is held
 *   BOUND      the stream is the session jid (full)
 *   CLOSED     our end tag was sent; the stream is freed when the call that closed it returns */
enum state {
  ST_START,
  ST_FEATURES,
  ST_TLS,
  ST_ASKED,
  ST_CHALLENGED,
  ST_AUTHED,
  ST_BINDING,
  ST_BOUND,
  ST_CLOSED,
  ST_COUNT
};

struct stream {
  struct link *link; /* of its conduit */
  uint64_t id;       /* of its conduit */
  uint64_t sid;      /* ours, for routed and authd */
  struct xml_stream xml;
  struct host *host;
  struct listener const *listener;
  struct event_timer timer;
  char *jid;  /* bare from AUTHED on, full from BOUND on */
  char *lang; /* of the client's header; NULL: none */
  char *ip;
  char *bindings;   /* of TLS, until authenticated */
  char *request;    /* id of the iq that asked to bind, while BINDING */
  char *resource;   /* it asked for */
  stralloc held;    /* input that waits */
  stralloc blocked; /* output that waits, escaped as in a record */
  size_t local_len; /* of jid: where domain and resource begin */
  enum state state;
  signed char priority;
  unsigned char failures;
  bool secure, authed, header_sent, available, is_blocked, restart, shaped;
};

/* Conduit records. */
void stream_open(struct link *l, struct record *r);
void stream_data(struct link *l, struct record *r);
void stream_close(struct link *l, struct record *r);
void stream_stop(struct link *l, struct record *r);
void stream_go(struct link *l, struct record *r);
void stream_secured(struct link *l, struct record *r);

/* The stream that has this sid, or NULL. */
struct stream *stream_find(uint64_t sid);

/* Write markup (text) to the client; a field of a record as it stands there. */
void stream_write(struct stream *s, struct slice markup);
void stream_write_raw(struct stream *s, struct slice raw);

/* Send a stream error (RFC 6120 s4.9.3) and close; text may be NULL. The stream must not be
 * used for anything after it but stream_settle. */
void stream_error(struct stream *s, char const *condition, char const *text);

/* Send our end tag and close the conduit. */
void stream_end(struct stream *s, char const *why);

/* The answer that held input waited for is here: parse on. Every function that may close a
 * stream from outside its data ends with stream_settle, which frees a closed one. */
void stream_resume(struct stream *s);
void stream_settle(struct stream *s);

/* Call fn for every stream. It may close the stream it is given. */
typedef void stream_each_fn(struct stream *s);
void stream_each(stream_each_fn *fn);

/* What the rules may know of a stream; resource may be empty. */
struct access_who stream_who(struct stream const *s, struct slice resource);

/* Have the front read no faster than the listener's shaper rule gives to who it is now. */
void stream_shape(struct stream *s);

/* All streams of a link are over; how many there are. */
void streams_of_link_gone(struct link *l);
uint64_t streams_count(void);
uint64_t streams_in(enum state st);

/* ---- what a first-level element does in each state (states.c) ---- */

/* Handle one: e is its tree, bytes its text. */
void states_element(struct stream *s, struct xml_node const *e, struct slice bytes);

/* The client's header; its answer and features. */
void states_header(struct stream *s, struct xml_node const *root);

/* ---- SASL (sasl.c), binding (bind.c) ---- */

enum state sasl_auth(struct stream *s, struct xml_node const *e, struct slice bytes);
enum state sasl_response(struct stream *s, struct xml_node const *e, struct slice bytes);
enum state sasl_abort(struct stream *s, struct xml_node const *e, struct slice bytes);
bool sasl_features(struct stream const *s, stralloc *out);

void sasl_on_mechanisms(struct link *l, struct record *r);
void sasl_on_challenge(struct link *l, struct record *r);
void sasl_on_success(struct link *l, struct record *r);
void sasl_on_failure(struct link *l, struct record *r);
void sasl_authd_gone(void);

/* The stream ends while authd works for it. */
void sasl_forget(struct stream *s);

enum state bind_request(struct stream *s, struct xml_node const *e, struct slice bytes);
void bind_on_bound(struct link *l, struct record *r);
void bind_on_refused(struct link *l, struct record *r);
void bind_on_kick(struct link *l, struct record *r);

/* routed is back: tell it again what is bound and what wants to be. */
void bind_announce(void);
void bind_forget(struct stream *s);

/* ---- stanzas (inbound.c, deliver.c) ---- */

/* Check and stamp a stanza of a bound stream and pass it to routed. */
enum state inbound_stanza(struct stream *s, struct xml_node const *e, struct slice bytes);

/* Answer a stanza of this stream with an error, as its server. */
void inbound_error(struct stream *s, struct xml_node const *e, enum stanza_error err,
                   char const *text);

void deliver_stanza(struct link *l, struct record *r);

/* ---- -x (raw.c) ---- */

bool raw_run(void);

#endif
