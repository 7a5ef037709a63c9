#include "authd.h"
#include "fast.h"
#include "lacks.h"

#include <stdlib.h>
#include <string.h>

/* Accounts that came with keys for some hashes alone. What a host offers cannot depend on the name, so
 * it offers the hashes that all its accounts have (RFC 5802 s9), and tasks for the others (XEP-0480). */

/* ---- changes for the host ---- */

/* The hash of a mechanism; SCRAM_HASHES: it is not SCRAM. */
static unsigned int
hash_of(struct slice mechanism)
{
  struct slice plus = SLICE("-PLUS");
  unsigned int h = 0;

  if (!slice_starts(mechanism, "SCRAM-")) return SCRAM_HASHES;
  mechanism = slice_of(mechanism.s + 6, mechanism.len - 6);
  if (mechanism.len > plus.len &&
      !memcmp(mechanism.s + mechanism.len - plus.len, plus.s, plus.len))
    mechanism.len -= plus.len;
  while (h < SCRAM_HASHES && !slice_is(mechanism, scram_hash_name((enum scram_hash)h)))
    h++;
  return h;
}

/* Append a word. false: ENOMEM. */
static bool
cat_word(stralloc *sa, char const *before, struct slice word)
{
  return (!sa->len || stralloc_cats(sa, " ")) && stralloc_cats(sa, before) &&
         stralloc_catb(sa, word.s, word.len);
}

static bool
cat_mechanisms(stralloc *sa, struct host const *h, uint64_t const lack[SCRAM_HASHES])
{
  struct slice list = slice_str(h->all), word;
  bool ok = true;

  while (ok && slice_word(&list, ' ', &word)) {
    unsigned int hash = hash_of(word);
    if (hash == SCRAM_HASHES || !lack[hash]) ok = cat_word(sa, "", word);
  }
  return ok && stralloc_0(sa);
}

static bool
cat_upgrades(stralloc *sa, struct host const *h, uint64_t const lack[SCRAM_HASHES])
{
  struct slice list = slice_str(h->upgrades_wanted), word;
  bool ok = true;

  while (ok && slice_word(&list, ' ', &word)) {
    enum scram_hash hash = slice_is(word, "sha512") ? SCRAM_SHA512 : SCRAM_SHA256;
    if (lack[hash]) ok = cat_word(sa, "UPGR-SCRAM-", slice_str(scram_hash_name(hash)));
  }
  return ok && stralloc_0(sa);
}

static void
warn(struct host const *h, uint64_t const lack[SCRAM_HASHES])
{
  unsigned int i;

  for (i = 0; i < SCRAM_HASHES; i++)
    if (lack[i])
      log_event(LOG_WARN, "hash-not-offered", "host", h->name, "hash",
                scram_hash_name((enum scram_hash)i), "accounts", log_num(lack[i]), "why",
                "accounts have no keys for this hash", NULL);
}

/* Replace a text by what sa has. Gives whether it is another one. */
static bool
replace(char **at, stralloc *sa)
{
  char *old = *at;
  bool other = !old || strcmp(old, sa->s) != 0;

  *at = sa->s;
  free(old);
  return other;
}

static bool
look_at(struct host *h)
{
  stralloc mechanisms = STRALLOC_ZERO, upgrades = STRALLOC_ZERO;
  uint64_t lack[SCRAM_HASHES];
  unsigned int i;
  bool other;

  for (i = 0; i < SCRAM_HASHES; i++)
    lack[i] = keys_lacking(secrets_keys(), slice_str(h->name), (enum scram_hash)i);
  if (!cat_mechanisms(&mechanisms, h, lack) || !cat_upgrades(&upgrades, h, lack)) {
    stralloc_free(&mechanisms);
    stralloc_free(&upgrades);
    return false;
  }
  other = replace(&h->mechanisms, &mechanisms);
  other = replace(&h->upgrades, &upgrades) || other;
  if (other) warn(h, lack);
  return other;
}

void
lacks_look(bool all)
{
  struct keys *k = secrets_keys();
  bool other = false;
  struct host *h;
  struct link *l;

  if (!k->store || !(k->lacks_changed || all)) return;
  k->lacks_changed = false;
  for (h = authd.hosts; h; h = h->next)
    other = look_at(h) || other;
  for (l = other && !all ? link_next(NULL) : NULL; l; l = link_next(l))
    if (l->up && l->program == C2SD) sasl_announce(l);
}
