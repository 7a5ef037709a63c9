/* link: how programs speak to each other. UNIX stream sockets that carry records; hello,
 * peer credentials, batching (one write a turn), acknowledgement and resending, back
 * pressure. Under the pipe driver the same links are lines of stdin and stdout, each behind
 * the name of its link; a trace of the live driver is exactly that. */
#ifndef LINK_H
#define LINK_H

#include "event/event.h"
#include "record/record.h"
#include "record/verbs.h"

#include <sys/types.h>

#define LINK_NAME_MAX 31

/* A neighbour. Read name, program, roles, epoch, up, full and full_us; the cookie is the owner's
 * to use; the rest belongs to this area. epoch is from the neighbour's hello: no two runs
 * of a program have the same epoch, whatever the clock says. */
struct link {
  char name[LINK_NAME_MAX + 1]; /* the neighbour's instance: "c2sd", "c2sd-2" */
  enum program program;
  unsigned int roles; /* bits of enum role */
  uint64_t epoch;
  bool up;
  void *cookie;

  struct link *next, *next_dirty;
  struct event_io io;
  struct event_timer timer;
  struct event_timer stuck; /* cuts off a peer that takes nothing */
  struct event_timer late;  /* the peer acknowledges nothing: keep more */
  size_t kept_max;          /* LINK_KEPT_MAX, or more */
  stralloc in, out;
  size_t ahead;   /* of in: lines that were looked at while the link is paused */
  size_t backlog; /* of out: bytes that were kept when the link came up, still unsent */
  size_t put_while_down;         /* lines at the end of out */
  size_t settled;                /* part of out that earlier turns have put */
  uint64_t settled_stanzas;      /* and how many were numbered by then */
  size_t sent, kept_from, begin; /* offsets into out */
  struct link_fds *fds;          /* descriptors of records; NULL: there were none */
  uint64_t stanzas, acked;       /* numbered here; acknowledged of those */
  uint64_t received, receipt;    /* kept records since it came up; those acknowledged */
  uint64_t full_us;              /* time at which full became true */
  uint64_t retry_us, came;       /* came: when it came up, counted */
  uid_t uid;                     /* of the peer that connected to us */
  char *path;                    /* of a link that connects; NULL when it was accepted */
  enum verb verb;
  bool failed, full, paused, dirty;
  bool gone;          /* the peer is, and what it said before is still to be handled */
  bool rests;         /* in has lines for the next turn: this one has put enough */
  bool behind;        /* output of earlier turns is not written yet */
  bool said;          /* under -p: this turn has put a record */
  bool traced;        /* a control connection: a trace has a record of this link */
  bool numbered;      /* the record that is being built has an ORIGIN of ours */
  stralloc *captured; /* where records that are numbered go instead; NULL: they leave */
};

struct snapshot;

/* Callbacks of a program for its links. up: the peer said hello, announce yourself. down:
 * the link is gone (a connecting link comes back by itself; an accepted one is freed
 * after the call). record: a record that the table of verbs allows; its fields live for
 * the call, and an ack may overtake others while the link is paused. full: unwritten
 * output passed the high-water mark, or unacknowledged records LINK_KEPT_MAX; or both are
 * well below again. turn: the end of a turn, before output leaves: commit here. settle,
 * if not NULL: in the turn that ends now nothing may wait for a later one. */
struct link_owner {
  char const *program;  /* "xmpp-c2sd" */
  char const *instance; /* "c2sd" */
  void (*up)(struct link *l);
  void (*down)(struct link *l);
  void (*record)(struct link *l, enum verb v, struct record *r);
  void (*full)(struct link *l, bool full);
  void (*turn)(void);
  void (*settle)(void);
  void (*snapshot)(struct snapshot *k);
};

/* Start the area for this process, for the live driver or the pipe driver; owner must outlive the
 * area. A program that the table of programs does not have is a service. The loop must be there
 * (event_init). */
void link_init(struct link_owner const *owner, bool pipe);

/* Let a program connect that runs as uid (LINK_SAME_USER: as we do): one of tabber's own by
 * its word, which has its roles by the table of programs; or a service of the
 * administrator's, whose name word is, with these roles. Of tabber's own programs those for
 * which there was no call may connect as our user. Control connections: root and our user,
 * always. A later call for the same word takes the place of the earlier. false: ENOBUFS, more than
 * LINK_PEERS_MAX, or a name too long. */
#define LINK_SAME_USER ((uid_t)-1)
bool link_admit(struct slice word, unsigned int roles, uid_t uid);

/* Keep connecting to the socket at path, where instance name of a program serves. NULL:
 * ENOMEM. */
struct link *link_connect(char const *path, struct slice name);

/* Serve a socket at path (an old one is replaced), mode as chmod(2), for programs that have one of
 * these roles; ROLE_CONTROL or ROLE_MONITOR alone makes it a control socket: no hello, and the
 * program of the link is CTL. false with errno of socket, bind or listen. */
bool link_listen(char const *path, mode_t mode, unsigned int roles);

