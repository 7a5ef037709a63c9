#include "web.h"

#include "http/http.h"
#include "scram/scram.h"

#include <openssl/crypto.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Requests of the web, from xmpp-webd. A form is taken with a token that is bound to a cookie of the
 * browser, so that no page of others can have it sent; the key of the tokens is new at each start. */

static struct visit *visits;
static uint64_t visits_n, serials;
static unsigned char key[32];
static bool has_key;

/* ---- visits ---- */

struct visit *
visit_find(uint64_t serial)
{
  struct visit *v;

  for (v = visits; v && v->serial != serial; v = v->next) {
  }
  return v;
}

static struct visit *
visit_of(struct link const *l, uint64_t id)
{
  struct visit *v;

  for (v = visits; v && (v->link != l || v->id != id); v = v->next) {
  }
  return v;
}

void
visit_free(struct visit *v)
{
  struct visit **at;

  for (at = &visits; *at != v; at = &(*at)->next) {
  }
  *at = v->next;
  visits_n--;
  web_login_gone(v);
  if (v->body.s) OPENSSL_cleanse(v->body.s, v->body.a);
  stralloc_free(&v->body);
  arena_cleanse(&v->arena);
  free(v);
}

struct request
visit_request(struct visit const *v)
{
  return (struct request){
    .link = v->link,
    .visit = v->serial,
    .in = {.to = v->host,
           .from = SLICE(""),
           .kind = SLICE("iq"),
           .id = SLICE(""),
           .tags = SLICE("")},
    .host = v->host,
    .ip = v->ip,
    .lang = v->lang
  };
}

/* ---- headers and forms ---- */

static bool
is_hex(struct slice s, size_t len)
{
  size_t i;

  for (i = 0; i < s.len; i++)
    if (!memchr("0123456789abcdef", s.s[i], 16)) return false;
  return s.len == len;
}

/* RFC 6265 s4.2: the cookie of ours, or a new one. */
static void
take_cookie(struct visit *v, struct slice header)
{
  unsigned char bytes[COOKIE_LEN / 2];
  struct slice pair;

  while (slice_word(&header, ';', &pair)) {
    while (pair.len && pair.s[0] == ' ')
      pair = slice_of(pair.s + 1, pair.len - 1);
    if (!slice_starts(pair, COOKIE "=")) continue;
    pair = slice_of(pair.s + sizeof COOKIE, pair.len - sizeof COOKIE);
    if (!is_hex(pair, COOKIE_LEN)) continue;
    memcpy(v->cookie, pair.s, COOKIE_LEN);
    v->has_cookie = true;
    return;
  }
  door_random(bytes, sizeof bytes);
  hex_z(v->cookie, bytes, sizeof bytes);
}

bool
visit_token(struct visit const *v, char token[COOKIE_LEN + 1])
{
  unsigned char mac[SCRAM_KEY_MAX];
  char text[COOKIE_LEN + 300];
  int len = snprintf(text, sizeof text, "%s %.*s", v->cookie,
                     (int)(v->host.len < 260 ? v->host.len : 260), v->host.s);

  *token = 0;
  if (!has_key) door_secret(key, sizeof key);
  has_key = true;
  if (!scram_hmac(SCRAM_SHA256, slice_of((char const *)key, sizeof key),
                  slice_of(text, (size_t)len), mac))
    return false;
  hex_z(token, mac, COOKIE_LEN / 2);
  return true;
}

bool
visit_is_ours(struct visit *v)
{
  char token[COOKIE_LEN + 1];
  struct slice given = visit_field(v, "token");

  return visit_token(v, token) && v->has_cookie && given.len == COOKIE_LEN &&
         !CRYPTO_memcmp(given.s, token, COOKIE_LEN);
}

static int
hex(char c)
{
  char const *digits = "0123456789abcdef";
  char const *at = memchr(digits, c >= 'A' && c <= 'F' ? c | 0x20 : c, 16);

  return at ? (int)(at - digits) : -1;
}

/* Decode a name or a value of a form. s NULL: a NUL, or ENOMEM. */
static struct slice
decode(struct arena *a, struct slice s)
{
  char *out = arena_alloc(a, s.len + 1);
  size_t i, n = 0;

  for (i = 0; out && i < s.len; i++) {
    int hi = s.s[i] == '%' && i + 2 < s.len ? hex(s.s[i + 1]) : -1;
    int lo = hi >= 0 ? hex(s.s[i + 2]) : -1;
    out[n] = s.s[i] == '+' ? ' ' : s.s[i];
    if (lo >= 0) {
      out[n] = (char)(hi * 16 + lo);
      i += 2;
    }
    if (!out[n++]) return SLICE("");
  }
  return out ? slice_of(out, n) : SLICE("");
}

