/* Services. */
#ifndef ROUTED_SERVICES_H
#define ROUTED_SERVICES_H

#include "routed.h"

/* Registrations of a neighbour: what it serves, handles and shows. */
void services_serve(struct link *l, struct record *r);
void services_handle(struct link *l, struct record *r);
void services_show(struct link *l, struct record *r, enum verb v);
void services_forget(struct link *l, struct record *r);

/* A service is up: whether it had said before what it is for, and says it again; what it has
 * not said until settled is no longer so. It is away for good. */
bool services_begin(struct post *p);
void services_settled(struct post *p);
void services_of_post_gone(struct post *p);

/* Return true if features, identities or items have changed since the last call. Say them all
 * on l. */
bool services_have_changed(void);
void services_tell(struct link *l);

/* Return true if the domains that services serve have changed since the last call. */
bool services_domains_have_changed(void);

/* Pass each domain that a service serves to fn, DOMAIN_OTHERS too, perhaps more than once. */
void services_each_domain(void (*fn)(char const *domain));

/* Give the service of all domains that have none (serve DOMAIN_OTHERS). */
struct post *services_others(void);

/* The service of a domain; the service that handles a namespace for scope "host",
 * "account", "resource" or "answers". NULL: no service does. */
struct post *services_domain(struct slice domain);
struct post *services_handler(char const *scope, struct slice ns, struct slice host);

/* The service of the address HOST/NAME/..., which has said handle resource NAME. NULL: no
 * service has. */
struct post *services_resource(struct jid const *a);

#endif
