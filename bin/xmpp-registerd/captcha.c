#include "captcha.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Challenges live CAPTCHA_US, CHALLENGES_MAX at a time, one a stream. When there are as many, the
 * oldest of the site that has the most gives way: a site that has one keeps it while any other has
 * two. The program draws a text of
 * ours: digits, which all programs for ejabberd can draw; or for xmpp-captcha letters and digits that are
 * not taken for each other. */

#define DIGITS "0123456789"
#define LETTERS "ACDEFHJKMNPRTUVWXY3479"
#define TEXT_LEN 6

static struct {
  struct challenge *first, *last;
  unsigned int n;
} open;

/* ---- how many a minute (captcha_limit) ---- */

struct made {
  char site[SITE_SIZE];
  uint64_t n;
};

static struct slice
made_key(void const *item)
{
  return slice_str(((struct made const *)item)->site);
}

static struct {
  struct table sites;
  uint64_t minute;
} made = {.sites = {.key = made_key}};

static void
forget_minute(void)
{
  size_t i;

  for (i = 0; made.sites.slots && i <= made.sites.mask; i++)
    free(made.sites.slots[i].item);
  table_wipe(&made.sites);
  made.sites = (struct table){.key = made_key};
}

/* Count a challenge for the site. false: the site has had its share of this minute. */
static bool
may_make(char const *site)
{
  uint64_t minute = door_now() / 60000000;
  struct made *m;

  if (registerd.captcha_limit == UINT64_MAX) return true;
  if (minute != made.minute || made.sites.n >= CAPTCHA_SITES_MAX) forget_minute();
  made.minute = minute;
  m = table_get(&made.sites, slice_str(site));
  if (!m) {
    m = calloc(1, sizeof *m);
    if (!m) return false;
    memcpy(m->site, site, sizeof m->site);
    if (!table_put(&made.sites, m)) {
      free(m);
      return false;
    }
  }
  return m->n++ < registerd.captcha_limit;
}

/* ---- shares of the sites ---- */

/* The number of challenges of a site, while there are some. */
struct share {
  char site[SITE_SIZE];
  unsigned int n;
};

static struct slice
share_key(void const *item)
{
  return slice_str(((struct share const *)item)->site);
}

static struct table shares = {.key = share_key};

static struct share *
share_of(char const *site)
{
  struct share *x = table_get(&shares, slice_str(site));

  if (x) return x;
  x = calloc(1, sizeof *x);
  if (!x) return NULL;
  memcpy(x->site, site, sizeof x->site);
  if (table_put(&shares, x)) return x;
  free(x);
  return NULL;
}

static void
leave_share(struct share *x)
{
  if (--x->n) return;
  table_del(&shares, slice_str(x->site));
  free(x);
}

/* ---- challenges ---- */

void
captcha_drop(struct challenge *c)
{
  if (!c) return;
  *(c->prev ? &c->prev->next : &open.first) = c->next;
  *(c->next ? &c->next->prev : &open.last) = c->prev;
  open.n--;
  if (c->stream) c->stream->challenge = NULL;
  leave_share(c->share);
  if (c->answers) explicit_bzero(c->answers, strlen(c->answers));
  free(c->answers);
  free(c->question);
  free(c);
}

/* false: ENOMEM. */
static bool
enter(struct challenge *c)
{
  c->share = share_of(c->site);
  if (!c->share) return false;
  c->share->n++;
  c->prev = open.last;
  *(open.last ? &open.last->next : &open.first) = c;
  open.last = c;
  open.n++;
  return true;
}

static void
sweep(void)
{
  /* Freeing takes it out of the list. NOLINTNEXTLINE(clang-analyzer-unix.Malloc) */
  while (open.first && open.first->until_us <= door_now())
    captcha_drop(open.first);
}

/* Drop the oldest challenge of a site that has the most. */
static void
give_way(void)
{
  struct challenge *c, *oldest = open.first;

  for (c = open.first; c; c = c->next)
    if (c->share->n > oldest->share->n) oldest = c;
  captcha_drop(oldest);
}

