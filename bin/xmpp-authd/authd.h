/* Private to xmpp-authd: mechanisms, exchanges, secrets. */
#ifndef AUTHD_H
#define AUTHD_H

#include "accounts/accounts.h"
#include "jid/jid.h"
#include "link/link.h"
#include "scram/scram.h"
#include "service/service.h"

/* Exchanges at a time; over it the newest get temporary-auth-failure. */
#define EXCHANGES_MAX 20000u
/* An exchange that the client does not go on with is forgotten (microseconds). */
#define EXCHANGE_US 120000000u
#define PASSWORD_MAX 1023u

/* ---- settings (settings.c) ---- */

struct host {
  struct host *next;
  char *name;
  char *mechanisms; /* that it offers, strongest first, by blanks */
};

struct authd_settings {
  struct host *hosts;
  uint32_t iterations;
};

extern struct authd_settings authd;

bool authd_load(struct settings *st, bool first);
struct host const *authd_host(struct slice name);

/* Whether a mechanism is among those that a host offers. */
bool authd_offers(struct host const *h, struct slice mechanism);

/* ---- secrets (secrets.c) ---- */

/* Open the stores in the folder data: accounts, and what only this program may know. */
bool secrets_open(char const *data);

/* The keys of an account for a hash. Of an account that there is not: keys that nobody has,
 * the same each time, so that it looks like any other (RFC 5802 s9 wants no difference).
 * *real tells. false: the store failed. */
bool secrets_get(struct slice bare, enum scram_hash h, struct scram_keys *k, bool *real);

/* Make an account, change its password, take it away. false with errno EEXIST, ENOENT,
 * EINVAL (the password does not prepare) or EIO. */
bool secrets_add(struct slice bare, struct slice password);
bool secrets_passwd(struct slice bare, struct slice password);
bool secrets_del(struct slice bare);

bool secrets_each(accounts_fn *fn, void *cookie);

/* The end of a turn: true when all that was written is on disk. */
bool secrets_commit(void);

/* ---- exchanges (sasl.c) ---- */

void sasl_announce(struct link *l);
void sasl_auth(struct link *l, struct record *r);
void sasl_response(struct link *l, struct record *r);
void sasl_abort(struct link *l, struct record *r);
void sasl_of_link_gone(struct link *l);

struct sasl_totals {
  uint64_t succeeded, failed, open;
};

extern struct sasl_totals sasl_totals;

/* ---- the administrator (control.c) ---- */

void control_account(struct link *l, struct record *r);

#endif
