#include "addresses.h"
#include "dial.h"

#include <skalibs/allreadwrite.h>
#include <skalibs/djbunix.h>

#include <openssl/err.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* The life of a connection.
 *
 *   CONNECTING an attempt of ours (race.c); then PLAIN or HANDSHAKE. Its conduit opens when
 *              the attempt has won
 *   PROXIED    the header of the proxy in front is awaited (proxied.c); then PLAIN or
 *              HANDSHAKE. No conduit is open
 *   PLAIN      bytes go through as they are; the conduit is open
 *   HANDSHAKE  what arrives goes to OpenSSL; TLS_HANDSHAKE_US bounds it. Direct TLS begins
 *              here, and its conduit opens only when the handshake is done
 *   SECURE     as PLAIN, through OpenSSL
 *   CLOSING    one side has closed the conduit; the output is still written, for as long as the
 *              client takes some of it in time. When the neighbour has closed and all is
 *              written, the socket is shut down, and what the client still sends is thrown
 *              away until it ends or CONN_LINGER_US have passed: closing at once would make
 *              the kernel take back the last bytes
 *
 * Reading is one read(2) a turn into a buffer that all connections share. */

static struct {
  struct ids ids;
  char read_buf[CONN_READ];
  size_t read_at, read_len; /* bytes that OpenSSL has not taken yet */
} conns;

struct conn_totals conn_totals;

struct conn *
conn_of(struct link const *l, struct record *r)
{
  struct conn *c = ids_get(&conns.ids, record_u64(r, 1));

  return c && c->link == l ? c : NULL;
}

/* ---- telling the neighbour ---- */

void
conn_tell(struct conn *c, enum verb v)
{
  if (!c->link) return; /* closing, and its neighbour is gone */
  link_begin(c->link, v);
  link_num(c->link, c->id);
  link_end(c->link);
}

static void
tell_open(struct conn *c)
{
  c->opened = true;
  link_begin(c->link, VERB_OPEN);
  link_num(c->link, c->id);
  link_str(c->link, c->listener->name);
  link_str(c->link, c->ip);
  link_num(c->link, c->port);
  link_end(c->link);
}

void
conn_tell_close(struct conn *c, char const *why)
{
  if (!c->opened || c->we_closed || !c->link) return;
  tally_tell(c);
  c->we_closed = true;
  link_begin(c->link, VERB_CLOSE);
  link_num(c->link, c->id);
  link_str(c->link, why);
  link_end(c->link);
}

/* A link's cookie counts its conduits. */
static void
count_conduit(struct link *l, int n)
{
  l->cookie = (void *)((uintptr_t)l->cookie + (uintptr_t)n);
}

/* ---- the end ---- */

void
conn_drop(struct conn *c, char const *why)
{
  int fd = c->io.fd;

  log_event(c->listener || c->opened ? LOG_INFO : LOG_DEBUG, "connection-ended", "conn",
            log_conn(service_instance(), c->id), "ip", log_peer(slice_str(c->ip)), "why",
            why, NULL);
  conn_tell_close(c, why);
  output_forget(c);
  bounds_forget(c);
  divert_forget(c);
  event_timer_cancel(&c->timer);
  shaper_set(c, 0, 0);
  event_io_cancel(&c->io);
  if (fd >= 0) fd_close(fd);
  SSL_free(c->ssl);
  if (c->dialing)
    race_lost(c, why);
  else
    dial_done(c);
  free(c->tls_name);
  free(c->header);
  tally_end(c);
  address_leave(c);
  stralloc_free(&c->out);
  stralloc_free(&c->pending);
  if (c->link) count_conduit(c->link, -1);
  ids_give(&conns.ids, c->id);
  conn_totals.open--;
  free(c);
}

/* Wait for what the state of the connection allows. */
void
conn_want(struct conn *c)
{
  bool reads = !c->ended && !c->stopped && !c->waiting;

  /* Answers of OpenSSL's own have nobody else who could be told to stop. */
  if (c->state != CLOSING &&
      (c->resting || c->told_stop || c->pending.len - c->written > CONN_HIGH_WATER))
    reads = false;
  if (c->state != CLOSING && (divert_is_full(c) || divert_sends(c))) reads = false;
  event_io_want(&c->io, (reads ? EVENT_READ : 0) |
                          (c->pending.len || divert_sends(c) ? EVENT_WRITE : 0));
}

void
conn_begin_close(struct conn *c)
{
  bool begins = c->state != CLOSING;

  c->state = CLOSING;
  if (begins) c->stopped = c->waiting = false;
  output_await_end(c);
  if (begins) conn_mark_dirty(c);
}

