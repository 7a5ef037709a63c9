/* Private to xmpp-tlsd: listeners, connections, TLS contexts, certificates. */
#ifndef TLSD_H
#define TLSD_H

#include "certname/certname.h"
#include "link/link.h"
#include "nets/nets.h"
#include "service/service.h"

#include <openssl/ssl.h>

/* ---- certificates (certs.c) ---- */

/* A leaf with its key, and the chain that is sent with it. */
struct cert {
  X509 *leaf;
  EVP_PKEY *key;
  STACK_OF(X509) * chain;
  struct certname_list names;
  struct certname_span span;
};

struct certs {
  struct cert *v;
  size_t n;
  struct settings const *settings; /* where it is from; outlives it */
};

/* Read all files that the patterns of the settings (rows certfile) name into a new pool.
 * NULL, having said why (settings_refuse), when a file cannot be read whole or memory is short; a pool
 * without certificates is no error. old, the pool in force (or NULL), stays when a renewed
 * certificate has come without its key. */
struct certs *certs_load(struct settings *st, struct certs const *old);
void certs_free(struct certs *c);

/* The file of a certificate of a pool. Lives as long as the settings that the pool is of. */
char const *certs_file(X509 const *x);

/* Log each certificate. */
void certs_log(struct certs const *c);

/* Log those certificates that are shown for a name and are not valid, or not for long. */
void certs_log_ages(struct certs const *c);

/* Give the certificate for a host, named by A-labels or U-labels: of those that are valid now
 * the newest that has the name, else the newest wildcard; else of the others in the same order;
 * else (certs_match: NULL) the first of all. NULL: the pool is empty. */
struct cert *certs_match(struct certs const *c, struct slice name);
struct cert *certs_find(struct certs const *c, struct slice name);

/* Say whether c, of the pool cs, has a name of the host. */
bool certs_fits(struct certs const *cs, struct cert const *c, struct slice name);

/* The pool in force. */
struct certs const *certs_now(void);

/* ---- TLS contexts (context.c) ---- */

struct listener;
struct s2s;
struct s2s_options;

/* The SSL_CTX of this listener for this certificate, under the options of the host name
 * when it serves other servers: made at first use, kept until reload. NULL, having
 * logged why. */
SSL_CTX *context_get(struct listener *ln, struct cert *cert, struct slice name);

/* context_prepare makes room for the contexts of a listener, and makes the first of them at
 * once, so that settings which OpenSSL does not take are refused as a whole. context_free_all
 * frees all. */
bool context_prepare(struct listener *ln);
void context_free_all(struct listener *ln);

/* The SSL_CTX of connections to other servers under options o. NULL, having said why. */
SSL_CTX *context_new_client(struct s2s *s, struct s2s_options const *o);

/* The other end of a connection: a client, a server, or a server with TLSA records. */
enum peer { PEER_CLIENT, PEER_SERVER, PEER_TLSA };

/* Put the facts of a finished handshake into a secured record for conduit id. */
void context_put_secured(struct link *l, uint64_t id, SSL *ssl, enum peer peer);

/* Words of protocol_options as options of OpenSSL. false, having refused the row key of
 * scope: a word is unknown. */
bool tls_words_read(char const *key, struct slice scope, struct slice list,
                    uint64_t *options, int *min_version);

/* Make BIO methods once per process. false: ENOMEM. */
bool context_init(void);

/* A new TLS object of this context whose input and output are the connection's buffers
 * (tls_read, tls_write of conn.c). NULL: ENOMEM. */
SSL *context_new_ssl(SSL_CTX *ctx, void *conn);

/* ---- certificates of other servers (verify.c) ---- */

/* Have peers of this context asked for a certificate, which is verified with the trusted
 * ones and never refused. */
void verify_set(SSL_CTX *ctx, X509_STORE *trust);

/* Put the fields NAMES and VERDICT of a secured record; has_tlsa: OpenSSL has TLSA
 * records of the peer, so that nothing else is trusted. */
void verify_put(struct link *l, SSL *ssl, bool has_tlsa);

/* ---- listeners (listener.c) ---- */

