#include "web.h"

#include <stdio.h>
#include <string.h>

/* Pages as text. Whatever is not a constant is escaped; no form shows a password again. */

static stralloc page = STRALLOC_ZERO;
static struct slice lang;

void
page_bytes(struct slice html)
{
  if (!stralloc_catb(&page, html.s, html.len))
    log_event(LOG_WARN, "output-lost", "why", "out of memory", NULL);
}

void
page_raw(char const *html)
{
  page_bytes(slice_str(html));
}

void
page_text(struct slice s)
{
  size_t i;

  for (i = 0; i < s.len; i++)
    switch (s.s[i]) {
    case '&': page_raw("&amp;"); break;
    case '<': page_raw("&lt;"); break;
    case '>': page_raw("&gt;"); break;
    case '"': page_raw("&quot;"); break;
    case '\'': page_raw("&#39;"); break;
    default: page_bytes(slice_of(s.s + i, 1));
    }
}

void
page_word(enum word w)
{
  page_text(word_in(w, lang));
}

void
page_begin(struct visit const *v, enum word title)
{
  page.len = 0;
  lang = v->lang;
  page_raw("<!DOCTYPE html>\n<html lang=\"");
  page_text(lang);
  page_raw("\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" "
           "content=\"width=device-width, initial-scale=1\">\n<title>");
  page_word(title);
  page_raw(" - ");
  page_text(v->host);
  page_raw("</title>\n<link rel=\"stylesheet\" href=\"");
  page_text(v->base);
  page_raw("/style.css\">\n</head>\n<body>\n<h1>");
  page_word(title);
  page_raw("</h1>\n");
}

void
page_form(struct visit const *v)
{
  char token[COOKIE_LEN + 1];

  (void)visit_token(v, token);
  page_raw("<form method=\"post\" action=\"");
  page_text(v->base);
  page_text(v->path);
  page_raw("\">\n<input type=\"hidden\" name=\"token\" value=\"");
  page_raw(token);
  page_raw("\">\n");
}

void
page_input(char const *name, char const *type, struct slice label, struct slice value,
           char const *complete)
{
  page_raw("<label>");
  page_text(label);
  page_raw("<input name=\"");
  page_raw(name);
  page_raw("\" type=\"");
  page_raw(type);
  page_raw("\" required autocomplete=\"");
  page_raw(complete);
  page_raw("\" autocapitalize=\"none\" spellcheck=\"false\"");
  if (value.len) {
    page_raw(" readonly value=\"");
    page_text(value);
    page_raw("\"");
  }
  page_raw("></label>\n");
}

void
page_form_end(enum word button)
{
  page_raw("<p><button>");
  page_word(button);
  page_raw("</button></p>\n</form>\n");
}

/* ---- answers ---- */

static void
send(struct visit *v, unsigned int status, struct slice headers, struct slice body)
{
  size_t at, n;

  link_begin(v->link, VERB_ANSWER);
  link_num(v->link, v->id);
  link_num(v->link, status);
  link_num(v->link, body.len);
  link_text(v->link, headers);
  link_end(v->link);
  for (at = 0; at < body.len && !v->is_head; at += n) {
    n = body.len - at < 32768 ? body.len - at : 32768;
    link_begin(v->link, VERB_BODY);
    link_num(v->link, v->id);
    link_text(v->link, slice_of(body.s + at, n));
    link_end(v->link);
  }
  link_begin(v->link, VERB_ENDED);
  link_num(v->link, v->id);
  link_end(v->link);
  visit_free(v);
}

void
web_send(struct visit *v, unsigned int status, char const *type, struct slice body,
         struct slice more)
{
  static stralloc headers = STRALLOC_ZERO;

  headers.len = 0;
  if (stralloc_cats(&headers, "content-type: ") && stralloc_cats(&headers, type) &&
      stralloc_cats(&headers,
                    "\ncache-control: no-store"
                    "\nreferrer-policy: no-referrer"
                    "\nx-content-type-options: nosniff"
                    "\ncontent-security-policy: default-src 'none'; img-src 'self'; "
                    "style-src 'self'; form-action 'self'; frame-ancestors 'none'; "
                    "base-uri 'none'") &&
      stralloc_catb(&headers, more.s, more.len))
    send(v, status, slice_of(headers.s, headers.len), body);
}

static void
send_page(struct visit *v, unsigned int status, struct slice uri)
{
  static stralloc more = STRALLOC_ZERO;
  char cookie[COOKIE_LEN + 300] = "";

  page_raw("</body>\n</html>\n");
  more.len = 0;
  if (!v->has_cookie)
    snprintf(cookie, sizeof cookie,
             "\nset-cookie: " COOKIE "=%s; Path=%.*s/;%s HttpOnly; SameSite=Strict",
             v->cookie, (int)(v->base.len < 200 ? v->base.len : 0), v->base.s,
             v->is_local ? "" : " Secure;");
  if (!stralloc_cats(&more, cookie)) return;
  if (uri.len &&
      !(stralloc_cats(&more, "\nlink: <") && stralloc_catb(&more, uri.s, uri.len) &&
        stralloc_cats(&more, ">; rel=\"alternate\"\naccess-control-allow-origin: *"
                             "\naccess-control-expose-headers: Link")))
    return;
  web_send(v, status, "text/html; charset=utf-8", slice_of(page.s, page.len),
           slice_of(more.s, more.len));
}

void
page_send(struct visit *v, unsigned int status)
{
  send_page(v, status, SLICE(""));
}

void
page_send_alternate(struct visit *v, struct slice uri)
{
  send_page(v, 200, uri);
}

void
page_say(struct visit *v, unsigned int status, enum word title, struct slice text)
{
  page_begin(v, title);
  page_raw(status >= 400 ? "<p class=\"error\">" : "<p>");
  page_text(text);
  page_raw("</p>\n");
  if (status >= 400 && status != 404) {
    page_raw("<p><a href=\"");
    page_text(v->base);
    page_text(v->path);
    page_raw("\">");
    page_word(W_BACK);
    page_raw("</a></p>\n");
  }
  page_send(v, status);
}
