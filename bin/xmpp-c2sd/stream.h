/* Streams. */
#ifndef C2SD_STREAM_H
#define C2SD_STREAM_H

#include "c2sd.h"

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
  uint64_t blocked_n;  /* stanzas in blocked */
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

#endif
