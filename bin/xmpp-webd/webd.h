/* Private to xmpp-webd: its settings, the connections of clients, requests, and the kinds of
 * handlers that answer them. */
#ifndef WEBD_H
#define WEBD_H

#include "access/access.h"
#include "http/http.h"
#include "nets/nets.h"
#include "service/service.h"

/* ---- settings.c ---- */

struct web {
  struct settings const *st; /* texts of all else are its rows */
  struct access *access;     /* for the shapers of listeners */
  struct nets trusted;
  uint64_t ping_us, timeout_us; /* of WebSocket */
  uint64_t bosh_out_max;        /* BOSH_OUT_MAX */
  uint64_t out_max;             /* bytes that wait for a client */
  uint64_t requests_max;        /* WEB_REQUESTS_MAX */
  uint64_t streams_max;         /* of an address */
  bool has_origins;             /* the settings have a row websocket_origin */
};

extern struct web *web;
extern char const *const web_needs[];

/* The two steps of taking settings (service/service.h). */
void *settings_fresh(struct settings *st);
void settings_free(void *fresh);

/* The vhost that is meant by the host of a request at this listener, by its A-label: an alias,
 * a host, the listener's default_host, the first host. Of the vhost: its name. */
struct slice settings_host(struct slice listener, struct slice host);
struct slice settings_host_name(struct slice ascii);

/* The word of the handler whose path at the listener is the longest prefix of path by whole segments;
 * *base is that prefix, *rest what follows. s NULL: there is none. */
struct slice settings_handler(struct slice listener, struct slice path,
                              struct slice *base, struct slice *rest);

/* The name of the host that is served under this name, in either form and any case. s NULL:
 * none is. */
struct slice settings_served(struct slice name);

/* Say whether pages of an origin may open a WebSocket. */
bool settings_has_origin(struct slice origin);

/* The most bytes of an element at a listener. */
uint64_t settings_stanza_max(struct slice listener);

/* ---- conn.c: connections ---- */

enum conn_state {
  CONN_HEAD,    /* a head is awaited, or part of it is here */
  CONN_BODY,    /* the body of a request is coming */
  CONN_ANSWER,  /* the request is whole, and its answer is not */
  CONN_DRAIN,   /* the answer is out, and the rest of the request's body is thrown away */
  CONN_UPGRADED /* HTTP is over (struct upgrade) */
};

struct conn;
struct request;

/* The functions that have a connection c after its upgrade. data: bytes have come. go: the client takes
 * output again (go true), or takes none for now. late: the time of conn_deadline is over. gone: c has
 * ended, and nothing may be written to it. stop: the program ends. */
struct upgrade {
  void (*data)(struct conn *c, struct slice bytes);
  void (*go)(struct conn *c, bool go);
  void (*late)(struct conn *c);
  void (*gone)(struct conn *c, char const *why);
  void (*stop)(struct conn *c);
};

struct conn {
  struct conn *next, **prev;
  struct link *link; /* of the front */
  uint64_t id;
  char *listener, *ip;
  char *tls_version, *tls_cipher, *bindings; /* of the record secured; NULL: none came */
  enum conn_state state;
  struct http_scan scan;
  struct request *request;
  struct upgrade const *upgrade;
  void *upgraded; /* the upgrade's own */
  struct event_timer timer;
  uint64_t body_left; /* bytes of the request's body, or of what is drained, to come */
  stralloc in, out;
  size_t in_at;
  uint64_t got;         /* bytes that the front has given, or put into a pipe */
  uint64_t rate, burst; /* of its shaper, in bytes; rate 0: no limit */
  int pipe;             /* the rest of the request's body; -1: none came */
  uint64_t pipe_len;
  bool secure, told_stop, blocked, /* output waits in out */
    stopped, filing,               /* the front says so; it sends a file */
    had_request,                   /* the first head has come */
    stepping,                      /* conn_step runs */
    ends,                          /* closed, when the call is over */
    gone;                          /* the front has closed it */
};

/* Handlers of records of conduits, and the end of their link. */
void conn_on_open(struct link *l, struct record *r);
void conn_on_secured(struct link *l, struct record *r);
void conn_on_data(struct link *l, struct record *r);
void conn_on_close(struct link *l, struct record *r);
void conn_on_stop(struct link *l, struct record *r);
void conn_on_go(struct link *l, struct record *r);
void conns_link_gone(struct link *l);

/* The name of the connection for the log. */
char const *conn_name(struct conn const *c);

/* Write bytes to the client; those that it does not take yet wait. */
void conn_write(struct conn *c, struct slice bytes);

/* conn_find gives the connection that a record of l names first, or NULL. conn_flush writes the
 * bytes that wait in out; conn_unblock does so if the front has no reason left to take nothing. */
struct conn *conn_find(struct link const *l, struct record *r);
void conn_flush(struct conn *c);
void conn_unblock(struct conn *c);