/* Give the time at which the neighbour was started, by its machine's clock: microseconds
 * since 1970, a whole second. 0: its hello does not say, and its epoch may be that of
 * another run. */
uint64_t link_started(struct link const *l);

/* The EPOCH that our hello says; 0 under -p. */
uint64_t link_own_epoch(void);

/* link_find gives the link to program p that came up first and is up, or NULL. link_next gives the
 * link behind l, or the first (l NULL), in the order in which they came, connecting ones first;
 * NULL: there is no more. */
struct link *link_find(enum program p);
struct link *link_next(struct link const *l);

/* Build a record: begin, fields in order, end. Nothing is sent before the end of the turn.
 * On a link that is down only stanzas are kept (they leave when it is up again); other
 * records are dropped, for up() announces what still holds. Memory failing drops the link.
 *
 * A record of more than RECORD_MAX bytes is not sent: link_end logs that and is false, and
 * whoever gives up what the record says looks at that first. */
void link_begin(struct link *l, enum verb v);
void link_text(struct link *l, struct slice text);
void link_str(struct link *l, char const *z);
void link_raw(struct link *l, struct slice raw);
void link_num(struct link *l, uint64_t n);
void link_field(struct link *l);                   /* a field in pieces: begins here... */
void link_more(struct link *l, struct slice text); /* ...and goes on */
void link_more_raw(struct link *l, struct slice raw);
bool link_end(struct link *l);

/* Say whether a record of l can bring a descriptor now: not under -p, nor while a trace is
 * written, nor when LINK_FDS_MAX of them wait. */
bool link_can_pass(struct link *l);

/* End a record divert that has an OFFSET with its descriptor fd, which belongs to the link then.
 * false: nothing is sent, and fd is closed. */
bool link_end_with(struct link *l, int fd);

/* Take the descriptor of the record that is being handled; -1: none came. A descriptor that nobody
 * takes is closed. */
int link_take_fd(struct link *l);

/* Say whether the record that is being built would be sent if it had `more` bytes more. */
bool link_fits(struct link const *l, size_t more);

/* Forget the record that is being built, instead of ending it. */
void link_cancel(struct link *l);

/* Write the ORIGIN field of a stanza that starts here: our instance and the next number. */
void link_origin(struct link *l);

/* Append the records of l that have an ORIGIN to the text at into, a line each, and send none of
 * them, until the call with NULL. Their numbers are given to later records of l too: who sends such
 * a line puts a new ORIGIN into it. */
void link_capture(struct link *l, stralloc *into);

/* Acknowledge the peer's stanzas up to n. To a service the acknowledgement leaves before
 * all output that waits: the service may read nothing else until an acknowledgement
 * comes. */
void link_ack(struct link *l, uint64_t n);

/* Send ack N on each link to program p on which new records came that p keeps (verb_is_kept);
 * N counts those records since the link came up. */
void link_receipts(enum program p);

/* Stop reading from l (paused true), or go on. */
void link_pause(struct link *l, bool paused);

/* Cut the link; why goes into the log. Legal at any time, in record() too. */
void link_drop(struct link *l, char const *why);

/* Cut the link, and forget the records that were put on it in this turn, for what they say did not
 * come to be (a store failed). Only from the owner's turn(). */
void link_discard(struct link *l, char const *why);

/* Do what link_discard does to all links that are up. */
void link_discard_all(char const *why);

/* Hold still at the end of this turn, when its output has been written: the process does nothing
 * more until something comes on l, or l ends, or door_now() is until_us. */
void link_hold(struct link *l, uint64_t until_us);

/* Give the number of bytes that wait to be written: on all links, or on l. */
size_t link_pending(void);
size_t link_waiting(struct link const *l);

/* Say whether output of an earlier turn on l is not written yet. */
bool link_is_behind(struct link const *l);

/* Give back the buffers that are empty now. Not from record(). */
void link_give_back(void);

/* Stop accepting and connecting (on SIGTERM). */
void link_close_doors(void);

/* Write FILE.in and FILE.out from now on, as the pipe driver reads and writes them; or end that
 * with file.s NULL. false with errno of open. */
bool link_trace(struct slice file);

/* Say whether a trace is written. Put an event into it that no link has brought: line, a record
 * without or with a newline, as if the link called name had said it. Under -p a program admits the
 * name (link_admit), and so has the record as that of a link. */
bool link_is_traced(void);
void link_trace_event(char const *name, struct slice line);

/* Be the pipe driver: records on stdin until its end, answers on stdout. With sockets, the
 * event loop turns meanwhile. false: errno of read or write. */
bool link_pipe(bool sockets);

/* Take a line as it would come on stdin (without newline), and change it. For drivers
 * of other forms of input. */
void link_pipe_line(char *line, size_t len);

/* The function that gets the lines of stdout, with the link's name and the record; at first one
 * that prints them. */
typedef void link_pipe_fn(char const *name, struct slice line);
extern link_pipe_fn *link_pipe_out;

#endif
