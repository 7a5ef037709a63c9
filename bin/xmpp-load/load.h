/* Private to xmpp-load. */
#ifndef LOAD_H
#define LOAD_H

#include "event/event.h"
#include "scram/scram.h"
#include "xml/xml.h"

#include <openssl/ssl.h>

#define PROCESSES_MAX 64
#define SOURCES_MAX 16
#define SETTINGS_MAX 16
#define BODY_MAX 500

struct client;
struct websocket;

/* A server, and how it is reached. */
struct place {
  char const *host, *port, *domain;
};

/* A login by XEP-0388, in the place of that of RFC 6120. begin_tls: a handshake is about to begin;
 * secured: the header of the stream is written, and more may be behind it; authenticate: features
 * have come, and nothing is behind the header; element: one of the server's, up to C_ONLINE, which
 * the kind sets. */
struct load_sasl2 {
  void (*begin_tls)(struct client *c);
  void (*secured)(struct client *c);
  void (*authenticate)(struct client *c);
  void (*element)(struct client *c, struct xml_node const *e);
};

/* A kind of load: a row of kinds.h and a file. All clients log in first, some at a time; each is
 * prepared, and when all are, the measured time begins. A function that is NULL does nothing. */
struct load_kind {
  char const *name;
  /* The names that -o may set, between blanks; kinds read them by setting(). */
  char const *settings;
  /* So many bytes of each client are the kind's: client.own, all zero at first. */
  size_t each;
  /* Clients leave as soon as they are online, and log in anew; there is nothing to prepare. */
  bool comes_and_goes;
  /* Clients send no presence of themselves when they are online. */
  bool is_silent;
  /* Clients are servers of domains of their own, dN.DOMAIN of -o domain, and prove them by a
   * certificate, the file of -o cert (SASL EXTERNAL). */
  bool is_server;
  /* Say whether the options make sense for this kind. */
  bool (*check)(void);
  /* How many users next to each other have to do with each other: one process has them all. */
  uint64_t (*group)(void);
  /* A client is online; load_ready(c) when it needs nothing more before the measured time. */
  void (*prepare)(struct client *c);
  void (*begin)(void);
  void (*stanza)(struct client *c, struct xml_node const *e);
  /* Answer a request to a client. false, and for kinds that have no such function: the answer is
   * an empty result. */
  bool (*request)(struct client *c, struct xml_node const *iq);
  struct load_sasl2 const *sasl2;
};

struct options {
  struct load_kind const *kind;
  struct place here;
  char const *user, *password, *mechanism;
  char const *sources[SOURCES_MAX];
  char const *settings[SETTINGS_MAX]; /* NAME=VALUE each */
  char const *query;                  /* of -q */
  uint64_t sessions, first, window, seconds, size, parallel, rate, units, contacts, page;
  uint64_t processes;
  unsigned int n_sources, n_settings;
  bool direct, hub;
};

extern struct options opt;

/* The value that -o gave to name, or otherwise. */
char const *setting(char const *name, char const *otherwise);
uint64_t setting_number(char const *name, uint64_t otherwise);

/* ---- figures (figures.c) ---- */

/* Latencies are counted in steps of one sixteenth of a power of two: 6 % at most is lost. */
#define LATENCY_STEPS 16
#define LATENCY_BUCKETS (64 * LATENCY_STEPS)

/* The figures of one process. wanted is the number of sessions that the process is to have;
 * received counts all that came, the doubled among them. */
struct figures {
  uint64_t wanted, online, ready, logins, failed, broken;
  uint64_t sent, expected, received, doubled, misordered;
  uint64_t begun_us, ended_us, cpu_us; /* of the measured time */
  uint64_t latency[LATENCY_BUCKETS];
};

extern struct figures *fig;

/* Count a latency, in microseconds. */
void figures_latency(uint64_t us);

/* This process's CPU time so far, in microseconds. */
uint64_t figures_cpu(void);

/* Add from's figures to those of to; of the times, the earliest and the latest. */
void figures_add(struct figures *to, struct figures const *from);

/* The record at the end: names and values behind "load". */
void figures_print(struct figures const *f);

/* Say whether no message was lost, doubled, out of order or refused. */
bool figures_are_good(struct figures const *f);

/* Messages from one client to another bear numbers. */
struct channel {
  uint64_t next_out, next_in;
  uint64_t seen; /* a bit for each of the last 64 before next_in */
};

/* Count that n arrived, which left at sent_us. */
void figures_arrived(struct channel *ch, uint64_t n, uint64_t sent_us);

/* ---- a client (client.c) ---- */

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
  uint64_t n;   /* which user */
  enum client_state state;
  bool restart, draining, wants_session, is_ready;
  struct scram_client *scram;
  struct websocket *websocket; /* NULL: the stream is on TCP */
  void *own;                   /* load_kind.each bytes of the kind's */
  uint64_t begun_us;
  struct event_timer again; /* of a kind that comes and goes: when to start anew */
};

/* Begin to log user n in. NULL: no memory or files. */
struct client *client_start(uint64_t n);
void client_write(struct client *c, char const *s, size_t len);
void client_write_str(struct client *c, char const *s);

/* Send now the output that was written outside of the client's own callback. */
void client_flush(struct client *c);
void client_end(struct client *c);

/* Close the connection of c at once, which load_over is told. */
void client_cut(struct client *c, char const *why);

/* Give the parser bytes of the stream. */
void client_feed(struct client *c, char const *s, size_t len);

/* ---- WebSocket (websocket.c) ---- */

/* Ask for the upgrade; write our header; write one element; take what came. Each gives false when the
 * connection cannot go on. */
bool websocket_begin(struct client *c);
bool websocket_header(struct client *c);
bool websocket_put(struct client *c, char const *s, size_t len);
bool websocket_take(struct client *c, char const *s, size_t len);
void websocket_free(struct client *c);

/* ---- words of a client that logs in (login.c) ---- */

/* First message and answers of the mechanism; base64 into out. false: it cannot go on. */
bool login_first(struct client *c, stralloc *out);
bool login_challenge(struct client *c, struct slice base64, stralloc *out);
void login_forget(struct client *c);

/* ---- work of clients that are online (loads.c) ---- */

/* NULL: there is no such load. */
struct load_kind const *load_kind_of(char const *name);

/* The server of user n: every other user is at another one, if the chat has such a peer. */
struct place load_place(uint64_t n);

/* Write "USER<n>@DOMAIN" into text. */
void load_jid(uint64_t n, char text[256]);

/* The client of user n, of ours. NULL: there is none. */
struct client *load_client(uint64_t n);

void load_online(struct client *c);
void load_ready(struct client *c);
void load_stanza(struct client *c, struct xml_node const *e);
void load_over(struct client *c, char const *why);
bool load_is_measuring(void);

/* The measured time ends now: what it was to send is sent. */
void load_enough(void);

/* All that was expected may be there. */
void load_look(void);

/* Start the clients of users first... of this process. may_begin says whether all processes
 * are ready. false: no memory. */
bool load_begin(bool (*may_begin)(void));

/* Call send at opt.rate times a second in all; for loads that have a fixed rate. */
void load_at_rate(void (*send)(void));

/* ---- several processes (processes.c) ---- */

/* Run opt.processes of them, or only this one; all figures together into sum. false: a
 * system call failed. */
bool processes_run(struct figures *sum);

#endif
