/* Streams with servers, both ways. */
#ifndef S2SD_STREAM_H
#define S2SD_STREAM_H

#include "between.h"
#include "settings.h"
#include "stream/stream.h"
#include "verdict.h"

#define NS_SERVER "jabber:server"
#define NS_DIALBACK "jabber:server:dialback"
#define NS_TLS "urn:ietf:params:xml:ns:xmpp-tls"
#define NS_SASL "urn:ietf:params:xml:ns:xmpp-sasl"
#define NS_BIDI "urn:xmpp:bidi"
#define NS_BIDI_FEATURE "urn:xmpp:features:bidi"
#define NS_DIALBACK_FEATURE "urn:xmpp:features:dialback"
#define NS_LIMITS "urn:xmpp:stream-limits:0"

#define STREAM_ID_LEN 28

/* The states of a stream; in: the peer has connected, out: we have.
 *   SILENT    out: TLS is being made before the first byte; our header follows secured
 *   HEADER    the peer's header is awaited
 *   FEATURES  in: headers and features are exchanged, no domain is proven; out: the peer's
 *             features are awaited
 *   STARTTLS  out: the peer's proceed is awaited
 *   TLS       secured is awaited; what the peer says in plain before ends the stream
 *   SASL      in: a challenge was sent; out: the peer's success is awaited
 *   RESUMING  out: the peer's answer to a resume is awaited; in: input is held until all stanzas
 *             of the stream that is resumed are acknowledged
 *   DIALBACK  out: the answer to db:result is awaited; or only db:verify is said here
 *   OPEN      in: a domain is proven; out: the peer takes stanzas of local
 *   LEAVING   our end tag waits until routed has acknowledged what the peer has sent; input is held
 *   CLOSING   our end tag was said; the peer's is awaited
 *   OVER      the stream is freed when it settles */
enum state {
  ST_SILENT,
  ST_HEADER,
  ST_FEATURES,
  ST_STARTTLS,
  ST_TLS,
  ST_SASL,
  ST_RESUMING,
  ST_DIALBACK,
  ST_OPEN,
  ST_LEAVING,
  ST_CLOSING,
  ST_OVER,
  ST_COUNT
};

enum auth { AUTH_NONE, AUTH_EXTERNAL, AUTH_DIALBACK };

enum trust { TRUST_NONE, TRUST_DNS, TRUST_PKIX, TRUST_DANE };

/* A remote domain that an incoming stream has proven, or asks for, towards one of ours. */
struct proof {
  struct proof *next;
  struct between place; /* from, to */
  struct stream *of;
  char *from, *to; /* theirs; ours */
  char *id;        /* of an open question: the id of the stream that the key is for */
  bool valid;
  enum auth auth;
};

struct pair;
struct sm;

/* A field that is added is added in stream_snapshot too. */
struct stream {
  struct conduit c;
  struct stream *next, *prev;
  struct between place; /* out: local, remote */
  uint64_t number;      /* ours */
  bool out;
  enum state state;
  char *local, *remote;    /* of the headers: our domain, theirs; NULL: not known */
  char *listener;          /* in: its name */
  char *id;                /* of the stream, as its initiator heard it */
  char *tls;               /* version and cipher; NULL: plain */
  char *cert_names, *cert; /* of the peer: NAMES and VERDICT of secured */
  enum auth auth;          /* in: of the first proof; out: ours to the peer */
  enum trust trust;        /* in the peer */
  bool has_version, bidi_offered, bidi, db_offered;
  bool peer_closed; /* the peer has said its end tag */
  bool authed;      /* EXTERNAL has succeeded: headers and features come once more */
  /* in: EXTERNAL was offered; out: EXTERNAL was tried, and refused, maybe by the stream's end
   * alone. */
  bool external;
  bool alerted; /* out: the peer's TLS has refused our certificate, and dialback may do */
  bool ready;   /* out: TLS is as it must be: db:verify may be said */
  bool starts_tls; /* TLS: tlsd hears of it when what came with the element is read */
  bool said_failed, said_unknown, said_dropped, said_unasked, tlsd_gone;
  bool counted;           /* in: among those that have proven nothing (crowd.c) */
  unsigned char failures; /* of SASL */
  struct proof *proofs;
  unsigned int proofs_n, asked_n, verifies_n;
  struct pair *pair; /* whose stanzas go out here; NULL: nobody's */
  uint64_t dial;     /* out: the dial that has made the stream, until it is open; or 0 */
  struct sm *sm;     /* XEP-0198; NULL: not enabled */
  struct verdict verdict;       /* out: why the stream fails */
  uint64_t began_us, active_us; /* active: a stanza went either way */
  uint64_t open_us;
  uint64_t enable_us;   /* in: until then stanzas wait for the peer's enable; or 0 */
  uint64_t said_us;     /* something was said to the peer */
  uint64_t in_n, out_n; /* stanzas */
  uint64_t peer_max, peer_idle_us; /* limits that the peer has announced; 0: none */
};

