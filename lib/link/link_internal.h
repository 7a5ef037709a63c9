/* Shared between the files of this area. */
#ifndef LINK_INTERNAL_H
#define LINK_INTERNAL_H

#include "link/link.h"

struct links {
  struct link_owner const *owner;
  unsigned int roles; /* ours */
  struct link *first, *dirty;
  struct link *held; /* hold still for this link at the end of the turn */
  uint64_t held_until_us;
  struct link *closing; /* accepted links that are freed at the end of the turn */
  uint64_t epoch, came;
  size_t put; /* bytes that were put on links, counted modulo its size */
  bool pipe, doors_closed;
};

extern struct links links;

/* An epoch is the second of the start in the bits above these, and chance in these. */
#define EPOCH_SHIFT 32

/* The first number of a run is behind this one. */
uint64_t link_first_number(uint64_t epoch);

/* Make a link to a program that is to be called name. NULL: ENOMEM. */
struct link *link_new(enum program p, unsigned int roles, struct slice name);

/* The peer has said who it is: announce ourselves, send again what it may have missed. */
void link_came_up(struct link *l, uint64_t epoch);

/* The peer is gone: tell the owner, keep what must be sent again. */
void link_went_down(struct link *l);

/* Handle one line that arrived (no newline). false: the link must be dropped, why is
 * logged. */
bool link_line(struct link *l, char *line, size_t len);

/* The output of the link is over its high-water mark, or below the low one again: tell the
 * owner, once. */
void link_set_full(struct link *l, bool full);

/* Set behind: output of earlier turns is not written yet. */
void link_set_behind(struct link *l, bool behind);

/* Note that the link has something to write at the end of the turn. */
void link_mark_dirty(struct link *l);

/* Say whether the peer owes acknowledgements. */
bool link_awaits_acks(struct link const *l);

/* Tell the owner when the link has become full, or is no longer. */
void link_look_if_full(struct link *l);

/* Forget the part of out that was written and needs no keeping. */
void link_trim(struct link *l);

/* ---- the secrets of what a trace has (secrets.c, veil.c) ---- */

/* Write stars over the secrets of a record without its newline, or with it, which link reads (way <)
 * or writes (>). Pieces of one stream are looked at as one, until the stream or the link ends. */
void secrets_mask(char const *link, char way, char *s, size_t len);

/* The stream of the conduit id, which link reads, has begun with these bytes, perhaps. Forget all streams. */
void secrets_began(char const *link, uint64_t id, struct slice bytes);
void secrets_forget(void);

/* Content of elements that is hidden: all text; nodes, and texts but names of forms; nodes; from the
 * publish options on the same as of VEIL_PUSH. */
enum veil_hides { VEIL_NOTHING, VEIL_ALL, VEIL_PUSH, VEIL_PUSHED, VEIL_OPTIONS };

#define VEIL_TOKEN 24 /* letters of a token of an invitation */

/* Where a stream stands; all zero: at its beginning. depth 0: hides holds to the end. */
struct veil {
  uint16_t depth; /* of elements, from the one that is hidden on */
  uint8_t where, text, hides, tag_hides, brackets;
  uint8_t nuls, bits,
    byte; /* of base64: NULs up to the secret; the byte that is not complete */
  bool is_token, is_form, closes, slash, stars, escaped, skips;
  bool is_web, has_key, is_frames; /* requests of web clients */
  uint8_t ending;
  char quote;
  uint8_t name_n, attr_n, value_n, word_n;
  char name[18], attr[12], value[40], word[18];
};

/* Mask the next len bytes of the stream (veil.c). */
void veil_cover(struct veil *v, char *s, size_t len);

/* The stream is the base64 of a message of SASL, or of the data of success. */
void veil_base64(struct veil *v, bool is_token);
void veil_answer(struct veil *v);

/* ---- descriptors of records (fds.c) ---- */

/* Write the next part of out, with the descriptor that belongs to it; read len bytes at most to s,
 * and keep the descriptors that come along: as write(2) and read(2), errno EPROTO: too many came. */
ssize_t fds_write(struct link *l);
ssize_t fds_read(struct link *l, char *s, size_t len);

/* fds_moved notes that the bytes of out from the offset `from` on have moved by `by` bytes, to the
 * end (is_forward) or to the front; fds_cut that out was cut to len bytes; fds_wipe that the link
 * is gone. */
void fds_moved(struct link *l, size_t from, size_t by, bool is_forward);
void fds_cut(struct link *l, size_t len);
void fds_wipe(struct link *l);

/* The record r is about to be handled, and has been. */
void fds_begin(struct link *l, enum verb v, struct record const *r);
void fds_end(struct link *l);

/* ---- sockets (live.c) ---- */

/* Read from fd, and write to it, as the loop says. false: errno of epoll_ctl. */
bool link_watch(struct link *l, int fd);

/* Wait SERVICE_CONTROL_US for what an administrator asks. */
void link_await_control(struct link *l);

/* Close the socket. The link is dialled again, or, when it was accepted, set aside: out of
 * the list, freed at the end of the turn. */
void link_break_off(struct link *l);
void link_set_aside(struct link *l);

/* ---- connecting (dial.c) ---- */

/* Say hello, and wait LINK_HELLO_US for the peer's. */
void link_say_hello(struct link *l);

/* Connect l again after a while, which grows, unless the doors are closed. */
void link_retry(struct link *l);

/* ---- the other end (peers.c) ---- */

/* A program that may be at the other end. */
struct peer {
  enum program program;
  unsigned int roles;
  uid_t uid; /* LINK_SAME_USER: ours */
  char word[LINK_NAME_MAX + 1];
};

/* Set *out to the program of this name, perhaps with an instance number: of the settings, or
 * of tabber's own. false: there is none. */
bool link_peer_find(struct slice name, struct peer *out);

/* Return true if the user at the other end of fd, put into *uid, may run a program with one
 * of these roles; or may run the program of the name. When link_peer_may_connect
 * or link_peer_is is false the log says so (of many refusals some). */
bool link_peer_may_connect(int fd, unsigned int roles, char const *path, uid_t *uid);
bool link_peer_is(int fd, struct slice name);

/* Take the peer of l for the program and the instance that its first line names; is_record:
 * the line is a record, r. false: refused, and the log says why. */
bool link_take_hello(struct link *l, struct record *r, bool is_record);

/* A line for the log that says whom a socket has refused. */
void link_peer_refused(int fd, char const *path, char const *why);

/* ---- listening (listen.c) ---- */

void link_stop_listening(void);

/* Append our hello to out. false: ENOMEM. */
bool link_hello(stralloc *out);

bool trace_on(void);
void trace_in(struct link const *l, struct slice line);

/* A line of a link that is up, before it is handled; the link's end. */
void trace_line(struct link *l, struct slice line);
void trace_end(struct link *l);

void trace_out(struct link const *l, struct slice line);
void trace_clock(void);

/* The owner's part of the turn is over; what links do now comes behind it. */
void trace_turned(void);
void trace_flush(void);

/* Append the state of the program to out, in lines; make it from such lines, which are freed.
 * false: ENOMEM, logged. */
bool snapshot_write(stralloc *out);
void snapshot_read(stralloc *text);

/* Give the link of this name, made when there is none under -p. NULL: no program has the
 * name. */
struct link *pipe_link(struct slice name);

/* Say whether the pipe driver reads a trace, which began with state. */
bool pipe_has_state(void);

/* The pipe driver's side of link_end: takes the record that was just ended out of l->out.
 */
void pipe_take(struct link *l);

#endif