/* ---- input ---- */

size_t
conn_tls_read(void *cookie, char *buf, size_t len)
{
  size_t n = conns.read_len - conns.read_at;

  (void)cookie;
  if (n > len) n = len;
  memcpy(buf, conns.read_buf + conns.read_at, n);
  conns.read_at += n;
  return n;
}

void
conn_tls_read_no_more(void)
{
  conns.read_at = conns.read_len;
}

static void
give_plain(struct conn *c, char const *s, size_t len)
{
  size_t n = divert_put(c, s, len);

  if (n == len) return;
  c->given += len - n;
  link_begin(c->link, VERB_DATA);
  link_num(c->link, c->id);
  link_text(c->link, slice_of(s + n, len - n));
  link_end(c->link);
}

static char const *
closed_by(struct conn const *c)
{
  return c->listener ? "closed by the client" : "closed by the peer";
}

/* TLS is broken. The stream of another server hears why: our certificate may have been
 * refused. */
static void
drop_tls(struct conn *c, char const *what, char const *why)
{
  char text[128];

  snprintf(text, sizeof text, "%s: %s", what, why);
  if (c->dialing)
    conn_drop(c, why);
  else
    conn_drop(c, c->listener ? what : text);
}

/* All whole TLS records of what was read, as one data record. false: dropped. */
static bool
give_decrypted(struct conn *c)
{
  static char buf[CONN_READ];
  bool begun = false;
  char const *why;
  size_t n, done;
  int rc;

  ERR_clear_error(); /* SSL_get_error believes whatever is left there */
  while ((rc = SSL_read_ex(c->ssl, buf, sizeof buf, &n)) == 1) {
    done = divert_put(c, buf, n);
    if (done == n) continue;
    c->given += n - done;
    if (!begun) {
      link_begin(c->link, VERB_DATA);
      link_num(c->link, c->id);
      link_field(c->link);
      begun = true;
    }
    link_more(c->link, slice_of(buf + done, n - done));
  }
  if (begun) link_end(c->link);
  rc = SSL_get_error(c->ssl, rc);
  why = ERR_reason_error_string(ERR_peek_last_error());
  ERR_clear_error();
  if (!bounds_hold_tls(c)) return false;
  if (c->pending.len) conn_mark_dirty(c);
  if (rc == SSL_ERROR_WANT_READ || rc == SSL_ERROR_WANT_WRITE) return true;
  if (rc != SSL_ERROR_ZERO_RETURN) {
    drop_tls(c, "TLS failed", why ? why : "closed");
    return false;
  }
  /* close_notify: the client says no more. */
  c->ended = true;
  conn_tell_close(c, closed_by(c));
  conn_begin_close(c);
  return true;
}

static enum peer
peer_of(struct conn const *c)
{
  if (c->link->program != S2SD) return PEER_CLIENT;
  return c->has_tlsa ? PEER_TLSA : PEER_SERVER;
}

/* The handshake is over, with an alert in pending. */
static void
handshake_failed(struct conn *c, char const *why)
{
  conn_totals.failed++;
  log_event(c->dialing ? LOG_DEBUG : LOG_INFO, "handshake-failed", "conn", log_num(c->id),
            "ip", log_peer(slice_str(c->ip)), "why", why, NULL);
  conn_write(c);
  drop_tls(c, "TLS handshake failed", why);
}

static bool
handshake_done(struct conn *c)
{
  conn_totals.handshakes++;
  if (SSL_session_reused(c->ssl)) conn_totals.resumed++;
  c->state = SECURE;
  free(c->tls_name);
  c->tls_name = NULL;
  event_timer_cancel(&c->timer);
  if (c->dialing) dial_won(c);
  if (!c->opened) tell_open(c);
  context_put_secured(c->link, c->id, c->ssl, peer_of(c));
  dial_done(c);
  log_event(LOG_INFO, "secured", "conn", log_conn(service_instance(), c->id), "ip",
            log_peer(slice_str(c->ip)), "version", SSL_get_version(c->ssl), "cipher",
            SSL_get_cipher_name(c->ssl), NULL);
  bounds_watch_tls(c);
  return give_decrypted(c);
}

