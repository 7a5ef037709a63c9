#include "invited.h"

#include <openssl/crypto.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* account add|passwd|del JID [PASSWORD], account keys JID KEYS, account restore JID, account list|weak
 * [HOST], account ending|removed [JID]: xmpp-ctl and xmpp-hostd ask. account add JID PASSWORD TOKEN,
 * account remove JID, account used TOKEN, account settle TOKEN: xmpp-registerd asks. */

#define BAD_PASSWORD "that password is empty or has characters that no password may have"
#define IS_ENDING "an account of that name is ending, and its data is being erased"
#define LONG_ADDRESS "that address is too long: an account's has at most 511 bytes"

/* A fault in words and as a stanza error (RFC 6120 s8.3.3), for hostd's answers. */
struct refusal {
  int error; /* errno */
  char const *text, *condition;
};

static struct refusal const refusals[] = {
  {EEXIST,       "that account exists already",        "conflict"             },
  {EBUSY,        IS_ENDING,                            "conflict"             },
  {EDQUOT,       "too many accounts are ending",       "resource-constraint"  },
  {ENOENT,       "there is no such account",           "item-not-found"       },
  {EINVAL,       BAD_PASSWORD,                         "not-acceptable"       },
  {ENAMETOOLONG, LONG_ADDRESS,                         "not-acceptable"       },
  {ESTALE,       "that invitation has been used",      "gone"                 },
  {0,            "the store failed; the log says why", "internal-server-error"},
};

static struct refusal const bad_jid = {0, "that is not an address of the form user@host",
                                       "jid-malformed"};
static struct refusal const bad_host = {0, "that host is not served here",
                                        "item-not-found"};
static struct refusal const denied = {
  0, "the program that keeps the passwords of that host refuses", "not-allowed"};
static struct refusal const away = {
  0, "the program that keeps the passwords of that host does not answer",
  "internal-server-error"};
static struct refusal const too_long = {0, "that password is too long", "not-acceptable"};
static struct refusal const bad_keys = {0, "these are no keys for SCRAM", "bad-request"};
static struct refusal const bad_word = {
  0,
  "account knows add, keys, passwd, del, remove, restore, list, weak, ending and removed",
  "bad-request"};
static struct refusal const not_removed = {0, "no account of that name is removed",
                                           "item-not-found"};
/* No fault: the record is answered when the keys are there, or the program has answered. */
static struct refusal const later = {0, NULL, NULL};

static struct refusal const *
why(void)
{
  struct refusal const *x = refusals;

  while (x->error && x->error != errno)
    x++;
  return x;
}

static void
send_error(struct link *l, struct refusal const *x)
{
  link_begin(l, VERB_ERROR);
  link_str(l, x->text);
  link_str(l, x->condition);
  link_end(l);
}

struct listing {
  struct link *ctl;
  struct slice host;
  bool any;
  bool weak; /* only those that lack keys for a hash */
};

/* The hashes that an account with keys has none for, with blanks between. */
static struct slice
lacking(struct slice bare, char text[64])
{
  unsigned int h;
  int n = 0;

  for (h = 0; h < SCRAM_HASHES; h++)
    if (secrets_lacks(bare, (enum scram_hash)h))
      n += snprintf(text + n, 64 - (size_t)n, "%s%s", n ? " " : "",
                    scram_hash_name((enum scram_hash)h));
  return slice_of(text, (size_t)n);
}

static bool
list_one(void *cookie, struct slice bare, uint64_t number)
{
  struct listing *ls = cookie;
  struct slice domain = bare, local, lack = SLICE("");
  char text[64];

  slice_word(&domain, '@', &local);
  if (ls->host.len && !slice_eq(domain, ls->host)) return true;
  ls->any = true;
  if (ls->weak && !(lack = lacking(bare, text)).len) return true;
  link_begin(ls->ctl, VERB_ROW);
  link_text(ls->ctl, bare);
  link_num(ls->ctl, number);
  if (ls->weak) link_text(ls->ctl, lack);
  link_end(ls->ctl);
  return true;
}

