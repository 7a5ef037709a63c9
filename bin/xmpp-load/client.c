#include "load.h"

#include <skalibs/allreadwrite.h>
#include <skalibs/djbunix.h>

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* A client connects, secures, logs in, and hands on to loads.c all that comes then.
 * Output gathers and leaves at once when the callback that made it ends. */

#define NS_TLS "urn:ietf:params:xml:ns:xmpp-tls"
#define NS_SASL "urn:ietf:params:xml:ns:xmpp-sasl"
#define NS_BIND "urn:ietf:params:xml:ns:xmpp-bind"
#define NS_SESSION "urn:ietf:params:xml:ns:xmpp-session"

static SSL_CTX *ctx;

/* The certificate of a server; that of a client is its password. */
static void
use_certificate(void)
{
  char const *file = setting("cert", "");

  if (SSL_CTX_use_certificate_chain_file(ctx, file) != 1 ||
      SSL_CTX_use_PrivateKey_file(ctx, file, SSL_FILETYPE_PEM) != 1)
    fprintf(stderr, "xmpp-load: %s: no certificate and key\n", file);
}

static SSL_CTX *
context(void)
{
  if (ctx) return ctx;
  ctx = SSL_CTX_new(TLS_client_method());
  SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                          SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_verify(ctx, SSL_VERIFY_NONE, NULL);
  if (opt.kind->is_server) use_certificate();
  return ctx;
}

static void
over(struct client *c, char const *why)
{
  int fd = c->io.fd;

  if (c->state == C_OVER) return;
  c->state = C_OVER;
  event_io_cancel(&c->io);
  if (fd >= 0) fd_close(fd);
  load_over(c, why);
}

void
client_cut(struct client *c, char const *why)
{
  over(c, why);
}

/* > 0 all written, 0 not now, < 0 broken. */
static int
flush(struct client *c)
{
  size_t done = 0;

  while (done < c->out.len) {
    ssize_t n;
    if (c->ssl) {
      int r = SSL_write(c->ssl, c->out.s + done, (int)(c->out.len - done));
      if (r <= 0) {
        int e = SSL_get_error(c->ssl, r);
        if (e != SSL_ERROR_WANT_WRITE && e != SSL_ERROR_WANT_READ) return -1;
        break;
      }
      n = r;
    } else {
      n = fd_write(c->io.fd, c->out.s + done, c->out.len - done);
      if (n < 0 && errno != EAGAIN) return -1;
      if (n <= 0) break;
    }
    done += (size_t)n;
  }
  if (done) memmove(c->out.s, c->out.s + done, c->out.len - done);
  c->out.len -= done;
  event_io_want(&c->io, EVENT_READ | (c->out.len ? EVENT_WRITE : 0));
  if (!c->out.len) stralloc_free(&c->out);
  return !c->out.len;
}

void
client_write(struct client *c, char const *s, size_t len)
{
  bool ok = c->websocket ? websocket_put(c, s, len) : stralloc_catb(&c->out, s, len) != 0;

  if (!ok) over(c, "out of memory");
}

void
client_write_str(struct client *c, char const *s)
{
  client_write(c, s, strlen(s));
}

static void
write_header(struct client *c)
{
  char text[1024], from[300] = "";

  if (c->websocket) {
    if (!websocket_header(c)) over(c, "out of memory");
    return;
  }
  if (opt.kind->is_server)
    snprintf(from, sizeof from, " from='d%llu.%s'", (unsigned long long)c->n,
             setting("domain", "example"));
  snprintf(text, sizeof text,
           "<?xml version='1.0'?><stream:stream xmlns='jabber:%s' "
           "xmlns:stream='" XML_NS_STREAMS "' to='%s'%s version='1.0'>",
           opt.kind->is_server ? "server" : "client", load_place(c->n).domain, from);
  client_write_str(c, text);
}

/* The connection stands: the stream begins. */
static void
begin_stream(struct client *c, enum client_state state)
{
  c->state = state;
  if (!*setting("websocket", ""))
    write_header(c);
  else if (!websocket_begin(c))
    over(c, "out of memory");
}

static void
begin_tls(struct client *c)
{
  c->ssl = SSL_new(context());
  SSL_set_fd(c->ssl, c->io.fd);
  /* The macro SSL_set_tlsext_host_name casts const away. */
  SSL_ctrl(c->ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
           (void *)(uintptr_t)load_place(c->n).domain);
  SSL_set_connect_state(c->ssl);
  if (opt.kind->sasl2) opt.kind->sasl2->begin_tls(c);
  c->state = C_HANDSHAKE;
}

