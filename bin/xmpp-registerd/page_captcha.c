#include "captcha.h"
#include "web.h"

#include <stdlib.h>
#include <string.h>

/* Captchas on pages: the page of a challenge whose form a client has (/captcha/ID), its picture
 * (/captcha/ID/image), and a challenge in the form of a page itself. */

#define DRAWN_MAX 5

/* A run of the program for a page. */
struct run {
  uint64_t visit;
  char id[CHALLENGE_ID + 1];
  void (*fn)(struct visit *v, struct challenge *c); /* NULL: a picture is sent */
};

static void
failed(struct visit *v)
{
  page_say(v, 503, W_CAPTCHA_PAGE, text_in(TEXT_TEMPORARY, v->lang));
}

static void
send_picture(struct visit *v, struct spawned const *s)
{
  struct slice type = s->why ? SLICE("") : captcha_type(s->out);
  char const *why = s->why ? s->why : "the output is no picture";

  if (type.len)
    web_send(v, 200, type.s, s->out, SLICE(""));
  else {
    captcha_failed(v->host, s, why);
    failed(v);
  }
}

static void
ask_question(struct visit *v, struct run const *run, struct spawned const *s)
{
  struct challenge *c = captcha_find(slice_str(run->id));
  struct captcha_content x = {.type = SLICE("")};
  char const *why = s->why;

  if (!why && c && !captcha_question(c, s->out, &x)) why = "the output is no question";
  if (why) captcha_failed(v->host, s, why);
  if (c && !why)
    run->fn(v, c);
  else {
    captcha_drop(c);
    failed(v);
  }
}

static void
done(void *cookie, struct spawned const *s)
{
  struct run *run = cookie;
  struct visit *v = visit_find(run->visit);

  if (v && run->fn)
    ask_question(v, run, s);
  else if (v)
    send_picture(v, s);
  free(run);
}

/* false: too much runs. */
static bool
start(struct visit *v, struct challenge const *c, struct slice arg, struct slice arg2,
      void (*fn)(struct visit *v, struct challenge *c))
{
  struct run *run = calloc(1, sizeof *run);

  if (!run) return false;
  run->visit = v->serial;
  run->fn = fn;
  memcpy(run->id, c->id, sizeof run->id);
  if (spawn(registerd.captcha_path, arg, arg2, done, run)) return true;
  free(run);
  return false;
}

void
captcha_on_page(struct visit *v, void (*fn)(struct visit *v, struct challenge *c))
{
  struct challenge *c = captcha_of_page(v->ip);

  if (c && !registerd.captcha_asks)
    fn(v, c);
  else if (!c || !start(v, c, SLICE("--question"), v->lang, fn)) {
    captcha_drop(c);
    page_say(v, 429, W_CAPTCHA_PAGE, text_in(TEXT_BUSY, v->lang));
  }
}

void
captcha_inputs(struct visit const *v, struct challenge const *c)
{
  page_raw("<input type=\"hidden\" name=\"challenge\" value=\"");
  page_raw(c->id);
  page_raw("\">\n");
  if (!c->question) {
    page_raw("<p><img alt=\"\" width=\"200\" height=\"70\" src=\"");
    page_text(v->base);
    page_raw("/image/");
    page_raw(c->id);
    page_raw("\"></p>\n");
  }
  page_input("ocr", "text",
             c->question ? slice_str(c->question) : text_in(TEXT_OCR, v->lang), SLICE(""),
             "off");
}

/* The text is drawn anew each time, so that a picture that nobody can read is no end. */
void
captcha_picture(struct visit *v, struct slice id)
{
  struct challenge *c = captcha_find(id);
  struct slice text = c && c->answers ? slice_str(c->answers) : SLICE("");

  if (!c || !text.len || c->question || c->drawn >= DRAWN_MAX) {
    page_say(v, 404, W_CAPTCHA_PAGE, word_in(W_NOT_FOUND, v->lang));
    return;
  }
  c->drawn++;
  if (!start(v, c, text, SLICE(""), NULL))
    page_say(v, 429, W_CAPTCHA_PAGE, text_in(TEXT_BUSY, v->lang));
}

bool
captcha_is_solved(struct visit *v)
{
  return captcha_solves(visit_field(v, "challenge"), visit_field(v, "ocr"));
}

/* ---- the page of a client's challenge ---- */

static void
show(struct visit *v, struct challenge const *c)
{
  page_begin(v, W_CAPTCHA_PAGE);
  page_form(v);
  captcha_inputs(v, c);
  page_form_end(W_SEND);
  page_send(v, 200);
}

void
page_captcha(struct visit *v, struct host const *h)
{
  struct slice rest = v->path, id = {0}, what = {0};
  struct challenge *c;

  (void)h;
  slice_word(&rest, '/', &id); /* in front of the first slash is nothing */
  if (!slice_word(&rest, '/', &id)) id = SLICE("");
  if (slice_is(id, "image") && slice_word(&rest, '/', &what)) {
    captcha_picture(v, what);
    return;
  }
  if (slice_is(rest, "image")) {
    captcha_picture(v, id);
    return;
  }
  c = captcha_find(id);
  if (!c || !c->answers || rest.len)
    page_say(v, 404, W_CAPTCHA_PAGE, word_in(W_NOT_FOUND, v->lang));
  else if (!v->is_post)
    show(v, c);
  else if (!visit_is_ours(v))
    page_say(v, 403, W_CAPTCHA_PAGE, word_in(W_STALE, v->lang));
  else if (captcha_solves(id, visit_field(v, "ocr")))
    page_say(v, 200, W_CAPTCHA_PAGE, word_in(W_CAPTCHA_DONE, v->lang));
  else
    page_say(v, 400, W_CAPTCHA_PAGE, text_in(TEXT_WRONG, v->lang));
}
