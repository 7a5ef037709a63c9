#include "kinds.h"

#include <skalibs/strerr.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Common to all loads: all clients log in first, some at a time, and are prepared;
 * then the measured time runs, and messages that are on their way at its end may still
 * arrive. */

#define DRAIN_US 5000000
#define LOOK_US 2000
#define PROGRESS_US 1000000

static struct client **clients;
static uint64_t begun;
static struct event_timer end_timer, rate_timer, progress_timer, begin_timer;
static bool measuring;
static bool (*may_begin)(void);
static void (*send_at_rate)(void);

/* ---- staying, and logging in and out ---- */

struct load_kind const idle_load = {.name = "idle"};

static void
leave(struct client *c)
{
  figures_latency(door_now() - c->begun_us);
  c->draining = true;
  client_write_str(c, "</stream:stream>");
}

struct load_kind const s2s_idle_load = {
  .name = "s2s-idle", .settings = "domain cert", .is_server = true, .is_silent = true};

struct load_kind const login_load = {.name = "login", .comes_and_goes = true};

#define LOAD_KIND_ROW(name) &name##_load,
static struct load_kind const *const kinds[] = {LOAD_KINDS(LOAD_KIND_ROW) NULL};

struct load_kind const *
load_kind_of(char const *name)
{
  struct load_kind const *const *k = kinds;

  while (*k && strcmp((*k)->name, name) != 0)
    k++;
  return *k;
}

struct place
load_place(uint64_t n)
{
  char const *domain = setting("peer", NULL);

  if (!domain || (n - opt.first) % 2 == 0) return opt.here;
  return (struct place){opt.here.host, setting("peer-port", opt.here.port), domain};
}

void
load_jid(uint64_t n, char text[256])
{
  snprintf(text, 256, "%s%llu@%s", opt.user, (unsigned long long)n, load_place(n).domain);
}

struct client *
load_client(uint64_t n)
{
  return n >= opt.first && n - opt.first < opt.sessions ? clients[n - opt.first] : NULL;
}

bool
load_is_measuring(void)
{
  return measuring && !fig->ended_us;
}

/* ---- the measured time ---- */

static void
stop(void *cookie)
{
  (void)cookie;
  event_stop();
}

void
load_look(void)
{
  uint64_t there = fig->received - fig->doubled;

  if (fig->ended_us && there >= fig->expected) event_stop();
}

static void
finish(void *cookie)
{
  (void)cookie;
  if (fig->ended_us) return;
  fig->ended_us = door_now();
  fig->cpu_us = figures_cpu() - fig->cpu_us;
  event_timer_start(&end_timer, door_now() + DRAIN_US, stop, NULL);
  load_look();
}

void
load_enough(void)
{
  event_timer_start(&end_timer, door_now(), finish, NULL);
}

static void
tick(void *cookie)
{
  static uint64_t done;
  uint64_t due = (door_now() - fig->begun_us) * opt.rate / 1000000;

  (void)cookie;
  if (!load_is_measuring()) return;
  for (; done < due; done++)
    send_at_rate();
  event_timer_start(&rate_timer, door_now() + 1000, tick, NULL);
}

void
load_at_rate(void (*send)(void))
{
  send_at_rate = send;
  tick(NULL);
}

static void
progress(void *cookie)
{
  (void)cookie;
  if (fig->ended_us) return;
  fprintf(stderr, "xmpp-load: %llu online, %llu sent, %llu received, %llu broken\n",
          (unsigned long long)fig->online, (unsigned long long)fig->sent,
          (unsigned long long)fig->received, (unsigned long long)fig->broken);
  event_timer_start(&progress_timer, door_now() + PROGRESS_US, progress, NULL);
}

static void
begin_measuring(void)
{
  measuring = true;
  fig->begun_us = door_now();
  fig->cpu_us = figures_cpu();
  event_timer_start(&end_timer, door_now() + opt.seconds * 1000000, finish, NULL);
  if (opt.kind->begin) opt.kind->begin();
}

static void
begin_when_all_may(void *cookie)
{
  (void)cookie;
  if (fig->ended_us) return;
  if (may_begin())
    begin_measuring();
  else
    event_timer_start(&begin_timer, door_now() + LOOK_US, begin_when_all_may, NULL);
}

/* ---- clients ---- */

static void
begin_some(void)
{
  while (begun < opt.sessions && begun - fig->online < opt.parallel) {
    clients[begun] = client_start(opt.first + begun);
    if (!clients[begun]) {
      strerr_warnwu1sys("connect");
      fig->failed++;
      finish(NULL);
      return;
    }
    begun++;
  }
}

void
load_ready(struct client *c)
{
  if (c->is_ready) return;
  c->is_ready = true;
  fig->ready++;
  if (fig->ready == fig->wanted) begin_when_all_may(NULL);
}

void
load_online(struct client *c)
{
  fig->logins++;
  if (opt.kind->comes_and_goes) {
    leave(c);
    return;
  }
  fig->online++;
  begin_some();
  if (opt.kind->prepare)
    opt.kind->prepare(c);
  else
    load_ready(c);
}

/* Requests of the server, pings and roster pushes, are owed an answer (RFC 6120 s8.2.3). */
static void
answer(struct client *c, struct xml_node const *iq)
{
  stralloc sa = STRALLOC_ZERO;

  xml_cat(&sa, "<iq type='result'");
  xml_cat_attr(&sa, "id", xml_attr(iq, "id"));
  if (xml_attr(iq, "from").len) xml_cat_attr(&sa, "to", xml_attr(iq, "from"));
  xml_cat(&sa, "/>");
  client_write(c, sa.s, sa.len);
  stralloc_free(&sa);
}

void
load_stanza(struct client *c, struct xml_node const *e)
{
  struct slice type = xml_attr(e, "type");

  if (slice_is(e->name, "iq") && (slice_is(type, "get") || slice_is(type, "set")) &&
      !(opt.kind->request && opt.kind->request(c, e)))
    answer(c, e);
  if (opt.kind->stanza) opt.kind->stanza(c, e);
}

static void
again(void *cookie)
{
  struct client *c = cookie;
  uint64_t n = c->n;

  if (fig->ended_us) return;
  client_end(c);
  clients[n - opt.first] = client_start(n);
  if (!clients[n - opt.first]) fig->failed++;
}

/* Freed from a timer, for its own callback may still be running. */
void
load_over(struct client *c, char const *why)
{
  if (c->draining) {
    event_timer_start(&c->again, door_now(), again, c);
    return;
  }
  fig->broken++;
  if (fig->broken < 10)
    fprintf(stderr, "xmpp-load: user %llu: %s\n", (unsigned long long)c->n, why);
  if (!measuring) {
    fig->failed++;
    finish(NULL);
  }
}

bool
load_begin(bool (*all_may_begin)(void))
{
  may_begin = all_may_begin;
  clients = calloc(opt.sessions, sizeof(struct client *));
  if (!clients) return false;
  event_timer_start(&progress_timer, door_now() + PROGRESS_US, progress, NULL);
  begin_some();
  if (opt.kind->comes_and_goes) begin_when_all_may(NULL);
  return true;
}
