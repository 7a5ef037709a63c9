#include "authd.h"

/* Questions for the programs of the administrator that keep passwords (xmpp-extauthd). */

/* Numbers of questions begin at the clock: an answer that a program owes to an xmpp-authd of
 * before a restart, which comes to this one, answers nobody's question here. */
static uint64_t
next_question(void)
{
  static uint64_t last;

  last = door_wall() > last ? door_wall() : last + 1;
  return last;
}

bool
outside_keeps(struct slice bare)
{
  struct host const *h = authd_host(jid_cut(bare).domain);
  uint64_t n = secrets_number(bare);

  if (!h || !h->is_external) return false;
  return !h->is_internal || (n && !secrets_has_keys(n));
}

bool
outside_may_have(struct slice bare)
{
  struct host const *h = authd_host(jid_cut(bare).domain);

  return h && h->is_external;
}

uint64_t
outside_ask(struct slice bare, struct slice password, char const *word)
{
  struct link *checker = link_find(EXTAUTHD);
  struct jid j = jid_cut(bare);
  uint64_t question;

  if (!checker) return 0;
  question = next_question();
  link_begin(checker, VERB_VERIFY);
  link_num(checker, question);
  link_text(checker, j.domain);
  link_text(checker, j.local);
  link_text(checker, password); /* as it came */
  if (*word) link_str(checker, word);
  link_end(checker);
  return question;
}
