#include "web.h"

#include <stdlib.h>
#include <string.h>

/* The page of an invitation (XEP-0379 s3.3, XEP-0401 s3.4): BASE/TOKEN. To look at it uses nothing up:
 * programs that show previews of links do so. */

/* ---- how many tokens an address may try ---- */

struct lookups {
  char site[SITE_SIZE];
  unsigned int n;
};

static struct slice
site_key(void const *item)
{
  return slice_str(((struct lookups const *)item)->site);
}

static struct table sites = {.key = site_key};
static uint64_t minute, sites_n;

static void
forget(void)
{
  size_t i;

  for (i = 0; sites.slots && i <= sites.mask; i++)
    free(sites.slots[i].item);
  table_wipe(&sites);
  sites = (struct table){.key = site_key};
  sites_n = 0;
}

static bool
may_look(struct slice ip)
{
  char site[SITE_SIZE];
  struct slice key = site_of(site, ip);
  struct lookups *x;

  if (minute != door_now() / 60000000 || sites_n >= INVITE_SITES_MAX) forget();
  minute = door_now() / 60000000;
  x = table_get(&sites, key);
  if (!x) {
    x = calloc(1, sizeof *x);
    if (!x) return false;
    memcpy(x->site, site, sizeof site);
    if (!table_put(&sites, x)) {
      free(x);
      return false;
    }
    sites_n++;
  }
  return x->n++ < INVITE_LOOKUPS_MAX;
}

/* ---- the page ---- */

/* The clients on the page of a configuration without tabber.pages.clients. */
static struct {
  char const *name, *url;
} const programs[] = {
  {"Conversations (Android)", "https://conversations.im/"},
  {"Cheogram (Android)",      "https://cheogram.com/"    },
  {"Monal (iPhone, Mac)",     "https://monal-im.org/"    },
  {"Siskin (iPhone)",         "https://siskin.im/"       },
  {"Dino (Linux)",            "https://dino.im/"         },
  {"Gajim (Linux, Windows)",  "https://gajim.org/"       },
};

static void
cat_link(struct slice address, char const *class, struct slice text)
{
  page_raw("<a rel=\"noreferrer\"");
  page_raw(class);
  page_raw(" href=\"");
  page_text(address);
  page_raw("\">");
  page_text(text);
  page_raw("</a>");
}

static void
cat_program(struct slice name, struct slice address)
{
  page_raw("<li>");
  cat_link(address, "", name);
  page_raw("</li>\n");
}

/* A row page_client: NAME URL, with {{ invite.uri }} for the address of the invitation. */
static void
cat_listed(struct settings_row const *row, struct slice uri)
{
  static stralloc address = STRALLOC_ZERO;
  struct slice url = row->value[1];
  char const *open = memmem(url.s, url.len, "{{", 2), *close;
  size_t left = open ? url.len - (size_t)(open - url.s) : 0;

  close = open ? memmem(open, left, "}}", 2) : NULL;
  address.len = 0;
  if (close &&
      !(stralloc_catb(&address, url.s, (size_t)(open - url.s)) &&
        invite_cat_percent(&address, uri) &&
        stralloc_catb(&address, close + 2, (size_t)(url.s + url.len - close) - 2)))
    return;
  cat_program(row->value[0], close ? slice_of(address.s, address.len) : url);
}

static void
cat_programs(struct visit const *v, struct slice webchat, struct slice uri)
{
  struct settings_row const *row = NULL;
  size_t i;

  page_raw("<p>");
  page_word(W_PROGRAMS);
  page_raw("</p>\n<ul>\n");
  if (settings_next(registerd.st, "page_client", NULL))
    while ((row = settings_next(registerd.st, "page_client", row)))
      cat_listed(row, uri);
  else
    for (i = 0; i < sizeof programs / sizeof *programs; i++)
      cat_program(slice_str(programs[i].name), slice_str(programs[i].url));
  if (webchat.len) cat_program(word_in(W_WEBCHAT, v->lang), webchat);
  page_raw("</ul>\n");
}

static void
cat_form(struct visit const *v, struct invite const *i)
{
  bool named = i->kind == INVITE_ACCOUNT && i->name.len;

  page_raw("<p>");
  page_word(W_IN_BROWSER);
  page_raw("</p>\n");
  page_form(v);
  page_input("username", "text", text_in(TEXT_NAME, v->lang), named ? i->name : SLICE(""),
             "username");
  page_input("password", "password", text_in(TEXT_PASSWORD, v->lang), SLICE(""),
             "new-password");
  page_form_end(W_SEND);
}

static bool
makes_accounts(struct invite const *i)
{
  return i->kind == INVITE_ACCOUNT || (i->kind == INVITE_CONTACT && i->may_register);
}