static inline struct stream *
stream_of(struct conduit *c)
{
  return (struct stream *)c;
}

/* A new stream in state st, linked into the list of all. NULL: ENOMEM. */
struct stream *stream_new(bool out, enum state st);

/* Free a stream that never began. */
void stream_drop(struct stream *s);

/* stream_find gives the stream of this number, or NULL; streams_first the first of all streams. */
struct stream *stream_find(uint64_t number);
struct stream *streams_first(void);

/* stream_stands, out: note the domains of s, which are set; false: ENOMEM. stream_between gives
 * a stream of ours between two domains: the first when s is NULL, else the one behind s; NULL:
 * none. */
bool stream_stands(struct stream *s);
struct stream *stream_between(struct slice local, struct slice remote,
                              struct stream const *s);

/* Call fn for every stream, and settle it behind that. */
typedef void stream_each_fn(struct stream *s, void *cookie);
void stream_each(stream_each_fn *fn, void *cookie);

/* Give the number of streams in this direction. */
uint64_t streams_count(bool out);

/* The host to which our domain of the stream belongs. */
struct host const *stream_host(struct stream const *s);

/* Say whether the stream is open and goes on. */
bool stream_is_open(struct stream const *s);

/* Write text, unless our end tag was said. */
void stream_say(struct stream *s, struct slice markup);

/* Write our header with these features behind it. */
void stream_header(struct stream *s, struct slice id, struct slice features);

/* Take secured: what TLS is, and the peer's certificate. */
void stream_take_tls(struct stream *s, struct record *r);

/* Judge the peer's certificate for domain, or for the target's name, which may be empty, and set the
 * trust of a stream that is not open yet. NULL: it is valid; else why it is not. other "*": the
 * DNS names the very key, which needs no name (RFC 7671 s5.1). */
char const *stream_judge(struct stream *s, struct slice domain, struct slice other);

/* The word of an authentication, and of trust. */
char const *auth_word(enum auth a);
char const *trust_word(enum trust t);

/* Begin to be open: the time, the limit of stanzas, the log. */
void stream_opens(struct stream *s);

/* Have the front read the peer no faster than the shaper of the listener allows. */
void stream_shape(struct stream *s);

/* Arm the timer for the next thing that is due on an open stream. */
void stream_look_later(struct stream *s);

/* stream_close says our end tag, and waits for the peer's; stream_closed notes that the peer has
 * said its end tag. Where the peer's stanzas are counted (XEP-0198), both wait until routed has
 * acknowledged them, or for S2S_CLOSE_US. */
void stream_close(struct stream *s, char const *why);
void stream_closed(struct stream *s);

/* Go on with s, which is LEAVING: routed has acknowledged all, or that was waited for too long. */
void stream_go_away(struct stream *s);

/* Say whether the peer's stanzas are taken though our end tag was said (RFC 6120 s4.4): where they
 * are counted the peer sends them again, for no answer can leave. */
bool stream_takes_late(struct stream const *s);

/* stream_cat_limits appends the limits that we announce (XEP-0478); stream_read_limits reads those
 * of the peer from e: its features, or its bidi. */
bool stream_cat_limits(stralloc *out, struct stream const *s);
void stream_read_limits(struct stream *s, struct xml_node const *e);

/* proof_add notes a proof; NULL: ENOMEM, or there are too many. proof_find gives a proof of from
 * towards to, proof_valid the valid proof of from, or NULL. */
struct proof *proof_add(struct stream *s, struct slice from, struct slice to);
struct proof *proof_find(struct stream const *s, struct slice from, struct slice to);
struct proof *proof_valid(struct stream const *s, struct slice from);

/* Give a proof of from towards to, on any stream: the newest when p is NULL, else the one behind p;
 * NULL: none. */
struct proof *proof_between(struct slice from, struct slice to, struct proof const *p);
void proof_drop(struct stream *s, struct proof *p);

/* proofs_snapshot names the proofs as fields of the stream's record; proofs_stand has those that
 * were restored stand among all; false: ENOMEM. */
void proofs_snapshot(struct snapshot *k, struct stream *s);
bool proofs_stand(struct stream *s);

void streams_snapshot(struct snapshot *k);

#endif
