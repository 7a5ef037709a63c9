#include "target.h"

#include <stdlib.h>
#include <string.h>

/* Targets as xmpp-dnsd says them, and why there are none. */

/* HOW PORT NAME ADDRESSES TLSA, and apart what dnsd says is signed. */
bool
target_read(struct target *t, struct record *r)
{
  stralloc sa = STRALLOC_ZERO;
  struct slice tlsa = record_get(r, 6);
  unsigned int i;
  bool ok = true;

  if (!tlsa.len) tlsa = SLICE("-");
  t->tls = slice_is(record_get(r, 2), "tls");
  t->ee = slice_starts(tlsa, "3:") || memmem(tlsa.s, tlsa.len, ",3:", 3);
  t->signed_name = slice_has_word(record_get(r, 7), SLICE("srv")) && slice_is(tlsa, "-");
  t->name = slice_dup(record_get(r, 4));
  for (i = 2; ok && i < 6; i++) {
    struct slice f = record_get(r, i);
    ok = stralloc_catb(&sa, f.s, f.len) && stralloc_catb(&sa, " ", 1);
  }
  ok = ok && stralloc_catb(&sa, tlsa.s, tlsa.len);
  if (ok) t->line = slice_dup(slice_of(sa.s, sa.len));
  stralloc_free(&sa);
  return t->line && t->name;
}

static struct {
  char const *word, *why;
  bool passing;
} const dns_faults[] = {
  {"nxdomain", "no such domain",                false},
  {"nodata",   "no address",                    false},
  {"dot",      "not offered",                   false},
  {"name",     "not a name",                    false},
  {"servfail", "name server failed",            true },
  {"timeout",  "no answer of the name server",  true },
  {"bogus",    "answer with a wrong signature", true },
};

struct verdict
target_none(struct slice why)
{
  struct verdict v = verdict_of(STEP_DNS, true, "no answer");
  size_t i;

  for (i = 0; i < sizeof dns_faults / sizeof *dns_faults; i++) {
    if (!slice_is(why, dns_faults[i].word)) continue;
    v = verdict_of(STEP_DNS, dns_faults[i].passing, dns_faults[i].why);
    if (!v.passing) v.error = ERR_REMOTE_NOT_FOUND;
  }
  return v;
}

void
target_wipe(struct target *t)
{
  free(t->line);
  free(t->name);
}

void
targets_put(struct link *front, struct target const *t, unsigned int n)
{
  unsigned int i;

  link_field(front);
  for (i = 0; i < n; i++) {
    if (i) link_more(front, SLICE("\n"));
    link_more(front, slice_str(t[i].line));
  }
}

struct slice
target_sni(struct arena *a, struct slice domain)
{
  struct slice ascii = jid_ascii_domain(a, domain);
  size_t i;

  if (!ascii.s || memchr(ascii.s, ':', ascii.len)) return SLICE("");
  for (i = 0; i < ascii.len && strchr("0123456789.", ascii.s[i]); i++) {
  }
  return i < ascii.len ? ascii : SLICE("");
}

void
target_snapshot(struct snapshot *k, struct target *t)
{
  snapshot_text(k, &t->line);
  snapshot_text(k, &t->name);
  SNAPSHOT_INT(k, t->tls);
  SNAPSHOT_INT(k, t->signed_name);
  SNAPSHOT_INT(k, t->ee);
}
