#include "ctl.h"

#include <skalibs/djbunix.h>
#include <skalibs/socket.h>
#include <skalibs/strerr.h>

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* metrics serve: a web service that mounts the handler tabber_metrics at xmpp-webd, and answers each
 * request with the figures of all programs. xmpp-up runs it as a user of its own, to whom the programs
 * tell figures on a socket that takes no other request; xmpp-webd, which strangers talk to, reaches none
 * of these sockets. */

#define SERVICE "metrics"
#define TYPE "Content-Type: text/plain; version=0.0.4; charset=utf-8\n"
#define PIECE 32768u

/* Requests within this time of the last gathering get the same page. */
#define FRESH_S 1

static struct {
  char *text;
  size_t len;
  time_t at_s; /* of the monotonic clock */
} page;

static time_t
now_s(void)
{
  struct timespec ts;

  clock_gettime(CLOCK_MONOTONIC, &ts);
  return ts.tv_sec;
}

static bool
gather(void)
{
  FILE *out;

  if (page.text && now_s() - page.at_s < FRESH_S) return true;
  free(page.text);
  page.text = NULL;
  out = open_memstream(&page.text, &page.len);
  if (!out) return false;
  metrics_write(out);
  page.at_s = now_s();
  return !fclose(out);
}

static void
put(struct client *c, char const *verb, struct slice a, struct slice b, struct slice d,
    struct slice e)
{
  struct slice const words[] = {a, b, d, e};
  size_t i;

  record_put_verb(&c->out, verb);
  for (i = 0; i < 4 && words[i].s; i++)
    record_put(&c->out, words[i]);
  record_put_end(&c->out);
}

/* false: the figures could not be gathered, or written. */
static bool
answer(struct client *c, struct slice id)
{
  static struct slice const none = {NULL, 0};
  char number[BASE_NUM];
  size_t at;

  if (!gather()) return false;
  put(c, "answer", id, SLICE("200"), num_u64(number, page.len),
      SLICE(TYPE "X-Content-Type-Options: nosniff\nCache-Control: no-store\n"));
  for (at = 0; at < page.len; at += PIECE) {
    size_t n = page.len - at < PIECE ? page.len - at : PIECE;
    put(c, "body", id, slice_of(page.text + at, n), none, none);
  }
  put(c, "ended", id, none, none, none);
  return client_flush(c);
}

static bool
open_link(struct client *c)
{
  char path[CTL_PATH_MAX + 32], epoch[BASE_NUM];
  uint64_t run = (uint64_t)time(NULL) << 32 | (uint32_t)getpid();

  memset(c, 0, sizeof *c);
  snprintf(path, sizeof path, "%s/run/webd/link", ctl.state);
  c->fd = ipc_stream_internal(O_CLOEXEC);
  if (c->fd < 0) return false;
  if (!ipc_connect(c->fd, path)) {
    fd_close(c->fd);
    return false;
  }
  put(c, "hello", SLICE(SERVICE), SLICE(TABBER_VERSION), SLICE(SERVICE),
      num_u64(epoch, run));
  client_ask(c, "mount", "tabber_metrics", "", NULL);
  return true;
}

int
metrics_serve(void)
{
  struct record r;
  struct client c;
  bool ok = true;

  if (!open_link(&c)) strerr_diefusys(111, "connect to xmpp-webd");
  while (ok && client_read(&c, &r)) {
    char id[BASE_NUM];
    struct slice given = record_get(&r, 1);
    if (!slice_is(record_get(&r, 0), "request")) continue;
    if (given.len >= sizeof id) break;
    memcpy(id, given.s, given.len); /* the record lives until the next reading */
    ok = answer(&c, slice_of(id, given.len));
  }
  client_close(&c);
  free(page.text);
  strerr_warnwu("go on: the link to xmpp-webd has ended");
  return 111;
}