static bool
do_handshake(struct conn *c)
{
  char const *why;
  int rc;

  c->shaken += (unsigned int)conns.read_len;
  if (c->shaken > (c->link->program == S2SD ? TLS_PEER_HELLO_MAX : TLS_HELLO_MAX)) {
    conn_totals.failed++;
    conn_drop(c, "TLS handshake too long");
    return false;
  }
  ERR_clear_error();
  rc = SSL_do_handshake(c->ssl);

  conn_mark_dirty(c);
  if (rc == 1) return handshake_done(c);
  rc = SSL_get_error(c->ssl, rc);
  if (rc == SSL_ERROR_WANT_READ || rc == SSL_ERROR_WANT_WRITE) return true;
  why = ERR_reason_error_string(ERR_peek_last_error());
  ERR_clear_error();
  handshake_failed(c, why ? why : "closed");
  return false;
}

/* Begin what the listener serves. false: dropped. */
static bool
begin(struct conn *c)
{
  uint64_t id = c->id;

  c->state = PLAIN;
  if (c->listener->direct)
    conn_start_tls(c, SLICE(""));
  else
    tell_open(c);
  return ids_get(&conns.ids, id) != NULL;
}

static bool take(struct conn *c);

/* Bytes behind the header are the client's. */
static bool
take_header(struct conn *c)
{
  int done = proxied_take(c, conns.read_buf, &conns.read_len);

  if (done < 1) return done == 0;
  return begin(c) && (!conns.read_len || take(c));
}

static bool
take(struct conn *c)
{
  switch (c->state) {
  case PROXIED: return take_header(c);
  case PLAIN: give_plain(c, conns.read_buf, conns.read_len); return true;
  case HANDSHAKE: return do_handshake(c);
  case SECURE: return give_decrypted(c);
  case CONNECTING:
  case CLOSING: return true; /* thrown away */
  }
  return true;
}

static char const *
error_words(struct conn const *c, int error)
{
  return c->listener ? strerror(error) : dial_words(error);
}

/* false: dropped. */
static bool
conn_read(struct conn *c)
{
  ssize_t n = fd_read(c->io.fd, conns.read_buf, sizeof conns.read_buf);

  if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return true;
  if (n <= 0) {
    if (n < 0 || c->state == HANDSHAKE || c->state == PROXIED || c->shut) {
      conn_drop(c, n < 0 ? error_words(c, errno) : closed_by(c));
      return false;
    }
    /* The client may still read: what its last words bring is written. */
    c->ended = true;
    conn_tell_close(c, closed_by(c));
    conn_begin_close(c);
    conn_want(c);
    return true;
  }
  conn_totals.bytes_in += (uint64_t)n;
  conns.read_at = 0;
  conns.read_len = (size_t)n;
  if (!take(c)) return false;
  shaper_count(c, (size_t)n);
  if (c->waiting || c->ended || divert_is_full(c)) conn_want(c);
  return true;
}

static void
on_io(void *cookie, uint32_t what)
{
  struct conn *c = cookie;

  if (c->state == CONNECTING) {
    race_connected(c);
    return;
  }
  if (what & EVENT_WRITE && !conn_flush(c)) return;
  if (tally_is_news(c)) conn_mark_dirty(c);
  if (!(what & EVENT_READ)) return;
  if (c->io.want & EVENT_READ) {
    if (bounds_rest(c))
      conn_want(c);
    else
      conn_read(c);
  } else if (what & EVENT_GONE)
    conn_drop(c, c->listener ? "reset by the client" : "reset by the peer");
}

/* ---- the beginning ---- */

/* The neighbour of this kind that has the fewest conduits. */
static struct link *
least_loaded(enum program p)
{
  struct link *l, *best = NULL;

  for (l = link_next(NULL); l; l = link_next(l))
    if (l->program == p && l->up &&
        (!best || (uintptr_t)l->cookie < (uintptr_t)best->cookie))
      best = l;
  return best;
}

void
conn_start_tls(struct conn *c, struct slice name)
{
  struct cert *cert = certs_find(c->listener->certs, name);
  SSL_CTX *ctx = cert ? context_get(c->listener, cert, name) : NULL;

  if (name.len) c->tls_name = slice_dup(name);
  if (c->tls_name || !name.len) c->ssl = ctx ? context_new_ssl(ctx, c) : NULL;
  if (!c->ssl) {
    log_event(LOG_WARN, "tls-unavailable", "conn", log_conn(service_instance(), c->id),
              "ip", log_peer(slice_str(c->ip)), "listener", c->listener->name, "name",
              log_text(name), "why", cert ? "out of memory" : "no certificate", NULL);
    conn_drop(c, "TLS unavailable");
    return;
  }
  c->state = HANDSHAKE;
  event_timer_start(&c->timer, door_now() + TLS_HANDSHAKE_US, conn_on_deadline, c);
}