static void
list(struct link *ctl, struct slice host, bool weak)
{
  struct listing ls = {ctl, host, false, weak};

  if (!secrets_each(list_one, &ls))
    send_error(ctl, why());
  else if (host.len && !ls.any && !authd_host(host))
    send_error(ctl, &bad_host); /* of a host that was served accounts may be left */
  else
    service_done(ctl);
}

/* Accounts that are ending, with the stores that have not erased them: all, or the one of this
 * name. */
static void
list_ending(struct link *ctl, struct slice jid)
{
  struct arena a = ARENA_ZERO;
  uint64_t number = 1;
  struct slice bare, erased;
  struct jid j;

  if (jid.len) number = jid_parse(&a, jid, &j) ? secrets_taken(j.bare) : 0;
  while (number-- && secrets_ending(&number, &bare, &erased)) {
    link_begin(ctl, VERB_ROW);
    link_text(ctl, bare);
    link_num(ctl, number);
    link_text(ctl, ends_awaited(erased));
    link_end(ctl);
    number = jid.len ? 0 : number + 1;
  }
  arena_wipe(&a);
  service_done(ctl);
}

/* Removed accounts that can be restored, with the moments of their ends: all, or the one of this name. */
static void
list_removed(struct link *ctl, struct slice jid)
{
  uint64_t due_us = 0, number = 0;
  char until[STAMP_SIZE];
  struct slice bare;
  struct arena a = ARENA_ZERO;
  struct jid j;
  bool all = !jid.len;

  if (!all) {
    number = jid_parse(&a, jid, &j) ? secrets_number(j.bare) : 0;
    due_us = number ? secrets_due(number) : 0;
    if (due_us) number--;
  }
  while ((all || due_us) && secrets_next_due(&due_us, &number, &bare)) {
    link_begin(ctl, VERB_ROW);
    link_text(ctl, bare);
    link_num(ctl, number);
    link_text(ctl, stamp_s(until, due_us / 1000000));
    link_end(ctl);
    if (!all) break;
  }
  arena_wipe(&a);
  service_done(ctl);
}

/* A bare JID of a host of ours, or of an account that a host which is no longer served has left
 * behind; NULL, or the fault. */
static struct refusal const *
check_jid(struct arena *a, struct slice text, struct jid *j)
{
  if (!jid_parse(a, text, j) || !j->local.len || j->resource.len) return &bad_jid;
  if (!jid_local_may_be_stored(j->local)) return &bad_jid;
  return authd_host(j->domain) || secrets_number(j->bare) ? NULL : &bad_host;
}

/* ---- passwords ---- */

enum what { MAKE, PASSWORD, END, OWNER_ENDS };

/* A record account that waits for keys to be derived, or for the answer of a program outside. authd
 * does not read its link meanwhile, so that answers keep the order of the requests. */
struct work {
  struct work *next;
  struct link *link;
  enum what what;
  uint64_t question; /* to a program outside; 0: keys are derived */
  bool checks;       /* the question is whether there is such a user */
  char *bare;
  char *token;           /* of the invitation that makes the account; may be empty */
  struct slice password; /* while checks, a copy */
};

static struct work *works;

bool
control_works_for(struct link const *l)
{
  struct work const *w;

  for (w = works; w && w->link != l; w = w->next) {
  }
  return w != NULL;
}

static void
work_free(struct work *w)
{
  struct work **at;

  for (at = &works; *at != w; at = &(*at)->next) {
  }
  *at = w->next;
  if (w->password.len) OPENSSL_cleanse((void *)(uintptr_t)w->password.s, w->password.len);
  free((void *)(uintptr_t)w->password.s);
  free(w->bare);
  free(w->token);
  free(w);
}

void
control_link_gone(struct link const *l)
{
  struct work *w, *next;

  for (w = works; w; w = next) {
    next = w->next;
    if (w->link != l) continue;
    if (!w->question) derive_forget(w);
    work_free(w);
  }
}

