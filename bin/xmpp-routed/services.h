/* Services. */
#ifndef ROUTED_SERVICES_H
#define ROUTED_SERVICES_H

#include "routed.h"

/* Registrations of a neighbour: what it serves, handles and shows. */
void services_serve(struct link *l, struct record *r);
void services_handle(struct link *l, struct record *r);
void services_show(struct link *l, struct record *r, enum verb v);
void services_watch(struct link *l, struct record *r);
void services_caps(struct link *l, struct record *r);
void services_of_link_gone(struct link *l);

/* A service is up: whether it had said before what it is for, and says it again; what it has
 * not said until settled is no longer so. It is away for good. */
bool services_begin(struct post *p);
void services_settled(struct post *p);
void services_of_post_gone(struct post *p);

/* A c2sd is up: tell it the caps of the hosts. */
void services_up(struct link *l);

/* The live link that watches what; NULL: none. */
struct link *services_watcher(char const *what);

/* Our own features may have changed; at the end of a turn: tell watchers what has changed. */
void services_changed(void);
void services_turn(void);

/* The service of a domain; the service that handles a namespace for scope "host",
 * "account" or "message". NULL: no service does. */
struct post *services_domain(struct slice domain);
struct post *services_handler(char const *scope, struct slice ns);

#endif
