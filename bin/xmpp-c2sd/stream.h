/* Streams of clients, and the sessions that some of them are. */
#ifndef C2SD_STREAM_H
#define C2SD_STREAM_H

#include "c2sd.h"
#include "stream/stream.h"

/* The states of a stream:
 *   START      the client's header is awaited: no features were sent for it
 *   FEATURES   headers are exchanged, features sent, nobody authenticated
 *   TLS        proceed was sent; data is thrown away until secured
 *   ASKED      authd has been asked and will answer; input is held
 *   CHALLENGED the client has a challenge to answer
 *   TASKED     the client has a task to begin, or to do (XEP-0480), before its login succeeds
 *   REGISTERING registerd has been asked and will answer; input is held
 *   AUTHED     the client is jid (bare); headers are exchanged again; bind is awaited
 *   BINDING    routed has been asked and will answer; input is held
 *   RESUMING   the stream is to become an older session; input is held
 *   METADATA   the stream is the session jid (full), and its login has no success yet: the
 *              archive has been asked, and will answer; input is held
 *   BOUND      the stream is the session jid (full)
 *   AWAY       as BOUND, but the conduit is gone: the session may be resumed
 *   CLOSED     the stream is over; its memory is freed when it settles
 * In each state the stream may have been marked to end (stream/stream.h); life.c ends it when the
 * record that marked it has been handled. So no write, and no function that writes, takes a stream
 * or a session away from its caller. */
enum state {
  ST_START,
  ST_FEATURES,
  ST_TLS,
  ST_ASKED,
  ST_CHALLENGED,
  ST_TASKED,
  ST_REGISTERING,
  ST_AUTHED,
  ST_BINDING,
  ST_RESUMING,
  ST_METADATA,
  ST_BOUND,
  ST_AWAY,
  ST_CLOSED,
  ST_COUNT
};

/* Wishes of a client, as bits. */
#define WANTS_CARBONS 1u
#define WANTS_ROSTER 2u
#define WANTS_BLOCKLIST 4u

/* Marks of a session (marks.c): the newest message id that its client has of live messages; the
 * newest number that it has of offers of messages that had waited, and of its archive's results. */
struct had {
  uint64_t live, waited, page;
};

struct mark {
  struct had had;
  struct had blocked;  /* the marks once the blocked output has left */
  unsigned char noted; /* messages noted since routed was told */
  bool due, due_soon;  /* routed is to be told the marks */
};

/* Marks of a stream whose client fetches what is sent (marks.c): cut are those that it has
 * with the first cut_at records of the conduit, later those of records behind. */
struct fetched {
  struct had cut, later;
  uint64_t cut_at; /* 0: there is no cut */
};

/* The session that a stream is: all that another stream takes over which resumes it. */
struct session {
  uint64_t number; /* given by routed */
  char *jid;       /* of its client: bare from AUTHED on, full from METADATA, BOUND on */
  char *client; /* the hash of its user-agent's id (XEP-0388 s3.2); NULL: none was said */
  struct sm *sm; /* stream management (xep0198_sm.c); NULL: not enabled */
  char *shown;   /* the presence it shows, whole; NULL: not available */
  char *caps;    /* of its client, as edge_cat_caps writes them; NULL: none were said */
  char *picture; /* the hash of the account's picture, perhaps empty; NULL: not told */
  size_t shown_len;
  struct directed *directed; /* addresses (directed.c); NULL: none */
  struct asked *asked; /* requests that are answered later (asked.c), oldest first */
  struct mark mark;
  signed char priority;
  unsigned char wants;
  unsigned char veil; /* enum veil: what contacts see instead of shown (veil.c) */
  bool available;
  bool owes_metadata; /* its archive has not answered in time, and may do so (XEP-0386) */
};

/* A field that is added is added in snapshot.c too: so with all structs here. */
struct stream {
  struct conduit c; /* without a link: AWAY, or over */
  uint64_t sid;     /* ours, for routed and authd */
  struct host *host;
  struct listener const *listener;
  struct session session;
  struct negotiation *negotiation; /* NULL: the stream is BOUND, AWAY or over */
  /* stanzas that an inactive client is spared (xep0352_csi.c) */
  struct csi *csi;
  uint64_t pinged_us;      /* when the last ping was sent; 0: none */
  struct fetched *fetched; /* the front says what is taken; NULL: it does not */
  uint64_t request_at;     /* number at routed of the latest request (requests.c) */
  size_t kept;             /* bytes of memory that kept.c has counted */
  enum state state;
  unsigned char requests; /* on their way when the latest was passed, with that */
  bool authed;
  bool fresh;         /* the client may yet enable stream management (fresh.c) */
  bool fresh_results; /* results of a room's archive wait for that */
};

/* The stream whose first member c is. */
static inline struct stream *
stream_of(struct conduit *c)
{
  return (struct stream *)c;
}

/* A new stream with a sid, whose other members are zero. NULL: ENOMEM. */
struct stream *stream_new(void);

/* Give back the memory and the sid of a stream that holds nothing more. */
void stream_drop(struct stream *s);

/* The stream that has this sid, or NULL. */
struct stream *stream_find(uint64_t sid);

/* Say whether a stream that is RESUMING has all parts of its session. Of a session that another c2sd
 * hands over, the last part is the time for which the client may be away. */
bool stream_is_whole(struct stream const *s);

/* Say whether the stream is a session that routed knows. */
bool stream_is_session(struct stream const *s);

/* Give the full JID of s without its resource. */
struct slice stream_bare(struct stream const *s);

/* Give s, which is no session, a sid that nobody knows. false: ENOMEM. */
bool stream_renew(struct stream *s);

/* Swap the sids of s and old. */
void stream_swap(struct stream *s, struct stream *old);

/* Call fn for every stream, and settle it behind that. */
typedef void stream_each_fn(struct stream *s);
void stream_each(stream_each_fn *fn);

/* streams_count counts all streams, streams_in those in the state st. */
uint64_t streams_count(void);
uint64_t streams_in(enum state st);

/* All streams but their hosts and listeners, which are the settings'. fields names those of one. */
typedef void stream_fields_fn(struct snapshot *k, struct stream *s);
void streams_snapshot(struct snapshot *k, stream_fields_fn *fields);

#endif
