#include "kinds.h"

#include <stdio.h>
#include <string.h>

/* Rooms (XEP-0045), each of opt.contacts users next to each other. They enter one after another:
 * the first makes the room and opens it with the usual configuration. In the load muc the first
 * then speaks, and all count what arrives; a body is NUMBER MICROSECONDS and padding. In the load
 * muc-join the last comes and goes, and the time from the presence to the subject, which comes
 * last, is measured. */

#define NS_MUC "http://jabber.org/protocol/muc"

struct talk {
  struct channel out, in; /* of the speaker; what this one has heard */
  uint64_t in_flight;     /* of the speaker: deliveries under way */
  uint64_t asked_us;      /* muc-join: when it asked to enter */
};

static struct talk *
talk_of(struct client *c)
{
  return c->own;
}

static uint64_t
group(void)
{
  return opt.contacts;
}

static bool
is_join_load(void)
{
  return opt.kind == &muc_join_load;
}

static uint64_t
place(struct client const *c)
{
  return (c->n - opt.first) % group();
}

static struct client *
speaker_of(struct client const *c)
{
  return load_client(c->n - place(c));
}

/* Write "<WORD to='ROOM/NICK'" of c's room; "<WORD to='ROOM'" without a nick. */
static void
open_stanza(struct client *c, char const *word, bool nick)
{
  char text[512];
  unsigned long long first = c->n - place(c), n = c->n;
  int len = snprintf(text, sizeof text, "<%s to='room%llu@conference.%s", word, first,
                     load_place(c->n).domain);

  client_write(c, text, (size_t)len);
  if (nick) {
    len = snprintf(text, sizeof text, "/nick%llu", n);
    client_write(c, text, (size_t)len);
  }
  client_write_str(c, "'");
}

static void
enter(struct client *c)
{
  talk_of(c)->asked_us = door_now();
  open_stanza(c, "presence", true);
  client_write_str(c, " id='enter'><x xmlns='" NS_MUC "'/></presence>");
}

static void
leave(struct client *c)
{
  open_stanza(c, "presence", true);
  client_write_str(c, " type='unavailable'/>");
}

/* ---- who enters when ---- */

static bool
comes_and_goes(struct client const *c)
{
  return is_join_load() && place(c) == group() - 1;
}

static void
prepare(struct client *c)
{
  if (place(c) && !load_client(c->n - 1)->is_ready) return;
  if (comes_and_goes(c))
    load_ready(c);
  else
    enter(c);
}

static void
is_in(struct client *c)
{
  struct client *next;

  if (c->is_ready) return;
  load_ready(c);
  next = place(c) < group() - 1 ? load_client(c->n + 1) : NULL;
  if (!next || next->state != C_ONLINE) return;
  prepare(next);
  client_flush(next);
}

/* XEP-0045 s10.1.2: an instant room. */
static void
open_room(struct client *c)
{
  open_stanza(c, "iq", false);
  client_write_str(c, " type='set' id='open'><query xmlns='" NS_MUC
                      "#owner'><x xmlns='jabber:x:data' type='submit'/></query></iq>");
}

/* ---- the load muc ---- */

static void
speak(struct client *c)
{
  char text[BODY_MAX + 128], *at = text;

  at += snprintf(text, sizeof text, " type='groupchat'><body>%llu %llu ",
                 (unsigned long long)talk_of(c)->out.next_out++,
                 (unsigned long long)door_wall());
  for (size_t i = 0; i < opt.size; i++)
    *at++ = 'x';
  open_stanza(c, "message", false);
  client_write(c, text, (size_t)(at - text));
  client_write_str(c, "</body></message>");
  talk_of(c)->in_flight += group();
  fig->sent++;
  fig->expected += group();
}

