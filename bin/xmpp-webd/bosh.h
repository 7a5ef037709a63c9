/* Private to the files of BOSH (XEP-0124, XEP-0206). */
#ifndef BOSH_H
#define BOSH_H

#include "streams.h"
#include "xml/xml.h"

#define NS_BOSH "http://jabber.org/protocol/httpbind"
#define NS_XBOSH "urn:xmpp:xbosh"

/* Terminal conditions (XEP-0124 s17.2). */
enum bosh_fault {
  BOSH_FINE,
  BOSH_BAD_REQUEST,
  BOSH_ITEM_NOT_FOUND,
  BOSH_POLICY_VIOLATION,
  BOSH_HOST_UNKNOWN,
  BOSH_IMPROPER_ADDRESSING,
  BOSH_INTERNAL_SERVER_ERROR,
  BOSH_REMOTE_CONNECTION_FAILED,
  BOSH_REMOTE_STREAM_ERROR,
  BOSH_SYSTEM_SHUTDOWN,
  BOSH_FAULTS_N
};

/* The element body of a client's request. Slices point into the arena of its tree; s
 * is NULL for attributes that are not there. */
struct bosh_body {
  struct xml_node *root;
  struct slice sid, to, from, lang, ver, content, key, newkey, version;
  uint64_t rid, wait, hold, pause, ack;
  bool has_rid, has_wait, has_hold, has_pause, has_ack, terminates, restarts, has_payload;
};

/* A request with the method POST. */
struct post {
  struct request *q;
  struct bosh *session; /* of which the request waits for its answer; NULL: none */
  stralloc in;          /* the request's body */
};

/* A request of a session without an answer. */
struct bosh_asked {
  uint64_t rid, at_us;
  struct post *post; /* NULL: its connection has ended */
  bool done; /* its payload has been passed on, and so have those of its predecessors */
  char key[BOSH_KEY_LEN + 1]; /* its key; empty: none */
};

/* An answer that is kept, for its request may be repeated (s14.3). */
struct bosh_told {
  uint64_t rid, at_us;
  uint64_t upto; /* records of xmpp-c2sd that the client has with the answer */
  stralloc text;
  char key[BOSH_KEY_LEN + 1]; /* of its request; empty: none */
};

enum bosh_type { BOSH_TEXT_XML, BOSH_APPLICATION_XML, BOSH_TEXT_PLAIN };

struct bosh {
  struct bosh *next_due; /* of those that bosh_turn looks at */
  struct stream *stream; /* NULL: the stream has ended */
  struct event_timer timer;
  char sid[BOSH_SID_LEN + 1];
  char key[BOSH_KEY_LEN + 1]; /* the hash of the next key; empty: keys are not used */
  char *to;
  uint64_t rid; /* of the last request whose payload was passed on */
  struct bosh_asked asked[BOSH_ASKED_MAX]; /* by rid */
  struct bosh_told told[BOSH_TOLD_MAX];    /* by rid */
  unsigned int asked_n, told_n;
  stralloc out;         /* elements for the client, each with a NUL behind it */
  uint64_t out_n;       /* their number */
  uint64_t records;     /* data records of xmpp-c2sd so far */
  uint64_t had;         /* those of them that the client has for certain */
  uint64_t rate, burst; /* of its shaper, once shaped is true */
  uint64_t wait_us, inactivity_us, maxpause_us, concat;
  uint64_t silence_us; /* the time without a request that is allowed now */
  uint64_t quiet_us;  /* since when the session has no request to answer; 0: it has one */
  uint64_t empty_us;  /* when the last request came; 0: it or its answer was not empty */
  uint64_t hurry_rid; /* requests up to this one are answered at once */
  uint64_t report_rid; /* the last answer of which a report was sent */
  uint64_t repeat_rid, repeat_us;
  unsigned int repeat_n;
  unsigned int hold, requests, minor; /* minor: of the version, 1.minor */
  enum bosh_fault fault;
  enum bosh_type type;
  char *authid, *from; /* of the stream's header, until the client is told */
  bool acks, legacy, https, polls,
    created, /* the request that made the session has its answer */
    pauses,  /* all requests are answered at once, and have no payload */
    reports, /* the next answer reports one that the client seems to lack */
    failed,  /* a stream error has come */
    held,    /* xmpp-c2sd takes no more for now */
    stopped, /* xmpp-c2sd was told to stop */
    shaped,  /* xmpp-c2sd has said how fast the client is to be read */
    over,    /* the session ends with fault */
    said,    /* the client was told of the end */
    is_due;
};

