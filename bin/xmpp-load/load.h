/* Private to xmpp-load. */
#ifndef LOAD_H
#define LOAD_H

#include "event/event.h"
#include "scram/scram.h"
#include "xml/xml.h"

#include <openssl/ssl.h>

enum load_kind {
  LOAD_LOGIN, /* log in and out again, over and over */
  LOAD_IDLE,  /* log in and stay */
  LOAD_CHAT   /* pairs that send to each other */
};

struct options {
  enum load_kind kind;
  char const *host, *port, *domain, *user, *password, *mechanism;
  uint64_t sessions, window, seconds, size, parallel, rate;
  bool direct;
};

extern struct options opt;

/* ---- figures (figures.c) ---- */

struct figures {
  uint64_t logins, failed, sent, received, lost, doubled, misordered, broken;
  uint64_t begun_us, ended_us; /* of the measured time */
};

extern struct figures fig;

/* One latency, in microseconds. */
void figures_latency(uint64_t us);

/* The record at the end: names and values behind "load". */
void figures_print(void);

/* ---- one client (client.c) ---- */

enum client_state {
  C_CONNECTING,
  C_PLAIN,    /* header sent, features awaited */
  C_STARTTLS, /* proceed awaited */
  C_HANDSHAKE,
  C_SECURE, /* header sent, features awaited */
  C_AUTH,   /* answers of SASL awaited */
  C_AUTHED, /* header sent, features awaited */
  C_BINDING,
  C_ONLINE,
  C_OVER
};

struct client {
  struct event_io io;
  SSL *ssl;
  struct xml_stream xml;
  stralloc out; /* for the socket */
  uint64_t n;   /* which user: 1... */
  enum client_state state;
  bool restart, draining;
  struct scram_client *scram;
  /* chat */
  uint64_t next_out, next_in, in_flight;
  uint64_t begun_us;
  struct event_timer again; /* the login load: when to start anew */
};

/* Begin to log user n in. NULL: no memory or files. */
struct client *client_start(uint64_t n);
void client_write(struct client *c, char const *s, size_t len);
void client_end(struct client *c);

/* ---- what a client says to log in (login.c) ---- */

/* First message and answers of the mechanism; base64 into out. false: it cannot go on. */
bool login_first(struct client *c, stralloc *out);
bool login_challenge(struct client *c, struct slice base64, stralloc *out);
void login_forget(struct client *c);

/* ---- what clients do when they are online (loads.c) ---- */

void load_online(struct client *c);
void load_message(struct client *c, struct xml_node const *e);
void load_over(struct client *c, char const *why);
bool load_begin(void);

#endif
