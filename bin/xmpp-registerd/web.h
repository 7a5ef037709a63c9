/* Pages of xmpp-registerd, which xmpp-webd asks for: registration, invitations, captchas. They need no
 * script, tell nothing that was typed back, and forms are taken from a page of ours alone. */
#ifndef REGISTERD_WEB_H
#define REGISTERD_WEB_H

#include "invites.h"

#define COOKIE "tabber-form"
#define COOKIE_LEN 32

/* A request that has no answer yet. Slices lie in its arena. */
struct visit {
  struct visit *next;
  struct link *link; /* of webd */
  uint64_t id, serial;
  struct arena arena;
  struct slice handler, host, base, path, ip, lang;
  char cookie[COOKIE_LEN + 1];
  bool has_cookie; /* the browser sent it */
  bool is_post, is_head, is_secure, is_local;
  bool waits; /* for the rest of body */
  uint64_t length;
  stralloc body;
  uint64_t login; /* the exchange with authd (web_login.c); 0: none */
  void (*logged_in)(struct visit *v);
  struct slice account, password; /* for logged_in */
};

/* ---- requests (web.c) ---- */

void web_up(struct link *webd);
void web_down(struct link *webd);
void web_on_request(struct link *l, struct record *r);
void web_on_body(struct link *l, struct record *r);
void web_on_ended(struct link *l, struct record *r);
void web_on_cancel(struct link *l, struct record *r);

/* Flow of bodies is of no interest: answers are small. */
void web_on_flow(struct link *l, struct record *r);

struct visit *visit_find(uint64_t serial);
void visit_free(struct visit *v);

/* The request as account.c and answers.c take it. */
struct request visit_request(struct visit const *v);

/* A field of the form that was posted, decoded, in the arena; empty when it is absent or no UTF-8. */
struct slice visit_field(struct visit *v, char const *name);

/* The token of the host's forms for the browser with this cookie (false: OpenSSL failed); say whether
 * the form that came has it. */
bool visit_token(struct visit const *v, char token[COOKIE_LEN + 1]);
bool visit_is_ours(struct visit *v);

/* The answer of account.c: VALUE is the account that was made, or empty. */
void web_result(struct request const *q, struct slice value);
void web_error(struct request const *q, enum stanza_error e, struct slice text);

/* ---- words of pages (words.c) ---- */

enum word {
  W_REGISTER,
  W_PASSWORD_PAGE,
  W_REMOVE_PAGE,
  W_INVITATION,
  W_INVITED_BY,
  W_INVITED,
  W_OPEN,
  W_HAVE_ACCOUNT,
  W_NEED_ACCOUNT,
  W_PROGRAMS,
  W_IN_BROWSER,
  W_OLD_PASSWORD,
  W_NEW_PASSWORD,
  W_SEND,
  W_BACK,
  W_MADE,
  W_CHANGED,
  W_REMOVED,
  W_WRONG_PASSWORD,
  W_NOT_FOUND,
  W_STALE,
  W_HTTPS,
  W_TOO_MANY,
  W_CAPTCHA_PAGE,
  W_CAPTCHA_DONE,
  W_RESET_PAGE,
  W_WEBCHAT,
  W_SCAN,
  WORDS_N
};

/* A word in the language of this tag, else in English; it lives until settings are taken. The tag of the
 * language that a browser wants of those that there are. */
struct slice word_in(enum word w, struct slice lang);
struct slice words_lang(struct slice accept_language);

/* Say whether the rows page_text replace words that there are, or refuse the settings; take these. */
bool words_hold(struct settings const *st);
void words_take(struct settings const *st);

/* ---- writing pages (html.c) ---- */

/* The page that is being written: one at a time. Bytes as they are; text, escaped. */
void page_begin(struct visit const *v, enum word title);
void page_raw(char const *html);
void page_bytes(struct slice html);
void page_text(struct slice text);
void page_word(enum word w);

/* A form that is posted to the path of the visit, with its token; a labelled input; the end. */
void page_form(struct visit const *v);
void page_input(char const *name, char const *type, struct slice label,
                struct slice value, char const *complete);
void page_form_end(enum word button);

/* Send the page, and free the visit. */
void page_send(struct visit *v, unsigned int status);

/* The address as a picture that a phone reads (qr.c). */
void page_qr(struct slice address);

/* page_send with another form of the page, an xmpp: address, in the field Link (RFC 8288). */
void page_send_alternate(struct visit *v, struct slice uri);

/* The whole page: a title and a text. */
void page_say(struct visit *v, unsigned int status, enum word title, struct slice text);

/* An answer that is no page: a picture, a style sheet. more: header lines, or empty. */
void web_send(struct visit *v, unsigned int status, char const *type, struct slice body,
              struct slice more);

/* ---- pages ---- */

typedef void page_fn(struct visit *v, struct host const *h);
page_fn page_register, page_invite, page_captcha;

/* A picture, or a question, in the form; the picture of a challenge (page_captcha.c). */
void captcha_on_page(struct visit *v, void (*fn)(struct visit *v, struct challenge *c));
void captcha_inputs(struct visit const *v, struct challenge const *c);
void captcha_picture(struct visit *v, struct slice id);
bool captcha_is_solved(struct visit *v);

/* ---- logins (web_login.c) ---- */

/* Have authd check a password; fn when it is right, else the page says no. */
void web_login(struct visit *v, struct slice bare, struct slice password,
               void (*fn)(struct visit *v));
void web_on_success(struct link *l, struct record *r);
void web_on_failure(struct link *l, struct record *r);
void web_login_gone(struct visit *v);

/* authd is gone: logins that wait end. */
void web_logins_down(void);

#endif
