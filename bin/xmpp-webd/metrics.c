#include "webd.h"

#include <string.h>

/* Counts of answers, for monitors: who asks what is counted, nobody is named. The handler
 * tabber_metrics is for clients in access_ip of the listener; a service that may ask all programs for
 * their figures answers (xmpp-ctl metrics serve). */

struct count {
  char handler[METRICS_HANDLER_MAX + 1];
  unsigned int status;
  uint64_t n, bytes;
};

/* The last place is that of all handlers for which no other was left. */
static struct count counts[METRICS_COUNTS_MAX];
static unsigned int counts_n;

static struct count *
count_of(char const *handler, unsigned int status)
{
  unsigned int i;

  for (i = 0; i < counts_n; i++)
    if (counts[i].status == status && !strcmp(counts[i].handler, handler))
      return &counts[i];
  if (counts_n == METRICS_COUNTS_MAX) return &counts[counts_n - 1];
  if (counts_n == METRICS_COUNTS_MAX - 1) {
    handler = "";
    status = 0;
  }
  strncpy(counts[counts_n].handler, handler, METRICS_HANDLER_MAX);
  counts[counts_n].status = status;
  return &counts[counts_n++];
}

void
metrics_count(struct request const *q)
{
  struct count *c = count_of(q->handler ? q->handler : "", q->status);

  c->n++;
  c->bytes += q->sent;
}

/* A figure of a handler and a status. */
static void
put_stat(struct link *ctl, char const *name, struct count const *c, uint64_t n)
{
  link_begin(ctl, VERB_STAT);
  link_str(ctl, name);
  link_num(ctl, n);
  link_str(ctl, "handler");
  link_str(ctl, c->handler);
  link_str(ctl, "status");
  link_num(ctl, c->status);
  link_end(ctl);
}

void
metrics_stats(struct link *ctl)
{
  uint64_t n[6] = {0};
  char name[] = "answers_0xx";
  unsigned int i;

  for (i = 0; i < counts_n; i++)
    if (counts[i].status / 100 < 6) n[counts[i].status / 100] += counts[i].n;
  for (i = 1; i < 6; i++) {
    name[8] = (char)('0' + i);
    service_stat(ctl, name, n[i]);
  }
  for (i = 0; i < counts_n; i++) {
    put_stat(ctl, "answered", &counts[i], counts[i].n);
    put_stat(ctl, "answered_bytes", &counts[i], counts[i].bytes);
  }
}

/* Loopback, if the listener says nothing else. */
static bool
may_ask(struct request const *q)
{
  struct slice text = settings_get(web->st, "access_ip", slice_str(q->conn->listener));
  struct nets nets = {NULL, 0, false};
  bool ok = nets_add(&nets, text.len ? text : SLICE("127.0.0.0/8 ::1/128")) &&
            nets_have(&nets, slice_str(q->ip));

  nets_wipe(&nets);
  return ok;
}

/* The service answers to the same word. */
static void
begin(struct request *q, struct http_request const *h)
{
  if (q->method != HTTP_GET && q->method != HTTP_HEAD)
    answer_methods(q, "GET, HEAD, OPTIONS");
  else if (!may_ask(q))
    answer_text(q, 403, "Your address may not see this.", NULL);
  else if (*q->path)
    answer_text(q, 404, "There is nothing here.", NULL);
  else {
    q->kind = &service_kind;
    q->kind->begin(q, h);
  }
}

struct kind const metrics_kind = {.word = "tabber_metrics", .begin = begin};
