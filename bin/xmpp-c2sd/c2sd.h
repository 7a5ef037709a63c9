/* Private to xmpp-c2sd: client streams, from the conduit's first byte to its last. */
#ifndef C2SD_H
#define C2SD_H

#include "access/access.h"
#include "jid/jid.h"
#include "link/link.h"
#include "link/snapshot.h"
#include "service/service.h"
#include "stanza/stanza.h"
#include "xml/xml.h"

/* Failed SASL exchanges of one stream, then policy-violation (RFC 6120 s6.4.5: 2 to 5).
 */
#define SASL_FAILURES_MAX 5
/* Bytes for a client in one record. */
#define PIECE_MAX (1u << 20)

#define NS_CLIENT "jabber:client"
#define NS_TLS "urn:ietf:params:xml:ns:xmpp-tls"
#define NS_SASL "urn:ietf:params:xml:ns:xmpp-sasl"
#define NS_BIND "urn:ietf:params:xml:ns:xmpp-bind"
#define NS_SESSION "urn:ietf:params:xml:ns:xmpp-session"
#define NS_STREAMS "urn:ietf:params:xml:ns:xmpp-streams"
#define NS_STANZAS "urn:ietf:params:xml:ns:xmpp-stanzas"
#define NS_SM2 "urn:xmpp:sm:2"
#define NS_SM3 "urn:xmpp:sm:3"
#define NS_CSI "urn:xmpp:csi:0"
#define NS_CARBONS "urn:xmpp:carbons:2"
#define NS_ROSTER "jabber:iq:roster"
#define NS_BLOCKING "urn:xmpp:blocking"

/* ---- settings (settings.c) ---- */

struct host {
  struct host *next;
  char *name;
  char *mechanisms; /* words, as authd said; NULL: none yet */
  bool served;      /* false: a reload took it away */
  char *node, *ver; /* of its entity capabilities, as hostd said; NULL: none yet */
  bool carbons, roster, roster_versions, sm, csi, csi_presence, csi_chat_states, csi_pep;
  bool pings, ping_kills;
  uint64_t ping_us, pong_us;                            /* mod_ping */
  uint64_t resume_us, resume_max_us, ack_us, queue_max; /* mod_stream_mgmt */
  uint64_t ended_max, ended_us;
  struct ended *ended, *ended_last; /* sessions that are over, oldest first */
  uint64_t ended_n;
};

struct listener {
  struct listener *next;
  char *name;
  size_t max_stanza_size;
  uint64_t queue_max;    /* stanzas that wait for a client to read (max_fsm_queue) */
  char *access, *shaper; /* rules; NULL: all, none */
  bool starttls, starttls_required;
};

struct c2sd_settings {
  struct host *hosts;
  struct listener *listeners;
  char *language;
  uint64_t negotiation_us;
  uint64_t sm_bytes_max, kept_max; /* SM_QUEUE_BYTES_MAX, STREAMS_KEPT_MAX */
  struct access *access;
};

extern struct c2sd_settings c2sd;

bool c2sd_load(struct settings *st, bool first);

/* Give the served host of this name (any case), or NULL; the first served host; a host
 * that is served or was. */
struct host *c2sd_host(struct slice name);
struct host *c2sd_first_host(void);
struct host *c2sd_known_host(struct slice name);

/* Listeners are found by the name that open gave; an unknown one is as careful as any. */
struct listener const *c2sd_listener(struct slice name);

/* ---- streams (stream.c) ---- */

/* The states of a stream:
 *   START      the client's header is awaited: no features were sent for it
 *   FEATURES   headers are exchanged, features sent, nobody authenticated
 *   TLS        proceed was sent; data is thrown away until secured
 *   ASKED      authd has been asked and will answer; input is held
 *   CHALLENGED the client has a challenge to answer
 *   AUTHED     the client is jid (bare); headers are exchanged again; bind is awaited
 *   BINDING    routed has been asked and will answer; input is held
 *   RESUMING   the stream is to become an older session; input is held
 *   BOUND      the stream is the session jid (full)
 *   AWAY       as BOUND, but the conduit is gone: the session may be resumed
 *   CLOSED     the stream is over; stream_settle frees its memory
 * In each state the stream may have been marked to end (ending), by a stanza of its
 * client, by a limit or by a neighbour: from then on c2sd reads nothing for it and writes
 * nothing to it, and stream_settle ends it when the record that marked it has been
 * handled. So no write, and no function that writes, takes a stream or a session away
 * from its caller. */