static void
arrived(struct client *c, struct slice body)
{
  struct client *s = speaker_of(c);
  struct slice number, us;
  uint64_t n, sent;

  if (!slice_word(&body, ' ', &number) || !slice_word(&body, ' ', &us) ||
      !slice_u64(number, &n) || !slice_u64(us, &sent))
    return;
  figures_arrived(&talk_of(c)->in, n, sent);
  if (talk_of(s)->in_flight) talk_of(s)->in_flight--;
  if (load_is_measuring() && !opt.rate && s->state == C_ONLINE &&
      talk_of(s)->in_flight <= group() * (opt.window - 1)) {
    speak(s);
    client_flush(s);
  }
  load_look();
}

static void
speak_next(void)
{
  static uint64_t turn;
  struct client *c = load_client(opt.first + turn++ * group() % opt.sessions);

  if (c->state != C_ONLINE) return;
  speak(c);
  client_flush(c);
}

static void
begin_speaking(void)
{
  uint64_t i, k;

  if (opt.rate) {
    load_at_rate(speak_next);
    return;
  }
  for (i = 0; i < opt.sessions; i += group()) {
    struct client *c = load_client(opt.first + i);
    for (k = 0; k < opt.window; k++)
      speak(c);
    client_flush(c);
  }
}

/* ---- the load muc-join ---- */

static void
come(struct client *c)
{
  fig->sent++;
  fig->expected++;
  enter(c);
}

static void
begin_coming(void)
{
  uint64_t i;

  for (i = group() - 1; i < opt.sessions; i += group()) {
    struct client *c = load_client(opt.first + i);
    come(c);
    client_flush(c);
  }
}

static void
has_come(struct client *c)
{
  fig->received++;
  figures_latency(door_now() - talk_of(c)->asked_us);
  leave(c);
  load_look();
}

/* ---- what comes ---- */

static bool
has_code(struct xml_node const *e, char const *code)
{
  struct xml_node const *x = xml_child(e, NS_MUC "#user", "x"), *s = NULL;

  while (x && (s = xml_next(x, s)))
    if (slice_is(s->name, "status") && slice_is(xml_attr(s, "code"), code)) return true;
  return false;
}

static void
on_presence(struct client *c, struct xml_node const *e)
{
  struct slice type = xml_attr(e, "type");

  if (slice_is(type, "error")) {
    fig->failed++;
    fprintf(stderr, "xmpp-load: user %llu: may not enter\n", (unsigned long long)c->n);
    return;
  }
  if (!has_code(e, "110")) return;
  if (slice_is(type, "unavailable")) {
    if (comes_and_goes(c) && load_is_measuring()) come(c);
  } else if (!place(c) && !c->is_ready)
    open_room(c);
  else if (!comes_and_goes(c))
    is_in(c);
}

static void
on_message(struct client *c, struct xml_node const *e)
{
  struct xml_node const *body = xml_child(e, "jabber:client", "body");
  struct arena a = ARENA_ZERO;

  if (!slice_is(xml_attr(e, "type"), "groupchat")) return;
  if (!body && xml_child(e, "jabber:client", "subject") && comes_and_goes(c)) has_come(c);
  if (body && !is_join_load() && !xml_child(e, "urn:xmpp:delay", "delay"))
    arrived(c, xml_text(&a, body));
  arena_wipe(&a);
}

static void
stanza(struct client *c, struct xml_node const *e)
{
  if (slice_is(e->name, "presence"))
    on_presence(c, e);
  else if (slice_is(e->name, "message"))
    on_message(c, e);
  else if (slice_is(xml_attr(e, "id"), "open"))
    is_in(c);
}

struct load_kind const muc_load = {.name = "muc",
                                   .each = sizeof(struct talk),
                                   .group = group,
                                   .prepare = prepare,
                                   .begin = begin_speaking,
                                   .stanza = stanza};

struct load_kind const muc_join_load = {.name = "muc-join",
                                        .each = sizeof(struct talk),
                                        .group = group,
                                        .prepare = prepare,
                                        .begin = begin_coming,
                                        .stanza = stanza};
