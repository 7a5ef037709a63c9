#include "bosh.h"

#include <stdlib.h>

/* Sessions of BOSH: their beginning, their streams, their time, their end. */

#define NS_FRAMING "urn:ietf:params:xml:ns:xmpp-framing"
#define VERSION_MINOR 11u

static struct slice
sid_of(void const *item)
{
  return slice_of(((struct bosh const *)item)->sid, BOSH_SID_LEN);
}

static struct table sessions = {sid_of, NULL, 0, 0};
static struct bosh *due;

struct bosh *
bosh_find(struct slice sid)
{
  return table_get(&sessions, sid);
}

uint64_t
bosh_count(void)
{
  return sessions.n;
}

void
bosh_due(struct bosh *s)
{
  if (s->is_due) return;
  s->is_due = true;
  s->next_due = due;
  due = s;
}

/* ---- the end ---- */

void
bosh_end(struct bosh *s, enum bosh_fault fault, char const *why)
{
  struct stream *stream = s->stream;

  if (s->over) return;
  s->over = true;
  s->fault = fault;
  s->stream = NULL;
  log_event(LOG_INFO, "bosh-ended", "stream", stream ? stream_name(stream) : NULL, "why",
            why, NULL);
  stream_close(stream, why);
  bosh_due(s);
}

static void
session_free(struct bosh *s)
{
  if (*s->sid) table_del(&sessions, sid_of(s));
  event_timer_cancel(&s->timer);
  bosh_told_free(s, s->told_n);
  stralloc_free(&s->out);
  free(s->to);
  free(s->authid);
  free(s->from);
  free(s);
}

/* ---- the stream ---- */

/* xmpp-c2sd rests while much waits for the client. */
static void
bound(struct bosh *s)
{
  uint64_t max = web->bosh_out_max;
  bool stop = s->out.len > (s->stopped ? max / 2 : max);

  if (stop == s->stopped || !s->stream) return;
  s->stopped = stop;
  stream_stop(s->stream, stop);
}

static void
take_header(struct bosh *s, struct slice text)
{
  struct arena a = ARENA_ZERO;
  enum xml_error why;
  struct xml_node const *e = xml_parse(&a, text, "", &why);

  if (e && !s->authid && xml_attr(e, "id").len) {
    s->authid = slice_dup(xml_attr(e, "id"));
    s->from = xml_attr(e, "from").s ? slice_dup(xml_attr(e, "from")) : NULL;
  }
  arena_wipe(&a);
}

static void
on_element(void *own, struct slice element)
{
  struct bosh *s = own;

  s->records++;
  bosh_due(s);
  if (slice_starts(element, "<open ")) {
    take_header(s, element);
    return;
  }
  if (slice_starts(element, "<close ")) return;
  if (slice_starts(element, "<stream:error")) s->failed = true;
  if (stralloc_catb(&s->out, element.s, element.len) && stralloc_0(&s->out))
    s->out_n++;
  else
    bosh_end(s, BOSH_INTERNAL_SERVER_ERROR, "out of memory");
  bound(s);
}

static void
on_hold(void *own, bool hold)
{
  struct bosh *s = own;

  s->held = hold;
  bosh_due(s);
}

static void
on_closed(void *own, struct slice why, bool lost)
{
  struct bosh *s = own;
  struct stream *stream = s->stream;

  if (s->over) return;
  s->over = true;
  s->stream = NULL;
  s->fault = s->failed ? BOSH_REMOTE_STREAM_ERROR
             : lost    ? BOSH_REMOTE_CONNECTION_FAILED
                       : BOSH_FINE;
  log_event(LOG_INFO, "bosh-ended", "stream", stream_name(stream), "why", log_text(why),
            NULL);
  bosh_due(s);
}

/* The connections of requests that come later are shaped when they come. */
static void
on_shape(void *own, uint64_t rate, uint64_t burst)
{
  struct bosh *s = own;
  unsigned int i;

  s->shaped = true;
  s->rate = rate;
  s->burst = burst;
  for (i = 0; i < s->asked_n; i++)
    if (s->asked[i].post) shaper_set(s->asked[i].post->q->conn, rate, burst);
}