enum state {
  ST_START,
  ST_FEATURES,
  ST_TLS,
  ST_ASKED,
  ST_CHALLENGED,
  ST_AUTHED,
  ST_BINDING,
  ST_RESUMING,
  ST_BOUND,
  ST_AWAY,
  ST_CLOSED,
  ST_COUNT
};

/* Wishes of a client, as bits. */
#define WANTS_CARBONS 1u
#define WANTS_ROSTER 2u
#define WANTS_BLOCKLIST 4u

struct sm;
struct csi;
struct directed;
struct asked;

/* Marks of a session (marks.c): the newest message id that its client has of live
 * messages, and of those that had waited; the newest number that it has of its archive's
 * results. */
struct had {
  uint64_t live, waited, page;
};

struct mark {
  struct had had;
  struct had blocked;  /* the marks once the blocked output has left */
  unsigned char noted; /* messages noted since routed was told */
  bool due, due_soon;  /* routed is to be told the marks */
};

/* How a stream is to end: the texts live until stream_settle. */
struct ending {
  char const *why;       /* for the log and the front; NULL: the stream goes on */
  char const *condition; /* of a stream error; NULL: nothing but our end tag */
  char const *text;      /* with the condition; NULL: none */
};

/* A field that is added is added in snapshot.c too: so with all structs here. */
struct stream {
  struct link *link; /* of its conduit; NULL: away */
  uint64_t id;       /* of its conduit */
  uint64_t sid;      /* ours, for routed and authd */
  uint64_t number;   /* of the session, given by routed */
  struct xml_stream xml;
  struct host *host;
  struct listener const *listener;
  struct event_timer timer; /* negotiation; for a session: pings */
  struct sm *sm;            /* stream management (xep0198_sm.c); NULL: not enabled */
  /* stanzas that an inactive client is spared (xep0352_csi.c) */
  struct csi *csi;
  char *shown; /* the presence it shows, whole; NULL: not available */
  size_t shown_len;
  struct directed *directed; /* addresses (directed.c); NULL: none */
  struct asked *asked; /* requests that are answered later (asked.c), oldest first */
  struct mark mark;
  uint64_t seen_us; /* when its client said something */
  char *jid;        /* bare from AUTHED on, full from BOUND on */
  char *lang;       /* of the client's header; NULL: none */
  /* When the negotiation must be over; when authd was asked last; failures without a secret. */
  uint64_t deadline_us, asked_us;
  unsigned char untried;
  char *ip;
  char *bindings; /* of TLS, until authenticated */
  char *request;  /* id of the iq that asked to bind, while BINDING */
  char *resource; /* resource that the iq asked for */
  struct ending ending;
  stralloc held; /* input that waits, from held_at on */
  size_t held_at;
  uint64_t request_at; /* number at routed of the latest request (requests.c) */
  stralloc blocked;    /* output that waits, escaped as in a record */
  uint64_t blocked_n;  /* writes of which blocked is made: stanzas, mostly */
  size_t kept;         /* bytes of memory that kept.c has counted */
  enum state state;
  signed char priority;
  unsigned char failures, wants;
  unsigned char requests; /* on their way when the latest was passed, with that */
  unsigned char elements; /* first-level elements before the stream was bound */
  bool secure, authed, header_sent, available, is_blocked, restart, shaped, pinged,
    old_ns, is_behind, /* is_behind: the input waits for routed's acknowledgement... */
    is_stopped,        /* ...and the front was told to stop */
    is_leaving,        /* the client is gone, and the rest of its input is read */
    ends;              /* stream_settle is at work */
};

/* Conduit records. */
void stream_open(struct link *l, struct record *r);
void stream_data(struct link *l, struct record *r);
void stream_close(struct link *l, struct record *r);
void stream_stop(struct link *l, struct record *r);
void stream_go(struct link *l, struct record *r);
void stream_secured(struct link *l, struct record *r);

/* Allow the negotiation of s us microseconds more: they were not the client's. */
void stream_put_off(struct stream *s, uint64_t us);

/* The stream that has this sid, or NULL. */
struct stream *stream_find(uint64_t sid);

/* Write markup (text) to the client; a field of a record as it stands there. Either may mark
 * the stream to end, as a slow reader. */
