#include "web.h"

#include <stdio.h>
#include <string.h>

/* Pages as text. Whatever is not a constant is escaped; no form shows a password again. */

static char const *const words[WORDS_N][3] = {
  [W_REGISTER] = {"New account",                                                                 "Neues Konto",                          "新帐号"                                             },
  [W_PASSWORD_PAGE] = {"Change the password",                                                         "Passwort ändern",                     "修改密码"                                          },
  [W_REMOVE_PAGE] = {"Remove the account",                                                          "Konto löschen",                       "删除帐号"                                          },
  [W_INVITATION] = {"Invitation",                                                                  "Einladung",                            "邀请"                                                },
  [W_INVITED_BY] = {"You are invited to chat by",
                  "Zum Chatten lädt Sie ein:",                                                                                          "邀请您聊天的是："                              },
  [W_INVITED] = {"You are invited to chat on this server:",
                  "Sie sind eingeladen, auf diesem Server zu chatten:",                                                                  "您被邀请使用此服务器聊天："               },
  [W_OPEN] = {"Accept in my program",                                                        "Im Programm annehmen",                 "在客户端中接受"                                 },
  [W_HAVE_ACCOUNT] = {"I have an account",                                                           "Ich habe ein Konto",                   "我已有帐号"                                       },
  [W_NEED_ACCOUNT] = {"I need an account",                                                           "Ich brauche ein Konto",                "我需要帐号"                                       },
  [W_PROGRAMS] =
    {"Install one of these programs first, then come back to this page:",
                  "Installieren Sie zuerst eines dieser Programme, und kommen Sie dann zurück:",
                  "请先安装以下程序之一，然后返回此页："                                                                                                                       },
  [W_IN_BROWSER] = {"Or make the account here:",                                                   "Oder legen Sie das Konto hier an:",
                  "或在此处注册："                                                                                                                                                        },
  [W_OLD_PASSWORD] = {"Password so far",                                                             "Bisheriges Passwort",                  "当前密码"                                          },
  [W_NEW_PASSWORD] = {"New password",                                                                "Neues Passwort",                       "新密码"                                             },
  [W_SEND] = {"Send",                                                                        "Absenden",                             "提交"                                                },
  [W_BACK] = {"Back",                                                                        "Zurück",                              "返回"                                                },
  [W_MADE] = {"Your account is there. Its address is:",
                  "Ihr Konto ist angelegt. Die Adresse ist:",                                                                            "帐号已创建，地址为："                        },
  [W_CHANGED] = {"The password is changed. Your programs will ask for it.",
                  "Das Passwort ist geändert. Ihre Programme werden danach fragen.",                                                    "密码已修改。您的程序会要求重新输入。"},
  [W_REMOVED] = {"The account is removed.",                                                     "Das Konto ist gelöscht.",             "帐号已删除。"                                    },
  [W_WRONG_PASSWORD] = {"User name or password are wrong.",
                  "Benutzername oder Passwort sind falsch.",                                                                             "用户名或密码错误。"                           },
  [W_NOT_FOUND] = {"There is nothing here, or it is used or over.",
                  "Hier ist nichts, oder es ist verbraucht oder abgelaufen.",                                                            "此处无内容，或已使用或过期。"            },
  [W_STALE] =
    {"This form is too old, or your browser takes no cookies. Load the page anew.",
                  "Das Formular ist zu alt, oder Ihr Browser nimmt keine Cookies. Laden Sie neu.",
                  "表单已失效，或浏览器未接受 cookie。请重新加载。"                                                                                                          },
  [W_HTTPS] = {"This page needs HTTPS.",                                                      "Diese Seite gibt es nur über HTTPS.",
                  "此页面需要 HTTPS。"                                                                                                                                                     },
  [W_TOO_MANY] = {"Too many requests. Try again later.",
                  "Zu viele Anfragen. Versuchen Sie es später.",                                                                        "请求过多，请稍后再试。"                     },
  [W_CAPTCHA_PAGE] = {"Are you a person?",                                                           "Sind Sie ein Mensch?",                 "您是真人吗？"                                    },
  [W_CAPTCHA_DONE] = {"Solved. Go back to your program.",
                  "Gelöst. Gehen Sie zurück in Ihr Programm.",                                                                         "已完成，请返回您的程序。"                  },
  [W_RESET_PAGE] = {"Choose a new password",                                                       "Neues Passwort wählen",               "设置新密码"                                       },
  [W_SCAN] = {"Open this page on a phone:",                                                  "Diese Seite auf dem Telefon öffnen:",
                  "在手机上打开此页："                                                                                                                                                  },
};

static char const *const tags[] = {"en", "de", "zh"};
static stralloc page = STRALLOC_ZERO;
static struct slice lang;

static unsigned int
find(struct slice l)
{
  unsigned int i;

  for (i = 0; i < 3; i++)
    if (slice_is(l, tags[i])) return i;
  return 0;
}

struct slice
word_in(enum word w, struct slice l)
{
  return slice_str(words[w][find(l)]);
}

/* RFC 9110 s12.5.4: browsers name languages in the order of their weights. */
struct slice
words_lang(struct slice accept_language)
{
  struct slice part, tag, word;
  unsigned int i;

  while (slice_word(&accept_language, ',', &part)) {
    while (part.len && part.s[0] == ' ')
      part = slice_of(part.s + 1, part.len - 1);
    if (!slice_word(&part, ';', &tag) || !slice_word(&tag, '-', &word)) continue;
    for (i = 0; i < 3; i++)
      if (slice_is_nocase(word, tags[i])) return slice_str(tags[i]);
  }
  return SLICE("en");
}

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
             "\nset-cookie: " COOKIE "=%s; Path=%.*s/; Secure; HttpOnly; SameSite=Strict",
             v->cookie, (int)(v->base.len < 200 ? v->base.len : 0), v->base.s);
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