struct slice
visit_field(struct visit *v, char const *name)
{
  struct slice rest = slice_of(v->body.s, v->body.len), pair, word;

  while (v->body.s && slice_word(&rest, '&', &pair)) {
    if (!slice_word(&pair, '=', &word) || !slice_is(word, name)) continue;
    return decode(&v->arena, pair);
  }
  return SLICE("");
}

/* ---- what is asked for ---- */

static struct {
  char const *handler;
  page_fn *fn;
} const handlers_of[] = {
  {"mod_register_web", page_register},
  {"mod_invites",      page_invite  },
  {"ejabberd_captcha", page_captcha },
};

static char const css[] =
  "body{font:1rem/1.5 system-ui,sans-serif;max-width:34rem;margin:0 auto;padding:1rem;"
  "color:#222;background:#fff;overflow-wrap:anywhere}"
  "h1{font-size:1.5rem}label{display:block;margin:.8rem 0}"
  "input{display:block;box-sizing:border-box;width:100%;padding:.5rem;font:inherit;"
  "border:1px solid #888;border-radius:.3rem}"
  "button,a.button{display:inline-block;padding:.6rem 1.2rem;font:inherit;border:0;"
  "border-radius:.3rem;background:#0b57a4;color:#fff;text-decoration:none;cursor:pointer}"
  "img,svg{max-width:100%;height:auto}.error{color:#a00000}"
  "@media(prefers-color-scheme:dark){body{color:#eee;background:#181818}a{color:#8bf}"
  "input{background:#222;color:#eee}.error{color:#f88}svg{background:#fff}}";

static void
dispatch(struct visit *v)
{
  struct host const *h = registerd_host(v->host);
  size_t i;

  if (!v->is_secure && !v->is_local) {
    page_say(v, 403, W_REGISTER, word_in(W_HTTPS, v->lang));
    return;
  }
  if (h && slice_is(v->path, "/style.css")) {
    web_send(v, 200, "text/css; charset=utf-8", slice_str(css), SLICE(""));
    return;
  }
  for (i = 0; h && i < sizeof handlers_of / sizeof *handlers_of; i++)
    if (slice_is(v->handler, handlers_of[i].handler)) {
      handlers_of[i].fn(v, h);
      return;
    }
  page_say(v, 404, W_REGISTER, word_in(W_NOT_FOUND, v->lang));
}

/* ---- records ---- */

/* Say whether the browser of v is on this machine: its plain HTTP to localhost crosses no network. */
static bool
is_local(struct visit const *v)
{
  return !v->is_secure && slice_is(v->host, "localhost") &&
         (slice_starts(v->ip, "127.") || slice_is(v->ip, "::1"));
}

static bool
read_request(struct visit *v, struct record *r)
{
  struct slice headers = record_get(r, HTTP_RECORD_HEADERS);
  struct slice method = record_get(r, HTTP_RECORD_METHOD);

  v->handler = arena_copy(&v->arena, record_get(r, HTTP_RECORD_NAME));
  v->host = jid_prep_domain(&v->arena, record_get(r, HTTP_RECORD_HOST));
  if (!v->host.s) v->host = SLICE("");
  v->host = arena_copy(&v->arena, v->host);
  v->base = arena_copy(&v->arena, record_get(r, HTTP_RECORD_BASE));
  v->path = arena_copy(&v->arena, record_get(r, HTTP_RECORD_PATH));
  v->ip = arena_copy(&v->arena, record_get(r, HTTP_RECORD_IP));
  v->lang = words_lang(http_header(headers, "accept-language"));
  v->is_post = slice_is(method, "POST");
  v->is_head = slice_is(method, "HEAD");
  v->is_secure = slice_is(record_get(r, HTTP_RECORD_SCHEME), "https");
  v->is_local = is_local(v);
  v->length = record_u64(r, HTTP_RECORD_LENGTH);
  take_cookie(v, http_header(headers, "cookie"));
  return v->handler.s && v->host.s && v->base.s && v->path.s && v->ip.s &&
         (v->is_post || v->is_head || slice_is(method, "GET"));
}

static void
refuse(struct link *l, uint64_t id, unsigned int status)
{
  link_begin(l, VERB_ANSWER);
  link_num(l, id);
  link_num(l, status);
  link_str(l, "0");
  link_str(l, "cache-control: no-store");
  link_end(l);
  link_begin(l, VERB_ENDED);
  link_num(l, id);
  link_end(l);
}

static struct visit *
visit_new(struct link *l, uint64_t id)
{
  struct visit *v = visits_n < WEB_VISITS_MAX ? calloc(1, sizeof *v) : NULL;

  if (!v) return NULL;
  v->next = visits;
  visits = v;
  visits_n++;
  v->link = l;
  v->id = id;
  v->serial = ++serials;
  return v;
}

