#include "addresses.h"
#include "s2s.h"
#include "tickets.h"

#include <skalibs/allreadwrite.h>
#include <skalibs/djbunix.h>

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

char const *const tlsd_needs[] = {
  "backlog",
  "ciphers",
  "connections_per_address",
  "outgoing_s2s_timeout",
  "protocol_options",
  "send_timeout",
  NULL,
};

/* Listeners are made from the settings as a whole new list; sockets of the old list
 * that stay the same are carried over, so a reload refuses no connection. The others
 * are tried before the list is taken, and opened after: a port that somebody takes in
 * between is tried again. */

#define ACCEPTS_A_TURN 64
/* Out of files: accept nothing for this long. */
#define ACCEPT_PAUSE_US 100000u
/* A socket that does not open is tried again after the first time, which doubles up to
 * the second. */
#define LISTEN_RETRY_US 1000000u
#define LISTEN_RETRY_MAX_US 8000000u
/* The age of certificates is looked at once a day. */
#define AGES_US 86400000000u

static struct {
  struct listener *first;
  struct certs *certs;
  struct event_timer pause, retry, ages;
  uint64_t retry_us; /* the time to the next try of sockets that do not open */
  bool reuseport, closed;
} listeners;

/* The values that a reading of the settings has given. */
struct made {
  struct listener *first;
  struct certs *certs;
  struct s2s *s2s;
  bool reuseport;
  uint64_t waiting_max, address_max;
  char const *tickets; /* the file of their keys; NULL: that of all instances */
};

/* ---- settings ---- */

static struct {
  char const *word;
  uint64_t option;
} const words[] = {
  {"no_sslv2",                               0                                       },
  {"no_sslv3",                               SSL_OP_NO_SSLv3                         },
  {"no_tlsv1",                               SSL_OP_NO_TLSv1                         },
  {"no_tlsv1_1",                             SSL_OP_NO_TLSv1_1                       },
  {"no_tlsv1_2",                             SSL_OP_NO_TLSv1_2                       },
  {"no_tlsv1_3",                             SSL_OP_NO_TLSv1_3                       },
  {"cipher_server_preference",               SSL_OP_CIPHER_SERVER_PREFERENCE         },
  {"no_compression",                         SSL_OP_NO_COMPRESSION                   },
  {"no_ticket",                              SSL_OP_NO_TICKET                        },
  {"single_dh_use",                          0                                       },
  {"single_ecdh_use",                        0                                       },
  {"legacy_server_connect",                  SSL_OP_LEGACY_SERVER_CONNECT            },
  {"no_session_resumption_on_renegotiation",
   SSL_OP_NO_SESSION_RESUMPTION_ON_RENEGOTIATION                                     },
  {"allow_unsafe_legacy_renegotiation",      SSL_OP_ALLOW_UNSAFE_LEGACY_RENEGOTIATION},
};

bool
tls_words_read(char const *key, struct slice scope, struct slice list, uint64_t *options,
               int *min_version)
{
  struct slice word;
  size_t i;

  *options = 0;
  while (slice_word(&list, '|', &word)) {
    for (i = 0; i < sizeof words / sizeof *words; i++)
      if (slice_is(word, words[i].word)) break;
    if (i == sizeof words / sizeof *words) {
      settings_refuse(key, scope, "unknown word ", log_text(word), NULL);
      return false;
    }
    *options |= words[i].option;
  }
  /* Nothing under TLS 1.2 is spoken, whatever the words say. */
  *min_version = *options & SSL_OP_NO_TLSv1_2 ? TLS1_3_VERSION : TLS1_2_VERSION;
  return true;
}

static void
listener_free(struct listener *ln)
{
  int fd = ln->io.fd;

  event_io_cancel(&ln->io);
  event_timer_cancel(&ln->interval);
  if (fd >= 0) fd_close(fd);
  context_free_all(ln);
  free(ln->name);
  free(ln->ip);
  free(ln->ciphers);
  free(ln->dhfile);
  free(ln->cafile);
  nets_wipe(&ln->proxies);
  free(ln);
}

/* The program of the streams that a listener serves. */
static enum program
served_by(struct slice what)
{
  if (slice_is(what, "s2s")) return S2SD;
  if (slice_is(what, "http")) return WEBD;
  return slice_is(what, "comp") ? COMPD : C2SD;
}

/* xmpp-confgen has checked the digits. */
static mode_t
octal(struct slice text)
{
  mode_t mode = 0;
  size_t i;

  for (i = 0; i < text.len; i++)
    mode = mode * 8 + (mode_t)(text.s[i] - '0');
  return mode & 0777;
}

