#include "tlsd.h"

#include <skalibs/djbunix.h>
#include <skalibs/socket.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/* Sockets of listeners, and of the connections that they accept. */

int
socket_bind_unix(char const *path, mode_t mode)
{
  int fd = ipc_stream_nbcoe();

  if (fd < 0) return -1;
  if (ipc_bind_reuse(fd, path) >= 0 && (!mode || !chmod(path, mode))) return fd;
  fd_close(fd);
  return -1;
}

static bool
bind_ip(int fd, struct listener const *ln, char const *ip, int family, bool reuseport)
{
  struct sockaddr_in6 a6 = {.sin6_family = AF_INET6,
                            .sin6_port = htons((uint16_t)ln->port)};
  struct sockaddr_in a4 = {.sin_family = AF_INET, .sin_port = htons((uint16_t)ln->port)};
  int on = 1, off = 0;

  if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on)) return false;
  if (reuseport && setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on)) return false;
  if (family == AF_INET)
    return inet_pton(AF_INET, ip, &a4.sin_addr) == 1 &&
           !bind(fd, (struct sockaddr *)&a4, sizeof a4);
  return !setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off) &&
         inet_pton(AF_INET6, ip, &a6.sin6_addr) == 1 &&
         !bind(fd, (struct sockaddr *)&a6, sizeof a6);
}

/* A machine without IPv6 takes "::" as all of IPv4. */
int
socket_bind_tcp(struct listener const *ln, bool reuseport)
{
  char const *ip = ln->ip;
  int family = strchr(ip, ':') ? AF_INET6 : AF_INET;
  int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

  if (fd < 0 && errno == EAFNOSUPPORT && !strcmp(ip, "::")) {
    family = AF_INET;
    ip = "0.0.0.0";
    fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  }
  if (fd < 0) return -1;
  if (bind_ip(fd, ln, ip, family, reuseport)) return fd;
  fd_close(fd);
  return -1;
}

struct slice
socket_peer(struct sockaddr_storage const *sa, char buf[INET6_ADDRSTRLEN],
            unsigned int *port)
{
  struct sockaddr_in6 a6;
  struct sockaddr_in a4;

  *port = 0;
  if (sa->ss_family == AF_INET) {
    memcpy(&a4, sa, sizeof a4);
    *port = ntohs(a4.sin_port);
    inet_ntop(AF_INET, &a4.sin_addr, buf, INET6_ADDRSTRLEN);
  } else if (sa->ss_family == AF_INET6) {
    memcpy(&a6, sa, sizeof a6);
    *port = ntohs(a6.sin6_port);
    if (IN6_IS_ADDR_V4MAPPED(&a6.sin6_addr))
      inet_ntop(AF_INET, &a6.sin6_addr.s6_addr[12], buf, INET6_ADDRSTRLEN);
    else
      inet_ntop(AF_INET6, &a6.sin6_addr, buf, INET6_ADDRSTRLEN);
  } else
    strcpy(buf, "127.0.0.1"); /* a UNIX socket */
  return slice_str(buf);
}

/* Output that is not on its way yet waits here, where its bytes are counted, and not
 * in the kernel, which would take megabytes for each client that does not read. */
void
socket_set_options(int fd)
{
  int on = 1, most = CONN_HIGH_WATER;

  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &most, sizeof most);
}
