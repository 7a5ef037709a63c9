#include "web.h"

#include "scram/scram.h"

#include <openssl/crypto.h>

/* Passwords on pages are checked by authd as those of clients are, by SASL PLAIN over its link: so a wrong
 * one counts as a login that has failed, bans and slows as it does, and hosts whose passwords a program
 * outside checks need nothing else. */

static struct ids logins;

/* RFC 4616 s2: the message in base64. */
static bool
cat_plain(stralloc *out, struct slice local, struct slice password)
{
  return stralloc_catb(out, "", 1) && stralloc_catb(out, local.s, local.len) &&
         stralloc_catb(out, "", 1) && stralloc_catb(out, password.s, password.len);
}

static void
say_auth(struct link *authd, struct visit const *v, struct slice message)
{
  link_begin(authd, VERB_AUTH);
  link_num(authd, v->login);
  link_text(authd, v->host);
  link_str(authd, "PLAIN");
  link_text(authd, message);
  link_text(authd, v->ip);
  link_str(authd, "1");
  link_end(authd);
}

void
web_login(struct visit *v, struct slice bare, struct slice password,
          void (*fn)(struct visit *v))
{
  struct link *authd = link_find(AUTHD);
  stralloc plain = STRALLOC_ZERO;
  struct slice message;

  v->logged_in = fn;
  v->login = authd ? ids_take(&logins, v) : 0;
  if (v->login && cat_plain(&plain, jid_cut(bare).local, password) &&
      (message = scram_encode(&v->arena, slice_of(plain.s, plain.len))).s) {
    say_auth(authd, v, message);
    OPENSSL_cleanse((void *)(uintptr_t)message.s, message.len);
  } else
    page_say(v, 503, W_PASSWORD_PAGE, text_in(TEXT_TEMPORARY, v->lang));
  if (plain.s) OPENSSL_cleanse(plain.s, plain.len);
  stralloc_free(&plain);
}

void
web_login_gone(struct visit *v)
{
  if (v->login) ids_give(&logins, v->login);
  v->login = 0;
}

static struct visit *
take(struct record *r)
{
  struct visit *v = ids_get(&logins, record_u64(r, 1));

  if (v) web_login_gone(v);
  return v;
}

void
web_on_success(struct link *l, struct record *r)
{
  struct visit *v = take(r);

  (void)l;
  if (v && slice_eq(record_get(r, 3), v->account))
    v->logged_in(v);
  else if (v)
    page_say(v, 403, W_PASSWORD_PAGE, word_in(W_WRONG_PASSWORD, v->lang));
}

void
web_on_failure(struct link *l, struct record *r)
{
  struct visit *v = take(r);
  bool temporary = slice_is(record_get(r, 2), "temporary-auth-failure");

  (void)l;
  if (!v) return;
  log_event(LOG_INFO, "auth-failed", "ip", log_peer(v->ip), "jid", log_text(v->account),
            "mechanism", "web", "why", log_text(record_get(r, 6)), NULL);
  page_say(v, temporary ? 503 : 403, W_PASSWORD_PAGE,
           temporary ? text_in(TEXT_TEMPORARY, v->lang)
                     : word_in(W_WRONG_PASSWORD, v->lang));
}

void
web_logins_down(void)
{
  uint32_t i;
  struct visit *v;

  for (i = 0; i < logins.used; i++)
    if ((v = ids_at(&logins, i))) {
      web_login_gone(v);
      page_say(v, 503, W_PASSWORD_PAGE, text_in(TEXT_TEMPORARY, v->lang));
    }
}
