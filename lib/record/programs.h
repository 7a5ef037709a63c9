/* The programs of tabber: one row each. A program's name is a word, its number is for good, and
 * its roles say which verbs it may send and get. */
#ifndef RECORD_PROGRAMS_H
#define RECORD_PROGRAMS_H

#include "base/base.h"

/* Roles, as bits. A verb goes from some roles to others (verbs.h). An edge that is a service
 * too takes stanzas for the domains that it serves; an edge that is none has sessions. */
enum role {
  ROLE_FRONT = 1 << 0,     /* carries byte streams as conduits */
  ROLE_EDGE = 1 << 1,      /* speaks with clients, servers or components */
  ROLE_ROUTER = 1 << 2,    /* knows who is online, and delivers */
  ROLE_AUTHORITY = 1 << 3, /* has accounts and secrets */
  ROLE_SERVICE = 1 << 4,   /* takes stanzas from the router, and acknowledges them */
  ROLE_OWN =
    1 << 5, /* a service of tabber's own: the router takes its word for what accounts
                        and hosts have settled */
  ROLE_CONTROL = 1 << 6 /* asks for an administrator */
};

#define ROLES_N 7
#define ROLES_ALL ((1 << ROLES_N) - 1)

/* P(name in code, word, number, roles): the number is the place of the program's bit and of its
 * user (xmpp-up). A number that was given stays with its word; a new program takes the next. */
/* clang-format off */
#define PROGRAM_TABLE(P)                                      \
P(TLSD,      "tlsd",       0, ROLE_FRONT)                     \
P(C2SD,      "c2sd",       1, ROLE_EDGE)                      \
P(S2SD,      "s2sd",       2, ROLE_EDGE | ROLE_SERVICE)       \
P(ROUTED,    "routed",     3, ROLE_ROUTER)                    \
P(AUTHD,     "authd",      4, ROLE_AUTHORITY)                 \
P(USERD,     "userd",      5, ROLE_SERVICE | ROLE_OWN)      \
P(HOSTD,     "hostd",      6, ROLE_SERVICE | ROLE_OWN)      \
P(MAMD,      "mamd",       7, ROLE_SERVICE | ROLE_OWN)      \
P(PUBSUBD,   "pubsubd",    8, ROLE_SERVICE | ROLE_OWN)      \
P(MUCD,      "mucd",       9, ROLE_SERVICE | ROLE_OWN)      \
P(UPLOADD,   "uploadd",   10, ROLE_SERVICE | ROLE_OWN)      \
P(WEBD,      "webd",      11, ROLE_FRONT)                     \
P(COMPD,     "compd",     12, ROLE_EDGE | ROLE_SERVICE)       \
P(CTL,       "ctl",       13, ROLE_CONTROL)                   \
P(DNSD,      "dnsd",      14, 0)                              \
P(REGISTERD, "registerd", 15, ROLE_SERVICE | ROLE_OWN)      \
P(EXTAUTHD,  "extauthd",  16, 0)                              \
P(PUSHD,     "pushd",     17, ROLE_SERVICE | ROLE_OWN)

/* clang-format on */

/* The programs as bits, so that a row of the settings' table can name several. */
enum program {

#define P(code, word, number, roles) code = 1 << (number),
  PROGRAM_TABLE(P)
#undef P
    OTHER = 1 << 30 /* a service of the administrator's own */
};

#define PROGRAMS_N 18
#define PROGRAMS_ALL ((1 << PROGRAMS_N) - 1)

/* "xmpp-c2sd" for C2SD; its roles. OTHER: "a service", and ROLE_SERVICE. */
char const *program_name(enum program p);
unsigned int program_roles(enum program p);

/* The number of p, which is not OTHER. */
unsigned int program_number(enum program p);

/* The bit for a name with or without "xmpp-" and with or without an instance number
 * ("c2sd-2"); 0 for a stranger. */
enum program program_find(struct slice name);

/* The name without its instance number, and without "xmpp-". */
struct slice program_word(struct slice name);

/* "edge" for ROLE_EDGE: of the lowest bit in roles. The role of a word; 0: there is none. */
char const *role_name(unsigned int roles);
unsigned int role_find(struct slice word);

#endif
