#include "captcha.h"
#include "web.h"

#include <string.h>

/* mod_register_web: a new account, another password, the end of an account, for who has no program for
 * that. The checks are those of account.c; a captcha stands in front of each new account, for here is no
 * client that a robot would need. */

/* ---- a new account ---- */

static void
show_new(struct visit *v, struct challenge *c)
{
  page_begin(v, W_REGISTER);
  page_form(v);
  page_input("username", "text", text_in(TEXT_NAME, v->lang), SLICE(""), "username");
  page_input("password", "password", text_in(TEXT_PASSWORD, v->lang), SLICE(""),
             "new-password");
  captcha_inputs(v, c);
  page_form_end(W_SEND);
  page_send(v, 200);
}

static bool
is_open(struct visit const *v, struct host const *h)
{
  return h->by_web && access_may_allow(registerd.access, h->access, h->name) &&
         registerd_allows_ip(h, v->ip);
}

static void
make(struct visit *v, struct host const *h)
{
  struct request q = visit_request(v);
  struct account_ask w = {.username = visit_field(v, "username"),
                          .password = visit_field(v, "password"),
                          .by = "web"};

  if (!w.username.len || !w.password.len)
    answer_error(&q, ERR_NOT_ACCEPTABLE, NULL, TEXT_INCOMPLETE);
  else if (!captcha_is_solved(v))
    answer_error(&q, ERR_NOT_ACCEPTABLE, NULL, TEXT_WRONG);
  else
    account_check(&q, h, &w);
}

/* ---- accounts that there are ---- */

/* The address of the user that the form names. */
static bool
read_account(struct visit *v, struct host const *h, struct jid *j)
{
  struct slice name = visit_field(v, "username"), local;

  if (memchr(name.s ? name.s : "", '@', name.len))
    return jid_parse(&v->arena, name, j) && slice_eq(j->domain, h->name) &&
           j->local.len && !j->resource.len;
  local = jid_prep_local(&v->arena, name);
  return local.s && jid_make(&v->arena, local, h->name, SLICE(""), j);
}

static void
show_form(struct visit *v, enum word title, bool changes)
{
  page_begin(v, title);
  page_form(v);
  page_input("username", "text", text_in(TEXT_NAME, v->lang), SLICE(""), "username");
  page_input("old", "password",
             changes ? word_in(W_OLD_PASSWORD, v->lang) : text_in(TEXT_PASSWORD, v->lang),
             SLICE(""), "current-password");
  if (changes)
    page_input("password", "password", word_in(W_NEW_PASSWORD, v->lang), SLICE(""),
               "new-password");
  page_form_end(W_SEND);
  page_send(v, 200);
}

static void
change(struct visit *v)
{
  struct request q = visit_request(v);

  account_passwd(&q, v->account, v->password);
}

static void
remove_account(struct visit *v)
{
  struct request q = visit_request(v);

  account_del(&q, v->account);
}

static void
post_account(struct visit *v, struct host const *h, bool changes)
{
  struct request q = visit_request(v);
  struct slice old = visit_field(v, "old");
  struct jid j;

  v->password = changes ? visit_field(v, "password") : SLICE("");
  if (!old.len || (changes && !v->password.len))
    answer_error(&q, ERR_NOT_ACCEPTABLE, NULL, TEXT_INCOMPLETE);
  else if (!read_account(v, h, &j))
    answer_error(&q, ERR_NOT_ACCEPTABLE, NULL, TEXT_BAD_NAME);
  else if (!changes && !registerd_allows(h, h->access_remove, &j, v->ip))
    answer_error(&q, ERR_FORBIDDEN, NULL, TEXT_NO_REMOVAL);
  else if (!changes || account_password_holds(&q, h, v->password)) {
    v->account = j.bare;
    web_login(v, j.bare, old, changes ? change : remove_account);
  }
}

/* ---- the pages ---- */

static void
link_to(struct visit const *v, char const *path, enum word w)
{
  page_raw("<p><a href=\"");
  page_text(v->base);
  page_raw(path);
  page_raw("\">");
  page_word(w);
  page_raw("</a></p>\n");
}

static void
show_menu(struct visit *v, struct host const *h)
{
  page_begin(v, W_REGISTER);
  page_raw("<p>");
  page_text(v->host);
  page_raw("</p>\n");
  if (is_open(v, h)) link_to(v, "/new", W_REGISTER);
  link_to(v, "/password", W_PASSWORD_PAGE);
  link_to(v, "/remove", W_REMOVE_PAGE);
  page_send(v, 200);
}

static void
get(struct visit *v, struct host const *h)
{
  if (!v->path.len || slice_is(v->path, "/"))
    show_menu(v, h);
  else if (slice_starts(v->path, "/image/"))
    captcha_picture(v, slice_of(v->path.s + 7, v->path.len - 7));
  else if (slice_is(v->path, "/new") && !is_open(v, h))
    page_say(v, 403, W_REGISTER, text_in(TEXT_DENIED, v->lang));
  else if (slice_is(v->path, "/new"))
    captcha_on_page(v, show_new);
  else if (slice_is(v->path, "/password"))
    show_form(v, W_PASSWORD_PAGE, true);
  else if (slice_is(v->path, "/remove"))
    show_form(v, W_REMOVE_PAGE, false);
  else
    page_say(v, 404, W_REGISTER, word_in(W_NOT_FOUND, v->lang));
}

void
page_register(struct visit *v, struct host const *h)
{
  if (!h->registers)
    page_say(v, 404, W_REGISTER, word_in(W_NOT_FOUND, v->lang));
  else if (!v->is_post)
    get(v, h);
  else if (!visit_is_ours(v))
    page_say(v, 403, W_REGISTER, word_in(W_STALE, v->lang));
  else if (slice_is(v->path, "/new"))
    make(v, h);
  else if (slice_is(v->path, "/password") || slice_is(v->path, "/remove"))
    post_account(v, h, slice_is(v->path, "/password"));
  else
    page_say(v, 404, W_REGISTER, word_in(W_NOT_FOUND, v->lang));
}