static bool
listener_read(struct listener *ln, struct settings const *st,
              struct settings_row const *row)
{
  struct slice scope = row->scope;
  struct slice dhfile = settings_get(st, "dhfile", scope);
  struct slice cafile = settings_get(st, "cafile", scope);

  ln->name = slice_dup(scope);
  ln->ip = slice_dup(row->value[0]);
  ln->ciphers = slice_dup(settings_get(st, "ciphers", scope));
  ln->dhfile = dhfile.len ? slice_dup(dhfile) : NULL;
  ln->cafile = cafile.len ? slice_dup(cafile) : NULL;
  if (!ln->name || !ln->ip || !ln->ciphers || (dhfile.len && !ln->dhfile) ||
      (cafile.len && !ln->cafile))
    return false;
  if (!slice_u64(row->value[1], &ln->port)) ln->port = 0;
  ln->serves = served_by(row->value[2]);
  ln->direct = slice_is(settings_get(st, "tls", scope), "direct");
  ln->required = slice_is(settings_get(st, "tls", scope), "starttls_required");
  ln->proxied = settings_bool(st, "use_proxy_protocol", scope);
  ln->backlog = settings_u64(st, "backlog", scope);
  if (slice_starts(scope, "unix:"))
    ln->mode = octal(settings_get(st, "unix_socket", scope));
  ln->send_timeout_us = settings_us(st, "send_timeout", scope);
  if (settings_get(st, "accept_interval", scope).len)
    ln->interval_us = settings_us(st, "accept_interval", scope);
  if (!nets_add(&ln->proxies, settings_get(st, "proxy_from", scope))) {
    settings_refuse("proxy_from", scope, "no address or network", NULL);
    return false;
  }
  return tls_words_read("protocol_options", scope,
                        settings_get(st, "protocol_options", scope), &ln->options,
                        &ln->min_version);
}

static void
free_list(struct listener *ln)
{
  while (ln) {
    struct listener *next = ln->next;
    listener_free(ln);
    ln = next;
  }
}

static bool
read_list(struct settings const *st, struct made *m)
{
  struct settings_row const *row = NULL;
  struct listener **at = &m->first;

  while ((row = settings_next(st, "listener", row))) {
    struct listener *ln = calloc(1, sizeof *ln);
    if (!ln) return false;
    ln->io = (struct event_io)EVENT_IO_ZERO;
    *at = ln;
    at = &ln->next;
    ln->certs = m->certs;
    ln->s2s = m->s2s;
    if (!listener_read(ln, st, row) || !context_prepare(ln)) return false;
  }
  return true;
}

/* ---- sockets ---- */

static void
want_accepts(bool want)
{
  struct listener *ln;

  for (ln = listeners.first; ln; ln = ln->next)
    event_io_want(&ln->io, want && link_find(ln->serves) && !event_timer_on(&ln->interval)
                             ? EVENT_READ
                             : 0);
}

static void
interval_over(void *cookie)
{
  struct listener *ln = cookie;

  if (!event_timer_on(&listeners.pause))
    event_io_want(&ln->io, link_find(ln->serves) ? EVENT_READ : 0);
}

/* Leave the listener's next connections to the kernel until its interval is over. */
static void
begin_interval(struct listener *ln)
{
  event_io_want(&ln->io, 0);
  event_timer_start(&ln->interval, door_now() + ln->interval_us, interval_over, ln);
}

static void
pause_over(void *cookie)
{
  (void)cookie;
  want_accepts(true);
}

/* A peer that is none of the proxies is refused before it has said a byte. */
static bool
may_connect(struct listener const *ln, struct slice ip)
{
  if (!ln->proxied || nets_empty(&ln->proxies) || nets_have(&ln->proxies, ip))
    return true;
  log_event(LOG_WARN, "connection-refused", "listener", ln->name, "ip", log_peer(ip),
            "why", "not one of proxy_from", NULL);
  return false;
}

static void
on_accept(void *cookie, uint32_t what)
{
  struct listener *ln = cookie;
  struct sockaddr_storage sa;
  char buf[INET6_ADDRSTRLEN];
  struct slice ip;
  unsigned int n, port = 0, most = ln->interval_us ? 1 : ACCEPTS_A_TURN;
  int fd;

  (void)what;
  if (!link_find(ln->serves)) {
    event_io_want(&ln->io, 0);
    return;
  }
  for (n = 0; n < most; n++) {
    socklen_t len = sizeof sa;
    memset(&sa, 0, sizeof sa);
    fd = accept4(ln->io.fd, (struct sockaddr *)&sa, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) break;
    ip = socket_peer(&sa, buf, &port);
    if (!may_connect(ln, ip) || (!ln->proxied && !address_admits(ln, ip))) {
      fd_close(fd);
      continue;
    }
    socket_set_options(fd);
    conn_accepted(ln, fd, ip, port);
  }
  if (n && ln->interval_us) begin_interval(ln);
  if (n == most || errno == EAGAIN || errno == ECONNABORTED || errno == EINTR) return;
  log_event(LOG_WARN, "accept-failed", "listener", ln->name, "why", strerror(errno),
            NULL);
  want_accepts(false);
  event_timer_start(&listeners.pause, door_now() + ACCEPT_PAUSE_US, pause_over, NULL);
}