/* ---- shaper.c: how fast connections are read ---- */

/* shaper_begin asks the rule of the listener of c, which has opened; shaper_set has the front read
 * c at rate bytes a second, burst at once, or without limit (rate 0). */
void shaper_begin(struct conn *c);
void shaper_set(struct conn *c, uint64_t rate, uint64_t burst);

/* shaper_pause_us gives the longest time, in microseconds, for which the front may read nothing of
 * c, because c has sent too fast: 0 without a shaper. shaper_body_us gives the time, in
 * microseconds, that a body of so many bytes may take: half the speed of the shaper is enough, and
 * so is WEB_BODY_RATE. */
uint64_t shaper_pause_us(struct conn const *c);
uint64_t shaper_body_us(struct conn const *c, uint64_t bytes);

/* ---- diverts.c: big bodies ---- */

void conn_on_divert(struct link *l, struct record *r);

/* Have the front put the rest of the request's body into a pipe, if much is to come and it can. */
void conn_divert(struct conn *c);

/* Send len bytes of the file fd from offset on, which is closed. false: the front cannot now, and
 * fd is open. */
bool conn_send_file(struct conn *c, int fd, uint64_t len, uint64_t offset);

/* ---- conn.c ---- */

/* Go on with the bytes that have come, if the request or the body may. Do nothing while conn_step
 * runs already. */
void conn_step(struct conn *c);

/* End the request of c, whose answer is written. keep: the connection stays. */
void conn_request_over(struct conn *c, bool keep);

/* End the connection; c lives until the call that the program handles is over. */
void conn_end(struct conn *c, char const *why);

/* Call late of the upgrade at at_us, or handle that time as the state wants. */
void conn_deadline(struct conn *c, uint64_t at_us);

/* Give c, which is HTTP no longer, to the upgrade u; own is the upgrade's. Bytes that came behind
 * the head are given to u->data. */
void conn_upgrade(struct conn *c, struct upgrade const *u, void *own);

/* Have the front read no more for c (hold true), or go on. */
void conn_hold(struct conn *c, bool hold);

uint64_t conns_count(void);
void conns_stop(void);

/* Free the connections that have ended. */
void conns_turn(void);

/* ---- request.c ---- */

/* A kind of handler. begin: the request has come, its head is h, which lives for the call: answer it,
 * or have its body come (request_accept), or answer later. body, ended: of the body. go: the client
 * takes output again (true), or none for now. divert: the rest of the body, len bytes, is in the pipe
 * fd, which is the kind's. behind: the client has sent another request behind this one. gone: the
 * request is over without the end of an answer; say no more to it. */
struct kind {
  char const *word; /* of request_handlers; "": any other */
  void (*begin)(struct request *q, struct http_request const *h);
  void (*body)(struct request *q, struct slice bytes);
  void (*ended)(struct request *q);
  void (*divert)(struct request *q, int fd, uint64_t len);
  void (*go)(struct request *q, bool go);
  void (*behind)(struct request *q);
  void (*gone)(struct request *q, char const *why);
};

struct request {
  struct conn *conn;
  struct kind const *kind;
  void *own;                                       /* the kind's */
  char *handler, *host, *base, *path, *query, *ip; /* as the record request has them */
  enum http_method method;
  uint64_t length, began_us, body_until_us, held_us;
  uint64_t sent, answer_left; /* bytes of the answer's body that are written, and not */
  unsigned int status;        /* 0: no answer has begun */
  bool has_length, is_1_0, keep, expects, accepted, https, chunked, counts, no_body,
    early, held, /* the body is not given now */
    diverted;    /* a part of the body is in a pipe */
};

/* Handle the whole head of a request, the len bytes at s in the buffer of c; request_refuse refuses a
 * head with this status. */
void request_begin(struct conn *c, char *s, size_t len);
void request_refuse(struct conn *c, unsigned int status, char const *why);

/* request_accept lets the body of q come; request_hold keeps it back for now (hold true), or goes
 * on. */
void request_accept(struct request *q);
void request_hold(struct request *q, bool hold);

/* End the request q, whose client is gone, or late: the kind hears of it. */
void request_gone(struct request *q, char const *why);
void request_free(struct request *q);

uint64_t requests_count(void);
uint64_t requests_total(void);

/* ---- client.c: who asks ---- */

/* Set the address of the client, scheme and host of q, as trusted proxies say. false: a host
 * that a trusted proxy says is none. */
bool client_learn(struct request *q, struct http_request const *h, struct slice *host);

/* ---- bans.c ---- */

/* bans_on_ban takes the record ban; bans_have says whether the client of this address is shut out;
 * bans_link_gone notes that a link to xmpp-c2sd is gone. */
void bans_on_ban(struct link *l, struct record *r);
bool bans_have(struct slice ip);
void bans_link_gone(struct link const *gone);

