#include "invites.h"

#include <errno.h>
#include <string.h>

/* The record invite: xmpp-hostd asks for accounts that run the commands of XEP-0401, xmpp-userd for those
 * who ask for a subscription with a token (XEP-0379), xmpp-ctl for the administrator. */

#define DAYS_MAX 3650
#define USES_MAX 100000
#define RESET_S 86400

struct refusal {
  char const *text, *condition;
};

static struct refusal const no_host = {"that host has no invitations (mod_invites)",
                                       "item-not-found"};
static struct refusal const bad_jid = {"that is not an address of the form user@host",
                                       "jid-malformed"};
static struct refusal const bad_name = {"that is no user name", "jid-malformed"};
static struct refusal const reserved = {"that user name is reserved", "not-acceptable"};
static struct refusal const kept = {"another invitation is for that user name",
                                    "conflict"};
static struct refusal const denied = {"you may not invite", "forbidden"};
static struct refusal const too_many = {
  "you have as many invitations that are not used as you may have",
  "resource-constraint"};
static struct refusal const full = {"there are too many invitations",
                                    "resource-constraint"};
static struct refusal const failed = {"the store failed; the log says why",
                                      "internal-server-error"};
static struct refusal const bad_number = {"USES and DAYS are numbers of at least 1",
                                          "bad-request"};
static struct refusal const none = {"there is no such invitation", "item-not-found"};
static struct refusal const several = {"several invitations begin so: say more of the id",
                                       "conflict"};
static struct refusal const no_page = {
  "a new password is chosen on a page, and there is none (landing_page)",
  "item-not-found"};
static struct refusal const bad_word = {"invite knows create, list, revoke and reset",
                                        "bad-request"};

/* A record, in an arena of its own. */
struct order {
  struct link *link;
  struct arena *a;
  struct host const *host;
  struct slice field[8];
};

typedef struct refusal const *order_fn(struct order const *o);

/* ---- making ---- */

static void
say_made(struct order const *o, struct invite const *i, char const *token)
{
  static stralloc uri = STRALLOC_ZERO, page = STRALLOC_ZERO;
  char number[BASE_NUM];

  uri.len = page.len = 0;
  if (!invite_cat_uri(&uri, i, slice_str(token)) ||
      !invite_cat_page(&page, i, slice_str(token)))
    return;
  link_begin(o->link, VERB_ROW);
  link_text(o->link, slice_of(uri.s, uri.len));
  link_field(o->link);
  link_more(o->link, num_u64(number, i->until_s));
  link_more(o->link, SLICE(" "));
  link_more(o->link, slice_of(page.s, page.len));
  link_end(o->link);
  if (uri.len) explicit_bzero(uri.s, uri.len);
  if (page.len) explicit_bzero(page.s, page.len);
}

static struct refusal const *
make(struct order const *o, struct invite const *i)
{
  static char const *const kinds[] = {"contact", "account", "reset"};
  char token[INVITE_TOKEN + 1];

  if (!invite_make(i, token))
    return errno == EDQUOT ? &full : errno == EEXIST ? &kept : &failed;
  say_made(o, i, token);
  explicit_bzero(token, sizeof token);
  log_event(LOG_INFO, "invited", "host", log_text(i->host), "by",
            i->inviter.len ? log_text(i->inviter) : "the administrator", "kind",
            kinds[i->kind], NULL);
  return NULL;
}

/* The name that somebody shall get; an empty one is any. */
static struct refusal const *
check_name(struct order const *o, struct slice text, struct invite *i, bool may_all)
{
  if (!text.len) return NULL;
  i->name = jid_username(o->a, text);
  if (!i->name.s || i->name.len + 1 + o->host->name.len > REGISTER_ADDRESS_MAX)
    return &bad_name;
  return !may_all && registerd_reserves(o->host, i->name) ? &reserved : NULL;
}