void stream_write(struct stream *s, struct slice markup);
void stream_write_raw(struct stream *s, struct slice raw);

/* Mark the stream to end with a stream error (RFC 6120 s4.9.3); text may be NULL, and is
 * English. The first mark stays. */
void stream_error(struct stream *s, char const *condition, char const *text);

/* Mark the stream to end with our end tag; its session will be over. The first mark stays. */
void stream_end(struct stream *s, char const *why);

/* Take away the conduit of s, which is gone or as good as gone: the session waits to be
 * resumed, if its client may resume it; else the stream is marked to end. */
void stream_lost(struct stream *s, char const *why);

/* Close the conduit with a stream error, and nothing else of the stream. */
void stream_detach(struct stream *s, char const *condition);

/* A stanza for the client, as its envelope and XML stand in a record (raw: the fields from TO
 * on, of which the last begins at xml). It may wait for the client to read, to be active, to
 * come back; once stream management is on it is kept until it is acknowledged. */
void stream_stanza(struct stream *s, struct slice raw, struct slice xml,
                   struct slice tags);

/* Send a stanza whose XML begins at offset xml of raw, in its order. */
void stream_send(struct stream *s, struct slice raw, size_t xml);

/* A stanza of our own, as text. */
void stream_say(struct stream *s, struct slice markup);

/* Say whether the stream is a session that routed knows. */
bool stream_is_session(struct stream const *s);

/* Swap the sids of s and old. */
void stream_swap(struct stream *s, struct stream *old);

/* Parse on: the answer for which input was held is here. */
void stream_resume(struct stream *s);

/* End the stream when it is marked, free it when it is over. Whatever handles a record or a
 * timer of a stream calls this last. */
void stream_settle(struct stream *s);

/* At the end of a turn: no marked stream is left, and all streams together keep no more than
 * they may. */
void streams_turn(void);

/* Call fn for every stream, and stream_settle behind it. */
typedef void stream_each_fn(struct stream *s);
void stream_each(stream_each_fn *fn);

/* Give the facts of a stream that rules ask for; resource may be empty. */
struct access_who stream_who(struct stream const *s, struct slice resource);

/* Have the front read no faster than the listener's shaper rule gives to who it is now. */
void stream_shape(struct stream *s);

/* All streams of a link are over; how many there are. */
void streams_of_link_gone(struct link *l);
uint64_t streams_count(void);
uint64_t streams_in(enum state st);

/* ---- bytes that streams keep for their clients (kept.c) ---- */

/* Count anew the memory of s: of input that waits, output that waits, stanzas that are not
 * acknowledged or wait for an inactive client, of the presence that it shows and of addresses with directed
 * presence. */
void kept_count(struct stream *s);

/* The stream is freed. */
void kept_forget(struct stream *s);

/* While the streams keep more than kept_max, mark the one that keeps most to end and settle
 * it. */
void kept_turn(void);
uint64_t kept_bytes(void);

/* ---- the work for a first-level element in each state (states.c) ---- */

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

/* Say whether the access rule of s's listener lets s be the session of its account with
 * this resource. bind asks, and each resumption. */
bool bind_may(struct stream const *s, struct slice resource);
void bind_on_bound(struct link *l, struct record *r);
void bind_on_refused(struct link *l, struct record *r);
void bind_on_kick(struct link *l, struct record *r);

/* The link to routed, whether it is up or not; NULL: the settings have none. */
struct link *bind_routed(void);

/* routed is back: tell it again what is bound and what wants to be. */
void bind_announce(void);
void bind_forget(struct stream *s);

/* ---- stanzas (inbound.c, tags.c, deliver.c) ---- */

/* Field i (enum stanza_field) of a stanza's fields from TO on, as they stand. */
struct slice deliver_field(struct slice raw, unsigned int i);

/* A stanza on its way in. */
struct inbound {
  struct stream *s;
  struct xml_node const *e;
  struct slice bytes;
  struct slice kind, type, id, from;
  struct jid to; /* all parts empty: to nobody in particular */
  bool forged;   /* a child is forged (inbound_is_forged) */
};

/* Check and stamp a stanza of a bound stream and pass it to routed. */
enum state inbound_stanza(struct stream *s, struct xml_node const *e, struct slice bytes);

/* Answer a stanza of this stream with an error, as its server. */
void inbound_error(struct stream *s, struct xml_node const *e, enum stanza_error err,
                   char const *text);