/* ---- answer.c ---- */

#define LENGTH_UNKNOWN UINT64_MAX

/* Begin the answer: fields are lines NAME: VALUE, with or without a newline at the end; those
 * that belong to the connection, and bad ones, are left out. */
void answer_begin(struct request *q, unsigned int status, uint64_t length,
                  struct slice fields);
void answer_body(struct request *q, struct slice bytes);

/* Send len bytes of the file fd from offset on as the next bytes of the answer; fd is closed.
 * When the front takes no files (link_can_pass), q belongs to nobody else, and is answered to
 * its end. */
void answer_file(struct request *q, int fd, uint64_t len, uint64_t offset);

/* Complete the answer: q is gone after the call. */
void answer_end(struct request *q);

/* Write a whole answer; more: fields, as those of answer_begin. */
void answer_whole(struct request *q, unsigned int status, char const *type,
                  struct slice body, struct slice more);

/* Write a whole answer of our own, one line of text, with CORS. */
void answer_text(struct request *q, unsigned int status, char const *text,
                 char const *more);

/* Answer 403, for an address that is shut out. */
void answer_shut_out(struct request *q);

/* Answer 405 with the field Allow, or 204 to OPTIONS with CORS; allow has the methods as that field
 * does. */
void answer_methods(struct request *q, char const *allow);

/* Give up the answer, which cannot be completed: 500, or, if it has begun, the end of the
 * connection. */
void answer_cut(struct request *q, char const *why);

/* ---- kinds.c: the table of handlers ---- */

/* Give the kind of a handler's word. */
struct kind const *kind_find(struct slice word);

/* ---- websocket.c: RFC 7395 ---- */

extern struct kind const websocket_kind;
uint64_t websockets_count(void);

/* ---- bosh.c: XEP-0124, XEP-0206 ---- */

extern struct kind const bosh_kind;

/* ---- addresses.c: where web clients find a host's streams ---- */

/* Append the address of the handler WORD for the host of q, with scheme (wss, https): value is an option:
 * an address, undefined, or auto (empty): that of the first listener with TLS that has the handler,
 * else that below tabber's option web.url. false: there is none. */
bool address_cat(stralloc *out, struct request const *q, struct slice value,
                 char const *word, char const *scheme);

/* module_is_on says whether a module is on for the host of q, module_option gives the value of one
 * of its options. */
bool module_is_on(struct request const *q, char const *module);
struct slice module_option(struct request const *q, char const *key);

/* ---- hostmeta.c, files.c, converse.c ---- */

extern struct kind const host_meta_kind, files_kind, converse_kind;

/* Answer a GET or HEAD of q by the file path (decoded by segments) below the folder root; indices: names of
 * files for a folder, with blanks between; key: the module, whose rows content_types and
 * custom_headers and default_content_type are obeyed. */
void files_answer(struct request *q, struct http_request const *h, struct slice root,
                  struct slice path, struct slice indices, char const *module);

/* Send len bytes of fd from offset on as the rest of the answer of q, which nobody else owns, and
 * end it. */
void files_send(struct request *q, int fd, uint64_t len, uint64_t offset);

/* Go on with the answers that are read from files, for the front l takes output again. */
void conns_front_drained(struct link *l);

/* ---- metrics.c ---- */

extern struct kind const metrics_kind;

/* metrics_count counts q, which is over; metrics_stats tells the counts by the first digit of the
 * status. */
void metrics_count(struct request const *q);
void metrics_stats(struct link *ctl);

/* ---- mounts.c: which service has which handler ---- */

/* A link that has mounted handlers, how many, and the requests that are open at it. The service lives as
 * long as there are some. */
struct provider {
  struct link *link;
  unsigned int mounts, open;
};

void services_on_mount(struct link *l, struct record *r);
uint64_t services_mounts(void);

/* Give the service that has mounted the handler name for a host. NULL: no service has. */
struct provider *mounts_find(char const *name, struct slice host);

/* mounts_enter counts a request that is open at v, mounts_leave one that is open no longer: v may
 * be gone after the call. */
void mounts_enter(struct provider *v);
void mounts_leave(struct provider *v);

/* Forget the mounts of a link. */
void mounts_link_gone(struct link *l);

/* ---- services.c: requests to web services ---- */

extern struct kind const service_kind;

void services_on_accept(struct link *l, struct record *r);
void services_on_answer(struct link *l, struct record *r);
void services_on_divert(struct link *l, struct record *r);
void services_on_body(struct link *l, struct record *r);
void services_on_ended(struct link *l, struct record *r);
void services_on_cancel(struct link *l, struct record *r);
void services_on_stop(struct link *l, struct record *r);
void services_on_go(struct link *l, struct record *r);
void services_link_gone(struct link *l);
void services_full(struct link *l, bool full);

/* Send the requests that have waited for a mount of v. */
void services_wake(struct provider *v);

#endif
