/* Shared between access.c and references.c only. */
#ifndef ACCESS_INTERNAL_H
#define ACCESS_INTERNAL_H

#include "confgen.h"

/* The file that nodes of the sample say they stand in. */
#define ACCESS_SAMPLE "the sample of ejabberd 18.04"

/* Put out one entry (a named acl, rule or shaper) for a scope: * or a host. */
typedef void access_put_fn(struct slice scope, struct yaml_node const *n);
access_put_fn access_put_acl, access_put_rule, access_put_shaper_rule, access_put_shaper;

/* The sections whose entries a host may have of its own: acls first, then three of rules. */
#define ACCESS_SETS_N 4

extern struct access_set {
  char const *option;
  access_put_fn *fn;
} const access_sets[ACCESS_SETS_N];

/* Where an inline rule stands while it is put out: the option's path; NULL: the rule has a
 * name. */
extern char const *access_inline_path;

/* The entry of this name in a mapping, or in a list of such; NULL: there is none. */
struct yaml_node const *access_entry(struct yaml_node const *n, char const *name);

/* The entry's name that is nearer to a mistyped one than *best into *found. */
void access_nearest(struct yaml_node const *n, struct slice name, size_t *best,
                    char const **found);

#endif