static bool
read_account(struct order const *o, struct slice text, struct jid *j)
{
  return jid_parse(o->a, text, j) && j->local.len && !j->resource.len &&
         slice_eq(j->domain, o->host->name);
}

static bool
is_used_up(struct host const *h, struct jid const *j)
{
  return h->max_invites != UINT64_MAX && invites_of(j->bare) >= h->max_invites;
}

static uint64_t
later(uint64_t seconds)
{
  return door_wall() / 1000000 + seconds;
}

/* contact HOST INVITER */
static struct refusal const *
on_contact(struct order const *o)
{
  struct host const *h = o->host;
  struct jid j;
  struct invite i = {
    .kind = INVITE_CONTACT, .uses = 1, .until_s = later(h->invite_s), .host = h->name};

  if (!read_account(o, o->field[0], &j)) return &bad_jid;
  if (!registerd_allows(h, h->access_invite, &j, SLICE(""))) return &denied;
  if (is_used_up(h, &j)) return &too_many;
  i.inviter = j.bare;
  i.may_register = registerd_allows(h, h->access_create, &j, SLICE(""));
  return make(o, &i);
}

/* account HOST INVITER NAME ROSTER */
static struct refusal const *
on_account(struct order const *o)
{
  struct host const *h = o->host;
  struct refusal const *wrong;
  struct jid j;
  struct invite i = {.kind = INVITE_ACCOUNT,
                     .uses = 1,
                     .until_s = later(h->invite_s),
                     .host = h->name,
                     .befriends = slice_is(o->field[2], "1")};

  if (!read_account(o, o->field[0], &j)) return &bad_jid;
  if (!registerd_allows(h, h->access_create, &j, SLICE(""))) return &denied;
  if (is_used_up(h, &j)) return &too_many;
  i.inviter = j.bare;
  wrong = check_name(o, o->field[1], &i, false);
  return wrong ? wrong : make(o, &i);
}

/* ---- the administrator ---- */

/* create HOST NAME JID USES DAYS GROUPS: an absent number is the usual one. */
static struct refusal const *
on_create(struct order const *o)
{
  struct host const *h = o->host;
  struct refusal const *wrong;
  struct jid j = {.bare = SLICE("")};
  uint64_t uses = 1, days = 0;
  struct invite i = {.kind = INVITE_ACCOUNT, .host = h->name, .groups = o->field[4]};

  if (o->field[1].len && !read_account(o, o->field[1], &j)) return &bad_jid;
  if (o->field[2].len && (!slice_u64(o->field[2], &uses) || !uses || uses > USES_MAX))
    return &bad_number;
  if (o->field[3].len && (!slice_u64(o->field[3], &days) || !days || days > DAYS_MAX))
    return &bad_number;
  i.inviter = j.bare;
  i.befriends = j.bare.len != 0;
  i.uses = uses;
  i.until_s = later(days ? days * 86400 : h->invite_s);
  wrong = check_name(o, o->field[0], &i, true);
  return wrong ? wrong : make(o, &i);
}

struct listing {
  struct order const *o;
  struct slice prefix; /* of an id */
  struct invite_id id;
  unsigned int found;
};

static void
hex_id(char out[2 * INVITE_HASH + 1], struct invite_id const *id)
{
  hex_z(out, id->hash, INVITE_HASH);
}

#define ID_SHOWN 12

static bool
list_one(void *cookie, struct invite_id const *id, struct invite const *i)
{
  static char const *const kinds[] = {"contact", "account", "reset"};
  struct listing *ls = cookie;
  struct link *l = ls->o->link;
  char hex[2 * INVITE_HASH + 1];

  if (!slice_eq(i->host, ls->o->host->name)) return true;
  hex_id(hex, id);
  link_begin(l, VERB_ROW);
  link_text(l, slice_of(hex, ID_SHOWN));
  link_str(l, kinds[i->kind]);
  link_text(l, i->inviter);
  link_text(l, i->name);
  link_num(l, i->uses - i->used);
  link_num(l, i->until_s);
  link_end(l);
  return true;
}

