/* Private to xmpp-compd: its settings, its components, and the stanzas both ways. */
#ifndef COMPD_H
#define COMPD_H

#include "access/access.h"
#include "edge/edge.h"
#include "service/service.h"
#include "stream/stream.h"

#define NS_COMPONENT "jabber:component:accept"

/* ---- settings.c ---- */

/* A domain that a component may have, with the password of its listener. */
struct domain {
  struct domain *next;
  char *name, *password;
};

struct listener {
  struct listener *next;
  char *name;
  struct domain *domains;
  char *password;        /* of any domain that is not among them; NULL: there is none */
  char *access, *shaper; /* rules; NULL: all, none */
  size_t max_stanza_size;
  bool check_from, global_routes;
};

struct compd_settings {
  struct domain *hosts; /* domains of the server's own, without passwords */
  struct listener *listeners;
  struct access *access;
  uint64_t negotiation_us;
};

extern struct compd_settings *compd;
extern char const *const compd_needs[];

/* The two steps of taking settings (service/service.h). */
void *settings_fresh(struct settings *st);
void settings_free(void *fresh);

/* The listener of this name, or NULL; the entry of a name in a list, or NULL. */
struct listener const *settings_listener(struct slice name);
struct domain const *settings_domain(struct domain const *list, struct slice name);

/* The password of a component of this domain, or NULL: the listener takes no such component. */
char const *settings_password(struct listener const *ln, struct slice domain);

/* ---- component.c ---- */

enum component_state {
  COMPONENT_START,     /* the component's header is awaited */
  COMPONENT_HANDSHAKE, /* headers are exchanged */
  COMPONENT_OPEN       /* the component has its domain */
};

/* A field that is added is added in component_snapshot too. */
struct component {
  struct conduit c;
  struct component *next;
  char *listener; /* its name */
  char *domain;   /* as the header says; NULL: START */
  char id[16];    /* of the stream */
  enum component_state state;
  bool over;
};

extern struct conduit_owner const component_owner;

void component_on_open(struct link *l, struct record *r);
void component_on_secured(struct link *l, struct record *r);
void component_link_gone(struct link *l);

/* The component that has this domain: its own, or one of a listener that has the domain too
 * (global_routes). NULL: none is there. */
struct component *component_of(struct slice domain);

/* Say whether the component may send stanzas from the domain. */
bool component_may_send(struct component const *m, struct slice domain);

/* Tell routed which domains are served: those of the settings, and those of components that
 * came. */
void component_announce(struct link *routed);

/* Say whether a component of the settings is awaited, a moment after a start. */
bool component_awaits(void);

/* The settings are new, and were those of was: end components that they have no more, and serve
 * the domains that they have more. End all components, at the end of the program. */
void component_reload(struct compd_settings const *was);
void component_stop(void);

uint64_t components_count(void);
void component_turn(void);
void component_snapshot(struct snapshot *k);

/* ---- stanzas.c ---- */

/* Pass the stanza of a component to routed; pass that of a record to its component. */
void stanzas_in(struct component *m, struct xml_node const *e, struct slice bytes);
void stanzas_out(struct link *l, struct record *r);

#endif
