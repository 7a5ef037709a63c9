#include "pubsubd.h"

#include <errno.h>

/* The nodes /home and /home/HOST of a service that has the plugin hometree: they belong to the
 * service, and what users make is below them. */

static bool
make(uint64_t owner, struct slice domain, struct slice name)
{
  struct pubsub_node n = {
    .owner = owner, .type = PUBSUB_HOMETREE, .name = name, .creator = domain};

  if (!pubsub_node_add(pubsubd.pubsub, &n)) return errno == EEXIST;
  return pubsub_aff_put(pubsubd.pubsub, &n, domain, PUBSUB_OWNER);
}

static bool
make_of(void *cookie, struct slice host, struct slice domain)
{
  stralloc name = STRALLOC_ZERO;
  uint64_t owner;
  bool ok;

  (void)cookie;
  if (!slice_has_word(pubsubd_option(host, "mod_pubsub.plugins"), SLICE("hometree")))
    return true;
  owner = pubsub_service(pubsubd.pubsub, domain, true);
  ok = owner && stralloc_copys(&name, "/home/") &&
       stralloc_catb(&name, host.s, host.len) && make(owner, domain, SLICE("/home")) &&
       make(owner, domain, slice_of(name.s, name.len));
  stralloc_free(&name);
  if (!ok)
    log_event(LOG_WARN, "pubsub-failed", "what", "make the nodes of hometree", "why",
              "the store failed", NULL);
  return true;
}

void
homes_make(void)
{
  if (!store_is_full(pubsubd.store)) pubsubd_each_domain(make_of, NULL);
}
