#include "registerd.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Messages about a new account: the welcome to its owner, which waits for the first session; and a
 * line to each watcher, who gets one message a minute at most: lines that come sooner wait, and go
 * in one message. */

#define WATCH_US 60000000u

/* Lines for the watchers of a host. */
struct watch {
  struct watch *next;
  char *host;
  struct event_timer timer; /* until the next message may leave */
  stralloc lines;
  uint64_t n; /* of lines that wait; of those behind WATCHERS_LINES_MAX only the count */
};

static struct watch *watches;

/* ---- messages ---- */

static void
send_message(struct slice from, struct slice to, char const *type, struct slice subject,
             struct slice body)
{
  static stralloc xml = STRALLOC_ZERO;
  struct stanza st = {.to = to,
                      .from = from,
                      .kind = SLICE("message"),
                      .type = slice_str(type),
                      .tags = SLICE("body")};

  xml.len = 0;
  if (!registerd_routed || !xml_cat(&xml, "<message") ||
      !xml_cat_attr(&xml, "from", from) || !xml_cat_attr(&xml, "to", to) ||
      !xml_cat_attr(&xml, "type", st.type) || !xml_cat(&xml, ">"))
    return;
  if (subject.len && (!xml_cat(&xml, "<subject>") || !xml_cat_text(&xml, subject) ||
                      !xml_cat(&xml, "</subject>")))
    return;
  if (!xml_cat(&xml, "<body>") || !xml_cat_text(&xml, body) ||
      !xml_cat(&xml, "</body></message>"))
    return;
  st.xml = slice_of(xml.s, xml.len);
  stanza_put(registerd_routed, &st);
}

static void
welcome(struct host const *h, struct slice bare)
{
  if (h->subject.len || h->body.len)
    send_message(h->name, bare, h->subject.len ? "normal" : "chat", h->subject, h->body);
}

/* ---- watchers ---- */

static struct watch *
watch_of(struct slice host)
{
  struct watch *w;

  for (w = watches; w && !slice_is(host, w->host); w = w->next) {
  }
  if (w) return w;
  w = calloc(1, sizeof *w);
  if (w) w->host = slice_dup(host);
  if (!w || !w->host) {
    free(w);
    return NULL;
  }
  w->next = watches;
  return watches = w;
}

static void
tell_watchers(struct watch *w)
{
  struct host const *h = registerd_host(slice_str(w->host));
  struct slice list = h ? h->watchers : SLICE(""), jid;
  char more[64];

  if (w->n > WATCHERS_LINES_MAX) {
    int n = snprintf(more, sizeof more, "\nand %llu more",
                     (unsigned long long)(w->n - WATCHERS_LINES_MAX));
    stralloc_catb(&w->lines, more, (size_t)n);
  }
  while (h && slice_word(&list, ' ', &jid))
    send_message(h->name, jid, "chat", SLICE(""), slice_of(w->lines.s, w->lines.len));
  stralloc_free(&w->lines);
  w->n = 0;
}

static void
flush(void *cookie)
{
  struct watch *w = cookie;

  if (!w->n) return;
  tell_watchers(w);
  event_timer_start(&w->timer, door_now() + WATCH_US, flush, w);
}

static void
watch(struct host const *h, struct slice bare, struct slice ip, char const *by)
{
  struct watch *w = h->watchers.len ? watch_of(h->name) : NULL;
  char stamp[STAMP_SIZE], line[1024];
  int n;

  if (!w) return;
  n = snprintf(line, sizeof line, "%s%.*s registered from %.*s by %s at %s",
               w->n ? "\n" : "", (int)bare.len, bare.s, (int)ip.len, ip.len ? ip.s : "",
               by, stamp_s(stamp, door_wall() / 1000000).s);
  if (w->n++ < WATCHERS_LINES_MAX) stralloc_catb(&w->lines, line, (size_t)n);
  if (!event_timer_on(&w->timer)) flush(w);
}

void
greet(struct host const *h, struct slice bare, struct slice ip, char const *by)
{
  welcome(h, bare);
  watch(h, bare, ip, by);
}

/* ---- the state for a trace ---- */

void
greet_snapshot(struct snapshot *k)
{
  struct watch **at = &watches;

  for (; snapshot_record(k, "watch", *at != NULL); at = &(*at)->next) {
    if (snapshot_restores(k)) *at = snapshot_new(k, sizeof **at);
    if (!*at) return;
    snapshot_text(k, &(*at)->host);
    snapshot_timer(k, &(*at)->timer, flush, *at);
    snapshot_bytes(k, &(*at)->lines);
    SNAPSHOT_INT(k, (*at)->n);
  }
}