void
web_on_request(struct link *l, struct record *r)
{
  uint64_t id = record_u64(r, HTTP_RECORD_ID);
  struct visit *v = visit_of(l, id);

  if (v) visit_free(v);
  v = visit_new(l, id);
  if (!v || !read_request(v, r)) {
    refuse(l, id, v ? 405 : 503);
    if (v) visit_free(v);
  } else if (!v->is_post)
    dispatch(v);
  else if (v->length > WEB_FORM_MAX) {
    refuse(l, id, 413);
    visit_free(v);
  } else {
    v->waits = true;
    link_begin(l, VERB_ACCEPT);
    link_num(l, id);
    link_end(l);
  }
}

void
web_on_body(struct link *l, struct record *r)
{
  struct visit *v = visit_of(l, record_u64(r, 1));
  struct slice bytes = record_get(r, 2);

  if (!v || !v->waits) return;
  if (v->body.len + bytes.len > WEB_FORM_MAX ||
      !stralloc_catb(&v->body, bytes.s, bytes.len)) {
    refuse(l, v->id, 413);
    visit_free(v);
  }
}

void
web_on_ended(struct link *l, struct record *r)
{
  struct visit *v = visit_of(l, record_u64(r, 1));

  if (!v || !v->waits) return;
  v->waits = false;
  dispatch(v);
}

void
web_on_cancel(struct link *l, struct record *r)
{
  struct visit *v = visit_of(l, record_u64(r, 1));

  if (v) visit_free(v);
}

void
web_on_flow(struct link *l, struct record *r)
{
  (void)l;
  (void)r;
}

/* ---- answers of account.c ---- */

static enum word
title_of(struct visit const *v)
{
  if (slice_is(v->handler, "mod_invites")) return W_INVITATION;
  if (slice_is(v->path, "/password")) return W_PASSWORD_PAGE;
  return slice_is(v->path, "/remove") ? W_REMOVE_PAGE : W_REGISTER;
}

void
web_result(struct request const *q, struct slice value)
{
  struct visit *v = visit_find(q->visit);

  if (!v) return;
  if (!value.len) {
    page_say(v, 200, slice_is(v->handler, "mod_invites") ? W_RESET_PAGE : title_of(v),
             word_in(slice_is(v->path, "/remove") ? W_REMOVED : W_CHANGED, v->lang));
    return;
  }
  page_begin(v, title_of(v));
  page_raw("<p>");
  page_word(W_MADE);
  page_raw("</p><p><strong>");
  page_text(value);
  page_raw("</strong></p>");
  page_send(v, 200);
}

static unsigned int
status_of(enum stanza_error e)
{
  static unsigned int const statuses[STANZA_ERRORS_N] = {
    [ERR_CONFLICT] = 409,      [ERR_FORBIDDEN] = 403,
    [ERR_NOT_ALLOWED] = 403,   [ERR_ITEM_NOT_FOUND] = 404,
    [ERR_INTERNAL] = 503,      [ERR_RESOURCE_CONSTRAINT] = 429,
    [ERR_INTERNAL_WAIT] = 503, [ERR_SERVICE_UNAVAILABLE] = 503,
  };

  return statuses[e] ? statuses[e] : 400;
}

void
web_error(struct request const *q, enum stanza_error e, struct slice text)
{
  struct visit *v = visit_find(q->visit);

  if (v) page_say(v, status_of(e), title_of(v), text);
}

/* ---- the link of webd ---- */

static void
mount(struct link *webd, char const *handler, char const *module)
{
  stralloc hosts = STRALLOC_ZERO;
  size_t i;

  for (i = 0; i < registerd.n; i++)
    if (settings_has(registerd.st, "module", registerd.hosts[i].name, module) &&
        !(stralloc_cats(&hosts, hosts.len ? " " : "") &&
          stralloc_catb(&hosts, registerd.hosts[i].name.s, registerd.hosts[i].name.len)))
      break;
  if (hosts.len) {
    link_begin(webd, VERB_MOUNT);
    link_str(webd, handler);
    link_text(webd, slice_of(hosts.s, hosts.len));
    link_end(webd);
  }
  stralloc_free(&hosts);
}

void
web_up(struct link *webd)
{
  mount(webd, "mod_register_web", "mod_register");
  mount(webd, "mod_invites", "mod_invites");
  mount(webd, "ejabberd_captcha", "mod_register");
}

void
web_down(struct link *webd)
{
  struct visit *v, *next;

  for (v = visits; v; v = next) {
    next = v->next;
    if (v->link == webd) visit_free(v);
  }
}
