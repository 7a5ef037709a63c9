/* Shared between the files of lib/access only. */
#ifndef ACCESS_INTERNAL_H
#define ACCESS_INTERNAL_H

#include "base/base.h"

struct regexp;

/* Compile pattern. NULL: ENOMEM, or EINVAL for what is no regular expression, which
 * access_regexp explains. */
struct regexp *regexp_new(struct slice pattern);
void regexp_free(struct regexp *re);

/* Say whether s has a match of re. *unsure is set when the limits of base/limits.h end the
 * search, which then has found none. */
bool regexp_matches(struct regexp const *re, struct slice s, bool *unsure);

#endif
