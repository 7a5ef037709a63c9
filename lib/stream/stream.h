/* stream: XML streams (RFC 6120 s4) over the conduits of a front: bytes to elements, headers,
 * stream errors, the time of a negotiation, input that waits, output that waits, shaping, the
 * end. A program's own stream has a struct conduit as its first member, and a table of functions
 * for what happens to it.
 *
 * A conduit is marked to end, by its peer, by a limit, by its owner: from then on nothing is read
 * for it and nothing written to it, and conduit_settle ends it once the record or the timer that
 * marked it has been handled. So no write, and no function that writes, takes a stream away from
 * its caller. */
#ifndef STREAM_H
#define STREAM_H

#include "link/snapshot.h"
#include "xml/xml.h"

/* The framing of elements: a root around them (RFC 6120 s4.2), or the bounds of messages, each of which
 * is one element that stands alone (RFC 7395 s3). The word of the second in a record is element.
 */
enum framing { FRAMING_STREAM, FRAMING_ELEMENT };

/* How a stream is to end: the texts live until conduit_settle. why is for the log and the front, and
 * the condition of a fault; NULL: the stream goes on. text stands with the condition, in English;
 * NULL: none. */
struct conduit_ending {
  char const *why, *text;
};

/* A stream ends with nothing but our end tag; with a stream error; with one that says that a stanza
 * was too big, too (XEP-0205, RFC 6120 s4.9.4). */
enum conduit_fault { CONDUIT_NO_FAULT, CONDUIT_FAULT, CONDUIT_TOO_BIG };

struct conduit_waiting;

/* A field that is added is added in conduit_snapshot too. */
struct conduit {
  struct link *link; /* NULL: the conduit is gone */
  uint64_t id;
  struct xml_stream xml;
  struct event_timer timer; /* of the owner's late */
  uint64_t seen_us;         /* when the peer said something */
  char *ip;
  char *lang; /* of the peer's header; NULL: none */
  struct conduit_ending ending;
  struct conduit_waiting *waiting; /* input and output; NULL: none waits */
  uint64_t said;    /* bytes that were written to the peer, those that wait among them */
  uint64_t records; /* of data that were written to the link */
  uint32_t blocked_max;
  unsigned char framing; /* enum framing */
  unsigned char fault;   /* enum conduit_fault; ending.why is its condition */
  bool secure, header_sent, is_blocked, restart, shaped,
    is_behind,  /* the input waits for the owner... */
    is_stopped, /* ...and the front was told to stop */
    is_leaving, /* the peer is gone, and the rest of its input is read */
    lost,       /* ending: the conduit is gone, or as good as gone */
    ends;       /* the last words are being said */
};

/* Input is read; is read, but ends the stream when it is white space that comes by itself; is held; is
 * thrown away; or ends the stream, unless it is white space. */
enum conduit_input {
  CONDUIT_READ,
  CONDUIT_ELEMENTS,
  CONDUIT_HOLD,
  CONDUIT_DROP,
  CONDUIT_REFUSE
};

/* The owner's functions. No function frees its conduit but settled.
 * header: the peer's header is root, whose fault is a stream error (s4.7, s4.8) or NULL; the owner
 * writes its own by conduit_header. root NULL: an error is to come, and needs our header in front.
 * element: a first-level element, its tree and its text. closed: the peer has ended its stream.
 * input: what becomes of input now.
 * go: output that waited has left.
 * late: the deadline has passed.
 * end: the conduit is marked to end: say the last words (conduit_last_words, conduit_close), or
 * leave it (conduit_leave) when the stream goes on without one.
 * settled: the last of what happens in a call: the owner may free the stream.
 * name: of the peer, for the log; or NULL. */
struct conduit_owner {
  char const *ns; /* the content namespace */
  void (*header)(struct conduit *c, struct xml_node const *root, char const *fault);
  void (*element)(struct conduit *c, struct xml_node const *e, struct slice bytes);
  void (*closed)(struct conduit *c);
  enum conduit_input (*input)(struct conduit const *c);
  void (*go)(struct conduit *c);
  void (*late)(struct conduit *c);
  void (*end)(struct conduit *c);
  void (*settled)(struct conduit *c);
  char const *(*name)(struct conduit const *c);
};

/* Start the area for this process; owner must outlive it. */
void conduit_init(struct conduit_owner const *owner);

/* ---- conduits ---- */

/* Make c, whose memory is zero, the conduit that the record open brings. false: ENOMEM. */
bool conduit_begin(struct conduit *c, struct link *l, struct record *r);

/* Make c, whose memory is zero, a conduit of this id and peer's address, which no record open has
 * brought. false: ENOMEM. */
bool conduit_begin_as(struct conduit *c, struct link *l, uint64_t id, struct slice ip);

/* Answer open with close, when there is no memory for a stream. */
void conduit_refuse(struct link *l, struct record *r);

/* Give the conduit whose place the id of the record open takes, or NULL: its front has forgotten
 * it. conduit_displace ends such a stream, or has it wait for another conduit, without a word to
 * the front. */
struct conduit *conduit_in_place(struct link const *l, struct record *r);
void conduit_displace(struct conduit *c);