/* Say whether e is forged, since only a server may say it: a stanza-id (XEP-0359 s3) that
 * names one of our hosts or an account of one, a delay (XEP-0203 s8) from one of our
 * hosts. */
bool inbound_is_forged(struct xml_node const *e);

/* Write the words that routing will ask of the stanza to out, and note whether
 * something in the stanza is forged. false: ENOMEM. */
bool tags_make(struct inbound *in, int priority, stralloc *out);

/* The full JID without its resource. */
struct slice stream_bare(struct stream const *s);

void deliver_stanza(struct link *l, struct record *r);

/* ---- messages that a client has (marks.c) ---- */

/* Note that the client has the stanza of these tags; or will have it once all blocked
 * output has left. marks_blocked says whether blocked output has such a stanza. */
void marks_note(struct stream *s, struct slice tags);
void marks_note_blocked(struct stream *s, struct slice tags);
void marks_unblocked(struct stream *s);
bool marks_blocked(struct stream const *s);

/* Tell routed the marks of s at once, if they have moved since routed was last told. */
void marks_end(struct stream *s);

/* Tell routed the marks of s again: an earlier run of routed may have ended before it
 * passed them on. */
void marks_again(struct stream *s);

/* Give the highest id for which this holds: each message of the session up to the id is
 * marked, or stands in the session's queue of stream management, which returns it. */
uint64_t marks_upto(struct stream const *s);

/* ---- stanzas from before a restart of routed (origins.c) ---- */

void origins_routed_is_up(struct link const *l);

/* Say whether the stanza with this ORIGIN is new: a routed that was killed may have
 * delivered it here before. */
bool origins_is_new(struct slice origin);

/* ---- parts of a session that others have seen (shown.c) ---- */

/* Note the presence that has just been passed on, as text. */
void shown_presence(struct inbound const *in, struct slice xml);

/* Note what the client wants (bits), and tell routed. */
void shown_wants(struct stream *s, unsigned int set, unsigned int clear);

/* The words of wants, as a field. */
void shown_put_wants(struct link *l, unsigned int wants);

/* Give the bits of such words. */
unsigned char shown_read_wants(struct slice words);

/* routed wants all of it again. */
void shown_again(struct stream *s);
void shown_on_recall(struct link *l, struct record *r);

/* ---- addresses that have directed presence of a session (directed.c) ---- */

/* Note the address jid, or forget it. Above DIRECTED_MAX or DIRECTED_BYTES_MAX s does not
 * note the address; the log names the first such address. */
void directed_add(struct stream *s, struct slice jid);
void directed_del(struct stream *s, struct slice jid);

/* The addresses as one field, a line each, in the order in which they were noted; the same
 * read back, NULL when there is none. */
void directed_put(struct link *l, struct directed const *d);
struct directed *directed_read(struct slice lines);

/* Call fn for each address. */
typedef void directed_fn(struct stream const *s, struct slice jid);
void directed_each(struct stream const *s, directed_fn *fn);

/* The memory that d takes; 0 for NULL. */
size_t directed_bytes(struct directed const *d);
void directed_free(struct directed *d);

/* ---- XEP-0198 (xep0198_sm.c, xep0198_resume.c, xep0198_queue.c) ---- */

/* The stanzas that a client has not acknowledged, in their order. */
struct sm_entry {
  uint64_t at_us; /* when it came, by the wall clock */
  uint32_t len;   /* of the text behind this */
  uint32_t xml;   /* where in it the element begins */
};

struct sm_queue {
  stralloc text;          /* entries, each with its text: the fields from TO on */
  size_t head, unwritten; /* offsets: the oldest; the first that has not left yet */
  uint32_t n;
};

bool sm_queue_add(struct sm_queue *q, struct slice raw, size_t xml, uint64_t at_us);

/* sm_queue_drop takes the oldest entry out; *tags are its tags, until an entry is added.
 * sm_queue_next gives the entry at offset *at and moves *at behind the entry: false at the
 * end. */
bool sm_queue_drop(struct sm_queue *q, struct slice *tags);
bool sm_queue_next(struct sm_queue const *q, size_t *at, struct sm_entry *e,
                   struct slice *raw);

enum sm_phase {
  SM_IDLE, /* everything is acknowledged, or nothing was sent */
  SM_SOON, /* something was sent: an r follows at the timer, or after some more */
  SM_ASKED /* the client has an r to answer by the timer */
};

