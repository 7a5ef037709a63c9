#include "domains.h"
#include "expected.h"
#include "pairs.h"
#include "posts.h"
#include "services.h"
#include "settings.h"
#include "snapshot.h"
#include "watch.h"

#include <stdlib.h>

/* The domains of this server, for those who watch domains: xmpp-s2sd offers its streams for them
 * and for no other. A service that is being restarted serves its domains meanwhile, as its post
 * lives. After a start nobody is told before all who are expected have announced themselves: what
 * a watcher knows of an earlier run holds until then. A watcher first hears forget domains, and
 * then of each. */

enum how { HOW_GONE, HOW_SERVICE, HOW_HOST };

static char const *const how_words[] = {"gone", "service", "host"};

struct domain {
  struct domain *next;
  enum how told, now;
  char name[];
};

static struct domain *domains; /* as those who watch were told */
static bool changed = true;

bool
domains_has(struct slice domain)
{
  return routed_host(domain) || services_domain(domain);
}

void
domains_changed(void)
{
  changed = true;
}

static bool
have_changed(void)
{
  if (services_domains_have_changed()) changed = true;
  return changed;
}

static void
tell(struct link *l, struct domain const *d)
{
  link_begin(l, VERB_SERVED);
  link_str(l, d->name);
  link_str(l, how_words[d->now]);
  link_end(l);
}

static void
tell_all(struct link *l)
{
  struct domain const *d;

  link_begin(l, VERB_FORGET);
  link_str(l, "domains");
  link_end(l);
  for (d = domains; d; d = d->next)
    tell(l, d);
}

/* A service that begins while changes are to be told hears all with them. */
void
domains_watched(struct post *p)
{
  if (have_changed())
    p->domains_untold = true;
  else
    tell_all(p->link);
}

/* ---- what has changed ---- */

static void
note(char const *name, enum how how)
{
  struct domain **at, *d;
  size_t len = strlen(name);

  for (at = &domains; *at && strcmp((*at)->name, name) != 0; at = &(*at)->next) {
  }
  d = *at;
  if (!d) {
    d = calloc(1, sizeof *d + len + 1);
    if (!d) {
      log_event(LOG_WARN, "domain-not-told", "domain", name, "why", "out of memory",
                NULL);
      return;
    }
    memcpy(d->name, name, len + 1);
    *at = d;
  }
  if (d->now != HOW_HOST) d->now = how;
}

static void
note_service(char const *domain)
{
  if (strcmp(domain, DOMAIN_OTHERS) != 0) note(domain, HOW_SERVICE);
}

static void
look(void)
{
  struct domain *d;
  struct host const *h;

  for (d = domains; d; d = d->next)
    d->now = HOW_GONE;
  for (h = routed_hosts(); h; h = h->next)
    note(h->name, HOW_HOST);
  services_each_domain(note_service);
}

static void
tell_changes(void)
{
  struct post *p = NULL;
  struct domain *d;

  for (d = domains; d; d = d->next)
    while (d->now != d->told && (p = watch_next(WATCH_DOMAINS, p)))
      if (watch_link(WATCH_DOMAINS, p) && !p->domains_untold) tell(p->link, d);
}

static void
settle(void)
{
  struct domain **at = &domains, *d;

  while ((d = *at)) {
    d->told = d->now;
    if (d->now != HOW_GONE) {
      at = &d->next;
      continue;
    }
    *at = d->next;
    free(d);
  }
}

void
domains_turn(void)
{
  struct post *p = NULL;

  if (!have_changed() || !expected_all_there()) return;
  changed = false;
  look();
  tell_changes();
  settle();
  while ((p = watch_next(WATCH_DOMAINS, p))) {
    if (p->domains_untold && watch_link(WATCH_DOMAINS, p)) tell_all(p->link);
    p->domains_untold = false;
  }
}

/* ---- the state for a trace ---- */

void
domains_snapshot(struct snapshot *k)
{
  struct domain *d = domains;
  char *name;

  for (; snapshot_record(k, "domain", d != NULL);
       d = snapshot_restores(k) ? NULL : d->next) {
    name = d ? d->name : NULL;
    snapshot_text(k, &name);
    if (snapshot_restores(k) && name) note(name, HOW_GONE);
    if (snapshot_restores(k)) {
      for (d = domains; d && name && strcmp(d->name, name) != 0; d = d->next) {
      }
      free(name);
    }
    if (!d) {
      snapshot_fail(k, "a domain is lost");
      return;
    }
    SNAPSHOT_INT(k, d->told);
    d->now = d->told;
  }
  if (snapshot_record(k, "domains", true)) SNAPSHOT_INT(k, changed);
}