static void
random_hex(char id[CHALLENGE_ID + 1])
{
  unsigned char bytes[CHALLENGE_ID / 2];

  door_random(bytes, sizeof bytes);
  hex_z(id, bytes, sizeof bytes);
}

/* s NULL: of a page. */
static struct challenge *
challenge_new(struct stream *s, char const *site)
{
  struct challenge *c = calloc(1, sizeof *c);

  if (!c) return NULL;
  while (open.n && open.n >= registerd.challenges_max)
    give_way();
  random_hex(c->id);
  memcpy(c->site, site, sizeof c->site);
  c->until_us = door_now() + CAPTCHA_US;
  if (!enter(c)) {
    free(c);
    return NULL;
  }
  c->stream = s;
  if (s) s->challenge = c;
  return c;
}

/* ---- answers of people ---- */

/* Without blanks, in capitals: what is compared. Into out, of len + 1 bytes. */
static void
fold(char *out, struct slice text)
{
  size_t i;

  for (i = 0; i < text.len; i++) {
    char c = text.s[i];
    if (c == ' ' || c == '\t' || c == '\r') continue;
    *out++ = c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
  }
  *out = 0;
}

static bool
is_right(struct challenge const *c, struct slice answer)
{
  struct slice rest = slice_str(c->answers), line;
  char folded[CAPTCHA_ANSWER_MAX + 1];

  if (!answer.len || answer.len > CAPTCHA_ANSWER_MAX) return false;
  fold(folded, answer);
  while (*folded && slice_word(&rest, '\n', &line))
    if (slice_is(line, folded)) return true;
  return false;
}

static void
solve(struct challenge *c)
{
  c->good = CAPTCHA_GOOD_FOR;
  free(c->answers);
  c->answers = NULL;
}

struct challenge *
captcha_find(struct slice id)
{
  struct challenge *c;

  sweep();
  for (c = open.first; c && !slice_is(id, c->id); c = c->next) {
  }
  return c;
}

bool
captcha_solves(struct slice id, struct slice answer)
{
  struct challenge *c = captcha_find(id);

  if (!c) return false;
  if (c->answers && !is_right(c, answer)) {
    captcha_drop(c);
    return false;
  }
  if (c->answers)
    solve(c);
  else if (!c->stream && !c->good--) {
    captcha_drop(c);
    return false;
  }
  return true;
}

bool
captcha_holds(struct request const *q, struct wanted const *w)
{
  struct stream *s = stream_of(q);
  struct challenge *c = s ? s->challenge : NULL;
  struct request anew = *q;

  if (c && c->until_us > door_now() && c->good) {
    c->good--;
    return true;
  }
  if (c && c->until_us > door_now() && c->answers && w->form &&
      (!w->challenge.len || slice_is(w->challenge, c->id)) && is_right(c, w->ocr)) {
    solve(c);
    return true;
  }
  if (c && w->form) captcha_drop(c);
  anew.back = SLICE(""); /* the next try needs another captcha */
  answer_error(&anew, ERR_NOT_ACCEPTABLE, NULL, w->form ? TEXT_WRONG : TEXT_FORM);
  return false;
}

void
captcha_give_back(struct request const *q)
{
  struct stream *s = stream_of(q);

  if (s && s->challenge && !s->challenge->answers &&
      s->challenge->good < CAPTCHA_GOOD_FOR)
    s->challenge->good++;
}

/* ---- the program ---- */

/* A picture that is awaited. */
struct drawing {
  struct arena arena;
  struct request q;
  char id[CHALLENGE_ID + 1]; /* of its challenge, which may be over */
  char text[TEXT_LEN + 1];
};

struct slice
captcha_type(struct slice bytes)
{
  if (slice_starts(bytes, "\x89PNG")) return SLICE("image/png");
  if (slice_starts(bytes, "\xff\xd8\xff")) return SLICE("image/jpeg");
  if (slice_starts(bytes, "GIF87a") || slice_starts(bytes, "GIF89a"))
    return SLICE("image/gif");
  return SLICE("");
}