/* The conduit of a record, or NULL. */
struct conduit *conduit_find(struct link const *l, struct record *r);

/* The name of the connection for the log (log_conn); NULL: the stream has none now. */
char const *conduit_conn(struct conduit const *c);

/* Handlers of records. */
void conduit_on_data(struct link *l, struct record *r);
void conduit_on_close(struct link *l, struct record *r);
void conduit_on_stop(struct link *l, struct record *r);
void conduit_on_go(struct link *l, struct record *r);

/* conduit_link_gone marks c, a conduit of a link that is gone. conduit_forget_link frees the map of
 * the conduits of l, once all of them are marked. */
void conduit_link_gone(struct conduit *c);
void conduit_forget_link(struct link *l);

/* conduit_start_tls has the front begin TLS with the certificate for name, behind the element
 * proceed. conduit_secure notes that TLS is up: the stream begins anew (s5.4.3.3). */
void conduit_start_tls(struct conduit *c, char const *name, char const *proceed);
void conduit_secure(struct conduit *c);

/* Have the front read no faster than rate bytes a second, burst at once; 0: no limit. Fronts
 * other than xmpp-tlsd are not told. */
void conduit_shape(struct conduit *c, uint64_t rate, uint64_t burst);

/* Call late at at_us, and at no other time; conduit_no_deadline: do not call it. */
void conduit_deadline(struct conduit *c, uint64_t at_us);
void conduit_no_deadline(struct conduit *c);

/* ---- headers ---- */

/* Our header. Slices may be empty: such an attribute is left out. decls: declarations of
 * prefixes, as text that begins with a blank. */
struct stream_header {
  struct slice id, from, to, lang, decls;
  bool version; /* says version='1.0' */
};

/* Write the header, and what follows it at once (markup; may be empty). */
void conduit_header(struct conduit *c, struct stream_header const *h,
                    struct slice features);

/* Say whether the version of a header is one that is answered with our own (s4.7.5). */
bool stream_version_is_ours(struct xml_node const *root);

/* Note the language of a header. */
void conduit_take_lang(struct conduit *c, struct xml_node const *root);

/* ---- input ---- */

/* Read on: the answer for which input was held is here. */
void conduit_resume(struct conduit *c);

/* conduit_fall_behind notes that the owner is behind with what the peer has sent: input is held,
 * and the front is told to stop when much waits. conduit_catch_up notes that the owner goes on. */
void conduit_fall_behind(struct conduit *c);
void conduit_catch_up(struct conduit *c);

/* Begin the stream anew behind the element that is being handled (s4.3.3). */
void conduit_restart(struct conduit *c);

/* ---- output ---- */

/* Write one element: conduit_write its markup as text, conduit_write_raw a field of a record as it
 * stands there. Both may mark the conduit to end, as that of a slow reader, when more than
 * blocked_max bytes wait. */
void conduit_write(struct conduit *c, struct slice markup);
void conduit_write_raw(struct conduit *c, struct slice raw);

/* Count the stanza that was written last, of which at most max may wait for a peer that does not
 * read. */
void conduit_count(struct conduit *c, uint64_t max);

/* ---- the end ---- */

/* Mark the conduit to end with a stream error (s4.9.3), whose text may be NULL. Of several marks the
 * first stays. */
void conduit_error(struct conduit *c, char const *condition, char const *text);

/* Mark as conduit_error does, for a stanza above a size limit (XEP-0205). */
void conduit_too_big(struct conduit *c, char const *text);

/* Mark the conduit to end: conduit_end with our end tag, conduit_lost because the conduit is gone, or
 * as good as gone. */
void conduit_end(struct conduit *c, char const *why);
void conduit_lost(struct conduit *c, char const *why);

/* Give the condition of this name, or undefined-condition for a name that s4.9.3 does not
 * define. */
char const *conduit_condition(struct slice name);

/* Mark as conduit_error does, for a condition that another program names (conduit_condition). */
void conduit_error_named(struct conduit *c, struct slice condition);

/* End the conduit if it is marked. A function that handles a record or a timer of a conduit calls
 * this last. */
void conduit_settle(struct conduit *c);

/* Give the number of conduits that are marked and not settled. */
uint64_t conduits_marked(void);

/* For end: conduit_last_words lets the words that are written from now on be the last that the peer
 * gets, and wait for nothing; conduit_close writes the stream error of the mark and our end tag,
 * and closes the conduit. */
void conduit_last_words(struct conduit *c);
void conduit_close(struct conduit *c);

/* Close the conduit with a stream error, at once, and leave it: the stream goes on elsewhere. */
void conduit_detach(struct conduit *c, char const *condition);

/* Take the conduit, and its mark, from the stream. Frees what belongs to the conduit but ip and
 * lang. */
void conduit_leave(struct conduit *c);

/* Free all that c holds: its stream is over. */
void conduit_wipe(struct conduit *c);

/* Give the bytes of memory that waiting input and output take. */
size_t conduit_bytes(struct conduit const *c);

/* ---- the state for a trace: fields of the record that is open ---- */

void conduit_snapshot(struct snapshot *k, struct conduit *c);

#endif