static struct stream_use const use = {on_element, on_hold, on_closed, on_shape};

void
bosh_client_has(struct bosh *s, uint64_t upto)
{
  if (upto <= s->had) return;
  s->had = upto;
  if (s->stream) stream_taken(s->stream, upto);
}

/* ---- the beginning (s7) ---- */

/* 62 characters, each as likely as the others. */
static void
make_sid(char sid[BOSH_SID_LEN + 1])
{
  static char const digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
  unsigned char from[BOSH_SID_LEN];
  size_t n = 0, i;

  while (n < BOSH_SID_LEN) {
    door_random(from, sizeof from);
    for (i = 0; i < sizeof from && n < BOSH_SID_LEN; i++)
      if (from[i] < 4 * 62) sid[n++] = digits[from[i] % 62];
  }
  sid[n] = 0;
}

static enum bosh_type
type_of(struct slice content)
{
  struct slice word = content;

  slice_word(&content, ';', &word);
  if (slice_is_nocase(word, "application/xml")) return BOSH_APPLICATION_XML;
  if (slice_is_nocase(word, "text/plain")) return BOSH_TEXT_PLAIN;
  return BOSH_TEXT_XML;
}

/* The version is the lower one of theirs and ours (s7.2). */
static unsigned int
minor_of(struct slice ver)
{
  struct slice major;
  uint64_t n;

  if (!slice_word(&ver, '.', &major) || !slice_is(major, "1") || !slice_u64(ver, &n))
    return VERSION_MINOR;
  return n < VERSION_MINOR ? (unsigned int)n : VERSION_MINOR;
}

static uint64_t
at_most(uint64_t n, uint64_t max)
{
  return n < max ? n : max;
}

static void
agree(struct bosh *s, struct bosh_body const *b, struct slice host)
{
  s->wait_us = (b->has_wait ? at_most(b->wait, BOSH_WAIT_MAX) : BOSH_WAIT_MAX) * 1000000;
  s->hold = b->has_hold ? (unsigned int)at_most(b->hold, BOSH_HOLD_MAX) : BOSH_HOLD_MAX;
  s->requests = s->hold + 1;
  s->polls = !s->hold || !s->wait_us;
  s->inactivity_us = settings_us(web->st, "mod_bosh.max_inactivity", host);
  s->maxpause_us = settings_us(web->st, "mod_bosh.max_pause", host);
  s->concat = settings_u64(web->st, "mod_bosh.max_concat", host);
  if (s->polls && s->inactivity_us < UINT64_MAX - BOSH_POLLING_MORE_US)
    s->inactivity_us += BOSH_POLLING_MORE_US;
  s->silence_us = s->inactivity_us;
  s->quiet_us = door_now();
  s->acks = b->ack == 1;
  s->legacy = !b->ver.s;
  s->minor = minor_of(b->ver);
  s->type = type_of(b->content);
}

bool
bosh_open_stream(struct bosh *s, struct bosh_body const *b)
{
  struct slice version = b->version.len ? b->version : SLICE("1.0");
  stralloc sa = STRALLOC_ZERO;
  bool ok = xml_cat(&sa, "<open xmlns='" NS_FRAMING "'") &&
            xml_cat_attr(&sa, "to", b->to.len ? b->to : slice_str(s->to)) &&
            (!b->from.len || xml_cat_attr(&sa, "from", b->from)) &&
            xml_cat_attr(&sa, "version", version) &&
            (!b->lang.len || xml_cat_attr(&sa, "xml:lang", b->lang)) &&
            xml_cat(&sa, "/>");

  if (ok) stream_put(s->stream, slice_of(sa.s, sa.len));
  stralloc_free(&sa);
  return ok;
}

