#include "hostd.h"

/* XEP-0401: the commands by which an account invites a contact, and somebody who has no account yet.
 * xmpp-registerd makes the invitations. */

struct form_field const invite_account[2] = {
  FORM_FIELD(FORM_TEXT_SINGLE, "username", "User name"),
  FORM_FIELD(FORM_BOOLEAN, "roster-subscription", "Become contacts of each other"),
};

static struct form_field const uri = FORM_FIELD(FORM_TEXT_SINGLE, "uri", "Address");
static struct form_field const page = FORM_FIELD(FORM_TEXT_SINGLE, "landing-url", "Page");
static struct form_field const expire =
  FORM_FIELD(FORM_TEXT_SINGLE, "expire", "Good until");

/* Accounts of the host alone invite to it. */
bool
invites_allows(struct host const *h, struct command const *c, struct jid const *who)
{
  return who->local.len && slice_eq(who->domain, h->name) &&
         !access_is_anonymous(hostd_settings(), who->domain, who->local) &&
         hostd_allows(c->fields ? h->invite_account_access : h->invite_access, h->name,
                      who);
}

static bool
cat_field(stralloc *out, struct form_field const *f, struct slice value)
{
  return !value.len ||
         (form_field_open(out, f) && form_value(out, value) && form_field_close(out));
}

/* s3.2: the row of the answer, URI and UNTIL PAGE, as a form, kept until done. */
static void
keep_row(struct run *r, struct slice address, struct slice rest)
{
  char stamp[STAMP_SIZE];
  struct slice until = {0};
  uint64_t s = 0;

  if (slice_word(&rest, ' ', &until)) slice_u64(until, &s);
  r->values.len = 0;
  if (!form_open(&r->values, "result", "urn:xmpp:invite#invitation", NULL, NULL) ||
      !cat_field(&r->values, &uri, address) || !cat_field(&r->values, &page, rest) ||
      !cat_field(&r->values, &expire, stamp_s(stamp, s)) || !form_close(&r->values))
    r->values.len = 0;
}

static void
on_answer(void *cookie, enum ask_part part, struct slice const v[2])
{
  struct run *r = cookie;

  if (part == ASK_ROW)
    keep_row(r, v[0], v[1]);
  else if (part == ASK_FAILED)
    run_fail(r, stanza_error_find(v[1]), v[0], NULL);
  else if (r->values.len)
    run_done(r, slice_of(r->values.s, r->values.len));
  else
    run_fail(r, ERR_INTERNAL, SLICE(""), NULL);
}

static void
ask_registerd(struct run *r, struct slice const *fields, size_t n)
{
  if (!ask(REGISTERD, VERB_INVITE, fields, n, on_answer, r))
    run_fail(r, ERR_SERVICE_UNAVAILABLE, SLICE(""), NULL);
}

void
xep0401_invite(struct run *r)
{
  struct slice fields[] = {SLICE("contact"), r->host, jid_cut(r->owner).bare};

  ask_registerd(r, fields, 3);
}

void
xep0401_create(struct run *r)
{
  struct slice roster = form_get(&r->arena, r->form, "roster-subscription");
  bool befriends = slice_is(roster, "1") || slice_is(roster, "true");
  struct slice fields[] = {SLICE("account"), r->host, jid_cut(r->owner).bare,
                           form_get(&r->arena, r->form, "username"),
                           befriends ? SLICE("1") : SLICE("")};

  ask_registerd(r, fields, 5);
}

/* Name the run whose answer is awaited. */
bool
invites_snapshot_ask(struct snapshot *k, ask_fn **fn, void **cookie)
{
  bool ours = *fn == on_answer;
  struct run *r = *cookie;

  SNAPSHOT_INT(k, ours);
  if (!ours) return false;
  snapshot_run(k, &r);
  *fn = on_answer;
  *cookie = r;
  return true;
}