static void
write_auth(struct client *c)
{
  stralloc sa = STRALLOC_ZERO;

  c->state = C_AUTH;
  if (opt.kind->is_server) {
    client_write_str(c, "<auth xmlns='" NS_SASL "' mechanism='EXTERNAL'>=</auth>");
    return;
  }
  xml_cat(&sa, "<auth xmlns='" NS_SASL "' mechanism='");
  xml_cat(&sa, opt.mechanism);
  xml_cat(&sa, "'>");
  if (!login_first(c, &sa)) over(c, "no memory to log in");
  xml_cat(&sa, "</auth>");
  client_write(c, sa.s, sa.len);
  stralloc_free(&sa);
}

static void
write_response(struct client *c, struct xml_node const *e)
{
  struct arena a = ARENA_ZERO;
  stralloc sa = STRALLOC_ZERO;

  xml_cat(&sa, "<response xmlns='" NS_SASL "'>");
  if (!login_challenge(c, xml_text(&a, e), &sa)) over(c, "the challenge makes no sense");
  xml_cat(&sa, "</response>");
  client_write(c, sa.s, sa.len);
  stralloc_free(&sa);
  arena_wipe(&a);
}

/* RFC 3921 s3: servers that still want a session say so, without <optional/>. */
static void
bind_resource(struct client *c, struct xml_node const *features)
{
  struct xml_node const *session = xml_child(features, NS_SESSION, "session");

  c->wants_session = session && !xml_child(session, NULL, "optional");
  client_write_str(c, "<iq type='set' id='bind'><bind xmlns='" NS_BIND
                      "'><resource>load</resource></bind></iq>");
  c->state = C_BINDING;
}

static void
be_online(struct client *c)
{
  c->state = C_ONLINE;
  if (!opt.kind->is_silent) client_write_str(c, "<presence/>");
  load_online(c);
}

static void
on_bound(struct client *c)
{
  if (c->wants_session) {
    c->wants_session = false;
    client_write_str(c, "<iq type='set' id='session'><session xmlns='" NS_SESSION
                        "'/></iq>");
    return;
  }
  be_online(c);
}

static void
on_features(struct client *c, struct xml_node const *e)
{
  switch ((int)c->state) {
  case C_PLAIN:
    if (!xml_child(e, NS_TLS, "starttls")) {
      write_auth(c);
      return;
    }
    client_write_str(c, "<starttls xmlns='" NS_TLS "'/>");
    c->state = C_STARTTLS;
    return;
  case C_SECURE:
    if (opt.kind->sasl2)
      opt.kind->sasl2->authenticate(c);
    else
      write_auth(c);
    return;
  case C_AUTH:
    if (opt.kind->sasl2) return; /* the client has begun with SASL2 before they came */
    over(c, "features at a wrong time");
    return;
  case C_AUTHED:
    if (opt.kind->is_server)
      be_online(c);
    else
      bind_resource(c, e);
    return;
  default: over(c, "features at a wrong time");
  }
}

static void
on_sasl(struct client *c, struct xml_node const *e)
{
  if (slice_is(e->name, "challenge")) {
    write_response(c, e);
  } else if (slice_is(e->name, "success")) {
    login_forget(c);
    c->state = C_AUTHED;
    c->restart = true;
    write_header(c);
  } else
    over(c, "not let in");
}

static bool
on_open(void *cookie, struct xml_node const *root)
{
  (void)cookie;
  (void)root;
  return true;
}

static void
unexpected(struct client *c, struct xml_node const *e)
{
  struct xml_node const *first = xml_next(e, NULL);
  char text[128];

  snprintf(text, sizeof text, "%.*s %.*s was not expected", (int)e->name.len, e->name.s,
           first ? (int)first->name.len : 0, first ? first->name.s : "");
  over(c, text);
}

static bool
on_element(void *cookie, struct xml_node const *e, struct slice bytes)
{
  struct client *c = cookie;

  (void)bytes;
  if (c->state == C_ONLINE) {
    if (xml_is(e, XML_NS_STREAMS, "error"))
      over(c, "stream error");
    else
      load_stanza(c, e);
  } else if (xml_is(e, XML_NS_STREAMS, "features")) {
    on_features(c, e);
  } else if (xml_is(e, NS_TLS, "proceed")) {
    c->restart = true;
    begin_tls(c);
  } else if (opt.kind->sasl2 && c->state == C_AUTH) {
    opt.kind->sasl2->element(c, e);
  } else if (slice_is(e->ns, NS_SASL)) {
    on_sasl(c, e);
  } else if (slice_is(e->name, "iq") && c->state == C_BINDING &&
             slice_is(xml_attr(e, "type"), "result")) {
    on_bound(c);
  } else
    unexpected(c, e);
  return !c->restart && c->state != C_OVER;
}

static bool
on_close(void *cookie)
{
  over(cookie, "the server ended the stream");
  return false;
}

static struct xml_events const events = {on_open, on_element, on_close};

