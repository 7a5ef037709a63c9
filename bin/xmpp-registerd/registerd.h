/* Private to xmpp-registerd. */
#ifndef REGISTERD_H
#define REGISTERD_H

#include "access/access.h"
#include "ask/ask.h"
#include "form/form.h"
#include "handle/handle.h"
#include "jid/jid.h"
#include "link/snapshot.h"
#include "service/service.h"

#define NS_REGISTER "jabber:iq:register"

/* The link to routed; up or not, it stays the same. NULL before it was up first. */
extern struct link *registerd_routed;

/* The requests of sessions that are handled (session.c). */
extern struct handle_row const handlers[];
extern size_t const handlers_n;

/* ---- settings (settings.c) ---- */

/* A host of ours. Texts lie in the settings. */
struct host {
  struct slice name;
  bool registers; /* has mod_register */
  bool in_band;   /* allow_modules: new accounts on streams and by sessions */
  bool by_web;    /* allow_modules: new accounts by web pages */
  struct slice access, access_from, access_remove, ip_access; /* names of rules */
  struct slice redirect_url, watchers;
  struct slice subject, body; /* of the welcome message */
  double strength;            /* bits of a password */
  bool captcha;
  struct slice captcha_page; /* its address, with @HOST@; empty: there is none */

  /* mod_invites */
  bool invites;
  struct slice access_invite, access_create;
  struct slice landing_page; /* none, or the address of a page */
  uint64_t max_invites;      /* unused ones of an account; UINT64_MAX: none */
  uint64_t invite_s;         /* how long one is good */
};

struct registerd_settings {
  struct settings const *st;
  struct access *access;
  struct host *hosts;
  size_t n;
  struct table by_name;
  uint64_t timeout_us; /* between two registrations of a site; UINT64_MAX: none */
  uint64_t burst;      /* registrations of a site in that time */
  char *captcha_path;  /* the program of captcha_cmd */
  bool captcha_is_ours, captcha_asks; /* xmpp-captcha; asks questions */
  uint64_t challenges_max;            /* captchas that are open, of all sites */
  uint64_t captcha_limit;             /* a minute and site; UINT64_MAX: none */
};

extern struct registerd_settings registerd;

/* The two steps of taking settings (service/service.h). */
extern char const *const registerd_needs[];
void *registerd_read(struct settings *st);
void registerd_take(void *fresh, bool first);
void registerd_drop(void *fresh);

/* The host of this name, or NULL. */
struct host const *registerd_host(struct slice name);

/* Append an address with the host in the place of @HOST@. false: ENOMEM. */
bool registerd_cat_address(stralloc *out, struct slice address, struct slice host);

/* Say whether the rule allows who on h; whether it allows the address, which may be unknown. */
bool registerd_allows(struct host const *h, struct slice rule, struct jid const *who,
                      struct slice ip);
bool registerd_allows_ip(struct host const *h, struct slice ip);

/* Say whether the name is one that outsiders may not have (s6.3 of RFC 2142, tabber.reserved_names,
 * administrators). */
bool registerd_reserves(struct host const *h, struct slice name);

/* ---- texts for people (texts.c) ---- */

enum text {
  TEXT_INSTRUCTIONS,
  TEXT_REDIRECT,
  TEXT_TITLE,
  TEXT_NAME,
  TEXT_PASSWORD,
  TEXT_DENIED,
  TEXT_NO_CHANGE,
  TEXT_NO_REMOVAL,
  TEXT_MALFORMED,
  TEXT_NO_ID,
  TEXT_INCOMPLETE,
  TEXT_BAD_NAME,
  TEXT_RESERVED,
  TEXT_WEAK,
  TEXT_LONGER,
  TEXT_BAD_PASSWORD,
  TEXT_TOO_SOON,
  TEXT_TAKEN,
  TEXT_SECOND,
  TEXT_TEMPORARY,
  TEXT_NOT_HERE,
  TEXT_BUSY,
  TEXT_FORM,
  TEXT_CAPTCHA,
  TEXT_OCR,
  TEXT_WRONG,
  TEXT_FALLBACK,
  TEXT_NO_INVITE,
  TEXT_USED,
  TEXT_OTHER_NAME,
  TEXTS_N
};

/* A text in the language of an xml:lang, else in English; the tag of the language that it is in. The
 * text of a page: it has every language. */
struct slice text_in(enum text t, struct slice lang);
struct slice text_lang(enum text t, struct slice lang);
struct slice text_on_page(enum text t, struct slice lang);

/* ---- requests, and their answers (answers.c) ---- */

/* Someone who asks: a stream before its login, or a session. Slices live for the call, or in an
 * arena when the request is kept. */
struct request {
  struct link *link; /* of the c2sd, or of routed; NULL: gone */
  uint64_t stream;   /* before the login; 0: a session, or a page */
  uint64_t visit;    /* of a page (web.c); 0: a stream, or a session */
  struct stanza in;  /* to, from and id of the request as the answer has them */
  struct slice host, ip, lang;
  struct slice back; /* the query of a set, which errors give back; may be empty */
};