struct sm {
  struct sm_queue queue;
  struct event_timer timer;   /* of phase; while the stream is away: the end of waiting */
  uint64_t max_us;            /* how long the session may be away; 0: not at all */
  uint64_t yield_sid;         /* the stream of another c2sd that is to have the session */
  char *yield_to;             /* and its name; NULL: none */
  uint32_t received, handled; /* of the client; of those, taken over by routed */
  uint32_t answer_at;         /* stanzas before the oldest r that has no answer yet */
  uint32_t answer_last;       /* stanzas before the newest r */
  uint32_t sent, acked;       /* to the client; of those, acknowledged by it */
  uint32_t unasked;           /* sent since the last r */
  enum sm_phase phase;
  bool owes_a, old_ns;
  char random[16]; /* of its token */
};

enum state sm_enable(struct stream *s, struct xml_node const *e, struct slice bytes);
enum state sm_early(struct stream *s, struct xml_node const *e, struct slice bytes);
enum state sm_asks(struct stream *s, struct xml_node const *e, struct slice bytes);
enum state sm_acks(struct stream *s, struct xml_node const *e, struct slice bytes);
enum state sm_resume(struct stream *s, struct xml_node const *e, struct slice bytes);

/* routed is back: ask again for a stream that is RESUMING; who was to have a session that
 * yielded asks again too. */
void sm_ask_again(struct stream *s);
void sm_unyield(struct stream *s);

/* A stanza of the client was handled here or went to routed as its newest. */
void sm_count(struct stream *s);
void sm_on_ack(struct link *l, struct record *r);

/* Mark the stream to end when q, which is to be acknowledged, has more than the stanzas
 * (max_ack_queue) or the bytes that one session may have. */
void sm_limit(struct stream *s, struct sm_queue const *q);

/* Put a stanza into the queue, and write what waits in it if the client reads. */
void sm_send(struct stream *s, struct slice raw, size_t xml);
void sm_flush(struct stream *s);

/* The client acknowledges h; false: it cannot have had so many. */
bool sm_take_h(struct stream *s, uint32_t h);

/* The session goes away, with a timer; is over: what was not acknowledged goes to routed. */
void sm_away(struct stream *s);
void sm_over(struct stream *s);

/* Forget the stream management of s, which ends, and whose client has not had the answer to its
 * enable: what the client does not have is in the log or kept by routed, and returned by mamd
 * or routed, the stanzas of the buffer among it. */
void sm_forsake(struct stream *s);

/* routed was restarted: tell it again of the stanzas of which it kept copies. */
void sm_hold_again(struct stream const *s);

/* Return to routed the stanza e, raw, that the client of a session has not acknowledged: jid is
 * the session's, number and host as in struct stream; a message says when it came
 * (XEP-0203). */
void sm_give_back(struct link *l, char const *jid, uint64_t number, struct host const *h,
                  struct sm_entry const *e, struct slice raw);

/* The session s was handed to routed for another c2sd: keep copies of its stanzas that are in no
 * log. A routed is up: return those that an earlier one was handed (xep0198_left.c). */
void left_keep(struct stream const *s, struct link const *routed);
void left_routed_is_up(struct link *routed);
void left_snapshot(struct snapshot *k);

/* Memory of sessions that are over (xep0198_ended.c): how many stanzas each had
 * handled. */
void ended_note(struct stream const *s);
bool ended_find(struct slice token, struct host const *host, char const *bare,
                uint32_t *h);
void sm_free(struct sm *sm);

/* All that the client sent is taken over: go on with what waited for that. */
void sm_step(struct stream *s);

/* Say whether a stream that is RESUMING has its session whole: of a session that
 * another c2sd hands over, the parts come before handed. */
bool sm_is_here(struct stream const *s);

/* A stream ends that is RESUMING: what was delivered meanwhile joins what is unacknowledged. */
void sm_part(struct stream *s);

/* Forget what s, a stream that is RESUMING, was handed by an old place that has not handed all:
 * the old place returns it (left_routed_is_up). The resumption of s has failed: return what
 * routed has delivered to s meanwhile too. */
void sm_drop_parts(struct stream *s);
void sm_unpart(struct stream *s);

/* The session's token: its secret, a dot, its resource. */
bool sm_cat_token(stralloc *out, struct stream const *s);

