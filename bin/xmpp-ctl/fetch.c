#include "ctl.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

/* A request of HTTP, as a client makes it, over TLS where the URL says so; the certificate must
 * have the name of the host, and come from one of the system's authorities. */

#define TIMEOUT_S 15
#define REPLY_MAX (256u << 10)

struct url {
  char host[256], port[8], path[2048];
  bool tls;
};

static bool
read_url(struct slice text, struct url *u)
{
  char const *at = memmem(text.s, text.len, "://", 3), *slash, *colon;
  struct slice rest, host;

  if (!at) return false;
  u->tls = slice_starts(text, "https");
  rest = slice_of(at + 3, text.len - (size_t)(at + 3 - text.s));
  slash = memchr(rest.s, '/', rest.len);
  host = slice_of(rest.s, slash ? (size_t)(slash - rest.s) : rest.len);
  snprintf(u->path, sizeof u->path, "%.*s", (int)(rest.len - host.len),
           rest.s + host.len);
  colon = memrchr(host.s, ':', host.len);
  if (colon && memchr(colon, ']', (size_t)(host.s + host.len - colon))) colon = NULL;
  snprintf(u->port, sizeof u->port, "%.*s",
           colon ? (int)(host.s + host.len - colon - 1) : 3,
           colon    ? colon + 1
           : u->tls ? "443"
                    : "80\0");
  if (colon) host.len = (size_t)(colon - host.s);
  snprintf(u->host, sizeof u->host, "%.*s", (int)host.len, host.s);
  return *u->host;
}

static void
fail(struct fetched *f, char const *hop, char const *why)
{
  f->hop = hop;
  snprintf(f->why, sizeof f->why, "%s", why ? why : "unknown");
}

static int
dial(struct url const *u, struct fetched *f)
{
  struct timeval const wait = {.tv_sec = TIMEOUT_S};
  struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *list, *a;
  int code = getaddrinfo(u->host, u->port, &hints, &list), fd = -1;

  if (code) {
    fail(f, "dns", gai_strerror(code));
    return -1;
  }
  for (a = list; a && fd < 0; a = a->ai_next) {
    fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) continue;
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait);
    if (!connect(fd, a->ai_addr, a->ai_addrlen)) break;
    close(fd);
    fd = -1;
  }
  freeaddrinfo(list);
  if (fd < 0) fail(f, "connect", strerror(errno));
  return fd;
}

static SSL *
begin_tls(int fd, struct url const *u, struct fetched *f)
{
  SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
  SSL *ssl = ctx ? SSL_new(ctx) : NULL;
  long verdict;

  SSL_CTX_free(ctx);
  if (!ssl) return NULL;
  SSL_CTX_set_default_verify_paths(SSL_get_SSL_CTX(ssl));
  SSL_set_verify(ssl, SSL_VERIFY_PEER, NULL);
  SSL_set1_host(ssl, u->host);
  SSL_set_tlsext_host_name(ssl, u->host);
  SSL_set_fd(ssl, fd);
  if (SSL_connect(ssl) == 1) return ssl;
  verdict = SSL_get_verify_result(ssl);
  fail(f, "tls",
       verdict == X509_V_OK ? ERR_reason_error_string(ERR_peek_error())
                            : X509_verify_cert_error_string(verdict));
  SSL_free(ssl);
  return NULL;
}

static bool
put_all(SSL *ssl, int fd, char const *s, size_t len)
{
  ssize_t n;

  for (; len; s += n, len -= (size_t)n) {
    n = ssl ? SSL_write(ssl, s, (int)len) : send(fd, s, len, MSG_NOSIGNAL);
    if (n <= 0) return false;
  }
  return true;
}

static void
get_all(SSL *ssl, int fd, struct fetched *f)
{
  char buf[16384];
  ssize_t n = 1;

  while (n > 0 && f->reply.len < REPLY_MAX) {
    n = ssl ? SSL_read(ssl, buf, sizeof buf) : recv(fd, buf, sizeof buf, 0);
    if (n > 0 && !stralloc_catb(&f->reply, buf, (size_t)n)) return;
  }
}

/* The status, what stands behind the head, and where a redirection leads. */
static void
read_reply(struct fetched *f)
{
  struct slice text = slice_of(f->reply.s, f->reply.len), line;
  char const *end = memmem(text.s, text.len, "\r\n\r\n", 4);

  if (!end || sscanf(text.s, "HTTP/1.%*c %u", &f->status) != 1) {
    fail(f, "http", text.len ? "the answer is no HTTP" : "no answer");
    return;
  }
  f->body = slice_of(end + 4, text.len - (size_t)(end + 4 - text.s));
  text.len = (size_t)(end - text.s);
  while (slice_word(&text, '\n', &line))
    if (line.len > 10 && !strncasecmp(line.s, "location: ", 10))
      snprintf(f->location, sizeof f->location, "%.*s", (int)(line.len - 11),
               line.s + 10);
}

void
fetch(char const *method, struct slice url, struct slice body, uint64_t length,
      struct fetched *f)
{
  char head[3000];
  struct url u;
  SSL *ssl = NULL;
  int fd, n;

  *f = (struct fetched){.reply = STRALLOC_ZERO};
  if (!read_url(url, &u)) {
    fail(f, "url", "no URL");
    return;
  }
  fd = dial(&u, f);
  if (fd >= 0 && u.tls) ssl = begin_tls(fd, &u, f);
  if (fd >= 0 && (ssl || !u.tls)) {
    n = snprintf(head, sizeof head,
                 "%s %s HTTP/1.1\r\nHost: %s%s%s\r\nConnection: close\r\n", method,
                 u.path, u.host, strcmp(u.port, u.tls ? "443" : "80") ? ":" : "",
                 strcmp(u.port, u.tls ? "443" : "80") ? u.port : "");
    n += snprintf(head + n, sizeof head - (size_t)n,
                  length ? "Content-Length: %llu\r\n\r\n" : "\r\n",
                  (unsigned long long)length);
    if (put_all(ssl, fd, head, (size_t)n) && put_all(ssl, fd, body.s, body.len)) {
      get_all(ssl, fd, f);
      read_reply(f);
    } else
      fail(f, "http", "the connection was cut");
  }
  if (ssl) SSL_free(ssl);
  if (fd >= 0) close(fd);
}
