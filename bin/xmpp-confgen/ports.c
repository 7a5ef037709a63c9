#include "confgen.h"

#include <skalibs/djbunix.h>

#define START "/proc/sys/net/ipv4/ip_unprivileged_port_start"

/* The first port that ordinary users may open on this machine; 0 where nothing says. */
static uint64_t
first_free(void)
{
  char text[16];
  ssize_t len = openreadnclose(START, text, sizeof text);
  uint64_t port;

  while (len > 0 && text[len - 1] == '\n')
    len--;
  return len > 0 && slice_u64(slice_of(text, (size_t)len), &port) ? port : 0;
}

void
check_port(struct yaml_node const *n, uint64_t port)
{
  uint64_t first = job.no_files || job.as_root || !port ? 0 : first_free();

  if (port < first)
    say_warning(n, "listen.port",
                "ports below %u are root's on this machine, and no program is root: set "
                "net.ipv4.ip_unprivileged_port_start=%u in /etc/sysctl.d",
                (unsigned int)first, (unsigned int)port);
}