static struct refusal const *
on_list(struct order const *o)
{
  struct listing ls = {.o = o};

  invites_each(list_one, &ls);
  return NULL;
}

static bool
match_one(void *cookie, struct invite_id const *id, struct invite const *i)
{
  struct listing *ls = cookie;
  char hex[2 * INVITE_HASH + 1];

  if (!slice_eq(i->host, ls->o->host->name)) return true;
  hex_id(hex, id);
  if (ls->prefix.len > sizeof hex - 1 || memcmp(hex, ls->prefix.s, ls->prefix.len) != 0)
    return true;
  ls->id = *id;
  return ++ls->found < 2;
}

/* revoke HOST PREFIX: of the id that list shows, or the token itself. */
static struct refusal const *
on_revoke(struct order const *o)
{
  struct listing ls = {.o = o, .prefix = o->field[0]};
  struct invite i;

  if (!ls.prefix.len) return &none;
  if (!invite_find(o->a, ls.prefix, o->host->name, &ls.id, &i)) {
    invites_each(match_one, &ls);
    if (ls.found != 1) return ls.found ? &several : &none;
  }
  return invite_revoke(&ls.id) ? NULL : &failed;
}

/* reset HOST JID: whoever has the link chooses a new password. */
static struct refusal const *
on_reset(struct order const *o)
{
  struct jid j;
  struct invite i = {
    .kind = INVITE_RESET, .uses = 1, .until_s = later(RESET_S), .host = o->host->name};

  if (!read_account(o, o->field[0], &j)) return &bad_jid;
  if (!o->host->landing_page.len || slice_is(o->host->landing_page, "none"))
    return &no_page;
  i.inviter = j.bare;
  return make(o, &i);
}

/* ---- XEP-0379 ---- */

/* redeem HOST INVITER TOKEN FROM */
static struct refusal const *
on_redeem(struct order const *o)
{
  struct invite_id id;
  struct invite i;

  if (!invite_find(o->a, o->field[1], o->host->name, &id, &i) ||
      i.kind != INVITE_CONTACT || !slice_eq(i.inviter, o->field[0]))
    return &none;
  if (!invite_used(&id)) return &failed;
  log_event(LOG_INFO, "invite-redeemed", "jid", log_text(o->field[2]), "by",
            log_text(i.inviter), NULL);
  return NULL;
}

/* ---- records ---- */

static struct {
  char const *word;
  bool by_control;
  order_fn *fn;
} const words[] = {
  {"contact", false, on_contact},
  {"account", false, on_account},
  {"redeem",  false, on_redeem },
  {"create",  true,  on_create },
  {"list",    true,  on_list   },
  {"revoke",  true,  on_revoke },
  {"reset",   true,  on_reset  },
};

static struct refusal const *
dispatch(struct order *o, struct slice word)
{
  bool by_control = o->link->roles & ROLE_CONTROL;
  size_t i;

  for (i = 0; i < sizeof words / sizeof *words; i++)
    if (slice_is(word, words[i].word) && words[i].by_control == by_control)
      return o->host && o->host->invites && invites_are_open() ? words[i].fn(o)
                                                               : &no_host;
  return &bad_word;
}

void
invite_on_invite(struct link *l, struct record *r)
{
  struct arena a = ARENA_ZERO;
  struct order o = {.link = l, .a = &a};
  struct slice domain = jid_prep_domain(&a, record_get(r, 2));
  struct refusal const *wrong;
  unsigned int i;

  o.host = domain.s ? registerd_host(domain) : NULL;
  for (i = 0; i < sizeof o.field / sizeof *o.field; i++)
    o.field[i] = record_get(r, 3 + i);
  wrong = dispatch(&o, record_get(r, 1));
  arena_wipe(&a);
  if (!wrong) {
    service_done(l);
    return;
  }
  link_begin(l, VERB_ERROR);
  link_str(l, wrong->text);
  link_str(l, wrong->condition);
  link_end(l);
}
