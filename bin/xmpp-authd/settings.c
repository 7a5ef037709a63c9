#include "authd.h"

#include <stdlib.h>
#include <string.h>

char const *const authd_needs[] = {
  "scram_iterations",
  NULL,
};

/* Mechanisms in the order of preference, each -PLUS variant before the plain one. */
static char const *const all[] = {
  "SCRAM-SHA-512-PLUS",
  "SCRAM-SHA-256-PLUS",
  "SCRAM-SHA-1-PLUS",
  "SCRAM-SHA-512",
  "SCRAM-SHA-256",
  "SCRAM-SHA-1",
  "PLAIN",
};

struct authd_settings authd;

struct host const *
authd_host(struct slice name)
{
  struct host const *h;

  for (h = authd.hosts; h; h = h->next)
    if (slice_is(name, h->name)) return h;
  return NULL;
}

bool
authd_offers(struct host const *h, struct slice mechanism)
{
  return slice_has_word(slice_str(h->mechanisms), mechanism);
}

/* disable_sasl_mechanisms: names by blanks, in any case. */
static bool
is_disabled(struct slice list, char const *name)
{
  struct slice word;

  while (slice_word(&list, ' ', &word))
    if (slice_is_nocase(word, name)) return true;
  return false;
}

static char *
mechanisms_without(struct slice disabled)
{
  stralloc sa = STRALLOC_ZERO;
  size_t i;

  for (i = 0; i < sizeof all / sizeof *all; i++) {
    if (is_disabled(disabled, all[i])) continue;
    if ((sa.len && !stralloc_catb(&sa, " ", 1)) || !stralloc_cats(&sa, all[i])) goto fail;
  }
  if (stralloc_0(&sa)) return sa.s;
fail:
  stralloc_free(&sa);
  return NULL;
}

static void
free_hosts(struct host *h)
{
  while (h) {
    struct host *next = h->next;
    free(h->name);
    free(h->mechanisms);
    free(h);
    h = next;
  }
}

void
authd_drop(void *fresh)
{
  struct authd_settings *f = fresh;

  free_hosts(f->hosts);
  free(f);
}

void *
authd_read(struct settings *st)
{
  struct authd_settings *f = calloc(1, sizeof *f);
  struct settings_row const *row = NULL;
  struct host **at;

  if (!f) return NULL;
  at = &f->hosts;
  while ((row = settings_next(st, "host", row))) {
    struct host *h = calloc(1, sizeof *h);
    if (!h) goto fail;
    *at = h;
    at = &h->next;
    h->name = slice_dup(row->value[0]);
    h->mechanisms =
      mechanisms_without(settings_get(st, "disable_sasl_mechanisms", row->value[0]));
    if (!h->name || !h->mechanisms) goto fail;
  }
  f->iterations = (uint32_t)settings_u64(st, "scram_iterations", SLICE("*"));
  if (f->hosts) return f;
  settings_refuse("host", SLICE("*"), "there is no host", NULL);
fail:
  authd_drop(f);
  return NULL;
}

void
authd_take(void *fresh, bool first)
{
  struct authd_settings *f = fresh;
  struct link *l;

  free_hosts(authd.hosts);
  authd = *f;
  free(f);
  for (l = first ? NULL : link_next(NULL); l; l = link_next(l))
    if (l->up && l->program == C2SD) sasl_announce(l);
}
