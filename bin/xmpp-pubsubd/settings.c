#include "pep.h"

#include "convert/convert.h"

#include <stdio.h>

char const *const pubsubd_needs[] = {
  "auth_method",
  "mod_configure.access",
  "mod_pubsub.access_createnode",
  "mod_pubsub.ignore_pep_from_offline",
  "mod_pubsub.last_item_cache",
  "mod_pubsub.max_items_node",
  "mod_pubsub.max_nodes_discoitems",
  "mod_pubsub.name",
  "mod_pubsub.plugins",
  NULL,
};

struct pubsubd pubsubd;

void *
pubsubd_read(struct settings *st)
{
  return access_load(st);
}

void
pubsubd_take(void *fresh, bool first)
{
  (void)first;
  access_free(pubsubd.access);
  pubsubd.access = fresh;
  pubsubd.settings = access_settings(pubsubd.access);
  room_take(pubsubd.settings);
}

void
pubsubd_drop(void *fresh)
{
  access_free(fresh);
}

bool
pubsubd_start(void)
{
  char path[512];

  snprintf(path, sizeof path, "%s/pubsub", service_data());
  pubsubd.store = store_open(path, true, false, PUBSUB_MAP_BYTES);
  if (!pubsubd.store) return false;
  store_refuse_when_full(pubsubd.store);
  pubsubd.pubsub = pubsub_open(pubsubd.store);
  if (!pubsubd.pubsub || !pubsub_sum_creators(pubsubd.pubsub)) return false;
  if (!caps_store_open()) return false;
  homes_make();
  ends_start();
  pep_start();
  caps_store_start();
  return true;
}

/* A folder that is not there yet is no fault worth a line in the log each time. */
void
pubsubd_readers(void)
{
  if (!pubsubd.accounts) pubsubd.accounts = accounts_open_reader(service_data());
  if (!pubsubd.roster)
    pubsubd.roster = roster_open_reader(service_data(), &pubsubd.users);
}

void
pubsubd_readers_end(void)
{
  if (pubsubd.accounts) accounts_commit(pubsubd.accounts);
  if (pubsubd.users) store_commit(pubsubd.users);
}

uint64_t
pubsubd_number(struct slice bare)
{
  return pubsubd.accounts ? accounts_number(pubsubd.accounts, bare) : 0;
}

struct slice
pubsubd_option(struct slice host, char const *key)
{
  return settings_get(pubsubd.settings, key, host);
}

uint64_t
pubsubd_option_u64(struct slice host, char const *key)
{
  return settings_u64(pubsubd.settings, key, host);
}

bool
pubsubd_is_host(struct slice domain)
{
  struct settings_row const *row = NULL;

  while ((row = settings_next(pubsubd.settings, "host", row)))
    if (slice_eq(row->value[0], domain)) return true;
  return false;
}

bool
pubsubd_has_pep(struct slice host)
{
  return settings_has(pubsubd.settings, "module", host, "mod_pubsub") &&
         slice_has_word(pubsubd_option(host, "mod_pubsub.plugins"), SLICE("pep"));
}

/* ---- the domains of services ---- */

void
pubsubd_each_domain(settings_domain_fn *fn, void *cookie)
{
  settings_each_domain(pubsubd.settings, "mod_pubsub", fn, cookie);
}

struct slice
pubsubd_service_host(struct slice domain)
{
  return settings_domain_host(pubsubd.settings, "mod_pubsub", domain);
}

/* ---- what routed is told ---- */

static bool
announce_domain(void *cookie, struct slice host, struct slice domain)
{
  struct link *routed = cookie;

  link_begin(routed, VERB_SERVE);
  link_text(routed, domain);
  link_end(routed);
  link_begin(routed, VERB_ITEM);
  link_str(routed, "host");
  link_text(routed, domain);
  link_text(routed, pubsubd_option(host, "mod_pubsub.name"));
  link_end(routed);
  return true;
}

static void
feature(struct link *routed, struct slice host, char const *var)
{
  link_begin(routed, VERB_FEATURE);
  link_str(routed, "account");
  link_str(routed, var);
  link_text(routed, host);
  link_end(routed);
}

static void
handles(struct link *routed, struct slice host, char const *ns)
{
  link_begin(routed, VERB_HANDLE);
  link_str(routed, "account");
  link_str(routed, ns);
  link_text(routed, host);
  link_end(routed);
}

/* XEP-0163 s6.1: what an account shows. */
static void
announce_pep(struct link *routed, struct slice host)
{
  size_t i;

  handles(routed, host, NS_PUBSUB);
  handles(routed, host, NS_OWNER);
  link_begin(routed, VERB_IDENTITY);
  link_str(routed, "account");
  link_str(routed, "pubsub");
  link_str(routed, "pep");
  link_str(routed, "");
  link_text(routed, host);
  link_end(routed);
  for (i = 0; pubsub_features[i]; i++)
    if (!slice_is(slice_str(pubsub_features[i]), NS_PUBSUB "#get-pending"))
      feature(routed, host, pubsub_features[i]);
  for (i = 0; pep_features[i]; i++)
    feature(routed, host, pep_features[i]);
  if (bookmarks_converts(host)) {
    feature(routed, host, NS_BOOKMARKS "#compat");
    feature(routed, host, NS_BOOKMARKS "#compat-pep");
    feature(routed, host, "urn:xmpp:bookmarks-conversion:0");
  }
  if (avatars_converts(host)) feature(routed, host, "urn:xmpp:pep-vcard-conversion:0");
}

/* Clients are asked what they can do in the name of an account (caps.c). */
static void
announce_answers(struct link *routed, struct slice host)
{
  link_begin(routed, VERB_HANDLE);
  link_str(routed, "answers");
  link_str(routed, "account");
  link_text(routed, host);
  link_end(routed);
}

void
pubsubd_announce(struct link *routed)
{
  struct settings_row const *row = NULL;

  pubsubd_each_domain(announce_domain, routed);
  while ((row = settings_next(pubsubd.settings, "module", row)))
    if (slice_is(row->value[0], "mod_pubsub") && pubsubd_has_pep(row->scope)) {
      announce_pep(routed, row->scope);
      announce_answers(routed, row->scope);
    }
  handle_announced(routed);
}