static bool
keep_keys(struct work const *w, struct scram_keys const *k)
{
  struct slice bare = slice_str(w->bare);

  if (w->what == PASSWORD) return secrets_new_keys(bare, k);
  if (!invited_holds(slice_str(w->token)) || !secrets_add_keys(bare, k) ||
      !invited_take(slice_str(w->token), bare))
    return false;
  ends_made(bare);
  return true;
}

static void
derived(void *cookie, struct scram_keys const *k, int error)
{
  struct work *w = cookie;

  errno = error;
  if (k && keep_keys(w, k))
    service_done(w->link);
  else
    send_error(w->link, why());
  work_free(w);
  service_look_again();
}

/* Derive the keys of the password of w, or have the program that keeps the passwords of the account
 * do what is asked. */
static struct refusal const *
begin_password(struct work *w, struct slice password)
{
  struct slice bare = slice_str(w->bare);

  w->question = 0;
  if (!outside_keeps(bare)) {
    derive(password, authd.iterations, derived, w);
    return &later;
  }
  w->question = outside_ask(bare, password, w->what == MAKE ? "make" : "set");
  return w->question ? &later : &away;
}

static struct refusal const *
end_account(enum what what, struct slice bare)
{
  return (what == END ? ends_begin : removals_begin)(bare) ? NULL : why();
}

/* The account is made when the program has made it, and exists there alone if this fails. */
static struct refusal const *
made_outside(struct work const *w)
{
  struct slice bare = slice_str(w->bare), token = slice_str(w->token);

  if (!(invited_holds(token) && secrets_is_free(bare) && secrets_add_outside(bare) &&
        invited_take(token, bare)))
    return why();
  ends_made(bare);
  return NULL;
}

/* Go on with w, whose name the program has, or has not. A user that it has is an account here from now
 * on. */
static struct refusal const *
checked(struct work *w, bool is_there)
{
  struct slice bare = slice_str(w->bare);

  w->checks = false;
  if (is_there != (w->what != MAKE)) {
    errno = is_there ? EEXIST : ENOENT;
    return why();
  }
  if (w->what == MAKE) return begin_password(w, w->password);
  if (!secrets_number(bare)) {
    if (!secrets_add_outside(bare)) return why();
    ends_made(bare);
  }
  return w->what == PASSWORD ? begin_password(w, w->password)
                             : end_account(w->what, bare);
}

static void
take_answer(struct work *w, struct slice result)
{
  bool yes = slice_is(result, "yes"), no = slice_is(result, "no");
  struct refusal const *wrong = NULL;

  if (!yes && !no)
    wrong = &away;
  else if (w->checks)
    wrong = checked(w, yes);
  else if (no)
    wrong = &denied;
  else if (w->what == MAKE)
    wrong = made_outside(w);
  if (wrong == &later) return;
  if (wrong)
    send_error(w->link, wrong);
  else
    service_done(w->link);
  work_free(w);
  service_look_again();
}

void
control_answered(uint64_t question, struct slice result)
{
  struct work *w, *next;

  for (w = works; w; w = next) {
    next = w->next;
    if (w->question && (!question || w->question == question)) take_answer(w, result);
  }
}

static struct work *
work_new(struct link *l, struct slice bare, enum what what, struct slice token)
{
  struct work *w = calloc(1, sizeof *w);

  if (!w) return NULL;
  *w = (struct work){.next = works,
                     .link = l,
                     .what = what,
                     .bare = slice_dup(bare),
                     .token = slice_dup(token)};
  works = w;
  if (w->bare && w->token) return w;
  work_free(w);
  return NULL;
}

/* Ask the program of the host whether it has the name of w, and keep the password until it has
 * answered. */
static struct refusal const *
begin_check(struct work *w, struct slice password)
{
  w->checks = true;
  w->password = slice_of(slice_dup(password), password.len);
  w->question = w->password.s ? outside_ask(slice_str(w->bare), SLICE(""), "exists") : 0;
  return w->question ? &later : &away;
}