void
client_feed(struct client *c, char const *s, size_t len)
{
  while (len && c->state != C_OVER) {
    size_t used;
    if (c->restart) xml_reset(&c->xml);
    c->restart = false;
    if (xml_feed(&c->xml, &events, c, s, len, &used)) {
      over(c, "what came is not XML");
      return;
    }
    s += used;
    len -= used;
  }
}

static bool
handshake(struct client *c)
{
  int r = SSL_do_handshake(c->ssl), e;

  if (r == 1) {
    begin_stream(c, C_SECURE);
    if (opt.kind->sasl2 && !c->websocket) opt.kind->sasl2->secured(c);
    return true;
  }
  e = SSL_get_error(c->ssl, r);
  if (e == SSL_ERROR_WANT_READ || e == SSL_ERROR_WANT_WRITE)
    event_io_want(&c->io, EVENT_READ | (e == SSL_ERROR_WANT_WRITE ? EVENT_WRITE : 0));
  else
    over(c, "the TLS handshake failed");
  return false;
}

static void
read_some(struct client *c)
{
  static char buf[65536];
  ssize_t n;

  for (;;) {
    if (c->ssl) {
      int r = SSL_read(c->ssl, buf, sizeof buf), e;
      if (r <= 0) {
        e = SSL_get_error(c->ssl, r);
        if (e != SSL_ERROR_WANT_READ && e != SSL_ERROR_WANT_WRITE) over(c, "cut off");
        return;
      }
      n = r;
    } else {
      n = fd_read(c->io.fd, buf, sizeof buf);
      if (n < 0 && errno == EAGAIN) return;
      if (n <= 0) {
        over(c, "cut off");
        return;
      }
    }
    if (!c->websocket)
      client_feed(c, buf, (size_t)n);
    else if (!websocket_take(c, buf, (size_t)n))
      over(c, "the WebSocket has ended");
    if (c->state == C_OVER || c->state == C_HANDSHAKE || !c->ssl) return;
  }
}

static void
on_io(void *cookie, uint32_t what)
{
  struct client *c = cookie;

  door_tick();
  if (c->state == C_CONNECTING && what & EVENT_WRITE) {
    if (opt.direct) {
      begin_tls(c);
    } else {
      begin_stream(c, C_PLAIN);
    }
  }
  if (c->state == C_HANDSHAKE && !handshake(c)) return;
  if (what & EVENT_READ && c->state > C_CONNECTING) read_some(c);
  /* On a busy machine the server's part is there at once, and the handshake is done. */
  if (c->state == C_HANDSHAKE && flush(c) >= 0) handshake(c);
  if (c->state != C_HANDSHAKE && c->state != C_OVER && c->out.len && flush(c) < 0)
    over(c, "cut off");
}

/* The source addresses are taken in turn; their ports are chosen when the destination is
 * known, so that each has all of them. */
static bool
bind_source(int fd, int family)
{
  static unsigned int turn;
  struct addrinfo want = {.ai_family = family, .ai_flags = AI_NUMERICHOST}, *found;
  int on = 1;
  bool ok;

  if (!opt.n_sources) return true;
  if (getaddrinfo(opt.sources[turn++ % opt.n_sources], NULL, &want, &found)) return false;
  setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
  ok = !bind(fd, found->ai_addr, found->ai_addrlen);
  freeaddrinfo(found);
  return ok;
}

static int
dial_one(struct addrinfo const *found)
{
  int fd, on = 1;

  fd = socket(found->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return -1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (bind_source(fd, found->ai_family) &&
      (!connect(fd, found->ai_addr, found->ai_addrlen) || errno == EINPROGRESS))
    return fd;
  fd_close(fd);
  return -1;
}

static int
dial(struct place to)
{
  struct addrinfo want = {.ai_socktype = SOCK_STREAM}, *found;
  int fd;

  if (getaddrinfo(to.host, to.port, &want, &found)) return -1;
  fd = dial_one(found);
  freeaddrinfo(found);
  return fd;
}

struct client *
client_start(uint64_t n)
{
  struct client *c = calloc(1, sizeof *c);
  void *own = calloc(1, opt.kind->each + 1);
  int fd = c && own ? dial(load_place(n)) : -1;

  if (fd < 0) goto no_socket;
  c->own = own;
  c->n = n;
  c->begun_us = door_now();
  xml_limit(&c->xml, STANZA_MAX);
  if (event_io_start(&c->io, fd, EVENT_WRITE, on_io, c)) return c;
  fd_close(fd);
no_socket:
  free(own);
  free(c);
  return NULL;
}

void
client_flush(struct client *c)
{
  on_io(c, 0);
}

void
client_end(struct client *c)
{
  int fd = c->io.fd;

  event_io_cancel(&c->io);
  if (fd >= 0) fd_close(fd);
  SSL_free(c->ssl);
  xml_reset(&c->xml);
  stralloc_free(&c->out);
  login_forget(c);
  websocket_free(c);
  free(c->own);
  free(c);
}
