#include "bosh.h"

#include <string.h>

/* Figures of xmpp-webd for monitors, in the text format of Prometheus (version 0.0.4),
 * for clients in access_ip of the listener: who asks what is counted, nobody is named. */

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
}

/* ---- the page ---- */

static bool
cat_head(stralloc *out, char const *name, char const *type, char const *help)
{
  return stralloc_cats(out, "# HELP tabber_webd_") && stralloc_cats(out, name) &&
         stralloc_cats(out, " ") && stralloc_cats(out, help) &&
         stralloc_cats(out, "\n# TYPE tabber_webd_") && stralloc_cats(out, name) &&
         stralloc_cats(out, " ") && stralloc_cats(out, type) && stralloc_cats(out, "\n");
}

static bool
cat_number(stralloc *out, uint64_t n, char const *end)
{
  char buf[BASE_NUM];

  return stralloc_cats(out, num_u64(buf, n).s) && stralloc_cats(out, end);
}

static bool
cat_gauge(stralloc *out, char const *name, char const *help, uint64_t n)
{
  return cat_head(out, name, "gauge", help) && stralloc_cats(out, "tabber_webd_") &&
         stralloc_cats(out, name) && stralloc_cats(out, " ") && cat_number(out, n, "\n");
}

/* Words of handlers have neither quotes nor backslashes. */
static bool
cat_counts(stralloc *out, char const *name, char const *help, bool bytes)
{
  bool ok = cat_head(out, name, "counter", help);
  unsigned int i;

  for (i = 0; i < counts_n && ok; i++)
    ok = stralloc_cats(out, "tabber_webd_") && stralloc_cats(out, name) &&
         stralloc_cats(out, "{handler=\"") && stralloc_cats(out, counts[i].handler) &&
         stralloc_cats(out, "\",status=\"") &&
         cat_number(out, counts[i].status, "\"} ") &&
         cat_number(out, bytes ? counts[i].bytes : counts[i].n, "\n");
  return ok;
}

static bool
cat_page(stralloc *out)
{
  return cat_counts(out, "answers_total", "Answers to requests.", false) &&
         cat_counts(out, "answer_bytes_total", "Bytes of bodies of answers.", true) &&
         cat_gauge(out, "bosh_sessions", "Sessions of BOSH.", bosh_count()) &&
         cat_gauge(out, "connections", "Connections that are open.", conns_count()) &&
         cat_gauge(out, "mounts", "Names that web services have mounted.",
                   services_mounts()) &&
         cat_gauge(out, "requests_open", "Requests without an answer.",
                   requests_count()) &&
         cat_gauge(out, "streams", "Streams of web clients.", streams_count()) &&
         cat_gauge(out, "websockets", "WebSockets that are open.", websockets_count());
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

static void
begin(struct request *q, struct http_request const *h)
{
  stralloc sa = STRALLOC_ZERO;

  (void)h;
  if (q->method != HTTP_GET && q->method != HTTP_HEAD)
    answer_methods(q, "GET, HEAD, OPTIONS");
  else if (!may_ask(q))
    answer_text(q, 403, "Your address may not see this.", NULL);
  else if (*q->path)
    answer_text(q, 404, "There is nothing here.", NULL);
  else if (cat_page(&sa))
    answer_whole(q, 200, "text/plain; version=0.0.4; charset=utf-8",
                 slice_of(sa.s, sa.len), SLICE("Cache-Control: no-store\n"));
  else
    conn_end(q->conn, "out of memory");
  stralloc_free(&sa);
}

struct kind const metrics_kind = {.word = "tabber_metrics", .begin = begin};
