#include "web.h"

#include <stdio.h>

/* Answers: to a stream as the record registered, to a session as a stanza. */

bool
request_keep(struct arena *a, struct request *out, struct request const *q)
{
  *out = *q;
  out->in.to = arena_copy(a, q->in.to);
  out->in.from = arena_copy(a, q->in.from);
  out->in.id = arena_copy(a, q->in.id);
  out->in.tags = arena_copy(a, q->in.tags);
  out->in.kind = SLICE("iq");
  out->in.type = out->in.xml = out->in.origin = SLICE("");
  out->host = arena_copy(a, q->host);
  out->ip = arena_copy(a, q->ip);
  out->lang = arena_copy(a, q->lang);
  out->back = arena_copy(a, q->back);
  return out->in.to.s && out->in.from.s && out->in.id.s && out->in.tags.s &&
         out->host.s && out->ip.s && out->lang.s && out->back.s;
}

static void
say(struct request const *q, char const *type, struct slice xml, char const *word,
    struct slice value)
{
  if (!q->link || !q->link->up) return;
  if (!q->stream) {
    stanza_answer(q->link, &q->in, type, xml);
    return;
  }
  link_begin(q->link, VERB_REGISTERED);
  link_num(q->link, q->stream);
  link_text(q->link, xml);
  link_str(q->link, word);
  if (word) link_text(q->link, value);
  link_end(q->link);
}

void
answer_result(struct request const *q, struct slice inside, char const *word,
              struct slice value)
{
  static stralloc out = STRALLOC_ZERO;

  if (q->visit) {
    web_result(q, value);
    return;
  }
  out.len = 0;
  if (inside.len ? stanza_cat_result_open(&out, &q->in) &&
                     stralloc_catb(&out, inside.s, inside.len) && xml_cat(&out, "</iq>")
                 : stanza_cat_result(&out, &q->in))
    say(q, "result", slice_of(out.s, out.len), word, value);
}

static void
error_in(struct request const *q, enum stanza_error e, char const *type,
         struct slice lang, struct slice text)
{
  static stralloc out = STRALLOC_ZERO;

  out.len = 0;
  if (stanza_cat_fault(
        &out, &q->in,
        &(struct stanza_fault){
          .error = e, .type = type, .lang = lang, .text = text, .before = q->back}))
    say(q, "error", slice_of(out.s, out.len), NULL, SLICE(""));
}

void
answer_error(struct request const *q, enum stanza_error e, char const *type, enum text t)
{
  if (q->visit)
    web_error(q, e, text_on_page(t, q->lang));
  else
    error_in(q, e, type, text_lang(t, q->lang), text_in(t, q->lang));
}

void
answer_wait(struct request const *q, uint64_t seconds)
{
  struct slice text = text_in(TEXT_TOO_SOON, q->lang);
  char buf[200];
  int n = snprintf(buf, sizeof buf, "%.*s%llu", (int)text.len, text.s,
                   (unsigned long long)seconds);

  if (q->visit)
    web_error(q, ERR_RESOURCE_CONSTRAINT, slice_of(buf, (size_t)n));
  else
    error_in(q, ERR_RESOURCE_CONSTRAINT, NULL, text_lang(TEXT_TOO_SOON, q->lang),
             slice_of(buf, (size_t)n));
}

void
answer_end(struct request const *q, char const *condition)
{
  say(q, "", SLICE(""), "end", slice_str(condition));
}