/* Begin to do `what` for bare. On a host with the method external a name without a number may be a user
 * of the program: nobody registers such a name, for its owner may log in later, and programs are not
 * relied upon to refuse that; who has it can be changed. */
static struct refusal const *
begin_work(struct link *l, struct slice bare, struct slice password, enum what what,
           struct slice token)
{
  bool is_there = secrets_is_there(bare), checks = !is_there && outside_may_have(bare);
  struct refusal const *wrong;
  struct work *w;

  if (what == MAKE || checks ? !secrets_is_free(bare) : !secrets_is_there(bare))
    return why();
  if (!invited_holds(token)) return why();
  if (!checks && (what == END || what == OWNER_ENDS)) return end_account(what, bare);
  w = work_new(l, bare, what, token);
  errno = EIO;
  if (!w) return why();
  wrong = checks ? begin_check(w, password) : begin_password(w, password);
  if (wrong != &later) work_free(w);
  service_look_again();
  return wrong;
}

/* ---- the others ---- */

static struct refusal const *
make_with_keys(struct slice bare, struct slice text)
{
  struct scram_keys k[SCRAM_HASHES];
  struct refusal const *wrong = NULL;

  if (!scram_keys_read(text, k))
    wrong = &bad_keys;
  else if (!secrets_add_keys(bare, k))
    wrong = why();
  else
    ends_made(bare);
  OPENSSL_cleanse(k, sizeof k);
  return wrong;
}

/* Do what the record asks for the account bare; NULL, the fault, or later. */
static struct refusal const *
change(struct link *l, struct slice what, struct slice bare, struct slice text,
       struct slice token)
{
  if (slice_is(what, "keys")) return make_with_keys(bare, text);
  if (text.len > SCRAM_PASSWORD_MAX) return &too_long;
  if (slice_is(what, "add")) return begin_work(l, bare, text, MAKE, token);
  if (slice_is(what, "passwd")) return begin_work(l, bare, text, PASSWORD, SLICE(""));
  if (slice_is(what, "del")) return begin_work(l, bare, SLICE(""), END, SLICE(""));
  if (slice_is(what, "remove"))
    return begin_work(l, bare, SLICE(""), OWNER_ENDS, SLICE(""));
  if (slice_is(what, "restore"))
    return removals_restore(bare) ? NULL : errno == ENOENT ? &not_removed : why();
  return &bad_word;
}

/* The account that the token has made, in a row, if it has made one; forget it. */
static void
token_used(struct link *l, struct slice token)
{
  struct slice bare;

  if (invited_of(token, &bare)) {
    link_begin(l, VERB_ROW);
    link_text(l, bare);
    link_end(l);
  } else if (errno != ENOENT) {
    send_error(l, why());
    return;
  }
  service_done(l);
}

static void
token_settle(struct link *l, struct slice token)
{
  if (invited_settle(token))
    service_done(l);
  else
    send_error(l, why());
}

void
control_account(struct link *l, struct record *r)
{
  struct slice what = record_get(r, 1);
  struct arena a = ARENA_ZERO;
  struct refusal const *wrong;
  struct jid j;

  if (slice_is(what, "list") || slice_is(what, "weak")) {
    list(l, record_get(r, 2), slice_is(what, "weak"));
    return;
  }
  if (slice_is(what, "ending")) {
    list_ending(l, record_get(r, 2));
    return;
  }
  if (slice_is(what, "removed")) {
    list_removed(l, record_get(r, 2));
    return;
  }
  if (slice_is(what, "used") || slice_is(what, "settle")) {
    (slice_is(what, "used") ? token_used : token_settle)(l, record_get(r, 2));
    return;
  }
  wrong = check_jid(&a, record_get(r, 2), &j);
  if (!wrong) wrong = change(l, what, j.bare, record_get(r, 3), record_get(r, 4));
  arena_wipe(&a);
  if (wrong == &later) return;
  if (wrong)
    send_error(l, wrong);
  else
    service_done(l);
}
