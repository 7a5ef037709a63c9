#include "load.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The loads. All log in first, some at a time; then the measured time begins. A message's
 * body is NUMBER MICROSECONDS and padding up to its size. */

/* How long after the measured time a message may still arrive. */
#define DRAIN_US 5000000

static struct client **clients;
static uint64_t begun, online;
static struct event_timer end_timer, tick_timer;
static bool measuring;

static void begin_some(void);

static void
stop(void *cookie)
{
  (void)cookie;
  event_stop();
}

/* The measured time is over; what is on its way may still arrive. */
static void
finish(void *cookie)
{
  (void)cookie;
  fig.ended_us = door_now();
  if (fig.received == fig.sent)
    event_stop();
  else
    event_timer_start(&end_timer, door_now() + DRAIN_US, stop, NULL);
}

/* ---- chat: user 2k-1 and user 2k ---- */

static struct client *
partner_of(struct client const *c)
{
  return clients[((c->n - 1) ^ 1)];
}

static void
send_one(struct client *c)
{
  char text[1024], body[512];
  int n,
    head = snprintf(body, sizeof body, "%llu %llu ", (unsigned long long)c->next_out++,
                    (unsigned long long)door_now());
  int size = (int)opt.size < head ? head : (int)opt.size;

  memset(body + head, 'x', (size_t)(size - head));
  n = snprintf(
    text, sizeof text,
    "<message to='%s%llu@%s/load' type='chat' id='m%llu'><body>%.*s</body></message>",
    opt.user, (unsigned long long)partner_of(c)->n, opt.domain,
    (unsigned long long)c->next_out, size, body);
  client_write(c, text, (size_t)n);
  c->in_flight++;
  fig.sent++;
}

/* With a window: an answer to what arrives; a partner's message stands for one of ours
 * that was taken. */
void
load_message(struct client *c, struct xml_node const *e)
{
  struct arena a = ARENA_ZERO;
  struct xml_node const *body = xml_child(e, "jabber:client", "body");
  struct slice text, number, when;
  uint64_t n, us;

  if (body && !slice_is(xml_attr(e, "type"), "error")) {
    text = xml_text(&a, body);
    if (slice_word(&text, ' ', &number) && slice_word(&text, ' ', &when) &&
        slice_u64(number, &n) && slice_u64(when, &us)) {
      fig.received++;
      if (n < c->next_in) fig.doubled++;
      if (n > c->next_in) fig.misordered++;
      c->next_in = n + 1;
      figures_latency(door_now() - us);
      if (!fig.ended_us && measuring && !opt.rate) send_one(c);
      if (fig.ended_us && fig.received == fig.sent) event_stop();
    }
  }
  arena_wipe(&a);
}

static void
tick(void *cookie)
{
  static uint64_t done, turn;
  uint64_t due = (door_now() - fig.begun_us) * opt.rate / 1000000;

  (void)cookie;
  if (fig.ended_us) return;
  for (; done < due; done++) {
    struct client *c = clients[turn++ % opt.sessions];
    if (c->state == C_ONLINE) {
      send_one(c);
      c->io.fn(c, 0);
    }
  }
  event_timer_start(&tick_timer, door_now() + 1000, tick, NULL);
}

static void
begin_chat(void)
{
  uint64_t i, k;

  for (i = 0; i < opt.sessions && !opt.rate; i++) {
    for (k = 0; k < opt.window; k++)
      send_one(clients[i]);
    clients[i]->io.fn(clients[i], 0);
  }
  if (opt.rate) tick(NULL);
}

/* ---- all ---- */

static void
begin_measuring(void)
{
  measuring = true;
  fig.begun_us = door_now();
  fprintf(stderr, "xmpp-load: %llu online\n", (unsigned long long)online);
  printf("online\t%llu\n", (unsigned long long)online);
  fflush(stdout);
  if (opt.kind == LOAD_CHAT) begin_chat();
  event_timer_start(&end_timer, door_now() + opt.seconds * 1000000, finish, NULL);
}

void
load_online(struct client *c)
{
  fig.logins++;
  online++;
  if (opt.kind == LOAD_LOGIN) {
    figures_latency(door_now() - c->begun_us);
    c->draining = true;
    client_write(c, "</stream:stream>", 16);
    return;
  }
  begin_some();
  if (online == opt.sessions) begin_measuring();
}

static void
again(void *cookie)
{
  struct client *c = cookie;
  uint64_t n = c->n;

  if (fig.ended_us) return;
  client_end(c);
  clients[n - 1] = client_start(n);
  if (!clients[n - 1]) fig.failed++;
}

/* Freed from a timer, for its own callback may still be running. */
void
load_over(struct client *c, char const *why)
{
  if (c->draining) {
    event_timer_start(&c->again, door_now(), again, c);
    return;
  }
  fig.broken++;
  if (fig.broken < 10)
    fprintf(stderr, "xmpp-load: user %llu: %s\n", (unsigned long long)c->n, why);
  if (!measuring && opt.kind != LOAD_LOGIN) {
    fig.failed++;
    finish(NULL);
  }
}

static void
begin_some(void)
{
  while (begun < opt.sessions && begun - online < opt.parallel) {
    clients[begun] = client_start(begun + 1);
    if (!clients[begun]) {
      fig.failed++;
      finish(NULL);
      return;
    }
    begun++;
  }
}

bool
load_begin(void)
{
  if (opt.kind == LOAD_LOGIN) opt.sessions = opt.parallel;
  clients = calloc(opt.sessions, sizeof(struct client *));
  if (!clients) return false;
  if (opt.kind == LOAD_LOGIN) {
    fig.begun_us = door_now();
    event_timer_start(&end_timer, door_now() + opt.seconds * 1000000, finish, NULL);
  }
  begin_some();
  return true;
}