/* Say at most once a minute for the same cause. */
void
captcha_failed(struct slice host, struct spawned const *s, char const *why)
{
  static char last[64];
  static uint64_t said_us;

  if (said_us && door_now() - said_us < 60000000 && !strcmp(last, why)) return;
  snprintf(last, sizeof last, "%s", why);
  said_us = door_now();
  log_event(LOG_WARN, "captcha-failed", "host", host.len ? log_text(host) : NULL,
            "program", registerd.captcha_path, "code", log_num((uint64_t)s->code),
            "signal", s->signal ? log_num((uint64_t)s->signal) : NULL, "said",
            s->err.len ? log_text(s->err) : NULL, "why", why, NULL);
}

bool
captcha_question(struct challenge *c, struct slice out, struct captcha_content *x)
{
  struct slice line;
  size_t n = 0;

  if (!slice_word(&out, '\n', &x->question) || !x->question.len ||
      x->question.len > 200 || out.len > CAPTCHA_ANSWERS_MAX)
    return false;
  c->question = slice_dup(x->question);
  c->answers = calloc(1, out.len + 2);
  while (c->answers && slice_word(&out, '\n', &line)) {
    fold(c->answers + n, line);
    if (!c->answers[n]) continue;
    n += strlen(c->answers + n);
    c->answers[n++] = '\n';
  }
  return n != 0;
}

/* Make the challenge ask what the program has said. NULL, or why not. */
static char const *
take_content(struct drawing const *d, struct challenge *c, struct spawned const *s,
             struct captcha_content *x)
{
  if (s->why) return s->why;
  if (registerd.captcha_asks)
    return captcha_question(c, s->out, x) ? NULL : "the output is no question";
  x->bytes = s->out;
  x->type = captcha_type(s->out);
  if (!x->type.len) return "the output is no picture";
  c->answers = slice_dup(slice_str(d->text));
  return c->answers ? NULL : "out of memory";
}

/* Ten streams of a site get more time at once. */
static bool
may_give_time(struct challenge *c)
{
  struct challenge const *x;
  unsigned int n = 0;

  for (x = open.first; x; x = x->next)
    n += x->given && !strcmp(x->site, c->site);
  return c->given = n < CAPTCHA_FORMS_A_SITE;
}

static void
answer_form(struct drawing const *d, struct challenge *c, struct captcha_content const *x)
{
  stralloc out = STRALLOC_ZERO;

  if (captcha_cat_form(&out, &d->q, c, x))
    answer_result(&d->q, slice_of(out.s, out.len), may_give_time(c) ? "captcha" : NULL,
                  SLICE(""));
  else
    answer_error(&d->q, ERR_INTERNAL, "wait", TEXT_TEMPORARY);
  stralloc_free(&out);
}

static void
drawn(void *cookie, struct spawned const *s)
{
  struct drawing *d = cookie;
  struct stream *st = stream_of(&d->q);
  struct challenge *c = st ? st->challenge : NULL;
  struct captcha_content x = {.type = SLICE("")};
  char const *why = s->why;

  if (c && !strcmp(c->id, d->id)) {
    why = take_content(d, c, s, &x);
    if (!why)
      answer_form(d, c, &x);
    else {
      captcha_drop(c);
      answer_error(&d->q, ERR_INTERNAL, "wait", TEXT_TEMPORARY);
    }
  }
  if (why) captcha_failed(d->q.host, s, why);
  explicit_bzero(d->text, sizeof d->text);
  arena_wipe(&d->arena);
  free(d);
}

static void
make_text(char text[TEXT_LEN + 1])
{
  char const *from = registerd.captcha_is_ours ? LETTERS : DIGITS;
  size_t n = strlen(from), i;
  uint32_t x;

  for (i = 0; i < TEXT_LEN; i++) {
    door_secret(&x, sizeof x);
    text[i] = from[x % n];
  }
  text[TEXT_LEN] = 0;
}