static void
cat_who(struct visit const *v, struct host const *h, struct invite const *i)
{
  struct slice site = settings_get(registerd.st, "mod_invites.site_name", h->name);

  page_raw("<p>");
  page_word(i->inviter.len ? W_INVITED_BY : W_INVITED);
  page_raw(" <strong>");
  page_text(i->inviter.len ? i->inviter : site.len ? site : v->host);
  page_raw("</strong></p>\n");
}

/* Of the page, for somebody who looks at it on another screen than that of the phone. */
static void
cat_qr(struct visit const *v, struct invite const *i, struct slice token)
{
  static stralloc address = STRALLOC_ZERO;

  address.len = 0;
  if (invite_cat_page(&address, i, token) &&
      (address.len || (stralloc_cats(&address, "https://") &&
                       stralloc_catb(&address, v->host.s, v->host.len) &&
                       stralloc_catb(&address, v->base.s, v->base.len) &&
                       stralloc_catb(&address, v->path.s, v->path.len))))
    page_qr(slice_of(address.s, address.len));
}

static void
show(struct visit *v, struct host const *h, struct invite const *i, struct slice token)
{
  static stralloc uri = STRALLOC_ZERO;

  uri.len = 0;
  if (!invite_cat_uri(&uri, i, token)) return;
  page_begin(v, W_INVITATION);
  cat_who(v, h, i);
  page_raw("<p>");
  cat_link(slice_of(uri.s, uri.len), " class=\"button\"", word_in(W_OPEN, v->lang));
  page_raw("</p>\n");
  cat_programs(v, settings_get(registerd.st, "mod_invites.webchat_url", h->name),
               slice_of(uri.s, uri.len));
  cat_qr(v, i, token);
  if (makes_accounts(i)) {
    page_raw("<h2>");
    page_word(W_NEED_ACCOUNT);
    page_raw("</h2>\n");
    cat_form(v, i);
  }
  page_send_alternate(v, slice_of(uri.s, uri.len));
}

static void
show_reset(struct visit *v, struct invite const *i)
{
  page_begin(v, W_RESET_PAGE);
  page_raw("<p><strong>");
  page_text(i->inviter);
  page_raw("</strong></p>\n");
  page_form(v);
  page_input("password", "password", word_in(W_NEW_PASSWORD, v->lang), SLICE(""),
             "new-password");
  page_form_end(W_SEND);
  page_send(v, 200);
}

/* ---- forms ---- */

static void
make(struct visit *v, struct host const *h, struct invite_id const *id,
     struct invite const *i)
{
  struct request q = visit_request(v);
  struct account_ask w = {.username = visit_field(v, "username"),
                          .password = visit_field(v, "password"),
                          .by = "invite:web",
                          .invite = i,
                          .id = id};

  if (!w.username.len || !w.password.len)
    answer_error(&q, ERR_NOT_ACCEPTABLE, NULL, TEXT_INCOMPLETE);
  else
    account_check(&q, h, &w);
}

/* The link is used up when authd is asked: it has one answer. While nobody can be asked it stays good. */
static void
reset(struct visit *v, struct host const *h, struct invite_id const *id,
      struct invite const *i)
{
  struct request q = visit_request(v);
  struct slice password = visit_field(v, "password");

  if (!password.len)
    answer_error(&q, ERR_NOT_ACCEPTABLE, NULL, TEXT_INCOMPLETE);
  else if (account_password_holds(&q, h, password)) {
    if (account_may_ask() && invite_used(id))
      account_passwd(&q, i->inviter, password);
    else
      answer_error(&q, ERR_INTERNAL, "wait", TEXT_TEMPORARY);
  }
}

static void
post(struct visit *v, struct host const *h, struct invite_id const *id,
     struct invite const *i)
{
  if (!visit_is_ours(v))
    page_say(v, 403, W_INVITATION, word_in(W_STALE, v->lang));
  else if (i->kind == INVITE_RESET)
    reset(v, h, id, i);
  else if (makes_accounts(i))
    make(v, h, id, i);
  else
    page_say(v, 404, W_INVITATION, word_in(W_NOT_FOUND, v->lang));
}

void
page_invite(struct visit *v, struct host const *h)
{
  struct slice token = v->path.len ? slice_of(v->path.s + 1, v->path.len - 1) : SLICE("");
  struct arena a = ARENA_ZERO;
  struct invite_id id;
  struct invite i;

  if (!may_look(v->ip))
    page_say(v, 429, W_INVITATION, word_in(W_TOO_MANY, v->lang));
  else if (!h->invites || !invite_find(&a, token, h->name, &id, &i))
    page_say(v, 404, W_INVITATION, word_in(W_NOT_FOUND, v->lang));
  else if (v->is_post)
    post(v, h, &id, &i);
  else if (i.kind == INVITE_RESET)
    show_reset(v, &i);
  else
    show(v, h, &i, token);
  arena_wipe(&a);
}
