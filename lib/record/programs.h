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
  ROLE_CONTROL = 1 << 6, /* asks for an administrator */
  ROLE_NAMES = 1 << 7,   /* looks names up in the DNS */
  ROLE_WEB = 1 << 8,     /* speaks HTTP: takes conduits, gives requests, makes conduits */
  ROLE_CHECKER = 1 << 9, /* runs the administrator's password programs */
  ROLE_MONITOR = 1 << 10 /* asks for figures, and can change nothing */
};

#define ROLES_N 11
#define ROLES_ALL ((1 << ROLES_N) - 1)

/* When a program runs: xmpp-confgen names its instances, and xmpp-up starts them. */
enum runs {
  RUNS_NOT,     /* no supervisor starts it, or there is no such program yet */
  RUNS_ONCE,    /* one instance, always */
  RUNS_SEVERAL, /* as many as the option tabber.instances says */
  RUNS_IF_WANTED /* an instance, when a host has a module, or the server a listener, of it */
};

/* P(name in code, word, number, roles, when it runs, programs to which it keeps a link): the number
 * is the place of the program's bit, and of its user among tabber's. A number that was given
 * stays with its word; a new program takes the next. */
/* clang-format off */
#define PROGRAM_TABLE(P)                                                              \
P(TLSD,      "tlsd",       0, ROLE_FRONT,               RUNS_SEVERAL,   "c2sd compd s2sd webd")   \
P(C2SD,      "c2sd",       1, ROLE_EDGE,                RUNS_SEVERAL,   "routed authd registerd") \
P(S2SD,      "s2sd",       2, ROLE_EDGE | ROLE_SERVICE, RUNS_IF_WANTED, "routed dnsd")  \
P(ROUTED,    "routed",     3, ROLE_ROUTER,              RUNS_ONCE,      "")             \
P(AUTHD,     "authd",      4, ROLE_AUTHORITY,           RUNS_ONCE,      "routed")        \
P(USERD,     "userd",      5, ROLE_SERVICE | ROLE_OWN,  RUNS_ONCE,      "routed registerd") \
P(HOSTD,     "hostd",      6, ROLE_SERVICE | ROLE_OWN,  RUNS_ONCE,      "routed authd registerd") \
P(MAMD,      "mamd",       7, ROLE_SERVICE | ROLE_OWN,  RUNS_IF_WANTED, "routed")       \
P(PUBSUBD,   "pubsubd",    8, ROLE_SERVICE | ROLE_OWN,  RUNS_IF_WANTED, "routed")       \
P(MUCD,      "mucd",       9, ROLE_SERVICE | ROLE_OWN,  RUNS_IF_WANTED, "routed")       \
P(UPLOADD,   "uploadd",   10, ROLE_SERVICE | ROLE_OWN,  RUNS_IF_WANTED, "routed webd")  \
P(WEBD,      "webd",      11, ROLE_WEB,                 RUNS_IF_WANTED, "c2sd")         \
P(COMPD,     "compd",     12, ROLE_EDGE | ROLE_SERVICE, RUNS_IF_WANTED, "routed")       \
P(CTL,       "ctl",       13, ROLE_CONTROL,             RUNS_NOT,       "")             \
P(DNSD,      "dnsd",      14, ROLE_NAMES,               RUNS_IF_WANTED, "")             \
P(REGISTERD, "registerd", 15, ROLE_SERVICE | ROLE_OWN,  RUNS_IF_WANTED, "routed authd webd") \
P(EXTAUTHD,  "extauthd",  16, ROLE_CHECKER,             RUNS_IF_WANTED, "authd")        \
P(PUSHD,     "pushd",     17, ROLE_SERVICE | ROLE_OWN,  RUNS_IF_WANTED, "routed")

/* clang-format on */

/* The programs as bits, so that a row of the settings' table can name several. */
enum program {

#define P(code, word, number, roles, runs, links) code = 1 << (number),
  PROGRAM_TABLE(P)
#undef P
    OTHER = 1 << 30 /* a service of the administrator's own */
};

/* Count the rows of the table. */
enum {
  PROGRAMS_N = 0

#define P(code, word, number, roles, runs, links) +1
  PROGRAM_TABLE(P)
#undef P
};

#define PROGRAMS_ALL ((1 << PROGRAMS_N) - 1)

/* Count the programs that a supervisor runs. */
enum {
  DAEMONS = 0

#define P(code, word, number, roles, runs, links) | ((runs) != RUNS_NOT ? code : 0)
  PROGRAM_TABLE(P)
#undef P
};

/* S(name in code, folder under data, number, the program that writes the store, those that read
 * it): the number is the place of the group whose members may read the store. A number stays
 * with its store. */
/* clang-format off */
#define STORE_TABLE(S)                                              \
S(ACCOUNTS, "accounts", 0, AUTHD,   USERD | MAMD | HOSTD | PUBSUBD | PUSHD | MUCD) \
S(SECRETS,  "secrets",  1, AUTHD,   0)                              \
S(ARCHIVE,  "archive",  2, MAMD,    0)                              \
S(USERS,    "users",    3, USERD,   MAMD | HOSTD | PUBSUBD)         \
S(MOTD,     "motd",     4, HOSTD,   0)                              \
S(SLOTS,    "slots",    5, UPLOADD, 0)                              \
S(ROOMS,    "rooms",    6, MUCD,    0)                              \
S(OCCUPANTS, "occupants", 7, MUCD,  0)                              \
S(PUBSUB,   "pubsub",   8, PUBSUBD, HOSTD | USERD)                  \
S(REGISTER, "register", 9, REGISTERD, 0)                            \
S(PUSH,     "push",    10, PUSHD,   0)

/* clang-format on */

struct store_row {
  char const *name;
  enum program writer;
  unsigned int readers; /* bits of enum program */
};

/* Count the rows of the table. */
enum {
  STORES_N = 0

#define S(code, name, number, writer, readers) +1
  STORE_TABLE(S)
#undef S
};

extern struct store_row const store_rows[STORES_N];

/* The numbers of users and groups behind the first one (tabber.uids): a program has its own
 * number; these are the user and the group that captcha_cmd runs as; the group of all, which may
 * reach the sockets; the first store's group; and the first service of the administrator's. */
#define USERS_CAPTCHA 99
#define USERS_GROUP 100
#define USERS_STORES 101
#define USERS_SERVICES 200

/* "xmpp-c2sd" for C2SD; its roles. OTHER: "a service", and ROLE_SERVICE. */
char const *program_name(enum program p);
unsigned int program_roles(enum program p);

/* The number of p, which is not OTHER; when it runs; the words of the programs to which it
 * keeps a link, with blanks between. */
unsigned int program_number(enum program p);
enum runs program_runs(enum program p);
char const *program_links(enum program p);

/* The bit for a name with or without "xmpp-" and with or without an instance number
 * ("c2sd-2"); 0 for a stranger. */
enum program program_find(struct slice name);

/* The name without its instance number, and without "xmpp-". */
struct slice program_word(struct slice name);

/* "edge" for ROLE_EDGE: of the lowest bit in roles. The roles whose words stand in text, with
 * blanks between; 0: one of them is no role. */
char const *role_name(unsigned int roles);
unsigned int roles_find(struct slice text);

#endif