static bool
draw(struct request const *q, struct challenge const *c)
{
  struct drawing *d = calloc(1, sizeof *d);
  bool asks = registerd.captcha_asks;

  if (!d) return false;
  memcpy(d->id, c->id, sizeof d->id);
  make_text(d->text);
  if (request_keep(&d->arena, &d->q, q) &&
      spawn(registerd.captcha_path, asks ? SLICE("--question") : slice_str(d->text),
            asks ? text_lang(TEXT_TITLE, q->lang) : SLICE(""), drawn, d))
    return true;
  arena_wipe(&d->arena);
  free(d);
  return false;
}

void
captcha_ask(struct request const *q, struct host const *h)
{
  struct stream *s = stream_make(q);
  char site[SITE_SIZE];
  struct challenge *c;

  (void)h;
  sweep();
  site_of(site, q->ip);
  if (!s || s->forms >= CAPTCHA_FORMS_A_STREAM || !may_make(site)) {
    answer_error(q, ERR_RESOURCE_CONSTRAINT, NULL, TEXT_BUSY);
    return;
  }
  s->forms++;
  captcha_drop(s->challenge);
  c = challenge_new(s, site);
  if (c && draw(q, c)) return;
  captcha_drop(c);
  answer_error(q, ERR_RESOURCE_CONSTRAINT, NULL, TEXT_BUSY);
}

struct challenge *
captcha_of_page(struct slice ip)
{
  char site[SITE_SIZE], text[TEXT_LEN + 1];
  struct challenge *c;

  sweep();
  site_of(site, ip);
  c = may_make(site) ? challenge_new(NULL, site) : NULL;
  if (!c || registerd.captcha_asks) return c;
  make_text(text);
  c->answers = slice_dup(slice_str(text));
  explicit_bzero(text, sizeof text);
  if (c->answers) return c;
  captcha_drop(c);
  return NULL;
}

/* ---- the first try ---- */

static void
tried(void *cookie, struct spawned const *s)
{
  char const *why = s->why;

  (void)cookie;
  if (!why && !registerd.captcha_asks && !captcha_type(s->out).len)
    why = "the output is no picture";
  if (why) captcha_failed(SLICE(""), s, why);
}

void
captcha_try(void)
{
  static char here;
  bool asks = registerd.captcha_asks;
  size_t i;

  for (i = 0; i < registerd.n && !registerd.hosts[i].captcha; i++) {
  }
  if (i == registerd.n || service_pipes()) return;
  spawn(registerd.captcha_path, asks ? SLICE("--question") : SLICE("123456"),
        asks ? SLICE("en") : SLICE(""), tried, &here);
}

/* ---- the state for a trace ---- */

static void
fields(struct snapshot *k, struct challenge *c)
{
  uint64_t stream = c->stream ? c->stream->id : 0;
  struct link *l = c->stream ? c->stream->link : NULL;
  struct request q = {.stream = 0};

  snapshot_link(k, &l);
  SNAPSHOT_INT(k, stream);
  snapshot_name(k, c->id, sizeof c->id);
  snapshot_name(k, c->site, sizeof c->site);
  SNAPSHOT_INT(k, c->until_us);
  snapshot_secret(k, &c->answers);
  SNAPSHOT_INT(k, c->good);
  SNAPSHOT_INT(k, c->given);
  snapshot_text(k, &c->question);
  SNAPSHOT_INT(k, c->drawn);
  if (!snapshot_restores(k)) return;
  q.link = l;
  q.stream = stream;
  c->stream = l ? stream_of(&q) : NULL;
  if (c->stream) c->stream->challenge = c;
}

void
captcha_snapshot(struct snapshot *k)
{
  struct challenge *c = open.first;

  for (; snapshot_record(k, "challenge", c != NULL); c = c ? c->next : NULL) {
    if (snapshot_restores(k)) c = snapshot_new(k, sizeof *c);
    if (!c) return;
    fields(k, c);
    if (snapshot_restores(k)) {
      if (!enter(c)) snapshot_fail(k, "memory is short");
      c = NULL;
    }
  }
}
