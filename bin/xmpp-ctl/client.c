#include "ctl.h"

#include "record/programs.h"

#include <skalibs/allreadwrite.h>
#include <skalibs/djbunix.h>
#include <skalibs/socket.h>
#include <skalibs/strerr.h>

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

bool
client_open(struct client *c, struct slice instance)
{
  char path[512];

  memset(c, 0, sizeof *c);
  snprintf(path, sizeof path, "%s/run/%.*s/%s", ctl.state, (int)instance.len, instance.s,
           ctl.monitors ? "figures" : "control");
  c->fd = ipc_stream_internal(O_CLOEXEC);
  if (c->fd < 0) return false;
  if (ipc_connect(c->fd, path)) return true;
  fd_close(c->fd);
  return false;
}

static bool
is_instance(char const *name)
{
  struct settings_row const *row = NULL;

  while ((row = settings_next(&ctl.settings, "instance", row)))
    if (slice_is(row->value[2], name)) return true;
  return false;
}

void
client_reach(struct client *c, char const *instance)
{
  if (client_open(c, slice_str(instance))) return;
  if (is_instance(instance))
    strerr_diefu(111, "reach ", instance, ": ", strerror(errno),
                 "; xmpp-ctl status says what runs");
  if (program_find(slice_str(instance)))
    strerr_dief(1, "xmpp-", instance,
                " is not part of this server; xmpp-ctl status says why");
  strerr_dief(1, "no program is called ", instance, "; xmpp-ctl status lists all");
}

void
client_close(struct client *c)
{
  fd_close(c->fd);
  stralloc_free(&c->in);
  stralloc_free(&c->out);
}

void
client_ask(struct client *c, char const *verb, ...)
{
  char const *word;
  va_list ap;

  record_put_verb(&c->out, verb);
  va_start(ap, verb);
  while ((word = va_arg(ap, char const *)))
    record_put(&c->out, slice_str(word));
  va_end(ap);
  record_put_end(&c->out);
}

bool
client_flush(struct client *c)
{
  size_t len = c->out.len;

  c->out.len = 0;
  return !len || allwrite(c->fd, c->out.s, len) == len;
}

bool
client_read(struct client *c, struct record *r)
{
  if (!client_flush(c)) return false;
  for (;;) {
    char *from = c->in.s + c->at;
    char *nl = c->in.len > c->at ? memchr(from, '\n', c->in.len - c->at) : NULL;
    ssize_t n;
    if (nl) {
      c->at = (size_t)(nl - c->in.s) + 1;
      return record_split(r, from, (size_t)(nl - from));
    }
    if (c->at) memmove(c->in.s, from, c->in.len - c->at);
    c->in.len -= c->at;
    c->at = 0;
    if (c->in.len > RECORD_MAX) {
      errno = EMSGSIZE;
      return false;
    }
    if (!stralloc_readyplus(&c->in, 65536)) return false;
    n = fd_read(c->fd, c->in.s + c->in.len, 65536);
    if (n <= 0) {
      if (!n) errno = EPIPE;
      return false;
    }
    c->in.len += (size_t)n;
  }
}

bool
client_answer(struct client *c, char const *who, client_row_fn *fn)
{
  struct record r;

  while (client_read(c, &r)) {
    struct slice verb = record_get(&r, 0), text;
    if (slice_is(verb, "done")) return true;
    if (slice_is(verb, "error")) {
      text = record_get(&r, 1);
      fprintf(stderr, "xmpp-ctl: %s: %.*s\n", who, (int)text.len, text.s);
      return false;
    }
    if (fn) fn(&r);
  }
  fprintf(stderr, "xmpp-ctl: %s: no answer: %s\n", who,
          errno == EPIPE ? "it hung up" : strerror(errno));
  return false;
}
