#include "registerd.h"

/* Texts of answers, in the language of the stream or the browser. Conversations compares two of them
 * with its own English words, so streams and sessions get these in English. */

enum lang { EN, DE, ZH, LANGS_N };

static char const *const tags[LANGS_N] = {"en", "de", "zh"};

static char const *const texts[TEXTS_N][LANGS_N] = {
  [TEXT_INSTRUCTIONS] = {"Choose a user name and a password for your account.",
                         "Wählen Sie einen Benutzernamen und ein Passwort.",                                                             "请为您的帐号选择用户名和密码。"         },
  [TEXT_REDIRECT] = {"Accounts are made on this page:",
                         "Konten gibt es auf dieser Seite:",                                                                              "请在此网页注册帐号："                        },
  [TEXT_TITLE] = {"New account",                                                            "Neues Konto",                         "新帐号"                                             },
  [TEXT_NAME] = {"User name",                                                              "Benutzername",                        "用户名"                                             },
  [TEXT_PASSWORD] = {"Password",                                                               "Passwort",                            "密码"                                                },
  [TEXT_DENIED] = {"You may not register here.",
                         "Sie dürfen sich hier nicht registrieren.",                                                                     "此处不允许您注册。"                           },
  [TEXT_NO_CHANGE] = {"The password cannot be changed here.",
                         "Das Passwort kann hier nicht geändert werden.",                                                                "此处无法更改密码。"                           },
  [TEXT_NO_REMOVAL] = {"The account cannot be removed here.",
                         "Das Konto kann hier nicht gelöscht werden.",                                                                   "此处无法删除帐号。"                           },
  [TEXT_MALFORMED] = {"The request is malformed.",                                              "Die Anfrage ist fehlerhaft.",
                         "请求的格式有误。"                                                                                                                                               },
  [TEXT_NO_ID] = {"The request has no id.",                                                 "Der Anfrage fehlt die id.",           "请求缺少 id。"                                    },
  [TEXT_INCOMPLETE] = {"User name and password are needed.",
                         "Benutzername und Passwort werden gebraucht.",                                                                   "需要用户名和密码。"                           },
  [TEXT_BAD_NAME] = {"That is no user name: use letters, digits, - . _",
                         "Das ist kein Benutzername: nehmen Sie Buchstaben, Ziffern, - . _",
                         "用户名无效：请使用字母、数字和 - . _"                                                                                                                    },
  [TEXT_RESERVED] = {"That user name is reserved.",                                            "Dieser Benutzername ist reserviert.",
                         "该用户名已被保留。"                                                                                                                                            },
  [TEXT_WEAK] = {"The password is too weak",                                               "Das Passwort ist zu schwach.",
                         "密码强度太低。"                                                                                                                                                  },
  [TEXT_LONGER] = {"Please use a longer password.",
                         "Bitte wählen Sie ein längeres Passwort.",                                                                     "请使用更长的密码。"                           },
  [TEXT_BAD_PASSWORD] =
    {"The password has characters that no password may have, or is too long.",
                         "Das Passwort hat unerlaubte Zeichen oder ist zu lang.",                                                         "密码含有不允许的字符或过长。"            },
  [TEXT_TOO_SOON] = {"Too many accounts from your address. Seconds to wait: ",
                         "Zu viele Konten von Ihrer Adresse. Sekunden zu warten: ",                                                       "您的地址注册过于频繁。需等待的秒数："},
  [TEXT_TAKEN] = {"That user name is taken.",                                               "Dieser Benutzername ist vergeben.",
                         "该用户名已被使用。"                                                                                                                                            },
  [TEXT_SECOND] = {"This connection has made an account already.",
                         "Diese Verbindung hat schon ein Konto angelegt.",                                                                "此连接已注册过帐号。"                        },
  [TEXT_TEMPORARY] = {"That does not work now. Try again later.",
                         "Das geht gerade nicht. Versuchen Sie es später.",                                                              "暂时无法完成，请稍后再试。"               },
  [TEXT_NOT_HERE] = {"There is no registration here.",
                         "Hier gibt es keine Registrierung.",                                                                             "此处不提供注册。"                              },
  [TEXT_BUSY] = {"Too many register now. Try again later.",
                         "Es registrieren sich zu viele. Versuchen Sie es später.",                                                      "注册人数过多，请稍后再试。"               },
  [TEXT_CAPTCHA] = {"Choose a user name and a password, and solve the task below.",
                         "Wählen Sie Benutzername und Passwort, und lösen Sie die Aufgabe.",
                         "请选择用户名和密码，并完成下面的验证。"                                                                                                              },
  [TEXT_OCR] = {"Type the characters that you see",
                         "Tippen Sie die Zeichen ab, die Sie sehen",                                                                      "请输入您看到的字符"                           },
  [TEXT_WRONG] = {"The task is not solved. Ask for another one.",
                         "Die Aufgabe ist nicht gelöst. Holen Sie sich eine neue.",                                                      "验证未通过，请重新获取。"                  },
  [TEXT_FALLBACK] = {"If you do not see the picture, open the page.",
                         "Wenn Sie das Bild nicht sehen, öffnen Sie die Seite.",                                                         "如果看不到图片，请打开网页。"            },
  [TEXT_NO_INVITE] =
    {"There is no such invitation, or it is used or over.",
                         "Diese Einladung gibt es nicht, oder sie ist verbraucht oder abgelaufen.",
                         "没有此邀请，或已被使用或过期。"                                                                                                                          },
  [TEXT_USED] = {"The invitation has been used.",                                          "Die Einladung ist verbraucht.",
                         "该邀请已被使用。"                                                                                                                                               },
  [TEXT_OTHER_NAME] = {"The invitation is for another user name.",
                         "Die Einladung ist für einen anderen Benutzernamen.",                                                           "该邀请用于其他用户名。"                     },
  [TEXT_FORM] = {"Fill in the form.",                                                      "Füllen Sie das Formular aus.",       "请填写表单。"                                    },
};

static enum lang
find(struct slice lang)
{
  struct slice word = {0};
  unsigned int i;

  slice_word(&lang, '-', &word);
  for (i = 0; i < LANGS_N; i++)
    if (slice_is_nocase(word, tags[i])) return (enum lang)i;
  return EN;
}

/* An answer whose English words a client compares. */
static bool
is_compared(enum text t)
{
  return t == TEXT_WEAK || t == TEXT_LONGER;
}

struct slice
text_in(enum text t, struct slice lang)
{
  return slice_str(texts[t][is_compared(t) ? EN : find(lang)]);
}

struct slice
text_lang(enum text t, struct slice lang)
{
  return slice_str(tags[is_compared(t) ? EN : find(lang)]);
}

struct slice
text_on_page(enum text t, struct slice lang)
{
  return slice_str(texts[t][find(lang)]);
}