void sm_failed(struct stream *s, bool old_ns, char const *condition, struct slice h);
struct slice sm_ns(bool old_ns);

void sm_on_yield(struct link *l, struct record *r);
void sm_on_leave(struct link *l, struct record *r);
void sm_on_queued(struct link *l, struct record *r);
void sm_on_handed(struct link *l, struct record *r);
void sm_on_unyielded(struct link *l, struct record *r);

/* ---- one file each ---- */

/* XEP-0352: whether the stanza waits until the client is active again. */
bool csi_holds(struct stream *s, struct slice raw, size_t xml, struct slice tags);

/* Keep the stanza until csi_join, whatever it is, for a session that is on its way here. */
void csi_keep(struct stream *s, struct slice raw, size_t xml);
enum state csi_active(struct stream *s, struct xml_node const *e, struct slice bytes);
enum state csi_inactive(struct stream *s, struct xml_node const *e, struct slice bytes);
void csi_flush(struct stream *s);

/* Move the stanzas that wait for an inactive client into the queue of unacknowledged
 * stanzas, whatever its limits say, without writing them; the client counts as active. A
 * session without stream management is left as it is. */
void csi_join(struct stream *s);
void csi_free(struct csi *c);

/* The memory that c takes; 0 for NULL. */
size_t csi_bytes(struct csi const *c);

/* XEP-0280 s4: whether the stanza asks for carbons, and has been answered. */
bool carbons_request(struct inbound const *in);

/* XEP-0199, mod_ping: begin to watch whether the client is there. */
void ping_start(struct stream *s);

/* XEP-0115: hostd told what a host's capabilities are. */
void caps_on_caps(struct link *l, struct record *r);

/* ---- requests on their way (requests.c) ---- */

/* Note that s has passed a request to routed, as the stanza with the latest number. When
 * REQUESTS_MAX of s are not acknowledged, the input of s waits from now on (is_behind). */
void requests_passed(struct stream *s, struct link const *routed);

/* Tell the front of s to stop reading the client when much input waits behind requests. */
void requests_held(struct stream *s);

/* Read what waits of s, whose client is gone: messages are passed on, requests of type get
 * are not, for nobody hears the answers. */
void requests_leave(struct stream *s);

/* Forget that the input of s waits: its conduit is gone. */
void requests_forget(struct stream *s);

/* Go on with the streams whose requests are all acknowledged: routed has taken
 * responsibility for the stanzas up to number n. */
void requests_acked(uint64_t n);

/* Give the number of the latest stanza for which routed has taken responsibility. */
uint64_t requests_taken(void);

void requests_snapshot(struct snapshot *k);

/* ---- requests that a service answers later (asked.c) ---- */

/* Note in, which routed has been passed as its newest stanza, if in is such a request; a session
 * has ASKED_MAX of them at most. */
void asked_note(struct inbound const *in, struct link const *routed);

/* Forget the request that the iq of the deliver record r answers. false: s is not to have r, an
 * answer to the question about a request that has been answered. */
bool asked_takes(struct stream *s, struct record *r);

/* A new routed is up: ask about the requests of s that the old one had acknowledged. */
void asked_again(struct stream *s);

/* The memory that a list takes; 0 for NULL. */
size_t asked_bytes(struct asked const *a);
void asked_free(struct asked *a);

/* In the record of the stream, which is open. */
void asked_snapshot(struct snapshot *k, struct stream *s);

/* ---- the state for a trace (snapshot.c, and each file for what it holds itself) ---- */

void c2sd_snapshot(struct snapshot *k);

/* The fields of a stream but for its timer; of a queue, in the record that is open. */
void snapshot_stream(struct snapshot *k, struct stream *s);
void snapshot_queue(struct snapshot *k, struct sm_queue *q);

void streams_snapshot(struct snapshot *k);
void marks_snapshot(struct snapshot *k);
void origins_snapshot(struct snapshot *k);
void ended_snapshot(struct snapshot *k, struct host *h);
void sm_snapshot(struct snapshot *k);
void csi_snapshot(struct snapshot *k, struct stream *s);
void directed_snapshot(struct snapshot *k, struct stream *s);

/* The timers of a session: of its stream management, of its pings. */
void sm_snapshot_timer(struct snapshot *k, struct stream *s);
void ping_snapshot_timer(struct snapshot *k, struct stream *s);

/* ---- -x (raw.c) ---- */

bool raw_run(void);

#endif
