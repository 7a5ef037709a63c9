/* settings: what xmpp-confgen compiled for one program: a file of records, KEY SCOPE VALUE...
 * SCOPE is * for everybody, else what the key's page names: a host, a listener. */
#ifndef SETTINGS_H
#define SETTINGS_H

#include "record/record.h"

/* Each text has a NUL behind it that is not counted. */
struct settings_row {
  struct slice key, scope;
  struct slice value[6]; /* absent ones are empty */
  /* The next row with this key, and the next with this key and scope; NULL: no more. */
  struct settings_row *same_key, *same_scope;
};

struct settings {
  struct arena arena;
  struct settings_row *rows;
  size_t n;
  /* Hash tables of mask + 1 places: the first row of each key, and of each key with its
   * scope. A setting is looked up for many stanzas, and a server may have many hosts. */
  struct settings_row **keys, **scoped;
  size_t mask;
  struct slice dir; /* the folder that the settings were read from */
};

#define SETTINGS_ZERO                                                                    \
  {                                                                                      \
    ARENA_ZERO, NULL, 0, NULL, NULL, 0,                                                  \
    {                                                                                    \
      NULL, 0                                                                            \
    }                                                                                    \
  }

/* Read dir/program whole into *st, which is empty. false with errno of open or read, EPROTO
 * (not records; logged with the line's number) or ENOMEM; *st is empty then. */
bool settings_open(struct settings *st, char const *dir, char const *program);
void settings_close(struct settings *st);

/* The first value of key for scope, else the one for *; empty (s not NULL) when neither is
 * there. Lives as long as st. */
struct slice settings_get(struct settings const *st, char const *key, struct slice scope);

/* Say whether there is a row of key for *. xmpp-confgen writes one for each option that has a
 * default. */
bool settings_has_default(struct settings const *st, char const *key);

/* settings_u64 gives the value of key as a number, settings_us a time of milliseconds in
 * microseconds. UINT64_MAX: the value is infinity, or there is no row. */
uint64_t settings_u64(struct settings const *st, char const *key, struct slice scope);
uint64_t settings_us(struct settings const *st, char const *key, struct slice scope);

/* Give the limit usual, or the number that a test has put in its place by a row key for *. */
uint64_t settings_limit(struct settings const *st, char const *key, uint64_t usual);

/* Say whether the value of key is true. */
bool settings_bool(struct settings const *st, char const *key, struct slice scope);

/* Say whether key has a row for scope itself whose first value is value. */
bool settings_has(struct settings const *st, char const *key, struct slice scope,
                  char const *value);

/* Say whether key has a row for any scope whose first value is value. */
bool settings_has_any(struct settings const *st, char const *key, char const *value);

/* Give the next row with this key behind from, a row of the key too, or the first when from is
 * NULL. NULL: there is no more. */
struct settings_row const *settings_next(struct settings const *st, char const *key,
                                         struct settings_row const *from);

/* Give the domains of the service that a module has for a host, words with a blank between two: the
 * module's option hosts, or without it its option host. */
struct slice settings_domains(struct settings const *st, char const *module,
                              struct slice host);

/* Call fn for each domain of a module, of all hosts that have it, until it gives false. */
typedef bool settings_domain_fn(void *cookie, struct slice host, struct slice domain);
void settings_each_domain(struct settings const *st, char const *module,
                          settings_domain_fn *fn, void *cookie);

/* Give the host for which a module serves the domain; empty: no host. */
struct slice settings_domain_host(struct settings const *st, char const *module,
                                  struct slice domain);

/* Give a path of the settings, with a NUL behind it, in the arena of st: a relative one begins at
 * the settings' folder. s NULL: ENOMEM. */
struct slice settings_path(struct settings *st, struct slice path);

/* The state folder of a server: given by an option, or if NULL by the environment variable
 * TABBER_STATE, or if there is none /var/lib/tabber. */
char const *settings_state(char const *given);

/* Holders of STATE/lock: a program, as long as the file is there; the start of a server, together with its
 * programs; a command that writes stores while no program does, alone. The last two make the file. */
enum settings_lock { LOCK_PROGRAM, LOCK_START, LOCK_ALONE };

/* Take the lock of a state folder until the process ends. 1 taken; 0 others hold it, who do not fit with
 * how; -1 with errno. */
int settings_lock(char const *state, enum settings_lock how);

/* Say that the settings cannot be taken, because of the row KEY of SCOPE (both empty: of
 * none); the words behind them (the last is NULL) say why. Logs the event settings-refused.
 * The first refusal is kept, as long as settings_refused_clear is not called. */
void settings_refuse(char const *key, struct slice scope, ...) __attribute__((sentinel));
void settings_refused_clear(void);

struct settings_refused {
  char key[64], scope[512], why[400]; /* all empty: nothing was refused */
};

struct settings_refused const *settings_refused(void);

#endif
