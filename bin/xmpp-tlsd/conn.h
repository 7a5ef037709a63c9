/* A connection, as the files conn.c, output.c and shaper.c share it. */
#ifndef CONN_H
#define CONN_H

#include "tlsd.h"

/* See the top of conn.c for what is true in each. */
enum conn_state { PLAIN, HANDSHAKE, SECURE, CLOSING, CONNECTING, PROXIED };

struct address;
struct tally;
struct request;
struct header;
struct divert;

/* A token bucket: rate bytes a second, burst at once. */
struct shaper {
  struct event_timer timer;
  uint64_t rate, burst;
  int64_t tokens;     /* bytes that may be read now, in millionths */
  uint64_t filled_us; /* when tokens was last brought up to date */
};

/* Room for an address as text, and its NUL. */
#define CONN_IP_SIZE 46

struct conn {
  struct event_io io;
  struct event_timer timer;
  struct listener *listener; /* NULL: we have connected */
  struct link *link;
  SSL *ssl;
  struct conn *next_dirty, *rest_next, *rest_prev;
  stralloc out, pending;
  size_t written;       /* bytes of pending that the socket has taken */
  size_t counted;       /* bytes that wait for the client, as bounds.c has counted them */
  uint64_t controls_us; /* start of the time in which controls counts */
  struct shaper *shaper;     /* NULL: no limit */
  char *tls_name;            /* the stream's name, in its handshake; NULL: direct TLS */
  struct address *address;   /* of the client; NULL: not counted */
  struct tally *tally;       /* NULL: nobody wants to know what was written */
  struct request *request;   /* of a connection of ours, until TLS is up */
  struct conn *next_attempt; /* of the request */
  struct header *header;     /* PROXIED: its proxy's, in part; NULL: no byte has come */
  struct divert *divert;     /* big bodies; NULL: there were none */
  uint64_t given; /* bytes that the neighbour was given, or the reader of the pipe */
  uint64_t id;
  enum conn_state state;

  union {
    unsigned int shaken;   /* HANDSHAKE: bytes read in it */
    unsigned int controls; /* SECURE: TLS messages that carry no data */
  };

  unsigned char target; /* of the request */
  bool dialing : 1;     /* an attempt that has not won yet */
  bool has_tlsa : 1;    /* TLS knows TLSA records of the peer */
  bool opened : 1;      /* our neighbour knows of the connection */
  bool they_closed : 1; /* the neighbour closed the conduit */
  bool we_closed : 1;   /* we told the neighbour so */
  bool ended : 1;       /* the client says no more */
  bool shut : 1;        /* we say no more to the client */
  bool stopped : 1;     /* the neighbour wants no data for now */
  bool told_stop : 1;   /* tlsd wants no data for now */
  bool waiting : 1;     /* for the shaper */
  bool resting : 1;     /* in the list of bounds.c: the link is above CONN_AHEAD */
  bool extended : 1;    /* the handshake was given more time, once */
  bool dirty : 1;
  uint16_t port;
  char ip[]; /* CONN_IP_SIZE bytes where a proxy will say another */
};

/* ---- conn.c ---- */

/* conn_tell tells the neighbour a record that is a verb and the conduit's id; conn_tell_close tells
 * it close, once. */
void conn_tell(struct conn *c, enum verb v);
void conn_tell_close(struct conn *c, char const *why);

/* End the connection, in whatever state it is, and free it; the log says why. */
void conn_drop(struct conn *c, char const *why);

/* Have the loop wait for the events that the state of the connection allows. */
void conn_want(struct conn *c);

/* Give the connection for which bounds.c has counted most; NULL: no connection has any bytes. */
struct conn *conns_greatest(void);

/* Have OpenSSL find no more of what was read: the connection is about to be dropped. */
void conn_tls_read_no_more(void);

/* Cookie conn: its time is over (deadline.c). */
event_timer_fn conn_on_deadline;

/* A new connection for this neighbour; its socket is connecting to ip. fd is its, or
 * closed. NULL: ENOMEM. */
struct conn *conn_dialed(struct link *l, int fd, struct slice ip, uint16_t port);

/* Give the conduit that a record of link l names first, or NULL. */
struct conn *conn_of(struct link const *l, struct record *r);

