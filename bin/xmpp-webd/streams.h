/* XMPP streams of web clients: conduits of our own to xmpp-c2sd, whose data records
 * are one element each (RFC 7395 s3, XEP-0206). */
#ifndef STREAMS_H
#define STREAMS_H

#include "webd.h"

struct stream;
struct share;

/* ---- shares.c: streams of one address ---- */

/* Count a stream of this address, if it has fewer than connections_per_address; else *full is
 * true. Give the address's share for share_give, or NULL: of loopback, nothing is counted. */
struct share *share_take(struct slice ip, bool *full);
void share_give(struct share *h);

/* ---- streams.c ---- */

/* The stream's user. data: an element for the client. hold: nothing more is taken for
 * now, or again. closed: the stream is over, for this reason; lost: because xmpp-c2sd
 * is gone. The stream is freed after closed. shape: the client is to be read no faster. */
struct stream_use {
  void (*data)(void *own, struct slice element);
  void (*hold)(void *own, bool hold);
  void (*closed)(void *own, struct slice why, bool lost);
  void (*shape)(void *own, uint64_t rate, uint64_t burst);
};

/* Open a stream for the client of c; ip is the client's address, https: its side has
 * TLS. binds: c carries the stream alone, so that SASL may be bound to its TLS. NULL:
 * no xmpp-c2sd is there, or ENOMEM. */
struct stream *stream_open(struct stream_use const *use, void *own, struct conn const *c,
                           char const *ip, bool https, bool binds);

/* The name of the stream in the log of xmpp-c2sd. */
char const *stream_name(struct stream const *s);

/* Pass an element on; say that the client takes no more for now, or again. */
void stream_put(struct stream *s, struct slice element);
void stream_stop(struct stream *s, bool stop);

/* The client has the first n elements of the stream. */
void stream_taken(struct stream *s, uint64_t n);

/* The client is gone. s is freed. */
void stream_close(struct stream *s, char const *why);

/* Handlers of records of xmpp-c2sd; its link is gone, or full. */
void streams_on_data(struct link *l, struct record *r);
void streams_on_close(struct link *l, struct record *r);
void streams_on_stop(struct link *l, struct record *r);
void streams_on_go(struct link *l, struct record *r);
void streams_on_shape(struct link *l, struct record *r);
void streams_link_gone(struct link *l);
void streams_full(struct link *l, bool full);
uint64_t streams_count(void);

#endif
