#include "web.h"

#include <string.h>

/* Words of pages, in three languages; those that the administrator has replaced (tabber.pages.texts) are in
 * the settings. */

#define LANGS_N 3

static char const *const words[WORDS_N][LANGS_N] = {
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
  [W_WEBCHAT] = {"Chat in the browser",                                                         "Chatten im Browser",                   "在浏览器中聊天"                                 },
  [W_SCAN] = {"Open this page on a phone:",                                                  "Diese Seite auf dem Telefon öffnen:",
                  "在手机上打开此页："                                                                                                                                                  },
};

/* The names by which the settings replace them. */
static char const *const names[WORDS_N] = {
  [W_REGISTER] = "register",
  [W_PASSWORD_PAGE] = "password_page",
  [W_REMOVE_PAGE] = "remove_page",
  [W_INVITATION] = "invitation",
  [W_INVITED_BY] = "invited_by",
  [W_INVITED] = "invited",
  [W_OPEN] = "open",
  [W_HAVE_ACCOUNT] = "have_account",
  [W_NEED_ACCOUNT] = "need_account",
  [W_PROGRAMS] = "programs",
  [W_IN_BROWSER] = "in_browser",
  [W_OLD_PASSWORD] = "old_password",
  [W_NEW_PASSWORD] = "new_password",
  [W_SEND] = "send",
  [W_BACK] = "back",
  [W_MADE] = "made",
  [W_CHANGED] = "changed",
  [W_REMOVED] = "removed",
  [W_WRONG_PASSWORD] = "wrong_password",
  [W_NOT_FOUND] = "not_found",
  [W_STALE] = "stale",
  [W_HTTPS] = "https",
  [W_TOO_MANY] = "too_many",
  [W_CAPTCHA_PAGE] = "captcha_page",
  [W_CAPTCHA_DONE] = "captcha_done",
  [W_RESET_PAGE] = "reset_page",
  [W_WEBCHAT] = "webchat",
  [W_SCAN] = "scan",
};

static char const *const tags[LANGS_N] = {"en", "de", "zh"};
static struct slice replaced[WORDS_N][LANGS_N]; /* empty: not */

static unsigned int
find(struct slice l)
{
  unsigned int i;

  for (i = 0; i < LANGS_N; i++)
    if (slice_is(l, tags[i])) return i;
  return 0;
}

struct slice
word_in(enum word w, struct slice l)
{
  unsigned int lang = find(l);

  return replaced[w][lang].len ? replaced[w][lang] : slice_str(words[w][lang]);
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
    for (i = 0; i < LANGS_N; i++)
      if (slice_is_nocase(word, tags[i])) return slice_str(tags[i]);
  }
  return SLICE("en");
}

/* ---- settings ---- */

/* The place of a row page_text: LANG NAME TEXT. NULL: it has none. */
static struct slice *
place_of(struct settings_row const *row)
{
  unsigned int w, lang;

  for (w = 0; w < WORDS_N && !slice_is(row->value[0], names[w]); w++) {
  }
  for (lang = 0; lang < LANGS_N && !slice_is(row->scope, tags[lang]); lang++) {
  }
  return w < WORDS_N && lang < LANGS_N ? &replaced[w][lang] : NULL;
}

bool
words_hold(struct settings const *st)
{
  struct settings_row const *row = NULL;

  while ((row = settings_next(st, "page_text", row))) {
    if (place_of(row)) continue;
    settings_refuse("page_text", row->scope, "pages have no text of this name", NULL);
    return false;
  }
  return true;
}

void
words_take(struct settings const *st)
{
  struct settings_row const *row = NULL;

  memset(replaced, 0, sizeof replaced);
  while ((row = settings_next(st, "page_text", row)))
    *place_of(row) = row->value[1];
}
