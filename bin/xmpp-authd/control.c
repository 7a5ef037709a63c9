#include "authd.h"

#include <errno.h>
#include <string.h>

/* account add|passwd|del JID [PASSWORD], account list [HOST]: what xmpp-ctl asks. */

static char const *
why(void)
{
  switch (errno) {
  case EEXIST: return "there is such an account already";
  case ENOENT: return "there is no such account";
  case EINVAL:
    return "that password is empty or has characters that no password may have";
  default: return "the store failed; the log says why";
  }
}

struct listing {
  struct link *ctl;
  struct slice host;
};

static bool
list_one(void *cookie, struct slice bare, uint64_t number)
{
  struct listing *ls = cookie;
  struct slice domain = bare, local;

  slice_word(&domain, '@', &local);
  if (ls->host.len && !slice_eq(domain, ls->host)) return true;
  link_begin(ls->ctl, VERB_ROW);
  link_text(ls->ctl, bare);
  link_num(ls->ctl, number);
  link_end(ls->ctl);
  return true;
}

static void
list(struct link *ctl, struct slice host)
{
  struct listing ls = {ctl, host};

  if (secrets_each(list_one, &ls))
    service_done(ctl);
  else
    service_error(ctl, why());
}

/* A bare JID of a host of ours; NULL, or what is wrong with it. */
static char const *
check_jid(struct arena *a, struct slice text, struct jid *j)
{
  if (!jid_parse(a, text, j) || !j->local.len || j->resource.len)
    return "that is not an address of the form user@host";
  return authd_host(j->domain) ? NULL : "that host is not served here";
}

static bool
known(struct slice what)
{
  return slice_is(what, "add") || slice_is(what, "passwd") || slice_is(what, "del");
}

void
control_account(struct link *l, struct record *r)
{
  struct slice what = record_get(r, 1), password = record_get(r, 3);
  struct arena a = ARENA_ZERO;
  char const *wrong;
  struct jid j;
  bool ok = false;

  if (slice_is(what, "list")) {
    list(l, record_get(r, 2));
    return;
  }
  wrong = check_jid(&a, record_get(r, 2), &j);
  if (!wrong && password.len > PASSWORD_MAX) wrong = "that password is too long";
  if (!wrong) {
    errno = EINVAL;
    if (slice_is(what, "add")) ok = secrets_add(j.bare, password);
    if (slice_is(what, "passwd")) ok = secrets_passwd(j.bare, password);
    if (slice_is(what, "del")) ok = secrets_del(j.bare);
    if (!ok) wrong = known(what) ? why() : "account knows add, passwd, del and list";
  }
  arena_wipe(&a);
  if (wrong)
    service_error(l, wrong);
  else
    service_done(l);
}