static struct bosh *
session_new(struct request *q, struct bosh_body const *b, struct slice host)
{
  struct bosh *s = calloc(1, sizeof *s);

  if (s) s->to = slice_dup(b->to);
  if (!s || !s->to) {
    free(s);
    return NULL;
  }
  make_sid(s->sid);
  if (!table_put(&sessions, s)) {
    *s->sid = 0;
    session_free(s);
    return NULL;
  }
  s->rid = b->rid - 1;
  s->https = q->https;
  agree(s, b, host);
  if (b->newkey.len && b->newkey.len <= BOSH_KEY_LEN)
    memcpy(s->key, b->newkey.s, b->newkey.len);
  return s;
}

static bool stopping;

static enum bosh_fault
refuses(struct bosh_body const *b, struct slice *host)
{
  if (stopping) return BOSH_SYSTEM_SHUTDOWN;
  if (b->has_payload) return BOSH_BAD_REQUEST;
  if (!b->to.len) return BOSH_IMPROPER_ADDRESSING;
  if (b->newkey.len > BOSH_KEY_LEN) return BOSH_BAD_REQUEST;
  *host = settings_served(b->to);
  if (!host->s || !settings_has(web->st, "module", *host, "mod_bosh"))
    return BOSH_HOST_UNKNOWN;
  return BOSH_FINE;
}

void
bosh_create(struct post *p, struct bosh_body const *b)
{
  struct slice host = {NULL, 0};
  enum bosh_fault fault = refuses(b, &host);
  struct request *q = p->q;
  struct bosh *s;

  if (bans_have(slice_str(q->ip))) {
    post_shut_out(p);
    return;
  }
  if (fault) {
    post_refuse(p, fault, !b->ver.s);
    return;
  }
  s = session_new(q, b, host);
  if (!s) {
    post_refuse(p, BOSH_INTERNAL_SERVER_ERROR, !b->ver.s);
    return;
  }
  s->stream = stream_open(&use, s, q->conn, q->ip, q->https, false);
  if (!s->stream) {
    session_free(s);
    post_refuse(p, BOSH_REMOTE_CONNECTION_FAILED, !b->ver.s);
    return;
  }
  stream_taken(s->stream, 0);
  log_event(LOG_INFO, "bosh", "conn", conn_name(q->conn), "ip",
            log_peer(slice_str(q->ip)), "stream", stream_name(s->stream), NULL);
  bosh_take(s, p, b);
}

/* ---- turns ---- */

static void
on_time(void *cookie)
{
  bosh_due(cookie);
}

/* s10: the time without a request counts from the last answer on. */
static bool
is_silent(struct bosh *s)
{
  unsigned int i;

  for (i = 0; i < s->asked_n; i++)
    if (s->asked[i].post) {
      s->quiet_us = 0;
      return false;
    }
  if (!s->quiet_us) s->quiet_us = door_now();
  return s->silence_us != UINT64_MAX && door_now() - s->quiet_us >= s->silence_us;
}

/* A silent client is taken for gone: its session of xmpp-c2sd is left to be resumed. */
static void
look(struct bosh *s)
{
  uint64_t next;

  bosh_advance(s);
  bosh_flush(s);
  bound(s);
  if (is_silent(s)) {
    bosh_end(s, BOSH_FINE, "the client is silent");
    s->said = true;
  }
  if (s->is_due) return;
  if (s->said && !s->asked_n) {
    session_free(s);
    return;
  }
  next = bosh_next_us(s);
  if (next == UINT64_MAX)
    event_timer_cancel(&s->timer);
  else
    event_timer_start(&s->timer, next, on_time, s);
}

/* Answers let the next requests of their connections begin, which may belong to
 * sessions that were looked at: the list is emptied as long as requests come. */
void
bosh_turn(void)
{
  while (due) {
    struct bosh *s = due;
    due = s->next_due;
    s->is_due = false;
    look(s);
  }
}

void
bosh_stop(void)
{
  size_t i;

  stopping = true;
  for (i = 0; sessions.slots && i <= sessions.mask; i++) {
    struct bosh *s = sessions.slots[i].item;
    if (s) bosh_end(s, BOSH_SYSTEM_SHUTDOWN, "webd stops");
  }
}