/* Copy what the answer of q needs into a. false: ENOMEM. */
bool request_keep(struct arena *a, struct request *out, struct request const *q);

/* Answer with a result around inside (may be empty); with a condition, whose type may be NULL (the
 * usual one), and a text. The word and value go with the answer to a c2sd (registered of
 * xmpp-records(7)); word may be NULL. */
void answer_result(struct request const *q, struct slice inside, char const *word,
                   struct slice value);
void answer_error(struct request const *q, enum stanza_error e, char const *type,
                  enum text t);
void answer_wait(struct request const *q, uint64_t seconds);

/* answer_wait: too soon, with the seconds that are left. */

/* Have the c2sd end the stream with a stream error. */
void answer_end(struct request const *q, char const *condition);

/* ---- streams of c2sd before their login (streams.c) ---- */

struct challenge;

/* A stream of which more is known than its current request. */
struct stream {
  struct link *link;
  uint64_t id;
  struct challenge *challenge; /* the captcha of its newest form; NULL: none */
  unsigned char forms;         /* with captchas that it got */
  bool made;                   /* has made an account */
  unsigned char bad_tokens;
  bool invited; /* has shown the token of the invitation with this hash, until then */
  unsigned char invite[32];
  uint64_t invited_until_us;
};

/* stream_of gives the stream of a request, or NULL; stream_make makes it when there is none yet.
 * NULL: there are too many, or ENOMEM. */
struct stream *stream_of(struct request const *q);
struct stream *stream_make(struct request const *q);

/* Forget the stream of the record abort, or all streams of a link that is gone. */
void streams_on_abort(struct link *l, struct record *r);
void streams_link_gone(struct link *l);
uint64_t streams_count(void);
void streams_snapshot(struct snapshot *k);

/* ---- requests before the login (xep0077_register.c) ---- */

void register_on_register(struct link *l, struct record *r);

/* ---- queries (query.c) ---- */

/* The fields of a query. A field that is absent has s NULL. */
struct wanted {
  struct slice username, password, ocr, challenge;
  bool form; /* came as a form */
};

enum query_kind { QUERY_BAD, QUERY_FIELDS, QUERY_REMOVE };

/* Read the children of a query of type set in arena a. */
enum query_kind query_read(struct arena *a, struct xml_node const *query,
                           struct wanted *out);

/* Give the query of a set as its errors have it (RFC 6120 s8.3.1, XEP-0077 s3.1.1), in arena a: the name
 * and an empty password, as fields or as a form; neither passwords nor answers of captchas. Empty:
 * ENOMEM, or the query was bad. */
struct slice query_back(struct arena *a, enum query_kind kind, struct wanted const *w);

/* Append the inside of the result of a get: instructions, fields, a form, with the name that the
 * account gets (empty: any). false: ENOMEM. */
bool query_cat_open(stralloc *out, struct request const *q, struct slice name);
bool query_cat_redirect(stralloc *out, struct request const *q, struct slice url);

/* ---- checks of a new account (account.c) ---- */

struct invite;
struct invite_id;

/* A new account: name and password, the way for the log, the invitation that it is made with. */
struct account_ask {
  struct slice username, password;
  char const *by;
  struct invite const *invite; /* NULL: none */
  struct invite_id const *id;
};

/* Check all but captchas, and make the account; answers q, now or later. */
void account_check(struct request const *q, struct host const *h,
                   struct account_ask const *w);

/* Do what w asks of the host: answers q, now or later. by: the way for the log. */
void account_make(struct request const *q, struct host const *h, struct wanted const *w,
                  char const *by);

/* Check a new password of an account. false: q was answered. */
bool account_password_holds(struct request const *q, struct host const *h,
                            struct slice password);

/* Say whether authd is there and can be asked. */
bool account_may_ask(void);

/* Ask authd to do WHAT (passwd, del) for the account bare; answers q, and ends the sessions of the
 * account, when authd has answered. */
void account_passwd(struct request const *q, struct slice bare, struct slice password);
void account_del(struct request const *q, struct slice bare);

/* Say whether authd is being asked to make the account bare. */
bool account_works_for(struct slice bare);

/* The link of who asked is gone. */
void account_link_gone(struct link const *l);
void account_snapshot(struct snapshot *k);
bool account_snapshot_ask(struct snapshot *k, ask_fn **fn, void **cookie);
extern uint64_t accounts_made;

/* ---- slots (slots.c) ---- */

/* Take a slot of the site of ip; *id is its name, 0 when registrations have no limit. false:
 * *wait_us says how long the site has to wait (0: ENOMEM). */
bool slot_take(struct slice ip, uint64_t *id, uint64_t *wait_us);
void slot_give_back(uint64_t id);
void slots_snapshot(struct snapshot *k);

/* ---- messages about a new account (greet.c) ---- */

void greet(struct host const *h, struct slice bare, struct slice ip, char const *by);
void greet_snapshot(struct snapshot *k);

#endif