/* ---- bosh.c: requests ---- */

/* Answer the request p, and free p: post_answer with the text of an element, post_refuse with a
 * condition, or for a client without the attribute ver (legacy), which knows no conditions, with a
 * status (s17.1). */
void post_answer(struct post *p, struct slice text, enum bosh_type type);
void post_refuse(struct post *p, enum bosh_fault fault, bool legacy);
void post_shut_out(struct post *p);

/* ---- bosh_body.c: the element body, read and written ---- */

/* Read text into *b, whose tree is in a. */
enum bosh_fault bosh_read(struct bosh_body *b, struct arena *a, struct slice text);

/* Append child, an element of a tree of bosh_read, so that it stands alone; in the
 * namespace of the element body, or in none, child counts as one of jabber:client
 * (XEP-0206 s2). */
bool bosh_cat_child(stralloc *out, struct xml_node *child);

/* bosh_condition gives the word of a condition, bosh_status the status for clients that know none,
 * or 0. */
char const *bosh_condition(enum bosh_fault fault);
unsigned int bosh_status(enum bosh_fault fault);

/* Append the answer to the request a of s, with as much of the payload as fits, unless
 * bare; s no longer has that payload then. */
bool bosh_cat_answer(stralloc *out, struct bosh *s, struct bosh_asked const *a,
                     bool bare);

/* ---- bosh_sessions.c ---- */

struct bosh *bosh_find(struct slice sid);

/* Make a session for p, whose element is b. */
void bosh_create(struct post *p, struct bosh_body const *b);

/* Give xmpp-c2sd the header of a stream that begins, or begins anew, as b says. false:
 * ENOMEM. */
bool bosh_open_stream(struct bosh *s, struct bosh_body const *b);

/* Look at s at the end of the turn. */
void bosh_due(struct bosh *s);

/* End the session: its stream is closed for this reason. */
void bosh_end(struct bosh *s, enum bosh_fault fault, char const *why);

/* Note that the client has the elements up to this number. */
void bosh_client_has(struct bosh *s, uint64_t upto);

uint64_t bosh_count(void);
void bosh_turn(void);
void bosh_stop(void);

/* ---- bosh_rids.c: the order of requests ---- */

/* Take p, a request of s whose element is b. */
void bosh_take(struct bosh *s, struct post *p, struct bosh_body const *b);

/* Work on requests that waited. */
void bosh_advance(struct bosh *s);

/* bosh_lost notes that the connection of p, a request that is held, has ended; bosh_hurry that
 * another request waits behind p. */
void bosh_lost(struct post *p);
void bosh_hurry(struct post *p);

/* Answer the requests that are to be answered now. */
void bosh_flush(struct bosh *s);

/* Give the time at which s is to be looked at again; UINT64_MAX: never. */
uint64_t bosh_next_us(struct bosh const *s);

/* ---- bosh_rules.c: rules for a request ---- */

/* Take the key of b, the element of a, when it is the next of its sequence (s15).
 * false: it is not. */
bool bosh_take_key(struct bosh *s, struct bosh_asked *a, struct bosh_body const *b);

/* Say whether b has the key that the request had which it repeats. */
bool bosh_same_key(char const *key, struct bosh_body const *b);

/* Say whether requests without payload come too often, of which a, whose element is b,
 * is the last (s12, s13). */
bool bosh_is_too_often(struct bosh *s, struct bosh_asked const *a,
                       struct bosh_body const *b);

/* Take what b, the request rid, says of the answers that the client has (s9.2). */
void bosh_take_ack(struct bosh *s, struct bosh_body const *b);

/* bosh_keep keeps an answer; bosh_told_free forgets the n oldest, which are no longer needed. */
void bosh_keep(struct bosh *s, struct bosh_told told);
void bosh_told_free(struct bosh *s, unsigned int n);

#endif
