#include "link/link_internal.h"

#include <skalibs/allreadwrite.h>
#include <skalibs/djbunix.h>
#include <skalibs/socket.h>

#include <string.h>
#include <unistd.h>

/* Links that connect, over and over until the neighbour is there. */

static void dial(void *cookie);

void
link_retry(struct link *l)
{
  if (links.doors_closed) return;
  l->retry_us = l->retry_us ? l->retry_us * 2 : LINK_RETRY_MIN_US;
  if (l->retry_us > LINK_RETRY_MAX_US) l->retry_us = LINK_RETRY_MAX_US;
  event_timer_start(&l->timer, door_now() + l->retry_us, dial, l);
}

static void
no_hello(void *cookie)
{
  link_drop(cookie, "no hello came in time");
}

/* Hello leaves at once and apart from out, which waits for the peer's: both sides speak
 * first, so neither waits for the other. A socket just opened has room for a line. */
void
link_say_hello(struct link *l)
{
  stralloc hello = STRALLOC_ZERO;

  if (!link_hello(&hello) || fd_write(l->io.fd, hello.s, hello.len) < (ssize_t)hello.len)
    log_event(LOG_WARN, "hello-lost", "link", l->name, "why",
              "the new socket takes no line", NULL);
  stralloc_free(&hello);
  event_timer_start(&l->timer, door_now() + LINK_HELLO_US, no_hello, l);
}

static void
start(struct link *l, int fd)
{
  if (!link_watch(l, fd)) {
    fd_close(fd);
    link_retry(l);
    return;
  }
  if (link_peer_is(l->io.fd, slice_str(l->name)))
    link_say_hello(l);
  else
    link_break_off(l);
}

static void
dial(void *cookie)
{
  struct link *l = cookie;
  int fd = ipc_stream_nbcoe();

  if (fd < 0) {
    link_retry(l);
    return;
  }
  if (!ipc_connect(fd, l->path)) {
    fd_close(fd);
    link_retry(l);
    return;
  }
  start(l, fd);
}

struct link *
link_connect(char const *path, struct slice name)
{
  struct peer p;
  struct link *l = link_peer_find(name, &p) ? link_new(p.program, p.roles, name) : NULL;

  if (!l) return NULL;
  l->path = strdup(path);
  if (!l->path) return NULL;
  l->stanzas = l->acked = link_first_number(links.epoch);
  if (!links.pipe) event_timer_start(&l->timer, door_now(), dial, l);
  return l;
}