static bool
same_socket(struct listener const *a, struct listener const *b)
{
  return a->port == b->port && !strcmp(a->ip, b->ip);
}

static void
listen_failed(struct listener const *ln, int error)
{
  log_event(LOG_WARN, "listen-failed", "listener", ln->name, "ip", ln->ip, "port",
            log_num(ln->port), "why", strerror(error), "do",
            error == EACCES
              ? "set net.ipv4.ip_unprivileged_port_start to this port in /etc/sysctl.d"
              : "wait: xmpp-tlsd tries again",
            NULL);
}

/* The log says once that a socket does not open, and again when the reason is another. */
static void
note_failure(struct listener *ln, int error)
{
  if (ln->error != error) listen_failed(ln, error);
  ln->error = error;
}

static void
open_socket(struct listener *ln)
{
  bool is_path = !strncmp(ln->ip, "unix:", 5);
  int fd = is_path ? socket_bind_unix(ln->ip + 5, ln->mode)
                   : socket_bind_tcp(ln, listeners.reuseport);

  if (fd >= 0 && !listen(fd, (int)ln->backlog) &&
      event_io_start(&ln->io, fd, link_find(ln->serves) ? EVENT_READ : 0, on_accept,
                     ln)) {
    if (ln->error) log_event(LOG_INFO, "listener-open", "listener", ln->name, NULL);
    ln->error = 0;
    return;
  }
  note_failure(ln, errno ? errno : EIO);
  if (fd >= 0) fd_close(fd);
}

static struct listener *
first_closed(void)
{
  struct listener *ln;

  for (ln = listeners.first; ln && ln->io.fd >= 0; ln = ln->next) {
  }
  return ln;
}

static void
open_sockets(void *cookie)
{
  struct listener *ln;

  (void)cookie;
  for (ln = listeners.first; ln; ln = ln->next)
    if (ln->io.fd < 0) open_socket(ln);
  if (!first_closed()) return;
  event_timer_start(&listeners.retry, door_now() + listeners.retry_us, open_sockets,
                    NULL);
  listeners.retry_us *= 2;
  if (listeners.retry_us > LISTEN_RETRY_MAX_US) listeners.retry_us = LISTEN_RETRY_MAX_US;
}

/* Take the sockets over that stay, and close the others, whose ports may be wanted. */
static void
carry_sockets(struct listener *list, struct listener *old)
{
  struct listener *ln, *o;

  for (o = old; o; o = o->next) {
    int fd = o->io.fd;
    for (ln = list; ln && !same_socket(ln, o); ln = ln->next) {
    }
    event_io_cancel(&o->io);
    if (fd < 0) continue;
    if (ln && ln->mode && chmod(ln->ip + 5, ln->mode))
      log_event(LOG_WARN, "listener-mode", "listener", ln->name, "why", strerror(errno),
                NULL);
    if (!ln || listen(fd, (int)ln->backlog) ||
        !event_io_start(&ln->io, fd, link_find(ln->serves) ? EVENT_READ : 0, on_accept,
                        ln))
      fd_close(fd);
  }
}

/* Say whether the old list has the port: then its socket is carried over, or closed
 * first. */
static bool
is_ours(struct listener const *ln)
{
  struct listener const *o;

  for (o = listeners.first; o; o = o->next)
    if (o->port == ln->port) return true;
  return false;
}

/* Try whether a socket that is new opens: a reload that cannot have it changes
 * nothing. A path is not tried: that would take it from a server that has it. */
static bool
try_socket(struct listener const *ln, bool reuseport)
{
  int fd;

  if (!ln->port || is_ours(ln)) return true;
  fd = socket_bind_tcp(ln, reuseport);
  if (fd >= 0) {
    fd_close(fd);
    return true;
  }
  listen_failed(ln, errno);
  settings_refuse("listener", slice_str(ln->name), "unable to listen: ", strerror(errno),
                  NULL);
  return false;
}

/* At the start nothing is tried: a port or an address may come later. */
static bool
try_sockets(struct made const *m)
{
  struct listener const *ln;

  for (ln = listeners.certs ? m->first : NULL; ln; ln = ln->next)
    if (!try_socket(ln, m->reuseport)) return false;
  return true;
}