/* Let c end, for one side has closed its conduit: bytes that are left are written, and none are
 * given any more. A later call sets anew how long c waits: the output, or the neighbour, has
 * changed. */
void conn_begin_close(struct conn *c);

/* Begin TLS as the server, with the certificate for name (empty: the first). c may be
 * gone then. */
void conn_start_tls(struct conn *c, struct slice name);

/* Begin TLS as the client, in the name of host. c may be gone then. */
void conn_start_client(struct conn *c, char const *host);

/* ---- proxied.c ---- */

/* Wait for the header of the proxy, PROXY_HEADER_US. */
void proxied_await(struct conn *c);

/* Take the *len bytes at s as a part of the header. 1: the header is whole, c has the client's
 * address, and the bytes behind it are at s; 0: more must come; -1: c was dropped. */
int proxied_take(struct conn *c, char *s, size_t *len);

/* ---- output.c ---- */

/* Note that the connection has something to write at the end of the turn. */
void conn_mark_dirty(struct conn *c);

/* Move what gathered in out to pending, as the network shall see it. false: TLS or memory
 * failed. */
bool conn_encode(struct conn *c);

/* Write what is pending as far as the socket takes it. false: the connection is broken.
 */
bool conn_write(struct conn *c);

/* Do what conn_encode and conn_write do, and end a connection that is closing. false: it was
 * dropped. */
bool conn_flush(struct conn *c);

/* Forget c, which goes: it is not to be flushed any more. */
void output_forget(struct conn *c);

/* Start the timer of a connection in CLOSING. */
void output_await_end(struct conn *c);

/* ---- tally.c ---- */

/* Count from now on, where c has a tally, what has entered the socket of the data that c
 * is given. false: ENOMEM. */
bool tally_begin(struct conn *c);
void tally_end(struct conn *c);

/* tally_data notes that n bytes of data came; tally_encoded that pending has all of them now but
 * left bytes (false: ENOMEM); tally_written that the socket has taken n bytes. */
void tally_data(struct conn *c, size_t n);
bool tally_encoded(struct conn *c, size_t left);
void tally_written(struct conn *c, size_t n);

/* tally_is_news says whether more was written than the neighbour was told; tally_tell tells it. */
bool tally_is_news(struct conn const *c);
void tally_tell(struct conn *c);

/* ---- shaper.c ---- */

/* Read no more than rate bytes a second, burst (0: rate) at once; rate 0: no limit. */
void shaper_set(struct conn *c, uint64_t rate, uint64_t burst);

/* Count n bytes that were read; over the rate, reading rests until the bucket is above
 * zero again. */
void shaper_count(struct conn *c, size_t n);

/* ---- divert.c ---- */

/* Put bytes that have come into the pipe, if one is open; give the number of those that the pipe
 * is for. */
size_t divert_put(struct conn *c, char const *s, size_t len);

/* Say whether bytes wait for the pipe: the client is not read. */
bool divert_is_full(struct conn const *c);

/* divert_fill appends the next piece of the file that is being sent to out; false: the file ended
 * early. divert_sends says whether a file is being sent. divert_forget notes that the client is
 * gone. */
bool divert_fill(struct conn *c);
bool divert_sends(struct conn const *c);
void divert_forget(struct conn *c);

/* divert_behind gives the data that waits behind the file, divert_waiting its length. */
stralloc *divert_behind(struct conn *c);
size_t divert_waiting(struct conn const *c);

/* ---- bounds.c ---- */

/* Count the waiting bytes of c anew, for c and for all. */
void bounds_count(struct conn *c);

/* Count c anew, and end connections above the bounds. false: c is one of them. */
bool bounds_hold(struct conn *c);

/* Say whether c must not be read now, because its link is above CONN_AHEAD; bounds_turn
 * calls conn_want when c may be read again. */
bool bounds_rest(struct conn *c);

/* bounds_watch_tls counts the TLS messages of c from now on, for its handshake is done.
 * bounds_hold_tls, after each reading, is false when c had too many of them, and was dropped. */
void bounds_watch_tls(struct conn *c);
bool bounds_hold_tls(struct conn *c);

/* Take c, which is being dropped, out of all counts. */
void bounds_forget(struct conn *c);

#endif
