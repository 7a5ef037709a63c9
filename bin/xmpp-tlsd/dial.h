/* Connections to other servers, as the files dial.c, race.c, target.c and client.c share
 * them. */
#ifndef DIAL_H
#define DIAL_H

#include "conn.h"

#include <netinet/in.h>

/* ---- targets (target.c) ---- */

struct address {
  union {
    struct sockaddr sa;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
  } at;

  char text[INET6_ADDRSTRLEN];
};

/* A TLSA record (RFC 6698 s2.1). */
struct tlsa {
  uint8_t usage, selector, matching;
  unsigned char const *data;
  size_t len;
};

struct target {
  char const *name;
  bool tls; /* from the first byte (XEP-0368) */
  struct address const *addresses;
  struct tlsa const *tlsa;
  unsigned int addresses_n, tlsa_n;
  unsigned int running; /* attempts that are under way */
};

/* Read the field TARGETS of a connect record into arena a: at most TARGETS_MAX targets,
 * with ADDRESSES_MAX addresses in all and TLSA_MAX TLSA records each; more are left out.
 * false: ENOMEM, or text is not as the record has it. */
bool targets_read(struct arena *a, struct slice text, struct target **v, unsigned int *n);

/* ---- requests (dial.c) ---- */

/* A request for a connection. When an attempt has won, the request belongs to the
 * connection, which reads from it whom to expect, until TLS is up. */
struct request {
  struct request *next, *prev;
  struct link *link;
  uint64_t number;
  struct arena arena; /* of all below */
  char const *host;   /* in whose name */
  char const *sni;    /* the peer's name; empty for an address */
  bool hides;         /* no certificate is shown */
  struct target *targets;
  unsigned int targets_n;
  unsigned int at, next_address; /* the place in targets that is tried next */
  unsigned int running;
  uint64_t started_us; /* when an attempt was started last */
  struct event_timer timer;
  struct conn *attempts;
  bool racing; /* false: it waits in line */
};

/* Tell the sender of r that an address of a target has failed. */
void dial_failed(struct request const *r, unsigned int target, char const *ip,
                 char const *step, char const *why);

/* End r: no target is left. */
void dial_ended(struct request *r);

/* Connection c, an attempt, has won: tell the sender, and end the others. The request is
 * c's until dial_done. */
void dial_won(struct conn *c);
void dial_done(struct conn *c);

/* Give words for the errno of a connection. */
char const *dial_words(int error);

/* ---- attempts (race.c) ---- */

/* Start the attempts that are to be started now; r may be gone then. */
void race_begin(struct request *r);

/* Go on with attempt c, whose socket is connected, or failed to. c may be gone then. */
void race_connected(struct conn *c);

/* Note that attempt c, which is being dropped, has failed. */
void race_lost(struct conn *c, char const *why);

/* End all attempts but c (NULL: all), and no more are started. */
void race_end(struct request *r, struct conn const *c);

/* ---- TLS as the client (client.c) ---- */

/* A TLS object for connection c to a target, with our certificate for host if there is
 * one; direct: TLS from the first byte. NULL: ENOMEM. */
SSL *client_new_ssl(struct conn *c, char const *host, bool direct);

#endif