/* ---- taking settings ---- */

void
listeners_drop(void *fresh)
{
  struct made *m = fresh;

  free_list(m->first);
  certs_free(m->certs);
  s2s_free(m->s2s);
  free(m);
}

void *
listeners_read(struct settings *st)
{
  struct made *m = calloc(1, sizeof *m);

  if (!m) return NULL;
  m->reuseport = settings_bool(st, "reuseport", SLICE("*"));
  m->address_max = settings_u64(st, "connections_per_address", SLICE("*"));
  m->waiting_max = settings_limit(st, "output_max", CONN_OUTPUT_ALL_MAX);
  if (settings_get(st, "tickets", SLICE("*")).len)
    m->tickets = settings_get(st, "tickets", SLICE("*")).s;
  m->certs = certs_load(st, listeners.certs);
  m->s2s = m->certs ? s2s_read(st) : NULL;
  if (m->s2s && read_list(st, m) && try_sockets(m)) return m;
  listeners_drop(m);
  return NULL;
}

static void
log_ages(void *cookie)
{
  (void)cookie;
  certs_log_ages(listeners.certs);
  event_timer_start(&listeners.ages, door_now() + AGES_US, log_ages, NULL);
}

void
listeners_take(void *fresh, bool first)
{
  struct made *m = fresh;
  struct listener *old = listeners.first, *o, *ln;

  if (first) event_after(bounds_turn, NULL);
  if (first) tickets_start(m->tickets ? m->tickets : service_run_file("../tlsd/tickets"));
  carry_sockets(m->first, old);
  for (o = old; o; o = o->next) {
    for (ln = m->first; ln && strcmp(ln->name, o->name) != 0; ln = ln->next) {
    }
    conns_listener_gone(o, ln ? ln : m->first);
  }
  free_list(old);
  certs_free(listeners.certs);
  listeners.first = m->first;
  listeners.certs = m->certs;
  s2s_take(m->s2s);
  listeners.reuseport = m->reuseport;
  bounds_set(m->waiting_max);
  addresses_set(m->address_max);
  free(m);
  certs_log(listeners.certs);
  log_ages(NULL);
  listeners.retry_us = LISTEN_RETRY_US;
  open_sockets(NULL);
}

struct certs const *
certs_now(void)
{
  return listeners.certs;
}

void
listeners_wake(void)
{
  if (!listeners.closed) want_accepts(true);
}

bool
listeners_ready(void)
{
  struct listener const *ln;

  for (ln = listeners.first; ln; ln = ln->next)
    if (ln->io.fd >= 0) return true;
  return !listeners.first;
}

char const *
listeners_awaits(void)
{
  static char text[512];
  struct listener const *ln = first_closed();

  if (!ln) return NULL;
  snprintf(text, sizeof text, "cannot listen on %s: %s", ln->name, strerror(ln->error));
  return text;
}

void
listeners_status(struct link *ctl)
{
  struct listener const *ln;

  for (ln = listeners.first; ln; ln = ln->next)
    service_row(ctl, "listener", ln->name, ln->io.fd >= 0 ? "open" : "closed",
                ln->io.fd >= 0 ? NULL : strerror(ln->error), NULL);
}

/* The names of a certificate with blanks between, as many as there is room for. */
static char const *
names_of(struct cert const *c)
{
  static char text[1024];
  size_t at = 0, i;

  text[0] = 0;
  for (i = 0; i < c->names.n && at + strlen(c->names.v[i]) + 2 < sizeof text; i++)
    at += (size_t)sprintf(text + at, "%s%s", at ? " " : "", c->names.v[i]);
  return text;
}

void
listeners_certificate(struct link *ctl, struct record *r)
{
  struct cert const *c = certs_find(listeners.certs, record_get(r, 1));

  if (!c) {
    service_error(ctl, "there is no certificate");
    return;
  }
  service_row(ctl, certs_file(c->leaf), names_of(c), log_num((uint64_t)c->span.from),
              log_num((uint64_t)c->span.until),
              certs_fits(listeners.certs, c, record_get(r, 1)) ? "fits" : "other", NULL);
  service_done(ctl);
}

void
listeners_close(void)
{
  struct listener *ln;

  listeners.closed = true;
  event_timer_cancel(&listeners.pause);
  event_timer_cancel(&listeners.retry);
  event_timer_cancel(&listeners.ages);
  for (ln = listeners.first; ln; ln = ln->next) {
    int fd = ln->io.fd;
    event_io_cancel(&ln->io);
    event_timer_cancel(&ln->interval);
    if (fd >= 0) fd_close(fd);
  }
}