struct listener {
  struct listener *next;
  struct event_io io;
  char *name, *ip, *ciphers, *dhfile, *cafile;
  uint64_t port;       /* 0 with ip "unix:PATH" */
  enum program serves; /* C2SD, S2SD, COMPD or WEBD */
  uint64_t options;    /* SSL_OP_* */
  uint64_t backlog;
  mode_t mode; /* of the file of a unix socket; 0: as it is made */
  uint64_t send_timeout_us;
  uint64_t interval_us;        /* from one accepted connection to the next; 0: none */
  struct event_timer interval; /* runs while the listener does not accept for that */
  int min_version;
  bool direct;         /* TLS from the first byte */
  bool required;       /* nothing but the way to TLS is spoken before it */
  bool proxied;        /* a proxy in front says for whom it speaks... */
  struct nets proxies; /* ...and has one of these addresses; empty: any */
  int error;           /* errno of the last try to open the socket; 0: it is open */
  struct certs *certs; /* the pool in force; owned by listeners */
  struct s2s *s2s;     /* options of other servers; owned by listeners too */
  SSL_CTX **contexts;  /* for each certificate of the pool; and for each scope of s2s */
  size_t contexts_n;
};

/* The two steps of taking settings (service/service.h). A socket that is new to a running program is
 * tried by listeners_read, and closed again. One that cannot be opened after all, or at the start,
 * is tried again, and the others open. */
extern char const *const tlsd_needs[];
void *listeners_read(struct settings *st);
void listeners_take(void *fresh, bool first);
void listeners_drop(void *fresh);

/* listeners_wake accepts again, for a neighbour came up; listeners_close closes all sockets that
 * accept. */
void listeners_wake(void);
void listeners_close(void);

/* Say whether a listener is open, or none is wanted; name one that is not (NULL: all are). */
bool listeners_ready(void);
char const *listeners_awaits(void);

/* Answer the control verb status with a row listener for each; certificate with the one that is
 * shown for a host: FILE NAMES FROM UNTIL fits|other, times in seconds since 1970. */
void listeners_status(struct link *ctl);
void listeners_certificate(struct link *ctl, struct record *r);

/* ---- sockets (socket.c) ---- */

struct sockaddr_storage;

/* Give a socket that is bound for ln, or to a path, whose file gets the mode (0: as it is made). -1 with
 * errno. */
int socket_bind_tcp(struct listener const *ln, bool reuseport);
int socket_bind_unix(char const *path, mode_t mode);

/* The address of a peer as text, in buf; *port its port. That of a UNIX socket is 127.0.0.1. */
struct slice socket_peer(struct sockaddr_storage const *sa, char buf[46],
                         unsigned int *port);

/* Prepare the socket of a client. */
void socket_set_options(int fd);

/* ---- connections (conn.c) ---- */

/* A connection was accepted: fd is now its. */
void conn_accepted(struct listener *ln, int fd, struct slice ip, unsigned int port);

/* Requests of the stream programs. */
void conn_data(struct link *l, struct record *r);
void conn_close(struct link *l, struct record *r);
void conn_stop(struct link *l, struct record *r);
void conn_go(struct link *l, struct record *r);
void conn_starttls(struct link *l, struct record *r);
void conn_shape(struct link *l, struct record *r);
void divert_record(struct link *l, struct record *r);

/* Requests for connections to other servers (dial.c). A link is gone, and all its
 * requests; SIGTERM: no more are made. How many are under way, and wait. */
void dial_connect(struct link *l, struct record *r);
void dial_abandon(struct link *l, struct record *r);
void dials_of_link_gone(struct link const *l);
void dials_close(void);
uint64_t dials_racing(void);
uint64_t dials_waiting(void);

/* The neighbour is gone: so are its conduits. */
void conns_of_link_gone(struct link *l);

/* Write what this turn has brought for clients. */
void conns_flush(void);

/* The bytes that may wait for all clients. */
void bounds_set(uint64_t waiting_max);

/* The end of a turn, when links have been written: connections that rested for their link's
 * sake are read again. Bytes that wait for all clients (bounds.c). */
event_timer_fn bounds_turn;
uint64_t bounds_waiting(void);

/* SIGTERM: what is queued is written, then all ends. */
bool conns_none(void);

/* All connections of a listener that is no more lose it (they live on). */
void conns_listener_gone(struct listener const *from, struct listener *to);

struct conn_totals {
  uint64_t open, accepted, handshakes, resumed, failed, bytes_in, bytes_out;
};

extern struct conn_totals conn_totals;

/* The BIO's two ends, for cookie conn: bytes taken from what was just read (0: no more), and
 * all bytes given (false: ENOMEM). */
size_t conn_tls_read(void *conn, char *buf, size_t len);
bool conn_tls_write(void *conn, char const *buf, size_t len);

/* A ClientHello has come, with sni or an empty one. Give the context for it, or NULL, which
 * keeps the one at hand; and in *stream_name the name for which the stream has asked for TLS,
 * empty under direct TLS. */
SSL_CTX *conn_tls_hello(void *conn, struct slice sni, struct slice *stream_name);

#endif
