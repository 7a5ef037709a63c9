#include "compd.h"

#include <stdlib.h>
#include <string.h>

/* Settings are taken whole. Components know their listener by name. */

struct compd_settings *compd;

char const *const compd_needs[] = {
  "access",          "check_from",          "global_routes",
  "max_stanza_size", "negotiation_timeout", NULL};

struct domain const *
settings_domain(struct domain const *list, struct slice name)
{
  while (list && !slice_is_nocase(name, list->name))
    list = list->next;
  return list;
}

struct listener const *
settings_listener(struct slice name)
{
  struct listener const *ln;

  for (ln = compd->listeners; ln && !slice_is(name, ln->name); ln = ln->next) {
  }
  return ln;
}

char const *
settings_password(struct listener const *ln, struct slice domain)
{
  struct domain const *d;

  if (settings_domain(compd->hosts, domain)) return NULL;
  d = settings_domain(ln->domains, domain);
  return d ? d->password : ln->password;
}

static char *
text_of(struct slice s)
{
  return s.len ? slice_dup(s) : NULL;
}

static bool
add(struct domain **list, struct slice name, struct slice password)
{
  struct domain *d = calloc(1, sizeof *d);

  if (!d) return false;
  d->next = *list;
  *list = d;
  d->name = slice_dup(name);
  d->password = text_of(password);
  return d->name && (d->password || !password.len);
}

static bool
read_domains(struct listener *ln, struct settings const *st)
{
  struct settings_row const *row = NULL;

  while ((row = settings_next(st, "component", row)))
    if (slice_is(row->scope, ln->name) &&
        !add(&ln->domains, row->value[0], row->value[1]))
      return false;
  return true;
}

static bool
read_listener(struct compd_settings *f, struct settings const *st, struct slice name)
{
  struct listener *ln = calloc(1, sizeof *ln);
  struct slice shaper = settings_get(st, "shaper_rule", name);

  if (!ln) return false;
  ln->next = f->listeners;
  f->listeners = ln;
  if (!shaper.len) shaper = settings_get(st, "shaper", name);
  ln->name = slice_dup(name);
  ln->password = text_of(settings_get(st, "password", name));
  ln->access = text_of(settings_get(st, "access", name));
  ln->shaper = text_of(shaper);
  ln->check_from = settings_bool(st, "check_from", name);
  ln->global_routes = settings_bool(st, "global_routes", name);
  ln->max_stanza_size = settings_u64(st, "max_stanza_size", name);
  if (ln->max_stanza_size > STANZA_MAX) ln->max_stanza_size = STANZA_MAX;
  return ln->name && read_domains(ln, st);
}

static bool
read_all(struct compd_settings *f, struct settings const *st)
{
  struct settings_row const *row = NULL;

  while ((row = settings_next(st, "host", row)))
    if (!add(&f->hosts, row->value[0], SLICE(""))) return false;
  while ((row = settings_next(st, "listener", row)))
    if (slice_is(row->value[2], "comp") && !read_listener(f, st, row->scope))
      return false;
  f->negotiation_us = settings_us(st, "negotiation_timeout", SLICE("*"));
  f->access = access_load(st);
  return f->access != NULL;
}

void *
settings_fresh(struct settings *st)
{
  struct compd_settings *f = calloc(1, sizeof *f);

  if (f && read_all(f, st)) return f;
  if (f) settings_free(f);
  return NULL;
}

static void
free_domains(struct domain *d)
{
  struct domain *next;

  for (; d; d = next) {
    next = d->next;
    free(d->name);
    free(d->password);
    free(d);
  }
}

void
settings_free(void *fresh)
{
  struct compd_settings *f = fresh;
  struct listener *ln, *next;

  for (ln = f->listeners; ln; ln = next) {
    next = ln->next;
    free_domains(ln->domains);
    free(ln->name);
    free(ln->password);
    free(ln->access);
    free(ln->shaper);
    free(ln);
  }
  free_domains(f->hosts);
  access_free(f->access);
  free(f);
}
