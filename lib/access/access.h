/* access: who may do what, from compiled settings. Lists of access control (acl) name sets of
 * users and addresses; rules try conditions on them in order and give a word: allow or deny,
 * a shaper's name, a number.
 *
 * Rows, SCOPE being * or a host whose own set replaces the common one whole:
 *   acl   SCOPE NAME TYPE VALUE VALUE2    rows of one NAME: any of them
 *   rule  SCOPE NAME N RESULT TYPE VALUE  rows of one N: all of them; the lowest N that holds
 * TYPE is one of user user_regexp user_glob server server_regexp server_glob resource
 * resource_regexp resource_glob node_regexp node_glob ip shared_group all none; in a rule also
 * acl, whose VALUE is a list's name.
 *   speed * NAME RATE BURST               what a shaper is */
#ifndef ACCESS_H
#define ACCESS_H

#include "settings/settings.h"

struct access;

/* The asker. Parts are prepared; ip is text, as a record has it. Unknown fields are
 * empty. */
struct access_who {
  struct slice local, domain, resource, ip;
};

/* Read the rows of st, which must outlive it. NULL, having logged why (a pattern that is no
 * regular expression, an address that is none), or ENOMEM. */
struct access *access_load(struct settings const *st);
void access_free(struct access *a);

/* Give the settings that a was read from. */
struct settings const *access_settings(struct access const *a);

/* Say whether pattern is a regular expression (of Perl's kind, PCRE2). If it is none, write into
 * the size bytes at why, in English, why not. */
bool access_regexp(struct slice pattern, char *why, size_t size);

/* Say whether text has a part that pattern describes, which is compiled for this call. A pattern
 * that comes to its limits describes nothing. */
bool access_regexp_holds(struct slice pattern, struct slice text);

/* Say whether the whole text matches the glob pattern (fnmatch(3)), which is a value of a row of
 * settings. No more than JID_PART_MAX bytes of text are looked at. */
bool access_glob(struct slice pattern, struct slice text);

/* Give the word that the rule of this name has for who on host; empty, which denies: no condition
 * of the rule holds, or there is no such rule. The rules all and none are always there. A condition
 * whose pattern comes to its limits (REGEXP_STEPS_MAX) holds when it denies, and else not.
 * access_check allocates nothing but what such a pattern needs meanwhile. *n becomes the number of
 * the condition that decided; n may be NULL. */
struct slice access_check(struct access const *a, struct slice rule, struct slice host,
                          struct access_who const *who, uint64_t *n);

/* Say whether the word of the rule is allow. */
bool access_allows(struct access const *a, struct slice rule, struct slice host,
                   struct access_who const *who);

/* Say whether the rule allows anybody at all: false when there is no such rule, when it never says
 * allow, or when a condition that always holds denies before. */
bool access_may_allow(struct access const *a, struct slice rule, struct slice host);

/* Give the number that a rule has for who (max_user_sessions), or that rule itself is; dflt: the
 * rule has none. */
uint64_t access_number(struct access const *a, struct slice rule, struct slice host,
                       struct access_who const *who, uint64_t dflt);

/* Give the bytes a second, and at once, of the shaper whose name the rule has for who; 0: no limit.
 * A rule may be the name of a shaper, or a number. */
void access_shaper(struct access const *a, struct slice rule, struct slice host,
                   struct access_who const *who, uint64_t *rate, uint64_t *burst);

/* Say whether the user local of a host logged in by the mechanism ANONYMOUS: its name is a UUID, of
 * ACCESS_UUID bytes as text. The program's settings have auth_method. */
#define ACCESS_UUID 36
bool access_is_anonymous(struct settings const *st, struct slice host,
                         struct slice local);

#endif