void
conn_start_client(struct conn *c, char const *host)
{
  c->ssl = client_new_ssl(c, host, c->dialing);
  if (!c->ssl) {
    conn_drop(c, "TLS unavailable");
    return;
  }
  c->state = HANDSHAKE;
  if (!c->dialing || !event_timer_on(&c->timer))
    event_timer_start(&c->timer, door_now() + TLS_HANDSHAKE_US, conn_on_deadline, c);
  conn_want(c);
  conns.read_at = conns.read_len = 0;
  do_handshake(c);
}

/* ip_size: room for its address, ip.len + 1 at least. NULL: ENOMEM; fd is closed. */
static struct conn *
conn_new(struct link *l, int fd, struct slice ip, size_t ip_size, unsigned int port,
         uint32_t want)
{
  struct conn *c = calloc(1, sizeof *c + ip_size);

  if (c) c->id = ids_take(&conns.ids, c);
  if (!c || !c->id) {
    free(c);
    fd_close(fd);
    return NULL;
  }
  conn_totals.open++;
  c->io = (struct event_io)EVENT_IO_ZERO;
  c->link = l;
  count_conduit(l, 1);
  memcpy(c->ip, ip.s, ip.len);
  c->port = (uint16_t)port;
  if ((l->program != S2SD || tally_begin(c)) &&
      event_io_start(&c->io, fd, want, on_io, c))
    return c;
  fd_close(fd);
  conn_drop(c, "cannot be watched");
  return NULL;
}

struct conn *
conn_dialed(struct link *l, int fd, struct slice ip, uint16_t port)
{
  struct conn *c = conn_new(l, fd, ip, ip.len + 1, port, EVENT_WRITE);

  if (!c) return NULL;
  c->state = CONNECTING;
  c->dialing = true;
  return c;
}

void
conn_accepted(struct listener *ln, int fd, struct slice ip, unsigned int port)
{
  struct link *l = least_loaded(ln->serves);
  size_t ip_size = ln->proxied ? CONN_IP_SIZE : ip.len + 1;
  struct conn *c = l ? conn_new(l, fd, ip, ip_size, port, EVENT_READ) : NULL;

  if (!c) {
    log_event(LOG_WARN, "connection-refused", "listener", ln->name, "ip", log_peer(ip),
              "why", l ? "out of memory" : "no stream program is connected", NULL);
    if (!l) fd_close(fd);
    return;
  }
  conn_totals.accepted++;
  if (!ln->proxied) address_enter(c);
  c->listener = ln;
  log_event(LOG_INFO, "accepted", "conn", log_conn(service_instance(), c->id), "ip",
            log_peer(ip), "listener", ln->name, NULL);
  if (ln->proxied)
    proxied_await(c);
  else
    begin(c);
}

SSL_CTX *
conn_tls_hello(void *cookie, struct slice sni, struct slice *stream_name)
{
  struct conn *c = cookie;
  struct cert *cert;

  *stream_name = slice_str(c->tls_name);
  if (c->tls_name || !sni.len) return NULL;
  cert = certs_find(c->listener->certs, sni);
  return cert ? context_get(c->listener, cert, sni) : NULL;
}

/* ---- all of them ---- */

typedef void each_fn(struct conn *c, void const *arg, void *arg2);

static void
each(each_fn *fn, void const *arg, void *arg2)
{
  uint32_t i;

  for (i = 0; i < conns.ids.used; i++)
    if (ids_at(&conns.ids, i)) fn(ids_at(&conns.ids, i), arg, arg2);
}

static void
drop_of_link(struct conn *c, void const *link, void *unused)
{
  (void)unused;
  if (c->link != link) return;
  c->link = NULL;
  c->they_closed = true;
  if (c->state == CLOSING)
    conn_flush(c);
  else
    conn_drop(c, "the stream program is gone");
}

void
conns_of_link_gone(struct link *l)
{
  each(drop_of_link, l, NULL);
  l->cookie = NULL;
}

static void
keep_greater(struct conn *c, void const *unused, void *greatest)
{
  struct conn **g = greatest;

  (void)unused;
  if (c->counted && (!*g || c->counted > (*g)->counted)) *g = c;
}

struct conn *
conns_greatest(void)
{
  struct conn *c = NULL;

  each(keep_greater, NULL, &c);
  return c;
}

static void
move_listener(struct conn *c, void const *from, void *to)
{
  if (c->listener != from) return;
  if (to)
    c->listener = to;
  else
    conn_drop(c, "the listener was removed");
}

void
conns_listener_gone(struct listener const *from, struct listener *to)
{
  each(move_listener, from, to);
}

bool
conns_none(void)
{
  return !conn_totals.open;
}
